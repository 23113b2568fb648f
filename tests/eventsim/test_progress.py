"""Progress: silence, a text meter, the user's own function, and what an attended run does."""

import io
import os
import signal
import sys
import time

import pytest

import eventsim as es
from eventsim import progress
from eventsim.errors import InputError


class Clock:
    """A clock that goes on when told to."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


@pytest.mark.parametrize("silent", [None, False])
def test_no_progress_writes_nothing(silent, capsys):
    show = progress.meter(silent)
    show(0.5)
    show(None)
    assert capsys.readouterr() == ("", "")


def test_the_text_meter_shows_share_time_and_time_left(clock):
    stream = io.StringIO()
    meter = progress.TextMeter(stream)
    clock.now += 3.0
    meter.show(0.25)
    clock.now += 1.0
    meter.show(1.0)
    meter.show(None)
    assert stream.getvalue() == "\r 25 %, 3.0 s, 9.0 s to go \r100 %, 4.0 s, 0.0 s to go \n"


@pytest.mark.parametrize(("total", "span", "rate"), [
    (1, 4000.0, "1,000 ms/s"), (1, 400.0, "100 ms/s"), (1, None, "0.25 samples/s"), (200, 4000.0, "50 samples/s")])
def test_the_rate_is_in_samples_or_for_a_single_one_in_its_own_time(clock, capsys, total, span, rate):
    attendant = progress.Attendant(True, total, span)
    clock.now += 2.0
    if total == 1:
        attendant.within("only", 0.5)
    else:
        attendant.report(total // 2)
    assert capsys.readouterr().err == f"\r 50 %, 2.0 s, {rate}, 2.0 s to go "


@pytest.mark.parametrize(("seconds", "words"), [(9.0, "9.0 s"), (119.0, "119.0 s"), (300.0, "5 min"),
                                                (9000.0, "2.5 h")])
def test_long_spans_are_told_in_minutes_and_hours(clock, seconds, words):
    stream = io.StringIO()
    meter = progress.TextMeter(stream)
    clock.now += seconds
    meter.show(0.5)
    assert stream.getvalue() == f"\r 50 %, {words}, {words} to go "


def test_a_shorter_line_leaves_nothing_of_a_longer_one(clock):
    stream = io.StringIO()
    meter = progress.TextMeter(stream)
    clock.now += 100.0
    meter.show(0.1)
    clock.now += 100.0
    meter.show(0.9)
    _, first, second = stream.getvalue().split("\r")
    assert len(second) == len(first)


def test_pieces_that_are_under_way_count_as_far_as_they_have_come():
    told = []
    attendant = progress.Attendant(lambda fraction, elapsed: told.append(fraction), 4)
    attendant.within("a", 0.5)
    attendant.within("b", 0.5)
    attendant.within("a", 0.75)
    attendant.report(1, "a")
    attendant.report(1)
    attendant.report(1, "b")
    attendant.report(1, "c")
    assert told == [0.125, 0.25, 0.3125, 0.375, 0.625, 0.75, 1.0]


def test_the_text_meter_rewrites_its_line_at_most_five_times_a_second(clock):
    stream = io.StringIO()
    meter = progress.TextMeter(stream)
    for step in range(100):
        clock.now += 0.01
        meter.show(step / 100)
    assert 4 <= stream.getvalue().count("\r") <= 5


def test_a_quick_run_leaves_no_line(clock):
    stream = io.StringIO()
    meter = progress.TextMeter(stream)
    meter.show(1.0)
    meter.show(None)
    assert stream.getvalue() == ""


def test_nothing_done_yet_has_no_time_left_to_tell(clock):
    stream = io.StringIO()
    meter = progress.TextMeter(stream)
    clock.now += 1.0
    meter.show(0.0)
    assert stream.getvalue() == "\r  0 %, 1.0 s "


@pytest.mark.parametrize("text", [True, "text"])
def test_the_text_goes_to_standard_error(text, clock, capsys):
    show = progress.meter(text)
    clock.now += 1.0
    show(0.5)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "50 %" in captured.err


def test_a_function_is_called_with_the_fraction_and_the_seconds(clock):
    calls = []
    show = progress.meter(lambda fraction, elapsed: calls.append((fraction, elapsed)))
    clock.now += 2.0
    show(0.5)
    show(None)
    assert calls == [(0.5, 2.0)]


@pytest.mark.parametrize("wrong", ["bar", 3, 0.5, []])
def test_anything_else_is_refused_with_one_line(wrong):
    with pytest.raises(InputError, match="allowed: None, True") as caught:
        progress.meter(wrong)
    assert "\n" not in str(caught.value)


def two_neurons():
    net = es.Network(seed=0)
    net.input("in", 1)
    net.population("out", 1, es.LIF(20.0, 5.0, t_refractory=es.NEVER))
    net.connect("in", "out", es.Dense(10.0))
    return net, {"in": es.Spikes([1.0] * 40, [0] * 40, range(40))}


@pytest.mark.parametrize("engine", ["heap", "layers", "reference"])
def test_a_run_reports_every_sample_up_to_all_of_them(engine):
    net, stimulus = two_neurons()
    calls = []
    es.simulate(net, stimulus, 10.0, engine=engine, progress=lambda fraction, elapsed: calls.append(fraction))
    assert calls == sorted(calls)
    assert calls[-1] == 1.0
    assert all(0.0 < fraction <= 1.0 for fraction in calls)


def test_what_the_users_function_raises_ends_the_run_and_reaches_the_user():
    net, stimulus = two_neurons()

    def grumble(fraction, elapsed):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        es.simulate(net, stimulus, 10.0, engine="heap", progress=grumble)


def test_attended_work_is_done_and_what_it_raises_is_raised():
    done = []
    attendant = progress.Attendant(None, 3)
    assert attendant.attend(lambda: done.append(attendant.cancelled())) is False
    assert done == [False]

    def fail():
        raise KeyError("lost")

    failing = progress.Attendant(None, 1)
    with pytest.raises(KeyError, match="lost"):
        failing.attend(fail)
    assert failing.cancelled()


@pytest.mark.skipif(sys.platform == "win32", reason="a signal to the own process ends it there")
def test_the_first_interrupt_lets_the_work_end_in_order():
    attendant = progress.Attendant(None, 1)
    ended = []

    def work():
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(2000):
            if attendant.cancelled():
                break
            time.sleep(0.005)
        ended.append(attendant.cancelled())

    assert attendant.attend(work) is True
    assert ended == [True]
