"""Some steps of a trace as pruning reads them: what each states that is new, comes to, or goes over again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from potstill.verify.faithful.conclusion import named
from potstill.verify.faithful.values import Told, ToldStep
from potstill.verify.steps.segment import thinks_again
from potstill.verify.steps.turns import ANNOUNCING, opening, saying

_BACK = opening("check", "doubt", "alternative", "summary")
_CHECK = re.compile(
    rf"(?:\W{{0,4}}(?:but |hmm+,? )?(?:wait|hold on|actually)\b[,. ]{{1,3}})?(?:{opening('check').pattern})",
    re.IGNORECASE,
)
"""`Wait, let me check.`"""
_NOT_IT = saying("rejection")
_GOAL = re.compile(
    r"\W{0,4}(?:(?:okay|ok|alright|so|first|well)\b[, ]{1,2}){0,3}(?:we|i) (?:look for|(?:need to|have to|want to|must)"
    r" (?:find|compute|determine|figure out|know))\b[^:;\"?]*\Z",
    re.IGNORECASE,
)
"""`So we need to find how many are left.`"""
_DOING = frozenset({"let", "lets", "ll", "going", "step", "steps", "thing", "things"})
"""Of the words of an announcement those without which it is none: `That could be.`"""
_GOING_FOR = ("for", "find", "determine", "compute", "know", "many", "much", "number", "total", "given", "based", "if")
_BARE = frozenset({
    "no", "wait", "hold", "on", "but", "hmm", "oops", "actually", "that", "this", "it", "is", "was", "s", "'", "’",
    "not", "isn", "wasn", "t", "can", "cannot", "be", "quite", "right", "correct", "wrong", "incorrect", "a", "an",
    "mistake", "error", "the", "way", "round", "around", "i", "made",
})  # fmt: skip
"""The words of a sentence that takes back what stands before it, and says nothing more."""
_LEANING = re.compile(
    r"\W{0,4}(?:(?:well|hmm+|okay|ok)\b[, ]{1,2})?(?:so|that|this|these|those|it|its|it's|they|which|or|and|but|because"
    r"|since|yes|yeah|no|hence|thus|therefore|then|he|she|both|either|neither|same|also|still|instead|again|maybe"
    r"|perhaps|if|oh|right|correct|exactly|good|great|for example|in that|given that)\b"
    r"|[^.,]{0,20}\b(?:them|they|it)\b",
    re.IGNORECASE,
)
"""How a step begins that goes on from the one before it."""
_MAYBE = re.compile(
    r"\?|\b(?:if|maybe|perhaps|might|could|suppose\w*|assum\w+|guess\w*|unless|possibl\w+|probabl\w+|likely)\b",
    re.IGNORECASE,
)
"""What makes of an answer a guess."""
_NOT = re.compile(r"(?:\bnot|\bcannot|n['’]t)\b", re.IGNORECASE)
"""What denies, as in `So it is not 12.`"""
_BUT = re.compile(r"\W{0,4}(?:but|however|though|although|yet|still|unless|except)\b", re.IGNORECASE)
"""How a step begins that sets something against the one before it."""
_WANTING = re.compile(
    r"\b(?:insufficient|missing (?:information|info|data|context|a part|parts?|details?)|impossible|incomplete"
    r"|mistyped|typo|unsolvable|lack(?:s|ing)?|not enough|discrepanc\w+|inconsisten\w+|ambigu\w+|unrelated|mix-?up"
    r"|no (?:information|context|data|mention)"
    r"|(?:cannot|can not|can't|can’t) be (?:determined|answered|solved|known))\b",
    re.IGNORECASE,
)
"""`The information is insufficient`, `there may be a typo`."""
_THE_ANSWER = re.compile(r"\banswer\b|\\boxed\b", re.IGNORECASE)
"""`The answer is 12.`"""
_ANSWER = re.compile(r"\banswer\b|\\boxed\b|^\W{0,4}(?:therefore|thus|hence|so)\b", re.IGNORECASE)
"""The same, and `So it is 12.`"""
SHORT = 12
"""Words of a step in words that says little: `So we have it.`"""
_WORD = re.compile(r"[^\W_]+")
"""`three`, `12`"""
_SIGN = re.compile(r"[^\W_]+|[^\s\w.,;:!?*]")
"""The words, numbers and signs of a step: `4`, `-`, `x`."""


@dataclass(frozen=True)
class StepReading:
    """Steps of a trace in their order. Everything about a step is told by its place among them."""

    told: Told
    steps: tuple[ToldStep, ...]

    @classmethod
    def of(cls, told: Told, kept: Sequence[int]) -> StepReading:
        """Read some of the steps of a trace."""
        return cls(told, tuple(told.steps[number] for number in kept))

    @cached_property
    def fresh(self) -> tuple[frozenset[Fraction], ...]:
        """Of each step the numbers that stand neither in the question nor in a step before it."""
        known = set(self.told.given)
        found = []
        for step in self.steps:
            found.append(frozenset(step.numbers - known))
            known |= step.numbers
        return tuple(found)

    @cached_property
    def all_used(self) -> int:
        """The place by which every number of the question that is ever used has been, but to check something."""
        used: set[Fraction] = set()
        last = 0
        for place, step in enumerate(self.steps):
            if not step.looks_back and (new := (step.numbers & self.told.given) - used):
                used |= new
                last = place
        return last

    @cached_property
    def spelt(self) -> tuple[tuple[str, ...], ...]:
        """Of each step its words, numbers and signs in their order, in lower case."""
        return tuple(tuple(_SIGN.findall(step.text.casefold())) for step in self.steps)

    @cached_property
    def _asked(self) -> frozenset[str]:
        """The words of the question, without their endings, and those that say nothing."""
        asked = _SIGN.findall(self.told.question.casefold())
        return frozenset(word[:4] for word in (*asked, *ANNOUNCING, *_GOING_FOR))

    @cached_property
    def computes_at(self) -> int:
        """The place of the first step that computes."""
        return next((place for place, step in enumerate(self.steps) if step.results), len(self.steps))

    def goes_back(self, place: int) -> bool:
        """Whether a step says that it goes over what is settled, or thinks again."""
        step = self.steps[place]
        return step.looks_back or thinks_again(step.text) or _BACK.match(step.text) is not None

    def checks(self, place: int) -> bool:
        """Whether a step says that it checks."""
        return self.steps[place].looks_back or _CHECK.match(self.steps[place].text) is not None

    def leans(self, place: int) -> bool:
        """Whether a step goes on from the one before it: `That is 5.`, `Or both?`; the end leans on nothing."""
        return place < len(self.steps) and _LEANING.match(self.steps[place].text) is not None

    def asks(self, place: int) -> bool:
        """Whether a step asks something."""
        return place >= 0 and "?" in self.steps[place].text

    def leads(self, place: int) -> bool:
        """Whether a step ends in what comes behind it: `So,`, `As x is 0:`, a question."""
        return self.steps[place].text.rstrip().endswith((",", ":", "?"))

    def guesses(self, place: int) -> bool:
        """Whether a step says that it may be otherwise."""
        return _MAYBE.search(self.steps[place].text) is not None

    def announces(self, place: int) -> bool:
        """Whether a step only says that something will be done, or, before anything is, what is asked for."""
        step = self.steps[place]
        if step.results or self.fresh[place] or self.states_answer(place) or self.goes_back(place) or self.leads(place):
            return False
        words = {word for word in self.spelt[place] if word.isalnum()}
        if not step.numbers and ANNOUNCING.issuperset(words) and not _DOING.isdisjoint(words):
            return True
        goal = _GOAL.match(step.text) if place < self.computes_at else None
        return goal is not None and sum(word[:4] not in self._asked for word in words) <= 1

    def takes_back(self, place: int) -> bool:
        """Whether a step only takes back what stands before it: `No, that is wrong.`"""
        return self.rejects(place) and _BARE.issuperset(self.spelt[place]) and not self.asks(place)

    def rejects(self, place: int) -> bool:
        """Whether a step takes back what was said before it."""
        return _NOT_IT.search(self.steps[place].text[:200]) is not None and not self.steps[place].results

    def states_answer(self, place: int) -> bool:
        """Whether a step comes to the answer of the trace, or names it."""
        step, answer = self.steps[place], self.told.answer
        if answer is None:
            return bool(self.told.said) and named(self.told, step.text) == "right"
        if step.results:
            return abs(step.results[-1]) == abs(answer)
        return abs(answer) in step.numbers

    def says_answer(self, place: int) -> bool:
        """Whether a step says that this is the answer: `So it is 12.`"""
        found = _ANSWER.search(self.steps[place].text)
        return found is not None and self.states_answer(place) and not self.guesses(place)

    def finds_wanting(self, place: int) -> bool:
        """Whether a step says that the question wants something: `It is impossible to say.`"""
        return _WANTING.search(self.steps[place].text) is not None

    def concludes(self, place: int) -> bool:
        """Whether a step says in so many words that this is the answer, and no other number: `The answer is 12.`"""
        step, answer = self.steps[place], self.told.answer
        return answer is not None and step.numbers == {abs(answer)} and _THE_ANSWER.search(step.text) is not None

    def open(self, place: int) -> bool:
        """Whether a step leaves open what it states, or denies it."""
        return self.guesses(place) or _NOT.search(self.steps[place].text) is not None

    def computes_answer(self, place: int) -> bool:
        """Whether a step computes the answer, or says it where it is no number of the question."""
        answer = self.told.answer
        if answer is None:
            return False
        if self.steps[place].results:
            return self.states_answer(place)
        return abs(answer) not in self.told.given and self.says_answer(place)

    def turns(self, place: int) -> bool:
        """Whether a step doubts, guesses, asks, takes back or goes another way; a check that finds nothing does not."""
        return self.guesses(place) or self.rejects(place) or (self.goes_back(place) and not self.checks(place))

    def idle(self, place: int) -> bool:
        """Whether a step names no number but the answer, and turns nowhere; in words, names the answer or is short."""
        step, answer = self.steps[place], self.told.answer
        if self.open(place) or self.rejects(place) or _BUT.match(step.text) is not None:
            return False
        if answer is None:
            return self.states_answer(place) or (not step.results and len(_WORD.findall(step.text)) <= SHORT)
        return step.numbers <= {abs(answer)}


def numbers_gone(reading: StepReading, found: set[int]) -> set[int]:
    """Return which of the steps to take out have to stay, since kept ones use numbers that nothing else states.

    A number that a kept step uses and that stood before it has to stand before it still: in the question, or in a kept
    step. The latest step that states it stays, and then what that one uses, and so on.
    """
    back: set[int] = set()
    while True:
        missing = _missing(reading, found - back)
        if not missing:
            return back
        back |= missing


def _missing(reading: StepReading, out: set[int]) -> set[int]:
    there: set[Fraction] = set(reading.told.given)
    lost: dict[Fraction, int] = {}
    needed: set[int] = set()
    for place, step in enumerate(reading.steps):
        if place in out:
            lost.update(dict.fromkeys(step.numbers - there, place))
            continue
        used = step.numbers - {abs(result) for result in step.results}
        needed.update(lost[number] for number in used if number in lost and number not in there)
        there |= step.numbers
    return needed
