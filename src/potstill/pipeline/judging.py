"""The stage `verdicts`: each trace judged by itself, then the samples of each problem together."""

from __future__ import annotations

import dataclasses
import itertools
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from potstill import parquet
from potstill.models.flops import Account, shape_if_here
from potstill.pipeline.checkpoints import day_for, located
from potstill.pipeline.naming import MODEL, SCORER
from potstill.pipeline.parts import in_order
from potstill.pipeline.stage import Context, Given, Map
from potstill.progress import Progress
from potstill.recipe import Checks, Reward
from potstill.records import Cause, Finish, Group, Outcome, Problem, Score, Trace, Verdict
from potstill.table_parts import PART_ROWS, TableWriter
from potstill.verify.faithful import FaithScore, faith_of

if TYPE_CHECKING:
    import pyarrow as pa

    from potstill.store import Committed
    from potstill.verify import Verdicts
    from potstill.verify.groups import JudgedSample

VERDICTS = "verdicts"
"""The map of this stage."""
AT_ONCE = 250
"""Traces that one part of it judges; a part of the table of traces is a multiple."""
NOT_ASKED = Problem(id="", question="", gold=None)
"""Stands for the problem of a trace whose question is in no source: without gold its verdict is unknown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reached:
    """A verdict, field by field as in `Verdict`, with what else is to be made of its trace.

    `problem_key`, `finish` and `answer` are as in `JudgedSample`. `place` and `row` are its entry in the table of
    verdicts, empty where there is none to be made.
    """

    problem_key: str
    finish: Finish
    answer: str | None
    place: str
    row: str
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


REACHED, VERDICT = (tuple(item.name for item in dataclasses.fields(record)) for record in (Reached, Verdict))


def verdicts(context: Context) -> dict[str, Any]:
    """Judge every trace, one verdict a trace in the same order, and write down a group for each training problem.

    Where the recipe lets a majority stand for a gold, the samples of such problems are judged again by it, training
    problems alone. Every trace is scored where a reward model is named.
    """
    from potstill.verify import settled

    training, held_out = (_problems(context, table) for table in ("train", "evaluation"))
    known = held_out | training
    checks = settled(context.recipe.checks, known.values())
    if checks != context.recipe.checks:
        mark = checks.policy.numbers.decimal
        print(
            f"verdicts: the golds write decimals with a {mark}, and so are answers read; "
            "checks.policy.numbers.decimal says otherwise",
            file=sys.stderr,
        )
    alone = _table(context, checks)
    counts = _counted(context.inputs["traces"])
    with context.verdicts(checks) as judging:
        judge = _judge_in_parts if checks.judge is None else _judge_in_turn
        groups: Iterable[Group] = _groups(training, judge(context, known, alone, judging), counts, checks)
        if alone.folder != context.work.path:
            held = {group.problem_key: group for group in groups}
            alone.close()
            groups = _judge_by_majority(context, training, held, alone, judging)
        table, findings, by_majority = context.work.table("groups", Group), Counter[str](), 0
        for number, group in enumerate(groups):
            findings[group.finding] += 1
            by_majority += group.gold_source == "majority"
            if number >= table.rows_done:
                table.append(group)
    alone.close()
    scoring = {} if checks.reward is None else {"scoring": _score(context, known, checks.reward)}
    faithful = {"faithful": _faithful(context, known)} if checks.faithful else {}
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


def _problems(given: Given, table: str) -> dict[str, Problem]:
    return {problem.key: problem for problem in given.inputs["problems"].rows(table, Problem)}


def _counted(traces: Committed) -> Counter[str]:
    """Count the samples of each problem."""
    counts, rows = Counter[str](), traces.total("traces")
    for start in range(0, rows, PART_ROWS):
        keys = traces.columns("traces", ["problem_key"], start, min(rows, start + PART_ROWS))
        counts.update(keys.column(0).to_pylist())
    return counts


def _judge_in_turn(
    context: Context, known: Mapping[str, Problem], alone: TableWriter[Verdict], judging: Verdicts
) -> Iterator[JudgedSample]:
    """Judge each trace by what its problem has, here, where one model is asked; yield them all."""
    from potstill.verify.groups import sample_of

    def asked() -> Iterator[tuple[Problem, Trace]]:
        return ((known.get(trace.problem_key, NOT_ASKED), trace) for trace in _traces(context))

    progress = Progress("verdicts", context.inputs["traces"].total("traces"))
    progress.resume_at(alone.rows_done)
    for verdict in judging.many(itertools.islice(asked(), alone.rows_done, None)):
        alone.append(verdict)
        progress.advance()
    progress.close()
    alone.close()
    for (problem, trace), verdict in zip(asked(), alone.rows(), strict=True):
        yield sample_of(problem, trace, verdict)


def _judge_in_parts(
    context: Context, known: Mapping[str, Problem], alone: TableWriter[Verdict], judging: Verdicts
) -> Iterator[JudgedSample]:
    """Let every process that works for the run judge, and yield all traces; this process alone writes the tables."""
    from potstill.verify.groups import JudgedSample

    rows, names = context.inputs["traces"].total("traces"), [item.name for item in dataclasses.fields(JudgedSample)]
    judging.open()
    making = {VERDICTS: lambda number: _part(context, judging, known, number)}
    _, parts = in_order(context, making, VERDICTS, rows, AT_ONCE)
    for judged in _written((parquet.columns_of(data, REACHED) for data in parts), alone):
        entries = zip(*(judged.column(name).to_pylist() for name in ("place", "row")), strict=True)
        judging.put([entry for entry in entries if entry[0]])
        for values in zip(*(judged.column(name).to_pylist() for name in names), strict=True):
            yield JudgedSample(**dict(zip(names, values, strict=True)))


def _written(parts: Iterable[pa.Table], alone: TableWriter[Verdict]) -> Iterator[pa.Table]:
    """Yield parts, and write the verdicts in their columns, those aside that were committed before a kill."""
    import pyarrow as pa

    done, waiting, size = alone.rows_done, list[pa.Table](), alone.part_rows
    for part in parts:
        yield part
        waiting.append(part.select(VERDICT).slice(min(done, part.num_rows)))
        done = max(0, done - part.num_rows)
        if sum(one.num_rows for one in waiting) >= size:
            whole = pa.concat_tables(waiting)
            full = whole.num_rows // size * size
            for start in range(0, full, size):
                alone.put(parquet.encode_table(whole.slice(start, size), Verdict))
            waiting = [whole.slice(full)]
    if any(one.num_rows for one in waiting):
        alone.put(parquet.encode_table(pa.concat_tables(waiting), Verdict))


def maps(given: Given, scratch: Path) -> Mapping[str, Map]:
    """Return how parts of the verdicts are made: each trace judged by itself, by rules, programs and checkers."""
    from potstill.verify import settled

    del scratch
    known = _problems(given, "evaluation") | _problems(given, "train")
    judging = given.verdicts(settled(given.recipe.checks, known.values()), only_reads=True)
    return {VERDICTS: lambda number: _part(given, judging, known, number)}


def _part(given: Given, judging: Verdicts, known: Mapping[str, Problem], number: int) -> bytes:
    from potstill.verify.groups import sample_of

    first = number * AT_ONCE
    traces = given.inputs["traces"].between("traces", Trace, first, first + AT_ONCE, without=("reasoning",))
    asked = [(known.get(trace.problem_key, NOT_ASKED), trace) for trace in traces]
    rows = []
    for (problem, trace), (verdict, entry) in zip(asked, judging.entered(asked), strict=True):
        place, row = entry or ("", "")
        rows.append(Reached(
            problem_key=trace.problem_key, finish=trace.finish, answer=sample_of(problem, trace, verdict).answer,
            place=place, row=row, **{name: getattr(verdict, name) for name in VERDICT},
        ))  # fmt: skip
    return parquet.encode(rows, Reached)


def _unpaid(alone: TableWriter[Verdict]) -> int:
    """Count what the judge was to settle when the money was spent."""
    from potstill.verify.llm_judge import UNPAID

    return sum(verdict.reason == UNPAID for verdict in alone.rows())


def _groups(
    training: Mapping[str, Problem], samples: Iterable[JudgedSample], counts: Mapping[str, int], checks: Checks
) -> Iterator[Group]:
    """Yield what the samples of each problem say together, in the order in which the last ones come."""
    from potstill.verify.groups import groups_of

    outages: Counter[str] = Counter()

    def noted() -> Iterator[JudgedSample]:
        for sample in samples:
            if sample.cause == "infrastructure" and sample.finish == "stop":
                outages[sample.reason] += 1
            yield sample

    yield from groups_of(noted(), training, counts, checks)
    for reason, number in outages.most_common(3):
        print(f"verdicts: {number:,} traces are left open by an outage: {reason}", file=sys.stderr)


def _judge_by_majority(
    context: Context, training: Mapping[str, Problem], groups: Mapping[str, Group], alone: TableWriter[Verdict],
    judging: Verdicts,
) -> list[Group]:  # fmt: skip
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
    return [adopted(group, outcomes[key]) if key in outcomes else group for key, group in groups.items()]


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
