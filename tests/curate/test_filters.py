import dataclasses

import pytest

from potstill.curate import FILTERS
from potstill.curate.filters import Candidate, characters
from potstill.recipe import Curate
from potstill.records import Problem, Trace, Verdict

PROBLEM = Problem(id="p", question="What is 2 plus 2?", gold="4")
CHINESE = Problem(id="p", question="What does 二加二 mean?", gold="4")
ESSAY = Problem(id="e", question="Why is the sky blue?", gold=None, answer_kind="text")
ELSEWHERE = "not as curate.where says"
KEPT = {"settings": {"drop_unknown": False, "drop_no_conclusion": True}}
DECLINED = (
    "I'm sorry, but I can't help with that.",
    "I cannot assist with this request.",
    "I am unable to provide an answer.",
    "As an AI language model, I cannot solve this.",
    "I won't be able to answer. It goes against my usage policies.",
    "Ich kann dir dabei leider nicht helfen.",
    "Je ne peux pas vous aider.",
    "No puedo ayudarte.",
    "I cannot provide a solution to that: such questions are not for me.",
)
NOT_DECLINED = (
    "The number of sharks is not given, so we cannot answer the question. The answer is 4.",
    "It cannot be determined from what is given: 4",
    "We can't help but notice 2 + 2 = 4.",
    "I'm unable to find a smaller one, so the answer is 4.",
    "Without information on the second shelf, I cannot provide an answer to that part: 4.",
    "I can't provide a solution, since the length of the rope is not stated.",
    "The number of doors is not given. I cannot provide an answer.",
    "There is not enough data here, so we are unable to provide an answer.",
)
PROSE = Problem(id="p", question="How many rooms are there?", gold="4", answer_kind="auto")
RUN_ON = "runs on into another question"
GOOD = Trace(
    problem_key=PROBLEM.key,
    teacher="t",
    strategy="zero_shot",
    prompt_key="q",
    sample=0,
    attempt=0,
    sampling="{}",
    reasoning="I add the two numbers.",
    answer="The answer is 4.",
    finish="stop",
)
CASE = Candidate(
    trace=GOOD,
    verdict=Verdict(
        trace_key=GOOD.key,
        check="answer",
        policy="p",
        version=1,
        outcome="right",
        cause="",
        method="m",
        score=None,
        extracted="4",
    ),
    problem=PROBLEM,
    held_out=False,
    settings=Curate(),
    allow_summaries=False,
)


def judged(outcome, cause=""):
    return dataclasses.replace(CASE.verdict, outcome=outcome, cause=cause)


