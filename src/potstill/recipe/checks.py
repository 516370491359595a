"""How answers are judged, and which traces become examples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, Le, Lt

from potstill.recipe.bounds import Name, Positive, Seconds, Share, Side, Tokens
from potstill.recipe.scopes import (
    Beside,
    ForAnswers,
    ForExamples,
    ForExamplesAndTraining,
    ForVerdicts,
    ForVerdictsAndExamples,
)
from potstill.recipe.scorers import Aggregate, Cut, Reads
from potstill.recipe.teachers import Endpoint


@dataclass(frozen=True)
class Numbers:
    """How numbers are written in golds and answers."""

    decimal: ForAnswers[Literal["auto", "point", "comma"]] = "auto"
    """The decimal mark: `auto` takes what the golds of the data set show, and for an answer what its language shows;
    an answer that only the other mark makes right is unknown."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The conventions under which two answers are the same; recorded with every verdict."""

    percent: ForAnswers[Literal["ignore", "strict"]] = "ignore"
    """What a percent sign means. `strict`: 10% is 0.1 and not 10; `ignore`: the sign is dropped on both
    sides."""
    tolerance: ForAnswers[Annotated[float, Ge(0), Lt(1)]] = 0.0
    """How far a decimal may lie from the gold, as a share of it; 0 compares exactly."""
    significant_figures: ForAnswers[Annotated[int, Gt(0), Le(100)] | Literal["gold"] | None] = None
    """Decimals agree when they round to the same so many figures; `gold`: to as many as the gold is written with."""
    order: ForAnswers[Literal["ignore", "strict"]] = "ignore"
    """Whether order counts in several answers without brackets: `1, 2` and `2, 1`. It does in either case where the
    question asks for one (`Sort ...`); tuples are ordered and sets are not."""
    units: ForAnswers[Literal["optional", "required"]] = "optional"
    """Whether units must be written. `optional`: a unit that only one side has is dropped; two units are
    converted or contradict each other."""
    simplified: ForAnswers[bool] = False
    """Whether `6/8` is wrong for `3/4`, and `sqrt(8)` for `2 sqrt(2)`."""
    numbers: ForAnswers[Numbers] = Numbers()
    """How golds and answers write their numbers."""
    judge: ForAnswers[Literal["undecided", "text", "ambiguous"]] = "undecided"
    """What `checks.judge` is asked about: what the rules cannot compare; `text`: also words that differ from the gold's
    and so are wrong by the rules; `ambiguous`: also answers that say two things."""


@dataclass(frozen=True)
class CodeChecks:
    """How programs are run; they run in the sandbox or not at all."""

    seconds: ForAnswers[Annotated[float, Ge(0.01), Le(3600)]] = 10.0
    """Seconds for one program with all its tests."""
    memory_mb: ForAnswers[Annotated[int, Ge(64), Le(65_536)]] = 512
    """Memory of each program, in MiB."""


@dataclass(frozen=True, kw_only=True)
class Judge(Endpoint):
    """A language model that is asked about answers; `policy.judge` says which."""

    concurrency: Beside[Side] = 8
    timeout: Beside[Seconds] = 600.0
    prompt: ForAnswers[str | None] = None
    """A file with your own prompt, relative to `data`; `null` takes the packaged one."""


@dataclass(frozen=True, kw_only=True)
class Reward:
    """A reward model, run in this process: `model` names it, or `scorer`, which is trained here."""

    alternatives: ClassVar[tuple[str, ...]] = ("model", "scorer")
    model: ForVerdicts[str | None] = None
    """A local folder, relative to `data`, or a hub name."""
    scorer: Beside[Name | None] = None
    """A scorer of this recipe, in place of `model`. It says itself how it reads a trace: leave out what is below."""
    kind: ForVerdicts[Literal["outcome", "process"]] = "outcome"
    """What it scores. `outcome`: a sequence classifier, one score a response; `process`: a token classifier, one
    score a step."""
    reads: ForVerdicts[Reads] = "answer"
    """What an outcome model is shown. `answer`: what follows the reasoning; `response`: both, a blank line between."""
    steps: ForVerdicts[Cut] = "paragraphs"
    """What a step is for a process reward model. `paragraphs`: a paragraph, and of a long or a lone one its lines and
    sentences; `sentences`: each sentence."""
    separator: ForVerdicts[str] = "\n\n"
    """Written after each step for a process reward model. Its last token carries the step's score."""
    aggregate: ForVerdicts[Aggregate] = "min"
    """How the steps' scores become one."""


