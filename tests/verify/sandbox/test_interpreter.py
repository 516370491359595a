"""What a program finds of the interpreter, also where only root could reach it."""

import os
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from potstill.verify.sandbox import Sandbox, folders, interpreter
from potstill.verify.sandbox.backends import with_bubblewrap
from potstill.verify.sandbox.interpreter import FLAGS, reachable, staged


def test_reachable_asks_every_folder_above(tmp_path):
    below = tmp_path / "closed" / "open"
    below.mkdir(parents=True)
    file = below / "file"
    file.write_text("x")
    file.chmod(0o644)
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            if folder.stat().st_uid != os.getuid() or folder == Path("/"):
                pytest.skip(f"{folder} is closed")
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    assert reachable(file)
    (tmp_path / "closed").chmod(0o700)
    assert not reachable(file)
    (tmp_path / "closed").chmod(0o711)
    assert reachable(file)
    file.chmod(0o600)
    assert not reachable(file)


def test_staged_files_keep_their_content_and_can_be_read_by_all(tmp_path):
    source = tmp_path / "a.txt"
    source.write_text("content")
    source.chmod(0o644)
    folder = staged([(source, "deep/er/a.txt"), (source, "b.txt")], "test")
    assert (folder / "deep/er/a.txt").read_text() == (folder / "b.txt").read_text() == "content"
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o755 for path in (folder, folder / "deep", folder / "deep/er"))


STAGING = """
import sys
from pathlib import Path
from potstill.verify.sandbox.interpreter import staged
print(staged([(Path(sys.argv[1]), "a")], "test"), flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("way", ["exit", "kill"])
def test_staged_files_are_gone_when_the_process_is(tmp_path, way):
    (tmp_path / "a").write_text("x")
    with subprocess.Popen(
        [sys.executable, "-c", STAGING, tmp_path / "a"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        folder = Path(process.stdout.readline().strip())
        assert (folder / "a").read_text() == "x"
        if way == "kill":
            process.kill()
    until = time.monotonic() + 5
    while folder.exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert not folder.exists()


def test_no_site_packages_are_mounted():
    found = interpreter.interpreter()
    for host, inside in found.mounts:
        if host.is_dir():
            for name in ("site-packages", "dist-packages"):
                for folder in host.glob(f"**/{name}"):
                    seen = inside / folder.relative_to(host)
                    assert any(seen.is_relative_to(hidden) for hidden in found.hidden), seen


def test_the_program_runs_under_this_version_of_python():
    program = b"import sys\nprint(sys.version_info[:3], sys.flags.no_site, sys.flags.safe_path, sys.flags.utf8_mode)"
    ran = Sandbox(with_bubblewrap()).run(program)
    assert ran.stdout.decode() == f"{sys.version_info[:3]} 1 True 1\n"
    assert "-S" in FLAGS


def test_forgotten_folders_are_removed_by_the_next_process(tmp_path, monkeypatch):
    """Not those that a process still holds, and no others."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    held = folders.temporary("test")
    (tmp_path / "potstill-test_dead" / "inner").mkdir(parents=True)
    (tmp_path / "potstill-other_dead").mkdir()
    (tmp_path / "potstill-test_link").symlink_to(tmp_path / "potstill-other_dead")
    made = folders.temporary("test")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {held.name, made.name, "potstill-other_dead", "potstill-test_link"}
