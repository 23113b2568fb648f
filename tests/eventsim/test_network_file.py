import json
import math

import h5py
import numpy as np
import pytest

from eventsim.connect import (
    AllToAll,
    Conv2d,
    Dense,
    FixedInDegree,
    FixedOutDegree,
    FixedProbability,
    OneToOne,
    Sparse,
)
from eventsim.constants import NEVER
from eventsim.distributions import Exponential, LogNormal, Normal, Uniform
from eventsim.errors import InputError
from eventsim.io import network_file
from eventsim.network import Network
from eventsim.neurons.lif import LIF


def everything():
    """Return a network with every kind of population, connection, weight and delay."""
    rng = np.random.default_rng(1)
    net = Network(seed=2**64 - 1)
    net.input("pixels", (6, 6, 1))
    net.poisson("noise", 4, rate=[0.0, 1.0, 2.5, 1e3])
    net.population("maps", (3, 3, 2), LIF(20.0, 5.0, v_threshold=rng.uniform(1, 2, (3, 3, 2)), v_init=0.25))
    net.population("deep", 7, LIF(math.inf, math.inf, t_refractory=NEVER))
    net.population("readout", 2, LIF(20.0, 0.0, v_threshold=NEVER, v_rest=-0.5))
    net.connect("pixels", "maps", Conv2d(rng.normal(size=(3, 3, 1, 2)), padding="same", stride=2), delay=0.5)
    net.connect("pixels", "maps", Conv2d(LogNormal(1, 2), kernel=1, pool=2), delay=Uniform(0, 1))
    net.connect("maps", "deep", Dense(Normal(0, 1, low=-1)))
    net.connect("pixels", "deep", Dense(rng.normal(size=(4, 7)), pool=3), delay=rng.uniform(size=(4, 7)))
    net.connect("noise", "deep", Sparse([3, 0, 3], [1, 6, 1], [0.5, -0.5, 1e-300]), delay=[1.0, 0.0, 2.0])
    net.connect("deep", "deep", AllToAll(0.25), name="loop")
    net.connect("deep", "deep", OneToOne(Exponential(2.0)))
    net.connect("maps", "deep", FixedProbability(0.3, Normal(0, 1), seed=11))
    net.connect("maps", "deep", FixedInDegree(3, 0.125))
    net.connect("deep", "readout", FixedOutDegree(1, Uniform(0, 1)))
    return net


@pytest.fixture
def saved(tmp_path):
    net = everything()
    net.save(tmp_path / "net.h5")
    return net, tmp_path / "net.h5"


