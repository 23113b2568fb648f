"""Random networks whose numbers lie anywhere between what doubles can tell apart and what they can hold.

Numbers come from a `random.Random`: the tests give Hypothesis's, which shrinks, and the long run
(``benchmarks/extremes.py``) a seeded one. Time constants are 1e-6 to 1e6 ms in any ratio, 0 and inf; weights and
potentials up to 1e12 and down to the least denormal; times up to 1e9 ms, equal ones and neighbours of others. The span
of a run is so many moves of the origin of its fastest neurons, because each costs time.
"""

import math

import numpy as np
from networks import Case, Population, Projection

import eventsim as es
from eventsim import arrays
from eventsim.neurons import membrane

INF = math.inf
LATEST = 1e9
"""The latest instant, ms."""

MOVES = 300
"""Most moves of an origin in a run."""

LONGEST = 1e6
"""Longest run, ms: the horizons of the compiled engines are 64 ms at most."""

LEAST = arrays.SMALLEST
"""Least distance of the threshold from v_rest and v_init, but for none; weights and amplitudes may be less."""

WINDOWS = 1e4
"""Most windows, each as long as the shortest delay between neurons, in a run."""


def power(random, low, high):
    """Return ten to a power."""
    return 10.0 ** random.uniform(low, high)


def denormal(random):
    """Return a positive number that is too small to have all its digits."""
    return random.choice((5e-324, 1e-323, 1e-310, power(random, -323.0, -310.0)))


def _tau_syn(random, tau_mem):
    kind = random.randrange(8)
    if kind < 2 and tau_mem < INF:
        unlike = random.choice((0.0, 0.04999, 0.05, power(random, -16.0, -1.0)))
        return random.choice((0.5 * tau_mem, tau_mem, tau_mem * (1.0 + unlike), tau_mem * (1.0 - unlike)))
    return 0.0 if kind == 2 else INF if kind == 3 else power(random, -6.0, 6.0)


def time_constants(random, receptors):
    """Return tau_mem and the tau_syn of so many receptors."""
    tau_mem = INF if random.randrange(4) == 0 else power(random, -6.0, 6.0)
    return tau_mem, tuple(_tau_syn(random, tau_mem) for _ in range(receptors))


def span_of(random, all_taus, moves):
    """Return the end of a run of neurons with such time constants: at most so many moves of an origin."""
    period = min(membrane.period_of(*taus) for taus in all_taus)
    return min(period * power(random, -2.0, math.log10(moves)), LONGEST)


def response(tau_mem, tau, span):
    """Return roughly how far an arrival of weight 1 moves V."""
    if tau == 0.0:
        return 1.0
    if math.isinf(tau_mem):
        return min(tau, 0.3 * span)
    if math.isinf(tau):
        return min(1.0, span / tau_mem)
    ratio = tau_mem / tau
    peak = math.exp(-1.0) if abs(ratio - 1.0) < 1e-6 else ratio ** (ratio / (1.0 - ratio))
    return peak * min(1.0, span / max(min(tau, tau_mem), 1e-300))


def neuron(random, tau_mem, taus, span, once=False):
    """Return (LIF, distance of its threshold from rest as a scale for weights)."""
    size = random.choice((1.0, 1.0, 15.0, power(random, -12.0, 12.0)))
    rest = random.choice((0.0, 0.0, -65.0, -3.0 * size, power(random, -12.0, 12.0)))
    threshold = random.choice((
        rest + size, rest + size, rest + size, rest + size, rest, rest - size, rest + 1e6 * size,
        math.nextafter(rest, INF), math.nextafter(rest, -INF)))
    if 0.0 < abs(threshold - rest) < LEAST:  # a potential of less is refused
        threshold = rest + random.choice((-LEAST, LEAST))
    reset = random.choice((min(rest, threshold), threshold)) - size * random.choice((1.0, 1e-6, 1e6))
    if reset >= threshold:  # absorbed
        reset = math.nextafter(threshold, -INF)
    offset = 0.0
    if random.randrange(3) == 0:
        offset = random.choice((1.0, -1.0)) * size * random.choice((1.0, 1.5, power(random, -12.0, 3.0)))
        if math.isinf(tau_mem):
            offset /= max(span, 1e-12)
    just_below = min(math.nextafter(threshold, -INF), threshold - LEAST)
    init = random.choice((None, None, None, threshold, just_below, rest - size, threshold + size))
    refractory = INF if once else random.choice((
        0.0, 0.0, 5e-324, 1e-300, power(random, -9.0, 0.0) * span, min(power(random, -6.0, 9.0), LATEST), LATEST, INF))
    if once and random.randrange(4) == 0:
        reset = threshold + size
    if len(taus) == 1:
        tau_syn = taus[0]
    else:
        tau_syn = {"a": taus[0], "b": taus[1]}
    return es.LIF(tau_mem, tau_syn, rest, threshold, reset, refractory, init, offset), size


def weight(random, size, reach):
    """Return a weight: a share of what brings V to the threshold, or anything."""
    kind = random.randrange(10)
    if kind < 6:
        share = random.choice((-1.0, -0.5, 0.25, 0.5, 1.0, 1.0, 1.5, 3.0, power(random, -2.0, 3.0)))
        return min(max(share * size / max(reach, 1e-12), -1e13), 1e13)
    if kind < 8:
        return random.choice((1.0, -1.0)) * power(random, -12.0, 12.0)
    return 0.0 if kind == 8 else random.choice((1.0, -1.0)) * denormal(random)


