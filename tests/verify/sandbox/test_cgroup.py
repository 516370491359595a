"""Control groups on a stand-in tree: this needs a machine that delegates one, which test machines rarely do."""

import dataclasses
import os
from pathlib import Path

import pytest

from potstill.verify.sandbox import Limits, Sandbox, SandboxError, cgroup
from potstill.verify.sandbox.backends import BACKENDS
from potstill.verify.sandbox.cgroup import delegated, find, group_for, ran_out_of_memory


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Files of a stand-in stay, and so does the group; do not wait for it."""
    monkeypatch.setattr(cgroup, "ROUNDS", 2)


@pytest.fixture
def tree(tmp_path):
    """A process's folder of /proc, and the groups it speaks of."""
    process, top = tmp_path / "proc", tmp_path / "cgroup"
    leaf = top / "user.slice" / "run.scope"
    process.mkdir()
    leaf.mkdir(parents=True)
    (process / "cgroup").write_text("4:memory:/elsewhere\n0::/user.slice/run.scope\n")
    (process / "mountinfo").write_text(
        f"24 1 0:5 / /proc rw - proc proc rw\n31 24 0:27 / {top} rw shared:9 - cgroup2 none rw\n"
    )
    for group in (top, leaf.parent, leaf):
        (group / "cgroup.procs").touch()
        (group / "cgroup.subtree_control").write_text("")
    return process, leaf


def test_the_group_that_passes_both_controllers_on_is_taken(tree):
    process, leaf = tree
    assert find(process) is None
    (leaf.parent / "cgroup.subtree_control").write_text("cpu memory pids\n")
    assert find(process) == leaf.parent
    (leaf / "cgroup.subtree_control").write_text("pids memory\n")
    assert find(process) == leaf
    (leaf / "cgroup.subtree_control").write_text("pids\n")
    assert find(process) == leaf.parent


def test_nothing_above_the_mount_and_nothing_without_one(tree, tmp_path):
    process, _ = tree
    (tmp_path / "cgroup.subtree_control").write_text("memory pids")
    (tmp_path / "cgroup.procs").touch()
    (process / "cgroup").write_text("0::/\n")
    assert find(process) is None
    (process / "cgroup").write_text("4:memory:/x\n")
    assert find(process) is None
    assert find(tmp_path / "nowhere") is None


def test_limits_are_written_and_the_group_is_removed(tmp_path):
    with group_for(tmp_path, Limits(memory_mb=100, threads=5), "one") as group:
        written = {file.name: file.read_text() for file in group.iterdir()}
        assert written == {
            "memory.max": str(100 << 20),
            "pids.max": "5",
            "memory.swap.max": "0",
            "memory.oom.group": "1",
        }
        for file in group.iterdir():
            file.unlink()  # those of the kernel do not count
    assert (tmp_path / "one").exists() == (tmp_path / "one" / "cgroup.kill").exists()


def test_a_kill_for_memory_is_seen(tmp_path):
    assert not ran_out_of_memory(tmp_path)
    (tmp_path / "memory.events").write_text("low 0\nhigh 0\nmax 9\noom 1\noom_kill 0\n")
    assert not ran_out_of_memory(tmp_path)
    (tmp_path / "memory.events").write_text("low 0\nhigh 0\nmax 9\noom 1\noom_kill 3\n")
    assert ran_out_of_memory(tmp_path)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_program_is_moved_into_its_group_before_it_begins(tmp_path, backend):
    confinement = dataclasses.replace(BACKENDS[backend](), group=tmp_path)
    with Sandbox(confinement).open(b"import os\nos.write(CHANNEL, b'begun\\n')\nos.read(CHANNEL, 1)") as session:
        assert session.receive(5) == b"begun"
        (group,) = tmp_path.iterdir()
        number = int((group / "cgroup.procs").read_text())
        assert "python" in Path(f"/proc/{number}/comm").read_text()
        assert (group / "pids.max").read_text() == "64"
        session.send(b"")
        assert session.finish().code in (0, None)


def test_a_group_that_takes_nobody_is_an_outage(tmp_path, monkeypatch):
    confinement = dataclasses.replace(BACKENDS["bubblewrap"](), group=tmp_path / "missing")
    with pytest.raises(SandboxError, match=r"did not start.*missing"):
        Sandbox(confinement).run(b"")


def test_this_machines_own_group_can_be_used_or_is_none():
    parent = delegated()
    if parent is None:
        pytest.skip("no control group with memory and pids is delegated here")
    with group_for(parent, Limits(), f"potstill-test-{os.getpid()}") as group:
        assert (group / "pids.max").read_text().strip() == "64"
    assert not group.exists()
