"""Report: one page about a training or a simulation, complete in itself."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING

from eventsim.errors import InputError

if TYPE_CHECKING:
    from eventsim.type_aliases import PathLike

_ENDINGS = (".html", ".htm")


def report(source: PathLike, out: PathLike | None = None) -> pathlib.Path:
    """Write a page about what a folder holds: an HTML file that needs no other file, no network and no script.

    Parameters
    ----------
    source : path-like
        A folder that ``eventsim train`` or ``eventsim demo`` wrote, a folder with traces, a trace file, the folder of
        segments of an unfinished run, or a model file with the files of its training beside it.
    out : path-like, optional
        The page; default: ``report.html`` in the folder, or the file's name with the ending ``.html``.

    Returns
    -------
    pathlib.Path
        The page, written aside and renamed. The same files give the same bytes.

    Raises
    ------
    InputError
        There is nothing to report, a file is damaged, or the page cannot be written there.

    Notes
    -----
    On the page, as far as the folder has them: headline numbers, warnings, the network, learning curves, a raster,
    latencies, the answer at any time, maps of first spikes, spikes and operations, provenance. Everything comes from
    the files: nothing is simulated again. What is not there is left out.
    """
    from eventsim.io.aside import check_target, written_aside
    from eventsim.io.plain_file import path_of
    from viz.reporting import contents, whole

    source = path_of(source)
    out = _beside(source) if out is None else path_of(out)
    if out.suffix.lower() not in _ENDINGS:
        raise InputError(f'"{out}" does not end with {" or ".join(_ENDINGS)}; give the name of a page to write')
    if source.exists():
        check_target(out)
    page = whole.page_of(contents.read(source))
    with written_aside(out) as aside:
        aside.write_bytes(page.encode("utf-8", "replace"))  # a file may hold halves of characters
    return out


def _beside(source: pathlib.Path) -> pathlib.Path:
    """Return where the page goes by itself; never into a folder of segments, which the end of the run removes."""
    if source.is_dir() and source.name.endswith(".segments"):
        return source.with_name(source.name.removesuffix(".segments")).with_suffix(".html")
    return source / "report.html" if source.is_dir() or not source.suffix else source.with_suffix(".html")
