"""What stands behind the conclusion of a response and is none of it: checks, offers, notes, questions. Pure."""

from __future__ import annotations

import re
from dataclasses import replace

from potstill.verify.languages import LANGUAGES, alternatives
from potstill.verify.markup import Line

_CHECKS = tuple(word for language in LANGUAGES.values() for word in language.check)
_CHECK = re.compile(
    rf"\W{{0,4}}(?:(?:quick |sanity |double[- ]?)?check(?:ing)?(?: (?:your|the|our|my|this|it)\b.{{0,30}})?"
    rf"|verif(?:y|ication|ying)(?: .{{0,30}})?|proof|explanation|justification|reasoning|breakdown|why(?: .{{0,40}})?"
    rf"|things to .{{0,30}}|notes?|remarks?|tips?|caveats?|assumptions?|additional .{{0,30}}|alternative .{{0,30}}"
    rf"|(?:quick )?recap|key (?:points|takeaways|ideas)|further .{{0,30}}|bonus|related .{{0,30}}"
    rf"|(?:{alternatives(_CHECKS)})(?:\s\w+)?)\W{{0,4}}\Z",
    re.IGNORECASE,
)
"""`### Verification`, `**Why this works**`, `Things to keep in mind`: titles of what follows an answer."""
_CHECK_LINE = re.compile(
    rf"\W{{0,4}}(?:(?:an? )?(?:(?:quick|sanity|plausibility|double) ){{0,2}}check(?:ing)?|verification|plausibility"
    rf"|proof|note(?!\w)|n\.?b\.?|remark|hint"
    rf"|(?:{alternatives(_CHECKS)}))"
    r"(?:\s(?:that|on|by|of|the)\b[^:]{0,40})?\s?(?:[:：]|\.\s)|\W{0,4}(?:you|we|one) can (?:check|verify|confirm)\b"
    r"|\W{0,4}(?:note|notice|observe|recall|remember) (?:that|how)\b"
    r"|\(?\W{0,3}(?:rounded|using|assuming|note)\b[^\n]{0,120}\)\W{0,3}\Z",
    re.IGNORECASE,
)
"""`Check: 4 + 6 = 10`, `Note: this assumes one pizza.`"""
_OFFER = re.compile(
    r"\W{0,4}(?:let me know|feel free|please (?:let|feel|ask)|if you(?:'d|’d| would| have| want| need| like)"
    r"|i hope\b|hope (?:this|that)"
    r"|would you (?:also )?like|do you (?:want|need|have)|want me to|shall i|i can also|happy to|is there anything)",
    re.IGNORECASE,
)
_TICKED = re.compile(r"=[^\n]*[✓✔✅☑]\W{0,3}\Z")
_ENDS_IN_QUESTION = re.compile(r"(\S.{0,4000}[.!。])\s{0,3}[^.!?。]{1,300}[?？؟]\W{0,3}")
"""`The capital is Rio. Can I help with anything else?`"""
_QUESTION = re.compile(r"[?？؟]\W{0,3}\Z")
_EXPLAINS = re.compile(
    r"\W{0,3}(?:that(?:'s|’s| is)|this (?:is|means|comes|makes|works|follows|shows|uses)|these are|here\b|because"
    r"|since|the other|for example|e\.g\.|(?:for|when|with|where)\s[$\\(]{0,2}[A-Za-z]\s?[<>≤≥≠=∈\\]"
    r"|i\.e\.|note\b|of these|where\b|as (?:a check|expected|required))",
    re.IGNORECASE,
)
_REFERS = re.compile(
    r"\W{0,3}(?:that|this|it|which)(?:['’]s| is)\s(?:the|our|my)\s(?:\w+\s)?(?:answer|result|solution)\W{0,3}\Z",
    re.IGNORECASE,
)
"""`That is the required answer.`"""
_CONFIRMS = re.compile(
    r"[^\d$]*\b(?:checks? out|(?:is|are) (?:correct|verified|confirmed|consistent)|makes sense|match(?:es)?|adds? up"
    r"|as (?:required|expected|desired|claimed)|works|holds)\W*\Z",
    re.IGNORECASE,
)
"""`So the solution checks out.`"""
_NUMBERED = re.compile(r"\s{0,8}\d{1,2}[.)]\s")
LIST = 8
"""Stands for the level of a line such as `Key points:`, whose section is the list below it."""
MOST = 400
"""Lines from the end that are looked at."""


def conclusion(lines: list[Line]) -> list[Line]:
    """Return the lines of a response up to its conclusion, without checks, notes and offers, those amid it too."""
    kept = _without_sections(lines[-MOST:])
    last = _last(kept)
    asked = _ENDS_IN_QUESTION.fullmatch(kept[last].text) if last >= 0 and kept[last].bold else None
    if asked is not None:
        kept[last] = replace(kept[last], text=asked[1])
    while True:
        end = _last(kept)
        if end < 0:
            return lines
        start = end
        while start > 0 and kept[start - 1].text.strip() and kept[start - 1].role in ("text", "code"):
            start -= 1
        rest = kept[:start]
        if _last(rest) < 0 or not _is_aside(kept, start, end):
            return kept[: end + 1]
        kept = rest


def _last(lines: list[Line]) -> int:
    return next((at for at in range(len(lines) - 1, -1, -1) if lines[at].text.strip()), -1)


def _is_aside(lines: list[Line], start: int, end: int) -> bool:
    """Whether the paragraph from `start` to `end` concludes nothing."""
    first, last = lines[start].text, lines[end].text
    if any(line.role == "code" for line in lines[start : end + 1]):
        return False
    if _OFFER.match(first) or _CHECK_LINE.match(first) or _TICKED.search(last):
        return True
    if _QUESTION.search(last) or _REFERS.match(first):
        return True
    if start == end and not lines[start].bold and _CONFIRMS.match(first):
        return True
    shown = next((line for line in reversed(lines[:start]) if line.text.strip()), None)
    own = any(line.bold for line in lines[start : end + 1])
    displayed = shown is not None and shown.text.rstrip(" .").endswith(("$$", "\\]"))
    return bool(shown is not None and (shown.bold or displayed) and not own and _EXPLAINS.match(first))


def _without_sections(lines: list[Line]) -> list[Line]:
    kept: list[Line] = []
    dropped = 0
    for line in lines:
        listed = line.text.rstrip().endswith(":") and _CHECK.match(line.text) is not None
        if line.role == "title" or (listed and not dropped):
            if dropped and line.level > dropped:
                continue
            check = _CHECK.match(line.text) is not None and any(before.text.strip() for before in kept)
            dropped = (line.level or LIST) if check else 0
        elif dropped == LIST and line.text.strip() and line.role != "item" and not _NUMBERED.match(line.text):
            dropped = 0
        if not dropped:
            kept.append(line)
    return kept
