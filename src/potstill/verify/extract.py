"""The final answer found in the text that follows the thinking. Pure, linear in the text.

Looked for, in this order: an answer field of JSON, an answer tag, the last balanced box, a stated answer ("the answer
is", "Final answer:", "####", "A:"), the text as a whole where it is short, the last number or letter of the last line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from potstill.verify.normalise import plain_math, plain_unicode, plain_words, spelling
from potstill.verify.numbers import TooLargeError, numbers_in, parse_plain

TAIL_CHARACTERS = 60_000
STATEMENT_CHARACTERS = 600
BOX_CHARACTERS = 10_000
TRIES = 12


@dataclass(frozen=True, slots=True)
class Extraction:
    """A final answer: None if there is none, `ambiguous` if two that differ are stated.

    `others` are further readings of the same words: enough to doubt that `value` is wrong, never to call it right.
    """

    value: str | None
    method: str = ""
    ambiguous: bool = False
    others: tuple[str, ...] = ()


NOTHING = Extraction(None, "nothing found")


@dataclass(frozen=True, slots=True)
class _Stated:
    start: int
    end: int
    text: str
    method: str


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


_NEW_QUESTION = re.compile(
    r"\n\s{0,4}(?:Q\s?[:.]|Question\s?\d{0,4}:|### (?:Question|Instruction)|Problem\s?\d{0,4}:|Human:|User:|Input:)|[.)\d] Q: "
)


def _runs_on_at(text: str) -> int:
    """Return where a new question begins after the answer, or 0."""
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


def _stated_answer(text: str, kind: str) -> tuple[_Stated | None, bool]:
    """Return the last explicit answer, and whether another one contradicts it."""
    fields = json_answers(text)
    if fields:
        return fields[-1], _contradicted(text, fields, kind)
    tag = _last_tag(text)
    boxes = _last_boxes(text)
    if tag is not None and (not boxes or boxes[-1].start < tag.end):
        return tag, False
    statements = _statements(text, kind)
    if not boxes:
        return _last_of(text, statements, kind)
    box = boxes[-1]
    ambiguous = _joined(text, boxes, kind)
    later = [s for s in statements if s.start > box.end]
    if later and not ambiguous:
        ambiguous = _contradicted(text, [box, later[-1]], kind)
    return box, ambiguous


def _last_of(text: str, statements: list[_Stated], kind: str) -> tuple[_Stated | None, bool]:
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


def _joined(text: str, boxes: list[_Stated], kind: str) -> bool:
    """Whether the last two boxes share a breath, as in `\\boxed{86} glasses and \\boxed{42} plates`."""
    if len(boxes) < 2 or kind == "text":
        return False
    first, last = boxes[-2:]
    between = text[first.end : last.start]
    if len(between) > 80 or not _JOINS.fullmatch(between) or _TURNS.search(between):
        return False
    return not _same(first.text, last.text)


def _contradicted(text: str, stated: list[_Stated], kind: str) -> bool:
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


_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)


def _last_boxes(text: str) -> list[_Stated]:
    """Return the last balanced boxes, at most two, in order of the text."""
    found: list[_Stated] = []
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


def _box_at(text: str, at: int) -> _Stated | None:
    opening = at + len("boxed")
    while text[opening : opening + 1] == " ":
        opening += 1
    if text[opening : opening + 1] != "{":
        bare = re.compile(r"-?\d[\d.,]*|[A-Z]\b").match(text, opening)
        return _Stated(at, bare.end(), bare.group().rstrip(".,"), "box") if bare else None
    depth = 0
    for brace in _BRACE.finditer(text, opening, opening + BOX_CHARACTERS):
        depth += {"{": 1, "}": -1}.get(brace.group(), 0)
        if depth == 0 and brace.group() == "}":
            inner = text[opening + 1 : brace.start()]
            return _Stated(at, brace.end(), inner, "box") if inner.strip() else None
    return None


_TAGS = ("answer", "final_answer", "final answer", "ans", "solution")


def _last_tag(text: str) -> _Stated | None:
    lower = text.lower()
    for name in _TAGS:
        start = lower.rfind(f"<{name}>")
        if start < 0 or len(lower) != len(text):
            continue
        begin = start + len(name) + 2
        end = lower.find(f"</{name}>", begin)
        inner = text[begin : end if end >= 0 else len(text)]
        if inner.strip():
            return _Stated(start, end if end >= 0 else len(text), inner, "answer tag")
    return None


_ANSWER_KEY = re.compile(r"[\"'](?:final[_ ]?)?answer[\"']\s{0,5}:\s{0,20}", re.IGNORECASE)
_STRING_END = re.compile(r"\"\s{0,20}(?:[,}\].`]|\Z|\n)")
_BARE_END = re.compile(r"[,}\n]|\Z")


def json_answers(text: str) -> list[_Stated]:
    """Return the last two answer fields of a response that is JSON, or was meant to be (raw newlines, backslashes)."""
    if 'nswer"' not in text and "nswer'" not in text:
        return []
    fields = (_json_field(text, key) for key in list(_ANSWER_KEY.finditer(text))[-2:])
    return [field for field in fields if field.text.strip() not in ("", "null", "None")]


def _json_field(text: str, key: re.Match[str]) -> _Stated:
    begin, ending = key.end(), _BARE_END
    if text.startswith('"', begin):
        begin, ending = begin + 1, _STRING_END
    found = ending.search(text, begin, begin + BOX_CHARACTERS)
    inner = text[begin : found.start() if found else begin + BOX_CHARACTERS]
    end = begin + len(inner)
    if ending is _STRING_END:
        inner = inner.replace('\\"', '"').replace("\\n", "\n").replace("\\\\", "\\")
    return _Stated(key.start(), end, inner, "JSON field")


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


def _statements(text: str, kind: str) -> list[_Stated]:
    """Return the last explicit statements of an answer, in order of the text."""
    found: list[_Stated] = []
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


def _keep(found: list[_Stated], text: str, start: int, begin: int, method: str, kind: str) -> None:
    block = kind == "text" and "\n" in text[start:begin]
    statement = _block_at(text, begin) if block else _statement_at(text, begin)
    if any(c.isalnum() for c in statement) and not _is_heading(text, begin, statement):
        found.append(_Stated(start, begin + len(statement), statement, method))


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
    if len(statement) < 30 and not any(c.isalpha() for c in statement) or text[begin - 1 : begin].isalpha():
        return False
    if not re.search(r"[A-Za-z]{2}.*[A-Za-z]{2}", statement[:200]) or ":" not in text[begin - 8 : begin]:
        return False
    rest = text[begin + len(statement) : begin + len(statement) + 4_000]
    return len(rest.strip()) > 60 and any(c.isdigit() for c in rest)


_SENTENCE_END = re.compile(r"[.!?](?:\*\*|[\"')\]]){0,2}(?=\s|\Z)")


def _statement_at(text: str, begin: int) -> str:
    """Return the statement that starts here: to the end of the sentence, of the line, or of the displayed formula."""
    window = text[begin : begin + STATEMENT_CHARACTERS]
    if window.startswith(("\\[", "$$")):
        end = window.find("\\]" if window[0] == "\\" else "$$", 2)
        return window[: end + 2] if end > 0 else window
    line = window.split("\n", 1)[0]
    end_of_sentence = _SENTENCE_END.search(line)
    return line[: end_of_sentence.start()] if end_of_sentence and end_of_sentence.start() > 0 else line


def _read(text: str, method: str, kind: str, choices: tuple[str, ...]) -> Extraction:
    """Read a stated answer as `kind` wants it."""
    inner = _last_boxes(text)
    if inner and method != "box":
        text = inner[-1].text
    if kind == "number":
        return _read_number(text, method)
    fence = _FENCE.fullmatch(text.strip())
    text = fence.group(1) if fence else text
    if kind == "choice":
        return read_choice(text, method, choices)
    return Extraction(text.strip() or None, method)


_FENCE = re.compile(r"```[a-z]{0,12}\n(.*?)\n?```", re.DOTALL)
_BOLD = re.compile(r"\*\*([^*\n]{1,80})\*\*")
_WORD = r"(?<![\\A-Za-z])(?!(?:sqrt|sin|cos|tan|log|ln|exp|frac|pi|mod|min|max)(?![A-Za-z]))[A-Za-z]{2,}"
_WORDS = re.compile(rf"{_WORD}[^A-Za-z]{{1,30}}{_WORD}")
_COMPOUND = re.compile(
    r"\d\s?(?:days?|hours?|hrs?|h|minutes?|mins?|weeks?|years?|months?|feet|foot|ft|pounds?|lbs?|dollars?|gallons?)\b"
    r"[\s,]{0,3}(?:and\s)?\d+\s?(?:hours?|hrs?|minutes?|mins?|m|seconds?|secs?|days?|months?|inch(?:es)?|in|ounces?|oz"
    r"|cents?|quarts?|pints?)\b",
    re.IGNORECASE,
)


def _is_expression(plain: str) -> bool:
    """Whether a statement is a formula or a compound quantity rather than a sentence with numbers in it."""
    return _COMPOUND.search(plain) is not None or _WORDS.search(plain) is None


_LIST = re.compile(r"\s{0,2}(?:,|;|or\b|and\b|/|to\b|-)\s{0,2}(?:or\b|and\b)?\s?[-+$]?\s?\d")


def _read_number(text: str, method: str) -> Extraction:
    """Return the number that a statement names; the sentence's other numbers go into `others`.

    A formula that is not one plain number is returned as it is: none of its numbers may pass for it.
    """
    text = text[:4_000]
    plain = plain_math(text)
    whole = _whole_number(plain, method)
    if whole is not None:
        return whole
    found = numbers_in(plain)
    if method == "box" or not found or _is_expression(plain):
        value = plain if len(plain) <= 400 and any(c.isdigit() or c in "\\^=∞√π" for c in plain) else ""
        return Extraction(value or None, method, others=tuple(number for number, _, _ in found[-8:]))
    for bold in reversed(_BOLD.findall(text)):
        inside = numbers_in(plain_math(bold))
        if len(inside) == 1:
            return Extraction(inside[0][0], method, others=_others(found, inside[0][0]))
    first, start, end = found[0]
    if not plain[:start].strip(" $(*:~≈") and not _operates(plain, end):
        return Extraction(first, method, _LIST.match(plain, end) is not None, _others(found, first))
    return _last_of_prose(plain, method, found)


def _whole_number(plain: str, method: str) -> Extraction | None:
    """Return the number that all of the text states: the result of `2 * 3 = 6`, the exact side of `1/3 ≈ 0.33`."""
    try:
        if parse_plain(plain) is None:
            return None
        exact = plain.replace("\\approx", "≈").partition("≈")[0]
        value = exact if exact != plain and parse_plain(exact) is not None else plain
    except TooLargeError:
        value = plain
    return Extraction(value.rpartition("=")[2].rpartition("≈")[2].strip() or plain, method)


_OPERAND = re.compile(r"[+*/^(√\[{|-]\s{0,2}$|root of\s{0,2}$", re.IGNORECASE)
_LISTED = re.compile(r"\d[^\w\n]{0,4}(?:,|;|\bor)\s{0,2}(?:or\s{1,2})?[-+$]?$")


def _last_of_prose(plain: str, method: str, found: list[tuple[str, int, int]]) -> Extraction:
    """Return the last number of a sentence, unless it is part of a formula without a result, or of a list."""
    last, start, end = found[-1]
    before = plain[max(0, start - 24) : start]
    if last[0] in "+-" and before[-1:] != "=":
        operand = before.rstrip()[-1:].isdigit() or last[1:2].isspace()
    else:
        operand = _OPERAND.search(before) is not None and not (before.endswith("(") and plain[end : end + 1] == ")")
    if operand or plain[end : end + 2].strip()[:1] in ("*", "/", "√"):
        return Extraction(plain[:400], method, others=_others(found, ""))
    return Extraction(last, method, _LISTED.search(before) is not None, _others(found, last))


def _operates(plain: str, end: int) -> bool:
    """Whether the number is the start of a calculation."""
    return plain[end : end + 3].strip()[:1] in ("+", "*", "/", "=", "^", "\\", "(")


def _others(found: list[tuple[str, int, int]], value: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(number for number, _, _ in found[-16:] if number != value))


_LETTER = re.compile(r"\(?\[?\b([A-Z])\b[\])]?(?=[\s,:;)\]*$}]|\.(?!\w)|\Z)")
_SINGLE_LETTER = re.compile(r"[\s($\[*{\"'`]{0,6}([A-Za-z])[\s)$\]*.}\"'`]{0,6}")
_LEADING_LETTER = re.compile(r"[\s($\[*{\"'`]{0,6}([A-Z])(?:[)\]:.}]|\*\*|\s[-–—:=(]|\s{1,3}(?=\\|\$)|\Z)")
_NOT_LETTER = re.compile(r"\b(?:not|isn't|neither|nor|except|rule out|eliminate)\s(?:option\s|choice\s)?\(?([A-Z])\b")
_TWO_LETTERS = re.compile(
    r"[($\[*]{0,3}([A-Z])[)\]*]{0,3}\s{0,2}(?:and|or|,|/|&)\s{0,2}(?:or\s)?[($\[*]{0,3}([A-Z])(?![A-Za-z])"
)


def read_choice(text: str, method: str, choices: tuple[str, ...]) -> Extraction:
    """Return the letter that a statement names, by letter or by the option's own words."""
    plain = plain_math(text[:2_000])
    single = _SINGLE_LETTER.fullmatch(plain)
    if single is not None and _offered(single.group(1).upper(), choices):
        return Extraction(single.group(1).upper(), method)
    two = _TWO_LETTERS.match(plain)
    if two is not None and two.group(1) != two.group(2):
        return Extraction(two.group(1), method, ambiguous=True, others=(two.group(2),))
    named = option_letter(plain, choices)
    if named is not None:
        return Extraction(named, method)
    leading = _LEADING_LETTER.match(plain)
    if leading is not None and _offered(leading.group(1), choices):
        return Extraction(leading.group(1), method)
    denied = set(_NOT_LETTER.findall(plain))
    letters = [
        found.group(1)
        for found in _LETTER.finditer(plain)
        if found.group(1) not in denied and _offered(found.group(1), choices) and not _is_word(plain, found)
    ]
    if letters:
        return Extraction(letters[-1], method, ambiguous=len(set(letters)) > 1)
    return NOTHING


