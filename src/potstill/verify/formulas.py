"""A mathematical object in prose, kept whole: an interval, a set, an equation, a matrix. Pure, linear in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from potstill.verify.calendars import FOREIGN_MONTHS
from potstill.verify.numbers import MAX_CHARACTERS
from potstill.verify.stated import SENTENCE_END

_OPENING = re.compile(r"\\.|\$\$|\$|\\$", re.DOTALL)
_CLOSING = {"$$": "$$", "$": "$", "\\[": "\\]", "\\(": "\\)"}
Span = tuple[int, int, str]
"""Start, end and content of a formula between its marks."""


def formulas_in(text: str) -> list[Span]:
    """Return what stands between `$`, `$$`, `\\(` and `\\[` and their ends; dollars before amounts are none."""
    return list(_formulas(text)) if "$" in text or "\\(" in text or "\\[" in text else []


def _formulas(text: str) -> Iterator[Span]:
    at, missing = 0, set[str]()
    while True:
        found = _OPENING.search(text, at)
        if found is None:
            return
        at = found.end()
        closing = _CLOSING.get(found.group())
        if closing is None or closing in missing:
            continue
        end = text.find(closing, at)
        if end < 0:
            missing.add(closing)
            continue
        content = text[at:end]
        if closing == "$" and (_is_amount(text, at, end) or "\n\n" in content):
            continue
        if content.strip():
            yield found.start(), end + len(closing), content.strip()
        at = end + len(closing)


def _is_amount(text: str, begin: int, end: int) -> bool:
    """Whether this dollar stands before an amount: `$5 and $6`, `costs $5 more than $`."""
    if text[end + 1 : end + 2].isdigit():
        return True
    return (
        text[begin : begin + 1].isdigit()
        and text[end - 1 : end].isspace()
        and _WORDS.search(text, begin, end) is not None
    )


_WORDS = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}")
_COPULA = re.compile(
    r"(?<![A-Za-z\\])(?:is|are|was|were|equals?|be|becomes|gives|yields|means(?: that)?|get|have|has"
    r"|find(?: that)?|obtain"
    r"|conclude(?: that)?)"
    r"(?![A-Za-z])\s{0,2}:?|(?<!\d):|:(?!\d)",
    re.IGNORECASE,
)
_WHOLE = re.compile(r"(?:all|any|every|each|no|none|infinitely|odd|even|both|either)\b", re.IGNORECASE)
_FILLER = re.compile(
    r"(?:\s+|(?:therefore|thus|then|hence|so|just|simply|exactly|approximately|about|roughly|only|also|indeed"
    r"|equal to|given by"
    r"|all (?:real )?(?:numbers |values (?:of )?)?\$?[a-z]\$? (?:such that|with|where|satisfying|for which)"
    r"|(?:the|an?)\s(?:open |closed |half-open )?(?:interval|set|point|pair|ordered pair|vector|matrix|value"
    r"|number|equation|expression|fraction|ratio|triple|ordered triple|tuple|list|range|polynomial|function|line"
    r"|inequality)s?"
    r"|(?:an? |the )?(?:length|area|volume|radius|diameter|slope|perimeter|circumference|height|width|degree|magnitude"
    r"|norm|determinant|probability|coordinates)(?: of)?|(?:located )?at"
    r"|equation)(?![A-Za-z]))",
    re.IGNORECASE,
)
_SUCH = re.compile(
    r"(?:all|any|every) (?:real )?(?:numbers? |values? (?:of )?)?\$?[a-z]\$? (?:such that|with|where"
    r"|satisfying|for which)\s(?=\W{0,3}[a-z]\W{0,3}\s?(?:[<>≤≥≠∈=]|\\[gln]e))",
    re.IGNORECASE,
)
"""`all real numbers x with x ≥ 2`"""
_JOIN = re.compile(r"[\s,;]{0,4}(?:and|or|,|;|\\text\{ ?(?:and|or) ?\})?[\s,;]{0,4}", re.IGNORECASE)
UNIT = (
    r"(?!(?:when|for|if|because|since|which|as|in|where|with|by|on|at|so|and|or|is|are|was|to|that|the|we|this|total"
    r"|of|from|after|before|more|less|each|per|a)\b)[A-Za-z%°µΩ]{1,16}[²³]?(?:\^\{?-?[1-9]\}?)?"
    r"(?:\s?(?:/|per\s)\s?[A-Za-z]{1,12}(?:\^?[23²³])?|\s(?:units?|inches|feet|meters|metres|centimeters|miles|cm|m|ft"
    r"|in(?=[\s.,;!?)]{0,3}\Z))\b)?"
)
"""A unit or a noun behind a number: `cm^2`, `miles per hour`, `square feet`."""
_UNIT = re.compile(rf"\s{{0,2}}{UNIT}(?=[\s.,;!?)]{{0,3}}\Z)")
_EDGES = " \t\n*_`"


_CONNECTIVE = re.compile(
    r"(?:(?:so|hence|thus|therefore|then|now|finally|and|i\.e\.|or)\b[\s,:]{0,3}"
    r"|[a-z]{4,12}ing\b(?: \w+){0,2}[,:]\s){1,3}",
    re.IGNORECASE,
)


def trimmed(text: str) -> str:
    """Return the text without emphasis, the full stop of its sentence and the dollar signs around all of it."""
    text = text.strip(_EDGES).rstrip(".,;").strip(_EDGES)
    spans = formulas_in(text)
    if len(spans) == 1 and spans[0][0] == 0 and spans[0][1] == len(text):
        text = spans[0][2].rstrip(".,;").strip()
    return text


def object_in(text: str, kind: str) -> str | None:
    """Return the object that a statement names: all of it, or the part of a sentence that is the object.

    Read after the last `is` that a formula or a digit follows; a unit after a number stays with it.
    """
    if len(text) > MAX_CHARACTERS:
        return None
    body = trimmed(text)
    connective = _CONNECTIVE.match(body)
    if connective is not None:
        body = trimmed(body[connective.end() :])
    if not body:
        return None
    spans = formulas_in(body)
    if len(spans) == 1 and spans[0][1] == len(body) and body[: spans[0][0]].rstrip().endswith((",", ":")):
        return result_of(spans[0][2], kind)  # In vector notation, $4i + j$
    if not is_prose(body, spans):
        return _object_at_start(body, kind)
    if (such := _SUCH.match(body)) is not None:
        return _object_at_start(body[such.end() :], kind)
    if _WHOLE.match(body):
        return body
    for found in reversed(list(_COPULA.finditer(body))):
        if any(start < found.end() and found.start() < end for start, end, _ in spans):
            continue
        rest = body[found.end() :]
        if any(c.isdigit() or c in "$\\∞∅π" for c in rest):
            return _object_at_start(rest, kind)
    return _of_spans(body, spans, kind)


def undollared(text: str) -> str:
    """Return a sentence without the marks around its formulas, so that `$17$` is not seventeen dollars."""
    if text.count("$") < 2:
        return text
    pieces, at = [], 0
    for start, end, content in formulas_in(text):
        pieces += [text[at:start], content]
        at = end
    return "".join((*pieces, text[at:]))


def is_prose(body: str, spans: list[Span]) -> bool:
    """Whether a statement is a sentence about its object rather than the object."""
    outside = _outside(body, spans)
    words = _WORDS.findall(outside)
    return len(words) >= 4 or (bool(words) and _COPULA.search(outside) is not None)


_PHRASE = re.compile(
    r"(?:there (?:is|are) )?(?:no|none|all|any|every|infinit|undefined|dne|does not|do not|doesn't|cannot"
    r"|not possible|not enough|impossible|indeterminate|the (?:empty|null)|empty|zero|one|two|three|four|five|six|seven"
    r"|eight|nine|ten|eleven|twelve|thir|fif|twenty|forty|hundred|a (?:hundred|half|third|quarter)|half|negative|minus"
    r"|odd|even)",
    re.IGNORECASE,
)


def is_object(value: str) -> bool:
    """Whether a statement is an object or a phrase that stands for one (`no solution`), not just words."""
    if any(c.isdigit() or c in "\\^=<>∅∞π√{}()[]" for c in value):
        return True
    return _WORDS.search(value) is None or _PHRASE.match(value) is not None


def _outside(body: str, spans: list[Span]) -> str:
    pieces, at = [], 0
    for start, end, _ in spans:
        pieces.append(body[at:start])
        at = end
    return " \0 ".join((*pieces, body[at:]))


def _object_at_start(rest: str, kind: str) -> str | None:
    """Return the object at the start of what follows `is`."""
    bare = rest
    while (filler := _FILLER.match(bare)) is not None and filler.end():
        bare = bare[filler.end() :]
    rest = bare if bare[:1].isdigit() or bare[:1] in tuple("$\\({[-+") else rest
    rest = trimmed(rest)
    spans = formulas_in(rest)
    if spans and spans[0][0] == 0:
        end, contents = spans[0][1], [spans[0][2]]
        for start, stop, content in spans[1:]:
            if _JOIN.fullmatch(rest, end, start) is None or start == end:
                break
            contents.append(content)
            end = stop
        if len(contents) > 1:
            return ", ".join(contents)
        unit = _UNIT.match(rest, end)
        return result_of(contents[0], kind) + (unit.group() if unit else "")
    if not is_prose(rest, spans):
        return result_of(_AFTERTHOUGHT.split(rest, maxsplit=1)[0], kind)
    return _of_spans(rest, spans, kind)


_AFTERTHOUGHT = re.compile(r",\s(?!and\b|or\b)(?=[a-z]{3,}\s)")


def _of_spans(body: str, spans: list[Span], kind: str) -> str | None:
    """Return the last formula of a sentence that is more than a name (`$x$`, `$ABCD$`)."""
    telling = [content for _, _, content in spans if any(c.isdigit() or c in "=<>\\^" for c in content)]
    return result_of(telling[-1], kind) if telling else None


_ENVIRONMENT = re.compile(
    r"\\(?:begin|end)\{(?:align|equation|gather|split|aligned|gathered|multline)\*?\}(?:\{\w?\})?"
)


_SEVERAL = re.compile(r"[,;<>]|(?<![A-Za-z\\])(?:and|or)(?![A-Za-z])")
"""`x = 1 or x = 2` is no chain."""


def result_of(formula: str, kind: str) -> str:
    """Return the last side of a chain `a = b = c`, whose sides one answer can only repeat; equations stay whole."""
    if "\\begin" in formula:
        formula = _last_row(formula)
    if kind == "equation" or formula.count("=") < 2 or "\\begin" in formula or _SEVERAL.search(formula):
        return formula
    sides = re.split(r"(?<![<>!\\])=", formula)
    return sides[-1].replace("&", "").strip() or formula


def _last_row(formula: str) -> str:
    inside = _ENVIRONMENT.sub("\n", formula)
    if inside == formula:
        return formula
    rows = [row.strip() for row in re.split(r"\\\\(?:\[[^\]]{0,20}\])?", inside) if row.strip()]
    if "\\begin" in inside:  # a matrix inside: its rows are not the display's
        return inside.replace("&=", "=").strip()
    return rows[-1].replace("&", "").strip() if rows else formula


def closed(text: str) -> str:
    """Return the text without a formula at its end that was cut off before its closing mark."""
    text = text.rstrip()
    line = text.find("\n", max(0, len(text) - CUT_CHARACTERS)) + 1
    spans = formulas_in(text[line:])
    at = line + spans[-1][1] if spans else line
    for opening in ("\\[", "\\(", "$$"):
        start = text.find(opening, at)
        if start > 0:
            return text[:start].rstrip()
    start = text.find("$", at)
    if start > 0 and _CUT_OFF.match(text, start + 1) and not _PRICE.search(text, max(0, start - 3), start):
        return text[:start].rstrip()
    return text


CUT_CHARACTERS = 2_000
"""Characters of an unfinished formula at the end of a text."""
_CUT_OFF = re.compile(r"[^\d\s][^$\n]{0,400}\Z")
_PRICE = re.compile(r"\d\s?\Z")
"""The number before its sign: `86,40 $.`"""


ITEM = re.compile(r"\A\s{0,8}\d{1,2}[.)]\s(?=\W{0,4}[A-Za-z]{2})")
"""The number of a list item before its words: `2. Result: 42`."""


def last_object(text: str, kind: str) -> str | None:
    """Return the object of the last sentence or displayed formula that has one, among the last lines of a response."""
    tail = closed(text)[-8_000:]
    if tail.endswith(("\\]", "$$")):
        opening = tail.rfind("\\[" if tail.endswith("\\]") else "$$", 0, len(tail) - 2)
        if opening >= 0:
            return result_of(tail[opening + 2 : -2].strip().rstrip(".,"), kind) or None
    lines = tail.split("\n")[-60:]
    while len(lines) > 1 and _opens_above(lines[-1]):
        lines[-2:] = [f"{lines[-2]} {lines[-1]}"]
    for line in (ITEM.sub("", line, count=1) for line in reversed(lines)):
        if not any(c.isdigit() or c in "$\\∞∅" for c in line) or len(line) > MAX_CHARACTERS:
            continue
        for sentence in reversed(split_sentences(line)):
            if any(c.isdigit() or c in "$\\∞∅" for c in sentence):
                found = object_in(sentence, kind)
                if found is not None and found.strip("$\\[]() "):
                    return found
    return None


def _opens_above(line: str) -> bool:
    """Whether a line closes a bracket that opens above it: the second row of `[[2, 1],` and ` [4, 3]]`."""
    return line.rstrip().endswith("]]") and line.count("]") > line.count("[")


def split_sentences(line: str) -> list[str]:
    """Return the sentences of a line; a full stop inside a formula ends none."""
    sentences, at = [], 0
    for found in SENTENCE_END.finditer(line):
        if line.count("$", at, found.start()) % 2 == 0:
            sentences.append(line[at : found.end()])
            at = found.end()
    return [*sentences, line[at:]]


_MONTH = rf"(?:(?:{FOREIGN_MONTHS})(?!\w)|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)[a-z]{{0,6}}\.?)"
_DATE = re.compile(
    rf"\b(?:\d{{1,4}}[/-]\d{{1,2}}[/-]\d{{1,4}}|\d{{1,2}}\.\d{{1,2}}\.\d{{4}}(?!\d)|{_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s\d{{4}})?"
    rf"|\d{{1,2}}(?:st|nd|rd|th|er|\.)?\s(?:(?:of|de)\s)?{_MONTH}(?:,?\s(?:del?\s)?\d{{4}})?"
    r"|\d{1,2}:\d{2}(?::\d{2})?(?:\s?[ap]\.?m\b\.?)?(?:\s(?:in the (?:morning|afternoon|evening)|at night)\b)?"
    r"|\d{1,2}\s?[ap]\.?m\b\.?|(?:noon|midnight)\b)"
    r"|\d{4}\s?[年년]\s?\d{1,2}\s?[月월]\s?\d{1,2}\s?[日일]",
    re.IGNORECASE,
)


def date_in(text: str) -> str | None:
    """Return the last date or time of day of a sentence, or all of a statement that is no sentence.

    One that a formula computes with is none, and of two joined by `or` neither is the answer.
    """
    body = trimmed(text[:MAX_CHARACTERS])
    found = [match for match in _DATE.finditer(body) if not _computed(body, match)]
    if not found or _COMMAND.search(body):
        return body or None
    around = body[: found[-1].start()] + body[found[-1].end() :]
    told = _LETTERS.search(around) is not None and not any(map(str.isdigit, around))
    if not (told or is_prose(body, formulas_in(body)) or len(found) > 1):
        return body or None
    if len(found) > 1 and found[-1].group() != found[-2].group():
        between = body[found[-2].end() : found[-1].start()]
        if _EITHER.fullmatch(between):
            return body
    return found[-1].group()


_LETTERS = re.compile(r"[^\W\d_]{3,}")
"""A word in any script."""
_COMMAND = re.compile(r"\\(?!text|mbox|mathrm|textbf|boxed)[A-Za-z]{1,20}\s?\{")
_EITHER = re.compile(r".{0,80}\b(?:and|or)\b.{0,20}", re.DOTALL)


def _computed(text: str, found: re.Match[str]) -> bool:
    before, after = text[: found.start()].rstrip()[-1:], text[found.end() :].lstrip()[:1]
    return before in tuple("*/^+=<>_") or after in tuple("*/^+<>_!")
