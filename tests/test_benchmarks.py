"""The bench of asking a teacher measures what it says: potstill on a few rows against its stub server."""

import importlib
import json
import shutil
import sys
import urllib.request
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="the stub server needs node"),
    pytest.mark.skipif(sys.platform != "linux", reason="memory and processor time are read from /proc"),
]


@pytest.fixture
def bench(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(BENCHMARKS)
    module = importlib.import_module("bench_generate")
    with module.Server() as server:
        yield module, module.Bench(server, tmp_path, module.SHORT)


def ask(server, number):
    body = {"messages": [{"role": "user", "content": f"This is problem {number}."}]}
    request = urllib.request.Request(f"{server.url}/chat/completions", json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=10) as reply:
        return json.load(reply)["choices"][0]


def test_the_stub_counts_and_cuts(bench):
    _, running = bench
    running.server.begin(cut=(7,))

    assert [ask(running.server, number)["finish_reason"] for number in (6, 7, 7)] == ["stop", "length", "length"]
    assert ask(running.server, 9)["message"]["content"].endswith("The answer is 9.")

    counts = running.server.counts()
    assert (counts.requests, counts.answered, counts.distinct, counts.others) == (4, 4, 3, 0)


def test_potstill_asks_each_row_once_and_one_more_for_an_added_one(bench):
    module, running = bench
    who, job = module.CONTESTANTS[0], running.job(50, 8)

    first = running.run(who, job)
    job.write_rows(51)
    second = running.run(who, job)

    assert (first.usage.code, first.counts.requests, first.counts.distinct) == (0, 50, 50)
    assert (second.usage.code, second.counts.requests, second.counts.distinct) == (0, 1, 1)
    assert first.usage.processes == 1
    assert 0.2 < first.usage.cpu < first.usage.seconds * 4
    assert 50e6 < first.usage.peak < 500e6


def test_what_is_killed_is_killed_whole_and_counted(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(BENCHMARKS)
    watched = importlib.import_module("generate.watched")
    code = (
        "import subprocess, time; subprocess.Popen(['sleep', '60'], start_new_session=True)\n"
        "print(sum(range(10**7))); time.sleep(60)"
    )
    started = watched.Watched(
        [sys.executable, "-c", code], tmp_path / "usage.json", limit=1.5, environment={}, log=tmp_path / "log"
    )

    usage = started.ended()

    assert usage.code is None
    assert 1.5 <= usage.seconds < 20
    assert usage.cpu > 0.05
    assert usage.processes == 2
    assert not [p for p in Path("/proc").glob("[0-9]*/cmdline") if code.encode() in read(p)]


def read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""