def option_letter(text: str, choices: tuple[str, ...]) -> str | None:
    """Return the letter of the one choice that the text writes out: same words, same spelling, or same number."""
    for key in (plain_words, spelling, _number_key):
        wanted = key(text)
        named = [at for at, choice in enumerate(choices) if wanted and key(choice) == wanted]
        if len(named) == 1:
            return chr(65 + named[0])
    return None


def _number_key(text: str) -> tuple[object, ...] | None:
    try:
        number = parse_plain(plain_math(text[:400]))
    except TooLargeError:
        return None
    return None if number is None else (number.value, number.percent, number.unit)


def _offered(letter: str, choices: tuple[str, ...]) -> bool:
    return ord(letter) - 65 < (len(choices) or 26)


def _is_word(plain: str, found: re.Match[str]) -> bool:
    """Whether this capital is an article or a pronoun: `A triangle`, `I think`."""
    if found.group()[0] in "([":
        return False
    return found.group(1) in "AI" and re.match(r"\s[a-z]", plain[found.end() : found.end() + 2]) is not None


_ENDORSED = re.compile(
    r"(?:(?:correct|right|best|final) (?:choice|option)|choose|choosing|pick|select|go with|think it's|think it is|must be"
    r"|it's|so it is|option|choice)\s{0,2}(?:is|are|:|would be)?\s{0,3}[(\[*$]{0,3}([A-Z])\b(?![a-z' ]{0,1}[a-z])"
    r"|\b[(\[*]{0,2}([A-Z])[)\]*]{0,2} (?:is|must be|seems|would be) (?:the )?(?:correct|right|valid|true|best)\b"
)


