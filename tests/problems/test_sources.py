"""Every kind of source, read for real; every mistake of a careless user ends in one line that names the place."""

import csv
import dataclasses
import gzip
import json

import pyarrow as pa
import pytest
from pyarrow import parquet

from potstill.errors import DataError, MissingExtraError, PotstillError, RecipeError
from potstill.problems import check_source, divide, read
from potstill.recipe import Problems, Source

ROWS = [
    {"id": "a", "question": "What is 2 + 3?", "gold": "5"},
    {"id": "b", "question": "What is 4 × 3?", "gold": "12"},
    {"id": "c", "question": "Is 7 prime, yes or no?", "gold": "yes", "solution": "It is.", "difficulty": 2},
]


def lines(path, rows):
    text = "".join(f"{row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)}\n" for row in rows)
    path.write_text(text, encoding="utf-8")


def problems(folder, name, **fields):
    return list(read(Source(file=name, **fields), seed=0, data=folder, where="problems.sources.0"))


def failure(folder, name, **fields):
    with pytest.raises(PotstillError) as caught:
        problems(folder, name, **fields)
    message = str(caught.value)
    assert "\n" not in message
    assert caught.value.exit_code == 2
    return message


def test_the_formats_give_the_same_problems(tmp_path):
    columns = ["id", "question", "gold", "solution", "difficulty"]
    full = [{column: row.get(column) for column in columns} for row in ROWS]
    lines(tmp_path / "p.jsonl", full)
    parquet.write_table(pa.Table.from_pylist(full), tmp_path / "p.parquet")
    with (tmp_path / "p.csv").open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        writer.writerows(full)
    for name in ("p.jsonl", "p.csv"):
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress((tmp_path / name).read_bytes()))
    first = [dataclasses.replace(p, source="") for p in problems(tmp_path, "p.jsonl")]
    assert [(p.id, p.gold, p.answer_kind, p.difficulty) for p in first] == [
        ("a", "5", "number", None), ("b", "12", "number", None), ("c", "yes", "auto", 2.0),
    ]  # fmt: skip
    assert first[2].solution == "It is."
    for name in ("p.csv", "p.parquet", "p.jsonl.gz", "p.csv.gz"):
        assert [dataclasses.replace(p, source="") for p in problems(tmp_path, name)] == first, name


def test_columns_are_mapped_left_out_and_numbered(tmp_path):
    lines(
        tmp_path / "q.jsonl", ["", {"frage": "1+1?", "lsg": 2, "difficulty": "easy"}, {"frage": "0.1+0.2?", "lsg": 0.3}]
    )
    found = problems(
        tmp_path,
        "q.jsonl",
        columns={"question": "frage", "gold": "lsg", "difficulty": ""},
        domain="sums",
        checker="m:f",
    )
    assert [(p.id, p.gold, p.domain, p.checker) for p in found] == [
        ("q-2", "2", "sums", "m:f"), ("q-3", "0.3", "sums", "m:f"),
    ]  # fmt: skip
    assert problems(tmp_path, "q.jsonl", columns={"question": "frage", "difficulty": ""}, count=1)[0].gold is None


@pytest.mark.parametrize(
    ("gold", "text"),
    [
        ("12345678901234567890123", "12345678901234567890123"),
        ("0.1", "0.1"),
        ("-0", "0"),
        ("2.50", "2.50"),
        ("0.12345678901234567890", "0.12345678901234567890"),
        ("1e400", "1e400"),
    ],
)
def test_numbers_keep_their_digits(tmp_path, gold, text):
    lines(tmp_path / "n.jsonl", [f'{{"question": "q", "gold": {gold}}}'])
    assert problems(tmp_path, "n.jsonl")[0].gold == text


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ({"gold": "1,000", "gold_type": "integer"}, "number"),
        ({"gold": "B", "gold_type": "choice", "choices": ["x", 2]}, "choice"),
        ({"gold": "5", "gold_type": "latex"}, "auto"),
        ({"gold": "[1]", "gold_type": "python_literal"}, "text"),
        ({"gold": "A", "choices": ["x", "y"]}, "choice"),
        ({"gold": "$1,250.50"}, "number"),
        ({"gold": "-3/4"}, "number"),
        ({"gold": "x+1"}, "auto"),
        ({"gold": "1" * 5000}, "auto"),
    ],
)
def test_the_answer_kind_is_read_from_the_row_unless_the_recipe_says(tmp_path, row, kind):
    lines(tmp_path / "k.jsonl", [{"question": "q", **row}])
    assert problems(tmp_path, "k.jsonl")[0].answer_kind == kind
    assert problems(tmp_path, "k.jsonl", answer_kind="text")[0].answer_kind == "text"


