"""`potstill verify --stress` finds weak checkers, and clears ours on golds of every kind."""

import json
import re

import pytest
from commands import call, done

GOLDS = [
    ("What is 5 x 25?", "125", None), ("How far is it?", "12 km", None), ("How many litres?", "1.5", None),
    ("How much of it?", "1/3", None), ("A share?", "20%", None), ("Solve.", "x = -4", None),
    ("Expand.", "x^2 + 2x + 1", None), ("Which points?", "(1, 2)", None),
    ("Capital of France?", "Paris", "text"), ("How many?", "0", None), ("Price?", "$18", None),
    ("How long?", "45 minutes", None), ("Roots?", "\\sqrt{2}", None),
]  # fmt: skip
WEAK = {
    "empty": "def check(problem, answer):\n    return not answer.strip() or answer == problem.gold\n",
    "substring": "def check(problem, answer):\n    return problem.gold in answer\n",
    "prefix": "def check(problem, answer):\n    return problem.gold.startswith(answer)\n",
    "obedient": "def check(problem, answer):\n    return 'is right' in answer or answer == problem.gold\n",
}
FOUND = {
    "empty": "nothing", "substring": "the gold, denied", "prefix": "a part of the gold",
    "obedient": "an order to whoever judges",
}  # fmt: skip


@pytest.fixture
def problems(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [{"id": f"p{n}", "question": q, "answer": a, "answer_kind": k} for n, (q, a, k) in enumerate(GOLDS)]
    rows.append({"id": "choice", "question": "Which?", "choices": ["red", "blue", "green"], "answer": "B"})
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def test_ours_takes_no_wrong_answer_and_every_gold(problems):
    told = done("verify", "p.jsonl", "--stress").out
    assert "no wrong answer was taken for right" in told
    assert re.search(r"the gold itself +14 +14 +0 +0\n", told), told
    strict = ("--set", "checks.policy.tolerance=0.05", "--set", "checks.policy.units=required")
    assert "no wrong answer was taken for right" in done("verify", "p.jsonl", "--stress", *strict).out


@pytest.mark.parametrize("name", WEAK)
def test_a_weak_checker_is_found_by_what_fools_it(problems, name):
    (problems / "mine.py").write_text(WEAK[name])
    ended = call("verify", "p.jsonl", "--stress", "--checker", "mine.py:check", "--count", "4")
    assert ended.code == 1, ended
    line = next(line for line in ended.out.splitlines() if line.startswith(FOUND[name]))
    asked, right = map(int, re.findall(r"\d+", line.removeprefix(FOUND[name]))[:2])
    assert 0 < right <= asked
    assert "were taken for right" in ended.out


def test_mistakes_are_one_line(problems):
    assert "belongs to --stress" in call("verify", "p.jsonl", "--out", "o.jsonl", "--checker", "m.py:f").mistake()
    assert "--out OUT.jsonl" in call("verify", "p.jsonl").mistake()
    assert "--checker" in call("verify", "p.jsonl", "--stress", "--checker", "none.py:f").mistake()
    assert "checks.policy.colour" in call("verify", "p.jsonl", "--stress", "--set", "checks.policy.colour=1").mistake()
