"""pass@k of students with several samples, and what their calls of tools are told as; the figures by hand."""

import math

import pytest

from potstill.records import Measure
from potstill.report.agents import calls_a_response, tool_calls
from potstill.report.facts import StudentFacts
from potstill.report.several import several_samples
from potstill.report.students import arm_result
from potstill.tool_marks import harmless, use_of, with_result


def measured(problem, sample, right, reasoning="", answer="7"):
    return Measure(
        student="s", prompt="zero-shot", problem_key=problem, sample=sample, reasoning=reasoning, answer=answer,
        finish="stop", prompt_tokens=1, completion_tokens=1, looped=False, outcome="right" if right else "wrong",
        cause="", extracted=answer if right else f"{sample}",
    )  # fmt: skip


def result(measures, name="s"):
    return arm_result(StudentFacts(name=name, measures=measures))


def test_pass_at_k_and_the_majority_of_several_samples():
    outcomes = {"a": [1, 1, 0, 0], "b": [0, 0, 0, 1]}
    table = several_samples(
        [result([measured(key, n, right) for key, found in outcomes.items() for n, right in enumerate(found)])]
    )
    by_k = {row[1]: row for row in table.rows}
    assert list(by_k) == [1, 2, 4]
    assert by_k[1][2] == pytest.approx((2 / 4 + 1 / 4) / 2)
    assert by_k[2][2] == pytest.approx(((1 - 1 / 6) + (1 - 3 / 6)) / 2), "1 - C(n-c, 2) / C(n, 2)"
    assert by_k[4][2] == 1.0
    assert by_k[4][5] == pytest.approx((1 + 1 / 4) / 2), "a: two alike; b: four answers with a vote each"
    assert several_samples([result([measured("a", 0, True)])]) is None


CALL = with_result("<tool>calculator\n1 + 1", "2")
BAD = with_result("<tool>calculator\nx", "error: not an expression")


def test_calls_are_told_with_their_interval_and_drawn_against_accuracy():
    two = result(
        [measured("a", 0, True, CALL + CALL), measured("b", 0, False, CALL + BAD), measured("c", 0, True)], "two"
    )
    none = result([measured(key, 0, False) for key in "abc"], "none")
    nodes = tool_calls([two, none], {"traces": {"calls": 4, "failed calls": 1}})
    table, points, taught = nodes
    assert [row[0] for row in table.rows] == ["two", "none"]
    _, mean, low, high, without, failed, invented, solved = table.rows[0]
    assert mean == pytest.approx(4 / 3)
    assert (low, high) == (0.0, pytest.approx(4 / 3 + 4.3027 * math.sqrt(4 / 3) / math.sqrt(3), rel=1e-3))
    assert (without, failed, invented, solved) == (1 / 3, 1 / 4, 0.0, 2 / 4)
    assert table.rows[1][4:] == (1.0, None, 0.0, None)
    assert [(point.name, point.x, point.y) for point in points.points] == [("two", mean, 2 / 3), ("none", 0.0, 0.0)]
    assert taught.rows == (("calls", 4), ("failed calls", 1))
    assert tool_calls([none], {}) == ()


def test_an_invented_result_is_told_and_a_spoken_error_is_none():
    one = result([measured("a", 0, False, "I know <result>")])
    assert tool_calls([one], {})[0].rows[0][6] == 1.0
    spoken = with_result("<tool>python\n1", harmless("error: said", 99))
    assert calls_a_response([measured("a", 0, True, spoken)]).value == 1
    assert not use_of(spoken).failed
