"""What a report is made of: plain values that the pipeline reads from a finished run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from potstill.evaluate.behaviours import BehaviourCounts
from potstill.evaluate.faithfulness import Probed
from potstill.intervals import Interval
from potstill.records import Group, Measure, Problem, Trace
from potstill.report.choices import ChoiceFacts


@dataclass(frozen=True, kw_only=True)
class LookFacts:
    """What the looks of a phase saw: (optimiser step, tokens so far, loss) on `rows` rows of the training side.

    `accuracies` are the same of answers to problems of those rows, with the share that was right. The phase ended with
    the weights of step `kept`, of `steps` steps; steps count those of the phases before.
    """

    losses: Sequence[tuple[int, int, float]]
    rows: int
    kept: int
    steps: int
    stopped_early: bool
    accuracies: Sequence[tuple[int, int, float]] = ()


@dataclass(frozen=True, kw_only=True)
class StudentFacts:
    """One arm, a line of the table: its responses, and what its training took.

    `measures` may hold several prompts (`Measure.prompt`); the row then shows the better one and names the rest.
    `losses` are (optimiser step, tokens so far, mean loss) in step order, `looks` those of phases that looked at rows
    set apart, `chosen` the settings that `auto` was settled to, each with the reason, `rewards` (tokens so far, share
    of its own answers that were right) of the steps that learn from those. `tokens_trained` counts tokens of training
    rows with prompts; it, `training_seconds` and `flops` are 0 for an untouched student. `dropped` counts rows the
    trainer left out, by reason. `scores` are what the scorer `chosen_by` gave each response, by (prompt, problem,
    sample), for choosing the best of up to `best_of`. `base` is the untouched arm with the same student, "" where none
    is, `taught` the domains of the examples that it was trained on. `choices` are the
    ways of solving that its answers go, where it was taught by several.
    """

    name: str
    measures: Sequence[Measure]
    losses: Sequence[tuple[int, int, float]] = ()
    looks: Sequence[LookFacts] = ()
    chosen: Sequence[str] = ()
    rewards: Sequence[tuple[int, float]] = ()
    examples: int = 0
    tokens_trained: int = 0
    training_seconds: float = 0.0
    flops: int = 0
    evaluation_seconds: float = 0.0
    chosen_by: str = ""
    best_of: int = 0
    scores: Mapping[tuple[str, str, int], float | None] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    base: str = ""
    taught: Sequence[str] = ()
    choices: ChoiceFacts | None = None


@dataclass(frozen=True, kw_only=True)
class UsageFacts:
    """What answers of one teacher, student or delivered file take; None where nobody recorded it.

    `answers` is how many the figures rest on. `read` and `written` are tokens of an answer, `first` and `last` seconds
    until its first and last token are there, `rate` tokens written a second by everything that runs at once, `dollars`
    the price of 1,000 answers. `accuracy` is on held-out problems, of a teacher on the problems that it was asked
    (`elsewhere`). `basis` says in words what the figures rest on. `spent` is what all of its answers cost in dollars,
    of a teacher.
    """

    name: str
    kind: Literal["teacher", "student", "file"]
    accuracy: Interval | None
    answers: int
    read: float | None = None
    written: float | None = None
    first: float | None = None
    last: float | None = None
    rate: float | None = None
    dollars: float | None = None
    spent: float | None = None
    basis: str = ""


@dataclass(frozen=True)
class DroppedTrace:
    """A trace that was left out, with its problem (None where the set has no such problem)."""

    reason: str
    detail: str
    trace: Trace
    problem: Problem | None


@dataclass(frozen=True, kw_only=True)
class AlsoFacts:
    """One arm on other problems than those it was trained for: `base` is the untouched arm of the same student."""

    problems: str
    student: str
    base: str
    measures: Sequence[Measure]


@dataclass(frozen=True)
class DeliveredPlace:
    """Something that was delivered: what it is, where it is below the run's folder, and how it is used."""

    what: str
    where: str
    use: str


@dataclass(frozen=True, kw_only=True)
class BenchmarkFacts:
    """One student by one published protocol: its name (a star where anything was changed), title and settings in words.

    `figures` are metric -> (value, lower bound, upper bound), None where there is none.
    """

    name: str
    title: str
    told: str
    student: str
    figures: Mapping[str, Sequence[float | None]]
    changed: Sequence[str]
    measures: Sequence[Measure]


