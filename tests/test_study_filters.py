"""The study of filters draws the same rows whatever their order, notes no text, and leaves without data."""

import importlib
import json
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
QUESTION = "How many pens does Bo have, who had 3 and found 5 more of them in the drawer of his desk?"


def row(number, response):
    return {
        "id": f"row-{number}", "problem": f"{QUESTION} ({number})", "gold": "8", "gold_type": "number", "model": "m",
        "response": response,
    }  # fmt: skip


@pytest.fixture
def study(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(BENCHMARKS)
    module = importlib.import_module("study_filters")
    monkeypatch.setattr(module, "RESULTS", tmp_path / "noted.json")
    return module


def run(study, monkeypatch, data, *arguments):
    monkeypatch.setattr("sys.argv", ["study_filters.py", "--data", str(data), *arguments])
    study.main()
    return json.loads(study.RESULTS.read_text(encoding="utf-8")) if study.RESULTS.exists() else {}


def test_draws_are_noted_by_name_and_hang_on_no_order(study, monkeypatch, tmp_path, capsys):
    loop, sound = "So 3 + 5 = 8. " * 60, "Bo has 3 + 5 = 8 pens. The answer is 8."
    rows = [row(number, loop if number % 2 else sound) for number in range(12)]
    drawn = []
    for name, order in (("one", rows), ("two", rows[::-1])):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "traces_made.jsonl").write_text("".join(json.dumps(one) + "\n" for one in order), encoding="utf-8")
        drawn.append(run(study, monkeypatch, folder, "repetition", "refusals", "--draw", "4", "--keep"))
    assert drawn[0] == drawn[1]
    noted = drawn[0]["repetition"]
    assert (noted["rows"], noted["flagged"], len(noted["read"])) == (12, 6, 4)
    assert "So 3 + 5" in capsys.readouterr().out
    assert "So 3 + 5" not in json.dumps(drawn[0])

    noted["wrong"] = {noted["read"][0]: "a kind of fault"}
    study.RESULTS.write_text(json.dumps(drawn[0]), encoding="utf-8")
    run(study, monkeypatch, tmp_path, "--table")
    printed = capsys.readouterr().out
    assert "| 12 | 6 | 4 | 3 | 75% (30% to 95%) | 1 a kind of fault |" in printed
    assert "| 12 | 0 | 0 | 0 |  |  |" in printed


def test_without_data_it_says_so(study, monkeypatch, tmp_path):
    with pytest.raises(SystemExit, match="nowhere is not there"):
        run(study, monkeypatch, tmp_path / "nowhere")


def test_the_studies_of_real_rows_can_be_imported(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    assert importlib.import_module("study_self_consistency").SETS
