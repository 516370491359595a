"""`potstill reverify` and `potstill verify --stress` at size, on the shared data."""

import json
import re
from pathlib import Path

import pytest
from commands import call, done

from potstill.records import Trace, Verdict
from potstill.store import Run

SHARED = Path(__file__).parents[3] / "shared" / "data"

pytestmark = [pytest.mark.soak, pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not here")]
LINE = re.compile(r"^(\w[\w ,]*?) +(\d+) +(\d+) +\d+ +\d+$", re.MULTILINE)
"""`the gold itself       300       300        0        0`: how an answer is made, asked, right, wrong, unknown."""
ANEW = re.compile(r"([\d,]+) judged anew")
"""`1,319 verdicts, 42 judged anew`"""
POLICIES = {
    "checks.policy.tolerance=0.1": ("wrong -> right", "tolerance (0.0 -> 0.1)"),
    "checks.policy.numbers.decimal=comma": ("wrong -> wrong", "decimal (auto -> comma)"),
}
"""A changed setting -> a change that it makes, and how it is told; under the second an answer is read otherwise."""


def test_a_changed_policy_asks_nobody_and_every_change_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for stage in ("problems", "traces", "verdicts"):
        done("run", "gsm8k-r1", "--out", "run", "--set", f"data={SHARED}", "--stage", stage)
    run = Run(Path("run"))
    traces = {trace.key: trace for trace in run.committed("traces").rows("traces", Trace)}
    before = {verdict.trace_key: verdict for verdict in run.committed("verdicts").rows("verdicts", Verdict)}
    names = run.names()
    assert len(traces) > 1_000

    def no_judging(*_):
        raise AssertionError("judged again")

    for setting, (kind, why) in POLICIES.items():
        told = done("reverify", "run", "--set", setting, "--out", "changes.jsonl").out
        changes = [json.loads(line) for line in Path("changes.jsonl").read_text().splitlines()]
        print(told)
        assert why in told
        assert f"{len(changes):,} changed" in told
        assert 0 < int(ANEW.search(told)[1].replace(",", "")) < len(traces) / 2
        assert changes
        for change in changes:
            was, now = change["before"], change["after"]
            assert (was["outcome"], was["cause"], was["extracted"]) != (now["outcome"], now["cause"], now["extracted"])
            assert was["outcome"] == before[change["trace"]].outcome
            assert traces[change["trace"]].answer
            assert now["reason"] or now["method"], change
            assert change["because"] == [
                f"checks.policy.{why}" if "decimal" not in why else f"checks.policy.numbers.{why}"
            ]
        assert kind in {f"{one['before']['outcome']} -> {one['after']['outcome']}" for one in changes}
        # What the run itself has is as it was, nobody was asked, and a second look judges nothing.
        assert run.names() == names
        assert not list(Path("run/ledger").glob("*teacher*"))
        with monkeypatch.context() as patched:
            patched.setattr("potstill.verify.verdicts._judged_alone", no_judging)
            assert done("reverify", "run", "--set", setting).out == ANEW.sub("0 judged anew", told)


FILES = {
    "gsm8k_test_300.jsonl": ("number", 0, 0), "math500.jsonl": ("auto", 0, 2), "aime24.jsonl": ("number", 0, 0),
    "svamp.jsonl": ("number", 0, 0), "mmlu_mcq.jsonl": (None, 0, 0), "strategyqa.jsonl": ("yes_no", 0, 0),
    "bbh_27x20.jsonl": ("text", 0, 0),
}  # fmt: skip
"""File -> kind of answer, how many problems are taken for their own answer at most, and how many other wrong
answers: one gold of MATH, an option in LaTeX dress."""


@pytest.mark.parametrize("name", FILES)
def test_what_ours_takes_of_wrong_answers_to_real_problems(name):
    kind, again, others = FILES[name]
    told = call("verify", SHARED / name, "--stress", *(("--kind", kind) if kind else ())).out
    print(told)
    taken = {found[1]: int(found[3]) for found in LINE.finditer(told)}
    asked = {found[1]: int(found[2]) for found in LINE.finditer(told)}
    gold, question = taken.pop("the gold itself"), taken.pop("the question again")
    assert gold == asked["the gold itself"]
    assert question <= again
    assert sum(taken.values()) <= others


WEAK = {
    "empty": "not answer.strip() or answer == problem.gold", "substring": "problem.gold in answer",
    "first figure": "answer[:1] == problem.gold[:1]", "as floats": "abs(float(answer) - float(problem.gold)) <= 1",
    "always": "True",
}  # fmt: skip


CHECKER = """\
def check(problem, answer):
    try:
        return HOW
    except ValueError:
        return False
"""


@pytest.mark.parametrize("name", WEAK)
def test_planted_weak_checkers_are_found(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("weak.py").write_text(CHECKER.replace("HOW", WEAK[name]))
    asked = ("verify", SHARED / "gsm8k_test_300.jsonl", "--stress", "--kind", "number")
    ended = call(*asked, "--checker", "weak.py:check")
    assert ended.code == 1, ended
    assert "were taken for right" in ended.out
