"""Monte-Carlo step labels against a real server on loopback and against a local model."""

import io
import itertools
import random
import re
from functools import partial

import pytest
import stub_server
from hypothesis import given
from hypothesis import strategies as st

from potstill import recipe
from potstill.errors import RecipeError, TeacherError
from potstill.intervals import wilson
from potstill.models.ledger import Ledger
from potstill.models.served.client import RetryPolicy, ServedModel
from potstill.progress import Progress
from potstill.records import Problem
from potstill.verify.judged import Judged, unknown
from potstill.verify.steps import rollouts as module
from potstill.verify.steps.rollouts import (
    Continued,
    Solution,
    StepLabel,
    label_steps,
    local_sampler,
    rollouts_of,
    served_sampler,
)

STEPS = ("2 + 2 = 4.\n\n", "4 * 3 = 13.\n\n", "So the answer is 13.")


def problem(number=0):
    return Problem(id=str(number), question=f"Problem {number}: what is (2 + 2) * 3 {{steps}}?", gold="12")


def check(asked, text):
    """A stand-in for the ordinary check: right when the gold is stated, undecided without a number."""
    numbers = re.findall(r"answer is (\d+)", text)
    if not numbers:
        return unknown("unparsable prediction", "no final answer found")
    return Judged("right" if numbers[-1] == asked.gold else "wrong")


class TeacherStub(stub_server.Stub):
    """Goes right with a chance that depends on the steps it sees, and on the request's seed alone."""

    def completion(self, body, **changes):
        said = body["messages"][-1]["content"]
        chance = 0.2 if "= 13" in said else 0.8
        answer = 12 if random.Random(body["seed"]).random() < chance else 13
        text = f"Going on.\nThe final answer is {answer}"
        return super().completion(body, **({"message": {"role": "assistant", "content": text}} | changes))


@pytest.fixture
def serve(monkeypatch):
    monkeypatch.setattr(stub_server, "Stub", TeacherStub)
    impatient = RetryPolicy(tries=2, limited_tries=2, unreachable_tries=2, first_wait=0.01, failures=500)
    monkeypatch.setattr(module, "ServedModel", partial(ServedModel, retry_policy=impatient))
    return lambda **script: stub_server.running(script=script)


def teacher_of(stub, **changes):
    return recipe.ServedTeacher(kind="served", base_url=stub.url, model="m", **changes)


def labels(solutions, stub, path, *, count=8, seed=0, **changes):
    with Ledger(path) as ledger:
        sampler = served_sampler(teacher_of(stub, **changes), ledger, Progress("rollouts", stream=io.StringIO()))
        return list(label_steps(solutions, sampler, check, rollouts=count, seed=seed))


def test_each_step_but_the_last_is_sampled_and_the_last_is_the_solutions_own_verdict(serve, tmp_path):
    with serve() as stub:
        ((first, second, last),) = labels([Solution(problem(), STEPS)], stub, tmp_path / "l", count=40)
        assert stub.stats()["requests"] == stub.stats()["distinct"] == 80
    assert first.right + first.wrong == second.right + second.wrong == 40
    assert first.soft > 0.6 > 0.4 > second.soft
    assert (last.right, last.wrong, last.unknown, last.sampled) == (0, 1, 0, False)
    assert (last.hard, last.soft, last.interval.low, last.interval.high) == (False, 0.0, 0.0, 0.0)


def test_labels_repeat_from_their_seed(serve, tmp_path):
    solutions = [Solution(problem(n), STEPS) for n in range(3)]
    with serve() as stub:
        first = labels(solutions, stub, tmp_path / "a")
        assert labels(solutions, stub, tmp_path / "b") == first, "another ledger, so the server was asked again"
        assert labels(solutions[1:], stub, tmp_path / "c") == first[1:], "others beside it change nothing"
        assert labels(solutions, stub, tmp_path / "d", seed=1) != first
        asked = stub.stats()["requests"]
        assert labels(solutions, stub, tmp_path / "a") == first
        assert stub.stats()["requests"] == asked, "what the ledger has is not asked again"


def test_more_rollouts_keep_those_that_were_there():
    solution = Solution(problem(), STEPS)
    few, many = rollouts_of(solution, 2, 5), rollouts_of(solution, 5, 5)
    assert [one for one in many if one.number < 2] == few
    assert len({one.seed for one in many}) == len(many) == 10
    assert [one.prefix for one in few] == [STEPS[0]] * 2 + [STEPS[0] + STEPS[1]] * 2


def test_the_steps_so_far_and_the_question_are_asked_as_they_are(serve, tmp_path):
    steps = (r"Take \frac{1}{2} of {question}" + "\n\n", "done: the answer is 12")
    with serve() as stub:
        labels([Solution(problem(), steps)], stub, tmp_path / "l", count=1)
        said = stub.bodies[0]["messages"][-1]["content"]
    assert said.startswith("Problem 0: what is (2 + 2) * 3 {steps}?\n\nHere is how a solution begins:\n\n")
    assert "\n\n" + steps[0].rstrip() + "\n\nContinue" in said


