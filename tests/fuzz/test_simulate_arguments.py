"""Runs, what is asked of their traces, and what goes to other programs' files, with one argument that is nonsense."""

import numpy as np
import pytest
from calls import files, running

CALLS = running.CALLS | files.CALLS
LONG = {"eventsim.simulate": 80, "eventsim.cluster.simulate": 40, "eventsim.io.to_nwb": 20}
"""Examples of functions with many arguments; of the others 15."""


@pytest.mark.parametrize("name", CALLS)
def test_runs_and_files_take_nonsense_or_refuse_it_in_one_line(name):
    CALLS[name].with_nonsense(LONG.get(name, 15))


FOUND = [
    ("eventsim.mpi.simulate", "threads", 2**31 - 1), ("eventsim.mpi.simulate", "threads", 2**63),
    ("eventsim.simulate", "out", False), ("eventsim.Simulation.run", "progress", np.zeros(2)),
    ("eventsim.io.from_neo", "origin", float("inf")), ("eventsim.io.to_nwb", "samples", False),
    ("eventsim.mpi.load", "path", None), ("eventsim.mpi.load", "path", ""), ("eventsim.mpi.spikes", "path", 3),
    ("eventsim.io.to_nir", "outputs", -1), ("eventsim.io.to_nir", "dt", 10**400),
    ("eventsim.io.to_nwb", "session_description", np.array([[1, 2], [3, 4]])),
    ("eventsim.io.to_nwb", "identifier", 1.5),
]


@pytest.mark.parametrize("name, argument, value", FOUND)
def test_nonsense_that_once_came_through_is_refused_in_one_line(name, argument, value):
    CALLS[name].with_one_wrong(argument, value)
