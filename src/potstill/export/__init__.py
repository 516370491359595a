"""The trained student in the form that others take: an exporter is a file of this folder and its line here.

An exporter gets a `Delivery`, writes the folder `out`, which is not there yet, and returns the counts of the stage.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from potstill.tables import Table

if TYPE_CHECKING:
    from potstill.evaluate.conditions import Conditions
    from potstill.export.card import Card


@dataclass(frozen=True)
class Said:
    """One question as the student was asked it, and what it answered."""

    prompt: str
    reasoning: str
    answer: str


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What is delivered: the checkpoint `trained`, user messages to compare it on, and what is said of it.

    `conversations` are some that the trained student had; `longest` is the longest row, in tokens, of its training.
    `options` are the recipe's, below the exporter's name in `export.formats`.
    """

    trained: Path
    out: Path
    prompts: Sequence[str]
    card: Card
    conditions: Conditions
    conversations: Sequence[Said]
    longest: int
    options: Mapping[str, Any]


Exporter = Callable[[Delivery], dict[str, Any]]
EXPORTERS: Table[Exporter] = Table(
    "exporter",
    "potstill.exporters",
    {
        "safetensors": "potstill.export.safetensors:safetensors",
        "gguf": "potstill.export.gguf:gguf",
    },
)
