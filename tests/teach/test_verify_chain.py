"""Chain of verification against a teacher whose drafts hold a slip: calls by formula, and what no check may see."""

import re

import pytest
import stub_server
from teach.scripted import DyingError, Scripted, dying, taught, turns_of

from potstill.models.ledger import Ledger
from potstill.recipe import Strategy, VerifyChain
from potstill.records import Problem
from potstill.teach.prompt_files import prompt_of
from potstill.teach.strategies import Material
from potstill.teach.strategies.verify_chain import asking

PRODUCTS = [(17, 23), (12, 12), (31, 9), (8, 45), (6, 7)]


class Careless(Scripted):
    """Drafts a wrong product where the first factor is odd; asked for the product alone it is right."""

    plans = "1. What is {a} x {b}?\n2. What is {b} x {a}?\nThat is all.\n2. What is again?"

    def said(self, body):
        text = turns_of(body)
        a, b = map(int, re.search(r"(\d+) (?:boxes of|x) (\d+)", text).groups())
        if "Write at most" in text and "answer each anew" in text:
            return f"1. What is {a} x {b}? {a * b}"
        if "Write at most" in text:
            return "none" if (a, b) == (6, 7) else self.plans.format(a=a, b=b)
        if "Answer each of these questions" in text:
            return f"1. It is {a * b}.\n3. It is 5."
        if "A first solution:" in text:
            checked = re.search(r"\? (?:It is )?(\d+)", text.partition("worked out apart")[2])
            return f"So {a} x {b} = {checked[1]}.\n\nThe answer is {checked[1]}."
        if "answer in one short sentence" in text:
            return f"It is {a * b}."
        return f"DRAFT: {a} x {b} = {a * b + a % 2}.\n\nThe answer is {a * b + a % 2}."


PROBLEMS = [
    Problem(id=f"{a}x{b}", question=f"How many pens are in {a} boxes of {b}?", gold=str(a * b)) for a, b in PRODUCTS
]


@pytest.fixture
def careless(monkeypatch):
    monkeypatch.setattr(stub_server, "Stub", Careless)
    with stub_server.running() as stub:
        yield stub


def checked(stub, tmp_path, ledger="l", counts=None, **settings):
    strategy = Strategy(kind="verify_chain", verify_chain=VerifyChain(**settings))
    material = Material(training=list, held_out=list, data=tmp_path, seed=1, kept=tmp_path / "k")
    how = asking(prompt_of(strategy, tmp_path), strategy, material)
    given = {"kind": strategy.kind, "verify_chain": strategy.verify_chain}
    return taught(stub.url, tmp_path / ledger, PROBLEMS, how, counts=counts, **given)


CALLS = {
    "factored": {"draft": 5, "plan": 5, "check": 7, "revise": 4},  # 12 x 12 is one question
    "two_step": {"draft": 5, "plan": 5, "checks": 4, "revise": 4},
    "joint": {"draft": 5, "joint": 5, "revise": 5},
}


@pytest.mark.parametrize("how", CALLS)
def test_calls_by_formula_every_slip_mended_and_no_check_sees_the_draft(careless, tmp_path, how):
    counts = {}
    traces = checked(careless, tmp_path, how=how, counts=counts)
    assert [trace.answer for trace in traces] == [f"The answer is {a * b}." for a, b in PRODUCTS]
    told = {role: one["calls"] for role, one in counts["calls"].items()}
    assert told == CALLS[how]
    assert careless.stats()["requests"] == sum(told.values())
    sent = [turns_of(body) for body in careless.bodies]
    apart = [text for text in sent if "in one short sentence" in text or "Answer each of these" in text]
    assert len(apart) == told.get("check", 0) + told.get("checks", 0)
    assert not [text for text in apart if "DRAFT" in text or "pens" in text], "neither draft nor question"
    if how == "factored":
        assert not [text for text in apart if text.count("What is") != 1], "nor each other"
    assert not [trace for trace in traces if "DRAFT" in trace.reasoning and trace.answer != "The answer is 42."]


def test_a_draft_without_questions_is_the_trace(careless, tmp_path):
    counts = {}
    assert checked(careless, tmp_path, counts=counts)[-1].reasoning == "DRAFT: 6 x 7 = 42."
    assert counts["strategy"] == {"questions": 7, "without questions": 1}


def test_questions_without_an_answer_are_left_out(careless, tmp_path):
    checked(careless, tmp_path, how="two_step")
    revising = [turns_of(body) for body in careless.bodies if "A first solution" in turns_of(body)]
    listed = [text.partition("apart from it:\n")[2].partition("\n\n")[0].split("\n") for text in revising]
    assert {len(lines) for lines in listed} == {1}


def test_the_checks_can_stay_in_the_trace(careless, tmp_path):
    (first, *_) = checked(careless, tmp_path, keep="with_checks")
    assert first.reasoning.startswith("DRAFT: 17 x 23 = 392.")
    assert "\nCheck: What is 17 x 23? It is 391.\n" in first.reasoning
    assert first.reasoning.endswith("So 17 x 23 = 391.")


def test_no_more_questions_than_are_allowed(careless, tmp_path):
    careless.plans = "\n".join(f"{n}. What is {{a}} x {{b}} + {n}?" for n in range(1, 9))
    counts = {}
    checked(careless, tmp_path, most_questions=3, counts=counts)
    assert counts["calls"]["check"]["calls"] == 12


@pytest.mark.parametrize("commits", [2, 5, 11])
def test_stopped_anywhere_nothing_is_asked_twice(careless, tmp_path, monkeypatch, commits):
    calm = checked(careless, tmp_path, ledger="calm")
    before, needed = careless.stats()["requests"], careless.stats()["distinct"]
    mend = dying(Ledger, monkeypatch, commits)
    try:
        checked(careless, tmp_path)
        ended = True
    except DyingError:
        ended = False
    mend()
    assert checked(careless, tmp_path) == calm
    assert careless.stats()["distinct"] == needed
    assert ended or careless.stats()["requests"] - before <= needed + 8
