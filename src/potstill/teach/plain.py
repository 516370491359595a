"""Chain of thought without any marks: where the reasoning ends and the stated answer begins."""

from __future__ import annotations

import re

from potstill.verify.extract import extract
from potstill.verify.parts import PARTS, begin_of_parts

LOOKED_AT = 8
"""Non-empty lines from the end that may state the answer; what follows it (a farewell) belongs to the answer."""
UNSTATED = ("whole", "last number", "last letter", "endorsed letter")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=\S)")
"""The space of `So it is 4. Done.`"""


def split_plain(response: str, kind: str, choices: tuple[str, ...] = ()) -> tuple[str, str]:
    """Return (reasoning, answer): the answer begins with the last line that states one, else it is the last line.

    A response of one line is cut before its last sentence. A bare answer has no reasoning. Nothing is lost: reasoning
    and answer together are the response, up to white space between them.
    """
    text = response.strip()
    lines = text.split("\n")
    filled = [number for number, line in enumerate(lines) if line.strip()]
    if len(filled) < 2:
        return _last_sentence(text)
    cut = begin_of_parts(lines, LOOKED_AT) if kind == PARTS else None
    if cut is None:
        cut = next((n for n in reversed(filled[-LOOKED_AT:]) if _states(lines[n], kind, choices)), filled[-1])
    if cut == filled[0]:
        return "", text
    return "\n".join(lines[:cut]).strip(), "\n".join(lines[cut:]).strip()


def _states(line: str, kind: str, choices: tuple[str, ...]) -> bool:
    found = extract(line, kind, choices)
    return found.value is not None and found.method not in UNSTATED


def _last_sentence(text: str) -> tuple[str, str]:
    starts = [match.end() for match in _SENTENCE.finditer(text)]
    return (text[: starts[-1]].strip(), text[starts[-1] :].strip()) if starts else ("", text)
