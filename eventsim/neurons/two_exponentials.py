"""First threshold crossing of a leaky membrane driven by one exponential current (`lif_exp`, `lif_near`).

From V - v_inf = v and I = i, with a = 1/tau_mem, b = 1/tau_syn, delta = b - a and
E(x) = (1 - e^(-delta x)) / delta:

    V(x) - v_inf = e^(-a x) (v + i a E(x)),   V'(x) = a (i e^(-b x) - (V(x) - v_inf)).

V' has at most one zero, where E = (i - v) / (i b), so x* = -ln(1 - delta E) / delta, and there
V - v_inf = i e^(-b x*). Hence a crossing is decided without search: it exists iff that peak reaches
theta = v_threshold - v_inf (theta > 0), and always where theta < 0. The first root then lies
on a monotone piece; tau_mem = 2 tau_syn is a quadratic in e^(-x/tau_mem) (written so that nothing
cancels), otherwise a bracketed Newton iteration from the left, on a concave piece in the usual case.
"""

import math

from eventsim._jit import closed_form


@closed_form
def slope(tau_mem, tau_syn, drive, v, i):
    return (i - v) / tau_mem


@closed_form
def _exponentials(tau_mem, tau_syn, x):
    """Return (e^(-a x), e^(-b x), e^(-a x) E(x)); nothing overflows, however far x is."""
    delta = (tau_mem - tau_syn) / (tau_mem * tau_syn)
    if delta < 0.0:
        fast = math.exp(-x / tau_syn)
        shrink = math.expm1(delta * x)
        return fast * (shrink + 1.0), fast, fast * shrink / delta
    slow = math.exp(-x / tau_mem)
    if delta == 0.0:
        return slow, slow, slow * x
    shrink = math.expm1(-delta * x)
    return slow, slow * (shrink + 1.0), -slow * shrink / delta


@closed_form
def _newton(tau_mem, tau_syn, theta, v, i, low, high, x):
    """Return the root in [low, high], where V is increasing; V(low) <= theta <= V(high)."""
    for _ in range(100):
        slow, fast, response = _exponentials(tau_mem, tau_syn, x)
        value = v * slow + i * response / tau_mem
        f = value - theta
        rate = (i * fast - value) / tau_mem
        if f >= 0.0:
            high = x
        else:
            low = x
        if rate > 0.0 and abs(f) <= 2.3e-16 * x * rate:
            return x
        new = x - f / rate if rate > 0.0 else low
        if not (low < new < high):
            new = 0.5 * (low + high)
            if new <= low or new >= high:
                return new
        x = new
    return x


@closed_form
def crossing(tau_mem, tau_syn, drive, theta, v, i):
    delta = (tau_mem - tau_syn) / (tau_mem * tau_syn)
    if theta > 0.0:
        if i <= v or i < theta:  # falling at once, or the peak i e^(-b x*) is below i
            return math.inf
        if tau_mem == 2.0 * tau_syn:
            discriminant = (v + i) * (v + i) - 4.0 * i * theta
            if discriminant < 0.0:
                return math.inf
            share = 2.0 * (theta - v) / ((i - v) + math.sqrt(discriminant))
            return -tau_mem * math.log1p(-share) if share < 1.0 else math.inf
        e = (i - v) * tau_syn / i
        if delta * e >= 1.0:  # no extremum: V rises towards v_inf, below the threshold
            return math.inf
        peak = e if delta == 0.0 else -math.log1p(-delta * e) / delta
        if i * math.exp(-peak / tau_syn) < theta:
            return math.inf
        start = (theta - v) * tau_mem / (i - v)  # the tangent at 0 lies above the concave piece
        return _newton(tau_mem, tau_syn, theta, v, i, 0.0, peak, start if start < peak else peak)
    if theta == 0.0:  # V - v_inf changes sign where v + i a E(x) = 0
        if i <= 0.0:
            return math.inf
        e = -v * tau_mem / i
        if delta == 0.0:
            return e
        return -math.log1p(-delta * e) / delta if delta * e < 1.0 else math.inf
    low = 0.0
    if i < v:  # falls first: the minimum is where the rising piece begins
        e = (i - v) * tau_syn / i
        low = e if delta == 0.0 else -math.log1p(-delta * e) / delta
    width = tau_mem
    high = low + width
    for _ in range(2000):
        slow, _, response = _exponentials(tau_mem, tau_syn, high)
        if v * slow + i * response / tau_mem >= theta:
            break
        low = high
        width *= 2.0
        high = low + width
    return _newton(tau_mem, tau_syn, theta, v, i, low, high, low)


@closed_form
def out_of_reach(tau_mem, tau_syn, drive, theta, v, i):
    limit = theta - 1e-9 * (abs(theta) + abs(v) + abs(i))
    return theta > 0.0 and v < limit and (i <= v or i < limit)
