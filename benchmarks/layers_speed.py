"""How fast the layers engine is, on one thread, beside the bare loop that it comes down to.

    python benchmarks/layers_speed.py [--rounds N] [--out FILE]

Three things take turns within every round, so that other work on the machine slows all of them alike; printed
are medians of processor time, the best rate, and medians of the ratios within a round:

- "bare": c0 += w p0, c1 += w p1, found |= b0 c0 + b1 c1 >= limit, one arrival after the other, in numba, for as
  many arrivals and lanes. Nothing else: no sorting, no exponential, no spike.
- "inner": the inner loop of the engine (`eventsim.engines.lanes.scan`) alone on the same.
- "call": everything from the arrays of input spikes to those of output spike times (`layers.forward`): effective
  weights, arrivals in order, what each adds, crossings in closed form, results.

An update is one pair (input spike, target neuron in its reach), counted up to and with the last input before the
neuron's spike: later ones change nothing. The engine passes most of them all the same, because a neuron that has
fired stays in its vector until all of its location have; "passed" counts those too. Where nobody fires both agree.
Input spikes are uniform over 8 ms, weights normal; the half of the neurons that fire does so around the middle.
The user's spikes come in order of time (`Spikes` sorts once for all runs), those of a layer do not, so "sort" is
the time to put the spikes of as many neurons of a layer below in order, a sample. It is not part of "call".
"""

import argparse
import json
import math
import pathlib
import time

import numba
import numpy as np

import eventsim as es
from eventsim import provenance
from eventsim.engines import lanes, layer_events, layer_kernels, layers

OUT = pathlib.Path(__file__).parent / "results" / "layers_speed.json"
SPAN = 8.0
REGIMES = {"LIF 20/5": (20.0, 5.0), "LIF 10/5": (10.0, 5.0), "ramp": (math.inf, math.inf)}


@numba.njit(nogil=True, error_model="numpy")
def _one(w, c0, c1, limit, q):
    q0, q1, b0, b1 = q[0], q[1], q[2], q[3]
    found = 0
    for j in range(len(c0)):
        a = c0[j] + w[j] * q0
        b = c1[j] + w[j] * q1
        c0[j] = a
        c1[j] = b
        found |= b0 * a + b1 * b >= limit[j]
    return found


@numba.njit(nogil=True, error_model="numpy")
def bare(weight, offsets, ranges, values, c0, c1, limit):
    """Run the bare loop, one range of arrivals after the other; return how often a lane was at its limit."""
    found = 0
    for number in range(len(ranges) - 1):
        for k in range(ranges[number], ranges[number + 1]):
            found += _one(weight[offsets[k]:offsets[k] + len(c0)], c0, c1, limit, values[k])
    return found


@numba.njit(nogil=True, error_model="numpy")
def inner(weight, offsets, ranges, values, old, new, limit, drive, head, hits):
    """Run the engine's inner loop over the same, in the engine's blocks."""
    found = 0
    for number in range(len(ranges) - 1):
        for k in range(ranges[number], ranges[number + 1], layer_kernels.BLOCK):
            count = min(layer_kernels.BLOCK, ranges[number + 1] - k)
            found += lanes.scan(weight, offsets, values, k, count, head, old, new, limit, drive, hits, len(limit))
            old, new = new, old
    return found


