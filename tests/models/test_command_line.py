"""A served teacher from the command line: what a changed recipe asks again, and how a run stops and goes on."""

import json
import signal
import time

import pytest
from commands import call, done, ended, start
from stub_server import running

from potstill.models.ledger import Ledger
from potstill.records import Problem, Trace
from potstill.store import Run

RECIPE = """\
name: asked
seed: 3
data: .
problems:
  sources:
    - {file: train.jsonl, use: train}
    - {file: held.jsonl, use: evaluate}
teacher:
  kind: served
  base_url: URL
  model: m
  MORE
strategy: {samples: SAMPLES}
student:
  scratch: {hidden: 16, layers: 1, heads: 2, intermediate: 32, vocabulary: 300, context: 256}
train: {steps: 3, batch: 4, micro_batch: 4, learning_rate: 1.0e-3, precision: fp32}
evaluate: {max_tokens: 8, batch: 2, shots: 1}
"""
PRICED = "sampling: {max_tokens: 20}\n  price: {prompt: 0.0, completion: 1000000.0}\n  spend_at_most: "


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows(numbers):
    return [{"question": f"What is {number} and no more?", "gold": str(number)} for number in numbers]


def write(folder, stub, numbers, samples=1, more="timeout: 30"):
    """Write the recipe and its problems."""
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows(numbers)))
    (folder / "held.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows(range(9000, 9004))))
    text = RECIPE.replace("URL", stub.url).replace("SAMPLES", str(samples)).replace("MORE", more)
    (folder / "r.yaml").write_text(text)


def teach(*more):
    """Run the stages up to the traces."""
    done("run", "r.yaml", "--out", "run", "--stage", "problems", *more)
    return call("run", "r.yaml", "--out", "run", "--stage", "traces", *more)


def traces(folder):
    return list(Run(folder / "run").committed("traces").rows("traces", Trace))


def test_more_samples_other_problems_and_another_order_send_only_what_is_new(folder):
    with running() as stub:
        write(folder, stub, range(12), samples=4)
        assert teach().code == 0
        assert stub.stats()["requests"] == 48
        write(folder, stub, range(12), samples=8)
        assert teach("--redo").code == 0
        assert stub.stats()["requests"] == 96, "four more for each problem"
        write(folder, stub, reversed(range(12)), samples=8)
        assert teach("--redo").code == 0
        assert stub.stats()["requests"] == 96, "another order sends nothing"
        write(folder, stub, [20, *range(6), 21, *range(6, 12)], samples=8)
        assert teach("--redo").code == 0
        stats = stub.stats()
        assert stats["requests"] == stats["distinct"] == 96 + 16, "eight for each of two new problems"
        write(folder, stub, range(12), samples=4)
        assert teach("--redo").code == 0
        assert stub.stats()["requests"] == 96 + 16, "fewer of both send nothing"
    asked = {(trace.problem_key, trace.sample) for trace in traces(folder)}
    problems = [row.key for row in Run(folder / "run").committed("problems").rows("train", Problem)]
    assert asked == {(key, sample) for key in problems for sample in range(4)}


def test_the_price_cap_is_one_line_and_raising_it_goes_on(folder):
    """Each reply has 20 tokens at one dollar a token."""
    with running(delay=0.01) as stub:
        write(folder, stub, range(40), more=PRICED + "260.0")
        line = teach().mistake()
        assert "spent $260.0000 of the $260.0 of spend_at_most" in line
        assert "raise spend_at_most and run again" in line
        assert stub.stats()["requests"] == 13
        write(folder, stub, range(40), more=PRICED + "26000.0")
        assert teach().code == 0
        assert stub.stats()["requests"] == stub.stats()["distinct"] == 40


def test_an_outage_is_one_line_and_the_next_run_goes_on(folder):
    over = {"status": 200, "body": "x" * (17 << 20)}  # given up at once, where other faults are waited for
    with running(script={"rules": [{"match": "What is 1", "replies": [over], "always": True}]}) as stub:
        write(folder, stub, [*range(20, 60), *range(100, 160)], more="concurrency: 4")
        line = teach().mistake()
        assert "20 requests in a row failed, the last with 'oversized body: more than 16 MB'" in line
        assert "run again to go on" in line
        kept = stub.stats()["finished"]
        assert kept == 40
        stub.rules.clear()
        before = stub.stats()["requests"]
        assert teach().code == 0
        assert stub.stats()["requests"] - before == 60
    assert {trace.finish for trace in traces(folder)} == {"stop"}


def test_ctrl_c_is_one_line_and_the_same_command_goes_on(folder):
    with running(delay=0.05) as stub:
        write(folder, stub, range(300), more="concurrency: 8")
        done("run", "r.yaml", "--out", "run", "--stage", "problems")
        process = start("run", "r.yaml", "--out", "run", "--stage", "traces")
        deadline = time.monotonic() + 60
        while len(stub.finished) < 60:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        interrupted = ended(process)
        assert interrupted.code == 130
        assert interrupted.err.splitlines()[-1].startswith("potstill: interrupted; what is done is kept")
        assert "Traceback" not in interrupted.err
        with Ledger(folder / "run" / "ledger" / "completions.sqlite", write=False) as ledger:
            there = len(ledger)
        assert 60 - 8 <= there < 300
        assert teach().code == 0
        assert stub.stats()["requests"] <= 300 + 8
    assert len(traces(folder)) == 300
