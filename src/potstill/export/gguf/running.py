"""A GGUF file in llama.cpp's server, as one who answers, and how fast it is."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from potstill import hardware
from potstill.evaluate.protocol import ModelUnderTest
from potstill.export import TIMED, TOGETHER, InRuntime
from potstill.export.gguf.architectures import ARCHITECTURES
from potstill.export.naming import unknown
from potstill.models.llama_server import DRAWN_FROM, LlamaServer
from potstill.models.local.memory import available_memory
from potstill.recipe import Endpoint

ROOM = 8
"""Times its size that has to be free for a file to be loaded twice: weights, their rearranged copy, a cache."""


class LlamaCpp:
    """llama.cpp."""

    packages = ("gguf", "xllamacpp", "aiohttp")

    def refusal(self, config: Mapping[str, Any], types: Collection[str]) -> str:
        """Return what stands against a student: there is no converter for its architecture."""
        del types
        kind = config.get("model_type")
        return "" if kind in ARCHITECTURES else unknown(kind, ARCHITECTURES)

    @contextmanager
    def running(self, path: Path, *, name: str, context: int, about: Mapping[str, Any]) -> Iterator[InRuntime]:
        """Load a file and let it answer; see `export.Runtime`.

        Two servers with half of the threads each answer half as fast again as one with all of them (SmolLM2-135M), and
        each still answers one request at a time. Where memory is short there is one.
        """
        from potstill.models.served.client import ServedModel

        free = available_memory()
        count = 2 if hardware.threads() > 1 and (free is None or free > ROOM * path.stat().st_size) else 1
        with ExitStack() as stack:
            threads = hardware.threads() // count
            started = [LlamaServer(path, context=context, alias=name, threads=threads) for _ in range(count)]
            servers = [stack.enter_context(server) for server in started]
            urls = tuple(f"{server.address}/v1" for server in servers)
            model = ServedModel(Endpoint(base_url=urls, model=name, concurrency=count), section="export.gguf")
            yield InRuntime(ModelUnderTest(model, name, {**about, **DRAWN_FROM}, TOGETHER), servers[0].peak_memory)

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
