"""The stages of a run: what each depends on, what it reads and what it writes."""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from potstill.errors import DataError
from potstill.evaluate.protocol import Respondent, Row, choose_shots, requests_of
from potstill.evaluate.protocol import measure as measures_of
from potstill.models.budget import Cap
from potstill.models.ledger import Ledger
from potstill.models.terms import heed_terms
from potstill.pipeline import settings
from potstill.pipeline.checks.sources import NOTHING_TO_JUDGE_BY
from potstill.pipeline.checks.teachers import NO_SOLUTION, OTHER_QUESTIONS
from potstill.pipeline.judging import verdicts
from potstill.pipeline.settings import problem_seed, teacher_seed, train_seed
from potstill.progress import Progress
from potstill.recipe import AskedTeacher, Checks, DatasetTeacher, Recipe, ServedTeacher, SolutionsTeacher, Source
from potstill.records import Drop, Example, Group, Measure, Problem, Trace, Verdict, content_key
from potstill.store import PART_ROWS, Run, Sealed, TableWriter, Work, write_durably
from potstill.train.render import ask
from potstill.verify import Verdicts, settled

LEDGER = "ledger"
"""Folder of what outlives every redo: the teacher's completions, the verdicts."""
STUDENTS = "students.sqlite"
"""In that folder, what the students answered."""
MODEL = "model"
"""Folder of a checkpoint inside a stage."""
OVERLAP = "overlap with evaluation"
EXPORT_PROMPTS = 8


@dataclass(frozen=True)
class Context:
    """What a stage gets: the recipe, its own work folder, its sealed inputs.

    `without_sandbox` lets programs run where nothing isolates them, `go_on` a run go on where the money is spent.
    """

    recipe: Recipe
    run: Run
    work: Work
    inputs: dict[str, Sealed]
    without_sandbox: bool = False
    go_on: bool = False

    @cached_property
    def cap(self) -> Cap:
        """The money that teacher and judge share."""
        from potstill.pipeline.spending import cap_of

        return cap_of(self.recipe, self.run.path / LEDGER)

    def checks(self) -> Checks:
        """Return how answers are judged, with the decimal mark that the golds of the data set show."""
        source = self.inputs["problems"]
        problems = itertools.chain(source.rows("train", Problem), source.rows("evaluation", Problem))
        return settled(self.recipe.checks, problems)

    def verdicts(self, checks: Checks | None = None) -> Verdicts:
        """Open the run's verdict table; close it after use."""
        code = content_key(settings.of_checks(self.recipe).get("checkers"))
        return Verdicts(
            checks or self.checks(), folder=self.run.path / LEDGER, data=Path(self.recipe.data), code=code,
            without_sandbox=self.without_sandbox, cap=self.cap, go_on=self.go_on,
        )  # fmt: skip


@dataclass(frozen=True)
class Stage:
    """One arrow of the pipeline. `version` is bumped by hand when the meaning of its output changes."""

    name: str
    version: int
    inputs: tuple[str, ...]
    settings: dict[str, Any]
    work: Callable[[Context], dict[str, Any]]


def stages_of(recipe: Recipe) -> list[Stage]:
    """Return the stages in order, each with just the settings its output depends on."""
    stages = [
        Stage("problems", 2, (), settings.of_problems(recipe), problems),
        Stage("traces", 3, ("problems",), settings.of_traces(recipe), traces),
        Stage("verdicts", 4, ("problems", "traces"), settings.of_verdicts(recipe), verdicts),
        Stage("examples", 3, ("problems", "traces", "verdicts"), settings.of_examples(recipe), examples),
    ]
    built_from = ("examples",) if recipe.student.scratch else ()
    stages.append(Stage("student", 1, built_from, settings.of_student(recipe), prepare_student))
    if recipe.baselines.base:
        inputs, asking = ("problems", "examples", "student"), settings.of_evaluation(recipe, "base")
        stages.append(Stage("evaluate-base", 3, inputs, asking, evaluate_base))
    for row in (["answers"] if recipe.baselines.answers else []) + ["traces"]:
        training, asking = settings.of_training(recipe, row), settings.of_evaluation(recipe, row)
        stages.append(Stage(f"train-{row}", 1, ("examples", "student"), training, _train(row)))
        stages.append(Stage(f"evaluate-{row}", 3, ("problems", f"train-{row}"), asking, _evaluate(row)))
    if recipe.export.safetensors:
        stages.append(Stage("export", 1, ("problems", "train-traces"), settings.of_export(recipe), export))
    stages.append(Stage("report", 2, tuple(stage.name for stage in stages), {"name": recipe.name}, report))
    return stages


