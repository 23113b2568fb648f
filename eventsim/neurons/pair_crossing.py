"""First threshold crossing of a membrane that two exponential currents drive: none missed.

From v = V - v_inf and the currents i, j now, with leak a and gain g (both 1/tau_mem; 0 and 1 where tau_mem = inf):

    V' = g (i e^(-b x) + j e^(-c x)) + drive - a V,
    h(x) = e^(a x) V',     h' = -g e^(a x) (b i e^(-b x) + c j e^(-c x))

h' has at most one zero, a logarithm, so h has at most two and V at most one maximum. Three cases, by where V
ends up:

* below the threshold (v_inf < v_threshold; drive < 0): V must pass its maximum. There g I + drive = a V, so it comes
  before the positive currents have fallen to the threshold (to -drive), a logarithm. It lies in one of the two
  monotone pieces of h: a bracketed Newton iteration finds it, or no maximum reaches the threshold.
* above (v_inf > v_threshold; drive > 0): a crossing always comes; before the last rise there may be a maximum.
* at a limit (v_inf = v_threshold; drive = 0): e^(a x) (V - v_inf) is monotone but for one zero of I, a
  logarithm; whether it changes sign beyond is decided by its limit.

In all cases the threshold is passed exactly once in the bracket that results.
"""

import math

from eventsim._jit import closed_form
from eventsim.neurons import if_delta, if_exp, lif_delta, lif_step, ramp, two_exponentials

_FURTHEST = 230.0
"""A maximum this many time constants away has a height of 1e-100 of the current; further away all underflows."""

_ROUNDING = 1e-15
"""What the limit of V may be off by, relative to its parts (as `if_exp`)."""


@closed_form
def _one(tau_mem, tau, drive, theta, v, i):
    """Return the crossing with one current."""
    if math.isinf(tau_mem):
        if tau == 0.0:
            return if_delta.crossing(tau_mem, tau, drive, theta, v, i)
        if math.isinf(tau):
            return ramp.crossing(tau_mem, tau, drive, theta, v, i)
        return if_exp.crossing(tau_mem, tau, drive, theta, v, i)
    if tau == 0.0:
        return lif_delta.crossing(tau_mem, tau, drive, theta, v, i)
    if math.isinf(tau):
        return lif_step.crossing(tau_mem, tau, drive, theta, v, i)
    return two_exponentials.crossing(tau_mem, tau, drive, theta, v, i)


@closed_form
def _beside_constant(tau_mem, tau, drive, theta, v, constant, i):
    """Return the crossing with one current that never decays and one that does: the first moves v_inf, or the drive."""
    if math.isinf(tau_mem):
        return if_exp.crossing(tau_mem, tau, drive + constant, theta, v, i)
    return two_exponentials.crossing(tau_mem, tau, drive, theta - constant, v - constant, i)


@closed_form
def crossing(tau_mem, tau_syn, tau_two, drive, theta, v, i, j):
    if tau_two == 0.0 or j == 0.0:
        return _one(tau_mem, tau_syn, drive, theta, v, i)
    if tau_syn == 0.0 or i == 0.0:
        return _one(tau_mem, tau_two, drive, theta, v, j)
    if tau_syn == tau_two:
        return _one(tau_mem, tau_syn, drive, theta, v, i + j)
    if math.isinf(tau_syn):
        return _beside_constant(tau_mem, tau_two, drive, theta, v, i, j)
    if math.isinf(tau_two):
        return _beside_constant(tau_mem, tau_syn, drive, theta, v, j, i)
    if tau_syn < tau_two:
        return _of_two(tau_mem, tau_syn, tau_two, drive, theta, v, i, j)
    return _of_two(tau_mem, tau_two, tau_syn, drive, theta, v, j, i)


@closed_form
def _of_two(tau_mem, tau_fast, tau_slow, drive, theta, v, i, j):
    """Return the crossing with a faster current i and a slower one j, neither 0."""
    b, c = 1.0 / tau_fast, 1.0 / tau_slow
    if math.isinf(tau_mem):
        pace = (1.0, drive, 0.0, 0.0, b, c, b, c)
        end = -drive
    else:
        a = 1.0 / tau_mem
        pace = (a, 0.0, a, a, b, c, (tau_mem - tau_fast) / (tau_mem * tau_fast),
                (tau_mem - tau_slow) / (tau_mem * tau_slow))
        end = theta
    x = _soon(pace, theta, v, i, j)
    if x > 0.0:
        return x
    spread = (tau_slow - tau_fast) / (tau_fast * tau_slow)
    zero = 0.0  # of I; and of h', after it
    if (i > 0.0) != (j > 0.0):
        zero = (math.log(abs(i)) - math.log(abs(j))) / spread
    if end == 0.0:
        return _at_limit(tau_mem, tau_fast, tau_slow, pace, spread, theta, v, i, j, zero)
    turn = zero + math.log(tau_slow / tau_fast) / spread if (i > 0.0) != (j > 0.0) else 0.0
    if end > 0.0:
        return _from_above(tau_fast, tau_slow, pace, end, theta, v, i, j, turn)
    return _to_above(tau_fast, pace, theta, v, i, j, turn)


