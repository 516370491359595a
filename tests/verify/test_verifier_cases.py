"""Agreement with labelled pairs of gold and prediction; every disagreement is named in docs/reference/verdicts.md."""

import json
from collections import Counter
from pathlib import Path

import pytest

from potstill.recipe import Policy
from potstill.verify.answers import judge_answer, judge_response

ROOT = Path(__file__).parents[2]
CASES = ROOT.parent / "shared" / "data" / "verifier_cases_dev.jsonl"
PAGE = ROOT / "docs" / "reference" / "verdicts.md"
REFUSED = {"resource_bomb", "adversarial_code_payload"}
"""Categories of which no verdict is as good as wrong."""
LABELS = {True: "right", False: "wrong"}


@pytest.fixture(scope="module")
def judged():
    if not CASES.exists():
        pytest.skip("no labelled pairs")
    rows = [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]
    verdicts = []
    for row in rows:
        if row["expected"] is not None:
            judge = judge_answer if row["kind"] == "answer" else judge_response
            verdicts.append((row, judge(row["prediction"], row["gold"], "auto", (), Policy(), seconds=5.0).outcome))
    return verdicts


def agrees(row, outcome):
    return outcome == LABELS[row["expected"]] or (row["category"] in REFUSED and outcome == "unknown")


def test_agreement_where_no_convention_decides(judged):
    plain = [(row, outcome) for row, outcome in judged if row["policy"] is None]
    agreeing = sum(agrees(row, outcome) for row, outcome in plain)
    accepted = sum(outcome == "right" and not row["expected"] for row, outcome in plain)
    assert len(plain) > 900
    assert agreeing / len(plain) >= 0.99
    assert accepted / len(plain) <= 0.003


def test_no_disagreement_is_unnamed(judged):
    named = PAGE.read_text(encoding="utf-8")
    unnamed = [
        (row["id"], row["gold"], row["prediction"][-80:], outcome)
        for row, outcome in judged
        if row["policy"] is None and not agrees(row, outcome) and row["id"] not in named
    ]
    assert unnamed == []


def test_what_a_convention_decides_is_reported_apart(judged):
    counts = Counter((row["policy"], agrees(row, outcome)) for row, outcome in judged if row["policy"] is not None)
    assert counts["base_subscript", True] >= 5
    assert counts["units", False] == 0
    assert counts["unsimplified", True] >= 12


def test_a_declared_convention_decides_its_pairs(judged):
    rows = {row["id"]: row for row, _ in judged}
    for policy, categories in (
        (Policy(percent="strict"), {"percent"}),
        (Policy(order="strict"), {"hendrycks_is_equiv"}),
    ):
        name = "percent" if policy.percent == "strict" else "order"
        for row in rows.values():
            if row["policy"] == name and row["category"] in categories:
                outcome = judge_answer(row["prediction"], row["gold"], "auto", (), policy, seconds=5.0).outcome
                assert outcome == LABELS[row["expected"]], row["id"]
