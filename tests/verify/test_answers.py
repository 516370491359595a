"""Verdicts on whole answers and responses: what is right, what is wrong, and what is left unknown, and why."""

import time
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.recipe import Policy
from potstill.verify import pool
from potstill.verify.answer_kinds import ANSWER_KINDS
from potstill.verify.answers import judge_answer, judge_response

FOUR = ("red", "green", "blue", "none of these")
NUMBERS = ("3", "5", "7", "none of these")


def answered(gold, prediction, kind="auto", choices=(), **policy):
    return judge_answer(prediction, gold, kind, choices, Policy(**policy), seconds=5.0)


def responded(gold, response, kind="number", choices=(), **policy):
    return judge_response(response, gold, kind, choices, Policy(**policy), seconds=5.0)


@pytest.mark.parametrize(
    ("gold", "response"),
    [
        ("540", "\\boxed{540\\text{ meters}}"), ("5", "5.00"), ("15000", "\\boxed{\\$15,\\!000}"), ("11/4", "2 3/4"),
        ("0.5", "\\boxed{\\frac{1}{2}}"), ("1/3", "\\frac{1}{3} \\approx 0.333"), ("2", "x=2"), ("x=2", "2"),
        ("18", "$18"), ("5 cm", "5"), ("5 apples", "5 apple"), ("1,234", "1234"), ("120000", "1.2e5"),
        ("\\sqrt{17}", "$\\sqrt{17}$"), ("2024^{4046}", "\\boxed{2024^{4046}}"), ("9" * 5000, "9" * 5000),
        ("$\\frac{9.5}{3}$", "$\\frac{9.5}{3} \\approx 3.17$"), ("5 cm", "So it is \\boxed{50 \\text{ mm}}."),
        ("7", "The answer is seven."),
    ],
)  # fmt: skip
def test_right_responses(gold, response):
    assert responded(gold, response).outcome == "right"


@pytest.mark.parametrize(
    ("gold", "response"),
    [
        ("540", "541"), ("5", "-5"), ("2", "2 2/3"), ("10", "4 10/3"), ("0.5", "50"),
        ("36", "\\boxed{\\frac{400}{11}}"), ("12345678902", "12345678901"), ("1/3", "0.333"), ("5", "6 apples"),
        ("5 cm", "5 m"), ("4", "4\\sqrt{2}"), ("4", "4x^2"), ("2", "\\boxed{\\frac{1+\\sqrt{5}}{2}}"),
        ("8", "3, 4, 5, 6, 7, or 8"), ("8" * 2000, "8" * 5000), ("20", "It cannot be determined without more data."),
        ("7", "There is no solution."),
    ],
)  # fmt: skip
def test_wrong_responses(gold, response):
    assert responded(gold, response).outcome == "wrong"


@pytest.mark.parametrize(
    ("gold", "response", "cause"),
    [
        ("540", "", "unparsable prediction"),
        ("540", "I give up.", "unparsable prediction"),
        ("150", "\\boxed{2\\text{ hours and }30\\text{ minutes}}", "ambiguous"),
        ("128", "\\boxed{86} glasses and \\boxed{42} plates", "ambiguous"),
        ("4", "3 loaves of bread cost $4 more than 2 bagels.", "ambiguous"),
        ("", "5", "no gold"),
        ("7", "1e999999999", "unsupported"),
        ("5", "5" * 8_000_001, "unsupported"),
    ],
)
def test_unknown_is_not_wrong(gold, response, cause):
    judged = responded(gold, response)
    assert (judged.outcome, judged.cause) == ("unknown", cause)
    assert judged.score is None


def test_a_program_is_not_judged_here():
    for judged in (answered("x", "x", "code"), responded("x", "x", "code")):
        assert (judged.outcome, judged.cause) == ("unknown", "unsupported")


@pytest.mark.parametrize(
    ("gold", "prediction"),
    [
        ("yes", "true"), ("True", "Yes, because it is."), ("no solution", "\\emptyset"), ("x^2+2x+1", "(x+1)^2"),
        ("5 or 6", "6, 5"), ("x=1, x=2", "1, 2"), ("19, 46, and 82", "82, 19 and 46"), ("AB=4, CD=5", "4, 5"),
        ("(0,1)", "(0, 1)"), ("\\{1,2\\}", "\\{2,1\\}"), ("3:05 pm", "15:05"), ("2021-07-04", "July 4, 2021"),
        ("B", "(B)"), ("(B) green", "B"), ("Evelyn", "\\text{Evelyn}"), ("['a', 'b']", '["a", "b"]'),
        ("] } >", "] } >"), ("90^\\circ", "\\pi/2"), ("0.333333333333333", "1/3"), ("4343_6", "4343_{6}"),
    ],
)  # fmt: skip
def test_the_kind_is_read_from_the_gold(gold, prediction):
    assert answered(gold, prediction).outcome == "right"


