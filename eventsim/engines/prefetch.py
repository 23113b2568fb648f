"""Ask the processor for memory before it is needed.

The synapses of a spike lie somewhere in tables that are larger than the nearest caches. Asked for when
the delivery is put on the list, they have arrived when it is added.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

LINE = 64
"""Bytes that come together."""


@intrinsic
def _ask(typing_context, values, at):
    """Write the instruction."""

    def write(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        address = builder.bitcast(builder.gep(array.data, [arguments[1]]), cgutils.voidptr_t)
        number = ir.IntType(32)
        ask = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, number, number, number]),
            "llvm.prefetch.p0i8" if "*" in str(cgutils.voidptr_t) else "llvm.prefetch.p0")
        builder.call(ask, [address, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.none(values, at), write


def prefetch(values, at):
    """Ask for the line that holds `values[at]` of a contiguous array; does nothing else, and nothing in Python."""


@overload(prefetch, jit_options={"_nrt": False, "forceinline": True})
def _prefetch(values, at):
    return lambda values, at: _ask(values, at)
