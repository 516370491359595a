"""Calls in processes that are killed at their deadline: from threads, from event loops, under attack, and after us."""

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from potstill.verify import pool as pools
from potstill.verify.allowance import Allowance
from potstill.verify.pool import CallFailedError, Pool, QueueFullError, WorkerDiedError, WorkerTimeoutError

MEMORY = 256 * 2**20
ENVIRONMENT = {"PATH": os.environ["PATH"], "SEEN": "yes"}


@pytest.fixture
def pool():
    """Two workers that need nothing; `os.getpid` stands for a module that is slow to import."""
    found = Pool(os.getpid, workers=2, memory_bytes=MEMORY, waiting=64, environment=ENVIRONMENT)
    yield found
    found.close()


def gone(number, seconds=3.0):
    """Whether a process ends within so many seconds; a zombie has not ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not psutil.pid_exists(number):
            return True
        time.sleep(0.01)
    return False


def test_a_call_returns_plain_data(pool):
    assert pool.call(int, "7", seconds=5) == 7
    assert pool.call(divmod, 17, 5, seconds=5) == [3, 2]
    assert pool.call(str.upper, "\udc80 \x00 ½", seconds=5) == "\udc80 \x00 ½"
    assert pool.call(json.loads, '{"a": [1, null, true, 0.5]}', seconds=5) == {"a": [1, None, True, 0.5]}
    assert pool.call(os.getpid, seconds=5) not in (os.getpid(), 0)


def test_a_failure_is_told_and_the_worker_goes_on(pool):
    worker = pool.call(os.getpid, seconds=5)
    with pytest.raises(CallFailedError, match="ValueError: invalid literal") as error:
        pool.call(int, "x", seconds=5)
    assert error.value.kind == "ValueError"
    with pytest.raises(CallFailedError, match="TypeError"):
        pool.call(set, [1], seconds=5)
    with pytest.raises(CallFailedError, match="MemoryError"):
        pool.call(bytearray, 8 * 2**30, seconds=5)
    assert pool.call(os.getpid, seconds=5) == worker


def test_the_worker_is_killed_at_the_deadline_and_replaced_in_milliseconds(pool):
    first = pool.call(os.getpid, seconds=5)
    started = time.monotonic()
    with pytest.raises(WorkerTimeoutError):
        pool.call(time.sleep, 60, seconds=0.3)
    assert 0.29 < time.monotonic() - started < 5
    assert gone(first)
    started = time.monotonic()
    assert pool.call(os.getpid, seconds=5) != first
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("call", [(os._exit, 0), (os.abort,), (os.kill, 0, signal.SIGKILL), (sys.exit, "bye")])
def test_a_worker_that_dies_is_told_and_replaced(pool, call):
    first = pool.call(os.getpid, seconds=5)
    with pytest.raises(WorkerDiedError):
        pool.call(*call, seconds=5)
    assert gone(first)
    assert pool.call(int, "7", seconds=5) == 7


def test_a_worker_that_died_while_idle_costs_no_call(pool):
    first = pool.call(os.getpid, seconds=5)
    os.kill(first, signal.SIGKILL)
    assert gone(first)
    assert pool.call(os.getpid, seconds=5) != first


def test_neither_waiting_nor_starting_counts_against_a_call(pool):
    slow = Pool(nap, workers=1, memory_bytes=MEMORY, waiting=64, environment=ENVIRONMENT)
    with ThreadPoolExecutor(10) as threads:
        calls = [threads.submit(slow.call, time.sleep, 0.3, seconds=1.0) for _ in range(10)]
        assert [call.result() for call in calls] == [None] * 10
    slow.close()


def test_an_allowance_is_charged_with_what_its_calls_took_and_no_more(pool):
    allowance = Allowance(1.5)
    pool.call(time.sleep, 0.2, seconds=allowance)
    assert 0.2 <= 1.5 - allowance.left < 1.3
    started = time.monotonic()
    with pytest.raises(WorkerTimeoutError):
        pool.call(time.sleep, 60, seconds=allowance)
    assert time.monotonic() - started < 5
    assert allowance.left <= 0


def nap():
    time.sleep(1.0)


def test_start_returns_at_once_and_hides_the_cost():
    slow = Pool(nap, workers=2, memory_bytes=MEMORY, waiting=64, environment=ENVIRONMENT)
    started = time.monotonic()
    slow.start()
    slow.start()
    assert time.monotonic() - started < 0.9
    assert slow.call(int, "7", seconds=0.2) == 7
    assert time.monotonic() - started >= 1.0
    slow.close()


def test_a_late_call_takes_nobodys_turn(pool):
    """Sixty calls of 10 ms on two workers take 0.3 s; a call that hangs meanwhile must not take one of the two."""

    def all_of_them():
        started = time.monotonic()
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(lambda _: pool.call(time.sleep, 0.01, seconds=5), range(60)))
        return time.monotonic() - started

    all_of_them()
    alone = min(all_of_them() for _ in range(2))
    hung = [threading.Thread(target=time_out, args=(pool, spin, 2.5)) for _ in range(2)]
    for thread in hung:
        thread.start()
    time.sleep(pools.LATE_SECONDS + 0.1)
    beside = all_of_them()
    for thread in hung:
        thread.join()
    assert beside < 1.6 * alone, "with one turn less it would be twice as long, with none for ever"


def processes(pool):
    """The nursery and the workers of a pool."""
    nursery = psutil.Process(pool._nursery._process.pid)
    return [nursery, *nursery.children()]


def niceness(pool):
    return [process.nice() for process in processes(pool)]


def time_out(pool, function, seconds):
    with pytest.raises(WorkerTimeoutError):
        pool.call(function, seconds=seconds)


def spin():
    while True:
        pass


def test_a_worker_that_keeps_the_processor_busy_yields_it_and_is_replaced(pool):
    pool.start()
    pool.call(time.sleep, 0.4, seconds=5)
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert niceness(pool) == [own, own, own]
    thread = threading.Thread(target=time_out, args=(pool, spin, 3.0))
    thread.start()
    while thread.is_alive() and max(niceness(pool)) == own:
        time.sleep(0.02)
    assert thread.is_alive()
    assert sorted(niceness(pool))[-2:] == [own, min(own + 15, 19)]
    thread.join()
    assert pool.call(os.getpriority, os.PRIO_PROCESS, 0, seconds=5) == own


def busy(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass
    return os.getpid()


def test_a_first_call_that_imports_does_not_cost_its_worker(pool):
    assert pool.call(busy, 0.3, seconds=5) == pool.call(os.getpid, seconds=5)


def test_a_worker_is_recycled_after_its_calls_and_when_it_grew(pool, monkeypatch):
    monkeypatch.setattr(pools, "CALLS_A_WORKER", 3)
    numbers = [pool.call(os.getpid, seconds=5) for _ in range(9)]
    assert [numbers.count(n) for n in dict.fromkeys(numbers)] == [3, 3, 3]
    monkeypatch.undo()
    first = pool.call(os.getpid, seconds=5)
    assert pool.call(len, bytes(1), seconds=5) == 1
    assert pool.call(os.getpid, seconds=5) == first
    pool.call(grow, MEMORY * 5 // 8, seconds=5)
    assert pool.call(os.getpid, seconds=5) != first


def grow(count):
    return len(bytearray(b"x") * count)


def test_no_worker_holds_more_memory_than_it_may(pool):
    with pytest.raises(CallFailedError, match="MemoryError"):
        pool.call(hoard, seconds=20)
    assert pool.call(peak, seconds=5) <= MEMORY


def hoard():
    kept = []
    while True:
        kept.append(bytearray(b"x") * 2**20)


def peak():
    return 1024 * next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))


def test_a_limit_below_what_is_mapped_already_is_told():
    small = Pool(os.getpid, workers=1, memory_bytes=2**20, waiting=1, environment=ENVIRONMENT)
    with pytest.raises(WorkerDiedError, match="mapped before the first call"):
        small.call(int, "7", seconds=5)
    small.close()


def fail_to_start():
    raise ImportError("No module named 'mathematics'")


def test_a_worker_that_cannot_start_says_why():
    broken = Pool(fail_to_start, workers=1, memory_bytes=MEMORY, waiting=1, environment=ENVIRONMENT)
    for _ in range(2):
        with pytest.raises(WorkerDiedError, match="could not start: ImportError: No module named 'mathematics'"):
            broken.call(int, "7", seconds=5)
    broken.close()


def test_a_worker_sees_the_environment_it_is_given_and_no_more(pool, monkeypatch):
    monkeypatch.setenv("POTSTILL_CANARY", "secret")
    assert pool.call(os.getenv, "SEEN", seconds=5) == "yes"
    assert pool.call(os.getenv, "POTSTILL_CANARY", seconds=5) is None
    assert pools.symbolic_pool()._environment.keys() <= set(pools._PLAIN)


def test_the_symbolic_pool_evaluates_no_text():
    import sympy

    assert pools.symbolic_pool().call(str, sympy.Symbol("x"), seconds=5) == "x"
    for function, text in ((sympy.sympify, "1 + 1"), (sympy.simplify, "1 + 1"), (sympy.parse_expr, "1")):
        with pytest.raises(CallFailedError):
            pools.symbolic_pool().call(function, text, seconds=5)


def test_more_calls_than_may_wait_are_refused_at_once():
    narrow = Pool(os.getpid, workers=1, memory_bytes=MEMORY, waiting=2, environment=ENVIRONMENT)
    narrow.call(int, "7", seconds=5)
    with ThreadPoolExecutor(3) as threads:
        waiting = [threads.submit(narrow.call, time.sleep, 0.15, seconds=5) for _ in range(3)]
        time.sleep(0.05)
        with pytest.raises(QueueFullError, match="2 calls are waiting"):
            narrow.call(int, "7", seconds=5)
        assert [call.result() for call in waiting] == [None] * 3
    assert narrow.call(int, "7", seconds=5) == 7
    narrow.close()


def test_many_threads_at_once_each_get_their_own_answer(pool):
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda n: pool.call(abs, -n, seconds=5), range(400)))
    assert found == list(range(400))


def test_an_event_loop_is_not_blocked_and_each_task_gets_its_own_answer(pool):
    async def beat(beats):
        while True:
            await asyncio.sleep(0.01)
            beats.append(time.monotonic())

    async def main():
        beats = [time.monotonic()]
        heart = asyncio.create_task(beat(beats))
        calls = [pool.acall(abs, -n, seconds=5) for n in range(60)]
        hung = [pool.acall(time.sleep, 60, seconds=0.4) for _ in range(2)]
        found = await asyncio.gather(*hung, *calls, return_exceptions=True)
        heart.cancel()
        return found, max(later - earlier for earlier, later in itertools.pairwise(beats))

    for _ in range(2):  # each run is another loop
        found, longest = asyncio.run(main())
        assert [type(error) for error in found[:2]] == [WorkerTimeoutError] * 2
        assert found[2:] == list(range(60))
        assert longest < 0.3


def test_a_cancelled_call_leaves_the_pool_whole(pool):
    async def main():
        task = asyncio.create_task(pool.acall(time.sleep, 0.3, seconds=5))
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return await asyncio.gather(*(pool.acall(abs, -n, seconds=5) for n in range(20)))

    assert asyncio.run(main()) == list(range(20))


def test_an_interrupted_caller_leaves_no_answer_for_the_next_one(pool):
    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(KeyboardInterrupt):
            pool.call(time.sleep, 0.5, seconds=5)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert pool.call(int, "7", seconds=5) == 7


def test_a_closed_pool_leaves_nothing_and_starts_again(pool):
    workers = [pool.call(os.getpid, seconds=5)]
    children = [child.pid for child in processes(pool)]
    assert workers[0] in children
    pool.close()
    assert all(gone(child) for child in children)
    assert pool.call(int, "7", seconds=5) == 7


def test_a_dead_nursery_is_replaced(pool):
    pool.call(os.getpid, seconds=5)
    pool._nursery._process.kill()
    pool._nursery._process.wait()
    time.sleep(0.1)
    assert pool.call(int, "7", seconds=5) == 7


def test_a_forked_child_has_workers_of_its_own(pool):
    theirs = pool.call(os.getpid, seconds=5)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, str(pool.call(os.getpid, seconds=5)).encode())
            pool.close()
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading) as said:
        number = int(said.read())
    os.waitpid(child, 0)
    assert number != theirs
    assert gone(number)
    assert pool.call(os.getpid, seconds=5) == theirs


# What a worker that was taken over may send: it controls every byte of the reply.
FORGED = [
    b"\x80\x04\x95",  # a pickle
    b"not JSON",
    b"[" * 100_000,
    b'[true, 1]',
    b'["true", 1, 2]',
    b'[false, "text", 2]',
    b'[false, [{}, "text"], 2]',
    b'[true, 1, "2"]',
    b"[true, " + b"9" * 100_000 + b", 1]",
    b"\xff\xfe",
    b"",
]  # fmt: skip


@pytest.mark.parametrize("forged", FORGED, ids=range(len(FORGED)))
def test_a_forged_reply_is_a_dead_worker_and_nothing_more(pool, forged):
    with pytest.raises(WorkerDiedError):
        pool.call(forge, forged, len(forged), seconds=5)
    assert pool.call(int, "7", seconds=5) == 7


def forge(reply, size):
    """Write a reply of our own to the socket of this worker, the only one it has."""
    import socket
    import stat

    for number in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                socket.socket(fileno=os.dup(number)).sendall(size.to_bytes(8, "big") + reply)
        except OSError:
            continue


def test_a_reply_without_end_is_cut_at_the_deadline_or_by_its_size(pool):
    with pytest.raises(WorkerDiedError):
        pool.call(forge, b"[true,", 2**60, seconds=5)
    with pytest.raises((WorkerTimeoutError, WorkerDiedError)):
        pool.call(forge_and_hang, seconds=0.3)
    assert pool.call(int, "7", seconds=5) == 7


def forge_and_hang():
    forge(b"[true, 1", 2**10)
    time.sleep(60)


def test_a_worker_that_talks_unasked_answers_no_call(pool):
    pool.call(forge_later, seconds=5)
    time.sleep(0.3)
    assert pool.call(int, "7", seconds=5) == 7


def forge_later():
    if os.fork() == 0:
        time.sleep(0.1)
        forge(b'[true, "forged", 1]', 19)
        os._exit(0)


MAINS = """
    from potstill.verify.pool import Pool
    import os, sys, time
    pool = Pool(os.getpid, workers=1, memory_bytes=2**28, waiting=4, environment={})
    print(pool.call(os.getpid, seconds=20), pool._nursery._process.pid, flush=True)