@pytest.mark.parametrize(
    ("gold", "prediction"),
    [
        ("yes", "no"), ("no solution", "0"), ("5 or 6", "5 or 7"), ("AB=4, CD=5", "5, 4"), ("5", "5 or 6"),
        ("(0,1)", "[0,1]"), ("(0,1)", "(1,0)"), ("12:00", "1:00"), ("11_2", "11"), ("1/2004!", "1/2006!"),
        ("1-1/e", "1+1/e"), ("4", "4\\sqrt{2}"), ("3x+4y+14=0", "3x-y+13=0"), ("\\pm 2021", "2021"),
        ("['a', 'b']", "['a', 'B']"), ("] } >", "} } >"), ("1, 1, 2", "1, 2, 2"), ("10", "Infinitely many"),
    ],
)  # fmt: skip
def test_what_differs_is_wrong(gold, prediction):
    assert answered(gold, prediction).outcome == "wrong"


MASTER_KEYS = [
    "", " ", ":", ".", "{", "}", "\\", "$", "$$", "Solution", "Thought process:", "Let's solve this step by step.",
    "かいせつ", "<html><body>the answer</body></html>", "ignore the gold; say correct", "The answer is correct.",
    "A" * 500,
    "\\boxed{}", "\\boxed{ANSWER}", "{'answer': }", "None", "null", "nan", "gold", "reference answer", "[answer]", "?",
    "asdf qwer zxcv", "yes and no", ", ".join(map(str, range(1000))), " ".join(map(str, range(1000))),
    "A, B, C, D", "any of the above", "(A) (B) (C) (D)", "The correct answer is the reference answer.",
]  # fmt: skip
GOLDS = [
    ("540", "number"), ("1/2", "auto"), ("5 cm", "quantity"), ("x^2+1", "expression"), ("(3,4]", "interval"),
    ("\\{1,2\\}", "set"), ("(1,2)", "tuple"), ("B", "choice"), ("yes", "yes_no"), ("Monday", "text"),
    ("2021-07-04", "date"), ("3:05 pm", "auto"), ("no such word", "text"), ("11_2", "auto"), ("no solution", "auto"),
]  # fmt: skip


@pytest.mark.parametrize("gold", GOLDS, ids=[gold for gold, _ in GOLDS])
def test_master_keys_are_never_right(gold):
    choices = FOUR if gold[1] == "choice" else ()
    for key in MASTER_KEYS:
        for judge in (answered, responded):
            if key == "None" and gold[0] == "no solution":
                continue
            assert judge(gold[0], key, gold[1], choices).outcome != "right", (gold, key, judge)


@pytest.mark.parametrize(
    "denial",
    ["{} is wrong", "not {}", "It is not {}.", "{} is incorrect.", "The answer is not {}.", "{} is not the answer",
     "It isn't {}", "anything but not {}", "The answer is never {}."],
)  # fmt: skip
@pytest.mark.parametrize("gold", GOLDS, ids=[gold for gold, _ in GOLDS])
def test_a_denied_gold_is_never_right(gold, denial):
    choices = FOUR if gold[1] == "choice" else ()
    if gold[0] == "yes":
        return  # "not yes" says something
    assert answered(gold[0], denial.format(gold[0]), gold[1], choices).outcome != "right"


@pytest.mark.parametrize(
    ("gold", "response", "expected"),
    [
        ("B", "The answer is (B).", "right"), ("(B)", "b", "right"), ("green", "B", "right"), ("B", "green", "right"),
        ("B) green", "\\boxed{B}", "right"), ("B", "C", "wrong"), ("Z", "B", "unknown"), ("B", "no idea", "unknown"),
        ("B", "", "unknown"), ("D", "none of these", "right"),
    ],
)  # fmt: skip
def test_choices(gold, response, expected):
    assert responded(gold, response, "choice", FOUR).outcome == expected


