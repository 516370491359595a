"""Answers with tools: what a teacher is asked, what becomes of its calls, and the packaged teacher's own."""

import itertools
import json
import re
from pathlib import Path

import pytest
import stub_server
from teach.scripted import DyingError, Scripted, dying, taught, turns_of

from potstill import recipe
from potstill.models.ledger import Ledger
from potstill.models.requests import Completion
from potstill.problems.families import generate
from potstill.recipe import Strategy, Tool, WorkedTeacher
from potstill.records import Problem
from potstill.teach import traces
from potstill.teach.calling import played
from potstill.teach.strategies import Material, react
from potstill.tool_marks import CALL_END, FAILED, RESULT, calls_of, use_of

PROBLEMS = [
    Problem(id=str(n), question=f"What is {n}17 * 23 + {n}?", gold=str((n * 100 + 17) * 23 + n)) for n in range(1, 5)
]
OWN = recipe.Strategy(kind="react", tools=(Tool(kind="calculator"),), most_calls=3)


def asking(strategy=OWN, data=Path()):
    material = Material(training=list, held_out=list, data=data, seed=0, kept=data / "kept")
    return react.asking(react.PROMPT, strategy, material)


def talked(said, strategy=OWN, problem=PROBLEMS[0]):
    """Play an answer in which the teacher says these texts, one a request; return it and the conversations."""
    left, seen = list(said), []

    def say(call):
        seen.append([(turn.role, turn.content) for turn in call.messages])
        return Completion(key="", content=left.pop(0), finish="stop", raw=b"")

    return played(asking(strategy).talk(problem, 0), say), seen


FIRST = "We multiply. <tool>calculator\n117 * 23\n"
SECOND = "Now add. <tool>calculator\n2691 + 1"


def test_an_answer_with_two_calls_is_one_text():
    done, seen = talked([FIRST, SECOND, "So it is 2692.\nThe answer is 2692."])
    assert done.reasoning == (
        "We multiply. <tool>calculator\n117 * 23\n</tool>\n<result>2691</result>\n"
        "Now add. <tool>calculator\n2691 + 1\n</tool>\n<result>2692</result>\nSo it is 2692."
    )
    assert done.answer == "The answer is 2692."
    assert dict(done.counts) == {"calls": 2}
    assert [role for role, _ in seen[2]] == ["user", "assistant", "user", "assistant", "user"]
    assert seen[2][1][1].endswith(f"117 * 23\n{CALL_END}")
    assert seen[2][4][1] == "<result>2692</result>"
    assert "calculator: computes" in seen[0][0][1]
    assert "{tools}" not in seen[0][0][1]


def test_what_is_written_behind_a_call_is_passed_over_and_an_invented_result_ends_the_answer():
    done, _ = talked([FIRST + "</tool>\n<result>999</result>\nSo 999.", "The answer is 2692."])
    assert "999" not in done.reasoning
    assert dict(done.counts) == {"calls": 1, "calls written on behind": 1}
    done, _ = talked(["I know it. <result>2692</result> The answer is 2692."])
    assert (done.reasoning, done.answer, done.finish) == (f"I know it. {RESULT}", "", "length")
    assert dict(done.counts) == {"answers without a call": 1, "invented results": 1}
    assert use_of(done.reasoning).invented == 1


def test_failed_calls_are_told_and_counted():
    done, seen = talked([FIRST.replace("117", "x"), "Again. <tool>search\n3", "<tool>", "The answer is 3."])
    assert [call.result[: len(FAILED)] for call in calls_of(done.reasoning)] == [FAILED] * 2
    assert dict(done.counts) == {"calls": 3, "failed calls": 3}
    assert "no tool 'search'; there is calculator" in seen[2][-1][1]


def test_there_are_so_many_calls_and_no_more():
    done, seen = talked([FIRST] * 4 + ["The answer is 2691."])
    assert "no call is left" in seen[-1][-1][1]
    assert dict(done.counts) == {"calls": 4, "failed calls": 1}
    assert done.answer == "The answer is 2691."
    done, seen = talked([FIRST] * 9)
    assert len(seen) == 5
    assert (done.answer, done.finish) == ("", "length")
    assert done.counts["ended by a call too many"] == 1


