"""What a trace states, as values: its numbers and results step by step, those of its question, and its answer. Pure."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from fractions import Fraction

from potstill.records import Problem
from potstill.verify.extract import extract
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


@dataclass(frozen=True, kw_only=True, slots=True)
class ToldStep:
    """One step: its text, the `numbers` in it, the `operands` and `results` of its equations, whether it looks back."""

    text: str
    numbers: frozenset[Fraction]
    operands: tuple[Fraction, ...]
    results: tuple[Fraction, ...]
    looks_back: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """A trace as values. `answer` is None where it is no number; `said` is it as written."""

    steps: tuple[ToldStep, ...]
    given: frozenset[Fraction]
    answer: Fraction | None
    said: str
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
    steps += [own for span in segment(answer, "sentences") if (own := _step(answer[span.start : span.end])).results]
    return Told(steps=tuple(steps), given=frozenset(given), answer=number, said=said, choices=problem.choices)


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
    return frozenset(parts | {token.value for token in tokens_of(plain(text)) if token.kind == "number"})


def _step(text: str) -> ToldStep:
    if len(text) > MAX_CHARACTERS:
        return ToldStep(text=text, numbers=frozenset(), operands=(), results=(), looks_back=False)
    operands: list[Fraction] = []
    results: list[Fraction] = []
    for equation in itertools.islice(equations(text, {}), MAX_EQUATIONS):
        if equation.right.literal is not None and equation.left.operators:
            results.append(equation.right.literal.value)
        if equation.left.nodes:
            operands += sorted(numbers_of(equation.left.text))
        if equation.right.operators:
            operands += sorted(numbers_of(equation.right.text))
    return ToldStep(
        text=text, numbers=numbers_of(text), operands=tuple(operands), results=tuple(results),
        looks_back=_CHECKING.match(text) is not None,
    )  # fmt: skip
