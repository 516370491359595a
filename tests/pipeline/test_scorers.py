"""Reward models of a recipe: labelled, trained, measured, used as a check and to choose; killed, and refused."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from commands import TINY, call, done

torch = pytest.importorskip("torch")

from potstill.records import Label, Measure, Problem, Score, Trace, Verdict  # noqa: E402
from potstill.store import Run  # noqa: E402

KILLED = Path(__file__).parents[1] / "soak" / "killed.py"
RECIPE = (
    TINY.replace("teacher: {kind: worked}", "teacher: {kind: worked, error_rate: 0.5, style: plain}").replace(
        "evaluate: {max_tokens: 8, batch: 2, shots: 1}",
        "evaluate: {max_tokens: 8, batch: 8, shots: 0, samples: 2, temperature: 1.0, best_of: 2, by: prm}",
    )
    + """\
sets:
  traces: {}
  scored: {from: traces, checks: {reward: {scorer: prm}}, curate: {min_score: 0.3}}
arms:
  traces: {train: {on: traces}}
  again: {train: {on: scored}}
scorers:
  prm: {kind: process, from: traces, steps: sentences, held_out: 0.4, labels: {by: facts, on: traces}}
  mc:
    kind: process
    steps: sentences
    held_out: 0.4
    labels:
      {by: rollouts, on: traces, arm: traces, rollouts: 2, per_problem: 1, solutions: 11, precision: fp32,
       sampling: {max_tokens: 6}}
    test: {by: facts, on: traces}
  orm: {kind: outcome, from: traces, held_out: 0.4, labels: {by: verdicts, on: traces}}
"""
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scorers")
    (folder / "r.yaml").write_text(RECIPE)
    done("run", folder / "r.yaml", "--out", folder / "run")
    return folder


def rows(whole, stage, table, record):
    return list(Run(whole / "run").committed(stage).rows(table, record))


def test_labels_stand_step_by_step_and_no_problem_is_on_both_sides(whole):
    for name in ("prm", "mc", "orm"):
        train, test = (rows(whole, f"labels-{name}{part}", "labels", Label) for part in ("", ".test"))
        assert {label.problem_key for label in train}.isdisjoint(label.problem_key for label in test)
        assert train
        assert test
    traces = {trace.key: trace for trace in rows(whole, "traces", "traces", Trace)}
    by_solution = {}
    for label in rows(whole, "labels-prm", "labels", Label):
        by_solution.setdefault(label.solution, []).append(label)
    for solution, labels in by_solution.items():
        assert [label.step for label in labels] == list(range(len(labels)))
        assert "".join(label.text for label in labels) == traces[solution].reasoning


def test_facts_agree_with_the_verdict_on_the_whole(whole):
    """A solution of the worked teacher is wrong just where one of its steps is."""
    verdicts = {verdict.trace_key: verdict.outcome for verdict in rows(whole, "verdicts", "verdicts", Verdict)}
    wrong = {label.solution for label in rows(whole, "labels-prm", "labels", Label) if label.share == 0}
    for label in rows(whole, "labels-prm", "labels", Label):
        omitted = verdicts[label.solution] == "wrong" and label.solution not in wrong
        if not omitted:  # a change that is left out at the end is no step at all
            assert (label.solution in wrong) == (verdicts[label.solution] == "wrong")


def test_rollouts_are_as_many_as_the_recipe_says_and_the_last_step_has_the_verdict(whole):
    labels = rows(whole, "labels-mc", "labels", Label)
    verdicts = {verdict.trace_key: verdict.outcome for verdict in rows(whole, "verdicts", "verdicts", Verdict)}
    for label, following in zip(labels, [*labels[1:], None], strict=True):
        if following is None or following.step == 0:
            assert label.share == {"right": 1.0, "wrong": 0.0}[verdicts[label.solution]]
        else:
            assert label.decided + label.undecided == 2
    counts = Run(whole / "run").committed("labels-mc").counts
    assert counts["sampling"]["completion_tokens"] > 0
    assert counts["solutions"] == len({label.problem_key for label in labels}) <= 11, "per_problem: 1, solutions: 11"


def test_a_trained_model_is_read_by_checks_reward_as_it_was_laid_out(whole):
    """The rows of its training and of the check are the same tokens, and the check's scores those of a plain pass."""
    import transformers

    from potstill.recipe import Reward
    from potstill.scorer_nodes import ScorerNode  # noqa: F401 - what a recipe's scorer is
    from potstill.train import scorers, students
    from potstill.verify.scores import scores_of

    folder = Run(whole / "run").committed("scorer-prm").folder("model")
    problems = {problem.key: problem for problem in rows(whole, "problems", "train", Problem)}
    traces = [trace for trace in rows(whole, "traces", "traces", Trace) if trace.problem_key in problems]
    reward = Reward(model="prm", kind="process", steps="sentences")
    pairs = [(problems[trace.problem_key], trace) for trace in traces]
    found = {score.trace_key: score for score in scores_of(pairs, reward, str(folder))}
    from potstill.graph import graph_of
    from potstill.recipe_file import load

    scorer = graph_of(load(str(whole / "r.yaml"))).scorers["prm"].scorer
    labels = rows(whole, "labels-prm", "labels", Label)
    made = scorers.rows_of(labels, scorer, students.load_tokenizer(folder), 256)
    model = transformers.AutoModelForTokenClassification.from_pretrained(folder, dtype=torch.float32).eval()
    solutions = list(dict.fromkeys(label.solution for label in labels))
    for row in made.rows:
        ends = [place - 1 for place, code in enumerate(row.segments) if code]
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([row.ids[:-1]])).logits[0].double().softmax(-1)[:, 1]
        solution = solutions[row.example]
        own = [label for label in labels if label.solution == solution]
        scores = found[solution].steps
        wanted = [scores[label.step] for label in own if label.share is not None]
        assert [float(logits[end]) for end in ends] == pytest.approx(wanted, abs=1e-6)
    by_check = {score.trace_key: score for score in rows(whole, "verdicts-scored", "scores", Score)}
    for key, score in found.items():
        assert by_check[key].steps == pytest.approx(score.steps, abs=1e-6), "checks.reward: {scorer: prm}"
        assert by_check[key].model == "prm"


