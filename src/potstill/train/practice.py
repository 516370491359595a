"""A student that learns from its own answers, whatever it learns of them: the budget and the loop that methods share.

A method measures the student before the first step, says what a step's answers count, and watches. Answers come from
`rollouts`, the model with its checkpoints from `course`.
"""

from __future__ import annotations

import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from potstill import recipe
from potstill.durable import read_record, to_json, to_record, write_durably
from potstill.errors import DamageError, StudentError
from potstill.models.flops import ModelShape, shape_of
from potstill.progress import Progress
from potstill.recipe.scopes import decisive
from potstill.records import content_key
from potstill.store import SCRATCH
from potstill.train import students
from potstill.train.divergence import Learning
from potstill.train.job import Log, Stop, Training, Watcher, stopped_by_sigterm
from potstill.train.methods import Matched
from potstill.train.rates import learning_rate, rate_of_share
from potstill.train.rewards import Rewarding
from potstill.train.rollouts import Drawing, Prompts, RolloutGroup

if TYPE_CHECKING:
    from potstill.train.course import Course
    from potstill.verify import Verdicts

START_PROBLEMS, START_ROLLOUTS = 32, 8
"""What the student is measured by before the first step."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingBudget:
    """How much of what a training may take: the step that reaches it is the last."""

    quantity: Literal["step", "tokens", "flops"]
    most: int

    @classmethod
    def of(cls, train: recipe.Train, matched: Matched | None, problems: int) -> TrainingBudget:
        """Return the recipe's budget; `problems` are those of one epoch."""
        if matched is not None:
            quantity, counts = matched
            if quantity == "examples":
                return cls(quantity="step", most=math.ceil(counts["rows"] / train.batch))
            return cls(quantity=quantity, most=counts[quantity])
        if train.tokens is not None:
            return cls(quantity="tokens", most=train.tokens)
        each = train.batch // recipe.own_answers(train).rollouts
        updates = train.grpo.updates if train.method == "grpo" else 1
        rounds = recipe.number(train.epochs or 0.0) * problems / each
        steps = train.steps if train.steps is not None else round(rounds * updates)
        return cls(quantity="step", most=max(1, steps))

    def share(self, spent: Mapping[str, float]) -> float:
        """Return the share that is used up after so many `step`, `tokens` and `flops`."""
        return spent[self.quantity] / self.most

    def rate(self, before: Mapping[str, float], after: Mapping[str, float], train: recipe.Train) -> float:
        """Return the learning rate of a step: by its number where steps are the budget, else by the share spent."""
        if self.quantity == "step":
            return learning_rate(int(before["step"]), self.most, train)
        return rate_of_share(self.share(before), self.share(after), train)

    def note(self, step: int) -> str:
        """Return where a training stands in its step, for people."""
        return f"{step}/{self.most}" if self.quantity == "step" else str(step)


