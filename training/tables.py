"""Tables of a configuration file: read, and checked against dataclasses for known keys and values of the right type."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from eventsim.errors import InputError, did_you_mean
from eventsim.io import documents
from eventsim.io.hdf5 import one_line
from eventsim.io.plain_file import path_of

if TYPE_CHECKING:
    from eventsim.type_aliases import PathLike
    from training.type_aliases import Settings


def read_toml(path: PathLike) -> dict[str, Any]:
    """Return the tables of a configuration file.

    Parameters
    ----------
    path : str or path-like

    Raises
    ------
    InputError
        The file is missing or no TOML.
    """
    path = path_of(path)
    if not path.is_file():
        raise InputError(
            f'There is no configuration file "{path}"; check the path, or start from examples/configs.'
        )
    try:
        return documents.from_toml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f'"{path}" cannot be read: {error.strerror or error}.') from None
    except ValueError as error:  # of TOML, of UTF-8, and of whole numbers with thousands of digits
        raise InputError(f'"{path}" is not valid TOML: {one_line(error)}.') from None


def table(name: str, kind: Any, values: Settings) -> Any:
    """Return the dataclass `kind` of the table `name`.

    Parameters
    ----------
    name : str
        As the file has it, without brackets.
    kind : type
        A dataclass whose annotations are plain types or unions of them.
    values : dict

    Raises
    ------
    InputError
        A key that `kind` does not have, or a value of the wrong type.
    """
    known = {f.name: f for f in fields(kind)}
    for key, value in values.items():
        refuse_unknown("key", key, known, name)
        if not _fits(value, known[key].type):
            raise InputError(
                f"[{name}] {key} = {value!r} is of the wrong type; it must be {_said(known[key].type)}."
            )
    return kind(**{k: float(v) if known[k].type is float else v for k, v in values.items()})


def refuse_unknown(what: str, given: str, allowed: Collection[str], where: str) -> None:
    """Raise `InputError` with the nearest name unless `given` is allowed in the table `where`."""
    if given not in allowed:
        where = f"[{where}] " if where else ""
        raise InputError(
            f'{where}{what} "{given}" is not known; allowed: {", ".join(allowed)}.'
            f"{did_you_mean(given, allowed)}"
        )


_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}


def _choices(kind: Any) -> list[Any]:
    return [k for k in getattr(kind, "__args__", (kind,)) if k is not type(None)]


def _fits(value: object, kind: Any) -> bool:
    for one in _choices(kind):
        if one is float and isinstance(value, int | float) and not isinstance(value, bool):
            return True
        if isinstance(value, one) and (one is bool or not isinstance(value, bool)):
            return True
    return False


def _said(kind: Any) -> str:
    return " or ".join(_WORDS.get(k, k.__name__) for k in _choices(kind))
