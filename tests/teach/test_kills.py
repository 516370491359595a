"""SIGKILL while worked examples are shown and hard problems asked on: the same bytes, and nothing paid twice."""

import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
import stub_server
from commands import call, done

from potstill.models.ledger import Ledger

SHORT = os.environ.get("POTSTILL_SOAK") == "short"
CLIENT = Path(__file__).parents[1] / "soak" / "chaos_client.py"
AT_ONCE = 4
RECIPE = """\
name: t
seed: 11
problems: {evaluate: 6, sources: [{file: p.jsonl}]}
teacher: {kind: served, base_url: URL, model: m, concurrency: 4, sampling: {max_tokens: 64}}
strategy: STRATEGY
student: {scratch: {}}
train: {steps: 1}
"""
STRATEGIES = {
    "few-shot": "{kind: few_shot, shots: 2, samples: 3}",
    "rounds": "{kind: few_shot, shots: 1, samples: 6, stop_at_right: 2}",
    "explain": "{kind: explain, samples: 4}",
    "react": "{kind: react, samples: 3, most_calls: 3, tools: [{kind: calculator}]}",
}
OFTEN = {"reply": 4, "put": 4, "written": 3, "committed": 1, "committing": 1, "lookup": 1}
"""Point -> the latest passing of it at which one of many kills comes: early, so that there is work left for all."""


class Uneven(stub_server.Stub):
    """Right, wrong or cut short, by question and seed alone."""

    def completion(self, body, **changes):
        if "<tool>" in body["messages"][0]["content"]:
            return super().completion(body, message={"role": "assistant", "content": acted(body)}, **changes)
        question = body["messages"][-1]["content"].rpartition("What is ")[2]
        gold = int(question.split()[0]) + 3
        dice = random.Random(f"{gold} {body['seed']}")
        answer, cut = gold + (dice.random() < 0.5), dice.random() < 0.2 and body["max_tokens"] == 64
        said = f"<think>\nhm, {body['seed']}" + ("" if cut else f"\n</think>\n\nThe answer is {answer}.")
        message = {"role": "assistant", "content": said}
        return super().completion(body, message=message, finish_reason="length" if cut else "stop", **changes)


def acted(body):
    """Call a calculator, call it wrongly, or answer with the last result, by question, seed and what came back."""
    n = int(re.search(r"What is (\d+) plus", body["messages"][0]["content"])[1])
    results = [turn["content"] for turn in body["messages"] if turn["content"].startswith("<result>")]
    dice = random.Random(f"{n} {body['seed']} {len(results)}").random()
    if not results or dice < 0.3:
        return f"hm, {body['seed']} <tool>calculator\n{n} {'+' if dice < 0.9 else 'plus'} 3\n"
    return f"We have it.\nThe answer is {re.sub('[^0-9]', '', results[-1]) or n}."


def folder_with(tmp_path, name, url, strategy):
    folder = tmp_path / name
    folder.mkdir()
    rows = [
        {"question": f"What is {n} plus 3?", "gold": str(n + 3), "solution": f"{n} + 3 = {n + 3}"} for n in range(36)
    ]
    (folder / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "r.yaml").write_text(RECIPE.replace("URL", url).replace("STRATEGY", STRATEGIES[strategy]))
    return folder


def asked(folder):
    """Finish the run."""
    for stage in ("problems", "traces"):
        done("run", folder / "r.yaml", "--out", folder / "run", "--stage", stage)


def killed(folder, point, count):
    """Run until the process has killed itself; return whether it did."""
    argv = [CLIENT, point, count, "run", folder / "r.yaml", "--out", folder / "run", "--stage", "traces"]
    process = subprocess.run([sys.executable, *map(str, argv)], capture_output=True, text=True, timeout=120)
    assert process.returncode in (0, -9), process.stderr
    return process.returncode == -9


def written(folder):
    stage = [path for path in (folder / "run" / "traces").iterdir() if path.name != "clock.json"]
    shots = (folder / "run" / "ledger").glob("shots-*.json")
    return {path.name: path.read_bytes() for path in [*stage, *shots]}


