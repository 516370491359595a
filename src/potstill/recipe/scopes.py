"""What a field of the recipe decides: said at the field, as the first word of its type."""

from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal, TypeVar, get_args, get_type_hints

Scope = Literal[
    "problems", "traces", "answers", "verdicts", "examples", "pairs", "student", "rows", "training", "labels",
    "scorers", "evaluation", "export",
]  # fmt: skip


@dataclass(frozen=True)
class Decides:
    """Said at a field: which outputs depend on its value. None: it changes speed, price or what is shown beside them.

    `answers` is how one answer is judged, a student's too; `verdicts` how the samples of a problem are judged together;
    `pairs` which of them are preferred to which;
    `rows` how an example looks to the student; `labels` what a reward model learns, `scorers` how it reads a solution.
    Fingerprints of stages are made from this, see `pipeline.settings`.
    """

    scopes: frozenset[Scope]

    def __init__(self, *scopes: Scope) -> None:
        object.__setattr__(self, "scopes", frozenset(scopes))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:  # noqa: ANN401 - pydantic's
        """Say it in the JSON Schema too, as `x-decides`."""
        return {**handler(schema), "x-decides": sorted(self.scopes)}


T = TypeVar("T")
Beside = Annotated[T, Decides()]
ForProblems = Annotated[T, Decides("problems")]
ForTraces = Annotated[T, Decides("traces")]
ForAnswers = Annotated[T, Decides("answers")]
ForAsking = Annotated[T, Decides("traces", "answers", "evaluation")]
ForVerdicts = Annotated[T, Decides("verdicts")]
ForVerdictsAndExamples = Annotated[T, Decides("verdicts", "examples")]
ForExamples = Annotated[T, Decides("examples")]
ForExamplesAndTraining = Annotated[T, Decides("examples", "training")]
ForPairs = Annotated[T, Decides("pairs")]
ForStudent = Annotated[T, Decides("student")]
ForRows = Annotated[T, Decides("rows")]
ForTraining = Annotated[T, Decides("training")]
ForTrainingAndEvaluation = Annotated[T, Decides("training", "evaluation")]
ForLabels = Annotated[T, Decides("labels")]
ForScorers = Annotated[T, Decides("scorers")]
ForEvaluation = Annotated[T, Decides("evaluation")]
ForAskingAgain = Annotated[T, Decides("traces", "evaluation")]
ForToolUse = Annotated[T, Decides("traces", "evaluation")]
ForExport = Annotated[T, Decides("export")]
Throughout = Annotated[T, Decides(*get_args(Scope))]


def decisive(section: object) -> dict[str, Any]:
    """Return the fields of a section that decide any output, by name."""
    hints = get_type_hints(type(section), include_extras=True)
    marks = {name: getattr(hint, "__metadata__", ()) for name, hint in hints.items()}
    deciding = {name for name, found in marks.items() if any(isinstance(m, Decides) and m.scopes for m in found)}
    return {item.name: repr(getattr(section, item.name)) for item in fields(section) if item.name in deciding}  # type: ignore[arg-type]
