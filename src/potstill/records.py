"""The records that flow through a run: problem, trace, verdict, example, measure.

Frozen dataclasses with content keys. What can be computed is a property and is never stored; clock, latency, price
and retries live beside the records (in the ledger and in `clock.json`), so that equal inputs give equal bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from potstill.errors import DataError

SCHEMA = 3
"""Number of the record layout; written into every Parquet part and checked when one is read."""

Outcome = Literal["right", "wrong", "unknown"]
Opinion = Literal["", "right", "wrong", "unsure"]
"""What a judge said of an answer; empty where none was asked, or it said nothing in its form."""
Cause = Literal[
    "", "unparsable gold", "unparsable prediction", "timeout", "unsupported", "ambiguous", "infrastructure", "no gold"
]
UNSCORED: frozenset[Cause] = frozenset({"unparsable gold", "no gold", "timeout", "infrastructure"})
"""Causes that lie outside the one who answered: such a response enters no rate, see `evaluate.metrics`."""
Finish = Literal["stop", "length", "refused", "failed"]
ReasoningKind = Literal["raw", "summary", "encrypted", "none"]
GoldSource = Literal["given", "checker", "tests", "majority", "none"]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""What options are called, in their order: there are no more options than letters."""
_OPTION_LABEL = re.compile(r"(?<![A-Za-z0-9])([(\[]?)([A-Za-z])[)\].:]")
"""`(A)`, `B.`, `c)`."""
_BEFORE_OPTION = " \n}\\~$*_"
"""What may stand between a label and its option, as in `\\textbf{(A)}\\ 12`."""
_ENDS = re.compile(r"(?![\w/^%+-])(?![.,]\d)")
"""Where an option ends: `1` is not the option of `(A) 12`, `(A) 1/2` or `(A) 1.5`."""
_BEFORE_LIST = re.compile(r"(?:\A|[\n.?!:;,-])[ *_$\\{]{0,9}\Z")
"""What stands before the first label where that has no bracket: `Which? A. 3`; not `Point A: 3`, `If A. Smith`."""
_BETWEEN = re.compile(r"(?:\\[A-Za-z]{1,20}|\b(?:and|or)\b|[^A-Za-z0-9]){0,60}")
"""What stands between an option and the next label, as in `(A) 12 \\qquad\\textbf{(B)} 13`: no words of a sentence."""


class Failure(StrEnum):
    """Why there is no response, where that decides something; a server's own words stand for all else."""

    NOT_ASKED = "not asked: the money was spent"
    """Of a sample, or a verdict, that the price cap left unasked."""
    EMPTY = "empty completion"


class GoldFinding(StrEnum):
    """What the samples of a problem say of its gold, see `Group`."""

    AGREES = "agrees"
    DISAGREES = "disagrees"
    SUSPECT = "suspect label"
    PSEUDO = "pseudo-gold"
    UNDECIDED = "undecided"


