"""A run opened in Python: its tables as records, Arrow and pandas, its figures as the report has them, its students."""

import json
import shutil
import subprocess
import sys

import pytest
from commands import TINY, done

import potstill
from potstill.api.given import read_recipe
from potstill.errors import PotstillError
from potstill.records import Example, Measure, Problem, Trace, Verdict

LATE = """\
import sys, time
began = time.perf_counter()
import potstill
print(time.perf_counter() - began)
print({"torch", "transformers", "pydantic", "pyarrow", "typing"} & set(sys.modules))
potstill.run, potstill.check, potstill.open
print({"torch", "transformers", "pyarrow"} & set(sys.modules))
"""


def undo(run, *names):
    """Take an output out of a run folder."""
    for name in names:
        shutil.rmtree((run / name).resolve())
        (run / name).unlink()


def test_import_takes_no_time_and_no_torch():
    python = [sys.executable, "-I", "-c", LATE.replace("import potstill", f"sys.path = {sys.path}; import potstill", 1)]
    for _ in range(3):  # this machine may be busy
        seconds, *loaded = subprocess.run(python, capture_output=True, text=True, check=True).stdout.split("\n")
        assert loaded[:2] == ["set()", "set()"]
        if float(seconds) < 0.1:
            break
    assert float(seconds) < 0.1
    assert {"check", "open", "run", "PotstillError"} <= set(dir(potstill))
    with pytest.raises(AttributeError, match="no attribute 'runs'"):
        potstill.runs  # noqa: B018


def test_tables_by_name_in_three_forms(finished_run):
    run = potstill.open(finished_run)
    for name, record in {
        "traces": Trace, "traces/traces": Trace, "verdicts": Verdict, "examples": Example, "evaluation": Problem,
        "problems/train": Problem, "evaluate-traces": Measure, "evaluate-base/few_shot": Measure,
    }.items():  # fmt: skip
        table = run.table(name)
        rows = list(table)
        assert {type(row) for row in rows} == {record}
        assert len(rows) == len(table) > 0
        arrow = table.arrow()
        plain = [
            [list(v) if isinstance(v, tuple) else v for v in (getattr(row, n) for n in arrow.column_names)]
            for row in rows
        ]
        assert [list(row.values()) for row in arrow.to_pylist()] == plain
        assert sum(batch.num_rows for batch in table.batches()) == len(rows)
        assert list(table.pandas().columns) == arrow.column_names
    assert list(run.table("traces")) == list(run._run.committed("traces").rows("traces", Trace))
    assert "traces/traces" in run.tables
    assert run.tables[0].startswith("problems/")


def test_figures_arms_report_and_a_question(finished_run):
    run = potstill.open(str(finished_run))
    report = json.loads((finished_run / "report.json").read_text())
    assert [dict(found.values) for found in run.measures.values()] == report["measures"]
    base = run.measures["base"]
    assert (base.accuracy.low, base.accuracy.high) == (report["measures"][0]["low"], report["measures"][0]["high"])
    assert list(run.arms) == ["base", "answers", "traces"]
    assert [len(arm.losses) for arm in run.arms.values()] == [0, 3, 3]
    assert (run.arms["traces"].checkpoint / "config.json").is_file()
    assert run.report == finished_run / "report.html"
    assert run.recipe.name == "tiny"
    assert {status.state for status in run.stages} == {"done"}
    said = run.ask("How many?", max_tokens=3)
    assert said.stopped == 3
    assert str(said).strip() == done("ask", finished_run, "How many?", "--max-tokens", "3").out.strip()
    assert run._loaded.name == "traces"
    assert run.ask("How many?", arm="base", max_tokens=3).stopped == 3


def test_what_a_notebook_shows_is_small_and_harmless(finished_run):
    run = potstill.open(finished_run)
    page = run._repr_html_()
    assert page.count("<tr>") == 4
    assert "95% interval" in page
    cells = run.table("examples")._repr_html_()
    assert "<script" not in cells
    assert cells.count("<tr>") == 11
    undo(finished_run, "report")
    assert "<td>report</td><td>missing</td>" in run._repr_html_()


