"""A file must not be able to run code: no way to is in the packages."""

import ast
import pathlib

import pytest

PACKAGES = ("eventsim", "training", "viz")
ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
MODULES = {"pickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "yaml", "code", "codeop", "runpy"}
SENT = {"eventsim/dask_workers.py": {"imports pickle"}}
"""Not from files: what a client and the workers of its own cluster send each other."""
CALLS = {"eval", "exec", "compile", "__import__", "breakpoint"}
METHODS = {"extract", "extractall", "unpack_archive", "system", "popen", "fromstring_unsafe", "load_module"}


def faults(tree):
    """Yield (line, what) of everything that could run what a file says."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [name.name for name in node.names] + [getattr(node, "module", None) or ""]
            for name in names:
                if name.partition(".")[0] in MODULES:
                    yield node.lineno, f"imports {name}"
        elif isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and called.id in CALLS:
                yield node.lineno, called.id
            if isinstance(called, ast.Attribute) and called.attr in METHODS and _of(called) != "platform":
                yield node.lineno, called.attr
            if isinstance(called, ast.Attribute) and called.attr == "load" and _of(called) == "np":
                allowed = [word.value for word in node.keywords if word.arg == "allow_pickle"]
                if [getattr(value, "value", None) for value in allowed] != [False]:
                    yield node.lineno, "np.load without allow_pickle=False"
            if any(word.arg == "shell" for word in node.keywords):
                yield node.lineno, "a shell"


def _of(called):
    return getattr(called.value, "id", "")


def test_nothing_in_a_file_can_run():
    found = {str(path.relative_to(ROOT)): list(faults(ast.parse(path.read_text(encoding="utf-8")))) for path in SOURCES}
    assert {what for _, what in found["eventsim/dask_workers.py"]} == SENT["eventsim/dask_workers.py"]
    assert len(found) > 200 and {path: lines for path, lines in found.items() if lines and path not in SENT} == {}


@pytest.mark.parametrize("line", [
    "import pickle", "from pickle import loads", "eval('1')", "exec('x')", "a.extractall()", "np.load('x')",
    "np.load('x', allow_pickle=True)", "import yaml.loader", "subprocess.run('x', shell=True)"])
def test_the_search_sees_what_it_is_for(line):
    assert len(list(faults(ast.parse(line)))) == 1
