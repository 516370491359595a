"""Ctrl-C at any moment of a start ends in one line and 130; before our first line runs, Python itself answers."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from commands import TINY, ended, start

from potstill.interrupt import INTERRUPTED, TOLD

SLOW = """
import sys, time
print("loading", flush=True)
try:
    time.sleep(30)
except BaseException:
    raise ImportError("numpy.core.multiarray failed to import")
"""


def test_during_an_import_that_would_make_an_error_of_it(tmp_path):
    (tmp_path / "slow_library.py").write_text(SLOW)
    code = textwrap.dedent("""
        from potstill import interrupt
        interrupt.while_starting()
        interrupt.started()
        import slow_library
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
    )  # fmt: skip
    assert process.stdout.readline() == "loading\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (INTERRUPTED, f"{TOLD}\n")


def test_at_random_moments_of_a_start(tmp_path):
    """From a tenth of a second on, when Python has long begun with our code."""
    (tmp_path / "r.yaml").write_text(TINY)
    dice = random.Random(5)
    for _ in range(4):
        process = start("run", tmp_path / "r.yaml", "--out", tmp_path / "run")
        time.sleep(dice.uniform(0.25, 1.5))
        process.send_signal(signal.SIGINT)
        found = ended(process)
        assert found.code in (INTERRUPTED, 0), found
        assert "Traceback" not in found.err
        assert found.code == 0 or found.err.splitlines()[-1] == TOLD


@pytest.mark.parametrize("command", [["check"], ["run", "--stage", "problems"]])
def test_a_locale_without_utf_8_changes_nothing(tmp_path, command):
    (tmp_path / "größe.yaml").write_text(TINY.replace("name: tiny", "name: größe"), encoding="utf-8")
    recipe, out = tmp_path / "größe.yaml", [] if command == ["check"] else ["--out", tmp_path / "läuft"]
    plain = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    found = ended(start(command[0], recipe, *command[1:], *out, **plain))
    assert found.code == 0, found
    assert not out or "name: größe" in (tmp_path / "läuft" / "recipe.yaml").read_text(encoding="utf-8")
