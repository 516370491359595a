"""Group-relative policy optimisation (GRPO): several answers a problem, judged, the better ones made likelier.

Strictly on-policy: each batch of rollouts is drawn from the weights as they are, at temperature 1 with nothing cut
away, and used for one update. The ratio of probabilities is then 1, so that the gradient is that of L = sum of k l with
l = -log p and k = A / Z (`advantages`), and no reference model and no clip are needed. Whole answers are in the loss,
with the token that ends them; one that is cut off is wrong.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from potstill import recipe
from potstill.models.flops import trained_flops
from potstill.records import Problem
from potstill.train import students
from potstill.train.advantages import advantages, coefficients, is_dead
from potstill.train.audit import describe
from potstill.train.job import Log
from potstill.train.methods import Matched
from potstill.train.practice import Practice, job_of, practise
from potstill.train.rollouts import JudgedRollout, Prompts, RolloutGroup

if TYPE_CHECKING:
    from potstill.verify import Verdicts

LITTLE, MUCH = 0.1, 0.9
"""Of pass@8 and of pass@1 at the start: below the one there is nothing to find, above the other little to gain."""
SAME_STEPS = 10
"""Steps without a group whose rewards differ, after which a line says so."""
MISMATCH = 0.05
"""Nats a token by which what was drawn may differ from what is trained: rounding gives a hundredth of it."""


def grpo(
    whole: recipe.Recipe, name: str, problems: Sequence[Problem], *, base: Path, work: Path, seed: int,
    verdicts: Callable[[], Verdicts], matched: Matched | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Train one phase of the arm `name` on its own answers to `problems`; write model, losses and audit into `work`.

    Returns the counts of the stage: problems (`examples`), problems left out by reason, optimiser steps, rows trained,
    tokens of all rollouts with their prompts, FLOPs of drawing and training.
    """
    texts = students.read_texts(base)
    asking = Prompts(problems, texts.tokenizer, whole.student, texts.context, seed)
    return practise(GrpoPractice, whole, name, texts, asking, job_of(whole, base, work, seed), work, verdicts, matched)


class GrpoPractice(Practice):
    """Rollouts, their rewards, one update of each batch."""

    same = 0
    """Steps in a row without a group whose rewards differ."""

    def step(self, spent: Mapping[str, float]) -> Log:
        """Draw a batch, make one update of it, and return the log."""
        number, each = len(self.course.logs), self.settings.batch // self.settings.grpo.rollouts
        groups = list(self.drawing.groups(f"step-{number:08d}", self.asking.of(number * each, each)))
        taken = _taken(groups, self.settings.grpo)
        rows = [group.row(rollout, place) for place, (group, rollout, _) in enumerate(taken)]
        weights = [[0.0] * len(group.asked.ids) + [k] * len(rollout.ids) for group, rollout, k in taken]
        learnt = sum(trained_flops(self.shape, len(g.asked.ids) + len(r.ids), len(r.ids)) for g, r, _ in taken)
        tokens = sum(group.tokens for group in groups)
        after = {
            "step": number + 1, "tokens": spent["tokens"] + tokens,
            "flops": spent["flops"] + sum(group.flops(self.shape) for group in groups) + learnt,
        }  # fmt: skip
        figures = figures_of(groups)
        drawn = [sum(r.surprisal for _, r, _ in taken), sum(len(r.ids) for _, r, _ in taken)]

        def logged(update: Log) -> Log:
            trained = update.get("ce_reasoning")
            apart = {} if trained is None else {"mismatch": abs(trained - drawn[0] / drawn[1])}
            # that of the policy: its ratio is 1 at each token, and its gradient that of the update
            loss = -math.fsum(k * len(r.ids) for _, r, k in taken)
            return {
                "loss": loss, "gradient_norm": update["gradient_norm"], **figures, **apart, "rows": len(taken),
                "flops": after["flops"],
            }  # fmt: skip

        longest_first = sorted(range(len(rows)), key=lambda place: (-len(rows[place]), place))
        log = self.course.step(
            [rows[place] for place in longest_first], [weights[place] for place in longest_first],
            self.budget.rate(spent, after, self.settings), tokens=tokens, logged=logged,
            note=f"{self.budget.note(number + 1)}, pass@1 {figures['pass_at_1']:.2f}",
            last=self.budget.share(after) >= 1,
        )  # fmt: skip
        if (number + 1) % self.settings.checkpoint_every == 0:
            self.drawing.forget(number + 1)
        self._watch(log, groups)
        return log

    def _watch(self, log: Log, groups: Sequence[RolloutGroup]) -> None:
        """Say what makes the next steps a waste: rewards that are all the same, rows that are not those drawn."""
        self.same = 0 if log["rows"] else self.same + 1
        if self.same == SAME_STEPS:
            known = {reward for group in groups for reward in group.rewards if reward is not None}
            what = "unknown" if not known else ", ".join(f"{reward:g}" for reward in sorted(known))
            print(
                f"train {self.name}: in {SAME_STEPS} steps no problem had answers of different worth (now {what}): "
                "there is nothing to learn from; take problems at the edge of what the student can do",
                file=sys.stderr,
            )
        if log.get("mismatch", 0.0) > MISMATCH and log["step"] == 1:
            print(
                f"train {self.name}: answers were drawn with other probabilities than they are trained with "
                f"({log['mismatch']:.2g} nats a token apart): set train.precision: fp32",
                file=sys.stderr,
            )

    def measured(self, groups: Sequence[RolloutGroup]) -> tuple[str, str]:
        """Say what the student can do, and where there is nothing for it to find, or little to gain; refuse nothing."""
        return start_text(groups, self.tokenizer, self.asking.dropped), start_advice(groups, self.name)


