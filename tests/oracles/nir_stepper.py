"""Graphs of NIR run in small steps: the equations of its nodes by Euler's method, linear nodes by loops.

Written from the definitions of the nodes alone, and sharing nothing with the converter. A spike is a pulse of a given
area; what a node hands on in a step has two parts, a steady one (biases, potentials) and the areas of pulses.
"""

import itertools

import numpy as np


def run(graph, inputs, t_stop, step, area):
    """Run a graph without nested graphs; times in seconds.

    Parameters
    ----------
    graph : nir.NIRGraph
    inputs : dict of str to list of (float, int)
        Spikes of the Input nodes: time, and number in NIR's order.
    t_stop, step, area : float

    Returns
    -------
    spikes : dict of str to list of (float, int)
        By node that spikes.
    potentials : dict of str to ndarray
        Of all nodes with a membrane, flat, at `t_stop`.
    """
    shapes = _shapes(graph)
    order = _order(graph)
    before = {name: [a for a, b in graph.edges if b == name] for name in graph.nodes}
    pulses = {name: np.zeros((round(t_stop / step), _size(shapes[name]))) for name in inputs}
    for name, spikes in inputs.items():
        for time, index in spikes:
            if time < t_stop:
                pulses[name][int(time / step), index] += area
    state = {name: _State(node, shapes[name], step, area) for name, node in graph.nodes.items()}
    matrices = {name: linear(graph.nodes[name], shapes[before[name][0]])
                for name in graph.nodes if type(graph.nodes[name]).__name__ in LINEAR}
    spikes = {name: [] for name, node in graph.nodes.items() if hasattr(node, "v_threshold")}
    out = {}
    for k in range(round(t_stop / step)):
        for name, node in graph.nodes.items():  # what a delay gives was put in earlier
            if type(node).__name__ == "Delay":
                out[name] = state[name].delayed(k)
        for name in order:
            kind = type(graph.nodes[name]).__name__
            if kind == "Input":
                out[name] = np.zeros(_size(shapes[name])), pulses[name][k]
                continue
            steady = sum((out[source][0] for source in before[name]), np.zeros(1))
            pulse = sum((out[source][1] for source in before[name]), np.zeros(1))
            if kind == "Delay":
                state[name].put(k, steady, pulse)
            elif name in matrices:
                matrix, bias = matrices[name]
                out[name] = steady @ matrix + bias, pulse @ matrix
            elif kind == "Output":
                out[name] = steady, pulse
            else:
                fired = state[name].advance(steady, pulse)
                if name in spikes:
                    spikes[name] += [((k + 1) * step, int(i)) for i in np.flatnonzero(fired)]
                    out[name] = np.zeros(fired.shape), fired * area
                else:
                    out[name] = state[name].v, np.zeros(state[name].v.shape)
    return spikes, {name: cell.v for name, cell in state.items() if cell.v is not None}


LINEAR = ("Linear", "Affine", "Scale", "Conv2d", "AvgPool2d", "SumPool2d", "Flatten")


def linear(node, shape):
    """Return what a linear node does to a flat signal of `shape`: matrix (in, out) and bias, found by trying."""
    size = _size(shape)
    zero = apply(node, np.zeros(shape))
    rows = [(apply(node, unit.reshape(shape)) - zero).reshape(-1) for unit in np.eye(size)]
    return np.array(rows), zero.reshape(-1)


def apply(node, signal):
    """Return the output of a linear node for one signal."""
    kind = type(node).__name__
    if kind == "Linear":
        return node.weight @ signal
    if kind == "Affine":
        return node.weight @ signal + node.bias
    if kind == "Scale":
        return node.scale * signal
    if kind == "Flatten":
        return signal.reshape(-1)
    if kind == "Conv2d":
        return _convolved(node, signal)
    window, stride, zeros = (tuple(int(n) for n in x) for x in (node.kernel_size, node.stride, node.padding))
    padded = np.pad(signal, ((0, 0), (zeros[0],) * 2, (zeros[1],) * 2))
    result = np.array([[[channel[y : y + window[0], x : x + window[1]].sum()
                         for x in range(0, channel.shape[1] - window[1] + 1, stride[1])]
                        for y in range(0, channel.shape[0] - window[0] + 1, stride[0])] for channel in padded])
    return result / (window[0] * window[1] if kind == "AvgPool2d" else 1)


