"""What the loggers say, and to whom."""

import logging

import numpy as np
from small_runs import recurrent_run

import eventsim as es
import training


def test_a_run_and_a_file_are_logged(caplog, tmp_path):
    with caplog.at_level(logging.INFO, "eventsim"):
        recurrent_run().save(tmp_path / "trace.h5")
    said = [record.getMessage() for record in caplog.records]
    assert any(line.startswith("simulated ") and "engine" in line for line in said)
    assert any("trace.h5" in line for line in said if line.startswith("wrote "))


def test_an_epoch_and_a_layer_that_does_not_fire_are_logged(caplog):
    net = es.Network(seed=1)
    net.input("in", 4)
    once = es.LIF(es.NEVER, es.NEVER, t_refractory=es.NEVER)
    net.population("hidden", 3, once)
    net.population("output", 2, once)
    net.connect("in", "hidden", es.Dense(np.zeros((4, 3))))
    net.connect("hidden", "output", es.Dense(np.ones((3, 2))))
    model = training.Model(net, training.encode.Latency(t_max=1.0), training.decode.FirstSpike("latency", tau=0.2),
                           t_stop=4.0)
    with caplog.at_level(logging.INFO, "training"):
        training.fit(model, np.eye(4), np.array([0, 1, 0, 1]), epochs=1, progress=None)
    said = {level: [record.getMessage() for record in caplog.records if record.levelno == level]
            for level in (logging.INFO, logging.WARNING)}
    assert said[logging.INFO][0].startswith("epoch 1: loss ")
    assert ['"hidden" is dead' in line for line in said[logging.WARNING]] == [True, False]


def test_nobody_hears_of_it_who_does_not_ask(capsys):
    recurrent_run()
    assert capsys.readouterr() == ("", "")
    assert any(isinstance(handler, logging.NullHandler) for handler in logging.getLogger("eventsim").handlers)
