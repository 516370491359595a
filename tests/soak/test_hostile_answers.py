"""Ten thousand bent answers, and what one bad answer costs the others."""

import asyncio
import itertools
import os
import random
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from soak.spinning import ready, spin, spin_for_ever
from verify import hostile
from verify.watched import GRACE, MEMORY, SECONDS, watching

from potstill.hardware import processors
from potstill.verify.pool import LATE_SECONDS, Pool, WorkerTimeoutError

SHORT = os.environ.get("POTSTILL_SOAK") == "short"
FROM_MAIN, FROM_ELSEWHERE = (500, 100) if SHORT else (10_000, 1_000)
REPEATS = 3 if SHORT else 9


@pytest.fixture(scope="module")
def watch(tmp_path_factory):
    with watching(tmp_path_factory.mktemp("hostile")) as found:
        yield found


def cases(count, seed):
    """Bent answers, and every tenth one of the listed ones."""
    dice = random.Random(seed)
    return [dice.choice(hostile.CASES) if dice.random() < 0.1 else hostile.fuzzed(dice) for _ in range(count)]


def judge_all(watch, chosen):
    """Judge cases and return what must not be: a crash, a late end, no outcome, an unknown without its cause."""
    wrongly = []
    for number, case in enumerate(chosen):
        try:
            judged, taken = watch.ask(case)
        except Exception as error:  # noqa: BLE001 - all of them are to be seen, not the first alone
            wrongly.append((number, case.name, repr(error)[:200]))
            continue
        if (
            taken > SECONDS + GRACE
            or judged.outcome not in hostile.ANY
            or (judged.outcome == "unknown") != bool(judged.cause)
        ):
            wrongly.append((number, case.name, round(taken, 2), judged.outcome, judged.cause))
    return wrongly


@pytest.mark.soak
def test_from_the_main_thread(watch):
    assert judge_all(watch, cases(FROM_MAIN, 1)) == []
    assert watch.alarms() == []
    assert 0 < watch.largest <= MEMORY


@pytest.mark.soak
def test_from_a_worker_thread(watch):
    wrongly = []
    thread = threading.Thread(target=lambda: wrongly.extend(judge_all(watch, cases(FROM_ELSEWHERE, 2))))
    thread.start()
    thread.join()
    assert wrongly == []
    assert watch.alarms() == []


@pytest.mark.soak
def test_from_an_event_loop(watch):
    """Half of them in the loop's own thread, half in its executor, two at a time."""
    chosen = cases(FROM_ELSEWHERE, 3)

    async def main():
        found = judge_all(watch, chosen[::2])
        turns = asyncio.Semaphore(2)

        async def one(case):
            async with turns:
                return await asyncio.to_thread(judge_all, watch, [case])

        return [*found, *itertools.chain(*await asyncio.gather(*map(one, chosen[1::2])))]

    assert asyncio.run(main()) == []
    assert watch.alarms() == []


UNIT = (0.002, 0.005, 0.01, 0.02)
"""Processor seconds of four calls as they come."""
BUSY = 1.15
"""An idle machine needs less than this times the work's own time."""


def all_of(pool, work, threads):
    """Do the work from so many threads; return the time for all of it and the time that each call took."""
    taken = []

    def one(seconds):
        started = time.monotonic()
        pool.call(spin, seconds, seconds=60)
        taken.append(time.monotonic() - started)

    started = time.monotonic()
    with ThreadPoolExecutor(threads) as executor:
        list(executor.map(one, work))
    return time.monotonic() - started, taken


def share(values, part):
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


@pytest.mark.soak
@pytest.mark.parametrize(
    ("seconds", "limit", "pairs"), [(1, None, REPEATS), (2, None, REPEATS), (10, 5.0, REPEATS // 3)]
)
def test_one_bad_answer_slows_the_others_by_less_than_a_tenth(seconds, limit, pairs):
    """Calls that keep every processor busy for so many seconds, with and without one that hangs.

    It hangs all the time, or until its limit, when it is killed and replaced. Pairs are measured one after the other
    and the median of their ratios counts. Of the other calls the median takes less than a tenth longer, and none of a
    hundred waits for more than the bad call's turn.
    """
    workers = processors()
    pool = Pool(ready, workers=workers, memory_bytes=MEMORY, waiting=1_000, environment=dict(os.environ))
    work = UNIT * round(seconds * workers / sum(UNIT))
    ideal = sum(work) / workers

    def hang():
        with pytest.raises(WorkerTimeoutError):
            pool.call(spin_for_ever, seconds=1.5 * ideal + 0.5 if limit is None else limit)

    all_of(pool, UNIT * 10, workers)
    pairs_seen, hung = [], []
    for _ in range(pairs):
        alone = all_of(pool, work, workers)
        bad = threading.Thread(target=hang)
        bad.start()
        beside = all_of(pool, work, workers)
        hung.append(bad.is_alive())
        bad.join()
        pairs_seen.append((alone, beside))
    pool.close()
    if statistics.median(alone for (alone, _), _ in pairs_seen) > BUSY * ideal:
        pytest.skip("something else uses the processors")
    assert hung == [limit is None] * pairs
    ratios = [round(beside / alone, 3) for (alone, _), (beside, _) in pairs_seen]
    alone, beside = ([taken for pair in pairs_seen for taken in pair[side][1]] for side in (0, 1))
    print(f"{seconds} s: ratios {ratios}; calls alone and beside, ms, median and p99:")  # pytest -rP shows it
    print([round(1000 * share(taken, part), 1) for part in (0.5, 0.99) for taken in (alone, beside)])
    assert statistics.median(ratios) < 1.10, ratios
    assert share(beside, 0.5) < 1.10 * share(alone, 0.5)
    assert share(beside, 0.99) < share(alone, 0.99) + LATE_SECONDS


@pytest.mark.soak
def test_nothing_is_left_after_thousands_of_kills():
    """A pool whose every other call is killed serves the rest, and its processes do not pile up."""
    pool = Pool(ready, workers=2, memory_bytes=MEMORY, waiting=1_000, environment=dict(os.environ))

    def one(number):
        if number % 2:
            with pytest.raises(WorkerTimeoutError):
                pool.call(spin_for_ever, seconds=0.02)
            return number
        return pool.call(abs, -number, seconds=20)

    count = 200 if SHORT else 4_000
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(one, range(count))) == list(range(count))
    time.sleep(0.5)
    left = psutil.Process(pool._nursery._process.pid).children(recursive=True)
    pool.close()
    assert len(left) <= 4
    time.sleep(0.5)
    assert not any(process.is_running() for process in left)
