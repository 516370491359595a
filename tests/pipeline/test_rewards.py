"""A recipe whose answers are rewarded by steps, form and reward models: run whole, and refused where it cannot."""

import json

import pytest
from commands import TINY, call, done

pytest.importorskip("torch")

RECIPE = (
    TINY.replace("teacher: {kind: worked}", "teacher: {kind: worked, error_rate: 0.5, style: plain}")
    + """\
sets: {traces: {curate: {drop_wrong: false}}}
arms:
  start: {train: {}}
  rl:
    from: start
    train:
      method: grpo
      steps: 2
      batch: 8
      grpo:
        rollouts: 4
        max_tokens: 6
        updates: 2
        rewards:
          - {}
          - {by: steps, check: facts, weight: 0.5}
          - {by: scorer, scorer: prm, weight: 0.5}
          - {by: scorer, scorer: orm, weight: 0.1}
          - {by: format, weight: 0.1}
scorers:
  prm: {kind: process, from: start, steps: sentences, held_out: 0.4, labels: {by: facts, on: traces}}
  orm: {kind: outcome, from: start, held_out: 0.4, labels: {by: verdicts, on: traces}}
deliver: rl
"""
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rewards")
    (folder / "r.yaml").write_text(RECIPE)
    done("run", folder / "r.yaml", "--out", folder / "run")
    return folder


def test_each_reward_is_told_step_by_step(whole):
    logs = json.loads((whole / "run" / "train-rl" / "losses.json").read_bytes())
    assert len(logs) == 2
    assert {"reward_steps_facts", "reward_scorer_prm", "reward_scorer_orm", "reward_format"} <= set(logs[0])
    assert 0 < logs[0]["reward_scorer_orm"] < 1
    assert "clipped" in logs[1]


def test_another_scorer_is_another_training_and_the_student_before_is_not(whole):
    told = done("check", whole / "r.yaml").out
    assert "rewarded by verdict, steps facts, scorer prm, scorer orm, format" in told
    manifest = json.loads((whole / "run" / "train-rl" / "manifest.json").read_bytes())
    assert {"scorer prm", "scorer orm"} <= set(manifest["inputs"])
    line = call(
        "run", whole / "r.yaml", "--out", whole / "run", "--set", "scorers.orm.train={learning_rate: 0.002}"
    ).mistake()
    assert "train-start" not in line


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("arms.rl.train.grpo.rewards=[{by: scorer, scorer: prn}]", "there is no scorer 'prn', did you mean 'prm'?"),
        ("arms.rl.train.grpo.rewards=[{by: scorer, scorer: orm, form: min}]", "'orm' scores the whole answer"),
        ("scorers.prm.from=rl", "a circle"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_line(whole, setting, line):
    assert line in call("check", whole / "r.yaml", "--set", setting).mistake()


def test_rewards_by_facts_that_no_problem_has_are_refused(whole):
    told = call("check", whole / "r.yaml", "--set", "problems.sources.0.family=shop").mistake()
    assert "facts are those of the families chain and compare" in told
