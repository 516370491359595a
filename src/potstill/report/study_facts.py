"""What a study's page is made of: plain values that the pipeline reads from its runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from potstill.evaluate.faithfulness import Probed
from potstill.evaluate.statistics import Shares
from potstill.report.choices import ChoiceFacts
from potstill.report.step_facts import StepFacts


@dataclass(frozen=True, kw_only=True)
class SeedFacts:
    """One arm of one run. `shares` and `unscored` (a count of responses) are by the prompt that was asked with.

    `tokens_trained` (tokens of training rows), `flops` and `training_seconds` are of all phases that made the arm, and
    0 for an untouched student.
    """

    seed: int
    shares: Mapping[str, Shares]
    unscored: Mapping[str, int]
    tokens_trained: int
    flops: int
    training_seconds: float
    steps: Mapping[str, StepFacts] | None = None
    """By prompt, where the study rewards steps."""
    probes: Sequence[Probed] = ()
    """What was asked about its own responses, where faithfulness is measured."""
    choices: Mapping[str, ChoiceFacts] | None = None
    """By prompt, the ways of solving that were chosen, where an arm was taught by several."""


@dataclass(frozen=True, kw_only=True)
class LineFacts:
    """One line of the table over all seeds; `variant` is empty where the arm is the same in all variants.

    `before` has the arm after each phase but the last, where that was measured too, as lines of their own; `start` is
    the arm that this one starts from.
    """

    name: str
    variant: str
    arm: str
    seeds: Sequence[SeedFacts]
    before: Sequence[LineFacts] = ()
    start: str | None = None


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """One run: how many stages it has, how many of them no run before it made, and the seconds that those took."""

    name: str
    stages: int
    made: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class StudyFacts:
    """Everything that a study's page says; `pairs` name lines, `margin` is a share.

    `domains` has held-out problem -> domain, of all runs. `base` is the untouched line that transfer between domains is
    measured against, "" where there is none.
    """

    name: str
    question: str
    predicted: str
    lines: Sequence[LineFacts]
    pairs: Sequence[tuple[str, str]]
    margin: float
    seeds_vary: str
    runs: Sequence[RunFacts]
    study_yaml: str
    versions: Mapping[str, str]
    domains: Mapping[str, str] = field(default_factory=dict)
    base: str = ""
