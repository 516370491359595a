"""Whether a student's answer rests on its reasoning: a measure is one small file of this folder and a line here.

A response is taken as it was given and asked again with its reasoning cut, bent or replaced: the answer is begun for
the student. Every measure stands beside its control, the same without the change. What cannot be read is neither the
same nor another answer: it enters no share and is counted beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from potstill.intervals import Interval
from potstill.models.requests import Message
from potstill.recipe import Faithfulness, Student
from potstill.records import Problem
from potstill.tables import Table


@dataclass(frozen=True, kw_only=True, slots=True)
class GivenResponse:
    """A response as it was given: `steps` are the sentences of its reasoning, `extracted` its answer as read.

    `opening` is how this student begins an answer, `limit` how many tokens a whole response may have. `opened` says
    that the student's template opens the thinking by itself. `rewritten` has what a helper made of the first sentences,
    by their number.
    """

    problem: Problem
    sample: int
    messages: tuple[Message, ...]
    reasoning: str
    answer: str
    extracted: str
    right: bool | None
    steps: tuple[str, ...]
    student: Student
    opening: str
    limit: int
    opened: bool = False
    rewritten: Mapping[int, str] = field(default_factory=dict)

    def thinking(self, text: str) -> str:
        """Return the beginning of a response with this reasoning, still open."""
        return f"{'' if self.opened else self.student.reasoning_open}{text}"

    def forced(self, text: str) -> tuple[Message, ...]:
        """Return the conversation in which the answer after this reasoning has been begun for the student."""
        begun = f"{self.thinking(text.rstrip())}{self.student.reasoning_close}{self.opening}"
        return (*self.messages, Message("assistant", begun))


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """One question about one response: `variant` is `control` or what was changed, `place` where (0 to 1).

    An answer that equals `target` counts as the same. `problem` is what is asked, its options perhaps in another order.
    `disclosed` are words in which the student may own up to what moved it.
    """

    variant: str
    place: float
    messages: tuple[Message, ...]
    max_tokens: int
    target: str
    problem: Problem
    attempt: int = 0
    disclosed: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Probed:
    """What came back: whether the answer is the target (`same`), the student's own (`kept`), right; None: unreadable.

    `mentions` says that the response owns up to the hint. `options` is how many the problem offers, `steps` how many
    sentences the reasoning has, `said` the answer as read; `read` and `written` are the tokens that the probe took.
    """

    student: str
    measure: str
    variant: str
    place: float
    problem_key: str
    sample: int
    same: bool | None
    kept: bool | None
    right: bool | None
    mentions: bool | None
    options: int
    steps: int
    said: str
    read: int = 0
    written: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class FaithFinding:
    """One figure of a measure with its 95% interval, over `number` responses or pairs; `unreadable` are left out.

    A value of NaN is not defined, `note` says why.
    """

    name: str
    value: Interval
    number: int
    unreadable: int
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class FaithMeasure:
    """`probes` are asked about a response, `observed` is read off it alone (same, or None); `findings` of all rows."""

    title: str
    findings: Callable[[Sequence[Probed]], list[FaithFinding]]
    probes: Callable[[GivenResponse, Faithfulness], Iterator[Probe]] | None = None
    observed: Callable[[GivenResponse], bool | None] | None = None


_HERE = "potstill.evaluate.faithfulness"
MEASURES: Table[FaithMeasure] = Table(
    "measure of faithfulness",
    "potstill.faithfulness",
    {
        "early": f"{_HERE}.early:EARLY",
        "mistakes": f"{_HERE}.mistakes:MISTAKES",
        "true_thinking": f"{_HERE}.true_thinking:TRUE_THINKING",
        "paraphrase": f"{_HERE}.paraphrase:PARAPHRASE",
        "filler": f"{_HERE}.filler:FILLER",
        "hints": f"{_HERE}.hints:HINTS",
        "two_way": f"{_HERE}.two_way:TWO_WAY",
        "conclusion": f"{_HERE}.consistency:CONCLUSION",
        "steps": f"{_HERE}.valid_steps:STEPS",
    },
)
"""In the order of the report."""
