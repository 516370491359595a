"""On-policy distillation: the student answers, and at each token of its answers it learns a teacher's distribution.

Each batch of answers is drawn from the weights as they are, at temperature 1 with nothing cut away, and used for one
update of L = sum of D_t / Z over its tokens, D_t the divergence of `train.loss.kl` between teacher and student behind
the same words, over the whole vocabulary, Z the number of tokens (Agarwal et al. 2024, arXiv 2306.13649; with `reverse`
that of MiniLLM, arXiv 2306.08543, token by token). What was drawn is held fixed. An answer that was cut off is left
out: a teacher finds a loop very likely.

`control` has no teacher: a token drawn with less than so much probability is made less likely, k = -1 / Z, which by
itself explains part of what such trainings gain (arXiv 2608.31046).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from potstill import recipe
from potstill.errors import StudentError
from potstill.models.flops import read_flops, shape_of_model, trained_flops
from potstill.records import Problem
from potstill.text import repeated_share
from potstill.train import students
from potstill.train.divergence import Learning
from potstill.train.job import Log
from potstill.train.methods import Matched, Taught
from potstill.train.methods.grpo import figures_of, start_text
from potstill.train.practice import Practice, job_of, practise
from potstill.train.rollouts import JudgedRollout, Prompts, RolloutGroup

if TYPE_CHECKING:
    from potstill.verify import Verdicts

LOOPS = 0.5
"""Share of an answer's text that repeats itself from which it is a loop."""
LOOPING = 0.2
"""Share of looping answers of a step from which a line says so."""
GROWN = 2.0
"""How many times the length of the first step's answers those of a step are from which a line says so."""


