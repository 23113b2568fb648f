"""Hypothesis strategies for small networks with a stimulus, made so that coincidences are common.

Times and delays lie on a coarse grid that holds the instants at which origins move, weights are simple
shares of the threshold, and every regime, ratio of time constants and kind of refractory period occurs.
Structure is drawn by Hypothesis, the numbers in arrays by a generator whose seed it draws: 10 times faster.
`Case.build` builds the same network in any order.
"""

import math
import os
import random
from typing import NamedTuple

import hypothesis.strategies as st
import numpy as np

import eventsim as es

INF = math.inf

TAUS = ((20.0, 5.0), (10.0, 5.0), (10.0, 10.0), (10.0, 10.001), (3.0, 10.0), (1.0, 1000.0), (1000.0, 1.0), (INF, 5.0),
        (INF, INF), (10.0, INF), (10.0, 0.0), (INF, 0.0))
"""Pairs (tau_mem, tau_syn) of all regimes."""

PAIRS = ((20.0, 5.0, 10.0), (20.0, 10.0, 5.0), (20.0, 20.0, 19.8), (5.0, 20.0, 5.1), (10.0, 5.0, 5.0),
         (20.0, 0.0, 10.0), (20.0, 5.0, 0.0), (20.0, 0.0, 0.0), (20.0, 5.0, INF), (20.0, INF, 5.0),
         (20.0, 0.0, INF), (20.0, 19.9, INF), (20.0, INF, INF), (INF, 5.0, 10.0), (INF, 0.0, 5.0),
         (INF, INF, 5.0), (INF, 5.0, INF), (INF, INF, 0.0), (INF, 0.0, 0.0), (INF, INF, INF))
"""(tau_mem, tau_syn of receptor "a", of receptor "b"): every pair of kinds of receptor, leaky or not."""

EVERY = TAUS + PAIRS

TINY = 1e-18
"""A delay or a refractory period that no time but 0 can tell from none."""

TIMES = (*(0.25 * k for k in range(41)), 0.0, 0.0, 15.75, 16.0, 31.5, 32.0, 63.5, 64.0, 64.0, 127.75, 128.0)
DELAYS = (0.0, 0.0, 0.0, TINY, 0.25, 0.5, 1.0, 2.5, 6.0)
LATER = (0.25, 0.25, 0.3, 0.5, 1.0, 2.5, 6.0)
"""Delays with which spikes that reach no neuron at once can be simulated in windows."""

SHARES = (-1.0, -0.5, 0.0, 0.25, 0.25, 0.5, 0.5, 0.75, 1.0, 1.0, 1.5, 2.5)
NAMES = ("a", "B", "cell", "cell 2", "z", "ä", "n10", "n9")
SPIKE_LIMIT = 150
"""A sample of a recurrent case ends after so many spikes: some of these networks blow up."""