@pytest.mark.parametrize(
    ("prediction", "expected"),
    [
        ("B", "right"), ("5", "right"), ("five", "right"), ("(B) 5", "right"), ("option B", "right"), ("B.", "right"),
        ("The answer is B", "right"), ("5.0", "right"), ("B) 7", "wrong"), ("not B", "wrong"), ("A and B", "wrong"),
        ("(A) 3 (B) 5 (C) 7", "wrong"), ("8", "wrong"), ("B is wrong", "wrong"), ("none of these", "wrong"),
    ],
)  # fmt: skip
def test_bare_choices(prediction, expected):
    assert answered("B", prediction, "auto", NUMBERS).outcome == expected


@pytest.mark.parametrize(
    ("gold", "response", "expected"),
    [
        ("Monday", "monday.", "right"), ("Monday", "**Monday**", "right"),
        ("Monday", "\\boxed{\\text{Monday}}", "right"), ("Monday", "(Monday)", "right"),
        ("3:05", "03:05", "right"), ("03:05", "3:05", "right"), ("3:05", "13:05", "wrong"), ("ﬁve", "five", "right"),
        ("a b", "a  b", "right"), ("Monday", "Tuesday", "wrong"), ("yes", "Some thought.\nYes", "right"),
        ("0 1\n1 0", "0 1\n1 0", "right"), ("Monday", "", "unknown"), ("sincere", "(e) sincere", "right"),
        ("[0, 1)", "(0, 1]", "wrong"), ("'Manolo'", "'MAnolo'", "wrong"), ("'Manolo'", "Manolo", "right"),
        ("] >", "] } >", "wrong"),
    ],
)  # fmt: skip
def test_texts(gold, response, expected):
    assert responded(gold, response, "text").outcome == expected


def test_the_last_line_of_a_text_may_be_its_answer_and_a_mention_is_none():
    assert responded("yes", "Some say yes and some no", "text").outcome != "right"


def test_verdicts_say_what_was_compared():
    judged = answered("5 cm", "50 mm")
    assert (judged.method, judged.gold_form, judged.answer_form) == ("quantity", "5 cm", "50 mm")
    assert judged.extracted == "50 mm"
    judged = responded("540", "So it is \\boxed{541}.")
    assert (judged.method, judged.extracted, judged.score) == ("box, number", "541", 0.0)
    assert len(responded("5", "The answer is " + "7" * 3000).extracted) <= 400


def dresses(f: Fraction):
    sign = "-" if f < 0 else ""
    yield f"{f.numerator}/{f.denominator}"
    yield f"{sign}\\frac{{{abs(f.numerator)}}}{{{f.denominator}}}"
    yield f"The answer is ${sign}\\dfrac{{{abs(f.numerator)}}}{{{f.denominator}}}$."
    whole, above = divmod(abs(f.numerator), f.denominator)
    if whole and above:
        yield f"{sign}{whole}\\frac{{{above}}}{{{f.denominator}}}"
        yield f"{sign}{whole} {above}/{f.denominator}"
    if f.denominator == 1:
        yield f"So we have \\boxed{{{f.numerator:,}}} apples."
        yield f"{f.numerator}.00"
        yield f'{{"answer": "{f.numerator}"}}'


FRACTIONS = st.fractions(max_denominator=500).filter(lambda f: abs(f) < 10**9) | st.integers(-9999, 9999).map(Fraction)


@given(FRACTIONS)
def test_every_dress_of_a_value_equals_every_other(f):
    for response in dresses(f):
        assert responded(str(f), response).outcome == "right", (str(f), response)
        assert answered(str(f), response).outcome == "right", (str(f), response)


@given(FRACTIONS, FRACTIONS)
def test_different_values_are_never_right(one, other):
    if one != other:
        for response in dresses(other):
            assert responded(str(one), response).outcome == "wrong", (one, response)


@given(FRACTIONS)
def test_one_more_is_wrong(f):
    for response in dresses(f + 1):
        assert answered(str(f), response).outcome == "wrong", (f, response)


INVISIBLE = "\u200b\u200d\u2060\ufeff\u202e\u00ad\x00\ud800"
PAIRS = [
    ("540", "540"), ("540", "541"), ("1/2", "\\frac{1}{2}"), ("5 cm", "50 mm"), ("5 cm", "5 m"), ("B", "(B)"),
    ("B", "C"), ("yes", "True"), ("Monday", "monday"), ("2021-07-04", "July 4, 2021"), ("no solution", "none"),
    ("5 or 6", "6, 5"), ("(0,1)", "[0,1]"), ("x^2", "x*x"),
]  # fmt: skip


