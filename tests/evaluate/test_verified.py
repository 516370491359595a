"""Answers that a student checks by itself: what becomes right and wrong, by planted slips; and its stage in a run."""

import io
import json
import re
from collections import Counter
from pathlib import Path

import pytest
import stub_server
import yaml
from commands import TINY, done
from teach.scripted import Scripted, turns_of

from potstill import recipe
from potstill.evaluate.protocol import ModelUnderTest
from potstill.evaluate.verified import verified
from potstill.models.ledger import Ledger
from potstill.models.served.client import ServedModel
from potstill.progress import Progress
from potstill.records import Measure, Problem
from potstill.report import CheckedAnswers
from potstill.report.verified import changes, verified_table
from potstill.store import Run
from potstill.verify import Verdicts

PRODUCTS = [(17, 23), (12, 12), (31, 9), (8, 45), (6, 7), (5, 5)]
PROBLEMS = [
    Problem(id=f"{a}x{b}", question=f"How many pens are in {a} boxes of {b}?", gold=str(a * b)) for a, b in PRODUCTS
]
SLIPS = {(17, 23), (31, 9)}
"""Wrong in the draft, right when asked alone."""
LIES = {(12, 12)}
"""Right in the draft, wrong when asked alone."""
SURE = {(6, 7)}
"""Nothing is asked about."""
CUT = {(5, 5)}
"""The draft was truncated."""


class Student(Scripted):
    def said(self, body):
        text = turns_of(body)
        a, b = map(int, re.search(r"(\d+) (?:boxes of|x) (\d+)", text).groups())
        value = a * b + ((a, b) in LIES)
        if "Write at most" in text and (a, b) in SURE:
            return "none"
        if "Write at most" in text and "answer each anew" in text:  # it sees the draft, and repeats it
            return f"1. What is {a} x {b}? {a * b + ((a, b) in SLIPS)}"
        if "Answer each of these" in text:
            return f"1. It is {value}.\n2. It is {value}."
        if "Write at most" in text:
            return f"1. What is {a} x {b}?\n2. What is {b + 1} less 1 times {a} x {b}?"
        if "A first solution:" in text:
            checked = re.search(r"\? (?:It is )?(\d+)", text.partition("worked out apart")[2])
            return f"<think>\nSo it is {checked[1]}.\n</think>\n\nThe answer is {checked[1]}."
        return f"It is {value}."


def drafts():
    found = []
    for (a, b), problem in zip(PRODUCTS, PROBLEMS, strict=True):
        value = a * b + ((a, b) in SLIPS)
        cut = (a, b) in CUT
        outcome = "unknown" if cut else "right" if value == a * b else "wrong"
        found.append(Measure(
            student="m", prompt="zero-shot", problem_key=problem.key, sample=0, reasoning=f"DRAFT {a} x {b} = {value}",
            answer="" if cut else f"The answer is {value}.", finish="length" if cut else "stop", prompt_tokens=5,
            completion_tokens=9, looped=False, outcome=outcome, cause="unparsable prediction" if cut else "",
            extracted=None if cut else str(value),
        ))  # fmt: skip
    return found


@pytest.fixture
def stub(monkeypatch):
    monkeypatch.setattr(stub_server, "Stub", Student)
    with stub_server.running() as found:
        yield found


def checked(stub, folder, counts=None, **chain):
    teacher = recipe.ServedTeacher(kind="served", base_url=stub.url, model="m", concurrency=4)
    settings = recipe.Evaluate(verify_chain=recipe.VerifyChain(**chain))
    known = {problem.key: problem for problem in PROBLEMS}
    counts = Counter() if counts is None else counts
    with Ledger(folder / "l.sqlite") as ledger, Verdicts(recipe.Checks()) as verdicts:
        return list(verified(
            drafts(), known, recipe.Student(model="x"), settings, ModelUnderTest(ServedModel(teacher), "m", {}, None),
            ledger, verdicts, 3, counts, Progress("c", None, stream=io.StringIO()),
        ))  # fmt: skip


@pytest.mark.parametrize(("how", "calls", "changed"), [
    ("factored", 4 * 4 + 1, (len(SLIPS), len(LIES), 6)), ("two_step", 4 * 3 + 1, (len(SLIPS), len(LIES), 6)),
    ("joint", 4 * 2 + 1, (0, 0, 6)),
])  # fmt: skip
def test_what_becomes_right_and_wrong_is_counted_with_calls_by_formula(stub, tmp_path, how, calls, changed):
    counts = Counter()
    after = checked(stub, tmp_path, counts, how=how)
    before = drafts()
    assert [measure.problem_key for measure in after] == [measure.problem_key for measure in before]
    assert changes(before, after) == changed
    assert counts["calls"] == stub.stats()["requests"] == calls
    assert (counts["checked"], counts["without questions"]) == (5, 1)
    assert (after[-1].finish, after[-1].prompt_tokens) == ("length", 0)
    assert after[4].answer == "The answer is 42."
    assert sum(measure.completion_tokens for measure in after) == 20 * calls


def test_questions_are_answered_without_the_draft(stub, tmp_path):
    checked(stub, tmp_path)
    alone = [turns_of(body) for body in stub.bodies if "answer in one short sentence" in turns_of(body)]
    assert len(alone) == 8
    assert not any("DRAFT" in text for text in alone)


def test_what_is_there_is_not_asked_again(stub, tmp_path):
    first = checked(stub, tmp_path)
    asked = stub.stats()["requests"]
    assert checked(stub, tmp_path) == first
    assert stub.stats()["requests"] == asked


def test_the_table_says_both_directions(stub, tmp_path):
    counts = Counter()
    after = checked(stub, tmp_path, counts)
    (table,) = verified_table([CheckedAnswers(
        student="m", before=drafts(), after=after, calls=counts["calls"], questions=counts["questions"],
        unquestioned=counts["without questions"],
    )])  # fmt: skip
    row = dict(zip([column.name for column in table.columns], table.rows[0], strict=True))
    assert (row["wrong to right"], row["right to wrong"], row["answers"]) == (2, 1, 6)
    assert row["accuracy before"] == pytest.approx(3 / 6)
    assert row["after"] == pytest.approx(4 / 6)
    assert row["difference"] == pytest.approx(1 / 6)
    assert verified_table([]) == ()


def test_every_arm_checks_its_answers_and_is_trained_once(finished_run):
    settings = yaml.safe_load(TINY)
    page = (Path(__file__).parents[2] / "docs" / "guide" / "evaluation.md").read_text()
    (shown,) = re.findall(r"```yaml\n(evaluate:\n  verify_chain:.*?)```", page, re.DOTALL)
    settings["evaluate"] |= yaml.safe_load(shown)["evaluate"]
    Path("r.yaml").write_text(yaml.safe_dump(settings))
    told = done("run", "r.yaml", "--out", "run").err
    assert "train " not in told, "checking trains nobody again"
    run = Run(Path("run"))
    for arm in ("base", "answers", "traces"):
        measures = list(run.committed(f"evaluate-{arm}").rows("zero_shot", Measure))
        committed = run.committed(f"verified-{arm}")
        revised = list(committed.rows("revised", Measure))
        assert [one.problem_key for one in revised] == [one.problem_key for one in measures]
        assert committed.counts["responses"] == len(measures)
        assert committed.counts["checked"] == sum(one.finish == "stop" for one in measures)
    report = json.loads(Path("run/report/report.json").read_text())
    (section,) = [one for one in report["sections"] if one["title"] == "Answers checked"]
    assert [row[0] for row in section["children"][0]["rows"]] == ["base", "answers", "traces"]
