"""The linear ODE of one neuron solved to 70 digits, and the first crossing of its solution, without closed forms.

Between events a neuron obeys x' = A x with the state x = (V, I, D), D the constant drive::

    tau_mem V' = D - V + I        (V' = I + D where tau_mem = inf)
    tau_syn I' = -I               (I' = 0     where tau_syn = inf; no I where tau_syn = 0)
    D' = 0

`Flow` multiplies a state by e^(A t): powers e^(A h 2^k), from `mpmath.expm` of the matrix, take it over whole
steps h, and the Taylor series of the ODE over the rest. Nothing here knows the package's kernels, bases or
crossing formulas.

V' solves the linear ODE y'' + (a + b) y' + a b y = 0 (a = 1/tau_mem, b = 1/tau_syn, 0 for inf) or a part of it,
whose exponents are real, so V' has at most one zero on a line unless it is 0 everywhere. So V is monotone, or
has one extremum, between two events; `first_crossing` splits there and misses nothing.

Numbers are integers in units of 2^-BITS: fixed point, because it is ten times as fast as mpmath's floats.
"""

import math
from fractions import Fraction

import mpmath

BITS = 256
ONE = 1 << BITS
_DIGITS = 100
_NEWTON_ENDS = 1 << (BITS - 110)
"""A Newton step below 2^-110 ms (8e-34): the error left is its square, below 50 digits, grazing included."""


def fixed(value):
    """Return a float, Fraction or mpf as fixed point, rounded down."""
    if isinstance(value, mpmath.mpf):
        with mpmath.workprec(BITS + 200):
            return int(mpmath.floor(mpmath.ldexp(value, BITS)))
    fraction = Fraction(value)
    return (fraction.numerator << BITS) // fraction.denominator


def real(value):
    """Return fixed point as mpf."""
    with mpmath.workdps(_DIGITS):
        return mpmath.ldexp(mpmath.mpf(value), -BITS)


def ode_matrix(tau_mem, tau_syn):
    """Return A of x' = A x, x = (V, I, D), as rows of Fractions."""
    leak = Fraction(0) if math.isinf(tau_mem) else 1 / Fraction(tau_mem)
    gain = Fraction(1) if math.isinf(tau_mem) else leak
    decay = Fraction(0) if tau_syn == 0.0 or math.isinf(tau_syn) else 1 / Fraction(tau_syn)
    current = Fraction(0) if tau_syn == 0.0 else gain
    return ((-leak, current, gain), (Fraction(0), -decay, Fraction(0)), (Fraction(0),) * 3)


class Flow:
    """The solution operator e^(A t) of one pair of time constants (ms)."""

    def __init__(self, tau_mem, tau_syn):
        rows = ode_matrix(tau_mem, tau_syn)
        self.matrix = tuple(tuple(fixed(entry) for entry in row) for row in rows)
        finite = [tau for tau in (tau_mem, tau_syn) if 0.0 < tau < math.inf]
        self.step = fixed(2.0 ** (math.floor(math.log2(min(finite))) - 5 if finite else 0))
        with mpmath.workdps(_DIGITS):
            a = mpmath.matrix([[mpmath.mpf(e.numerator) / e.denominator for e in row] for row in rows])
            power = mpmath.expm(a * real(self.step), method="taylor")
            self._powers = []
            for _ in range(40):
                self._powers.append(tuple(tuple(fixed(power[r, c]) for c in range(3)) for r in range(3)))
                power = power * power

    def rate(self, state):
        """Return x' = A x."""
        return _product(self.matrix, state)

    def after(self, state, time):
        """Return the state `time` (fixed point, >= 0) later."""
        steps, rest = divmod(time, self.step)
        for power in self._powers:
            if steps & 1:
                state = _product(power, state)
            steps >>= 1
        if steps:
            raise OverflowError("the time is too long for the powers kept")
        v, i, d = total_v, total_i, total_d = state
        for k in range(1, 400):
            v, i, d = _product(self.matrix, (v, i, d))
            v, i, d = (v * rest >> BITS) // k, (i * rest >> BITS) // k, (d * rest >> BITS) // k
            total_v, total_i, total_d = total_v + v, total_i + i, total_d + d
            if -2 < v < 2 and -2 < i < 2 and -2 < d < 2:
                return total_v, total_i, total_d
        raise ArithmeticError("the Taylor series does not converge")

    def root(self, state, low, high, value, slope):
        """Return the time in [low, high] at which an increasing or decreasing function of the state is 0.

        `value` and `slope` map a state to the function and its time derivative; the signs at the ends differ.
        Newton's iteration, kept inside the bracket by bisection.
        """
        rising = value(self.after(state, high)) > 0
        x = (low + high) // 2
        for _ in range(600):
            here = self.after(state, x)
            f, rate = value(here), slope(here)
            if f == 0:
                return x
            if (f > 0) == rising:
                high = x
            else:
                low = x
            if high - low <= 4:
                return x
            new = x - (f << BITS) // rate if rate else low
            if low < new < high:
                if abs(new - x) < _NEWTON_ENDS:
                    return new
            else:
                new = (low + high) // 2
            x = new
        raise ArithmeticError("no convergence")

    def extremum(self, state, length):
        """Return the time strictly inside (0, length) at which V' changes sign, or None."""
        before, after = self.rate(state)[0], self.rate(self.after(state, length))[0]
        if before == 0 or after == 0 or (before > 0) == (after > 0):
            return None
        return self.root(state, 0, length, lambda x: self.rate(x)[0], lambda x: self.rate(self.rate(x))[0])

    def highest(self, state, length):
        """Return the largest V on [0, length] and whether an extremum inside attains it."""
        ends = max(state[0], self.after(state, length)[0])
        at = self.extremum(state, length)
        inside = ends if at is None else self.after(state, at)[0]
        return max(ends, inside), inside > ends

    def first_crossing(self, state, length, threshold):
        """Return when V first reaches the threshold in (0, length), and the largest V that decided it.

        V(0) is below the threshold. The time is None where V stays below; then the second value is the
        largest V, at the end of the interval or at the peak inside. Where V crosses, it is the first
        extremum or end above the threshold.
        """
        def gap(x):
            return x[0] - threshold

        def slope(x):
            return self.rate(x)[0]

        last = self.after(state, length)[0]
        if last > threshold:  # one crossing upwards, for V has no two extrema
            return self.root(state, 0, length, gap, slope), last
        if self.rate(state)[0] > 0:
            at = self.extremum(state, length)
            if at is not None:
                peak = self.after(state, at)[0]
                if peak > threshold:
                    return self.root(state, 0, at, gap, slope), peak
                return None, peak
        return None, last


def _product(matrix, state):
    """Return matrix . state; I and D depend on themselves only, so four entries of the matrix are 0."""
    v, i, d = state
    top, middle, bottom = matrix
    return (top[0] * v + top[1] * i + top[2] * d) >> BITS, middle[1] * i >> BITS, bottom[2] * d >> BITS
