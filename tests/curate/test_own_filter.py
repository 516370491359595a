"""A function of the user's as a filter: what it drops and why, what it does wrong, and that an edited one counts."""

import json
from dataclasses import replace

import pytest

from potstill import pipeline
from potstill.errors import PotstillError
from potstill.pipeline import settings
from potstill.pipeline.checks import check_recipe
from potstill.pipeline.own_filter import own_filter
from potstill.recipe_file import load
from potstill.records import Problem, Trace
from potstill.store import Run

RECIPE = """
name: own
problems:
  evaluate: 2
  sources: [{family: chain, count: 12}]
teacher: {kind: worked, error_rate: 0.0, style: plain}
curate: {filter: "mine:short"}
student: {scratch: {hidden: 16, layers: 1, heads: 2, intermediate: 32, vocabulary: 300}}
train: {steps: 1, precision: fp32}
"""
SHORT = """
def short(problem, trace):
    if trace.sample == 7:
        raise ValueError("seven")
    if trace.sample == 8:
        return True
    if trace.sample == 9:
        import os; os._exit(3)
    return "too  few\\nwords" if len(trace.reasoning.split()) < 5 else None
"""
PROBLEM = Problem(id="p4", question="What is 2 plus 2?", gold="4", source="file:mine")


def trace(sample=0, reasoning="Two and two are four, as everybody knows."):
    return Trace(
        problem_key=PROBLEM.key, teacher="t", strategy="s", prompt_key="", sample=sample, attempt=0, sampling="{}",
        reasoning=reasoning, answer="4", finish="stop",
    )  # fmt: skip


@pytest.fixture
def recipe(tmp_path):
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "mine.py").write_text(SHORT)
    return load(str(tmp_path / "recipe.yaml"))


def test_it_keeps_drops_with_its_reason_and_stops_with_the_row_where_it_fails(recipe):
    asked = own_filter(recipe)
    assert asked(PROBLEM, trace()) == ""
    assert asked(PROBLEM, trace(reasoning="Four.")) == "too  few\nwords"
    for sample, what in ((7, "ValueError: seven"), (8, "returned bool, not None or a text"), (9, "failed")):
        with pytest.raises(PotstillError, match=what) as refused:
            asked(PROBLEM, trace(sample))
        assert f"problem p4 of file:mine, sample {sample}" in str(refused.value)
    assert asked(PROBLEM, trace()) == "", "the next one is asked as if nothing had been"


def test_one_that_never_returns_is_named_after_its_seconds(recipe, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text("def endless(problem, trace):\n    while True:\n        pass\n")
    monkeypatch.setattr("potstill.pipeline.own_filter.SECONDS", 0.3)
    endless = replace(recipe, curate=replace(recipe.curate, filter="mine.py:endless"))
    with pytest.raises(PotstillError, match=r"mine\.py:endless took longer than 0\.3 s \(problem p4"):
        own_filter(endless)(PROBLEM, trace())


def test_no_recipe_names_a_function_that_is_not_there_or_takes_other_arguments(recipe, tmp_path):
    check_recipe(recipe, {"examples"})
    (tmp_path / "mine.py").write_text("def short(trace):\n    return None\n")
    with pytest.raises(
        PotstillError, match=r"curate\.filter: mine:short is called with a problem and a trace"
    ) as refused:
        check_recipe(recipe, {"examples"})
    assert "takes 1 positional" in str(refused.value)
    (tmp_path / "mine.py").unlink()
    with pytest.raises(PotstillError, match=r"curate\.filter: no module 'mine'"):
        check_recipe(recipe, {"examples"})


def test_an_edited_function_curates_anew_and_no_function_changes_no_fingerprint(recipe, tmp_path):
    before = settings.of_own_filter(recipe)
    (tmp_path / "mine.py").write_text(SHORT + "\n# edited\n")
    assert settings.of_own_filter(recipe) != before
    without = replace(recipe, curate=replace(recipe.curate, filter=None))
    assert settings.of_own_filter(without) == {}
    assert not {"filter", "diverse"} & set(json.loads(json.dumps(settings.of_curation(without.curate))))


def test_a_run_counts_its_reasons(recipe, tmp_path):
    (tmp_path / "mine.py").write_text(
        "def short(problem, trace):\n    return 'even' if int(float(problem.gold)) % 2 == 0 else None\n"
    )
    folder = Run(tmp_path / "run")
    pipeline.run(recipe, folder, until="examples", workers=1)
    counts = folder.committed("examples").counts
    assert counts["kept"] + sum(counts["dropped"].values()) == 10
    assert counts["dropped"].keys() <= {"curate.filter: even"}
