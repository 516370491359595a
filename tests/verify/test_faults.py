"""Inputs on which verdicts once failed, with the verdict that is wanted: `notright` takes anything but right."""

import json
from pathlib import Path

import pytest

from potstill.recipe import Checks
from potstill.records import Problem
from potstill.text import split_response
from potstill.verify import judge

FAULTS = Path(__file__).parents[2].parent / "shared" / "data" / "verifier_faults.jsonl"


def test_nearly_all_are_as_wanted_and_none_is_accepted():
    if not FAULTS.exists():
        pytest.skip("no list of faults")
    rows = [row for line in FAULTS.read_text(encoding="utf-8").splitlines() if "steps" not in (row := json.loads(line))]
    missed, accepted = [], []
    for row in rows:
        choices = tuple(row.get("choices") or ())
        kind = row.get("answer_kind", "choice" if choices else "auto")
        said = row.get("prediction") or split_response(row["response"]).answer
        outcome = judge(
            Problem(id="", question=row.get("problem", ""), gold=row["gold"], answer_kind=kind, choices=choices),
            said,
            Checks(),
        ).outcome
        if outcome == "right" != row["want"]:
            accepted.append(row["id"])
        if outcome != row["want"] and (row["want"] != "notright" or outcome == "right"):
            missed.append(row["id"])
    assert accepted == []
    assert len(missed) <= 0.05 * len(rows), missed
