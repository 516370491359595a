"""The calculator against people: labelled arithmetic, human solutions, and solutions of models."""

import gzip
import json
from pathlib import Path

import pytest

from potstill.evaluate.process_bench import Located, process_bench
from potstill.verify.steps import check_steps

SHARED = Path(__file__).parents[3].parent / "shared" / "data"

ADJUDICATED = {"147": 4, "162": 1, "235": 1, "273": 1, "283": 5}
"""Rows whose label contradicts arithmetic -> the first step with a false equation (docs/reference/steps.md)."""
FALSE_GOLD = {"gsm8k-train-03334", "gsm8k-train-04691", "gsm8k-train-05781", "gsm8k-train-06157", "gsm8k-test-01024"}
"""Human solutions that state a false equation."""


def rows(name):
    if not (SHARED / name).exists():
        pytest.skip(f"no {name}")
    with (gzip.open if name.endswith(".gz") else open)(SHARED / name, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_first_wrong_steps_of_labelled_arithmetic():
    arithmetic = [
        row for row in rows("steps_bigbench_mistake_palm2.jsonl.gz") if row["task"] == "bbh_multistep_arithmetic"
    ]
    assert len(arithmetic) == 154
    found = {row["id"]: check_steps(row["steps"]).first_wrong_step for row in arithmetic}
    labels = {row["id"]: row["first_error_step"] for row in arithmetic}
    adjudicated = {name: ADJUDICATED.get(name.rpartition("-")[2], label) for name, label in labels.items()}
    as_labelled, corrected = (
        process_bench(Located("arithmetic", label[name], found[name]) for name in found).average_f1.value
        for label in (labels, adjudicated)
    )
    print(f"F1 {as_labelled:.4f} against the labels, {corrected:.4f} against the adjudicated ones")
    assert as_labelled >= 0.92
    assert corrected >= 0.99


def test_human_solutions_are_called_wrong_only_where_they_are():
    solutions = rows("gsm8k_train_1k.jsonl.gz") + rows("gsm8k_test_300.jsonl")
    flagged = {row["id"] for row in solutions if check_steps(row["solution"].split("\n")).first_wrong_step is not None}
    assert flagged == FALSE_GOLD
    assert len(flagged) / len(solutions) <= 0.005


def test_most_lines_of_human_solutions_are_read():
    solutions = rows("gsm8k_test_300.jsonl")
    steps = [step for row in solutions for step in check_steps(row["solution"].split("\n")).steps]
    assert sum(step.outcome == "right" for step in steps) / len(steps) > 0.9


def test_calculation_errors_in_solutions_of_a_model_are_found():
    exact, early = 0, 0
    for row in rows("steps_mr_gsm8k_human.jsonl"):
        label, found = row["first_error_step"], check_steps(row["steps"]).first_wrong_step
        exact += found is not None and found + 1 == label
        early += found is not None and label is not None and found + 1 < label
    assert exact >= 48  # most labelled mistakes are of understanding, not of arithmetic
    assert early <= 1


@pytest.mark.parametrize(
    ("name", "most"),
    [("traces_gsm8k_short_8models.jsonl.gz", 2), ("traces_gsm8k_zeroeval_json.jsonl.gz", 1)],
)
def test_right_answers_of_models_are_seldom_called_wrong(name, most):
    right = [row for row in rows(name) if row["correct"] is True][::2]
    flagged = [row["id"] for row in right if check_steps(row["response"].split("\n")).first_wrong_step is not None]
    assert len(right) > 1000
    assert len(flagged) <= most, flagged
