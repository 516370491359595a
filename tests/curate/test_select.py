import dataclasses
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.curate.seen import Looker
from potstill.curate.select import select
from potstill.recipe import Curate
from potstill.records import Drop, Example, Group, Problem, Trace, Verdict

PROBLEMS = [Problem(id=f"p{i}", question=f"What is {i} plus {i}?", gold=str(2 * i)) for i in range(6)]
DEFAULT = Curate()
TRAINING = {problem.key: problem for problem in PROBLEMS[:5]}


def trace(problem=PROBLEMS[0], sample=0, reasoning="I add the two numbers.", answer="The answer is 4.", **fields):
    base = Trace(
        problem_key=problem.key,
        teacher="t",
        strategy="zero_shot",
        prompt_key="q",
        sample=sample,
        attempt=0,
        sampling="{}",
        reasoning=reasoning,
        answer=answer,
        finish="stop",
    )
    return dataclasses.replace(base, **fields)


def judge(trace, outcome="right", cause=""):
    return Verdict(
        trace_key=trace.key,
        check="answer",
        policy="p",
        version=1,
        outcome=outcome,
        cause=cause,
        method="m",
        score=None,
        extracted=None,
        reason="because",
    )


def run(pairs, settings=DEFAULT, held_out=frozenset(), training=TRAINING, **options):
    looker = Looker(
        training=training, held_out=held_out, settings=settings, **{"groups": {}, "seed": 0, **options}
    )  # fmt: skip
    found = list(select(lambda: iter(pairs), looker))
    return [x for x in found if isinstance(x, Example)], [x for x in found if isinstance(x, Drop)]


texts = st.sampled_from(["add them", "count on from one", "add  them", "double it, so", "I think. " * 40, "", " "])
pairs = st.lists(
    st.tuples(
        st.builds(
            trace, st.sampled_from(PROBLEMS), st.integers(0, 9), texts, texts,
            finish=st.sampled_from(["stop", "stop", "stop", "length", "refused", "failed"]),
            reasoning_kind=st.sampled_from(["raw", "raw", "raw", "summary", "encrypted", "none"]),
        ),
        st.sampled_from([("right", ""), ("right", ""), ("wrong", ""), ("unknown", "timeout"), None]),
    ).map(lambda pair: (pair[0], judge(pair[0], *pair[1]) if pair[1] else None)),
    max_size=40,
)  # fmt: skip
settings = st.builds(
    Curate,
    drop_wrong=st.booleans(),
    drop_unknown=st.booleans(),
    drop_repetition=st.sampled_from([None, 0.5]),
    max_characters=st.sampled_from([None, 30]),
    per_problem=st.integers(1, 4),
    order=st.sampled_from(["shuffled", "easy_to_hard"]),
)


@given(pairs, settings, st.integers(0, 3))
def test_kept_and_dropped_are_all_and_nothing_is_invented(pairs, settings, seed):
    kept, dropped = run(pairs, settings, {PROBLEMS[1].overlap_key}, seed=seed)
    assert Counter([x.trace_key for x in kept] + [x.key for x in dropped]) == Counter(t.key for t, _ in pairs)
    assert all(drop.reason for drop in dropped)
    per_problem = Counter(x.problem_key for x in kept)
    assert max(per_problem.values(), default=0) <= settings.per_problem
    given = {(t.problem_key, t.reasoning, t.answer) for t, _ in pairs}
    assert all((x.problem_key, x.reasoning, x.answer) in given for x in kept)
    assert PROBLEMS[1].key not in per_problem
    assert PROBLEMS[5].key not in per_problem


