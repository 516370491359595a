"""A stated answer read as a number or as a quantity. Pure, linear in the text."""

from __future__ import annotations

import re
from dataclasses import replace

from potstill.verify.asides import aside_of
from potstill.verify.formulas import UNIT, object_in, result_of, trimmed, undollared
from potstill.verify.normalise import plain_math
from potstill.verify.numbers import MAX_CHARACTERS, TooLargeError, numbers_in, parse_plain
from potstill.verify.numerals import COUNTING
from potstill.verify.readings import NOTHING, Extraction
from potstill.verify.stated import SENTENCE_END
from potstill.verify.statement import EXPLICIT, FoundIn

_BOLD = re.compile(r"\*\*(?=\S)([^*\n]{1,80})(?<=\S)\*\*")
_WORD = r"(?<![\\A-Za-z])(?!(?:sqrt|sin|cos|tan|log|ln|exp|frac|pi|mod|min|max)(?![A-Za-z]))[A-Za-z]{2,}"
_WORDS = re.compile(rf"{_WORD}[^A-Za-z]{{1,30}}{_WORD}")
_COMPOUND = re.compile(
    r"\$\s?\d{1,6} and \d{1,2} cents\b|\d\s?(?:days?|hours?|hrs?|h|minutes?|mins?|weeks?|years?|months?|feet"
    r"|foot|ft|pounds?|lbs?|dollars?|gallons?)\b"
    r"[\s,]{0,3}(?:and\s)?\d{1,2}\s?(?:hours?|hrs?|minutes?|mins?|m|s|seconds?|secs?|days?|months?|inch(?:es)?|in"
    r"|ounces?|oz"
    r"|cents?|quarts?|pints?)\b(?!\s{0,2}[*/+=÷×-])",
    re.IGNORECASE,
)


def _is_expression(plain: str) -> bool:
    """Whether a statement is a formula or a compound quantity rather than a sentence with numbers in it."""
    return _COMPOUND.search(plain) is not None or _WORDS.search(plain) is None


_LIST = re.compile(
    r"\s{0,2}(?:,|;|or\b|and\b|/|to\b|-)\s{0,2}(?:or\b|and\b)?\s?(?:maybe |possibly |perhaps )?[-+$]?\s?\d"
)


Found = tuple[str, int, int]
"""A number in a sentence: its spelling, start and end."""


def read_number(text: str, method: str, before: str = "") -> Extraction:
    """Return the number that a statement names; the sentence's other numbers go into `others`.

    A formula that is not one plain number is returned as it is: none of its numbers may pass for it. Of several numbers
    in a sentence it is the one that the text `before` computed last, where that is told.
    """
    if len(text) > MAX_CHARACTERS:
        return Extraction(None, method)
    plain = plain_math(text)
    if plain.endswith("!") and (_WORDY.match(plain) or _NO_FACTORIAL.fullmatch(plain)):
        text, plain = text.rstrip(" !"), plain.rstrip(" !")
    whole = whole_number(plain, method)
    if whole is not None:
        return whole
    found = numbers_in(plain)
    beside = aside_of(text)
    if beside is not None and (number := whole_number(plain_math(beside[0]), method)) is not None:
        return Extraction(number.value, method, others=_others(found, number.value or ""))
    if method == FoundIn.BOX or not found or _is_expression(plain):
        return _formula(text, plain, method, found)
    if "$" in text or "\\" in text:
        named = object_in(text, "number")
        number = None if named is None else whole_number(plain_math(named), method)
        if number is not None:
            return Extraction(number.value, method, others=_others(found, number.value or ""))
        plain = plain_math(undollared(text))
        found = numbers_in(plain)
    for bold in reversed(_BOLD.findall(text)):
        inside = numbers_in(plain_math(bold))
        if len(inside) == 1:
            return Extraction(inside[0][0], method, others=_others(found, inside[0][0]))
    found = [number for number in found if not _qualifies(plain, number)] or found
    computed = _computed(plain, found, before)
    if computed is not None:
        return Extraction(computed, method, others=_others(found, computed))
    reason = _REASON.search(plain) or _BESIDE.search(plain)
    main = [number for number in found if reason is not None and number[2] <= reason.start()]
    if main:
        return replace(_last_of_prose(plain, method, main), others=_others(found, main[-1][0]))
    first, start, end = found[0]
    if not plain[:start].strip(" $(*:~≈") and not _operates(plain, end):
        return Extraction(first, method, _LIST.match(plain, end) is not None, _others(found, first))
    return _last_of_prose(plain, method, found)