def test_calls_are_internalised_as_the_recipe_says():
    said = ["First <tool>calculator\n7 + 8", "then <tool>calculator\n15 * 23", "The answer is 345."]
    none, small, everything = (
        talked(said, recipe.Strategy(kind="react", tools=OWN.tools, internalise=how))[0]
        for how in ("none", "small", "all")
    )
    assert use_of(none.reasoning).calls == 2
    assert small.reasoning.startswith("First 7 + 8 = 15\nthen <tool>")
    assert everything.reasoning == "First 7 + 8 = 15\nthen 15 * 23 = 345\n"
    assert [one.counts.get("calls written out", 0) for one in (none, small, everything)] == [0, 1, 2]


class Server(Scripted):
    """Multiplies, then adds, then answers with what the last result says."""

    def said(self, body):
        results = re.findall(r"<result>(.*?)</result>", turns_of({"messages": body["messages"][1:]}))
        first, second, third = map(int, re.search(r"(\d+) \* (\d+) \+ (\d+)", body["messages"][0]["content"]).groups())
        if not results:
            return f"We multiply. <tool>calculator\n{first} * {second}\n</tool>\n<result>1</result>"
        if len(results) == 1:
            return f"Add. <tool>calculator\n{results[0]} + {third}\n</tool>"
        return f"That is it. The answer is {results[-1]}."


class Native(Server):
    """The same by the fields of the server: it calls twice at a time, and knows results by their role."""

    def completion(self, body, **_):
        turns = [turn for turn in body["messages"] if turn["role"] != "assistant"]
        marked = [f"<result>{turn['content']}</result>" * (turn["role"] == "tool") or turn["content"] for turn in turns]
        said = self.said({"messages": [{"content": text} for text in marked]})
        before, mark, call = said.partition("<tool>calculator\n")
        given = [{"input": call.partition("\n")[0]}, {"input": "1 / 0"}] * bool(mark)
        calls = [
            {"id": f"{number}", "type": "function", "function": {"name": "calculator", "arguments": json.dumps(one)}}
            for number, one in enumerate(given)
        ]
        message = {"role": "assistant", "content": before, "tool_calls": calls}
        return super(Scripted, self).completion(body, message=message, finish_reason="tool_calls" if calls else "stop")


def test_calls_in_the_fields_of_a_server_make_the_same_traces(monkeypatch, tmp_path):
    marked, native = {"kind": "react", "tools": OWN.tools}, {"kind": "react", "tools": OWN.tools, "calls": "native"}
    found = []
    for server, strategy in ((Server, marked), (Native, native)):
        monkeypatch.setattr(stub_server, "Stub", server)
        with stub_server.running() as stub:
            counts = {}
            found.append(
                taught(
                    stub.url,
                    tmp_path / server.__name__,
                    PROBLEMS,
                    asking(Strategy(**strategy)),
                    counts=counts,
                    **strategy,
                )
            )
            assert counts["strategy"]["calls"] == 8
    for ours, theirs in zip(*found, strict=True):
        assert (ours.answer, ours.reasoning.split()) == (theirs.answer, theirs.reasoning.split())
    assert counts["strategy"]["calls written on behind"] == 8
    turns = max((body["messages"] for body in stub.bodies), key=len)
    assert [turn["role"] for turn in turns] == ["user", "assistant", "tool", "assistant", "tool"]
    assert [turn["tool_calls"][0]["id"] for turn in turns[1::2]] == [turn["tool_call_id"] for turn in turns[2::2]]
    assert all("stop" not in body and body["tools"][0]["function"]["name"] == "calculator" for body in stub.bodies)


