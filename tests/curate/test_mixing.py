"""Conditions, parts of a mix, token budgets and near copies: what stays, why the rest does not, whatever the order."""

import random
from collections import Counter
from dataclasses import replace

import pytest

from potstill.curate.seen import Looker
from potstill.curate.select import select
from potstill.recipe import Curate, Portion, Weighed
from potstill.records import Drop, Example, Problem, Trace, Verdict

PROBLEMS = [
    Problem(
        id=str(n), question=f"What is {n} and {n}?", gold=str(2 * n), domain="code" if n % 4 == 0 else "mathematics",
        difficulty=n / 40,
    )
    for n in range(40)
]  # fmt: skip


def judged(number, tokens=100, text="", outcome="right", sample=0):
    problem = PROBLEMS[number]
    trace = Trace(
        problem_key=problem.key, teacher="t", strategy="s", prompt_key="", sample=sample, attempt=0, sampling="{}",
        reasoning=text or f"So twice {number} it is, as number {number} says.", answer=str(2 * number), finish="stop",
        completion_tokens=tokens,
    )  # fmt: skip
    verdict = Verdict(
        trace_key=trace.key, check="answer", policy="", version=1, outcome=outcome, cause="", method="", score=None,
        extracted=None,
    )  # fmt: skip
    return trace, verdict


def curated(rows, **settings):
    looker = Looker(
        training={p.key: p for p in PROBLEMS}, held_out=set(), settings=Curate(**settings), groups={}, seed=3
    )  # fmt: skip
    found = list(select(lambda: iter(rows), looker))
    assert len(found) == len(rows)
    return [one for one in found if isinstance(one, Example)], [one for one in found if isinstance(one, Drop)]


def test_traces_for_which_the_condition_does_not_hold_are_dropped_and_unknown_ones_stay():
    rows = [judged(n) for n in range(40)]
    kept, dropped = curated(rows, where="difficulty < 0.5 and domain != 'code'")
    assert {one.domain for one in kept} == {"mathematics"}
    assert len(kept) == 15
    assert Counter(drop.reason for drop in dropped) == {"not as curate.where says": 25}
    assert len(curated(rows, where="pass_rate > 0.9")[0]) == 40, "nobody measured it"


def test_parts_have_their_shares_of_the_tokens_and_the_scarcest_says_how_much_there_can_be():
    rows = [judged(n) for n in range(40)]
    mix = (Portion(where="domain == 'code'", share=0.5), Portion(where="domain == 'mathematics'", share=0.5))
    kept, dropped = curated(rows, mix=mix)
    assert Counter(one.domain for one in kept) == {"code": 10, "mathematics": 10}
    assert Counter(drop.reason for drop in dropped) == {"over its share of the mix": 20}
    kept, dropped = curated(rows, mix=mix, tokens=1_000)
    assert Counter(one.domain for one in kept) == {"code": 5, "mathematics": 5}
    assert Counter(drop.reason for drop in dropped) == {"over the tokens wished": 30}
    assert curated(rows, mix=mix[:1])[1][0].reason == "in no part of the mix"


def test_traces_weigh_what_the_first_condition_says_that_they_fit_and_unknown_verdicts_fit_none():
    outcomes = {number: ("right", "wrong", "unknown")[number % 3] for number in range(12)}
    rows = [judged(number, outcome=outcome) for number, outcome in outcomes.items()]
    weights = (
        Weighed(where="verdict == 'wrong' and domain == 'code'", weight=0.1),
        Weighed(where="verdict == 'wrong'", weight=0.5),
        Weighed(where="verdict != 'right'", weight=7),
    )  # fmt: skip
    kept, _ = curated(rows, drop_wrong=False, drop_unknown=False, weights=weights)
    asked = {PROBLEMS[number].key: (outcome, PROBLEMS[number].domain) for number, outcome in outcomes.items()}
    wanted = {"right": (1, 1), "wrong": (0.5, 0.1), "unknown": (1, 1)}
    assert {one.problem_key: one.weight for one in kept} == {
        key: wanted[outcome][domain == "code"] for key, (outcome, domain) in asked.items()
    }
    assert len(curated(rows, where="verdict == 'right'", drop_wrong=False)[0]) == 4


