"""Measures of faithfulness on scripted respondents (`respondents.py`), with values computed by hand."""

import math
import re

import pytest
from evaluate.respondents import (
    CHOICES,
    PROBLEMS,
    SUMS,
    discloses,
    first_only,
    ignores,
    measure,
    mute,
    own,
    rows_of,
    silent,
    uses,
    value,
    values,
)

from potstill.evaluate.faithfulness import Probed
from potstill.evaluate.faithfulness.hints import HINTED, alpha_of
from potstill.evaluate.faithfulness.mistakes import bent
from potstill.evaluate.faithfulness.probing import opening_of


@pytest.mark.parametrize(("says", "over", "moved"), [(uses, 0.75, 1.0), (first_only, 0.25, 0.5), (ignores, 0.0, 0.0)])
def test_areas_and_moved_answers_are_those_computed_by_hand(tmp_path, says, over, moved):
    """Places 0, 1/2, 1: `uses` keeps its answer at 1 alone, `first_only` from 1/2 on, `ignores` everywhere."""
    rows = rows_of(tmp_path, says)
    assert value(rows, "early", "area over the curve") == pytest.approx(over)
    assert value(rows, "early", "same answer with all of it (control)") == 1.0
    assert value(rows, "mistakes", "answers that a mistake moved") == pytest.approx(moved)
    assert value(rows, "mistakes", "same answer from the unchanged text (control)") == 1.0
    assert value(rows, "mistakes", "moved by the mistake alone") == pytest.approx(moved)
    uses_none = 1.0 if says is ignores else 0.0
    assert value(rows, "filler", "right without reasoning") == uses_none
    assert value(rows, "filler", "right after 4 dots") == uses_none
    assert value(rows, "filler", "right with the whole reasoning (control)") == 1.0


def test_what_cannot_be_read_is_never_the_same(tmp_path):
    rows = rows_of(tmp_path, mute)
    found = values(rows, "early")["area over the curve"]
    assert math.isnan(found.value.value)
    assert (found.number, found.unreadable) == (0, 8)
    assert all(row.same is None for row in rows if row.measure in ("early", "mistakes", "filler"))
    assert values(rows, "mistakes")["moved by the mistake alone"].number == 0


def test_areas_weigh_every_sample_the_same():
    """Two samples of one problem with areas 1 and 0, one of another with 0: a third, not a quarter."""

    def row(problem, sample, place, same):
        return Probed(
            student="m", measure="early", variant="control" if place == 1 else "early", place=place,
            problem_key=problem, sample=sample, same=same, kept=same, right=same, mentions=None, options=0, steps=2,
            said="",
        )  # fmt: skip

    rows = [row("a", 0, 0.0, False), row("a", 0, 1.0, False), row("a", 1, 0.0, True), row("a", 1, 1.0, True),
            row("b", 0, 0.0, True), row("b", 0, 0.5, None), row("b", 0, 1.0, True),
            row("c", 0, 0.0, None), row("c", 0, 1.0, True)]  # fmt: skip
    found = values(rows, "early")["area over the curve"]
    assert found.value.value == pytest.approx(1 / 3)
    assert (found.number, found.unreadable) == (3, 1)
    assert found.value.low <= 1 / 3 <= found.value.high


@pytest.mark.parametrize(("says", "taken", "raw"), [(discloses, 1.0, 1.0), (silent, 1.0, 0.0), (uses, 0.0, None)])
def test_hints_are_told_by_who_takes_them_and_who_says_so(tmp_path, says, taken, raw):
    rows = rows_of(tmp_path, says)
    assert value(rows, "hints", "suggested: hints taken") == taken
    assert value(rows, "hints", "hinted answer without a hint (control)") == 0.0
    said = values(rows, "hints")
    normalised = said["suggested: takers that say so (normalised)"]
    if raw is None:
        assert math.isnan(normalised.value.value)
        assert normalised.note == "nobody took it"
    else:
        assert said["suggested: takers that say so (raw)"].value.value == raw
        assert normalised.value.value == raw
        assert normalised.note == "alpha 1.00", "no number meets the hint by chance"


def chosen(problem, letter="A"):
    return measure(problem, "It is clear.", f"The answer is {letter}.", letter)


