"""Values that no argument expects, and the one thing that a call may do with them: take them, or refuse in one line."""

import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventsim.errors import InputError

NONSENSE = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([2**31 - 1, 2**31, 2**63, -(2**63), 10**400]),
    st.floats(), st.sampled_from([0.0, -0.0, 1e-320, 1e308, math.nan, math.inf, -math.inf]), st.text(max_size=4),
    st.sampled_from([
        b"bytes", (), [], {}, [[]], [1.0, [2.0]], [None], ["a", "b"], {"a": 1}, 1j, object(), object, int, len, ...,
        np.nan, np.array([]), np.zeros((0, 3)), np.zeros((2, 2, 2)), np.array([1.0, math.nan]), np.array("text"),
        np.array([None, 1], dtype=object), np.array([1, 2], dtype="M8[s]"), np.zeros(3, dtype=[("a", "i4")]),
        np.float64(2.0), np.array(3), np.zeros(2, np.complex64), np.ma.masked, slice(None), range(3),
        np.array([2**63], np.uint64), "x" * 5000, "\x1b[31m", "a\nb", {1, 2}, np.array([[1, 2], [3, 4]])]),
)

OWN_FUNCTIONS = ("augment", "progress", "schedule", "stop")
"""Arguments that take a function of the user, whose errors are the user's: no function is tried."""

_OF_PYTHON = re.compile(r"\(\) (missing|takes|got|keywords must be)")
"""What Python itself says of names and numbers of arguments."""


def checked(call, *args, **kwargs):
    """Call; return whether it took the arguments."""
    try:
        call(*args, **kwargs)
    except InputError as error:
        message = str(error)
        assert message and "\n" not in message and len(message) <= 620 and message.isprintable(), repr(message)
        return False
    except TypeError as error:
        assert _OF_PYTHON.search(str(error)), error
        return False
    return True


class Call(NamedTuple):
    """A public function or method, and arguments that it takes.

    Attributes
    ----------
    function : callable
    arguments : dict, or callable that returns one
        By name, each of which is replaced by nonsense; a callable makes new ones for every call.
    most : dict of float
        By argument the largest number that is tried: what is asked for above it is made, or waited for.
    fixed : tuple of str
        Arguments that are never replaced; the tables say why.
    needs : str
        Optional package without which it is not tried.
    """

    function: Callable[..., Any]
    arguments: Any
    most: dict[str, float] = {}  # noqa: RUF012 -- never written to
    fixed: tuple[str, ...] = ()
    needs: str = ""

    def good(self):
        """Return arguments that the function takes."""
        return dict(self.arguments() if callable(self.arguments) else self.arguments)

    def with_one_wrong(self, name, value):
        """Call with `value` as the argument `name`."""
        if self.needs:
            pytest.importorskip(self.needs, reason=f"needs {self.needs}")
        if callable(value) and name in OWN_FUNCTIONS:
            return
        if name in self.most and isinstance(value, int | float | np.number) and value > self.most[name]:
            return
        checked(self.function, **(self.good() | {name: value}))

    def with_nonsense(self, examples):
        """Call with nonsense, which Hypothesis draws, in place of one argument, as many times as `examples` says."""
        @settings(max_examples=examples, suppress_health_check=list(HealthCheck))
        @given(data=st.data())
        def tried(data):
            name = data.draw(st.sampled_from(sorted(self.good().keys() - {*self.fixed})), label="argument")
            self.with_one_wrong(name, data.draw(NONSENSE, label="value"))

        tried()
