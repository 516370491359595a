"""What a method of training does beside `train`: the settings that it alone has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Len, Lt

from potstill.recipe.bounds import Amount, Length, Positive, Share, Side
from potstill.recipe.scopes import ForPairs, ForTraining


@dataclass(frozen=True, kw_only=True)
class Grpo:
    """Reinforcement learning on the student's own answers to the training problems, judged as `checks` says.

    A right answer is worth 1, any other 0; one whose worth lies outside the student (a check out of time) is left out.
    Answers are drawn at temperature 1 with nothing cut away, from the weights as they are, and used once.
    """

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
    together: ForTraining[Side] = 128
    """Answers drawn side by side, whole problems; changes memory, speed, and the last bits."""


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
