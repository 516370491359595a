"""A file of traces as a teacher: one trace for each row, matched with the problems, split where the file says."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from potstill.errors import DataError, PotstillError
from potstill.problems import divide, read
from potstill.recipe import DatasetTeacher, Problems, Source, Strategy
from potstill.records import Drop, Problem
from potstill.teach import traces
from potstill.teach.dataset import ProblemIndex, read_traces

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
LONG = "traces_gsm8k_longcot_r1_qwq_s1.jsonl.gz"
KNOWN = Problem(id="k", question="How many are 2 + 2?", gold="4")


def taught(folder, rows, **fields):
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (folder / "t.jsonl").write_text("".join(f"{line}\n" for line in lines))
    teacher = DatasetTeacher(kind="dataset", file="t.jsonl", **fields)
    return list(read_traces(teacher, folder, ProblemIndex([KNOWN])))


def row(**fields):
    return {"question": KNOWN.question, "model": "m", "response": "<think>\n2 + 2 = 4\n</think>\nIt is 4.", **fields}


def test_reasoning_comes_from_tags_or_from_its_own_field(tmp_path):
    own = {"reasoning": "two and two", "response": "4."}
    found = taught(tmp_path, [row(), row(**own), row(response="Just 4."), row(response="<think>\nhm, well")])
    assert [(t.reasoning, t.answer, t.finish, t.reasoning_kind) for t in found] == [
        ("2 + 2 = 4", "It is 4.", "stop", "raw"),
        ("two and two", "4.", "stop", "raw"),
        ("", "Just 4.", "stop", "none"),
        ("hm, well", "", "length", "raw"),
    ]
    assert [t.sample for t in found] == [0, 1, 2, 3]
    assert {t.problem_key for t in found} == {KNOWN.key}
    assert [t.source for t in found] == [f"t.jsonl:{n}" for n in range(1, 5)]
    assert len({t.key for t in found}) == 4


TURN = {"role": "assistant", "content": "It is 4."}


@pytest.mark.parametrize(
    ("fields", "finish"),
    [
        ({"thinking": "two and two", "response": "It is 4."}, "stop"),
        ({"reasoning_content": "two and two", "response": "It is 4.", "stop_reason": "MAX_TOKENS"}, "length"),
        ({"reasoning": "two and two", "response": "It is 4.", "truncated": True}, "length"),
        ({"messages": [{**TURN, "thinking": [{"type": "text", "text": "two and two"}]}], "truncated": False}, "stop"),
        ({"messages": [{**TURN, "reasoning_details": [{"type": "reasoning.text", "text": "two and two"}]}]}, "stop"),
        (
            {
                "messages": [
                    {**TURN, "content": [{"type": "thinking", "thinking": "two and two"}, {"text": "It is 4."}]}
                ]
            },
            "stop",
        ),
        ({"conversations": [{"from": "gpt", "value": "<scratchpad>two and two</scratchpad>It is 4."}]}, "stop"),
    ],
)
def test_reasoning_and_ends_are_read_wherever_rows_hold_them(tmp_path, fields, finish):
    asked = {
        "messages": {"role": "user", "content": KNOWN.question},
        "conversations": {"from": "human", "value": "2 + 2?"},
    }
    for column, question in asked.items():
        if column in fields:
            fields = {**fields, column: [question, *fields[column]]}
    (found,) = taught(tmp_path, [{"question": KNOWN.question, **fields}])
    assert (found.reasoning, found.answer, found.finish) == ("two and two", "It is 4.", finish)


def test_an_answer_without_reasoning_is_not_lost(tmp_path):
    rows = [{"question": KNOWN.question, "reasoning": r, "said": "It is 4."} for r in ("two and two", "")]
    found = taught(tmp_path, rows, columns={"answer": "said"})
    assert [(t.reasoning, t.answer) for t in found] == [("two and two", "It is 4."), ("", "It is 4.")]


def test_columns_models_and_finish(tmp_path):
    rows = [
        {"q": KNOWN.question, "cot": "r", "a": "4", "who": "x", "end": "max_tokens", "nr": 17},
        {"q": "Another?", "cot": None, "a": None, "who": "y", "end": "content_filter", "nr": 18},
    ]
    columns = {"question": "q", "reasoning": "cot", "answer": "a", "model": "who", "finish": "end", "id": "nr"}
    first, second = taught(tmp_path, rows, columns=columns)
    assert (first.reasoning, first.answer, first.teacher, first.finish) == ("r", "4", "x", "length")
    assert first.source == "t.jsonl:1 (17)"
    assert (second.reasoning, second.answer, second.finish) == ("", "", "refused")
    assert second.problem_key == Problem(id="", question="Another?", gold=None).key
    assert taught(tmp_path, rows, columns=columns, models=("y",)) == [second]
    with pytest.raises(DataError, match=r"teacher.models: t\.jsonl has no traces of 'z'"):
        taught(tmp_path, rows, columns=columns, models=("z",))


def test_questions_match_up_to_trivial_differences_and_choices(tmp_path):
    assert taught(tmp_path, [row(question=" how MANY are  2 + 2 ")])[0].problem_key == KNOWN.key
    one, two = (
        Problem(id="c", question="Which?", gold="A", answer_kind="choice", choices=choices)
        for choices in (("x", "y"), ("y", "z"))
    )
    alone = Problem(id="d", question="Which one?", gold="A", answer_kind="choice", choices=("x", "y"))
    index = ProblemIndex([one, two, alone])
    assert index.key_of("which", ("y", "z")) == two.key
    assert index.key_of("Which?") is None
    assert index.key_of("Which one?") == index.key_of("Which one?", ("other",)) == alone.key


def test_an_edited_row_is_another_trace(tmp_path):
    (before,), (after,) = taught(tmp_path, [row()]), taught(tmp_path, [row(response="<think>\nx\n</think>\n5")])
    assert before.key != after.key


@pytest.mark.parametrize(
    ("rows", "fields", "told"),
    [
        ([row(), {"model": "m", "response": "r"}], {}, "line 2 has no question"),
        ([row(), row(response=["r"])], {}, "line 2: the response (column 'response') is not text but list"),
        ([row(finish="whatever")], {}, "line 1: unknown finish 'whatever'"),
        ([{"question": "q", "output": "r"}], {}, "no column for the response"),
        ([row()], {"columns": {"response": "respnose"}}, "did you mean 'response'?"),
        ([row()], {"columns": {"respnose": "response"}}, "unknown field 'respnose', did you mean 'response'?"),
        ([row(), "{"], {}, "line 2 is not JSON"),
    ],
)
def test_broken_rows_are_named(tmp_path, rows, fields, told):
    with pytest.raises(PotstillError) as caught:
        taught(tmp_path, rows, **fields)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_half_a_surrogate_pair_in_a_response_does_not_stop_the_run(tmp_path):
    text = '{"question": "q", "response": "<think>ok \\ud83d</think>\\ud83d\\ude00"}'
    (trace,) = taught(tmp_path, [text])
    assert (trace.reasoning, trace.answer) == ("ok \ufffd", "\U0001f600")


@pytest.mark.skipif(not (SHARED / LONG).exists(), reason="needs the shared data")
def test_the_real_long_traces_are_all_accounted_for():
    wanted = Problems(
        sources=(Source(file=LONG, use="train"), Source(file="gsm8k_test_300.jsonl", use="evaluate")),
    )
    split = divide(wanted, seed=0, data=SHARED)
    assert split.counts == {
        "train": 156, "evaluate": 300, "duplicate": 858, "conflicting gold": 0, "overlap with evaluation": 130,
        "over the wished number": 0, "edited copy of a test": 0,
    }  # fmt: skip
    kept = [r for r in split.rows() if not isinstance(r, Drop)]
    training, held_out = ([p for p, side in kept if side == s] for s in ("train", "evaluate"))
    teacher = DatasetTeacher(kind="dataset", file=LONG)
    found = list(traces(teacher, training, held_out, strategy=Strategy(), seed=0, data=SHARED))
    assert len(found) == len({t.key for t in found}) == 1144
    assert sum(t.problem_key in {p.key for p in held_out} for t in found) == 520
    assert sum(t.problem_key in {p.key for p in training} for t in found) == 624
    assert set(Counter(t.teacher for t in found).values()) == {286}
    with gzip.open(SHARED / LONG, "rt", encoding="utf-8") as stream:
        for trace, line in zip(found, stream, strict=True):
            assert trace.answer == (json.loads(line)["answer_part"] or "").strip(), trace.source


@pytest.mark.skipif(not SHARED.exists(), reason="needs the shared data")
def test_one_file_is_problems_and_traces_at_once():
    training = list(read(Source(file=LONG), seed=0, data=SHARED, where="w"))
    teacher = DatasetTeacher(kind="dataset", file=LONG)
    found = traces(teacher, training, [], strategy=Strategy(), seed=0, data=SHARED)
    assert [t.problem_key for t in found] == [p.key for p in training]
