"""Every task of reasoning-gym: read, carried through JSON, and its own gold still scored 1.0 by its own scorer."""

import warnings

import pytest

from potstill.problems import read
from potstill.problems.gym import entry_of, scorer_of
from potstill.recipe import Source

warnings.filterwarnings("ignore")  # the package imports others that warn
gym = pytest.importorskip("reasoning_gym.factory")
TASKS = sorted(set(gym.DATASETS) - {"composite"})
pytestmark = pytest.mark.filterwarnings("ignore")


def some(name, count=2, seed=7, tmp=None, **settings):
    source = Source(reasoning_gym=name, count=count, settings=settings)
    return list(read(source, seed=seed, data=tmp, where="problems.sources.0"))


@pytest.mark.parametrize("name", TASKS)
def test_every_task_is_read_and_its_gold_scores_full_marks(name, tmp_path):
    found = some(name, tmp=tmp_path)
    assert found == some(name, tmp=tmp_path)
    for problem in found:
        assert problem.question
        assert problem.checker == f"reasoning_gym:{name}"
        assert problem.domain == scorer_of(name, problem.facts).category
        if problem.gold is not None:
            assert scorer_of(name, problem.facts).score_answer(problem.gold, entry_of(problem.facts)) == 1.0


def test_settings_reach_the_task_and_the_scorer(tmp_path):
    (problem,) = some("chain_sum", count=1, tmp=tmp_path, min_terms=6, max_terms=6)
    assert problem.question.count("+") + problem.question.count(" - ") >= 5
    assert scorer_of("chain_sum", problem.facts).config.min_terms == 6
    assert some("chain_sum", seed=8, tmp=tmp_path) != some("chain_sum", seed=9, tmp=tmp_path)


@pytest.mark.parametrize("name", ["arc_agi", "graph_color", "codeio"])
def test_an_entry_keeps_its_tuples_and_number_keys(name, tmp_path):
    task = gym.create_dataset(name, seed=7, size=2)
    assert [entry_of(problem.facts) for problem in some(name, tmp=tmp_path)] == [task[0], task[1]]
