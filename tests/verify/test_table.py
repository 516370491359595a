"""The verdict table: each verdict computed once, outages never kept, a damaged file told in one line."""

import sqlite3
from dataclasses import replace

import pytest

from potstill.errors import StoreError
from potstill.recipe import Checks
from potstill.records import Problem, Trace
from potstill.verify import Verdicts
from potstill.verify import verdicts as module
from potstill.verify.table import VerdictTable

PROBLEM = Problem(id="p", question="How many?", gold="42")
TRACE = Trace(
    problem_key=PROBLEM.key, teacher="t", strategy="zero_shot", prompt_key="", sample=0, attempt=0, sampling="{}",
    reasoning="I count.", answer="42", finish="stop",
)  # fmt: skip


@pytest.fixture
def computed(monkeypatch):
    """Count what is really judged."""
    asked = []
    real = module.judge

    def judge(problem, answer, checks, **options):
        asked.append(answer)
        return real(problem, answer, checks, **options)

    monkeypatch.setattr(module, "judge", judge)
    return asked


def traces(count, **changes):
    return [(PROBLEM, replace(TRACE, sample=i, answer=str(40 + i), **changes)) for i in range(count)]


def test_nothing_is_computed_twice(tmp_path, computed):
    rows = traces(600)
    with Verdicts(Checks(), folder=tmp_path) as verdicts:
        first = list(verdicts.many(rows[:300]))
        again = list(verdicts.many(rows))
    assert [v.trace_key for v in again] == [t.key for _, t in rows]
    assert again[:300] == first
    assert len(computed) == 600
    with Verdicts(Checks(), folder=tmp_path) as verdicts:
        assert list(verdicts.many(reversed(rows))) == again[::-1]
    assert len(computed) == 600


@pytest.mark.parametrize(
    ("problem", "trace"),
    [
        (replace(PROBLEM, gold="41"), TRACE),
        (PROBLEM, replace(TRACE, answer="43")),
        (replace(PROBLEM, answer_kind="text"), TRACE),
    ],
)
def test_whatever_a_verdict_depends_on_is_in_its_address(tmp_path, computed, problem, trace):
    with Verdicts(Checks(), folder=tmp_path) as verdicts:
        verdicts.of(PROBLEM, TRACE)
    with Verdicts(Checks(), folder=tmp_path) as verdicts:
        verdicts.of(problem, trace)
    assert len(computed) == 2


def test_an_edited_checker_is_asked_again(tmp_path, computed):
    for code in ("one", "two", "one"):
        with Verdicts(Checks(), folder=tmp_path, code=code) as verdicts:
            verdicts.of(PROBLEM, TRACE)
    assert len(computed) == 2


def test_an_outage_is_not_kept(tmp_path):
    failed = replace(TRACE, finish="failed", failure="HTTP 503")
    with Verdicts(Checks(), folder=tmp_path) as verdicts:
        verdict = verdicts.of(PROBLEM, failed)
        assert (verdict.outcome, verdict.cause) == ("unknown", "infrastructure")
    with VerdictTable(tmp_path / module.TABLE) as table:
        assert len(table) == 0


@pytest.mark.parametrize("damage", ["replace(row, 'right', 'wrong')", "substr(row, 1, 40)", "'{}'", "null", "x'ff'"])
def test_a_damaged_verdict_is_computed_again(tmp_path, computed, capsys, damage):
    rows = traces(5)
    with Verdicts(Checks(), folder=tmp_path) as verdicts:
        calm = list(verdicts.many(rows))
    connection = sqlite3.connect(tmp_path / module.TABLE)
    with connection:
        connection.execute("pragma ignore_check_constraints = on")
        connection.execute(f"update verdicts set row = cast({damage} as text) where row like '%right%'")
    connection.close()
    with Verdicts(Checks(), folder=tmp_path) as verdicts:
        assert list(verdicts.many(rows)) == calm
    assert len(computed) == 5 + sum(verdict.outcome == "right" for verdict in calm)
    assert f"{module.TABLE}: 1 verdicts are damaged and computed again" in capsys.readouterr().err
    with Verdicts(Checks(), folder=tmp_path) as verdicts:
        assert list(verdicts.many(rows)) == calm


def test_a_damaged_table_is_one_line(tmp_path):
    (tmp_path / module.TABLE).write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match=r"verdicts\.sqlite: file is not a database: remove it"):
        Verdicts(Checks(), folder=tmp_path).of(PROBLEM, TRACE)