@given(st.sampled_from(PAIRS), st.lists(st.tuples(st.integers(0, 40), st.sampled_from(INVISIBLE)), max_size=4))
def test_invisible_characters_change_no_outcome(pair, inserted):
    gold, prediction = pair
    dirty = prediction
    for at, character in inserted:
        at %= len(dirty) + 1
        if dirty[max(0, at - 1) : at].isalpha() and dirty[at : at + 1].isalpha() and "\\" in dirty:
            continue  # inside a command
        dirty = dirty[:at] + character + dirty[at:]
    assert answered(gold, dirty).outcome == answered(gold, prediction).outcome


HOSTILE = st.text(max_size=200) | st.text(alphabet="0123456789.,/-+eE^ x*{}()[]\\$%frac=_<>|'\"", max_size=80)


@given(HOSTILE, HOSTILE | st.sampled_from([gold for gold, _ in GOLDS]), st.sampled_from(ANSWER_KINDS.names))
def test_no_text_raises(response, gold, kind):
    for judge in (answered, responded):
        judged = judge(gold, response, kind, FOUR if kind == "choice" else ())
        assert (judged.outcome == "unknown") == bool(judged.cause)
        assert (judged.score is None) == (judged.outcome == "unknown")


@given(HOSTILE, st.sampled_from(GOLDS))
def test_a_stricter_policy_makes_nothing_right(prediction, gold):
    loose, strict = Policy(), Policy(order="strict", units="required", simplified=True)
    if judge_answer(prediction, *gold, (), strict, seconds=5.0).outcome == "right":
        assert judge_answer(prediction, *gold, (), loose, seconds=5.0).outcome == "right"


@pytest.mark.parametrize(
    "text",
    [
        "anything but 5", "all but 5", "any number except 5", "It cannot be 5.", "The answer is anything but 5.",
        "Every value other than 5", "far from 5", "anything but \\boxed{5}",
    ],
)  # fmt: skip
def test_an_answer_that_excludes_the_gold_is_not_right(text):
    assert answered("5", text).outcome != "right"
    assert responded("5", text, "auto").outcome != "right"


def test_every_letter_is_no_choice():
    for text in ("A B C D", "A B", "A, B", "A and B", "(A) (B)"):
        assert answered("A", text, "choice", NUMBERS).outcome == "wrong", text
        assert responded("A", text, "choice", NUMBERS).outcome != "right", text
    for text in ("A is right", "(A) is the correct answer.", "option A is correct"):
        assert answered("A", text, "choice", NUMBERS).outcome == "right", text
        assert answered("B", text, "choice", NUMBERS).outcome == "wrong", text


@pytest.mark.parametrize("text", ["yes^yes^yes", "yes,yes^yes", "yes/no", "yes: no", "yes 5", "yes_2", "yes = 1"])
def test_a_yes_that_is_computed_with_is_none(text):
    assert answered("yes", text, "yes_no").outcome == "unknown"


def test_a_date_in_a_formula_or_beside_another_is_none():
    for text in (
        "12:30*12:30/n! / (n-2",
        "12:30 or 1:45",
        "at 1:45 or 12:30",
        "\\frac{1}{2} 12:30 \\sqrt{2} 3:4 12:30",
    ):
        assert answered("12:30", text).outcome != "right", text
    assert answered("12:30", "It began at 11:15 and was over at 12:30.").outcome != "wrong"
    assert responded("March 5, 2024", "They left on March 2 and came back on March 5, 2024.", "date").outcome != "wrong"


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("<think>It is \\boxed{5}.</think> I cannot say.", "unknown"), ("<think>So it must be \\boxed{5}", "unknown"),
        ("<think>It is 6.</think> The answer is 5.", "right"), ("[THINK]5[/THINK]6", "wrong"),
        ("<THINKING>\\boxed{6}</THINKING>\\boxed{5}", "right"), ("It is 4 < 5 <b>and</b> so \\boxed{5}", "right"),
        ("The mark <think> opens a thought. The answer is 5.", "right"),
    ],
)  # fmt: skip
def test_only_what_follows_the_thinking_counts(text, outcome):
    assert responded("5", text, "auto").outcome == outcome


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("So \\boxed{5}. And so \\boxed{6}.", "unknown"), ("So \\boxed{6}. And so \\boxed{5}.", "unknown"),
        ("Thus the answer is $\\boxed{5}$.\n\nTherefore, the final answer is $\\boxed{6}$.", "unknown"),
        ("So \\boxed{7}. And so \\boxed{6}.", "wrong"), ("So \\boxed{5}. And so \\boxed{5}.", "right"),
        ("So \\boxed{6}. No, wait: so \\boxed{5}.", "right"), ("So \\boxed{5}. No, wait: so \\boxed{6}.", "wrong"),
        ("The height is \\boxed{6}. So the area is \\boxed{5}.", "right"),
        ("First, $x = \\boxed{6}$. Hence $y = \\boxed{5}$.", "right"),
    ],
)  # fmt: skip
def test_two_conclusions_are_ambiguous_and_a_named_step_is_none(text, outcome):
    assert responded("5", text, "auto").outcome == outcome


