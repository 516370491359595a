"""Scores of reward models beside verdicts: each trace its own, and none for what is not whole."""

import json
from dataclasses import replace

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from commands import TINY, done
from verify import tiny_classifiers

from potstill.recipe import Reward
from potstill.records import Problem, Score, Trace, Verdict
from potstill.store import Run
from potstill.verify.reward import OutcomeModel
from potstill.verify.scores import scores_of
from potstill.verify.steps.prm import ProcessModel, aggregate

PROBLEM = Problem(id="p", question="What is 2 + 2?", gold="4")
STEPS = ["We have two.\n\n", "Two more make four."]
TRACE = Trace(
    problem_key=PROBLEM.key,
    teacher="m",
    strategy="zero_shot",
    prompt_key="k",
    sample=0,
    attempt=0,
    sampling="{}",
    reasoning="".join(STEPS),
    answer="The answer is 4.",
    finish="stop",
)
TRACES = [
    (PROBLEM, TRACE),
    (PROBLEM, replace(TRACE, sample=1, answer="The answer is 5.")),
    (PROBLEM, replace(TRACE, sample=2, finish="length", answer="")),
    (PROBLEM, replace(TRACE, sample=3, reasoning="word " * 200, answer="word " * 200)),
    (PROBLEM, replace(TRACE, sample=4, finish="failed", answer="", reasoning="")),
]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    out = tmp_path_factory.mktemp("rewards")
    tiny_classifiers.llama(out / "outcome", "sequence", 1)
    tiny_classifiers.llama(out / "process", "token", 2)
    return out


def test_an_outcome_model_scores_the_answer_part(models):
    found = list(scores_of(iter(TRACES), Reward(model="outcome"), str(models / "outcome")))
    (first,) = OutcomeModel(str(models / "outcome")).score([(PROBLEM.statement, TRACE.answer)])
    value = pytest.approx(first.score, abs=1e-6)
    assert found[0] == Score(trace_key=TRACE.key, model="outcome", kind="outcome", value=value, tokens=first.tokens)
    assert first.tokens > 10
    assert found[1].value is not None
    assert found[1].value != found[0].value
    assert [score.trace_key for score in found] == [trace.key for _, trace in TRACES]


@pytest.mark.parametrize("how", ["min", "product", "last", "mean"])
def test_a_process_model_scores_the_steps_of_the_reasoning(models, how):
    found = list(
        scores_of(iter(TRACES), Reward(model="process", kind="process", aggregate=how), str(models / "process"))
    )
    (first,) = ProcessModel(str(models / "process"), "\n\n").score([(PROBLEM.statement, STEPS)])
    assert found[0].steps == pytest.approx(first.scores, abs=1e-6)
    assert len(found[0].steps) == 2
    assert found[0].value == aggregate(found[0].steps, how)


@pytest.mark.parametrize("kind", ["outcome", "process"])
def test_what_is_not_whole_or_too_long_has_a_reason_in_place_of_a_score(models, kind):
    found = list(scores_of(iter(TRACES), Reward(model=kind, kind=kind), str(models / kind)))
    assert [score.value is None for score in found] == [False, False, True, True, True]
    assert (found[2].reason, found[4].reason) == ("the trace ended as length", "the trace ended as failed")
    assert "tokens" in found[3].reason
    assert all(score.steps == () for score in found[2:])


def test_a_run_has_one_score_a_trace_in_their_order_and_no_verdict_changes(models, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.yaml").write_text(TINY)
    for stage in ("problems", "traces", "verdicts"):
        done("run", "r.yaml", "--out", "run", "--stage", stage)
    before = list(Run(tmp_path / "run").committed("verdicts").rows("verdicts", Verdict))
    name = str(models / "outcome")
    scored = ["--set", f"checks.reward={json.dumps({'model': name})}", "--redo"]
    done("run", "r.yaml", "--out", "run", "--stage", "verdicts", *scored)
    run = Run(tmp_path / "run")
    traces = list(run.committed("traces").rows("traces", Trace))
    problems = {p.key: p for p in run.committed("problems").rows("train", Problem)}
    found = list(run.committed("verdicts").rows("scores", Score))
    assert [score.trace_key for score in found] == [trace.key for trace in traces]
    assert found == list(scores_of(((problems[t.problem_key], t) for t in traces), Reward(model=name), name))
    assert any(score.value is not None for score in found)
    assert list(run.committed("verdicts").rows("verdicts", Verdict)) == before
