"""A model as mlx-lm runs it: a folder of safetensors in MLX's layout."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

from potstill.errors import CheckpointError, MissingExtraError
from potstill.models.local import loading
from potstill.models.local.folders import GREEDY, Draw, unheard

AT_ONCE = 2048
"""Tokens of a prompt that are read in one step."""


def mlx_lm() -> ModuleType:
    """Return the library.

    Raises:
        MissingExtraError: it is absent.
    """
    if find_spec("mlx_lm") is None:
        raise MissingExtraError("an MLX model", "mlx-lm", "mlx")
    # While it is imported it lets this process have no more than 4096 open files, which nobody but root takes back.
    with patch.object(resource, "setrlimit"):
        import mlx_lm as library
    return library  # type: ignore[no-any-return, unused-ignore]


class MlxLm:
    """The files of a folder, loaded; see `folders.FolderProgram`. How many threads it takes is its own choice.

    Raises:
        MissingExtraError: mlx-lm is absent.
        CheckpointError: the folder cannot be loaded.
    """

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        del threads
        self.folder = folder
        library, began = mlx_lm(), time.monotonic()
        try:
            config = json.loads((folder / "config.json").read_bytes())
            self._model, self._tokenizer = library.load(str(folder))
        except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"{folder}: mlx-lm cannot load it ({loading.first_line(error)})") from error
        self.load_seconds = time.monotonic() - began
        self.context = int(config.get("max_position_embeddings") or loading.UNBOUNDED)
        self.stops = frozenset(self._tokenizer.eos_token_ids)

    def ids(self, text: str) -> list[int]:
        """Return the tokens of a text."""
        return [int(token) for token in self._tokenizer.encode(text, add_special_tokens=False)]

    def write(
        self, ids: Sequence[int], most: int, draw: Draw = GREEDY, each: Callable[[], None] = unheard
    ) -> tuple[list[int], bool]:
        """Return tokens chosen from the library's logits; see `folders.FolderProgram`."""
        import mlx.core as mx
        import numpy as np
        from mlx_lm.models.cache import make_prompt_cache

        written, given, choose = list[int](), list(ids), draw.chooser()
        try:
            cache = make_prompt_cache(self._model)
            while len(given) > AT_ONCE:
                last = self._model(mx.array([given[:AT_ONCE]]), cache=cache)[0, -1]
                np.array(last.astype(mx.float32))  # computed now, so that no step waits for the next
                given = given[AT_ONCE:]
            for _ in range(most):
                logits = self._model(mx.array([given]), cache=cache)[0, -1].astype(mx.float32)
                written.append(choose(np.array(logits)))
                each()
                if written[-1] in self.stops:
                    return written, True
                given = written[-1:]
        except (RuntimeError, ValueError) as error:
            raise CheckpointError(f"{self.folder}: mlx-lm cannot run it ({loading.first_line(error)})") from error
        return written, False