def refusal(call, *arguments):
    with pytest.raises(InputError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_loaded_network_is_the_saved_one(saved):
    net, path = saved
    other = Network.load(path)
    assert other.fingerprint() == net.fingerprint()
    assert other.seed == net.seed
    assert list(other.populations) == list(net.populations)
    assert list(other.projections) == list(net.projections)
    for name, projection in net.projections.items():
        twin = other.projections[name]
        assert repr(twin) == repr(projection)
        np.testing.assert_array_equal(twin.weight, projection.weight)
        np.testing.assert_array_equal(twin.delay, projection.delay)
        for mine, theirs in zip(projection.synapses(), twin.synapses(), strict=True):
            np.testing.assert_array_equal(mine, theirs)
            assert np.asarray(mine).dtype == np.asarray(theirs).dtype
    for name, population in net.populations.items():
        twin = other[name]
        assert (twin.shape, twin.kind, repr(twin.neuron)) == (
            population.shape, population.kind, repr(population.neuron),
        )  # fmt: skip


def test_weights_set_after_drawing_are_the_ones_in_the_file(tmp_path):
    net = everything()
    projection = net.projections["maps->deep#2"]
    projection.set_weight(np.arange(len(projection.weight), dtype=float))
    net.save(tmp_path / "net.h5")
    other = Network.load(tmp_path / "net.h5")
    np.testing.assert_array_equal(other.projections["maps->deep#2"].weight, projection.weight)
    assert other.fingerprint() == net.fingerprint()


def test_a_loaded_network_draws_on_as_the_saved_one(saved):
    net, path = saved
    other = Network.load(path)
    for n in (net, other):
        n.projections["maps->deep#2"].set_weight(Normal(0, 1))
        n.connect("maps", "deep", FixedProbability(0.5, Normal(0, 1)), name="later")
    assert other.fingerprint() == net.fingerprint()


def test_a_network_fits_into_a_group_of_another_file(tmp_path):
    net = everything()
    with h5py.File(tmp_path / "both.h5", "w") as file:
        network_file.write(file.create_group("inside/network"), net)
    with h5py.File(tmp_path / "both.h5", "r") as file:
        assert network_file.read(file["inside/network"]).fingerprint() == net.fingerprint()


def test_receptors_come_back_with_their_names(tmp_path):
    net = Network(seed=1)
    net.input("in", 4)
    net.population("two", 3, LIF(20.0, {"excitatory": 5.0, "inhibitory": math.inf}))
    net.population("one", 3, LIF(20.0, {"ampa": 0.0}))
    net.connect("in", "two", Dense(1.0), receptor="inhibitory")
    net.connect("two", "one", FixedProbability(0.5, 1.0), receptor="ampa")
    net.save(tmp_path / "net.h5")
    same = Network.load(tmp_path / "net.h5")
    assert same.fingerprint() == net.fingerprint()
    assert same["two"].neuron.tau_syn == {"excitatory": 5.0, "inhibitory": math.inf}
    assert [p.receptor for p in same.projections.values()] == ["inhibitory", "ampa"]


def test_an_empty_network_can_be_saved(tmp_path):
    Network(seed=1).save(tmp_path / "net.h5")
    assert len(Network.load(tmp_path / "net.h5")) == 0


def test_more_than_ten_parts_keep_their_order(tmp_path):
    net = Network(seed=1)
    for number in range(12):
        net.input(f"p{11 - number}", 1)
    net.save(tmp_path / "net.h5")
    assert list(Network.load(tmp_path / "net.h5")) == list(net)


def test_a_failed_save_keeps_the_old_file(saved, monkeypatch):
    _, path = saved
    before = path.read_bytes()

    def break_off(*_):
        raise RuntimeError("broken off")

    monkeypatch.setattr(network_file, "_write_projection", break_off)
    with pytest.raises(RuntimeError):
        everything().save(path)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["net.h5"]


def test_a_missing_file_is_named(tmp_path):
    assert "there is no network file" in refusal(Network.load, tmp_path / "none.h5")
    assert "no folder" in refusal(everything().save, tmp_path / "none" / "net.h5")


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "text.h5").write_text("not a network")
    assert "not an HDF5 file" in refusal(Network.load, tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    assert "another program" in refusal(Network.load, tmp_path / "other.h5")
    with h5py.File(tmp_path / "trace.h5", "w") as file:
        file.attrs["format"] = "eventsim trace"
    assert "a file of eventsim trace, not a network" in refusal(Network.load, tmp_path / "trace.h5")


def test_a_truncated_file_is_refused(saved):
    _, path = saved
    path.write_bytes(path.read_bytes()[:5000])
    assert "cut short" in refusal(Network.load, path)


def test_a_later_version_is_refused(saved):
    _, path = saved
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = 99
    assert "version 99; this eventsim reads version 1" in refusal(Network.load, path)


def replaced(group, name, value):
    del group[name]
    group[name] = value


DAMAGES = {
    "a nan weight": lambda f: replaced(f["projections/0000"], "weight", np.full((3, 3, 1, 2), np.nan)),
    "weights of another shape": lambda f: replaced(f["projections/0000"], "weight", np.zeros((3, 3, 1, 5))),
    "a negative delay": lambda f: replaced(f["projections/0000"], "delay", -1.0),
    "an id outside the population": lambda f: replaced(f["projections/0004"], "source_id", [0, 99, 0]),
    "lists of different lengths": lambda f: replaced(f["projections/0007"], "target_id", [0]),
    "a missing list": lambda f: f["projections/0007"].__delitem__("source_id"),
    "a missing weight": lambda f: f["projections/0002"].__delitem__("weight"),
    "an unknown population": lambda f: f["projections/0002"].attrs.__setitem__("source", "nobody"),
    "an unknown connection": lambda f: f["projections/0002"].attrs.__setitem__("kind", "Magic"),
    "an unknown distribution": lambda f: f["projections/0002"].attrs.__setitem__(
        "rule", json.dumps({"distribution": "Cauchy"})
    ),
    "broken settings": lambda f: f["projections/0002"].attrs.__setitem__("settings", "{"),
    "an unknown setting": lambda f: f["projections/0002"].attrs.__setitem__("settings", '{"pol": 2}'),
    "an unknown kind of population": lambda f: f["populations/0000"].attrs.__setitem__("kind", "glia"),
    "an impossible shape": lambda f: f["populations/0000"].attrs.__setitem__("shape", [-1]),
    "an unknown parameter": lambda f: f["populations/0002/neuron"].__setitem__("v_peak", 1.0),
    "a missing group": lambda f: f.__delitem__("projections"),
    "a seed that is no number": lambda f: f.attrs.__setitem__("seed", "soon"),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_a_damaged_file_is_refused_with_one_line(saved, what):
    _, path = saved
    with h5py.File(path, "r+") as file:
        DAMAGES[what](file)
    message = refusal(Network.load, path)
    assert str(path) in message and "the network is damaged: " in message


def test_a_flipped_bit_in_the_weights_is_noticed(saved):
    net, path = saved
    content = bytearray(path.read_bytes())
    at = content.find(net.projections["pixels->maps"].weight.tobytes())
    assert at > 0
    content[at + 3] ^= 1
    path.write_bytes(content)
    assert "CRC-32" in refusal(Network.load, path)
    path.write_bytes(path.read_bytes()[:-25])  # without the seal of the file there are the checksums of the arrays
    assert "the network is damaged" in refusal(Network.load, path)
