"""The recipes of the guide page on strategies run as they stand there; killed by SIGKILL they ask nothing twice."""

import json
import os
import random
import re
from pathlib import Path

import pytest
import stub_server
from commands import call, done
from teach import test_rationalise, test_strategies, test_tree, test_verify_chain
from teach.test_kills import asked, killed

from potstill import open as open_run
from potstill.models.ledger import Ledger
from potstill.records import Problem

SHORT = os.environ.get("POTSTILL_SOAK") == "short"
ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guide" / "strategies.md").read_text()
SECTIONS = re.findall(r"```yaml\n(strategy:\n.*?)```", PAGE, re.DOTALL)
AT_ONCE = 4
RECIPE = """\
name: t
seed: 11
problems: {evaluate: 2, near: null, sources: [{file: p.jsonl}]}
teacher: {kind: served, base_url: URL, model: m, concurrency: 4, sampling: {temperature: 1.0, max_tokens: 64}}
student: {scratch: {hidden: 16, layers: 1, heads: 2, intermediate: 32, vocabulary: 300, context: 512}}
train: {steps: 1, batch: 2, micro_batch: 2, precision: fp32}
evaluate: {max_tokens: 8, batch: 2, shots: 0}
"""


def of_page(kind):
    """Return the one strategy of that kind on the page."""
    (found,) = [section for section in SECTIONS if f"kind: {kind}\n" in section]
    return found


KINDS = [
    Problem(id=f"{kind}{n}", question=f"Give number {n} of the {kind}.", gold=str(n), domain=kind)
    for kind in test_strategies.RIGHT
    for n in range(4)
]
SUMS = [Problem(id=f"q{n}", question=f"What is {n} + 5?", gold=str(n + 5)) for n in range(8)]
PLAYED = {
    "tree": (test_tree.Player, test_tree.PROBLEMS, {"tree"}),
    "verify_chain": (test_verify_chain.Careless, test_verify_chain.PROBLEMS, {"verify_chain"}),
    "strategies": (
        test_strategies.Able, KINDS, {f"strategies/{name}" for name in test_strategies.RIGHT.values()},
    ),
    "rationalise": (test_rationalise.Late, SUMS, {"rationalise/alone", "rationalise/hinted"}),
}  # fmt: skip


def folder_with(tmp_path, name, url, kind):
    folder = tmp_path / name
    folder.mkdir()
    rows = [{"id": one.id, "question": one.question, "gold": one.gold, "domain": one.domain} for one in PLAYED[kind][1]]
    (folder / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "r.yaml").write_text(RECIPE.replace("URL", url) + of_page(kind))
    return folder


def written(folder):
    return {path.name: path.read_bytes() for path in (folder / "run" / "traces").iterdir() if path.name != "clock.json"}


def disturbed(tmp_path, monkeypatch, kind, kills):
    monkeypatch.setattr(stub_server, "Stub", PLAYED[kind][0])
    with stub_server.running() as stub:
        calm = folder_with(tmp_path, "calm", stub.url, kind)
        asked(calm)
        wanted, needed = written(calm), stub.stats()["distinct"]
        assert needed == stub.stats()["requests"]
    with stub_server.running(delay=0.005) as stub:
        folder = folder_with(tmp_path, "killed", stub.url, kind)
        done("run", folder / "r.yaml", "--out", folder / "run", "--stage", "problems")
        died = sum(killed(folder, point, count) for point, count in kills)
        asked(folder)
        stats = stub.stats()
    assert written(folder) == wanted
    assert stats["distinct"] == needed
    assert stats["requests"] <= needed + died * AT_ONCE, "more was asked again than was in flight"
    with Ledger(folder / "run" / "ledger" / "completions.sqlite", write=False) as ledger:
        assert len(list(ledger)) == needed
    return died


@pytest.mark.parametrize("kind", ["tree", "rationalise"])
def test_killed_it_ends_with_the_same_traces(tmp_path, monkeypatch, kind):
    assert disturbed(tmp_path, monkeypatch, kind, [("reply", 5), ("committed", 3)]) == 2


@pytest.mark.soak
@pytest.mark.parametrize("kind", PLAYED)
@pytest.mark.parametrize("seed", range(1 if SHORT else 4))
def test_killed_at_many_points(tmp_path, monkeypatch, kind, seed):
    dice = random.Random(seed)
    often = {"reply": 12, "put": 12, "committed": 4}
    kills = [(point, dice.randint(1, often[point])) for point in dice.choices(list(often), k=5)]
    assert disturbed(tmp_path, monkeypatch, kind, kills) >= 1


@pytest.mark.parametrize("kind", PLAYED)
def test_the_recipe_of_the_page_makes_its_examples(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(stub_server, "Stub", PLAYED[kind][0])
    with stub_server.running() as stub:
        folder = folder_with(tmp_path, "whole", stub.url, kind)
        for stage in ("problems", "traces", "verdicts", "examples"):
            done("run", folder / "r.yaml", "--out", folder / "run", "--stage", stage)
    traces = {trace.key: trace for trace in open_run(str(folder / "run")).table("traces")}
    assert {trace.strategy for trace in traces.values()} == PLAYED[kind][2]
    assert list(open_run(str(folder / "run")).table("examples"))
    counts = json.loads((folder / "run" / "traces" / "manifest.json").read_text())["counts"]
    assert ("calls" in counts) is (kind in ("tree", "verify_chain"))


def test_the_report_has_the_calls(tmp_path, monkeypatch):
    monkeypatch.setattr(stub_server, "Stub", test_verify_chain.Careless)
    with stub_server.running() as stub:
        folder = folder_with(tmp_path, "whole", stub.url, "verify_chain")
        done("run", folder / "r.yaml", "--out", folder / "run")
    report = json.loads((folder / "run" / "report.json").read_text())
    tables = {node["title"]: node for part in report["sections"] for node in part["children"] if "rows" in node}
    rows = {row[0]: row[1] for row in tables["Calls by what they were for"]["rows"]}
    assert rows["all"] == sum(rows.values()) - rows["all"] == stub.stats()["requests"]
    assert "questions" in json.dumps(tables["Calls by what they were for"])


def test_own_prompts_take_the_place_of_packaged_ones_and_mistakes_are_one_line(tmp_path):
    folder = folder_with(tmp_path, "own", "http://127.0.0.1:9/v1", "tree")
    (folder / "mine.txt").write_text("Judge {question}\n")
    recipe = (folder / "r.yaml").read_text()
    for added, told in (
        ("  prompts: {value: mine.txt}\n", "strategy.prompts.value"),
        ("  prompts: {valu: mine.txt}\n", "no such prompt, did you mean 'value'?"),
        ("  verify_chain: {keep: revised}\n", "it belongs to the kind verify_chain"),
        ("  prompts: {value: none.txt}\n", "cannot be read"),
    ):
        (folder / "r.yaml").write_text(recipe + added)
        assert told in call("check", folder / "r.yaml").mistake()
