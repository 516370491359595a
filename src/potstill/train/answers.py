"""Answers of a student in training to problems that are set apart: at each look, and judged as held-out answers are.

Every look draws from the same problems with the same random numbers, so that what differs between two looks is the
student. What is drawn and judged is in a journal, see `rollouts`: a training that was killed judges nothing twice.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from potstill import recipe
from potstill.errors import StudentError
from potstill.models.flops import ModelShape, shape_of
from potstill.records import Problem
from potstill.train import students
from potstill.train.job import Log
from potstill.train.rollouts import Drawing, Prompts
from potstill.train.rows import place_of

if TYPE_CHECKING:
    from potstill.train.stepper import Stepper
    from potstill.verify import Verdicts

STRATEGY = "look"
"""Strategy of the traces that answers are judged as."""
ACCURACY = "look_accuracy"
"""Of a look: the share of its answers that are right, of those whose worth is known."""


@dataclass(frozen=True, kw_only=True)
class ProblemsApart:
    """The problems of the training side, read as often as they are asked for, and what judges answers to them."""

    problems: Callable[[], Iterable[Problem]]
    verdicts: Callable[[], AbstractContextManager[Verdicts]]

    def among(self, places: frozenset[int], count: int) -> list[Problem]:
        """Return at most `count` problems that can be judged, of those at `places` (see `place_of`), in their order."""
        fitting = (p for p in self.problems() if place_of(p.key) in places and p.has_check)
        return heapq.nsmallest(count, fitting, key=lambda problem: (place_of(problem.key), problem.key))


class Answers:
    """Asks a student some problems; one a training, `journal` is a folder of its own.

    Raises:
        StudentError: none of the problems can be asked.
    """

    def __init__(
        self, problems: Sequence[Problem], student: recipe.Student, look: recipe.Looks, base: Path, seed: int,
        verdicts: Verdicts, journal: Path,
    ) -> None:  # fmt: skip
        if not problems:
            raise StudentError(
                "train.look.answers: none of the problems set apart can be judged: raise train.look.share, or ask none"
            )
        texts = students.read_texts(base)
        self.asked = [
            (prompted, 0) for prompted in Prompts(problems, texts.tokenizer, student, texts.context, seed).asked
        ]
        self.shape: ModelShape = shape_of(base)
        self._stops = sorted({*texts.stop_ids, int(texts.tokenizer.eos_token_id)})
        self._tokenizer, self._verdicts, self._student, self._seed = texts.tokenizer, verdicts, student, seed
        self._journal, self._settings = journal, recipe.Grpo(max_tokens=look.max_tokens)
        self._drawing: Drawing | None = None

    def looked(self, stepper: Stepper, fingerprint: str, step: int) -> Log:
        """Return what the answers after step `step` come to; `fingerprint` is that of the training.

        `look_accuracy` is left out where the worth of none is known; `look_length` counts tokens, `look_truncated` is
        the share that is cut off, `look_unknown` that of unknown worth, `look_flops` what drawing took.
        """
        if self._drawing is None:
            from potstill.models.local.live import LiveSampler

            sampler = LiveSampler(stepper.student.model, self._stops, stepper.student.work)
            folder = self._journal / fingerprint[:16]  # another training's are no use
            self._drawing = Drawing(
                sampler, self._tokenizer, self._verdicts, self._student, self._settings, STRATEGY, folder, self._seed
            )  # fmt: skip
        groups = list(self._drawing.groups(f"look-{step:08d}", self.asked, 1))
        rollouts = [rollout for group in groups for rollout in group.rollouts]
        known = [rollout.reward for rollout in rollouts if rollout.reward is not None]
        return {
            **({ACCURACY: math.fsum(known) / len(known)} if known else {}),
            "look_length": sum(len(rollout.ids) for rollout in rollouts) / len(rollouts),
            "look_truncated": sum(rollout.truncated for rollout in rollouts) / len(rollouts),
            "look_unknown": 1 - len(known) / len(rollouts),
            "look_flops": sum(group.flops(self.shape) for group in groups),
        }

    def clear(self) -> None:
        """Take the journal away."""
        if self._drawing is not None:
            self._drawing.clear()


def reached(logs: Sequence[Log]) -> dict[str, Any]:
    """Return the best and the last accuracy of looks, for the counts of a stage; nothing where none was asked."""
    told = [log[ACCURACY] for log in logs if ACCURACY in log]
    return {"best_accuracy": max(told), "last_accuracy": told[-1]} if told else {}
