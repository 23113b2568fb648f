"""The inner loop of the layered gradient: what the arrivals at a place give to the weights and to their own times.

`collect` is written as LLVM vectors, like the scans of `eventsim.engines.lanes`: the errors of a strip of lanes
stay in registers while all arrivals at the place pass, and only weights and sums are read. On one core of an
EPYC 9004 that is 6 times as fast as the same loops written in numba (measured on a network 32C5s2-64C3-128C3s2).
Where kernels run as plain Python (``NUMBA_DISABLE_JIT=1``), `in_python` stands in for it; its sums differ in
rounding.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic

from eventsim.engines.lanes import INT64, VectorCode, addresses, contiguous, index, lanes_a_vector


class _Writer(VectorCode):
    """Writes the LLVM code of `collect` for one number type."""

    def __init__(self, builder, number, back, pointers):
        super().__init__(builder, number)
        self.back = back
        (self.weights, self.gradient, self.offsets, self.entries, self.values, self.first, self.stop, self.g0, self.g1,
         self.rank, self.pulls, self.width) = pointers

    def strip(self, lane, vectors):
        """Write the passage of the arrivals through `vectors` vectors that begin at `lane`."""
        builder = self.builder
        none = ir.Constant(self.vector, [0.0] * self.lanes)
        at = [builder.add(lane, index(number * self.lanes)) for number in range(vectors)]
        c0, c1 = ([self.load(pointer, a) for a in at] for pointer in (self.g0, self.g1))
        last = [self.load(self.rank, a, self.bits) for a in at]
        integer = self.bits.element
        with cgutils.for_range_slice(builder, self.first, self.stop, index(1), INT64) as (entry, _):
            arrival = builder.zext(builder.load(builder.gep(self.entries, [entry])), INT64)
            after = self.everywhere(builder.trunc(arrival, integer) if integer.width < 64 else arrival)
            offset = builder.load(builder.gep(self.offsets, [entry]))
            base = builder.mul(arrival, index(4))
            values = [self.number(self.values, builder.add(base, index(n))) for n in range(4)]
            total = none
            for place, g0, g1, rank in zip(at, c0, c1, last, strict=True):
                there = builder.add(offset, place)
                later = builder.icmp_signed(">", rank, after)
                share = builder.call(self.multiply_add, [g0, values[0], builder.fmul(g1, values[1])])
                share = builder.select(later, share, none)
                self.store(builder.fadd(self.load(self.gradient, there), share), self.gradient, there)
                if self.back:
                    pull = builder.call(self.multiply_add, [g0, values[2], builder.fmul(g1, values[3])])
                    pull = builder.select(later, pull, none)
                    total = builder.call(self.multiply_add, [self.load(self.weights, there), pull, total])
            if self.back:
                own = builder.mul(arrival, index(self.lanes))
                self.store(builder.fadd(self.load(self.pulls, own), total), self.pulls, own)


def _collect(back):
    """Return the compiled function, with what goes back to the arrivals or without."""

    @intrinsic
    def collect(context, weights, gradient, offsets, entries, values, first, stop, g0, g1, rank, pulls, width):
        if not contiguous(weights, gradient, offsets, entries, values, g0, g1, rank, pulls):
            return None
        signature = types.void(weights, gradient, offsets, entries, values, types.int64, types.int64, g0, g1, rank,
                               pulls, types.int64)

        def write(context, builder, signature, arguments):
            writer = _Writer(builder, weights.dtype, back, addresses(context, builder, signature, arguments))
            writer.in_strips(writer.width)
            return context.get_dummy_value()

        return signature, write

    return collect


@intrinsic
def _sum_of(context, pulls, arrival):
    if not contiguous(pulls):
        return None

    def write(context, builder, signature, arguments):
        writer = VectorCode(builder, pulls.dtype)
        pointer, number = addresses(context, builder, signature, arguments)
        value = writer.load(pointer, builder.mul(number, index(writer.lanes)))
        nothing = ir.Constant(writer.vector, ir.Undefined)
        half = writer.lanes // 2
        while half:  # halves added to halves
            order = [half + n if n < half else n for n in range(writer.lanes)]
            order = ir.Constant(ir.VectorType(ir.IntType(32), writer.lanes), order)
            value = builder.fadd(value, builder.shuffle_vector(value, nothing, order))
            half //= 2
        result = builder.extract_element(value, ir.Constant(ir.IntType(32), 0))
        return builder.fpext(result, ir.DoubleType()) if writer.size == 4 else result

    return types.float64(pulls, types.int64), write


def sum_in_python(pulls, arrival):
    """Return what `sum_of` does, in plain Python."""
    vector = lanes_a_vector(pulls.itemsize)
    return float(np.sum(pulls[arrival * vector:(arrival + 1) * vector]))


def in_python(back):
    """Return `collect` as a Python function.

    Its arguments: flat weights and the gradient added to; the entries of a place: where the weights of each begin
    (`offsets`), which arrival it is (`entries`), and the range of them (`first`, `stop`); psi and psi' times its
    amplitude by arrival (flat, 4 each); gamma (2 arrays) and the number of arrivals before the spike of every padded
    lane; `pulls`, one vector an arrival, to which dL/ds is added lane by lane (`sum_of` adds those up); the padded
    lanes.
    """

    def collect(weights, gradient, offsets, entries, values, first, stop, g0, g1, rank, pulls, width):
        vector = lanes_a_vector(weights.itemsize)
        for entry in range(first, stop):
            arrival = int(entries[entry])
            q = values[4 * arrival:4 * arrival + 4]
            there = slice(offsets[entry], offsets[entry] + width)
            later = rank[:width] > arrival
            gradient[there] += np.where(later, g0[:width] * q[0] + g1[:width] * q[1], 0.0)
            if back:
                pull = weights[there] * np.where(later, g0[:width] * q[2] + g1[:width] * q[3], 0.0)
                pulls[arrival * vector:(arrival + 1) * vector] += pull.reshape(-1, vector).sum(axis=0)

    return collect


_make = in_python if config.DISABLE_JIT else _collect
collect_back = _make(True)
collect = _make(False)
sum_of = sum_in_python if config.DISABLE_JIT else _sum_of
"""The sum over the lanes of the vector of an arrival."""
