"""Splits: by content, whatever the order of rows; never overlapping; kept + dropped = all."""

import dataclasses
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.errors import DataError, RecipeError
from potstill.problems.splits import split
from potstill.records import Drop, Problem

USES = st.sampled_from(["both", "train", "evaluate"])
QUESTIONS = st.integers(0, 30).flatmap(
    lambda n: st.sampled_from([f"What is {n} plus 1?", f"what is  {n} plus 1", f"WHAT is {n} plus 1?"])
)
PROBLEMS = st.builds(
    Problem,
    id=st.uuids().map(str),
    question=QUESTIONS,
    gold=st.sampled_from(["1", "2", None]),
    source=st.sampled_from(["x", "y"]),
    template=st.sampled_from(["", "t", "u"]),
)


def place(rows, **settings):
    settings = {"seed": 0, "evaluate": 1, "train": None, **settings}
    made = split(lambda: iter(rows), **settings)
    return made, list(made.rows())


def sides(outcome):
    kept = [row for row in outcome if not isinstance(row, Drop)]
    return {p.key for p, side in kept if side == "train"}, {p.key for p, side in kept if side == "evaluate"}


@given(
    st.lists(st.tuples(PROBLEMS, USES), min_size=1, max_size=60), st.integers(0, 5), st.integers(1, 8),
    st.none() | st.integers(1, 9), st.randoms(),
)  # fmt: skip
def test_kept_and_dropped_are_all_and_the_sides_never_meet(rows, seed, evaluate, train, random):
    settings = {"seed": seed, "evaluate": evaluate, "train": train}
    try:
        made, outcome = place(rows, **settings)
    except RecipeError:
        return
    assert len(outcome) == len(rows) == sum(made.counts.values())
    tally = Counter(row.reason if isinstance(row, Drop) else row[1] for row in outcome)
    assert tally == Counter({key: count for key, count in made.counts.items() if count})
    training = [row[0] for row in outcome if not isinstance(row, Drop) and row[1] == "train"]
    held_out = [row[0] for row in outcome if not isinstance(row, Drop) and row[1] == "evaluate"]
    assert not {p.overlap_key for p in training} & {p.overlap_key for p in held_out}
    assert len({p.key for p in training}) == len(training) <= (train or len(rows))
    assert len({p.key for p in held_out}) == len(held_out)
    assert {p.key for p, use in rows if use == "evaluate"} <= {p.key for p in held_out}
    if any(use == "both" for _, use in rows):
        only = {p.key for p, use in rows if use == "evaluate"}
        assert len([p for p in held_out if p.key not in only]) == evaluate
    again = list(rows)
    random.shuffle(again)
    first = {p.source: n for n, (p, _) in reversed(list(enumerate(rows)))}
    again.sort(key=lambda row: first[row[0].source])  # sources keep their order, their rows do not
    if len({p.key for p, _ in rows}) == len({(p.key, p.source) for p, _ in rows}):
        assert sides(place(again, **settings)[1]) == sides(outcome)


@given(st.permutations(range(40)))
def test_adding_rows_and_changing_their_order_moves_nothing_else(order):
    rows = [
        (Problem(id=f"{n}", question=f"How much is {n} and {n}?", gold=str(2 * n), source="s"), "both")
        for n in range(40)
    ]
    training, held_out = sides(place(rows, evaluate=10)[1])
    assert sides(place([rows[n] for n in order], evaluate=10)[1]) == (training, held_out)
    assert len(held_out) == 10
    assert sides(place(rows, evaluate=10, seed=1)[1])[1] != held_out
    assert sides(place(rows, evaluate=12)[1])[1] > held_out


def test_each_source_gives_its_share_to_evaluation():
    rows = [
        (Problem(id=f"{s}{n}", question=f"{s} {n}?", gold="1", source=s), "both")
        for s, size in (("a", 30), ("b", 90))
        for n in range(size)
    ]
    _, outcome = place(rows, evaluate=20)
    shares = Counter(
        p.source for p, side in (row for row in outcome if not isinstance(row, Drop)) if side == "evaluate"
    )
    assert shares == {"a": 5, "b": 15}


