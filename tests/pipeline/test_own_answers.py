"""A recipe with an arm that learns from its own answers: run whole, its accounts, what is asked of it and what not."""

import json

import pytest
from commands import TINY, call, done

pytest.importorskip("torch")

RECIPE = (
    TINY
    + """\
arms:
  start: {train: {}}
  rl: {from: start, train: {method: grpo, steps: 2, batch: 8, grpo: {rollouts: 4, max_tokens: 6}}}
  more: {from: start, train: {match: {flops: rl}}}
  taught:
    from: start
    train:
      {method: on_policy, steps: 2, batch: 8, on_policy: {max_tokens: 6, ended: 0.0},
       loss: {kl: {arm: more, direction: reverse, top_k: null, precision: fp32}}}
deliver: rl
"""
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rl")
    (folder / "r.yaml").write_text(RECIPE)
    done("run", folder / "r.yaml", "--out", folder / "run")
    return folder


def counts(folder, stage):
    return json.loads((folder / "run" / stage / "manifest.json").read_bytes())["counts"]


def test_it_is_measured_accounted_for_and_delivered_like_any_arm(whole):
    out = whole / "run"
    assert not (out / "rows-rl").exists(), "it has no rows: its problems are those of the set's examples"
    rl, more, start = (counts(whole, f"train-{arm}") for arm in ("rl", "more", "start"))
    assert rl["examples"] == json.loads((out / "examples" / "manifest.json").read_bytes())["counts"]["kept"]
    assert rl["flops"] > 0
    assert more["flops"] >= rl["flops"] + start["flops"], "what matches an arm matches all that made it"
    assert not list(out.rglob("rollouts")), "drawn answers stay no longer than they are needed"
    report = json.loads((out / "report.json").read_text())
    assert [row["student"] for row in report["measures"]] == ["start", "rl", "more", "taught"]
    assert counts(whole, "train-taught")["flops"] > 0
    text = (out / "report.json").read_text()
    assert "Share of its own answers that were right" in text
    assert "advantage mean, denominator tokens" in (out / "export" / "model" / "README.md").read_text()
    assert (out / "train-rl" / "audit.txt").read_text().startswith("before the first step, 16 problems, 8 answers each")


def test_no_held_out_problem_is_ever_drawn(whole, monkeypatch):
    from potstill.train.methods import grpo

    asked = []
    known = grpo.Prompts

    def asking(problems, *rest, **more):
        asked.extend(problems)
        return known(problems, *rest, **more)

    monkeypatch.setattr(grpo, "Prompts", asking)
    done("run", whole / "r.yaml", "--out", whole / "run", "--set", "arms.rl.train.learning_rate=0.002", "--redo")
    from potstill.records import Problem
    from potstill.store import Run

    held_out = {p.key for p in Run(whole / "run").committed("problems").rows("evaluation", Problem)}
    assert asked
    assert not held_out & {problem.key for problem in asked}


def test_settings_of_a_method_are_those_of_no_other(whole):
    """What `grpo` says changes nothing of an arm that is fine-tuned."""
    told = call("run", whole / "r.yaml", "--out", whole / "run", "--set", "arms.rl.train.grpo.max_tokens=7").mistake()
    assert "train.grpo.max_tokens" in told
    assert "train-start" not in told


def test_rows_of_own_answers_cannot_be_shown(whole):
    told = call("show-rows", whole / "run", "--arm", "rl").mistake()
    assert "learns from its own answers (grpo), so it has no rows" in told