def test_a_served_teacher_is_asked_call_by_call_and_nothing_twice(monkeypatch, tmp_path):
    monkeypatch.setattr(stub_server, "Stub", Server)
    counts = {}
    strategy = {"kind": "react", "tools": OWN.tools, "most_calls": 3}
    with stub_server.running() as stub:
        found = taught(stub.url, tmp_path / "l", PROBLEMS, asking(), counts=counts, **strategy)
        assert [trace.answer for trace in found] == [f"The answer is {problem.gold}." for problem in PROBLEMS]
        assert counts["strategy"] == {"calls": 8}, "the server keeps to the text that ends a call"
        assert counts["calls"]["thought"]["calls"] == stub.stats()["requests"] == 12
        assert all(body["stop"] == [CALL_END] for body in stub.bodies)
        assert taught(stub.url, tmp_path / "l", PROBLEMS, asking(), **strategy) == found
        assert stub.stats()["requests"] == 12
    with Ledger(tmp_path / "l", write=False) as ledger:
        assert len(ledger) == 12 + 8, "results of tools are rows too"


def of_worked(family, settings, tools, *, style="varied", error_rate=0.0, count=12, **more):
    problems = list(itertools.islice(generate(family, 1, settings), count))
    strategy = Strategy(kind="react", tools=tuple(Tool(kind=kind) for kind in tools), **more)
    counts = {}
    teacher = WorkedTeacher("worked", error_rate=error_rate, style=style)
    found = list(traces(teacher, problems, [], strategy=strategy, seed=1, data=Path(), counts=counts))
    return problems, found, counts["strategy"]


@pytest.mark.parametrize("family", ["chain", "shop", "compare"])
def test_the_packaged_teacher_lets_a_calculator_do_its_equations(family):
    problems, found, counts = of_worked(family, {}, ["calculator"], style="plain")
    for problem, trace in zip(problems, found, strict=True):
        assert trace.answer == f"The answer is {problem.gold}."
        calls = calls_of(trace.reasoning)
        assert calls
        assert not any(call.failed for call in calls)
        assert calls[-1].result == problem.gold
        assert not re.search(r"\d [-+*/] \d+ = ", trace.reasoning)
    assert counts["calls"] == sum(len(calls_of(trace.reasoning)) for trace in found)


def test_the_packaged_teacher_reads_the_files_of_a_table_by_program():
    problems, found, counts = of_worked("table", {"file": 1, "min_rows": 20, "max_rows": 30}, ["python"], count=30)
    assert {json.loads(problem.facts)["ask"] for problem in problems} == {"lookup", "filter", "mean", "group", "join"}
    assert [trace.answer for trace in found] == [f"The answer is {problem.gold}." for problem in problems]
    assert 0 < counts["failed calls"] < 20, "a slip now and then, mended"
    assert counts["calls"] == 30 + counts["failed calls"]
    assert 5 < sum("sqlite3" in trace.reasoning for trace in found) < 25
    wrong = of_worked("table", {"file": 1}, ["python"], count=10, error_rate=1.0)
    assert sum(trace.answer == f"The answer is {problem.gold}." for problem, trace in zip(*wrong[:2], strict=True)) <= 1


def test_the_packaged_teacher_internalises_small_calls():
    _, kept, counts = of_worked("chain", {}, ["calculator"], style="plain", internalise="small", small=25)
    assert counts["calls written out"] > 0
    assert sum(use_of(trace.reasoning).calls for trace in kept) == counts["calls"] - counts["calls written out"]


@pytest.mark.parametrize("commits", [1, 2, 4, 7])
def test_stopped_anywhere_the_traces_are_the_same_and_no_tool_runs_twice(monkeypatch, tmp_path, commits):
    monkeypatch.setattr(stub_server, "Stub", Server)
    strategy = {"kind": "react", "tools": OWN.tools, "most_calls": 3}
    with stub_server.running() as stub:
        calm = taught(stub.url, tmp_path / "calm", PROBLEMS, asking(), **strategy)
        mend = dying(Ledger, monkeypatch, commits)
        with pytest.raises(DyingError):
            taught(stub.url, tmp_path / "l", PROBLEMS, asking(), **strategy)
        mend()
        with Ledger(tmp_path / "l", write=False) as ledger:
            before = {row["key"] for row in ledger.records()}
        assert taught(stub.url, tmp_path / "l", PROBLEMS, asking(), **strategy) == calm
        assert stub.stats()["distinct"] == 12
    with Ledger(tmp_path / "l", write=False) as ledger:
        rows = list(ledger.records())
    assert before <= {row["key"] for row in rows}
    assert len(rows) == 12 + 8
