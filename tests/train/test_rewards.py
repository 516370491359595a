"""What answers are rewarded for: each kind of reward on answers written by hand, and steps found among their tokens."""

import json

import pytest
from train import tiny

from potstill.recipe import RewardTerm
from potstill.records import Problem, Trace, Verdict
from potstill.train.rewards import REWARDS, Answered, Rewarding, StepRewards
from potstill.verify.steps import Span

FACTS = json.dumps({"start": 4, "steps": [["+", 3], ["*", 2]]})
CHAIN = Problem(id="1", question="?", gold="14", source="family:chain", facts=FACTS)


def answered(reasoning, answer="14", finish="stop", outcome="right", cause="", problem=CHAIN, written=None):
    trace = Trace(
        problem_key=problem.key, teacher="t", strategy="grpo", prompt_key="", sample=0, attempt=0, sampling="{}",
        reasoning=reasoning, answer=answer, finish=finish,
    )  # fmt: skip
    verdict = Verdict(
        trace_key="", check="answer", policy="", version=1, outcome=outcome, cause=cause, method="", score=None,
        extracted=None,
    )  # fmt: skip
    text = f"<think>\n{reasoning}\n</think>\n{answer}" if written is None else written
    return Answered(problem=problem, trace=trace, verdict=verdict, written=text)


def given(by, answers, **settings):
    term = RewardTerm(by=by, **settings)
    return [found for (found,) in Rewarding([term], tiny.STUDENT, {}).of(answers)]


RIGHT = "Start with 4. 4 + 3 = 7. 7 * 2 = 14."
SLIP = "Start with 4. 4 + 3 = 8. 8 * 2 = 16."
ELSE = "Start with 4. 4 + 5 = 9. 9 * 2 = 18."


def test_every_name_of_the_table_is_there():
    assert all(callable(REWARDS[name]) for name in REWARDS)


def test_the_verdict_is_worth_what_accuracy_says():
    found = given(
        "verdict",
        [
            answered(RIGHT),
            answered(SLIP, outcome="wrong"),
            answered("", finish="length", outcome="unknown", cause="unparsable prediction"),
            answered(RIGHT, outcome="unknown", cause="timeout"),
        ],
    )
    assert found == [1.0, 0.0, 0.0, None]


def test_the_calculator_sees_false_arithmetic_and_facts_see_more():
    scores = [one.scores for one in given("steps", [answered(t) for t in (RIGHT, SLIP, ELSE)], check="calculator")]
    assert scores == [(None, 1.0, 1.0), (None, 0.0, None), (None, 1.0, 1.0)]
    scores = [one.scores for one in given("steps", [answered(t) for t in (RIGHT, SLIP, ELSE)], check="facts")]
    assert scores == [(1.0, 1.0, 1.0), (1.0, 0.0, None), (1.0, 0.0, None)], "behind the first wrong step none is known"


def test_steps_as_one_reward_are_worth_the_worst_of_them():
    answers = [answered(RIGHT), answered(SLIP), answered("Well."), answered(RIGHT, problem=Problem(id="2", question="?",
               gold="1"))]  # fmt: skip
    assert given("steps", answers, check="facts", form="whole") == [1.0, 0.0, None, None], "nothing known is not wrong"


def test_the_last_step_of_what_is_cut_off_is_wrong():
    (found,) = given("steps", [answered("Start with 4. 4 + 3 = 7.", answer="", finish="length")], check="facts")
    assert found.scores == (1.0, 0.0)
    (nothing,) = given("steps", [answered("", answer="", finish="length")], check="facts")
    assert nothing == StepRewards((), ())


def test_the_form_is_right_or_not_whatever_is_said():
    found = given(
        "format",
        [
            answered(SLIP),
            answered(RIGHT, finish="length"),
            answered(RIGHT, written=f"<think>{RIGHT}</think></think>14"),
            answered("", written="14"),
            answered(RIGHT, answer="", written=f"<think>{RIGHT}</think>"),
        ],
    )
    assert found == [1.0, 0.0, 0.0, 0.0, 0.0]


def test_steps_are_found_among_the_tokens_that_were_drawn(loaded):
    """Whatever the tokens are: each step ends before the token that has a character of the next one."""
    from potstill.train.rollouts import Drawing

    tokenizer = loaded[1]
    drawing = Drawing.__new__(Drawing)
    drawing.tokenizer = tokenizer
    reasoning = "We add 4 and 3: é 4 + 3 = 7. So 7 * 2 = 14. \u4f60 done."
    written = f"<think>\n{reasoning}\n</think>\n14"
    one = answered(reasoning, written=written)
    cut = reasoning.index("So")
    spans = (Span(0, cut), Span(cut, len(reasoning)))
    ids = tokenizer(written, add_special_tokens=False)["input_ids"]
    text = tokenizer.decode(ids, clean_up_tokenization_spaces=False)
    assert text == written
    noted = drawing._noted(StepRewards(spans, (1.0, None)), one, ids)
    assert noted["scores"] == [1.0, None]
    first, last = noted["ends"]
    before = text.index(reasoning)
    assert len(tokenizer.decode(ids[:first], clean_up_tokenization_spaces=False)) <= before + cut
    assert len(tokenizer.decode(ids[: first + 1], clean_up_tokenization_spaces=False)) > before + cut
    assert first < last <= len(ids)
    assert drawing._noted(0.5, one, ids) == 0.5


@pytest.mark.parametrize("kind", ["process", "outcome"])
def test_a_reward_model_scores_steps_or_the_whole_and_zero_stands_for_what_is_cut_off(kind, tmp_path):
    import dataclasses
    from pathlib import Path

    from potstill.recipe import Reward
    from potstill.train.rewards import TrainedScorer

    class Model:
        def score(self, given):
            from potstill.verify.reward import Rewarded
            from potstill.verify.steps.prm import StepScores

            for _, shown in given:
                if kind == "outcome":
                    yield Rewarded(0.0, 0.25)
                else:
                    steps = tuple(0.5 + number / 10 for number in range(len(shown)))
                    yield StepScores(steps or None, "" if steps else "no steps")

    reward = Reward(scorer="prm", kind=kind, steps="sentences", aggregate="mean")
    its = TrainedScorer(folder=Path(tmp_path), digest="d", reward=reward)
    term = RewardTerm(by="scorer", scorer="prm")
    answers = [answered("One is so. Two is so."), answered("One is so. Two is so.", finish="length"), answered("")]

    def of(term):
        rewarding = Rewarding([term], tiny.STUDENT, {"prm": its})
        rewarding._models["prm"] = Model()
        return [found for (found,) in rewarding.of(answers)]

    if kind == "outcome":
        assert of(term) == [0.25, 0.0, 0.25]
    else:
        assert [one.scores for one in of(term)] == [(0.5, 0.6), (0.5, 0.0), ()]
        assert of(dataclasses.replace(term, form="whole")) == [pytest.approx(0.55), 0.0, None]
