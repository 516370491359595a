"""Problems and traces in, verdicts out: by the problem's own checker, its tests, or comparison with its gold answer."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from potstill.progress import Progress
from potstill.recipe import Checks, CodeChecks, Policy
from potstill.records import Group, Problem, Trace, Verdict, content_key
from potstill.verify import consulted
from potstill.verify.answer_kinds import ANSWER_KINDS, Setting
from potstill.verify.decimals import told_by
from potstill.verify.groups import under_majority
from potstill.verify.judge_prompts import LEDGER, judge_prompt
from potstill.verify.judged import Judged, unknown
from potstill.verify.table import TABLE, Entry, KeptVerdict, VerdictTable, entry_of

ANSWER, JUDGE, MAJORITY = "answer", "judge", "majority"
VERSION = 10
"""Raised by hand when the same answer may get another verdict."""
if TYPE_CHECKING:
    from potstill.models.budget import Cap
    from potstill.verify.llm_judge import LanguageJudge

CHUNK = 256
"""Traces that are judged side by side."""


def policy_of(checks: Checks) -> str:
    """Return the key of everything declared that a verdict may depend on."""
    judge = checks.judge and content_key("judge", checks.judge.model, dataclasses.asdict(checks.judge.sampling))
    return _policy_key(checks.policy, checks.seconds, checks.code, judge)


@lru_cache(maxsize=256)
def _policy_key(policy: Policy, seconds: float, code: CodeChecks, judge: str | None) -> str:
    return content_key("policy", dataclasses.asdict(policy), seconds, dataclasses.asdict(code), judge)


def settled(checks: Checks, problems: Iterable[Problem]) -> Checks:
    """Return checks with the decimal mark that the golds of a data set show, where they show one and none is declared.

    Golds with decimal points are the rule and change nothing.
    """
    policy = checks.policy
    if policy.numbers.decimal != "auto":
        return checks
    golds = (problem.gold for problem in problems if problem.gold and problem.answer_kind in _NUMERIC)
    if told_by(golds) != "comma":
        return checks
    return replace(checks, policy=replace(policy, numbers=replace(policy.numbers, decimal="comma")))


_NUMERIC = ("auto", "number", "quantity", "expression")


def address_of(problem: Problem, trace: Trace, code: str = "", check: str = ANSWER) -> str:
    """Return where the verdicts of a row stand in the table, under whichever checks they were reached.

    `code` is the digest of the user's own checkers.
    """
    judged_by = (problem.statement, problem.gold, problem.answer_kind, problem.choices, problem.checker, problem.facts)
    code += ANSWER_KINDS.code(problem.answer_kind) or ""
    said = (trace.key, trace.answer, trace.finish, trace.failure)
    return content_key("verdict", judged_by, said, check, VERSION, code)


def judge(
    problem: Problem, answer: str, checks: Checks, *, data: Path = Path(), without_sandbox: bool = False
) -> Judged:
    """Judge the answer part of a response; `data` is the folder in which a user's own checker is looked for.

    `without_sandbox` lets programs run in this machine's own Python where nothing isolates them.
    """
    if problem.checker:
        from potstill.verify.checkers import judge_by_checker

        return judge_by_checker(problem, answer, data)
    setting = Setting(checks=checks, data=data, without_sandbox=without_sandbox)
    return ANSWER_KINDS[problem.answer_kind].judge(problem, answer, setting)


def verdict_of(
    problem: Problem, trace: Trace, checks: Checks, *, data: Path = Path(), without_sandbox: bool = False
) -> Verdict:
    """Return the verdict on a trace's answer; a truncated, refused or failed trace is unknown, whatever it says.

    Without anything to judge by the cause is that, however the trace ended: no rate may count it as unsolved.
    """
    judged = _judged_alone(problem, trace, checks, data, without_sandbox=without_sandbox)
    return _verdict(trace, judged, ANSWER, checks)


def _judged_alone(problem: Problem, trace: Trace, checks: Checks, data: Path, *, without_sandbox: bool) -> Judged:
    unfinished = _unfinished(trace) if problem.has_check else None
    return unfinished or judge(problem, trace.answer, checks, data=data, without_sandbox=without_sandbox)


def _verdict(trace: Trace, judged: Judged, check: str, checks: Checks) -> Verdict:
    return Verdict(
        trace_key=trace.key,
        check=check,
        policy=policy_of(checks),
        version=VERSION,
        outcome=judged.outcome,
        cause=judged.cause,
        method=judged.method,
        score=judged.score,
        extracted=judged.extracted,
        reason=judged.reason,
        answer_form=judged.answer_form,
        gold_form=judged.gold_form,
        rules=judged.rules,
        judge=judged.judge,
    )


def _unfinished(trace: Trace) -> Judged | None:
    if trace.finish == "length":
        return unknown("unparsable prediction", "truncated")
    if trace.finish != "stop":
        return unknown("infrastructure", trace.failure or trace.finish)
    return None


class Verdicts:
    """Verdicts under one set of checks, each computed once: kept in the table of `folder`, where one is given.

    `code` is the digest of the user's own checkers in `data`, so that an edited one is asked again. `cap` and `go_on`
    are the judge's, see `LanguageJudge`. With `only_reads` the table is left as it is, for another process writes it.
    """

    def __init__(
        self, checks: Checks, *, folder: Path | None = None, data: Path = Path(), code: str = "",
        without_sandbox: bool = False, cap: Cap | None = None, go_on: bool = False, only_reads: bool = False,
    ) -> None:  # fmt: skip
        self._cap, self._go_on, self._only_reads = cap, go_on, only_reads
        self.checks, self._data, self._code, self._without_sandbox = checks, data, code, without_sandbox
        self._folder = folder
        self._table: VerdictTable | None = None
        self._prompt = judge_prompt(checks, data)
        self._values = consulted.values_of(checks, self._prompt)
        self._judge_model: LanguageJudge | None = None
        self._stack = ExitStack()
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="verdicts")

    def of(self, problem: Problem, trace: Trace) -> Verdict:
        """Return one verdict."""
        return next(self.many([(problem, trace)]))

    def many(self, traces: Iterable[tuple[Problem, Trace]]) -> Iterator[Verdict]:
        """Yield a verdict a trace, in order; memory is bounded whatever their number."""
        rows = iter(traces)
        while chunk := list(itertools.islice(rows, CHUNK)):
            yield from self._chunk(chunk, ANSWER)

    def by_majority(self, problem: Problem, group: Group, trace: Trace) -> Verdict:
        """Return the verdict on a trace with the majority of its problem's samples for a gold; no model is asked."""
        (verdict,) = self._chunk([(under_majority(problem, group), trace)], MAJORITY)
        return verdict

    def entered(self, traces: Iterable[tuple[Problem, Trace]]) -> Iterator[tuple[Verdict, Entry | None]]:
        """Yield (verdict, its entry) a trace, in order, for `put` of whoever writes the table.

        The entry is None where the table has the verdict, or is to have none.
        """
        rows = iter(traces)
        while chunk := list(itertools.islice(rows, CHUNK)):
            found = self._addressed(chunk, ANSWER)
            yield from ((kept.verdict, entry_of(address, kept) if new else None) for address, kept, new in found)

    def put(self, entries: Sequence[Entry]) -> None:
        """Remember verdicts that another process reached."""
        table = self.open()
        if table is not None:
            table.put(entries)

    def consulted(self, problem: Problem, trace: Trace) -> Mapping[str, Any]:
        """Return what the kept verdict of a row depends on, part by part; nothing where none is kept."""
        table, address = self.open(), address_of(problem, trace, self._code)
        found = table.find([address], self._values).get(address) if table is not None else None
        return json.loads(found.consulted) if found is not None else {}

    def open(self) -> VerdictTable | None:
        """Return the table, None where none is kept; what a killed process left in it is mended as it is opened."""
        if self._table is None and self._folder is not None:
            path = self._folder / TABLE
            if not self._only_reads or path.exists():
                self._table = VerdictTable(path, only_reads=self._only_reads)
        return self._table

    def _chunk(self, chunk: list[tuple[Problem, Trace]], check: str) -> list[Verdict]:
        return [kept.verdict for _, kept, _ in self._addressed(chunk, check)]

    def _addressed(self, chunk: list[tuple[Problem, Trace]], check: str) -> list[tuple[str, KeptVerdict, bool]]:
        """Return (address, verdict, whether it is none that the table had) of each row."""
        table = self.open()
        addresses = [address_of(problem, trace, self._code, check) for problem, trace in chunk]
        known = table.find(addresses, self._values) if table is not None else {}
        known = {address: self._of_now(kept) for address, kept in known.items()}
        missing = {address: row for address, row in zip(addresses, chunk, strict=True) if address not in known}
        read: dict[str, set[str]] = {address: set() for address in missing}
        ruled = dict(zip(missing, self._threads.map(self._judge, missing.values(), read.values()), strict=True))
        asked = {} if check == MAJORITY else self._ask_judge(missing, ruled, read)
        for (address, (_, trace)), judged in zip(missing.items(), (ruled | asked).values(), strict=True):
            verdict = _verdict(trace, judged, JUDGE if address in asked else ANSWER, self.checks)
            verdict = _marked(verdict) if check == MAJORITY else verdict
            known[address] = KeptVerdict(verdict, consulted.written(self._values, read[address]))
        if table is not None and not self._only_reads:
            for address in missing:
                table.keep(address, known[address])
        return [(address, known[address], address in missing) for address in addresses]

    def _of_now(self, kept: KeptVerdict) -> KeptVerdict:
        """Return a kept verdict as these checks reach it, for they agree with its own on all that it depends on."""
        return replace(kept, verdict=replace(kept.verdict, policy=policy_of(self.checks)))

    def _judge(self, row: tuple[Problem, Trace], read: set[str]) -> Judged:
        """Judge by rules, and add to `read` what of the checks was looked at: all of it by code that is not ours."""
        checks = consulted.watched(self.checks, read)
        if not row[0].checker and ANSWER_KINDS.code(row[0].answer_kind) is not None:
            read.update(consulted.PARTS)
            checks = self.checks
        return _judged_alone(*row, checks, self._data, without_sandbox=self._without_sandbox)

    def _ask_judge(
        self, rows: dict[str, tuple[Problem, Trace]], ruled: dict[str, Judged], read: dict[str, set[str]]
    ) -> dict[str, Judged]:
        """Ask the language model about what the policy leaves to it; one that is down leaves it undecided.

        A verdict depends on whether there is a judge only where it would be asked; it is told the whole policy.
        """
        from potstill.verify.llm_judge import Case, LanguageJudge

        cases = {
            address: Case(p.statement, p.gold, p.answer_kind, p.choices, t.answer, ruled[address], t.finish)
            for address, (p, t) in rows.items()
            if not p.checker
        }
        cases = {
            address: case
            for address, case in cases.items()
            if case.is_for(consulted.watched(self.checks, read[address]).policy)
        }
        for address in cases:
            read[address].update(consulted.PARTS if self.checks.judge else [consulted.JUDGE])
        if not cases or self.checks.judge is None:
            return {}
        if self._judge_model is None:
            folder = self._folder or Path(self._stack.enter_context(TemporaryDirectory()))
            progress = Progress("judge", None, "questions")
            self._judge_model = self._stack.enter_context(
                LanguageJudge(
                    self.checks.judge,
                    self.checks,
                    folder / LEDGER,
                    progress,
                    self._prompt,
                    self._cap,
                    go_on=self._go_on,
                )
            )
        return dict(zip(cases, self._judge_model.judged(list(cases.values())), strict=True))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Write the table out."""
        self._threads.shutdown()
        self._stack.close()
        if self._table is not None:
            self._table.close()


def _marked(verdict: Verdict) -> Verdict:
    """Mark a verdict as one that no gold stands behind, so that nobody takes it for such."""
    method = ", ".join(part for part in (verdict.method, "gold by majority") if part)
    return dataclasses.replace(verdict, check=MAJORITY, method=method)