def test_gsm8k_as_published_gives_gold_and_solution(tmp_path):
    lines(tmp_path / "g.jsonl", [{"question": "4*5?", "answer": "It is <<4*5=20>>20.\n#### 20"}])
    (problem,) = problems(tmp_path, "g.jsonl")
    assert (problem.gold, problem.answer_kind) == ("20", "number")
    assert problem.solution == "It is <<4*5=20>>20.\n#### 20"


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ('{"question": "q", "gold": }', "line 1234 is not JSON"),
        ('{"question": "q", "gold": NaN}', "line 1234 is not JSON: NaN"),
        ("[" * 100_000, "line 1234 is not JSON"),
        ("[1, 2]", "line 1234 is not a JSON object but a list"),
        ({"id": "x", "gold": "5"}, "line 1234 has no question (column 'question' is absent)"),
        ({"id": "x", "question": " \n"}, "line 1234 has no question (column 'question' is empty)"),
        ({"question": 5}, "line 1234: the question (column 'question') is not text"),
        ({"question": "q", "gold": ["5"]}, "line 1234: the gold is neither text nor a number"),
        ('{"question": "q", "gold": 1, "gold": 2}', "line 1234 is not JSON: the key 'gold' stands twice"),
        ('{"question": "q", "gold": ' + "9" * 5000 + "}", "line 1234 is not JSON: a number of 5,000 digits"),
        ({"question": "q" * 1_000_001}, "line 1234: the question has 1,000,001 characters, more than 1,000,000"),
        ({"question": "q", "choices": [str(n) for n in range(27)]}, "line 1234: 27 choices, more than the 26 letters"),
        ({"question": "q", "choices": "A or B"}, "line 1234: the choices are not a list"),
        ({"question": "q", "choices": ["A", None]}, "line 1234: choice 2 is empty"),
        ({"question": "q", "difficulty": "hard"}, "line 1234: the difficulty is not a number but 'hard'"),
        ({"question": "q", "difficulty": 10**400}, "line 1234: the difficulty is not a number"),
        ({"question": "q\0"}, "line 1234: the question holds a NUL"),
        ('{"question": "q\\ud83d"}', "line 1234: the question holds half of a surrogate pair"),
        ({"id": "n7", "question": "q"}, "line 1234 has the id 'n7' of line 7"),
    ],
)
def test_a_broken_row_is_named(tmp_path, broken, told):
    extra = {"choices": ["1"], "difficulty": 1}
    good = [{"id": f"n{n}", "question": f"q{n}", "gold": "1", **extra} for n in range(1, 1234)]
    lines(tmp_path / "b.jsonl", [*good, broken])
    message = failure(tmp_path, "b.jsonl")
    assert told in message
    assert "b.jsonl" in message


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("x.jsonl", b"", "holds no rows"),
        ("x.jsonl", b"\n\n", "holds no rows"),
        ("x.jsonl", b'{"question": "a"}\n{"question": "\xff"}\n', "line 2 is not UTF-8 (byte 0xff at 15)"),
        ("x.jsonl", "{}".encode("utf-16-le"), "is this a text file, in UTF-8?"),
        (
            "x.csv",
            "question,gold\nWeiß?,1\n".encode("cp1252"),
            "line 2 is not UTF-8 (byte 0xdf at 4); save it as UTF-8",
        ),
        ("x.csv", "question,gold\nq,1\n".encode("utf-16") + b"\n", "is not UTF-16, as its byte order mark says"),
        (
            "x.jsonl.zst",
            pa.compress(b'{"question": "abc"}\n' * 900, codec="zstd", asbytes=True)[:-3],
            "whole zstd file",
        ),
        ("x.jsonl", pa.compress(b"{}", codec="zstd", asbytes=True), "compressed with zstd"),
        ("x.jsonl", b'[{"question": "q"}]', "a list of objects belongs into a file whose name ends in .json"),
        ("x.json", b'[{"question": "q"} {"question": "r"}]', "a comma is missing after row 1"),
        ("x.json", b'[{"question": "q"}, 3]', "row 2 is not a JSON object but 3"),
        ("x.json", b'[{"question": "q"}, {"question":', "row 2 is not JSON"),
        ("x.json", b'[{"question": "q"}', "ends within its list, after row 1"),
        ("x.json", b'[{"question": "q"}] x', "something follows the list, after row 1"),
        ("x.json", b"[]", "holds no rows"),
        ("x.jsonl", b'{"question": "a"}\n\0\0\n', "line 2 holds NUL bytes"),
        ("x.jsonl", gzip.compress(b'{"question": "a"}\n', mtime=0), "compressed with gzip"),
        ("x.jsonl.gz", b'{"question": "a"}\n', "gzip"),
        ("x.jsonl.gz", gzip.compress(b'{"question": "abc"}\n' * 900, mtime=0)[:-9], "not a whole gzip file"),
        ("x.csv", b"question,gold\nq,1\nr,2,3\n", "line 3 has 3 fields where the header has 2"),
        ("x.csv", b'question,gold\n"q\nq",1\nr\n', "line 4 has 1 fields"),
        ("x.csv", b'question,gold\n"q,1\nr,2\n', "line 2 is not CSV"),
        ("x.csv", b"question,question\nq,1\n", "the header names the column 'question' twice"),
        ("x.csv", b"question,gold\n", "holds no rows"),
        ("x.csv", b"question,,gold\nq,x,1\n", "line 2 has 'x' in a column without a name"),
        ("x.csv", b"question|gold\nq|1\n", "no column for the question"),
        ("x.csv", b'question,choices\nq,"[1"\n', "line 2: the choices are not a list"),
        ("x.parquet", b"PAR1 no", "not a whole Parquet file"),
        ("x.parquet", b"", "not a whole Parquet file"),
        ("x.txt", b"hello", "no known format"),
        ("x.parquet.gz", b"", "no known format"),
        ("x", b"", "no known format"),
    ],
)
def test_a_broken_file_is_named(tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    message = failure(tmp_path, name)
    assert told in message
    assert name in message


def test_infinities_in_parquet_are_no_gold(tmp_path):
    parquet.write_table(pa.table({"question": ["q"], "gold": [float("inf")]}), tmp_path / "i.parquet")
    assert "row 1: the gold is inf" in failure(tmp_path, "i.parquet")


def test_two_columns_or_fields_of_one_name_are_refused(tmp_path):
    two = pa.Table.from_arrays([pa.array(["q"]), pa.array(["1"]), pa.array(["2"])], names=["question", "gold", "gold"])
    parquet.write_table(two, tmp_path / "two.parquet")
    assert "has two columns of the name 'gold'" in failure(tmp_path, "two.parquet")
    twins = pa.StructArray.from_arrays([pa.array(["1"]), pa.array(["2"])], names=["A", "A"])
    parquet.write_table(pa.table({"question": ["q"], "choices": twins}), tmp_path / "in.parquet")
    assert "has two fields in its column 'choices' of the name 'A'" in failure(tmp_path, "in.parquet")


def test_a_long_field_of_a_csv_is_read(tmp_path):
    (tmp_path / "l.csv").write_text(f"question,gold\n{'q' * 300_000},1\n")
    assert len(problems(tmp_path, "l.csv")[0].question) == 300_000


def test_wrong_names_get_the_nearest_right_one(tmp_path):
    lines(tmp_path / "train.jsonl", [{"problem": "q", "solution": "s"}])
    assert "did you mean 'train.jsonl'?" in failure(tmp_path, "trian.jsonl")
    assert "did you mean 'problem'? (" not in failure(tmp_path, "train.jsonl", columns={"question": "xyz"})
    message = failure(tmp_path, "train.jsonl", columns={"question": "problme"})
    assert "problems.sources.0.columns.question" in message
    assert "did you mean 'problem'?" in message
    assert "unknown field 'qestion', did you mean 'question'?" in failure(
        tmp_path, "train.jsonl", columns={"qestion": "problem"}
    )
    (tmp_path / "empty").mkdir()
    assert "no file in it has a known format" in failure(tmp_path, "empty")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "exactly one of"),
        ({"file": "f.jsonl", "family": "chain"}, "exactly one of"),
        ({"family": "chian", "count": 1}, "did you mean 'chain'?"),
        ({"family": "chain", "count": 1, "settings": {"stpes": 1}}, "stpes"),
        ({"family": "chain", "count": 1, "columns": {"id": "x"}}, "means nothing for a family"),
        ({"file": "f.jsonl", "split": "train"}, "means nothing for a file"),
        ({"reasoning_gym": "chain_sums", "count": 1}, "did you mean 'chain_sum'?"),
        ({"reasoning_gym": "composite", "count": 1}, "sources of their own"),
        ({"reasoning_gym": "chain_sum", "count": 1, "settings": {"min_term": 2}}, "did you mean 'min_terms'?"),
        ({"reasoning_gym": "chain_sum", "count": 1, "settings": {"seed": 2}}, "the recipe's seed"),
        ({"reasoning_gym": "chain_sum", "count": 1, "settings": {"min_terms": -1}}, "refuses them"),
        ({"reasoning_gym": "chain_sum", "count": 1, "settings": {"min_terms": "a"}}, "refuses them"),
        ({"loader": "nothing"}, "not of the form"),
        ({"loader": "no_such_module_here:f"}, "no module"),
        ({"loader": "json:lods"}, "did you mean 'loads'?"),
        ({"loader": "json:loads", "settings": {"x": 1}}, "does not take them"),
        ({"dataset": "./nowhere"}, "no folder"),
        ({"dataset": "a/b", "settings": {"confg": 1}}, "did you mean 'config'?"),
    ],
)
def test_a_wrong_source_is_refused_before_it_is_read(tmp_path, fields, told):
    with pytest.raises(PotstillError) as caught:
        check_source(Source(**fields), data=tmp_path, where="problems.sources.3")
    message = str(caught.value)
    assert told in message
    assert "problems.sources.3" in message
    assert "\n" not in message