def _unstated(text: str, kind: str, choices: tuple[str, ...]) -> Extraction:
    """Read a response that states no answer in so many words."""
    if kind == "text":
        lines = [line.strip() for line in text.split("\n") if line.strip()]
        return Extraction(text, "whole", others=(lines[-1],) if len(lines) > 1 else ())
    if kind == "choice":
        return _unstated_choice(text, choices)
    if len(text) <= 200:
        whole = _whole_number(plain_math(text), "whole")
        if whole is not None:
            return whole
    for line in reversed(text[-8_000:].split("\n")):
        if any(c.isdigit() for c in line) or "\\" in line:
            found = _last_number(line[-2_000:])
            if found.value is not None:
                return found
    return NOTHING


def _last_number(line: str) -> Extraction:
    """Return the number of the line's last sentence that holds one, or the line's formula."""
    plain = plain_math(line)
    if _is_expression(plain):
        return _read_number(line, "last line")
    for sentence in reversed(_SENTENCE_END.split(plain)):
        found = numbers_in(sentence)
        if not found:
            continue
        bold = [number for part in _BOLD.findall(line) for number, _, _ in numbers_in(plain_math(part))]
        if len(bold) == 1 and any(number == bold[0] for number, _, _ in found):
            return Extraction(bold[0], "last number", others=_others(found, bold[0]))
        if _COMPOUND.search(sentence):
            return Extraction(sentence.strip()[:400], "last number", others=_others(found, ""))
        return _last_of_prose(sentence, "last number", found)
    return NOTHING


def _unstated_choice(text: str, choices: tuple[str, ...]) -> Extraction:
    tail = text[-2_000:]
    if len(text) <= 300:
        whole = read_choice(text, "whole", choices)
        if whole.value is not None and not whole.ambiguous:
            return whole
    endorsed = [a or b for a, b in _ENDORSED.findall(plain_unicode(tail)) if _offered(a or b, choices)]
    if endorsed:
        return Extraction(endorsed[-1], "endorsed letter")
    for line in reversed(tail.split("\n")):
        if line.strip():
            found = read_choice(line, "last letter", choices)
            return Extraction(found.value, found.method, False, found.others) if found.value else NOTHING
    return NOTHING
