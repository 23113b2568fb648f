"""A path through linear nodes of NIR as one of our connections, with its delays."""

import math

import numpy as np

from eventsim.connect import Conv2d, Dense, OneToOne, Sparse
from eventsim.errors import InputError
from eventsim.io import nir_steps, nir_units

_WEIGHTS = ("Linear", "Affine", "Conv2d", "AvgPool2d", "SumPool2d")
_DENSE = 0.3  # share of nonzero weights from which a matrix is kept whole


def connection(source, target, steps):
    """Return the connection and the delays that a path amounts to.

    Weights keep their form where there is a kind for it: a matrix, a convolution, either after pooling, one weight
    a neuron. Anything else is multiplied out and listed synapse by synapse.

    Parameters
    ----------
    source, target : tuple
        NIR's shapes of the two ends.
    steps : sequence of nir_paths.Step

    Returns
    -------
    connection : Connection
    delay : float or ndarray
        In ms; an array in the shape of the weights.

    Raises
    ------
    InputError
        Delays differ between signals in the middle of the path, or a value is not allowed.
    """
    delays = _Delays(source, target)
    core, factor, behind = [], 1.0, None
    steps = [step for step in steps if not _is_identity(step)]
    last = max((i for i, step in enumerate(steps) if step.kind in _WEIGHTS), default=-1)
    for place, step in enumerate(steps):
        if step.kind == "Delay":
            delays.add(step, behind_weights=any(s.kind in _WEIGHTS for s in core))
        elif step.kind == "Scale":
            scale = np.broadcast_to(np.asarray(step.node.scale, dtype=np.float64), step.shape).reshape(-1)
            if np.all(scale == scale[0]):
                factor *= float(scale[0])
            elif place > last:
                behind = scale if behind is None else behind * scale
            else:
                core.append(step)
        elif step.kind != "Flatten":
            delays.mixes(step)
            core.append(step)
    return _Ends(source, target, core, nir_units.exactly_one(factor), behind, delays).connection()


def _is_identity(step):
    """Return whether a matrix only passes on what it gets: an Affine that is there for its bias."""
    if step.kind not in ("Linear", "Affine"):
        return False
    weight = np.asarray(step.node.weight)
    return weight.shape[0] == weight.shape[1] and np.array_equal(weight, np.eye(len(weight)))


class _Delays:
    """The delays along a path: one for all, or one a source and one a target neuron."""

    def __init__(self, source, target):
        self.common = 0.0
        self.before = np.zeros(math.prod(source))
        self.behind = np.zeros(math.prod(target))
        self._late = None  # the node with delays that differ, after weights

    def add(self, step, behind_weights):
        delay = np.broadcast_to(nir_units.milliseconds(step.node.delay), step.shape).reshape(-1)
        if not (np.all(np.isfinite(delay)) and np.all(delay >= 0.0)):
            raise InputError(f'node "{step.name}" (Delay) has a delay that is negative, NaN or infinite; correct it')
        if np.all(delay == delay[0]):
            self.common += float(delay[0])
        elif not behind_weights:
            self.before = self.before + delay
        else:
            self._late = step
            if len(delay) == len(self.behind):  # else more weights follow, and `mixes` refuses
                self.behind = self.behind + delay

    def mixes(self, step):
        """Refuse weights behind delays that are neither those of the sources nor those of the targets."""
        if self._late is not None:
            raise InputError(
                f'node "{self._late.name}" (Delay) delays signals between weights, each by another time; put it at '
                f'one end of the path, or give all one delay (weights follow in node "{step.name}")'
            )

    @property
    def differ(self):
        return bool(np.any(self.before) or np.any(self.behind))


