"""The probe finds holes, the best backend that holds is taken, and where none does the refusal says why."""

import dataclasses
import os
import stat
import struct
import sys

import pytest
from verify.sandbox import arena, attacks

from potstill.verify.sandbox import Limits, Sandbox, SandboxError, backends, bubblewrap, describe, open_sandbox, probe
from potstill.verify.sandbox.backends import BACKENDS, with_bubblewrap, with_landlock, without_isolation
from potstill.verify.sandbox.probe import FLAG, NAMES, attack

ALLOW_ALL = struct.pack("<HBBI", 0x06, 0, 0, 0x7FFF0000)
probing = sys.modules[probe.__module__]


@pytest.fixture
def fresh(monkeypatch):
    """A process that has not chosen yet."""
    monkeypatch.setattr(probing, "_made", [])
    return monkeypatch


def open_ones(sandbox):
    return {finding.name for finding in attack(sandbox) if not finding.isolated}


@pytest.mark.parametrize("backend", BACKENDS)
def test_both_backends_hold_here(backend):
    findings = attack(Sandbox(BACKENDS[backend]()))
    assert [finding.name for finding in findings] == list(NAMES)
    assert [finding for finding in findings if not finding.isolated] == []


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5, 6])
def test_landlock_holds_with_the_rules_of_every_older_kernel(version):
    confinement = with_landlock(version)
    assert f"Landlock ABI {version}," in confinement.isolation
    assert open_ones(Sandbox(confinement)) == set()


@pytest.mark.parametrize("version", [2, 5, 7])
def test_landlock_alone_does_not(version):
    """The second line is the filter: what each version leaves open without one."""
    confinement = with_landlock(version)
    found = {
        finding.name: finding.detail
        for finding in attack(
            Sandbox(dataclasses.replace(confinement, inside={**confinement.inside, "rules": ALLOW_ALL}))
        )
    }
    assert "a pair that sends to a socket of the host" in found["network"]
    assert "F_SETSIG" in found["processes"]
    assert "can be changed" in found["outlives"]
    assert ("by truncate" in found["writes"]) is (version < 3)


def test_without_isolation_the_canaries_get_out():
    found = open_ones(Sandbox(without_isolation()))
    assert {"files", "writes", "network", "processes", "outlives", "privileges", "calls", "tasks"} <= found
    assert not found & {"memory", "output", "clock", "environment"}


ESCAPES = [name for name in attacks.HELD if name in {
    "read_a_file_of_the_host", "read_passwd", "read_the_repository", "list_the_host", "connect_to_the_host", "listen",
    "tcp", "udp", "unix", "connect_to_a_unix_socket", "connect_to_an_abstract_socket", "see_other_processes",
    "another_process", "drop_the_filter", "gain_by_exec", "call_memfd_create", "call_mount", "call_clone3",
    "call_io_uring_setup", "clone_into_a_new_user_namespace",
}]  # fmt: skip


@pytest.mark.parametrize("name", ESCAPES)
def test_an_attack_gets_out_where_nothing_holds_it(name):
    """Or else it could not fail in the sandbox either."""
    if name in ("connect_to_the_host", "connect_to_a_unix_socket", "connect_to_an_abstract_socket"):
        with pytest.raises(AssertionError, match="something connected"), arena.targets(False) as facts:
            assert "ESCAPED" in arena.run(Sandbox(without_isolation()), facts, attacks.HELD[name]).stdout
        return
    with arena.targets(False) as facts:
        assert "ESCAPED" in arena.run(Sandbox(without_isolation()), facts, attacks.HELD[name]).stdout


@pytest.mark.parametrize(
    ("changes", "hole"),
    [
        ({"filter": ALLOW_ALL}, "calls"),
        ({"filter": ALLOW_ALL}, "network"),
        ({"filter": ALLOW_ALL}, "tasks"),
        ({"filter": ALLOW_ALL}, "outlives"),
        ({"environment": {"SECRET": "x"}}, "environment"),
    ],
)
def test_one_missing_part_is_found(changes, hole):
    assert hole in open_ones(Sandbox(dataclasses.replace(with_bubblewrap(), **changes)))


