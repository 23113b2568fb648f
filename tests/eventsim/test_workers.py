"""Tasks on threads of this process, and what is said where a cluster is asked for that is not there."""

import _thread
import contextlib
import sys
import threading
import time

import pytest
from refusals import refusal

from eventsim.errors import InputError
from eventsim.workers import Threads, cancelled, workers_at


@pytest.mark.parametrize("count", [1, 3])
def test_results_come_in_the_order_of_the_tasks(count):
    def slower_at_first(shared, task):
        time.sleep(0.02 if task == 0 else 0.0)
        return shared * task

    assert workers_at(count=count).map(slower_at_first, range(7), 10) == [0, 10, 20, 30, 40, 50, 60]


def test_a_task_that_is_refused_does_not_keep_the_others_from_being_done():
    def odd(shared, task):
        if task % 2 == 0:
            raise InputError(f"{task} is even")
        return task

    over = sorted(Threads(2).completed(odd, range(4)))
    assert [done.result for done in over] == [None, 1, None, 3]
    assert [done.failure and str(done.failure) for done in over] == ["0 is even", None, "2 is even", None]
    assert refusal(Threads(1).map, odd, [1, 2]) == "2 is even"


def test_a_defect_in_a_task_is_raised_as_it_is():
    with pytest.raises(ZeroDivisionError):
        Threads(2).map(lambda shared, task: 1 // task, [1, 0])


def test_whoever_has_seen_enough_ends_the_tasks_that_are_left():
    begun, told = [], []

    def patient(shared, task):
        begun.append(task)
        if task == 0:
            return None
        while not cancelled():
            time.sleep(0.001)
        told.append(task)

    with contextlib.closing(Threads(2).completed(patient, range(50))) as over:
        assert next(over).number == 0
    assert set(begun) == {0, *told}
    assert len(begun) <= 3
    assert not cancelled()


def test_ctrl_c_ends_the_tasks_under_way_and_those_that_are_left():
    begun = []

    def waits(shared, task):
        begun.append(task)
        if task == 1:
            _thread.interrupt_main()
        while not cancelled():
            time.sleep(0.001)

    with pytest.raises(KeyboardInterrupt):
        list(Threads(2).completed(waits, range(9)))
    assert {0, 1} <= set(begun)
    assert len(begun) < 9
    for thread in threading.enumerate():
        if thread.name.startswith("ThreadPoolExecutor"):
            thread.join(10.0)
            assert not thread.is_alive()


def test_progress_is_shown_task_by_task():
    seen = []
    Threads(1).map(lambda shared, task: task, range(4), progress=lambda fraction, elapsed: seen.append(fraction))
    assert seen == [0.25, 0.5, 0.75, 1.0]


def test_a_number_of_workers_is_refused_for_a_cluster_which_has_its_own():
    assert "leave the number out" in refusal(workers_at, "tcp://127.0.0.1:8786", 4)


def test_without_dask_a_scheduler_is_refused_with_the_extra_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "dask", None)
    assert "pip install eventsim[dask]" in refusal(workers_at, "tcp://127.0.0.1:8786")
