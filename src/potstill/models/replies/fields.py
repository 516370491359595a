"""Text wherever a message holds it: as a string, in blocks, in objects, under whatever name a server gives reasoning.

Nothing here knows a provider. What counts is what a field is called and what its blocks call themselves; names of
settings, counts and signatures are no text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from potstill.records import ReasoningKind

Role = Literal["visible", "reasoning", "summary"]
_DEEPEST = 8
"""Objects around a text; deeper ones are no text."""
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
"""Between `thinking` and `Blocks` of `thinkingBlocks`."""
_REASONING = re.compile(
    r"(?:\A|[_.:-])(?:reasonings?|thinkings?|thoughts?|think|analysis|cot|chain_of_thoughts?|rationale|scratchpad|deliberation)"
    r"(?:\Z|[_.:-])"
)
"""`reasoning_content`, `thinkingBlocks`, `internal_thoughts`; not `finish_reason`."""
_NO_TEXT = re.compile(
    r"(?:\A|_)(?:type|id|ids|index|format|signature|data|encrypted\w*|hash|status|role|name|model|provider|effort|tokens?"
    r"|count|budget|duration|seconds|time|created\w*|at|ms|level|enabled|mode|language|lang|version|object|logprobs"
    r"|annotations|citations|metadata|finish|reason|url|key|usage|cost|arguments|tool_calls|function_call)\Z"
)
"""`reasoning_tokens`, `thought_signature`, `type`: names whose values are no text of the model."""
_OTHER_BLOCK = re.compile(
    r"tool|function|image|audio|video|file|citation|refusal|source|error|search|code_exec|document"
)
"""`tool_use`, `image_url`: types of blocks that are neither thinking nor answer."""
_SEALED = re.compile(r"encrypted|redacted")
"""`reasoning.encrypted`, `redacted_thinking`: types of blocks that nobody can read."""
_BLOCK = re.compile(r"reason|think|thought|analysis")
"""`thinking`, `reasoning_text`: types of blocks that hold reasoning."""
_FIRST = ("reasoning_details", "content", "thinking_blocks", "reasoning_content", "reasoning", "thinking")
"""Where reasoning is looked for first; then in every other field that is named for it."""
_TEXT = ("text", "content", "parts", "value", "output_text", "output", "message", "answer", "response", "final", "body")
"""Names of an object's text, the first that holds any."""


@dataclass
class Fields:
    """What was found in a message or a part of it. `sealed`: there is reasoning that cannot be read."""

    visible: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    summary: list[str] = field(default_factory=list)
    sealed: bool = False

    def texts(self, role: Role) -> list[str]:
        """Return the texts of one role."""
        return {"visible": self.visible, "reasoning": self.reasoning, "summary": self.summary}[role]

    @property
    def thought(self) -> tuple[str, ReasoningKind]:
        """The reasoning, and what it is: a summary only where nothing else was shown."""
        for texts, kind in ((self.reasoning, "encrypted" if self.sealed else "raw"), (self.summary, "summary")):
            if any(text.strip() for text in texts):
                return "".join(texts), kind  # type: ignore[return-value]
        return "", "encrypted" if self.sealed else "none"


def names_reasoning(name: str) -> bool:
    """Return whether a field of that name holds reasoning."""
    plain = _CAMEL.sub("_", name).lower()
    return bool(_REASONING.search(plain)) and not _NO_TEXT.search(plain)


def answer_of(message: Mapping[str, Any]) -> str:
    """Return the visible text of a message."""
    found = Fields()
    _walk(message.get("content"), "visible", found, 0)
    return "".join(found.visible)


def reasoning_of(message: Mapping[str, Any]) -> tuple[str, ReasoningKind]:
    """Return the reasoning of a message and what it is, wherever it stands.

    The first field that holds reasoning counts; others repeat it. `encrypted`: it is there and cannot be read.
    """
    sealed = False
    for value, role in _fields(message):
        found = Fields()
        _walk(value, role, found, 0)
        text, kind = found.thought
        if text:
            # What a provider shows beside reasoning that it keeps to itself is its summary.
            return text, "summary" if sealed and kind == "raw" else kind
        sealed = sealed or kind == "encrypted"
    return "", "encrypted" if sealed else "none"


