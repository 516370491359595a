"""Pairs of answers: what is preferred to what, what cannot stand in a pair, and that nothing is lost on the way."""

import dataclasses
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from potstill.curate.pairs import pairs
from potstill.curate.seen import Looker
from potstill.curate.select import Selection
from potstill.recipe import Curate, Dpo
from potstill.records import Drop, Pair, Problem, Reason, Trace, Verdict

PROBLEMS = {p.key: p for p in (Problem(id=str(n), question=f"What is {n} plus 3?", gold=str(n + 3)) for n in range(4))}


def judged(problem, sample, outcome, text="so it is.", **trace):
    key = list(PROBLEMS)[problem]
    made = Trace(
        problem_key=key, teacher="t", strategy="s", prompt_key="", sample=sample, attempt=0, sampling="{}",
        reasoning=f"{text} {sample}", answer="7", finish="stop",
    )  # fmt: skip
    made = dataclasses.replace(made, **trace)
    return made, Verdict(
        trace_key=made.key, check="answer", policy="", version=1, outcome=outcome,
        cause="timeout" if outcome == "unknown" else "", method="", score=None, extracted=None,
    )  # fmt: skip


def found(traces, faults=lambda problem, trace: None, curate=None, **settings):
    looker = Looker(
        training=PROBLEMS, held_out=set(), groups={}, seed=1,
        settings=curate or Curate(drop_wrong=False, drop_repetition=None),
    )  # fmt: skip
    return list(pairs(Selection(traces=lambda: iter(traces), looker=looker), Dpo(**settings), faults))


def made_of(rows):
    return [(row.rule, row.chosen_reasoning, row.rejected_reasoning) for row in rows if isinstance(row, Pair)]


def test_the_shortest_right_answers_are_preferred_to_wrong_ones_each_once():
    traces = [
        judged(0, 0, "right", "a long way round it is."), judged(0, 1, "wrong"), judged(0, 2, "right", "short."),
        judged(0, 3, "wrong", "no."), judged(0, 4, "wrong", "none."), judged(1, 0, "right"), judged(2, 0, "wrong"),
    ]  # fmt: skip
    rows = found(traces)
    made = made_of(rows)
    assert [chosen for _, chosen, _ in made] == ["short. 2", "a long way round it is. 0"]
    assert len({rejected for _, _, rejected in made}) == 2
    assert all(
        row.chosen != row.rejected and row.question == "What is 0 plus 3?" for row in rows if hasattr(row, "rule")
    )
    assert [(row.kind, row.reason) for row in rows if isinstance(row, Drop)] == [
        ("problem", Reason.ALL_RIGHT), ("problem", Reason.ALL_WRONG),
    ]  # fmt: skip
    assert len(made_of(found(traces, per_problem=1))) == 1


def test_of_right_answers_fewer_wrong_steps_and_then_less_text_are_better():
    traces = [judged(0, 0, "right", "x" * 50), judged(0, 1, "right", "x" * 90), judged(0, 2, "right", "x" * 60)]
    told = {traces[0][0].key: 2, traces[1][0].key: 0}
    rules = ("fewer_wrong_steps", "shorter_right")
    made = made_of(found(traces, lambda problem, trace: told.get(trace.key), prefer=rules))
    assert made[0] == ("fewer_wrong_steps", "x" * 90 + " 1", "x" * 50 + " 0"), "what nobody can count stands in no pair"
    assert made[1] == ("shorter_right", "x" * 50 + " 0", "x" * 90 + " 1")
    assert made_of(found(traces, prefer=rules, shorter_by=0.6)) == [], "about as long says nothing"
    assert found(traces, prefer=rules, shorter_by=0.6)[-1].reason == Reason.LIKE


def test_what_was_cut_off_or_is_of_unknown_worth_stands_in_no_pair():
    traces = [
        judged(0, 0, "right"), judged(0, 1, "wrong", finish="length", answer=""), judged(0, 2, "unknown"),
        judged(0, 3, "wrong", "</think>"), judged(3, 0, "right"), judged(3, 1, "wrong", answer=" "),
    ]  # fmt: skip
    rows = found(traces)
    assert made_of(rows) == []
    told = Counter(row.reason for row in rows if row.kind == "trace")
    assert told == {
        Reason.TRUNCATED: 1, "unknown: timeout": 1, Reason.MARKS_LEFT: 1, Reason.NO_ANSWER: 1,
    }  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["right", "wrong", "unknown"])), max_size=30), st.data())
def test_each_problem_has_pairs_or_a_reason_and_order_of_arrival_changes_nothing(given_, data):
    traces = [judged(problem, number, outcome) for number, (problem, outcome) in enumerate(given_)]
    rows = found(traces, per_problem=2)
    told = Counter(
        row.problem_key if isinstance(row, Pair) else row.key for row in rows if getattr(row, "kind", "") != "trace"
    )
    usable = {trace.problem_key for trace, verdict in traces if verdict.outcome != "unknown"}
    assert set(told) == usable
    assert max(told.values(), default=0) <= 2
    outcomes = {trace.key: verdict.outcome for trace, verdict in traces}
    for row in rows:
        if isinstance(row, Pair):
            assert (outcomes[row.chosen], outcomes[row.rejected]) == ("right", "wrong")
    shuffled = data.draw(st.permutations(traces))
    assert {(row.chosen, row.rejected) for row in rows if isinstance(row, Pair)} == {
        (row.chosen, row.rejected) for row in found(shuffled, per_problem=2) if isinstance(row, Pair)
    }


def test_wrong_steps_are_counted_by_arithmetic_and_by_the_facts_of_a_family():
    from potstill.pipeline.stages.pairs import wrong_steps

    facts = '{"start": 4, "steps": [["+", 3], ["-", 2]]}'
    chain = Problem(id="c", question="?", gold="5", source="family:chain", facts=facts)

    def steps(problem, text):
        return wrong_steps(problem, judged(0, 0, "right", reasoning=text)[0])

    assert steps(chain, "4 + 3 = 7. 7 - 2 = 5.") == 0
    assert steps(chain, "4 + 3 = 8. 8 - 2 = 5.") == 2
    assert steps(chain, "4 + 2 = 6. 6 - 1 = 5.") == 1, "true arithmetic on the wrong numbers"
    assert steps(PROBLEMS[next(iter(PROBLEMS))], "It is plain to see.") is None
