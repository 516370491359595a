"""A kept verdict holds under every policy that agrees on what its judging looked at, and is judged anew elsewhere."""

import pickle
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potstill.recipe import Checks, Judge, Numbers, Policy
from potstill.records import Problem, Trace
from potstill.verify import Verdicts, consulted
from potstill.verify import verdicts as module

ROWS = {
    "integer": ("number", "42", "The answer is 42."),
    "other integer": ("number", "42", "The answer is 41."),
    "decimal": ("number", "3.14159", "The answer is 3.14."),
    "percent": ("number", "50", r"\boxed{50\%}"),
    "fraction": ("number", "3/4", r"\boxed{6/8}"),
    "unit": ("quantity", "5 km", "It is 5."),
    "two units": ("quantity", "5 km", "It is 5,000 m."),
    "comma": ("number", "3.5", "The answer is 3,5."),
    "list": ("expression", "1, 2", r"\boxed{2, 1}"),
    "tuple": ("tuple", "(1, 2)", r"\boxed{(1, 2.05)}"),
    "root": ("expression", r"2\sqrt{2}", r"\boxed{\sqrt{8}}"),
    "percent in a tuple": ("tuple", r"(10\%, x)", r"\boxed{(0.1, x)}"),
    "numbered": ("expression", "(a) 1 (b) 2", "(a) 1\n(b) 2"),
    "interval": ("interval", "(0, 1]", r"\boxed{(0, 1.02]}"),
    "parts": ("parts", "speed: 5 km/h\nshare: 0.25", "speed: 5\nshare: 25%"),
    "choice": ("choice", "B", "The answer is (B)."),
    "text": ("text", "light red", "The answer is light green."),
    "yes": ("yes_no", "yes", "Yes, it is."),
    "date": ("date", "2024-03-01", "It was March 1, 2024."),
    "no answer": ("number", "42", "As many as there are, which is not few."),
}  # fmt: skip


def row(name):
    kind, gold, said = ROWS[name]
    choices = ("red", "blue", "green") if kind == "choice" else ()
    problem = Problem(id=name, question=f"What is {name}?", gold=gold, answer_kind=kind, choices=choices)
    trace = Trace(
        problem_key=problem.key, teacher="t", strategy="zero_shot", prompt_key="", sample=0, attempt=0, sampling="{}",
        reasoning="I see.", answer=said, finish="stop",
    )  # fmt: skip
    return problem, trace


def judged(checks, names, folder=None):
    with Verdicts(checks, folder=folder) as verdicts:
        return dict(zip(names, verdicts.many(map(row, names)), strict=True))


@pytest.fixture
def anew(monkeypatch):
    """Collect the names of the rows that are really judged."""
    asked = []
    real = module.judge

    def judge(problem, answer, checks, **options):
        asked.append(problem.id)
        return real(problem, answer, checks, **options)

    monkeypatch.setattr(module, "judge", judge)
    return asked


DECIMALS = {"decimal", "tuple", "interval", "percent in a tuple", "parts", "comma"}


@pytest.mark.parametrize(
    ("checks", "looked"),
    [
        (Checks(policy=Policy(percent="strict")), {"percent", "percent in a tuple", "parts"}),
        (Checks(policy=Policy(tolerance=0.1)), DECIMALS),
        (Checks(policy=Policy(significant_figures=3)), DECIMALS),
        (Checks(policy=Policy(order="strict")), {"list"}),
        (Checks(policy=Policy(units="required")), {"unit", "parts"}),
        (Checks(policy=Policy(simplified=True)), {"fraction", "root"}),
        (Checks(policy=Policy(numbers=Numbers("comma"))), {"comma", "two units"}),
        (Checks(policy=Policy(judge="text")), {"text", "comma"}),
        (Checks(judge=Judge(base_url="http://127.0.0.1:9/v1", model="m")), {"no answer"}),
        (Checks(seconds=6.0), set(ROWS)),
    ],
    ids=lambda value: "" if isinstance(value, set) else None,
)  # fmt: skip
def test_only_rows_that_looked_at_what_changed_are_judged_anew(tmp_path, anew, checks, looked):
    judged(Checks(), ROWS, tmp_path)
    assert sorted(anew) == sorted(ROWS)
    anew.clear()
    again = judged(checks, ROWS, tmp_path)
    assert set(anew) == looked
    assert {verdict.policy for verdict in again.values()} == {module.policy_of(checks)}
    anew.clear()
    assert judged(checks, ROWS, tmp_path) == again
    assert set(anew) == (looked if checks.judge else set()), "an outage is not kept"


POLICIES = st.builds(
    Policy,
    percent=st.sampled_from(("ignore", "strict")),
    tolerance=st.sampled_from((0.0, 0.001, 0.1)),
    significant_figures=st.sampled_from((None, 3, "gold")),
    order=st.sampled_from(("ignore", "strict")),
    units=st.sampled_from(("optional", "required")),
    simplified=st.booleans(),
    numbers=st.sampled_from(("auto", "point", "comma")).map(Numbers),
    judge=st.sampled_from(("undecided", "text", "ambiguous")),
)


@given(st.lists(POLICIES, min_size=2, max_size=4), st.lists(st.sampled_from(sorted(ROWS)), unique=True, min_size=1))
@settings(max_examples=25, deadline=None)
def test_what_is_kept_is_what_judging_all_anew_says(policies, names):
    with tempfile.TemporaryDirectory() as kept:
        for policy in policies:
            checks = Checks(policy=policy)
            assert judged(checks, names, Path(kept)) == judged(checks, names)


def test_what_cannot_be_watched_depends_on_everything(tmp_path, anew, monkeypatch):
    names = ["integer", "choice"]
    monkeypatch.setattr(type(module.ANSWER_KINDS), "code", lambda _, kind: "theirs" if kind == "choice" else None)
    judged(Checks(), names, tmp_path)
    anew.clear()
    judged(Checks(policy=Policy(order="strict")), names, tmp_path)
    assert anew == ["choice"]
    checks = consulted.watched(Checks(), set())
    with pytest.raises(TypeError, match="another process"):
        pickle.dumps(checks)
    with pytest.raises(TypeError):
        replace(checks.policy, order="strict")