def test_copies_conflicts_and_overlaps_have_their_reasons():
    rows = [
        (Problem(id="1", question="What is 1 + 1?", gold=None), "train"),
        (Problem(id="2", question="What is 1 + 1?", gold="2.0"), "train"),
        (Problem(id="3", question="What is 1 + 1?", gold="2"), "train"),
        (Problem(id="4", question="What is 1 + 1?", gold="3"), "train"),
        (Problem(id="5", question="What is 2 + 2?", gold="4"), "train"),
        (Problem(id="6", question="what is  2 + 2", gold="4"), "train"),
        (Problem(id="7", question="What is 2 + 2?", gold="4"), "evaluate"),
        (Problem(id="8", question="What is 2 + 2?", gold="5"), "evaluate"),
        (Problem(id="9", question="What is 2 - 2?", gold="0"), "train"),
    ]
    _, outcome = place(rows)
    assert [row.reason if isinstance(row, Drop) else row[1] for row in outcome] == [
        "duplicate", "train", "duplicate", "conflicting gold", "overlap with evaluation", "overlap with evaluation",
        "evaluate", "conflicting gold", "train",
    ]  # fmt: skip
    assert "4 of an unnamed source: its gold '3'" in outcome[3].detail
    limited = [row.reason for row in place(rows, train=1)[1] if isinstance(row, Drop)]
    assert limited.count("over the wished number") == 1


def test_template_share_counts_held_out_problems_with_a_known_template():
    def problem(n, template):
        return Problem(id=str(n), question=f"question {n}", gold="1", template=template)

    rows = [(problem(1, "a"), "train"), (problem(2, "b"), "train")]
    asked = [(problem(3, "a"), "evaluate"), (problem(4, "c"), "evaluate"), (problem(5, ""), "evaluate")]
    assert place(rows + asked)[0].template_share == 0.5
    assert place([rows[0], asked[2]])[0].template_share is None


def test_what_cannot_be_split_is_said():
    problems = [Problem(id=str(n), question=f"question {n}", gold="1") for n in range(5)]
    with pytest.raises(RecipeError, match="no evaluation split"):
        place([(p, "train") for p in problems])
    with pytest.raises(RecipeError, match=r"asks for 6 held-out problems.*only 5 different"):
        place([(p, "both") for p in problems], evaluate=6)
    with pytest.raises(RecipeError, match="left to train on"):
        place([(p, "both") for p in problems], evaluate=5)


@pytest.mark.parametrize("change", ["fewer", "more", "other"])
def test_sources_that_change_between_the_two_readings_are_noticed(change):
    rows = [(Problem(id=str(n), question=f"question {n}", gold="1"), "both") for n in range(5)]
    made = split(lambda: iter(rows), seed=0, evaluate=2, train=None)
    if change == "fewer":
        rows.pop()
    elif change == "more":
        rows.append((Problem(id="9", question="question 9", gold="1"), "both"))
    else:
        rows[3] = (dataclasses.replace(rows[3][0], question="another"), "both")
    with pytest.raises(DataError, match="changed while they were read"):
        list(made.rows())


def test_problems_with_something_to_judge_by_are_held_out_first():
    """5 of 20 have a gold: all of them are held out before any of the others, whatever the seed and the sources."""
    for seed in range(20):
        rows = [
            (Problem(id=str(n), question=f"question {n}", gold="1" if n % 4 == 0 else None, source="ab"[n % 2]), "both")
            for n in range(20)
        ]
        for wished, judged in ((3, 3), (5, 5), (10, 5)):
            made, outcome = place(rows, seed=seed, evaluate=wished)
            held_out = [row[0] for row in outcome if not isinstance(row, Drop) and row[1] == "evaluate"]
            assert len(held_out) == wished
            assert sum(p.has_check for p in held_out) == made.judged == judged
