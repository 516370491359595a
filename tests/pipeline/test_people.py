"""From labels of people to a student: curation hears them, a reward model is trained from them, their names stay."""

import json
import shutil
from pathlib import Path

import pytest
from commands import call, done

from potstill.records import Drop, Example, Label, Reason, Trace, Verdict
from potstill.store import Run
from potstill.verify.steps.people import Saying, settled
from potstill.view.labels import LabelFiles, exported, imported
from potstill.view.room import Viewer

torch = pytest.importorskip("torch")
EXAMPLE = Path(__file__).parents[2] / "examples" / "people.yaml"
SHARED = Path(__file__).parents[3] / "shared" / "data" / "steps_mr_gsm8k_human.jsonl"
SMALL = [
    "problems={evaluate: 4, sources: [{family: chain, count: 24}]}", "teacher.error_rate=0.5",
    "student={scratch: {hidden: 16, layers: 1, heads: 2, intermediate: 32, vocabulary: 300, context: 256}}",
    "train={steps: 3, batch: 4, micro_batch: 4, learning_rate: 1.0e-3, precision: fp32}",
    "evaluate={max_tokens: 8, batch: 4, shots: 0}", "scorers.prm.held_out=0.4",
]  # fmt: skip
"""The example on a tiny scale."""


def sets(*more):
    return [part for one in (*SMALL, *more) for part in ("--set", one)]


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """A run up to its verdicts, and labels of people: by what the problems' own facts say, with four corrections."""
    folder = tmp_path_factory.mktemp("people")
    for stage in ("problems", "traces", "verdicts"):
        done("run", EXAMPLE, "--out", folder / "run", "--stage", stage, *sets())
    room = Viewer.open([str(folder / "run")], folder / "cache")
    labels = LabelFiles(folder / "run" / "labels")
    teacher = [n for n, row in enumerate(room.index.rows.to_pylist()) if row["who"] == "teacher"]
    for number in teacher:
        row, its = room.index.row(number), room.response(room.index.row(number)["key"], 0, 500)
        steps = room.details.steps_of(number)
        wrong = its["steps"]["first_wrong"]
        ratings = [1 if wrong is None or step < wrong else -1 if step == wrong else None for step in range(len(steps))]
        about = room.about_response(row["key"])
        for labeller in ("ada", "bob"):
            labels.save(Saying(
                kind="steps", labeller=labeller, solution=row["key"], steps=steps, ratings=tuple(ratings),
                problem_key=about["problem_key"], question=about["question"],
            ))  # fmt: skip
    keys = [room.index.row(number)["key"] for number in teacher]
    labels.save(Saying(kind="verdict", labeller="ada", solution=keys[0], outcome="wrong", comment="it guesses"))
    labels.save(Saying(kind="verdict", labeller="ada", solution=keys[1], outcome="right"))
    labels.save(
        Saying(kind="verdict", labeller="bob", solution=keys[1], outcome="wrong")
    )  # they differ: nothing counts
    about = room.about_response(keys[2])
    labels.save(Saying(kind="gold", labeller="bob", problem_key=about["problem_key"], gold="123456"))
    return folder, keys


