"""Worked examples: from a file or drawn from the training problems, and never a question of the evaluation."""

import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from potstill.errors import DataError, RecipeError, StoreError
from potstill.recipe import Strategy
from potstill.records import Problem
from potstill.teach.prompt_files import prompt_of
from potstill.teach.shots import drawn_shots, read_shots
from potstill.teach.strategies import STRATEGIES, Material


def problem(number, **changes):
    fields = {"solution": f"One more than {number - 1} is {number}.\n#### {number}"} | changes
    return Problem(id=f"p{number}", question=f"What is {number - 1} + 1?", gold=str(number), **fields)


def write(folder, rows, name="shots.jsonl"):
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))


ROW = {"question": "What is 2 + 2?", "reasoning": "Two and two.", "answer": "The answer is 4."}


def test_a_file_of_worked_examples(tmp_path):
    write(tmp_path, [ROW, {**ROW, "question": "Which?", "answer": 7}, {**ROW, "question": "what is 2+2 ?"}])
    shots = read_shots("shots.jsonl", tmp_path, 2, [])
    assert [(s.question, s.reasoning, s.answer) for s in shots[:2]] == [
        ("What is 2 + 2?", "Two and two.", "The answer is 4."), ("Which?", "Two and two.", "7"),
    ]  # fmt: skip
    write(tmp_path, [{"problem": "Which?", "solution": "The first.", "answer": 7}])
    assert read_shots("shots.jsonl", tmp_path, 1, [])[0].reasoning == "The first."


@pytest.mark.parametrize(
    "held",
    [
        Problem(id="e9", question="what IS 2 + 2", gold="4"),
        Problem(id="e9", question="What is 2 + 2?", gold="A", answer_kind="choice", choices=("4", "5")),
        Problem(id="e9", question="What is 2 + 2 ?", gold=None, answer_kind="number", choices=("What is", "2 + 2 ?")),
    ],
)
def test_a_worked_example_of_the_evaluation_is_refused_in_one_line(tmp_path, held):
    write(tmp_path, [{**ROW, "question": "Why?"}, ROW])
    told = r"shots\.jsonl: line 2 asks the evaluation problem 'e9': take it out"
    with pytest.raises(DataError, match=told) as caught:
        read_shots("shots.jsonl", tmp_path, 1, [Problem(id="e1", question="Other?", gold="1"), held])
    assert "\n" not in str(caught.value)


def test_choices_written_out_in_a_worked_example_do_not_hide_an_evaluation_problem(tmp_path):
    held = Problem(id="e1", question="Which?", gold="A", answer_kind="choice", choices=("one", "two"))
    write(tmp_path, [{**ROW, "question": held.statement}])
    with pytest.raises(DataError, match="asks the evaluation problem 'e1'"):
        read_shots("shots.jsonl", tmp_path, 1, [held])


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([ROW, {"question": "q", "answer": "a"}], "line 2 has no reasoning"),
        ([{"reasoning": "r", "answer": "a"}], "line 1 has no question"),
        ([{**ROW, "answer": None}], "line 1 has no answer"),
        ([ROW], "holds 1 worked examples, strategy.shots asks for 3"),
        ([{**ROW, "reasoning": ["r"]}], "line 1: the reasoning is neither text nor a number"),
    ],
)
def test_a_broken_file_is_told_in_one_line(tmp_path, rows, told):
    write(tmp_path, rows)
    with pytest.raises((DataError, RecipeError)) as caught:
        read_shots("shots.jsonl", tmp_path, 3, [])
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(6, 20), st.randoms())
def test_the_draw_depends_on_the_seed_and_not_on_the_order(tmp_path_factory, seed, count, size, dice):
    folder = tmp_path_factory.mktemp("drawn")
    training = [problem(number) for number in range(size)]
    shuffled = dice.sample(training, size)
    held_out = training[:1]
    drawn = drawn_shots(lambda: training, held_out, count, seed=seed, kept=folder / "a" / "shots.json")
    assert drawn == drawn_shots(lambda: shuffled, held_out, count, seed=seed, kept=folder / "b" / "shots.json")
    assert len(drawn) == len(set(drawn)) == min(count + 1, size - 1)
    assert {s.question for s in drawn} <= {p.question for p in training[1:]}


def test_drawn_examples_stay_as_long_as_they_are_training_problems(tmp_path):
    kept = tmp_path / "shots.json"
    few = [problem(number) for number in range(6)]
    drawn = drawn_shots(lambda: few, [], 2, seed=1, kept=kept)
    more = [problem(number) for number in range(300)]
    assert drawn_shots(lambda: more, [], 2, seed=1, kept=kept) == drawn
    assert drawn_shots(lambda: more, [], 2, seed=2, kept=kept) != drawn
    again = drawn_shots(lambda: few, [], 2, seed=1, kept=kept)
    out = next(p for p in few if p.question == again[0].question)
    assert again[0] not in drawn_shots(lambda: few, [out], 2, seed=1, kept=kept)
    assert again[0] not in drawn_shots(lambda: [p for p in few if p != out], [], 2, seed=1, kept=kept)
    kept.write_text("{}")
    with pytest.raises(StoreError, match="remove it"):
        drawn_shots(lambda: few, [], 2, seed=1, kept=kept)


def test_too_few_solutions_are_told(tmp_path):
    training = [problem(1), problem(2, solution=None), problem(3, solution="long " * 2000)]
    with pytest.raises(RecipeError, match=r"few_shot: 1 training problems have a solution to show.*shots_file"):
        drawn_shots(lambda: training, [], 3, seed=0, kept=tmp_path / "shots.json")


def test_no_problem_is_shown_its_own_solution(tmp_path):
    training = [problem(number) for number in range(5)]
    material = Material(
        training=lambda: random.sample(training, 5), held_out=list, data=tmp_path, seed=4, kept=tmp_path / "shots.json"
    )
    strategy = Strategy(kind="few_shot", prompt="", shots=3)
    asked = STRATEGIES["few_shot"].asking(prompt_of(strategy, tmp_path), strategy, material)
    for own in training:
        text = asked.messages(own)[0].content
        assert text.count(own.question) == 1
        assert text.count("The answer is") == 3