def _fields(message: Mapping[str, Any]) -> Iterator[tuple[Any, Role]]:
    """Yield the fields that may hold reasoning, the best first, then what gateways keep in objects of their own."""
    for name in _FIRST:
        yield message.get(name), "visible" if name == "content" else "reasoning"
    others = [(name, value) for name, value in message.items() if name not in _FIRST]
    for name, value in others:
        if names_reasoning(name):
            yield value, "reasoning"
    for name, value in others:
        if isinstance(value, dict) and not names_reasoning(name) and not _OTHER_BLOCK.search(name):
            for inner, nested in value.items():
                if isinstance(inner, str) and names_reasoning(inner):
                    yield nested, "reasoning"


def _walk(value: Any, role: Role, found: Fields, depth: int) -> None:  # noqa: ANN401 - any JSON value
    if depth > _DEEPEST:
        return
    if isinstance(value, str):
        inner = _parsed(value) if role == "reasoning" else None
        before = _size(found)
        if inner is not None:
            _walk(inner, role, found, depth + 1)
        if _size(found) == before:
            _add(found.texts(role), value, apart=role == "summary")
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, str) and item.strip():
                texts = found.texts(role)
                _add(texts, item, apart=role == "summary" or not _goes_on("".join(texts[-1:]), item))
            else:
                _walk(item, role, found, depth + 1)
    elif isinstance(value, dict):
        _walk_object(value, role, found, depth)


def _walk_object(value: Mapping[str, Any], role: Role, found: Fields, depth: int) -> None:
    kind = value.get("type")
    kind = kind.lower() if isinstance(kind, str) else ""
    if _SEALED.search(kind) or value.get("encrypted_content"):
        found.sealed = True
    if _SEALED.search(kind) or _OTHER_BLOCK.search(kind):
        return
    if "summary" in kind:
        role = "summary"
    elif role == "visible" and (_BLOCK.search(kind) or value.get("thought") is True):
        role = "reasoning"
    before = _size(found)
    for name, inner in value.items():
        if isinstance(inner, str | list | dict) and names_reasoning(str(name)):
            _walk(inner, "reasoning" if role == "visible" else role, found, depth + 1)
    if role == "visible" or _size(found) == before:
        _walk_text(value, role, found, depth)
    if role == "visible":
        return
    summary = value.get("summary")
    if "effort" not in value or _is_prose(summary):  # else an echo of the settings: `{effort: high, summary: auto}`
        _walk(summary, "summary", found, depth + 1)
    if _size(found) == before:
        for name, inner in value.items():
            # Under a name that nobody foresaw: whatever reads as prose.
            if _NO_TEXT.search(str(name).lower()):
                continue
            if isinstance(inner, list | dict):
                _walk(inner, role, found, depth + 1)
            elif _is_prose(inner):
                _walk([inner], role, found, depth + 1)
    if _size(found) == before and value.get("signature"):
        found.sealed = True


def _walk_text(value: Mapping[str, Any], role: Role, found: Fields, depth: int) -> None:
    before = len(found.texts(role))
    for name in _TEXT:
        _walk(value.get(name), role, found, depth + 1)
        if any(text.strip() for text in found.texts(role)[before:]):
            return


def _add(texts: list[str], text: str, *, apart: bool) -> None:
    if apart and texts and text.strip():
        texts.append("\n\n")
    texts.append(text)


def _parsed(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return the object or list that a text is, as JSON in JSON; None for every other text."""
    plain = text.strip()
    if not (plain[:1] + plain[-1:] in ("{}", "[]") and '"' in plain):
        return None
    try:
        return json.loads(plain)
    except (ValueError, RecursionError):
        return None


def _goes_on(before: str, after: str) -> bool:
    """Return whether one piece of a list goes on where the last one stopped; else it is a paragraph of its own."""
    return not before or before[-1:].isspace() or after[:1].isspace()


def _is_prose(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    return isinstance(value, str) and len(value.split()) > 1


def _size(found: Fields) -> int:
    return sum(len(text) for texts in (found.visible, found.reasoning, found.summary) for text in texts)
