"""No answer hangs, crashes or runs anything, and the listed ones get the verdict they should; more in `make soak`."""

import asyncio
import random
import threading

import pytest
from verify import hostile
from verify.hostile import CASES, Case
from verify.watched import GRACE, SECONDS, listening, watching


@pytest.fixture(scope="module")
def watch(tmp_path_factory):
    with watching(tmp_path_factory.mktemp("hostile")) as found:
        yield found


def test_each_group_is_there():
    assert {case.group for case in CASES} == set(range(1, 51)) - {40}, "40 is INJECTIONS"


@pytest.mark.parametrize("group", range(1, 51))
def test_listed_answers(watch, group):
    wrongly = []
    for case in CASES:
        if case.group == group:
            judged, taken = watch.ask(case)
            assert taken <= SECONDS + GRACE, case.name
            if judged.outcome not in case.wanted:
                wrongly.append((case.name, judged.outcome, judged.cause, judged.method, judged.reason[:80]))
    assert watch.alarms() == []
    assert wrongly == []


def test_bombs_are_refused_at_once(watch):
    slow = []
    for case in filter(lambda case: case.bomb, CASES):
        judged, taken = watch.ask(case)
        if judged.cause == "unsupported" and taken > 0.05:
            slow.append((case.name, round(taken, 3), judged.reason[:80]))
    assert watch.alarms() == []
    assert slow == []


@pytest.mark.parametrize("seed", range(10))
def test_bent_answers(watch, seed):
    dice = random.Random(seed)
    for _ in range(30):
        case = hostile.fuzzed(dice)
        judged, taken = watch.ask(case)
        assert judged.outcome in hostile.ANY, case.name
        assert (judged.cause == "") == (judged.outcome != "unknown"), case.name
        assert taken <= SECONDS + GRACE, case.name
    assert watch.alarms() == []


def some(count, seed):
    dice = random.Random(seed)
    return [hostile.fuzzed(dice) for _ in range(count)]


def test_the_same_verdicts_off_the_main_thread_and_in_an_event_loop(watch):
    cases = [*some(25, 77), *dice_of(CASES, 25)]
    here = [watch.ask(case)[0].outcome for case in cases]
    there = []
    thread = threading.Thread(target=lambda: there.extend(watch.ask(case) for case in cases))
    thread.start()
    thread.join()

    async def in_a_loop():
        return [watch.ask(case) for case in cases]

    looped = asyncio.run(in_a_loop())
    for found in (there, looped):
        assert max(taken for _, taken in found) <= SECONDS + GRACE
        unlike = [
            (case.name, one, judged.outcome)
            for case, one, (judged, _) in zip(cases, here, found, strict=True)
            if judged.outcome != one and "timeout" not in (judged.cause, one)
        ]
        assert unlike == []
    assert watch.alarms() == []


def dice_of(cases, count):
    return random.Random(5).sample(cases, count)


def test_the_watch_sees_what_it_should(tmp_path):
    """The alarms ring for what an evaluator would do, here and in a worker."""
    from potstill.verify import pool as pools

    with watching(tmp_path) as watch:
        with listening():
            compile("1 + 1", "<answer>", "eval")
        assert [alarm.split()[0] for alarm in watch.alarms()] == ["compile"]
    with watching(tmp_path) as watch:
        with pytest.raises(pools.CallFailedError):
            pools.symbolic_pool().call(open, str(watch.canary), "w", seconds=5)
        assert {alarm.split()[0] for alarm in watch.alarms()} == {"open", "the"}


@pytest.mark.parametrize("text", hostile.INJECTIONS)
def test_no_answer_is_evaluated(watch, text, monkeypatch):
    monkeypatch.setenv("POTSTILL_CANARY", "the secret of this process")
    for gold, kind, choices in hostile.GOLDS:
        judged, taken = watch.ask(Case(40, text, gold, hostile.NOT_RIGHT, kind, choices))
        assert judged.outcome != "right", (gold, kind)
        assert taken <= SECONDS + GRACE
        assert "the secret" not in repr(judged)
    for frame in hostile.FRAMES:
        judged, _ = watch.ask(Case(40, frame.format(text), "5", hostile.NOT_RIGHT, text=True))
        assert judged.outcome != "right"
    assert watch.alarms() == []
