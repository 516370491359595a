"""The final answer found in responses of many shapes."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.verify.answer_kinds import ANSWER_KINDS
from potstill.verify.extract import extract

FOUR = ("red", "green", "blue", "none of these")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("540", "540"),
        ("The total is \\boxed{540} meters.", "540"),
        ("\\[\\boxed{\\frac{1}{2}}\\]", "1/2"),
        ("\\boxed{5}\n\nYour turn: give $\\boxed{[answer]}$ for 7 + 8.", "5"),
        ("The question: find \\boxed{7} + 3.\nThe answer is 10.", "10"),
        ("> Problem: what is \\boxed{7} + 3?\nWe get \\boxed{10}.", "10"),
        ("[ANSWER]10,000[/ANSWER]", "10,000"),
        ("## Final Answer\n\n 12", "12"),
        ("**Final answer**\n12 apples", "12 apples"),
        ("The answer is 59.\nThis answer is correct.\nThis answer is correct.\nThis answer is wrong.", "59"),
        ("Thus the answer is\n\\[ 5 \\]", "5"),
        ("The answer is 19 <PRM -> .", "19"),
        ("S = 3 + 4 = 7", "7"),
        ("```output\n5\n```\n5 cars drove through the jam in the first 15 minutes.", "5"),
        ("multiply 45 * 20 minutes = 900 minutes. Since 60 minutes = 1 hour, 900 minutes / 60 = 15 hours.", "15"),
        ("The answer is 5. Q: Tom has 7 pens. How many? A: The answer is 7.", "5"),
        ("The answer is 5.<|im_end|>\n<|im_start|>user\nThe answer is 7.", "5"),
        ('{"reasoning": "x", "answer": "The sum is $2016$. Therefore the sum of all of them is $2017$."}', "2017"),
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
        '{"answer": "5"}\n\n{"answer": "6"}',
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


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("The answer is A and B.", "A, B"), ("Answer: (A) or (C)", "A, C"), ("The answer is (A, B).", "A, B"),
        ("So the answer is either (b) green or (c) blue.", "B, C"),
        ("The answer is (A) red, depending on the light, or (D).", "A, D"),
    ],
)  # fmt: skip
def test_several_letters_in_one_statement_are_the_answer(text, value):
    found = extract(text, "choice", FOUR)
    assert (found.value, found.ambiguous) == (value, False)


def test_two_statements_with_different_letters_are_ambiguous():
    found = extract("The answer is (D).\nThe ratio is 5/4. The answer is (A).", "choice", FOUR)
    assert (found.value, found.ambiguous, found.others) == ("A", True, ("D",))


def test_a_last_line_in_the_form_that_was_asked_for_is_the_answer():
    assert not extract("It scatters. The answer is C.\n\nAnswer: A", "choice", FOUR).ambiguous
    assert extract("Answer: C\nIt scatters.\nAnswer: A", "choice", FOUR).ambiguous
    assert extract("The answer is C.\nThe answer is A.", "choice", FOUR).ambiguous


def test_a_letter_beside_a_rejected_one_stands():
    assert extract("The answer is (C), (A) is wrong because it is red.", "choice", FOUR).value == "C"
    assert extract("The answer must be green. So the answer is (C).", "choice", FOUR).ambiguous is False


def test_the_first_of_two_equal_options_is_the_answer():
    found = extract("So the answer is (d) bridge.", "choice", ("depot", "beach", "bridge", "bridge"))
    assert found.value == "C"


def test_a_candidate_that_is_no_number_is_no_contradiction():
    found = extract("so it is 12 - 5 = 7, answer: 7 The answer is ( 12.0 - 5.0 ).", "expression")
    assert (found.value, found.ambiguous) == ("( 12.0 - 5.0 )", False)


def test_a_letter_that_is_not_offered_is_no_answer():
    assert extract("The answer is Z.", "choice", FOUR).value is None


def test_text_answers():
    assert extract("Monday", "text").value == "Monday"
    assert extract("I looked it up.\nThe answer is Monday.", "text").value == "Monday"
    assert extract("answer:\n0 1\n1 0", "text").value == "0 1\n1 0"
    assert extract("<answer>0 1\n1 0</answer>", "text").value == "0 1\n1 0"
    assert extract("_ Q\nQ _", "text").value == "_ Q\nQ _"


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("The solution set is $\\boxed{[-1, 2) \\cup (3, \\infty)}.$", "interval", "[-1, 2) \\cup (3, \\infty)"),
        ("The final answer is $(0, 1)$. I hope it is correct.", "interval", "(0, 1)"),
        ("Therefore the answer is the interval $[0, 1)$.", "interval", "[0, 1)"),
        ("so the answer is {1, 2, 3}.", "set", "{1, 2, 3}"),
        ("the ordered pair $(x, y)$ that solves the system is $(7, 6)$.", "tuple", "(7, 6)"),
        ("\\[ \\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix} \\]", "matrix", "\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}"),
        ("We find that $x \\lt 3$.", "expression", "x \\lt 3"),
        ("Thus $x <= 2$ is our answer.", "expression", "x <= 2"),
        ("Hence $AB = 2R$", "expression", "AB = 2R"),
        ("The answer is $4\\sqrt{3}$ square units.", "expression", "4\\sqrt{3} square units"),
        ("The area of triangle $ABC$ is $4\\sqrt{3}$ for all $x$.", "expression", "4\\sqrt{3}"),
        ("Thus, the answer is:\n\\[\n\\frac{207}{64}\n\\]", "expression", "\\frac{207}{64}"),
        ("The roots are $x = 2$ and $x = 3$.", "expression", "x = 2, x = 3"),
        ("So the line is\n\\[ y = 2x + 1. \\]", "equation", "y = 2x + 1"),
        ("f = a + b = \\frac{1}{2}", "expression", "\\frac{1}{2}"),
        ("The answer is no solution.", "expression", "no solution"),
        ("The volume of $ABCD$ is 120. I hope it is correct.", "expression", "120"),
        ("#### x^2 + 1", "expression", "x^2 + 1"),
        ("<answer>$x^2$</answer>", "auto", "x^2"),
        ('{"answer": "\\frac{1}{2}"}', "expression", "\\frac{1}{2}"),
        ('{"answer": "\\\\frac{1}{2}"}', "expression", "\\frac{1}{2}"),
        ("\x08oxed{\x0crac{1}{2}}", "expression", "\\frac{1}{2}"),
        ("The distance is 5 cm.", "quantity", "5 cm"),
        ("He runs a total of 540 meters in a week.", "quantity", "540 meters"),
        ("The answer is $12$ km/h.", "quantity", "$12$ km/h"),
        ("It will be done on March 3, 2021 in the morning.", "date", "March 3, 2021"),
        ("The answer is 05/01/2021.", "date", "05/01/2021"),
        ("They meet at 4:30 p.m. on the bridge, the answer is 4:30 p.m.", "date", "4:30 p.m"),
        ("Yes, because it floats.", "yes_no", "Yes"), ("So the answer is no.", "yes_no", "no"),
        ("\\boxed{\\text{True}}", "yes_no", "True"), ("It is heavy. So, no, it sinks.", "yes_no", "no"),
        ("Aliasing will occur.\nThe answer is Yes.", "yes_no", "Yes"),
        ("The statement that it floats is false.", "yes_no", "false"),
        ("So the answer is ) >.", "text", ") >"), ("\\boxed{> } >}", "text", "> } >"),
        ("so it should be the answer should be the patient. So the answer is (B).", "text", "(B)"),
        ("The answer is $Monday$.", "text", "Monday"),
    ],
)  # fmt: skip
def test_other_kinds_keep_the_whole_object(text, kind, value):
    found = extract(text, kind)
    assert (found.value, found.ambiguous) == (value, False)


@pytest.mark.parametrize("text", ["That is neither yes nor no.", "Who knows?", "It is not true."])
def test_neither_yes_nor_no(text):
    assert extract(text, "yes_no").value is None


def test_yes_and_no_are_ambiguous():
    assert extract("The answer is yes.\nThe answer is no.", "yes_no").ambiguous


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("\\[ x = 5 \\]\nNow we substitute to get\n\\[ y = \\frac{1}{", "expression", "x = 5"),
        ("That makes 12 eggs. To find the cakes we divide 12 by the", "number", "12"),
        ("We get x = 3, so the final answer", "number", "3"),
        ("we try 7 and that fails, " * 40, "number", "7"),
    ],
)
def test_the_guess_from_a_text_that_breaks_off_is_never_firm(text, kind, value):
    found = extract(text, kind)
    assert (found.value, found.ambiguous) == (value, True)


def test_a_bare_answer_does_not_break_off():
    assert not extract("5 in", "quantity").ambiguous
    assert not extract("The answer is 5, because the", "number").ambiguous


def test_words_in_a_box_are_an_answer_and_words_in_a_sentence_are_not():
    assert extract("\\boxed{\\text{none}}", "number").value == "\\text{none}"
    assert extract('{"answer": "Not possible"}', "number").value == "Not possible"
    assert extract("The answer is easy to find by hand.", "number").value is None
    assert extract("n += 1\nThe answer is True.\nn += 1", "number").value == "True"


NOISE = st.text(alphabet="abcdefgh ,\n", max_size=80)


@given(NOISE, st.integers(0, 10**9), NOISE.map(lambda t: t.replace("and", "").replace("or", "")))
def test_words_around_a_box_change_nothing(before, n, after):
    assert extract(f"{before} \\boxed{{{n}}} {after}", "number").value == str(n)


@given(st.text(max_size=300), st.sampled_from(ANSWER_KINDS.names))
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
    for kind in ANSWER_KINDS.names:
        extract(text, kind, FOUR)


@pytest.mark.parametrize(
    "unit",
    [
        *BITS,
        "\\[",
        "\\(",
        "$$",
        "\\begin{align}",
        "<answer>",
        "[ANSWER]",
        "Q: ",
        '"answer":',
        "is $",
        ". ",
        "#### ",
        "```output\n",
        "the answer is ",
        "answer: 1\n",
        "1,",
        "1 ",
        "{",
        "\\",
        "9",
        "(A",
        "not A ",
        "½",
        " ",
    ],
)
def test_a_megabyte_of_anything_ends_quickly(unit):
    text = unit * (1_000_000 // len(unit))
    for kind in ("number", "choice", "text", "expression", "quantity", "date", "yes_no"):
        started = time.process_time()
        extract(text, kind, FOUR)
        assert time.process_time() - started < 3.0
