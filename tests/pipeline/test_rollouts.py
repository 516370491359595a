"""What an arm is asked that goes on from the steps of a solution: each rollout has a seed of its own that repeats."""

from potstill.pipeline.rollouts import rollouts_of
from potstill.records import Problem

STEPS = ("2 + 2 = 4.\n\n", "4 * 3 = 13.\n\n", "So the answer is 13.")
PROBLEM = Problem(id="p", question="What is (2 + 2) * 3?", gold="12")


def test_more_rollouts_keep_those_that_were_there():
    few, many = list(rollouts_of(PROBLEM, STEPS, 2, 5)), list(rollouts_of(PROBLEM, STEPS, 5, 5))
    assert [one for one in many if one[0] < 2] == few
    assert len({seed for _, _, seed in many}) == len(many) == 10
    assert [prefix for _, prefix, _ in few] == [STEPS[0]] * 2 + [STEPS[0] + STEPS[1]] * 2
    assert {seed for _, _, seed in rollouts_of(PROBLEM, STEPS, 5, 6)}.isdisjoint({seed for _, _, seed in many})


def test_the_last_step_has_nothing_to_go_on_from():
    assert list(rollouts_of(PROBLEM, STEPS[-1:], 8, 0)) == list(rollouts_of(PROBLEM, (), 8, 0)) == []
