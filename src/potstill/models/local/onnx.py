"""A model as onnxruntime-genai runs it: a folder with `genai_config.json`, tokens cut by that library's own tokenizer.

`python -m potstill.models.local.onnx FOLDER THREADS TOKENS` reads a rendered prompt from its standard input and prints
how fast the folder is, as JSON: a process of its own, in which nothing but the runtime takes memory.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from potstill.errors import CheckpointError, MissingExtraError
from potstill.models.local import chat
from potstill.models.local.loading import Checkpoint, first_line
from potstill.models.local.memory import peak_memory
from potstill.models.local.model import Generated, Prompt
from potstill.records import Finish

EXTRA = "onnx"
CONFIG = "genai_config.json"


def need_onnx(needed_for: str) -> None:
    """Raise MissingExtraError where the runtime is absent."""
    if find_spec("onnxruntime_genai") is None:
        raise MissingExtraError(needed_for, "onnxruntime-genai", EXTRA)


class OnnxRuntime:
    """The files of a folder, loaded: tokens in, logits out.

    Raises:
        MissingExtraError: onnxruntime-genai is absent.
        CheckpointError: the folder cannot be loaded.
    """

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        need_onnx("an ONNX model")
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

    def write(self, ids: Sequence[int], most: int, choose: Callable[[Any], int]) -> tuple[list[int], bool]:
        """Return (tokens, whether the model ended by itself): at most `most` after `ids`, each chosen from its logits.

        `choose` gets float32 logits: (vocabulary,). The token that ends an answer is among those returned.

        Raises:
            CheckpointError: the runtime has no way to compute it.
        """
        written, given = list[int](), list(ids)
        try:
            parameters = self.library.GeneratorParams(self._model)
            parameters.set_search_options(max_length=len(ids) + most, do_sample=False)
            generator = self.library.Generator(self._model, parameters)
            for _ in range(most):
                generator.append_tokens(given)
                written.append(choose(generator.get_logits().reshape(-1)))
                if written[-1] in self.stops:
                    return written, True
                given = written[-1:]
        except RuntimeError as error:
            raise CheckpointError(f"{self.folder}: onnxruntime-genai cannot run it ({first_line(error)})") from error
        return written, False


def likeliest(logits: Any) -> int:  # noqa: ANN401 - an array of numpy
    """Return the token of the largest logit, the first of several."""
    return int(logits.argmax())


class OnnxModel:
    """One who answers, as `local.LocalModel` does, one prompt at a time: the same request has the same answer always.

    Texts are made of tokens by the tokenizer of the folder that transformers reads, so that marks of thinking which are
    special tokens stay in them; prompts are cut by the runtime's own.
    """

    most = 1

    def __init__(self, folder: Path, day: Callable[[], date] = chat.today) -> None:
        self.runtime = OnnxRuntime(folder)
        self.tokenizer = chat.load_tokenizer(Checkpoint(str(folder), str(folder)))
        chat.with_date(self.tokenizer, day)

    def render(self, messages: Sequence[dict[str, str]]) -> str:
        """Return the prompt text of a conversation in the model's own chat template; see `chat.asked`."""
        return chat.asked(self.tokenizer, messages)

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Return the tokens of rendered prompts."""
        return [len(self.runtime.ids(text)) for text in texts]

    def rows(self, tokens: int) -> int:
        """Return 1: see `most`."""
        del tokens
        return 1

    def answer(self, prompts: Sequence[Prompt], settings: Mapping[str, Any]) -> list[Generated]:
        """Sample one completion a prompt; `temperature` 0 is greedy, other draws are the prompt's own by its seed."""
        return [self._answer(prompt, settings) for prompt in prompts]

    def _answer(self, prompt: Prompt, settings: Mapping[str, Any]) -> Generated:
        ids = self.runtime.ids(prompt.text)
        room = min(int(settings["max_tokens"]), self.runtime.context - len(ids))
        if room <= 0 or not ids:
            return Generated("", "length", len(ids), 0)
        written, ended = self.runtime.write(ids, room, _chooser(prompt.seed, settings))
        finish: Finish = "stop" if ended else "length"
        text = self.tokenizer.decode(written[: len(written) - ended], clean_up_tokenization_spaces=False)
        return Generated(str(text), finish, len(ids), len(written))


def _chooser(seed: int, settings: Mapping[str, Any]) -> Callable[[Any], int]:
    temperature, top_p = float(settings.get("temperature", 0.0)), float(settings.get("top_p", 1.0))
    if temperature == 0:
        return likeliest
    import torch

    from potstill.models.local.model import drawn

    draw = torch.Generator().manual_seed(seed)
    return lambda logits: drawn(torch.from_numpy(logits).unsqueeze(0), [draw], temperature, top_p)[0]


def main(folder: str, threads: str, tokens: str) -> None:
    """Print the seconds to load and to the first token, tokens a second read and written, and the most bytes in use."""
    runtime = OnnxRuntime(Path(folder), int(threads))
    runtime.stops = frozenset()
    ids, moments = runtime.ids(sys.stdin.read()), [time.monotonic()]

    def timed(logits: Any) -> int:  # noqa: ANN401 - an array of numpy
        moments.append(time.monotonic())
        return likeliest(logits)

    runtime.write(ids, max(2, min(int(tokens), runtime.context - len(ids))), timed)
    first, rest = moments[1] - moments[0], moments[-1] - moments[1]
    found = {
        "load_seconds": runtime.load_seconds, "first": first, "read": len(ids) / first,
        "written": (len(moments) - 2) / rest, "memory": peak_memory(),
    }  # fmt: skip
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
