"""A checkpoint in this process as a backend: requests that wait together are written together."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from potstill.errors import CheckpointError, PotstillError
from potstill.models.local.loading import first_line
from potstill.models.local.model import LocalModel
from potstill.recipe import Student
from potstill.serve.dividing import StopWatch
from potstill.serve.seam import BadConversationError, ChatRequest, ReplyEnd, TooLongError

TOGETHER = 32
"""Replies that are written side by side, at most, where the memory bears them."""
HALVES = 8
"""Tokens that may lack the rest of a character; what is no character after so many is shown as it is."""


class TextOfTokens:
    """The text of tokens as they come, in whole characters: some take several tokens."""

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._ids: list[int] = []
        self._start = self._shown = 0
        """Tokens from `_start` to `_shown` are shown and are there for what decoding makes of their neighbours."""

    def add(self, token: int) -> str:
        """Return what a token adds to the text, nothing while a character is not whole."""
        self._ids.append(token)
        before, now = self._decode(self._ids[self._start : self._shown]), self._decode(self._ids[self._start :])
        if now.endswith("\ufffd") and len(self._ids) - self._shown < HALVES:
            return ""
        self._start, self._shown = self._shown, len(self._ids)
        return now[len(before) :]

    def end(self) -> str:
        """Return what was not whole."""
        before, now = self._decode(self._ids[self._start : self._shown]), self._decode(self._ids[self._start :])
        self._shown = len(self._ids)
        return now[len(before) :]


@dataclass(kw_only=True)
class _Writing:
    """One request while it is written; `left` once nobody waits for it any more."""

    request: ChatRequest
    ids: Sequence[int]
    most: int
    text: TextOfTokens
    watch: StopWatch
    loop: asyncio.AbstractEventLoop
    out: asyncio.Queue[str | ReplyEnd | PotstillError] = field(default_factory=asyncio.Queue)
    left: bool = False
    written: list[int] = field(default_factory=list)

    def tell(self, *pieces: str | ReplyEnd | PotstillError) -> None:
        """Hand pieces to whoever waits, from the thread that writes."""
        for piece in pieces:
            if piece != "":
                self.loop.call_soon_threadsafe(self.out.put_nowait, piece)

    def take(self, token: int, *, stops: bool) -> Literal["stop", "length"] | None:
        """Take the next token; return why the reply is over, if it is."""
        if not stops:
            self.written.append(token)
            self.tell(self.watch.feed(self.text.add(token)))
            if not self.watch.stopped and len(self.written) < self.most:
                return None
        finish: Literal["stop", "length"] = "stop" if stops or self.watch.stopped else "length"
        if not self.watch.stopped:
            self.tell(self.watch.feed(self.text.end()))
        if not self.watch.stopped:
            self.tell(self.watch.end())
        self.tell(ReplyEnd(finish, len(self.ids), len(self.written) + stops))
        return finish


class LocalBackend:
    """A model in this process, written with by a thread of its own.

    A request that comes while others are written waits until they are done; those that wait are then written together.
    """

    def __init__(self, model: LocalModel, student: Student, context: int) -> None:
        self._model, self._student = model, student
        self.context = min(context, model.context)
        self.opened = bool(mark := student.reasoning_open.strip()) and (
            model.render([{"role": "user", "content": "?"}]).rstrip().endswith(mark)
        )
        self._most = max(1, min(TOGETHER, model.rows(self.context)))
        self._waiting: queue.SimpleQueue[_Writing | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="student", daemon=True)
        self._thread.start()

    async def reply(self, request: ChatRequest) -> AsyncGenerator[str | ReplyEnd, None]:
        """Yield the reply; see `Backend.reply`."""
        try:
            prompt = self._model.render([*map(self._turn, request.messages)])
        except CheckpointError as error:
            raise BadConversationError(str(error)) from None
        ids = self._model.tokenizer(prompt, add_special_tokens=False)["input_ids"]
        room = self.context - len(ids)
        if room < 1 or not ids:
            raise TooLongError(len(ids), self.context)
        decode = self._model.tokenizer.decode
        one = _Writing(
            request=request, ids=ids, most=min(room, request.max_tokens or room),
            text=TextOfTokens(lambda part: str(decode(part, clean_up_tokenization_spaces=False))),
            watch=StopWatch(request.stop), loop=asyncio.get_running_loop(),
        )  # fmt: skip
        self._waiting.put(one)
        try:
            while True:
                piece = await one.out.get()
                if isinstance(piece, PotstillError):
                    raise piece
                yield piece
                if isinstance(piece, ReplyEnd):
                    return
        finally:
            one.left = True

    async def close(self) -> None:
        """End the thread after the token that it is at."""
        self._closed = True
        self._waiting.put(None)
        await asyncio.to_thread(self._thread.join)

    def _turn(self, message: Mapping[str, str]) -> dict[str, str]:
        """Return a message as training has it: thinking between the student's marks."""
        content, thought = message["content"], message.get("reasoning_content", "").strip()
        if message["role"] == "assistant" and thought and self._student.reasoning_open.strip():
            content = f"{self._student.reasoning_open}{thought}{self._student.reasoning_close}{content}"
        return {"role": message["role"], "content": content}

    def _work(self) -> None:
        while (first := self._waiting.get()) is not None:
            together, last = [first], False
            while len(together) < self._most and not self._waiting.empty():
                more = self._waiting.get()
                if more is None:
                    last = True
                    break
                together.append(more)
            try:
                self._write(dict(enumerate(together)))
            except Exception as error:  # noqa: BLE001 - libraries raise what they like, and the next request is another
                for one in together:
                    one.tell(CheckpointError(f"the model cannot go on ({first_line(error)})"))
            if last or self._closed:
                return

    def _write(self, rows: Mapping[int, _Writing]) -> None:
        model, torch = self._model, self._model.torch
        draws = {row: torch.Generator().manual_seed(one.request.seed) for row, one in rows.items()}
        ended: dict[int, Literal["stop", "length"]] = {row: "stop" for row, one in rows.items() if one.left}
        prompts = {row: one.ids for row, one in rows.items() if row not in ended}
        most = max((one.most for one in rows.values()), default=0)
        with torch.inference_mode():
            written: dict[int, list[int]] = {row: one.written for row, one in rows.items()}
            for alive, logits in model.decoder.steps(prompts, most, written, ended):
                for place, row in enumerate(alive):
                    if row in ended:
                        continue
                    one = rows[row]
                    if one.left or self._closed:
                        ended[row] = "stop"
                        if self._closed:
                            one.tell(PotstillError("the server is stopped"))
                        continue
                    asked = one.request
                    (token,) = model.choose(
                        logits[place : place + 1], [draws[row]], asked.temperature, asked.top_p
                    )  # fmt: skip
                    if (over := one.take(token, stops=token in model.stops)) is not None:
                        ended[row] = over


def backend_of(folder: str, student: Student, precision: Any, context: int) -> LocalBackend:  # noqa: ANN401 - Precision
    """Load a checkpoint as a backend.

    Raises:
        CheckpointError: it is no whole checkpoint.
    """
    return LocalBackend(LocalModel(folder, precision), student, context)
