"""A served teacher end to end: problems to requests, a real server on loopback, completions to traces."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stub_server import running

from potstill import recipe
from potstill.errors import RecipeError
from potstill.models.flops import Account
from potstill.models.requests import Completion
from potstill.models.sampling import wire_sampling
from potstill.models.served.client import ServedModel
from potstill.progress import Progress
from potstill.records import Problem
from potstill.teach.prompts import Asking
from potstill.teach.samples import RequestBuilder, trace_of
from potstill.teach.served import served_traces

TEACHER = recipe.ServedTeacher(kind="served", base_url="http://localhost:1/v1", model="m")
PLAIN = Asking("", "{question}")


def problem(number, **changes):
    return Problem(id=str(number), question=f"What is {number} + 0?", gold=str(number), source="s", **changes)


def strategy(**changes):
    return recipe.Strategy(**changes)


def nobody(rows):
    raise AssertionError("no verdict is needed")


def requests_for(asked, samples=1, teacher=TEACHER, seed=0, asking=PLAIN):
    return RequestBuilder(
        teacher=teacher, strategy=strategy(samples=samples), asking=asking, seed=seed, judge=nobody
    ).requests(asked, 0, samples)


def test_prompt_and_system_are_filled_and_braces_survive():
    latex = Problem(id="1", question=r"Find \frac{1}{2} of {question} and {0} {}", gold="1")
    (request,) = requests_for(latex, asking=Asking("In \\boxed{}.", "Solve {question} {{!}}"))
    system, user = request.messages
    assert (system.role, system.content) == ("system", "In \\boxed{}.")
    assert (user.role, user.content) == ("user", r"Solve Find \frac{1}{2} of {question} and {0} {} {{!}}")


def test_no_system_message_without_system():
    (request,) = requests_for(problem(1))
    assert [message.role for message in request.messages] == ["user"]


def test_choices_are_asked_with_the_question():
    asked = requests_for(problem(1, choices=("one", "two"), answer_kind="choice"))
    assert asked[0].messages[0].content == "What is 1 + 0?\n(A) one\n(B) two"


@given(st.integers(0, 2**40), st.integers(1, 6), st.integers(1, 6), st.text(max_size=30))
def test_more_samples_keep_the_requests_that_were_there(seed, few, more, question):
    asked = Problem(id="1", question=question, gold=None)
    fewer = [r.key for r in requests_for(asked, few, seed=seed)]
    whole = [r.key for r in requests_for(asked, few + more, seed=seed)]
    assert whole[:few] == fewer
    assert len(set(whole)) == few + more
    seeds = [r.sampling["seed"] for r in requests_for(asked, few + more, seed=seed)]
    assert all(0 <= s < 2**31 for s in seeds)


def test_the_address_and_speed_are_no_part_of_the_key():
    elsewhere = recipe.ServedTeacher(kind="served", base_url="https://other/v1", model="m", concurrency=2, timeout=9.0)
    assert requests_for(problem(1)) == requests_for(problem(1), teacher=elsewhere)


def test_sampling_fields():
    sampling = recipe.Sampling(temperature=0.6, max_tokens=99, extra={"top_k": 20, "reasoning": {"effort": "high"}})
    expected = {"temperature": 0.6, "max_tokens": 99, "top_k": 20, "reasoning": {"effort": "high"}, "seed": 5}
    assert wire_sampling(sampling, 5, "s") == expected
    renamed = recipe.Sampling(extra={"max_tokens": None, "max_completion_tokens": 7})
    assert wire_sampling(renamed, 5, "s") == {"max_completion_tokens": 7, "seed": 5}
    no_seed = recipe.ServedTeacher(
        kind="served", base_url="http://x", model="m", sampling=recipe.Sampling(extra={"seed": None})
    )
    first, second = requests_for(problem(1), 2, teacher=no_seed)
    assert "seed" not in first.sampling
    assert first.key != second.key


@pytest.mark.parametrize("name", ["n", "stream", "messages", "model"])
def test_fields_that_belong_elsewhere_are_refused(name):
    with pytest.raises(RecipeError, match=rf"teacher\.sampling\.extra\.{name} cannot be set"):
        wire_sampling(recipe.Sampling(extra={name: 1}), 0, "teacher.sampling")


def test_one_seed_for_all_samples_is_refused():
    with pytest.raises(RecipeError, match=r"teacher\.sampling\.extra\.seed"):
        wire_sampling(recipe.Sampling(extra={"seed": 7}), 0, "teacher.sampling")


def test_a_trace_holds_no_clock():
    (request,) = requests_for(problem(1))
    done = Completion(
        key=request.key,
        content="1",
        reasoning="so",
        reasoning_kind="raw",
        finish="stop",
        prompt_tokens=5,
        completion_tokens=9,
        raw=b"{}",
    )
    trace = trace_of(problem(1), request, done, "zero_shot")
    assert (trace.reasoning, trace.answer, trace.finish, trace.completion_tokens) == ("so", "1", "stop", 9)
    assert (trace.problem_key, trace.teacher, trace.strategy) == (problem(1).key, "m", "zero_shot")
    assert json.loads(trace.sampling) == request.sampling
    assert trace == trace_of(problem(1), request, done, "zero_shot")


def collect(stub, folder, numbers, samples=1, **changes):
    teacher = recipe.ServedTeacher(kind="served", base_url=stub.url, model="m", concurrency=8, **changes)
    progress = Progress("traces", len(numbers) * samples, stream=io.StringIO())
    problems = [problem(number) for number in numbers]
    found = served_traces(
        lambda: problems, teacher, ServedModel(teacher), strategy(samples=samples), PLAIN, seed=3,
        ledger=folder / "l.sqlite", progress=progress, judge=nobody, account=Account(None),
    )  # fmt: skip
    return list(found), progress


def test_traces_come_in_the_order_of_the_problems_and_reruns_ask_nothing(tmp_path):
    with running(delay=0.005, chaos=0.1, stall=0.1) as stub:
        first, progress = collect(stub, tmp_path, range(20), samples=2)
        assert [(trace.problem_key, trace.sample) for trace in first] == [
            (problem(number).key, sample) for number in range(20) for sample in range(2)
        ]
        assert progress.done == progress.total
        asked = stub.stats()["requests"]
        again, progress = collect(stub, tmp_path, range(20), samples=2)
        assert (again, progress.done) == (first, progress.total)
        wider, _ = collect(stub, tmp_path, range(10, 22), samples=3)
        assert wider[:2] == first[20:22]
        assert stub.stats()["distinct"] == 40 + 12 + 4
        assert asked < stub.stats()["requests"]


def test_right_answers_can_be_scripted_and_refusals_are_traces(tmp_path):
    script = {
        "answers": {"What is 2 ": "two"},
        "rules": [{"match": "What is 1 ", "replies": [{"status": 400, "body": '{"error": "too long"}'}]}],
    }
    with running(script=script) as stub:
        collect(stub, tmp_path, [9])
        traces, _ = collect(stub, tmp_path, range(3))
    assert [trace.finish for trace in traces] == ["stop", "refused", "stop"]
    assert (traces[1].failure, traces[1].answer) == ("HTTP 400: too long", "")
    assert traces[2].answer == "The answer is two."


def test_what_fails_is_asked_once_more_after_all_others(tmp_path, monkeypatch):
    from potstill.models.served import client as served

    monkeypatch.setattr(served.ServedModel.__init__, "__defaults__", (served.RetryPolicy(tries=2, first_wait=0.001),))
    rules = [
        {"match": "What is 1 ", "replies": ["html"] * 3},
        {"match": "What is 2 ", "replies": ["html"], "always": True},
    ]
    with running(script={"rules": rules}) as stub:
        traces, progress = collect(stub, tmp_path, range(6))
        assert [trace.finish for trace in traces] == ["stop", "stop", "failed", "stop", "stop", "stop"]
        assert progress.done == 6
        assert stub.stats()["requests"] == 4 + 4 + 4