def disturbed(tmp_path, monkeypatch, strategy, kills):
    monkeypatch.setattr(stub_server, "Stub", Uneven)
    with stub_server.running() as stub:
        calm = folder_with(tmp_path, "calm", stub.url, strategy)
        asked(calm)
        wanted, needed = written(calm), stub.stats()["requests"]
        assert needed == stub.stats()["distinct"]
    with stub_server.running(delay=0.01) as stub:
        folder = folder_with(tmp_path, "killed", stub.url, strategy)
        done("run", folder / "r.yaml", "--out", folder / "run", "--stage", "problems")
        died = sum(killed(folder, point, count) for point, count in kills)
        asked(folder)
        stats = stub.stats()
        asked(folder)
        assert stub.stats() == stats, "what is done asks nothing"
    assert written(folder) == wanted
    assert stats["distinct"] == needed
    assert stats["requests"] <= needed + died * AT_ONCE, "more was asked again than was in flight"
    assert stats["most_open"] <= AT_ONCE
    assert kept(folder) == kept(calm)
    assert len(kept(folder)) == needed or "tools" in STRATEGIES[strategy], "results of tools are kept too"
    return died


def kept(folder):
    with Ledger(folder / "run" / "ledger" / "completions.sqlite", write=False) as ledger:
        return sorted(row.key for row in ledger)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_killed_three_times_it_ends_with_the_same_traces(tmp_path, monkeypatch, strategy):
    assert disturbed(tmp_path, monkeypatch, strategy, [("reply", 9), ("committed", 4), ("put", 12)]) == 3


def test_killed_under_a_cap_no_more_is_paid_than_the_cap(tmp_path):
    """A request costs 20 dollars here; who was killed never learns what the replies cost that were on their way."""
    with stub_server.running(delay=0.01) as stub:
        folder = folder_with(tmp_path, "capped", stub.url, "rounds")
        recipe = (folder / "r.yaml").read_text()
        capped = f"concurrency: {AT_ONCE}, price: {{completion: 1000000.0}}, spend_at_most: 1000,"
        (folder / "r.yaml").write_text(recipe.replace(f"concurrency: {AT_ONCE},", capped))
        done("run", folder / "r.yaml", "--out", folder / "run", "--stage", "problems")
        assert all(killed(folder, point, 7) for point in ("reply", "put"))
        told = call("run", folder / "r.yaml", "--out", folder / "run", "--stage", "traces").mistake()
        assert "of the $1000.0 of spend_at_most" in told
        in_all = 20 * stub.stats()["requests"]
    assert in_all <= 1000, "kills counted in"
    assert 20 * len(kept(folder)) >= 1000 - 2 * AT_ONCE * 1.25 * 64 - 64


@pytest.mark.soak
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("seed", range(2 if SHORT else 12))
def test_killed_at_many_points(tmp_path, monkeypatch, strategy, seed):
    dice = random.Random(seed)
    often = {"reply": 20, "put": 20, "committed": 6, "lookup": 2}
    kills = [(point, dice.randint(1, often[point])) for point in dice.choices(list(often), k=8)]
    assert disturbed(tmp_path, monkeypatch, strategy, kills) >= 1


@pytest.mark.soak
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_killed_twenty_times(tmp_path, monkeypatch, strategy):
    each_ends_the_same(tmp_path, lambda folder, kills: disturbed(folder, monkeypatch, strategy, kills), strategy)


def each_ends_the_same(tmp_path, disturb, seed):
    """Disturb runs until they have died of twenty kills in all, six in a short soak; one has work for most of them."""
    dice, left, attempt = random.Random(seed), 6 if SHORT else 20, 0
    while left > 0:
        folder = tmp_path / str(attempt)
        folder.mkdir()
        died = disturb(folder, [(point, dice.randint(1, OFTEN[point])) for point in dice.choices(list(OFTEN), k=left)])
        assert died
        left, attempt = left - died, attempt + 1
