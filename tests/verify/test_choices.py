"""Letters and options in bare answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.errors import DataError
from potstill.recipe import Policy
from potstill.records import LETTERS, Problem
from potstill.verify.answers import judge_answer, judge_response
from potstill.verify.choices import gold_letter, letters_of, looks_like_choice

OPTIONS = ("3", "5", "7", "none of these")


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("B", "B"), ("b", "B"), ("(B)", "B"), ("B.", "B"), ("**B**", "B"), ("$\\text{B}$", "B"), ("\\textbf{(B)}", "B"),
        ("option B", "B"), ("B) 5", "B"), ("B: 5", "B"), ("(B) 5", "B"), ("5", "B"), ("5.0", "B"),
        ("None of these.", "D"), ("A and B", "AB"), ("A, B or C", "ABC"), ("B/C", "BC"), ("(A) 3 (B) 5", "AB"),
        ("B) 7", "BC"), ("not B", ""), ("B is wrong", ""), ("neither A nor B", ""), ("Z", None), ("8", None),
        ("", None), ("maybe", None), ("A triangle has 3 sides", None),
    ],
)  # fmt: skip
def test_letters(text, letters):
    assert letters_of(text, OPTIONS) == letters


def test_golds():
    assert gold_letter("(B)", OPTIONS) == "B"
    assert gold_letter("5", OPTIONS) == "B"
    assert looks_like_choice("7", OPTIONS)
    assert looks_like_choice("(D) Alina", ())
    assert not looks_like_choice("A:B=1", ())
    assert not looks_like_choice("Alina", ())


@pytest.mark.parametrize(
    ("response", "wanted"),
    [
        ("**Cost:** we pay, wait, that is half.\n\n**Final answer:** \\(\\boxed{Lund}\\)", "right"),
        ("Count them. Hmm, once more.\n\nIt is **Lund**.", "right"),
        ("It is **Lund**.\n\nHmm, let me see the second row", "unknown"),
        ("It is **C**.\n\nWait, Counting the second row", "unknown"),
    ],
)
def test_a_letter_of_a_word_is_no_mention_of_an_option(response, wanted):
    """`Cost` was a mention of C, and what came behind it a doubt of it."""
    assert judge_response(response, "C", "choice", ("Graz", "Porto", "Lund"), Policy(), seconds=5).outcome == wanted


@given(st.text(max_size=60), st.sampled_from([OPTIONS, ()]))
def test_letters_are_offered_ones(text, options):
    letters = letters_of(text, options)
    assert letters is None or all(ord(letter) - 65 < (len(options) or 26) for letter in letters)
    assert letters is None or letters == "".join(sorted(set(letters)))


@pytest.mark.parametrize("count", [26, 27, 60])
def test_there_are_no_more_options_than_letters(count):
    """The 27th was called `[` once."""
    options = tuple(f"item {number}" for number in range(count))
    if count > len(LETTERS):
        with pytest.raises(DataError, match=rf"problem 'p': {count} choices, more than the 26 letters that name them"):
            Problem(id="p", question="Which?", gold="A", answer_kind="choice", choices=options)
    else:
        assert Problem(id="p", question="Which?", gold="Z", answer_kind="choice", choices=options).statement.endswith(
            "\n(Z) item 25"
        )
    for judged in (judge_answer, judge_response):
        for said in ("The answer is Z.", "Z", options[-1], "["):
            found = judged(said, "Z", "choice", options, Policy(), seconds=5)
            if count > len(LETTERS):
                assert (found.outcome, found.cause) == ("unknown", "unsupported")
            else:
                assert (found.outcome == "right") == (said != "["), said
