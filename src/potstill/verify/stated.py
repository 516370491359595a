"""Where a response states its answer: boxes, tags, JSON fields, sentences. Pure, linear in the text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from potstill.verify.readings import SENTENCE_END

STATEMENT_CHARACTERS = 600
BOX_CHARACTERS = 10_000
TRIES = 12
_SPACE = re.compile(r"\s")


@dataclass(frozen=True, slots=True)
class Stated:
    """An answer in so many words: its span in the response with what announces it, and its own text."""

    start: int
    end: int
    text: str
    method: str


_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)


def last_boxes(text: str) -> list[Stated]:
    """Return the last balanced boxes, at most two, in order of the text."""
    found: list[Stated] = []
    end = len(text)
    for _ in range(TRIES):
        at = text.rfind("boxed", 0, end)
        if at < 0 or len(found) == 2:
            break
        end = at
        box = _box_at(text, at)
        if box is not None:
            found.insert(0, box)
    return found


def _box_at(text: str, at: int) -> Stated | None:
    opening = at + len("boxed")
    while text[opening : opening + 1] == " ":
        opening += 1
    if text[opening : opening + 1] != "{":
        bare = re.compile(r"-?\d[\d.,]*|[A-Z]\b").match(text, opening)
        return Stated(at, bare.end(), bare.group().rstrip(".,"), "box") if bare else None
    depth = 0
    for brace in _BRACE.finditer(text, opening, opening + BOX_CHARACTERS):
        depth += {"{": 1, "}": -1}.get(brace.group(), 0)
        if depth == 0 and brace.group() == "}":
            inner = text[opening + 1 : brace.start()]
            return Stated(at, brace.end(), inner, "box") if inner.strip() else None
    return None


_TAGS = ("answer", "final_answer", "final answer", "ans", "solution")


def last_tag(text: str) -> Stated | None:
    """Return what stands in the last answer tag, closed or not."""
    lower = text.lower()
    for name in _TAGS:
        start = lower.rfind(f"<{name}>")
        if start < 0 or len(lower) != len(text):
            continue
        begin = start + len(name) + 2
        end = lower.find(f"</{name}>", begin)
        inner = text[begin : end if end >= 0 else len(text)]
        if inner.strip():
            return Stated(start, end if end >= 0 else len(text), inner, "answer tag")
    return None


_ANSWER_KEY = re.compile(r"[\"'](?:final[_ ]?)?answer[\"']\s{0,5}:\s{0,20}", re.IGNORECASE)
_STRING_END = re.compile(r"\"\s{0,20}(?:[,}\].`]|\Z|\n)")
_BARE_END = re.compile(r"[,}\n]|\Z")


def json_answers(text: str) -> list[Stated]:
    """Return the last two answer fields of a response that is JSON, or was meant to be (raw newlines, backslashes)."""
    if 'nswer"' not in text and "nswer'" not in text:
        return []
    fields = (_json_field(text, key) for key in list(_ANSWER_KEY.finditer(text))[-2:])
    return [field for field in fields if field.text.strip() not in ("", "null", "None")]


def _json_field(text: str, key: re.Match[str]) -> Stated:
    begin, ending = key.end(), _BARE_END
    if text.startswith('"', begin):
        begin, ending = begin + 1, _STRING_END
    found = ending.search(text, begin, begin + BOX_CHARACTERS)
    inner = text[begin : found.start() if found else begin + BOX_CHARACTERS]
    end = begin + len(inner)
    if ending is _STRING_END:
        inner = inner.replace('\\"', '"').replace("\\n", "\n").replace("\\\\", "\\")
    return Stated(key.start(), end, inner, "JSON field")


_AFTER_ANSWER = re.compile(
    r"answers?\b['\"]?(?:\*\*|__|\s){0,3}(?:\([^()\n]{0,30}\)\s?)?"
    r"(?:(?:to|for|of|in|from)\b[^.:\n]{1,80}?)?(?:(?:choice|option|letter|number)\s)?"
    r"(?:\s{0,3}(?:is|are|was|should be|must be|will be|would be|equals|becomes|comes out to(?: be)?)\b\s{0,3}"
    r"(?:therefore|thus|then|simply|indeed|also|just|option|choice|equal to|given by)?\s{0,2}:?|\s{0,3}[:=→])"
    r"(?:\*\*|__|\s){0,6}",
    re.IGNORECASE,
)
_HASHES = re.compile(r"####\s{0,5}")
_LINE_MARK = re.compile(r"(?:\*\*)?A(?:ns)?[:.](?:\*\*)?\s{0,5}")


def statements_of(text: str, kind: str) -> list[Stated]:
    """Return the last explicit statements of an answer, in order of the text."""
    found: list[Stated] = []
    lower = text.lower()
    if len(lower) != len(text):
        lower = text
    end = len(text)
    for _ in range(TRIES):
        at = lower.rfind("answer", 0, end)
        if at < 0:
            break
        end = at
        mark = _AFTER_ANSWER.match(text, at)
        if mark is not None and not _negated(text, at):
            _keep(found, text, at, mark.end(), "stated answer", kind)
    at = text.rfind("####")
    if at >= 0 and (mark := _HASHES.match(text, at)):
        _keep(found, text, at, mark.end(), "hashes", kind)
    at = text.rfind("\nA", 0)
    if kind != "choice" and at >= 0 and (mark := _LINE_MARK.match(text, at + 1)):
        _keep(found, text, at, mark.end(), "answer line", kind)
    elif kind != "choice" and (mark := _LINE_MARK.match(text)):
        _keep(found, text, 0, mark.end(), "answer line", kind)
    return sorted(found, key=lambda stated: stated.start)


def _keep(found: list[Stated], text: str, start: int, begin: int, method: str, kind: str) -> None:
    block = kind == "text" and "\n" in text[start:begin]
    statement = _block_at(text, begin) if block else _statement_at(text, begin)
    if any(c.isalnum() for c in statement) and not _is_heading(text, begin, statement):
        found.append(Stated(start, begin + len(statement), statement, method))


def _negated(text: str, at: int) -> bool:
    before = text[max(0, at - 24) : at].lower()
    return before.rstrip(" *\"'").endswith(("not the", "not an", "wrong", "incorrect", "no", "your", "without an"))


def _block_at(text: str, begin: int) -> str:
    """Return the lines that follow `answer:`, up to an empty line or the end of the fence."""
    window = text[begin : begin + BOX_CHARACTERS]
    if window.startswith("```"):
        end = window.find("```", 3)
        return window[: end + 3] if end > 0 else window
    return window.split("\n\n", 1)[0]


def _is_heading(text: str, begin: int, statement: str) -> bool:
    """Whether `Answer:` opens a worked solution: a sentence follows it, and more calculation follows that."""
    if not re.search(r"[A-Za-z]{2}.*[A-Za-z]{2}", statement[:200]) or ":" not in text[begin - 8 : begin]:
        return False
    rest = text[begin + len(statement) : begin + len(statement) + 4_000]
    return len(rest.strip()) > 60 and any(c.isdigit() for c in rest)


def _statement_at(text: str, begin: int) -> str:
    """Return the statement that starts here: to the end of the sentence, of the line, or of the displayed formula."""
    space = _SPACE.search(text, begin + STATEMENT_CHARACTERS, begin + BOX_CHARACTERS)
    window = text[begin : space.start() if space else begin + BOX_CHARACTERS]
    if window.startswith(("\\[", "$$")):
        end = window.find("\\]" if window[0] == "\\" else "$$", 2)
        return window[: end + 2] if end > 0 else window
    line = window.split("\n", 1)[0]
    end_of_sentence = SENTENCE_END.search(line)
    return line[: end_of_sentence.start()] if end_of_sentence and end_of_sentence.start() > 0 else line
