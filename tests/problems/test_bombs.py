"""Files that unpack to gigabytes end in one line within seconds and a fraction of a gigabyte, however they are read."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from problems import bombs


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("bombs") / "files"
    made.mkdir()
    bombs.build(made)
    return made


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads its memory from /proc")
@pytest.mark.parametrize("way", ["problems", "traces", "verify", "steps"])
def test_every_bomb_ends_in_one_line(folder, way):
    source = Path(bombs.__file__).parents[2] / "src"
    done = subprocess.run(
        [sys.executable, bombs.__file__, way, str(folder)], env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True, text=True, check=False, timeout=250,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(list(folder.iterdir())) >= 12
    for name, seconds, megabytes, said in found:
        assert said is not None, name
        assert name in said
        assert "\n" not in said
        assert seconds <= 10, (name, seconds)
        assert megabytes <= 1024, (name, megabytes)