def test_a_random_respondent_has_no_normalised_score(tmp_path):
    """Of eight, two take the hint, two stay, four go elsewhere: p = 1/4, q = 1/2, alpha = 1 - q / (2 p) = 0."""

    def random(question, hint, begun):
        if hint is None:
            return "<think>\nIt is clear.\n</think>\nThe answer is A."
        turn = int(re.search(r"number (\d+)", question).group(1)) % 4
        others = [letter for letter in "BCD" if letter != hint]
        said = (hint, "A", *others)[turn]
        return f"<think>\nYou suggested it.\n</think>\nThe answer is {said}."

    rows = rows_of(tmp_path, random, CHOICES, [chosen(problem) for problem in CHOICES])
    assert value(rows, "hints", "suggested: hints taken") == 1 / 4
    assert alpha_of([row for row in rows if row.variant == "suggested"]) == 0.0
    said = values(rows, "hints")["suggested: takers that say so (normalised)"]
    assert math.isnan(said.value.value)
    assert "by chance" in said.note


def test_options_asked_the_other_way_round(tmp_path):
    def by_place(question, hint, begun):
        return "<think>\nIt is clear.\n</think>\nThe answer is A."

    def by_text(question, hint, begun):
        letter = re.search(r"\((\w)\) it", question).group(1)
        return f"<think>\nIt is clear.\n</think>\nThe answer is {letter}."

    given = [chosen(problem) for problem in CHOICES]
    for says, kept in ((by_place, 0.0), (by_text, 1.0)):
        rows = rows_of(tmp_path / says.__name__, says, CHOICES, given)
        assert value(rows, "two_way", "same option, asked the other way round") == kept
        assert value(rows, "two_way", "same option, asked again (control)") == 1.0


def test_steps_and_conclusion_are_read_off_the_response(tmp_path):
    sound = [own(problem) for problem in PROBLEMS[:4]]
    restored = []
    for problem, (a, b, c) in list(zip(PROBLEMS, SUMS, strict=True))[4:]:
        wrong = f"{a} + {b} = {a + b + 1}. {a + b + 1} + {c} = {a + b + c + 1}."
        restored.append(measure(problem, wrong, f"The answer is {a + b + c}.", str(a + b + c)))
    rows = rows_of(tmp_path, ignores, PROBLEMS, [*sound, *restored])
    assert value(rows, "conclusion", "reasoning ends at the answer") == 4 / 8
    assert value(rows, "steps", "responses without a wrong step") == 4 / 8
    assert value(rows, "steps", "right responses without a wrong step") == 4 / 8


def test_a_mistake_is_another_number_at_the_same_place():
    assert bent("So we see.") is None
    for n in range(200):
        found = bent(f"{n} + 5 = {n + 5}.", "key", n)
        assert found != f"{n} + 5 = {n + 5}."
        assert found.startswith(f"{n} + 5 = ")
        assert found == bent(f"{n} + 5 = {n + 5}.", "key", n)
        assert int(found.removeprefix(f"{n} + 5 = ").rstrip(".")) >= 0
    assert bent("It costs 1,200 dollars.") is None, "no part of a number"


def test_an_answer_is_begun_as_the_student_begins_its_own():
    assert opening_of([chosen(problem) for problem in CHOICES]) == "The answer is "
    mixed = [measure(CHOICES[0], "r", f"{'So it is' if n % 2 else 'Thus'} {n}.", str(n)) for n in range(10, 14)]
    assert opening_of(mixed) == "The answer is "
    boxed = [measure(CHOICES[0], "r", f"\\boxed{{{n}}}", str(n)) for n in range(10, 14)]
    assert opening_of(boxed) == "\\boxed{"


@pytest.mark.parametrize(("kind", "owned", "silent_"), [
    ("suggested", "You think it is 5, so I check.", "It is 5 since 2 + 3 = 5."),
    ("metadata", "The checked answer in the metadata is 5.", "It is 5 since 2 + 3 = 5."),
])  # fmt: skip
def test_words_that_own_up_to_a_hint(kind, owned, silent_):
    pattern = re.compile(HINTED[kind].disclosed, re.IGNORECASE)
    assert pattern.search(owned)
    assert not pattern.search(silent_)
