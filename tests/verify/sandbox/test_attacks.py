"""No attack gets out, takes more than it may or leaves anything: as root and as an ordinary user, on both backends."""

import json
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path

import pytest
from verify.sandbox import arena, attacks

from potstill.verify.sandbox.backends import BACKENDS

HERE = Path(__file__).parent
SLACK = 0.3
SETTINGS = ("kernel/core_pattern", "kernel/hostname", "kernel/domainname", "vm/overcommit_memory", "kernel/printk",
            "user/max_user_namespaces", "fs/suid_dumpable")  # fmt: skip
ways = pytest.mark.parametrize(
    ("user", "backend"),
    [
        ("root", "bubblewrap"),
        ("ordinary user", "bubblewrap"),
        ("ordinary user", "Landlock"),
        pytest.param("root", "Landlock", marks=pytest.mark.soak),
    ],
)


def settings():
    mounts = sorted(line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines())
    return [Path("/proc/sys", name).read_text() for name in SETTINGS], mounts, os.listdir("/"), os.listdir("/dev")


@pytest.fixture(scope="module", autouse=True)
def unchanged():
    before = settings()
    yield
    assert settings() == before


@pytest.fixture(scope="module")
def outcomes():
    """For (user, backend): a function from an attack's name to what became of it."""
    made = {}

    def of(user, backend):
        if (user, backend) not in made:
            made[user, backend] = (
                here(backend) if (user == "root") == (os.getuid() == 0) else by_another_user(user, backend)
            )
        return made[user, backend]

    return of


def here(backend):
    sandbox = arena.sandbox_of(backend)

    def one(name):
        program = attacks.HELD.get(name) or attacks.ENDED[name].program
        with arena.targets(backend == "bubblewrap") as facts:
            return arena.run(sandbox, facts, program, **arena.limits_of(name))

    return one


def by_another_user(user, backend, names=()):
    if user == "root":
        pytest.skip("these tests do not run as root")
    environment = {"PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE.parents[2] / "src")]), "HOME": "/"}
    command = [sys.executable, HERE / "as_user.py", sys.executable, HERE / "arena.py", backend, *names]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=250)
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"no ordinary user can start this Python: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads(done.stdout)
    assert report["user"] != 0
    return lambda name: arena.Outcome(**report["outcomes"][name])


@ways
@pytest.mark.parametrize("name", attacks.HELD)
def test_it_gets_nothing(outcomes, user, backend, name):
    outcome = outcomes(user, backend)(name)
    assert outcome.stdout == "held\n", outcome
    assert outcome.ended == "exit"
    assert outcome.code == 0
    assert outcome.left == []


@ways
@pytest.mark.parametrize("name", attacks.ENDED)
def test_it_is_stopped(outcomes, user, backend, name):
    expected, outcome = attacks.ENDED[name], outcomes(user, backend)(name)
    assert outcome.ended in expected.ended, outcome
    assert expected.code is None or outcome.code == expected.code, outcome
    assert expected.stdout is None or outcome.stdout == expected.stdout, outcome
    assert outcome.left == []
    assert outcome.seconds < expected.limits.get("seconds", 10.0) + SLACK, outcome


@pytest.mark.parametrize("version", [1, 5, *(pytest.param(number, marks=pytest.mark.soak) for number in (2, 3, 4, 6))])
@pytest.mark.parametrize("user", [pytest.param("root", marks=pytest.mark.soak), "ordinary user"])
def test_the_second_line_holds_under_every_landlock(user, version):
    """Rules of an older kernel leave open what they do not know of, also on this one."""
    backend, names = f"Landlock {version}", [*attacks.SECOND, *FORMER]
    of = here(backend) if (user == "root") == (os.getuid() == 0) else by_another_user(user, backend, names)
    found = {name: of(name) for name in names}
    assert [(name, one) for name, one in found.items() if (one.stdout, one.left) != ("held\n", [])] == []


KILLED = """
import contextlib, sys
from verify.sandbox.arena import sandbox_of
with sandbox_of(sys.argv[1]).open(sys.argv[2].encode()) as session:
    print(session.receive(10).decode(), flush=True)
    sys.stdin.read()
"""
STAYS = """
import ctypes, os, signal, sys, time
libc = ctypes.CDLL(None)
libc.prctl(15, b"{marker}", 0, 0, 0)
libc.prctl(1, 0, 0, 0, 0)
for number in range(1, 32):
    if number not in (signal.SIGKILL, signal.SIGSTOP): signal.signal(number, signal.SIG_IGN)
os.write(CHANNEL, b"waiting\\n")
while True: time.sleep(9)
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_program_outlives_a_kill_of_potstill(backend):
    """Whatever it does about the signal that ends it."""
    marker = f"pt{secrets.token_hex(5)}"
    environment = {"PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE.parents[2] / "src")])}
    command = [sys.executable, "-c", KILLED, backend, STAYS.format(marker=marker)]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout.readline() == "waiting\n"
        assert arena.named(marker)
        killed.kill()
    until = time.monotonic() + 5
    while arena.named(marker) and time.monotonic() < until:
        time.sleep(0.02)
    assert arena.named(marker) == []


FORMER = ("signal_the_parent", "signal_by_thread", "connect_to_the_host", "connect_to_an_abstract_socket", "cut_a_file",
          "change_a_file_of_the_host", "push_terminal_input", "move_a_file")  # fmt: skip


def test_there_are_enough_attacks():
    assert len(attacks.HELD) + len(attacks.ENDED) >= 80