class _Ends:
    """The two ends of a path, and what is between them."""

    def __init__(self, source, target, core, factor, behind, delays):
        self.source, self.target, self.core = source, target, core
        self.factor, self.behind, self.delays = factor, behind, delays
        self.rows, self.columns = nir_units.nir_index(source), nir_units.nir_index(target)

    def connection(self):
        kinds = [step.kind for step in self.core]
        pooled = len(kinds) == 2 and kinds[0] in ("AvgPool2d", "SumPool2d") and not self.delays.differ
        pool = self._pool() if pooled else 1
        last = kinds[-1] if len(kinds) == 1 or (len(kinds) == 2 and pool > 1) else None
        if last == "Conv2d" and len(self.target) == 3 and not self.delays.differ:
            result = self._convolution(pool)
            if result is not None:
                return result, self.delays.common
        if last in ("Linear", "Affine"):
            return self._dense(pool)
        if not kinds and self.source == self.target:
            return self._one_to_one()
        return self._sparse()

    def _pool(self):
        """Return the side of the window where the first step is pooling that a connection can say, else 1."""
        step = self.core[0]
        window = nir_steps.pooling(step.name, step.kind, step.node, step.shape)
        side = window.kernel[0]
        plain = window.kernel == window.stride == (side, side) and window.before == (0, 0)
        if not plain or step.shape[1] % side or step.shape[2] % side:
            return 1
        return side

    def _sum(self, pool):
        """Return by how much a sum over a window exceeds its mean."""
        return pool * pool if pool > 1 and self.core[0].kind == "SumPool2d" else 1

    def _convolution(self, pool):
        step = self.core[-1]
        kernel, window = nir_steps.convolution(step.name, step.node, step.shape)
        if window.stride[0] != window.stride[1]:
            return None
        padding = self._padding(step, window)
        gain = self._channel_gain(window)
        if padding is None or gain is None:
            return None
        weight = kernel.transpose(2, 3, 1, 0) * (self.factor * self._sum(pool))
        return Conv2d(weight * gain, stride=window.stride[0], padding=padding, pool=pool)

    def _padding(self, step, window):
        """Return our padding that gives the same zeros and the same places, or None."""
        sides = zip(window.before, step.shape[1:], window.kernel, strict=True)
        places = tuple((2 * pad + size - side) // window.stride[0] + 1 for pad, size, side in sides)
        if window.before[0] == window.before[1] and places == window.places:
            return window.before[0]
        centred = window.before == tuple((side - 1) // 2 for side in window.kernel)
        return "same" if window.stride == (1, 1) and centred and window.places == tuple(step.shape[1:]) else None

    def _channel_gain(self, window):
        if self.behind is None:
            return 1.0
        gain = self.behind.reshape(-1, math.prod(window.places))
        return gain[:, 0] if np.all(gain == gain[:, :1]) else None

    def _dense(self, pool):
        step = self.core[-1]
        weight = np.asarray(step.node.weight, dtype=np.float64).T * (self.factor * self._sum(pool))
        if self.behind is not None:
            weight = weight * self.behind
        rows = self.rows
        if pool > 1:
            channels, height, width = self.source
            rows = nir_units.nir_index((channels, height // pool, width // pool))
        weight = weight[rows][:, self.columns]
        if not self.delays.differ:
            return Dense(weight, pool=pool), self.delays.common
        delay = self.delays.before[self.rows][:, None] + self.delays.behind[self.columns]
        return Dense(weight), delay + self.delays.common

    def _one_to_one(self):
        weight = np.full(len(self.rows), self.factor)
        if self.behind is not None:
            weight = weight * self.behind[self.columns]
        if not self.delays.differ:
            return OneToOne(weight), self.delays.common
        delay = self.delays.before[self.rows] + self.delays.behind[self.columns]
        return OneToOne(weight), delay + self.delays.common

    def _sparse(self):
        total = None
        for step in self.core:
            matrix = nir_steps.matrix(step.name, step.kind, step.node, step.shape)
            total = matrix if total is None else total @ matrix
        if total is None:
            total = nir_steps.matrix("", "Flatten", None, self.source)
        total = (total * self.factor).tocoo()
        weight, (row, column) = total.data, total.coords
        if self.behind is not None:
            weight = weight * self.behind[column]
        delay = self.delays.before[row] + self.delays.behind[column] + self.delays.common
        source, target = np.argsort(self.rows)[row], np.argsort(self.columns)[column]
        if total.nnz > _DENSE * math.prod(total.shape) and not self.delays.differ:
            whole = np.zeros(total.shape)
            np.add.at(whole, (source, target), weight)
            return Dense(whole), self.delays.common
        order = np.lexsort((target, source))
        listed = Sparse(source[order], target[order], weight[order])
        return listed, delay[order] if self.delays.differ else self.delays.common
