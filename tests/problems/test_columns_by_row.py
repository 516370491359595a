"""Which column holds a field is told by each row: whatever first appears late, or now here and now there, is read."""

import json
import random

import pyarrow as pa
import pytest
from pyarrow import parquet

from potstill.errors import DataError
from potstill.problems import read
from potstill.recipe import DatasetTeacher, Source
from potstill.records import Problem
from potstill.teach.dataset import ProblemIndex, read_traces


def written(folder, rows, ending):
    name = f"r.{ending}"
    if ending == "parquet":
        columns = dict.fromkeys(key for row in rows for key in row)
        parquet.write_table(pa.table({key: [row.get(key) for row in rows] for key in columns}), folder / name)
    elif ending == "json":
        (folder / name).write_text(json.dumps(rows, indent=1))
    else:
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return name


def made(draw, n):
    """Return a row of some columns and the problem's fields that it should give."""
    asked, gold = f"question {n}", draw.choice([None, f"{n} apples"])
    row = {draw.choice(["question", "problem", "Question"]): asked}
    if draw.random() < 0.2:
        row = {draw.choice(["messages", "conversations"]): [{"role": "user", "content": asked}]}
    if gold is not None:
        row[draw.choice(["gold", "answer", "answerKey", "Answer", "ground_truth", "FINAL_ANSWER"])] = gold
        if draw.random() < 0.3:  # an empty column of another name takes nothing away
            row = {"gold": draw.choice([None, ""]), **row} if "gold" not in row else {**row, "answer": ""}
    choices = ()
    if draw.random() < 0.3:
        choices = (f"{n} apples", "none at all")
        row[draw.choice(["choices", "options"])] = list(choices)
        gold = gold and "A"
    solution = draw.choice([None, "worked"])
    if solution:
        row["solution"] = solution
    return row, (asked, gold, choices, solution)


def test_200_files_lose_nothing_wherever_a_column_first_appears(tmp_path):
    draw = random.Random(7)
    for turn in range(200):
        first = draw.choice([0, 99, 100, 101, 140])  # rows that hold a question and nothing else
        bare = [({"question": f"bare {n}"}, (f"bare {n}", None, (), None)) for n in range(first)]
        pairs = bare + [made(draw, n) for n in range(draw.randint(1, 12))]
        name = written(tmp_path, [row for row, _ in pairs], draw.choice(["jsonl", "json", "parquet"]))
        found = list(read(Source(file=name), seed=0, data=tmp_path, where="w"))
        assert [(p.question, p.gold, p.choices, p.solution) for p in found] == [wanted for _, wanted in pairs], turn


def test_a_named_column_may_come_late_but_has_to_come(tmp_path):
    rows = [{"question": f"q{n}"} for n in range(300)]
    name = written(tmp_path, [*rows, {"question": "q", "lsg": "5"}], "jsonl")
    found = list(read(Source(file=name, columns={"gold": "lsg"}), seed=0, data=tmp_path, where="w"))
    assert (found[0].gold, found[-1].gold) == (None, "5")
    with pytest.raises(DataError, match=r"has no column 'lgs' \(w.columns.gold\), did you mean 'lsg'"):
        next(iter(read(Source(file=name, columns={"gold": "lgs"}), seed=0, data=tmp_path, where="w")))


def test_traces_of_several_shapes_in_one_file(tmp_path):
    said = "<think>\ntwo\n</think>\nIt is 4."
    talk = [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": said}]
    rows = [
        {"question": "2 + 2?", "response": said},
        {"problem": "2 + 2?", "generations": [said, said]},
        {"messages": talk},
        {"problem": "2 + 2?", "deepseek_reasoning": "two", "deepseek_solution": "It is 4."},
        {"question": "2 + 2?", "reasoning": "two", "response": "It is 4."},
    ]
    for ending in ("jsonl", "parquet"):
        name = written(tmp_path, [*rows[:1] * 101, *rows], ending)
        teacher = DatasetTeacher(kind="dataset", file=name)
        found = list(read_traces(teacher, tmp_path, ProblemIndex([Problem(id="k", question="2 + 2?", gold="4")])))
        assert {(t.reasoning, t.answer, t.finish) for t in found} == {("two", "It is 4.", "stop")}, ending
        assert len(found) == 107
