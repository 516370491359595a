"""What stands out is the answer, whatever remark follows it; what commits to nothing is undecided."""

import pytest

from potstill.recipe import Checks
from potstill.records import Problem
from potstill.verify import judge


def outcome(question, gold, response, choices=()):
    problem = Problem(id="", question=question, gold=gold, answer_kind="auto", choices=choices)
    return judge(problem, response, Checks()).outcome


@pytest.mark.parametrize(
    ("question", "gold", "wanted", "response"),
    [
        ("How many days has a leap year?", "366", "right", "**366**\n\nCommon years have 365 days."),
        ("How many days has a leap year?", "366", "wrong", "**365**\n\nThe astronomical year has about 365.24 days."),
        ("Write 6 in binary.", "110", "right", "6 = 4 + 2:\n\n```\n110\n```\n\nFor comparison: 5 is 101."),
        ("What is 2 + 3 * 4?", "14", "right", "2 + 12 = **14**\n\nSome add first, which would give 20. That is wrong."),
        ("What is 2 + 3 * 4?", "14", "wrong", "5 × 4 = **20**\n\nSome add last, which would give 14. That is wrong."),
        ("How fast is it in km/h?", "75", "right", "Thus it goes 75 km/h. For comparison, a car may go 120 km/h."),
        ("What is the result?", "5", "wrong", "It is **5**.\n\nBut two are lost. So 3 are left."),
        ("What is the volume?", "64 cm^3", "wrong", "It has a volume of **64 cm²**."),
        ("How hot is it?", "100 °C", "wrong", "Water boils at 212 degrees Celsius at a pressure of 1 atm."),
        ("Solve x^2 = 49.", "x = \\pm 7", "right", "Hence x = 7 or x = −7. Both fit, since 7² = 49 and (−7)² = 49."),
        ("Domain of sqrt(x-5)?", "[5, \\infty)", "right", "It is **all real numbers x with x ≥ 5**."),
        ("Domain of sqrt(x-5)?", "[5, \\infty)", "wrong", "It is **all real numbers x with x > 5**."),
        ("When was he born?", "23 September 63 BC", "right", "He was born on **September 23, 63 BC** in Rome."),
        ("When was he born?", "23 September 63 BC", "wrong", "He was born on **September 23, 63 AD** in Rome."),
        ("Capital of Canada?", "Ottawa", "wrong", "It is **Toronto**. Ottawa is another large city there."),
        ("Who wrote Hamlet?", "William Shakespeare", "right", "It was written by **Shakespeare** around 1600."),
        ("Who wrote Hamlet?", "William Shakespeare", "wrong", "It was **Marlowe**, a rival of William Shakespeare."),
        ("Name the colours.", "red, yellow, blue", "right", "Three:\n\n1. Blue\n2. Red\n3. Yellow"),
        ("Name the colours.", "red, yellow, blue", "wrong", "The colours are blue, green and red."),
        ("How many are left?", "7", "unknown", "12 − 5 = 8. Hmm, I think I made an arithmetic slip. Let me redo this"),
        ("How many are left?", "7", "unknown", "I'm not able to determine that without the figures of each day."),
        ("Combien ?", "7", "unknown", "Je ne peux malheureusement pas répondre à cette question."),
        ("Solve x^2 = 4.", "-2, 2", "unknown", "For $ax^2+bx+c=0$ $x=\\frac{-b\\pm\\sqrt{b^2-4ac}}{2a}$."),
    ],
)  # fmt: skip
def test_what_stands_out_is_the_answer(question, gold, wanted, response):
    assert outcome(question, gold, response) == wanted


def test_the_words_of_one_option_in_bold_print_choose_it():
    options = ("trout", "whale", "eagle", "frog")
    said = "The only mammal is the **blue whale**; the eagle is a bird."
    assert outcome("Which is a mammal?", "B", said, options) == "right"
    assert outcome("Which is a mammal?", "C", said, options) == "wrong"
    assert (
        outcome("Which is it?", "B", "- 3 is odd\n- 5 is odd\n\nI'll go on if you like.", ("3", "4", "5", "7"))
        != "wrong"
    )
