"""Traces that quote a test question: planted ones are met, and traces on GSM8K's training side are not."""

import gzip
import json
import random
from pathlib import Path

import pytest
from problems.edited import KINDS as EDITS
from problems.edited import one_number_changed

from potstill.curate.quoting import QuoteIndex

DATA = Path(__file__).parents[3] / "shared" / "data"
TEST = (
    "A baker sells 14 loaves of rye bread in the morning and twice as many rolls in the afternoon, each roll for "
    "3 dollars. How many dollars do the rolls bring?"
)


def test_a_quoted_question_is_named_with_the_words_that_were_met():
    index = QuoteIndex(0.5, [("held-out p1 of s", TEST)])
    found = index.quoted(f"Let me recall a test question. {TEST.upper()} That is 84.", "What is 2 plus 2?")
    assert found.startswith("100% of held-out p1 of s: 'a baker sells 14 loaves of rye bread")
    assert index.quoted("A baker sells bread. 14 times 2 is 28 rolls, 28 times 3 is 84.", "What is 2 plus 2?") == ""


def test_what_the_trace_was_asked_itself_is_no_quote():
    index = QuoteIndex(0.5, [("p", TEST)])
    assert index.quoted(f"The question says: {TEST}", asked=f"{TEST} And the loaves?") == ""


def test_words_that_many_questions_share_are_their_form():
    form = "Complete the rest of the sequence, making sure that the parentheses are closed properly. Input: "
    index = QuoteIndex(0.5, [(str(n), f"{form} {n} {n + 1} {n + 2}") for n in range(5)])
    assert index.quoted(f"The task was: {form}", "") == ""


@pytest.mark.skipif(not DATA.exists(), reason="shared data is not beside the checkout")
def test_planted_quotes_are_met_and_real_traces_on_other_questions_are_not():
    test = [json.loads(line) for line in (DATA / "gsm8k_test_300.jsonl").read_text(encoding="utf-8").splitlines()]
    questions = {row["problem"] for row in test}
    index = QuoteIndex(0.5, [(str(n), row["problem"]) for n, row in enumerate(test)])
    lines = gzip.decompress((DATA / "traces_gsm8k_longcot_r1_qwq_s1.jsonl.gz").read_bytes()).decode().splitlines()
    others = [row for row in map(json.loads, lines) if row["problem"] not in questions]
    flagged = [row for row in others if index.quoted(row["response"], row["problem"])]
    assert len(others) > 400
    assert len(flagged) <= 0.002 * len(others)
    for kind, edit in {**EDITS, "one number changed": one_number_changed}.items():
        dice, met = random.Random(kind), 0
        for number, row in enumerate(test):
            text = f"{others[number % 400]['response']} {edit(dice, row['problem'])} So we begin."
            met += f"of {number}: " in index.quoted(text, "")
        assert met >= (1.0 if kind == "exact" else 0.99) * len(test), (kind, met)


def test_a_word_exchanged_costs_its_word_and_words_in_no_run_count_for_nothing():
    index = QuoteIndex(0.95, [("p", TEST)])
    assert index.quoted(TEST.replace("afternoon", "evening"), "").startswith("97% of p")
    assert index.quoted(TEST.replace("afternoon", "evening").replace("dollars", "euros"), "") == ""
    scattered = " so ".join(TEST.split())
    assert QuoteIndex(0.1, [("p", TEST)]).quoted(scattered, "") == ""


def test_the_longest_stretch_is_shown():
    found = QuoteIndex(0.5, [("p", TEST)]).quoted(f"How many dollars do the rolls cost? Now: {TEST}", "")
    assert found.startswith("100% of p: 'a baker sells 14 loaves of rye bread")


def test_few_words_that_stand_in_many_texts_are_no_quote():
    index = QuoteIndex(0.5, [("p", "What is the sum of these?")])
    assert index.quoted("What is the sum of these? It is 4.", "") == ""
