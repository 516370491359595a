"""Files as spreadsheets, databases and other systems write them: read, or one line that says what to do."""

import datetime
import gzip
import random

import pyarrow as pa
import pytest
from pyarrow import parquet

from potstill.errors import DataError
from potstill.problems import read
from potstill.recipe import Checks, Source
from potstill.records import Problem
from potstill.verify import judge

ROWS = [
    ("id", "question", "gold"),
    ("a", "Wie viel?\nGenau!", "25,2"),
    ("b", 'Der "Rest", ja?', "x;y"),
    ("c", "ü", "3"),
]


def problems(folder, name, **fields):
    return list(read(Source(file=name, **fields), seed=0, data=folder, where="problems.sources.0"))


def sheet(draw):
    """Return the bytes of a sheet as some program saves it, with the suffix and the recipe's fields that go with it."""
    mark, end = draw.choice([",", ";", "\t", "|"]), draw.choice(["\n", "\r\n", "\r"])
    more = draw.choice([0, 0, 3])

    def quoted(cell):
        needs = any(char in cell for char in f'{mark}"\r\n') or draw.random() < 0.2
        return f'"{cell.replace(chr(34), chr(34) * 2)}"' if needs else cell

    lines = [mark.join([*map(quoted, row), *([""] * more)]) for row in ROWS]
    lines += [draw.choice(["", mark * (2 + more)])] * draw.choice([0, 2])
    fields = {"delimiter": mark} if mark == "|" else {}
    if mark != "|" and draw.random() < 0.2:
        lines.insert(0, f"sep={mark}")
    encoding = draw.choice(["utf-8", "utf-8-sig", "utf-16", "utf-32"])
    data = (end.join(lines) + draw.choice(["", end])).encode(encoding)
    pack = draw.choice(["", ".gz", ".zst"])
    if pack:
        data = gzip.compress(data) if pack == ".gz" else pa.compress(data, codec="zstd", asbytes=True)
    return data, f"s{draw.choice(['.csv', '.tsv']) if mark == chr(9) else '.csv'}{pack}", fields


def test_200_sheets_give_the_same_problems(tmp_path):
    draw = random.Random(22)
    for turn in range(200):
        data, name, fields = sheet(draw)
        (tmp_path / name).write_bytes(data)
        found = problems(tmp_path, name, **fields)
        got = [(p.id, p.question.replace("\r\n", "\n").replace("\r", "\n"), p.gold) for p in found]
        assert got == list(ROWS[1:]), (turn, name, data[:60])


def test_lines_are_counted_whatever_ends_them(tmp_path):
    for end in ("\n", "\r\n", "\r"):
        (tmp_path / "s.csv").write_text(end.join(["question,gold", '"a', 'b",1', "", "c,2,3"]), newline="")
        with pytest.raises(DataError, match=r"line 5 has 3 fields where the header has 2; .*`delimiter`"):
            problems(tmp_path, "s.csv")


TYPED = [
    (pa.array([True]), "true", "yes_no", "Yes.", "No."),
    (pa.array([datetime.date(2024, 3, 5)]), "2024-03-05", "date", "March 5, 2024", "March 6, 2024"),
    (pa.array([1_709_596_800_000_000_000], pa.timestamp("ns")), "2024-03-05", "date", "2024-03-05", "2024-03-04"),
    (pa.array([datetime.time(14, 30)], pa.time32("s")), "14:30", "date", "2:30 pm", "15:30"),
    (pa.array(["5"]).dictionary_encode(), "5", "number", "5", "6"),
    (pa.array([b"5"]), "5", "number", "5", "6"),
    (pa.array([7], pa.uint8()), "7", "number", "7", "8"),
]  # fmt: skip


@pytest.mark.parametrize(("column", "gold", "kind", "right", "wrong"), TYPED)
def test_typed_golds_are_read_and_compared(tmp_path, column, gold, kind, right, wrong):
    parquet.write_table(pa.table({"question": ["q"], "gold": column}), tmp_path / "t.parquet")
    (problem,) = problems(tmp_path, "t.parquet")
    assert (problem.gold, problem.answer_kind) == (gold, kind)
    assert judge(problem, right, Checks()).outcome == "right"
    assert judge(problem, wrong, Checks()).outcome == "wrong"


@pytest.mark.parametrize(
    "column",
    [
        pa.array([datetime.timedelta(days=1)]),
        pa.array([1], pa.timestamp("s")),
        pa.array([b"\xff\xfe"]),
        pa.array([[1, 2]]),
    ],
)
def test_a_gold_of_another_type_is_one_line(tmp_path, column):
    parquet.write_table(pa.table({"question": ["q"], "gold": column}), tmp_path / "t.parquet")
    with pytest.raises(DataError, match=r"row 1: the gold is neither text nor a number but .*; write it as text"):
        problems(tmp_path, "t.parquet")


def test_json_true_is_a_gold(tmp_path):
    (tmp_path / "b.jsonl").write_text('{"question": "q", "gold": false}')
    assert problems(tmp_path, "b.jsonl") == [
        Problem(id="b-1", question="q", gold="false", answer_kind="yes_no", source="file:b.jsonl"),
    ]  # fmt: skip