_SOLUTIONS = re.compile(r"\b([a-z])\s?=[^=]{1,40}\bor\s\1\s?=")
"""`x = 1 or x = 4` is one answer, a set; `5 or 6` is two."""


def _formula(text: str, plain: str, method: str, found: list[Found]) -> Extraction:
    """Return the formula, or the words of an answer that is marked as one; of `5 or 6` both are candidates."""
    if any(c.isdigit() or c in "\\^=∞√π" for c in plain):
        if method not in EXPLICIT and _COMPOUND.search(plain):
            restated = _RESTATED.search(plain)
            return Extraction(restated.group(1) if restated else _compound_in(plain), method)
        ambiguous = len(found) > 1 and " or " in plain and not _SOLUTIONS.search(plain)
        value = trimmed(text) if ambiguous else result_of(trimmed(text), "number")
        result = None if ambiguous else whole_number(plain_math(value), method)
        if result is not None:
            return result
        return Extraction(value or None, method, ambiguous, tuple(n for n, _, _ in found[-8:]) if ambiguous else ())
    if method in EXPLICIT and any(c.isalpha() for c in plain):
        return Extraction(trimmed(text) or None, method)
    return Extraction(None, method)


def whole_number(plain: str, method: str) -> Extraction | None:
    """Return the number that all of the text states: the result of `2 * 3 = 6`, the exact side of `1/3 ≈ 0.33`."""
    try:
        if parse_plain(plain) is None:
            return None
        exact = plain.replace("\\approx", "≈").partition("≈")[0]
        value = exact if exact != plain and parse_plain(exact) is not None else plain
    except TooLargeError:
        value = plain
    value = value.rpartition("=")[2].rpartition("≈")[2].strip() or plain
    return Extraction(value.strip("$ ") if value.count("$") == 2 else value, method)


_REFERRED = re.compile(
    r"(?:\b(?:than|out of(?: (?:a |the )?total(?: of)?)?|of (?:the|his|her|its|their|our|my|all)(?: \w{3,10})?"
    r"|mod|modulo|from"
    r"|below|above|under|over|beyond|exceed\w*|reach\w*|choose|close to|near|vs\.?|versus|instead of|rather than"
    r"|as opposed to|whereas|for(?: the| all| every| each| radius| side)?)|% of|percent of|\bon(?= [$€£]))"
    r"(?: about| the| only)?\s[$€£]?\Z",
    re.IGNORECASE,
)
"""What stands before a number that another one is compared with, taken from, or given for."""
_PLACE = re.compile(r"\b(?:at|when|for|where|if|with|as) [$(]?[A-Za-z]\w{0,3} ?= ?[$(]?\Z", re.IGNORECASE)
_YEAR = re.compile(r"\b(?:in|since|by|until|of)(?: the year)? \Z", re.IGNORECASE)
_ORDINAL = re.compile(r"(?:st|nd|rd|th)\b")
_OPERATED = re.compile(
    r"\b(?:(?:half|thirds?|quarters?|fifths?|tenths?|square|cube|root|reciprocal|inverse|logarithm|log(?: base \w+)?"
    r"|factorial|negative|opposite|double|triple)(?: of)?|times|plus|minus|twice|thrice|(?:one|two"
    r"|three) (?:over|in)|point"
    r"|divided by|multiplied by|between [$€£]?[\d,.]{1,12} and)(?: the)? [$€£]?\Z",
    re.IGNORECASE,
)
_BOUNDED = re.compile(r"\b(?:less|more|fewer|greater|larger|smaller|bigger) than [$€£]?\Z", re.IGNORECASE)
_DIFFERENCE = re.compile(r"\s?(?:[\w$]+\s){0,2}(?:more|less|fewer|[a-z]{2,8}er)\s(?:\w+\s){0,2}than\b")
SCALED = re.compile(
    r"\s?(?:!|\^)(?=\s?\w)|!(?=\.)|\s?(?:ten-|hundred-)?(?:(?:hundred|thousand|million|billion|trillion)(?:ths|s)|gross"
    r"|lakh|crore)\b"
    r"|\s?(?:per (?:thousand|mille|hundred)|basis points|half-dozens?|halves|thirds|quarters of|fourths|fifths)\b"
    r"|\s?tenths\b"
)
"""What makes another number of the one before it."""
_SCALE = re.compile(r"\s(?:hundred|thousand|million|billion|trillion)\b", re.IGNORECASE)
_DOZEN = re.compile(r"\sdozens?\b")
_DECIMAL_COMMA = re.compile(r"(?<![\d,])\d{1,3},\Z")
_YEARS = re.compile(r"(?:1[5-9]|20)\d\d")


