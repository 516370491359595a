"""The flat example does the whole job, in seconds when told to."""

import os
import re
import subprocess
import sys
from pathlib import Path

BY_HAND = Path(__file__).parents[1] / "examples" / "by_hand.py"


def run(*options):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, str(BY_HAND), *options], capture_output=True, text=True, check=True, env=environment
    )


def test_by_hand_goes_from_problems_to_a_measured_student():
    done = run("--steps", "5", "--problems", "60", "--seed", "3")

    traces, right, dropped = map(int, re.findall(r"\d+", done.stderr.splitlines()[0]))
    assert traces == 45 == right + dropped
    assert 0 < dropped < right, "the teacher errs now and then, and checking finds it"
    (loss,) = re.findall(r"step 5/5: loss ([\d.]+)", done.stderr)
    assert 1 < float(loss) < 6.3, "below the loss of a uniform guess among 512 tokens after a few steps"
    solved, asked = map(int, re.findall(r"(\d+) of (\d+) held-out problems", done.stdout)[0])
    assert asked == 15
    assert 0 <= solved <= asked


def test_by_hand_uses_no_pipeline_no_run_folder_and_no_recipe_file():
    imported = re.findall(r"^(?:from|import) (potstill[\w.]*)", BY_HAND.read_text(encoding="utf-8"), re.MULTILINE)
    assert imported
    assert not {name for name in imported if name.startswith(("potstill.pipeline", "potstill.store"))}
    assert "potstill.recipe_file" not in imported


def test_the_python_interface_does_a_whole_run(tmp_path):
    script = BY_HAND.with_name("in_python.py")
    done = subprocess.run(
        [sys.executable, str(script), "--out", str(tmp_path / "run")], capture_output=True, text=True, check=True
    )
    assert "in-python is sound: problems > traces" in done.stdout
    assert re.search(r"traces: \d+% \(95% interval \d+% to \d+%\)", done.stdout)
    assert f"report: {tmp_path / 'run/report.html'}" in done.stdout
    assert f"done: {tmp_path / 'run'}" in done.stderr
