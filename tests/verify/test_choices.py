"""Letters and options in bare answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


@given(st.text(max_size=60), st.sampled_from([OPTIONS, ()]))
def test_letters_are_offered_ones(text, options):
    letters = letters_of(text, options)
    assert letters is None or all(ord(letter) - 65 < (len(options) or 26) for letter in letters)
    assert letters is None or letters == "".join(sorted(set(letters)))
