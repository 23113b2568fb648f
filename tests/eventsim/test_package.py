"""The package's face: lazy names, a cheap import, the version."""

import importlib.metadata
import subprocess
import sys
import types

import pytest

import eventsim

HEAVY = ("numba", "scipy", "matplotlib", "h5py", "numpy")


def run_python(*arguments):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)


def test_importing_eventsim_imports_no_heavy_library():
    code = f"import sys, eventsim; print([m for m in {HEAVY!r} if m in sys.modules])"
    assert run_python("-c", code).stdout.strip() == "[]"


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_import_no_heavy_library(option):
    code = (
        "import sys\n"
        "from eventsim.cli import main\n"
        f"try:\n    main([{option!r}])\nexcept SystemExit:\n    pass\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    assert run_python("-c", code).stderr.strip() == "[]"


@pytest.mark.parametrize("name", [name for name in eventsim.__all__ if name != "__version__"])
def test_every_public_name_loads_and_is_listed(name):
    assert getattr(eventsim, name) is not None
    assert name in dir(eventsim)


def test_simulate_stays_the_function_when_its_file_is_imported():
    import eventsim.simulate

    assert isinstance(sys.modules["eventsim.simulate"], types.ModuleType)
    assert not isinstance(eventsim.simulate, types.ModuleType)
    assert callable(eventsim.simulate)


def test_an_unknown_name_is_answered_with_a_suggestion():
    with pytest.raises(AttributeError, match=r'no "Netwrok"\. Did you mean "Network"\?'):
        eventsim.Netwrok  # noqa: B018


def test_the_version_is_that_of_the_installed_distribution():
    try:
        installed = importlib.metadata.version("eventsim")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("runs from a source tree")
    assert eventsim.__version__ == installed


def test_the_package_runs_as_a_module():
    process = run_python("-m", "eventsim", "--version")
    assert process.returncode == 0
    assert process.stdout.strip() == f"eventsim {eventsim.__version__}"
