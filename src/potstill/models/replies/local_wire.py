"""What a model in this process wrote, as the body that the ledger keeps, and read back as a reply."""

from __future__ import annotations

from typing import Any

from potstill.marks import MARKS
from potstill.models.replies.dialects import Reply
from potstill.models.replies.usage import count
from potstill.models.served.faults import FaultError
from potstill.records import Finish

OBJECT = "potstill.completion"
"""Names the shape of these bodies; no server's replies are called so."""
_OPENINGS = tuple(opening for opening, _ in MARKS.values())


def body(prompt: str, text: str, finish: Finish, prompt_tokens: int, completion_tokens: int) -> bytes:
    """Return the body of a completion of a rendered `prompt`.

    Where the prompt ends with the mark that opens thinking, as the templates of many thinking models do, the text gets
    it back: without it a text that was cut off in its thinking would look like an answer.
    """
    import orjson

    opened = next((mark for mark in _OPENINGS if prompt.rstrip().endswith(mark)), "")
    said = {
        "object": OBJECT, "text": opened + text, "finish": finish,
        "prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens,
    }  # fmt: skip
    return orjson.dumps(said | ({"opened": len(opened)} if opened else {}))


def text_of(raw: bytes) -> str:
    """Return what a model in this process wrote, to the character, without the mark that its prompt had.

    Raises:
        FaultError: it is none of these bodies.
    """
    import orjson

    try:
        said = orjson.loads(raw)
        text: str = said["text"][said.get("opened", 0) :]
    except (ValueError, KeyError, TypeError) as error:
        raise FaultError("malformed body: no completion of a model in this process") from error
    return text


def gone_on(begun: str, raw: bytes) -> str | None:
    """Return a response that was begun for the model, whole: its beginning and what a body says the model wrote after.

    None where the body is no model's of this process. The mark that `body` gave back is in the beginning already.
    """
    import orjson

    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(value, dict) or value.get("object") != OBJECT or not isinstance(value.get("text"), str):
        return None
    opened = next((mark for mark in _OPENINGS if begun.rstrip().endswith(mark)), "")
    return begun + str(value["text"]).removeprefix(opened)


def read(value: dict[str, Any]) -> Reply:
    """Read a body from parsed JSON; unlike a server's reply, one without any text is a completion too.

    Raises:
        FaultError: it is none of these bodies, whatever it calls itself.
    """
    text, finish = value.get("text"), value.get("finish")
    if not isinstance(text, str) or finish not in ("stop", "length"):
        raise FaultError("malformed body: no completion")
    message = {"role": "assistant", "content": text}
    return Reply(
        message=message,
        finish=finish,
        failure="",
        prompt_tokens=count(value.get("prompt_tokens")),
        completion_tokens=count(value.get("completion_tokens")),
        hidden_tokens=0,
    )
