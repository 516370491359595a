"""The trained student in the form that others take: an exporter is a file of this folder and its line here.

An exporter gets a `Delivery`, writes the folder `out`, which is not there yet, and returns the counts of the stage.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from potstill.tables import Table

if TYPE_CHECKING:
    from potstill.evaluate.conditions import Conditions
    from potstill.evaluate.protocol import ModelUnderTest
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

    `conversations` are some that the trained student had, `examples` some that it was trained on; `longest` is the
    longest row, in tokens, of its training.
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
    examples: Sequence[Said] = ()


Exporter = Callable[[Delivery], dict[str, Any]]
EXPORTERS: Table[Exporter] = Table(
    "exporter",
    "potstill.exporters",
    {
        "safetensors": "potstill.export.safetensors:safetensors",
        "gguf": "potstill.export.gguf:gguf",
        "onnx": "potstill.export.onnx:onnx",
        "mlx": "potstill.export.mlx:mlx",
        "openvino": "potstill.export.openvino:openvino",
    },
)


TOGETHER = 16
"""Responses of a delivered form that a kill may lose."""
TIMED = 48
"""Tokens written for a speed."""


@dataclass(frozen=True)
class InRuntime:
    """A delivered form while it runs: who answers, and the most bytes it has had in memory so far, None unknown."""

    student: ModelUnderTest
    memory: Callable[[], int | None]


class Runtime(Protocol):
    """The program that a delivered form is for; `path` is a file or folder of it, `context` in tokens."""

    @property
    def packages(self) -> tuple[str, ...]:
        """Modules without which there is no such program, and no such form."""

    def refusal(self, config: Mapping[str, Any], types: Collection[str]) -> str:
        """Return what stands against a student of this `config.json` in these types, nothing where nothing does."""

    def running(
        self, path: Path, *, name: str, context: int, about: Mapping[str, Any]
    ) -> AbstractContextManager[InRuntime]:
        """Load it and let it answer, one request at a time: the same request has the same answer always."""

    def speeds(self, path: Path, *, context: int, messages: Sequence[dict[str, str]], threads: int) -> dict[str, float]:
        """Return `load_seconds`, `first` (seconds to the first token), and tokens a second `read` and `written`.

        A runtime that can say how many bytes it took alone says so as `memory`.
        """


RUNTIMES: Table[Runtime] = Table(
    "runtime",
    "potstill.runtimes",
    {
        "gguf": "potstill.export.gguf.running:LLAMA_CPP",
        "onnx": "potstill.export.onnx:ONNXRUNTIME",
        "mlx": "potstill.export.mlx:MLX_LM",
        "openvino": "potstill.export.openvino:OPENVINO_GENAI",
    },
)
"""Where what an exporter wrote is loaded again and measured."""
