"""A server that means harm costs one recorded failure a request, and no more memory than a few replies."""

import io
import json
import subprocess
import sys
import textwrap

import pytest
from stub_server import running

from potstill import recipe
from potstill.models.ledger import Ledger
from potstill.models.requests import Message, Request
from potstill.models.served.client import RetryPolicy, ServedModel
from potstill.progress import Progress

HARM = {
    "giant": "oversized body",
    "flood": "oversized body",
    "bomb": "oversized body",
    "deep": "malformed body: in too many pieces",
    "long": "oversized text",
    "control": "malformed body: no JSON",
    "redirect": "HTTP 307: redirects to http://127.0.0.1:9/elsewhere, which is not followed",
    "cut": "connection: the body was cut off",
}
MEMORY_MB = 512
CLIENT = """
    import io, json, sys
    from pathlib import Path
    from potstill import recipe
    from potstill.models.ledger import Ledger
    from potstill.models.requests import Message, Request
    from potstill.models.served.client import RetryPolicy, ServedModel
    from potstill.progress import Progress
    url, path, words = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
    teacher = recipe.ServedTeacher(kind="served", base_url=url, model="m", concurrency=8, timeout=20.0)
    retry_policy = RetryPolicy(tries=2, first_wait=0.01, failures=10_000)
    def request(said):
        return Request(messages=(Message("user", said),), model="m", sampling={}, sample=0)
    wanted = [request(f"{word} {n} {word}") for n in range(12) for word in words]
    with Ledger(path) as ledger:
        model = ServedModel(teacher, retry_policy)
        model.collect([request("fine 1")], ledger, Progress("t", stream=io.StringIO()))
        request_counts = model.collect(wanted, ledger, Progress("t", stream=io.StringIO()))
    # ru_maxrss would still hold the peak of the process that this one was started from
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(json.dumps([request_counts.finishes, int(peak.split()[1]) // 1024]))
"""


def script(words):
    return {"rules": [{"match": f"{word} ", "replies": [word], "always": True} for word in words]}


@pytest.mark.parametrize("harm", HARM)
def test_one_failure_each_and_the_rest_goes_on(tmp_path, harm):
    def ask(*texts):
        wanted = [Request(messages=(Message("user", text),), model="m", sampling={}, sample=0) for text in texts]
        return model.collect(wanted, ledger, Progress("t", stream=io.StringIO()))

    with running(script=script([harm])) as stub, Ledger(tmp_path / "l.sqlite") as ledger:
        teacher = recipe.ServedTeacher(kind="served", base_url=stub.url, model="m", concurrency=2, timeout=20.0)
        model = ServedModel(teacher, RetryPolicy(tries=2, first_wait=0.01))
        assert ask("what is 1").finishes["stop"] == 1
        assert ask("what is 2", f"{harm} 3", "what is 4").finishes == {
            "stop": 2,
            "length": 0,
            "refused": 0,
            "failed": 1,
        }
        failed = [completion for completion in ledger if completion.finish == "failed"]
        assert stub.stats()["most_per_key"] <= 2
    assert len(failed) == 1
    assert failed[0].failure.startswith(HARM[harm])
    assert failed[0].failure.isprintable()
    assert len(failed[0].raw) <= 4096


@pytest.mark.soak
def test_memory_stays_bounded_whatever_comes_at_once(tmp_path):
    words = ["giant", "flood", "bomb", "deep", "long"]
    with running(script=script(words)) as stub:
        command = [sys.executable, "-c", textwrap.dedent(CLIENT), stub.url, str(tmp_path / "l.sqlite"), *words]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert ended.returncode == 0, ended.stderr
    finishes, megabytes = json.loads(ended.stdout)
    assert finishes == {"stop": 0, "length": 0, "refused": 0, "failed": 60}
    assert megabytes < MEMORY_MB
