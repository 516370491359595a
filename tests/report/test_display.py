import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.report.display import chance, count, duration, label, percent, points, visible


@given(st.text(alphabet=st.characters()))
def test_visible_text_has_nothing_hidden_and_can_be_written(text):
    shown = visible(text)
    shown.encode("utf-8")
    assert all(c in "\n\t" or unicodedata.category(c)[0] != "C" for c in shown)
    assert visible(shown, len(shown)) == shown


def test_ordinary_text_is_left_alone():
    text = "Prüfe: x² ≤ 3·√2, नमस्ते, 三加四, שלום, e\u0301\n\tso 7."
    assert visible(text) == text
    assert visible("a\r\nb\rc") == "a\nb⟨U+000D⟩c"


def test_long_text_is_cut_with_a_note_and_piled_marks_are_thinned():
    shown = visible("x" * 1_000_000)
    assert shown.endswith("[cut for display: the first 6,000 of 1,000,000 characters]")
    assert len(visible("z" + "\u0301" * 500)) == 5


def test_label_is_one_short_line():
    assert label("a\n b\t" + "c" * 100, 10) == "a b cccccc"[:9] + "…"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (percent(0.62), "62.0%"), (percent(float("nan")), "-"), (percent(None), "-"), (points(0.48), "+48.0"),
        (points(-0.012), "-1.2"), (count(1234567), "1,234,567"), (chance(0.0004), "p < 0.001"),
        (chance(0.0324), "p = 0.032"),
        (duration(1.24), "1.2s"), (duration(125), "2m05s"), (duration(None), "-"),
    ],
)  # fmt: skip
def test_numbers_as_people_write_them(written, expected):
    assert written == expected