class Case:
    """One layer with a batch of input spikes.

    Parameters
    ----------
    net : eventsim.Network
        With populations "in" and "out" and the projection "w".
    active : int
        Input spikes a sample.
    n_samples : int
    """

    def __init__(self, net, active, n_samples):
        rng = np.random.default_rng(5)
        size = net["in"].size
        neuron = np.concatenate([rng.choice(size, active, replace=False) for _ in range(n_samples)])
        spikes = es.Spikes(rng.uniform(0.0, SPAN, len(neuron)), neuron, np.repeat(np.arange(n_samples), active))
        self.net, self.n_samples, self.stimulus, self.active = net, n_samples, {"in": spikes}, active
        self.plan = layers.plan(net)
        self.weight = net.projections["w"].weight
        self._spread()

    def _spread(self):
        """List the (arrival, location) pairs in the order of samples and locations, as the engine takes them."""
        layer, = self.plan.layers
        link, = layer.links
        spikes = self.stimulus["in"]
        y0, y1, x0, x1 = link.reach[spikes.neuron].T.astype(np.int64)
        self.lanes, width = layer.lanes, layer.out_width
        count = np.maximum(y1 - y0 + 1, 0) * np.maximum(x1 - x0 + 1, 0)
        arrival = np.repeat(np.arange(len(spikes)), count)
        within = np.arange(len(arrival)) - np.repeat(np.cumsum(count) - count, count)
        across = (x1 - x0 + 1)[arrival]
        y, x = y0[arrival] + within // across, x0[arrival] + within % across
        self.at, self.sample = y * width + x, spikes.sample[arrival].astype(np.int64)
        order = np.lexsort((arrival, self.at, self.sample))
        offset = link.start[spikes.neuron[arrival]] + y * link.step[0] + x * link.step[1]
        self.at, self.sample, self.offset = self.at[order], self.sample[order], offset[order]
        self.time = spikes.time[arrival][order]
        change = np.nonzero(np.diff(self.sample * layer.locations + self.at))[0] + 1
        self.ranges = np.concatenate(([0], change, [len(self.at)]))
        self.passed = len(self.at) * self.lanes

    def needed(self, activity):
        """Return the number of updates up to each neuron's spike."""
        fired = activity.time["out"].reshape(self.n_samples, -1, self.lanes)
        return int(np.count_nonzero(self.time[:, None] <= fired[self.sample, self.at]))

    def run(self, scale, precision):
        """Return the activity for weights times `scale`."""
        return layers.forward(self.plan, self.stimulus, SPAN, precision=precision, threads=1,
                              weights={"w": self.weight * scale})

    def scale_for(self, share):
        """Return a factor on the weights with which this share of the neurons fires; below all for 0."""
        low, high = 1e-6, 1e3
        for _ in range(22):
            middle = math.sqrt(low * high)
            if np.isfinite(self.run(middle, "single").time["out"]).mean() > share:
                high = middle
            else:
                low = middle
        return low * (0.7 if share == 0.0 else 1.0)

    def loops(self, precision):
        """Return the bare and the inner loop over all samples as functions without arguments."""
        dtype = np.float32 if precision == "single" else np.float64
        flat = np.append(self.weight.ravel() * 1e-6, np.zeros(lanes.PAD)).astype(dtype)
        values = np.random.default_rng(0).random((len(self.offset), lanes.VALUES)).astype(dtype)
        width = lanes.padded(self.lanes, flat.itemsize)
        limit, drive = np.full(width, 1e30, dtype), np.zeros(width, dtype)
        old, new = np.zeros((2, 2, width), dtype)
        hits, head = np.zeros(width, np.int32), np.zeros(lanes.HEAD, dtype)
        c0, c1 = np.zeros((2, self.lanes), dtype)
        short = limit[:self.lanes].copy()
        offset, ranges = self.offset, self.ranges
        return (lambda: bare(flat, offset, ranges, values, c0, c1, short),
                lambda: inner(flat, offset, ranges, values, old, new, limit, drive, head, hits))

    def sort(self):
        """Put in order as many spikes of neurons of a layer, which come by neuron."""
        spikes = self.stimulus["in"]
        times = np.full((self.n_samples, self.net["in"].size), np.inf)
        times[spikes.sample, spikes.neuron] = spikes.time
        generations = np.zeros(times.shape, np.int32)
        link, = self.plan.layers[0].links
        return lambda: [
            layer_events.gather((link,), {}, {"in": times}, {"in": generations}, first,
                                min(first + self.plan.shard, self.n_samples), SPAN)
            for first in range(0, self.n_samples, self.plan.shard)]


def dense(neuron, n_samples):
    """Return 784 inputs of which 150 are active, and 400 neurons."""
    net = es.Network(seed=1)
    net.input("in", 784)
    net.population("out", 400, neuron)
    net.connect("in", "out", es.Dense(np.random.default_rng(2).normal(0.5, 1.0, (784, 400))), name="w")
    return Case(net, 150, n_samples)


def convolved(neuron, n_samples):
    """Return a 3 x 3 convolution of 64 into 64 channels over 14 x 14, a tenth of the inputs active."""
    net = es.Network(seed=1)
    net.input("in", (14, 14, 64))
    net.population("out", (14, 14, 64), neuron)
    weight = np.random.default_rng(3).normal(0.2, 1.0, (3, 3, 64, 64))
    net.connect("in", "out", es.Conv2d(weight, padding=1), name="w")
    return Case(net, 1254, n_samples)


