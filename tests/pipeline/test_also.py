"""Other problems that every arm is measured on: their stages, what the report says was lost, and what answers took."""

import json
from pathlib import Path

import pytest
import yaml
from commands import TINY, call, done

from potstill.records import Measure, Problem
from potstill.store import Run

GENERAL = [
    {"id": f"g{n}", "question": f"Which is larger, {n} or {n + 1}?", "choices": [str(n), str(n + 1)], "gold": "B"}
    for n in range(9)
]


def recipe(*also, **evaluate):
    found = yaml.safe_load(TINY)
    found["evaluate"] |= {"also": list(also), **evaluate}
    return found


def section(title):
    report = json.loads(Path("run/report/report.json").read_text())
    (found,) = [one["children"] for one in report["sections"] if one["title"] == title]
    return found


def test_every_arm_is_asked_other_problems_and_nobody_is_trained_again(finished_run):
    Path("general.jsonl").write_text("\n".join(map(json.dumps, GENERAL)))
    also = [
        {"name": "general", "sources": [{"file": "general.jsonl"}], "count": 5},
        {"name": "weekdays", "sources": [{"family": "weekday", "count": 6}]},
    ]
    Path("r.yaml").write_text(yaml.safe_dump(recipe(*also, hour=0.5)))
    told = done("run", "r.yaml", "--out", "run").err
    assert "train " not in told
    run = Run(Path("run"))
    asked = {p.key for p in run.committed("also_problems-general").rows("evaluation", Problem)}
    assert len(asked) == 5, "drawn by hash, at most count"
    for arm in ("base", "answers", "traces"):
        measures = list(run.committed(f"also-{arm}.general").rows("zero_shot", Measure))
        assert {measure.problem_key for measure in measures} == asked, "the same for every arm"
        assert len(list(run.committed(f"also-{arm}.weekdays").rows("zero_shot", Measure))) == 6
    titles = [node.get("title") for node in section("What was lost")]
    assert {"Other problems: general", "Other problems: weekdays"} <= set(titles)
    done("run", "r.yaml", "--out", "run")
    assert "also" in done("plan", "r.yaml").out
    usage = section("Cost and latency")[0]
    rows = [dict(zip((c["name"] for c in usage["columns"]), row, strict=True)) for row in usage["rows"]]
    assert [row["kind"] for row in rows] == ["teacher", "student", "student", "student"]
    assert rows[0]["$ per 1,000 answers"] is None, "the worked teacher has no price"
    assert all(row["$ per 1,000 answers"] > 0 for row in rows[1:]), "an hour of the machine has one"


def test_what_is_trained_on_is_left_out(finished_run):
    """The same family with the same seed is another draw; a file of training problems is nothing to measure on."""
    taught = list(Run(finished_run).committed("problems").rows("train", Problem))
    rows = [{"id": p.id, "question": p.question, "gold": p.gold, "gold_type": p.answer_kind} for p in taught]
    Path("taught.jsonl").write_text("\n".join(map(json.dumps, rows)))
    Path("r.yaml").write_text(yaml.safe_dump(recipe({"name": "same", "sources": [{"file": "taught.jsonl"}]})))
    assert "are trained on" in call("run", "r.yaml", "--out", "run").mistake()


def test_times_and_prices_of_a_new_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("r.yaml").write_text(yaml.safe_dump(recipe(hour=3600.0)))
    done("run", "r.yaml", "--out", "run")
    usage = section("Cost and latency")[0]
    rows = [dict(zip((c["name"] for c in usage["columns"]), row, strict=True)) for row in usage["rows"]]
    clock = Run(Path("run")).committed("evaluate-traces").clock
    row = next(row for row in rows if row["who"] == "traces")
    assert row["first token"] == clock["first"] > 0
    assert row["$ per 1,000 answers"] == pytest.approx(clock["zero_shot seconds"] / clock["zero_shot answers"] * 1000)
    assert clock["zero_shot answers"] == 4
    assert row["tokens/s"] > 0


@pytest.mark.parametrize(
    ("also", "key"),
    [
        ({"name": "a.b", "sources": [{"family": "weekday", "count": 3}]}, "evaluate.also.0.name"),
        ({"name": "a", "sources": [{"family": "weekday"}]}, "evaluate.also.0.sources.0"),
        ({"name": "a", "sources": [{"family": "weekdy", "count": 3}]}, "evaluate.also.0.sources.0"),
        (
            {"name": "a", "sources": [{"family": "weekday", "count": 3, "use": "train"}]},
            "evaluate.also.0.sources.0.use",
        ),
        ({"name": "a", "sources": []}, "evaluate.also.0.sources"),
    ],
)
def test_mistakes_are_one_line_with_the_key(also, key, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("r.yaml").write_text(yaml.safe_dump(recipe(also)))
    assert key in call("check", "r.yaml").mistake()
