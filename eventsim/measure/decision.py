"""Who wins, and when: the decision of every sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from eventsim import arrays
from eventsim.arrays import frozen
from eventsim.errors import InputError, choose, expect_trace
from eventsim.measure import readout

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.trace import Trace
    from eventsim.type_aliases import Array, Flags, Floats, Integers

RULES = ("first_spike", "margin", "potential")


@dataclass(frozen=True)
class Decision:
    """The decision of every sample; latency counts from the onset of the stimulus (t = 0 of the sample).

    Attributes
    ----------
    label : numpy.ndarray
        The output neuron that wins, int64 (samples,); -1: undecided, counted as wrong.
    time : numpy.ndarray
        When it was decided in ms, float64 (samples,); inf: undecided.
    decided : numpy.ndarray
        bool (samples,).
    settling_time : numpy.ndarray or None
        Silent readouts, rule "potential": the last time in ms at which the argmax of the potentials
        changed, float64 (samples,); 0 where it never did.
    forced : numpy.ndarray
        bool (samples,): rule "margin": nobody was ahead far enough, the horizon decided; else False.
    rule : str
        "first_spike", "margin" or "potential".
    output : str
        The population that decided.
    """

    label: Integers
    time: Floats
    decided: Flags
    settling_time: Floats | None
    forced: Flags
    rule: str
    output: str

    def accuracy(self, labels: ArrayLike) -> float:
        """Return the share of samples decided for their label.

        Parameters
        ----------
        labels : array_like of int
            True class of every sample, (samples,).

        Returns
        -------
        float
            0 to 1; NaN without samples.

        Raises
        ------
        InputError
            Not one label a sample.
        """
        return share_right(self.label, labels)


def share_right(label: Array, labels: ArrayLike) -> float:
    """Return the share of equal entries.

    Parameters
    ----------
    label : numpy.ndarray
        Decisions, int (samples,).
    labels : array_like of int
        True classes, (samples,).

    Returns
    -------
    float
        0 to 1; NaN without samples.

    Raises
    ------
    InputError
        Not one label a sample.
    """
    true = arrays.numbers("labels", labels)
    if true.shape != label.shape:
        raise InputError(f"labels have shape {true.shape}; give one a sample, shape {label.shape}")
    return float(np.mean(label == true)) if len(label) else float("nan")


def output_of(trace: Trace, output: str | None) -> tuple[str, bool]:
    """Return the name of the population that decides, and whether it is a silent readout.

    Parameters
    ----------
    trace : Trace
        The run.
    output : str or None
        The population; None: ``trace.output``.

    Returns
    -------
    (str, bool)
        Name, and True where no neuron of it can fire.

    Raises
    ------
    InputError
        Unknown population, an input, or no output that is clear by itself.
    """
    expect_trace(trace)
    name = trace.output if output is None else trace.with_output(output).output
    return name, trace.network.populations[name].is_readout


def decide(
    trace: Trace,
    output: str | None = None,
    rule: Literal["first_spike", "potential", "margin"] | None = None,
    margin: float | None = None,
) -> Decision:
    """Decide every sample.

    first_spike
        The earliest output spike decides, at its time; ties go to the lowest id; none by the horizon:
        undecided.
    potential
        For a silent readout: the argmax of the potentials at the horizon (left limit; ties: lowest id);
        latency = horizon. `settling_time` is the exact last change of the argmax: crossings of two
        potentials between arrivals are found in closed form. Two potentials that only touch do not
        change it.
    margin
        Decide as soon as the leading output is clearly ahead. *Spiking output:* the earliest output
        neuron decides `margin` ms after its first spike, if no other output neuron has fired by then (one
        that fires exactly then is late enough); ``margin=0`` is first_spike. *Silent readout:* the first
        time at which one potential is larger than all others by at least `margin` (unit of V). Where
        nobody gets so far before the horizon, the horizon decides, for the earliest spike or for the
        argmax, and `forced` says so. A spiking output without a spike stays undecided.

    Parameters
    ----------
    trace : Trace
        The run.
    output : str, optional
        The population that decides; default: ``trace.output``.
    rule : {"first_spike", "potential", "margin"}, optional
        Default: "first_spike" for an output that fires, "potential" for a silent readout.
    margin : float, optional
        For rule "margin": ms >= 0 for a spiking output, potential > 0 for a silent readout.

    Returns
    -------
    Decision
        Arrays with one entry a sample.

    Raises
    ------
    InputError
        Unknown output or rule, a rule that does not fit the output, or a margin that is missing, not
        needed or out of range.
    """
    name, silent = output_of(trace, output)
    rule = ("potential" if silent else "first_spike") if rule is None else choose("rule", rule, RULES)
    if rule == "first_spike" and silent:
        raise InputError(f'"{name}" is a silent readout and never fires; use rule "potential" or "margin"')
    if rule == "potential" and not silent:
        raise InputError(f'"{name}" fires, potentials decide only on silent readouts; use rule "first_spike"')
    if rule != "margin":
        if margin is not None:
            raise InputError(f'rule "{rule}" takes no margin; use rule "margin"')
        return _by_potential(trace, name) if silent else _by_first_spike(trace, name)
    return (_by_potential_margin if silent else _by_spike_margin)(trace, name, _checked_margin(margin, silent))


def _checked_margin(margin: Any, silent: bool) -> float:
    allowed = "a potential > 0" if silent else "a time >= 0 ms"
    try:
        usable = np.isfinite(margin) and (margin > 0 or (margin == 0 and not silent))
    except (TypeError, ValueError):
        usable = False
    if not usable:
        raise InputError(f'rule "margin" on this output needs margin = {allowed}, finite; got {margin}')
    return float(margin)


def _decision(
    label: Array, time: Floats, settling: Floats | None, forced: Array | None, rule: str, name: str
) -> Decision:
    forced = np.zeros(len(label), dtype=bool) if forced is None else forced
    settling = None if settling is None else frozen(settling)
    return Decision(
        frozen(label.astype(np.int64)), frozen(time), frozen(label >= 0), settling, frozen(forced), rule, name)


def _earliest(first: Floats) -> tuple[Integers, Floats]:
    """Return the earliest neuron of each sample (ties: lowest id; -1: none) and its time (inf: none)."""
    if first.shape[1] == 0:
        return np.full(len(first), -1), np.full(len(first), np.inf)
    label = first.argmin(axis=1)
    time = first[np.arange(len(first)), label]
    return np.where(np.isfinite(time), label, -1), time


def _by_first_spike(trace: Trace, name: str) -> Decision:
    label, time = _earliest(trace.first_spikes(name))
    return _decision(label, time, None, None, "first_spike", name)


def _by_spike_margin(trace: Trace, name: str, margin: float) -> Decision:
    first = trace.first_spikes(name)
    label, time = _earliest(first)
    if first.shape[1] > 1:
        second = np.partition(first, 1, axis=1)[:, 1]
    else:
        second = np.full(len(first), np.inf)
    clear = (second >= time + margin) & (time + margin < trace.ended)
    if margin == 0.0:
        clear[:] = True
    fired = label >= 0
    forced = fired & ~clear
    when = np.where(fired, np.where(clear, time + margin, trace.ended), np.inf)
    return _decision(label, when, None, forced, "margin", name)


def _by_potential(trace: Trace, name: str) -> Decision:
    course = readout.deciding(trace, name)
    label, settled = np.empty(trace.n_samples, dtype=np.int64), np.empty(trace.n_samples)
    readout.settling(*course, label, settled)
    return _decision(label, np.array(trace.ended), settled, None, "potential", name)


def _by_potential_margin(trace: Trace, name: str, margin: float) -> Decision:
    course = readout.deciding(trace, name)
    label, time = np.empty(trace.n_samples, dtype=np.int64), np.empty(trace.n_samples)
    readout.margins(*course, margin, label, time)
    forced = np.isinf(time)
    return _decision(label, np.where(forced, trace.ended, time), None, forced, "margin", name)
