"""Agreement with the labels of real traces; every disagreement is named, here and in docs/reference/agreement.md."""

import gzip
import json
from functools import cache
from pathlib import Path

import pytest

from potstill.problems.columns import GOLD_TYPES
from potstill.recipe import Policy
from potstill.text import split_response
from potstill.verify.answers import judge_response
from potstill.verify.extract import extract
from potstill.verify.normalise import spelling

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "agreement.md"
LABELS = {True: "right", False: "wrong"}
FILES = {
    "traces_bbh_code_davinci_002.jsonl.gz": 2108,
    "traces_cruxeval_zeroeval_json.jsonl.gz": 473,
    "traces_farel_qwq_o1preview.jsonl.gz": 373,
    "traces_gsm8k_longcot_r1_qwq_s1.jsonl.gz": 1136,
    "traces_gsm8k_openai2021.jsonl.gz": 2000,
    "traces_gsm8k_short_8models.jsonl.gz": 2039,
    "traces_gsm8k_tora_program.jsonl.gz": 500,
    "traces_gsm8k_zeroeval_json.jsonl.gz": 3550,
    "traces_math_best_of_8_qwen_rm.jsonl.gz": 368,
    "traces_math_level5_zeroeval_json.jsonl.gz": 1824,
    "traces_math_nemo_3samples.jsonl": 75,
    "traces_mmlu_pro_3models.jsonl.gz": 877,
    "traces_palm540b_cqa_svamp_runon.jsonl.gz": 878,
    "traces_theoremqa_2models.jsonl.gz": 178,
}
"""File -> its rows with a label that rests on no model judge."""


@cache
def named(heading):
    """Return the row ids in the first column of the page's table under `heading`."""
    section = PAGE.read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    return {line.split("`")[1] for line in section.splitlines() if line.startswith("| `")}


def rows(name):
    if not (SHARED / name).exists():
        pytest.skip(f"no {name}")
    opened = gzip.open if name.endswith(".gz") else open
    with opened(SHARED / name, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def judged(row):
    answer, choices = split_response(row["response"]).answer, tuple(row.get("choices") or ())
    return judge_response(answer, row["gold"], GOLD_TYPES.get(row["gold_type"], "text"), choices, Policy(), seconds=5.0)


@pytest.mark.parametrize("name", FILES)
def test_every_disagreement_is_named(name):
    labelled = [row for row in rows(name) if row["correct"] is not None]
    assert len(labelled) == FILES[name]
    verdicts = {row["id"]: (LABELS[row["correct"]], judged(row).outcome) for row in labelled}
    disagreeing = {name for name, (label, outcome) in verdicts.items() if label != outcome}
    false_labels = named("Labels that are false") & verdicts.keys()
    assert disagreeing == false_labels | (named("Rows that stay undecided") & verdicts.keys())
    accepted = {name for name, verdict in verdicts.items() if verdict == ("wrong", "right")}
    refused = {name for name, verdict in verdicts.items() if verdict == ("right", "wrong")}
    assert accepted | refused <= false_labels
    assert len(disagreeing - false_labels) <= 0.015 * (len(verdicts) - len(false_labels))


def test_the_page_names_no_row_twice():
    assert not named("Labels that are false") & named("Rows that stay undecided")


def test_extraction_cases():
    choice = {"get_multiple_choice_answer", "choice_answer_clean", "choice_in_text"}
    for row in rows("extraction_cases_dev.jsonl"):
        kind = "choice" if row["task"] in choice else "number"
        found = extract(row["input"], kind).value or ""
        if row["input"] == "3.14\\text{ inches}":  # the unit is kept here and dropped in the comparison
            assert judge_response(found, row["expected"], kind, (), Policy(), seconds=5.0).outcome == "right"
        else:
            assert spelling(found) == spelling(row["expected"]), row["id"]