@dataclass(frozen=True, kw_only=True)
class CheckedAnswers:
    """One student's first answers and, in the same order, what they were after its own checks.

    `calls` and `questions` are of all of them, `unquestioned` those about which it asked nothing.
    """

    student: str
    before: Sequence[Measure]
    after: Sequence[Measure]
    calls: int
    questions: int
    unquestioned: int


@dataclass(frozen=True, kw_only=True)
class FaithFacts:
    """What one student was asked about its own responses, of which `probed` out of `responses` could be asked about."""

    student: str
    rows: Sequence[Probed]
    responses: int
    probed: int


@dataclass(frozen=True, kw_only=True)
class Funnel:
    """How many of something were read and kept, and why the rest was left out.

    `by_majority` of the kept were judged by what most samples of their problem say, for want of a gold that stands.
    `tokens` are those of the kept ones (`KEPT`) and of the others by reason, `dollars` what all of them cost.
    """

    KEPT: ClassVar[str] = "kept"
    read: int
    kept: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    by_majority: int = 0
    tokens: Mapping[str, int] = field(default_factory=dict)
    dollars: float | None = None

    @property
    def all_tokens(self) -> int:
        """Tokens of everything that was read."""
        return sum(self.tokens.values())

    def worth(self, part: str) -> float | None:
        """Return a part's share of the dollars, by its tokens; None where nobody knows either."""
        if self.dollars is None or not self.all_tokens:
            return None
        return self.dollars * self.tokens.get(part, 0) / self.all_tokens

    @property
    def unaccounted(self) -> int:
        """Rows that are neither kept nor dropped for a reason; anything but 0 is a defect of the run."""
        return self.read - self.kept - sum(self.dropped.values())


@dataclass(frozen=True, kw_only=True)
class WayFacts:
    """One way in which a set's teacher was asked: its traces, how many are right, wrong and became examples.

    `tokens` are those of its responses in all, as far as the teacher counted them.
    """

    name: str
    traces: int
    right: int
    wrong: int
    kept: int
    tokens: int


@dataclass(frozen=True, kw_only=True)
class Compute:
    """What a stage asked of a model, by formula: tokens read, written and trained on, FLOPs (None: not known).

    `who` is the arm, teacher or reward model that computed, `teaching` whether it stands on the teacher's side.
    """

    who: str
    teaching: bool
    read: int = 0
    written: int = 0
    trained: int = 0
    flops: int | None = None


@dataclass(frozen=True, kw_only=True)
class StageFacts:
    """One stage of the run: rows it wrote, seconds it took, tokens it read or wrote (None: it has none)."""

    name: str
    rows: int
    seconds: float
    tokens: int | None = None
    note: str = ""
    compute: Compute | None = None


@dataclass(frozen=True, kw_only=True)
class PlannedFacts:
    """What was planned of a stage, as (value, lower bound, upper bound, basis), and what it took; None: not known.

    `seconds` and `took` are seconds, `peak` and `held` bytes of memory, `tokens` and `trained` tokens of training rows.
    """

    name: str
    seconds: tuple[float, float, float, str]
    took: float
    peak: tuple[float, float, float, str] | None = None
    held: int | None = None
    tokens: tuple[float, float, float, str] | None = None
    trained: int | None = None


@dataclass(frozen=True, kw_only=True)
class ListenedFacts:
    """What `listener` said of `traces`, of which it could not read `unread`: see `curate.listened.means`."""

    listener: str
    traces: int
    unread: int
    surprisal: float | None
    ratio: float | None
    gain: float | None


