"""Thousands of programs, some of them hostile, and nothing left of any; and a death of the process that runs them."""

import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from verify.sandbox import arena, attacks

from potstill.verify.sandbox import Limits, Sandbox
from potstill.verify.sandbox.backends import BACKENDS

SHORT = os.environ.get("POTSTILL_SOAK") == "short"
COUNT = 60 if SHORT else 1000
GOOD = "print(sum(range(100)))"
LEAVING = [name for name in attacks.ENDED if "daemon" in name or "bomb" in name or name.startswith("grandchild")]


def state():
    """What could be left: descriptors, mounts, children."""
    children = [file.read_text() for file in Path("/proc/self/task").glob("*/children")]
    return (
        len(os.listdir("/proc/self/fd")),
        len(Path("/proc/self/mountinfo").read_text().splitlines()),
        "".join(children),
    )


@pytest.mark.soak
@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_is_left_after_many_programs(backend):
    sandbox = Sandbox(BACKENDS[backend]())
    choose = random.Random(20)
    programs = [attacks.ENDED[choose.choice(LEAVING)].program if choose.random() < 0.1 else GOOD for _ in range(COUNT)]
    with arena.targets(backend == "bubblewrap") as facts, ThreadPoolExecutor(4) as threads:
        arena.run(sandbox, facts, GOOD)
        before = state()
        outcomes = list(threads.map(lambda program: arena.run(sandbox, facts, program, seconds=0.4), programs))
        assert [outcome for outcome in outcomes if outcome.left] == []
        good = [outcome for outcome, program in zip(outcomes, programs, strict=True) if program == GOOD]
        assert {(outcome.ended, outcome.stdout) for outcome in good} == {("exit", "4950\n")}
        assert state() == before


@pytest.mark.soak
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_program_is_ended_by_its_limit(backend):
    """Best of three for each, for a machine that does other things."""
    sandbox = Sandbox(BACKENDS[backend]())
    for name in ("spin", "sleep", "ignore_signals", "fork_bomb", "fork_bomb_recursive", "catch_everything"):
        with arena.targets(backend == "bubblewrap") as facts:
            runs = [arena.run(sandbox, facts, attacks.ENDED[name].program, seconds=0.5) for _ in range(3)]
        assert {run.ended for run in runs} == {"timeout"}
        assert min(run.wall for run in runs) < 0.5 + 0.3


HOST = """
import sys
from potstill.verify.sandbox import Limits, Sandbox
from potstill.verify.sandbox.backends import BACKENDS
sandbox = Sandbox(BACKENDS[sys.argv[1]]())
print("ready", flush=True)
sandbox.run(sys.argv[2].encode(), limits=Limits(seconds=60))
"""
MARKED = """
import ctypes, os, time
ctypes.CDLL(None).prctl(15, b"%s", 0, 0, 0)
try:
    os.fork()
except OSError:
    pass
time.sleep(60)
"""


@pytest.mark.soak
@pytest.mark.parametrize("backend", BACKENDS)
def test_programs_end_when_we_are_killed(backend):
    for number in range(3 if SHORT else 20):
        marker = f"pk{number}x{os.getpid()}"
        host = subprocess.Popen(
            [sys.executable, "-c", HOST, backend, MARKED % marker], stdout=subprocess.PIPE, start_new_session=True
        )
        with host:
            assert host.stdout.readline() == b"ready\n"
            until = time.monotonic() + 10
            while not arena.named(marker) and time.monotonic() < until:
                time.sleep(0.01)
            assert arena.named(marker)
            host.send_signal(signal.SIGKILL)
        until = time.monotonic() + 5
        while arena.named(marker) and time.monotonic() < until:
            time.sleep(0.01)
        assert arena.named(marker) == []


@pytest.mark.soak
def test_limits_hold_under_load():
    """Eight programs at a time, each at its limits, on however few processors."""
    sandbox = Sandbox(BACKENDS["bubblewrap"]())
    program = b"""
import os
x = bytearray(90 << 20)
for _ in range(20):
    try:
        os.fork()
    except OSError:
        pass
while True:
    pass
"""
    with ThreadPoolExecutor(8) as threads:
        limits = Limits(seconds=1, memory_mb=128)
        runs = list(threads.map(lambda _: sandbox.run(program, limits=limits), range(16 if SHORT else 64)))
    assert {run.ended for run in runs} <= {"timeout", "memory"}
