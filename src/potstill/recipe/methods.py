"""What a method of training does beside `train`: the settings that it alone has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Len, Lt

from potstill.recipe.bounds import Amount, Length, Name, Positive, Share, Side
from potstill.recipe.scopes import Beside, ForPairs, ForTraining
from potstill.recipe.scorers import Cut
from potstill.tables import OneOf


@dataclass(frozen=True, kw_only=True)
class RewardTerm:
    """One thing that an answer is rewarded for."""

    by: ForTraining[Annotated[str, OneOf("potstill.train.rewards:REWARDS")]] = "verdict"
    """What is asked. `verdict`: the verdict of `checks`, 1 for right; `steps`: the steps of the reasoning, checked one
    by one; `scorer`: a reward model of this recipe; `format`: whether the answer has the form that is asked for."""
    weight: ForTraining[Annotated[float, Gt(0), Le(1000)]] = 1.0
    """How much it counts beside the others."""
    form: ForTraining[Literal["whole", "min", "progress", "sum"] | None] = None
    """How the scores of steps become rewards. `min`: each step has the lowest score from it on; `progress`: each has
    what its score is above that of the step before; `sum`: each has all scores from it on, which long answers win by;
    `whole`: the answer has one reward. `null`: `min` by `steps`, `progress` by a process model, `whole` elsewhere."""
    check: ForTraining[Literal["calculator", "facts"] | None] = None
    """Who judges steps, under `steps`. `calculator`: their arithmetic recomputed; `facts`: what the problem's own
    family knows, exactly."""
    cut: ForTraining[Cut | None] = None
    """What a step is, under `steps`; `null` takes sentences. A scorer says it itself."""
    scorer: Beside[Name | None] = None
    """The scorer that is asked, under `scorer`."""

    @property
    def label(self) -> str:
        """What it is called where figures are told."""
        return "_".join(filter(None, (self.by, self.check, self.scorer)))

    @property
    def text(self) -> str:
        """What it is, in a few words."""
        form = "" if self.form is None else f" ({self.form})"
        return f"{self.label.replace('_', ' ')}{form} x {self.weight:g}"

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what is wrong) where single values are fine and their combination is not."""
        needed = {"scorer": "scorer", "check": "steps"}
        for key, by in needed.items():
            if (getattr(self, key) is None) == (self.by == by):
                yield key, f"{key} is missing: name one" if self.by == by else f"{key} belongs to by: {by}"
        if self.cut is not None and self.by != "steps":
            yield "cut", "cut belongs to by: steps"
        if self.by in ("verdict", "format") and self.form not in (None, "whole"):
            yield "form", f"by: {self.by} is one reward of the whole answer: leave form out"


