"""Explanation traces: a message is drawn for each sample by hash, sent, told in the report, and in no row."""

import json
from collections import Counter

import stub_server
from commands import call, done
from hypothesis import given
from hypothesis import strategies as st

from potstill import open as open_run
from potstill.recipe import SystemMessage
from potstill.records import Problem
from potstill.teach.strategies.explain import PACKAGED, Explaining

RECIPE = """\
name: explained
seed: 3
problems: {evaluate: 4, sources: [{file: p.jsonl}]}
teacher: {kind: served, base_url: URL, model: m, concurrency: 4, sampling: {temperature: 1.0, max_tokens: 64}}
strategy:
  kind: explain
  samples: 3
  messages:
    - {name: good, text: 'Take one step at a time.', weight: 2}
    - {name: bad, text: 'Guess.'}
    - {name: choices, text: 'Look at the options.', kinds: [choice]}
student: {scratch: {hidden: 16, layers: 1, heads: 2, intermediate: 32, vocabulary: 300, context: 256}}
train: {steps: 2, batch: 4, micro_batch: 4, precision: fp32}
evaluate: {max_tokens: 8, batch: 4, shots: 0}
"""


class TwoFaced(stub_server.Stub):
    """Right under one system message, wrong under the other."""

    def completion(self, body, **changes):
        system, asked = body["messages"][0]["content"], body["messages"][-1]["content"]
        number = int(asked.rpartition("What is ")[2].split()[0]) + (3 if "step" in system else 7)
        text = f"<think>\nI add, {body['seed']}.\n</think>\nThe answer is {number}."
        return super().completion(body, message={"role": "assistant", "content": text}, **changes)


def test_each_message_has_its_line_in_the_report_and_no_row_has_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [{"id": f"q{n}", "question": f"What is {n} plus 3?", "answer": str(n + 3)} for n in range(24)]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setattr(stub_server, "Stub", TwoFaced)
    with stub_server.running() as stub:
        (tmp_path / "r.yaml").write_text(RECIPE.replace("URL", stub.url))
        done("run", "r.yaml", "--out", "run")
        sent = [body["messages"] for body in stub.bodies]
        asked = len(sent)
        done("run", "r.yaml", "--out", "run")
        assert len(stub.bodies) == asked == 60, "nothing is asked twice"
    systems = Counter(turns[0]["content"] for turns in sent)
    assert set(systems) == {"Take one step at a time.", "Guess."}
    assert systems["Take one step at a time."] > systems["Guess."] > 5
    traces = list(open_run("run").table("traces"))
    named = Counter(trace.strategy for trace in traces)
    assert named == {"explain/good": systems["Take one step at a time."], "explain/bad": systems["Guess."]}
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    tables = {n["title"]: n["rows"] for part in report["sections"] for n in part["children"] if "rows" in n}
    good, bad = tables["Ways in which the teacher was asked"]
    assert (good[:3], good[5], bad[:3], bad[5]) == (
        ["explain/good", named["explain/good"], 1.0], 1.0, ["explain/bad", named["explain/bad"], 0.0], 0.0,
    )  # fmt: skip
    examples = list(open_run("run").table("examples"))
    assert not [one for one in examples if "step at a time" in f"{one.question} {one.reasoning} {one.answer}"]


def drawn(options, seed=1, kind="number", count=200):
    asking = Explaining("", "{question}", options=tuple(options), seed=seed)
    problems = [Problem(id=str(n), question=f"What is {n}?", gold="1", answer_kind=kind) for n in range(count)]
    return {(p.id, sample): asking.named(p, sample) for p in problems for sample in range(2)}


MESSAGES = [SystemMessage(name=name, text=name, weight=weight) for name, weight in (("a", 1), ("b", 2), ("c", 1))]


@given(st.permutations(MESSAGES), st.integers(0, 5))
def test_order_changes_no_draw(messages, seed):
    assert drawn(messages, seed, count=5) == drawn(MESSAGES, seed, count=5)


def test_a_new_message_moves_no_draw_between_others_and_weights_count():
    before, after = drawn(MESSAGES), drawn([*MESSAGES, SystemMessage(name="new", text="x", weight=2)])
    assert {after[key] for key in before if after[key] != before[key]} == {"new"}
    shares = Counter(before.values())
    assert 160 <= shares["b"] <= 240
    assert Counter(after.values())["new"] > 90


def test_messages_suit_kinds_of_problems():
    assert "options" not in drawn(PACKAGED).values()
    assert "options" in drawn(PACKAGED, kind="choice").values()
    assert set(drawn(PACKAGED).values()) == {one.name for one in PACKAGED} - {"options"}


def test_mistakes_are_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.jsonl").write_text('{"question": "q", "answer": "1"}\n')
    recipe = RECIPE.replace("URL", "http://127.0.0.1:9/v1")
    for old, new, told in (
        ("kind: explain", "kind: zero_shot", "they belong to the kind explain"),
        ("kind: explain", "kind: explain\n  system: Be good.", "explain draws its system messages"),
        ("name: bad", "name: good", "two are called 'good'"),
        ("weight: 2}\n    - {name: bad, text: 'Guess.'}", "kinds: [number]}", "every one has kinds"),
    ):
        (tmp_path / "r.yaml").write_text(recipe.replace(old, new, 1))
        assert told in call("check", "r.yaml").mistake()
