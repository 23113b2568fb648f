"""Simulations on a Dask cluster of two processes: the bits of a run in this process, whoever dies."""

import numpy as np
import pytest
import small_runs
from clusters import Killer, small_cluster
from refusals import refusal

import eventsim as es
from eventsim import dask_workers
from eventsim.cluster import simulate

SAMPLES = 13
RECORDED = ["excitatory", "inhibitory", "noise"]


@pytest.fixture(scope="module")
def address():
    with small_cluster() as address:
        yield address


def both(address, net, stimulus, t_stop, **options):
    """Return the trace of a run here, and that of a run on the cluster."""
    here = es.simulate(net, stimulus, t_stop, **options)
    return here, simulate(net, stimulus, t_stop, address, **options)


def same(one, other):
    """Return whether two traces hold the same bits."""
    assert (one.recorded, one.seed, one.engine, one.reason) == (other.recorded, other.seed, other.engine, other.reason)
    pairs = [(one.ended, other.ended)]
    for name, record in one.recording.items():
        if record.keeps_spikes:
            pairs += zip(one.spikes(name), other.spikes(name), strict=True)
        if record.counts:
            pairs.append((one.counts(name), other.counts(name)))
    return all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in pairs)


def test_a_run_with_noise_has_the_bits_of_one_process(address):
    net, stimulus = small_runs.network(), {"onset": small_runs.onset(SAMPLES)}
    here, there = both(address, net, stimulus, 100.0, seed=11, record=RECORDED, labels=range(SAMPLES))
    assert same(here, there)
    assert len(there.spikes("noise").time) > 100
    assert there.labels.tolist() == list(range(SAMPLES))
    v, w = (trace.membrane("excitatory", [3], [50.0], sample=SAMPLES - 1).v for trace in (here, there))
    assert v == w


def test_parts_of_the_spikes_and_counts_are_joined_too(address):
    net, stimulus = small_runs.network(), {"onset": small_runs.onset(SAMPLES)}
    record = {"excitatory": es.Record(neurons=[3, 1], start=20.0, stop=70.0, counts=True), "inhibitory": "counts"}
    assert same(*both(address, net, stimulus, 100.0, seed=11, record=record))


def test_stop_conditions_are_those_of_one_process_functions_included(address):
    net, stimulus = small_runs.network(), {"onset": small_runs.onset(SAMPLES)}
    assert same(*both(address, net, stimulus, 100.0, seed=11, stop=40))
    here, there = both(address, net, stimulus, 100.0, seed=11, stop=lambda standing: standing.sample % 2 == 1)
    assert same(here, there)
    assert (there.ended == np.where(np.arange(SAMPLES) % 2, 10.0, 100.0)).all()


def test_the_layers_engine_runs_there_too(address):
    once = es.LIF(tau_mem=es.NEVER, tau_syn=es.NEVER, t_refractory=es.NEVER)
    net = es.Network(seed=1)
    net.input("pixels", 9)
    net.population("hidden", 12, once)
    net.connect("pixels", "hidden", es.Dense(es.Normal(0.3, 0.4)))
    images = np.random.default_rng(1).random((70, 3, 3))
    stimulus = es.encode.latency(images, t_max=1.0)
    here, there = both(address, net, stimulus, 4.0, seed=1)
    assert there.engine == "layers"
    assert same(here, there)


def test_a_network_without_input_is_one_sample(address):
    net = es.Network(seed=1)
    net.population("cell", 2, es.LIF(tau_mem=20.0, tau_syn=5.0, i_offset=2.0))
    assert same(*both(address, net, None, 30.0, seed=1))


def test_a_worker_that_is_killed_on_the_way_changes_nothing(address):
    net, stimulus = small_runs.network(), {"onset": small_runs.onset(3 * SAMPLES)}
    killer = Killer(address)
    there = simulate(net, stimulus, 300.0, address, seed=11, progress=killer)
    assert killer.killed is not None
    assert same(es.simulate(net, stimulus, 300.0, seed=11), there)


def test_ctrl_c_keeps_the_samples_that_are_done(address):
    def impatient(fraction, elapsed):
        raise KeyboardInterrupt

    net, stimulus = small_runs.network(), {"onset": small_runs.onset(SAMPLES)}
    there = simulate(net, stimulus, 100.0, address, seed=11, progress=impatient)
    assert there.interrupted
    done = there.ended == 100.0
    assert 0 < done.sum() < SAMPLES and (there.ended[~done] == 0.0).all()
    whole = small_runs.as_spikes(es.simulate(net, stimulus, 100.0, seed=11), "excitatory", np.flatnonzero(done))
    assert small_runs.as_spikes(there, "excitatory", np.flatnonzero(done)) == whole


def test_without_a_scheduler_it_is_a_run_in_this_process():
    net, stimulus = small_runs.network(), {"onset": small_runs.onset()}
    assert same(es.simulate(net, stimulus, 100.0, seed=11), simulate(net, stimulus, 100.0, seed=11))


def test_what_cannot_be_simulated_is_refused_before_anything_is_sent(address):
    net, stimulus = small_runs.network(), {"onset": small_runs.onset()}
    for wrong in ({"t_stop": None}, {"t_stop": -1.0}, {"engine": "layers"}, {"record": ["nobody"]}, {"labels": [1]}):
        options = {"t_stop": 100.0, **wrong}
        assert refusal(simulate, net, stimulus, scheduler=address, **options) == refusal(
            es.simulate, net, stimulus, **options)
    lock = __import__("threading").Lock()
    assert "cannot be sent" in refusal(simulate, net, stimulus, 100.0, address, stop=lambda standing: lock.locked())


def test_an_address_at_which_nobody_answers_is_refused(monkeypatch):
    pytest.importorskip("distributed", reason="needs the extra dask: pip install eventsim[dask]")
    monkeypatch.setattr(dask_workers, "ANSWER_WITHIN", 0.5)
    for address in ("tcp://127.0.0.1:9", "no such scheme://x", 7):
        assert "no Dask scheduler answers" in refusal(simulate, small_runs.network(), None, 1.0, address)


def test_a_cluster_without_workers_is_refused(monkeypatch):
    monkeypatch.setattr(dask_workers, "WORKER_WITHIN", 0.5)
    with small_cluster(workers=0) as empty:
        assert "has no workers" in refusal(simulate, small_runs.network(), None, 1.0, empty)


def test_workers_with_another_version_are_refused(address, monkeypatch):
    monkeypatch.setattr(es, "__version__", "99.0")
    assert "install the same version" in refusal(simulate, small_runs.network(), None, 1.0, address)
