"""Stage `pairs`: which answer to a problem is preferred to which, of the judged traces of a set, also as a file.

`pairs.jsonl` has the shape that other trainers of preferences read: `prompt`, `chosen` and `rejected`, each a list of
messages.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from potstill.durable import write_durably
from potstill.errors import DataError
from potstill.graph import Graph
from potstill.pipeline import naming, settings
from potstill.pipeline.stage import Context, Stage
from potstill.progress import Progress
from potstill.recipe import Dpo, Recipe, ServedTeacher, Student
from potstill.records import Drop, Group, Pair, Problem, Reason, Score, Trace, Verdict, content_key
from potstill.train.methods import learns_from

if TYPE_CHECKING:
    from potstill.verify.pair_judge import Preferred

KIND, VERSION = "pairs", 1
FILE = "pairs.jsonl"
AT_ONCE = 1024
"""Pairs that a judge is asked about together."""


def stages(recipe: Recipe, graph: Graph) -> Iterator[Stage]:
    """Yield a stage for each phase that learns from pairs; those with equal settings share one output."""
    del recipe
    for arm in graph.arms.values():
        for phase in arm.phases:
            if learns_from(phase.recipe.train.method) != "pairs":
                continue
            node, train, student = graph.sets[phase.on], phase.recipe.train, phase.recipe.student
            its = node.recipe
            yield Stage(
                kind=KIND, name=naming.pairs(phase), version=VERSION, recipe=its,
                inputs={
                    "problems": naming.PROBLEMS, "traces": naming.traces(node, graph),
                    "verdicts": naming.verdicts(node, graph),
                },
                settings={
                    **_judging(its, train.dpo),
                    "pairs": settings.chosen(train.dpo, "pairs"), "curate": settings.of_curation(its.curate),
                    "checks": settings.chosen(its.checks, "examples"), "seed": its.seed,
                    "teacher": settings.chosen(its.teacher, "examples"), "student": settings.of_rows(phase.recipe),
                },
                work=partial(work, train.dpo, student, phase.on),
            )  # fmt: skip


def _judging(its: Recipe, dpo: Dpo) -> settings.Settings:
    """Who is asked which answer is better, and how."""
    from potstill.verify.pair_judge import pair_prompt

    if "judge" not in dpo.prefer:
        return {}
    judge = settings.chosen(its.checks, "answers")["judge"]
    return {"judge": judge | {"prompt": content_key(pair_prompt())} if judge else None}


def work(dpo: Dpo, student: Student, on: str, context: Context) -> dict[str, Any]:
    """Write the table of pairs, what was left out, and the file; raise where there is no pair at all."""
    from potstill.curate.pairs import pairs
    from potstill.curate.seen import Looker
    from potstill.curate.select import Selection

    recipe, inputs = context.recipe, context.inputs
    held_out = {key for p in inputs["problems"].rows("evaluation", Problem) for key in (p.key, p.overlap_key)}
    held_out |= {d.key for d in inputs["problems"].rows("dropped", Drop) if d.reason == Reason.OVERLAP}
    scores = {}
    if recipe.curate.min_score is not None:
        scores = {score.trace_key: score.value for score in inputs["verdicts"].rows("scores", Score)}
    looker = Looker(
        training={p.key: p for p in inputs["problems"].rows("train", Problem)}, held_out=held_out,
        settings=dataclasses.replace(recipe.curate, drop_wrong=False, drop_unknown=True),
        groups={group.problem_key: group for group in inputs["verdicts"].rows("groups", Group)}, seed=recipe.seed,
        allow_summaries=isinstance(recipe.teacher, ServedTeacher) and recipe.teacher.allow_summaries,
        drop_suspect=recipe.checks.suspect_label == "drop", scores=scores,
    )  # fmt: skip
    selection = Selection(
        traces=lambda: zip(
            inputs["traces"].rows("traces", Trace), inputs["verdicts"].rows("verdicts", Verdict), strict=True
        ),
        looker=looker,
    )
    made, dropped = context.work.table("pairs", Pair), context.work.table("dropped", Drop)
    done = {id(made): made.rows_done, id(dropped): dropped.rows_done}
    rules: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    without: Counter[str] = Counter()
    lines: list[str] = []
    ties: Counter[str] = Counter()
    progress = Progress("pairs", None, "pairs")
    for row in _judged(pairs(selection, dpo, wrong_steps), context, ties):
        table: Any = made if isinstance(row, Pair) else dropped
        if isinstance(row, Pair):
            rules[row.rule] += 1
            lines.append(json.dumps(as_messages(row, student), ensure_ascii=True))
            progress.advance()
        else:
            (without if row.kind == "problem" else reasons)[row.reason] += 1
        if done[id(table)]:  # committed before a kill; the same rows come in the same order
            done[id(table)] -= 1
        else:
            table.append(row)
    progress.close()
    if not lines:
        raise DataError(_none(on, without, reasons, ties))
    write_durably(context.work.path / FILE, ("\n".join(lines) + "\n").encode())
    return {
        "pairs": len(lines), "rules": dict(rules), "ties": ties["tie"],
        "problems_without": dict(sorted(without.items())), "dropped": dict(sorted(reasons.items())),
    }  # fmt: skip


def _judged(rows: Iterator[Pair | Drop], context: Context, ties: Counter[str]) -> Iterator[Pair | Drop]:
    """Yield the rows with each pair of the rule `judge` as the judge has it; ties are left out and counted."""
    from potstill.curate.pairs import JUDGE
    from potstill.verify.judge_prompts import LEDGER
    from potstill.verify.pair_judge import ComparedPair, preferred

    judge, progress = context.recipe.checks.judge, Progress("judge", None, "questions")
    while chunk := list(islice(rows, AT_ONCE)):
        open_ones = [row for row in chunk if isinstance(row, Pair) and row.rule == JUDGE]
        said: Iterator[Preferred] = iter(())
        if judge is not None:
            cases = [
                ComparedPair(row.question, f"{row.chosen_reasoning}\n\n{row.chosen_answer}",
                         f"{row.rejected_reasoning}\n\n{row.rejected_answer}") for row in open_ones
            ]  # fmt: skip
            said = preferred(cases, judge, context.run.ledger / LEDGER, progress, context.cap)
        for row in chunk:
            if not isinstance(row, Pair) or row.rule != JUDGE:
                yield row
            elif (better := next(said)) == "tie":
                ties[better] += 1
            else:
                yield row if better == "first" else _turned(row)


def _turned(pair: Pair) -> Pair:
    return dataclasses.replace(
        pair, chosen=pair.rejected, rejected=pair.chosen, chosen_reasoning=pair.rejected_reasoning,
        chosen_answer=pair.rejected_answer, rejected_reasoning=pair.chosen_reasoning,
        rejected_answer=pair.chosen_answer,
    )  # fmt: skip


def wrong_steps(problem: Problem, trace: Trace) -> int | None:
    """Return how many steps of a trace are wrong by their arithmetic, or by the facts of the problem's family.

    None where no step states anything that could be wrong.
    """
    from potstill.verify.steps import check_steps, segment
    from potstill.verify.steps.facts import exact_labels, knows

    steps = [trace.reasoning[span.start : span.end] for span in segment(trace.reasoning, "sentences")]
    told = [step.outcome for step in check_steps(steps).steps]
    exact = exact_labels(problem, steps) if knows(problem) else ()
    if set(told) <= {"unknown"} and not any(label is not None for label in exact):
        return None
    return max(told.count("wrong"), exact.count(False))


def as_messages(pair: Pair, student: Student) -> dict[str, Any]:
    """Return a pair as other trainers of preferences read it, in the form in which this student answers."""
    from potstill.train.render import ask

    def answered(reasoning: str, answer: str) -> list[dict[str, str]]:
        content = f"{student.reasoning_open}{reasoning.strip()}{student.reasoning_close}{answer.strip()}"
        return [{"role": "assistant", "content": content}]

    return {
        "prompt": [{"role": "user", "content": ask(student, pair.question)}],
        "chosen": answered(pair.chosen_reasoning, pair.chosen_answer),
        "rejected": answered(pair.rejected_reasoning, pair.rejected_answer), "rule": pair.rule,
        "problem": pair.problem_key,
    }  # fmt: skip


def _none(on: str, without: Counter[str], reasons: Counter[str], ties: Counter[str]) -> str:
    told = [f"{count:,} pairs: a tie to the judge" for count in ties.values()]
    told += [f"{count:,} problems: {reason}" for reason, count in without.most_common()]
    told += [f"{count:,} traces: {reason}" for reason, count in reasons.most_common(3)]
    return (
        f"train.method dpo: the set {on} makes no pair ({'; '.join(told) or 'it has no traces'}): ask more answers a "
        "problem at a temperature above 0 (strategy.samples), or problems that are solved now and then"
    )
