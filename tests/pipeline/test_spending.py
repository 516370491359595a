"""The money of a run from the command line: a way on at the cap, a judge under it, pilots in which nothing came."""

import json

import pytest
from commands import call, done
from stub_server import running

from potstill.models.ledger import Ledger
from potstill.records import Drop, Trace
from potstill.store import Run

RECIPE = """\
name: spending
data: .
problems:
  sources:
    - {file: train.jsonl, use: train}
    - {file: held.jsonl, use: evaluate}
teacher:
  {kind: served, base_url: "URL", model: m, concurrency: 1, price: {completion: 1000000.0}, sampling: {max_tokens: 20}
  CAP}
student: {scratch: {}}
train: {steps: 1}
evaluate: {max_tokens: 8}
"""
JUDGE = """\
checks: {judge: {base_url: "URL", model: j, concurrency: 1, sampling: {max_tokens: 20}, price: {completion: 1000000.0}}}
"""


def write(folder, stub, cap="", judge="", count=8, gold=str):
    for name, numbers in (("train", range(count)), ("held", range(9000, 9003))):
        rows = [{"question": f"What is {number} and no more?", "gold": gold(number)} for number in numbers]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    text = (RECIPE + judge).replace("URL", stub.url).replace("CAP", f", spend_at_most: {cap}" if cap else "")
    (folder / "r.yaml").write_text(text)


@pytest.fixture
def stage(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda name, *more: call("run", "r.yaml", "--out", "run", "--stage", name, *more)


def test_a_run_goes_on_at_its_cap_or_is_raised(tmp_path, stage):
    with running() as stub:
        write(tmp_path, stub, cap=50)
        done("run", "r.yaml", "--out", "run", "--stage", "problems")
        ended = stage("traces")
        assert ended.code == 2
        assert "raise spend_at_most and run again to ask the rest, or run with --go-on" in ended.mistake()
        asked = stub.stats()["requests"]
        assert asked == 2, "20 tokens each at a dollar a token, and none that may pass the cap"

        ended = stage("traces", "--go-on")
        assert (ended.code, stub.stats()["requests"]) == (0, asked)
        assert "6 samples were not asked" in ended.err
        committed = Run(tmp_path / "run").committed("traces")
        assert committed.counts["not_asked"] == 6
        finishes = [(trace.finish, trace.failure) for trace in committed.rows("traces", Trace)]
        assert sorted(finishes) == [("failed", "not asked: the money was spent")] * 6 + [("stop", "")] * 2
        assert stage("verdicts").code == stage("examples").code == 0
        dropped = Run(tmp_path / "run").committed("examples").rows("dropped", Drop)
        assert [drop.reason for drop in dropped] == ["not asked: the money was spent"] * 6

        assert "traces             done" in done("status", "run").out
        write(tmp_path, stub, cap=500)
        told = stage("traces").mistake()
        assert "spend_at_most (50 -> 500), and 6 were not asked: this would redo traces (" in told
        assert stage("traces", "--redo").code == 0
        assert stub.stats()["requests"] == 8
        assert "traces             done" in done("status", "run").out
        assert "not_asked" not in Run(tmp_path / "run").committed("traces").counts
        assert {trace.finish for trace in Run(tmp_path / "run").committed("traces").rows("traces", Trace)} == {"stop"}


def test_a_judge_counts_under_the_teachers_cap(tmp_path, stage):
    said = {"message": {"role": "assistant", "content": "<think>\nHm.\n</think>\n\nSome number, I would say."}}
    script = {"rules": [{"match": "no more?", "replies": [said], "always": True}]}
    with running(script=script) as stub:
        write(tmp_path, stub, cap=200, judge=JUDGE)
        done("run", "r.yaml", "--out", "run", "--stage", "problems")
        assert stage("traces").code == 0, "8 samples of 20 dollars"
        ended = stage("verdicts")
        assert ended.code == 2
        assert "(teacher $160.0000, checks.judge $" in ended.mistake()
        assert stub.stats()["requests"] == 8 + 2
        assert stage("verdicts", "--go-on").code == 0
        assert stub.stats()["requests"] == 8 + 2
        counts = Run(tmp_path / "run").committed("verdicts").counts
        assert (counts["not_asked"], counts["spend_at_most"]) == (6, 200)
        write(tmp_path, stub, judge=JUDGE)
        assert "spend_at_most (200 -> none), and 6 were not asked" in stage("verdicts").mistake()
        write(tmp_path, stub, cap=200, judge=JUDGE)
        out = done("ledger", "run").out
        assert "$40.0000 at $0 and $1e+06 a million tokens (the recipe)" in out


def test_a_judge_under_a_cap_needs_a_price_before_anything_is_asked(tmp_path, stage):
    with running() as stub:
        write(tmp_path, stub, cap=200, judge=JUDGE.replace(", price: {completion: 1000000.0}", ""))
        done("run", "r.yaml", "--out", "run", "--stage", "problems")
        for argv in (("check", "r.yaml"), ("run", "r.yaml", "--out", "run"), ("run", "r.yaml", "--out", "new")):
            assert "checks.judge.spend_at_most needs a price" in call(*argv).mistake()
        assert "checks.judge.spend_at_most needs a price" in stage("traces").mistake()
        assert not (tmp_path / "new").exists()
        assert stub.stats()["requests"] == 0


@pytest.mark.parametrize("status", [400, 200])
def test_a_pilot_in_which_nothing_came_commits_nothing_and_says_why(tmp_path, stage, status):
    raw = '{"error": {"message": "no such setting"}}'
    error = {"message": "Provider returned error", "code": 400, "metadata": {"raw": raw}}
    reply = {"status": status, "body": json.dumps({"error": error})}
    with running(script={"rules": [{"match": "no more?", "replies": [reply], "always": True}]}) as stub:
        write(tmp_path, stub, count=2)
        done("run", "r.yaml", "--out", "run", "--stage", "problems")
        told = stage("traces").mistake()
        assert "not one of 2 requests was answered" in told
        assert "no such setting" in told
        assert "`potstill ledger run` shows them all" in told
        assert Run(tmp_path / "run").committed("traces") is None
        assert stub.stats()["requests"] == 2
        with Ledger(tmp_path / "run" / "ledger" / "completions.sqlite", write=False) as ledger:
            assert ledger.counts().finishes == {"failed": 2}, "both are asked again"
        stub.rules.clear()
        assert stage("traces").code == 0
