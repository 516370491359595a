"""What a changed setting marks, what `status` says of it, and that nothing committed is redone unasked."""

import json
import re
import shutil
from pathlib import Path

import pytest
from commands import TINY, call, done

from potstill import pipeline
from potstill.pipeline.stages import stages_of
from potstill.recipe_file import load
from potstill.store import Run

DATA = ["problems", "traces", "verdicts", "examples"]
ANSWERS = ["train-answers", "evaluate-answers"]
MEASURED = ["evaluate-base", "evaluate-answers", "evaluate-traces"]
TRAINED = ["train-traces", *ANSWERS, "evaluate-traces", "export", "report"]
ROWS = ["rows-answers", "rows-traces"]
AFTER_EXAMPLES = ["student", "evaluate-base", *ROWS, *TRAINED]
ALL = [*DATA, *AFTER_EXAMPLES]
BY_TOKENS = "{base: {}, answers: {train: {supervision: answers, match: {tokens: traces}}}, traces: {train: {}}}"


def states(run, *sets):
    """Return stage -> (state, why) of the run under a recipe with these settings."""
    recipe = load("r.yaml", sets)
    return {s.stage.name: (s.state, s.why) for s in pipeline.statuses(Run(Path(run)), stages_of(recipe))}


def test_a_finished_run_is_done_and_a_rerun_does_nothing(finished_run):
    before = {p: p.stat().st_mtime_ns for p in finished_run.glob("*/manifest.json")}

    shown = done("status", finished_run).out

    lines, _, funnel = shown.partition("\n\n")
    assert [line.split()[:2] for line in lines.splitlines()] == [[name, "done"] for name in ALL]
    assert re.match(r"examples: \d+ of \d+ traces kept, [\d,]+ of [\d,]+ tokens; dropped ", funnel)
    done("run", "r.yaml", "--out", finished_run)
    assert {p: p.stat().st_mtime_ns for p in finished_run.glob("*/manifest.json")} == before


@pytest.mark.parametrize(
    ("setting", "named", "stale"),
    [
        ("problems.evaluate=5", "problems.evaluate (4 -> 5)", ALL),
        ("problems.sources.0.settings={max_steps: 3}", "problems.sources.0.settings.max_steps", ALL),
        ("teacher.error_rate=0.2", "teacher.error_rate (0.1 -> 0.2)", ALL[1:]),
        ("strategy.samples=2", "strategy.samples (1 -> 2)", ALL[1:]),
        ("checks.policy.tolerance=0.1", "checks.policy.tolerance (0.0 -> 0.1)", ALL[2:]),
        ("curate.per_problem=1", "curate.per_problem (4 -> 1)", ALL[3:]),
        ("student.scratch.layers=2", "student.scratch.layers (1 -> 2)", AFTER_EXAMPLES),
        ("student.prompt='Q: {question}'", "student.prompt", AFTER_EXAMPLES),
        ("student.lora.rank=2", "student.lora", TRAINED),
        ("train.max_length=100", "train.max_length (2048 -> 100)", [*ROWS, *TRAINED]),
        ("train.learning_rate=0.5", "train.learning_rate (0.001 -> 0.5)", TRAINED),
        ("train.loss.alpha=0.5", "train.loss.alpha (1.0 -> 0.5)", TRAINED),
        ("train.seed=9", "seed (3 -> 9)", AFTER_EXAMPLES),
        (f"arms={BY_TOKENS}", "train.match (examples -> tokens)", [*ANSWERS, "report"]),
        ("evaluate.max_tokens=9", "evaluate.max_tokens (8 -> 9)", [*MEASURED, "export", "report"]),
        ("evaluate.shots=2", "evaluate.shots (1 -> 2)", ["evaluate-base", "report"]),
        ("name=other", "name (tiny -> other)", ["export", "report"]),
        ("train.checkpoint_every=2", "", []),
    ],
)
def test_a_changed_setting_marks_just_what_depends_on_it(finished_run, setting, named, stale):
    found = states(finished_run, setting)

    assert [name for name, (state, _) in found.items() if state != "done"] == stale
    assert all(state in ("stale", "follows") for state, _ in (found[name] for name in stale))
    refused = call("run", "r.yaml", "--out", finished_run, "--set", setting)
    if not stale:
        assert refused.code == 0
        return
    assert found[stale[0]][0] == "stale"
    assert found[stale[0]][1].startswith(named)
    told = refused.mistake()
    assert named in told
    assert all(f"{name} (" in told for name in stale), "every stage with what it cost"
    assert "--redo" in told
    assert set(states(finished_run).values()) == {("done", "")}, "nothing was touched"


def test_editing_the_input_file_is_a_changed_setting(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [
        {"question": f"What is {n} plus 3?", "answer": str(n + 3), "solution": f"{n} + 3 = {n + 3}"} for n in range(20)
    ]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = "name: t\nproblems: {evaluate: 4, sources: [{file: p.jsonl}]}\nteacher: {kind: solutions}\n"
    (tmp_path / "r.yaml").write_text(recipe + "student: {scratch: {}}\ntrain: {steps: 1}\n")
    done("run", "r.yaml", "--out", "run", "--stage", "problems")
    done("run", "r.yaml", "--out", "run", "--stage", "traces")
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[1:]))

    assert states("run")["problems"][1].startswith("problems.sources.0.file contents (")
    assert "this would redo problems (0s), traces (0s)" in call("run", "r.yaml", "--out", "run").mistake()
    assert "problems           stale" in done("status", "run").out


