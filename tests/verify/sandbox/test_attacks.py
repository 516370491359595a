"""No attack gets out, takes more than it may or leaves anything: as root and as an ordinary user, on both backends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from verify.sandbox import arena, attacks

from potstill.verify.sandbox import Sandbox
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
    sandbox = Sandbox(BACKENDS[backend]())

    def one(name):
        program = attacks.HELD.get(name) or attacks.ENDED[name].program
        with arena.targets(backend == "bubblewrap") as facts:
            return arena.run(sandbox, facts, program, **arena.limits_of(name))

    return one


def by_another_user(user, backend):
    if user == "root":
        pytest.skip("these tests do not run as root")
    environment = {"PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE.parents[2] / "src")]), "HOME": "/"}
    command = [sys.executable, HERE / "as_user.py", sys.executable, HERE / "arena.py", backend]
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


def test_there_are_enough_attacks():
    assert len(attacks.HELD) + len(attacks.ENDED) >= 80
