"""`benchmarks/results_page.py`: the page of training results stands on recorded figures."""

import pathlib
import re

import pytest
from benchmark_scripts import benchmark

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def script():
    """Return the script as a module."""
    return benchmark("results_page")


def test_the_page_in_docs_is_the_one_that_the_recorded_figures_give(script):
    assert (REPOSITORY / "docs" / "training-results.md").read_text(encoding="utf-8") == script.page()


def test_the_page_shows_pictures_that_are_there(script):
    shown = re.findall(r"\]\((images/[^)]+)\)", script.page())
    assert shown and all((REPOSITORY / "docs" / name).is_file() for name in shown)


def test_a_section_without_recorded_figures_is_left_out(script, tmp_path):
    script.RESULTS = tmp_path
    page = script.page()
    assert "Shipped networks" in page
    assert "Training speed" not in page and "Several seeds" not in page


def test_the_accuracy_on_the_page_is_that_of_the_model_files(script):
    for name, result, *_ in script.networks():
        row = next(line for line in script.page().splitlines() if line.startswith(f"| `{name}.h5`"))
        assert f"{100.0 * result['test']['accuracy']:.2f}" in row
