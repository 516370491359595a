"""What an answer of the student is rewarded for: a kind of reward is a file of this folder and its line here.

A kind gets many answers and says of each what it is worth: a number, the scores of its steps, or None where that is not
known for a reason outside the student. An answer of unknown worth takes no part in the update. A step of unknown worth
has no reward of its own. What scores of steps come to is said by `process`, and how all is added up by `worth`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from potstill import recipe
from potstill.records import Problem, Trace, Verdict
from potstill.tables import Table

if TYPE_CHECKING:
    from potstill.verify.steps import Span


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """One answer with its verdict; `written` is all of it, marks included."""

    problem: Problem
    trace: Trace
    verdict: Verdict
    written: str


@dataclass(frozen=True, slots=True)
class StepRewards:
    """Scores of the steps of an answer, from 0 to 1; `spans` lie in its reasoning."""

    spans: tuple[Span, ...]
    scores: tuple[float | None, ...]


TermReward = float | StepRewards | None


@dataclass(frozen=True, kw_only=True)
class TrainedScorer:
    """A reward model of this recipe: its folder, a key of what is in it, and how it reads a solution."""

    folder: Path
    digest: str
    reward: recipe.Reward


class RewardContext(Protocol):
    """What kinds of rewards may ask for: the student's marks, and models by the name of their scorer."""

    student: recipe.Student

    def model(self, name: str) -> tuple[recipe.Reward, Any]:
        """Return how a scorer reads a solution, and the model itself."""


class RewardKind(Protocol):
    """One reward an answer, in their order."""

    def __call__(  # noqa: D102 - said above
        self, answers: Sequence[Answered], term: recipe.RewardTerm, asked: RewardContext
    ) -> list[TermReward]: ...  # fmt: skip


REWARDS: Table[RewardKind] = Table(
    "reward",
    "potstill.rewards",
    {
        "verdict": "potstill.train.rewards.verdict:verdict",
        "steps": "potstill.train.rewards.steps:steps",
        "scorer": "potstill.train.rewards.scorer:scorer",
        "format": "potstill.train.rewards.format:form",
    },
)


class Rewarding:
    """The rewards of a training; a model is loaded when it is first asked."""

    def __init__(
        self, terms: Sequence[recipe.RewardTerm], student: recipe.Student, scorers: Mapping[str, TrainedScorer]
    ) -> None:  # fmt: skip
        self.terms, self.student, self.scorers = terms, student, scorers
        self._models: dict[str, Any] = {}

    @property
    def digest(self) -> str:
        """A key of the models that are asked."""
        return " ".join(self.scorers[name].digest for name in sorted(self.scorers))

    def model(self, name: str) -> tuple[recipe.Reward, Any]:
        """Return how a scorer reads a solution, and the model itself."""
        its = self.scorers[name]
        if name not in self._models:
            from potstill.verify.reward import OutcomeModel
            from potstill.verify.steps.prm import ProcessModel

            folder, separator = str(its.folder), its.reward.separator
            self._models[name] = (
                ProcessModel(folder, separator) if its.reward.kind == "process" else OutcomeModel(folder)
            )
        return its.reward, self._models[name]

    def of(self, answers: Sequence[Answered]) -> list[tuple[TermReward, ...]]:
        """Return the rewards of each answer, one a term."""
        columns = [REWARDS[term.by](answers, term, self) for term in self.terms]
        return list(zip(*columns, strict=True))