def times(random, span, all_taus, count):
    """Return input times: anywhere in the run, equal, next to each other, at moves of an origin, after its end."""
    result = []
    for _ in range(count):
        kind, last = random.randrange(9), result[-1] if result else 0.0
        if kind < 2:
            time = span * random.random()
        elif kind == 2:
            time = span * power(random, -12.0, 0.0)
        elif kind == 3:
            time = last
        elif kind == 4:
            time = max(math.nextafter(last, random.choice((-INF, INF))), 0.0)
        elif kind == 5:
            time = membrane.period_of(*random.choice(all_taus)) * random.randrange(4)
        elif kind == 6:
            time = last + random.choice([tau for tau in random.choice(all_taus) if tau < INF] or [1.0])
        elif kind == 7:
            time = random.choice((0.0, denormal(random), 1e-300))
        else:
            time = random.choice((math.nextafter(span, 0.0), span, LATEST))
        result.append(min(time, LATEST))
    return result


def delay(random, span):
    """Return a delay: none, one that only t = 0 can tell from none, one at the least of windows, or a long one."""
    return random.choice((0.0, 0.0, 5e-324, 1e-300, 9.9e-7, 1e-6, power(random, -6.0, 0.0) * span, 0.1 * span, LATEST))


def later(random, span):
    """Return a delay between neurons that windows can be as long as."""
    return max(1e-6, span / WINDOWS, random.choice((0.0, 0.01 * span, power(random, -6.0, 0.0) * span, LATEST)))


def stimulus(random, inputs, span, all_taus, most):
    """Return the spikes of each input (name -> size)."""
    result = {}
    for name, size in inputs.items():
        count = random.randrange(most + 1)
        time = times(random, span, all_taus, count)
        amplitude = [random.choice((1.0, 1.0, -1.0, power(random, -3.0, 3.0), denormal(random))) for _ in time]
        result[name] = es.Spikes(time, [random.randrange(size) for _ in time], amplitude=amplitude)
    return result


def network(random, layered=False, windows=False, moves=MOVES):
    """Return a `networks.Case`: any topology, or one that the layers engine takes too.

    `windows`: spikes take at least 1e-6 ms to other neurons, so that the window engine takes it.
    """
    groups = [("cell", random.randrange(1, 4)), ("z", random.randrange(1, 3)), ("B", 1)][:random.randrange(1, 4)]
    receptors = [1 if layered else random.choice((1, 1, 2)) for _ in groups]
    taus = [time_constants(random, count) for count in receptors]
    all_taus = [(tau_mem, *synaptic) for tau_mem, synaptic in taus]
    span = span_of(random, all_taus, moves)
    populations, sizes = [Population("in", (random.randrange(1, 4),), None)], []
    for (name, count), (tau_mem, synaptic) in zip(groups, taus, strict=True):
        lif, size = neuron(random, tau_mem, synaptic, span, once=layered)
        if layered and name == groups[-1][0] and random.randrange(3) == 0:
            lif = lif.replace(v_threshold=es.NEVER)
        populations.append(Population(name, (count,), lif))
        sizes.append(size)
    firing = [k for k, p in enumerate(populations) if k == 0 or p.neuron.v_threshold < INF]
    projections = []
    for number in range(random.randrange(1, 5)):
        target = random.randrange(1, len(populations))
        sources = [k for k in firing if k < target] if layered else firing
        source = random.choice(sources) if number else 0
        tau_mem, synaptic = taus[target - 1]
        receptor = random.randrange(len(synaptic))
        reach = response(tau_mem, synaptic[receptor], span)
        shape = populations[source].shape[0], populations[target].shape[0]
        values = np.array([weight(random, sizes[target - 1], reach) for _ in range(shape[0] * shape[1])])
        pause = later if source and (windows or layered) else delay
        wait = 0.0 if layered and random.randrange(3) == 0 else pause(random, span)
        if not layered and random.randrange(3) == 0:
            wait = np.array([pause(random, span) for _ in values]).reshape(shape)
        projections.append(Projection(
            f"{random.choice('abc')}{number}", populations[source].name, populations[target].name, es.Dense,
            {"weight": values.reshape(shape)}, wait, "ab"[receptor] if len(synaptic) == 2 else None))
    given = stimulus(random, {"in": populations[0].shape[0]}, span, all_taus, 8)
    return Case(tuple(populations), tuple(projections), given, span)


def alone(random, moves=MOVES):
    """Return a `networks.Case` of one neuron, population "cell", and inputs, for the oracle."""
    tau_mem, synaptic = taus = time_constants(random, random.choice((1, 1, 2)))
    all_taus = [(tau_mem, *synaptic)]
    span = span_of(random, all_taus, moves)
    lif, size = neuron(random, *taus, span)
    projections = []
    for number in range(random.randrange(1, 4)):
        receptor = random.randrange(len(synaptic))
        projections.append(Projection(
            f"p{number}", "in", "cell", es.Dense,
            {"weight": np.array([[weight(random, size, response(tau_mem, synaptic[receptor], span))]])},
            delay(random, span), "ab"[receptor] if len(synaptic) == 2 else None))
    given = stimulus(random, {"in": 1}, span, all_taus, 8)
    return Case((Population("in", (1,), None), Population("cell", (1,), lif)), tuple(projections), given, span)
