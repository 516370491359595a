"""Scores of a listening student: formulas by hand, and what curation makes of them."""

import math
from collections import Counter

import pytest

from potstill.curate.listened import Listened, gain_of, means, preference, rank_surprisal_of, surprisal_of
from potstill.curate.seen import Looker
from potstill.curate.select import select
from potstill.errors import RecipeError
from potstill.recipe import Curate, Portion
from potstill.recipe_file import parse
from potstill.records import Drop, Example, Problem, Trace, Verdict


def test_formulas_by_hand():
    assert surprisal_of([1.0, 3.0]) == 2.0
    assert surprisal_of([]) is None
    assert rank_surprisal_of([1, 2, 500], [0.5, 1.5, 8.0]) == pytest.approx(103 / 10)
    assert rank_surprisal_of([1], [0.0]) is None
    assert gain_of([0.5, 0.5], [2.0, 4.0]) == 2.5
    assert gain_of([], [2.0]) is None


def heard(key, surprisal=1.0, rank_surprisal=1.0, gain=1.0):
    return Listened(
        trace_key=key, surprisal=surprisal, rank_surprisal=rank_surprisal, gain=gain, tokens=9, read=20
    )  # fmt: skip


def test_a_set_is_told_by_its_means_and_the_ratio_of_its_means():
    """Mean ranks 2 and 12, mean surprisals 1 and 3: the ratio is 14 / 4, not the mean of 2 and 4."""
    rows = [heard("a", 1.0, 2.0, 0.5), heard("b", 3.0, 4.0, None), heard("c", None, None, None)]
    assert means(rows) == {"surprisal": 2.0, "ratio": 3.5, "gain": 0.5}
    assert means([]) == {"surprisal": None, "ratio": None, "gain": None}


def test_less_surprise_and_more_gain_come_first_and_what_is_not_known_last():
    scores = {"a": heard("a", 0.5, 3.0, 0.1), "b": heard("b", 2.0, 1.0, 4.0), "c": heard("c", None, None, None)}
    for by, first in (("surprisal", "a"), ("rank_surprisal", "b"), ("gain", "b")):
        ordered = sorted(scores, key=lambda key, by=by: preference(scores[key], by))
        assert (ordered[0], ordered[-1]) == (first, "c")
    assert preference(None, "gain") == math.inf


PROBLEMS = [Problem(id=str(n), question=f"What is {n} and {n}?", gold=str(2 * n)) for n in range(10)]


def judged(problem, sample, outcome="right"):
    trace = Trace(
        problem_key=problem.key, teacher="t", strategy="s", prompt_key="", sample=sample, attempt=0, sampling="{}",
        reasoning=f"Way {sample} of {problem.id}.", answer=str(problem.gold), finish="stop", completion_tokens=100,
    )  # fmt: skip
    return trace, Verdict(
        trace_key=trace.key, check="answer", policy="", version=1, outcome=outcome, cause="", method="", score=None,
        extracted=None,
    )  # fmt: skip


def curated(rows, scores, **settings):
    looker = Looker(
        training={p.key: p for p in PROBLEMS}, held_out=set(), settings=Curate(**settings), groups={}, seed=3,
        listened=scores, crowded=frozenset(p.key for p in PROBLEMS),
    )  # fmt: skip
    found = list(select(lambda: iter(rows), looker))
    return [one for one in found if isinstance(one, Example)], [one for one in found if isinstance(one, Drop)]


ROWS = [judged(problem, sample) for problem in PROBLEMS for sample in range(4)]
SCORES = {trace.key: heard(trace.key, 1 + trace.sample, 9 - trace.sample, trace.sample % 3) for trace, _ in ROWS}
SAMPLES = {trace.key: trace.sample for trace, _ in ROWS}


@pytest.mark.parametrize(("by", "sample"), [("surprisal", 0), ("rank_surprisal", 3), ("gain", 2)])
def test_of_a_problems_traces_the_preferred_one_stays(by, sample):
    kept, dropped = curated(ROWS, SCORES, prefer=by, per_problem=1)
    assert {SAMPLES[one.trace_key] for one in kept} == {sample}
    assert len(kept) == 10
    assert len(dropped) == 30
    assert [one.trace_key for one in curated(ROWS[::-1], SCORES, prefer=by, per_problem=1)[0]] == [
        one.trace_key for one in kept
    ]


def test_a_right_trace_goes_before_a_wrong_one_that_is_preferred():
    rows = [judged(PROBLEMS[0], 0, "wrong"), judged(PROBLEMS[0], 1)]
    scores = {rows[0][0].key: heard(rows[0][0].key, 0.1), rows[1][0].key: heard(rows[1][0].key, 9.0)}
    kept, _ = curated(rows, scores, prefer="surprisal", per_problem=1, drop_wrong=False)
    assert [one.trace_key for one in kept] == [rows[1][0].key]


def test_a_budget_of_tokens_goes_to_the_preferred():
    kept, _ = curated(ROWS, SCORES, prefer="surprisal", tokens=1_000)
    assert Counter(SAMPLES[one.trace_key] for one in kept) == {0: 10}


def test_conditions_and_mixes_know_the_scores_and_unknown_ones_stay():
    unread = {**SCORES, ROWS[0][0].key: heard(ROWS[0][0].key, None, None, None)}
    assert len(curated(ROWS, unread, where="gain > 1")[0]) == 10 + 1
    assert len(curated(ROWS, {}, where="gain > 1")[0]) == 40
    kept, _ = curated(ROWS, SCORES, mix=(Portion(where="surprisal < 2.5", share=1.0),))
    assert Counter(SAMPLES[one.trace_key] for one in kept) == {0: 10, 1: 10}


BASE = """\
name: x
problems: {evaluate: 5, sources: [{family: chain, count: 20}]}
teacher: {kind: worked}
student: {model: smollm2-135m-instruct}
"""


@pytest.mark.parametrize(("more", "told"), [
    ("curate: {prefer: gain}\n", "curate.prefer: nobody reads the traces for their gain"),
    ("curate: {where: surprisal < 2}\n", "checks.listener names an arm"),
    ("checks: {listener: bas}\n", "there is no arm 'bas'"),
    ("checks: {listener: traces}\n", "a circle"),
])  # fmt: skip
def test_who_listens_has_to_be_there(more, told):
    from potstill.graph import GraphError, graph_of

    with pytest.raises((RecipeError, GraphError)) as caught:
        graph_of(parse(BASE + more, "r.yaml"))
    assert told in str(caught.value)


def test_a_student_from_nothing_cannot_listen_to_what_its_tokens_are_made_of():
    from potstill.graph import GraphError, graph_of

    text = BASE.replace("{model: smollm2-135m-instruct}", "{scratch: {hidden: 32}}")
    with pytest.raises((RecipeError, GraphError), match="with `from: traces`"):
        graph_of(parse(f"{text}checks: {{listener: base}}\n", "r.yaml"))
    found = graph_of(parse(
        f"{text}sets:\n  traces: {{}}\n"
        "  chosen: {from: traces, checks: {listener: start}, curate: {prefer: gain}}\n"
        "arms: {start: {train: {on: traces}}, next: {train: {on: chosen}}}\n", "r.yaml",
    ))  # fmt: skip
    assert found.edges["set chosen"] == ("set traces", "arm start")
