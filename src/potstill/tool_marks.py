"""Calls of tools and what came of them, as they stand in a text: one closed set of marks, read and written here. Pure.

    thought <tool>calculator
    417 + 286
    </tool>
    <result>703</result>
    thought

A call is the tool's name on the line of its mark, its input below, and the closing mark. A result follows the closing
mark after one line break and ends with another; only then is it one. Anything else that looks like a mark is text, so
that a trace about HTML keeps every token of its loss. What a tool wrote is made harmless before it enters a text: it is
cut, and holds no mark and no special token of any model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

CALL, CALL_END = "<tool>", "</tool>"
RESULT, RESULT_END = "<result>", "</result>"
FAILED = "error: "
"""How a result begins that is none: the tool is not there, or failed."""
MOST_CHARACTERS = 100_000
"""Characters of a result that are looked at before it is cut."""
_NAMED = re.compile(r"[ \t]*([A-Za-z_]\w{0,39})(?:[ \t]+|(?=\W)|\Z)\n?")
"""`calculator\\n`, as it follows the opening mark."""
_RESULT = re.compile(r"\n<result>((?:[^<]|<(?!/?result>|/?tool>))*)</result>(?:\n|\Z)")
"""`\\n<result>703</result>\\n`, as it follows a closing mark."""
_MARKISH = re.compile(r"<(?=[^\s\d=<>-])|\[(?=/?[A-Z_]{3,20}\])")
"""Where a mark or a special token may begin: `<tool>`, `</s>`, `<|im_end|>`, `[INST]`; not `a < b`, `<=` and `<-`."""
_CONTROLS = re.compile(r"[^\S\n\t ]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Characters that are not seen, or turn the direction of what is."""

Part = Literal["text", "mark", "result"]


@dataclass(frozen=True, slots=True)
class MarkedPart:
    """Characters [start, end) of a text: `text`, the closing `mark` of a call with its line break, or a `result`."""

    start: int
    end: int
    part: Part


@dataclass(frozen=True, kw_only=True, slots=True)
class Called:
    """One call in a text, at `start` up to `end` behind its closing mark: the tool's name and its input.

    `result` is what came of it, None where none follows; `whole` is where that ends, else `end`.
    """

    start: int
    end: int
    tool: str
    given: str
    result: str | None = None
    whole: int = 0

    @property
    def failed(self) -> bool:
        """Whether the tool was not there or failed."""
        return self.result is not None and self.result.startswith(FAILED)


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolUse:
    """What a text did with tools: `calls` with a result, of which `failed` are none, and results that it `invented`."""

    calls: int = 0
    failed: int = 0
    invented: int = 0


def calls_of(text: str) -> list[Called]:
    """Return the calls of a text that are closed, with their results, in order."""
    found, here = [], 0
    while (end := text.find(CALL_END, here)) >= 0:
        start = text.rfind(CALL, here, end)
        if start >= 0 and (name := _NAMED.match(text, start + len(CALL), end)):
            behind = end + len(CALL_END)
            result = _RESULT.match(text, behind)
            whole = result.end() if result else behind
            given = text[name.end() : end].strip("\n").rstrip()
            found.append(
                Called(
                    start=start,
                    end=behind,
                    tool=name[1],
                    given=given,
                    result=result[1] if result else None,
                    whole=whole,
                )
            )
        here = end + len(CALL_END)
    return found


def text_parts(text: str) -> list[MarkedPart]:
    """Return a text as parts that follow each other without gap; only a call that has its result has marks."""
    parts: list[MarkedPart] = []
    here = 0
    for call in calls_of(text):
        if call.result is None:
            continue
        mark = call.end - len(CALL_END)
        behind = call.end + 1  # the line break belongs to the mark: many tokenizers join the two
        parts += [MarkedPart(here, mark, "text"), MarkedPart(mark, behind, "mark")]
        parts.append(MarkedPart(behind, call.whole, "result"))
        here = call.whole
    parts.append(MarkedPart(here, len(text), "text"))
    return [part for part in parts if part.end > part.start]


def use_of(text: str) -> ToolUse:
    """Return what a text did with tools."""
    calls = [call for call in calls_of(text) if call.result is not None]
    rest = "".join(text[part.start : part.end] for part in text_parts(text) if part.part == "text")
    return ToolUse(calls=len(calls), failed=sum(call.failed for call in calls), invented=rest.count(RESULT))


def open_call(text: str) -> tuple[str, str] | None:
    """Return (tool, input) of a call at the end of a text that lacks its closing mark, None where there is none.

    The name is empty where the mark is followed by none.
    """
    _, mark, call = text.rpartition(CALL)
    if not mark or CALL_END in call:
        return None
    name = _NAMED.match(call)
    return (name[1], call[name.end() :].strip("\n").rstrip()) if name else ("", call.strip())


def until_call(text: str) -> str:
    """Return a text up to the first mark that ends what its writer may write: behind that, all is made up.

    That is the closing mark of a call, which is left out, or a result of the writer's own, whose mark stays.
    """
    ends = [at for at in (text.find(CALL_END), _beside(text, RESULT)) if at >= 0]
    return text[: min(ends)] if ends else text


def _beside(text: str, mark: str) -> int:
    at = text.find(mark)
    return -1 if at < 0 else at + len(mark)


def harmless(output: str, characters: int) -> str:
    """Return what a tool wrote as it may enter a text: at most so many characters, head and tail, the cut said.

    Marks, special tokens and characters that are not seen are broken up, so that nothing in it is read as anything
    but its text.
    """
    text = output[:MOST_CHARACTERS].replace("\r\n", "\n").strip("\n")
    text = _CONTROLS.sub(" ", text)
    text = _MARKISH.sub(lambda at: "‹" if at[0] == "<" else "⟦", text)
    if len(text) > characters:
        half = characters // 2
        left_out = len(text) - 2 * half
        text = f"{text[:half]}\n... {left_out} characters left out ...\n{text[len(text) - half :]}"
    return f" {text}" if text.startswith(FAILED) else text


def without_marks(text: str) -> str:
    """Return a text that speaks of calls and makes none: its marks are broken up."""
    for mark in (CALL, CALL_END, RESULT, RESULT_END):
        text = text.replace(mark, mark.replace("<", "‹"))
    return text


def with_result(text: str, result: str) -> str:
    """Return a text that stopped within a call, with the closing mark and what came of it."""
    return f"{text.rstrip()}\n{CALL_END}\n{RESULT}{result}{RESULT_END}\n"


def written_out(text: str, wanted: Sequence[str], small: int | None) -> str:
    """Return a text whose calls have become what they came to, so that a student learns to do without.

    Of the tools `wanted`, a call of one line becomes the equation `417 + 286 = 703`, with `small` only where no number
    in it is larger; other calls of them become their result, without `small` alone. Failed calls stay.
    """
    parts, here = [], 0
    for call in calls_of(text):
        if call.result is None or call.failed or call.tool not in wanted:
            continue
        equation = call.tool == EQUATIONS and "\n" not in call.given
        numbers = [float(number) for number in _NUMBER.findall(f"{call.given} {call.result}")] if equation else []
        if small is not None and not (numbers and max(numbers) <= small):
            continue
        said = f"{call.given.strip()} = {call.result}" if equation else call.result
        parts += [text[here : call.start], f"{said}\n"]
        here = call.whole
    return "".join([*parts, text[here:]])


EQUATIONS = "calculator"
"""The tool whose calls read as the left side of an equation."""
_NUMBER = re.compile(r"\d{1,30}(?:\.\d{1,30})?")
"""`417`, `2.5`"""
