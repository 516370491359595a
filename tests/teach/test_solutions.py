"""Human worked solutions as traces."""

import json

import pytest

from potstill.errors import TeacherError
from potstill.problems import read
from potstill.recipe import SolutionsTeacher, Source, Strategy, WorkedTeacher
from potstill.records import Problem
from potstill.teach import traces
from potstill.teach.solutions import solution_trace


def solved(solution, gold="42"):
    return solution_trace(Problem(id="p", question="q?", gold=gold, solution=solution))


def test_gsm8k_solutions_lose_annotations_and_end_in_a_sentence():
    trace = solved("6 hens lay 6*7=<<6*7=42>>42 eggs.\nThat is $<<42/1=42>>42.\n#### 42")
    assert trace.reasoning == "6 hens lay 6*7=42 eggs.\nThat is $42."
    assert trace.answer == "The answer is 42."
    assert (trace.teacher, trace.strategy, trace.finish) == ("human", "solution", "stop")


@pytest.mark.parametrize(
    ("solution", "gold", "reasoning", "answer"),
    [
        ("So $x=\\boxed{4}$.", "4", "So $x=\\boxed{4}$.", "The answer is 4."),
        ("a << b and c >> d", "1", "a << b and c >> d", "The answer is 1."),
        ("#### Step 1\nIt is so.", "7", "#### Step 1\nIt is so.", "The answer is 7."),
        ("First.\n#### 1,080", None, "First.", "The answer is 1,080."),
        ("Nobody knows.", None, "Nobody knows.", ""),
    ],
)
def test_other_solutions_keep_their_text(solution, gold, reasoning, answer):
    trace = solved(solution, gold)
    assert (trace.reasoning, trace.answer) == (reasoning, answer)


def test_problems_without_solution_give_none():
    problems = [
        Problem(id="1", question="a?", gold="1"),
        Problem(id="2", question="b?", gold="2", solution=" "),
        Problem(id="3", question="c?", gold="3", solution="c."),
    ]
    assert [solution_trace(p) is None for p in problems] == [True, True, False]
    found = list(traces(SolutionsTeacher(kind="solutions"), problems, [], strategy=Strategy(), seed=0, data=None))
    assert [t.problem_key for t in found] == [problems[2].key]


def test_worked_traces_are_repeatable_and_keyed_by_their_settings(tmp_path):
    problems = list(read(Source(family="chain", count=3), seed=1, data=tmp_path, where="w"))

    def taught(seed, **fields):
        teacher = WorkedTeacher(kind="worked", **fields)
        return list(traces(teacher, problems, [], strategy=Strategy(samples=2), seed=seed, data=tmp_path))

    found = taught(5)
    assert found == taught(5)
    assert [(t.problem_key, t.sample) for t in found] == [(p.key, n) for p in problems for n in range(2)]
    assert json.loads(found[0].sampling)["seed"] == 5
    assert not {t.key for t in found} & ({t.key for t in taught(6)} | {t.key for t in taught(5, error_rate=0.5)})


def test_the_worked_teacher_refuses_other_problems(tmp_path):
    with pytest.raises(TeacherError, match="own families"):
        list(
            traces(
                WorkedTeacher(kind="worked"),
                [Problem(id="1", question="a?", gold="1")],
                [],
                strategy=Strategy(),
                seed=0,
                data=tmp_path,
            )
        )
