"""The final answer found in the text that follows the thinking. Pure, linear in the text.

Looked for, in this order: an answer field of JSON, an answer tag, the last balanced box, a stated answer ("the answer
is", "Final answer:", "####", "A:"), the text as a whole where it is short, the last number or letter of the last line.
"""

from __future__ import annotations

import re

from potstill.verify.normalise import plain_math, plain_unicode, plain_words
from potstill.verify.numbers import MAX_CHARACTERS, TooLargeError, parse_plain
from potstill.verify.readings import NOTHING, Extraction, last_number, offered, read_choice, read_number, whole_number
from potstill.verify.stated import Stated, json_answers, last_boxes, last_tag, statements_of

TAIL_CHARACTERS = 60_000
LINE_CHARACTERS = 2_000


def extract(text: str, kind: str, choices: tuple[str, ...] = ()) -> Extraction:
    """Return the final answer of a response whose thinking was taken off; `kind` is number, choice or text.

    Text that runs on into a new question ("\\nQ:", "\\nQuestion:") counts only up to there.
    """
    text = text.strip()
    if not text:
        return NOTHING
    if len(text) <= 24 and kind == "number" and text.isascii() and text.replace(".", "", 1).lstrip("-").isdigit():
        return Extraction(text, "whole")
    cut = _runs_on_at(text)
    if cut:
        found = _extract(text[:cut].rstrip(), kind, choices)
        if found.value is not None:
            return found
    return _extract(text, kind, choices)


_QUESTION_WORDS = ("Q:", "Q.", "Q :", "Question", "Problem", "### Instruction", "Human:", "User:", "Input:")
_NEW_QUESTION = re.compile(
    r"\n\s{0,4}(?:Q\s?[:.]|(?:Question|Problem)\s?\d{0,4}:|### (?:Question|Instruction)|Human:|User:|Input:)|[.)\d] Q: "
)


def _runs_on_at(text: str) -> int:
    """Return where a new question begins after the answer, or 0."""
    if not any(word in text for word in _QUESTION_WORDS):
        return 0
    found = _NEW_QUESTION.search(text)
    return found.start() + 1 if found else 0


def _extract(text: str, kind: str, choices: tuple[str, ...]) -> Extraction:
    text = text[-TAIL_CHARACTERS:]
    stated, ambiguous = _stated_answer(text, kind)
    if stated is not None:
        found = _read(stated.text, stated.method, kind, choices)
        if found.value is not None:
            return Extraction(found.value, found.method, ambiguous or found.ambiguous, found.others)
        if kind != "choice":
            return Extraction(None, stated.method, ambiguous, tuple(filter(None, (stated.text.strip()[:200],))))
    return _unstated(text, kind, choices)


def _stated_answer(text: str, kind: str) -> tuple[Stated | None, bool]:
    """Return the last explicit answer, and whether another one contradicts it."""
    fields = json_answers(text)
    if fields:
        return fields[-1], _contradicted(text, fields, kind)
    tag = last_tag(text)
    boxes = last_boxes(text)
    if tag is not None and (not boxes or boxes[-1].start < tag.end):
        return tag, False
    statements = statements_of(text, kind)
    if not boxes:
        return _last_of(text, statements, kind)
    box = boxes[-1]
    ambiguous = _joined(text, boxes, kind)
    later = [s for s in statements if s.start > box.end]
    if later and not ambiguous:
        ambiguous = _contradicted(text, [box, later[-1]], kind)
    return box, ambiguous


def _last_of(text: str, statements: list[Stated], kind: str) -> tuple[Stated | None, bool]:
    """Return the last statement, or the first of three and more in a row: a model that echoes its examples' endings."""
    if not statements:
        return None, False
    row = [statements[-1]]
    for earlier in reversed(statements[:-1]):
        if any(c.isalnum() for c in text[earlier.end : row[0].start].lower().replace("the", "")):
            break
        row.insert(0, earlier)
    if len(row) >= 3:
        return row[0], False
    return row[-1], _contradicted(text, statements, kind)


_JOINS = re.compile(r"[^.;!?\n]{0,40}?\b(?:and|or)\b[^.;!?\n]{0,10}|[\s$\\()]{0,6},[\s$\\()]{0,6}", re.IGNORECASE)
_TURNS = re.compile(
    r"\b(?:then|but|no|wait|instead|actually|correct(?:ed|ion|ly)?|however|rather|mistake|sorry|oops|revis\w*|recheck\w*)\b",
    re.IGNORECASE,
)


