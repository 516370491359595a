"""The grid of kinds x closings, in English and in thirteen languages; the soak test judges all of it."""

from collections import Counter

import pytest
from verify import grid, languages, replies_abroad
from verify.manners import FIRST, NAMED, SECOND
from verify.replies import replies
from verify.styles import STYLES

from potstill.recipe import Checks
from potstill.records import Problem
from potstill.verify import judge


def agreement(cases):
    """Return the share of cases as wanted, and those that are accepted and must not be."""
    counts, accepted = Counter(), []
    for case in cases:
        item = case.item
        problem = Problem(
            id="grid", question=item.question, gold=item.gold, answer_kind=item.answer_kind, choices=item.choices
        )
        outcome = judge(problem, case.response, Checks()).outcome
        counts[outcome == case.want if case.want != "not right" else outcome != "right"] += 1
        if case.want != "right" and outcome == "right":
            accepted.append((item.gold, case.response[-100:]))
    return counts[True] / counts.total(), accepted


def test_english():
    share, accepted = agreement(list(grid.grid())[::5])
    assert accepted == []
    assert share >= 0.98


@pytest.mark.parametrize("name", languages.LANGUAGES)
def test_other_languages(name):
    share, accepted = agreement(list(languages.cases(name))[::7])
    assert accepted == []
    assert share >= 0.95


def test_replies():
    share, accepted = agreement(list(replies())[::5])
    assert accepted == []
    assert share >= 0.98


@pytest.mark.parametrize("name", replies_abroad.LANGUAGES)
def test_replies_in_other_languages(name):
    share, accepted = agreement(list(replies_abroad.replies_in(name))[::7])
    assert accepted == []
    assert share >= 0.95


@pytest.mark.parametrize("rows", [STYLES, FIRST, SECOND, NAMED], ids=["styles", "first", "second", "named"])
def test_whole_responses(rows):
    outcomes = [
        (outcome, want, response)
        for gold, kind, choices, response, want in rows
        for outcome in [
            judge(
                Problem(id="style", question="?", gold=gold, answer_kind=kind, choices=choices), response, Checks()
            ).outcome
        ]
    ]
    assert [row for row in outcomes if row[0] == "right" != row[1]] == []
    wanted = sum(outcome == want or (want == "notright" and outcome != "right") for outcome, want, _ in outcomes)
    assert wanted / len(outcomes) >= 0.95


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3))
def test_all_of_it(seed):
    share, accepted = agreement([*grid.grid(seed), *replies(seed)])
    assert (accepted, share >= 0.98) == ([], True)
    for name in languages.LANGUAGES:
        share, accepted = agreement([*languages.cases(name, seed), *replies_abroad.replies_in(name, seed)])
        assert (name, accepted, share >= 0.95) == (name, [], True)
