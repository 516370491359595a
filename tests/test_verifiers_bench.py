"""The bench of graders counts what it says, and the page has what it counted."""

import importlib
import json
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "verifiers.md"


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("bench_verifiers")


def row(bench, **changed):
    told = {
        "id": "r", "source": "gsm8k", "group": "numbers", "question": "?", "gold": "18", "answer_kind": "number",
        "choices": (), "response": "Answer: 18", "right": True,
    }  # fmt: skip
    return bench.Row(**{**told, **changed})


def test_the_page_has_the_figures_that_were_counted(bench):
    report, page = json.loads(bench.RESULTS.read_text()), PAGE.read_text(encoding="utf-8")
    assert bench.on_page(report, page) == page
    assert sum(row["potstill"] == row["label"] for row in report["disagreements"]) / len(report["disagreements"]) > 0.97


def test_the_rules_of_simple_evals(bench):
    graders = sys.modules["verifiers.graders"]
    for response, gold, right in (
        ("So 3 + 15.\nAnswer: 18", "18", True), ("Answer: $1,200.", "1200", True), ("Answer: 18.0", "18", True),
        ("Answer: 18 of 20", "18", False), ("It is 18.", "18", False), ("Answer: none. Answer: 4", "4", True),
        ("Answer: -4", "-4", False),
    ):  # fmt: skip
        assert graders.simple_number(response, gold) is right, response
    assert graders.simple_line("answer: $x+1$\nAnswer: 2", "x+1")
    assert not graders.simple_line("The answer is 2", "2")
    assert graders.simple_option("Answer: $B$", "(B)")
    assert not graders.simple_option("The answer is (B)", "(B)")


def test_a_grader_takes_what_it_is_made_for(bench):
    takes = bench.GRADERS["lm-eval gsm8k strict"].takes
    assert takes("numbers", "grid", "5")
    assert takes("denied", "grid", "-5")
    assert not takes("denied", "grid", "Paris")
    assert not takes("letters", "grid", "B")
    assert bench.GRADERS["lm-eval mmlu_pro, bbh"].takes("letters", "mmlu_pro_3models", "B")
    assert not bench.GRADERS["lm-eval mmlu_pro, bbh"].takes("letters", "grid", "B")


def test_counts_of_accepts_and_rejects(bench):
    rows = [
        row(bench, id="a"), row(bench, id="b"), row(bench, id="c", right=False), row(bench, id="d", right=False),
        row(bench, id="e"), row(bench, id="g", source="grid", right=False),
    ]  # fmt: skip
    said = {"x": {"a": "right", "b": "wrong", "c": "right", "d": "wrong", "e": "timeout", "g": "unknown"}}
    found = bench.counted(rows, said)
    assert found["shared"]["numbers"]["x"] == {
        "rows": 5, "right": 3, "false_accepts": 1, "false_rejects": 1, "not_said": 1, "agree": 2, "ended": 1,
    }  # fmt: skip
    assert found["grid"]["numbers"]["x"]["not_said"] == 1


SLOW = """
import sys, time
print("ready", flush=True)
for number in range(int(sys.argv[1]), 6):
    if number == 2:
        time.sleep(60)
    if number == 4:
        sys.exit(1)
    print("true" if number % 2 else "null", flush=True)
"""


def test_a_row_that_never_ends_is_ended_and_the_next_one_graded(bench, tmp_path):
    script = tmp_path / "slow.py"
    script.write_text(SLOW)
    grading = bench.Grading([sys.executable, str(script)], os.environ, seconds=1.0)
    grading.go_on(2)
    grading.go_on(4)
    grading.close()
    assert grading.said == ["unknown", "right", "timeout", "right", "timeout", "right"]


def test_rows_are_graded_by_a_process_of_their_own(bench, tmp_path):
    rows = [row(bench, id="a"), row(bench, id="b", response="The answer is 19."), row(bench, id="c", response="")]
    said = bench.graded(rows, ["potstill", "simple-evals"], tmp_path)
    assert said["potstill"] == {"a": "right", "b": "wrong", "c": "unknown"}
    assert said["simple-evals"] == {"a": "right", "b": "wrong", "c": "wrong"}
