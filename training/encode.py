"""Encoders as objects: `eventsim.encode` with its settings kept, so that a model file can hold them.

An encoder is called with a batch, an array (samples, ...) or `eventsim.recordings.Recordings`, and returns the
stimulus of a simulation, ``{input name: Spikes}``.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import Field, asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from eventsim import arrays, encode
from eventsim.errors import InputError, choose, expect
from eventsim.recordings import Recordings

if TYPE_CHECKING:
    from eventsim.spikes import Spikes
    from eventsim.type_aliases import Array, Floats, Values
    from training.type_aliases import Report, Settings


def as_values(values: Values) -> Array | Recordings:
    """Return samples as an array, and `Recordings` as they are: both have a length and are indexed alike.

    Parameters
    ----------
    values : array_like or Recordings
    """
    if isinstance(values, Recordings):
        return values
    try:
        array = np.asarray(values)
    except ValueError:
        raise InputError("The samples have different shapes; give an array (samples, ...).") from None
    if array.ndim == 0:
        raise InputError(f"The samples are of the type {type(values).__name__}; give an array (samples, ...).")
    return array


def sample_shape(values: Array | Recordings) -> tuple[int, ...]:
    """Return the shape of one of the `values` (samples, ...), and (height, width) of `Recordings`."""
    return values.shape if isinstance(values, Recordings) else values.shape[1:]


class Encoder:
    """Base of the encoders: settings in, settings out.

    ``input`` is the name of the input population; None until a `Model` with a single input fills it in.
    """

    input: str | None = None
    bias: float | Sequence[float] | None
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]  # the encoders are dataclasses

    def spikes(self, values: Values) -> Spikes:
        """Return `values` (samples, ...) as `eventsim.Spikes`."""
        raise NotImplementedError

    def __call__(self, values: Values) -> dict[str, Spikes]:
        """Return ``{input name: Spikes}`` for the batch `values` (samples, ...)."""
        return {self.input or "input": self.spikes(values)}

    def for_input(self, name: str | None) -> Self:
        """Return this encoder, feeding the input population `name` where it named none itself."""
        return self if self.input is not None else replace(self, input=name)

    def size(self, shape: Sequence[int]) -> int:
        """Return the number of input neurons for samples of `shape`."""
        bias = () if self.bias is None else np.atleast_1d(self.bias)
        return math.prod(_checked_shape(shape)) + len(bias)

    def shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Return the shape of the input population for samples of `shape`: a map stays one, without a bias."""
        return _checked_shape(shape) if self.bias is None else (self.size(shape),)

    def to_dict(self) -> Report:
        """Return the kind and the settings, ready for JSON."""
        return {"kind": next(k for k, v in KINDS.items() if v is type(self)), **asdict(self)}


def _checked_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the shape of a sample as a tuple of ints, or raise `InputError`."""
    expect("shape", shape, Collection, "the shape of a sample, such as (28, 28)")
    if not len(shape):
        raise InputError("shape is empty; give the shape of a sample, such as (28, 28).")
    return tuple(arrays.integer("every part of shape", part, 0) for part in shape)


def _plain(owner: Encoder, bias: float | Sequence[float] | None) -> None:
    """Keep the bias times as a tuple of floats (a frozen dataclass compares and prints them)."""
    if bias is not None:
        times = np.atleast_1d(arrays.numbers("bias", bias))
        if times.ndim > 1:
            raise InputError(f"bias has the shape {times.shape}; give one time or a sequence of times in ms")
        object.__setattr__(owner, "bias", tuple(times.tolist()))


@dataclass(frozen=True)
class Latency(Encoder):
    """One spike a value, the larger the earlier: `eventsim.encode.latency` with these settings.

    Parameters
    ----------
    t_max, t_min : float
        Times in ms of the darkest and of the brightest value.
    threshold : float
        Largest value (of 0 to 1) that stays silent.
    channels : {"on", "on_off", "contrast", "opponent"}
    scale : float, optional
        The value that stands for 1.
    bias : float or sequence of float, optional
        Times in ms of further input neurons that spike in every sample.
    input : str, optional
        Name of the input population.
    step : float, optional
        Times are rounded to multiples of this many ms.
    surround : float, optional
        Pixels around a place whose mean ``"contrast"`` and ``"opponent"`` compare it with.
    """

    t_max: float = 1.0
    t_min: float = 0.0
    threshold: float = 0.0
    channels: Literal["on", "on_off", "contrast", "opponent"] = "on"
    scale: float | None = None
    bias: float | Sequence[float] | None = None
    input: str | None = None
    step: float | None = None
    surround: float | None = None

    def __post_init__(self) -> None:
        """Refuse settings that no batch could be encoded with."""
        _plain(self, self.bias)
        self.spikes(np.zeros((1, 2, 2, 3 if self.channels == "opponent" else 1)))

    def spikes(self, values: Values) -> Spikes:
        """Return `values` (samples, ...) as `eventsim.Spikes`."""
        return encode.latency(
            values, self.t_max, self.t_min, self.threshold, self.channels, self.scale, self.bias, self.step,
            self.surround
        )

    def size(self, shape: Sequence[int]) -> int:
        """Return the number of input neurons for samples of `shape`."""
        doubled = math.prod(_checked_shape(shape)) if self.channels != "on" else 0
        return super().size(shape) + doubled

    def shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Return the shape of the input population: all ON channels, then as many OFF channels."""
        if self.bias is not None or self.channels == "on":
            return super().shape(shape)
        shape = _checked_shape(shape)
        return (*shape, 2) if len(shape) == 2 else (*shape[:-1], 2 * shape[-1])


