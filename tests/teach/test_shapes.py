"""Published shapes of traces as a teacher: told apart by their columns, broken rows named."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.errors import DataError
from potstill.problems.conversations import without_instruction
from potstill.recipe import DatasetTeacher
from potstill.records import Problem
from potstill.teach.dataset import ProblemIndex, read_traces

ADD = Problem(id="k", question="How many are 2 + 2?", gold="4")
BOTH = ("2 and 2", "It is 4.", "stop")


def taught(folder, *rows, **fields):
    (folder / "t.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    teacher = DatasetTeacher(kind="dataset", file="t.jsonl", **fields)
    return list(read_traces(teacher, folder, ProblemIndex([ADD])))


def seen(traces):
    assert {trace.problem_key for trace in traces} == {ADD.key}
    return [(trace.reasoning, trace.answer, trace.finish) for trace in traces]


SAID = "<think>\n2 and 2\n</think>\n\nIt is 4."
SHAPED = {
    "openthoughts": {
        "system": "Think.",
        "conversations": [
            {"from": "user", "value": r"Return your final response within \boxed{}. How many are 2 + 2?"},
            {
                "from": "assistant",
                "value": "<|begin_of_thought|>\n\n2 and 2\n\n<|end_of_thought|>\n\n"
                "<|begin_of_solution|>\n\nIt is 4.\n\n<|end_of_solution|>",
            },
        ],
    },
    "openthoughts metadata": {
        "problem": ADD.question, "deepseek_reasoning": "2 and 2", "deepseek_solution": "It is 4.",
        "ground_truth_solution": "4", "domain": "math", "source": "s", "test_cases": None, "starter_code": None,
    },
    "openthoughts3": {
        "difficulty": 7, "source": "s", "domain": "math",
        "conversations": [{"from": "human", "value": ADD.question}, {"from": "gpt", "value": SAID}],
    },
    "sharegpt": {
        "id": "x_0",
        "conversations": [
            {"from": "system", "value": "Be brief."}, {"from": "human", "value": ADD.question},
            {"from": "gpt", "value": SAID}, {"from": "human", "value": "Thanks!"}, {"from": "gpt", "value": "Bye."},
        ],
    },
    "messages": {
        "messages": [
            {"role": "user", "content": ADD.question + "\nPlease put your final answer within \\boxed{}."},
            {"role": "assistant", "content": SAID},
        ],
        "num_tokens": 7, "source": "s",
    },
    "messages with a reasoning field": {
        "messages": [
            {"role": "developer", "content": None},
            {"role": "user", "content": [{"type": "text", "text": part} for part in ("How many are", " 2 + 2?")]},
            {"role": "assistant", "content": "It is 4.", "reasoning_content": "2 and 2"},
        ],
    },
    "messages in JSON": {
        "messages": json.dumps([{"role": "user", "content": ADD.question}, {"role": "assistant", "content": SAID}])
    },
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPED)
def test_a_shape_is_told_by_its_columns(tmp_path, shape):
    assert seen(taught(tmp_path, SHAPED[shape], SHAPED[shape])) == [BOTH, BOTH]


def test_generations_are_samples_of_one_problem(tmp_path):
    row = {
        "problem": ADD.question, "solution": "s", "answer": "4", "uuid": "u", "source": "olympiads",
        "generations": [SAID, "<think>\nhm", SAID, "Just 4."],
        "finish_reasons": ["stop", "length", "stop", None], "is_reasoning_complete": [True, False, False, True],
        "correctness_math_verify": [True, False, True, False], "correctness_llama": None, "correctness_count": 2,
        "messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": SAID}],
    }  # fmt: skip
    plain = {**row, "finish_reasons": None, "is_reasoning_complete": None, "generations": [SAID]}
    found = taught(tmp_path, row, {**plain, "generations": []}, plain)
    assert seen(found) == [BOTH, ("hm", "", "length"), (*BOTH[:2], "length"), ("", "Just 4.", "stop"), BOTH]
    assert [trace.sample for trace in found] == [0, 1, 2, 3, 4]
    assert [trace.source for trace in found] == [f"t.jsonl:{place}" for place in ("1.1", "1.2", "1.3", "1.4", "3.1")]


def test_columns_that_are_named_or_plain_win_over_a_conversation(tmp_path):
    row = {**SHAPED["messages"], "question": ADD.question, "response": "<think>\nown\n</think>\n5"}
    assert seen(taught(tmp_path, row)) == [("own", "5", "stop")]
    row = {**SHAPED["messages"], "q": ADD.question, "said": "<think>\nown\n</think>\n5"}
    assert seen(taught(tmp_path, row, columns={"question": "q", "response": "said"})) == [("own", "5", "stop")]
    row = {**SHAPED["sharegpt"], "question": ADD.question, "model": "r1"}
    (found,) = taught(tmp_path, row, models=("r1",))
    assert (found.reasoning, found.teacher, found.source) == ("2 and 2", "r1", "t.jsonl:1")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"conversations": "hello"}, "'conversations' is not a list of turns but str"),
        ({"conversations": "[1,"}, "'conversations' is not a list in JSON"),
        ({"conversations": None}, "'conversations' is not a list of turns but NoneType"),
        ({"conversations": [3]}, "turn 1 of 'conversations' is not an object but int"),
        ({"messages": [{"role": "usr", "content": "q"}]}, "turn 1 of 'messages': unknown role 'usr', did you mean"),
        ({"messages": [{"content": "q"}]}, "turn 1 of 'messages': unknown role 'None'"),
        ({"messages": [{"role": "user", "content": 4}]}, "turn 1 of 'messages': its text is not text but int"),
        ({"messages": []}, "the conversation in 'messages' has no question"),
        ({"messages": [{"role": "user", "content": "q"}]}, "the conversation in 'messages' has no reply"),
        ({"messages": [{"role": "assistant", "content": "q"}]}, "the conversation in 'messages' has no question"),
        ({"messages": [{"role": "user", "content": ""}, {"role": "assistant", "content": "r"}]}, "has no question"),
        ({"generations": "r", "problem": "q"}, "'generations' is not a list but str"),
        ({"generations": ["r", None], "problem": "q"}, "generation 2 is not text but NoneType"),
        ({"generations": ["r"], "problem": None}, "line 2, generation 1 has no question"),
        (
            {"generations": ["r"], "problem": "q", "finish_reasons": ["stop", "stop"]},
            "'finish_reasons' has 2 entries for 1 generations",
        ),
        (
            {"generations": ["r"], "problem": "q", "is_reasoning_complete": True},
            "'is_reasoning_complete' has bool for 1 generations",
        ),
    ],
)  # fmt: skip
def test_broken_rows_are_named(tmp_path, row, told):
    whole = {
        "conversations": SHAPED["sharegpt"], "messages": SHAPED["messages"],
        "generations": {"generations": [SAID], "problem": "q"},
    }  # fmt: skip
    first = next(shaped for column, shaped in whole.items() if column in row)
    with pytest.raises(DataError) as caught:
        taught(tmp_path, first, row)
    assert str(caught.value).startswith("t.jsonl: line 2")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        (r"Return your final response within \boxed{}. Find $x$.", "Find $x$."),
        ("Find $x$. Please reason step by step, and put your final answer within \\boxed{}.", "Find $x$."),
        ("Find $x$.\n\nPut the answer in $\\boxed{}$.", "Find $x$."),
        (r"Find the number in \boxed{7}. What is it?", r"Find the number in \boxed{7}. What is it?"),
        ("Find $x$.", "Find $x$."),
    ],
)
def test_the_sentence_about_the_box_is_no_part_of_a_question(asked, left):
    assert without_instruction(asked) == left


@given(st.text(alphabet="ab\\{}. boxed\n", max_size=4000))
def test_taking_the_sentence_off_takes_linear_time_and_never_adds(text):
    assert without_instruction(text) in text
