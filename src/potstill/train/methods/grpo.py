"""Group-relative policy optimisation (GRPO): several answers a problem, judged, the better ones made likelier.

Each batch of rollouts is drawn from the weights as they are, at temperature 1 with nothing cut away, and is used for
one update, or for `updates`. In the first the ratio of probabilities is 1, so that the gradient is that of L = sum of
k l with l = -log p and k = A / Z (`worth`), and no reference model and no clip are needed; from the second on
`off_policy` weighs each token. Whole answers are in the loss, with the token that ends them; one that is cut off is
wrong.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from potstill import recipe
from potstill.models.flops import read_flops, shape_of, trained_flops
from potstill.records import Problem
from potstill.train import students
from potstill.train.advantages import is_dead
from potstill.train.audit import describe
from potstill.train.job import Log
from potstill.train.methods import Matched
from potstill.train.practice import Practice, job_of, practise
from potstill.train.rewards import Rewarding, TrainedScorer
from potstill.train.rollouts import JudgedRollout, Prompts, RolloutGroup
from potstill.train.segments import TokenRow
from potstill.train.worth import figures, off_policy, token_coefficients, told

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
    scorers: Mapping[str, TrainedScorer] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Train one phase of the arm `name` on its own answers to `problems`; write model, losses and audit into `work`.

    Returns the counts of the stage: problems (`examples`), problems left out by reason, optimiser steps, rows trained,
    tokens of all rollouts with their prompts, FLOPs of drawing, scoring and training.
    """
    texts = students.read_texts(base)
    judged = any(term.by == "verdict" for term in whole.train.grpo.rewards)
    asking = Prompts(problems, texts.tokenizer, whole.student, texts.context, seed, unchecked=not judged)
    rewarding = Rewarding(whole.train.grpo.rewards, whole.student, scorers or {})
    job = job_of(whole, base, work, seed)
    return practise(GrpoPractice, whole, name, texts, asking, job, work, verdicts, matched, rewarding)