def test_an_absent_package_is_named_with_its_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "reasoning_gym.factory", None)
    with pytest.raises(MissingExtraError, match=r"potstill\[gym\]"):
        check_source(Source(reasoning_gym="gcd", count=1), data=tmp_path, where="w")


def test_two_sources_of_one_family_give_different_problems(tmp_path):
    source = Source(family="chain", count=30)
    split = divide(Problems(sources=(source, source), evaluate=10), seed=3, data=tmp_path)
    assert sum(split.counts.values()) == 60
    assert split.counts["duplicate"] < 5


LOADER = """
from potstill.records import Problem

def good(n=2):
    for i in range(n):
        yield {"question": f"{i} + {i}?", "gold": str(2 * i), "domain": "sums"}
    yield Problem(id="last", question="9 + 9?", gold="18", source="mine")

def fails():
    yield {"question": "1?"}
    raise ValueError("the database\\nwent away")

def unknown():
    yield {"question": "1?", "glod": "1"}

def no_question():
    yield {"gold": "1"}

def number():
    yield {"question": "1?", "gold": 1}

def text():
    return "1?"

def nothing():
    return []

def twice():
    yield {"id": "a", "question": "1?"}
    yield {"id": "a", "question": "2?"}
"""


def test_a_loader_yields_dicts_or_problems(tmp_path):
    (tmp_path / "mine.py").write_text(LOADER)
    for name in ("mine.py:good", "mine:good"):
        source = Source(loader=name, settings={"n": 1}, checker="mine:check")
        found = list(read(source, seed=0, data=tmp_path, where="w"))
        assert [(p.question, p.gold, p.checker, p.source) for p in found] == [
            ("0 + 0?", "0", "mine:check", f"loader:{name}"), ("9 + 9?", "18", "mine:check", f"loader:{name}"),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("function", "told"),
    [
        ("fails", "mine.py:fails failed after item 1: ValueError: the database went away"),
        ("unknown", "item 1 has an unknown field 'glod', did you mean 'gold'?"),
        ("no_question", "item 1 has no question"),
        ("number", "item 1: gold is int, not text"),
        ("text", "returned str"),
        ("nothing", "yielded no problems"),
        ("twice", "item 2 has the id 'a' of item 1"),
    ],
)
def test_an_error_in_a_loader_names_function_and_item(tmp_path, function, told):
    (tmp_path / "mine.py").write_text(LOADER)
    with pytest.raises(DataError) as caught:
        list(read(Source(loader=f"mine.py:{function}"), seed=0, data=tmp_path, where="w"))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_loader_that_cannot_be_imported_is_told_in_one_line(tmp_path):
    (tmp_path / "broken.py").write_text("import no_such_package_at_all\n")
    for name in ("broken.py:f", "broken:f"):
        with pytest.raises(RecipeError, match="cannot be imported: No module named 'no_such_package_at_all'"):
            list(read(Source(loader=name), seed=0, data=tmp_path, where="w"))
    (tmp_path / "syntax.py").write_text("def f(:\n")
    with pytest.raises(RecipeError, match="cannot be imported"):
        list(read(Source(loader="syntax.py:f"), seed=0, data=tmp_path, where="w"))