@given(pairs, settings, st.randoms(use_true_random=False))
def test_arrival_order_changes_nothing_equal_texts_and_keys_included(pairs, settings, random):
    # A judge of equal texts says the same of them; here each pair was drawn by itself.
    by_text = {(t.problem_key, " ".join(t.reasoning.split()), " ".join(t.answer.split())): v for t, v in pairs}
    outcomes = {text: "" if v is None else v.outcome for text, v in by_text.items()}
    pairs = [
        (t, None if not said else judge(t, said, "timeout" if said == "unknown" else "")) for t, _ in pairs
        for said in [outcomes[t.problem_key, " ".join(t.reasoning.split()), " ".join(t.answer.split())]]
    ]  # fmt: skip
    first, mixed = run(pairs, settings), run(random.sample(pairs, len(pairs)), settings)
    assert [plain(example) for example in mixed[0]] == [plain(example) for example in first[0]]
    assert Counter(drop.reason for drop in mixed[1]) == Counter(drop.reason for drop in first[1])


def plain(example):
    """An example but for spacing, which copies of one key may differ in."""
    return example.trace_key, " ".join(example.reasoning.split()), " ".join(example.answer.split())


def test_summaries_wrong_and_unknown_are_kept_where_the_recipe_says_so():
    lenient = Curate(drop_wrong=False, drop_unknown=False)
    judged = [
        (trace(reasoning="one", sample=0, reasoning_kind="summary"), "right"),
        (trace(reasoning="two", sample=1), "wrong"),
        (trace(reasoning="three", sample=2), "unknown"),
    ]
    kept, dropped = run([(t, judge(t, o)) for t, o in judged], lenient, allow_summaries=True)
    assert (len(kept), dropped) == (3, [])


def test_overlap_is_the_first_reason_by_key_by_form_and_by_dropped_problem():
    held = Problem(id="e", question="WHAT is  1 plus 1", gold="2")
    wrong = [trace(PROBLEMS[i], i) for i in (1, 2, 5)]
    held_out = {held.key, held.overlap_key, PROBLEMS[2].key, PROBLEMS[5].key}
    kept, dropped = run([(t, judge(t, "wrong")) for t in wrong], held_out=held_out)
    assert kept == []
    assert [drop.reason for drop in dropped] == ["overlap with evaluation"] * 3
    unknown = trace(Problem(id="x", question="Never seen?", gold="1"))
    assert run([(unknown, judge(unknown))])[1][0].reason == "no such problem"


def test_duplicates_are_exact_up_to_spacing_and_unicode_composition_within_one_problem():
    same = [trace(sample=i, reasoning=r) for i, r in enumerate(["caf\u00e9 x²", "cafe\u0301  x²\n", "café x2"])]
    other = trace(PROBLEMS[1], reasoning="caf\u00e9 x²")
    kept, dropped = run([(t, judge(t)) for t in [*same, other]])
    assert [(d.key, d.reason) for d in dropped] == [(same[1].key, "exact duplicate")]
    assert len(kept) == 3


def test_two_rows_with_one_key_but_different_text_are_two_rows():
    twice = [trace(reasoning="first way"), trace(reasoning="second way")]
    kept, dropped = run([(t, judge(t)) for t in twice], Curate(per_problem=1))
    assert (len(kept), [d.reason for d in dropped]) == (1, ["beyond 1 per problem"])


def test_right_traces_come_before_unknown_and_wrong_ones():
    judged = [
        (trace(sample=i, reasoning=f"way {i} " + "z" * i), o) for i, o in enumerate(["wrong", "unknown", "right"])
    ]
    lenient = Curate(drop_wrong=False, drop_unknown=False, per_problem=1)
    kept, _ = run([(t, judge(t, o)) for t, o in judged], lenient)
    assert [x.reasoning for x in kept] == ["way 2 zz"]


def group(problem, pass_rate, finding="agrees", gold_source="given"):
    return Group(
        problem_key=problem.key,
        samples=4,
        right=0,
        wrong=0,
        unknown=4,
        pass_rate=pass_rate,
        low=0.0,
        high=1.0,
        gold=problem.gold,
        gold_source=gold_source,
        majority=None,
        votes=0,
        voters=4,
        agreement=0.0,
        tied=False,
        finding=finding,
    )


