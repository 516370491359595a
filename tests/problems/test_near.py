"""Edited copies of tests are found, other problems of a template are not, and the index is exact."""

import gzip
import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from problems.edited import KINDS as EDITS
from problems.edited import one_number_changed

from potstill.errors import RecipeError
from potstill.problems import divide
from potstill.problems.near import NearIndex, in_digits, numbers_of, runs_of, words_of
from potstill.recipe import Problems, Source
from potstill.records import Drop, Reason

DATA = Path(__file__).parents[3] / "shared" / "data"
TESTS = [
    ("a", "Anna has 12 apples and gives 5 of them to her brother Tom. How many apples does Anna have left?", "7"),
    ("b", "A train leaves at 9:15 and arrives at 11:45 after 3 stops. How many minutes was it on the way?", "150"),
    ("c", "What is the capital of France?", "Paris"),
    ("d", "Which of these is a noble gas? (A) oxygen (B) neon (C) iron", "B"),
]
COPIES = [
    "anna has 12 apples, and gives 5 of them to her little brother Tom. How many apples has Anna left?",
    "Anna has 12 pears and gives 5 of them to her brother Tom. How many pears does Anna have left",
    "A train leaves at 9:15 and arrives at 11:45 after 3 stops.  How many minutes was it travelling?",
]
OTHERS = [
    ("Anna has 14 apples and gives 5 of them to her brother Tom. How many apples does Anna have left?", "9"),
    ("Anna has 12 apples and gives 5 of them to her brother Tom. How many apples does Tom have more now?", "5"),
    ("What is the capital of Spain?", "Madrid"),
    ("How many minutes are 2 hours?", "120"),
]


def test_copies_are_met_and_others_are_not():
    index = NearIndex(0.25, TESTS)
    golds = ["7", "7", None]
    for text, gold in zip(COPIES, golds, strict=True):
        met = index.near(text, gold)
        assert met is not None, text
        assert met.shared in " ".join(words_of(text))
    assert [index.near(*other) for other in OTHERS] == [None] * len(OTHERS)
    assert str(index.near(TESTS[0][1])) == (
        "100% of the words of a, such as 'anna has 12 apples and gives 5 of them to her brother'"
    )


def test_what_many_tests_share_counts_for_nothing():
    form = "Complete the rest of the sequence, making sure that it makes sense. Input:"
    index = NearIndex(0.25, [(str(n), f"{form} {word}", None) for n, word in enumerate(["red", "blue", "green"])])
    assert index.near(f"{form} yellow") is None
    twice = NearIndex(0.25, [(str(n), TESTS[0][1], "7") for n in range(5)])
    assert twice.near(COPIES[0], "7") is not None, "a test that is there five times is one test"


def test_what_is_written_in_signs_or_in_few_words_is_told_apart():
    form = "Close what is open in this row, each by its own sign. Row:"
    index = NearIndex(0.25, [(row, f"{form} {row}", None) for row in ("< ( [ < >", "{ ( ) < <", "[ < < > ( {", "( <")])
    assert index.near(f"{form} ( < > [ <") is None
    assert index.near(f"{form} < ( [ <") is None
    switches = ["on or off is", "not on or off is", "off and on or off is", "off or off or off is"]
    index = NearIndex(0.25, [(one, one, None) for one in switches])
    assert index.near("on or off or off is") is None
    assert words_of("f(x) = (a + b) [m] < {c}") == ["f", "x", "=", "a", "+", "b", "m", "<", "c"]


WORDS = st.lists(st.sampled_from(["one", "two", "red", "blue", "12", "7", "is", "of"]), max_size=12).map(" ".join)


@given(st.lists(WORDS, min_size=1, max_size=2), WORDS, st.sampled_from([0.1, 0.3, 0.5, 1.0]))
def test_the_index_is_the_plain_definition(tests, text, threshold):
    def sides(one):
        words = words_of(one)
        return frozenset(runs_of(in_digits(words))), numbers_of(words), numbers_of(in_digits(words))

    runs, *numbers = sides(text)
    found = {}
    for name, one in enumerate(tests):
        its, *its_numbers = sides(one)
        jaccard = len(runs & its) / len(runs | its) if runs | its else 0.0
        same = [ours == theirs for ours, theirs in zip(numbers, its_numbers, strict=True)]
        counted = numbers[0] or (same[1] and numbers[1])
        if jaccard and any(same) and jaccard >= (threshold if counted else max(threshold, 0.6)):
            found[str(name)] = jaccard
    met = NearIndex(threshold, [(str(n), one, None) for n, one in enumerate(tests)]).near(text)
    assert (met is None) == (not found)
    assert met is None or met.jaccard == max(found.values())


