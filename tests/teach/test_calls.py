"""Samples of several calls: played from the ledger after any kill, nothing asked and no tool run twice."""

import dataclasses
import json
from collections import Counter

import pytest
import stub_server
from teach.scripted import DyingError, Scripted, dying, taught, turns_of

from potstill.errors import RecipeError
from potstill.models.ledger import Ledger
from potstill.models.local.inprocess import InProcess
from potstill.models.local.model import Generated, before
from potstill.models.requests import Completion, Message, Request
from potstill.records import Problem
from potstill.teach.calls import Call, Finished, SampleTalk, ToolRun, one_call
from potstill.teach.prompts import Asking

RUNS = Counter()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Checked(Asking):
    """Draft, as many checks as the draft has words, one tool for each, and an answer."""

    def talk(self, problem, sample):
        (draft,) = yield [Call(role="draft", messages=self.messages(problem, sample))]
        if draft.finish != "stop":
            return Finished(finish=draft.finish, failure=draft.failure)
        words = draft.content.split()
        mixed = [Call(role="check", messages=(Message("user", "Is it so?"),), number=n) for n in range(len(words))]
        mixed += [tool(word) for word in words]
        said = yield mixed
        outputs = " ".join(one.content for one in said[len(words) :])
        turns = (*self.messages(problem, sample), Message("assistant", f"It is {outputs}"))
        (end,) = yield [Call(role="answer", messages=turns, stop=("STOP",))]
        return Finished(reasoning=outputs, answer=end.content, counts={"words": len(words)})


def tool(word):
    def work():
        RUNS[word] += 1
        return f"<think>{word.upper()} THINK</think>"

    return ToolRun(tool="upper", given=word, work=work)


class Server(Scripted):
    def said(self, body):
        last = body["messages"][-1]
        if last["role"] == "assistant":
            return f"The answer is {last['content'].count('THINK')}. STOP and more"
        if last["content"] == "Is it so?":
            return f"yes {body['seed']}"
        number = int(last["content"].split()[-1])
        return " ".join(f"w{number}x{index}" for index in range(number % 3 + 1))


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(stub_server, "Stub", Server)
    RUNS.clear()
    with stub_server.running() as stub:
        yield stub


PROBLEMS = [Problem(id=str(n), question=f"Say {n}", gold=str(n)) for n in range(5)]
ASKING = Checked(system="", prompt="{question}")
CALLS = sum(1 + (n % 3 + 1) + 1 for n in range(5))


def test_calls_by_formula_and_what_is_counted(server, tmp_path):
    counts = {}
    traces = taught(server.url, tmp_path / "l", PROBLEMS, ASKING, counts=counts)
    assert [trace.reasoning.count("<think>") for trace in traces] == [1, 2, 3, 1, 2]
    assert [trace.answer[:14] for trace in traces] == ["The answer is "] * 5
    assert not [trace for trace in traces if "STOP" in trace.answer]
    assert server.stats()["requests"] == server.stats()["distinct"] == CALLS
    assert {role: told["calls"] for role, told in counts["calls"].items()} == {"answer": 5, "check": 9, "draft": 5}
    assert counts["strategy"] == {"words": 9}
    assert traces[1].completion_tokens == 20 * 4, "all that was written for it"
    seeds = [body["seed"] for body in server.bodies if turns_of(body) == "Is it so?"]
    assert len(set(seeds)) == 9, "calls with the same messages are calls of their own"
    assert max(RUNS.values()) == 1
    with Ledger(tmp_path / "l", write=False) as ledger:
        told = ledger.counts()
        assert (told.rows, told.requests, len(ledger)) == (CALLS, CALLS, CALLS + 9)
    assert taught(server.url, tmp_path / "l", PROBLEMS, ASKING) == traces
    assert server.stats()["requests"] == CALLS
    assert max(RUNS.values()) == 1


@pytest.mark.parametrize("commits", [1, 3, 6, 10])
def test_stopped_anywhere_it_ends_with_the_same_traces_and_asks_nothing_twice(server, tmp_path, monkeypatch, commits):
    calm = taught(server.url, tmp_path / "calm", PROBLEMS, ASKING)
    before = server.stats()["requests"]
    mend = dying(Ledger, monkeypatch, commits)
    with pytest.raises(DyingError):
        taught(server.url, tmp_path / "l", PROBLEMS, ASKING)
    mend()
    with Ledger(tmp_path / "l", write=False) as ledger:
        there = ledger.counts().rows
    RUNS.clear()
    assert taught(server.url, tmp_path / "l", PROBLEMS, ASKING) == calm
    assert there < CALLS
    assert server.stats()["requests"] - before <= CALLS + 8, "no more than were in flight"
    assert server.stats()["distinct"] == CALLS
    assert max(RUNS.values(), default=1) == 1


