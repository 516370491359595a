"""What a program finds of the interpreter, also where only root could reach it."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from potstill.verify.sandbox import Sandbox, interpreter
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


def test_staged_files_are_gone_at_exit(tmp_path):
    (tmp_path / "a").write_text("x")
    program = f"""
from pathlib import Path
from potstill.verify.sandbox.interpreter import staged
print(staged([(Path({str(tmp_path)!r}, "a"), "a")], "test"))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("/")
    assert not Path(done.stdout.strip()).exists()


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


def test_forgotten_folders_are_removed_a_day_later(tmp_path, monkeypatch):
    monkeypatch.setattr(interpreter.tempfile, "tempdir", str(tmp_path))
    names = {
        name: tmp_path / f"potstill-test-{name}" for name in ("4194399-dead", f"{os.getpid()}-alive", "4194399-new")
    }
    for name, folder in names.items():
        (folder / "inner").mkdir(parents=True)
        if not name.endswith("new"):
            os.utime(folder, (0, 0))
    (tmp_path / "potstill-other-4194399-x").mkdir()
    made = interpreter.temporary("test")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {
        f"potstill-test-{os.getpid()}-alive", "potstill-test-4194399-new", "potstill-other-4194399-x", made.name,
    }  # fmt: skip
