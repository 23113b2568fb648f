"""What tests of data sets share."""

import pytest


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Stand in an empty folder without a data folder in the environment."""
    monkeypatch.delenv("EVENTSIM_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path
