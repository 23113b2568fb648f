"""Training on a Dask cluster of two processes: the weights of a training in this process, bit for bit."""

import numpy as np
import pytest
from clusters import Killer, small_cluster
from refusals import refusal

import eventsim as es
import training
from training import regularize
from training.data_parallel import DataParallel
from training.progress import Callback

SAMPLES = 100
BATCH = 72
"""Samples of a step: more than two tables of sums, the last one of a part of a shard."""


@pytest.fixture(scope="module")
def address():
    with small_cluster() as address:
        yield address


def model_of(kind, readout="first_spike"):
    """Return a small untrained model: "dense", "conv" (pooled by 3, whose division is not exact) or "leaky"."""
    tau_mem, tau_syn = (2.0, 1.0) if kind == "leaky" else (es.NEVER, es.NEVER)
    once = es.LIF(tau_mem=tau_mem, tau_syn=tau_syn, t_refractory=es.NEVER)
    net = es.Network(seed=1)
    net.input("pixels", (8, 8, 1))
    if kind == "conv":
        net.population("hidden", (6, 6, 3), once)
        net.connect("pixels", "hidden", es.Conv2d(es.Normal(0.4, 0.5), kernel=3))
    else:
        net.population("hidden", 20, once)
        net.connect("pixels", "hidden", es.Dense(es.Normal(0.06 if kind == "dense" else 0.3, 0.15)))
    silent = readout == "potential"
    net.population("output", 10, once.replace(v_threshold=es.NEVER) if silent else once)
    net.connect("hidden", "output", es.Dense(es.Normal(0.1, 0.1), pool=3 if kind == "conv" else 1))
    decoder = training.decode.Potential() if silent else training.decode.FirstSpike("latency", tau=0.1)
    return training.Model(net, training.encode.Latency(t_max=1.0, scale=16), decoder, t_stop=4.0)


def trained(model, passes=None, **settings):
    """Return the records of one epoch, without the clock."""
    digits = training.datasets.load("digits")
    images, labels = digits.images[:SAMPLES], digits.labels[:SAMPLES]
    history = training.fit(model, images, labels, validation=(digits.images[-40:], digits.labels[-40:]),
                           batch=BATCH, passes=passes, **({"progress": None, "epochs": 1} | settings))
    return [{key: value for key, value in record.items() if key != "seconds"} for record in history.records]


def same_training(address, make, settings):
    """Return whether a training here and one on the cluster end with the same bits and records, and learned."""
    here, there = make(), make()
    with_slope_floor = settings.get("slope_floor", 0.0)
    passes = DataParallel(there, address, slope_floor=with_slope_floor)
    try:
        records = trained(here, **settings), trained(there, passes, **settings)
    finally:
        passes.close()
    assert here.net.fingerprint() != make().net.fingerprint()
    return records[0] == records[1] and here.net.fingerprint() == there.net.fingerprint()


def test_dense_layers_learn_the_same_bits(address):
    assert same_training(address, lambda: model_of("dense"), {})


def test_convolutions_with_learned_thresholds_learn_the_same_bits(address):
    assert same_training(address, lambda: model_of("conv"), {"learn": ("weights", "thresholds")})


def test_leaky_neurons_with_all_that_can_be_learned_learn_the_same_bits(address):
    settings = {"learn": ("weights", "thresholds", "offsets"), "slope_floor": 0.05, "dropout": 0.1, "normalize": True}
    assert same_training(address, lambda: model_of("leaky"), settings)


def test_a_silent_readout_learns_the_same_bits(address):
    assert same_training(address, lambda: model_of("dense", "potential"), {})


def test_a_worker_that_is_killed_on_the_way_changes_nothing(address):
    class AfterABatch(Callback):
        killer = Killer(address)

        def on_batch(self, epoch, batch, loss):
            self.killer(1.0, 0.0)

    here, there = model_of("dense"), model_of("dense")
    passes = DataParallel(there, address)
    records = trained(here), trained(there, passes, progress=AfterABatch())
    passes.close()
    assert AfterABatch.killer.killed is not None
    assert records[0] == records[1]
    assert here.net.fingerprint() == there.net.fingerprint()


def test_a_training_begun_here_can_go_on_there(address, tmp_path):
    whole, model = model_of("dense"), model_of("dense")
    trained(whole, epochs=2)
    trained(model, checkpoint=tmp_path / "c.h5")
    passes = DataParallel(model, address)
    trained(model, passes, epochs=2, checkpoint=tmp_path / "c.h5", resume=True)
    passes.close()
    assert model.net.fingerprint() == whole.net.fingerprint()


def test_single_precision_is_the_same_there_too(address):
    model = model_of("dense")
    stimulus = model.encode(training.datasets.load("digits").images[:BATCH])
    passes = DataParallel(model, address, precision="single")
    here = training.passes.Passes(model.net, model.t_stop, "single")
    found = []
    for one in (here, passes):
        activity = one.forward(stimulus, learning=True)
        loss, error = model.decoder(activity.time["output"], np.zeros(BATCH, int))
        found.append((loss, one.backward(activity, {"output": error}).weights))
    passes.close()
    assert found[0][0] == found[1][0]
    assert all(found[0][1][name].tobytes() == found[1][1][name].tobytes() for name in found[0][1])


def test_what_needs_all_arrivals_in_one_place_is_refused(address):
    model = model_of("dense")
    passes = DataParallel(model, address)
    said = refusal(trained, model, passes, policies=[regularize.Peak(minimum=1.0)])
    passes.close()
    assert "takes a training in one process" in said


def test_learned_delays_are_refused(address):
    model = model_of("dense")
    passes = DataParallel(model, address)
    said = refusal(trained, model, passes, learn=("weights", "delays"))
    passes.close()
    assert "delays cannot be learned on a cluster" in said


def test_models_that_are_trained_over_traces_are_refused():
    net = es.Network(seed=1)
    net.input("pixels", (8, 8, 1))
    net.population("output", 10, es.LIF(tau_mem=20.0, tau_syn=5.0))
    net.connect("pixels", "output", es.Dense(0.1))
    model = training.Model(net, training.encode.Latency(), training.decode.FirstSpike(), t_stop=4.0)
    assert "may fire more than once" in refusal(DataParallel, model, "tcp://127.0.0.1:8786")
    assert "needs the address" in refusal(DataParallel, model_of("dense"), None)
