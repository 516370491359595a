"""A student that listens in a recipe: its stage, what curation makes of it, and that nothing else is made anew."""

import json
from pathlib import Path

import pytest
import yaml
from commands import TINY, call, done

from potstill.curate.listened import Listened, preference
from potstill.records import Example, Trace
from potstill.store import Run


def recipe():
    found = yaml.safe_load(TINY)
    found["problems"]["sources"][0]["count"] = 14
    found["strategy"] = {"samples": 3}
    found["sets"] = {
        "traces": {},
        "chosen": {"from": "traces", "checks": {"listener": "start"},
                   "curate": {"prefer": "surprisal", "per_problem": 1}},
    }  # fmt: skip
    found["arms"] = {"start": {"train": {"on": "traces"}}, "next": {"from": "start", "train": {"on": "chosen"}}}
    return found


def test_a_student_reads_the_traces_and_the_least_surprising_of_each_problem_stay(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("r.yaml").write_text(yaml.safe_dump(recipe()))
    told = done("run", "r.yaml", "--out", "run")
    assert "start listens" in told.err
    run = Run(Path("run"))
    listened = {row.trace_key: row for row in run.committed("listen-chosen").rows("listened", Listened)}
    traces = list(run.committed("traces").rows("traces", Trace))
    assert listened.keys() == {trace.key for trace in traces}
    unread = [row for row in listened.values() if row.surprisal is None]
    assert run.committed("listen-chosen").counts["unread"] == len(unread) < len(traces) / 4
    assert {row.reason for row in unread} <= {"over max_length tokens"}
    kept = [example.trace_key for example in run.committed("examples-chosen").rows("examples", Example)]
    before = [example.trace_key for example in run.committed("examples").rows("examples", Example)]
    by_problem = {}
    for trace in traces:
        if trace.key in before:
            by_problem.setdefault(trace.problem_key, []).append(preference(listened[trace.key], "surprisal"))
    found = sorted(preference(listened[key], "surprisal") for key in kept)
    assert found == sorted(map(min, by_problem.values()))
    report = json.loads(Path("run/report/report.json").read_text())
    (table,) = [
        node for section in report["sections"] for node in section["children"]
        if node.get("title") == "What the student said of the traces"
    ]  # fmt: skip
    ((name, _, listener, number, left, surprisal, ratio, _),) = table["rows"]
    assert (name, listener, number, left) == ("chosen", "start", len(traces), len(unread))
    read = [row.surprisal for row in listened.values() if row.surprisal is not None]
    assert surprisal == pytest.approx(sum(read) / len(read))
    assert ratio > 0
    assert "start listens" not in done("run", "r.yaml", "--out", "run").err, "it is committed"


def test_a_plan_has_the_stage_and_a_check_names_an_arm_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = recipe()
    Path("r.yaml").write_text(yaml.safe_dump(found))
    assert "listen-chosen" in done("plan", "r.yaml").out
    found["sets"]["chosen"]["checks"]["listener"] = "begin"
    Path("r.yaml").write_text(yaml.safe_dump(found))
    assert "sets.chosen.checks.listener: there is no arm 'begin'" in call("check", "r.yaml").mistake()