@pytest.mark.parametrize(
    ("change", "hole"),
    [
        (lambda words: [*words[: (at := words.index("--proc"))], "--ro-bind", "/", "/", *words[at:]], "files"),
        (lambda words: [word for word in words if word != "--unshare-all"] + ["--unshare-user"], "processes"),
    ],
)
def test_a_weaker_bubblewrap_is_found(change, hole):
    """The real backend with one of its words changed."""
    strong = with_bubblewrap()

    def command(limits, rules, information):
        words = strong.command(limits, rules, information)
        at = words.index("--")
        return [words[0], *change(words[1:at]), *words[at:]]

    try:
        found = open_ones(Sandbox(dataclasses.replace(strong, command=command)))
    except SandboxError:
        return  # it did not even start
    assert hole in found


def test_the_choice_is_made_once(fresh):
    calls = []
    fresh.setattr(probing, "attack", lambda sandbox: calls.append(sandbox) or [])
    assert open_sandbox() is open_sandbox(without=True)
    assert len(calls) == 1


def test_bubblewrap_is_the_first_choice():
    assert open_sandbox().isolation.startswith("bubblewrap 0.")
    assert "no network, seccomp" in open_sandbox().isolation
    assert all(finding.isolated for finding in probe())


def fake_bubblewrap(tmp_path, message):
    """A bubblewrap that fails with a message that real ones have failed with."""
    path = tmp_path / "bwrap"
    path.write_text(f"#!/bin/sh\necho '{message}' >&2\nexit 1\n")
    path.chmod(0o755)
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_uid == os.getuid() and not parent.stat().st_mode & stat.S_IXOTH and parent.name:
            parent.chmod(parent.stat().st_mode | stat.S_IXOTH)
    return bubblewrap.Bubblewrap(path, "0.11.0")


MESSAGES = [
    ("bwrap: setting up uid map: Permission denied", "AppArmor"),
    ("bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted", "AppArmor"),
    ("bwrap: Creating new namespace failed: No space left on device", "user.max_user_namespaces"),
    ("bwrap: setting up uid map: Operation not permitted", "container"),
    ("bwrap: No permissions to create a new namespace, likely because the kernel does not allow it", "container"),
]


@pytest.mark.parametrize(("message", "advice"), MESSAGES)
def test_a_refusal_names_what_was_tried_and_what_to_do(fresh, tmp_path, message, advice):
    fake = fake_bubblewrap(tmp_path, message)
    fresh.setattr(backends, "bubblewrap", lambda: fake)

    def no_landlock(folder, newest):
        raise SandboxError("this kernel has no Landlock")

    fresh.setattr(backends, "landlock", no_landlock)
    with pytest.raises(SandboxError) as refused:
        open_sandbox()
    text = str(refused.value)
    assert "\n" not in text
    assert message.removeprefix("bwrap: ") in text
    assert advice in text
    assert "Landlock fails (this kernel has no Landlock)" in text
    assert FLAG in text
    assert describe().startswith("sandbox: none")
    assert probe() == []
    assert open_sandbox(without=True).isolation == "none"
    assert open_sandbox(without=True).run(b"print(1)", limits=Limits()).stdout == b"1\n"


def test_landlock_is_the_second_choice(fresh, tmp_path):
    fake = fake_bubblewrap(tmp_path, MESSAGES[0][0])
    fresh.setattr(backends, "bubblewrap", lambda: fake)
    assert open_sandbox().isolation.startswith("Landlock ABI ")
    assert "AppArmor" in describe()
    assert open_sandbox(without=True).isolation.startswith("Landlock")


def test_a_backend_with_a_hole_is_not_used(fresh):
    fresh.setattr(probing, "BACKENDS", {"leaky": without_isolation})
    with pytest.raises(SandboxError, match=r"leaky does not hold: files \(.*network"):
        open_sandbox()


def test_the_description_says_each_property():
    text = describe()
    assert text.startswith("sandbox: bubblewrap")
    assert all(sentence in text for sentence in NAMES.values())
    assert "OPEN" not in text
