"""A model run in this process, behind the sampler of served ones: what the ledger lacks, in batches of like lengths."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby, islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from potstill import recipe
from potstill.durable import digest_of
from potstill.errors import PotstillError
from potstill.hardware import Precision
from potstill.models.ledger import Entry, Ledger
from potstill.models.local.chat import today
from potstill.models.local.model import Generated, LocalModel, Prompt
from potstill.models.local.vllm import VllmModel, decisive
from potstill.models.replies import local_wire
from potstill.models.requests import Completion, Request
from potstill.models.served.client import Follow, RequestCounts
from potstill.progress import Progress

WINDOW = 1024
"""Requests that are sorted by length together."""
IDENTITY = "local"
"""Field of a request's sampling settings that says which weights answer and how they are run; never one of them."""


class Engine(Protocol):
    """What runs a model: `local.LocalModel` with transformers, `vllm.VllmModel` with vLLM.

    `most` is how many rows a batch is worth having; beyond it a step takes as much longer as there are more rows.
    """

    most: int

    def render(self, messages: Sequence[dict[str, str]]) -> str:
        """Return the prompt text of a conversation."""

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Return the tokens of rendered prompts."""

    def rows(self, tokens: int) -> int:
        """Return how many rows of so many tokens, prompt and completion together, the memory bears."""

    def answer(self, prompts: Sequence[Prompt], settings: Mapping[str, Any]) -> list[Generated]:
        """Sample one completion a prompt; MemoryError where the batch is too large."""


class InProcess:
    """One model; the same contract as `served.ServedModel`.

    It is loaded by `load` for the first request that the ledger lacks. A batch has `batch` rows, or as many as are
    worth having; fewer where the memory bears no more, and fewer from then on where even that was too many.
    """

    def __init__(self, name: str, load: Callable[[], Engine], batch: int | None = None) -> None:
        self.name, self.load, self.batch = name, load, batch
        self._engine: Engine | None = None

    def collect(
        self, requests: Iterable[Request], ledger: Ledger, progress: Progress, follow: Follow | None = None
    ) -> RequestCounts:
        """Sample every request that the ledger lacks; each batch is on disk before the next begins.

        `requests` is read as needed. `follow` is awaited with each request of a window and its completion; what it
        returns goes ahead of new ones. Which rows share a batch depends on the requests alone and not on what the
        ledger had, so that a run that was killed goes on with the same batches.

        Raises:
            PotstillError: not even one row fits the memory; or what loading the model raises.
            StoreError: the ledger cannot be written.
        """
        return asyncio.run(self._run(requests, ledger, progress, follow))

    async def _run(
        self, requests: Iterable[Request], ledger: Ledger, progress: Progress, follow: Follow | None
    ) -> RequestCounts:
        request_counts, source, asked = RequestCounts(), iter(requests), deque[Request]()
        with ledger.asking():
            while window := _window(asked, source):
                missing = set(ledger.missing(list(window)))
                request_counts.kept += len(window) - len(missing)
                progress.base += len(window) - len(missing)
                progress.advance(len(window) - len(missing))
                if missing:
                    for rows in self._batches(list(window.values())):
                        self._sample([row for row in rows if row[0].key in missing], ledger, progress, request_counts)
                if follow is not None:
                    there = ledger.get_many(list(window))
                    calls = [follow(request, there[key]) for key, request in window.items()]
                    asked.extend(request for more in await asyncio.gather(*calls) for request in more)
        return request_counts

    @property
    def loaded(self) -> bool:
        """Whether it was needed yet."""
        return self._engine is not None

    @property
    def engine(self) -> Engine:
        """The model, loaded when it is first needed."""
        if self._engine is None:
            self._engine = self.load()
        return self._engine

    def _batches(self, requests: list[Request]) -> Iterator[list[tuple[Request, str]]]:
        """Yield batches of (request, prompt text): equal settings, like lengths, the shortest first."""
        turns = [[{"role": m.role, "content": m.content} for m in request.messages] for request in requests]
        texts = [self.engine.render(turn) for turn in turns]
        lengths = self.engine.lengths(texts)
        order = sorted(range(len(texts)), key=lambda n: (_settings_key(requests[n]), lengths[n], requests[n].key))
        for _, group in groupby(order, key=lambda n: _settings_key(requests[n])):
            rest = list(group)
            while rest:
                size = min(self.batch or self.engine.most, len(rest))
                # The last of them is the longest, and fewer rows are shorter.
                while size > 1 and size > self.engine.rows(_width(requests[rest[size - 1]], lengths[rest[size - 1]])):
                    size -= 1
                yield [(requests[n], texts[n]) for n in rest[:size]]
                del rest[:size]

    def _sample(
        self, rows: list[tuple[Request, str]], ledger: Ledger, progress: Progress, request_counts: RequestCounts
    ) -> None:
        """Sample a batch and put it on disk; in halves where it does not fit the memory."""
        if not rows:
            return
        began = time.monotonic()
        settings = {key: value for key, value in rows[0][0].sampling.items() if key not in ("seed", IDENTITY)}
        prompts = [Prompt(text, request.sampling.get("seed", 0)) for request, text in rows]
        try:
            found = self.engine.answer(prompts, settings)
        except MemoryError:
            if len(rows) == 1:
                raise PotstillError(
                    f"{self.name}: the memory does not hold one response of {settings['max_tokens']} tokens: lower "
                    "max_tokens, or use a smaller model"
                ) from None
            self.batch = len(rows) // 2
            for half in (rows[: self.batch], rows[self.batch :]):
                self._sample(half, ledger, progress, request_counts)
            return
        seconds = time.monotonic() - began
        done = [_completion(request, text, one) for (request, text), one in zip(rows, found, strict=True)]
        ledger.put_many(
            Entry(completion, request.model, 1, seconds) for (request, _), completion in zip(rows, done, strict=True)
        )
        request_counts.sent += len(rows)
        for completion in done:
            request_counts.finishes[completion.finish] += 1
        progress.advance(len(rows), f"{len(rows)} side by side")


def identity(
    model: str | Path, precision: Precision, engine: str = "transformers",
    options: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:  # fmt: skip
    """Return the field of sampling settings that keeps the completions of one set of weights from another's.

    `model` is a folder, whose content is hashed, or a name, which stands for itself; `options` are those of vLLM.
    """
    own: dict[str, Any] = {"engine": engine, "precision": precision}
    if Path(model).is_dir():
        own["weights"] = digest_of(Path(model))
    if options := decisive(options):
        own["options"] = options
    return {IDENTITY: own}


def load_engine(teacher: recipe.LocalTeacher, folder: str | Path, day: Callable[[], date] = today) -> Engine:
    """Load the model of a local teacher from a checkpoint folder or by its hub name; `day` is as in `LocalModel`.

    Raises:
        MissingExtraError: the engine is not installed.
        StudentError, TeacherError: the model cannot be loaded.
    """
    if teacher.engine == "vllm":
        return VllmModel(folder, teacher.precision, teacher.engine_options, day)
    return LocalModel(folder, teacher.precision, day)


def _window(asked: deque[Request], source: Iterator[Request]) -> dict[str, Request]:
    """Return the next requests by key: those that follow from others first."""
    found = [asked.popleft() for _ in range(min(WINDOW, len(asked)))]
    return {request.key: request for request in (*found, *islice(source, WINDOW - len(found)))}


def _settings_key(request: Request) -> list[tuple[str, str]]:
    return sorted((name, repr(value)) for name, value in request.sampling.items() if name != "seed")


def _width(request: Request, length: int) -> int:
    return length + int(request.sampling["max_tokens"])


def _completion(request: Request, prompt: str, generated: Generated) -> Completion:
    if generated.finish == "failed":
        return Completion(key=request.key, finish="failed", failure="broken off by the engine", raw=b"")
    raw = local_wire.body(
        prompt, generated.text, generated.finish, generated.prompt_tokens, generated.completion_tokens
    )
    return Completion(
        key=request.key, finish=generated.finish, prompt_tokens=generated.prompt_tokens,
        completion_tokens=generated.completion_tokens, raw=raw,
    )  # fmt: skip