class Reason(StrEnum):
    """Why a problem or a trace was left out, where no cause or number belongs to the reason."""

    DUPLICATE = "duplicate"
    CONFLICT = "conflicting gold"
    OVERLAP = "overlap with evaluation"
    NEAR = "edited copy of a test"
    BEYOND = "over the wished number"
    UNWRITTEN = "written: not whole"
    LEAK = "written: nearly a test"
    COPIED = "written: nearly another problem"
    UNSETTLED = "written: too few samples agree"
    OTHER_ANSWER = "written: other answer than the same problem in other words"
    NO_PROBLEM = "no such problem"
    NOT_ASKED = "not asked: the money was spent"
    REFUSED = "refused"
    FAILED = "failed"
    TRUNCATED = "truncated"
    NO_ANSWER = "no answer"
    NO_REASONING = "no reasoning"
    SUMMARISED = "summarised reasoning"
    SUSPECT = "suspect label"
    WRONG = "wrong"
    DECLINES = "declines to answer"
    NO_CONCLUSION = "no conclusion"
    TOO_EASY = "too easy"
    TOO_HARD = "too hard"
    LOW_SCORE = "low score"
    WRONG_STEP = "wrong step, people say"
    OTHER_CONCLUSION = "reasoning ends elsewhere"
    WRONG_ARITHMETIC = "wrong arithmetic"
    DEAD_STEPS = "steps that lead nowhere"
    FROM_NOWHERE = "numbers from nowhere"
    OVER_LENGTH = "over length"
    REPETITION = "repetition"
    RUN_ON = "runs on into another question"
    MIXED = "mixed scripts"
    MARKS_LEFT = "marks of thinking left"
    TOLD = "repeats the instruction it was asked under"
    HINT = "speaks of the answer it was told"
    BENT = "wrong step to an answer it was told"
    SHARE = "over the share of told answers"
    SAME = "exact duplicate"
    QUOTES = "quotes a test"
    ELSEWHERE = "not as curate.where says"
    NEARLY = "nearly another trace"
    NO_PORTION = "in no part of the mix"
    OVER_MIX = "over its share of the mix"
    OVER_TOKENS = "over the tokens wished"
    ALL_RIGHT = "every answer is right"
    ALL_WRONG = "every answer is wrong"
    LIKE = "no answer is better by any rule"


