"""`potstill verify` and `potstill steps` on files of rows, through the command line."""

import json

import pytest

from potstill.cli import main

ROWS = [
    {"id": 1, "gold": "42", "prediction": "42.0"},
    {"id": 2, "gold": 42, "prediction": "43"},
    {"id": "c", "gold": "\\frac{1}{2}", "response": "<think>maybe \\boxed{3}</think>So it is \\boxed{0.5}."},
    {"id": 4, "gold": "B", "choices": ["red", "green"], "prediction": "green"},
    {"id": 5, "gold": "10%", "prediction": "10", "policy": {"percent": "strict"}},
    {"id": 6, "gold": "10%", "prediction": "10", "policy": "percent"},
    {"id": 7, "gold": "[1,2)", "prediction": "[1,2]"},
    {"id": 8, "gold": "", "prediction": "1"},
]


def verify(tmp_path, rows, capsys):
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    code = main(["verify", str(file), "--out", str(out)])
    said = capsys.readouterr()
    found = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else None
    return code, said.out + said.err, found


def test_every_row_gets_its_verdict_in_order(tmp_path, capsys):
    code, said, found = verify(tmp_path, ROWS, capsys)
    assert code == 0
    assert [row["id"] for row in found] == [row["id"] for row in ROWS]
    wanted = ["right", "wrong", "right", "right", "wrong", "right", "wrong", "unknown"]
    assert [row["verdict"] for row in found] == wanted
    assert found[-1]["cause"] == "no gold"
    assert all({"id", "verdict", "cause", "method", "extracted", "milliseconds"} <= row.keys() for row in found)
    assert all(0 <= row["milliseconds"] < 60_000 for row in found)
    assert "8 rows: 4 right, 3 wrong, 1 unknown" in said


@pytest.mark.parametrize(
    ("row", "line"),
    [
        ({"gold": "1", "prediction": "1"}, "line 2 has no id"),
        ({"id": 1, "gold": "1"}, "line 2: give it a `prediction`"),
        ({"id": 1, "gold": "1", "prediction": "1", "response": "1"}, "line 2: give it a `prediction`"),
        ({"id": 1, "gold": "1", "prediction": "1", "answer_kind": "nummer"}, "did you mean 'number'?"),
        ({"id": 1, "gold": "1", "prediction": "1", "policy": {"percents": "strict"}}, "policy.percents: no such"),
        ({"id": 1, "gold": "1", "prediction": "1", "policy": {"tolerance": 2}}, "policy.tolerance:"),
        ({"id": 1, "gold": "A", "prediction": "A", "choices": "AB"}, "the choices are not a list but"),
        ({"id": 1, "gold": [1], "prediction": "1"}, "the gold is neither text nor a number"),
    ],
)
def test_a_bad_row_is_one_line_and_leaves_no_half_file(tmp_path, capsys, row, line):
    code, said, found = verify(tmp_path, [ROWS[0], row], capsys)
    assert code == 2
    assert found is None
    assert line in said.strip().splitlines()[-1]


def test_the_input_is_never_written_over(tmp_path, capsys):
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps(ROWS[0]) + "\n")
    assert main(["verify", str(file), "--out", str(file)]) == 2
    assert json.loads(file.read_text()) == ROWS[0]
    assert "is the file to read" in capsys.readouterr().err


def test_steps_of_a_file(tmp_path, capsys):
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    rows = [
        {"id": "good", "steps": ["2 + 3 = 5", "5 * 4 = 20"]},
        {"id": "bad", "steps": ["2 + 3 = 5", "5 * 4 = 21", "21 - 1 = 20"]},
        {"id": "text", "response": "First, 2 + 2 = 4.\n\nThen 4 * 3 = 13."},
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(["steps", str(file), "--out", str(out)]) == 0
    found = {row["id"]: row for row in map(json.loads, out.read_text().splitlines())}
    assert [found[name]["first_wrong_step"] for name in ("good", "bad", "text")] == [None, 1, 1]
    assert "3 rows: 2 with a wrong step" in capsys.readouterr().out
