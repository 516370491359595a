"""`potstill compare`: pairs, intervals and power equal plain arithmetic; names that mean nothing are one line."""

import json
import math
from fractions import Fraction

import pytest
from commands import call, done

from potstill import open as open_run
from potstill.evaluate.statistics import needed, shown_by

PLAIN = {
    "prompt": "zero-shot", "sample": 0, "reasoning": "", "answer": "", "finish": "stop", "prompt_tokens": 3,
    "completion_tokens": 5, "looped": False, "extracted": "1",
}  # fmt: skip


def measures(path, solved):
    rows = [
        {**PLAIN, "student": path.stem, "problem_key": f"p{n}", "outcome": "right" if right else "wrong", "cause": ""}
        for n, right in enumerate(solved)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_files_of_measures_are_paired_by_problem(tmp_path):
    one = measures(tmp_path / "one.jsonl", [1] * 30 + [0] * 70)
    other = measures(tmp_path / "other.jsonl", [1] * 60 + [0] * 20)
    told = done("compare", one, other, "--out", tmp_path / "c.json").out
    found = json.loads((tmp_path / "c.json").read_text())
    assert found["sections"][1]["children"]
    assert "'other' solves 37.5 points more than 'one'" in told
    assert any(line.split()[:4] == ["other", "one", "80", "+37.5"] for line in told.splitlines()), told
    assert "named twice" in call("compare", one, other, one).mistake()


def test_power_is_the_textbooks():
    differences = [Fraction(1)] * 30 + [Fraction(0)] * 50 + [Fraction(-1)] * 20
    deviation = math.sqrt((50 + 2) / 102 - (10 / 102) ** 2)
    assert needed(differences, 0.05) == math.ceil(((1.959964 + 0.841621) * deviation / 0.05) ** 2)
    assert shown_by(differences) == pytest.approx((1.959964 + 0.841621) * deviation / 10, rel=1e-6)
    assert needed(differences, shown_by(differences)) in (100, 101)
    assert 0 < shown_by([Fraction(0)] * 5) <= 1


def test_a_runs_arms_against_each_other_and_drawn(finished_run):
    figures = open_run(finished_run).measures
    stages = [finished_run / f"evaluate-{name}" for name in ("base", "traces")]
    ended = done("compare", *stages, "--out", finished_run.parent / "c.html")
    assert f"{100 * figures['traces'].accuracy.value:.1f}%" in ended.out
    page = (finished_run.parent / "c.html").read_text()
    assert "<svg" in page
    assert "What these problems can show" in page


def test_mistakes_are_one_line(finished_run, tmp_path):
    assert "name two or more" in call("compare", finished_run).mistake()
    assert "named twice" in call("compare", finished_run, finished_run).mistake()
    assert "has no arm 'trace', did you mean 'traces'" in call("compare", finished_run, "x", "--arm", "trace").mistake()
    assert "no run, no stage" in call("compare", finished_run, tmp_path / "nothing").mistake()
    (tmp_path / "bad.jsonl").write_text('{"student": "x"}\n')
    assert "it lacks prompt" in call("compare", finished_run, tmp_path / "bad.jsonl").mistake()
    assert "has no measures" in call("compare", finished_run / "problems", finished_run).mistake()