def test_text_of_a_model_is_escaped_and_made_visible(finished_run):
    run = potstill.open(finished_run)
    table = run.table("traces")
    row = next(iter(table))
    hostile = type(row)(
        **{**{n: getattr(row, n) for n in table.columns}, "answer": "<img src=x onerror=alert(1)>\u202e\x1b[2J"}
    )
    cell = table._cell("answer", hostile)
    assert "<img" not in cell
    assert "&lt;img" in cell
    assert "\u202e" not in cell
    assert "\x1b" not in cell


def test_each_refusal_is_one_line_that_says_what_to_do(finished_run, tmp_path, monkeypatch):
    run = potstill.open(finished_run)
    undo(finished_run, "verdicts", "report", "train-answers")
    for call, said in {
        lambda: potstill.open(tmp_path / "no"): "no is no run folder: it has no recipe.yaml",
        lambda: run.table("trace"): "there is no table 'trace', did you mean 'traces'?",
        lambda: run.table("dropped"): "'dropped' means several tables: problems/dropped, examples/dropped",
        lambda: run.table("problems"): "'problems' means several tables: problems/dropped",
        lambda: run.table("verdicts"): "verdicts is not done yet: potstill run",
        lambda: run.measures: "report is not done yet: potstill run",
        lambda: run.report: "report is not done yet: potstill run",
        lambda: run.ask("?", arm="traced"): "no student 'traced', did you mean 'traces'?",
        lambda: run.ask("?", arm="answers"): "the student 'answers' is not trained yet",
        lambda: run.ask(" "): "the question is empty",
    }.items():
        with pytest.raises(PotstillError) as caught:
            call()
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)
    part = next(finished_run.glob("stages/traces-*/traces-00000.parquet"))
    part.write_bytes(part.read_bytes()[:-1] + b"x")
    with pytest.raises(PotstillError, match="was changed or removed"):
        run.table("traces").arrow()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(PotstillError, match="a data frame needs pandas"):
        run.table("examples").pandas()


def test_a_recipe_is_a_path_a_name_a_mapping_or_a_recipe(tmp_path, monkeypatch):
    import yaml

    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.yaml").write_text(TINY)
    plain = yaml.safe_load(TINY)
    steps = {"train.steps": 2}
    found = [read_recipe(given, steps).recipe for given in ("r.yaml", tmp_path / "r.yaml", plain)]
    found += [read_recipe(found[0]).recipe, potstill.check(plain, overrides=steps).recipe]
    assert all(recipe == found[0] for recipe in found)
    assert found[0].train.steps == 2
    assert "tiny is sound: problems > traces" in str(potstill.check("r.yaml"))
    assert read_recipe("pocket").recipe.name == "pocket"
    for given, overrides, said in [
        ({**plain, "trane": 3}, {}, "the recipe: trane: unknown key, did you mean 'train'?"),
        ("r.yaml", {"train.stepz": 3}, "--set train.stepz=3: train.stepz: unknown key, did you mean 'steps'?"),
        ("r.yaml", {"train=steps": 3}, "overrides: 'train=steps' is no key"),
        ("r.yaml", {"train.steps": object()}, "train.steps: this is no value of a recipe: object"),
        ("nowhere.yaml", {}, "no recipe 'nowhere.yaml'"),
        (7, {}, "a recipe is a path, a name, a mapping or a Recipe, not int"),
        ({**plain, "data": "nowhere"}, {}, "data: there is no folder"),
        ("r.yaml", {"data": "nowhere"}, '--set data="nowhere": data: there is no folder'),
    ]:
        with pytest.raises(PotstillError) as caught:
            potstill.check(given, overrides=overrides)
        assert said in str(caught.value), (given, overrides)
