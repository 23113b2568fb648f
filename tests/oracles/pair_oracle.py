"""One neuron with two receptors and a given input history, spike by spike, on sums of exponentials at 60 digits."""

import math

import mpmath
from exponential_sums import DIGITS, first_crossing, membrane, slope_at, value

UNDECIDABLE = 1e-12
"""Closer than this to the threshold (relative), rounding decides and the outcome ends."""


def run(neuron, arrivals, t_stop):
    """Return (spike times as mpf, V'(t-) at them, the instant from which on rounding could decide).

    Parameters
    ----------
    neuron : eventsim.LIF
        One number a parameter, two receptors.
    arrivals : list of (time, receptor, weight)
        In ms; two arrivals are never at one instant, nor one at a spike.
    t_stop : float
    """
    taus = tuple(neuron.tau_syn.values())
    leaky = not math.isinf(neuron.tau_mem)
    rest = neuron.v_rest + neuron.i_offset if leaky else 0.0
    drive = 0.0 if leaky else neuron.i_offset
    theta = neuron.v_threshold - rest
    start = neuron.v_rest if neuron.v_init is None else neuron.v_init
    with mpmath.workdps(DIGITS):
        v, current, now = mpmath.mpf(start) - rest, [mpmath.mpf(0)] * 2, mpmath.mpf(0)
        times, slopes, release = [], [], -math.inf

        def on(wait):
            """Let the time pass."""
            nonlocal v, now
            felt = [(tau, i) for tau, i in zip(taus, current, strict=True) if tau > 0.0]
            v = value(membrane(neuron.tau_mem, felt, drive, 0.0, v), wait)
            for k, tau in enumerate(taus):
                if 0.0 < tau < math.inf:
                    current[k] *= mpmath.exp(-wait / mpmath.mpf(tau))
            now += wait

        def fire(slope):
            nonlocal v, release
            times.append(now)
            slopes.append(slope)
            v, release = mpmath.mpf(neuron.v_reset) - rest, float(now) + neuron.t_refractory

        if start >= neuron.v_threshold:
            fire(mpmath.inf)
        for time, receptor, weight in [*sorted(arrivals), (t_stop, None, None)]:
            while now < time:
                if release > now:
                    on(min(mpmath.mpf(release), time) - now)
                    v = mpmath.mpf(neuron.v_reset) - rest
                    continue
                felt = [(tau, i) for tau, i in zip(taus, current, strict=True) if tau > 0.0]
                terms = membrane(neuron.tau_mem, felt, drive, theta, v)
                wait, decisive = first_crossing(terms, mpmath.mpf(time) - now)
                if decisive < UNDECIDABLE * (abs(theta) + abs(v) + abs(current[0]) + abs(current[1])):
                    return times, slopes, float(now)
                on(mpmath.mpf(time) - now if wait is None else wait)
                if wait is not None:
                    fire(slope_at(terms, wait))
            if receptor is None:
                break
            if taus[receptor] > 0.0:
                current[receptor] += weight
            elif release <= now:
                v += weight
                if abs(v - theta) < UNDECIDABLE * (abs(theta) + abs(v)):
                    return times, slopes, float(now)
                if v >= theta:
                    fire(mpmath.inf)
        return times, slopes, t_stop
