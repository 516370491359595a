"""Reward models that are trained from labels: what is labelled, by whom, and how a model reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Lt

from potstill.hardware import Precise, Precision
from potstill.recipe.bounds import Name, Positive, Samples, Side
from potstill.recipe.scopes import Beside, ForLabels, ForScorers
from potstill.recipe.teachers import Sampling

Cut = Literal["paragraphs", "sentences"]
"""What a step of a solution is."""
Reads = Literal["answer", "response"]
"""What an outcome model is shown."""
Aggregate = Literal["min", "product", "last", "mean"]
"""How the scores of steps become one."""


@dataclass(frozen=True, kw_only=True)
class Labels(Precise):
    """Whose solutions are labelled, and who says of each step whether it is right."""

    by: ForLabels[Literal["rollouts", "calculator", "facts", "file", "verdicts"]]
    """Who says it. `rollouts`: a student goes on from each step, and the share of right ends is the label;
    `calculator`: the arithmetic of the step recomputed; `facts`: what the problem's own family knows, exactly;
    `file`: labels that are there already; `verdicts`: the verdict on the whole, for a scorer of kind `outcome`."""
    on: Beside[Name | None] = None
    """The set whose traces are labelled; `null` takes the only one, else the one called `traces`. With `file` none."""
    arm: Beside[Name | None] = None
    """Whose student goes on from each step, for `rollouts`."""
    rollouts: ForLabels[Samples] = 4
    """Continuations of each step but the last, whose label is the verdict on the whole."""
    sampling: ForLabels[Sampling] = Sampling(temperature=1.0, max_tokens=512)
    """How continuations are sampled, for `rollouts`."""
    precision: ForLabels[Precision] = "auto"
    """Number format of the weights that go on, for `rollouts`; `auto` as in `train.precision`."""
    batch: Beside[Side | None] = None
    """Continuations side by side; `null` takes as many as are worth having. Fewer where memory is short."""
    file: ForLabels[str | None] = None
    """A file of labelled solutions in the shape of PRM800K, ProcessBench or Math-Shepherd, or a folder of people's
    labels such as `RUN/labels`, relative to `data`."""
    per_problem: ForLabels[Positive | None] = None
    """At most so many solutions a problem, the first ones; `null` labels all."""
    solutions: ForLabels[Positive | None] = None
    """At most so many solutions in all, for training and as many for measuring, the first ones; `null` labels all."""

    def contradictions(self, kind: str) -> Iterator[tuple[str, str]]:
        """Yield (key, what is wrong) where single values are fine and their combination, or the kind, is not."""
        if (self.by == "verdicts") != (kind == "outcome"):
            fitting = "verdicts" if kind == "outcome" else "rollouts, calculator, facts or file"
            yield "by", f"a scorer of kind {kind} is labelled by {fitting}, not by {self.by}"
        for key, needed in (("arm", "rollouts"), ("file", "file")):
            if (getattr(self, key) is None) == (self.by == needed):
                what = "is missing: labels by" if self.by == needed else "is of no use: it belongs to labels by"
                yield key, f"{key} {what} {needed}"
        if self.by == "file" and self.on is not None:
            yield "on", "the solutions stand in the file: leave on out"
        if self.by == "rollouts" and self.sampling.temperature == 0 and self.rollouts > 1:
            yield "sampling.temperature", "several rollouts at temperature 0 are all the same: raise it"
        if self.by == "rollouts" and self.sampling.extra:
            yield "sampling.extra", "a student of this run is sampled by temperature and top_p alone: leave it out"


@dataclass(frozen=True, kw_only=True)
class Scorer:
    """A reward model that is trained here."""

    kind: ForScorers[Literal["process", "outcome"]]
    """What it scores. `process`: each step of a solution; `outcome`: the solution as a whole."""
    labels: ForLabels[Labels]
    """What it is trained on."""
    test: ForLabels[Labels | None] = None
    """Labels that it is measured on; `null` takes the same for the problems that are held out. Nothing is trained on a
    problem of these."""
    held_out: ForLabels[Annotated[float, Ge(0), Lt(1)]] = 0.2
    """Share of the problems that it is not trained on, and measured on where `test` names no file."""
    steps: ForLabels[Cut] = "paragraphs"
    """What a step is. `paragraphs`: a paragraph, and of a long or a lone one its lines and sentences; `sentences`: each
    sentence."""
    reads: ForLabels[Reads] = "response"
    """What an `outcome` model is shown. `response`: reasoning and answer; `answer`: what follows the reasoning."""
    separator: ForScorers[str] = "\n\n"
    """Written after each step of a `process` model. Its last token carries the step's score."""
    aggregate: ForScorers[Aggregate] = "min"
    """How the steps' scores become one."""
