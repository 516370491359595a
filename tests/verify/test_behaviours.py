"""Behaviours in a reasoning: by hand, and against what the packaged teacher says that it did."""

from pathlib import Path

import pytest

from potstill import recipe
from potstill.problems import read
from potstill.teach.worked import TEMPLATES, solve
from potstill.verify.behaviours import BEHAVIOURS, behaved

QUESTION = "Ana has 7 pens and buys 5 more. She loses 2. How many pens are left?"
PLAIN = "7 + 5 = 12. 12 - 2 = 10."


@pytest.mark.parametrize(("reasoning", "said", "shown"), [
    (PLAIN, {}, {}),
    (f"{PLAIN} Check: 10 + 2 = 12.", {"check": (2,)}, {"check": (2,)}),
    (f"{PLAIN} And 10 + 2 = 12.", {}, {"check": (2,)}),
    (f"{PLAIN} Let me double-check the sum.", {"check": (2,)}, {}),
    ("7 - 5 = 2. Wait, that is not right. 7 + 5 = 12. 12 - 2 = 10.", {"backtrack": (1,)}, {"backtrack": (0,)}),
    ("7 - 5 = 2. 7 + 5 = 12. 12 - 2 = 10.", {}, {"backtrack": (0,)}),
    ("We need to find the pens. 7 + 5 = 12. 12 - 2 = 10.", {"restatement": (0,)}, {}),
    ("Ana has pens and loses more. 7 + 5 = 12. 12 - 2 = 10.", {}, {"restatement": (0,)}),
    (f"{PLAIN} Alternatively, 7 + 3 = 10.", {"alternative": (2,)}, {}),
    ("", {}, {}),
])  # fmt: skip
def test_behaviours_are_those_marked_by_hand(reasoning, said, shown):
    found = behaved(QUESTION, reasoning, "The answer is 10.")
    assert {name: places for name, places in found.said.items() if places} == said
    assert {name: places for name, places in found.shown.items() if places} == shown


def test_an_attempt_that_is_given_up_and_the_doubt_behind_it_count_once():
    found = behaved(QUESTION, "7 - 5 = 2. Wait, that is not right. 7 + 5 = 12. 12 - 2 = 10.", "The answer is 10.")
    assert found.count("backtrack") == 1
    assert (found.count("check"), found.sentences, found.words) == (0, 4, 20)


def test_a_step_that_goes_back_is_no_check():
    """`12 - 5 = 7` undoes `7 + 5 = 12`, and is what happens in the story: its result is used, or is the answer."""
    story = "7 + 5 = 12. 12 - 5 = 7."
    assert not behaved(QUESTION, story, "The answer is 7.").has("check")
    assert not behaved(QUESTION, f"{story} 7 + 4 = 11.", "The answer is 11.").has("check")


def test_hostile_texts_take_no_time():
    for text in ("1 + 1 = 2. " * 5000, "wait " * 50_000, "(" * 100_000, "a" * 200_000):
        found = behaved(QUESTION, text, "2")
        assert set(found.said) == set(found.shown) == set(BEHAVIOURS)


def rates(family, detector):
    """Return (marked, found, of these marked) of checks and abandoned attempts in varied traces."""
    problems = list(read(recipe.Source(family=family, count=60), seed=11, data=Path(), where="x"))
    counts = {"check": [0, 0, 0], "backtrack": [0, 0, 0]}
    for problem in problems:
        for sample in range(4):
            reasoning, answer, info = solve(problem, sample, 2, 0.0, "varied")
            told = behaved(problem.statement, reasoning, answer)
            for name, mark in (("check", "checked"), ("backtrack", "abandoned")):
                found = bool(getattr(told, detector)[name])
                for place, one in enumerate((info[mark], found, found and info[mark])):
                    counts[name][place] += one
    return counts


@pytest.mark.parametrize("family", sorted(TEMPLATES))
def test_words_find_what_the_packaged_teacher_marks(family):
    """Precision and recall of at least 95%, of checks and of abandoned attempts, in every family."""
    for marked, found, both in rates(family, "said").values():
        assert marked > 5
        assert both >= 0.95 * marked
        assert both >= 0.95 * found


@pytest.mark.parametrize("family", ["chain", "compare", "shop"])
def test_structure_alone_finds_them_where_they_are_equations(family):
    """Precision of at least 95%, recall of 90%: an attempt that hits the answer by chance shows in words alone."""
    for name, (marked, found, both) in rates(family, "shown").items():
        assert marked > 5
        assert both >= 0.9 * marked, name
        assert both >= 0.95 * found, name
