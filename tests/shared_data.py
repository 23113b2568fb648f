"""Where the published data sets lie, for tests that read them."""

import os
import pathlib

import pytest

SHARED = pathlib.Path(os.environ.get("EVENTSIM_DATA")
                      or pathlib.Path(__file__).resolve().parents[1] / ".." / "shared" / "data")


def published(name):
    """Return the folder of a real data set, or skip the test."""
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"needs the files of {name}: set EVENTSIM_DATA to the folder that holds {name}/")
    return folder
