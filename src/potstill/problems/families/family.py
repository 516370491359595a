"""What a procedural family is: named integer settings and a function that drafts one problem from a random stream."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from potstill.errors import RecipeError, nearest

NAMES = (
    "Tom", "Ben", "Mia", "Sam", "Ana", "Max", "Kim", "Eva", "Leo", "Ida", "Jon", "Amy", "Dan", "Zoe", "Ron", "Lucy",
)  # fmt: skip
_SLOT = re.compile(r"\{([a-z]+)\d?\}")
"""`{name}` and `{name2}` of a sentence such as `{name} gives {name2} a coin.`"""


@dataclass(frozen=True, slots=True)
class Parameter:
    """An integer parameter of a family: its default and the smallest and largest value that can be generated."""

    default: int
    low: int
    high: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """One problem as its family drafts it. `steps` counts the dependent calculations of the shortest solution."""

    question: str
    gold: str
    template: str
    facts: dict[str, Any]
    steps: int
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """A procedural family. `generate(rng, settings)` drafts one problem; `settings` there is complete and checked."""

    name: str
    domain: str
    answer_kind: Literal["number", "choice", "text", "parts", "code"]
    bounds: Mapping[str, Parameter]
    generate: Callable[[random.Random, Mapping[str, int]], Draft]

    @property
    def settings(self) -> dict[str, int]:
        """The settings with their defaults."""
        return {key: setting.default for key, setting in self.bounds.items()}

    def resolve(self, given: Mapping[str, Any]) -> dict[str, int]:
        """Return all settings, `given` over the defaults.

        Raises RecipeError for an unknown setting, a value that is no whole number or out of bounds, and for a
        `min_` above its `max_`.
        """
        settings = self.settings
        for key, value in given.items():
            if key not in settings:
                raise RecipeError(f"family {self.name}: unknown setting {key!r}{nearest(str(key), list(settings))}")
            bound = self.bounds[key]
            if not isinstance(value, int) or isinstance(value, bool) or not bound.low <= value <= bound.high:
                raise RecipeError(
                    f"family {self.name}: setting {key!r} is {value!r}; "
                    f"it must be a whole number from {bound.low} to {bound.high}"
                )
            settings[key] = value
        for key, value in settings.items():
            upper = key.replace("min_", "max_", 1)
            if key.startswith("min_") and value > settings[upper]:
                raise RecipeError(
                    f"family {self.name}: {key!r} is {value}, above {upper!r}, which is {settings[upper]}"
                )
        return settings


class Story:
    """Collects the sentences of a question beside their bare wording.

    A wording has slots such as `{n}` or `{name2}`. The question has them filled in; the template keeps the slot's kind
    (`{n}`, `{name}`), so that it holds wording and structure but neither numbers nor names.
    """

    def __init__(self) -> None:
        self._filled: list[str] = []
        self._bare: list[str] = []

    def say(self, wording: str, **values: object) -> None:
        """Add one sentence."""
        self._filled.append(wording.format(**values))
        self._bare.append(_SLOT.sub(r"{\1}", wording))

    @property
    def question(self) -> str:
        """All sentences with their slots filled in."""
        return " ".join(self._filled)

    @property
    def template(self) -> str:
        """All sentences with the kinds of their slots."""
        return " ".join(self._bare)


def draw_operation(rng: random.Random, value: int, settings: Mapping[str, int]) -> tuple[str, int]:
    """Draw (sign, operand) to apply to `value` so that the result stays from 2 to `largest`.

    Reads `largest`, `operand` (largest number added or taken away) and `factor` (largest multiplier and divisor).
    """
    largest, operand, factor = settings["largest"], settings["operand"], settings["factor"]
    operands = {
        "+": range(2, min(operand, largest - value) + 1),
        "-": range(2, min(operand, value - 2) + 1),
        "*": [n for n in range(2, factor + 1) if value * n <= largest],
        "/": [n for n in range(2, factor + 1) if value % n == 0 and value // n >= 2],
    }
    weights = {"+": 3, "-": 3, "*": 2, "/": 2}
    signs = [sign for sign, numbers in operands.items() if numbers]
    sign = rng.choices(signs, [weights[sign] for sign in signs])[0]
    return sign, rng.choice(operands[sign])


def apply(value: int, sign: str, operand: int) -> int:
    """Return `value` sign `operand`; division is exact in every problem of ours."""
    if sign == "+":
        return value + operand
    if sign == "-":
        return value - operand
    if sign == "*":
        return value * operand
    return value // operand
