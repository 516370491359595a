"""One training as a value that other processes can be handed, and how it is asked to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from potstill import recipe
from potstill.train import students
from potstill.train.divergence import Learning
from potstill.train.fitness import check_student
from potstill.train.order import Plan
from potstill.train.preferences import Preferences
from potstill.train.segments import TokenRow

if TYPE_CHECKING:
    from potstill.train.answers import Answers
    from potstill.train.head import HeadForm

Log = dict[str, float]
ScorerKind = Literal["process", "outcome"]


@dataclass(frozen=True, kw_only=True)
class Training:
    """What is trained, and where it goes: `work` for checkpoints, `out` for the finished model."""

    model: Path
    settings: recipe.Train
    lora: recipe.Lora | None
    seed: int
    work: Path
    out: Path
    learning: Learning | None = None
    scorer: ScorerKind | None = None
    """The kind of reward model that the student becomes, where that is what is trained."""

    def load(self) -> tuple[Any, Any, HeadForm]:
        """Return (model, tokenizer, what the model does to the logits of its head), before any step.

        Raises:
            StudentError: it cannot be trained here.
        """
        if self.scorer is not None:
            from potstill.train import scorers
            from potstill.train.head import PLAIN

            return (*scorers.load(self.model, self.scorer), PLAIN)
        model, tokenizer = students.load(self.model)
        return model, tokenizer, check_student(f"student {self.model}", model)


@dataclass(frozen=True, kw_only=True)
class Job(Training):
    """A training on rows that are there before it begins, in the order of a plan.

    `apart` are the rows that are looked at and not trained on, the longest first, and `answers` asks problems of them.
    """

    rows: Sequence[TokenRow]
    plan: Plan
    apart: Sequence[int] = ()
    preferences: Preferences | None = None
    """Where the rows are pairs, what is known of them."""
    answers: Answers | None = None


class Watcher(Protocol):
    """Who is told how far a training is: a `Progress`, or what sends it to one in another process."""

    def resume_at(self, count: int) -> None:
        """Count from here."""

    def figures(self, values: Log) -> None:
        """Take the figures of a step."""

    def advance(self, n: int = 1, note: str = "") -> None:
        """Count `n` more tokens."""


class Stop:
    """Whether somebody asked the training to stop at the end of its step."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self, *_: Any) -> None:  # noqa: ANN401 - also a handler of signals
        """Ask it."""
        self.asked = True


@contextmanager
def stopped_by_sigterm() -> Iterator[Stop]:
    """Let SIGTERM, by which schedulers announce the end, ask a training to stop while the block lasts.

    Only the main thread can be told of signals, and who has a handler of its own keeps it.
    """
    stop = Stop()
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield stop
        return
    signal.signal(signal.SIGTERM, stop.ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