_NAME = re.compile(r"\b(?:the|an?|with|by|on|from)(?: [A-Z][\w-]{2,})+ \Z")
"""The Duramax 2200."""
_ADJECTIVE = re.compile(r"-[a-z]{3,}")
"""the 90-euro bill"""


def _qualifies(plain: str, number: Found) -> bool:
    """Whether a number belongs to a noun that is known already: `the 90-euro bill`; not `a 15-pound difference`."""
    return _ADJECTIVE.match(plain, number[2]) is not None and plain[: number[1]].lower().rstrip(" $€£").endswith("the")


def _is_referred(plain: str, number: Found) -> bool:
    """Whether a number of a sentence is a reference: a total, a year, an ordinal, a name, where a value is taken."""
    written, start, end = number
    before = plain[max(0, start - 48) : start]
    if _NAME.search(before) or _qualifies(plain, number):
        return True
    if _ORDINAL.match(plain, end) or (_YEARS.fullmatch(written) and _YEAR.search(before)):
        return True
    return _REFERRED.search(before) is not None or _PLACE.search(before) is not None


_OPERAND = re.compile(r"[+*/^(√\[{|-]\s{0,2}$|root of\s{0,2}$", re.IGNORECASE)
_LISTED = re.compile(r"\d[^\w\n]{0,4}(?:,|;|\bor)\s{0,2}(?:or\s{1,2})?[-+$]?$")


def _last_of_prose(plain: str, method: str, found: list[Found]) -> Extraction:
    """Return the last number of a sentence that is not there for comparison only (`15 of the 20`).

    Of a formula without a result, in signs or in words (`half of 12`), no number is returned, but all of it.
    """
    told = [number for number in found if not _is_referred(plain, number)]
    if not told and COUNTING.intersection(plain[: found[-1][1]].lower().split()):
        return Extraction(plain[:400], method, others=_others(found, ""))
    told = told or found
    last, start, end = told[-1]
    alone = len(told) == 1 == len(found)
    operated = _OPERATED.search(plain, max(0, start - 40), start) or (alone and _BOUNDED.search(plain[:start]))
    if operated or SCALED.match(plain, end) or (len(told) < len(found) and _DIFFERENCE.match(plain, end)):
        return Extraction(plain[:400], method, others=_others(found, ""))
    scaled = _SCALE.match(plain, end)
    last = f"{last}{scaled.group()}" if scaled else last
    before = plain[max(0, start - 24) : start]
    if _DECIMAL_COMMA.search(before):
        return Extraction(plain[:400], method, others=_others(found, ""))
    if last[0] in "+-" and before[-1:] != "=":
        operand = before.rstrip()[-1:].isdigit() or last[1:2].isspace()
    else:
        operand = _OPERAND.search(before) is not None and not (before.endswith("(") and plain[end : end + 1] == ")")
    if operand or plain[end : end + 2].strip()[:1] in ("*", "/", "√"):
        return Extraction(plain[:400], method, others=_others(found, ""))
    others = (*_others(found, last), *((f"{last} dozen",) if _DOZEN.match(plain, end) else ()))
    return Extraction(last, method, _LISTED.search(before) is not None, others)


def _operates(plain: str, end: int) -> bool:
    """Whether the number is the start of a calculation."""
    return plain[end : end + 3].strip()[:1] in ("+", "*", "/", "=", "^", "\\", "(")


def _others(found: list[Found], value: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(number for number, _, _ in found[-16:] if number != value))


_RESTATES = re.compile(
    r",\s(?:i\.\s?e\.|that is,|in other words|equivalently|or (?:about|roughly|approximately)\b"
    r"|which (?:is|equals) (?:about|roughly|approximately|around)\b)"
)
"""`3/4, i.e. 75%`"""
_BESIDE = re.compile(r",\s(?:while|whereas)\s|,\swhich\s(?!is\b(?![^,]{0,60}\bthan\b)|equals|means|gives|leaves|makes)")
"""`The tallest is 324 m, which is 14 m more than the next.`"""
_REASON = re.compile(
    r",?\s(?:(?:because|since|as (?:he|she|it|they|we))\s|(?<!so\s)(?:if|when|while|assuming|given)\b[^,]{0,200}\Z)"
)
_RESULT = re.compile(
    r"(?:=|\\approx|≈)\s{0,4}(?:\\?\$|\\\(|\*\*|\\text\{|\\boxed\{){0,2}\s{0,2}(-?\d[\d,]*(?:\.\d+)?)(?![\d^!]"
    r"|\s?[-+*/×·÷=(]|\\[ctd])"
)


