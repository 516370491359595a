"""Responses that commit to no answer are undecided; days, dates and counters of other languages are read."""

import pytest

from potstill.recipe import Policy
from potstill.verify.answers import judge_response
from potstill.verify.calendars import english_date, english_day
from potstill.verify.foreign import is_unread


def outcome(response, gold):
    return judge_response(response, gold, "auto", (), Policy(), seconds=5.0).outcome


@pytest.mark.parametrize(
    "response",
    [
        "We use the formula\n\n$$v = \\frac{s}{t}$$\n\nPut your numbers in to get the speed.",
        "Phase 1: read the text.\nPhase 2: add both numbers.\nPhase 3: report the sum.",
        "First we count the red ones. There are 3 of them. Then we still have to look at the",
        "Zuerst zählt man die 3 roten. Danach muss man noch die anderen",
        "Sorry, I can't open the attachment. Please send the numbers again.",
        "Il est impossible de répondre sans le schéma.",
        "信息不足，无法计算。",
        "```\nTraceback (most recent call last):\n  File \"a.py\", line 5, in <module>\nValueError: no such thing\n```",
        "The sum is half of the product of both.",
        "It is **42**.\n\nHmm, let me reconsider the second row",
        "It is **42**. I'm not sure about that.",
    ],
)  # fmt: skip
def test_what_commits_to_nothing_is_undecided(response):
    assert outcome(response, "42") == "unknown"


@pytest.mark.parametrize(
    ("response", "gold", "wanted"),
    [
        ("Das Treffen ist am **Donnerstag**.", "Thursday", "right"),
        ("Das Treffen ist am **Dienstag**.", "Thursday", "wrong"),
        ("**Respuesta: 9 de abril de 2021**", "April 9, 2021", "right"),
        ("**Odpowiedź: 10 kwietnia 2021**", "April 9, 2021", "wrong"),
        ("答えは **14個** です。", "14", "right"),
        ("合計は **14個** です。", "15", "wrong"),
        ("Nee. Want 91 = 7 × 13.", "Yes", "wrong"),
        ("Sí, porque 12 = 3 × 4.", "Yes", "right"),
        ("V = <b>8 cm<sup>3</sup></b>", "8 cm³", "right"),
        ("The matrix is\n\n[[1, 0],\n [0, 5]]", "[[1,0],[0,5]]", "right"),
        ("The matrix is\n\n[[1, 0],\n [0, 6]]", "[[1,0],[0,5]]", "wrong"),
        ("A = 1600π mm²", "16π cm²", "right"),
        ("A = 160π mm²", "16π cm²", "wrong"),
        ("It's a scalene one (no two sides are equal).", "isosceles", "wrong"),
        ("So, in set notation: $\\{1, 4\\}$\n\n- both are squares\n- both are positive", "\\{1,4\\}", "right"),
    ],
)
def test_days_dates_counters_and_units(response, gold, wanted):
    assert outcome(response, gold) == wanted


def test_the_table_of_days_and_months():
    assert (english_day("środa"), english_day("土曜日"), english_day("kitchen")) == ("wednesday", "saturday", "kitchen")
    assert english_date("4. märz 2023") == "4 march 2023"
    assert english_date("2023년 3월 4일") == "2023-3-4"
    assert english_date("4 marca 2023 r.") == "4 march 2023"


@pytest.mark.parametrize(
    ("text", "unread"),
    [
        ("Svaret är 13 eftersom vi lägger ihop talen.", True),
        ("Kết quả là 13 vì chúng ta cộng hai số này.", True),
        ("The answer is 13 since we add both numbers.", False),
        ("La respuesta es 13 porque sumamos los números.", False),
        ("13", False),
    ],
)
def test_a_language_that_no_table_has(text, unread):
    assert is_unread(text) is unread


def test_a_verdict_says_that_the_language_is_not_read():
    said = "Vi lägger ihop talen och får 13 äpplen i påsen, så där är det"
    judged = judge_response(said, "13", "number", (), Policy(), seconds=5.0)
    assert "language that is not read" in judged.method
    boxed = judge_response(f"{said}: $\\boxed{{13}}$", "13", "number", (), Policy(), seconds=5.0)
    assert (boxed.outcome, "not read" in boxed.method) == ("right", False)


@pytest.mark.parametrize(
    ("response", "gold"),
    [
        ("Zusammen sind das 12,50 $.", "$12.50"),
        ("Das macht 7 $, der Rest kommt später an. Insgesamt zahlt sie 19,30 $.", "$19.30"),
        ("**Rent:** 640\n\n*This leaves out what \"the others\" pay.*", "640"),
    ],
)  # fmt: skip
def test_a_price_or_a_slanted_line_at_the_end_breaks_nothing_off(response, gold):
    assert outcome(response, gold) == "right"
    assert outcome(response, "77") == "wrong"


@pytest.mark.parametrize(
    ("response", "gold", "other"),
    [
        ("so the gradient comes to −(7/4).", "-7/4", "7/4"),
        ("The change in height is -(12).", "-12", "12"),
        ("which makes 9 - (4) = 5.", "5", "-4"),
    ],
)
def test_a_sign_before_brackets_belongs_to_the_number_in_them(response, gold, other):
    assert outcome(response, gold) == "right"
    assert outcome(response, other) == "wrong"


@pytest.mark.parametrize("response", ["True or false", "no/yes", "So: yes or no?", "It is either true or false."])
def test_naming_both_says_neither(response):
    assert {outcome(response, gold) for gold in ("yes", "no", "True", "False")} <= {"unknown", "wrong"}
    assert outcome("(Yes or No) The answer is no.", "no") == "right"
    assert outcome("Yes, no doubt about it.", "yes") == "right"


def test_an_interval_can_be_denied_with_its_name():
    assert outcome("The answer is not x \\in [3,5].", "[3,5]") != "right"
    assert outcome("The answer is x \\in [3,5].", "[3,5]") == "right"


@pytest.mark.parametrize("written", ["\\text{(C)}", "\\boxed{\\text{C}}", "$\\textbf{(C)}$", "(C)"])
def test_a_denied_letter_in_any_dress_is_not_chosen(written):
    assert outcome(f"The answer is not {written}.", "\\text{(C)}") != "right"
    assert outcome(f"The answer is {written}.", "\\text{(C)}") == "right"