def test_long_and_short_traces_are_mixed_by_a_condition_on_their_tokens():
    rows = [judged(n, tokens=1_000 if n < 20 else 100) for n in range(40)]
    mix = (Portion(where="tokens > 500", share=0.2), Portion(where="tokens <= 500", share=0.8))
    kept, _ = curated(rows, mix=mix, tokens=2_500)
    assert len(kept) == 21, "20 short ones have 2,000 tokens, and the first long one more than reaches its 500"


def test_a_budget_takes_what_the_seed_puts_first_and_adding_a_problem_moves_others_by_the_budget_alone():
    rows = [judged(n) for n in range(39)]
    before = [one.trace_key for one in curated(rows, tokens=2_000)[0]]
    after = [one.trace_key for one in curated([*rows, judged(39)], tokens=2_000)[0]]
    assert len(before) == len(after) == 20
    assert len(set(before) - set(after)) <= 1
    assert [one for one in after if one in before] == [one for one in before if one in after]
    assert curated(rows, tokens=100_000)[0] == curated(rows)[0]


@pytest.mark.parametrize("settings", [{}, {"near": 0.8}, {"order": "easy_to_hard"}, {"drop_wrong": False}])
def test_a_problem_more_moves_no_choice_and_no_order_of_others(settings):
    dice = random.Random(5)
    rows = []
    for number in range(40):
        for sample, outcome in enumerate(("right", "right", "right", "wrong")):
            words = " ".join(dice.choices(["so", "we", "add", "it", "twice", "two", "boxes", "again", "now"], k=80))
            rows.append(judged(number, text=words, outcome=outcome, sample=sample))
    whole = [one.trace_key for one in curated(rows, per_problem=2, **settings)[0]]
    for left in (0, 17, 39):
        fewer = [row for row in rows if row[0].problem_key != PROBLEMS[left].key]
        gone = {trace.key for trace, _ in rows if trace.problem_key == PROBLEMS[left].key}
        assert [one.trace_key for one in curated(fewer, per_problem=2, **settings)[0]] == [
            key for key in whole if key not in gone
        ]
    assert len(whole) == 80


@pytest.mark.parametrize("seed", range(3))
def test_of_near_copies_one_stays_named_by_the_others_in_any_order(seed):
    text = " ".join(f"step {n} gives {n * 7} boxes" for n in range(60))
    rows = [judged(n, text=text.replace("step 5 ", f"step {n} ")) for n in range(6)] + [judged(9)]
    wanted = [one.trace_key for one in curated(rows, near=0.8)[0]]
    random.Random(seed).shuffle(rows)
    kept, dropped = curated(rows, near=0.8)
    assert [one.trace_key for one in kept] == wanted
    assert len(kept) == 2
    assert {drop.reason for drop in dropped} == {"nearly another trace"}
    assert all(drop.detail.partition(" of the runs of ")[2] in wanted for drop in dropped)


@pytest.mark.parametrize("tokens", [None, 700, 1_500])
@pytest.mark.parametrize("seed", range(5))
def test_a_second_curation_of_what_was_kept_changes_nothing(seed, tokens):
    dice = random.Random(seed)
    text = " ".join(f"step {n} gives {n * 7} boxes" for n in range(60))
    rows = [
        judged(n, tokens=dice.randint(1, 150), text=text.replace("step 5 ", f"step {n} ") if n % 3 == 0 else "")
        for n in range(40)
    ]
    mix = (Portion(where="domain == 'code'", share=0.3), Portion(where="domain == 'mathematics'", share=0.7))
    settings = {"near": 0.8, "mix": mix if seed else (), "tokens": tokens}
    kept, _ = curated(rows, **settings)
    keys = {one.trace_key for one in kept}
    again, dropped = curated([row for row in rows if row[0].key in keys], **settings)
    assert again == kept
    assert dropped == []


def test_tokens_are_a_quarter_of_the_characters_where_the_teacher_did_not_say():
    trace, verdict = judged(3)
    trace = replace(trace, completion_tokens=None, reasoning="x " * 100)
    assert len(curated([(trace, verdict)], where="tokens == 51", drop_repetition=None)[0]) == 1
