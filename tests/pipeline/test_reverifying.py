"""`potstill reverify` judges stored traces under another policy, asks nobody, and says what changed and why."""

import json

import pytest
from commands import TINY, call, done

from potstill import open as open_run

ANSWERS = ["50%", "50", "0.5", "seven", "51 %", "2 hours"]


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [{"id": f"q{n}", "question": f"How many, number {n}?", "answer": "50"} for n in range(10)]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    traces = [
        {"question": row["question"], "response": f"<think>So it is.</think>The answer is {ANSWERS[n % len(ANSWERS)]}."}
        for n, row in enumerate(rows)
    ]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(trace) + "\n" for trace in traces))
    recipe = TINY.replace("family: chain, count: 24", "file: p.jsonl").replace(
        "kind: worked", "kind: dataset, file: t.jsonl"
    )
    (tmp_path / "r.yaml").write_text(recipe)
    for stage in ("problems", "traces", "verdicts"):
        done("run", "r.yaml", "--out", "run", "--stage", stage)
    return tmp_path


def test_it_says_what_changed_and_why_and_leaves_the_run_alone(run):
    before = {row.trace_key: row for row in open_run("run").table("verdicts")}
    pointers = {path.name: path.read_bytes() for path in (run / "run").iterdir() if path.is_file()}
    told = done("reverify", "run", "--set", "checks.policy.percent=strict", "--out", "changes.jsonl").out
    rows = [json.loads(line) for line in (run / "changes.jsonl").read_text().splitlines()]
    right = [key for key, row in before.items() if row.extracted == "50%" and row.outcome == "right"]
    assert right
    assert {row["trace"] for row in rows} == set(right)
    assert all((row["before"]["outcome"], row["after"]["outcome"]) == ("right", "wrong") for row in rows)
    assert "percent (ignore -> strict)" in told
    assert f"{len(rows)} changed ({len(rows)} right -> wrong)" in told
    assert "50% for gold 50" in told
    assert {tuple(row["because"]) for row in rows} == {("checks.policy.percent (ignore -> strict)",)}
    percents = [row for row in before.values() if "%" in str(row.extracted)]
    assert f"10 verdicts, {len(percents)} judged anew, " in told
    assert {row.trace_key: row for row in open_run("run").table("verdicts")} == before
    assert {path.name: path.read_bytes() for path in (run / "run").iterdir() if path.is_file()} == pointers
    again = done("reverify", "run", "--set", "checks.policy.percent=strict").out
    assert again == told.replace(f"{len(percents)} judged anew", "0 judged anew")
    assert "nothing to judge anew" in done("reverify", "run").out


def test_what_would_ask_anew_is_refused(run):
    assert "here nothing is asked" in call("reverify", "run", "--set", "strategy.samples=3").mistake()
    assert "here nothing is asked" in call("reverify", "run", "--set", "problems.evaluate=5").mistake()
    assert "is no run folder" in call("reverify", "nowhere").mistake()
    assert "checks.policy.colour" in call("reverify", "run", "--set", "checks.policy.colour=1").mistake()