def _convolved(node, signal):
    out, inside, height, width = node.weight.shape
    if isinstance(node.padding, str):
        total = [d * (side - 1) if node.padding == "same" else 0 for d, side in zip(node.dilation, (height, width))]
        zeros = [(t // 2, t - t // 2) for t in total]
    else:
        zeros = [(p, p) for p in node.padding]
    padded = np.pad(signal, ((0, 0), *zeros))
    rows = (padded.shape[1] - node.dilation[0] * (height - 1) - 1) // node.stride[0] + 1
    columns = (padded.shape[2] - node.dilation[1] * (width - 1) - 1) // node.stride[1] + 1
    result = np.zeros((out, rows, columns))
    for o, y, x in itertools.product(range(out), range(rows), range(columns)):
        first = o // (out // node.groups) * inside
        for b, i, j in itertools.product(range(inside), range(height), range(width)):
            pixel = (first + b, y * node.stride[0] + i * node.dilation[0], x * node.stride[1] + j * node.dilation[1])
            result[o, y, x] += node.weight[o, b, i, j] * padded[pixel]
    return result + np.asarray(node.bias)[:, None, None]


class _State:
    """What a node remembers: a membrane, the current of its synapse, or what a delay holds back."""

    def __init__(self, node, shape, step, area):
        self.node, self.kind, self.step = node, type(node).__name__, step
        self.v = self.line = None
        if self.kind in ("I", "IF"):
            self.v = np.zeros(_size(shape))
        elif self.kind in ("LI", "LIF", "CubaLI", "CubaLIF"):
            self.v = node.v_leak.reshape(-1).astype(float)
        elif self.kind == "Delay":
            self.size, self.line = _size(shape), {}
            self.steps = np.round(node.delay.reshape(-1) / step).astype(int)
        self.i = np.zeros(_size(shape))

    def put(self, k, steady, pulse):
        for index, late in enumerate(self.steps):
            there = self.line.setdefault(k + late, np.zeros((2, self.size)))
            there[:, index] += np.broadcast_to(steady, self.size)[index], np.broadcast_to(pulse, self.size)[index]

    def delayed(self, k):
        there = self.line.pop(k, np.zeros((2, self.size)))
        return there[0], there[1]

    def advance(self, steady, pulse):
        """Take one step; return who fires."""
        node, step = self.node, self.step
        r = node.r.reshape(-1)
        if self.kind in ("I", "IF"):
            self.v = self.v + r * (step * steady + pulse)
        elif self.kind in ("LI", "LIF"):
            v_leak, tau = node.v_leak.reshape(-1), node.tau.reshape(-1)
            self.v = self.v + (step * (v_leak - self.v + r * steady) + r * pulse) / tau
        else:
            v_leak, tau = node.v_leak.reshape(-1), node.tau_mem.reshape(-1)
            w_in, tau_syn = node.w_in.reshape(-1), node.tau_syn.reshape(-1)
            self.v = self.v + step * (v_leak - self.v + r * self.i) / tau
            self.i = self.i + (step * (w_in * steady - self.i) + w_in * pulse) / tau_syn
        if not hasattr(node, "v_threshold"):
            return None
        fired = self.v > node.v_threshold.reshape(-1)
        self.v = np.where(fired, node.v_reset.reshape(-1), self.v)
        return fired


def _size(shape):
    return int(np.prod(shape))


def _order(graph):
    """Return the nodes such that each comes after those that feed it; what a delay gives is known before."""
    waiting, order = list(graph.nodes), []
    while waiting:
        ready = [name for name in waiting if all(
            a in order or type(graph.nodes[a]).__name__ == "Delay" for a, b in graph.edges if b == name)]
        if not ready:
            raise ValueError("a loop without a delay")
        order += ready
        waiting = [name for name in waiting if name not in ready]
    return order


def _shapes(graph):
    """Return the shape of every node's output, by trying."""
    shapes = {}
    while len(shapes) < len(graph.nodes):
        for name, node in graph.nodes.items():
            kind = type(node).__name__
            sources = [a for a, b in graph.edges if b == name and a in shapes]
            if kind == "Input":
                shapes[name] = tuple(int(n) for n in node.input_type["input"])
            elif kind == "Delay":
                shapes[name] = node.delay.shape
            elif hasattr(node, "r"):
                shapes[name] = node.r.shape
            elif sources:
                shapes[name] = apply(node, np.zeros(shapes[sources[0]])).shape if kind in LINEAR else shapes[sources[0]]
    return shapes