_CONCLUSION = re.compile(
    r".*\b(?:so|thus|hence|therefore|then)\b[\s,:]{0,3}(?P<said>[^,;!<>≠≤≥]{1,200}=(?P<result>[^=,;!<>≠≤≥]{1,60}))",
    re.IGNORECASE | re.DOTALL,
)
_SEVERAL = re.compile(r"\b(?:and|or|not|if)\b|\\n|\\[lg]e", re.IGNORECASE)


def concluded(text: str) -> str | None:
    """Return the number that a line of formulas comes to: the 7 of `x = 3 and y = 4, so x + y = 7`."""
    found = _CONCLUSION.fullmatch(text.rstrip(" .*$")) if len(text) <= MAX_CHARACTERS else None
    if found is None or _SEVERAL.search(found["said"]):
        return None
    result = whole_number(plain_math(undollared(found["result"])), "conclusion")
    return None if result is None else result.value


def without_restating(line: str) -> str:
    """Return a line without what says its value once more: `6√2, which is approximately 8.49`."""
    told, *again = _RESTATES.split(line, maxsplit=1)
    return (
        told if again and SENTENCE_END.search(again[0].rstrip(" .")) is None and any(map(str.isdigit, told)) else line
    )


def last_number(line: str, before: str = "") -> Extraction:
    """Return the number of the line's last sentence that holds one, or the line's formula.

    Of several numbers in a sentence it is the one that the text `before` computed last, else the last before `because`.
    """
    line = without_restating(line)
    plain = _LIST_MARK.sub("", plain_math(undollared(line)), count=1)
    if not any(map(str.isdigit, plain)) and "\\" not in plain:
        return NOTHING
    headed = _HEAD.match(plain)
    if headed is not None:
        plain = line = plain[headed.end() :]
    if _is_expression(plain):
        conclusion = concluded(line)
        return read_number(line, "last line") if conclusion is None else Extraction(conclusion, "last conclusion")
    for sentence in reversed([part for told in SENTENCE_END.split(plain) for part in _CLAUSES.split(told)]):
        found = numbers_in(sentence)
        found = [number for number in found if not _qualifies(sentence, number)] or found
        if not found:
            continue
        bold = [number for part in _BOLD.findall(line) for number, _, _ in numbers_in(plain_math(part))]
        if len(bold) == 1 and any(number == bold[0] for number, _, _ in found):
            return Extraction(bold[0], "last number", others=_others(found, bold[0]))
        if _COMPOUND.search(sentence):
            return Extraction(_compound_in(sentence), "last number", others=_others(found, ""))
        computed = _computed(sentence, found, before)
        if computed is not None:
            ends = sentence[: found[-1][1]].rstrip(" $").endswith("=") and computed == found[-1][0]
            return Extraction(
                _with_exact(sentence, computed), "last result", others=() if ends else _others(found, computed)
            )
        reason = _REASON.search(sentence) or _BESIDE.search(sentence)
        main = [number for number in found if reason is not None and number[2] <= reason.start()]
        return _last_of_prose(sentence, "last number", main or found)
    return NOTHING


_CLAUSES = re.compile(r";\s(?=[A-Za-z]{2,}[\s,])")
"""`With 9 more he would have 36; as it is, he has 27.`"""
_HEAD = re.compile(r"\A\W{0,6}[A-Za-z][A-Za-z ']{1,40}:\s{1,3}(?=[-$\d(][^A-Za-z=]{0,80}=[^A-Za-z=]{1,40}\Z)")
"""What a calculation is of: `Total: 9 * 2 = $18`."""
_LIST_MARK = re.compile(r"\A\s{0,8}(?:\d{1,2}[.)]\s(?=\W{0,4}[A-Za-z])|[^\W\d_]{3,12}\s\d{1,2}\s?[:.]\s(?=\S))")
"""The number of a list item or a step, which is no answer: `3. Subtract.`, `Step 4: Simplify.`"""
_SCRIPT = re.compile(r"[\u0400-\u04ff\u0590-\u06ff\u0900-\u0dff\u0e00-\u0e7f\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")
_SCRIPT_DENIES = re.compile("不|非|没|無|无|ない|아니|ليس|غير|ไม่|नहीं|(?i:\\b(?:не|нет)\\b)")
_SCRIPT_TAIL = 2_000
_SCRIPT_LETTERS = 3


