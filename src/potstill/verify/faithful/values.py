"""What a trace states, as values: its numbers and results step by step, those of its question, and its answer. Pure."""

from __future__ import annotations

import itertools
import re
from collections.abc import Set
from dataclasses import dataclass
from fractions import Fraction

from potstill.records import Problem
from potstill.verify.extract import extract
from potstill.verify.statement import EXPLICIT, FoundIn
from potstill.verify.steps.arithmetic import MAX_CHARACTERS, MAX_EQUATIONS
from potstill.verify.steps.segment import segment
from potstill.verify.steps.statements import equations
from potstill.verify.steps.tokens import plain, tokens_of

_CHECKING = re.compile(
    r"\W{0,3}(?:(?:let(?: us|'s| me) )?(?:double[- ]?)?check|verif|to (?:check|verify|be sure))", re.IGNORECASE
)
"""How a step begins that looks back: `Check: 4 + 3 = 7.`, `Let me double-check`, `To verify,`."""
_WORDS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "dozen": 12, "half": 2, "twice": 2, "double": 2, "thrice": 3, "triple": 3,
}  # fmt: skip
_WORD = re.compile(r"[A-Za-z]+")
_DIGITS = re.compile(r"[0-9]{1,40}")
"""`8` and `05` of `8:05`."""
EQUALS = re.compile(r"[=≈≡]|\\(?:approx|equiv)\b")
EQUAL = 40
"""Characters behind a sign of equality within which its number begins."""
LINE = 400
"""Characters of a last line that are looked at."""
_MARKED = (*EXPLICIT, FoundIn.STATED, "whole")
"""Where an answer is marked as what it is, so that no other number beside it can be meant."""
SMALL = frozenset(map(Fraction, (1, 2, 3, 4)))
"""Numbers by which a value is changed, doubled or halved without a word."""
DECIMALS = 8
"""An answer of more decimals than this is rounded to so many."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ToldStep:
    """One step: its text, the `numbers` in it, the `operands` and `results` of its equations, whether it looks back.

    `begins` are the operands that its calculations begin with: `2 * 3 + 4 = 6 + 4 = 10` begins with 2, 3 and 4.
    """

    text: str
    numbers: frozenset[Fraction]
    operands: tuple[Fraction, ...]
    begins: tuple[Fraction, ...]
    results: tuple[Fraction, ...]
    looks_back: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """A trace as values. `answer` is None where it is no number; `said` is it as written.

    The first `reasoned` steps are of the reasoning, the others of the answer. Where the answer is `doubted` its text
    states several; `others` are further numbers that may be meant. `reckoned` tells that its text sets something equal
    to it: it is computed there, read or not.
    """

    question: str
    steps: tuple[ToldStep, ...]
    reasoned: int
    given: frozenset[Fraction]
    answer: Fraction | None
    said: str
    others: frozenset[Fraction] = frozenset()
    doubted: bool = False
    reckoned: bool = False
    choices: tuple[str, ...] = ()

    @property
    def forward(self) -> tuple[ToldStep, ...]:
        """The steps that go forward: those that look back at what is settled are left out."""
        return tuple(step for step in self.steps if not step.looks_back)


def told_of(problem: Problem, reasoning: str, answer: str) -> Told:
    """Return what a trace tells; steps are its sentences, those of the answer among them that compute.

    Answers of several parts are not read: they say nothing.
    """
    found = extract(answer, "number" if problem.answer_kind == "quantity" else problem.answer_kind, problem.choices)
    said = "" if problem.answer_kind == "parts" else found.value or ""
    number = None if problem.answer_kind in ("choice", "yes_no", "text", "date", "code", "parts") else value_of(said)
    given = numbers_of(problem.statement) | {
        Fraction(_WORDS[word.lower()]) for word in _WORD.findall(problem.statement) if word.lower() in _WORDS
    }
    steps = [_step(reasoning[span.start : span.end]) for span in segment(reasoning, "sentences")]
    own = [step for span in segment(answer, "sentences") if (step := _step(answer[span.start : span.end])).results]
    others = frozenset(filter(None, map(value_of, found.others)))
    if number is not None and found.method not in _MARKED:
        others |= frozenset(written(answer[-LINE:].rstrip().rpartition("\n")[2])) - {abs(number)}
    return Told(
        question=problem.statement, steps=(*steps, *own), reasoned=len(steps), given=frozenset(given), answer=number,
        said=said, others=others, doubted=found.ambiguous, choices=problem.choices,
        reckoned=number is not None and set_equal(answer, number),
    )  # fmt: skip


def set_equal(text: str, value: Fraction) -> bool:
    """Whether a text sets something equal to a value: `the total = 6 (Ana) + 10 (Tom) = 16 goals`."""
    return any(written(part[:EQUAL])[:1] == [abs(value)] for part in EQUALS.split(text)[1:])


def stands_for(value: Fraction, answer: Fraction) -> bool:
    """Whether a computed value is what an answer says, whatever its sign: itself, in hundredths, or rounded."""
    value, answer = abs(value), abs(answer)
    decimals = next((places for places in range(DECIMALS) if (answer * 10**places).denominator == 1), DECIMALS)
    last = Fraction(1, 10**decimals)
    return any(2 * abs(one - answer) <= last * (one != answer) for one in (value, 100 * value))


def one_operation(some: Set[Fraction], others: Set[Fraction], value: Fraction) -> bool:
    """Whether one sum, difference, product or quotient of two numbers is a value. Linear in the first."""
    value = abs(value)
    for one in some:
        found = (value - one, value + one, one - value, value / one if one else None, value * one,
                 one / value if value else None)  # fmt: skip
        if any(other in others and other != one for other in found if other is not None):
            return True
    return False


def value_of(text: str) -> Fraction | None:
    """Return the one number that a text holds, None where it holds none or several."""
    tokens = [token for token in tokens_of(plain(text[:200])) if token.kind == "number"]
    if len(tokens) != 1:
        return None
    negative = text.strip().lstrip("$").startswith(("-", "\N{MINUS SIGN}"))
    return -tokens[0].value if negative else tokens[0].value


def numbers_of(text: str) -> frozenset[Fraction]:
    """Return the numbers that are written in a text, without signs; of `8:05` also its parts."""
    text = text[:MAX_CHARACTERS]
    parts = {Fraction(digits) for digits in _DIGITS.findall(text)}
    return frozenset(parts.union(written(text)))


def written(text: str) -> list[Fraction]:
    """Return the numbers of a text in their order, without signs."""
    return [token.value for token in tokens_of(plain(text)) if token.kind == "number"]


def _step(text: str) -> ToldStep:
    if len(text) > MAX_CHARACTERS:
        return ToldStep(text=text, numbers=frozenset(), operands=(), begins=(), results=(), looks_back=False)
    operands: list[Fraction] = []
    begins: list[Fraction] = []
    results: list[Fraction] = []
    for equation in itertools.islice(equations(text, {}), MAX_EQUATIONS):
        if equation.right.literal is not None and equation.left.operators:
            results.append(equation.right.literal.value)
        if not equation.joined:
            first = equation.left if equation.left.operators else equation.right
            begins += written(first.text) if first.operators else ()
        if equation.left.nodes:
            operands += sorted(numbers_of(equation.left.text))
        if equation.right.operators:
            operands += sorted(numbers_of(equation.right.text))
    return ToldStep(
        text=text, numbers=numbers_of(text), operands=tuple(operands), begins=tuple(begins), results=tuple(results),
        looks_back=_CHECKING.match(text) is not None,
    )  # fmt: skip
