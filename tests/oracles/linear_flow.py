"""The linear ODE of one neuron solved to 70 digits, and the first crossing of its solution, without closed forms.

Between events a neuron obeys x' = A x with the state x = (V, I_1, ..., D), one current a receptor, D the constant
drive::

    tau_mem V' = D - V + I_1 + ...   (V' = I_1 + ... + D where tau_mem = inf)
    tau_r I_r' = -I_r                (I_r' = 0 where tau_r = inf; I_r is not felt where tau_r = 0)
    D' = 0

`Flow` multiplies a state by e^(A t): powers e^(A h 2^k), from `mpmath.expm` of the matrix, take it over whole
steps h, and the Taylor series of the ODE over the rest. Nothing here knows the package's kernels, bases or
crossing formulas.

With a = 1/tau_mem (0 for inf), e^(a t) V' has the derivative e^(a t) Z, Z = V'' + a V'. Z is a sum of as many
exponentials e^(-t / tau_r) as there are currents, two at most, so it changes sign at most once on a line. Between
such an instant and the next event e^(a t) V' is monotone and V' changes sign at most once. `Flow.extrema` finds
these instants, V is monotone between them, and `first_crossing` misses nothing.

Numbers are integers in units of 2^-BITS: fixed point, because it is ten times as fast as mpmath's floats.
"""

import itertools
import math
from fractions import Fraction
from operator import mul

import mpmath

BITS = 256
ONE = 1 << BITS
_DIGITS = 100
_NEWTON_ENDS = 1 << (BITS - 110)
"""A Newton step below 2^-110 ms (8e-34): the error left is its square, below 50 digits, grazing included."""
_NOTHING = 1 << (BITS - 200)
"""What has decayed below 2^-200 moves V by nothing that can be decided on, and rounding may give it either sign."""


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


def ode_matrix(tau_mem, *taus):
    """Return A of x' = A x, x = (V, I_1, ..., D), as rows of Fractions."""
    leak = Fraction(0) if math.isinf(tau_mem) else 1 / Fraction(tau_mem)
    gain = Fraction(1) if math.isinf(tau_mem) else leak
    size = len(taus) + 2
    rows = [[-leak, *(Fraction(0) if tau == 0.0 else gain for tau in taus), gain]]
    for k, tau in enumerate(taus, 1):
        decay = Fraction(0) if tau == 0.0 or math.isinf(tau) else 1 / Fraction(tau)
        rows.append([-decay if k == column else Fraction(0) for column in range(size)])
    return (*map(tuple, rows), (Fraction(0),) * size)


class Flow:
    """The solution operator e^(A t) of one set of time constants (ms): the membrane's and one a receptor."""

    def __init__(self, tau_mem, *taus):
        rows = ode_matrix(tau_mem, *taus)
        self.matrix = _kept([[fixed(entry) for entry in row] for row in rows])
        self._leak = -self.matrix[0][0]
        finite = [tau for tau in (tau_mem, *taus) if 0.0 < tau < math.inf]
        self.step = fixed(2.0 ** (math.floor(math.log2(min(finite))) - 5 if finite else 0))
        with mpmath.workdps(_DIGITS):
            a = mpmath.matrix([[mpmath.mpf(e.numerator) / e.denominator for e in row] for row in rows])
            power = mpmath.expm(a * real(self.step), method="taylor")
            self._powers = []
            for _ in range(40):
                self._powers.append(_kept([[fixed(power[r, c]) for c in range(len(rows))] for r in range(len(rows))]))
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
        term = total = state
        for k in range(1, 400):
            term = tuple([(x * rest >> BITS) // k for x in _product(self.matrix, term)])
            total = tuple([x + y for x, y in zip(total, term, strict=True)])
            if max(term) < 2 and min(term) > -2:
                return total
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

    def _bend(self, state):
        """Return Z = V'' + a V'."""
        rate = self.rate(state)
        return self.rate(rate)[0] + (self._leak * rate[0] >> BITS)

    def _sign_change(self, state, low, high, value, slope):
        """Return the time in (low, high) at which a function changes sign, or None; it does so once at most."""
        before, after = value(self.after(state, low)), value(self.after(state, high))
        if abs(before) <= _NOTHING:
            return None
        while abs(after) <= _NOTHING and high - low > self.step:
            high = (low + high) // 2
            after = value(self.after(state, high))
        return None if (before > 0) == (after > 0) else self.root(state, low, high, value, slope)

    def extrema(self, state, length):
        """Return the times inside (0, length) at which V' changes sign, in order: none, one or two."""
        turn = self._sign_change(state, 0, length, self._bend, lambda x: self._bend(self.rate(x)))
        ends = [0, length] if turn is None else [0, turn, length]
        found = [self._sign_change(state, low, high, lambda x: self.rate(x)[0], lambda x: self.rate(self.rate(x))[0])
                 for low, high in itertools.pairwise(ends)]
        return [time for time in found if time is not None]

    def highest(self, state, length):
        """Return the largest V on [0, length] and whether an extremum inside attains it."""
        ends = max(state[0], self.after(state, length)[0])
        inside = max((self.after(state, at)[0] for at in self.extrema(state, length)), default=ends)
        return max(ends, inside), inside > ends

    def first_crossing(self, state, length, threshold):
        """Return when V first reaches the threshold in (0, length), and the V that decided it.

        V(0) is below the threshold. The time is None where V stays below. What decided is the V closest to
        the threshold among the extrema up to the crossing, and the one after it, or the end.
        """
        before, decisive = 0, None
        for time in [*self.extrema(state, length), length]:
            v = self.after(state, time)[0]
            if decisive is None or abs(v - threshold) < abs(decisive - threshold):
                decisive = v
            if v > threshold:
                return self.root(state, before, time, lambda x: x[0] - threshold, lambda x: self.rate(x)[0]), decisive
            before = time
        return None, decisive


def _kept(rows):
    """Return of a square matrix what is not 0: the row of V, and the diagonal, as I and D depend on themselves only."""
    return tuple(rows[0]), tuple(row[k] for k, row in enumerate(rows))


def _product(matrix, state):
    """Return matrix . state."""
    top, diagonal = matrix
    _, *own = [x >> BITS for x in map(mul, diagonal, state)]
    return (sum(map(mul, top, state)) >> BITS, *own)
