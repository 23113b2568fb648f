"""The one exception that user input raises, and the phrase that suggests a name."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from typing import Any


class InputError(ValueError):
    """The input cannot be used; the message is one line: what was given, what is allowed, what to do."""


def did_you_mean(name: object, allowed: Iterable[object]) -> str:
    """Return ``' Did you mean "x"?'`` for the allowed name closest to `name`, or an empty string."""
    close = difflib.get_close_matches(str(name), [str(a) for a in allowed], n=1, cutoff=0.5)
    return f' Did you mean "{close[0]}"?' if close else ""


def choose(what: str, name: Any, allowed: Collection[Any]) -> Any:
    """Raise `InputError` unless `name` is one of `allowed`."""
    if name not in allowed:
        listed = ", ".join(str(a) for a in allowed)
        raise InputError(f'{what} "{name}" is not known; allowed: {listed}.{did_you_mean(name, allowed)}')
    return name
