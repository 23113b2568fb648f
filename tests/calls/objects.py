"""The small networks, traces, models and files that the calls of the tables are given."""

import functools
import pathlib
import tempfile

import numpy as np

import eventsim as es
import training
from training import curvature, decode, encode

IMAGES = np.random.default_rng(0).uniform(0.1, 0.9, (4, 3))
LABELS = np.array([0, 1, 0, 1])


def forward_net():
    """Return a network 3-4-2 of neurons that fire once."""
    rng = np.random.default_rng(2)
    net = es.Network(seed=0)
    net.input("in", 3)
    once = es.LIF(10.0, 5.0, t_refractory=es.NEVER)
    net.population("hidden", 4, once)
    net.population("out", 2, once)
    net.connect("in", "hidden", es.Dense(rng.uniform(2.0, 5.0, (3, 4))))
    net.connect("hidden", "out", es.Dense(rng.uniform(2.0, 4.0, (4, 2))))
    return net


def model(net=None):
    """Return a new model of such a network."""
    net = forward_net() if net is None else net
    return training.Model(net, encode.Latency(t_max=4.0), decode.FirstSpike(tau=2.0), "out", 30.0)


def silent_net():
    """Return ramps in steps, with an output that never fires, as `training.discrete` takes them."""
    net = es.Network(seed=1)
    net.input("in", 3)
    step = es.LIF(tau_mem=es.NEVER, tau_syn=0.0, t_refractory=es.NEVER)
    net.population("hidden", 4, step)
    net.population("out", 2, step.replace(v_threshold=es.NEVER))
    net.connect("in", "hidden", es.Dense(es.Normal(0.4, 0.2)))
    net.connect("hidden", "out", es.Dense(es.Normal(0.3, 0.2)))
    return net


@functools.cache
def the_model():
    """Return one model, which no call changes."""
    return model()


@functools.cache
def classified():
    """Return the trace of a model with labels and an output."""
    return the_model().simulate(IMAGES, LABELS)


@functools.cache
def silent_run():
    """Return the trace of a network whose output never fires."""
    return es.simulate(silent_net(), STIMULUS, 6.0)


@functools.cache
def objective():
    """Return the loss of the model over the images."""
    return curvature.Objective(the_model(), IMAGES, LABELS, threads=1)


def recordings():
    """Return two recordings of events on 4 x 4 pixels."""
    return es.Recordings(time=[1.0, 2.0, 3.0], x=[0, 1, 3], y=[0, 2, 3], polarity=[1, 0, 1], offset=[0, 2, 3],
                         shape=(4, 4))


def looped():
    """Return a network of an input and cells that excite each other, without noise: nothing in it takes long."""
    net = es.Network(seed=3)
    net.input("in", 3)
    net.population("cells", 5, es.LIF(20.0, 5.0, t_refractory=1.0))
    net.connect("in", "cells", es.AllToAll(2.0), delay=0.5)
    net.connect("cells", "cells", es.AllToAll(0.1), delay=1.0, name="loop")
    return net


STIMULUS = {"in": es.Spikes([1.0, 2.0, 3.0], [0, 1, 2])}


@functools.cache
def _folder(write):
    folder = tempfile.TemporaryDirectory()
    write(pathlib.Path(folder.name))
    return folder


def written(write, name):
    """Return the path of a file in a folder that `write` fills, once."""
    return pathlib.Path(_folder(write).name) / name


def method(made, name):
    """Return a function that calls a method of what `made` returns."""
    return lambda **arguments: getattr(made(), name)(**arguments)
