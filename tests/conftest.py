"""What every test shares: quiet figures, no deadlines, one finished demo run."""

import os
import pathlib
import signal
import subprocess
import sys

import hypothesis
import pytest

os.environ.setdefault("MPLBACKEND", "Agg")
hypothesis.settings.register_profile("eventsim", deadline=None)  # the first example compiles kernels
hypothesis.settings.load_profile("eventsim")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job ignores Ctrl-C, and so would children
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def repository():
    """Return the folder of the repository that holds these tests."""
    return pathlib.Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory):
    """Run ``eventsim demo`` once; return the finished process and the folder of its results."""
    folder = tmp_path_factory.mktemp("demo") / "demo-results"
    command = [sys.executable, "-m", "eventsim", "demo", "--out", str(folder)]
    process = subprocess.run(command, capture_output=True, text=True, cwd=folder.parent, check=False)
    assert process.returncode == 0, process.stderr
    return process, folder
