"""Configuration files: defaults, refusals with suggestions, and the model they describe."""

import json
import math

import numpy as np
import pytest

import training
from eventsim.errors import InputError
from training import config

TEXT = """
[data]
name = "yin-yang"
[network]
hidden = [12, 8]
tau_mem = inf
tau_syn = inf
t_stop = 4.0
[network.initial]
window = 1.0
mean = [2.0, 1.5, 1.0]
[decoder]
kind = "latency"
tau = 0.2
[fit]
epochs = 2
optimizer = {kind = "sgd", lr = 0.1, momentum = 0.9}
policies = [{kind = "silent_label"}]
"""


@pytest.fixture
def written(tmp_path):
    def write(text):
        (tmp_path / "c.toml").write_text(text)
        return tmp_path / "c.toml"

    return write


def test_a_file_becomes_objects(written):
    found = config.load(written(TEXT))
    assert found.network.hidden == [12, 8] and math.isinf(found.network.tau_mem)
    assert isinstance(found.encoder, training.encode.Coordinates)
    assert found.decoder.tau == 0.2
    arguments = found.fit_arguments()
    assert isinstance(arguments["optimizer"], training.SGD) and arguments["optimizer"].momentum == 0.9
    assert arguments["policies"] == [training.regularize.SilentLabel()]


def test_a_resolved_configuration_is_plain_json_with_all_defaults(written):
    found = json.loads(json.dumps(config.load(written(TEXT)).resolved(), allow_nan=False))
    assert found["fit"]["optimizer"]["nesterov"] is False
    assert found["fit"]["policies"] == [{"kind": "silent_label", "strength": 1.0}]
    assert (
        found["network"]["tau_mem"] == "inf"
        and found["fit"]["batch"] == 64
        and found["data"]["validation"] == 0
    )


def test_an_empty_file_describes_the_digits(written):
    found = config.load(written(""))
    assert found.data.name == "digits" and found.encoder.scale == 16.0


def test_the_model_has_the_described_layers(written):
    model = config.build(config.load(written(TEXT)), (4,), ("a", "b", "c"))
    assert [p.size for p in model.net.populations.values()] == [4, 12, 8, 3]
    assert all(p.weight.any() for p in model.net.projections.values())
    again = config.build(config.load(written(TEXT)), (4,), ("a", "b", "c"))
    assert again.net.fingerprint() == model.net.fingerprint()


def test_bias_neurons_make_the_input_larger(written):
    found = config.load(written(TEXT + '[encoder]\nkind = "coordinates"\nbias = 0.5\n'))
    assert config.build(found, (4,), ("a", "b", "c")).net["input"].size == 5


