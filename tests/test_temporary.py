import subprocess
import sys
import tempfile

from potstill.temporary import temporary_folder

KILLED = """
import os, signal, sys
from potstill.temporary import temporary_folder
with temporary_folder("tests") as folder:
    (folder / "large").write_bytes(b"x" * 1000)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_goes_and_what_is_in_use_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    subprocess.run([sys.executable, "-c", KILLED], check=False)
    (left,) = tmp_path.iterdir()
    assert (left / "large").stat().st_size == 1000
    with temporary_folder("tests") as one, temporary_folder("tests") as two:
        assert {*tmp_path.iterdir()} == {one, two}
    assert not [*tmp_path.iterdir()]
