"""The shipped study of rewards in a tiny form: every arm is trained, and wrong steps of right answers are counted."""

import json
from importlib import resources

import pytest
import yaml
from commands import done

from potstill.pipeline.steps_right import step_facts
from potstill.recipe_file import Loader
from potstill.records import Measure, Problem

pytest.importorskip("torch")

STUDY = resources.files("potstill") / "studies" / "rewards.yaml"
TINY = {
    "student.scratch": {"hidden": 16, "layers": 1, "heads": 2, "intermediate": 32, "vocabulary": 300, "context": 256},
    "train": {"steps": 2, "batch": 8, "micro_batch": 8, "learning_rate": 1e-3},
}


def tiny(study):
    """Return the study with few problems, a small student and steps of a few answers."""
    study["seeds"], study["held_out"] = [1], 6
    given = study["set"]
    given["problems.sources"][0]["count"] = 30
    given["student.scratch"] = TINY["student.scratch"]
    given["train"] = TINY["train"]
    given["evaluate"]["max_tokens"] = 8
    given["sets"]["answers"]["teacher"] = {"kind": "worked", "error_rate": 0.5, "style": "plain"}
    for name, arm in given["arms"].items():
        if name != "start":
            arm["train"] |= {"steps": 1, "batch": 8, "micro_batch": 8}
            arm["train"]["grpo"] = arm["train"]["grpo"] | {"max_tokens": 6, "rollouts": 4}
    scorer = given["scorers"]["prm"]
    scorer["labels"] = {"by": "facts", "on": "answers"}
    scorer["test"] = {"by": "facts", "on": "answers"}
    scorer["train"] = {"steps": 2, "batch": 4, "micro_batch": 4}
    return study


def test_the_shipped_study_runs_whole_on_a_tiny_student(tmp_path):
    study = tiny(yaml.load(STUDY.read_text(), Loader))
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
    done("study", tmp_path / "s.yaml", "--out", tmp_path / "out")
    found = json.loads((tmp_path / "out" / "study.json").read_text())
    assert [line["line"] for line in found["lines"]] == ["start", "outcome", "steps", "prm", "prm-sum"]
    assert "Right answers that a wrong step led to" in (tmp_path / "out" / "study.txt").read_text()
    logs = {
        arm: json.loads((tmp_path / "out" / "runs" / "seed1" / f"train-{arm}" / "losses.json").read_text())
        for arm in ("outcome", "steps", "prm", "prm-sum")
    }
    assert "reward_steps_facts" in logs["steps"][0]
    assert "reward_scorer_prm" in logs["prm"][0]
    assert "reward_scorer_prm" in logs["prm-sum"][0]
    assert not any(key.startswith("reward") for key in logs["outcome"][0])


def test_right_answers_with_a_wrong_step_are_counted_by_hand():
    facts = json.dumps({"start": 4, "steps": [["+", 3], ["*", 2]]})
    chain = Problem(id="1", question="?", gold="14", source="family:chain", facts=facts)
    other = Problem(id="2", question="What?", gold="14")

    def measure(problem, reasoning, outcome="right"):
        return Measure(
            student="s", prompt="p", problem_key=problem.key, sample=0, reasoning=reasoning, answer="14", finish="stop",
            prompt_tokens=1, completion_tokens=10, looped=False, outcome=outcome, cause="", extracted="14",
        )  # fmt: skip

    rows = [
        measure(chain, "Start with 4. 4 + 3 = 7. 7 * 2 = 14."),
        measure(chain, "Start with 4. 4 + 10 = 14."),
        measure(other, "4 + 10 = 15. So it is 14."),
        measure(other, "4 + 10 = 15.", "wrong"),
    ]
    found = step_facts(rows, {problem.key: problem for problem in (chain, other)})
    assert (found.right, found.wrong_steps, found.tokens) == (3, 2, 30)
