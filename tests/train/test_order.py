"""The order of rows: a function of (seed, epoch), every row seen, budgets kept."""

import dataclasses
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.errors import StudentError
from potstill.recipe import Train
from potstill.train.order import micro_batches, plan

LENGTHS = st.lists(st.integers(1, 50), min_size=1, max_size=40)


@given(LENGTHS, st.integers(1, 7), st.integers(1, 3), st.integers(0, 5))
def test_whole_epochs_see_every_row_equally_often(lengths, batch, epochs, seed):
    found = plan(lengths, Train(epochs=float(epochs), batch=batch), seed)
    seen = Counter(row for step in found.steps for row in step)
    assert seen == Counter(dict.fromkeys(range(len(lengths)), epochs))
    assert all(len(step) == batch for step in found.steps[:-1])
    assert found.total_tokens == epochs * sum(lengths)
    assert found.longest == max(lengths)
    assert all(tokens == sum(lengths[r] for r in step) for step, tokens in zip(found.steps, found.tokens, strict=True))


@given(LENGTHS, st.integers(1, 7), st.integers(1, 500))
def test_a_token_budget_is_reached_by_the_last_row(lengths, batch, budget):
    found = plan(lengths, Train(tokens=budget, batch=batch), 1)
    assert budget <= found.total_tokens < budget + max(lengths)


@pytest.mark.parametrize("budget", [{"tokens": 10**12}, {"steps": 10**9}, {"epochs": 1e6}])
def test_a_budget_that_no_memory_holds_is_told_at_once(budget):
    with pytest.raises(StudentError, match=rf"train.{next(iter(budget))}: .* at most 50,000,000: lower it"):
        plan([100] * 1000, Train(**budget), 0)


def test_steps_wrap_around_epochs_and_a_longer_plan_begins_with_the_shorter():
    lengths = [3, 1, 4, 1, 5]
    short, long = (plan(lengths, Train(steps=n, batch=2), 9) for n in (4, 7))
    assert list(long.steps[:4]) == list(short.steps)
    assert [long.steps[-1], long.steps[6]] == [list(long.steps)[6]] * 2
    assert long.rows == 14
    other = plan(lengths, Train(steps=7, batch=2), 8)
    assert list(other.steps) != list(long.steps)
    assert other.key != long.key == plan(lengths, Train(steps=7, batch=2), 9).key


def test_a_curriculum_keeps_its_first_epoch_only():
    lengths = [1] * 12
    found = plan(lengths, Train(epochs=2.0, batch=4), 0, shuffle=False)
    assert [row for step in found.steps[:3] for row in step] == list(range(12))
    assert [row for step in found.steps[3:] for row in step] != list(range(12))


@given(LENGTHS, st.integers(1, 9))
def test_micro_batches_keep_rows_and_the_longest_come_first(lengths, size):
    step = plan(lengths, Train(epochs=1.0, batch=64), 0).steps[0]
    assert [lengths[row] for row in step] == sorted(lengths, reverse=True)
    cut = micro_batches(step, size)
    assert tuple(row for part in cut for row in part) == step
    assert all(len(part) <= size for part in cut)


def test_nothing_to_train_on_and_two_budgets_are_refused():
    with pytest.raises(StudentError, match="no rows"):
        plan([], Train(epochs=1.0), 0)
    with pytest.raises(StudentError, match="exactly one"):
        plan([1], dataclasses.replace(Train(epochs=1.0), steps=3), 0)
