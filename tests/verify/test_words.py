"""Yes and no, phrases without a value, exact text, numbers in words."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.verify.numerals import number_in_words
from potstill.verify.words import compare_meanings, compare_texts, declines, meaning_of, word_key, yes_or_no


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("no solution", "none"), ("There is no real solution.", "none"), ("\\emptyset", "none"),
        ("\\varnothing", "none"), ("∅", "none"), ("\\{\\}", "none"), ("none", "none"),
        ("No such value of a exists", "none"), ("No positive integer solutions for $x$ and $y$.", "none"),
        ("\\text{No solution}", "none"), ("the empty set", "none"), ("The equation has no solutions", "none"),
        ("does not exist", "undefined"), ("DNE", "undefined"), ("The limit does not exist.", "undefined"),
        ("undefined", "undefined"), ("infinitely many", "infinitely many"),
        ("There are infinitely many solutions.", "infinitely many"), ("infinite", "infinitely many"),
        ("Cannot be determined from the given information", "undetermined"),
        ("not enough information", "undetermined"), ("Not possible", "impossible"),
        ("all real numbers", "all reals"), ("\\mathbb{R}", "all reals"), ("5", ""), ("no solution except x=5", ""),
        ("No solutions for x > 3", ""), ("all real numbers except 2", ""), ("no", ""),
        ("", ""), ("nobody", ""), ("there is a solution", ""), ("it is false that there is no solution", ""),
    ],
)  # fmt: skip
def test_phrases(text, meaning):
    assert meaning_of(text) == meaning


def test_phrases_that_are_said_for_each_other_stay_open():
    assert compare_meanings("none", "none").outcome == "right"
    assert compare_meanings("none", "infinitely many").outcome == "wrong"
    assert compare_meanings("undefined", "none").outcome == "unknown"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("yes", True), ("Yes.", True), ("TRUE", True), ("**No**", False), ("no, because it is odd", False),
        ("Yes: it is", True), ("False", False), ("yes and no", None), ("yes, or no", None), ("perhaps", None),
        ("", None), ("nothing", None), ("no solution", None), ("\\text{yes}", True), ("not true", False),
    ],
)  # fmt: skip
def test_yes_and_no(text, said):
    assert yes_or_no(text) is said


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Monday", "monday.", True), ('"Monday"', "Monday", True), ("(Monday)", "Monday", True), ("a  b", "a b", True),
        ("] >", "] } >", False), (") )", ")", False), ("[0, 1)", "(0, 1]", False), ("f(x)", "f(y)", False),
        ("['a']", "[['a']]", False), ("'Ab'", "'ab'", False), ("'a'", '"a"', True), ("(c) good", "good", True),
        ("(c) good", "(d) good", False), ("", "x", False),
    ],
)  # fmt: skip
def test_exact_texts(one, other, same):
    assert (compare_texts(one, other).outcome == "right") is same


@given(st.text(max_size=60))
def test_a_text_equals_itself_in_any_case_and_spacing(text):
    assert word_key(f"  {text} ") == word_key(text)
    assert compare_texts(text, text).outcome == "right"


def test_declining():
    for text in ("It cannot be determined.", "I can't provide the exact number.", "This requires more information.",
                 "There is no solution to this problem.",
        "There might be an error in the problem statement."):  # fmt: skip
        assert declines(text)
    for text in ("The answer is 5.", "So she has 5 apples.", "Thus x = 5."):
        assert not declines(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("five", 5), ("zero", 0), ("forty-two", 42), ("one hundred", 100), ("three hundred and four", 304),
        ("two thousand three hundred", 2300), ("one million two hundred thousand", 1_200_000), ("minus two", -2),
        ("two and a half", Fraction(5, 2)), ("half", Fraction(1, 2)), ("three quarters", Fraction(3, 4)),
        ("two thirds", Fraction(2, 3)), ("5 and 3 tenths", Fraction(53, 10)), ("one-half", Fraction(1, 2)),
    ],
)  # fmt: skip
def test_numbers_in_words(text, value):
    assert number_in_words(text) == value


@pytest.mark.parametrize(
    "text", ["", "five six", "twenty twenty", "and", "hundred", "a", "ten five", "five and", "many", "half five"]
)
def test_what_is_no_number_in_words(text):
    assert number_in_words(text) is None


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz -0123456789", max_size=60))
def test_any_words_are_a_number_or_none(text):
    assert number_in_words(text) is None or isinstance(number_in_words(text), Fraction)