def last_in_script(plain: str) -> str | None:
    """Return the last number of prose in a script without Latin words, unless something near it denies it."""
    tail = plain[-_SCRIPT_TAIL:]
    found = numbers_in(tail) if len(_SCRIPT.findall(tail)) >= _SCRIPT_LETTERS else []
    if not found or _SCRIPT_DENIES.search(tail[max(0, found[-1][1] - 12) : found[-1][2] + 12]):
        return None
    return found[-1][0]


_RESTATED = re.compile(
    r"(?:\bwhich is|\bwhich equals|\bthat is|=)\s{1,2}(\d[\d,.]{0,12}\s?[A-Za-z]{0,12})[\s.)]{0,4}\Z"
)
"""The one unit in which a compound quantity is given again: `3 hours and 30 minutes, which is 210 minutes`."""
_COMPOUND_WHOLE = re.compile(
    r"\d[\d.,/]{0,12}\s?[A-Za-z]{1,12}\.?(?:(?:,\s?|\s)(?:and\s)?\d[\d./]{0,12}\s?[A-Za-z]{1,12}\b){1,4}"
)


def _compound_in(sentence: str) -> str:
    """Return the last quantity of several parts, `3 hours and 30 minutes`, or all of the sentence."""
    found = _COMPOUND_WHOLE.findall(" ".join(sentence.split()))
    return found[-1] if found else sentence.strip()[:400]


def _with_exact(sentence: str, value: str) -> str:
    """Return `3/7 ≈ 0.43` for the `0.43` that a sentence ends on, where it says of what that is a rounding."""
    before, _, _ = sentence.rpartition(value)
    exact = before.rstrip(" $")
    sign = next((sign for sign in ("≈", "\\approx") if exact.endswith(sign)), "")
    if not sign:
        return value
    exact = exact.removesuffix(sign).rstrip(" $")
    numbers = numbers_in(f"{exact} ")
    return f"{numbers[-1][0]} ≈ {value}" if numbers and numbers[-1][2] >= len(exact) else value


_ASSERTS = re.compile(
    r"(?<!that )(?<!which )\b(?:is|are|was|were|equals?|so|therefore|thus|leaving|leaves|which|means?"
    r"|then|and|or|but|gives?)\b|[;:]"
)
_PREMISE = re.compile(
    r"\W{0,4}(?:since|as|if|because|when|given|with|after|out of|from|of)\b[^,]{0,200}\Z", re.IGNORECASE
)


def _computed(sentence: str, found: list[Found], before: str) -> str | None:
    """Return the number of a sentence that is the last result computed in or before it, if none is asserted later.

    `8` of `So they need 8 meals to feed all 12` after `12 / 1.5 = 8`; not the `9` of `Kelly paid $9, so $1 more`.
    """
    if len(found) < 2:
        return None
    own = [
        each[1]
        for each in _RESULT.finditer(sentence)
        if not _PLACE.search(sentence[max(0, each.start(1) - 32) : each.start(1)])
    ]
    results = own or _RESULT.findall(before[-800:])
    if not results:
        return None
    wanted = results[-1].rstrip(",.").replace(",", "")
    same = [number for number in found if number[0].strip("$ ").rstrip(".").replace(",", "") == wanted]
    if not same or (not own and _PREMISE.match(sentence[: same[0][1]])):
        return None
    chosen = same[-1] if own else same[0]
    return None if _ASSERTS.search(sentence, chosen[2], found[-1][1]) else chosen[0]


_WORDY = re.compile(r"\A\W{0,4}[A-Za-z'’]{2,}\s")
"""A statement that begins with a word: `it takes 3 hours and 30 minutes`."""
_NO_FACTORIAL = re.compile(r".{0,20}(?:[$€£]\s?[\d.,]+|\d\.\d+|[a-z%°]{1,20})!+", re.DOTALL)
"""The end of a sentence: `$76.50!`, `12 km!`; `5!` may be a factorial."""
UNIT_AFTER = re.compile(rf"\s?{UNIT}")


def read_quantity(text: str, method: str) -> Extraction:
    """Return the number that a statement names, with the unit that follows it."""
    plain = plain_math(text[:MAX_CHARACTERS])
    if _COMPOUND.search(plain) or whole_number(plain, method) is not None:
        whole = method in EXPLICIT or not _WORDY.match(plain)
        return Extraction(trimmed(text) if whole else _compound_in(plain), method)
    number = read_number(text, method)
    if number.value is None:
        return number
    at = plain.rfind(number.value)
    unit = UNIT_AFTER.match(plain, at + len(number.value)) if at >= 0 else None
    return Extraction(number.value + (unit.group() if unit else ""), method, number.ambiguous, number.others)