@dataclass(frozen=True, kw_only=True)
class Grpo:
    """Reinforcement learning on the student's own answers to the training problems, judged as `checks` says.

    A right answer is worth 1, any other 0; one whose worth lies outside the student (a check out of time) is left out.
    Answers are drawn at temperature 1 with nothing cut away, from the weights as they are.
    """

    rewards: ForTraining[Annotated[tuple[RewardTerm, ...], Len(1)]] = (RewardTerm(),)
    """What answers are rewarded for; nothing is that does not stand here. What they are worth is told for each by
    itself, and added up by weight."""
    rollouts: ForTraining[Annotated[int, Ge(2), Le(1024)]] = 8
    """Answers a problem; they are told against each other, so that one alone says nothing. `train.batch` counts
    answers, and is a multiple of this."""
    max_tokens: ForTraining[Length] = 512
    """Tokens of an answer. One that reaches it is cut off, and not right."""
    advantage: ForTraining[Literal["mean", "std", "leave_one_out", "maxrl"]] = "mean"
    """What an answer is worth beside the others of its problem. `mean`: its reward less their mean; `std`: that divided
    by their standard deviation; `leave_one_out`: less the mean of the others; `maxrl`: divided by their mean."""
    denominator: ForTraining[Literal["tokens", "constant", "prompts"]] = "tokens"
    """What the loss is divided by. `tokens`: all tokens of the step's answers; `constant`: `max_tokens` each answer;
    `prompts`: each problem by itself, all alike. A problem whose answers are all worth the same does not count."""
    updates: ForTraining[Annotated[int, Ge(1), Le(64)]] = 1
    """Updates that are made of each batch of answers; `train.steps` counts updates. From the second on the student is
    no longer the one that answered, so that `clip` and `importance_cap` bound what a token may count."""
    clip: ForTraining[tuple[Annotated[float, Gt(0), Lt(1)], Annotated[float, Gt(0), Le(100)]]] = (0.2, 0.28)
    """How far a token's probability may have fallen and risen since it was drawn, as shares, before it is pushed no
    further that way. For `updates` above 1."""
    importance_cap: ForTraining[Annotated[float, Ge(1), Le(1000)]] = 2.0
    """A token counts at most this many times for having become likelier since it was drawn. For `updates` above 1."""
    together: ForTraining[Side] = 128
    """Answers drawn side by side, whole problems; changes memory, speed, and the last bits."""

    @property
    def scorers(self) -> tuple[str, ...]:
        """The scorers of this recipe that answers are rewarded by."""
        return tuple(dict.fromkeys(term.scorer for term in self.rewards if term.scorer is not None))

    def contradictions(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield (key below `grpo`, what is wrong) where single values are fine and their combination is not."""
        for number, term in enumerate(self.rewards):
            for key, what in term.contradictions():
                yield ("rewards", str(number), key), what
        labels = [term.label for term in self.rewards]
        for number, label in enumerate(labels):
            if label in labels[:number]:
                yield ("rewards", str(number)), f"{label.replace('_', ' ')} stands here twice: give one a weight"


@dataclass(frozen=True, kw_only=True)
class OnPolicy:
    """On-policy distillation: the student answers training problems, and learns a teacher's distribution at each token.

    The teacher is named in `train.loss.kl`, with `top_k: null`: it runs beside the student.
    """

    rollouts: ForTraining[Annotated[int, Ge(1), Le(1024)]] = 4
    """Answers a problem. `train.batch` counts answers, and is a multiple of this."""
    max_tokens: ForTraining[Length] = 512
    """Tokens of an answer. One that reaches it is cut off, and not learnt from."""
    horizon: ForTraining[Positive | None] = None
    """Tokens from the beginning of each answer that are learnt from; `null` takes all of them."""
    ended: ForTraining[Share] = 0.5
    """Least share of answers that end by themselves before the first step; a student below it needs fine-tuning first.
    """
    control: ForTraining[Annotated[float, Gt(0), Lt(1)] | None] = None
    """In place of a teacher: tokens drawn with less than this probability are made less likely, all alike. It tells
    what a teacher adds to that."""
    together: ForTraining[Side] = 128
    """Answers drawn side by side, whole problems; changes memory, speed, and the last bits."""


@dataclass(frozen=True, kw_only=True)
class Dpo:
    """Direct preference optimisation: of two answers to a problem the better one is made likelier than the other.

    Pairs are made of the judged traces of the set that is trained on; a set that the arm itself has taught has pairs
    of its own answers.
    """

    prefer: ForPairs[
        Annotated[tuple[Literal["right_over_wrong", "fewer_wrong_steps", "shorter_right", "judge"], ...], Len(1)]
    ] = ("right_over_wrong",)
    """What makes one of two answers the better one, the first rules first. `right_over_wrong`: its verdict;
    `fewer_wrong_steps`: of two right ones that with fewer wrong steps; `shorter_right`: the shorter of two right
    ones; `judge`: of two right ones that which `checks.judge` prefers, asked in both orders."""
    per_problem: ForPairs[Positive] = 4
    """At most this many pairs a problem. By one rule an answer stands in one pair."""
    shorter_by: ForPairs[Annotated[float, Gt(0), Lt(1)]] = 0.2
    """Under `shorter_right`: the shorter one has at least this share less characters."""
    beta: ForTraining[Annotated[float, Gt(0), Le(1000)]] = 0.1
    """How closely the student stays to where it starts: the larger, the closer."""
    nll: ForTraining[Amount] = 1.0
    """Weight of the cross-entropy of the better answers, a mean over their tokens; without it both answers of a pair
    may become less likely."""
