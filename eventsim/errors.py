"""The one exception that user input raises, and the phrase that suggests a name."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Sequence
from typing import Any

_LONGEST = 600  # characters of a message: what was given may be an array with a million entries


class InputError(ValueError):
    """The input cannot be used; the message is one line: what was given, what is allowed, what to do.

    Parameters
    ----------
    message : str
        Line ends and signs that a terminal would obey are replaced, and its middle is left out where it is very long:
        what it quotes from files and arguments may hold anything.
    """

    def __init__(self, message: object = "") -> None:
        line = str(message)
        if not line.isprintable():
            line = "".join(sign if sign.isprintable() else "?" for sign in " ".join(line.split()))
        if len(line) > _LONGEST:
            line = f"{line[:_LONGEST // 2]} ... {line[-_LONGEST // 2:]}"
        super().__init__(line)


def expect(what: str, value: object, kind: type | str, words: str) -> None:
    """Raise `InputError` unless `value` is of a class, or of one that is derived from it.

    Parameters
    ----------
    what : str
        The name of the value, for the message.
    value : object
    kind : type or str
        The class, or its name: most callers need its module for nothing else.
    words : str
        What is allowed, to end the message with.
    """
    if isinstance(kind, str):
        fits = kind in [each.__name__ for each in type(value).__mro__]
    else:
        fits = isinstance(value, kind)
    if kind in (Collection, Iterable, Sequence):  # neither a text nor an array without an axis is meant by them
        fits = fits and not isinstance(value, str | bytes) and getattr(value, "ndim", 1) != 0
    if not fits:
        raise InputError(f"{what} is of the type {type(value).__name__}; give {words}.")


def expect_network(net: object) -> None:
    """Raise `InputError` unless `net` is a network."""
    expect("net", net, "Network", "an eventsim.Network")


def expect_trace(trace: object) -> None:
    """Raise `InputError` unless `trace` is the trace of a run."""
    expect("trace", trace, "Trace", "an eventsim.Trace, as simulate returns it")


def did_you_mean(name: object, allowed: Iterable[object]) -> str:
    """Return ``' Did you mean "x"?'`` for the allowed name closest to `name`, or an empty string."""
    close = difflib.get_close_matches(str(name)[:_LONGEST], [str(a) for a in allowed], n=1, cutoff=0.5)
    return f' Did you mean "{close[0]}"?' if close else ""


def choose(what: str, name: Any, allowed: Collection[Any]) -> Any:
    """Raise `InputError` unless `name` is one of `allowed`."""
    try:
        known = name in allowed
    except (TypeError, ValueError):  # a list, an array
        known = False
    if not known:
        listed = ", ".join(str(a) for a in allowed)
        raise InputError(f'{what} "{name}" is not known; allowed: {listed}.{did_you_mean(name, allowed)}')
    return name
