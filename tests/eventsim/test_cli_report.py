"""``eventsim report``: where the page goes, and one line for every mistake."""

import numpy as np
import pytest

import eventsim as es
from eventsim.cli import main


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Stand in a folder with a run in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    net = es.Network(seed=1)
    net.input("pixels", (2, 2))
    net.population("output", 2, es.LIF(tau_mem=20.0, tau_syn=5.0))
    net.connect("pixels", "output", es.Dense(2.0), delay=1.0)
    es.simulate(net, {"pixels": es.Spikes(np.arange(4.0), np.arange(4))}, t_stop=20.0).save("runs/run.h5")
    return tmp_path


def failing_line(capsys, *arguments):
    assert main(["report", *arguments]) == 1
    output = capsys.readouterr()
    assert output.out == "" and output.err.count("\n") == 1
    return output.err.removeprefix("eventsim: error: ").strip()


def test_the_page_goes_into_the_folder_or_where_it_is_wanted(here, capsys):
    assert main(["report", "runs"]) == 0
    assert capsys.readouterr().out == "written: runs/report.html\n"
    assert main(["report", "runs", "--out", "page.html"]) == 0
    assert (here / "page.html").read_bytes() == (here / "runs" / "report.html").read_bytes()


def test_the_help_has_an_example(capsys):
    with pytest.raises(SystemExit) as end:
        main(["report", "--help"])
    assert end.value.code == 0
    assert "eventsim report demo-results" in capsys.readouterr().out


def test_what_cannot_be_reported_is_said_in_one_line(here, capsys):
    (here / "empty").mkdir()
    broken = here / "broken"
    broken.mkdir()
    whole = (here / "runs" / "run.h5").read_bytes()
    (broken / "run.h5").write_bytes(whole[: len(whole) // 2])
    lines = {
        ("nowhere",): 'there is no folder or file "nowhere"',
        ("empty",): '"empty" holds nothing to report',
        ("broken",): '"broken/run.h5" is not an HDF5 file, or is cut short',
        ("runs", "--out", "runs/run.h5"): '"runs/run.h5" does not end with .html',
        ("runs", "--out", "no/page.html"): 'there is no folder "no"',
    }
    for arguments, line in lines.items():
        assert line in failing_line(capsys, *arguments)
    assert (here / "runs" / "run.h5").read_bytes() == whole
