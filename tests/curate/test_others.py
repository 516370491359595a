import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.curate.others import others
from potstill.errors import DataError

several = st.lists(st.sampled_from("abcd"), min_size=2).filter(lambda problems: len(set(problems)) > 1)


@given(several)
def test_each_example_gets_the_next_one_of_another_problem(problems):
    found, size = others(problems), len(problems)
    for at, taken in enumerate(found):
        assert problems[taken] != problems[at]
        between = [problems[(at + step) % size] for step in range(1, (taken - at) % size)]
        assert set(between) <= {problems[at]}, "none of another problem is passed over"


def test_with_one_example_a_problem_each_is_taken_once():
    assert others(["a", "b", "c"]) == [1, 2, 0]
    assert others(["a", "a", "b"]) == [2, 2, 0]
    assert others([]) == []


def test_one_problem_alone_has_no_other():
    with pytest.raises(DataError, match="two problems or more"):
        others(["a", "a"])