def problems(context: Context) -> dict[str, Any]:
    """Read or generate the problems, hold some out, and keep what is dropped beside."""
    from potstill.problems import divide

    recipe, work = context.recipe, context.work
    for part in work.path.glob("*.parquet"):
        part.unlink()  # of a killed attempt; a split is cheap and is only right as a whole
    tables = {"train": work.table("train", Problem), "evaluate": work.table("evaluation", Problem)}
    dropped = work.table("dropped", Drop)
    print("problems: reading and dividing", file=sys.stderr)
    divided = divide(recipe.problems, seed=problem_seed(recipe), data=Path(recipe.data))
    progress = Progress("problems", sum(divided.counts.values()))
    for row in progress.track(divided.rows()):
        if isinstance(row, Drop):
            dropped.append(row)
        else:
            tables[row[1]].append(row[0])
    progress.close()
    if not divided.judged:
        raise DataError(NOTHING_TO_JUDGE_BY)
    if divided.judged < (held_out := divided.counts["evaluate"]):
        told = f"only {divided.judged:,} have an answer to judge by; the others count as unknown"
        print(f"problems: of {held_out:,} held out {told}", file=sys.stderr)
    counts: dict[str, Any] = {place: number for place, number in divided.counts.items() if place in tables}
    reasons = {place: number for place, number in divided.counts.items() if number and place not in tables}
    return {**counts, "dropped": reasons, "template_share": divided.template_share}


def traces(context: Context) -> dict[str, Any]:
    """Ask the teacher, or read its traces; one row a response, whatever came of it."""
    recipe, source = context.recipe, context.inputs["problems"]
    table = context.work.table("traces", Trace)
    counts: dict[str, Any] = {}
    if isinstance(recipe.teacher, AskedTeacher):
        from potstill.pipeline.teaching import asked_traces

        counts["terms"] = heed_terms(recipe.teacher)
        rows = asked_traces(context, recipe.teacher, context.run.path / LEDGER, counts)
    else:
        from potstill.teach import traces as offline

        training, held_out = source.rows("train", Problem), source.rows("evaluation", Problem)
        seed, data = teacher_seed(recipe), Path(recipe.data)
        rows = offline(recipe.teacher, training, held_out, strategy=recipe.strategy, seed=seed, data=data)
    progress = Progress("traces", _expected(recipe, source.total("train")))
    progress.resume_at(table.rows_done)
    for trace in itertools.islice(rows, table.rows_done, None):
        table.append(trace)
        progress.advance()
    progress.close()
    return counts


def _expected(recipe: Recipe, train: int) -> int | None:
    if isinstance(recipe.teacher, DatasetTeacher) or recipe.strategy.stop_at_right is not None:
        return None
    return train if isinstance(recipe.teacher, SolutionsTeacher) else train * recipe.strategy.samples


def examples(context: Context) -> dict[str, Any]:
    """Choose and order the traces to train on; every other trace is a drop with its reason."""
    from potstill.curate.select import select

    recipe, inputs = context.recipe, context.inputs
    training = {p.key: p for p in inputs["problems"].rows("train", Problem)}
    held_out = {key for p in inputs["problems"].rows("evaluation", Problem) for key in (p.key, p.overlap_key)}
    held_out |= {d.key for d in inputs["problems"].rows("dropped", Drop) if d.reason == OVERLAP}
    groups = {group.problem_key: group for group in inputs["verdicts"].rows("groups", Group)}
    chosen = select(
        lambda: zip(inputs["traces"].rows("traces", Trace), inputs["verdicts"].rows("verdicts", Verdict), strict=True),
        training, held_out, recipe.curate, groups=groups, seed=recipe.seed,
        drop_doubted=recipe.checks.doubted_gold == "drop",
        allow_summaries=isinstance(recipe.teacher, ServedTeacher) and recipe.teacher.allow_summaries,
    )  # fmt: skip
    kept, dropped = context.work.table("examples", Example), context.work.table("dropped", Drop)
    reasons: Counter[str] = Counter()
    by_majority = 0
    done = {id(kept): kept.rows_done, id(dropped): dropped.rows_done}
    progress = Progress("examples", inputs["traces"].total("traces"), "traces")
    for row in progress.track(chosen):
        table: TableWriter[Any] = kept if isinstance(row, Example) else dropped
        reasons[row.reason if isinstance(row, Drop) else "kept"] += 1
        by_majority += isinstance(row, Example) and row.gold_source == "majority"
        if done[id(table)]:  # sealed before a kill; the same rows come in the same order
            done[id(table)] -= 1
        else:
            table.append(row)
    progress.close()
    examples_kept = reasons.pop("kept", 0)
    if not examples_kept:
        raise DataError(f"no trace is left to train on: {_nothing_left(recipe, reasons, context.run.path)}")
    return {"kept": examples_kept, "by_majority": by_majority, "dropped": dict(sorted(reasons.items()))}


def _nothing_left(recipe: Recipe, reasons: Counter[str], run: Path) -> str:
    worst = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common(4)) or "the teacher gave none"
    if isinstance(recipe.teacher, SolutionsTeacher) and not reasons:
        return NO_SOLUTION
    if set(reasons) == {"no such problem"}:
        return f"{worst}; {OTHER_QUESTIONS}"
    if {"failed", "refused"} & set(reasons):
        return f"{worst}; `potstill ledger {run}` shows why requests failed or were refused"
    return f"{worst}; loosen `curate` or ask the teacher for more"


