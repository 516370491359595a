"""What a known question tells of its answer: its unit, its own words, its own figures."""

import pytest

from potstill.recipe import Checks, Policy
from potstill.records import Problem
from potstill.verify import judge
from potstill.verify.answers import judge_response
from potstill.verify.asked import unit_asked, without_echo

MINUTES = "A pump empties a pool of 90 litres. How many minutes does it take?"
METRES = "How long is the fence, in metres?"
DAY = "What fraction of a week are 7 hours a day?"
ROPE = "A rope of 60 feet is cut into 5 parts. How long is each part, in feet?"


@pytest.mark.parametrize(
    ("question", "unit"),
    [
        (MINUTES, "minutes"),
        (METRES, "metres"),
        (ROPE, "feet"),
        ("What is its speed in miles per hour?", "miles per hour"),
        ("What is the area in square centimeters?", "square centimeters"),
        ("How many pencils are left in the box?", ""),
        ("How many hours and how many minutes does it take?", ""),
        ("How long is it?", ""),
    ],
)
def test_the_unit_that_a_question_asks_for(question, unit):
    assert unit_asked(question) == unit


@pytest.mark.parametrize(
    ("question", "gold", "response", "outcome"),
    [
        (MINUTES, "45", "That is **45 minutes**.", "right"),
        (MINUTES, "45", "That is **45 hours**.", "wrong"),
        (MINUTES, "45", "It runs for **2700 seconds**.", "right"),
        (MINUTES, "45", "It stops after three quarters of an hour.", "right"),
        (METRES, "12", "The fence is **1200 cm** long.", "right"),
        (METRES, "12", "The fence is **12 cm** long.", "wrong"),
        (METRES, "12", "The fence is **12 m** long.", "right"),
        (METRES, "12", "The fence costs **12 euros**.", "unknown"),
        (ROPE, "12", "60 feet is 12 feet.", "right"),
        (ROPE, "12", "60 feet is 15 feet.", "wrong"),
        (ROPE, "12", "The rope has 60 feet.", "unknown"),
        (ROPE, "12", "Given:\n- Length: 60\n- Parts: 5", "unknown"),
        ("What kind of quadrilateral has four equal sides?", "rhombus", "It is called a **rhombus quadrilateral**.",
         "right"),
    ],
)  # fmt: skip
def test_verdicts_with_the_question_known(question, gold, response, outcome):
    assert judge_response(response, gold, "auto", (), Policy(), seconds=5.0, question=question).outcome == outcome


def test_a_sentence_is_cut_to_what_it_says_of_the_questions_own_figures():
    assert without_echo("So 60 feet is 12 yards.", ROPE) == "It is 12 yards."
    assert without_echo("So 61 feet is 12 yards.", ROPE) is None
    assert without_echo("60 feet is a lot.", ROPE) is None


EQUATION = "Find the value of $x$: $144 + 2(12)(8) + 64 = x$. Give $x$ as an integer."


def judged(response, gold, **problem):
    return judge(Problem(id="1", gold=gold, **problem), response, Checks()).outcome


@pytest.mark.parametrize(
    "response", [EQUATION, f"**{EQUATION}**\n", EQUATION.partition(" Give")[0], EQUATION.replace("  ", " ").upper()]
)
def test_the_question_said_again_is_no_answer(response):
    assert judged(response, "400", question=EQUATION) == "unknown"
    assert judged(f"{response}\n\nSo $x = 400$.", "400", question=EQUATION) == "right"


def test_a_question_with_its_options_said_again_chooses_none():
    asked = Problem(id="1", question="How many planes can be laid through two lines that meet?", gold="B",
                    answer_kind="choice", choices=("none", "one only", "two only"))  # fmt: skip
    assert judge(asked, asked.statement, Checks()).outcome == "unknown"
    assert judge(asked, f"{asked.statement}\n\nAnswer: (B)", Checks()).outcome == "right"


def test_a_short_answer_may_begin_a_question():
    question = "Paris or Rome: which of the two cities is the capital of France?"
    assert judged("Paris", "Paris", question=question, answer_kind="text") == "right"
