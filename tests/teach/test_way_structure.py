"""Ways read from the structure of responses: precision and recall on worked traces, and what each detector goes by."""

import itertools
import json
from collections import Counter

import pytest

from potstill.evaluate.word_guess import WordGuess
from potstill.problems.families import generate
from potstill.problems.families.store import KINDS
from potstill.teach.way_structure import DETECTORS, OTHER, way_of
from potstill.teach.worked import TEMPLATES, solve_by

WAYS = tuple(TEMPLATES["store"].ways)
SUITS = dict(zip(KINDS, ("direct", "extract_then_compute", "recall_then_generate", "elimination"), strict=True))
APPLES = "A crate holds 12 apples and a box holds 5 pears. Ann has 3 crates. How many apples has she: 15, 36, 40 or 60?"


def take(count, **settings):
    return list(itertools.islice(generate("store", 5, settings), count))


def kind(problem):
    return json.loads(problem.facts)["kind"]


@pytest.mark.parametrize("new", [0, 1])
def test_detectors_find_the_way_of_worked_traces_right_or_wrong_suited_or_not(new):
    read = Counter(
        (way, way_of(problem.statement, solve_by(problem, sample, 2, 0.2, way)[0]))
        for problem in take(400, new_wordings=new)
        for way in WAYS
        for sample in (0, 1)
    )
    for way in WAYS:
        recall = read[way, way] / sum(n for (asked, _), n in read.items() if asked == way)
        precision = read[way, way] / sum(n for (_, found), n in read.items() if found == way)
        assert recall >= 0.99, (way, read)
        assert precision >= 0.99, (way, read)


@pytest.mark.parametrize(
    ("way", "reasoning"),
    [
        ("direct", ""),
        ("direct", "Easy."),
        ("elimination", "15 is not a multiple of 12. 40 cannot be, as 12 does not divide it. 60 is out: 5 crates."),
        ("elimination", "Not 15: too small.\nNot 40: 3 * 12 and 4 more.\nSo it is 36."),
        ("elimination", "Not 15: too small.\nNot 44: 3 * 12 and 8 more.\nSo it is 36."),  # 44 is not there
        ("extract_then_compute", "A crate holds 12 apples.\nThere are 3 crates.\nThe answer is 3 * 12 = 36."),
        ("extract_then_compute", "12 apples in a crate, 3 crates. 3 x 12 = 36."),
        ("recall_then_generate", "An apple weighs 150 grams, as a rule. 3 * 150 = 450."),
        ("recall_then_generate", "A dozen is 12 things. 3 * 12 = 36."),
        ("step_by_step", "3 * 12 = 36. 36 - 0 = 36."),
        (OTHER, "Think of the apples in the crates, one crate after the other, and count them all together."),
    ],
)
def test_what_detectors_go_by(way, reasoning):
    assert way_of(APPLES, reasoning) == way


@pytest.mark.parametrize(
    ("name", "reasoning"),
    [
        ("direct", "3 * 12 = 36"),
        ("direct", "One has to think about this at some length."),
        ("elimination", "It is not 15. 3 * 12 = 36."),
        ("elimination", "Not 15. Not 40. Not 60."),
        ("elimination", "Not 7: too few. Not 8: too few."),
        ("extract_then_compute", "A crate holds 12 pears. 3 * 12 = 36."),
        ("extract_then_compute", "A crate holds 12 apples. It is done."),
        ("recall_then_generate", "A crate holds 12 apples. 3 * 12 = 36."),
        ("step_by_step", "A crate holds 12 apples. 3 * 12 = 36."),
    ],
)
def test_what_detectors_do_not_take_for_their_way(name, reasoning):
    assert not DETECTORS[name](APPLES, reasoning)


def test_what_a_response_calls_itself_changes_nothing():
    for problem, way in itertools.product(take(60), WAYS[:3]):
        reasoning = solve_by(problem, 0, 2, 0.0, way)[0]
        for label in ("I recall what I know and generate.", "By elimination.", "Directly:", "I extract, then compute."):
            assert way_of(problem.statement, f"{label} {reasoning}") == way


def test_hostile_text_takes_no_long_time():
    for text in (
        "1 " * 100_000,
        "not " * 100_000,
        "a" * 400_000,
        "9" * 400_000,
        ", and " * 80_000,
        "(A) is not so. " * 9_000,
    ):
        way_of(APPLES, text)
        way_of(text, "3 * 12 = 36")


def test_each_way_is_right_where_it_suits_and_seldom_elsewhere():
    right = Counter()
    problems = take(600)
    for problem, way in itertools.product(problems, WAYS):
        right[kind(problem), way] += solve_by(problem, 0, 3, 0.0, way)[1] == f"The answer is {problem.gold}."
    of_kind = Counter(kind(problem) for problem in problems)
    for name, way in itertools.product(KINDS, WAYS):
        share = right[name, way] / of_kind[name]
        if SUITS[name] == way or (name, way) == ("single", "extract_then_compute"):
            assert share == 1
        else:
            assert share < 0.45, (name, way)  # a guess among three bills
    assert min(of_kind.values()) > 0.8 * len(problems) / 4


def test_words_alone_say_little_of_the_kind():
    problems = take(3000)
    guess = WordGuess((problem.statement, kind(problem)) for problem in problems[:2400])
    hits = sum(guess.guess(problem.statement) == kind(problem) for problem in problems[2400:])
    assert hits / 600 < 0.5
    other = WordGuess((f"{kind(problem)} {problem.statement}", kind(problem)) for problem in problems[:400])
    assert all(other.guess(f"{kind(p)} {kind(p)} {kind(p)} {p.statement}") == kind(p) for p in problems[400:450])
