"""The command ``eventsim sweep``."""

import json

import pytest

import eventsim as es
from eventsim.cli import main
from training.sweeps import simulations

SETTINGS = """
[simulate]
network = "net.h5"
t_stop = 20.0
[sweep.values]
neurons.cells.i_offset = [1.5, 2.0, {}]
"""


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Stand in a folder with a network and a sweep over its drive."""
    monkeypatch.chdir(tmp_path)
    net = es.Network(seed=1)
    net.population("cells", 3, es.LIF(tau_mem=20.0, tau_syn=5.0))
    net.save("net.h5")
    (tmp_path / "sweep.toml").write_text(SETTINGS.format("2.5"))
    return tmp_path


def test_it_says_how_many_points_are_done_and_where_they_are(capsys):
    assert main(["sweep", "sweep.toml", "--out", "out", "--workers", "2"]) == 0
    said = capsys.readouterr().out
    assert "3 of 3 done" in said
    assert "out/sweep.csv" in said


def test_as_json_it_prints_the_summary(capsys, place):
    assert main(["sweep", "sweep.toml", "--out", "out", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((place / "out/sweep.json").read_text())


def test_points_that_fail_make_status_1_and_name_the_first(capsys, place):
    (place / "sweep.toml").write_text(SETTINGS.format("nan"))
    assert main(["sweep", "sweep.toml", "--out", "out"]) == 1
    said = capsys.readouterr()
    assert "2 of 3 done" in said.out
    assert said.err.startswith("eventsim: error: 1 of 3 points failed, point 2 because ")


def test_ctrl_c_is_status_130_and_what_was_done_stays(capsys, monkeypatch):
    import _thread

    simulate = simulations.simulate

    def interrupted(base, tables):
        if tables["neurons"]["cells"]["i_offset"] == 2.0:
            _thread.interrupt_main()
        return simulate(base, tables)

    monkeypatch.setattr(simulations, "simulate", interrupted)
    assert main(["sweep", "sweep.toml", "--out", "out", "--workers", "1"]) == 130
    assert "of 3 done" in capsys.readouterr().out
    monkeypatch.undo()


def test_a_sweep_of_trainings_lists_the_best_first(capsys, place):
    (place / "t.toml").write_text('[data]\nname = "yin-yang"\n[network]\ntau_mem = inf\ntau_syn = inf\nt_stop = 6.0\n'
                                  "[fit]\nepochs = 1\nbatch = 500\n[sweep.values]\nnetwork.hidden = [[2], [9]]\n")
    assert main(["sweep", "t.toml", "--out", "out"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("point ")]
    shares = [float(line.split("accuracy ")[1].split(" %")[0]) for line in lines]
    assert len(shares) == 2 and shares == sorted(shares, reverse=True)
