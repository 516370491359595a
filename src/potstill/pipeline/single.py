"""One model outside a pipeline: measure any checkpoint or served model, or put a question to a run's student."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from potstill.durable import write_durably
from potstill.errors import DataError, PotstillError, StudentError, nearest
from potstill.evaluate.metrics import summarise
from potstill.evaluate.protocol import ModelUnderTest, Row, measure, requests_of, split
from potstill.graph import graph_of
from potstill.models.ledger import Ledger
from potstill.models.local.model import LocalModel, Prompt
from potstill.pipeline import naming
from potstill.pipeline.checks.files import check_checkpoint, check_file
from potstill.pipeline.stage import MODEL, STUDENTS
from potstill.problems import read
from potstill.progress import Progress
from potstill.recipe import PROBLEM_COLUMNS, Checks, Evaluate, Recipe, ServedTeacher, Source, Student
from potstill.recipe_file import load
from potstill.records import Measure, Problem
from potstill.store import Run
from potstill.train.render import ask
from potstill.verify import Verdicts, settled
from potstill.verify.answer_kinds import ANSWER_KINDS

MAX_TOKENS = 512
"""Tokens of an answer where neither the command line nor the model's context sets another limit."""


def evaluate(options: argparse.Namespace) -> str:
    """Measure `options.model` on `options.problems` and return one line; responses go to `options.out`.

    The model is a checkpoint, or the address of a server and then `options.name` the model's name there. Every response
    is kept in the ledger of the folder `options.keep`, and only what it lacks is asked.
    """
    if options.samples > 1 and options.temperature == 0:
        raise PotstillError("several samples at temperature 0 are all the same: give --temperature")
    if "{question}" not in options.prompt:
        raise PotstillError("--prompt never mentions {question}")
    if options.out and (Path(options.out).is_dir() or not Path(options.out).parent.is_dir()):
        raise PotstillError(f"--out {options.out}: name a file in a folder that is there")
    problems = list(_problems(options))
    if not any(problem.has_check for problem in problems):
        raise DataError(f"{options.problems}: no problem has an answer to judge by: name one with --column gold=COLUMN")
    settings = Evaluate(options.samples, options.temperature, 1.0, options.max_tokens or MAX_TOKENS, options.batch)
    student = Student(model=options.model, prompt=options.prompt)
    model_under_test, kept = _served(options) if _is_address(options.model) else _local(options)
    row = Row(model_under_test.name, "zero-shot")
    asked = requests_of(model_under_test, problems, row, student, settings, options.seed)
    progress = Progress("evaluate", len(asked), "responses")
    own = Run(kept).ledger
    judging = Verdicts(settled(Checks(), problems), folder=own, without_sandbox=options.without_sandbox)
    with Ledger(own / STUDENTS) as ledger, judging as verdicts:
        there = len(asked) - len(ledger.missing([request.key for _, request in asked]))
        if there and _is_address(options.model):
            # A server may have other weights under the same name by now, and nobody here can know.
            print(f"note: {there} responses are in {kept} from before: remove it to ask again", file=sys.stderr)
        measures = list(measure(model_under_test, ledger, asked, row, student, verdicts, progress))
    progress.close()
    if options.out:
        lines = "".join(json.dumps(_plain(m), ensure_ascii=True) + "\n" for m in measures)
        write_durably(Path(options.out), lines.encode())
    return _told(measures)


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
    settings = ServedTeacher(
        "served", options.model, options.name, api_key_env=options.api_key_env, concurrency=options.batch
    )
    model = ServedModel(settings, section="MODEL")
    server = urlsplit(options.model).netloc
    return ModelUnderTest(model, options.name, {}, None), _kept(options, f"{server}-{options.name}")


