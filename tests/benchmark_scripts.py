"""The scripts of ``benchmarks/`` as modules, under names that no other module has."""

import importlib.util
import pathlib

BENCHMARKS = pathlib.Path(__file__).resolve().parents[1] / "benchmarks"


def benchmark(name):
    """Return ``benchmarks/NAME.py`` as a module, executed anew."""
    path = BENCHMARKS / f"{name}.py"
    specification = importlib.util.spec_from_file_location(f"benchmark_{path.stem}", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module
