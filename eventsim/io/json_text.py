"""JSON of files that anybody may have written: refused before it is read where it is nested deeper than ours ever is.

Python would refuse it at its limit of recursion. But where a garbage collection at that depth frees an object of h5py,
that fails between taking h5py's lock and giving it back (h5py 3.16): every other thread would wait for it for ever.
"""

import itertools
import json
import re

DEEPEST = 100
"""Levels; our own files have less than ten."""

_TOKENS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{\]}]', re.DOTALL)
"""Strings, whose brackets do not count, and brackets."""

_STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}


def parsed(text):
    """Return what a JSON text holds.

    Parameters
    ----------
    text : str or bytes
        Bytes: UTF-8.

    Raises
    ------
    ValueError
        It is no JSON, or nested too deeply.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    if text.count("[") + text.count("{") > DEEPEST and _depth(text) > DEEPEST:
        raise ValueError(f"nested more than {DEEPEST} times")
    return json.loads(text)


def _depth(text):
    return max(itertools.accumulate(_STEPS.get(token[0], 0) for token in _TOKENS.finditer(text)))