def test_curation_and_a_reward_model_hear_people(labelled):
    folder, keys = labelled
    people = f"{folder}/run/labels"
    heard = (f"curate.people={people}", "curate.drop_wrong_steps=human",
             f"scorers.prm.labels={{by: file, file: {people}}}")  # fmt: skip
    done("run", EXAMPLE, "--out", folder / "run", "--redo", *sets(*heard))
    run = Run(folder / "run")
    traces = {trace.key: trace for trace in run.committed("traces").rows("traces", Trace)}
    verdicts = {row.trace_key: row for row in run.committed("verdicts").rows("verdicts", Verdict)}
    kept = {row.trace_key for row in run.committed("examples").rows("examples", Example)}
    drops = {row.key: row for row in run.committed("examples").rows("dropped", Drop)}
    said = [json.loads(line) for file in Path(people).glob("*.jsonl") for line in file.read_text().splitlines()]
    called_wrong = {row["solution"] for row in said if row["kind"] == "steps" and -1 in row["ratings"]}
    assert called_wrong
    assert not called_wrong & kept
    assert set(traces) == kept | set(drops)
    reasons = {key: drops[key].reason for key in called_wrong}
    judged_wrong = {key for key in called_wrong if verdicts[key].outcome != "right"}
    assert all(reasons[key] == Reason.WRONG_STEP for key in called_wrong - judged_wrong - {*keys[:3]}), reasons
    assert (drops[keys[0]].reason, drops[keys[0]].detail) == (Reason.WRONG, "it guesses")
    assert "gold corrected by bob" in drops[keys[2]].detail
    if verdicts[keys[1]].outcome == "right" and keys[1] not in called_wrong:
        assert keys[1] in kept
    rows = list(run.committed("labels-prm").rows("labels", Label))
    assert {row.source for row in rows} == {"file"}
    by_solution = {(row["solution"], n): rating for row in said if row["kind"] == "steps"
                   for n, rating in enumerate(row["ratings"])}  # fmt: skip
    for row in rows:
        assert row.share == {1: 1.0, -1: 0.0, None: None}[by_solution[row.solution, row.step]]
    assert json.loads(run.committed("assess-prm").read("assessment.json"))
    assert run.committed("report") is not None
    told = done("status", folder / "run").out
    assert "stale" not in told


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("curate.drop_wrong_steps=human", "name their labels in curate.people"),
        ("curate.people=nowhere", "there is no file or folder"),
        ("scorers.prm.labels={by: file, file: nowhere}", "there is no file"),
    ],
)
def test_labels_that_are_not_there_are_told_first(wrong, told):
    assert told in call("check", EXAMPLE, *sets(wrong)).mistake()


def test_a_line_that_is_no_label_is_named(labelled, tmp_path):
    shutil.copytree(labelled[0] / "run", tmp_path / "run", symlinks=True)
    file = tmp_path / "labels.jsonl"
    file.write_text('{"schema": 1, "kind": "steps"}\n')
    told = call("run", EXAMPLE, "--out", tmp_path / "run", "--redo", *sets(f"curate.people={file}")).mistake()
    assert "labels.jsonl: line 1: labeller is missing" in told


@pytest.mark.skipif(not SHARED.exists(), reason="needs the shared data")
def test_labels_that_people_gave_elsewhere_are_imported_and_train_a_reward_model(tmp_path):
    rows = []
    for row in map(json.loads, SHARED.read_text().splitlines()[:60]):
        wrong = row["first_error_step"]
        label = -1 if wrong is None else wrong - row["step_base"]
        rows.append({"id": row["id"], "problem": row["problem"], "steps": row["steps"], "label": label})
    rows = [row for row in rows if isinstance(row["steps"], list) and row["label"] < len(row["steps"])]
    assert len(rows) > 40
    labels = LabelFiles(tmp_path / "labels")
    assert labels.save_all(imported([(f"row {n}", row) for n, row in enumerate(rows)], "mr-gsm8k")) == len(rows)
    kept = exported(settled(labels.all()).values(), "processbench")
    assert sorted((row["problem"], row["label"]) for row in kept) == sorted((r["problem"], r["label"]) for r in rows)
    wide = "student={scratch: {hidden: 16, layers: 1, heads: 2, intermediate: 32, vocabulary: 300, context: 2048}}"
    done("run", EXAMPLE, "--out", tmp_path / "run",
         *sets(wide, f"scorers.prm.labels={{by: file, file: {tmp_path}/labels}}"))  # fmt: skip
    run = Run(tmp_path / "run")
    heard = list(run.committed("labels-prm").rows("labels", Label))
    assert 0 < run.committed("scorer-prm").counts["labelled"] <= len(heard)
    wrong = {(row["problem"], row["label"]) for row in rows if row["label"] >= 0}
    assert {(row.question, row.step) for row in heard if row.share == 0.0} <= wrong
    assert sum(row.share == 0.0 for row in heard) > len(rows) // 3
