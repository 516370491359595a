"""Files as spreadsheets, databases and other systems write them: read, or one line that says what to do."""

import datetime
import gzip
import random
import zipfile

import pyarrow as pa
import pytest
from pyarrow import parquet

from potstill.errors import DataError
from potstill.pipeline.settings import of_files
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


def workbook(path, *sheets):
    """Write a workbook by hand: rows of texts and numbers; None leaves a cell out."""
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'

    def cell(column, row, value):
        place = f"{chr(65 + column)}{row}"
        if isinstance(value, str):
            return f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'
        return f'<c r="{place}"><v>{value}</v></c>'

    def sheet(rows):
        lines = [
            f'<row r="{n}">{"".join(cell(c, n, v) for c, v in enumerate(row) if v is not None)}</row>'
            for n, row in enumerate(rows, 1)
        ]
        return f"<worksheet {main}><sheetData>{''.join(lines)}</sheetData></worksheet>"

    numbers = range(1, len(sheets) + 1)
    names = "".join(f'<sheet name="S{n}" sheetId="{n}" r:id="r{n}"/>' for n in numbers)
    links = "".join(f'<Relationship Id="r{n}" Type="{kind}/worksheet" Target="worksheets/s{n}.xml"/>' for n in numbers)
    of = "http://schemas.openxmlformats.org/package/2006"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("[Content_Types].xml", f'<Types xmlns="{of}/content-types"/>')
        start = f'<Relationship Id="a" Type="{kind}/officeDocument" Target="xl/workbook.xml"/>'
        file.writestr("_rels/.rels", f'<Relationships xmlns="{of}/relationships">{start}</Relationships>')
        file.writestr("xl/workbook.xml", f'<workbook {main} xmlns:r="{kind}"><sheets>{names}</sheets></workbook>')
        file.writestr(
            "xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{of}/relationships">{links}</Relationships>'
        )
        for n, rows in zip(numbers, sheets, strict=True):
            file.writestr(f"xl/worksheets/s{n}.xml", sheet(rows))


def test_a_workbook_is_read_and_what_is_unclear_is_one_line(tmp_path):
    pytest.importorskip("python_calamine")
    rows = [
        [None],
        ["id", "question", "gold"],
        ["a", "Half of five?", 2.5],
        [],
        ["b", "Twice two?", 4],
        ["c", "?", "x"],
    ]
    workbook(tmp_path / "p.xlsx", rows, [])
    found = problems(tmp_path, "p.xlsx")
    assert [(p.id, p.question, p.gold) for p in found] == [("a", "Half of five?", "2.5"), ("b", "Twice two?", "4"),
                                                           ("c", "?", "x")]  # fmt: skip
    workbook(tmp_path / "two.xlsx", rows, rows)
    with pytest.raises(DataError, match=r"2 sheets with rows .'S1', 'S2'.: save the one you mean"):
        problems(tmp_path, "two.xlsx")
    workbook(tmp_path / "beside.xlsx", [*rows, ["d", "?", 3, "a note"]])
    with pytest.raises(DataError, match="row 7 has a value in a column without a name"):
        problems(tmp_path, "beside.xlsx")
    (tmp_path / "broken.xlsx").write_bytes((tmp_path / "p.xlsx").read_bytes()[:200])
    with pytest.raises(DataError, match="is no whole workbook"):
        problems(tmp_path, "broken.xlsx")


def test_a_folder_and_a_pattern_are_their_files_in_order(tmp_path):
    (tmp_path / "parts" / "more").mkdir(parents=True)
    (tmp_path / "parts" / "b.jsonl").write_text('{"question": "b?", "answer": "2"}\n')
    (tmp_path / "parts" / "a.csv").write_text("question,answer\na?,1\nc?,3\n")
    (tmp_path / "parts" / "notes.md").write_text("# none of it")
    (tmp_path / "parts" / "more" / "a.jsonl").write_text('{"question": "d?", "answer": "4"}\n')
    folder = problems(tmp_path, "parts")
    assert [(p.id, p.gold) for p in folder] == [("parts-a-2", "1"), ("parts-a-3", "3"), ("parts-b-1", "2")]
    assert [p.gold for p in problems(tmp_path, "parts/**/*.jsonl")] == ["2", "4"]
    assert len({p.id for p in problems(tmp_path, "parts/**/a.*")}) == 3, "files of one name have ids of their own"
    with pytest.raises(DataError, match=r"no such file"):
        problems(tmp_path, "parts/z*.jsonl")
    (tmp_path / "parts" / "b.jsonl").write_text('{"question": "b?", "answer": "2"}\n{"question": 1\n')
    with pytest.raises(DataError, match=r"b\.jsonl: line 2 is not JSON"):
        problems(tmp_path, "parts")


def test_an_edited_new_or_removed_file_of_a_folder_is_a_changed_setting(tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "a.jsonl").write_text('{"question": "a?", "answer": "1"}\n')
    before = of_files("parts", tmp_path)
    assert before == of_files("parts", tmp_path) != of_files("parts/a.jsonl", tmp_path)
    (tmp_path / "parts" / "b.jsonl").write_text('{"question": "b?", "answer": "2"}\n')
    more = of_files("parts", tmp_path)
    (tmp_path / "parts" / "b.jsonl").write_text('{"question": "b?", "answer": "3"}\n')
    assert len({str(found) for found in (before, more, of_files("parts", tmp_path), of_files("p*/*", tmp_path))}) == 3