"""


def run_main(how, tmp_path, more=""):
    source = textwrap.dedent(MAINS + more)
    script = tmp_path / "script.py"
    script.write_text(source)
    command = {"-c": ["-c", source], "stdin": ["-"], "file": [str(script)]}[how]
    return subprocess.Popen(
        [sys.executable, *command],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path,
    ), source if how == "stdin" else ""  # fmt: skip


@pytest.mark.parametrize("how", ["-c", "stdin", "file"])
def test_any_main_module_will_do_and_nothing_is_left_after_it(how, tmp_path):
    process, text = run_main(how, tmp_path)
    said, _ = process.communicate(text, timeout=60)
    assert process.returncode == 0
    assert len(said.splitlines()) == 1, "the main module ran twice"
    assert all(gone(int(number)) for number in said.split())


def test_nothing_is_left_when_this_process_is_killed_during_a_call(tmp_path):
    (tmp_path / "spinning.py").write_text("def spin():\n    while True: pass\n")
    process, _ = run_main("file", tmp_path, "    import spinning\n    pool.call(spinning.spin, seconds=600)\n")
    numbers = [int(number) for number in process.stdout.readline().split()]
    time.sleep(0.3)
    assert all(psutil.pid_exists(number) for number in numbers)
    process.kill()
    process.communicate()
    assert all(gone(number) for number in numbers)


def test_a_short_lived_thread_may_start_the_workers(pool):
    numbers = []
    thread = threading.Thread(target=lambda: numbers.append(pool.call(os.getpid, seconds=5)))
    thread.start()
    thread.join()
    time.sleep(0.1)
    assert pool.call(os.getpid, seconds=5) == numbers[0]


def test_a_module_beside_the_current_folder_shadows_nothing(tmp_path):
    (tmp_path / "json.py").write_text("raise SystemExit('shadowed')\n")
    code = "import sys; sys.path.remove('') if '' in sys.path else None\n" + textwrap.dedent(MAINS)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
