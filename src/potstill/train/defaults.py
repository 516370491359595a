"""What `auto` stands for in a training: settings by the size of the student and the number of rows, each with a source.

A rule of thumb of people who published what they trained with, and of our own log; it knows nothing of the data. Each
table is read from the top, and the first line that fits counts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from potstill.recipe import Lora, Train


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A value for students of at least `parameters` and at most `most_parameters`, on at least `rows` rows.

    `scratch` says for which students it is: those from nothing, or those that were pretrained.
    """

    value: float
    source: str
    rows: int = 0
    parameters: float = 0
    most_parameters: float = float("inf")
    scratch: bool | None = None

    def fits(self, parameters: int, rows: int, *, scratch: bool) -> bool:
        """Return whether it is for this student and number of rows."""
        of_kind = self.scratch is None or self.scratch == scratch
        return of_kind and self.parameters <= parameters <= self.most_parameters and rows >= self.rows

    def __str__(self) -> str:
        size = [f"{self.parameters / 1e9:g}B parameters or more"] if self.parameters else []
        if self.most_parameters < float("inf"):
            size.append(f"at most {self.most_parameters / 1e9:g}B parameters")
        what = [] if self.scratch is None else ["a student from nothing" if self.scratch else "a pretrained student"]
        when = ", ".join([*what, *size, *([f"{self.rows:,} rows or more"] if self.rows else [])]) or "otherwise"
        return f"{self.value:g}: {when} ({self.source})"


LEARNING_RATE = (
    Rule(scratch=True, most_parameters=1e7, value=1.5e-3, source="the pocket recipe, docs/log.md"),
    Rule(scratch=True, value=6e-4, source="GPT-3 of 125M, arXiv 2005.14165, table 2.1"),
    Rule(parameters=3.2e10, value=1e-5, source="s1-32B, arXiv 2501.19393"),
    Rule(most_parameters=5e8, value=2e-4, source="SmolLM2-135M in the quickstart, docs/log.md"),
    Rule(rows=10_000, value=4e-5, source="OpenR1-Distill-7B, open-r1"),
    Rule(value=1e-5, source="s1K of 1,000 rows, arXiv 2501.19393"),
)
"""Of full fine-tuning, at its peak."""
LORA_TIMES = 10.0
"""By how much adapters learn faster (Thinking Machines, LoRA Without Regret, 2025)."""
EPOCHS = (
    Rule(rows=100_000, value=3, source="OpenThinker on 114k rows, open-thoughts"),
    Rule(rows=10_000, value=5, source="OpenR1-Distill-7B, open-r1"),
    Rule(value=10, source="5 on s1K, 15 on LIMO's 817 rows, arXiv 2501.19393 and 2502.03387"),
)


@dataclass(frozen=True)
class Chosen:
    """A setting that `auto` was settled to, and why."""

    key: str
    value: float
    why: str

    def __str__(self) -> str:
        return f"train.{self.key}: auto is {self.value:g} ({self.why})"


def settled(
    train: Train, lora: Lora | None, *, parameters: int, rows: int, scratch: bool
) -> tuple[Train, list[Chosen]]:
    """Return the settings with numbers in the place of `auto`, and which were chosen and why.

    `parameters` are the student's weights, `rows` those that can be trained on.
    """
    found: list[Chosen] = []
    rate, epochs = train.learning_rate, train.epochs
    if train.learning_rate == "auto":
        rule = _first(LEARNING_RATE, parameters, rows, scratch=scratch)
        times, why = (LORA_TIMES, f"{LORA_TIMES:g} times as much with adapters: ") if lora is not None else (1.0, "")
        rate = rule.value * times
        found.append(Chosen("learning_rate", rate, f"{why}{rule}"))
    if train.epochs == "auto":
        rule = _first(EPOCHS, parameters, rows, scratch=scratch)
        epochs = rule.value
        found.append(Chosen("epochs", epochs, str(rule)))
    return dataclasses.replace(train, learning_rate=rate, epochs=epochs), found


def counted(chosen: Sequence[Chosen]) -> dict[str, Any]:
    """Return what a stage keeps of the settings that were chosen for it, nothing where none were."""
    return {"auto": {one.key: {"value": one.value, "why": one.why} for one in chosen}} if chosen else {}


def asked(train: Train) -> list[str]:
    """Return what can be said of `auto` before there are rows: each setting with its rules."""
    rules = {"learning_rate": LEARNING_RATE, "epochs": EPOCHS}
    return [
        f"train.{key}: auto is settled when the rows are there: {'; '.join(map(str, rules[key]))}"
        for key in rules if getattr(train, key) == "auto"
    ]  # fmt: skip


def _first(rules: tuple[Rule, ...], parameters: int, rows: int, *, scratch: bool) -> Rule:
    return next(rule for rule in rules if rule.fits(parameters, rows, scratch=scratch))