class GrpoPractice(Practice):
    """Rollouts, their rewards, the updates of each batch."""

    same = 0
    """Steps in a row without a group whose rewards differ."""

    def step(self, spent: Mapping[str, float]) -> Log:
        """Draw a batch, or take the one that was drawn, make one update of it, and return the log."""
        number, own = len(self.course.logs), self.settings.grpo
        batch, turn = divmod(number, own.updates)
        each = self.settings.batch // own.rollouts
        # from the second update on all of them are in the journal
        groups = list(self.drawing.groups(f"step-{batch:08d}", self.asking.of(batch * each, each)))
        taken, left = taken_of(groups, own)
        taken.sort(key=lambda one: -one.size)
        if self.course.stepper.pack_tokens:  # which reads a prompt once for all answers beside each other
            order = {ids: place for place, ids in enumerate(dict.fromkeys(one.group.asked.ids for one in taken))}
            taken.sort(key=lambda one: order[one.group.asked.ids])
        old = self._weighed(taken) if turn else {}
        tokens = 0 if turn else sum(group.tokens for group in groups)
        after = {
            "step": number + 1, "tokens": spent["tokens"] + tokens,
            "flops": spent["flops"] + (0 if turn else self._drawn_flops(groups)) + self._flops(taken, turn),
        }  # fmt: skip
        figures = {**figures_of(groups), **term_figures(groups, own.rewards), "dead": left}
        figures["unknown"] = unknown_share(groups)
        drawn = [-log for one in taken for log, k in zip(one.rollout.logs, one.k, strict=True) if k]

        def logged(update: Log) -> Log:
            trained = update.get("ce_reasoning")
            apart = {} if turn or trained is None else {"mismatch": abs(trained - math.fsum(drawn) / len(drawn))}
            # that of the policy: where its ratio is 1 its gradient is that of the update
            loss = -math.fsum(k for one in taken for k in one.k)
            return {
                "loss": loss, "gradient_norm": update["gradient_norm"], **figures, **apart, **old, "rows": len(taken),
                "flops": after["flops"],
            }  # fmt: skip

        log = self.course.step(
            [one.row(place) for place, one in enumerate(taken)], [one.weights for one in taken],
            self.budget.rate(spent, after, self.settings), tokens=tokens, logged=logged,
            note=f"{self.budget.note(number + 1)}, pass@1 {figures['pass_at_1']:.2f}",
            last=self.budget.share(after) >= 1,
        )  # fmt: skip
        if (number + 1) % self.settings.checkpoint_every == 0:
            self.drawing.forget((number + 1) // own.updates)
        self._watch(log, groups)
        return log

    def _weighed(self, taken: Sequence[TakenRollout]) -> Log:
        """Weigh the tokens of answers that earlier weights gave by what the student gives them now."""
        from potstill.train.reading import token_log_probabilities

        if not taken:
            return {"clipped": 0.0}
        rows = [one.row(place) for place, one in enumerate(taken)]
        clipped = 0
        for one, now in zip(taken, token_log_probabilities(self.course.stepper, rows), strict=True):
            one.k, outside = off_policy(one.k, now, one.rollout.logs, self.settings.grpo)
            clipped += outside
        return {"clipped": clipped / sum(len(one.k) for one in taken)}

    def _drawn_flops(self, groups: Sequence[RolloutGroup]) -> int:
        """Return what drawing a batch took, and having it read by reward models."""
        scored = 0
        rewarding = self.drawing.rewarding
        for scorer in () if rewarding is None else rewarding.scorers.values():
            shape = shape_of(scorer.folder)
            scored += sum(
                read_flops(shape, len(group.asked.ids) + len(one.ids), 0) for group in groups for one in group.rollouts
            )
        return sum(group.flops(self.shape) for group in groups) + scored

    def _flops(self, taken: Sequence[TakenRollout], turn: int) -> int:
        read = sum(read_flops(self.shape, one.size, len(one.k)) for one in taken) if turn else 0
        return read + sum(trained_flops(self.shape, one.size, len(one.k)) for one in taken)

    def _watch(self, log: Log, groups: Sequence[RolloutGroup]) -> None:
        """Say what makes the next steps a waste: rewards that are all the same, rows that are not those drawn."""
        self.same = 0 if log["rows"] else self.same + 1
        if self.same == SAME_STEPS:
            terms = self.settings.grpo.rewards
            known = {
                value for group in groups for one in group.rollouts
                for term, worth in zip(terms, one.worth, strict=True)
                if (value := told(term, worth)) is not None
            }  # fmt: skip
            what = "unknown" if not known else ", ".join(f"{value:g}" for value in sorted(known)[:5])
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


@dataclass(kw_only=True)
class TakenRollout:
    """A rollout that takes part in an update; `k` is the coefficient of each token that it wrote."""

    group: RolloutGroup
    rollout: JudgedRollout
    k: list[float]

    @property
    def size(self) -> int:
        """Tokens of its row."""
        return len(self.group.asked.ids) + len(self.rollout.ids)

    @property
    def weights(self) -> list[float]:
        """The coefficient of each token of its row."""
        return [0.0] * len(self.group.asked.ids) + self.k

    def row(self, number: int) -> TokenRow:
        """Return it as a row to train on."""
        return self.group.row(self.rollout, number)


def taken_of(groups: Sequence[RolloutGroup], settings: recipe.Grpo) -> tuple[list[TakenRollout], float]:
    """Return the rollouts that take part in an update, and the share of groups that say nothing."""
    worths = [[rollout.worth for rollout in group.rollouts] for group in groups]
    lengths = [[len(rollout.ids) for rollout in group.rollouts] for group in groups]
    found = token_coefficients(worths, lengths, settings)
    dead = sum(all(k is None for k in each) for each in found)
    taken = [
        TakenRollout(group=group, rollout=rollout, k=k)
        for group, each in zip(groups, found, strict=True)
        for rollout, k in zip(group.rollouts, each, strict=True)
        if k is not None and any(k)
    ]
    return taken, dead / len(groups)


def unknown_share(groups: Sequence[RolloutGroup]) -> float:
    """Return the share of rollouts of which a reward is not known, so that they take no part."""
    unknown = [None in one.worth for group in groups for one in group.rollouts]
    return sum(unknown) / len(unknown)


def term_figures(groups: Sequence[RolloutGroup], terms: Sequence[recipe.RewardTerm]) -> Mapping[str, float]:
    """Return the mean of each reward but the verdict, which is `pass_at_1`."""
    worths = [rollout.worth for group in groups for rollout in group.rollouts]
    return {name: value for name, value in figures(worths, terms).items() if name != "reward_verdict"}


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
