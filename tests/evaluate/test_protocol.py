"""A student behind a server: what is asked, what is kept, and what a reply counts as."""

import io
import random

import pytest
from stub_server import running

from potstill import recipe
from potstill.evaluate.metrics import solved, summarise
from potstill.evaluate.protocol import ModelUnderTest, TableLine, measure, requests_of
from potstill.models.ledger import Ledger
from potstill.models.served.client import RetryPolicy, ServedModel
from potstill.progress import Progress
from potstill.records import Example, Problem
from potstill.verify import Verdicts

FAST = RetryPolicy(tries=2, first_wait=0.005, longest_wait=0.01)
STUDENT = recipe.Student(model="m", prompt="Please: {question}")
ROW = TableLine("m", "zero-shot")
EXACT = recipe.Checks()
GREEDY = recipe.Evaluate(max_tokens=64)


def problem(number, **changes):
    return Problem(**{"id": str(number), "question": f"What is 0 + {number}?", "gold": str(number), **changes})


def model_under_test(url="http://127.0.0.1:9/v1"):
    return ModelUnderTest(
        ServedModel(recipe.ServedTeacher(kind="served", base_url=url, model="m", concurrency=8), FAST), "m", {}, None
    )


def measured(stub, folder, problems, settings=GREEDY, student=STUDENT, skip=0, checks=EXACT):
    asked = requests_of(model_under_test(), problems, ROW, student, settings, seed=3)
    progress = Progress("evaluate", len(asked), stream=io.StringIO())
    with Ledger(folder / "students.sqlite") as ledger, Verdicts(checks) as verdicts:
        return list(
            measure(model_under_test(stub.url), ledger, asked, ROW, student, verdicts, progress, skip)
        ), progress


def says(text, finish="stop", **message):
    return {"message": {"role": "assistant", "content": text, **message}, "finish_reason": finish}


def rule(number, *replies):
    return {"match": f"0 + {number}?", "replies": list(replies), "always": True}


def by_problem(measures):
    return {measure.problem_key: measure for measure in measures}


def test_what_a_reply_counts_as(tmp_path):
    rules = [
        rule(11, says("<think>\nso\n</think>\n\nThe answer is 12.")),
        rule(12, says("<think>\nThe answer is 12. The answer is 12.", "length")),
        rule(13, {"status": 400, "body": '{"error": {"message": "context length exceeded"}}'}),
        rule(14, 500),
        rule(15, says(None)),
        rule(16, says("no idea")),
    ]
    asked = [problem(number) for number in range(10, 17)]
    with running(script={"rules": rules}) as stub:
        measures, _ = measured(stub, tmp_path, asked)
    found = by_problem(measures)
    right, wrong, cut, refused, failed, silent, unread = (found[one.key] for one in asked)
    assert (right.outcome, right.finish, right.completion_tokens) == ("right", "stop", 20)
    assert (wrong.outcome, wrong.reasoning, wrong.answer) == ("wrong", "so", "The answer is 12.")
    assert (cut.finish, cut.outcome, cut.answer, cut.truncated) == ("length", "unknown", "", True)
    assert (refused.finish, refused.outcome, refused.cause) == ("refused", "unknown", "infrastructure")
    assert (failed.finish, failed.outcome, failed.cause) == ("failed", "unknown", "infrastructure")
    assert (silent.finish, silent.outcome, silent.cause) == ("stop", "unknown", "unparsable prediction")
    assert [solved(one) for one in (right, wrong, cut, refused, failed, silent, unread)] == [
        True, False, False, None, None, False, False,
    ]  # fmt: skip
    summary = summarise(measures)
    assert (summary.scored, summary.unscored, summary.right, summary.truncated) == (5, 2, 1, 1)
    assert summary.accuracy.value == pytest.approx(1 / 5), "a server that fails takes nothing from the student"