def _taken(
    groups: Sequence[RolloutGroup], settings: recipe.Grpo
) -> list[tuple[RolloutGroup, JudgedRollout, float]]:  # fmt: skip
    """Return the rollouts that take part in an update, each with the coefficient of its tokens."""
    worth = [advantages(group.rewards, settings.advantage) for group in groups]
    lengths = [[len(rollout.ids) for rollout in group.rollouts] for group in groups]
    found = coefficients(worth, lengths, settings.denominator, settings.max_tokens)
    return [
        (group, rollout, k)
        for group, each in zip(groups, found, strict=True)
        for rollout, k in zip(group.rollouts, each, strict=True)
        if k is not None and k != 0
    ]


def figures_of(groups: Sequence[RolloutGroup]) -> Log:
    """Return what a batch of rollouts tells of the policy.

    `pass_at_1` is the share of right ones, and `pass_at_G` that of problems with any, among G rollouts each, of those
    whose reward is known; `entropy` and `surprisal` are means in nats a token, `length` in tokens.
    """
    rollouts = [rollout for group in groups for rollout in group.rollouts]
    count = max(len(group.rollouts) for group in groups)
    known = [[reward for reward in group.rewards if reward is not None] for group in groups]
    told = [rewards for rewards in known if rewards]
    rewards = [reward for each in told for reward in each]
    tokens = sum(len(rollout.ids) for rollout in rollouts)
    return {
        "pass_at_1": math.fsum(rewards) / len(rewards) if rewards else 0.0,
        f"pass_at_{count}": sum(max(each) > 0 for each in told) / len(told) if told else 0.0,
        "entropy": math.fsum(rollout.entropy for rollout in rollouts) / tokens,
        "surprisal": math.fsum(rollout.surprisal for rollout in rollouts) / tokens,
        "length": tokens / len(rollouts),
        "truncated": sum(rollout.truncated for rollout in rollouts) / len(rollouts),
        "dead": sum(is_dead(group.rewards) for group in groups) / len(groups),
        "unknown": 1 - len(rewards) / len(rollouts),
    }


def start_text(groups: Sequence[RolloutGroup], tokenizer: Any, dropped: Mapping[str, int]) -> str:  # noqa: ANN401
    """Return what the student can do before the first step, and one of its answers, token for token."""
    told = figures_of(groups)
    rollouts = len(groups[0].rollouts)
    head = (
        f"before the first step, {len(groups)} problems, {rollouts} answers each: pass@1 {told['pass_at_1']:.2f}, "
        f"pass@{rollouts} {told[f'pass_at_{rollouts}']:.2f}, {told['length']:.0f} tokens an answer, "
        f"{told['truncated']:.0%} cut off, {told['unknown']:.0%} of unknown worth"
    )
    return "\n".join([head, describe([groups[0].row(groups[0].rollouts[0], 0)], dropped, tokenizer)])


def start_advice(groups: Sequence[RolloutGroup], name: str) -> str:
    """Return a line where there is nothing for a policy to find, or little to gain; else an empty text."""
    told = figures_of(groups)
    found = told[f"pass_at_{len(groups[0].rollouts)}"]
    if found < LITTLE:
        cut = ", most of its answers are cut off" if told["truncated"] > 1 / 2 else ""
        return (
            f"train {name}: the student finds next to nothing to be rewarded for (pass@{len(groups[0].rollouts)} "
            f"{found:.2f}{cut}): train it on traces first (`from: ARM`), or take easier problems"
        )
    if told["pass_at_1"] > MUCH:
        return (
            f"train {name}: the student solves nearly all of it (pass@1 {told['pass_at_1']:.2f}): take harder problems"
        )
    return ""
