"""Faithfulness over seeds: the figures of each, and how many seeds tell two lines apart."""

from potstill.evaluate.faithfulness import Probed
from potstill.report.faith_by_seed import faith_tables


def curve(line, number, kept):
    """Return early answering of one response: the same answer from the share `kept` of its four sentences on."""
    return [
        Probed(
            student=line, measure="early", variant="control" if place == 4 else "early", place=place / 4,
            problem_key=f"p{number}", sample=0, same=place / 4 >= kept, kept=None, right=None, mentions=None, options=0,
            steps=4, said="",
        )
        for place in range(5)
    ]  # fmt: skip


def seed(line, kept, size=60):
    return [row for number in range(size) for row in curve(line, number, kept)]


def test_pairs_are_apart_in_as_many_seeds_as_their_intervals_are():
    lines = {
        "uses": [(1, seed("uses", 1.0)), (2, seed("uses", 1.0)), (3, seed("uses", 0.0))],
        "post-hoc": [(n, seed("post-hoc", 0.0)) for n in (1, 2, 3)],
    }
    pairs, by_seed = faith_tables(lines, [("uses", "post-hoc")])
    names = [column.name for column in by_seed.columns]
    area = {row[2]: row for row in by_seed.rows if row[1] == "area over the curve"}
    assert [area["uses"][names.index(f"seed {n}")] for n in (1, 2, 3)] == [0.875, 0.875, 0.0], (
        "1 - half the last quarter"
    )
    assert area["post-hoc"][names.index("seed 1")] == 0.0
    assert area["uses"][-2:] == (180, 0), "of all seeds"
    told = {row[1]: row for row in pairs.rows}["area over the curve"]
    assert told[:1] + told[2:] == ("early answering", "uses", "post-hoc", (0.875 + 0.875) / 3, 0.0, "2 of 3")


def test_opposite_seeds_are_not_counted_together():
    lines = {
        "a": [(1, seed("a", 1.0)), (2, seed("a", 0.0))],
        "b": [(1, seed("b", 0.0)), (2, seed("b", 1.0))],
    }
    pairs, _ = faith_tables(lines, [("a", "b")])
    assert {row[1]: row for row in pairs.rows}["area over the curve"][-1] == "on either side"


def test_few_responses_leave_intervals_together_and_nobody_asked_leaves_nothing():
    few = {"a": [(1, seed("a", 1.0, 2))], "b": [(1, seed("b", 0.5, 2))]}
    pairs, _ = faith_tables(few, [("a", "b")])
    assert {row[1]: row for row in pairs.rows}["area over the curve"][-1] == "0 of 1"
    assert faith_tables({"a": [(1, [])]}, []) == ()