@dataclass(frozen=True)
class Coordinates(Encoder):
    """One spike a coordinate of a point in 0..1: `eventsim.encode.coordinates` with these settings.

    Parameters
    ----------
    t_min, t_max : float
        Times in ms of the coordinates 0 and 1.
    bias : float or sequence of float, optional
        Times in ms of further input neurons that spike in every sample.
    input : str, optional
        Name of the input population.
    """

    t_min: float = 0.0
    t_max: float = 1.0
    bias: float | Sequence[float] | None = None
    input: str | None = None

    def __post_init__(self) -> None:
        """Refuse settings that no batch could be encoded with."""
        _plain(self, self.bias)
        self.spikes(np.zeros((1, 2)))

    def spikes(self, values: Values) -> Spikes:
        """Return `values` (samples, ...) as `eventsim.Spikes`."""
        return encode.coordinates(values, self.t_min, self.t_max, bias=self.bias)


@dataclass(frozen=True)
class Events(Encoder):
    """One spike an event of `eventsim.recordings.Recordings`: `eventsim.encode.events` with these settings.

    Parameters
    ----------
    pool : int or (int, int)
        So many rows and columns of pixels feed one input neuron.
    time_scale : float
        Factor on the times of the events.
    t_max : float, optional
        Spikes after this time in ms, after scaling, are left out.
    polarity : {"channels", "merged", "on"}
        ON and OFF events in two channels, both in one, or ON events alone.
    input : str, optional
        Name of the input population.
    """

    pool: int | tuple[int, int] = 1
    time_scale: float = 1.0
    t_max: float | None = None
    polarity: Literal["channels", "merged", "on"] = "channels"
    input: str | None = None

    def __post_init__(self) -> None:
        """Refuse settings that no batch could be encoded with."""
        if isinstance(self.pool, list):  # of a file
            object.__setattr__(self, "pool", tuple(self.pool))
        self.spikes(Recordings([], [], [], [], shape=encode.pools(self.pool)))

    def spikes(self, values: Any) -> Spikes:
        """Return `values`, `Recordings`, as `eventsim.Spikes`."""
        return encode.events(values, self.pool, self.time_scale, self.t_max, self.polarity)

    def size(self, shape: Sequence[int]) -> int:
        """Return the number of input neurons for recordings of `shape` (height, width)."""
        return math.prod(self.shape(shape))

    def shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Return the shape (height, width, channels) of the input population for recordings of `shape`."""
        return encode.events_shape(shape, self.pool, self.polarity)


def one_a_neuron(spikes: Spikes, name: str, size: int) -> tuple[Floats, Floats]:
    """Return the spikes of an input as arrays.

    Parameters
    ----------
    spikes : eventsim.Spikes
    name : str
        Of the input population.
    size : int
        Its number of neurons.

    Returns
    -------
    ndarray (samples, neurons), ndarray (samples, neurons)
        Time of the spike in ms, inf: silent; its amplitude.

    Raises
    ------
    InputError
        A neuron spikes several times in a sample.
    """
    times = np.full((spikes.n_samples, size), np.inf)
    amplitude = np.ones_like(times)
    times[spikes.sample, spikes.neuron] = spikes.time
    amplitude[spikes.sample, spikes.neuron] = spikes.amplitude
    if np.isfinite(times).sum() < len(spikes.time):
        raise InputError(f'"{name}" has several spikes of a neuron in a sample; give one at most.')
    return times, amplitude


KINDS: dict[str, type[Encoder]] = {"latency": Latency, "coordinates": Coordinates, "events": Events}
"""Encoders by the name that files use."""


def from_dict(settings: Settings) -> Encoder:
    """Return the encoder that `Encoder.to_dict` described.

    Parameters
    ----------
    settings : dict

    Raises
    ------
    InputError
        An unknown encoder or setting.
    """
    expect("The settings of the encoder", settings, Mapping, 'a dict such as {"kind": "latency"}')
    settings = dict(settings)
    if "kind" not in settings:
        raise InputError(f"The encoder has no kind; give one of {', '.join(KINDS)}.")
    kind = KINDS[choose("encoder", settings.pop("kind"), KINDS)]
    for name in settings:
        choose("The encoder setting", name, tuple(kind.__dataclass_fields__))
    return kind(**settings)