@closed_form
def _soon(pace, theta, v, i, j):
    """Return the crossing where V rises towards it steadily, as most do in a network; -1: to be found otherwise.

    Where h' has one sign at both ends it has it in between, so that h > 0 at both ends is V' > 0 in between: what the
    iteration finds is the first crossing. Two or three evaluations instead of six and five logarithms (485 ns -> 160).
    """
    gain, drive, leak, _, b, c, _, _ = pace
    rate, bend = gain * (i + j) + drive - leak * v, gain * (b * i + c * j)
    least, sign = 0.25 * rate, bend > 0.0
    if not rate > 0.0:
        return -1.0
    x, f = 0.0, v - theta
    for _ in range(4):
        # Halley's step, of third order; V'' = -bend - leak V'
        steepness = rate + 0.5 * f * (bend + leak * rate) / rate
        new = x - f / steepness if steepness > 0.0 else -1.0
        if not 0.0 < new < math.inf:
            return -1.0
        if abs(new - x) <= 1e-6 * x:
            return new
        x = new
        f, rate, bend = _at(pace, theta, v, i, j, x)
        if not rate > least or (bend > 0.0) != sign:
            return -1.0
    return -1.0


@closed_form
def _from_above(tau_fast, tau_slow, pace, end, theta, v, i, j, turn):
    """Return the crossing where V ends below the threshold: on the way to the maximum, which lies before `last`."""
    total = max(i, 0.0) + max(j, 0.0)
    if total <= end:
        return math.inf
    last = (tau_slow if j > 0.0 else tau_fast) * min(math.log(total) - math.log(end), _FURTHEST)
    _, rate, _ = _at(pace, theta, v, i, j, 0.0)
    low, start = 0.0, (theta - v) / rate if rate > 0.0 else turn
    inside = 0.0 < turn < last
    if rate <= 0.0 and (not inside or i > 0.0):
        return math.inf
    high = last
    if inside:
        f, there, _ = _at(pace, theta, v, i, j, turn)
        if there > 0.0:
            low = turn
        elif rate <= 0.0:
            return math.inf
        else:
            high = turn
    f, there, _ = _at(pace, theta, v, i, j, high)
    if f < 0.0:
        if there > 0.0:
            return math.inf
        high, f = _peak(pace, theta, v, i, j, low, high)
        if f < 0.0:
            return math.inf
    return _first(pace, theta, v, i, j, 0.0, high, start, tau_fast)


@closed_form
def _to_above(tau_fast, pace, theta, v, i, j, turn):
    """Return the crossing where V ends above the threshold."""
    _, rate, _ = _at(pace, theta, v, i, j, 0.0)
    low, start = 0.0, (theta - v) / rate if rate > 0.0 else tau_fast
    if rate > 0.0 and i > 0.0 and turn > 0.0:
        f, there, _ = _at(pace, theta, v, i, j, turn)
        high = turn
        if f < 0.0 and there < 0.0:
            high, f = _peak(pace, theta, v, i, j, 0.0, turn)
        if f >= 0.0:
            return _first(pace, theta, v, i, j, 0.0, high, start, tau_fast)
        low = turn
    return _first(pace, theta, v, i, j, low, math.inf, max(start, low), tau_fast)


@closed_form
def _at_limit(tau_mem, tau_fast, tau_slow, pace, spread, theta, v, i, j, zero):
    """Return the crossing where V ends at v_inf = v_threshold, or without drive; `zero`: where I changes sign."""
    if i > 0.0 and zero > 0.0:  # then j < 0: I is positive up to there and negative ever after
        low, high = 0.0, zero
    elif j > 0.0:
        low, high = max(zero, 0.0), math.inf
    else:
        return math.inf
    if math.isinf(tau_mem):
        if math.isinf(high):
            parts = abs(theta) + abs(v) + abs(i) * tau_fast + j * tau_slow
            if i * tau_fast + j * tau_slow - (theta - v) <= _ROUNDING * parts:
                return math.inf
    else:
        if math.isinf(high) and tau_slow < tau_mem and (
            v + i * (tau_fast / (tau_mem - tau_fast)) + j * (tau_slow / (tau_mem - tau_slow)) <= 0.0
        ):
            return math.inf
        # Relative to the slowest of the three exponentials nothing underflows; V - v_inf keeps its sign.
        gain, _, _, _, _, _, d, e = pace
        pace = (gain, 0.0, 0.0, -e, spread, 0.0, d, e) if e < 0.0 else (gain, 0.0, 0.0, 0.0, d, e, d, e)
    if not math.isinf(high) and _at_zero(pace, spread, theta, v, i, j, zero) < 0.0:
        return math.inf
    rate = pace[0] * (i + j)
    start = (theta - v) / rate if rate > 0.0 else low + tau_fast
    return _first(pace, theta, v, i, j, low, high, max(start, low), tau_fast)