@dataclass(frozen=True, kw_only=True)
class Checks:
    """How answers are judged."""

    policy: ForAnswers[Policy] = Policy()
    """The conventions under which two answers are the same."""
    seconds: ForAnswers[Annotated[float, Ge(0.01), Le(600)]] = 5.0
    """Seconds of processor time for comparing one answer in all; then it is unknown."""
    code: ForAnswers[CodeChecks] = CodeChecks()
    """How programs are run."""
    judge: ForAnswers[Judge | None] = None
    """A language model for what the rules leave undecided; `null` asks none."""
    reward: ForVerdicts[Reward | None] = None
    """A reward model whose scores stand beside the verdicts; `null` scores nothing."""
    faithful: ForVerdicts[bool] = False
    """Write down, beside the verdicts, what the text of each trace says of whether its reasoning carries its answer."""
    listener: Beside[Name | None] = None
    """An arm whose student reads every trace of the set before anything is trained on it, so that `curate` can choose
    by `surprisal`, `rank_surprisal` and `gain`. `base` is the untouched student; `null` lets nobody read."""
    agreeing: ForVerdicts[Annotated[int, Ge(2), Le(10_000)]] = 3
    """So many samples of a problem, and more than half, must agree for their answer to count for or against a gold."""
    self_consistency: ForVerdicts[bool] = False
    """Judge training problems that have nothing to be judged by against the answer that their own samples agree on."""
    suspect_label: ForVerdictsAndExamples[Literal["keep", "drop", "repair"]] = "keep"
    """What is done where no sample gives the gold and they agree on another answer: `keep` the gold and report
    it, `drop` the problem, or `repair` the gold, that is judge by the other answer. All of it is marked and counted."""


@dataclass(frozen=True, kw_only=True)
class FaithFilter:
    """Which traces are dropped for reasoning that does not carry their answer; what cannot be read is kept."""

    conclusion: ForExamples[bool] = True
    """Drop traces whose reasoning ends at another value than their answer."""
    valid: ForExamples[Share | None] = 1.0
    """Drop traces of whose recomputable steps fewer than this share hold; `null` keeps them."""
    dead: ForExamples[Share | None] = None
    """Drop traces of whose computed values more than this share lead nowhere; `null` keeps them."""
    nowhere: ForExamples[Annotated[int, Ge(0), Le(1000)] | None] = None
    """Drop traces with more numbers than this from nowhere in the step that gives the answer; `null` keeps them."""


@dataclass(frozen=True, kw_only=True)
class Portion:
    """A part of a set: what belongs to it, and how much of the set it is."""

    where: ForExamples[str]
    """Which traces belong to it, as in `curate.where`, such as `domain == "code"` or `tokens > 4000`; a trace belongs
    to the first that it fits."""
    share: ForExamples[Annotated[float, Gt(0), Le(1)]]
    """Its share of the tokens, beside the shares of the others."""


@dataclass(frozen=True, kw_only=True)
class Weighed:
    """Traces that count for more or less than others."""

    where: ForExamples[str]
    """Which traces these are, as in `curate.where`, such as `verdict == "wrong"` or `score < 0.5`; the first that a
    trace fits is what counts."""
    weight: ForExamples[Annotated[float, Gt(0), Le(1000)]]
    """What each of their tokens counts in the loss, beside 1 for all other traces."""


