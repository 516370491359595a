"""The stage `verdicts`: each trace judged by itself, then the samples of each problem together."""

from __future__ import annotations

import dataclasses
import itertools
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from potstill import parquet
from potstill.models.flops import Account, shape_if_here
from potstill.pipeline.checkpoints import day_for, located
from potstill.pipeline.naming import MODEL, SCORER
from potstill.pipeline.parts import mapped
from potstill.pipeline.stage import Context, Given, Map
from potstill.progress import Progress
from potstill.recipe import Checks, Reward
from potstill.records import Cause, Group, Outcome, Problem, Score, Trace, Verdict
from potstill.table_parts import PART_ROWS, TableWriter
from potstill.verify.faithful import FaithScore, faith_of
from potstill.verify.table import KeptVerdict

if TYPE_CHECKING:
    from potstill.verify import Verdicts

VERDICTS = "verdicts"
"""The map of this stage."""
AT_ONCE = 256
"""Traces that one part of it judges."""
NOT_ASKED = Problem(id="", question="", gold=None)
"""Stands for the problem of a trace whose question is in no source: without gold its verdict is unknown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reached:
    """A verdict with its address in the table of verdicts and what it depends on, field by field as in `Verdict`."""

    address: str
    consulted: str
    trace_key: str
    check: str
    policy: str
    version: int
    outcome: Outcome
    cause: Cause
    method: str
    score: float | None
    extracted: str | None
    reason: str
    answer_form: str
    gold_form: str
    rules: str
    judge: str

    @classmethod
    def of(cls, address: str, kept: KeptVerdict) -> Reached:
        """Return a verdict as a row of a part."""
        return cls(address=address, consulted=kept.consulted, **dataclasses.asdict(kept.verdict))

    @property
    def kept(self) -> KeptVerdict:
        """The verdict itself, as the table keeps it."""
        verdict = Verdict(**{item.name: getattr(self, item.name) for item in dataclasses.fields(Verdict)})
        return KeptVerdict(verdict, self.consulted)


def verdicts(context: Context) -> dict[str, Any]:
    """Judge every trace, one verdict a trace in the same order, and write down a group for each training problem.

    Where the recipe lets a majority stand for a gold, the samples of such problems are judged again by it, training
    problems alone. Every trace is scored where a reward model is named.
    """
    source, checks = context.inputs["problems"], context.checks()
    if checks != context.recipe.checks:
        mark = checks.policy.numbers.decimal
        print(
            f"verdicts: the golds write decimals with a {mark}, and so are answers read; "
            "checks.policy.numbers.decimal says otherwise",
            file=sys.stderr,
        )
    training = {problem.key: problem for problem in source.rows("train", Problem)}
    known = {problem.key: problem for problem in source.rows("evaluation", Problem)} | training
    alone = _table(context, checks)
    counts: Counter[str] = Counter()
    with context.verdicts(checks) as judging:
        _judge_alone(context, known, alone, counts, judging)
        groups = _groups(context, training, alone, counts, checks)
        if alone.folder != context.work.path:
            groups = _judge_by_majority(context, training, groups, alone, judging)
    table = context.work.table("groups", Group)
    for group in itertools.islice(groups.values(), table.rows_done, None):
        table.append(group)
    scoring = {} if checks.reward is None else {"scoring": _score(context, known, checks.reward)}
    faithful = {"faithful": _faithful(context, known)} if checks.faithful else {}
    findings = Counter(group.finding for group in groups.values())
    by_majority = sum(group.gold_source == "majority" for group in groups.values())
    unpaid = _unpaid(alone) if checks.judge is not None else 0
    return {
        "findings": dict(sorted(findings.items())), "by_majority": by_majority, **scoring, **faithful,
        **context.not_asked(unpaid)
    }  # fmt: skip


def _table(context: Context, checks: Checks) -> TableWriter[Verdict]:
    """Return where verdicts on single traces go: they are the last word unless a majority may have it."""
    if not checks.self_consistency and checks.suspect_label != "repair":
        return context.work.table("verdicts", Verdict)
    return context.work.scratch_table("alone", Verdict)


def _traces(context: Context) -> Iterator[Trace]:
    return context.inputs["traces"].rows("traces", Trace)


def _judge_alone(
    context: Context, known: Mapping[str, Problem], alone: TableWriter[Verdict], counts: Counter[str],
    judging: Verdicts,
) -> None:  # fmt: skip
    """Judge each trace by what its problem has, and count the samples of each problem."""
    if context.recipe.checks.judge is None:
        _judge_in_parts(context, known, alone, counts, judging)
        return

    def asked() -> Iterator[tuple[Problem, Trace]]:
        for trace in _traces(context):
            counts[trace.problem_key] += 1
            yield known.get(trace.problem_key, NOT_ASKED), trace

    progress = Progress("verdicts", context.inputs["traces"].total("traces"))
    progress.resume_at(alone.rows_done)
    for verdict in judging.many(itertools.islice(asked(), alone.rows_done, None)):
        alone.append(verdict)
        progress.advance()
    progress.close()
    alone.close()


def _judge_in_parts(
    context: Context, known: Mapping[str, Problem], alone: TableWriter[Verdict], counts: Counter[str],
    judging: Verdicts,
) -> None:  # fmt: skip
    """Let every process that works for the run judge; this one alone writes the tables."""
    traces = context.inputs["traces"]
    rows = traces.total("traces")
    for start in range(0, rows, PART_ROWS):
        keys = traces.columns("traces", ["problem_key"], start, min(rows, start + PART_ROWS))
        counts.update(keys.column(0).to_pylist())
    judging.open()
    parts = mapped(context, {VERDICTS: lambda number: _part(context, judging, known, number)}, VERDICTS, rows, AT_ONCE)
    done, number = alone.rows_done, 0
    for place, data in enumerate(parts.all()):
        for row in parquet.decode(data, parts.folder / str(place), Reached):
            kept = row.kept
            judging.keep(row.address, kept)
            if number >= done:
                alone.append(kept.verdict)
            number += 1
    alone.close()


def maps(given: Given, scratch: Path) -> Mapping[str, Map]:
    """Return how parts of the verdicts are made: each trace judged by itself, by rules, programs and checkers."""
    del scratch
    tables = (given.inputs["problems"].rows(table, Problem) for table in ("evaluation", "train"))
    known = {problem.key: problem for table in tables for problem in table}
    judging = given.verdicts(only_reads=True)
    return {VERDICTS: lambda number: _part(given, judging, known, number)}


def _part(given: Given, judging: Verdicts, known: Mapping[str, Problem], number: int) -> bytes:
    traces = given.inputs["traces"].between("traces", Trace, number * AT_ONCE, (number + 1) * AT_ONCE)
    asked = ((known.get(trace.problem_key, NOT_ASKED), trace) for trace in traces)
    return parquet.encode([Reached.of(*found) for found in judging.addressed(asked)], Reached)


def _unpaid(alone: TableWriter[Verdict]) -> int:
    """Count what the judge was to settle when the money was spent."""
    from potstill.verify.llm_judge import UNPAID

    return sum(verdict.reason == UNPAID for verdict in alone.rows())


def _groups(
    context: Context, training: Mapping[str, Problem], alone: TableWriter[Verdict], counts: Mapping[str, int],
    checks: Checks,
) -> dict[str, Group]:  # fmt: skip
    """Return what the samples of each problem say together, by its key, in the order in which the last ones come."""
    from potstill.verify.groups import groups_of

    outages: Counter[str] = Counter()

    def samples() -> Iterator[tuple[Trace, Verdict]]:
        for trace, verdict in zip(_traces(context), alone.rows(), strict=True):
            if verdict.cause == "infrastructure" and trace.finish == "stop":
                outages[verdict.reason] += 1
            yield trace, verdict

    asked = sum(key in counts for key in training)
    progress = Progress("groups", asked, "problems")
    found = progress.track(groups_of(samples(), training, counts, checks))
    groups = {group.problem_key: group for group in found}
    progress.close()
    for reason, number in outages.most_common(3):
        print(f"verdicts: {number:,} traces are left open by an outage: {reason}", file=sys.stderr)
    return groups


def _judge_by_majority(
    context: Context, training: Mapping[str, Problem], groups: Mapping[str, Group], alone: TableWriter[Verdict],
    judging: Verdicts,
) -> dict[str, Group]:  # fmt: skip
    """Write the verdicts, with those by majority in their places, and return the groups counted under them."""
    from potstill.verify.groups import adopted, adopts

    checks, table = context.recipe.checks, context.work.table("verdicts", Verdict)
    outcomes: defaultdict[str, Counter[Outcome]] = defaultdict(Counter)
    for number, (trace, own) in enumerate(zip(_traces(context), alone.rows(), strict=True)):
        group, verdict = groups.get(trace.problem_key), own
        if group is not None and adopts(group, checks):
            verdict = judging.by_majority(training[trace.problem_key], group, trace)
            outcomes[trace.problem_key][verdict.outcome] += 1
        if number >= table.rows_done:
            table.append(verdict)
    return {key: adopted(group, outcomes[key]) if key in outcomes else group for key, group in groups.items()}


def _faithful(context: Context, known: Mapping[str, Problem]) -> dict[str, int]:
    """Write what the text of each trace says of its reasoning, and return how many end where their answer is or not."""
    table = context.work.table("faithful", FaithScore)
    progress = Progress("faithfulness", context.inputs["traces"].total("traces"))
    progress.resume_at(table.rows_done)
    for trace in itertools.islice(_traces(context), table.rows_done, None):
        table.append(faith_of(known.get(trace.problem_key, NOT_ASKED), trace))
        progress.advance()
    progress.close()
    table.close()
    ends = Counter(score.conclusion for score in table.rows())
    return {"right": ends["right"], "wrong": ends["wrong"], "unknown": ends["unknown"]}


def scorer_of(context: Context, reward: Reward) -> str:
    """Return the folder of a reward model, or its name on the hub; one that is trained here is an input."""
    if reward.scorer is not None:
        return str(context.inputs[SCORER].folder(MODEL))
    return located(str(reward.model), Path(context.recipe.data))


def _score(context: Context, known: Mapping[str, Problem], reward: Reward) -> dict[str, int | None]:
    """Write the table of scores and return what it took."""
    from potstill.verify.classifier import WINDOW
    from potstill.verify.scores import scores_of

    table = context.work.table("scores", Score, WINDOW)  # a run that goes on after a kill makes the same batches
    progress = Progress("scores", context.inputs["traces"].total("traces"))
    progress.resume_at(table.rows_done)
    asked = ((known.get(trace.problem_key, NOT_ASKED), trace) for trace in _traces(context))
    rest, name = itertools.islice(asked, table.rows_done, None), scorer_of(context, reward)
    day = partial(day_for, str(reward.scorer or reward.model), context.run.ledger)
    for score in scores_of(rest, reward, name, day):
        table.append(score)
        progress.advance()
    progress.close()
    table.close()
    account = Account(shape_if_here(Path(name)))
    for score in table.rows():
        account.scored(score.tokens)
    return account.counts()
