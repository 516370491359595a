"""Every public gold is its own answer, boxed and bare, and no other problem's."""

import gzip
import json
from pathlib import Path

import pytest

from potstill.problems.columns import GOLD_TYPES
from potstill.recipe import Policy
from potstill.verify.answers import judge_answer, judge_response

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
FILES = (
    "math500.jsonl", "math_train_1k.jsonl", "aime24.jsonl", "aime_1983_2023_sample.jsonl", "amc23.jsonl",
    "svamp.jsonl", "gsm8k_test_300.jsonl", "gsm8k_train_1k.jsonl.gz", "aqua_mcq.jsonl", "mmlu_mcq.jsonl",
    "bbh_27x20.jsonl", "strategyqa.jsonl",
)  # fmt: skip


def rows(name):
    if not (SHARED / name).exists():
        pytest.skip(f"no {name}")
    opened = gzip.open if name.endswith(".gz") else open
    with opened(SHARED / name, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.mark.parametrize("name", FILES)
def test_every_gold_in_a_box_is_its_own_gold(name):
    for row in rows(name):
        gold, choices = str(row["gold"]), tuple(row.get("choices") or ())
        for kind in {GOLD_TYPES.get(row["gold_type"], "text"), "auto"}:
            boxed = judge_response(f"So it is $\\boxed{{{gold}}}$.", gold, kind, choices, Policy(), seconds=5.0)
            assert (boxed.outcome, row["id"], kind) == ("right", row["id"], kind)
            bare = judge_answer(gold, gold, kind, choices, Policy(), seconds=5.0)
            assert (bare.outcome, row["id"], kind) == ("right", row["id"], kind)


def test_no_gold_is_another_problems_gold():
    golds = sorted({row["gold"] for row in rows("math500.jsonl")})
    policy = Policy(units="required")
    for at, gold in enumerate(golds):
        for other in golds[at + 1 :: 23]:
            assert judge_answer(other, gold, "auto", (), policy, seconds=5.0).outcome != "right", (gold, other)
