"""The inner loop of the layered gradient: what one arrival gives to the weights and to its own time.

`collect` is written as LLVM vectors, like the scans of `eventsim.engines.lanes`: an arrival reaches a rectangle
of places with the same lanes each, and all of them are gone through with the vectors of one place side by side.
On one core of an EPYC 9004 that is 6 times as fast as the same loops written in numba (measured on a network
32C5s2-64C3-128C3s2). Where kernels run as plain Python (``NUMBA_DISABLE_JIT=1``), `in_python` stands in for it;
its sums differ in rounding.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic

from eventsim.engines.lanes import VectorCode

_INT64 = ir.IntType(64)


class _Writer(VectorCode):
    """Writes the LLVM code of `collect` for one number type."""

    def __init__(self, builder, number, back):
        super().__init__(builder, number)
        self.back = back

    def place(self, weights, gradient, g0, g1, rank, first, offset, width, after, values, total):
        """Write the passage of the arrival through the lanes of one place."""
        builder = self.builder
        none = ir.Constant(self.vector, [0.0] * self.lanes)
        step = ir.Constant(_INT64, self.lanes)
        with cgutils.for_range_slice(builder, ir.Constant(_INT64, 0), width, step, _INT64) as (lane, _):
            here, there = builder.add(first, lane), builder.add(offset, lane)
            later = builder.icmp_signed(">", self.load(rank, here, self.bits), after)
            c0, c1 = self.load(g0, here), self.load(g1, here)
            share = builder.call(self.multiply_add, [c0, values[0], builder.fmul(c1, values[1])])
            share = builder.select(later, share, none)
            self.store(builder.fadd(self.load(gradient, there), share), gradient, there)
            if self.back:
                pull = builder.call(self.multiply_add, [c0, values[2], builder.fmul(c1, values[3])])
                pull = builder.select(later, pull, none)
                builder.store(builder.call(self.multiply_add, [self.load(weights, there), pull, builder.load(total)]),
                              total)

    def sum(self, total):
        """Return the sum of the lanes, halves added to halves."""
        builder, value, lanes = self.builder, self.builder.load(total), self.lanes
        nothing = ir.Constant(self.vector, ir.Undefined)
        half = lanes // 2
        while half:
            order = [half + n if n < half else n for n in range(lanes)]
            other = builder.shuffle_vector(value, nothing, ir.Constant(ir.VectorType(ir.IntType(32), lanes), order))
            value = builder.fadd(value, other)
            half //= 2
        return builder.extract_element(value, ir.Constant(ir.IntType(32), 0))


def _collect(back):
    """Return the compiled function, with what goes back to the arrival or without."""

    @intrinsic
    def collect(context, weights, gradient, g0, g1, rank, arrival, values, reach, start, down, right, out_width,
                width):
        arrays = weights, gradient, g0, g1, rank, values
        if not all(isinstance(array, types.Array) and array.layout == "C" for array in arrays):
            return None
        signature = types.float64(weights, gradient, g0, g1, rank, types.int64, values, types.UniTuple(types.int64, 4),
                                  *[types.int64] * 5)

        def write(context, builder, signature, arguments):
            pointers = []
            for kind, value in zip(signature.args, arguments, strict=True):
                array = isinstance(kind, types.Array)
                pointers.append(context.make_array(kind)(context, builder, value).data if array else value)
            at_w, at_g, at_0, at_1, at_rank, arrival, at_values, reach, start, down, right, out_width, width = pointers
            writer = _Writer(builder, weights.dtype, back)
            y0, y1, x0, x1 = cgutils.unpack_tuple(builder, reach, 4)
            integer = writer.bits.element
            after = writer.everywhere(builder.trunc(arrival, integer) if integer.width < 64 else arrival)
            numbers = [writer.number(at_values, ir.Constant(_INT64, n)) for n in range(4)]
            total = cgutils.alloca_once(builder, writer.vector)
            builder.store(ir.Constant(writer.vector, [0.0] * writer.lanes), total)
            one = ir.Constant(_INT64, 1)
            with cgutils.for_range_slice(builder, y0, builder.add(y1, one), one, _INT64) as (y, _):
                line, from_y = builder.mul(y, out_width), builder.add(start, builder.mul(y, down))
                with cgutils.for_range_slice(builder, x0, builder.add(x1, one), one, _INT64) as (x, _):
                    first = builder.mul(builder.add(line, x), width)
                    offset = builder.add(from_y, builder.mul(x, right))
                    writer.place(at_w, at_g, at_0, at_1, at_rank, first, offset, width, after, numbers, total)
            result = writer.sum(total)
            return builder.fpext(result, ir.DoubleType()) if writer.size == 4 else result

        return signature, write

    return collect


def in_python(back):
    """Return `collect` as a Python function.

    Its arguments: flat weights and the gradient added to, gamma (2 arrays) and the number of arrivals before the
    spike of every (place, padded lane), the number of the arrival, psi and psi' times its amplitude (4,), the
    rectangle of places (first y, last y, first x, last x), where the weights of place (0, 0) begin and by how much
    that moves with a place down and right, the places a row, and the padded lanes. It returns dL/ds of the
    arrival, 0 if it does not go back.
    """

    def collect(weights, gradient, g0, g1, rank, arrival, values, reach, start, down, right, out_width, width):
        total = 0.0
        for y in range(reach[0], reach[1] + 1):
            for x in range(reach[2], reach[3] + 1):
                first, offset = (y * out_width + x) * width, start + y * down + x * right
                here, there = slice(first, first + width), slice(offset, offset + width)
                later = rank[here] > arrival
                gradient[there] += np.where(later, g0[here] * values[0] + g1[here] * values[1], 0.0)
                if back:
                    pull = np.where(later, g0[here] * values[2] + g1[here] * values[3], 0.0)
                    total += float(np.sum(weights[there] * pull))
        return total

    return collect


_make = in_python if config.DISABLE_JIT else _collect
collect_back = _make(True)
collect = _make(False)
