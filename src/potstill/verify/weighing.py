"""Which of the answers that a response states counts, and how it is read as its kind. Pure, linear in the text."""

from __future__ import annotations

import re
from dataclasses import replace

from potstill.verify.amounts import read_number, read_quantity
from potstill.verify.asides import aside_of
from potstill.verify.fields import json_answers
from potstill.verify.foreign import yes_no_in
from potstill.verify.formulas import date_in, formulas_in, is_object, is_prose, object_in, trimmed
from potstill.verify.kinds import words_in
from potstill.verify.markup import without_html, without_print, without_signs
from potstill.verify.normalise import plain_math
from potstill.verify.numerals import number_in_words
from potstill.verify.readings import NOTHING, Extraction, differ, read_choice, read_yes_no
from potstill.verify.shown import (
    FENCE,
    subject_of,
    without_brackets,
)
from potstill.verify.stated import SENTENCE_END, last_boxes, last_tag, statements_of
from potstill.verify.statement import EXPLICIT, FoundIn, Stated
from potstill.verify.unstated import unstated

MAX_BETWEEN = 120
"""Characters from one conclusion to the next."""


def stated_answers(text: str, kind: str, choices: tuple[str, ...]) -> tuple[list[Stated], bool]:
    """Return the explicit answers of the most explicit sort, and whether the last two contradict each other."""
    fields = json_answers(text)
    if fields:
        return fields, _contradicted(text, fields, kind, choices)
    tag = last_tag(text)
    boxes = last_boxes(text)
    if tag is not None and (not boxes or boxes[-1].start < tag.end):
        return [tag], False
    statements = statements_of(text, kind)
    if not boxes:
        return _last_of(text, statements, kind, choices)
    if _restated(text, boxes, kind):
        return [boxes[-2], replace(boxes[-1], method=FoundIn.SECOND_BOX)], True
    ambiguous = _joined(text, boxes, kind)
    later = [s for s in statements if s.start > boxes[-1].end]
    if later and not ambiguous and _contradicted(text, [boxes[-1], later[-1]], kind, choices):
        return [later[-1], boxes[-1]], True
    return boxes, ambiguous


def _last_of(text: str, statements: list[Stated], kind: str, choices: tuple[str, ...]) -> tuple[list[Stated], bool]:
    """Return the statements, up to the first of three and more in a row: a model that echoes its examples' endings."""
    if not statements:
        return [], False
    while len(statements) > 1 and _explains(text, *statements[-2:]):
        statements = statements[:-1]
    first = len(statements) - 1
    while first and _echoes(text[statements[first - 1].end : statements[first].start]):
        first -= 1
    if len(statements) - first >= 3:
        return statements[: first + 1], False
    return statements, _contradicted(text, statements, kind, choices)


def _explains(text: str, first: Stated, last: Stated) -> bool:
    """Whether the last statement is a paragraph about a bare answer: `**Long answer:** there are 2 ways ...`."""
    announced = text[last.start : last.end - len(last.text)].rstrip(" *_").endswith(":")
    return announced and words_in(first.text) <= MOST_BARE and words_in(last.text) > 2 * MOST_BARE


MOST_BARE = 3
"""Words of an answer that says nothing beside itself."""


def _echoes(between: str) -> bool:
    return "\n" in between and not any(c.isalnum() for c in between.lower().replace("the", ""))


