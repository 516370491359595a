"""Several answers taken apart and matched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.verify.lists import boxed_parts, matched, split_answers


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("5", ["5"]), ("5, 6", ["5", "6"]), ("5 or 6", ["5", "6"]), ("5 \\text{ and } 6", ["5", "6"]),
        ("19, 46, and 82", ["19", "46", "82"]), ("x=1; x=2", ["x=1", "x=2"]), ("(1,2), (3,4)", ["(1,2)", "(3,4)"]),
        ("(11,7)or(7,11)", ["(11,7)", "(7,11)"]), ("1,234", ["1,234"]), ("1,234, 5", ["1,234", "5"]),
        ("1{,}234", ["1{,}234"]),
        ("p = 5, q = 2 \\quad \\text{and} \\quad p = 7, q = 2", ["p = 5", "q = 2", "p = 7", "q = 2"]),
        ("\\{1, 2\\}", ["\\{1, 2\\}"]), ("f(x, y)", ["f(x, y)"]), ("[1, 2", ["[1, 2"]), ("1, 2)", ["1, 2)"]),
        ("", []), ("$21,16$ or $11$", ["21", "16", "11"]), ("band, order", ["band", "order"]),
    ],
)  # fmt: skip
def test_parts(text, parts):
    assert split_answers(text) == parts


def same(one, other):
    return None if "?" in (one, other) else one == other


@given(st.lists(st.sampled_from("abc"), max_size=6), st.randoms())
def test_any_order_matches_unless_ordered(parts, random):
    shuffled = random.sample(parts, len(parts))
    assert matched(shuffled, parts, same, ordered=False) is True
    assert matched(shuffled, parts, same, ordered=True) is (shuffled == parts)
    assert matched([*parts, "a"], parts, same, ordered=False) is False


def test_each_part_is_used_once_and_doubt_is_kept():
    assert matched(["a", "a", "b"], ["a", "b", "b"], same, ordered=False) is False
    assert matched(["a", "?"], ["a", "b"], same, ordered=False) is None
    assert matched(["c", "?"], ["a", "b"], same, ordered=False) in (None, False)


def test_boxes():
    assert boxed_parts("\\boxed{1} and \\boxed{\\{2\\}}") == ["1", "\\{2\\}"]
    assert boxed_parts("\\boxed{1") == []
    assert len(boxed_parts("\\boxed{9} " * 1000)) == 64


@given(st.text(alphabet="12,;()[]{}\\ andor$", max_size=80))
def test_any_text_splits_without_empty_parts(text):
    assert all(part.strip() for part in split_answers(text))
