"""One recipe with every kind of node, run whole, and killed at every boundary between stages."""

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest
from commands import call, done, start
from soak import runs

from potstill.graph import graph_of
from potstill.pipeline.stages import stages_of
from potstill.recipe_file import load
from potstill.records import Trace
from potstill.store import Run

RECIPE = Path(__file__).parents[1] / "recipes" / "everything.yaml"
SHORT = os.environ.get("POTSTILL_SOAK") == "short"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("everything") / "run"
    done("run", RECIPE, "--out", out)
    return out


def counts(out, stage):
    return json.loads((out / stage / "manifest.json").read_bytes())["counts"]


def test_every_node_is_there_and_equal_stages_are_made_once(whole):
    recipe = load(str(RECIPE))
    run, graph = Run(whole), graph_of(recipe)
    assert set(run.names()) == {stage.name for stage in stages_of(recipe)}
    names = run.names()
    assert names["traces-second"] == names["traces-own.round1"], "the same arm asked in the same way"
    assert names["verdicts"] == names["verdicts-canonical"], "checked alike"
    assert names["rows-two.phase1"] == names["rows-two"] != names["rows-other"], "another student"
    assert len(set(names.values())) < len(names)
    assert {trace.teacher for trace in run.committed("traces-second").rows("traces", Trace)} == {"traces"}
    report = json.loads((whole / "report.json").read_text())
    assert [row["student"] for row in report["measures"]] == list(graph.arms)
    assert report["headline"].startswith("The student 'two' solves")
    assert "set own &lt;- arm improved.round1" in (whole / "report.html").read_text()


def test_budgets_match_those_of_the_arms_they_name(whole):
    traces, answers, taught, other = (counts(whole, f"train-{arm}") for arm in ("traces", "answers", "taught", "other"))
    assert answers["rows"] == traces["rows"]
    assert traces["tokens"] <= taught["tokens"] < traces["tokens"] + 256
    assert traces["flops"] <= other["flops"] < 1.5 * traces["flops"]


def test_a_changed_arm_touches_no_other(whole, tmp_path):
    import shutil

    out = tmp_path / "run"
    shutil.copytree(whole, out, symlinks=True)
    told = call("run", RECIPE, "--out", out, "--set", "arms.taught.train.learning_rate=0.02").mistake()
    assert "this would redo train-taught (" in told
    assert "train-traces" not in told
    assert "train-other" not in told


def test_what_no_name_means_any_more_is_shown_and_removed(whole, tmp_path):
    import shutil

    out = tmp_path / "run"
    shutil.copytree(whole, out, symlinks=True)
    assert "every output is in use" in done("clean", out).out
    begun = (out / "export").resolve()
    (begun / "manifest.json").unlink()
    begun.rename(begun.with_name(f"{begun.name}.partial"))
    assert "every output is in use" in done("clean", out, "--remove").out, "a killed run goes on with it"
    before = {path.name for path in (out / "stages").iterdir()}
    arms = "arms={base: {}, traces: {train: {}}}"
    sets = ("--set", "sets={traces: {}}", "--set", arms, "--set", "deliver=traces")
    done("run", RECIPE, "--out", out, "--redo", *sets)
    shown = done("clean", out).out
    assert "train-" in shown
    assert before <= {path.name for path in (out / "stages").iterdir()}, "shown, not removed"
    done("clean", out, "--remove")
    assert {path.name for path in (out / "stages").iterdir()} == set(Run(out).names().values())
    assert "done" in done("status", out).out


def killed(out, when):
    """Start a run and kill it as soon as `when` holds; return whether it was killed."""
    process = start("run", RECIPE, "--out", out)
    while process.poll() is None and not when():
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


@pytest.mark.soak
def test_killed_at_stage_boundaries_and_at_random_times_it_ends_with_the_same_bytes(whole, tmp_path):
    out = tmp_path / "run"
    names = [stage.name for stage in stages_of(load(str(RECIPE)))]
    for name in names[:: 12 if SHORT else 1]:
        killed(out, lambda name=name: (out / name).is_symlink())
    dice = random.Random(5)
    for _ in range(1 if SHORT else 20):
        out = tmp_path / f"random-{dice.random()}"
        for _ in range(2):
            runs.kill_after(start("run", RECIPE, "--out", out), dice.uniform(1.0, 12.0))
        done("run", RECIPE, "--out", out)
        assert runs.digest(out) == runs.digest(whole)
    done("run", RECIPE, "--out", tmp_path / "run")
    assert runs.digest(tmp_path / "run") == runs.digest(whole)
