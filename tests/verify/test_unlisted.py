"""Answers told apart by where they stand and what was asked, in styles that no list has."""

import pytest

from potstill.recipe import Checks
from potstill.records import Problem
from potstill.verify import judge

PRIME = "Is 91 prime?"
TRIANGLE = "Can a triangle have sides 1, 2 and 9?"
TWO = "(a) area (b) perimeter"


def outcome(question, gold, response, kind="auto", choices=()):
    problem = Problem(id="", question=question, gold=gold, answer_kind=kind, choices=choices)
    return judge(problem, response, Checks()).outcome


@pytest.mark.parametrize(
    ("question", "gold", "wanted", "response"),
    [
        (PRIME, "no", "right", "We have 7 × 13 = 91, so 91 is not prime."),
        (PRIME, "no", "wrong", "Nothing up to 9 divides it.\n\nHence it is prime."),
        (PRIME, "yes", "unknown", "7 is prime."),
        (PRIME, "yes", "unknown", "At first sight 91 is prime. But 7 × 13 = 91."),
        (PRIME, "yes", "unknown", "91 is prime. Let us check: 7 × 13 = 91, which makes it composite."),
        (PRIME, "yes", "unknown", "It is prime or it has a small divisor."),
        (PRIME, "yes", "unknown", "Nobody who tries 7 says that it is prime."),
        ("Is 12 divisible by 3 and 5?", "yes", "unknown", "It is divisible by 3."),
        ("Is 2^5 greater than 5^2?", "no", "unknown", "So 5^2 is greater."),
        ("Is 2^5 greater than 5^2?", "yes", "right", "As 32 > 25, 2⁵ is greater than 5²."),
        ("Given this, does it follow that all cats bark?", "no", "right", "It does not follow. Cats may be silent."),
        (TRIANGLE, "no", "right", "1 + 2 = 3 < 9, thus there is no such triangle."),
        (TRIANGLE, "no", "right", "1 + 2 < 9.\n\nSuch a triangle can't exist."),
        (TRIANGLE, "yes", "wrong", "1 + 2 < 9.\n\nSuch a triangle can't exist."),
    ],
)  # fmt: skip
def test_the_questions_own_words_say_yes_or_no(question, gold, wanted, response):
    assert outcome(question, gold, response, "yes_no") == wanted


@pytest.mark.parametrize("kind", ["parts", "auto"])
@pytest.mark.parametrize(
    ("wanted", "response"),
    [
        ("right", "(a) 3 × 4 = 12\n(b) 2(3 + 4) = 14"),
        ("wrong", "(a) 3 × 4 = 12\n(b) 3 + 4 = 7"),
        ("wrong", "(a) 3 × 4 = 12\n(b) 2(3 + 4) = 14\n\nFinal: (a) 12, (b) 15"),
        ("right", '{"a": 12, "b": "14", "why": "sums"}'),
        ("unknown", "(a) The area is 12."),
    ],
)
def test_each_part_is_read_as_a_response_of_its_own(kind, wanted, response):
    assert outcome(TWO, "(a) 12; (b) 14", response, kind) == wanted


@pytest.mark.parametrize(
    ("question", "gold", "wanted", "response"),
    [
        ("Sort in descending order: 2, 9, 4", "9, 4, 2", "right", "From the top: 9, 4, 2"),
        ("Sort in descending order: 2, 9, 4", "9, 4, 2", "wrong", "From the top: 9, 2, 4"),
        ("Which divide 6?", "1, 2, 3, 6", "right", "They are 6, 3, 2, 1"),
        ("When does it close?", "20:30", "right", "It closes at **8:30 in the evening**."),
        ("When does it close?", "20:30", "wrong", "It closes at **8:30 in the morning**."),
        ("What does it print?", "7 2", "wrong", "It prints:\n\n```\n7 3\n```"),
        ("How heavy is it?", "3.14159 kg", "right", "m = 3.14159 kg\n\nTo two places this rounds to 3.14 kg."),
        ("How heavy is it?", "3.14159 kg", "wrong", "m = 3.11159 kg\n\nTo two places this rounds to 3.11 kg."),
        ("How long?", "260 s", "right", "t = 26 × 10 s\n\nThat's 4 min 20 s."),
        ("Wie viel?", "20", "right", "**Lösung**\n\nSumme: 4 + 6 = 10\n\nDas Doppelte sind **20**."),
        ("Which sea is it?", "Baltic Sea", "right", "It is the **Baltic**."),
        ("Which river?", "Nile", "right", "**Answer:** the Nile River (an-Nil), about 6,650 km long"),
        ("Which river?", "Nile", "wrong", "**Answer:** the Congo, about 4,700 km long, a rival of the Nile"),
        ("What is printed?", "list", "right", "It is `type([])`.\n\nSo the console has `list` in it."),
        ("What is the root?", "-3", "right", "Since $2^{-3} = 1/8$, the exponent is minus three."),
    ],
)  # fmt: skip
def test_what_was_asked_and_what_is_typed_decide(question, gold, wanted, response):
    assert outcome(question, gold, response) == wanted


def test_an_option_is_taken_by_its_place():
    options = ("Oslo", "Bern", "Rome")
    assert (
        outcome("Which is Swiss?", "B", "Oslo looks likely. I'd go with the second option.", "auto", options) == "right"
    )
    assert outcome("Which is Swiss?", "B", "I would not go with the second option.", "auto", options) != "right"