def reasons(trace=None, settings=None, **fields):
    """All filters' reasons for the good case with some of it changed."""
    changed = dataclasses.replace(
        CASE, trace=dataclasses.replace(GOOD, **(trace or {})), settings=Curate(**(settings or {})), **fields
    )
    return [why for check in FILTERS if (why := check(changed))]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"held_out": True}, ["overlap with evaluation"]),
        ({"settings": {"min_score": 0.5}, "score": 0.4}, ["low score"]),
        ({"settings": {"min_score": 0.5}, "score": 0.5}, []),
        ({"settings": {"min_score": 0.5}, "score": None}, []),
        ({"settings": {"people": "l", "drop_wrong_steps": "human"}, "wrong_step": True}, ["wrong step, people say"]),
        ({"settings": {"people": "l", "drop_wrong_steps": "human"}, "wrong_step": False}, []),
        ({"wrong_step": True}, []),
        ({"problem": None}, ["no such problem"]),
        ({"trace": {"finish": "failed"}}, ["failed"]),
        ({"trace": {"finish": "refused"}}, ["refused"]),
        ({"trace": {"finish": "length"}}, ["truncated"]),
        ({"trace": {"answer": " \n"}}, ["no answer"]),
        ({"trace": {"reasoning": "\t"}}, ["no reasoning"]),
        ({"trace": {"reasoning_kind": "encrypted"}}, ["no reasoning"]),
        ({"trace": {"reasoning_kind": "none"}}, ["no reasoning"]),
        ({"trace": {"reasoning_kind": "summary"}}, ["summarised reasoning"]),
        ({"trace": {"reasoning_kind": "summary"}, "allow_summaries": True}, []),
        ({"verdict": judged("unknown", "timeout")}, ["unknown: timeout"]),
        ({"verdict": judged("unknown")}, ["unknown: no cause given"]),
        ({"verdict": None}, ["unknown: not judged"]),
        ({"verdict": None, "settings": {"drop_unknown": False}}, []),
        ({"verdict": judged("unknown", "timeout"), "settings": {"drop_unknown": False}}, []),
        ({"verdict": judged("wrong")}, ["wrong"]),
        ({"verdict": judged("wrong"), "settings": {"drop_wrong": False}}, []),
        *(({"trace": {"answer": text}}, ["declines to answer"]) for text in DECLINED),
        (
            {"trace": {"answer": "抱歉，我无法回答。", "reasoning": "二加二"}, "problem": CHINESE},
            ["declines to answer"],
        ),
        *(({"trace": {"answer": text}}, []) for text in NOT_DECLINED),
        ({"trace": {"answer": DECLINED[0]}, "settings": {"drop_refusals": False}}, []),
        ({"trace": {"answer": "So we add them up. Done."}, "verdict": None, **KEPT}, ["no conclusion"]),
        ({"trace": {"answer": "So we add them up. Done."}, "verdict": judged("unknown"), **KEPT}, ["no conclusion"]),
        ({"trace": {"answer": "It is \\boxed{}"}, "verdict": judged("unknown"), **KEPT}, ["no conclusion"]),
        ({"trace": {"answer": "So it is 4."}, "verdict": judged("unknown"), **KEPT}, []),
        *(
            ({"trace": {"answer": f"Two for each floor.\n\n{text}"}, "verdict": None, "problem": PROSE, **KEPT}, found)
            for text, found in (
                ("The house has 4 rooms for its guests.", []),
                ("On the 2nd floor there are 4 of them.", []),
                ("The share of each is 0.5 × 0.5 = 0.25.", []),
                ("Next we count those of the 2nd floor.", ["no conclusion"]),
            )
        ),
        ({"trace": {"answer": "So we add them up."}, "verdict": judged("right")}, []),
        ({"trace": {"answer": "Adding. Done."}, "problem": ESSAY, "verdict": None, **KEPT}, []),
        ({"own": lambda problem, trace: "too \n short" if problem.gold == "4" else ""}, ["curate.filter: too short"]),
        ({"own": lambda problem, trace: ""}, []),
        ({"settings": {"where": "valid >= 0.9"}, "trace": {"reasoning": "2 + 2 = 5, so 5 - 1 = 4."}}, [ELSEWHERE]),
        ({"settings": {"where": "valid >= 0.9"}, "trace": {"reasoning": "2 + 2 = 4."}}, []),
        ({"settings": {"where": "valid >= 0.9"}}, []),
        ({"settings": {"where": "conclusion != 'wrong'"}, "trace": {"reasoning": "2 + 3 = 5."}}, [ELSEWHERE]),
        ({"settings": {"where": "strategy == 'few_shot'"}}, [ELSEWHERE]),
        ({"trace": {"answer": "The answer is 4.\n\nQ: What is the capital of Peru?\nA: Lima"}}, [RUN_ON]),
        ({"trace": {"answer": "$\\boxed{4}$\n\n## Question 2: How many are left?"}}, [RUN_ON]),
        ({"trace": {"answer": "#### 4\n**Problem:** Bo has 3 pens. How many?"}}, [RUN_ON]),
        ({"trace": {"answer": "The answer is 4.\n\nUser: And what is 3 plus 3?"}}, [RUN_ON]),
        (
            {"trace": {"answer": "2 + 2 = 4. The answer is (2 + 2). Q: Bo has 3 pens and finds 5. How many are it?"}},
            [RUN_ON],
        ),
        ({"trace": {"answer": "The answer is 4 (see the appendix Q: part 2)."}}, []),
        ({"trace": {"answer": "The answer is 4. Q: What is 2 plus 2?"}}, []),
        ({"trace": {"answer": "The answer is 4.\nQ: x?"}, "settings": {"drop_run_on": False}}, []),
        ({"trace": {"answer": "**Question:** What is 2 plus 2?\n\nThe answer is 4."}}, []),
        ({"trace": {"answer": "Answer: 4\n\nQuestion: What is 2 plus 2? Solved."}}, []),
        ({"trace": {"reasoning": "I add: 二加二等于四, which gives four."}}, ["mixed scripts"]),
        ({"trace": {"answer": "4 関連 details банк 交易 4"}}, ["mixed scripts"]),
        ({"trace": {"reasoning": "α + β = γ, so café naïve Σ", "answer": "4"}}, []),
        ({"trace": {"reasoning": "二加二等于四", "answer": "四"}}, []),
        ({"trace": {"reasoning": "I add: 二加二等于四"}, "settings": {"drop_mixed_scripts": None}}, []),
        ({"trace": {"reasoning": "Das Wort 二加二 heißt", "answer": "四"}, "problem": CHINESE}, []),
        ({"trace": {"reasoning": "wait, " * 400}}, ["repetition"]),
        ({"trace": {"reasoning": "wait, " * 400}, "settings": {"drop_repetition": None}}, []),
        ({"suspect": True}, ["suspect label"]),
        ({"difficulty": 0.2, "settings": {"min_difficulty": 0.3}}, ["too easy"]),
        ({"difficulty": 0.3, "settings": {"min_difficulty": 0.3, "max_difficulty": 0.3}}, []),
        ({"difficulty": 0.4, "settings": {"max_difficulty": 0.3}}, ["too hard"]),
        ({"settings": {"min_difficulty": 0.3, "max_difficulty": 0.4}}, []),
        ({"settings": {"max_characters": characters(GOOD)}}, []),
        ({"settings": {"max_characters": characters(GOOD) - 1}}, ["over length"]),
    ],
)
def test_each_filter_alone(changed, expected):
    assert reasons(**changed) == expected


def test_a_trace_is_dropped_for_its_first_reason_in_a_fixed_order():
    found = reasons(
        {"finish": "length", "answer": "", "reasoning": "wait, " * 400, "reasoning_kind": "summary"},
        {"max_characters": 10}, verdict=judged("wrong"), problem=None, held_out=True,
    )  # fmt: skip
    assert found == [
        "overlap with evaluation", "no such problem", "truncated", "no answer", "summarised reasoning", "wrong",
        "over length", "repetition",
    ]  # fmt: skip
