"""When a sample ends early: after so many spikes, at the decision, or when the user's own function says so."""

from __future__ import annotations

import threading
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.arrays import frozen
from eventsim.errors import InputError
from eventsim.neurons import membrane
from eventsim.recording import in_order, tables_of

if TYPE_CHECKING:
    from eventsim.lower import Lowered
    from eventsim.spike_table import SpikeTable
    from eventsim.type_aliases import Which

STOP_EVERY = 10.0
"""How often the user's function is asked where `stop_every` is not given, ms of the sample."""

_NEVER = 2**62

_LARGEST = float(np.finfo(np.float64).max)

_MOST_MOVES = 2**40
"""Of the origin of a neuron in one run: a neuron alone takes hours, and at 2**53 whole numbers end."""


class Standing:
    """How far a sample has come: what the function given as ``stop=`` is called with. Read-only.

    Attributes
    ----------
    sample : int
        Which sample.
    time : float
        Time reached in ms: every spike before it is known.
    n_spikes : int
        Spikes of all neuron populations since t = 0, recorded or not.
    counts : mapping of str to int
        The same by population.
    """

    __slots__ = ("_fresh", "_lowered", "_tables", "counts", "n_spikes", "sample", "time")

    def __init__(self, sample: int, time: float, counts: dict[str, int], fresh: Any, lowered: Lowered) -> None:
        self.sample, self.time = sample, time
        self.counts = MappingProxyType(counts)
        self.n_spikes = sum(counts.values())
        self._fresh, self._lowered = fresh, lowered
        self._tables: dict[str, SpikeTable] | None = None

    def fresh(self, name: Which) -> SpikeTable:
        """Return the spikes of a neuron population since the function was called last.

        Parameters
        ----------
        name : str or Population

        Returns
        -------
        SpikeTable
            Ordered by (time, neuron).

        Raises
        ------
        InputError
            For a population that is not of kind "neurons".
        """
        name = str(getattr(name, "name", name))
        if name not in self.counts:
            raise InputError(f'"{name}" is no population of neurons; there are: {", ".join(self.counts)}')
        if self._tables is None:
            self._tables = tables_of({self.sample: self._fresh}, self._lowered, self.counts)
        return type(self._tables[name])(*map(frozen, self._tables[name]))

    def __repr__(self) -> str:
        """Return sample, time and number of spikes."""
        return f"Standing(sample {self.sample}, {self.time:g} ms, {self.n_spikes:,} spikes)"


class Stop:
    """The stop condition of a run, checked.

    Parameters
    ----------
    stop : None, int, "decision" or callable
        As in `eventsim.simulate`.
    every : float or None
        Milliseconds between two calls of a callable.
    output : callable
        Returns the name of the population that decides; called for "decision" only.
    net : Network
    lowered : Lowered

    Attributes
    ----------
    given : None, int or str
        The condition as a trace's provenance says it.
    limit : tuple (spikes, gid, gid)
        What engines are told: end a sample after so many spikes, or one by a neuron of that range.
    every : float or None
        Milliseconds between two calls; None where there is no function to call.

    Raises
    ------
    InputError
        For any other condition, or `every` without a function.
    """

    def __init__(self, stop, every, output, net, lowered):
        self.given, self.limit, self.every = stop, (_NEVER, 0, 0), None
        self._lowered = lowered
        self._function: Any = None
        self._names = [p.name for p in net.populations.values() if p.kind == "neurons"]
        self._alone = threading.Lock()
        if callable(stop):
            self._function = stop
            self.every = STOP_EVERY if every is None else positive("stop_every", every)
            self.given = f"the function {getattr(stop, '__name__', type(stop).__name__)}, every {self.every:g} ms"
        elif every is not None:
            raise InputError(f"stop_every is {every!r}, but stop is no function that could be called so often")
        elif isinstance(stop, str) and stop == "decision":
            index = lowered.names.index(output())
            self.limit = _NEVER, int(lowered.offset[index]), int(lowered.offset[index + 1])
        elif isinstance(stop, str):
            raise InputError(f'stop "{stop}" is not known; allowed: a number of spikes, "decision", or a function')
        elif stop is not None:
            self.limit = whole("stop", stop, 1), 0, 0

    def watch(self, index):
        """Return what follows one sample for the function, or None where there is none."""
        return None if self._function is None else _Watch(self, index)

    def asks(self, standing):
        """Call the function, one sample at a time; return whether the sample is to end."""
        with self._alone:
            return bool(self._function(standing))


class _Watch:
    """Counts the spikes of one sample and calls the user's function at fixed instants."""

    def __init__(self, stop, index):
        self._stop, self._index = stop, index
        self._total = np.zeros(len(stop._lowered.names), np.int64)
        self._fresh, self._calls = [], 0

    @property
    def due(self):
        """When the function is called next, ms: a multiple of `every`, whatever else cuts the run into chunks."""
        return (self._calls + 1) * self._stop.every

    def saw(self, piece, reached):
        """Take the fresh spikes up to `reached`; return whether the function ends the sample there."""
        stop, lowered = self._stop, self._stop._lowered
        self._total += np.bincount(lowered.population[piece[1]], minlength=len(self._total))
        self._fresh.append(in_order(piece))
        if reached < self.due:
            return False
        counts = {name: int(self._total[lowered.names.index(name)]) for name in stop._names}
        fresh, self._fresh = self._fresh, []
        self._calls += 1
        return stop.asks(Standing(self._index, reached, counts, fresh, lowered))


def positive(what, value):
    """Return `value` as a float, or raise `InputError` unless it is a finite number of ms above 0."""
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not number or not 0.0 < value <= _LARGEST:
        raise InputError(f"{what} is {value!r}; give a finite number of ms above 0")
    return float(value)


def checked_end(net, t_stop):
    """Return the end of a run of `net` in ms as a float, or raise `InputError` where it is none, or too far away."""
    if t_stop is None:
        raise InputError("t_stop is missing; give the end of the run in ms")
    t_stop = positive("t_stop", t_stop)
    for name, population in net.populations.items():
        if population.kind == "neurons":
            neuron = population.neuron
            taus = neuron.tau_syn.values() if neuron.receptors else [neuron.tau_syn]
            longest = _MOST_MOVES * membrane.period_of(neuron.tau_mem, *taus)
            if t_stop > longest:
                raise InputError(f't_stop is {t_stop:g} ms, too long beside the time constants of "{name}"; end by '
                                 f"{longest:g} ms, or give longer time constants")
    return t_stop


def whole(what, value, least=0):
    """Return `value` as an int, or raise `InputError` unless it is a whole number that 63 bits hold."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value < 2**63:
        raise InputError(f"{what} is {value!r}; give a whole number from {least} to 2**63 - 1")
    return int(value)
