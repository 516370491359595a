"""Benchmarks that students are measured on are tests: no training problem is a copy of one, and no trace quotes one."""

import json

from potstill import pipeline
from potstill.api.given import read_recipe
from potstill.pipeline import settings
from potstill.pipeline.held_apart import questions_of_tests
from potstill.records import Drop
from potstill.store import Run

TESTED = "How many apples are 13 and 24 and 35 of the green ones in a basket?"


def test_a_copy_of_a_benchmark_is_dropped_and_another_file_is_another_setting(tmp_path):
    (tmp_path / "aime24.jsonl").write_text(json.dumps({"question": TESTED, "gold": "72"}) + "\n")
    rows = [{"question": TESTED.replace("green", "small green"), "gold": "72", "solution": "It is 72."}]
    rows += [{"question": f"What is {n} and {n + 1}?", "gold": str(2 * n + 1), "solution": "Added."} for n in range(20)]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    keys = {
        "name": "apart", "data": str(tmp_path),
        "problems": {"evaluate": 4, "sources": [{"file": "mine.jsonl", "answer_kind": "number"}]},
        "teacher": {"kind": "solutions"}, "student": {"scratch": {}},
        "evaluate": {"benchmarks": [{"name": "aime24", "file": "aime24.jsonl"}]},
    }  # fmt: skip
    recipe = read_recipe(keys).recipe
    assert [text for _, text in questions_of_tests(recipe)] == [TESTED]
    run = Run(tmp_path / "run")
    pipeline.run(recipe, run, until="problems")
    assert [drop.reason for drop in run.committed("problems").rows("dropped", Drop)] == ["edited copy of a test"]

    before = settings.of_problems(recipe)
    (tmp_path / "aime24.jsonl").write_text(json.dumps({"question": TESTED, "gold": "73"}) + "\n")
    assert settings.of_problems(recipe) != before
    without = read_recipe({**keys, "evaluate": {}}).recipe
    assert "benchmarks" not in settings.of_problems(without)["problems"]