LAYERS = {"dense 784-400": (dense, 256), "convolution 3x3, 64-64": (convolved, 16)}


def timed(functions, rounds):
    """Return processor seconds (rounds, functions), the functions taking turns."""
    for function in functions:
        function()
    seconds = np.empty((rounds, len(functions)))
    for row in seconds:
        for number, function in enumerate(functions):
            start = time.process_time()
            function()
            row[number] = time.process_time() - start
    return seconds


def measure(make, n_samples, taus, rounds):
    """Return the figures of one layer and regime: a list of dicts."""
    case = make(es.LIF(*taus, t_refractory=es.NEVER), n_samples)
    results = []
    scales = {"none": case.scale_for(0.0), "half": case.scale_for(0.5)}
    sort = case.sort()
    for precision in ("single", "double"):
        loops = case.loops(precision)
        for firing, scale in scales.items():
            activity = case.run(scale, precision)
            needed = case.needed(activity)
            fired = int(np.isfinite(activity.time["out"]).sum())
            seconds = timed((*loops, lambda s=scale, p=precision: case.run(s, p), sort), rounds)
            bare_s, inner_s, call_s, sort_s = seconds.T
            results.append({
                "precision": precision, "firing": firing, "fired_share": fired / activity.time["out"].size,
                "fired_a_sample": fired / n_samples, "updates_a_sample": needed / n_samples,
                "passed_a_sample": case.passed / n_samples,
                "us_a_sample": {name: float(np.median(column)) / n_samples * 1e6 for name, column in (
                    ("bare", bare_s), ("inner", inner_s), ("call", call_s), ("sort", sort_s))},
                "best_rate": {"bare": case.passed / bare_s.min(), "inner": case.passed / inner_s.min(),
                              "call": needed / call_s.min(), "call_passed": case.passed / call_s.min()},
                "median_rate": {"bare": case.passed / float(np.median(bare_s)),
                                "inner": case.passed / float(np.median(inner_s)),
                                "call": needed / float(np.median(call_s))},
                "call_over_bare": float(np.median(call_s / bare_s)),
                "call_over_inner": float(np.median(call_s / inner_s)),
            })
    for none, half in zip(results[::2], results[1::2], strict=True):  # what a spike costs beside the updates
        more = half["us_a_sample"]["call"] - none["us_a_sample"]["call"]
        half["ns_a_spike"] = more / half["fired_a_sample"] * 1e3
    return results


def main():
    """Measure and print; write the figures with their provenance."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=25, help="rounds a case (default: 25)")
    parser.add_argument("--out", metavar="FILE", default=OUT, help="where the figures go as JSON")
    arguments = parser.parse_args()
    figures = {}
    print("                                          us a sample, median          best rate, 10^9/s      call over")
    print("layer, regime, precision, firing      bare  inner   call   sort    bare inner  call passed  bare  inner")
    for layer, (make, n_samples) in LAYERS.items():
        for regime, taus in REGIMES.items():
            figures[f"{layer}, {regime}"] = measure(make, n_samples, taus, arguments.rounds)
            for one in figures[f"{layer}, {regime}"]:
                us, rate = one["us_a_sample"], one["best_rate"]
                spike = f"  {one['ns_a_spike']:.0f} ns a spike" if "ns_a_spike" in one else ""
                print(f"{layer[:11]:<11} {regime:<8} {one['precision']:<6} {one['firing']:<5}"
                      f"{us['bare']:9.1f}{us['inner']:7.1f}{us['call']:7.1f}{us['sort']:7.1f} "
                      f"{rate['bare'] / 1e9:7.2f}{rate['inner'] / 1e9:6.2f}{rate['call'] / 1e9:6.2f}"
                      f"{rate['call_passed'] / 1e9:6.2f} {one['call_over_bare']:7.2f}{one['call_over_inner']:6.2f}"
                      f"{spike}", flush=True)
    document = {"figures": figures, "provenance": provenance.record("benchmark", {"rounds": arguments.rounds})}
    with open(arguments.out, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    main()
