"""JSON and TOML that anybody may have written: refused before they are read where they are nested far deeper than ours.

Python would refuse them at its limit of recursion. But where a garbage collection at that depth frees an object of
h5py, that fails between taking h5py's lock and giving it back (h5py 3.16): every other thread would wait for it for
ever.
"""

import itertools
import json
import re
import tomllib

DEEPEST = 100
"""Levels; our own files have less than ten."""

_OF_JSON = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{\]}]', re.DOTALL)
_OF_TOML = re.compile(
    r"""\"{3}(?:[^\\]|\\.)*?(?:\"{3}|\Z)|'{3}.*?(?:'{3}|\Z)|"[^"\\\n]*(?:\\.[^"\\\n]*)*"?|'[^'\n]*'?|\#[^\n]*|[\[{\]}]""",
    re.DOTALL)
"""What counts, brackets, and what hides some that do not: strings and comments."""

_STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}


def from_json(text):
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
    _check_depth(text, _OF_JSON)
    return json.loads(text)


def from_toml(text):
    """Return the tables that a TOML text holds.

    Parameters
    ----------
    text : str

    Raises
    ------
    ValueError
        It is no TOML, or nested too deeply.
    """
    _check_depth(text, _OF_TOML)
    return tomllib.loads(text)


def _check_depth(text, tokens):
    if text.count("[") + text.count("{") <= DEEPEST:
        return
    if max(itertools.accumulate(_STEPS.get(token[0], 0) for token in tokens.finditer(text))) > DEEPEST:
        raise ValueError(f"nested too deeply, more than {DEEPEST} levels")