def test_answers_are_scored_in_their_order_and_reported(whole):
    measures, scores = (
        rows(whole, "evaluate-traces", "zero_shot", Measure),
        rows(whole, "best-traces", "zero_shot", Score),
    )
    assert len(measures) == len(scores) == 8
    assert all((score.value is None) == (measure.truncated) or not measure.reasoning
               for measure, score in zip(measures, scores, strict=True))  # fmt: skip
    report = json.loads((whole / "run" / "report.json").read_text())
    (section,) = [one for one in report["sections"] if one["title"] == "Reward models"]
    titles = [node["title"] for node in section["children"]]
    assert titles[:2] == [
        "Reward models on labels of problems that they were not trained on", "Scores of reward models beside labels",
    ]  # fmt: skip
    assert titles[2:] == ["Best of n of traces by prm", "Best of n of again by prm"]
    assert [row[0] for row in section["children"][0]["rows"]] == ["prm", "mc", "orm"]


def test_a_changed_setting_marks_just_the_stages_that_depend_on_it(whole):
    """Settings of rollouts belong to their labels, those of training to the scorer, the layout to all that reads."""
    from potstill.pipeline import statuses
    from potstill.pipeline.stages import stages_of
    from potstill.recipe_file import load

    def stale(*sets):
        found = statuses(Run(whole / "run"), stages_of(load(str(whole / "r.yaml"), sets)))
        return {status.stage.name for status in found if status.state == "stale"} - {"report"}  # it draws the graph

    assert stale() == set()
    assert stale("scorers.mc.labels.sampling.max_tokens=7") == {"labels-mc"}
    assert stale("scorers.mc.labels.rollouts=3") == {"labels-mc"}
    assert stale("scorers.mc.train.learning_rate=0.01") == {"scorer-mc"}
    assert stale("scorers.prm.separator=x") == {
        "scorer-prm",
        "assess-prm",
        "best-traces",
        "best-again",
        "verdicts-scored",
    }