@dataclass(frozen=True, kw_only=True)
class SetFacts:
    """What became of one set of traces.

    `verdicts` counts traces by outcome (`right`, `wrong`, or `unknown: CAUSE`), `outages` those that a failure of the
    infrastructure left open by its reason, `opinions` those that a judge was asked about, by what the rules said alone
    and what it said. `groups` has what the samples of each training problem say together, and `suspect_label` what the
    recipe makes of a suspect label. `lengths` counts kept traces by length in `length_unit`; `difficulties` counts
    examples by difficulty.
    """

    name: str
    teacher_name: str = "teacher"
    trace_funnel: Funnel | None = None
    verdicts: Mapping[str, int] = field(default_factory=dict)
    outages: Mapping[str, int] = field(default_factory=dict)
    opinions: Mapping[tuple[str, str], int] = field(default_factory=dict)
    groups: Sequence[Group] = ()
    suspect_label: Literal["keep", "drop", "repair"] = "keep"
    lengths: Mapping[int, int] = field(default_factory=dict)
    length_unit: str = "characters"
    difficulties: Mapping[float, int] = field(default_factory=dict)
    pruning: Mapping[str, int] = field(default_factory=dict)
    """Of examples whose reasoning was looked at for steps to prune: how many were `pruned` and `left_whole`, their
    `tokens` before and `tokens_kept`, and the steps that went by kind."""
    ways: Sequence[WayFacts] = ()
    """Of a strategy that asks in several ways."""
    called: Mapping[str, int] = field(default_factory=dict)
    """What a strategy with tools counted: calls, those that failed, results that were invented."""
    calls: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Of a strategy of several calls a sample: role -> `calls`, `prompt_tokens` and `completion_tokens`."""
    counted: Mapping[str, int] = field(default_factory=dict)
    """What else it counted, by name."""
    example_domains: Sequence[str] = ()
    """Of its examples."""
    left_out: Sequence[DroppedTrace] = ()
    """Some of the dropped traces of each reason."""
    tried: Sequence[Sequence[Any]] = ()
    """Of a pilot of ways: kind, way, right, wrong, unknown, tokens, low, high, whether the kind is asked so."""
    listened: Sequence[ListenedFacts] = ()
    """Of a set that a student listens to: one."""


@dataclass(frozen=True, kw_only=True)
class ScorerFacts:
    """A reward model that was trained here: what it was trained on, and what it is worth on held-out labels.

    `labelled` of `steps` had a label, `right` is their sum; `assessment` is as `evaluate.scorers.Assessment`.
    `losses` as in `StudentFacts`.
    """

    name: str
    kind: str
    by: str
    tested_by: str
    solutions: int
    steps: int
    labelled: int
    wrong: int
    assessment: Mapping[str, Any]
    losses: Sequence[tuple[int, int, float]] = ()


@dataclass(frozen=True, kw_only=True)
class FileFacts:
    """One delivered file as it was measured in its runtime.

    `clock` has what differs from time to time: `load_seconds`, `memory` in bytes, `written_1` and `written_2` in tokens
    per second of one and two threads.
    """

    name: str
    bytes: int
    bits: float
    measures: Sequence[Measure]
    clock: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ReportFacts:
    """Everything a report says.

    `students` come in the order of the table; `main` names the arm that the headline is about. `graph` is the recipe's
    graph in lines. `problems` and `teacher` (first trace of the teacher) are looked up by `Problem.key` for the
    side-by-side answers and need only hold the problems of `report.shown_problems`. `template_overlap` is (held-out
    problems whose number-free template occurs in training, held-out problems), None where templates are not known.
    """

    name: str
    recipe_yaml: str
    versions: Mapping[str, str]
    students: Sequence[StudentFacts]
    benchmarks: Sequence[BenchmarkFacts] = ()
    faithful: Sequence[FaithFacts] = ()
    behaved: Sequence[BehaviourCounts] = ()
    checked: Sequence[CheckedAnswers] = ()
    files: Sequence[FileFacts] = ()
    main: str | None = None
    graph: str = ""
    sets: Sequence[SetFacts] = ()
    stages: Sequence[StageFacts] = ()
    planned: Sequence[PlannedFacts] = ()
    scorers: Sequence[ScorerFacts] = ()
    usage: Sequence[UsageFacts] = ()
    also: Sequence[AlsoFacts] = ()
    places: Sequence[DeliveredPlace] = ()
    domains: Mapping[str, str] = field(default_factory=dict)
    """Held-out problem -> its domain."""
    problem_funnel: Funnel | None = None
    written: Mapping[str, Any] = field(default_factory=dict)
    """Of problems that the teacher wrote: `seeds`, `written`, `kept`, kept ones by way (`ways`) and `sampling`."""
    template_overlap: tuple[int, int] | None = None
    problems: Mapping[str, Problem] = field(default_factory=dict)
    teacher: Mapping[str, Trace] = field(default_factory=dict)
    teacher_name: str = "teacher"
