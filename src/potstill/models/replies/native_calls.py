"""Calls of tools as servers have them in fields of their own, written as text in the marks of `tool_marks`, and back.

Inside potstill a call is text whoever makes it: a turn of the assistant that ends with a call's closing mark, and a
turn of the user that is its result. A request that offers tools (`tools` of its sampling, from `offer`) is written for
its server with these turns as calls and results, and a call in the reply is read as the text that would have made it.
A tool gets one text, the argument `input`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from potstill.models.requests import Message, Request
from potstill.tool_marks import CALL, CALL_END, RESULT, RESULT_END, open_call, without_marks

INPUT = "input"
_PARAMETERS = {
    "type": "object",
    "properties": {INPUT: {"type": "string", "description": "what the tool gets"}},
    "required": [INPUT],
}


@dataclass(frozen=True, slots=True)
class CallTurn:
    """A turn of the assistant that ends with a call: what it says before it, and the call's tool and input."""

    number: str
    before: str
    tool: str
    given: str


@dataclass(frozen=True, slots=True)
class ResultTurn:
    """A turn that is the result of the call of that number."""

    number: str
    result: str


def offer(tools: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return tools as the field `tools` of a chat completion: name -> what it does."""
    return [
        {"type": "function", "function": {"name": name, "description": about, "parameters": _PARAMETERS}}
        for name, about in tools.items()
    ]


def offered(sampling: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the functions that a request offers by `offer`: name, description and parameters. Others are no offer."""
    tools = sampling.get("tools")
    functions = [tool.get("function") for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
    return [one for one in functions if isinstance(one, dict) and one.get("parameters") == _PARAMETERS]


def turns_of(request: Request) -> Iterator[Message | CallTurn | ResultTurn]:
    """Yield the turns of a request; of one that offers tools, calls and results are told apart from what is said.

    A call's number is of nine letters and digits, which is what the narrowest server takes (Mistral).
    """
    native = bool(offered(request.sampling))
    number, awaited = 0, ""
    for message in request.messages:
        text = message.content
        call = open_call(text.removesuffix(CALL_END)) if native and text.endswith(CALL_END) else None
        if message.role == "assistant" and call is not None:
            awaited = f"call{number:05d}"
            number += 1
            yield CallTurn(awaited, text.rpartition(CALL)[0].strip(), *call)
        elif awaited and message.role == "user" and text.startswith(RESULT) and text.endswith(RESULT_END):
            yield ResultTurn(awaited, text.removeprefix(RESULT).removesuffix(RESULT_END))
            awaited = ""
        else:
            yield message


def arguments(given: str) -> dict[str, str]:
    """Return the arguments of a call."""
    return {INPUT: given}


def as_text(calls: Sequence[tuple[Any, Any]]) -> str:
    """Return calls, (name, arguments) each, as the text that makes the first of them and stops.

    Further calls stand behind its closing mark, where they are passed over and counted: they were made without waiting
    for its result. Arguments are an object, or one as JSON; one that is not of the form `{"input": ...}` stays JSON.
    """
    said = [f"{CALL}{_name(name)}\n{without_marks(_given(arguments))}\n" for name, arguments in calls]
    return f"{CALL_END}\n".join(said)


def with_calls(content: Any, calls: Sequence[tuple[Any, Any]]) -> Any:  # noqa: ANN401 - any JSON value
    """Return the content of a message with its calls behind it, in the shape that it has."""
    if not calls:
        return content
    said = as_text(calls)
    if isinstance(content, list):
        return [*content, {"type": "text", "text": f"\n{said}"}]
    return f"{content}\n{said}" if isinstance(content, str) and content.strip() else said


def _name(name: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return a tool's name as it may stand in a mark; whatever is none is the name of no tool."""
    return name if isinstance(name, str) and name.isascii() and name.isidentifier() else ""


def _given(arguments: Any) -> str:  # noqa: ANN401 - any JSON value
    value = arguments
    if isinstance(arguments, str):
        try:
            value = json.loads(arguments)
        except (ValueError, RecursionError):
            return arguments
    if isinstance(value, dict) and len(value) == 1 and isinstance(value.get(INPUT), str):
        return str(value[INPUT])
    return json.dumps(value, ensure_ascii=False)