def rows(path, questions):
    path.write_text("".join(json.dumps({"question": q, "answer": a}) + "\n" for q, a in questions))


def test_copies_are_dropped_before_anybody_is_asked(tmp_path):
    rows(tmp_path / "test.jsonl", [(q, a) for _, q, a in TESTS[:2]])
    rows(tmp_path / "bench.jsonl", [("Bo buys 3 pens for 2 euros each and 4 pads for 5 euros. What is paid?", "26")])
    edited = ("Bo buys 3 pens for 2 euros each, and 4 pads for 5 euros. What was paid?", "26")
    rows(tmp_path / "train.jsonl", [(COPIES[0], "7"), edited, *OTHERS])
    sources = (Source(file="test.jsonl", use="evaluate"), Source(file="train.jsonl", use="train"))
    made = Problems(sources=sources, against=("bench.jsonl",))
    found = list(divide(made, seed=1, data=tmp_path).rows())
    dropped = [row for row in found if isinstance(row, Drop)]
    assert [row.reason for row in dropped] == [Reason.NEAR, Reason.NEAR]
    assert "held-out test-1" in dropped[0].detail
    assert "such as 'anna has 12 apples" in dropped[0].detail
    assert "bench-1" in dropped[1].detail
    assert sum(not isinstance(row, Drop) and row[1] == "train" for row in found) == len(OTHERS)
    assert divide(Problems(sources=sources, near=None), seed=1, data=tmp_path).counts[Reason.NEAR] == 0
    rows(tmp_path / "train.jsonl", [(COPIES[0], "7")])
    with pytest.raises(RecipeError, match="edited copy of a test"):
        divide(made, seed=1, data=tmp_path)


def read(name):
    opened = gzip.open if name.endswith(".gz") else open
    with opened(DATA / name, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.mark.skipif(not DATA.exists(), reason="needs the shared data")
def test_of_each_kind_of_edit_nearly_all_copies_of_real_tests_are_met_and_no_other_question_is():
    tests, train = read("gsm8k_test_300.jsonl"), read("gsm8k_train_1k.jsonl.gz")
    index = NearIndex(0.25, [(row["id"], row["problem"], row["gold"]) for row in tests])
    false = [row["id"] for row in train if index.near(row["problem"], row["gold"])]
    assert len(false) <= 0.002 * len(train), false
    for kind, edit in EDITS.items():
        dice = random.Random(kind)
        found = [index.near(edit(dice, row["problem"]), row["gold"]) for row in tests]
        met = sum(near is not None and near.name == row["id"] for near, row in zip(found, tests, strict=True))
        assert met >= (1.0 if kind == "exact" else 0.99) * len(tests), (kind, met)
    dice = random.Random(2)
    renumbered = [(one_number_changed(dice, row["problem"]), row["problem"]) for row in tests]
    assert not [new for new, old in renumbered if new != old and index.near(new)], "other numbers are another problem"


@pytest.mark.parametrize(
    "copy",
    [
        "Twenty-five pupils share two hundred pens and 3 dollars. How many pens does each get?",
        r"**25 pupils** share \textbf{200} pens and $3.00$ dollars. How many pens does \textit{each} get?",
        "<p>25 pupils share <b>two hundred</b> pens and three dollars.</p> HOW MANY PENS DOES EACH GET",
    ],
)
def test_numbers_in_words_and_how_a_text_is_set_make_no_other_question(copy):
    index = NearIndex(0.6, [("a", "25 pupils share 200 pens and 3 dollars. How many pens does each get?", "8")])
    assert index.near(copy, "8") is not None
    assert index.near(copy.replace("25", "26").replace("-five", "-six"), "8") is None
    found = in_digits(words_of("one of the two hundred and twenty-one, 5.50 thousand, 7 - six"))
    assert " ".join(found) == "one of the 200 and 21 5.5 thousand 7 - 6"
    assert in_digits(["9" * 5_000, "hundred"])[1] == "hundred"


def test_questions_whose_numbers_are_words_are_compared_as_those_with_digits():
    told = "Ann packs ten boxes of pens. Six of the boxes hold eight pens each. How many pens are in those?"
    edited = "Ann packs ten boxes of blue pens. Six of the boxes carry eight pens each. How many are in those now?"
    assert NearIndex(0.25, [("a", told, "48")]).near(edited, "48") is not None
    assert NearIndex(0.25, [("a", told, "48")]).near(edited.replace("eight", "nine"), None) is None
