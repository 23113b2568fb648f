"""`benchmarks/benchmarks_page.py`: the tables of the page of benchmarks stand on recorded figures."""

import pathlib

import pytest
from benchmark_scripts import benchmark

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "benchmarks.md"


@pytest.fixture
def script():
    """Return the script as a module."""
    return benchmark("benchmarks_page")


def test_the_tables_in_docs_are_those_that_the_recorded_figures_give(script):
    text = PAGE.read_text(encoding="utf-8")
    assert script.page(text) == text


def test_a_figure_changed_by_hand_is_noticed(script):
    text = PAGE.read_text(encoding="utf-8")
    assert "76,674" in text
    assert script.page(text.replace("76,674", "76,675")) == text


def test_a_page_that_lost_the_place_of_a_table_is_refused(script):
    text = PAGE.read_text(encoding="utf-8").replace("<!-- table: peers -->", "")
    with pytest.raises(ValueError, match="places for"):
        script.page(text)


def test_times_ours_is_the_quotient_of_two_recorded_times(script):
    figures = {one["name"]: one["simulate_cpu_s"] for one in script.read("peers")["networks"]["delta"]}
    row = next(line for line in script.peers().splitlines() if "NEST precise" in line)
    assert float(row.split("|")[4]) == pytest.approx(figures["nest-precise"] / figures["eventsim"], rel=0.02)