def content_key(*parts: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return a 32-digit hexadecimal SHA-256 key of JSON values; equal values give equal keys on every machine."""
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def too_many(choices: Collection[object]) -> str:
    """Return what is wrong where there are more options than letters, else an empty text."""
    return "" if len(choices) <= len(LETTERS) else f"{len(choices)} choices, more than the {len(LETTERS)} letters"


def _lists(question: str, choices: tuple[str, ...]) -> bool:
    """Whether a question lists all choices itself, one behind the other, each behind its letter: `(A) red (B) blue`.

    That their words occur in it is not enough: "How many of 10, 12 and 14 are even?" offers no choices, and neither
    does "Point A: 3, point B: 4."
    """
    text = re.sub(r"\s+", lambda space: "\n" if "\n" in space[0] else " ", question)
    labels = list(_OPTION_LABEL.finditer(text))
    return any(_lists_from(at, labels, text, choices) for at in range(len(labels)))


def _lists_from(at: int, labels: list[re.Match[str]], text: str, choices: tuple[str, ...]) -> bool:
    """Whether the list of the choices begins with the label number `at`."""
    first = labels[at]
    if not (first[1] or _BEFORE_LIST.search(text, max(0, first.start() - 12), first.start())):
        return False
    end = first.start()
    for letter, choice in zip(LETTERS, choices, strict=False):
        while at < len(labels) and labels[at].start() < end:  # inside the option before: `(C) both (A) and (B)`
            at += 1
        if (
            at == len(labels)
            or labels[at][2].upper() != letter
            or not _BETWEEN.fullmatch(text, end, labels[at].start())
        ):
            return False
        stands = _end_of(choice, text, labels[at].end())
        if stands is None:
            return False
        end, at = stands, at + 1
    return True


def _end_of(choice: str, text: str, at: int) -> int | None:
    """Return where a choice ends that stands whole in `text`, a few marks behind `at`."""
    words = " ".join(choice.split())
    for start in range(at, min(at + 12, len(text))):
        if text[start : start + len(words)].replace("\n", " ") == words:
            end = start + len(words)
            return end if _ENDS.match(text, end) else None
        if text[start] not in _BEFORE_OPTION:
            return None
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """A question with, if known, a reference answer.

    `answer_kind` names how answers compare (one of `verify.answer_kinds`); `checker` is empty for that comparison,
    `reasoning_gym:TASK` for a task's own scorer, or `module:function` for the user's own. `facts` is a JSON object
    with whatever the source knows beyond the text (a family's quantities, a task's entry, the tests of a program under
    `tests`).

    Raises:
        DataError: there are more choices than letters.
    """

    id: str
    question: str
    gold: str | None
    answer_kind: str = "number"
    choices: tuple[str, ...] = ()
    domain: str = "general"
    difficulty: float | None = None
    source: str = ""
    checker: str = ""
    solution: str | None = None
    template: str = ""
    facts: str = "{}"

    def __post_init__(self) -> None:
        if told := too_many(self.choices):
            raise DataError(f"problem {self.id!r}: {told} that name them")

    @property
    def key(self) -> str:
        """Content key of question, choices and answer kind."""
        return content_key("problem", self.question, self.choices, self.answer_kind)

    @property
    def has_check(self) -> bool:
        """Whether there is anything to judge an answer by: a gold answer, a checker, tests."""
        return self.gold is not None or self.checker != "" or self.answer_kind == "code"

    @property
    def statement(self) -> str:
        """What is asked, in full: the question and, one a line, its lettered choices unless the question lists them."""
        if not self.choices or _lists(self.question, self.choices):
            return self.question
        lines = (f"({letter}) {choice}" for letter, choice in zip(LETTERS, self.choices, strict=False))
        return "\n".join((self.question, *lines))

    @property
    def overlap_key(self) -> str:
        """Key that also meets copies that differ in case, spacing, punctuation or Unicode form."""
        text = unicodedata.normalize("NFKC", self.question).casefold()
        words = "".join(c if c.isalnum() or c in "+-*/=<>^%.$" else " " for c in text).split()
        return content_key("overlap", " ".join(w.strip(".") for w in words if w.strip(".")), self.choices)


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """One teacher response to one problem, split into reasoning and answer.

    `sampling` is a JSON object with the settings it was asked with; `parent` names the trace it was made from.
    `completion_tokens` is what the teacher reported, or None. `failure` says why when `finish` is refused or failed.
    """

    problem_key: str
    teacher: str
    strategy: str
    prompt_key: str
    sample: int
    attempt: int
    sampling: str
    reasoning: str
    answer: str
    finish: Finish
    reasoning_kind: ReasoningKind = "raw"
    completion_tokens: int | None = None
    parent: str | None = None
    failure: str = ""
    source: str = ""

    @property
    def key(self) -> str:
        """Content key of what was asked and which sample this is."""
        return content_key(
            "trace", self.problem_key, self.teacher, self.strategy, self.prompt_key, self.sampling, self.sample,
            self.attempt, self.parent,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What one check said of a trace: right, wrong or unknown; unknown carries its cause and is never counted wrong.

    `check` is `answer`, `judge` where a language model decided, or `majority` where the answer that most samples of the
    problem give stood for its gold.
    `method` says how it was reached (for a program with the isolation in force, for a judge with its model and the
    hash of its prompt); `extracted` is the final answer as written, `answer_form` and `gold_form` what was compared.
    Where a judge was asked, `rules` is what the rules said alone, and `judge` what it said.
    """

    trace_key: str
    check: str
    policy: str
    version: int
    outcome: Outcome
    cause: Cause
    method: str
    score: float | None
    extracted: str | None
    reason: str = ""
    answer_form: str = ""
    gold_form: str = ""
    rules: str = ""
    judge: str = ""

    @property
    def key(self) -> str:
        """Content address: the same check of the same trace under the same policy is computed once."""
        return content_key("verdict", self.trace_key, self.check, self.policy, self.version)


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """What the samples of one problem say together; its rates are stored, for other readers of the table.

    `right`, `wrong` and `unknown` count its `samples` under what they are judged by: `gold_source` is `given` for the
    problem's own gold, `checker`, `tests`, `majority` for that of these very samples, or `none`. `pass_rate` is the
    share of right ones among right and wrong, None where there is neither, with Wilson's 95% interval.

    `majority` is the answer that most of the `voters` (samples that ended by themselves) give, as it is written most
    often, `votes` how many do, `agreeing` their trace keys. Of answers with equally many votes the one whose first
    sample comes first is taken, and the group is `tied`. `finding` is

    - `agrees`: the majority is the gold;
    - `disagrees`: it is not, and the gold can stand: some sample gives it, too few agree, an outage or a timeout left
      some open, or a checker decides;
    - `suspect label`: no sample gives the gold, and more than half of them, and enough, agree on something else;
    - `pseudo-gold`: there is nothing to judge by, and more than half of the samples, and enough, agree;
    - `undecided`: anything else: no answers, no majority without a gold, or a gold that cannot be compared.
    """

    problem_key: str
    samples: int
    right: int
    wrong: int
    unknown: int
    pass_rate: float | None
    low: float
    high: float
    gold: str | None
    gold_source: GoldSource
    majority: str | None
    votes: int
    voters: int
    agreement: float
    tied: bool
    finding: GoldFinding
    agreeing: tuple[str, ...] = ()

    @property
    def difficulty(self) -> float | None:
        """One minus the pass rate: 0 (always right) to 1 (never)."""
        return None if self.pass_rate is None else 1.0 - self.pass_rate


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """What a reward model gave a trace: `value` for the whole, None with a reason where there is none, and each step's.

    A score is no verdict: curation may choose by it, and no rate counts it.
    """

    trace_key: str
    model: str
    kind: Literal["outcome", "process"]
    value: float | None
    steps: tuple[float, ...] = ()
    reason: str = ""
    tokens: int = 0
    """Tokens that the model read; 0 for what it did not score."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Label:
    """What is known of one step of a solution: `share` is 1 where it is right, 0 where it is wrong, None unknown.

    `solution` is the key of its trace, or the name of its row in a file; its steps follow each other, from 0. By
    rollouts `share` is that of right ones among the `decided`; the others are `undecided`, and enter no share. For a
    scorer of kind outcome the one step is the whole response. `source` is how the label was come by.
    """

    problem_key: str
    question: str
    solution: str
    step: int
    text: str
    share: float | None
    source: str
    decided: int = 1
    undecided: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """A curated (problem, reasoning, answer), ready to train on.

    `question` is the problem's statement, choices included; `weight` multiplies every token of the example.
    `gold_source` says what its answer was judged by, see `Group`.
    """

    problem_key: str
    trace_key: str
    question: str
    reasoning: str
    answer: str
    weight: float = 1.0
    difficulty: float | None = None
    domain: str = "general"
    gold_source: GoldSource = "given"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two answers to one problem, of which the `chosen` one is the better by the rule `rule`, see `recipe.Dpo`.

    `question` is the problem's statement, choices included; `chosen` and `rejected` are keys of traces.
    """

    problem_key: str
    question: str
    rule: str
    chosen: str
    rejected: str
    chosen_reasoning: str
    chosen_answer: str
    rejected_reasoning: str
    rejected_answer: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RowReading:
    """What a model that is not trained gives a row: log p of its `tokens` trained tokens, summed in nats."""

    tokens: int
    log_p: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Pruning:
    """How an example's reasoning was made shorter: its `parent` is the trace that has the whole.

    `kept` of the parent's `steps` are left, the others went as `conclusion`, `abandoned`, `rechecks` or `restatements`,
    see `curate.prune`. Tokens are the teacher's, counted down by characters. `left_whole`: what was left would not have
    come to the answer, so nothing went.
    """

    parent: str
    steps: int
    kept: int
    conclusion: int
    abandoned: int
    rechecks: int
    restatements: int
    tokens: int
    tokens_kept: int
    left_whole: bool


@dataclass(frozen=True, slots=True)
class Drop:
    """One thing that was left out, and why: `kind` is `problem` or `trace`, `key` its content key.

    `reason` is one of `Reason`, one with a cause (`unknown: timeout`) or a number, or that of a user's own filter.
    """

    kind: Literal["problem", "trace"]
    key: str
    reason: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """One response of one student to one held-out problem, judged."""

    student: str
    prompt: str
    problem_key: str
    sample: int
    reasoning: str
    answer: str
    finish: Finish
    prompt_tokens: int
    completion_tokens: int
    looped: bool
    outcome: Outcome
    cause: Cause
    extracted: str | None

    @property
    def truncated(self) -> bool:
        """Whether the token limit ended the response."""
        return self.finish == "length"
