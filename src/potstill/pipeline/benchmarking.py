"""One model by one published protocol: what `potstill evaluate --benchmark` and the stage `benchmark` share."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from potstill.errors import PotstillError, RecipeError
from potstill.evaluate.benchmarks import BENCHMARKS, Protocol
from potstill.evaluate.benchmarks.asking import Posed, posed
from potstill.evaluate.benchmarks.reading import problems_of
from potstill.evaluate.protocol import ModelUnderTest, TableLine
from potstill.evaluate.protocol import measure as measures_of
from potstill.models.ledger import Ledger
from potstill.pipeline.checks.files import config_of, context_in
from potstill.progress import Progress
from potstill.recipe import Benchmark, Evaluate, Student
from potstill.records import Measure, Problem

if TYPE_CHECKING:
    from potstill.verify import Verdicts


@dataclass(frozen=True)
class Prepared:
    """A protocol, with what is changed of it, and its problems from the user's file."""

    protocol: Protocol
    problems: Sequence[Problem]

    @property
    def evaluate(self) -> Evaluate:
        """The sampling as a recipe says it."""
        its = self.protocol
        return Evaluate(
            samples=its.samples, temperature=its.temperature, top_p=its.top_p, max_tokens=its.max_tokens, shots=0
        )

    def posed(self, model_under_test: ModelUnderTest, seed: int) -> list[Posed]:
        """Return every sample of every problem as it is asked."""
        return posed(self.protocol, model_under_test, self.problems, seed)


CHANGEABLE = ("samples", "temperature", "top_p", "max_tokens", "prompt")


def prepared(asked: Benchmark, data: Path, where: str, file: str) -> Prepared:
    """Return a benchmark as a recipe or a command line asks for it; `where` names it in messages, `file` its file.

    Raises:
        RecipeError: there is no such benchmark or form, or what is changed cannot be asked so.
        DataError: see `problems_of`.
    """
    protocol = protocol_of(asked, where)
    return Prepared(*problems_of(protocol, asked.file, data=data, where=file, sha256=asked.sha256, count=asked.count))


def protocol_of(asked: Benchmark, where: str) -> Protocol:
    """Return the protocol with what is changed of it; reads no problem."""
    try:
        protocol = BENCHMARKS.form(asked.name, asked.form)
    except RecipeError as error:
        raise RecipeError(f"{where}: {error}") from None
    found = protocol.with_changes({name: getattr(asked, name) for name in CHANGEABLE})
    if asked.prompt is not None:
        found = replace(found, prompt_with_code="")
    if found.samples > 1 and found.temperature == 0:
        raise RecipeError(f"{where}: several samples at temperature 0 are all the same: raise the temperature")
    return found


def check_context(protocol: Protocol, folder: Path, where: str) -> None:
    """Refuse a checkpoint whose context has no room for a response of the protocol, where its config says so."""
    context = context_in(config_of(folder, where)) if (folder / "config.json").is_file() else None
    if context is not None and context < protocol.max_tokens:
        raise RecipeError(
            f"{where}: {protocol.name} wants {protocol.max_tokens:,} tokens a response and {folder} has a context of "
            f"{context:,}: with fewer max_tokens the result is called {protocol.benchmark}*"
        )


def measured(
    posed_: Sequence[Posed], model_under_test: ModelUnderTest, ledger: Ledger, row: TableLine, student: Student,
    verdicts: Verdicts, progress: Progress, skip: int = 0,
) -> Iterator[Measure]:  # fmt: skip
    """Yield the measures of a benchmark in the order of `posed_`, each under the key of the problem as its file has it.

    Raises:
        PotstillError: see `Sampler.collect`.
    """
    original = {one.asked.key: one.problem.key for one in posed_}
    asked = [(one.asked, one.request) for one in posed_]
    for measure in measures_of(model_under_test, ledger, asked, row, student, verdicts, progress, skip):
        yield replace(measure, problem_key=original[measure.problem_key])


def refuse_prefill(what: str, model: str, otherwise: str = "") -> None:
    """Refuse what begins a response where a server answers: not every one goes on from such a beginning.

    `what` is such as `--faithfulness`, `otherwise` what one can do besides measuring a checkpoint.

    Raises:
        PotstillError: always.
    """
    raise PotstillError(
        f"{what} begins responses with words of its own, and the server {model} is not known to go on from them: "
        f"measure a checkpoint in this process{otherwise}"
    )


def listed() -> str:
    """Return every benchmark and form, a line each."""
    lines = []
    for name in BENCHMARKS:
        for form, its in BENCHMARKS[name].items():
            problems = "any" if its.problems is None else f"{its.problems:,}"
            lines.append(f"{name:15} {form:7} {problems:>7} problems  {its.settings}: {', '.join(its.metrics)}")
    return "\n".join(lines)


def shown(name: str) -> str:
    """Return a benchmark's forms field by field; RecipeError where there is no such name."""
    parts = []
    for form, its in BENCHMARKS[name].items():
        fields: Mapping[str, Any] = {item.name: getattr(its, item.name) for item in dataclasses.fields(its)}
        told = {**fields, "sha256": its.sha256 or "unknown"}
        lines = [f"  {key}: {_one_line(value)}" for key, value in told.items() if value not in ("", (), {}, None)]
        parts.append("\n".join([f"{name}, form {form}", *lines]))
    return "\n\n".join(parts)


def _one_line(value: object) -> str:
    return repr(value)[1:-1] if isinstance(value, str) else str(value)
