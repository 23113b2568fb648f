"""Recordings of event cameras and of silicon (or model) cochleas: a batch of streams of address events.

An event says that at one instant one pixel saw its brightness rise (ON) or fall (OFF). A cochlea is a sensor of
height 1 whose events are all ON. `eventsim.encode.events` turns recordings into input spikes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import numpy as np

from eventsim import arrays
from eventsim.errors import InputError, expect

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike

    from eventsim.type_aliases import Array, Floats, Ids, Integers, Samples, Shape


class Recordings:
    """An immutable batch of recordings of one kind of sensor.

    Parameters
    ----------
    time : array_like of float
        Time of each event in ms from the start of its recording, finite, >= 0. Within a recording events are
        sorted by time for the user; events of one instant keep their order.
    x, y : array_like of int
        Column and row of the pixel.
    polarity : array_like of int
        1: ON, 0: OFF.
    offset : array_like of int, optional
        Recording ``s`` has the events ``offset[s]`` to ``offset[s + 1]``. Default: all are of one recording.
    shape : (int, int)
        Height and width of the sensor in pixels.

    Attributes
    ----------
    time, x, y, polarity : ndarray of float64, int32, int32, int8, shape (events,)
        The events, recording after recording, each in order of time; read-only.
    offset : ndarray of int64, shape (recordings + 1,)
        First event of each recording, and the number of events; read-only.
    shape : tuple of int
        Height and width of the sensor.

    Raises
    ------
    InputError
        For columns of different lengths, a time that is negative or not finite, a pixel outside the sensor,
        another polarity, or offsets that do not rise from 0 to the number of events.

    Examples
    --------
    >>> two = Recordings([0.5, 0.1, 2.0], [3, 4, 3], [0, 0, 1], [1, 0, 1], offset=[0, 2, 3], shape=(2, 5))
    >>> len(two), two.time, two[1:].x
    (2, array([0.1, 0.5, 2. ]), array([3], dtype=int32))
    """

    __slots__ = ("_columns", "_offset", "_shape")

    def __init__(
        self,
        time: ArrayLike,
        x: ArrayLike,
        y: ArrayLike,
        polarity: ArrayLike,
        offset: ArrayLike | None = None,
        *,
        shape: Shape,
    ) -> None:
        shape = arrays.shape("shape", shape)
        if len(shape) != 2:
            raise InputError(f"the shape of recordings is {shape}; give (height, width) of the sensor")
        time = arrays.numbers("time", time)
        arrays.check_each("time", time, (time >= 0.0) & np.isfinite(time), "times of events are finite and >= 0 ms")
        height, width = shape
        columns = (
            time + 0.0,  # turns -0.0 into 0.0
            _whole("x", x, width, f"the sensor has columns 0 to {width - 1}", np.int32),
            _whole("y", y, height, f"the sensor has rows 0 to {height - 1}", np.int32),
            _whole("polarity", polarity, 2, "polarities are 1 (ON) and 0 (OFF)", np.int8),
        )
        if time.ndim != 1 or any(column.shape != time.shape for column in columns):
            shapes = ", ".join(str(column.shape) for column in columns)
            raise InputError(f"time, x, y and polarity have shapes {shapes}; give one row each, of one length")
        self._offset = _frozen(_offsets(offset, time.size))
        order = _order(time, self._offset)
        self._columns = tuple(_frozen(column if order is None else column[order]) for column in columns)
        self._shape = shape

    @classmethod
    def of(cls, parts: Iterable[Recordings]) -> Recordings:
        """Return several `Recordings` of one shape as one batch, in the order given.

        Parameters
        ----------
        parts : sequence of Recordings

        Raises
        ------
        InputError
            If there are none, or their shapes differ.
        """
        expect("parts", parts, Iterable, "a list of Recordings")
        parts = list(parts)
        for part in parts:
            expect("a part", part, Recordings, "a list of Recordings")
        shapes = {part.shape for part in parts}
        if len(shapes) != 1:
            raise InputError(f"recordings of {len(shapes)} shapes cannot be joined; give at least one, of one shape")
        ends = np.cumsum([0, *(part.offset[-1] for part in parts)])
        offset = np.concatenate([[0], *(part.offset[1:] + end for part, end in zip(parts, ends, strict=False))])
        columns = (np.concatenate(column) for column in zip(*(part._columns for part in parts), strict=True))
        return cls._made(columns, offset.astype(np.int64), shapes.pop())

    @classmethod
    def _made(cls, columns: Iterable[Array], offset: Integers, shape: tuple[int, int]) -> Recordings:
        """Return recordings of columns that are known to be in order."""
        made = object.__new__(cls)
        made._columns, made._offset, made._shape = tuple(map(_frozen, columns)), _frozen(offset), shape
        return made

    @property
    def time(self) -> Floats:
        """Time of each event in ms from the start of its recording, float64, shape (events,)."""
        return self._columns[0]

    @property
    def x(self) -> Ids:
        """Column of each event, int32, shape (events,)."""
        return self._columns[1]

    @property
    def y(self) -> Ids:
        """Row of each event, int32, shape (events,)."""
        return self._columns[2]

    @property
    def polarity(self) -> Array:
        """1 for ON, 0 for OFF, int8, shape (events,)."""
        return self._columns[3]

    @property
    def offset(self) -> Integers:
        """First event of each recording, and the number of events; int64, shape (recordings + 1,)."""
        return self._offset

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the sensor in pixels."""
        return self._shape

    @property
    def counts(self) -> Integers:
        """Number of events of each recording, int64, shape (recordings,)."""
        return np.diff(self._offset)

    @property
    def duration(self) -> Floats:
        """Time of the last event of each recording in ms, 0 where there is none; float64, shape (recordings,)."""
        last = np.zeros(len(self))
        some = self.counts > 0
        last[some] = self.time[self._offset[1:][some] - 1]
        return last

    def digest(self) -> str:
        """Return the SHA-256 (hexadecimal) of the shape, the offsets and all events."""
        digest = hashlib.sha256(np.array(self._shape, np.int64).data)
        for column in (self._offset, *self._columns):
            digest.update(np.ascontiguousarray(column).data)
        return digest.hexdigest()

    def __len__(self) -> int:
        return self._offset.size - 1

    def __getitem__(self, samples: Samples) -> Recordings:
        """Return a copy of some recordings, in the order asked for, as `Recordings`; one may be asked for twice.

        Raises
        ------
        InputError
            For a recording that does not exist.
        """
        wanted = self._wanted(samples)
        counts = self.counts[wanted]
        offset = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        chosen = np.arange(offset[-1]) + np.repeat(self._offset[wanted] - offset[:-1], counts)
        return self._made((column[chosen] for column in self._columns), offset, self._shape)

    def _wanted(self, samples: Samples) -> Integers:
        try:
            if isinstance(samples, slice):
                return np.arange(len(self))[samples]
            index = np.asarray(samples)
            if index.size == 0 and index.dtype != bool:
                index = index.astype(np.int64)  # numpy makes the empty list an array of floats
            return np.arange(len(self))[index].ravel()
        except (IndexError, OverflowError, TypeError, ValueError):
            given = " ".join(repr(samples).split())[:60]
            raise InputError(f"recordings {given} cannot be selected; allowed: recordings 0 to {len(self) - 1}, as an "
                             "integer, a slice, integers or a mask") from None

    def __iter__(self) -> Iterator[Recordings]:
        """Yield each recording as `Recordings` of one."""
        return (self[number] for number in range(len(self)))

    def __array__(self, dtype: Any = None, copy: Any = None) -> NoReturn:
        """Refuse to become an array: what asks for one cannot take events."""
        raise InputError("recordings of events are no array of images, which is needed here; encode them with "
                         "encode.events, and drop what changes images (augmentation, disturbance)")

    def __eq__(self, other: object) -> bool:
        """Tell whether both hold the same recordings, bit for bit."""
        if not isinstance(other, Recordings):
            return NotImplemented
        return self._shape == other._shape and all(
            np.array_equal(mine, yours)
            for mine, yours in zip((self._offset, *self._columns), (other._offset, *other._columns), strict=True))

    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # as Python itself has it

    def __repr__(self) -> str:
        height, width = self._shape
        return f"Recordings({len(self)} recordings, {self.time.size} events, {height} x {width} pixels)"


