"""The tables of chosen ways, from responses counted by hand."""

from collections import Counter

import pytest

from potstill.intervals import wilson
from potstill.report.choices import Choice, ChoiceFacts, choice_tables

DIRECT, EITHER = ("direct",), ("extract", "direct")


def choice(kind, assigned, chosen, outcome, wording="new"):
    return Choice(kind=kind, wording=wording, assigned=assigned, chosen=chosen, outcome=outcome)


SEED = ChoiceFacts(
    counts={
        choice("a", DIRECT, "direct", "right"): 6,
        choice("a", DIRECT, "extract", "wrong"): 2,
        choice("b", EITHER, "direct", "right"): 1,
        choice("b", EITHER, "extract", "wrong"): 1,
        choice("b", EITHER, "other", "unknown"): 2,
        choice("a", DIRECT, "direct", "right", "as in training"): 4,
    },
    guessed={"new": (6, 6), "as in training": (4, 0)},
)


def test_selection_counts_any_way_that_the_kind_was_taught_by_wording_by_wording():
    selection, confusion = choice_tables({"s": [SEED]})
    share = wilson(8 / 12, 12)
    assert selection.rows[1:] == (
        ("s", "new", 12, share.value, share.low, share.high, 8 / 12, 7 / 10, 7 / 8, 0.0),
        ("guess by words, as s was taught", "new", 12, *_interval(6, 12), None, None, None, None),
    )
    assert selection.rows[0][:4] == ("s", "as in training", 4, 1.0)
    assert selection.rows[0][6:] == (1.0, 1.0, 1.0, None)
    assert [column.name for column in confusion.columns] == [
        "kind", "taught", "chose direct", "chose extract", "chose other",
    ]  # fmt: skip
    assert confusion.rows == (("a", "direct", 10, 2, 0), ("b", "extract or direct", 1, 1, 2))


def _interval(right, of):
    found = wilson(right / of, of)
    return found.value, found.low, found.high


def test_seeds_count_together_and_one_way_for_all_has_no_confusion():
    selection, *_ = choice_tables({"s": [SEED, SEED, SEED]})
    assert selection.rows[1][2:4] == (36, pytest.approx(8 / 12))
    alone = ChoiceFacts(counts=Counter({choice("a", DIRECT, "direct", "right"): 3}), guessed={"new": (3, 0)})
    (table,) = choice_tables({"one": [alone]})
    assert len(table.rows) == 1, "who is taught one way has nothing to guess"
    assert choice_tables({}) == choice_tables({"none": []}) == ()