def started(whole, out, kill_at, count):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, KILLED, str(kill_at), count, "run", whole / "r.yaml", "--out", out],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.soak
def test_killed_while_it_labels_trains_and_scores_it_ends_the_same(whole, tmp_path):
    """Killed at counted durable operations of these stages alone; every file is that of the undisturbed run."""
    kinds = ("labels", "scorer", "assess", "best")
    base = tmp_path / "base"
    shutil.copytree(whole / "run", base, symlinks=True)
    for stage in base.glob("stages/*"):
        if stage.name.partition("-")[0] in (*kinds, "report"):
            shutil.rmtree(stage)
    (base / "ledger" / "students.sqlite").unlink()
    counted = tmp_path / "count"
    shutil.copytree(base, tmp_path / "once", symlinks=True)
    assert started(whole, tmp_path / "once", 0, counted).returncode == 0
    total = int(counted.read_text())
    out = tmp_path / "killed"
    shutil.copytree(base, out, symlinks=True)
    at, kills = 5, 0
    while (ended := started(whole, out, at, counted)).returncode == -signal.SIGKILL:
        kills, at = kills + 1, at + max(1, total // 12)
    assert ended.returncode == 0, ended.stderr
    assert kills >= 5
    for link in sorted((whole / "run").iterdir()):
        if link.is_symlink() and link.name.partition("-")[0] in kinds:
            one, two = (json.loads((run / link.name / "manifest.json").read_bytes()) for run in (whole / "run", out))
            assert one["files"] == two["files"], link.name


FAULTS = {
    "no such set": ("prm.labels.on=trace", "scorers.prm.labels.on: there is no set 'trace', did you mean 'traces'?"),
    "no such arm": ("mc.labels.arm=trace", "scorers.mc.labels.arm: there is no arm 'trace', did you mean 'traces'?"),
    "no start": ("prm.from=nobody", "scorers.prm.from: there is no arm 'nobody'"),
    "no such key": ("prm.label=3", "scorers.prm.label: unknown key, did you mean 'labels'?"),
    "no such key of labels": ("prm.labels.rollout=3", "scorers.prm.labels.rollout: unknown key"),
    "rollouts of nobody": ("mc.labels.arm=null", "scorers.mc.labels.arm: arm is missing: labels by rollouts"),
    "verdicts of steps": ("prm.labels.by=verdicts", "of kind process is labelled by rollouts, calculator, facts"),
    "steps of outcomes": ("orm.labels.by=facts", "a scorer of kind outcome is labelled by verdicts, not by facts"),
    "another kind": ("prm.kind=proces", "'proces' is not one of process, outcome"),
    "a method": ("prm.train.method=sft", "scorers.prm.train.method: a scorer is trained on its labels"),
    "no held-out problems": ("prm.held_out=0.0", "with 0 there is nothing to measure it on"),
    "all at once": ("mc.labels.sampling.temperature=0.0", "several rollouts at temperature 0 are all the same"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_mistakes_in_a_scorer_are_told_in_one_line(whole, fault):
    change, told = FAULTS[fault]
    assert told in call("check", whole / "r.yaml", "--set", f"scorers.{change}").mistake()


OTHERS = {
    "no such file": ("scorers.prm.labels={by: file, file: nowhere.jsonl}", "scorers.prm.labels.file: there is no file"),
    "no such facts": ("problems.sources.0.family=weekday", "scorers.prm.labels.by: facts are those of the families"),
    "no scores to choose by": ("curate.min_score=0.5", "curate.min_score: there are no scores: name a reward model"),
    "no scorer": ("evaluate.by=prn", "evaluate.by: there is no scorer 'prn', did you mean 'prm'?"),
    "too few samples": ("evaluate.best_of=4", "evaluate.best_of: the best of 4 cannot be chosen of 2"),
    "nobody chooses": ("evaluate.by=null", "evaluate.best_of: best_of needs by beside it"),
    "a check by nobody": (
        "sets.scored.checks.reward.scorer=x",
        "sets.scored.checks.reward.scorer: there is no scorer 'x'",
    ),
    "two models": ("sets.scored.checks.reward.model=./m", "name the reward model with exactly one of model and scorer"),
    "a circle": ("scorers.prm.labels.on=scored", "score a set of its own, with `from`"),
}


@pytest.mark.parametrize("fault", OTHERS)
def test_mistakes_in_its_use_are_told_in_one_line(whole, fault):
    change, told = OTHERS[fault]
    assert told in call("check", whole / "r.yaml", "--set", change).mistake()


@pytest.mark.soak
def test_labels_of_one_kind_only_are_refused_before_training(whole, tmp_path):
    (tmp_path / "r.yaml").write_text(RECIPE.replace("error_rate: 0.5", "error_rate: 0.0"))
    told = call("run", tmp_path / "r.yaml", "--out", tmp_path / "run", "--stage", "problems")
    assert told.code == 0
    told = call("run", tmp_path / "r.yaml", "--out", tmp_path / "run").mistake()
    assert "scorers.prm.labels: every label says right, and a scorer learns from both" in told
