"""A judge that is down, over whole runs with real servers: unknown and told everywhere, never wrong, and made good."""

import json
import re
from collections import Counter

import pytest
import stub_server
from commands import call, done

from potstill.models.served.client import RetryPolicy, ServedModel
from potstill.records import Drop, Example, Problem, Trace, Verdict
from potstill.store import Run

RECIPE = """\
name: t
problems: {evaluate: 3, sources: [{file: p.jsonl}]}
teacher: {kind: served, base_url: TEACHER, model: m}
checks: {judge: {base_url: JUDGE, model: j}}
student: {scratch: {hidden: 16, layers: 1, heads: 2, intermediate: 32, vocabulary: 300, context: 256}}
train: {steps: 2, batch: 4, micro_batch: 4, learning_rate: 1.0e-3, precision: fp32}
arms: {traces: {train: {}}}
evaluate: {max_tokens: 8, batch: 4}
"""
NOWHERE = "http://127.0.0.1:9/v1"
VAGUE = "The answer is 6 @ 7 # 8."
ODD = range(1, 12, 2)
"""Numbers of the questions that get an answer which the rules cannot read."""


class Both(stub_server.Stub):
    """Teacher and judge: answers questions, every other one vaguely, and believes whatever it is asked to judge."""

    def completion(self, body, **changes):
        said = body["messages"][-1]["content"]
        judged = re.search(r"<answer-(\w+)>\n(.*)\n</answer", said, re.DOTALL)
        if judged:
            content = f"QUOTE-{judged[1]}: {judged[2]}\nVERDICT-{judged[1]}: RIGHT"
        else:
            number = int(re.search(r"What is (\d+) plus 3", said)[1])
            answer = VAGUE if number in ODD else f"The answer is {number + 3}."
            content = f"<think>\nI add three to {number}.\n</think>\n\n{answer}"
        return super().completion(body, message={"content": content}, **changes)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stub_server, "Stub", Both)
    impatient = RetryPolicy(tries=2, unreachable_tries=2, first_wait=0.001, failures=4)
    monkeypatch.setattr(ServedModel.__init__, "__defaults__", (impatient,))
    rows = [{"question": f"What is {n} plus 3?", "gold": str(n + 3)} for n in range(15)]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def write(folder, teacher, judge):
    (folder / "r.yaml").write_text(RECIPE.replace("TEACHER", teacher).replace("JUDGE", judge))


def verdicts(run):
    """Verdicts by whether the rules can read the answer."""
    asked = {p.key: p.question for p in run.committed("problems").rows("train", Problem)}
    pairs = zip(
        run.committed("traces").rows("traces", Trace), run.committed("verdicts").rows("verdicts", Verdict), strict=True
    )
    found = {True: [], False: []}
    for trace, verdict in pairs:
        found[int(asked[trace.problem_key].split()[2]) in ODD].append(verdict)
    return found[True], found[False]


def told(folder):
    """The report's tables by their titles."""
    report = json.loads((folder / "run" / "report.json").read_text())
    return {n["title"]: n["rows"] for section in report["sections"] for n in section["children"] if "rows" in n}


def test_a_judge_that_is_down_is_told_in_verdicts_funnel_and_report_and_a_rerun_fills_the_gaps(here):
    with stub_server.running() as teacher:
        write(here, teacher.url, NOWHERE)
        said = done("run", "r.yaml", "--out", "run").err
        run = Run(here / "run")
        vague, plain = verdicts(run)
        assert {(v.outcome, v.cause, v.check) for v in vague} == {("unknown", "infrastructure", "judge")}
        assert {(v.outcome, v.check) for v in plain} == {("right", "answer")}
        (reason,) = {v.reason for v in vague}
        assert reason.startswith("judge: ")
        assert "unreachable" in reason
        assert f"verdicts: {len(vague)} traces are left open by an outage: {reason}" in said

        drops = list(run.committed("examples").rows("dropped", Drop))
        assert {(drop.reason, drop.detail) for drop in drops} == {("unknown: infrastructure", reason)}
        tables = told(here)
        read = tables["Traces: read, dropped and kept"]
        assert ["dropped: unknown: infrastructure", len(vague), len(vague) / 12] in [row[:3] for row in read]
        assert ["unknown: infrastructure", len(vague), len(vague) / 12] in tables["Verdicts of all traces"]
        ((shown, number),) = tables["Left open by an outage"]
        assert number == len(vague)
        assert shown[:40] == reason[:40]
        assert "Left open by an outage" in (here / "run" / "report.html").read_text()
        assert not any(row[0].startswith(("wrong", "dropped: wrong")) for rows in tables.values() for row in rows)

        paid = teacher.stats()["requests"]
        with stub_server.running() as judge:
            write(here, teacher.url, judge.url)
            done("run", "r.yaml", "--out", "run", "--stage", "verdicts", "--redo")
            assert judge.stats()["requests"] == len(vague), "the gaps and nothing else"
            again, same = verdicts(run)
            assert {(v.outcome, v.check) for v in again} == {("right", "judge")}
            assert same == plain
            line = call("run", "r.yaml", "--out", "run").mistake()
            assert "changed input verdicts" in line
            done("run", "r.yaml", "--out", "run", "--redo")
            assert judge.stats()["requests"] == len(vague)
        assert teacher.stats()["requests"] == paid
    assert len(list(run.committed("examples").rows("examples", Example))) == 12
    assert "Left open by an outage" not in told(here)


@pytest.mark.parametrize("trouble", [500, 401, "malformed"])
def test_whatever_is_wrong_with_the_judge_its_answers_are_unknown(here, trouble):
    rules = [{"match": "VERDICT-", "replies": [trouble], "always": True}]
    with stub_server.running() as teacher, stub_server.running(script={"rules": rules}) as judge:
        write(here, teacher.url, judge.url)
        for stage in ("problems", "traces", "verdicts", "examples"):
            done("run", "r.yaml", "--out", "run", "--stage", stage)
        run = Run(here / "run")
        vague, plain = verdicts(run)
        assert Counter(v.outcome for v in plain) == {"right": len(plain)}
        assert {(v.outcome, v.cause) for v in vague} == {("unknown", "infrastructure")}
        assert all(v.reason.startswith("judge: ") for v in vague)
        assert run.committed("examples").counts["dropped"] == {"unknown: infrastructure": len(vague)}
        judge.rules = []
        sent = judge.stats()["requests"]
        done("run", "r.yaml", "--out", "run", "--stage", "verdicts", "--redo")
        assert judge.stats()["requests"] == sent + len(vague)
    assert {v.outcome for v in verdicts(run)[0]} == {"right"}