STATED = dataclasses.replace(PROBLEMS[3], difficulty=0.1)
RATES = {0: 1 / 3, 1: 1.0, 2: 0.0, 3: 0.5}


def chosen(**settings):
    """One good trace of each of the first five problems; of the last nothing is known."""
    pairs = [(t, judge(t)) for t in (trace(problem, n, reasoning=f"way {n}") for n, problem in enumerate(PROBLEMS[:5]))]
    groups = {PROBLEMS[n].key: group(PROBLEMS[n], rate) for n, rate in RATES.items()}
    training = {**TRAINING, STATED.key: STATED}
    return run(pairs, Curate(**settings), training=training, groups=groups)


@pytest.mark.parametrize(
    ("difficulty", "wanted"),
    [("stated", [0.0, 0.1, 2 / 3, 1.0, None]), ("measured", [0.0, 0.5, 2 / 3, 1.0, None])],
)
def test_difficulty_is_the_sources_or_one_minus_the_pass_rate_as_the_recipe_says(difficulty, wanted):
    kept, _ = chosen(order="easy_to_hard", difficulty=difficulty)
    assert [x.difficulty for x in kept] == [None if one is None else pytest.approx(one) for one in wanted]


def test_problems_outside_the_difficulty_asked_for_are_dropped_with_their_reason():
    kept, dropped = chosen(difficulty="measured", min_difficulty=0.2, max_difficulty=0.9, order="easy_to_hard")
    assert [x.difficulty for x in kept] == [0.5, pytest.approx(2 / 3), None]
    assert Counter(drop.reason for drop in dropped) == {"too easy": 1, "too hard": 1}
    assert len(chosen(min_difficulty=0.0, max_difficulty=1.0)[0]) == 5, "the bounds themselves stay"


@pytest.mark.parametrize("drop_suspect", [False, True])
def test_a_problem_with_a_suspect_label_is_dropped_only_where_the_recipe_says_so(drop_suspect):
    pairs = [(t, judge(t, "wrong")) for t in (trace(PROBLEMS[n], reasoning=f"way {n}") for n in range(2))]
    groups = {PROBLEMS[0].key: group(PROBLEMS[0], 0.0, "suspect label"), PROBLEMS[1].key: group(PROBLEMS[1], 0.0)}
    _, dropped = run(pairs, groups=groups, drop_suspect=drop_suspect)
    assert [drop.reason for drop in dropped] == ["suspect label" if drop_suspect else "wrong", "wrong"]
    kept, dropped = run(pairs, Curate(drop_wrong=False), groups=groups, drop_suspect=drop_suspect)
    assert len(kept) == 2 - drop_suspect


def test_examples_say_what_they_were_judged_by():
    pairs = [(t, judge(t)) for t in (trace(PROBLEMS[n], reasoning=f"way {n}") for n in range(2))]
    groups = {PROBLEMS[n].key: group(PROBLEMS[n], 1.0, gold_source=by) for n, by in enumerate(["given", "majority"])}
    kept, _ = run(pairs, groups=groups)
    assert {x.problem_key: x.gold_source for x in kept} == {
        PROBLEMS[0].key: "given", PROBLEMS[1].key: "majority",
    }  # fmt: skip


def test_shuffle_depends_on_the_seed_alone():
    pairs = [(t, judge(t)) for t in (trace(PROBLEMS[i % 5], i, reasoning=f"way {i}") for i in range(20))]
    orders = {seed: [x.trace_key for x in run(pairs, seed=seed)[0]] for seed in (0, 1)}
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])
    assert orders[0] == [x.trace_key for x in run(pairs[::-1], seed=0)[0]]


def test_surrogates_and_nul_in_traces_are_only_text():
    odd = trace(reasoning="\ud800 and \x00 and \u202e", answer="4\udfff")
    kept, _ = run([(odd, judge(odd))])
    assert kept[0].reasoning == odd.reasoning
