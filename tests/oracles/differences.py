"""The random networks and central differences of ``benchmarks/gradient_check.py``, for tests."""

import importlib.util
import pathlib

_PATH = pathlib.Path(__file__).resolve().parents[2] / "benchmarks" / "gradient_check.py"
_SPEC = importlib.util.spec_from_file_location("gradient_check", _PATH)
check = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(check)