@dataclass(frozen=True, kw_only=True)
class Curate:
    """Which traces become examples."""

    drop_wrong: ForExamples[bool] = True
    """Drop traces whose answer is wrong."""
    drop_unknown: ForExamples[bool] = True
    """Drop traces whose answer could not be judged."""
    drop_refusals: ForExamples[bool] = True
    """Drop traces that decline to answer (`I can't help with that`), whatever became of their answer."""
    drop_no_conclusion: ForExamples[bool] = False
    """Drop traces in whose answer no final answer of the problem's kind can be found, where those that could not be
    judged are kept."""
    drop_repetition: ForExamples[Share | None] = 0.5
    """Drop traces in which more than this share of the text repeats itself; `null` keeps them."""
    drop_run_on: ForExamples[bool] = True
    """Drop traces whose answer is given and then goes on with another question, as base models do."""
    drop_mixed_scripts: ForExamples[Share | None] = 0.05
    """Drop traces with more than this share of letters, and less than all the rest, in scripts that the question does
    not have; `null` keeps them. Greek letters are mathematics."""
    max_characters: ForExamples[Positive | None] = None
    """Drop traces longer than this, reasoning and answer together; `null` keeps them."""
    where: ForExamples[str | None] = None
    """Drop traces for which this is not so, such as `0 < pass_rate < 0.9 and tokens < 8000`. Known are pass_rate,
    difficulty, samples, tokens, characters, score, domain, source, teacher, strategy, verdict, and the scores of
    `faithful`: valid, dead, nowhere and conclusion; where `checks.listener` reads also surprisal, rank_surprisal and
    gain. What is not known of a trace drops nothing."""
    filter: ForExamples[str | None] = None
    """A function of yours, `module:function`, that is called with the problem and the trace, after all other filters.
    It returns None to keep the trace, or a short text, the reason for which it is dropped."""
    quotes: ForExamples[Annotated[float, Gt(0), Le(1)] | None] = None
    """Drop traces in which at least this share of the words of a test question stand in its order: one of a held-out
    problem, of the files of `problems.against` or of `evaluate.benchmarks`. `null` looks for none."""
    near: ForExamples[Annotated[float, Ge(0.5), Le(1)] | None] = None
    """Drop traces that are nearly another one: of their runs of 5 words together at least this share in both. `null`
    drops exact copies alone."""
    mix: ForExamples[tuple[Portion, ...]] = ()
    """Parts of the set in their shares of its tokens, by domain, length or anything else of `where`. Traces that belong
    to none are dropped; the scarcest part says how large the set can be."""
    weights: ForExamples[tuple[Weighed, ...]] = ()
    """Traces that count less, or more, in training than others, such as wrong ones that are kept. Without any all count
    the same."""
    tokens: ForExamples[Tokens | None] = None
    """So many tokens of traces, drawn by the seed; the trace that reaches the number is the last. `null` takes all."""
    prefer: ForExamples[Literal["surprisal", "rank_surprisal", "gain"] | None] = None
    """Which traces stay where not all may, of `per_problem` and `tokens`: those of the least surprisal, of the least
    ratio of rank to surprisal, or of the most gain, as `checks.listener` reads them. `null`: by diversity and seed."""
    prune: ForExamples[tuple[Literal["conclusion", "abandoned", "rechecks", "restatements"], ...]] = ()
    """Steps to take out of the reasoning, whole, before anything else is asked of a trace. `conclusion`: all behind the
    one that concludes; `abandoned`: what is taken back; `rechecks`: what is computed again; `restatements`: what is
    said again, of a step or of the question, or only announced. What a later step uses stays; a trace that would not
    come to its answer any more is left whole."""
    reasoning: ForExamples[Literal["own", "another"]] = "own"
    """Whose reasoning an example has. `another`: that of another problem of the set, and its own answer. A control for
    measures of faithfulness: a student that learns from it has reasoning that says nothing of its answers."""
    per_problem: ForExamples[Positive] = 4
    """At most this many traces a problem, the most diverse first."""
    diverse: ForExamples[Literal["text", "strategy", "steps"]] = "text"
    """What the most diverse traces of a problem differ in. `text`: their words; `strategy`: first the strategies that
    they were asked by, then their words; `steps`: the values that they compute on the way."""
    difficulty: ForExamples[Literal["stated", "measured"]] = "stated"
    """Which difficulty counts. `stated`: the source's own, else one minus the pass rate of the problem's samples;
    `measured`: the other way."""
    min_difficulty: ForExamples[float | None] = None
    """Drop problems that are easier; `null` keeps them. Problems of unknown difficulty stay."""
    max_difficulty: ForExamples[float | None] = None
    """Drop problems that are harder, such as those that no sample solved; `null` keeps them."""
    min_score: ForExamples[Share | None] = None
    """Drop traces to which the reward model of `checks.reward` gives less; `null` keeps them. Those without a score
    stay."""
    faithful: ForExamples[FaithFilter | None] = None
    """Drop traces whose reasoning does not carry their answer, told from their text; `null` looks at none."""
    people: ForExamples[str | None] = None
    """A folder or file of people's labels, as `potstill view` keeps them in `RUN/labels`, relative to `data`. Their
    corrections of verdicts and golds count."""
    drop_wrong_steps: ForExamples[Literal["human"] | None] = None
    """Drop traces with a step that is called wrong. `human`: by the people of `people`; `null` keeps them. Where people
    differ and nobody decided, a trace stays."""
    order: ForExamplesAndTraining[Literal["shuffled", "easy_to_hard"]] = "shuffled"
    """Order of the examples. `easy_to_hard`: by difficulty, those of unknown difficulty last; later epochs are
    shuffled."""

    @property
    def conditions(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Each condition with its place below `curate`."""
        if self.where is not None:
            yield ("where",), self.where
        yield from ((("mix", n, "where"), portion.where) for n, portion in enumerate(self.mix))
        yield from ((("weights", n, "where"), weighed.where) for n, weighed in enumerate(self.weights))
