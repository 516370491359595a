"""The seconds of one verdict: spent by work here and by what workers are charged with, not by waiting."""

import time

import pytest

from potstill.verify.allowance import Allowance, SpentError


def test_waiting_costs_nothing_and_work_does():
    allowance = Allowance(1.0)
    time.sleep(0.1)
    assert allowance.left > 0.95
    until = time.thread_time() + 0.1
    while time.thread_time() < until:
        pass
    assert 0.8 < allowance.left <= 0.9


def test_what_workers_took_is_charged():
    allowance = Allowance(1.0)
    allowance.charge(0.7)
    assert 0.2 < allowance.left <= 0.3
    allowance.check()
    allowance.charge(0.5)
    with pytest.raises(SpentError):
        allowance.check()


def test_what_is_left_may_be_kept_from_workers():
    allowance = Allowance(1.0)
    allowance.charge(0.4)
    here = allowance.without_workers()
    assert not here.workers
    assert 0.5 < here.left <= 0.6
    assert allowance.workers