def _frozen(array: Array) -> Array:
    array.flags.writeable = False
    return array


def _whole(what: str, values: ArrayLike, count: int, allowed: str, kind: DTypeLike) -> Array:
    """Return numbers 0 to `count` - 1 as a new array of type `kind`."""
    array = arrays.numbers(what, values)
    arrays.check_each(what, array, (array >= 0) & (array < count) & (array == np.rint(array)), allowed)
    return array.astype(kind)


def _offsets(offset: ArrayLike | None, n_events: int) -> Integers:
    offset = np.array([0, n_events]) if offset is None else arrays.numbers("offset", offset)
    if (offset.ndim != 1 or offset.size < 1 or offset[0] != 0 or offset[-1] != n_events
            or (np.diff(offset) < 0).any() or (offset != np.rint(offset)).any()):
        raise InputError(f"the offsets of the recordings do not fit {n_events} events; give whole numbers that start "
                         f"with 0, never fall, and end with {n_events}")
    return offset.astype(np.int64)


def _order(time: Floats, offset: Integers) -> Integers | None:
    """Return the stable permutation to order of time within each recording, or None where it changes nothing."""
    falls = np.flatnonzero(time[1:] < time[:-1]) + 1
    if np.isin(falls, offset).all():
        return None
    return np.lexsort((time, np.repeat(np.arange(offset.size - 1), np.diff(offset))))