class Cutting(Server):
    """Cuts a draft short that has no larger budget."""

    def action(self, key, body):
        short = turns_of(body) == "Say 4" and body["max_tokens"] == 100
        cut = {"message": {"role": "assistant", "content": "cut off"}, "finish_reason": "length"}
        return cut if short else "ok"


def test_a_truncated_call_is_asked_once_more_with_a_larger_budget(monkeypatch, tmp_path):
    monkeypatch.setattr(stub_server, "Stub", Cutting)
    with stub_server.running() as stub:
        traces = taught(stub.url, tmp_path / "l", PROBLEMS, ASKING)
        assert stub.stats()["requests"] == CALLS + 1
        assert [trace.finish for trace in traces] == ["stop"] * 5
        with Ledger(tmp_path / "l") as ledger:
            ledger.ask_again([next(done.key for done in ledger if done.content.startswith("yes"))])
        assert taught(stub.url, tmp_path / "l", PROBLEMS, ASKING) == traces
        assert stub.stats()["requests"] == CALLS + 2, "one that failed is asked again, and what follows was there"


def exchange(talk):
    problem = PROBLEMS[0]
    return SampleTalk(
        problem, 0, talk, lambda call: Request(messages=call.messages, model="m", sampling={}, sample=0, call=call.tag),
        lambda request, completion: None,
    )  # fmt: skip


def test_a_failed_call_ends_the_sample_for_now():
    one = exchange(ASKING.talk(PROBLEMS[0], 0))
    (request,) = one.requests()
    assert one.requests() == []
    one.give(request.key, Completion(key=request.key, finish="failed", failure="500", raw=b""))
    assert one.finished == Finished(finish="failed", failure="500", reasoning_kind="none")
    assert one.failed == {request.key}


def test_one_call_keeps_the_key_that_it_always_had():
    turns = (Message("user", "q"),)
    plain = Request(messages=turns, model="m", sampling={}, sample=0)
    (request,) = exchange(one_call(PROBLEMS[0], Call(messages=turns))).requests()
    assert request.key == plain.key
    assert dataclasses.replace(plain, call="value/0").key != plain.key


def test_a_wire_without_stops_is_refused_in_one_line(tmp_path):
    from potstill import recipe
    from potstill.teach.samples import RequestBuilder

    teacher = recipe.ServedTeacher(kind="served", base_url="http://x/v1", model="m", wire="responses")
    builder = RequestBuilder(
        teacher=teacher, strategy=recipe.Strategy(), asking=ASKING, seed=0, judge=lambda _: []
    )  # fmt: skip
    one = builder.exchange(PROBLEMS[0], 0)
    (draft,) = one.requests()
    one.give(draft.key, Completion(key=draft.key, finish="stop", content="w", raw=b""))
    (check,), (run,) = one.requests(), one.runs()
    one.give(run, Completion(key=run, finish="stop", content="W", raw=b""))
    with pytest.raises(RecipeError, match="ends calls at a text"):
        one.give(check.key, Completion(key=check.key, finish="stop", content="yes", raw=b""))


class Engine:
    """A model in this process that says what the server says; it ends at the texts it is told to."""

    most = 4

    def render(self, messages):
        return json.dumps(messages)

    def lengths(self, texts):
        return [len(text) for text in texts]

    def rows(self, tokens):
        return 4

    def answer(self, prompts, settings):
        found = []
        for prompt in prompts:
            body = {"messages": json.loads(prompt.text), "seed": prompt.seed}
            text = before(Server().said(body), settings.get("stop", ()))
            found.append(Generated(text, "stop", len(prompt.text), 20))
        return found


def test_a_model_in_this_process_is_asked_the_same_way(server, tmp_path):
    RUNS.clear()
    model = InProcess("here", Engine)
    traces = taught(server.url, tmp_path / "l", PROBLEMS, ASKING, model=model)
    assert [trace.reasoning.count("<think>") for trace in traces] == [1, 2, 3, 1, 2]
    assert {trace.answer for trace in traces} == {f"The answer is {n}." for n in (1, 2, 3)}
    assert server.stats()["requests"] == 0
    assert max(RUNS.values()) == 1
    assert taught(server.url, tmp_path / "l", PROBLEMS, ASKING, model=InProcess("here", None)) == traces
