"""`benchmarks/hardening_page.py`: the page stands on recorded figures, and every surviving mutant is explained."""

import json
import pathlib

import pytest
from benchmark_scripts import benchmark

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def script():
    """Return the script as a module."""
    return benchmark("hardening_page")


def test_the_page_in_docs_is_the_one_that_the_recorded_figures_give(script):
    assert (REPOSITORY / "docs" / "hardening.md").read_text(encoding="utf-8") == script.page()


def test_the_counts_of_faults_are_those_of_all_commands(script):
    rows = json.loads((script.RESULTS / "faults.json").read_text(encoding="utf-8"))["rows"]
    killed = sum(row["times"] for row in rows if row["fault"] == "killed at a moment")
    line = next(line for line in script.page().splitlines() if "| killed at a moment |" in line)
    assert int(line.split("|")[4]) == killed > 0


def test_mutants_are_counted_and_survivors_explained(script, tmp_path):
    survivor = {"module": "a.py", "line": 7, "was": "x | y", "became": "x & y", "survived": True,
                "why": "both are bits"}
    noticed = {"module": "a.py", "line": 8, "was": "1", "became": "2", "survived": False}
    (tmp_path / "mutation.json").write_text(json.dumps(
        {"parts": {"queue": {"mutants": 2000, "tried": [survivor, noticed, noticed]}}}))
    script.RESULTS = tmp_path
    page = script.page()
    assert "| queue | 2,000 | 3 | 2 | 1 |" in page
    assert r"| `a.py` | 7 | `x \| y` | `x & y` | both are bits |" in page
    assert "## Faults" not in page
