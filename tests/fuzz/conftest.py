"""Some nonsense is the name of a file: every fuzz test runs in a folder of its own."""

import pytest


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    """Go there."""
    monkeypatch.chdir(tmp_path)
