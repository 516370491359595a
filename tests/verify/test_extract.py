"""The final answer found in responses of many shapes."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.verify.extract import extract

FOUR = ("red", "green", "blue", "none of these")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("540", "540"),
        ("The total is \\boxed{540} meters.", "540"),
        ("\\[\\boxed{\\frac{1}{2}}\\]", "1/2"),
        ("First \\boxed{5}. Wait, no: \\boxed{6}", "6"),
        ("\\boxed{10} and then \\boxed{42}", "42"),
        ("We get 6. The answer is 7.", "7"),
        ("so the answer is: **7**", "7"),
        ("The final answer is $7$. I hope it is correct.", "7"),
        ("Step 1: 2+2\n#### 4", "4"),
        ("2+2 is 4\nA: 4", "4"),
        ("**Answer:** James runs a total of 540 meters a week.", "540"),
        ("**Final Answer:**\n\n\\[\n540\n\\]", "540"),
        ("Sum 3+4.\n<answer>7</answer>", "7"),
        ('{"reasoning": "3+4", "answer": "7"}', "7"),
        ('{"reasoning": "a \\frac{1}{2}\nraw", "answer": 7}', "7"),
        ('```json\n{"reasoning": "x", "answer": "7"', "7"),
        ("Thus James runs 3*3*60 = 540 meters.", "540"),
        ("She pays $5 for 3 apples, $15 in all.\nLet me know if you have questions!", "$15"),
        ("The answer is 5.\n\nQ: Tom has 7 pens. How many?\nA: The answer is 7.", "5"),
        ("x = 5", "5"),
        ("That makes **12** eggs for 3 cakes.", "12"),
        ("the temperature is -10°F.", "-10"),
        ("No explicit final. But here's some text 2 and 10", "10"),
    ],
)
def test_numbers(text, value):
    found = extract(text, "number")
    assert (found.value, found.ambiguous) == (value, False)


@pytest.mark.parametrize(
    "text",
    [
        "\\boxed{86} glasses and \\boxed{42} plates.",
        "The total is \\boxed{5}. The answer is 6.",
        "The answer is 5.\nThe answer is 6.",
        "The answer is 5 or 6.",
        "It is either 3 or 5",
    ],
)
def test_two_different_answers_are_ambiguous(text):
    assert extract(text, "number").ambiguous


@pytest.mark.parametrize(
    "text", ["", "   ", "No numeric content at all", "I cannot say.", "```", "\\boxed{}", "Answer:"]
)
def test_no_answer_is_none(text):
    assert extract(text, "number").value is None


@pytest.mark.parametrize(
    "text", ["3*sqrt(21)", "4 - sqrt(21)", "The answer is $4\\sqrt{21}$", "[f(x) for x in [21]]", "the root of 21"]
)
def test_part_of_a_formula_never_passes_for_the_answer(text):
    assert extract(text, "number").value != "21"
    assert extract(text, "number").value != "4"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("B", "B"), ("b", "B"), ("(B)", "B"), ("B.", "B"), ("B) green", "B"), ("\\boxed{B}", "B"), ("green", "B"),
        ("\\boxed{\\text{B}}", "B"), ("The answer is (B).", "B"), ("So the answer is B because A triangle...", "B"),
        ("Answer: B", "B"), ("The correct answer is: **B**", "B"), ("I think it's (D).", "D"),
        ("**Answer: green**", "B"),
        ("Because B is valid", "B"), ("A triangle has 3 sides, so the right option is C.", "C"),
        ("It's not A because it doesn't make sense, therefore I think it's B", "B"), ('{"answer": "B"}', "B"),
        ("<answer>B</answer>", "B"), ("The answer is none of these.", "D"), ("The answer is (b).", "B"),
    ],
)  # fmt: skip
def test_choices(text, value):
    found = extract(text, "choice", FOUR)
    assert (found.value, found.ambiguous) == (value, False)


@pytest.mark.parametrize("text", ["The answer is A and B.", "Answer: (A) or (C)", "The answer is (A, B)."])
def test_two_letters_are_ambiguous(text):
    assert extract(text, "choice", FOUR).ambiguous


def test_a_letter_that_is_not_offered_is_no_answer():
    assert extract("The answer is Z.", "choice", FOUR).value is None


def test_text_answers():
    assert extract("Monday", "text").value == "Monday"
    assert extract("I looked it up.\nThe answer is Monday.", "text").value == "Monday"
    assert extract("answer:\n0 1\n1 0", "text").value == "0 1\n1 0"
    assert extract("<answer>0 1\n1 0</answer>", "text").value == "0 1\n1 0"
    assert extract("_ Q\nQ _", "text").value == "_ Q\nQ _"


NOISE = st.text(alphabet="abcdefgh ,\n", max_size=80)


@given(NOISE, st.integers(0, 10**9), NOISE.map(lambda t: t.replace("and", "").replace("or", "")))
def test_words_around_a_box_change_nothing(before, n, after):
    assert extract(f"{before} \\boxed{{{n}}} {after}", "number").value == str(n)


@given(st.text(max_size=300), st.sampled_from(["number", "choice", "text"]))
def test_any_text_is_read_without_raising(text, kind):
    extract(text, kind, FOUR)


BITS = [
    "\\boxed{",
    "}",
    "answer",
    " is ",
    ":",
    "**",
    "#### ",
    "\nA: ",
    "\nQ: ",
    '"answer": "',
    "<answer>",
    "5",
    "\\frac{",
    "$",
]


@given(st.lists(st.sampled_from([*BITS, "(A)", "B.", "=", " or ", "\\", "```", "\ud800"]), max_size=30).map("".join))
def test_any_mixture_of_marks_is_read_without_raising(text):
    for kind in ("number", "choice", "text"):
        extract(text, kind, FOUR)


@pytest.mark.parametrize(
    "unit", [*BITS, "the answer is ", "answer: 1\n", "1,", "1 ", "{", "\\", "9", "(A", "not A ", "½", " "]
)
def test_a_megabyte_of_anything_ends_quickly(unit):
    text = unit * (1_000_000 // len(unit))
    for kind in ("number", "choice", "text"):
        started = time.perf_counter()
        extract(text, kind, FOUR)
        assert time.perf_counter() - started < 1.0
