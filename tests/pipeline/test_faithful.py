"""Faithfulness in a recipe: its stage, its place in the report, and that nothing else is made anew for it."""

import json
from pathlib import Path

import yaml
from commands import TINY, call, done

from potstill.evaluate.faithfulness import Probed
from potstill.records import Measure
from potstill.store import Run


def recipe(**faithfulness):
    found = yaml.safe_load(TINY)
    found["evaluate"]["faithfulness"] = faithfulness or {"samples": 4}
    return found


def test_every_arm_is_asked_about_its_responses_and_trained_once(finished_run):
    Path("r.yaml").write_text(yaml.safe_dump(recipe()))
    told = done("run", "r.yaml", "--out", "run").err
    assert "train " not in told, "faithfulness trains nobody again"
    run = Run(Path("run"))
    for arm in ("base", "answers", "traces"):
        committed = run.committed(f"faithful-{arm}")
        measures = list(run.committed(f"evaluate-{arm}").rows("zero_shot", Measure))
        usable = [m for m in measures if m.finish == "stop" and m.extracted and m.reasoning.strip()]
        assert committed.counts["responses"] == len(measures)
        assert committed.counts["probed"] == min(4, len(usable))
        assert len({row.problem_key for row in committed.rows("probes", Probed)}) == committed.counts["probed"]
    report = json.loads(Path("run/report/report.json").read_text())
    (section,) = [one for one in report["sections"] if one["title"] == "Faithfulness"]
    titles = [node.get("title") for node in section["children"]]
    if any(run.committed(f"faithful-{arm}").counts["probed"] for arm in ("base", "answers", "traces")):
        assert {"Early answering", "Planted mistakes", "Conclusion", "Valid steps"} <= set(titles)
    else:
        assert "0 of 4 of traces" in section["children"][0]["text"], "so small a student may say nothing to ask about"
    (table,) = [node for node in section["children"] if node.get("title") == "Behaviours"]
    assert [row[:2] for row in table["rows"]][:2] == [["checks", "traces of traces"], ["checks", "examples of traces"]]


def test_another_hint_than_those_known_is_an_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("r.yaml").write_text(yaml.safe_dump(recipe(hints=["sugested"])))
    assert "evaluate.faithfulness.hints.0" in call("check", "r.yaml").mistake()