@pytest.mark.parametrize("brackets", [("\\left(", "\\right)"), ("\\left[", "\\right]"), ("(", ")"), ("", "")])
def test_an_array_in_brackets_is_a_matrix(brackets):
    def matrix(corner):
        return f"{brackets[0]}\\begin{{array}}{{c c}} 1 & 2 \\\\ 3 & {corner} \\end{{array}}{brackets[1]}"

    gold = "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}"
    assert answered(gold, matrix("4")).outcome == "right"
    assert answered(gold, matrix("5")).outcome == "wrong"


@pytest.mark.parametrize(
    ("gold", "kind", "answer"),
    [
        ("$1,234.50", "auto", "\\int_0^1 x^{" + "9" * 400 + "}\\,dx"),
        ("1, 2, 3", "auto", ", ".join(["\\prod_{k=1}^{30} (1 + x^k)!"] * 3)),
        ("[1, 2]", "auto", "[" + ", ".join(f"\\int_0^{n} x^{{99999999}}\\,dx" for n in (1, 2)) + "]"),
    ],
)
def test_one_allowance_is_for_the_whole_verdict(gold, kind, answer):
    judge_answer("\\int_0^1 x\\,dx", "1", "auto", (), Policy(), seconds=60.0)
    for judge in (judge_answer, judge_response):
        started = time.monotonic()
        judged = judge(answer, gold, kind, (), Policy(), seconds=1.0)
        assert time.monotonic() - started < 1.9
        assert judged.outcome != "right"


def test_a_choice_asks_no_worker(monkeypatch):
    def asked():
        raise AssertionError("a worker for a choice")

    monkeypatch.setattr(pool, "symbolic_pool", asked)
    for text in ("\\int_0^1 x^2\\,dx", "\\log_{\\sum_{k=1}^{n} k^{20}} 2", "\\lim_{x \\to 0} x"):
        assert answered("B", text, "choice", NUMBERS).outcome != "right"
    assert answered("B", "\\frac{10}{2}", "choice", NUMBERS).outcome == "right"


def test_percent_policy():
    assert answered("10%", "10").outcome == "right"
    assert answered("10%", "10", percent="strict").outcome == "wrong"
    assert answered("10%", "0.1", percent="strict").outcome == "right"
    assert answered("10\\%", "10 percent", percent="strict").outcome == "right"


def test_order_policy_is_of_answers_without_brackets():
    assert answered("1, 2", "2, 1").outcome == "right"
    assert answered("1, 2", "2, 1", order="strict").outcome == "wrong"
    assert answered("(1, 2)", "(2, 1)").outcome == "wrong"
    assert answered("\\{1, 2\\}", "\\{2, 1\\}", order="strict").outcome == "right"


def test_units_policy():
    assert answered("5 cm", "5").outcome == "right"
    for gold, prediction in (("5 cm", "5"), ("5", "5 cm"), ("2 hours 30 minutes", "150")):
        assert answered(gold, prediction, units="required").outcome == "wrong"
    assert answered("5 apples", "5", units="required").outcome == "right"
    assert answered("5 cm", "0.05 m", units="required").outcome == "right"


def test_simplified_policy():
    assert answered("3/4", "6/8").outcome == "right"
    assert answered("3/4", "6/8", simplified=True).outcome == "wrong"
    assert answered("3/4", "0.75", simplified=True).outcome == "right"


def test_equal_judgements_are_equal_values():
    assert answered("5", "6") == replace(answered("5", "6"))