@closed_form
def _at_zero(pace, spread, theta, v, i, j, x):
    """Return V - v_threshold, scaled as `pace` says, where the currents cancel.

    Of slow currents with almost the same time constant V is there a small difference of two large shares,
    which is written out.
    """
    gain, _, _, a, _, c, d, e = pace
    if c == 0.0 and 10.0 * spread < min(abs(d), abs(e)):
        slow, _ = _decay(a * x)
        return slow * (v + gain * (i / d + j / e)) - gain * j * (spread / (d * e))
    return _at(pace, theta, v, i, j, x)[0]


@closed_form
def _decay(y):
    """Return e^-y and e^-y - 1, neither with cancellation; y >= 0."""
    if y < 0.5:
        change = math.expm1(-y)
        return change + 1.0, change
    value = math.exp(-y)
    return value, value - 1.0


@closed_form
def _response(delta, x, slow, fast):
    """Return (slow - fast) / delta, where fast = slow e^(-delta x)."""
    y = delta * x
    if -0.5 < y < 0.5:
        return slow * x if y == 0.0 else -slow * math.expm1(-y) / delta
    return (slow - fast) / delta


@closed_form
def _at(pace, theta, v, i, j, x):
    """Return V - v_threshold, V' and -h' e^(-a x)."""
    gain, drive, leak, a, b, c, d, e = pace
    slow, change = _decay(a * x)
    first, _ = _decay(b * x)
    second, _ = _decay(c * x)
    driven = gain * (i * _response(d, x, slow, first) + j * _response(e, x, slow, second)) + drive * x
    now = v * slow + driven
    f = v - theta + (v * change + driven) if change > -0.3 else now - theta
    i, j = i * first, j * second
    return f, gain * (i + j) + drive - leak * now, gain * (b * i + c * j)


@closed_form
def _peak(pace, theta, v, i, j, low, high):
    """Return (x, V - v_threshold) at the maximum in [low, high], or at any x there where V >= v_threshold.

    h is decreasing, positive at `low` and not so at `high`; so V is concave up to the maximum.
    """
    negligible = 1e-17 * (abs(theta) + abs(v))
    x, f, before = low, -math.inf, high - low
    for _ in range(200):
        f, rate, bend = _at(pace, theta, v, i, j, x)
        if f >= 0.0:
            return x, f
        if rate > 0.0:
            low = x
            if f + rate * (high - x) < 0.0:
                return x, f
        else:
            high = x
        step = rate / bend if bend > 0.0 else math.inf
        if low < x + step < high and abs(step) <= before:
            # What a step gains is known where it is short; far from the maximum V may be flat for long.
            if abs(rate * step) <= negligible and abs(step) * pace[4] <= 0.1:
                return x, f
        else:
            step = 0.5 * (low + high) - x
        new = x + step
        if new <= low or new >= high:
            return x, f
        x, before = new, 0.5 * abs(step)
    return x, f


@closed_form
def _first(pace, theta, v, i, j, low, high, x, width):
    """Return where V passes the threshold, once, upwards, between `low` and `high` (inf: somewhere)."""
    if not (low < x < high):
        x = low + width if math.isinf(high) else 0.5 * (low + high)
    before = math.inf
    for _ in range(200):
        f, rate, _ = _at(pace, theta, v, i, j, x)
        if f >= 0.0:
            high = x
        else:
            low = x
        if rate > 0.0 and abs(f) <= 2.3e-16 * x * rate:
            return x
        new = x - f / rate if rate > 0.0 else low
        if math.isinf(high):
            furthest = 3.0 * x + width
            new = min(new, furthest) if new > low else furthest
        elif not (low < new < high) or abs(new - x) > before:
            new = 0.5 * (low + high)
            if new <= low or new >= high:
                return new
        before = math.inf if math.isinf(high) else 0.5 * abs(new - x)
        x = new
    return math.inf if math.isinf(high) else x