def prepare_student(context: Context) -> dict[str, Any]:
    """Write the untouched student as a plain checkpoint."""
    from potstill.train import students

    recipe = context.recipe
    shown = recipe.student
    if shown.model and (folder := Path(recipe.data) / shown.model).is_dir():
        shown = replace(shown, model=str(folder))

    def texts() -> Iterator[str]:
        for example in context.inputs["examples"].rows("examples", Example):
            yield from (ask(shown, example.question), example.reasoning, example.answer)

    print(f"student: preparing {shown.model or 'a Llama from nothing'}", file=sys.stderr)
    students.prepare(shown, texts, train_seed(recipe), context.work.path / MODEL)
    return {}


def _train(row: str) -> Callable[[Context], dict[str, Any]]:
    def work(context: Context) -> dict[str, Any]:
        """Train one row of the table."""
        from potstill.train.session import train_row

        return train_row(
            context.recipe,
            row,
            list(context.inputs["examples"].rows("examples", Example)),
            context.inputs["student"].folder(MODEL),
            context.work.path,
            train_seed(context.recipe),
        )

    return work


def evaluate_base(context: Context) -> dict[str, Any]:
    """Measure the untouched student, asked plainly and with worked examples before the question."""
    student = _student(context, "student", "base")
    rows = {"zero_shot": Row("base", "zero-shot")}
    if context.recipe.evaluate.shots:
        shown = list(context.inputs["examples"].rows("examples", Example))
        shots = choose_shots(shown, context.recipe.evaluate.shots, context.recipe.seed)
        rows["few_shot"] = Row("base", f"{len(shots)}-shot", shots)
    for table, row in rows.items():
        _measure(context, student, table, row)
    return {"tables": list(rows)}


def _evaluate(row: str) -> Callable[[Context], dict[str, Any]]:
    def work(context: Context) -> dict[str, Any]:
        """Measure one trained row of the table."""
        _measure(context, _student(context, f"train-{row}", row), "zero_shot", Row(row, "zero-shot"))
        return {"tables": ["zero_shot"]}

    return work


def _student(context: Context, stage: str, name: str) -> Respondent:
    from potstill.pipeline.checkpoints import local_student

    recipe = context.recipe
    checkpoint = str(context.inputs[stage].folder(MODEL))
    return local_student(checkpoint, name, recipe.train.precision, recipe.evaluate.batch)


def _measure(context: Context, student: Respondent, table: str, row: Row) -> None:
    recipe = context.recipe
    problems = list(context.inputs["problems"].rows("evaluation", Problem))
    asked = requests_of(student, problems, row, recipe.student, recipe.evaluate, recipe.seed)
    writer = context.work.table(table, Measure, recipe.evaluate.batch or PART_ROWS)
    progress = Progress(f"evaluate {row.student} ({row.prompt})", len(asked), "responses")
    with Ledger(context.run.path / LEDGER / STUDENTS) as ledger, context.verdicts() as verdicts:
        measures = measures_of(student, ledger, asked, row, recipe.student, verdicts, progress, writer.rows_done)
        for measure in measures:
            writer.append(measure)
    progress.close()


def export(context: Context) -> dict[str, Any]:
    """Deliver the trained student, loaded again and compared with what was trained."""
    from potstill import __version__
    from potstill.export.card import Card
    from potstill.export.safetensors import export as deliver

    recipe, trained = context.recipe, context.inputs["train-traces"]
    asked = itertools.islice(context.inputs["problems"].rows("evaluation", Problem), EXPORT_PROMPTS)
    questions = [ask(recipe.student, problem.statement) for problem in asked]
    card = Card(
        name=recipe.name,
        base_model=recipe.student.model or "a Llama from nothing",
        teacher=teacher_name(recipe),
        problems=", ".join(source_name(source) for source in recipe.problems.sources),
        recipe=recipe.name,
        seed=recipe.seed,
        examples=trained.counts["examples"],
        tokens_trained=trained.counts["tokens"],
        loss=f"{recipe.train.loss.kind}, alpha {recipe.train.loss.alpha:g}, beta {recipe.train.loss.beta:g}",
        potstill=__version__,
    )
    print("export: writing, reloading and comparing", file=sys.stderr)
    return dict(deliver(trained.folder(MODEL), context.work.path / MODEL, questions, card))


def source_name(source: Source) -> str:
    """Return what a source is called in the model card."""
    return next(
        str(name) for name in (source.family, source.reasoning_gym, source.file, source.dataset, source.loader) if name
    )


def teacher_name(recipe: Recipe) -> str:
    """Return what the report and the model card call the teacher."""
    if isinstance(recipe.teacher, AskedTeacher):
        return recipe.teacher.model
    return recipe.teacher.file if isinstance(recipe.teacher, DatasetTeacher) else recipe.teacher.kind


def report(context: Context) -> dict[str, Any]:
    """Write the page, the JSON and the terminal table."""
    from potstill.pipeline.facts import facts_of
    from potstill.report import build

    built = build(facts_of(context.recipe, context.inputs))
    write_durably(context.work.path / "report.html", built.html().encode("utf-8", "replace"))
    write_durably(context.work.path / "report.json", built.json().encode("utf-8", "replace"))
    write_durably(context.work.path / "table.txt", built.text_table().encode("utf-8", "replace"))
    return {}