def on_policy(
    whole: recipe.Recipe, name: str, problems: Sequence[Problem], *, base: Path, work: Path, seed: int,
    verdicts: Callable[[], Verdicts], matched: Matched | None = None, taught: Taught | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Train one phase of the arm `name` on its own answers to `problems`; write model, losses and audit into `work`.

    Verdicts on the answers are logged and teach nothing. Returns the counts that `grpo` does; the teacher's readings
    are among the FLOPs.

    Raises:
        StudentError: the teacher has another tokenizer or end of text, or too few of the student's answers end.
    """
    texts = students.read_texts(base)
    asking = Prompts(problems, texts.tokenizer, whole.student, texts.context, seed, unchecked=True)
    longest = min(texts.context, asking.longest + whole.train.on_policy.max_tokens)
    learning = _learning(whole.train.loss.kl, taught, texts.tokenizer, longest)
    job = job_of(whole, base, work, seed, learning)
    return practise(OnPolicyPractice, whole, name, texts, asking, job, work, verdicts, matched)


def _learning(kl: recipe.Kl | None, taught: Taught | None, tokenizer: Any, longest: int) -> Learning | None:  # noqa: ANN401
    if kl is None or taught is None:
        return None
    from potstill.train.teacher import opened

    live = opened(taught.name, kl, tokenizer, longest)
    return Learning(kl=kl, digest=taught.digest, shape=shape_of_model(live.model), live=live)


class OnPolicyPractice(Practice):
    """Rollouts, what the teacher makes of them, one update of each batch."""

    first = 0.0
    """Tokens of an answer in the first step."""
    told: frozenset[str] = frozenset()
    """Alarms that were raised."""

    def measured(self, groups: Sequence[RolloutGroup]) -> tuple[str, str]:
        """Say what the student can do; StudentError where too few of its answers end by themselves."""
        ended, least = 1 - figures_of(groups)["truncated"], self.settings.on_policy.ended
        if ended < least:
            raise StudentError(
                f"train {self.name}: before the first step {ended:.0%} of the student's answers end within "
                f"{self.settings.on_policy.max_tokens} tokens, and train.on_policy.ended wants {least:.0%}: train it "
                "on traces first (`from: ARM`), or raise max_tokens"
            )
        return start_text(groups, self.tokenizer, self.asking.dropped), ""

    def step(self, spent: Mapping[str, float]) -> Log:
        """Draw a batch, make one update of it, and return the log."""
        own, number = self.settings.on_policy, len(self.course.logs)
        each = self.settings.batch // own.rollouts
        groups = list(self.drawing.groups(f"step-{number:08d}", self.asking.of(number * each, each)))
        kept = [(group, rollout) for group in groups for rollout in group.rollouts if not rollout.truncated]
        weights = coefficients([rollout for _, rollout in kept], own)
        taken = [
            (len(group.asked.ids) + len(rollout.ids), group, rollout, k)
            for (group, rollout), k in zip(kept, weights, strict=True) if any(k)
        ]  # fmt: skip
        taken.sort(key=lambda one: -one[0])
        rows = [group.row(rollout, place) for place, (_, group, rollout, _) in enumerate(taken)]
        tokens = sum(group.tokens for group in groups)
        after = {
            "step": number + 1, "tokens": spent["tokens"] + tokens,
            "flops": spent["flops"] + sum(group.flops(self.shape) for group in groups)
            + sum(self._flops(size, k) for size, _, _, k in taken),
        }  # fmt: skip
        figures = {key: value for key, value in figures_of(groups).items() if key != "dead"}
        looping = self._looping(groups)

        def logged(update: Log) -> Log:
            learnt = sum(np.count_nonzero(k) for *_, k in taken)
            return {
                "loss": update["loss"], "gradient_norm": update["gradient_norm"], **figures, "looping": looping,
                "learnt_tokens": float(learnt), "rows": len(taken), "flops": after["flops"],
            }  # fmt: skip

        log = self.course.step(
            rows, [[0.0] * len(group.asked.ids) + k for _, group, _, k in taken],
            self.budget.rate(spent, after, self.settings), tokens=tokens, logged=logged,
            note=f"{self.budget.note(number + 1)}, {figures['length']:.0f} tokens an answer",
            last=self.budget.share(after) >= 1,
        )  # fmt: skip
        if (number + 1) % self.settings.checkpoint_every == 0:
            self.drawing.forget(number + 1)
        self._watch(log)
        return log

    def _flops(self, size: int, k: Sequence[float]) -> int:
        """Return what learning from one answer takes, the teacher's reading included."""
        heads, learning = int(np.count_nonzero(k)), self.course.job.learning
        read = 0 if learning is None else read_flops(learning.shape, size, heads)
        return trained_flops(self.shape, size, heads) + read

    def _looping(self, groups: Sequence[RolloutGroup]) -> float:
        """Return the share of answers of which more than `LOOPS` repeats itself."""
        texts = [self.tokenizer.decode(rollout.ids) for group in groups for rollout in group.rollouts]
        return sum(repeated_share(text) > LOOPS for text in texts) / len(texts)

    def _watch(self, log: Log) -> None:
        """Say once where answers begin to loop or to grow without end."""
        self.first = self.first or self.course.logs[0]["length"]
        alarms = {
            "loop": log["looping"] > LOOPING and f"{log['looping']:.0%} of the answers repeat themselves",
            "grow": log["length"] > GROWN * self.first
            and f"answers have {log['length']:.0f} tokens, in the first step they had {self.first:.0f}",
        }
        for kind, what in alarms.items():
            if what and kind not in self.told:
                self.told |= {kind}
                print(
                    f"train {self.name}: step {log['step']}: {what}: lower train.learning_rate, set "
                    "train.on_policy.horizon, or fine-tune the student longer first",
                    file=sys.stderr,
                )


def coefficients(rollouts: Sequence[JudgedRollout], own: recipe.OnPolicy) -> list[list[float]]:
    """Return k of each token of each answer: 1 / Z within the horizon, or under `control` -1 / Z where it is unlikely.

    Z counts all tokens of the step's answers within the horizon, also under `control`.
    """
    within = [[own.horizon is None or place < own.horizon for place in range(len(one.ids))] for one in rollouts]
    whole = sum(map(sum, within))
    found = []
    for rollout, inside in zip(rollouts, within, strict=True):
        if own.control is None:
            found.append([1 / whole if here else 0.0 for here in inside])
        else:
            below = math.log(own.control)
            unlikely = [here and log < below for here, log in zip(inside, rollout.logs, strict=True)]
            found.append([-1 / whole if chosen else 0.0 for chosen in unlikely])
    return found