def _joined(text: str, boxes: list[Stated], kind: str) -> bool:
    """Whether the last two boxes share a breath, as in `\\boxed{86} glasses and \\boxed{42} plates`."""
    if len(boxes) < 2 or kind == "text":
        return False
    first, last = boxes[-2:]
    between = text[first.end : last.start]
    if len(between) > 80 or not _JOINS.fullmatch(between) or _TURNS.search(between):
        return False
    return not _same(first.text, last.text)


def _contradicted(text: str, stated: list[Stated], kind: str) -> bool:
    """Whether the last two statements differ and no turn of speech between them takes the first one back."""
    if len(stated) < 2:
        return False
    first, last = stated[-2:]
    values = [_read(s.text, s.method, kind, ()).value for s in (first, last)]
    if values[0] is None or values[1] is None or _same(values[0], values[1]):
        return False
    between = text[first.end : last.start]
    return len(between) <= 4_000 and _TURNS.search(between) is None


def _same(one: str, other: str) -> bool:
    if plain_words(one) == plain_words(other):
        return True
    try:
        left, right = parse_plain(plain_math(one[:400])), parse_plain(plain_math(other[:400]))
    except TooLargeError:
        return False
    return left is not None and right is not None and left.value == right.value


_FENCE = re.compile(r"```[a-z]{0,12}\n(.*?)\n?```", re.DOTALL)


def _read(text: str, method: str, kind: str, choices: tuple[str, ...]) -> Extraction:
    """Read a stated answer as `kind` wants it."""
    inner = last_boxes(text)
    if inner and method != "box":
        text = inner[-1].text
    if kind == "number":
        return read_number(text, method)
    fence = _FENCE.fullmatch(text.strip())
    text = fence.group(1) if fence else text
    if kind == "choice":
        return read_choice(text, method, choices)
    return Extraction(text.strip() or None, method)


_ENDORSED = re.compile(
    r"(?:(?:correct|right|best|final) (?:choice|option)|choose|choosing|pick|select|go with|think it's|think it is"
    r"|must be|it's|so it is|option|choice)\s{0,2}(?:is|are|:|would be)?\s{0,3}[(\[*$]{0,3}([A-Z])\b(?![a-z' ]?[a-z])"
    r"|\b[(\[*]{0,2}([A-Z])[)\]*]{0,2} (?:is|must be|seems|would be) (?:the )?(?:correct|right|valid|true|best)\b"
)


def _unstated(text: str, kind: str, choices: tuple[str, ...]) -> Extraction:
    """Read a response that states no answer in so many words."""
    if kind == "text":
        lines = [line.strip() for line in text.split("\n") if line.strip()]
        return Extraction(text, "whole", others=(lines[-1],) if len(lines) > 1 else ())
    if kind == "choice":
        return _unstated_choice(text, choices)
    if len(text) <= 200 or (len(text) <= MAX_CHARACTERS and len(text.split(None, 1)) == 1):
        whole = whole_number(plain_math(text), "whole")
        if whole is not None:
            return whole
    for line in reversed(text[-8_000:].split("\n")):
        if any(c.isdigit() for c in line) or "\\" in line:
            found = last_number(line if len(line) <= LINE_CHARACTERS else line[-LINE_CHARACTERS:].partition(" ")[2])
            if found.value is not None:
                return found
    return NOTHING


def _unstated_choice(text: str, choices: tuple[str, ...]) -> Extraction:
    tail = text[-2_000:]
    if len(text) <= 300:
        whole = read_choice(text, "whole", choices)
        if whole.value is not None and (not whole.ambiguous or len(text) <= 40):
            return whole
    endorsed = [a or b for a, b in _ENDORSED.findall(plain_unicode(tail)) if offered(a or b, choices)]
    if endorsed:
        return Extraction(endorsed[-1], "endorsed letter")
    for line in reversed(tail.split("\n")):
        if line.strip():
            found = read_choice(line, "last letter", choices)
            return Extraction(found.value, found.method, False, found.others) if found.value else NOTHING
    return NOTHING
