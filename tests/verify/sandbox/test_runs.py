"""What a run returns, for programs that mean no harm, and how one talks with a program."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potstill.cli import main
from potstill.verify.sandbox import Limits, Sandbox, SandboxError, open_sandbox, run_file
from potstill.verify.sandbox.backends import BACKENDS, without_isolation

MAKERS = {**BACKENDS, "none": without_isolation}
ECHO = b"""
with open(CHANNEL, "r+b", buffering=0) as channel:
    nonce = NONCE
    del NONCE, CHANNEL
    while line := channel.readline():
        channel.write(nonce.encode() + b" " + line)
"""


@pytest.fixture(scope="module", params=MAKERS)
def sandbox(request):
    return Sandbox(MAKERS[request.param]())


def test_a_program_runs_as_a_program(sandbox):
    program = b"""
import sys, __main__
if __name__ == '__main__':
    print(sys.argv, __file__, vars(__main__)['__name__'], input())
    print('to stderr', file=sys.stderr)
    exit(5)
"""
    ran = sandbox.run(program, stdin=b"given\n")
    assert (ran.ended, ran.code) == ("exit", 5)
    assert ran.stdout == b"['program.py'] program.py __main__ given\n"
    assert ran.stderr == b"to stderr\n"
    assert 0 <= ran.seconds < 5


def test_the_standard_library_works(sandbox):
    program = b"""
import asyncio, collections, dataclasses, decimal, fractions, functools, hashlib, heapq, itertools, json, math, random
import re, statistics, string, threading, typing, datetime, bisect, enum, copy, operator, zlib, sqlite3, tempfile
async def add(): return 1 + 1
worker = threading.Thread(target=print, args=("thread",))
worker.start(); worker.join()
print(asyncio.run(add()), hashlib.sha256(b"x").hexdigest()[:8], decimal.Decimal("0.1") + 1, math.factorial(20))
print(sqlite3.connect(":memory:").execute("select 6 * 7").fetchone())
"""
    ran = sandbox.run(program)
    assert ran.stdout == b"thread\n2 2d711642 1.1 2432902008176640000\n(42,)\n", ran


def test_definitions_work_as_in_a_module(sandbox):
    program = b"""
import dataclasses, pickle, typing
@dataclasses.dataclass
class Point:
    x: int
    y: "typing.Optional[int]" = None
total = 0
def add(n):
    global total
    total += n
add(3)
print(Point(1), pickle.loads(pickle.dumps(Point(2))), total, typing.get_type_hints(Point)["x"])
"""
    assert sandbox.run(program).stdout.split()[-3:] == [b"3", b"<class", b"'int'>"]


def test_the_order_of_a_set_is_the_same_every_time(sandbox):
    program = b"print(list({'alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta'}))"
    assert sandbox.run(program).stdout == sandbox.run(program).stdout


def test_files_are_there_to_read(sandbox):
    ran = sandbox.run(
        b"import part\nprint(part.x, open('data/a.txt').read())", files={"part.py": b"x = 1", "data/a.txt": b"text"}
    )
    assert ran.stdout == b"1 text\n", ran


@pytest.mark.parametrize("name", ["/etc/passwd", "../up", "a/../../up", "", "."])
def test_files_only_have_relative_names(sandbox, name):
    with pytest.raises(ValueError, match="not a relative name"):
        sandbox.run(b"", files={name: b""})


def test_large_input_and_output(sandbox):
    given = b"".join(b"%d\n" % number for number in range(200_000))
    program = b"import sys\nsys.stdout.write(sys.stdin.read())"
    ran = sandbox.run(program, stdin=given, limits=Limits(output_bytes=len(given)))
    assert ran.ended == "exit"
    assert ran.stdout == given


def test_output_beyond_the_limit_is_cut_there(sandbox):
    ran = sandbox.run(b"import sys, time\nsys.stdout.write('x' * 5000)\nsys.stdout.flush()\ntime.sleep(9)",
                      limits=Limits(output_bytes=1000))  # fmt: skip
    assert (ran.ended, ran.code, ran.stdout) == ("output", None, b"x" * 1000)
    exact = sandbox.run(b"print('x' * 999)", limits=Limits(output_bytes=1000))
    assert (exact.ended, len(exact.stdout)) == ("exit", 1000)


def test_what_was_printed_before_the_limit_is_kept(sandbox):
    ran = sandbox.run(b"print('first', flush=True)\nwhile True: pass", limits=Limits(seconds=0.3))
    assert (ran.ended, ran.code, ran.stdout) == ("timeout", None, b"first\n")


def test_out_of_memory_is_named(sandbox):
    ran = sandbox.run(b"x = bytearray(200 << 20)", limits=Limits(memory_mb=100))
    assert (ran.ended, ran.code) == ("memory", 1)
    caught = sandbox.run(
        b"try: x = bytearray(200 << 20)\nexcept MemoryError: print('caught')", limits=Limits(memory_mb=100)
    )
    assert (caught.ended, caught.code, caught.stdout) == ("exit", 0, b"caught\n")


def test_many_threads_run_programs_at_once(sandbox):
    with ThreadPoolExecutor(6) as threads:
        runs = threads.map(lambda number: sandbox.run(b"print(int(input()) ** 2)", stdin=b"%d" % number), range(18))
        assert [int(ran.stdout) for ran in runs] == [number**2 for number in range(18)]


def test_no_descriptor_is_kept(sandbox):
    sandbox.run(b"")
    before = len(os.listdir("/proc/self/fd"))
    for program in (b"", b"raise SystemExit(1)", b"while True: pass", b"print('x' * 10000)"):
        sandbox.run(program, limits=Limits(seconds=0.2, output_bytes=1000))
        with sandbox.open(program, limits=Limits(seconds=0.2)) as session:
            session.receive(0.3)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_session_answers_line_by_line(sandbox):
    with sandbox.open(ECHO) as session:
        for line in (b"one", b"two", b"x" * 100_000, b""):
            session.send(line)
            assert session.receive(5) == session.nonce.encode() + b" " + line
        ran = session.finish()
    assert (ran.ended, ran.code) == ("exit", None)
    assert ran.stdout == b""


def test_nonces_differ_and_are_not_in_what_a_program_can_look_at(sandbox):
    look = b"""