def _local(options: argparse.Namespace) -> tuple[ModelUnderTest, Path]:
    """Return a checkpoint, and where its responses are kept."""
    from potstill.pipeline.checkpoints import local_student, located

    if options.name is not None or options.api_key_env is not None:
        raise PotstillError(f"--model and --api-key-env are for the address of a server; {options.model} is none")
    checkpoint = _checkpoint(options.model)
    check_checkpoint(checkpoint, Path(), "MODEL", options.max_tokens or 1)
    shown = Path(options.model).name or options.model
    student = local_student(located(checkpoint, Path()), shown, options.precision, options.batch)
    return student, _kept(options, shown)


def _kept(options: argparse.Namespace, name: str) -> Path:
    return Path(options.keep or Path("runs") / f"evaluate-{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}")


def _plain(measure: Measure) -> dict[str, object]:
    return {name: getattr(measure, name) for name in Measure.__slots__}


def _problems(options: argparse.Namespace) -> Iterator[Problem]:
    path = Path(options.problems)
    if path.is_dir():
        committed = Run(path).committed("problems")
        if committed is None:
            raise PotstillError(f"{path} is no run folder with problems: name a file of problems, or a run")
        found: Iterator[Problem] = committed.rows("evaluation", Problem)
    else:
        columns = {}
        for item in options.column:
            field, equals, column = item.partition("=")
            if not equals or field not in PROBLEM_COLUMNS:
                raise PotstillError(f"--column {item}: write it as FIELD=COLUMN{nearest(field, PROBLEM_COLUMNS)}")
            columns[field] = column
        if options.kind is not None and options.kind not in ANSWER_KINDS:
            raise PotstillError(f"--kind: {ANSWER_KINDS.unknown(options.kind)}")
        check_file(path, "--problems")
        source = Source(file=str(path.resolve()), columns=columns, answer_kind=options.kind, use="evaluate")
        found = read(source, seed=options.seed, data=Path(), where="--problems")
    for number, problem in enumerate(found):
        if options.count is not None and number >= options.count:
            return
        yield problem


def _checkpoint(name: str) -> str:
    """Return the checkpoint folder of a run (its export) or of one of its stages; any other name is one itself."""
    for folder in (Path(name) / MODEL, Path(name) / "export" / MODEL):
        if (folder / "config.json").is_file():
            return str(folder)
    return name


def ask_student(run: Path, student: str, question: str, max_tokens: int | None) -> str:
    """Return what a student of the run writes: its reasoning, a rule, its answer."""
    if not question.strip():
        raise PotstillError("the question is empty")
    if not (run / "recipe.yaml").is_file():
        raise PotstillError(f"{run} is no run folder: it has no recipe.yaml")
    recipe = load(str(run / "recipe.yaml"))
    graph = graph_of(recipe)
    if student not in graph.arms:
        raise PotstillError(f"no student {student!r}{nearest(student, list(graph.arms))}")
    arm = graph.arms[student]
    committed = Run(run).committed(naming.model(arm, graph))
    if committed is None:
        raise PotstillError(
            f"the student {student!r} is not trained yet: potstill run {run / 'recipe.yaml'} --out {run}"
        )
    return _answer(LocalModel(committed.folder(MODEL), arm.recipe.train.precision), arm.recipe, question, max_tokens)


def _answer(model: LocalModel, recipe: Recipe, question: str, max_tokens: int | None) -> str:
    asked = model.render([{"role": "user", "content": ask(recipe.student, question)}])
    settings = recipe.evaluate
    limit = max_tokens or settings.max_tokens
    (generated,) = model.sample([Prompt(asked, recipe.seed)], limit, settings.temperature, settings.top_p)
    if generated.prompt_tokens >= model.context:
        raise StudentError(
            f"the question takes {generated.prompt_tokens} tokens of a context of {model.context}: ask a shorter one"
        )
    reasoning, answer = split(recipe.student, generated.text)
    if generated.finish == "length":
        answer = f"{answer}\n(stopped after {limit} tokens: no answer)".strip()
    return f"{reasoning}\n---\n{answer}" if reasoning else answer
