"""Edited copies of tests are found, other problems of a template are not, and the index is exact."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.errors import RecipeError
from potstill.problems import divide
from potstill.problems.near import NearIndex, numbers_of, runs_of, words_of
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
        return frozenset(runs_of(words)), numbers_of(words)

    runs, numbers = sides(text)
    least = threshold if numbers else max(threshold, 0.6)
    found = {}
    for name, one in enumerate(tests):
        its, its_numbers = sides(one)
        jaccard = len(runs & its) / len(runs | its) if runs | its else 0.0
        if jaccard and its_numbers == numbers and jaccard >= least:
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


def edited(draw, text, rate):
    """Return a text of which words without digits were dropped, added or replaced."""
    words = []
    for word in text.split():
        what = draw.random() / rate if rate and not any(map(str.isdigit, word)) else 1.0
        if what >= 1 / 3:
            words.append(draw.choice(["thing", "item", "person"]) if 2 / 3 <= what < 1 else word)
        if 1 / 3 <= what < 2 / 3:
            words.append(draw.choice(["really", "some", "now", "then"]))
    return " ".join(words)


@pytest.mark.skipif(not DATA.exists(), reason="needs the shared data")
def test_real_questions():
    def read(name):
        opened = __import__("gzip").open if name.endswith(".gz") else open
        with opened(DATA / name, "rt") as file:
            return [json.loads(line) for line in file]

    tests, train, draw = read("gsm8k_test_300.jsonl"), read("gsm8k_train_1k.jsonl.gz"), random.Random(1)
    index = NearIndex(0.25, [(row["id"], row["problem"], row["gold"]) for row in tests])
    assert not [row["id"] for row in train if index.near(row["problem"], row["gold"])]
    for rate, least in ((0.0, 1.0), (0.05, 0.99), (0.1, 0.98)):
        met = sum(index.near(edited(draw, row["problem"], rate), row["gold"]) is not None for row in tests)
        assert met >= least * len(tests), rate
