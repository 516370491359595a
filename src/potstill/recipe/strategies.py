"""What strategies of several calls, or of several ways of asking, are told beyond how many samples are asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le

from potstill.recipe.bounds import Name, Share
from potstill.recipe.scopes import ForAskingAgain, ForExamples, ForTraces

OWN = {
    "messages": "explain", "tree": "tree", "verify_chain": "verify_chain", "ways": "strategies",
    "rationalise": "rationalise",
}  # fmt: skip
"""Field of `strategy` -> the one kind that has it."""
Few = Annotated[int, Gt(0), Le(100)]


@dataclass(frozen=True, kw_only=True)
class Tree:
    """How a tree of thoughts is searched, for the kind `tree`; the gold is never looked at."""

    search: ForTraces[Literal["bfs", "dfs"]] = "bfs"
    """`bfs`: level by level, the best `width` of a level are gone on from (a beam); `dfs`: the best first, and back
    where nothing is left to try."""
    branching: ForTraces[Few] = 5
    """Next steps that one call proposes."""
    width: ForTraces[Few] = 5
    """States of a level that `bfs` goes on from; 1 is greedy."""
    depth: ForTraces[Few] = 4
    """Steps of a path at most; one that has no answer by then is finished by one more call."""
    evaluate: ForTraces[Literal["value", "vote"]] = "value"
    """`value`: each state is judged by itself as sure, likely or impossible; `vote`: the states that stand beside each
    other are shown together, in an order of each call's own, and one is voted for."""
    votes: ForTraces[Few] = 3
    """Calls that judge a state, or votes on the states beside each other; their mean counts."""
    prune_below: ForTraces[Share] = 0.25
    """States of less value are not gone on from; sure is 1, likely 0.5, impossible 0, a vote's its share of them."""
    flatten: ForTraces[Literal["path", "search"]] = "path"
    """What becomes the trace. `path`: the steps that led to the answer; `search`: every step in the order it was tried,
    with its value and the ways back, and the path at the end."""
    most_calls: ForTraces[Annotated[int, Ge(3), Le(100_000)]] = 400
    """Calls of one sample at most; the search then ends with what it has."""


@dataclass(frozen=True, kw_only=True)
class VerifyChain:
    """How a draft is checked and written anew: by the teacher, for the kind `verify_chain`, or by a student."""

    how: ForAskingAgain[Literal["factored", "two_step", "joint"]] = "factored"
    """Who answers the check questions. `factored`: a call each, which sees neither the draft nor the others;
    `two_step`: one call for all, without the draft; `joint`: the call that asks them, with the draft."""
    most_questions: ForAskingAgain[Few] = 5
    """Check questions of one draft at most."""
    keep: ForAskingAgain[Literal["revised", "with_checks"]] = "revised"
    """What becomes the trace. `revised`: the last reasoning alone; `with_checks`: draft, checks and revision in one.
    Of a student only the answer counts."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way of solving of one's own, or another wording of a packaged one, for the kind `strategies`."""

    name: ForTraces[Name]
    """What it is called in `assign`, in the traces and in the report; a packaged name takes the place of that one."""
    file: ForTraces[str]
    """A file with the instruction, relative to `data`; it is sent as the system message."""
    direct: ForTraces[bool] = False
    """Whether it answers without reasoning; its traces are then kept without any."""


@dataclass(frozen=True, kw_only=True)
class Ways:
    """Which way of solving each kind of problem is asked for, for the kind `strategies`."""

    by: ForTraces[Literal["domain", "answer_kind", "source", "kind"]] = "domain"
    """What of a problem says its kind; `kind` is that of its facts, which families have whose problems look alike."""
    assign: ForTraces[dict[str, str]] = field(default_factory=dict)
    """Kind -> name of a way: step_by_step, recall_then_generate, recall_reason_generate, extract_then_compute,
    explain_then_answer, elimination, analogy, direct, or one of `own`."""
    otherwise: ForTraces[Name] = "step_by_step"
    """The way of problems of any other kind."""
    pilot: ForTraces[Annotated[int, Gt(0), Le(10_000)] | None] = None
    """Problems of each kind that every way of `among` is tried on first; the way that is right most often is then that
    of the kind, in place of `assign`. `null`: no pilot."""
    among: ForTraces[tuple[Name, ...]] = ()
    """Ways that a pilot tries; empty tries all."""
    own: ForTraces[tuple[Way, ...]] = ()
    """Ways of one's own."""
    judge_by: ForTraces[dict[str, str]] = field(default_factory=dict)
    """Students that judge a pilot in place of the teacher: way -> arm of this recipe that was trained on that way
    alone. The arm that is right most often says the way of the kind; empty asks the teacher."""
    spared: ForTraces[Annotated[int, Ge(0), Le(10_000)]] = 0
    """Problems of each kind that are not asked, so that students of this set can judge a pilot of so many."""
    erase: ForExamples[bool] = True
    """Whether the student's question is the problem alone, so that it has to choose; `false` puts the instruction
    before it, in training and in evaluation, which is the upper reference."""


@dataclass(frozen=True, kw_only=True)
class Rationalise:
    """When the teacher is told the answer, for the kind `rationalise`."""

    samples: ForTraces[Few] = 2
    """Samples that are told the answer, of a problem none of whose `strategy.samples` is right without."""
    share_at_most: ForExamples[Share] = 0.3
    """Of the examples that come from such samples, at most; those beyond are dropped."""
