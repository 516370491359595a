"""One answer written in many ways: what is the same, what is not, and what has to be left open."""

import pytest
from verify.forms import FORMS, RESPONSES

from potstill.recipe import Policy
from potstill.verify.answers import judge_answer, judge_response


@pytest.mark.parametrize("sort", FORMS)
def test_bare_answers(sort):
    missed = [
        (gold, answer, verdict, outcome)
        for gold, verdict, answers in FORMS[sort]
        for answer in answers
        if (outcome := judge_answer(answer, gold, "auto", (), Policy(), seconds=5.0).outcome) != verdict
    ]
    assert missed == []


def test_responses():
    missed = [
        (gold, response, verdict, outcome)
        for gold, verdict, kind, choices, response in RESPONSES
        if (outcome := judge_response(response, gold, kind, choices, Policy(), seconds=5.0).outcome) != verdict
    ]
    assert missed == []


def test_the_cases_are_many_and_none_is_there_twice():
    pairs = [(gold, answer) for rows in FORMS.values() for gold, _, answers in rows for answer in answers]
    assert len(pairs) > 400
    assert len(set(pairs)) == len(pairs)
