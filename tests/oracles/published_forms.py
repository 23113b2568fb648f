"""Spike time and derivatives of a neuron in the closed forms published for single regimes, with 50 digits.

The formulas stand as printed: they are an oracle, not a way to compute. Every function takes the causal
inputs as lists of mpmath numbers and returns (T, dT/dw, dT/dt). In the papers charge and conductance
carry units; here weights and currents have the unit of V, tau_mem dV/dt = -V + I (dV/dt = I without a
leak), which fixes the constants.
"""

import mpmath


def _dot(*factors):
    return mpmath.fsum(mpmath.fprod(terms) for terms in zip(*factors, strict=True))


def rel_psp(weights, times, theta):
    """Zhang et al., "Rectified linear postsynaptic potential function ...", IEEE TNNLS 2021: K(s) = s."""
    total = mpmath.fsum(weights)
    spike = (theta + _dot(weights, times)) / total
    return spike, [(t - spike) / total for t in times], [w / total for w in weights]


def mostafa(weights, times, theta, tau):
    """Mostafa, "Supervised learning based on temporal coding ...", IEEE TNNLS 2018, in z = e^(t / tau).

    The paper has tau = 1; another tau measures the threshold, an integral of the current, in units of tau.
    """
    z = [mpmath.exp(t / tau) for t in times]
    rest = mpmath.fsum(weights) - theta / tau
    out = _dot(weights, z) / rest
    return (tau * mpmath.log(out),
            [tau / out * (zi - out) / rest for zi in z],
            [w / rest * zi / out for w, zi in zip(weights, z, strict=True)])


def fast_and_deep_equal(weights, times, theta, tau):
    """Goeltz et al., "Fast and energy-efficient neuromorphic deep learning ...", 2021: tau_mem = tau_syn.

    C = g_l (threshold - rest), and I = g_l times our current: C = theta.
    """
    e = [mpmath.exp(t / tau) for t in times]
    a = _dot(weights, e)
    b = _dot(weights, times, e) / tau
    lambert = mpmath.lambertw(-theta / a * mpmath.exp(b / a)).real
    spike = tau * (b / a - lambert)
    return (spike,
            [-ei * (spike - t) / (a * (1 + lambert)) for t, ei in zip(times, e, strict=True)],
            [-w * ei * (spike - t - tau) / (tau * a * (1 + lambert))
             for w, t, ei in zip(weights, times, e, strict=True)])


def fast_and_deep_double(weights, times, theta, tau_syn):
    """Goeltz et al. 2021, tau_mem = 2 tau_syn; C = theta as for equal time constants."""
    tau_mem = 2 * tau_syn
    fast = [mpmath.exp(t / tau_syn) for t in times]
    slow = [mpmath.exp(t / tau_mem) for t in times]
    a1, a2 = _dot(weights, fast), _dot(weights, slow)
    x = mpmath.sqrt(a2 * a2 - 4 * a1 * theta)
    spike = tau_mem * mpmath.log(2 * a1 / (a2 + x))
    rise = (1 + theta * mpmath.exp(spike / tau_mem) / x) / a1
    return (spike,
            [tau_mem * (rise * f - s / x) for f, s in zip(fast, slow, strict=True)],
            [w * (2 * rise * f - s / x) for w, f, s in zip(weights, fast, slow, strict=True)])