@pytest.mark.parametrize("text, words", [
    ("[fits]\n", 'allowed: data, network, encoder, decoder, fit. Did you mean "fit"?'),
    ("[fit]\nepoch = 3\n", '[fit] key "epoch" is not known'),
    ("[fit]\nepoch = 3\n", 'Did you mean "epochs"?'),
    ("[network.initial]\nmeam = 3\n", 'Did you mean "mean"?'),
    ("[fit]\noptimizer = {kind = 'adamww'}\n", 'Did you mean "adamw"?'),
    ("[fit]\noptimizer = {kind = 'adam', learning_rate = 1}\n", 'key "learning_rate" is not known'),
    ("[data]\nname = 'digit'\n", 'Did you mean "digits"?'),
    ("[network]\nreadout = 'first'\n", "first_spike, potential"),
    ("[network]\nhidden = 100\n", "[network] hidden = 100 is of the wrong type; it must be a list"),
    ("[network]\nhidden = []\n", "layer sizes"),
    ("[data]\nwhole = true\nvalidation = 100\n", "drop one of the two"),
    ("[network]\nhidden = [100, '32K5']\n", "The layer '32K5' is not known"),
    ("[network]\nhidden = ['M2']\n", "may spike more than once"),
    ("[network.initial]\nrule = 'kaimin'\n", 'Did you mean "kaiming"?'),
    ("[fit]\naugment = [{kind = 'elastics'}]\n", 'Did you mean "elastic"?'),
    ("[fit]\ndropout = 'much'\n", "it must be a number or a table"),
    ("[fit]\nbatch = 1.5\n", "it must be a whole number"),
    ("[decoder]\ntaus = 1.0\n", 'Did you mean "tau"?'),
    ("[encoder]\ntmax = 1.0\n", 'Did you mean "t_max"?'),
    ("[fit]\naugment = {kind = 'shifts'}\n", 'Did you mean "shift"?'),
    ("fit = 3\n", '"fit" must be a table'),
    ("[fit\n", "not valid TOML"),
])  # fmt: skip
def test_mistakes_are_refused_with_one_line_and_the_nearest_name(written, text, words):
    with pytest.raises(InputError) as caught:
        config.load(written(text))
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_everything_that_fit_takes_can_be_written_in_a_table(written):
    text = """
[network]
hidden = ["8C3", "F2", 20]
[fit]
learn = ["weights", "offsets", "decoder"]
augment = [{kind = "affine", degrees = 8.0, zoom = 0.1}, {kind = "erase", area = [0.02, 0.1]}]
dropout = {input = 0.1, hidden1 = 0.2}
ema = 0.999
neuron_clip = 1.0
policies = [{kind = "firing", minimum = 0.1, strength = 0.5}]
"""
    found = config.load(written(text))
    arguments = found.fit_arguments()
    steps = (training.augment.Affine(8.0, 0.1), training.augment.Erase((0.02, 0.1)))
    assert arguments["augment"] == training.augment.Chain(steps)
    assert arguments["policies"] == [training.regularize.Firing(0.1, 0.5)]
    assert (arguments["ema"], arguments["neuron_clip"], arguments["dropout"]["hidden1"]) == (0.999, 1.0, 0.2)
    plain = json.loads(json.dumps(found.resolved(), allow_nan=False))
    assert plain["fit"]["augment"]["steps"][1]["area"] == [0.02, 0.1]
    assert plain["network"]["hidden"] == ["8C3", "F2", 20] and plain["network"]["initial"]["rule"] == "moments"


def test_a_missing_file_is_refused():
    with pytest.raises(InputError, match="no configuration file"):
        config.load("nowhere.toml")


def test_initial_values_must_be_one_a_projection(written):
    found = config.load(written(TEXT.replace("[2.0, 1.5, 1.0]", "[2.0, 1.0]")))
    with pytest.raises(InputError, match="2 values for 3 projections"):
        config.build(found, (4,), ("a", "b", "c"))


def test_steps_imply_delta_synapses_the_horizon_and_a_rounding_encoder(written):
    cfg = config.load(written("[network]\nsteps = 8\n[fit]\nsurrogate = {kind = 'fast_sigmoid', width = 4.0}"))
    assert (cfg.network.tau_syn, cfg.network.tau_mem, cfg.network.t_stop) == (0.0, math.inf, 8.0)
    assert (cfg.encoder.t_max, cfg.encoder.step) == (7.0, 1.0)
    assert cfg.resolved()["fit"]["surrogate"] == {"kind": "fast_sigmoid", "width": 4.0}
    model = config.build(cfg, (8, 8), [str(c) for c in range(10)])
    passes = cfg.passes(model)
    assert passes.steps == 8 and passes.surrogate.width == 4.0
    times = model.encode(np.linspace(0.0, 16.0, 64).reshape(1, 8, 8))["input"].time
    assert np.array_equal(times, np.rint(times)) and times.max() == 7.0


@pytest.mark.parametrize("text, said", [
    ("[network]\nsteps = 8\ntau_syn = 5.0", r"steps = 8 implies tau_syn = 0, not 5; drop it"),
    ("[network]\nsteps = 8\nt_stop = 20.0", r"steps = 8 implies t_stop = 8, not 20"),
    ("[network]\nsteps = 0", r"steps = 0 cannot be used"),
    ("[fit]\nsurrogate = {kind = 'arctan'}", r"surrogate is for discrete time; give \[network\] steps"),
    ("[network]\nsteps = 8\n[fit]\nsurrogate = {kind = 'arctn'}", r'Did you mean "arctan"'),
])  # fmt: skip
def test_what_contradicts_steps_is_refused(written, text, said):
    with pytest.raises(InputError, match=said):
        config.load(written(text))
