"""The calculator of steps at size: planted errors that it names, and right solutions in which it names one.

Prints its figures; docs/reference/steps.md has them. An alarm is false where every equation of the step that it names
is true; the alarms that are not are listed here with what the solution says.
"""

import gzip
import json
from pathlib import Path

import pytest
from verify.steps.planted import planted

from potstill.text import split_response
from potstill.verify.steps import check_steps, segment

SHARED = Path(__file__).parents[3] / "shared" / "data"
STATED = {
    "gsm8k-train-03334": "4200 + 3000 = 8600", "gsm8k-train-04691": "2 * 8 = 24",
    "gsm8k-train-05781": "7 + 9 + 1 + 2 = 19.50", "gsm8k-train-06157": "70 + 40 = 100",
    "gsm8k-test-01024": "32 - 20 = 300", "math500-test-algebra-351": "(-4)^2 + 4 * 1 * (-1) = 20",
    "mip-gsm8k-normal-DSQ-0288": "2/1.5 * 105 = 200/1.5", "mip-gsm8k-normal-QwQ-0579": "4 * 5 * 2 * 5 = 4 * 5",
}  # fmt: skip
"""Solutions that state a false equation -> the equation, read by eye."""

pytestmark = [pytest.mark.soak, pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not here")]


def rows(name):
    with (gzip.open if name.endswith(".gz") else open)(SHARED / name, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def cut(text):
    return [text[span.start : span.end] for span in segment(text)]


def human(*names):
    return [(row["id"], row["solution"].split("\n")) for name in names for row in rows(name) if row.get("solution")]


def models(name, lines):
    """Right responses, cut at their lines or as `potstill steps` cuts them."""
    right = [row for row in rows(name) if row["correct"] is True]
    return [(row["id"], row["response"].split("\n") if lines else cut(row["response"])) for row in right]


def alarms(solutions):
    """Return id -> the equation that is called false."""
    found = {}
    for name, steps in solutions:
        checked = check_steps(steps)
        if checked.first_wrong_step is not None:
            found[name] = checked.steps[checked.first_wrong_step].stated
    return found


CORPORA = {
    "long chains, paragraphs": (lambda: models("traces_gsm8k_longcot_r1_qwq_s1.jsonl.gz", lines=False), 0.002),
    "long chains, lines": (lambda: models("traces_gsm8k_longcot_r1_qwq_s1.jsonl.gz", lines=True), 0.002),
    "GSM8K golds": (lambda: human("gsm8k_train_1k.jsonl.gz", "gsm8k_test_300.jsonl"), 0.003),
    "MATH golds": (lambda: human("math500.jsonl"), 0.003),
}


@pytest.mark.parametrize("name", CORPORA)
def test_right_solutions_are_left_clean(name):
    make, most = CORPORA[name]
    solutions = make()
    found = alarms(solutions)
    false = {key: stated for key, stated in found.items() if key not in STATED}
    print(f"{name}: {len(found)} alarms in {len(solutions)}, {len(false)} false ({len(false) / len(solutions):.2%})")
    assert len(false) / len(solutions) <= most, false


def thoughts():
    right = [row for row in rows("traces_gsm8k_longcot_r1_qwq_s1.jsonl.gz") if row["correct"] is True]
    return [(row["id"], cut(split_response(row["response"]).reasoning)) for row in right]


PLANTED = {
    "GSM8K golds": (lambda: human("gsm8k_train_1k.jsonl.gz", "gsm8k_test_300.jsonl"), 0.97),
    "short solutions": (lambda: models("traces_gsm8k_short_8models.jsonl.gz", lines=True)[::2], 0.97),
    "thoughts of long chains": (thoughts, 0.95),
}
"""Solutions, and the least share of planted errors that is named: a thought supposes and doubts more than it states."""


@pytest.mark.parametrize("name", PLANTED)
def test_the_first_false_equation_is_named(name):
    (make, least), asked, missed = PLANTED[name], 0, []
    for key, steps in make():
        if key in STATED or (made := planted(key, steps)) is None:
            continue
        asked += 1
        lines, number = made
        if check_steps(lines).first_wrong_step != number:
            missed.append((key, lines[number].strip()))
    share = 1 - len(missed) / asked
    print(f"{name}: {asked - len(missed)} of {asked} planted errors named ({share:.1%})")
    print("\n".join(f"  {key}: {line[:200]}" for key, line in missed[:40]))
    assert asked > 500
    assert share >= least


def test_the_listed_faults_of_steps():
    listed = [row for row in rows("verifier_faults.jsonl") if "steps" in row and "want_first_wrong_step" in row]
    assert len(listed) == 13
    found = {row["id"]: check_steps(row["steps"]).first_wrong_step for row in listed}
    assert found == {row["id"]: row["want_first_wrong_step"] for row in listed}