def test_undecided_rollouts_are_counted_by_cause_and_enter_no_share(serve, tmp_path):
    # The stub tells requests apart by their whole body, so a rule on the first step meets each rollout of it once.
    trouble = [
        {"match": "= 13", "replies": [{"message": {"content": "I do not know."}}]},
        {"match": "= 4.", "replies": [{"finish_reason": "length"}], "always": True},
    ]
    with serve(rules=trouble) as stub:
        ((first, second, _),) = labels([Solution(problem(), STEPS)], stub, tmp_path / "l", count=5)
    assert first == StepLabel(0, 0, 5, (("unparsable prediction", 5),))
    assert second == StepLabel(0, 0, 5, (("unparsable prediction", 5),))
    assert (first.hard, first.soft, first.interval.low, first.interval.high) == (None, None, 0.0, 1.0)


@pytest.mark.parametrize("reply", [500, 400, "null_content", {"finish_reason": "content_filter"}])
def test_an_outage_of_single_rollouts_is_infrastructure_and_no_wrong_step(serve, tmp_path, reply):
    steps = ("one\n\n", *STEPS)
    with serve(rules=[{"match": "= 13", "replies": [reply], "always": True}]) as stub:
        ((calm, also, broken, _),) = labels([Solution(problem(), steps)], stub, tmp_path / "l", count=4, concurrency=1)
    assert calm.unknown == also.unknown == 0
    assert broken == StepLabel(0, 0, 4, (("infrastructure", 4),))
    assert broken.hard is None


def test_a_teacher_that_is_down_stops_with_one_line(serve, tmp_path):
    with serve() as stub:
        pass
    with pytest.raises(TeacherError, match="unreachable"):
        labels([Solution(problem(), STEPS)], stub, tmp_path / "l")
    with serve() as stub, pytest.raises(RecipeError, match=r"teacher\.sampling\.extra\.n cannot be set"):
        labels([], stub, tmp_path / "l", sampling=recipe.Sampling(extra={"n": 2}))


def test_solutions_are_read_as_they_are_needed():
    read = itertools.count()
    sizes = []

    def sampler(asked):
        sizes.append(len(asked))
        return (Continued("the answer is 12") for _ in asked)

    solutions = (Solution(problem(next(read)), STEPS) for _ in range(10_000))
    found = label_steps(solutions, sampler, check, rollouts=8, seed=0)
    assert next(found)[0] == StepLabel(8, 0, 0)
    assert next(read) < 100
    assert sum(1 for _ in itertools.islice(found, 500)) == 500
    assert max(sizes) <= module.CHUNK + 24


def test_solutions_of_one_step_and_of_none():
    found = label_steps(
        [Solution(problem(), ("The answer is 12",)), Solution(problem(), ())], lambda _: iter(()), check,
        rollouts=8, seed=0,
    )  # fmt: skip
    assert list(found) == [(StepLabel(1, 0, 0, sampled=False),), ()]


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_a_label_is_the_share_of_the_decided(right, wrong, undecided):
    label = StepLabel(right, wrong, undecided)
    bare = StepLabel(right, wrong, 0)
    assert (label.hard, label.soft) == (bare.hard, bare.soft), "adding undecided ones never moves a label"
    assert repr(label.interval) == repr(bare.interval)
    if right + wrong:
        assert label.interval.low <= label.soft <= label.interval.high
        assert label.hard == (right > 0)
        assert label.interval == wilson(right / (right + wrong), right + wrong)


def test_wilson_against_published_figures():
    # Newcombe 1998 (Statistics in Medicine 17, table I), method 3.
    published = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for (right, asked), (low, high) in published.items():
        found = wilson(right / asked, asked)
        assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_a_local_model_repeats_from_its_seed_too(tmp_path):
    pytest.importorskip("torch")
    from verify import tiny_classifiers

    from potstill.models.local.model import LocalModel

    model = LocalModel(tiny_classifiers.llama(tmp_path / "m", "causal", 1), "fp32")
    solutions = [Solution(Problem(id="1", question="2?", gold="2"), ("a ", "b "))]
    texts = []

    def keep(asked, text):
        texts.append(text)
        return Judged("right" if "e" in text else "wrong")

    def sampled(seed):
        texts.clear()
        made = local_sampler(model, recipe.Sampling(temperature=1.0, max_tokens=20))
        return list(label_steps(solutions, made, keep, rollouts=6, seed=seed)), list(texts)

    model.context = 400
    first = sampled(0)
    assert sampled(0) == first
    assert sampled(1) != first
