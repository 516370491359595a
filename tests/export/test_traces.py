"""Traces written in published shapes and read back: reasoning, answer and finish survive whatever they hold."""

import json

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from potstill.errors import DataError, RecipeError
from potstill.export.traces import marked, write_traces
from potstill.marks import MARKS, holds_mark
from potstill.recipe import DatasetTeacher
from potstill.records import Problem, Trace, Verdict
from potstill.teach.dataset import ProblemIndex, read_traces
from potstill.teach.shapes import SHAPES

PIECES = st.sampled_from(["think\n", "\nanswer\n", "\ud83d", "####", "<b>", "a < b | c > d", "[1]", "final "])
TEXT = st.lists(st.text(max_size=20) | PIECES, max_size=4).map("".join).filter(lambda text: not holds_mark(text))
MARKED = st.tuples(TEXT, st.sampled_from([mark for pair in MARKS.values() for mark in pair]), TEXT).map("".join)
ADD = Problem(id="a", question="What is 2 + 2?", gold="4", solution="2 and 2", source="s")
PICK = Problem(id="b", question="Which?", gold="A", answer_kind="choice", choices=("one", "two"))


def trace(problem, reasoning, answer, sample=0, finish="stop", teacher="m"):
    return Trace(
        problem_key=problem.key,
        teacher=teacher,
        strategy="zero_shot",
        prompt_key="k",
        sample=sample,
        attempt=0,
        sampling="{}",
        reasoning=reasoning,
        answer=answer,
        finish=finish,
    )


def verdict(outcome):
    return Verdict(
        trace_key="t",
        check="answer",
        policy="p",
        version=1,
        outcome=outcome,
        cause="",
        method="",
        score=None,
        extracted=None,
    )


def back(folder, problems, columns=None):
    teacher = DatasetTeacher(kind="dataset", file="t.jsonl", columns=columns or {})
    return list(read_traces(teacher, folder, ProblemIndex(problems)))


def lines(folder):
    return [json.loads(line) for line in (folder / "t.jsonl").read_text(encoding="utf-8").split("\n") if line]


def clean(text):
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.sampled_from(SHAPES),
    st.lists(st.tuples(TEXT, TEXT, st.sampled_from(["stop", "length"]), st.booleans()), min_size=1, max_size=5),
)
@example("messages", [("", "no reasoning\nat all", "stop", False), ("cut", "", "length", False)])
def test_reasoning_answer_and_finish_survive(tmp_path_factory, shape, written):
    folder = tmp_path_factory.mktemp("shape")
    written = [(clean(r), clean(a), finish, pick) for r, a, finish, pick in written]
    rows = []
    for number, (reasoning, answer, finish, pick) in enumerate(written):
        problem = PICK if pick else ADD
        rows.append((problem, trace(problem, reasoning, answer, number, finish), None, "given"))
    try:
        write_traces(rows, shape, folder / "t.jsonl")
    except DataError:
        assume(False)
    found = back(folder, [ADD, PICK])
    assert [(t.reasoning, t.answer, t.finish, t.problem_key) for t in found] == [
        (reasoning, answer, finish, (PICK if pick else ADD).key) for reasoning, answer, finish, pick in written
    ]
    assert {t.teacher for t in found} == {"m"}
    assert len({t.source for t in found}) == len(found)


@given(MARKED, TEXT, st.booleans())
def test_a_text_with_marks_of_its_own_is_told(held, other, is_reasoning):
    reasoning, answer = (held, other) if is_reasoning else (other, held)
    with pytest.raises(DataError, match="holds marks of thinking of its own"):
        marked(trace(ADD, clean(reasoning), clean(answer)), "think")


def test_the_shapes_are_those_that_are_published(tmp_path):
    rows = [
        (ADD, trace(ADD, "hm", "It is 5."), verdict("wrong"), "majority"),
        (ADD, trace(ADD, "2 and 2", "It is 4.", 1), verdict("right"), "majority"),
        (ADD, trace(ADD, "well", "", 2, "length"), verdict("unknown"), "majority"),
        (PICK, trace(PICK, "first", "A"), None, "given"),
    ]
    asked, said = {"role": "user", "content": ADD.question}, "<think>\nhm\n</think>\n\nIt is 5."
    assert write_traces(rows, "messages", tmp_path / "t.jsonl") == 4
    first, *_, last = lines(tmp_path)
    assert first["messages"] == [asked, {"role": "assistant", "content": said}]
    assert (first["model"], first["finish_reason"], first["correct"], first["gold"]) == ("m", "stop", False, "4")
    assert (first["gold_source"], last["gold_source"]) == ("majority", "given")
    assert last["messages"][0]["content"] == "Which?\n(A) one\n(B) two"
    write_traces(rows, "sharegpt", tmp_path / "t.jsonl")
    assert lines(tmp_path)[0]["conversations"] == [
        {"from": "human", "value": ADD.question}, {"from": "gpt", "value": said},
    ]  # fmt: skip
    write_traces(rows, "openthoughts", tmp_path / "t.jsonl")
    first = lines(tmp_path)[0]
    assert first["system"] == ""
    assert first["conversations"][1] == {
        "from": "assistant",
        "value": "<|begin_of_thought|>\n\nhm\n\n<|end_of_thought|>\n\n"
        "<|begin_of_solution|>\n\nIt is 5.\n\n<|end_of_solution|>",
    }
    assert write_traces(rows, "openr1", tmp_path / "t.jsonl") == 2
    both, _ = lines(tmp_path)
    assert both["generations"] == [said, "<think>\n2 and 2\n</think>\n\nIt is 4.", "<think>\nwell"]
    assert (both["problem"], both["answer"], both["solution"]) == (ADD.question, "4", "2 and 2")
    assert both["is_reasoning_complete"] == [True, True, False]
    assert both["finish_reasons"] == ["stop", "stop", "length"]
    assert both["gold_source"] == "majority"
    assert (both["correctness_potstill"], both["correctness_count"]) == ([False, True, None], 1)
    assert both["messages"][1]["content"] == both["generations"][1], "the first that is right is shown"


def test_a_crash_leaves_what_was_there(tmp_path):
    path = tmp_path / "new" / "t.jsonl"
    write_traces([(ADD, trace(ADD, "r", "a"), None, "none")], "messages", path)
    before = path.read_bytes()

    def broken():
        yield ADD, trace(ADD, "other", "b"), None, "none"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_traces(broken(), "messages", path)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["t.jsonl"]


def test_an_unknown_shape_is_told(tmp_path):
    with pytest.raises(RecipeError, match="no shape 'sharegtp' of traces, did you mean 'sharegpt'"):
        write_traces([], "sharegtp", tmp_path / "t.jsonl")
