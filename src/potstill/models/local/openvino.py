"""A model as openvino-genai runs it: a folder of graphs, of the model, its tokenizer and its detokenizer."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from potstill.errors import CheckpointError, MissingExtraError
from potstill.models.local.folders import GREEDY, Draw, unheard
from potstill.models.local.loading import first_line

EXACT: dict[str, Any] = {
    "INFERENCE_PRECISION_HINT": "f32",
    "KV_CACHE_PRECISION": "f32",
    "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,
}
"""Arithmetic as the graph says it: by itself the program takes bf16 where the processor has it, and 8 bits for what it
remembers."""


def untold() -> None:
    """Keep OpenVINO from telling its makers that it was imported, as it does unless its telemetry is not there."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]


def openvino_genai() -> ModuleType:
    """Return the library.

    Raises:
        MissingExtraError: it is absent.
    """
    if find_spec("openvino_genai") is None:
        raise MissingExtraError("an OpenVINO model", "openvino-genai", "openvino")
    untold()
    import openvino_genai as library

    return library  # type: ignore[no-any-return]


class OpenVino:
    """The files of a folder, loaded; see `folders.FolderProgram`. `properties` are the program's own.

    Raises:
        MissingExtraError: openvino-genai is absent.
        CheckpointError: the folder cannot be loaded.
    """

    def __init__(self, folder: Path, threads: int | None = None, **properties: Any) -> None:  # noqa: ANN401
        self.library, self.folder = openvino_genai(), folder
        if threads is not None:
            properties["INFERENCE_NUM_THREADS"] = threads
        began = time.monotonic()
        try:
            self._pipeline = self.library.LLMPipeline(str(folder), "CPU", **properties)
            self._tokenizer = self._pipeline.get_tokenizer()
            self.context = int(json.loads((folder / "config.json").read_bytes())["max_position_embeddings"])
            stops = json.loads((folder / "generation_config.json").read_bytes())["eos_token_id"]
        except (OSError, RuntimeError, ValueError, KeyError) as error:
            raise CheckpointError(f"{folder}: openvino-genai cannot load it ({first_line(error)})") from error
        self.load_seconds = time.monotonic() - began
        self.stops = frozenset(stops if isinstance(stops, list) else [stops])

    def ids(self, text: str) -> list[int]:
        """Return the tokens of a text."""
        return [int(token) for token in self._tokenizer.encode(text, add_special_tokens=False).input_ids.data[0]]

    def write(
        self, ids: Sequence[int], most: int, draw: Draw = GREEDY, each: Callable[[], None] = unheard
    ) -> tuple[list[int], bool]:
        """Return tokens that the program draws itself, by the seed; see `folders.FolderProgram`."""
        import numpy as np
        import openvino

        asked = self.library.GenerationConfig(
            max_new_tokens=most, do_sample=draw.temperature > 0, rng_seed=draw.seed % 2**63, top_p=draw.top_p,
            temperature=draw.temperature or 1.0, ignore_eos=not self.stops, stop_token_ids=set(self.stops),
            eos_token_id=min(self.stops, default=-1), apply_chat_template=False,
        )  # fmt: skip

        going_on = self.library.StreamingStatus.RUNNING
        base: Any = self.library.StreamerBase

        class Ear(base):  # type: ignore[misc]
            def write(self, token: object) -> Any:  # noqa: ANN401
                del token
                each()
                return going_on

            def end(self) -> None:
                """Hear of the end and do nothing."""

        try:
            found = self._pipeline.generate(openvino.Tensor(np.array([ids], dtype=np.int64)), asked, Ear())
        except (RuntimeError, ValueError) as error:
            raise CheckpointError(f"{self.folder}: openvino-genai cannot run it ({first_line(error)})") from error
        written = [int(token) for token in found.tokens[0]]
        return written, bool(written) and written[-1] in self.stops