def examples(count):
    """Return a number of Hypothesis examples: `count`, or few where kernels run as plain Python.

    $EVENTSIM_EXAMPLES multiplies it, for a deeper run.
    """
    count = int(count * float(os.environ.get("EVENTSIM_EXAMPLES", "1")))
    return max(count // 6, 5) if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0") else count


class Population(NamedTuple):
    name: str
    shape: tuple
    neuron: object
    """A LIF, None for an input, a rate in Hz for a Poisson input."""


class Projection(NamedTuple):
    name: str
    source: str
    target: str
    kind: type
    arguments: dict
    delay: object
    receptor: str | None = None


class Case(NamedTuple):
    """A network as a recipe, with its stimulus and the end of the run."""

    populations: tuple
    projections: tuple
    stimulus: dict
    t_stop: float

    def build(self, order=None, net=None):
        """Return the network, built into `net` where one is given; `order` seeds the order of building and of lists."""
        shuffle = random.Random(order).sample
        populations, projections = self.populations, self.projections
        if order is not None:
            populations, projections = shuffle(populations, len(populations)), shuffle(projections, len(projections))
        net = es.Network(seed=7) if net is None else net
        for population in populations:
            if population.neuron is None:
                net.input(population.name, population.shape)
            elif isinstance(population.neuron, float):
                net.poisson(population.name, population.shape, rate=population.neuron)
            else:
                net.population(population.name, population.shape, population.neuron)
        for projection in projections:
            arguments, delay = dict(projection.arguments), projection.delay
            if projection.kind is es.Sparse and order is not None:
                mixed = shuffle(range(len(arguments["source"])), len(arguments["source"]))
                arguments = {name: np.asarray(values)[mixed] for name, values in arguments.items()}
                delay = np.asarray(delay)[mixed] if np.ndim(delay) else delay
            net.connect(projection.source, projection.target, projection.kind(**arguments), delay=delay,
                        name=projection.name, receptor=projection.receptor)
        return net

    @property
    def n_samples(self):
        return next((spikes.n_samples for spikes in self.stimulus.values()), 1)

    @property
    def everything(self):
        """The names of all populations whose spikes an engine makes, Poisson inputs included."""
        return [population.name for population in self.populations if population.neuron is not None]

    def run(self, engine="heap", order=None, **options):
        """Return the trace of a run."""
        return es.simulate(self.build(order), self.stimulus, self.t_stop, engine=engine, seed=3, **options)


def bits(trace):
    """Return all that a run recorded as bytes, by population: equal exactly where every bit is."""
    return {name: tuple(column.tobytes() for column in trace.spikes(name)) for name in sorted(trace.recorded)}


def unit(neuron, receptor=None):
    """Return a weight whose single arrival brings such a neuron about to V = 1, in round numbers."""
    tau_mem, tau_syn = neuron.tau_mem, neuron.tau_syn if receptor is None else neuron.tau_syn[receptor]
    if tau_syn == 0.0:
        return 1.0
    if math.isinf(tau_mem):
        return 0.125 if math.isinf(tau_syn) else 1.0 / tau_syn
    if math.isinf(tau_syn):
        return 1.5
    ratio = tau_mem / tau_syn
    peak = math.exp(-1.0) if abs(ratio - 1.0) < 1e-9 else ratio ** (ratio / (1.0 - ratio))
    return float(f"{1.0 / peak:.1g}")


class Numbers:
    """Arrays of numbers, all of one seed."""

    def __init__(self, draw):
        self.generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def of(self, values, shape):
        """Return an array of entries of `values`."""
        return np.array(values)[self.generator.integers(0, len(values), shape)]

    def each(self, values, size):
        """Return one of `values` for all, or one a neuron."""
        return float(self.of(values, ())) if self.generator.random() < 0.5 else self.of(values, size)

    def weights(self, shape, neuron, receptor=None):
        """Return weights that are shares of `unit`, or anything of that size."""
        shares = np.where(self.generator.random(shape) < 0.7, self.of(SHARES, shape),
                          self.generator.uniform(-1.0, 2.0, shape))
        return unit(neuron, receptor) * shares


def _time_constants(draw, taus):
    """Return tau_mem and tau_syn, the latter by receptor where there are two."""
    tau_mem, *tau_syn = draw(st.sampled_from(taus))
    return tau_mem, tau_syn[0] if len(tau_syn) == 1 else dict(zip("ab", tau_syn, strict=True))


def neurons(draw, size, once=False, taus=TAUS):
    """Return neurons of any regime; `once`: each fires at most once."""
    tau_mem, tau_syn = _time_constants(draw, taus)
    numbers = Numbers(draw)
    if once:
        refractory, resets = es.NEVER, (0.0, 2.0)
    else:
        refractory, resets = numbers.each((0.0, 0.0, TINY, 0.25, 0.5, 3.0, es.NEVER), size), (0.0, -0.5, 0.25)
    offsets = (0.0, 0.0, 0.125, -0.125) if math.isinf(tau_mem) else (0.0, 0.0, 0.5, 1.0, 1.5, -0.5)
    return es.LIF(
        tau_mem=tau_mem, tau_syn=tau_syn, t_refractory=refractory,
        v_threshold=numbers.each((1.0, 1.0, 0.5, 0.75, 1.5), size),
        v_rest=numbers.each((0.0, 0.0, -1.0, 0.5, 1.0, 1.25), size),
        v_reset=numbers.each(resets, size),
        v_init=draw(st.sampled_from((None, None, 0.0, 0.5, 1.0, 1.0 - 1e-12, 1.75))),
        i_offset=numbers.each(offsets, size))


def stimuli(draw, inputs, n_samples, most=12):
    """Return spikes of each input (a dict name -> size): coincident, repeated, of any amplitude."""
    numbers, result = Numbers(draw), {}
    for name, size in inputs.items():
        count = draw(st.integers(0, most * n_samples))
        result[name] = es.Spikes(
            numbers.of(TIMES, count), numbers.of(range(size), count), numbers.of(range(n_samples), count),
            numbers.of((1.0, 1.0, 1.0, 0.5, 2.0, -1.0), count), n_samples=n_samples)
    return result


def _any_connection(draw, source, target, delays):
    """Return a projection of any kind between two populations, as (kind, arguments, delay, receptor)."""
    source_size, target_size, neuron = math.prod(source.shape), math.prod(target.shape), target.neuron
    numbers = Numbers(draw)
    receptor = draw(st.sampled_from(neuron.receptors)) if neuron.receptors else None
    kinds = [es.Sparse, es.Sparse, es.Dense, es.AllToAll]
    kind = draw(st.sampled_from(kinds + [es.OneToOne] * (source_size == target_size)))
    if kind is es.Sparse:
        count = draw(st.integers(1, 8))
        arguments = {"source": numbers.of(range(source_size), count), "target": numbers.of(range(target_size), count),
                     "weight": numbers.weights(count, neuron, receptor)}
    else:
        shape = (source_size,) if kind is es.OneToOne else (source_size, target_size)
        arguments = {"weight": numbers.weights(shape, neuron, receptor)}
    if draw(st.booleans()):
        return kind, arguments, draw(st.sampled_from(delays)), receptor
    return kind, arguments, numbers.of(delays, arguments["weight"].shape), receptor


@st.composite
def recurrent_cases(draw, most_samples=2, poisson=True, taus=TAUS, delays=DELAYS):
    """Networks of any topology: loops, no delay, several inputs, listed synapses, delays one a synapse.

    `delays`: those between neurons; inputs may always arrive at once.
    """
    names = draw(st.permutations(NAMES))
    n_inputs, n_groups = draw(st.integers(1, 2)), draw(st.integers(1, 3))
    inputs = [Population(names.pop(), (draw(st.integers(1, 3)),), None) for _ in range(n_inputs)]
    noise = []
    if poisson and draw(st.integers(0, 4)) == 0:
        noise = [Population(names.pop(), (2,), draw(st.sampled_from((40.0, 400.0))))]
    groups = []
    for _ in range(n_groups):
        size = draw(st.integers(1, 3))
        groups.append(Population(names.pop(), (size,), neurons(draw, size, taus=taus)))
    if draw(st.booleans()):
        readout = es.LIF(*_time_constants(draw, taus), v_threshold=es.NEVER)
        groups.append(Population(names.pop(), (1,), readout))
    firing = [p for p in groups if np.ndim(p.neuron.v_threshold) or p.neuron.v_threshold < INF]
    projections = []
    for number in range(draw(st.integers(1, 5))):
        source = draw(st.sampled_from([*inputs, *noise, *firing] if number else inputs))
        target = draw(st.sampled_from(groups))
        projections.append(Projection(
            f"{draw(st.sampled_from('abc'))}{number}", source.name, target.name,
            *_any_connection(draw, source, target, delays if isinstance(source.neuron, es.LIF) else DELAYS)))
    stimulus = stimuli(draw, {p.name: p.shape[0] for p in inputs}, draw(st.integers(1, most_samples)))
    t_stop = draw(st.sampled_from((0.25, 8.0, 40.0, 64.0, 130.0)))
    return Case((*inputs, *noise, *groups), tuple(projections), stimulus, t_stop)


def _convolution(draw, source, channels):
    """Return (target shape, arguments without weights, weight shape) of a Conv2d on a map."""
    height, width, inner = source.shape
    pool = 2 if height % 2 == 0 and width % 2 == 0 and draw(st.booleans()) else 1
    rows, columns = height // pool, width // pool
    stride, kernel = draw(st.integers(1, 2)), draw(st.sampled_from(((1, 1), (2, 2), (3, 2))))
    padding = draw(st.sampled_from((0, 1, "same")))
    if padding != "same" and (kernel[0] > rows + 2 * padding or kernel[1] > columns + 2 * padding):
        padding = "same"
    places = [-(-side // stride) if padding == "same" else (side + 2 * padding - span) // stride + 1
              for side, span in ((rows, kernel[0]), (columns, kernel[1]))]
    arguments = {"stride": stride, "padding": padding, "pool": pool}
    return (*places, channels), arguments, (*kernel, inner, channels)


@st.composite
def layered_cases(draw, most_samples=3, taus=TAUS):
    """Feed-forward single-spike networks: dense and convolved, pooled, delayed, with skips and readouts."""
    names = draw(st.permutations(NAMES))
    maps = st.sampled_from(((2, 2, 1), (4, 2, 2), (3, 3, 1), (4, 4, 1)))
    inputs = [Population(names.pop(), draw(maps), None) for _ in range(draw(st.integers(1, 2)))]
    below, layers, projections = list(inputs), [], []

    def connect(source, target, kind, arguments):
        name = f"{draw(st.sampled_from('abc'))}{len(projections)}"
        projections.append(Projection(name, source.name, target.name, kind, arguments,
                                      draw(st.sampled_from(DELAYS))))

    def dense(source, target):
        pool = 2 if len(source.shape) == 3 and source.shape[0] % 2 == source.shape[1] % 2 == 0 and draw(
            st.booleans()) else 1
        rows = math.prod(source.shape) // (pool * pool)
        connect(source, target, es.Dense,
                {"weight": Numbers(draw).weights((rows, math.prod(target.shape)), target.neuron), "pool": pool})

    for number in range(draw(st.integers(1, 3))):
        source = draw(st.sampled_from(below))
        convolved = len(source.shape) == 3 and draw(st.booleans())
        if convolved:
            shape, arguments, weight_shape = _convolution(draw, source, draw(st.integers(1, 2)))
        else:
            shape = (draw(st.integers(1, 4)),)
        neuron = neurons(draw, math.prod(shape), once=True, taus=taus)
        if number and draw(st.integers(0, 4)) == 0:
            neuron = neuron.replace(v_threshold=es.NEVER)
        layer = Population(names.pop(), shape, neuron)
        if convolved:
            connect(source, layer, es.Conv2d, {"weight": Numbers(draw).weights(weight_shape, neuron), **arguments})
        else:
            dense(source, layer)
        for other in below:
            if draw(st.integers(0, 3)) == 0:
                dense(other, layer)
        layers.append(layer)
        if np.ndim(neuron.v_threshold) or neuron.v_threshold < INF:
            below.append(layer)
    n_samples = draw(st.integers(1, most_samples))
    stimulus = stimuli(draw, {p.name: math.prod(p.shape) for p in inputs}, n_samples)
    return Case((*inputs, *layers), tuple(projections), stimulus, draw(st.sampled_from((0.25, 8.0, 64.0, 130.0))))
