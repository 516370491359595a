"""Curves over compute: where they cross, what each needs for the same accuracy, and which arms have one."""

import pytest

from potstill.report.crossing import crossing_table, crossings, needed
from potstill.report.study import build_study
from potstill.report.study_facts import LineFacts, SeedFacts, StudyFacts

FAST = [(0.0, 0.1), (10.0, 0.5), (20.0, 0.6)]
SLOW = [(0.0, 0.1), (20.0, 0.3), (40.0, 0.9)]


def test_crossings_by_hand():
    assert crossings(FAST, [(5.0, 0.2), (10.0, 0.3), (20.0, 0.8)]) == [pytest.approx(15.0)]
    assert crossings(FAST, SLOW) == [], "from one start on the one leads as far as both were measured"
    assert crossings([(0.0, 0.0), (2.0, 1.0)], [(0.0, 1.0), (2.0, 0.0)]) == [1.0]
    assert crossings([(0.0, 0.1), (4.0, 0.5), (8.0, 0.5)], [(0.0, 0.5), (4.0, 0.5), (8.0, 0.1)]) == [4.0]
    touching = [(0.0, 0.4), (10.0, 0.5), (20.0, 0.5)]
    assert crossings([(0.0, 0.5), (20.0, 0.5)], touching) == [], "to draw level is not to pass"
    assert crossings(FAST, [(30.0, 0.2), (40.0, 0.9)]) == []


def test_what_an_accuracy_needs_by_hand():
    assert needed(FAST, 0.3) == pytest.approx(5.0)
    assert needed(SLOW, 0.6) == pytest.approx(30.0)
    assert (needed(FAST, 0.1), needed(FAST, 0.7)) == (0.0, None)


def test_a_row_says_how_much_more_the_slower_one_takes():
    (row,) = crossing_table({"fast": FAST, "slow": SLOW}, [("fast", "slow"), ("fast", "alone")], ("TFLOP", 2.0)).rows
    assert row == ("fast", "slow", 0.0, 10.0, "nowhere", "fast", 0.6, 10.0, pytest.approx(15.0))


def line(name, flops, right, *, start=None, before=()):
    seed = SeedFacts(
        seed=1, shares={"p": {str(n): float(n < right) for n in range(10)}}, unscored={}, tokens_trained=flops,
        flops=flops, training_seconds=1.0,
    )  # fmt: skip
    return LineFacts(name=name, variant="", arm=name, seeds=[seed], start=start, before=before)


def test_a_curve_begins_where_the_arm_that_it_goes_on_from_began():
    lines = [
        line("start", 100, 2),
        line("traces", 300, 8, start="start", before=[line("traces, phase 1", 200, 5)]),
        line("rl", 200, 3, start="start", before=[line("rl, phase 1", 150, 2)]),
        line("rl-long", 400, 5, start="rl"),
        line("plain", 300, 4, start="start"),
    ]
    pairs = [("traces", "rl-long"), ("rl-long", "rl"), ("rl", "start"), ("traces", "plain")]
    facts = StudyFacts(
        name="s", question="", predicted="", lines=lines, pairs=pairs, margin=0.03, seeds_vary="all", runs=[],
        study_yaml="", versions={},
    )  # fmt: skip
    report = build_study(facts)
    (table,) = [table for table in report.tables if "cross" in table.title]
    (row,) = table.rows
    assert row[:6] == ("traces", "rl-long", pytest.approx(1e-4), pytest.approx(3e-4), "nowhere", "traces")
    assert row[6:] == (0.5, pytest.approx(2e-4), pytest.approx(4e-4))
    assert "Where curves over compute cross" in report.text()
