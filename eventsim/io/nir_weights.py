"""Our projections as nodes of NIR: delays, pooling, weights."""

import math

import numpy as np

from eventsim.errors import InputError
from eventsim.io import nir_units

_MOST_DELAYS = 32
_LARGEST = 10**8  # weights of a matrix


def write(draft, projection, source, target):
    """Add the nodes of a projection.

    Parameters
    ----------
    draft : nir_write.Draft
    projection : Projection
    source, target : nir_cells.Written
        Its ends in the graph.

    Raises
    ------
    InputError
        NIR cannot say it, with the projection's name.
    """
    kind = type(projection.connection).__name__
    entry, factor = target.entries[projection.receptor_index]
    writer = _Weights(draft, projection, source, target, entry, factor)
    if kind == "Conv2d":
        writer.convolution()
        return
    if len(target.shape) != 1 and not (kind == "OneToOne" and source.shape == target.shape):
        raise InputError(
            f'projection "{projection.name}" ({kind}) leads to the map "{projection.target.name}", which takes part in '
            "a convolution; NIR has no node that makes a map of a vector: use a convolution"
        )
    if kind == "OneToOne" and source.shape == target.shape:
        writer.scale()
    elif kind == "Dense":
        writer.dense()
    else:
        writer.listed()


class _Weights:
    def __init__(self, draft, projection, source, target, entry, factor):
        self.draft, self.nir, self.projection = draft, draft.nir, projection
        self.source, self.target, self.entry, self.factor = source, target, entry, factor
        self.name = f"{projection.source.name}_{projection.target.name}"
        self.delay = projection.delay
        self.rows = self._order(projection.source, source.shape)

    def convolution(self):
        rule = self.projection.connection
        g = rule.geometry(self.projection.source, self.projection.target)
        padding = self._padding(g)
        for weight, delay in self._by_delay(self.projection.weight):
            bias = self._channel_bias(g)
            node = self.nir.Conv2d(
                input_shape=(g.height, g.width),
                weight=np.ascontiguousarray((weight * self.factor).transpose(3, 2, 0, 1)),
                stride=(g.stride, g.stride),
                padding=padding,
                dilation=(1, 1),
                groups=1,
                bias=np.zeros(g.out_channels) if bias is None else bias,
            )
            self._chain(delay, rule.pool, node)

    def dense(self):
        rule, source = self.projection.connection, self.projection.source
        rows = self.rows
        if rule.pool > 1:
            height, width, channels = source.shape
            rows = nir_units.nir_index((channels, height // rule.pool, width // rule.pool))
        weight = np.empty_like(self.projection.weight)
        weight[rows] = self.projection.weight
        delay = self.delay
        if delay.ndim and np.all(delay == delay[:, :1]) and rule.pool == 1:
            before = np.empty(len(rows))
            before[rows] = delay[:, 0]
            self._chain(before, 1, self._linear(weight))
        elif delay.ndim and np.all(delay == delay[0]):
            self._chain(0.0, rule.pool, self._linear(weight, bias=False), behind=delay[0])
        else:
            if delay.ndim:
                self.delay = np.empty_like(delay)
                self.delay[rows] = delay
            for part, shared in self._by_delay(weight):
                self._chain(shared, rule.pool, self._linear(part))

    def scale(self):
        weight, delay = self.projection.weight, self.delay
        shape = self.projection.source.shape if len(self.source.shape) == 3 else self.source.shape
        node = self.nir.Scale(scale=nir_units.nir_from_ours(weight * self.factor, shape))
        self._chain(nir_units.nir_from_ours(delay, shape).reshape(-1) if delay.ndim else delay, 1, node)

    def listed(self):
        sizes = self.projection.source.size, self.projection.target.size
        if math.prod(sizes) > _LARGEST:
            raise InputError(
                f'projection "{self.projection.name}" becomes a matrix of {sizes[0]:,} x {sizes[1]:,} weights, because '
                f"NIR has no lists of synapses; at most {_LARGEST:,} are written"
            )
        synapses = self.projection.synapses()
        source = self.rows[synapses.source]
        delays = np.unique(synapses.delay) if np.ndim(synapses.delay) else [float(synapses.delay)]
        self._check_count(delays)
        for delay in delays:
            here = synapses.delay == delay if np.ndim(synapses.delay) else slice(None)
            weight = np.zeros(sizes)
            np.add.at(weight, (source[here], synapses.target[here]), synapses.weight[here])
            self._chain(float(delay), 1, self._linear(weight))

    def _linear(self, weight, bias=True):
        weight = np.ascontiguousarray((weight * self.factor).T)
        bias = self.target.constants.pop(self.entry, None) if bias else None
        return self.nir.Linear(weight=weight) if bias is None else self.nir.Affine(weight=weight, bias=bias)

    def _channel_bias(self, g):
        """Return the constant of the target as one a channel, where it is that; it is then done."""
        constant = self.target.constants.get(self.entry)
        if constant is None:
            return None
        places = constant.reshape(g.out_channels, -1)
        if np.any(places != places[:, :1]):
            return None
        return self.target.constants.pop(self.entry).reshape(g.out_channels, -1)[:, 0]

    def _by_delay(self, weight):
        """Yield weights and one delay each: delays that differ are written apart, the other weights zero."""
        if self.delay.ndim == 0:
            yield weight, float(self.delay)
            return
        delays = np.unique(self.delay)
        self._check_count(delays)
        for delay in delays:
            yield np.where(self.delay == delay, weight, 0.0), float(delay)

    def _check_count(self, delays):
        if len(delays) > _MOST_DELAYS:
            raise InputError(
                f'projection "{self.projection.name}" has {len(delays):,} different delays; NIR delays signals, not '
                f"synapses, and each delay takes a matrix of its own: at most {_MOST_DELAYS} are written"
            )

    def _chain(self, delay, pool, node, behind=0.0):
        """Add a delay, pooling, flattening, weights and another delay, whichever are needed, and join them."""
        names, shape = [self.source.leave], self.source.shape
        if np.any(delay):
            names.append(self._delay(delay, shape))
        if pool > 1:
            side = np.array([pool, pool])
            pooled = self.nir.AvgPool2d(kernel_size=side, stride=side, padding=np.array([0, 0]))
            names.append(self.draft.add(f"{self.name}_pool", pooled))
            shape = (shape[0], shape[1] // pool, shape[2] // pool)
            pooled.input_type, pooled.output_type = {"input": np.array(self.source.shape)}, {"output": np.array(shape)}
        if len(shape) == 3 and type(node).__name__ in ("Linear", "Affine"):
            # Counted from behind, the axes are the same for tools that count the batch among them.
            flatten = self.nir.Flatten(input_type={"input": np.array(shape)}, start_dim=-3, end_dim=-1)
            names.append(self.draft.add(f"{self.name}_flat", flatten))
        names.append(self.draft.add(f"{self.name}_weights", node))
        if np.any(behind):
            names.append(self._delay(behind, self.target.shape))
        self.draft.join(*names, self.entry)

    def _delay(self, delay, shape):
        values = np.broadcast_to(np.asarray(delay, dtype=np.float64).reshape(-1), (math.prod(shape),))
        seconds = np.array([nir_units.seconds(value) for value in values]).reshape(shape)
        return self.draft.add(f"{self.name}_delay", self.nir.Delay(delay=seconds))

    def _order(self, population, shape):
        """Return for each of our neurons its number in NIR's order."""
        return nir_units.nir_index(shape) if len(shape) == 3 else np.arange(population.size)

    def _padding(self, g):
        """Return the zeros around a map, or "same"; other tools put one zero more behind, too."""
        if self.projection.connection.padding != "same":
            return (g.pad_top, g.pad_left)
        if g.stride == 1:
            return "same"
        needed = [(places - 1) * g.stride + side - size - 2 * pad for places, side, size, pad in (
            (g.out_height, g.kernel_height, g.height, g.pad_top), (g.out_width, g.kernel_width, g.width, g.pad_left)
        )]
        room = [size + 2 * pad - side for size, pad, side in (
            (g.height, g.pad_top, g.kernel_height), (g.width, g.pad_left, g.kernel_width)
        )]
        if max(needed) > 0 or [r // g.stride + 1 for r in room] != [g.out_height, g.out_width]:
            raise InputError(
                f'projection "{self.projection.name}" has padding "same" with stride {g.stride}, which needs one zero '
                "more behind than before; NIR has the same on both sides: give padding as a number"
            )
        return (g.pad_top, g.pad_left)