def test_redo_redoes_what_is_stale_and_what_follows_and_nothing_else(finished_run):
    kept = {
        name: (finished_run / name / "manifest.json").stat().st_mtime_ns for name in [*DATA, "student", "train-traces"]
    }

    done("run", "r.yaml", "--out", finished_run, "--set", "evaluate.max_tokens=9", "--redo")

    assert set(states(finished_run, "evaluate.max_tokens=9").values()) == {("done", "")}
    assert {name: (finished_run / name / "manifest.json").stat().st_mtime_ns for name in kept} == kept
    assert "max_tokens: 9" in (finished_run / "recipe.yaml").read_text()
    assert set(states(finished_run).values()) == {("done", "")}, "what the old setting gave is still there"
    done("run", "r.yaml", "--out", finished_run)
    assert set(states(finished_run).values()) == {("done", "")}


def test_a_run_redone_with_the_old_setting_has_the_old_bytes(finished_run):
    old = json.loads((finished_run / "evaluate-traces" / "manifest.json").read_bytes())
    done("run", "r.yaml", "--out", finished_run, "--set", "train.learning_rate=0.05", "--redo")
    new = json.loads((finished_run / "evaluate-traces" / "manifest.json").read_bytes())
    done("run", "r.yaml", "--out", finished_run, "--redo")

    assert json.loads((finished_run / "evaluate-traces" / "manifest.json").read_bytes()) == old
    assert new["inputs"] != old["inputs"]


def test_status_tells_missing_follows_and_under_way(finished_run):
    shutil.rmtree((finished_run / "export").resolve())
    trained = (finished_run / "train-answers").resolve()
    (trained / "manifest.json").unlink()
    trained.rename(trained.with_name(f"{trained.name}.partial"))

    found = states(finished_run)

    assert found["export"] == ("missing", "")
    assert found["train-answers"] == ("under way", "was begun")
    assert found["evaluate-answers"] == ("follows", "follows train-answers")
    assert found["evaluate-traces"] == ("done", "")
    shown = done("status", finished_run).out
    assert "under way" in shown
    assert "follows train-answers" in shown


def test_a_stage_that_is_gone_is_made_again_without_a_word_and_equal(finished_run):
    old = (finished_run / "verdicts" / "manifest.json").read_bytes()
    shutil.rmtree((finished_run / "verdicts").resolve())

    done("run", "r.yaml", "--out", finished_run)

    assert (finished_run / "verdicts" / "manifest.json").read_bytes() == old
    assert set(states(finished_run).values()) == {("done", "")}


def test_one_stage_alone(tmp_path, monkeypatch, finished):
    monkeypatch.chdir(tmp_path)
    shutil.copy(finished / "r.yaml", tmp_path)

    told = call("run", "r.yaml", "--out", "run", "--stage", "verdicts").mistake()
    assert "stage verdicts needs problems, traces first" in told
    for name in DATA[:3]:
        done("run", "r.yaml", "--out", "run", "--stage", name)

    assert [name for name, (state, _) in states("run").items() if state == "done"] == DATA[:3]
    assert "did you mean 'verdicts'?" in call("run", "r.yaml", "--out", "run", "--stage", "verdict").mistake()


def test_one_stage_redone_leaves_the_others_committed(finished_run):
    clock = (finished_run / "traces" / "clock.json").read_bytes()
    done("run", "r.yaml", "--out", finished_run, "--stage", "traces", "--redo")

    assert (finished_run / "traces" / "clock.json").read_bytes() != clock
    assert set(states(finished_run).values()) == {("done", "")}, "the same settings gave the same bytes"


def test_a_stage_alone_whose_result_changed_names_the_input_to_those_after_it(finished_run):
    done("run", "r.yaml", "--out", finished_run, "--set", "teacher.error_rate=0.9", "--stage", "traces", "--redo")

    assert states(finished_run, "teacher.error_rate=0.9")["verdicts"] == ("stale", "changed input traces")


def test_a_moved_run_folder_is_as_good_as_before(finished_run):
    moved = finished_run.rename(finished_run.with_name("elsewhere"))

    assert "done" in done("status", moved).out
    done("run", "r.yaml", "--out", moved)
    assert done("ask", moved, "What is 2 plus 3?").out


def test_a_run_can_be_read_where_the_data_folder_is_not(finished_run):
    recipe = finished_run / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace(f"data: {finished_run.parent}", "data: /no/such/folder"))

    assert "problems           done" in done("status", finished_run).out
    assert done("ask", finished_run, "What is 2 plus 3?").code == 0


def test_until_makes_a_stage_and_what_it_needs_and_a_plain_run_goes_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("r.yaml").write_text(TINY)
    assert "give one of them" in call("run", "r.yaml", "--until", "verdicts", "--stage", "traces").mistake()
    assert "no stage 'verdict' in this recipe" in call("run", "r.yaml", "--until", "verdict").mistake()
    done("run", "r.yaml", "--out", "run", "--until", "verdicts")
    assert [name for name, (state, _) in states("run").items() if state == "done"] == ["problems", "traces", "verdicts"]
    assert not (tmp_path / "run" / "report.html").exists()
