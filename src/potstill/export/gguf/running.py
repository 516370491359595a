"""A GGUF file in llama.cpp's server, as one who answers, and how fast it is."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from potstill.evaluate.protocol import ModelUnderTest
from potstill.export import TIMED, TOGETHER, InRuntime
from potstill.models.llama_server import DRAWN_FROM, LlamaServer
from potstill.recipe import Endpoint


class LlamaCpp:
    """llama.cpp."""

    @contextmanager
    def running(self, path: Path, *, name: str, context: int, about: Mapping[str, Any]) -> Iterator[InRuntime]:
        """Load a file and let it answer; see `export.Runtime`."""
        from potstill.models.served.client import ServedModel

        with LlamaServer(path, context=context, alias=name) as server:
            endpoint = Endpoint(base_url=f"{server.address}/v1", model=name, concurrency=1)
            model = ServedModel(endpoint, section="export.gguf")
            yield InRuntime(ModelUnderTest(model, name, {**about, **DRAWN_FROM}, TOGETHER), server.peak_memory)

    def speeds(self, path: Path, *, context: int, messages: Sequence[dict[str, str]], threads: int) -> dict[str, float]:
        """Time a file; the first token is timed as one who asks has it: request, prompt read, one token, reply."""
        with LlamaServer(path, context=context, threads=threads) as server:
            body = {"messages": list(messages), "max_tokens": TIMED, "ignore_eos": True, "temperature": 0}
            begun = time.monotonic()
            server.post("/v1/chat/completions", body | {"max_tokens": 1})
            first = time.monotonic() - begun
            timings = server.post("/v1/chat/completions", body)["timings"]
            return {
                "load_seconds": server.load_seconds, "first": first, "read": timings["prompt_per_second"],
                "written": timings["predicted_per_second"],
            }  # fmt: skip


LLAMA_CPP = LlamaCpp()
