"""A pilot wastes nothing, survives a kill, and its interval holds the truth of real lengths."""

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import TINY, call, done
from stub_server import running

from potstill.graph import graph_of
from potstill.planning import pilot
from potstill.planning.figures import known
from potstill.recipe_file import load
from potstill.store import Run

DATA = Path(__file__).parents[3] / "shared" / "data"


def write(folder, stub, more=""):
    """Write the recipe of a teacher that is served by a stub, at a dollar a token."""
    teacher = f"{{kind: served, base_url: '{stub.url}', model: stub, price: {{completion: 1000000}}, concurrency: 2}}"
    (folder / "r.yaml").write_text(TINY.replace("teacher: {kind: worked}", f"teacher: {teacher}") + more)


def asked(folder):
    """Return the record of the plan beside the run."""
    return json.loads((folder / "run" / "plan.json").read_text())["pilots"]["traces"]


def test_a_pilot_asks_a_few_and_the_run_the_rest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with running() as stub:
        write(tmp_path, stub)
        told = done("plan", "r.yaml", "--out", "run", "--pilot", "6").out
        assert stub.stats()["requests"] == 6
        assert "a pilot of 6 problems" in told
        again = done("plan", "r.yaml", "--out", "run").out
        assert "a pilot of 6 problems" in again, "it is kept beside the run"
        assert done("plan", "r.yaml", "--out", "run", "--pilot", "6").code == 0
        assert stub.stats()["requests"] == 6, "what is in the ledger is not asked again"
        done("run", "r.yaml", "--out", "run", "--stage", "traces")
        assert stub.stats()["requests"] == 20
        traces = Run(tmp_path / "run").committed("traces")
        true = traces.counts["sampling"]["completion_tokens"]
        found = pilot.found_of(asked(tmp_path), graph_of(load("r.yaml")).sets["traces"], known(20, ""))
        assert found.asked.written.low <= true <= found.asked.written.high
        assert "no set of this recipe has a teacher" in call("plan", "r.yaml", "--out", "run", "--pilot", "2").mistake()


def test_a_pilot_that_was_killed_goes_on(tmp_path):
    with running(delay=0.15) as stub:
        write(tmp_path, stub)
        command = [sys.executable, "-m", "potstill", "plan", "r.yaml", "--out", "run", "--pilot", "8"]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 120
        while stub.stats()["requests"] < 4 and time.monotonic() < until:
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
        asked_twice = stub.stats()["requests"] - 8
        assert 0 <= asked_twice <= 2, "what was under way when it was killed"
        assert len(asked(tmp_path)["problems"]) == 8


def test_other_settings_make_a_pilot_say_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with running() as stub:
        write(tmp_path, stub)
        done("plan", "r.yaml", "--out", "run", "--pilot", "3")
        told = done("plan", "r.yaml", "--out", "run", "--set", "teacher.sampling.max_tokens=77").out
        assert "a pilot" not in told


def test_retries_and_rounds_are_in_what_a_pilot_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cut = {"message": {"role": "assistant", "content": "so and so"}, "finish_reason": "length",
           "usage": {"prompt_tokens": 10, "completion_tokens": 500}}  # fmt: skip
    with running(script={"rules": [{"match": "", "replies": [cut]}]}) as stub:
        write(tmp_path, stub, "strategy: {samples: 3, stop_at_right: 1}\n")
        done("plan", "r.yaml", "--out", "run", "--pilot", "4")
        problems = asked(tmp_path)["problems"]
        assert all(samples[0][1] > 500 for samples in problems), "the truncated one was paid for too"
        assert all(1 <= len(samples) <= 3 for samples in problems)


@pytest.mark.skipif(not DATA.is_dir(), reason="real traces are not at hand")
@pytest.mark.parametrize(
    "file", ["traces_gsm8k_longcot_r1_qwq_s1.jsonl.gz", "traces_missing_premise.jsonl.gz"]
)  # fmt: skip
def test_its_interval_holds_the_truth_of_real_lengths(file, tmp_path):
    lengths: dict[str, list[float]] = {}
    with gzip.open(DATA / file, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            lengths.setdefault(row["problem"], []).append(len(row["response"] or "") / 3)
    pool = list(lengths.values())
    (tmp_path / "r.yaml").write_text(
        TINY.replace("{kind: worked}", "{kind: served, base_url: 'http://127.0.0.1:9/v1', model: stub}")
    )
    node = graph_of(load(str(tmp_path / "r.yaml"))).sets["traces"]
    key, truth, draw = pilot.key_of(node.recipe), sum(map(sum, pool)), random.Random(11)
    held = 0
    for _ in range(100):
        problems = [[[50.0, size, 1.0, 1.0, 1.0, 1.0] for size in sizes] for sizes in draw.sample(pool, 24)]
        found = pilot.found_of({"key": key, "seconds": 1, "problems": problems}, node, known(len(pool), ""))
        held += found.asked.written.low <= truth <= found.asked.written.high
    assert held >= 75, held
