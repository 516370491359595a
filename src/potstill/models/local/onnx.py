"""A model as onnxruntime-genai runs it: a folder with `genai_config.json`, tokens cut by that library."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from potstill.errors import CheckpointError, MissingExtraError
from potstill.models.local.folders import GREEDY, Draw, unheard
from potstill.models.local.loading import first_line

CONFIG = "genai_config.json"


class OnnxRuntime:
    """The files of a folder, loaded; see `folders.FolderProgram`.

    Raises:
        MissingExtraError: onnxruntime-genai is absent.
        CheckpointError: the folder cannot be loaded.
    """

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        if find_spec("onnxruntime_genai") is None:
            raise MissingExtraError("an ONNX model", "onnxruntime-genai", "onnx")
        import onnxruntime_genai

        onnxruntime_genai.disable_telemetry_events()
        self.library, self.folder = onnxruntime_genai, folder
        began = time.monotonic()
        try:
            config = onnxruntime_genai.Config(str(folder))
            if threads is not None:
                options = {"intra_op_num_threads": threads}
                config.overlay(json.dumps({"model": {"decoder": {"session_options": options}}}))
            self._model = onnxruntime_genai.Model(config)
            self._tokenizer = onnxruntime_genai.Tokenizer(self._model)
            said = json.loads((folder / CONFIG).read_bytes())["model"]
        except (OSError, RuntimeError, ValueError, KeyError) as error:
            raise CheckpointError(f"{folder}: onnxruntime-genai cannot load it ({first_line(error)})") from error
        self.load_seconds = time.monotonic() - began
        self.context = int(said["context_length"])
        stops = said["eos_token_id"]
        self.stops = frozenset(stops if isinstance(stops, list) else [stops])

    def ids(self, text: str) -> list[int]:
        """Return the tokens of a text."""
        return [int(token) for token in self._tokenizer.encode(text)]

    def write(
        self, ids: Sequence[int], most: int, draw: Draw = GREEDY, each: Callable[[], None] = unheard
    ) -> tuple[list[int], bool]:
        """Return tokens chosen from the runtime's logits; see `folders.FolderProgram`."""
        written, given, choose = list[int](), list(ids), draw.chooser()
        try:
            parameters = self.library.GeneratorParams(self._model)
            parameters.set_search_options(max_length=len(ids) + most, do_sample=False)
            generator = self.library.Generator(self._model, parameters)
            for _ in range(most):
                generator.append_tokens(given)
                written.append(choose(generator.get_logits().reshape(-1)))
                each()
                if written[-1] in self.stops:
                    return written, True
                given = written[-1:]
        except RuntimeError as error:
            raise CheckpointError(f"{self.folder}: onnxruntime-genai cannot run it ({first_line(error)})") from error
        return written, False
