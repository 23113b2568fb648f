"""User values to plain arrays: numbers only, right shape, and an error that says which entry is wrong."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np

from eventsim.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.type_aliases import Array, Floats, Ids, Shape

MAXIMUM_SIZE = 2**31 - 1
"""Neuron ids are int32, so no population may be larger than this."""

_PART = 1 << 22
"""Ids that are counted at a time."""

SMALLEST, LARGEST = 1e-60, 1e60
"""Sizes of potentials, weights and amplitudes: products and squares of what is outside over- or underflow."""


def numbers(what: str, value: ArrayLike) -> Floats:
    """Return `value` as a new float64 array in C order.

    Parameters
    ----------
    what : str
        The name of the value, for the message.
    value : array_like
        Integers or floats of any shape.

    Raises
    ------
    InputError
        If it is not an array of real numbers.
    """
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):  # numpy would take what is below the mask
        raise InputError(f"{what} has masked entries; fill them in first.")
    try:
        array = np.asarray(value)
    except ValueError:
        raise InputError(f"{what} must be numbers of one shape; got rows of different lengths.") from None
    if array.dtype.kind not in "biuf":
        raise InputError(f"{what} must be numbers; got {_kind_of(value, array)}.")
    return np.array(array, dtype=np.float64, order="C")


def number(what: str, value: ArrayLike) -> float:
    """Return `value` as a float, or raise `InputError` where it is not one number."""
    array = numbers(what, value)
    if array.ndim:
        raise InputError(f"{what} must be one number; got an array of shape {array.shape}.")
    return float(array)


def integer(what: str, value: SupportsIndex, minimum: int | None = None, maximum: int | None = None) -> int:
    """Return `value` as an int within `minimum` and `maximum` (None: any), or raise `InputError`."""
    allowed = "a whole number"
    if minimum is not None:
        allowed += f" >= {minimum}" if maximum is None else f", {minimum} to {maximum}"
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError
        result = operator.index(value)
    except TypeError:
        raise InputError(f"{what} must be {allowed}; got {value!r}.") from None
    if (minimum is not None and result < minimum) or (maximum is not None and result > maximum):
        raise InputError(f"{what} must be {allowed}; got {result}.")
    return result


def flag(what: str, value: object) -> bool:
    """Return `value` as a bool, or raise `InputError` where it is neither True nor False."""
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"{what} must be True or False; got {value!r}.")
    return bool(value)


def positive(owner: str, **values: ArrayLike) -> None:
    """Raise `InputError` unless every value is a finite number above 0; `owner` begins the message."""
    for name, value in values.items():
        what = f"{owner} {name}".lstrip()
        if not 0.0 < number(what, value) < np.inf:
            raise InputError(f"{what} = {value!r} cannot be used; give a finite number above 0.")


def not_negative(owner: str, **values: ArrayLike) -> None:
    """Raise `InputError` unless every value is a finite number of at least 0; `owner` begins the message."""
    for name, value in values.items():
        what = f"{owner} {name}".lstrip()
        if not 0.0 <= number(what, value) < np.inf:
            raise InputError(f"{what} = {value!r} cannot be used; give a finite number of at least 0.")


def of_size(array: Floats) -> Array:
    """Return where numbers are 0 or of a size, from `SMALLEST` to `LARGEST`: their squares are numbers."""
    size = np.abs(array)
    return (size == 0.0) | ((size >= SMALLEST) & (size <= LARGEST))


def check_each(what: str, array: Array, good: Any, allowed: str) -> None:
    """Raise `InputError` that names the first entry of `array` where `good` is False.

    Parameters
    ----------
    what : str
        The name of the array.
    array, good : ndarray
        Values, and whether each is allowed; the same shape.
    allowed : str
        What is allowed, to end the message with.
    """
    if np.all(good):
        return
    position = np.unravel_index(int(np.argmin(good)), good.shape)
    at = f"[{', '.join(str(int(p)) for p in position)}]" if position else ""
    raise InputError(f"{what}{at} is {float(array[position]):g}; {allowed}.")


def ids(what: str, value: ArrayLike, size: int, owner: str) -> Ids:
    """Return `value` as a new int32 array (n,) of neuron ids below `size`.

    Raises
    ------
    InputError
        If they are not whole numbers in one row, or one is outside 0 to size - 1 of `owner`.
    """
    try:
        array = np.asarray(value)
    except ValueError:
        raise InputError(f"{what} must be one row of neuron ids; got rows of different lengths.") from None
    if array.ndim != 1:
        raise InputError(f"{what} must be one row of neuron ids; got shape {array.shape}.")
    if array.size and array.dtype.kind not in "iu":
        raise InputError(f"{what} must be whole numbers (neuron ids); got {_kind_of(value, array)}.")
    if array.size:
        check_each(what, array, (array >= 0) & (array < size), f'"{owner}" has neurons 0 to {size - 1}')
    return array.astype(np.int32)


def shape(what: str, value: Shape) -> tuple[int, ...]:
    """Return `value`, an int or a tuple of ints, as a tuple of ints.

    Raises
    ------
    InputError
        If a part is not a whole number >= 1, or the product is above 2**31 - 1.
    """
    parts = value if isinstance(value, tuple | list) else (value,)
    if not parts:
        raise InputError(f"{what} must be a number of neurons or a shape such as (28, 28, 1); got ().")
    result = tuple(integer(f"every part of {what}", part, 1) for part in parts)
    total = 1
    for part in result:
        total *= part
    if total > MAXIMUM_SIZE:
        raise InputError(f"{what} {result} has {total} neurons; at most {MAXIMUM_SIZE} are allowed.")
    return result


def tally(ids: Ids, size: int, weights: Floats | None = None) -> Array:
    """Return how often each id occurs, or the sum of the weights of each: `numpy.bincount` a part at a time.

    `numpy.bincount` copies ids to 8 bytes, which would be the largest need of a network of 10^8 synapses.

    Parameters
    ----------
    ids : ndarray of int (n,)
    size : int
        Ids are below.
    weights : ndarray of float (n,), optional
    """
    total = np.zeros(size, np.int64 if weights is None else np.float64)
    for first in range(0, len(ids), _PART):
        part = slice(first, first + _PART)
        total += np.bincount(ids[part], None if weights is None else weights[part], size)
    return total


def frozen(array: Array) -> Any:
    """Return a view of `array` that refuses to be written to."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view


def _kind_of(value: object, array: Array) -> str:
    if value is None:
        return "None"
    if array.dtype.kind in "OUS":
        return f"{type(value).__name__} {str(value)[:40]!r}" if array.ndim == 0 else "objects or text"
    return f"the type {array.dtype}"