def test_only_what_failed_is_asked_again(tmp_path):
    asked = [problem(number) for number in range(20, 40)]
    broken = [rule(number, 500) for number in (23, 24)]
    with running(script={"rules": broken}) as stub:
        first, progress = measured(stub, tmp_path, asked)
        assert progress.done == 20
        assert sum(one.finish == "failed" for one in first) == 2
        assert stub.stats()["most_per_key"] == 4, "two tries, and a second chance after all others"
    with running() as stub:
        again, _ = measured(stub, tmp_path, asked)
        assert stub.stats()["requests"] == 2
    assert {one.outcome for one in again} == {"right"}
    with running() as stub:
        assert measured(stub, tmp_path, asked)[0] == again
        wider, _ = measured(stub, tmp_path, [*asked, problem(99)])
        assert stub.stats()["requests"] == 1, "one more problem is one more request"
        near = recipe.Checks(policy=recipe.Policy(tolerance=0.01))
        assert measured(stub, tmp_path, asked, checks=near)[0] == again
        assert stub.stats()["requests"] == 1, "another check asks nobody"
    assert len(wider) == 21


def test_a_run_that_goes_on_yields_the_rest(tmp_path):
    asked = [problem(number) for number in range(50, 60)]
    with running() as stub:
        whole, _ = measured(stub, tmp_path, asked)
        for skip in (0, 1, 7, 10):
            assert measured(stub, tmp_path, asked, skip=skip)[0] == whole[skip:]


@pytest.mark.parametrize(
    ("message", "reasoning", "answer"),
    [
        ({"content": "The answer is 70.", "reasoning_content": "I think.\n"}, "I think.", "The answer is 70."),
        ({"content": "The answer is 70.", "reasoning": "I think."}, "I think.", "The answer is 70."),
        ({"content": "<think>I think.</think>The answer is 70."}, "I think.", "The answer is 70."),
        ({"content": "I think.</think>The answer is 70."}, "I think.", "The answer is 70."),
        ({"content": "WORK: I think. DONE: The answer is 70."}, "I think.", "The answer is 70."),
        ({"content": "The answer is 70."}, "", "The answer is 70."),
    ],
)
def test_reasoning_is_read_from_wherever_it_is(tmp_path, message, reasoning, answer):
    student = recipe.Student(model="m", reasoning_open="WORK:", reasoning_close="DONE:")
    with running(script={"rules": [rule(70, says(**{"text": message.pop("content"), **message}))]}) as stub:
        ((one,), _) = measured(stub, tmp_path, [problem(70)], student=student)
    assert (one.reasoning, one.answer, one.outcome) == (reasoning, answer, "right")


def test_requests_do_not_depend_on_the_order_of_the_problems_nor_on_their_number():
    problems = [problem(number) for number in range(30)]
    drawn = recipe.Evaluate(samples=2, temperature=0.7, max_tokens=64)
    asked = requests_of(model_under_test(), problems, ROW, STUDENT, drawn, seed=3)
    mixed = random.Random(1).sample(problems, 30)
    assert requests_of(model_under_test(), mixed, ROW, STUDENT, drawn, seed=3) == asked
    keys = {request.key for _, request in asked}
    assert len(keys) == 60
    more = recipe.Evaluate(samples=4, temperature=0.7, max_tokens=64)
    assert keys < {request.key for _, request in requests_of(model_under_test(), problems, ROW, STUDENT, more, seed=3)}
    assert all(0 <= request.sampling["seed"] < 2**31 for _, request in asked)
    greedy = requests_of(model_under_test(), problems, ROW, STUDENT, GREEDY, seed=3)
    assert all("seed" not in request.sampling for _, request in greedy)


def test_the_conversation_has_the_shots_and_the_students_own_prompt():
    shots = (
        Example(problem_key="k", trace_key="t", question="What is 1 + 1?", reasoning="one and one", answer="2"),
        Example(problem_key="l", trace_key="u", question="What is 2?", reasoning="", answer="2"),
    )
    ((_, request),) = requests_of(
        model_under_test(), [problem(5)], TableLine("m", "2-shot", shots), STUDENT, GREEDY, seed=3
    )
    assert [(turn.role, turn.content) for turn in request.messages] == [
        ("user", "Please: What is 1 + 1?"), ("assistant", "one and one\n2"),
        ("user", "Please: What is 2?"), ("assistant", "2"),
        ("user", "Please: What is 0 + 5?"),
    ]  # fmt: skip
