"""The seam to the worker pool: what is sent there, and what its failures become."""

from __future__ import annotations

import os
import pickle
import sys
import threading
import time

import pytest

from potstill.errors import MissingExtraError
from potstill.verify import pool
from potstill.verify.allowance import Allowance
from potstill.verify.symbolic import compare, evaluate, parse
from potstill.verify.symbolic.build import decide

HARD = [
    (r"\int_0^1 x^2\,dx", r"\frac13", "right"), (r"\int_0^1 x^2\,dx", r"\frac12", "wrong"),
    (r"\sum_{k=1}^{\infty} \frac{1}{2^k}", "1", "right"), (r"\lim_{x\to 0} \frac{\sin x}{x}", "1", "right"),
    (r"\sum_{k=1}^{10^9} k", "500000000500000000", "right"), (r"\int_0^\pi \sin x\,dx", "2", "right"),
    ("x^2 = 4", "x = 2", "wrong"), ("x^3 = 8", "x = 2", "right"), ("x^3 = 8", "x = 3", "wrong"),
    (r"\sqrt{x} = 3", "x = 9", "right"),
]  # fmt: skip


def _direct(function: object, *arguments: object) -> object:
    assert callable(function)
    pickle.loads(pickle.dumps(arguments))
    return function(*arguments)


@pytest.mark.parametrize(("gold", "answer", "outcome"), HARD)
def test_what_needs_sympy_is_decided_by_it(gold: str, answer: str, outcome: str) -> None:
    found = compare(gold, answer, call=_direct)
    assert (found.outcome, found.method) == (outcome, "sympy")


def test_all_of_a_comparison_shares_one_allowance() -> None:
    pool.symbolic_pool().call(os.getpid, seconds=60)
    spans = []
    for gold in (r"\int_0^1 x^{" + "9" * 30 + r"}\,dx", r"\int_0^1 x^{999999999}\,dx + 1,234"):
        start = time.monotonic()
        found = compare(gold, "1,234.5", allowance=Allowance(0.3))
        spans.append(time.monotonic() - start)
        assert (found.outcome, found.cause) in (("unknown", "timeout"), ("wrong", ""))
    assert max(spans) < 0.8


def test_nothing_is_compared_once_the_allowance_is_spent() -> None:
    found = compare("1", "2", allowance=Allowance(0.0), call=_direct)
    assert (found.outcome, found.cause) == ("unknown", "timeout")


def test_an_allowance_without_workers_asks_none() -> None:
    found = compare(*HARD[0][:2], allowance=Allowance(9.0).without_workers(), call=None)
    assert (found.outcome, found.cause) == ("unknown", "unsupported")


def test_the_process_wide_pool_is_the_default() -> None:
    assert compare(*HARD[0][:2]).outcome == "right"


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (pool.WorkerTimeoutError(), "timeout"), (pool.WorkerDiedError("killed"), "infrastructure"),
        (pool.QueueFullError(), "infrastructure"), (pool.CallFailedError("TooCostlyError", "no class"), "unsupported"),
    ],
)  # fmt: skip
def test_a_failure_of_the_pool_is_unknown_and_never_wrong(error: Exception, cause: str) -> None:
    def failing(*_arguments: object) -> object:
        raise error

    found = compare(r"\int_0^1 x^2\,dx", r"\frac12", call=failing)
    assert (found.outcome, found.cause) == ("unknown", cause)
    assert found.reason


def test_a_worker_says_undecided_where_sympy_cannot_tell() -> None:
    assert decide(parse("x = 1"), parse("x + y = 1"), False) == "undecided"
    assert compare(r"\int_0^1 x^2\,dx", r"\frac12", call=lambda *_: "undecided").outcome == "unknown"


def test_without_the_extra_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpmath.ctx_mp", None)
    monkeypatch.setattr(evaluate, "_local", threading.local())
    assert compare("1/2", "0.5").outcome == "right"
    with pytest.raises(MissingExtraError, match=r"pip install 'potstill\[verify\]'"):
        compare(r"\sin 1", r"\cos 1")
