"""Whether a response asserts the value that was found in it, or denies it, leaves it open, or only mentions it. Pure.

Asked of answers that are right by their value alone: what is not asserted is never right.
"""

from __future__ import annotations

import re

from potstill.verify.foreign import leaves_open
from potstill.verify.normalise import plain_math

TAIL = 4_000
_START = re.compile(r"(?:[.!?。？！।]\s|[。？！।]|\n)")
_END = re.compile(r"[.!?。？！؟।](?=\s|\Z|\*|\))|[。？！।]|\n|\Z")
_CLAUSE = re.compile(r"[,;](?!\d)|[，；、]")
_NOT = r"(?:not|never|cannot|can ?not|isn['’]t|wasn['’]t|aren['’]t|won['’]t|can['’]t|couldn['’]t|doesn['’]t|don['’]t|didn['’]t|neither|nor)"
_BEFORE = (
    ("denied", rf"\b{_NOT}(?! only)(?:\s(?:possibly|exactly|really|simply|actually|necessarily|be|equal|to|the|a|an|option|choice|answer|have been)){{0,4}}\W{{0,4}}\Z"),
    ("denied", r"\b(?:trap|wrong|incorrect|naive|tempting|false|bogus|flawed|mistaken)\s(?:final\s)?(?:answer|choice|option|result|value|solution|guess)\b[^.;,]{0,20}\Z"),
    ("mentioned", r"\b(?:mistake|error|misconception|temptation|fallacy)\s(?:here\s)?(?:is|would be|was)\b[^.;,]{0,40}\Z"),
    ("mentioned", r"\b(?:someone|somebody|people|many|some|others|students?|one|you|friend|rumou?r)\s(?:(?!the\s)\w+\s){0,2}(?:claim(?:s|ed)?|say|says|said|believes?|thinks?|thought|guess(?:es|ed)?|answers?|argues?)\b(?! is| was)[^.;]{0,40}\Z"),
    ("left open", r"\b(?:might|may|could)(?:\s(?:well|also|still|only|just|very))?\s(?:be|have been|equal)\W{0,4}\Z"),
    ("left open", r"\b(?:perhaps|maybe|whether (?:it|this|the answer) (?:is|was|were)|if it is|tell if)\W{0,4}\Z"),
    ("one of two", r"\b(?:either|between|somewhere between)\W{0,4}\Z|\bbetween\b[^.;,]{1,30}\band\W{1,4}\Z"),
    ("conditional", r"(?:\A|[,;]\s|\bbut\s)\W{0,4}(?:if|had|were|without|supposing|unless)\b[^.;]{0,120}\b(?:would|wouldn['’]t|could|might)\b[^.;]{0,60}\Z"),
    ("named", r"\b(?:section|chapter|page|figure|equation|line|exercise|appendix|paragraph|footnote)\s\W{0,3}\Z"),
)
_BOUND = r"\b(?:at least|at most|no (?:more|less|fewer) than|(?:more|less|fewer|greater) than|up to)\s\W{0,3}\Z"
_NEEDED = r"\b(?:need|needs|needed|must|require|requires|required|has to|have to|minimum|maximum|smallest|largest|least|greatest)\b"
_AFTER = (
    ("denied", r"[\s*$)\]}\"'”]{0,6},?\s?(?:which |that |this |it |given above |above |shown |stated ){0,3}(?:is|was|would be|were|seems?)\s(?:definitely |clearly |certainly |also |actually )?(?:not\b(?! only)|wrong|incorrect|false|mistaken|impossible|a (?:common )?(?:mistake|trap|error|lie)|tempting)"),
    ("denied", r"[\s*$)]{0,4}[-–—,.:;(]{0,2}\s?(?:no,? wait|wait,? no|\(?wrong\)?|\(?incorrect\)?)\b"),
    ("denied", r"[\s*$)]{0,4}\?\s{0,3}(?:no\b|not\b|wrong|never)"),
    ("one of two", r"[\s*$)]{0,4}\bor\s(?:maybe |possibly |perhaps |else )?(?:\(?[-$\\]{0,3}[\dA-Z(]|anything|something|some other|another|more|less|so on)"),
    ("one of two", r"\s[a-z]{2,12}\sor\s(?:maybe |possibly )?\W{0,3}\d"),
    ("left open", r"[^.;\n]{0,12},?\s?but\s(?:i|we)(?:\s|['’])(?:am|m|are|re)?\s?(?:\w+\s){0,2}(?:not\s(?:\w+\s)?(?:sure|certain)|unsure|guess|couldn)"),
)
_BEFORE_PATTERNS = tuple((why, re.compile(shape, re.IGNORECASE)) for why, shape in _BEFORE)
_AFTER_PATTERNS = tuple((why, re.compile(shape, re.IGNORECASE)) for why, shape in _AFTER)
_BOUNDED = re.compile(_BOUND, re.IGNORECASE)
_WANTS_BOUND = re.compile(_NEEDED, re.IGNORECASE)


def doubt_of(text: str, value: str) -> str:
    """Return why the last mention of a value in a text does not assert it, or an empty text."""
    tail = text[-TAIL:]
    at = tail.rfind(value) if value else -1
    if at < 0 and value:
        tail = "\n".join(plain_math(line) for line in tail.split("\n")[-20:])  # as the value was read
        at = tail.rfind(value)
    if at < 0:
        return ""
    end = at + len(value)
    starts = [found.end() for found in _START.finditer(tail, max(0, at - 400), at)]
    begin = starts[-1] if starts else max(0, at - 400)
    ends = _END.search(tail, end)
    stop = ends.end() if ends is not None else len(tail)
    before, after = tail[begin:at], tail[end:]
    for why, pattern in _BEFORE_PATTERNS:
        if pattern.search(before):
            return why
    for why, pattern in _AFTER_PATTERNS:
        if pattern.match(after):
            return why
    if _BOUNDED.search(before) and not _WANTS_BOUND.search(before):
        return "a bound"
    if after[: stop - end].rstrip(" *\"')$").endswith(("?", "？", "؟")):
        return "asked"
    clauses = [found.end() for found in _CLAUSE.finditer(tail, begin, at)]
    begin = clauses[-1] if clauses else begin
    closing = _CLAUSE.search(tail, end, stop)
    stop = closing.start() if closing is not None else stop
    return leaves_open(tail[begin:stop], at - begin, end - begin)
