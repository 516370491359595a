"""Prompts as files: the packaged ones, the user's own, and what a wrong one is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.errors import RecipeError
from potstill.recipe import Policy, Strategy
from potstill.records import Problem
from potstill.teach.prompt_files import prompt_of
from potstill.teach.prompts import Asking
from potstill.teach.roles import packaged
from potstill.teach.shots import Shot
from potstill.teach.strategies import STRATEGIES, Material
from potstill.verify.answer_kinds import ANSWER_KINDS
from potstill.verify.answers import judge_response

ADD = Problem(id="a", question="What is 2 + 2?", gold="4", solution="2 + 2 = 4\n#### 4")
SHOTS = tuple(Shot(f"What is {n} + 1?", f"{n} and one are {n + 1}.", f"The answer is {n + 1}.") for n in range(4))


def zero_shot(problem, **strategy):
    material = Material(training=list, held_out=list, data=None, seed=0, kept=None)
    strategy = Strategy(prompt="", **strategy)
    asked = STRATEGIES["zero_shot"].asking(prompt_of(strategy, None), strategy, material)
    (message,) = asked.messages(problem)
    return message.content


def test_the_packaged_prompt_asks_for_steps_and_for_an_answer_that_can_be_found():
    assert zero_shot(ADD) == f"What is 2 + 2?\n\nReason step by step. {ANSWER_KINDS['number'].form}"
    pick = Problem(id="b", question="Which?", gold="A", answer_kind="choice", choices=("one", "two"))
    assert zero_shot(pick) == f"Which?\n(A) one\n(B) two\n\nReason step by step. {ANSWER_KINDS['choice'].form}"


@pytest.mark.parametrize(
    ("kind", "gold", "choices"),
    [("number", "4", ()), ("expression", r"\frac{1}{2}", ()), ("choice", "B", ("no", "yes")), ("yes_no", "no", ()),
     ("text", "Paris", ()), ("set", "{1, 2}", ()), ("date", "3 May 2021", ()), ("auto", "(0, 1]", ())],
)  # fmt: skip
def test_an_answer_in_the_form_that_is_asked_for_is_read(kind, gold, choices):
    form = ANSWER_KINDS[kind].form
    assert r"\boxed{}" in form
    said = f"So it follows, as 17 is odd.\n\n\\boxed{{{gold}}}"
    assert judge_response(said, gold, kind, choices, Policy(), seconds=5.0).outcome == "right"


def test_a_file_takes_the_place_of_the_prompt(tmp_path):
    (tmp_path / "mine.txt").write_bytes(b"\nFrage: {question}\r\nAntworte {knapp}.\n\n")
    strategy = Strategy(prompt="{question} {answer_form}", prompt_file="mine.txt")
    assert prompt_of(strategy, tmp_path) == "Frage: {question}\nAntworte {knapp}."


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"prompt_file": "absent.txt"}, r"strategy\.prompt_file: .*absent\.txt cannot be read"),
        ({"prompt_file": "."}, r"strategy\.prompt_file: .* cannot be read"),
        ({"prompt_file": "bytes.txt"}, r"bytes\.txt cannot be read"),
        ({"prompt_file": "silent.txt"}, r"silent\.txt never mentions \{question\}"),
        ({"prompt": "{question}", "kind": "few_shot"}, r"strategy\.prompt never mentions \{shots\}"),
        ({"prompt": "{shots} {question}"}, r"strategy\.prompt mentions \{shots\}, and strategy\.kind is zero_shot"),
    ],
)
def test_a_prompt_that_cannot_be_filled_is_told_in_one_line(tmp_path, changes, told):
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe{question}")
    (tmp_path / "silent.txt").write_text("Solve it.")
    with pytest.raises(RecipeError, match=told) as caught:
        prompt_of(Strategy(**changes), tmp_path)
    assert "\n" not in str(caught.value)


def test_worked_examples_stand_before_the_question_and_never_the_problem_itself():
    asked = Asking("", packaged("few_shot"), SHOTS, shown=3)
    text = asked.messages(ADD)[0].content
    assert [n for n in range(4) if f"What is {n} + 1?" in text] == [0, 1, 2]
    assert text.index("The answer is 3.") < text.index("What is 2 + 2?") < text.rindex("Solution:")
    own = asked.messages(Problem(id="c", question="what is  1 + 1", gold="2"))[0].content
    assert [n for n in range(4) if f"What is {n} + 1?" in own] == [0, 2, 3]


@given(st.text(), st.text(), st.sampled_from(["{question}", "{shots}", "{answer_form}", "{}", "{0}", r"\frac{1}{2}"]))
def test_questions_and_worked_examples_come_through_as_they_are(question, reasoning, braces):
    question = f"asked: {question}{braces}"
    shot = Shot("Q" + braces, reasoning + braces, "A" + braces)
    asked = Asking("{answer_form}", "{shots}|{question}", (shot,), shown=1)
    system, user = asked.messages(Problem(id="x", question=question, gold=None, answer_kind="text"))
    assert user.content == f"Problem: Q{braces}\n\nSolution: {shot.reasoning}\n\nA{braces}|{question}"
    assert system.content == ANSWER_KINDS["text"].form