import sys, gc, os
seen = [CHANNEL, NONCE]
del NONCE
frame, texts = sys._getframe(), []
while frame:
    texts.append(repr(frame.f_globals) + repr({k: v for k, v in frame.f_locals.items() if k != "seen"}) )
    frame = frame.f_back
os.write(seen[0], b"%d\\n" % ("".join(texts).count(seen[1]) - texts[0].count(seen[1])))
"""
    with sandbox.open(look) as first, sandbox.open(look) as second:
        assert first.receive(5) == b"0"
        assert first.nonce != second.nonce


def test_stdout_does_not_reach_the_channel(sandbox):
    with sandbox.open(
        b"print('forged', flush=True)\nimport os\nos.write(1, b'forged\\n')\nos.write(CHANNEL, b'own\\n')"
    ) as session:
        assert session.receive(5) == b"own"
        assert session.receive(5) is None
        ran = session.finish()
    assert (ran.ended, ran.code, ran.stdout) == ("exit", 0, b"forged\nforged\n")


def test_an_answer_that_is_late_ends_the_session(sandbox):
    with sandbox.open(b"while True: pass") as session:
        began = time.monotonic()
        assert session.receive(0.3) is None
        assert time.monotonic() - began < 1.5
        assert session.receive(5) is None
        session.send(b"to nobody")
        assert session.finish().ended == "timeout"
        assert session.finish() is session.finish()


def test_the_limit_of_a_session_is_for_all_of_it(sandbox):
    with sandbox.open(b"import time\ntime.sleep(60)", limits=Limits(seconds=0.3)) as session:
        assert session.receive(30) is None
        assert session.finish().ended == "timeout"


def test_a_program_that_does_not_listen_cannot_block_us(sandbox):
    with sandbox.open(b"import time\ntime.sleep(60)", limits=Limits(seconds=0.4)) as session:
        session.send(b"x" * 10_000_000)
        assert session.finish().ended == "timeout"


def test_an_endless_line_ends_the_session(sandbox):
    with sandbox.open(
        b"import os\nwhile True: os.write(CHANNEL, b'x' * 1000)", limits=Limits(output_bytes=50_000)
    ) as session:
        assert session.receive(5) is None
        assert session.finish().ended == "output"


def test_a_session_reads_output_while_it_waits(sandbox):
    with sandbox.open(b"print('x' * 500000, flush=True)\nimport os\nos.write(CHANNEL, b'after\\n')") as session:
        assert session.receive(5) == b"after"
        assert session.receive(5) is None
        assert len(session.finish().stdout) == 500_001


def test_the_last_line_before_the_end_is_received(sandbox):
    for _ in range(5):
        with sandbox.open(b"import os\nos.write(CHANNEL, b'a\\nb\\n')\nos._exit(0)") as session:
            assert [session.receive(5) for _ in range(3)] == [b"a", b"b", None]


@settings(max_examples=25)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_program_or_an_error_of_the_program(program):
    ran = open_sandbox().run(program, limits=Limits(seconds=2))
    assert ran.ended in ("exit", "timeout", "signal", "memory", "output")
    assert ran.ended != "exit" or ran.code is not None


@settings(max_examples=15)
@given(st.binary(max_size=4000), st.integers(0, 120))
def test_bytes_and_codes_come_back_as_they_are(data, code):
    program = (
        b"import os, sys\nsys.stdout.buffer.write(sys.stdin.buffer.read())\nsys.stdout.flush()\nos._exit(%d)" % code
    )
    ran = open_sandbox().run(program, stdin=data)
    assert (ran.ended, ran.code, ran.stdout, ran.stderr) == ("exit", code, data, b"")


def test_a_sandbox_that_fails_to_start_is_an_outage(monkeypatch):
    from potstill.verify.sandbox import bubblewrap

    monkeypatch.setattr(bubblewrap, "FLAGS", ("--no-such-flag",))
    monkeypatch.setattr(bubblewrap, "DEVICES", ("no-such-device",))
    with pytest.raises(SandboxError, match=r"did not start.*no-such-device"):
        Sandbox(BACKENDS["bubblewrap"]()).run(b"print(1)")


def test_a_program_file(tmp_path, capfdbinary):
    path, usual = tmp_path / "program.py", {"seconds": 10, "memory_mb": 512, "without": False}
    path.write_bytes(b"import sys\nprint('out')\nprint('err', file=sys.stderr)\nsys.exit(4)")
    assert run_file(path, **usual) == 4
    path.write_bytes(b"while True: pass")
    assert run_file(path, **usual | {"seconds": 0.2}) == 124
    path.write_bytes(b"import ctypes\nctypes.string_at(0)")
    assert run_file(path, **usual) == 128 + 11
    out, err = capfdbinary.readouterr()
    assert out == b"out\n"
    assert err == b"err\npotstill: ended at the limit of 0.2 seconds\n"
    with pytest.raises(Exception, match=r"missing\.py: No such file"):
        run_file(tmp_path / "missing.py", **usual)


@pytest.mark.parametrize("words", ["--seconds 5 FILE", "FILE --seconds 5", "--memory-mb 100 FILE --seconds 5", "FILE"])
def test_the_command_takes_its_options_in_any_place(tmp_path, words, capfdbinary):
    path = tmp_path / "program.py"
    path.write_bytes(b"print(6 * 7)")
    assert main(["sandbox", "run", *words.replace("FILE", str(path)).split()]) == 0
    assert capfdbinary.readouterr() == (b"42\n", b"")


def test_the_thread_that_opened_a_session_may_wait_for_another(sandbox):
    with sandbox.open(ECHO) as session:
        answers = []
        session.send(b"hello")
        worker = threading.Thread(target=lambda: answers.append(session.receive(5)))
        worker.start()
        worker.join()
        assert answers == [session.nonce.encode() + b" hello"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root changes users")
def test_no_two_programs_have_one_user_at_a_time():
    """Also not those of two processes: the kernel would count them together."""
    other = subprocess.Popen([sys.executable, "-c", HOLDING], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with other, contextlib.ExitStack() as stack:
        sandbox = Sandbox(BACKENDS["bubblewrap"]())
        sessions = [stack.enter_context(sandbox.open(WHO)) for _ in range(6)]
        theirs = other.stdout.readline().split()
        users = [*theirs, *(session.receive(10) for session in sessions)]
        other.stdin.close()
    assert len(users) == len(set(users)) == 12


WHO = b"import os\nos.write(CHANNEL, b'%d\\n' % os.getuid())\nos.read(CHANNEL, 1)"
HOLDING = f"""
import contextlib, sys
from potstill.verify.sandbox import Sandbox
from potstill.verify.sandbox.backends import BACKENDS
with contextlib.ExitStack() as stack:
    sandbox = Sandbox(BACKENDS["bubblewrap"]())
    sessions = [stack.enter_context(sandbox.open({WHO!r})) for _ in range(6)]
    print(*[session.receive(10).decode() for session in sessions], flush=True)
    sys.stdin.read()
"""
