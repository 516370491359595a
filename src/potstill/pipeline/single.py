"""One model outside a pipeline: measure any checkpoint or served model."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from potstill.durable import write_durably
from potstill.errors import DataError, PotstillError, nearest
from potstill.evaluate.benchmarks.figures import told
from potstill.evaluate.conditions import Conditions
from potstill.evaluate.metrics import summarise
from potstill.evaluate.protocol import ModelUnderTest, TableLine, measure, requests_of
from potstill.evaluate.tool_answers import tools_at_hand
from potstill.hardware import SLOW, multiplies_bf16, number_format
from potstill.models.ledger import Ledger
from potstill.pipeline.benchmarking import Prepared, check_context, measured, prepared, refuse_prefill
from potstill.pipeline.checks.files import check_checkpoint, check_file
from potstill.pipeline.settings import checkers_key
from potstill.pipeline.spending import cap_of
from potstill.pipeline.stage import STUDENTS
from potstill.pipeline.subject import Subject, subject_of
from potstill.problems import read
from potstill.progress import Progress
from potstill.recipe import PROBLEM_COLUMNS, Benchmark, Checks, Endpoint, Evaluate, Faithfulness, Source, Student
from potstill.recipe_file import load
from potstill.records import Measure, Problem
from potstill.store import Run
from potstill.verify import Verdicts, settled
from potstill.verify.answer_kinds import ANSWER_KINDS

PLAIN = Conditions(student=Student(), evaluate=Evaluate(), checks=Checks(), precision="auto", seed=0)
"""How a model is asked and judged of which no run says it."""


def evaluate(options: argparse.Namespace) -> str:
    """Measure `options.model` on `options.problems` and return one line; responses go to `options.out`.

    The model is a checkpoint, a run or one of its stages, or the address of a server and then `options.name` the
    model's name there. A student of a run is asked and judged as the run did it, but for what `options` say. Every
    response is kept in the ledger of the folder `options.keep`, and only what it lacks is asked.
    """
    if options.out and (Path(options.out).is_dir() or not Path(options.out).parent.is_dir()):
        raise PotstillError(f"--out {options.out}: name a file in a folder that is there")
    served = _is_address(options.model)
    subject = Subject(options.model) if served else subject_of(options.model)
    benchmark = _benchmark(options)
    if options.faithfulness is not None:
        _refuse_faithfulness(options, served=served)
    if benchmark is not None and served and benchmark.protocol.opening:
        refuse_prefill(benchmark.protocol.name, options.model, ", or take another --form")
    if benchmark is not None and not served:
        check_context(benchmark.protocol, Path(subject.checkpoint), "MODEL")
    conditions = _conditions(options, subject) if benchmark is None else _as_published(options, subject, benchmark)
    problems = list(problems_of(options) if benchmark is None else benchmark.problems)
    if not any(problem.has_check for problem in problems):
        raise DataError(f"{options.problems}: no problem has an answer to judge by: name one with --column gold=COLUMN")
    model_under_test, kept = _served(options) if served else _local(options, subject, conditions)
    if subject.told_by:
        print(f"note: asked and judged as {subject.told_by}", file=sys.stderr)
    row, student = TableLine(model_under_test.name, "zero-shot"), conditions.student
    posed = [] if benchmark is None else benchmark.posed(model_under_test, conditions.seed)
    asked = [(one.asked, one.request) for one in posed] or requests_of(
        model_under_test, problems, row, student, conditions.evaluate, conditions.seed
    )
    if served and conditions.evaluate.tools:
        raise PotstillError("a served model cannot go on from a begun answer, so it is not measured with tools")
    at_hand = tools_at_hand(conditions.evaluate, Path(subject.recipe.data if subject.recipe else "."))
    progress = Progress("evaluate", len(asked), "responses")
    own = Run(kept).ledger
    with Ledger(own / STUDENTS) as ledger, _judging(options, subject, conditions, problems, own) as verdicts:
        there = len(asked) - len(ledger.missing([request.key for _, request in asked]))
        if there and served:
            # A server may have other weights under the same name by now, and nobody here can know.
            print(f"note: {there} responses are in {kept} from before: remove it to ask again", file=sys.stderr)
        measures = list(
            measure(model_under_test, ledger, asked, row, student, verdicts, progress, 0, at_hand)
            if benchmark is None
            else measured(posed, model_under_test, ledger, row, student, verdicts, progress)
        )
        progress.close()
        faith = "" if options.faithfulness is None else _faith(
            options, measures, problems, model_under_test, conditions, ledger, verdicts
        )  # fmt: skip
    if options.out:
        lines = "".join(json.dumps(_plain(m), ensure_ascii=True) + "\n" for m in measures)
        write_durably(Path(options.out), lines.encode())
    return _told(measures) + faith if benchmark is None else told(benchmark.protocol, measures)


def _refuse_faithfulness(options: argparse.Namespace, *, served: bool) -> None:
    if served:
        refuse_prefill("--faithfulness", options.model)
    if options.benchmark is not None:
        raise PotstillError("--faithfulness asks about plain problems: leave out --benchmark")


def _faith(
    options: argparse.Namespace, measures: Sequence[Measure], problems: Sequence[Problem],
    model_under_test: ModelUnderTest, conditions: Conditions, ledger: Ledger, verdicts: Verdicts,
) -> str:  # fmt: skip
    """Return what probing says of the responses, as further lines."""
    from potstill.pipeline.faithfulness import asked_about, measured_for_faith

    asked = Faithfulness(samples=options.faithfulness)
    limit = conditions.evaluate.max_tokens
    given = asked_about(model_under_test, measures, problems, conditions.student, asked, limit)
    return "\n" + measured_for_faith(given, len(measures), asked, model_under_test, ledger, verdicts)


def _benchmark(options: argparse.Namespace) -> Prepared | None:
    """Return the protocol and the problems that the command line names, None where it names no benchmark."""
    if options.benchmark is None:
        if options.form is not None or options.sha256 is not None:
            raise PotstillError("--form and --sha256 are of a benchmark: name one with --benchmark")
        return None
    if options.kind is not None or options.column:
        raise PotstillError("--kind and --column: a benchmark's file is read as it is published")
    asked = Benchmark(
        name=options.benchmark, file=str(Path(options.problems).resolve()), form=options.form or "r1",
        sha256=options.sha256, count=options.count, samples=options.samples, temperature=options.temperature,
        top_p=options.top_p, max_tokens=options.max_tokens, prompt=options.prompt,
    )  # fmt: skip
    found = prepared(asked, Path(), "--benchmark", "--problems")
    if not found.protocol.sha256 and options.sha256 is None:
        what = f"the SHA-256 of the published file of {asked.name} is not known here, so this one was not compared"
        print(f"note: {what}", file=sys.stderr)
    return found


def _as_published(options: argparse.Namespace, subject: Subject, benchmark: Prepared) -> Conditions:
    """Return how the model is asked and judged by a protocol: of its run only the marks and the checks count."""
    known = subject.conditions or PLAIN
    return replace(
        known, evaluate=replace(benchmark.evaluate, batch=options.batch or known.evaluate.batch),
        precision=number_format(options.precision or known.precision),
        seed=known.seed if options.seed is None else options.seed,
    )  # fmt: skip


def _conditions(options: argparse.Namespace, subject: Subject) -> Conditions:
    """Return how the model is asked and judged: as its run did it, with what the command line says in its place."""
    known = subject.conditions or PLAIN
    said = {
        "samples": options.samples, "temperature": options.temperature, "max_tokens": options.max_tokens,
        "top_p": options.top_p, "batch": options.batch,
    }  # fmt: skip
    found = replace(
        known,
        student=known.student if options.prompt is None else replace(known.student, prompt=options.prompt),
        evaluate=replace(known.evaluate, **{key: value for key, value in said.items() if value is not None}),
        precision=number_format(options.precision or known.precision),
        seed=known.seed if options.seed is None else options.seed,
    )
    if found.evaluate.samples > 1 and found.evaluate.temperature == 0:
        raise PotstillError("several samples at temperature 0 are all the same: give --temperature")
    if "{question}" not in found.student.prompt:
        raise PotstillError("--prompt never mentions {question}")
    if found.precision == "bf16" and not multiplies_bf16():
        print(f"note: {SLOW}: --precision fp32 gives the same but for rounding", file=sys.stderr)
    if found.judge and subject.recipe is None:
        print(
            f"note: its run also asked the judge {found.judge}, which is not asked here: name the run instead",
            file=sys.stderr,
        )
    return found


def _judging(
    options: argparse.Namespace, subject: Subject, conditions: Conditions, problems: Sequence[Problem], own: Path
) -> Verdicts:
    """Return what judges the answers: the checkers of the problems' run, and the judge of the student's, if at hand."""
    run, known = Path(options.problems), problems
    more: dict[str, Any] = {}
    if run.is_dir():
        recipe, committed = load(str(run / "recipe.yaml")), Run(run).committed("problems")
        assert committed is not None  # noqa: S101 - the problems are from there
        known = [problem for side in ("train", "evaluation") for problem in committed.rows(side, Problem)]
        more = {"data": Path(recipe.data), "code": checkers_key(recipe)}
    if subject.recipe is not None:
        more["cap"] = cap_of(subject.recipe, own)
    checks = conditions.checks if subject.recipe is None else subject.recipe.checks
    return Verdicts(settled(checks, known), folder=own, without_sandbox=options.without_sandbox, **more)


def _told(measures: Sequence[Measure]) -> str:
    found = summarise(measures)
    unanswered = Counter(m.finish for m in measures)
    line = (
        f"accuracy {found.accuracy.value:.3f} (95% interval {found.accuracy.low:.3f} to {found.accuracy.high:.3f}) on "
        f"{found.problems} problems, {found.responses} responses: {found.right} right, {found.truncated} truncated, "
        f"{found.looped} looping, {found.unscored} that could not be judged"
    )
    if found.is_doubtful:
        line += f" (accuracy {found.at_least:.3f} were they all wrong)"
    if unanswered["failed"]:
        line += f"; {unanswered['failed']} requests failed, the same command asks them again"
    if unanswered["refused"]:
        line += f"; {unanswered['refused']} requests were refused"
    return line


def _is_address(model: str) -> bool:
    return model.startswith(("http://", "https://"))


def _served(options: argparse.Namespace) -> tuple[ModelUnderTest, Path]:
    """Return the model of a server, and where its responses are kept."""
    from potstill.models.served.client import ServedModel

    if options.name is None:
        raise PotstillError(f"{options.model} is a server: give --model NAME, the name that it has for the model")
    endpoint = Endpoint(
        base_url=options.model, model=options.name, api_key_env=options.api_key_env, concurrency=options.batch
    )
    model = ServedModel(endpoint, section="MODEL")
    server = urlsplit(options.model).netloc
    return ModelUnderTest(model, options.name, {}, None), _kept(options, f"{server}-{options.name}")


def _local(options: argparse.Namespace, subject: Subject, conditions: Conditions) -> tuple[ModelUnderTest, Path]:
    """Return a checkpoint, and where its responses are kept."""
    from potstill.pipeline.checkpoints import local_student, located

    if options.name is not None or options.api_key_env is not None:
        raise PotstillError(f"--model and --api-key-env are for the address of a server; {options.model} is none")
    check_checkpoint(subject.checkpoint, Path(), "MODEL", options.max_tokens or 1)
    shown = Path(options.model).name or options.model
    kept, checkpoint = _kept(options, shown), located(subject.checkpoint, Path())
    student = local_student(checkpoint, shown, conditions.precision, conditions.evaluate.batch, Run(kept).ledger)
    return student, kept


def _kept(options: argparse.Namespace, name: str) -> Path:
    # `localhost:8000-Qwen/QwQ` becomes `localhost-8000-Qwen-QwQ`.
    return Path(options.keep or Path("runs") / f"evaluate-{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}")


def columns_in(given: Sequence[str]) -> dict[str, str]:
    """Return what `--column FIELD=COLUMN` says: problem field -> column.

    Raises:
        PotstillError: it is written otherwise, or there is no such field.
    """
    columns = {}
    for item in given:
        field, equals, column = item.partition("=")
        if not equals or field not in PROBLEM_COLUMNS:
            raise PotstillError(f"--column {item}: write it as FIELD=COLUMN{nearest(field, PROBLEM_COLUMNS)}")
        columns[field] = column
    return columns


def _plain(measure: Measure) -> dict[str, object]:
    return {name: getattr(measure, name) for name in Measure.__slots__}


def problems_of(options: argparse.Namespace) -> Iterator[Problem]:
    """Yield the problems of the file or run that `options.problems` names, read as `column`, `kind` and `count` say."""
    path = Path(options.problems)
    if path.is_dir():
        committed = Run(path).committed("problems")
        if committed is None:
            raise PotstillError(f"{path} is no run folder with problems: name a file of problems, or a run")
        found: Iterator[Problem] = committed.rows("evaluation", Problem)
    else:
        columns = columns_in(options.column)
        if options.kind is not None and options.kind not in ANSWER_KINDS:
            raise PotstillError(f"--kind: {ANSWER_KINDS.unknown(options.kind)}")
        check_file(path, "--problems")
        source = Source(file=str(path.resolve()), columns=columns, answer_kind=options.kind, use="evaluate")
        found = read(source, seed=options.seed or 0, data=Path(), where="--problems")
    for number, problem in enumerate(found):
        if options.count is not None and number >= options.count:
            return
        yield problem
