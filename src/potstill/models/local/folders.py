"""A delivered folder as the program that it is for runs it: one who answers, and how fast it is.

`python -m potstill.models.local.folders PROGRAM FOLDER THREADS TOKENS` reads a rendered prompt from its standard input
and prints how fast the folder is, as JSON: a process of its own, in which nothing but the program takes memory.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from potstill.models.local import chat
from potstill.models.local.loading import Checkpoint
from potstill.models.local.memory import peak_memory
from potstill.models.local.model import Generated, Prompt
from potstill.records import Finish
from potstill.tables import Table


@dataclass(frozen=True)
class Draw:
    """How tokens are drawn; `temperature` 0 takes the likeliest each time."""

    seed: int = 0
    temperature: float = 0.0
    top_p: float = 1.0

    def chooser(self) -> Callable[[Any], int]:
        """Return what draws a token from float32 logits of numpy, (vocabulary,), as `local.LocalModel` draws it."""
        if self.temperature == 0:
            return lambda logits: int(logits.argmax())
        import torch

        from potstill.models.local.model import drawn

        draw = torch.Generator().manual_seed(self.seed)
        return lambda logits: drawn(torch.from_numpy(logits).unsqueeze(0), [draw], self.temperature, self.top_p)[0]


GREEDY = Draw()


def unheard() -> None:
    """Hear of a token and do nothing."""


class FolderProgram(Protocol):
    """A folder, loaded: `context` in tokens; `stops` are the tokens that end an answer, none lets it go on."""

    load_seconds: float
    context: int
    stops: frozenset[int]

    def ids(self, text: str) -> list[int]:
        """Return the tokens of a text."""

    def write(
        self, ids: Sequence[int], most: int, draw: Draw = GREEDY, each: Callable[[], None] = unheard
    ) -> tuple[list[int], bool]:
        """Return (tokens, whether the model ended by itself): at most `most` after `ids`; the token that ended it last.

        `each` is called when a token is there.

        Raises:
            CheckpointError: the program has no way to compute it.
        """


PROGRAMS: Table[Callable[..., FolderProgram]] = Table(
    "program",
    "potstill.folder_programs",
    {
        "onnx": "potstill.models.local.onnx:OnnxRuntime",
        "mlx": "potstill.models.local.mlx:MlxLm",
        "openvino": "potstill.models.local.openvino:OpenVino",
    },
)
"""What loads (folder, threads, None for as many as it likes), by the name of the form."""


class FolderModel:
    """One who answers, as `local.LocalModel` does, one prompt at a time: the same request has the same answer always.

    Texts are made of tokens by the tokenizer of the folder that transformers reads, so that marks of thinking which are
    special tokens stay in them; prompts are cut by the program's own.
    """

    most = 1

    def __init__(self, program: str, folder: Path, day: Callable[[], date] = chat.today) -> None:
        self.program = PROGRAMS[program](folder, None)
        self.tokenizer = chat.load_tokenizer(Checkpoint(str(folder), str(folder)))
        chat.with_date(self.tokenizer, day)

    def render(self, messages: Sequence[dict[str, str]]) -> str:
        """Return the prompt text of a conversation in the model's own chat template; see `chat.asked`."""
        return chat.asked(self.tokenizer, messages)

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Return the tokens of rendered prompts."""
        return [len(self.program.ids(text)) for text in texts]

    def rows(self, tokens: int) -> int:
        """Return 1: see `most`."""
        del tokens
        return 1

    def answer(self, prompts: Sequence[Prompt], settings: Mapping[str, Any]) -> list[Generated]:
        """Sample one completion a prompt; `temperature` 0 is greedy, other draws are the prompt's own by its seed."""
        return [self._answer(prompt, settings) for prompt in prompts]

    def _answer(self, prompt: Prompt, settings: Mapping[str, Any]) -> Generated:
        ids = self.program.ids(prompt.text)
        room = min(int(settings["max_tokens"]), self.program.context - len(ids))
        if room <= 0 or not ids:
            return Generated("", "length", len(ids), 0)
        draw = Draw(prompt.seed, float(settings.get("temperature", 0.0)), float(settings.get("top_p", 1.0)))
        written, ended = self.program.write(ids, room, draw)
        finish: Finish = "stop" if ended else "length"
        text = self.tokenizer.decode(written[: len(written) - ended], clean_up_tokenization_spaces=False)
        return Generated(str(text), finish, len(ids), len(written))


def main(name: str, folder: str, threads: str, tokens: str) -> None:
    """Print the seconds to load and to the first token, tokens a second read and written, and the most bytes in use."""
    program = PROGRAMS[name](Path(folder), int(threads))
    program.stops = frozenset()
    ids, moments = program.ids(sys.stdin.read()), [time.monotonic()]
    room = max(2, min(int(tokens), program.context - len(ids)))
    program.write(ids, room, GREEDY, lambda: moments.append(time.monotonic()))
    first, rest = moments[1] - moments[0], moments[-1] - moments[1]
    found = {
        "load_seconds": program.load_seconds, "first": first, "read": len(ids) / first,
        "written": (len(moments) - 2) / rest, "memory": peak_memory(),
    }  # fmt: skip
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