class Practice(ABC):
    """The loop: a measure before the first step, then step after step until the budget is used up."""

    def __init__(
        self, job: Training, texts: students.Texts, asking: Prompts, budget: TrainingBudget, judging: Verdicts,
        whole: recipe.Recipe, name: str, work: Path, progress: Watcher, stop: Stop,
        rewarding: Rewarding | None = None,
    ) -> None:  # fmt: skip
        from potstill.models.local.live import LiveSampler
        from potstill.train.course import Course
        from potstill.train.ranks import company

        self.asking, self.budget, self.settings, self.name, self.work = asking, budget, job.settings, name, work
        self.shape: ModelShape = shape_of(job.model)
        longest = min(texts.context, asking.longest + recipe.own_answers(job.settings).max_tokens)
        fingerprint = self._fingerprint(job, whole, "" if rewarding is None else rewarding.digest)
        self.course: Course = Course(job, fingerprint, company(), progress, stop, longest)
        student = self.course.stepper.student
        stops = {*texts.stop_ids, int(texts.tokenizer.eos_token_id)}
        sampler = LiveSampler(student.model, sorted(stops), student.work)
        self.tokenizer = texts.tokenizer
        journal = work / SCRATCH / "rollouts" / fingerprint[:16]  # another training's are no use
        self.drawing = Drawing(
            sampler, texts.tokenizer, judging, whole.student, recipe.own_answers(whole.train), whole.train.method,
            journal, job.seed, rewarding,
        )  # fmt: skip

    def _fingerprint(self, job: Training, whole: recipe.Recipe, scorers: str) -> str:
        keys = [asked.problem.key for asked in self.asking.asked]
        learnt = () if job.learning is None else (job.learning.digest,)
        return content_key(
            job.settings.method,
            keys,
            decisive(job.settings),
            repr(job.lora),
            job.seed,
            decisive(whole.student),
            *learnt,
            *filter(None, (scorers,)),
        )

    def through(self) -> list[Log]:
        """Train to the end of the budget; return the logs."""
        self.start()
        spent: Mapping[str, float] = self.course.logs[-1] if self.course.logs else {"step": 0, "tokens": 0, "flops": 0}
        while self.budget.share(spent) < 1:
            spent = self.step(spent)
        return self.course.finish()

    def start(self) -> None:
        """Measure the student before its first step, once; like a measure on held-out problems it is no training."""
        path = self.drawing.folder / "measured.json"
        try:
            kept = read_record(path)
        except DamageError:
            kept = {}
        if not kept:
            chosen = self.asking.of(0, min(START_PROBLEMS, len(self.asking.asked)))
            text, advice = self.measured(list(self.drawing.groups("start", chosen, START_ROLLOUTS)))
            kept = {"text": text, "advice": advice}
            write_durably(path, to_record(kept))
        write_durably(self.work / "audit.txt", (kept["text"] + "\n").encode())
        if not self.course.logs:
            print("\n".join(filter(None, (kept["text"], kept["advice"]))), file=sys.stderr)

    @abstractmethod
    def measured(self, groups: Sequence[RolloutGroup]) -> tuple[str, str]:
        """Return (what the student can do before the first step, a line of advice or nothing)."""

    @abstractmethod
    def step(self, spent: Mapping[str, float]) -> Log:
        """Do the next step and return its log; `spent` is that of the step before."""


def practise(
    made: type[Practice], whole: recipe.Recipe, name: str, texts: students.Texts, asking: Prompts, job: Training,
    work: Path, verdicts: Callable[[], Verdicts], matched: Matched | None, rewarding: Rewarding | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Train one phase of the arm `name`; write model, losses and audit into `work`, and return the counts."""
    from potstill.train import ranks

    if ranks.company().count > 1:
        raise StudentError(f"train.method: {whole.train.method} trains in one process; start it without torchrun")
    budget = TrainingBudget.of(whole.train, matched, len(asking.asked))
    progress = Progress(f"train {name}", budget.most if budget.quantity == "tokens" else None, "tokens")
    with stopped_by_sigterm() as stop, verdicts() as judging:
        practice = made(job, texts, asking, budget, judging, whole, name, work, progress, stop, rewarding)
        logs = practice.through()
    progress.close()
    write_durably(work / "losses.json", to_json(logs))
    practice.drawing.clear()
    return {
        "examples": len(asking.asked), "dropped": asking.dropped, "steps": len(logs),
        "rows": int(sum(log["rows"] for log in logs)), "tokens": int(logs[-1]["tokens"]),
        "flops": int(logs[-1]["flops"]),
    }  # fmt: skip


def job_of(whole: recipe.Recipe, base: Path, work: Path, seed: int, learning: Learning | None = None) -> Training:
    """Return the training of a phase from the checkpoint `base`."""
    return Training(
        model=base, settings=whole.train, lora=whole.student.lora, seed=seed, work=work / SCRATCH / "checkpoints",
        out=work / "model", learning=learning,
    )  # fmt: skip