_JOINS = re.compile(r"[^.;!?\n]{0,40}?\b(?:and|or)\b[^.;!?\n]{0,10}|[\s$\\()]{0,6},[\s$\\()]{0,6}", re.IGNORECASE)
_TURNS = re.compile(
    r"\b(?:then|but|no|wait|instead|actually|correct(?:ed|ion|ly)?|however|rather|mistake|sorry|oops|revis\w*"
    r"|recheck\w*"
    r"|let me|double.check\w*|re-?examin\w*)\b",
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
    return differ(first.text, last.text)


_CONCLUDES = re.compile(
    r"(?:.*[.;!?\n]|)[\s$\\()\[\]*_#.,:-]*"
    r"(?:(?:and|or|so|thus|hence|therefore|finally|also|consequently|it is|it's|that is|this is|we get|we have"
    r"|we obtain|this gives|i get|(?:the |my |our )?(?:final |correct )?(?:answer|result|solution)(?: is| =|:)?)"
    r"[\s,:]{1,3}){1,5}"
    r"[\s$\\()\[\]*_,:-]*",
    re.IGNORECASE | re.DOTALL,
)


def _restated(text: str, boxes: list[Stated], kind: str) -> bool:
    """Whether the last two boxes are two final answers: each its own conclusion, neither of anything named.

    `So \\boxed{5}. And so \\boxed{6}.` is; `The area is \\boxed{5}, the perimeter is \\boxed{6}.` is not.
    """
    if len(boxes) < 2 or kind == "text":
        return False
    first, last = boxes[-2:]
    between = text[first.end : last.start]
    if len(between) > MAX_BETWEEN or _TURNS.search(between) or not differ(first.text, last.text):
        return False
    before = text[max(0, first.start - MAX_BETWEEN) : first.start]
    return _CONCLUDES.fullmatch(before) is not None and _CONCLUDES.fullmatch(between) is not None


def _contradicted(text: str, stated: list[Stated], kind: str, choices: tuple[str, ...]) -> bool:
    """Whether the last two statements differ and no turn of speech between them takes the first one back."""
    if len(stated) < 2 or not stated[-2].firm:
        return False
    first, last = stated[-2:]
    if first.method == FoundIn.STATED and _closes(text, last) and not _closes(text[: first.end], first):
        return False
    values = [read_stated(s, kind, choices).value for s in (first, last)]
    if values[0] is None or values[1] is None or not differ(values[0], values[1]):
        return False
    between = text[first.end : last.start]
    return len(between) <= 4_000 and _TURNS.search(between) is None


def _closes(text: str, stated: Stated) -> bool:
    """Whether a statement is a last line in the form that prompts ask for: `Answer: A`."""
    line = text[text.rfind("\n", 0, stated.start) + 1 : stated.start + len("answer") + 4].strip("*# ").lower()
    return line.startswith(("answer:", "final answer:", "answer**:")) and not text[stated.end :].strip(" \n.*_")


_TRUTH = re.compile(r"[\s*_\"'$]{0,4}(?:true|false|yes|no)[\s*_\"'$.]{0,4}", re.IGNORECASE)
"""An answer that is a firm one, and none of a number or an object: `The answer is True.`"""
_DOLLARS = re.compile(r"\$([^$]{1,2000})\$\.?")


def read_stated(stated: Stated, kind: str, choices: tuple[str, ...], before: str = "") -> Extraction:
    """Read a stated answer as `kind` wants it; `before` is the text that leads to it."""
    text, method = stated.text, stated.method
    inner = last_boxes(text)
    if inner and method != FoundIn.BOX:
        text = inner[-1].text
    elif method in EXPLICIT and len(text) > 60 and kind not in ("text", "code") and _is_response(text):
        found = _in_field(text, kind, choices)
        return Extraction(found.value, f"{method}, {found.method}", found.ambiguous, found.others)
    if kind in ("text", "code"):
        dressed = FENCE.fullmatch(text.strip()) or _DOLLARS.fullmatch(text.strip())
        said = without_print(dressed.group(1) if dressed else text).strip()
        said = said if method in EXPLICIT or dressed else without_html(said)
        if not said.isascii() and without_signs(said):
            said = without_signs(said)
        others = () if method in EXPLICIT or dressed else (*subject_of(said), *without_brackets(said))
        return Extraction(said or None, method, others=others)
    if kind not in ("choice", "yes_no") and _TRUTH.fullmatch(text):
        return Extraction(trimmed(text), method)
    if kind == "number":
        found = read_number(text, method, before)
        return found if found.value is not None else Extraction(_numeral(text), method)
    return READERS.get(kind, _read_object)(text, method, kind, choices)


_LED_NUMERAL = re.compile(
    r"\W{0,4}((?:[a-z]+[- ]){0,5}?[a-z]+)(?=[,.;]|\s(?:since|because|as|for|so)\b|\W{0,4}\Z)", re.IGNORECASE
)
"""`three, since Petra keeps three of them`, `one`"""


def _numeral(text: str) -> str | None:
    """Return the number in words that a statement is or begins with."""
    found = _LED_NUMERAL.match(text[:80])
    return found[1] if found is not None and number_in_words(found[1].casefold()) is not None else None


def _is_response(text: str) -> bool:
    """Whether an answer field holds a worked solution rather than an answer."""
    return SENTENCE_END.search(text) is not None and is_prose(text[:4_000], formulas_in(text[:4_000]))


def _in_field(text: str, kind: str, choices: tuple[str, ...]) -> Extraction:
    statements, ambiguous = _last_of(text, statements_of(text, kind), kind, choices)
    for statement in reversed(statements):
        found = READERS.get(kind, _read_object)(statement.text, statement.method, kind, choices)
        if found.value is not None:
            return Extraction(found.value, found.method, ambiguous or found.ambiguous, found.others)
    return unstated(text, kind, choices)


def _read_object(text: str, method: str, kind: str, _: tuple[str, ...]) -> Extraction:
    beside = None if method in EXPLICIT else aside_of(text)
    text = text if beside is None else f"{beside[0]}$" if beside[0].count("$") % 2 else beside[0]
    value = trimmed(text) if method in EXPLICIT else object_in(text, kind)
    if value and (method in EXPLICIT or is_object(value)):
        return Extraction(value, method)
    numbers = read_number(text, method) if value is None else NOTHING
    return Extraction(numbers.value, method, numbers.ambiguous, numbers.others)


def _yes_no(text: str, method: str) -> Extraction:
    said = yes_no_in(text)
    return Extraction(said, method) if said is not None else read_yes_no(text, method)


def _untexted(text: str) -> str:
    return plain_math(text) if "\\text" in text else text


READERS = {
    "number": lambda text, method, kind, choices: read_number(text, method),
    "quantity": lambda text, method, kind, choices: read_quantity(text, method),
    "choice": lambda text, method, kind, choices: read_choice(text, method, choices),
    "yes_no": lambda text, method, kind, choices: _yes_no(text, method),
    "date": lambda text, method, kind, choices: Extraction(date_in(_untexted(text)), method),
}
"""Kind -> how a statement is read; the other kinds are mathematical objects."""
