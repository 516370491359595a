"""Numbers of every column type come out with the digits that were written: 200 seeded variations."""

import json
import random
from decimal import Decimal

import numpy
import pyarrow as pa
import pytest
from pyarrow import parquet

from potstill.problems import read
from potstill.problems.cells import parse_json, shortest
from potstill.recipe import Source

FLOATS = {pa.float16(): numpy.float16, pa.float32(): numpy.float32, pa.float64(): numpy.float64}


def golds(folder, name, **fields):
    return [p.gold for p in read(Source(file=name, **fields), seed=0, data=folder, where="w")]


def number(draw):
    """Return a decimal as people and programs write it."""
    digits = "".join(draw.choice("0123456789") for _ in range(draw.randint(1, 30)))
    whole = str(int("".join(draw.choice("0123456789") for _ in range(draw.randint(1, 25)))))
    exponent = draw.choice(["", "", "", f"e{draw.randint(-30, 30)}", f"E+{draw.randint(0, 9)}"])
    return draw.choice(["", "-"]) + whole + draw.choice(["", f".{digits}"]) + exponent


def test_text_formats_keep_the_literal(tmp_path):
    draw = random.Random(6)
    written = [number(draw) for _ in range(200)]
    rows = [f'{{"question": "q{n}", "gold": {text}}}' for n, text in enumerate(written)]
    (tmp_path / "n.jsonl").write_text("\n".join(rows))
    (tmp_path / "n.json").write_text("[" + ",\n".join(rows) + "]")
    (tmp_path / "n.csv").write_text("question,gold\n" + "".join(f"q{n},{text}\n" for n, text in enumerate(written)))
    same = [text if set(text) & set(".eE") else str(int(text)) for text in written]  # -0 is 0
    assert golds(tmp_path, "n.jsonl") == same
    assert golds(tmp_path, "n.json") == same
    assert golds(tmp_path, "n.csv") == written


def test_parquet_gives_the_shortest_decimal_of_the_column(tmp_path):
    draw = random.Random(60)
    for turn in range(200):
        kind = draw.choice([*FLOATS, pa.decimal128(draw.randint(20, 38), draw.randint(0, 10)), pa.decimal256(70, 30)])
        if kind in FLOATS:
            value = FLOATS[kind](draw.choice([132.04, 0.1, 1e-5, 1 / 3, 65504.0, draw.uniform(-2000, 2000)]))
            column = pa.array([value], kind)
            wanted = Decimal(numpy.format_float_scientific(value, unique=True))
        else:
            wanted = Decimal(draw.randint(-(10**9), 10**9)).scaleb(-draw.randint(0, min(kind.scale, 5)))
            column = pa.array([wanted], kind)
        parquet.write_table(pa.table({"question": ["q"], "gold": column}), tmp_path / "p.parquet")
        (gold,) = golds(tmp_path, "p.parquet")
        assert Decimal(gold) == wanted, (turn, kind)
        assert kind in FLOATS or not gold.endswith("0") or "." not in gold, (kind, gold)
        assert "e" not in gold.casefold() or kind in FLOATS


@pytest.mark.parametrize(("form", "least"), [("f", 1e-45), ("e", 6e-08)])
def test_the_ends_of_the_small_types_are_exact(form, least):
    kind = {"f": numpy.float32, "e": numpy.float16}[form]
    for value in (least, float(numpy.finfo(kind).max), float(numpy.finfo(kind).tiny), 0.0, -2.5):
        small = kind(value)
        assert Decimal(shortest(float(small), form)) == Decimal(numpy.format_float_scientific(small, unique=True))


def test_numbers_in_tests_of_programs_stay_numbers(tmp_path):
    row = '{"question": "q", "tests": {"calls": [{"function": "f", "arguments": [0.1], "expected": 2.50}]}}'
    (tmp_path / "t.jsonl").write_text(row)
    (problem,) = read(Source(file="t.jsonl"), seed=0, data=tmp_path, where="w")
    assert json.loads(problem.facts)["tests"] == json.loads(row)["tests"]
    assert parse_json("[1.5]")[0] + 1 == 2.5
