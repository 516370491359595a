"""Answers of several values, each by its name."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potstill.recipe import Checks, Policy
from potstill.records import Problem, Trace
from potstill.verify import Verdicts
from potstill.verify.answers import judge_answer, judge_response
from potstill.verify.groups import group_of
from potstill.verify.parts import MAX_PARTS, MAX_READ, find_parts, read_parts
from potstill.verify.stress import Attempt, attempts
from potstill.verify.verdicts import judge

GOLD = "count: 3; total: 12.50"


def verdict(answer, gold=GOLD, policy=None):
    return judge_response(answer, gold, "parts", (), policy or Policy(), seconds=5)


@pytest.mark.parametrize(
    "answer",
    [
        "count: 3; total: 12.50",
        "count: 3\ntotal: 12.5",
        "The answer is count: 3; total: 12.50.",
        "There are count: 3, and the total: 12.50",
        "Count = 3, Total = $12.50",
        "**count**: 3\n**total**: 12.50",
        r"\boxed{count: 3; total: 12.50}",
        r"\boxed{\text{count}: 3,\ \text{total}: 12.50}",
        "@count[3] @total[12.50]",
        'So:\n```json\n{"count": 3, "total": 12.50}\n```',
        '{"total": "12.5", "count": "3", "mean": 4}',
        '{"count": 4, "total"}\n{"count": 3, "total": 25/2}'.replace("25/2", '"25/2"'),
        "count: 3 (so three)\ncount: 3\ntotal: 12.50",
    ],
)
def test_every_way_to_state_the_parts_is_right(answer):
    assert verdict(answer).outcome == "right", verdict(answer)


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ("count: 4; total: 12.50", 0.5),
        ("count: 4; total: 13", 0.0),
        ("count: 4", 0.0),
        ('{"count": 3, "total": 125}', 0.5),
        ("total: 3; count: 12.50", 0.0),
    ],
)
def test_one_wrong_part_makes_the_answer_wrong(answer, score):
    judged = verdict(answer)
    assert (judged.outcome, judged.score) == ("wrong", score)
    assert judged.reason.startswith("wrong: ")


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        ("", "unparsable prediction"),
        ("3 and 12.50", "unparsable prediction"),
        ("count: 3", "unparsable prediction"),
        ("discount: 3; subtotal: 12.50", "unparsable prediction"),
        ("count: 3; total: 12.50 \n count: 4", "ambiguous"),
        ("The answer is not count: 3; total: 12.50.", "ambiguous"),
    ],
)
def test_what_is_not_stated_or_stated_twice_is_unknown(answer, cause):
    judged = verdict(answer)
    assert (judged.outcome, judged.cause) == ("unknown", cause)


def test_each_part_is_compared_under_the_policy_as_elsewhere():
    gold = "date: 2024-03-05; region: North; rate: 12.5%; ages: 3, 5"
    answer = "date: March 5, 2024\nregion: north\nrate: 12.5\nages: 5, 3"
    assert verdict(answer, gold).outcome == "right"
    assert verdict(answer, gold, Policy(percent="strict")).outcome == "wrong"
    assert verdict("mean: 3.34", "mean: 3.3333").outcome == "wrong"
    assert verdict("mean: 3.34", "mean: 3.3333", Policy(tolerance=0.01)).outcome == "right"


@pytest.mark.parametrize("gold", ["", "12", "{", "[1]", "{}", "a: 1; a: 2", "a: ; b: 3", '{"a": {"b": 1}}'])
def test_a_gold_without_parts_is_unparsable(gold):
    judged = judge_answer("a: 1", gold, "parts", (), Policy(), seconds=5)
    assert judged.outcome == "unknown"
    assert judged.cause in ("unparsable gold", "no gold")


_NAMES = st.lists(st.from_regex(r"[a-z]{1,8}( [a-z]{1,6})?", fullmatch=True), min_size=1, max_size=6, unique=True)


@settings(max_examples=60, deadline=None)
@given(names=_NAMES, data=st.data())
def test_a_gold_is_right_in_both_forms_and_wrong_with_one_value_changed(names, data):
    values = data.draw(st.lists(st.integers(-(10**6), 10**6), min_size=len(names), max_size=len(names)))
    parts = dict(zip(names, map(str, values), strict=True))
    pairs = "; ".join(f"{name}: {value}" for name, value in parts.items())
    assert read_parts(pairs) == read_parts(json.dumps(parts)) == parts
    assert verdict(pairs, json.dumps(parts)).outcome == verdict(json.dumps(parts), pairs).outcome == "right"
    changed = data.draw(st.sampled_from(names))
    other = json.dumps(parts | {changed: str(int(parts[changed]) + 1)})
    assert verdict(other, pairs).outcome == "wrong"


def test_a_name_is_no_denial():
    assert verdict("ei: 0; nu x: 2", '{"ei": 0, "nu x": 2}').outcome == "right"
    assert verdict("The answer is not ei: 0; nu x: 2", '{"ei": 0, "nu x": 2}').outcome != "right"


def test_hostile_answers_are_bounded_and_never_right():
    deep = '{"count": ' * 50_000
    digits = '{"count": 3, "total": ' + "9" * 500_000 + "}"
    for answer in (deep, digits, "count:" * 100_000, "{" * 200_000, "count: 3;" * 60_000):
        assert verdict(answer).outcome != "right"
    assert find_parts("count: 1;" + " " * MAX_READ, ["count"]) == {}
    assert read_parts("; ".join(f"a{number}: 1" for number in range(MAX_PARTS + 1))) is None


def test_wrong_answers_made_from_the_gold_are_not_right():
    problem = Problem(id="p", question="How many, and how much?", gold=GOLD, answer_kind="parts")
    for kind, said in attempts(problem, Policy()):
        assert (judge(problem, said, Checks()).outcome == "right") == (kind is Attempt.GOLD), (kind, said)


def test_samples_with_the_same_parts_agree():
    problem = Problem(id="p", question="How many, and how much?", gold=GOLD, answer_kind="parts")
    said = ["count: 4; total: 12.5", '{"total": 12.50, "count": 4}', "count: 4\ntotal: 12.5", GOLD, "no idea"]
    traces = [
        Trace(
            problem_key=problem.key, teacher="t", strategy="s", prompt_key="", sample=number, attempt=0, sampling="{}",
            reasoning="", answer=answer, finish="stop",
        )
        for number, answer in enumerate(said)
    ]  # fmt: skip
    with Verdicts(Checks()) as verdicts:
        found = list(verdicts.many((problem, trace) for trace in traces))
    group = group_of(problem, list(zip(traces, found, strict=True)), Checks())
    assert (group.votes, group.voters, group.right, group.wrong, group.unknown) == (3, 5, 1, 3, 1)
