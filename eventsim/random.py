"""Random numbers by counter: a draw is a function of (seed, name, counters), never of what was drawn before.

The generator is Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as
1, 2, 3", SC 2011). A stream is named, for instance by a projection; inside it four 32-bit counters
select the draw (target neuron, sample, index of the draw, ...). So adding a population, building in
another order or splitting a batch changes no other draw.

Only 32 x 32 -> 64 bit products occur, so that plain arrays, numpy scalars and compiled kernels give
the same bits without overflow.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from eventsim.type_aliases import Key

_MASK = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_MULTIPLIER_0 = np.uint64(0xD2511F53)
_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = np.uint64(0x9E3779B9)
_WEYL_1 = np.uint64(0xBB67AE85)
_SIX = np.uint64(6)


def fresh_seed() -> int:
    """Return a new seed of 63 bits from the operating system."""
    return secrets.randbits(63)


def stream_key(seed: int, name: str) -> Key:
    """Return the two 32-bit key words of the stream `name` under `seed`."""
    digest = hashlib.sha256(f"{int(seed)}\0{name}".encode()).digest()
    return np.uint64(int.from_bytes(digest[:4], "little")), np.uint64(int.from_bytes(digest[4:8], "little"))


def philox4x32(c0, c1, c2, c3, k0, k1):
    """Return the four 32-bit words of Philox4x32-10; all arguments uint64 below 2**32, scalars or arrays."""
    for _ in range(10):
        product_0 = _MULTIPLIER_0 * c0
        product_1 = _MULTIPLIER_1 * c2
        c0 = (product_1 >> _SHIFT) ^ c1 ^ k0
        c2 = (product_0 >> _SHIFT) ^ c3 ^ k1
        c1 = product_1 & _MASK
        c3 = product_0 & _MASK
        k0 = (k0 + _WEYL_0) & _MASK
        k1 = (k1 + _WEYL_1) & _MASK
    return c0, c1, c2, c3


def to_unit_interval(high, low):
    """Return a float64 strictly between 0 and 1 from two 32-bit words (52 random bits)."""
    bits = (high >> _SIX) * 67108864.0 + (low >> _SIX)
    return (bits + 0.5) * 2.220446049250313e-16


def uniform(key, a, b=0, c=0, d=0):
    """Return uniform draws strictly between 0 and 1.

    Parameters
    ----------
    key : tuple
        Of `stream_key`.
    a, b, c, d : int or array of int
        Counters, 0 to 2**32 - 1, broadcast against each other.

    Returns
    -------
    float64 or array of float64
    """
    a, b, c, d = np.broadcast_arrays(*(np.asarray(x).astype(np.uint64) for x in (a, b, c, d)))
    w0, w1, _, _ = philox4x32(a, b, c, d, key[0], key[1])
    return to_unit_interval(w0, w1)
