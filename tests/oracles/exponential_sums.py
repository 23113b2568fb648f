"""Roots of sums of polynomials times exponentials, isolated without any formula for where they lie.

f(x) = sum over rates r of p_r(x) e^(-r x) is monotone between the zeros of its derivative. So is e^(r x) f(x),
whose derivative has one coefficient less: the zeros of f are bracketed by those of that derivative, found the
same way, until nothing but a constant is left (the argument behind Descartes' rule of signs). Numbers are mpmath's.

`membrane` writes V - v_threshold of a neuron with any number of currents as such a sum, by variation of constants.
"""

import math

import mpmath

DIGITS = 60


def membrane(tau_mem, currents, drive, theta, v):
    """Return V(x) - v_threshold as {rate: polynomial, lowest power first}.

    Parameters
    ----------
    tau_mem : float
    currents : list of (tau_syn, current now)
    drive : float
        Where tau_mem = inf.
    theta, v : float
        v_threshold and V now, relative to v_inf.
    """
    leak = _rate(tau_mem)
    gain = mpmath.mpf(1) if math.isinf(tau_mem) else leak
    total = {}
    _add(total, mpmath.mpf(0), [-mpmath.mpf(theta), mpmath.mpf(drive)])
    _add(total, leak, [mpmath.mpf(v)])
    for tau, current in currents:
        rate, size = _rate(tau), gain * mpmath.mpf(current)
        if rate == leak:
            _add(total, leak, [mpmath.mpf(0), size])
        else:
            _add(total, leak, [size / (rate - leak)])
            _add(total, rate, [-size / (rate - leak)])
    return total


def _rate(tau):
    return mpmath.mpf(0) if math.isinf(tau) else 1 / mpmath.mpf(tau)


def _add(total, rate, polynomial):
    old = total.get(rate, [])
    width = max(len(old), len(polynomial))
    padded = [p + [mpmath.mpf(0)] * (width - len(p)) for p in (old, polynomial)]
    total[rate] = [a + b for a, b in zip(*padded, strict=True)]


def value(terms, x):
    """Return f(x)."""
    return mpmath.fsum(mpmath.exp(-rate * x) * sum(c * x**k for k, c in enumerate(p)) for rate, p in terms.items())


def derivative(terms):
    """Return f'."""
    result = {}
    for rate, p in terms.items():
        slope = [k * p[k] for k in range(1, len(p))] + [mpmath.mpf(0)]
        result[rate] = [s - rate * c for s, c in zip(slope, p, strict=True)]
    return result


def _shortened(terms):
    """Return the sum without coefficients that are 0 at the highest powers."""
    result = {}
    for rate, p in terms.items():
        while p and p[-1] == 0:
            p = p[:-1]
        if p:
            result[rate] = p
    return result


def sign_changes(terms, low, high):
    """Return where f changes sign strictly between `low` and `high`, ascending."""
    terms = _shortened(terms)
    if sum(map(len, terms.values())) < 2:
        return []
    slowest = min(terms)
    lifted = {rate - slowest: p for rate, p in terms.items()}  # e^(r x) f: the same zeros
    steps = [low, *sign_changes(derivative(lifted), low, high), high]
    ends = [value(lifted, x) for x in steps]
    slope = derivative(lifted)
    return [_root(lifted, slope, steps[k], steps[k + 1], ends[k + 1] > 0) for k in range(len(steps) - 1)
            if (ends[k] < 0 < ends[k + 1]) or (ends[k] > 0 > ends[k + 1])]


def _root(terms, slope, low, high, rising):
    """Return the zero of a monotone piece: Newton's iteration, or bisection where that does not halve its step."""
    x, before, least = (low + high) / 2, high - low, mpmath.mpf(10) ** (20 - DIGITS)
    for _ in range(600):
        f, rate = value(terms, x), value(slope, x)
        if f == 0:
            return x
        if (f > 0) == rising:
            high = x
        else:
            low = x
        new = x - f / rate if rate != 0 else low
        if abs(new - x) <= least * abs(x) or high - low <= least * abs(x):
            return new
        if not (low < new < high and abs(new - x) <= before / 2):
            new = (low + high) / 2
        x, before = new, abs(new - x)
    raise ArithmeticError("no convergence")


def first_crossing(terms, horizon):
    """Return the first x in (0, horizon) where f, negative at 0, becomes positive, and the decisive distance.

    x is None where f stays negative. The distance is the least |f| at the ends and extrema up to there: where it is
    about the rounding of f, rounding decides.
    """
    with mpmath.workdps(DIGITS):
        extrema = sign_changes(derivative(terms), mpmath.mpf(0), mpmath.mpf(horizon))
        before, decisive, slope = mpmath.mpf(0), mpmath.inf, derivative(terms)
        for x in [*extrema, mpmath.mpf(horizon)]:
            f = value(terms, x)
            decisive = min(decisive, abs(f))
            if f > 0:
                return _root(terms, slope, before, x, True), decisive
            before = x
        return None, decisive


def slope_at(terms, x):
    """Return f'(x)."""
    with mpmath.workdps(DIGITS):
        return value(derivative(terms), x)
