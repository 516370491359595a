r"""Digits as people of many countries write them, brought to decimal points: `25,2`, `6.252,50`, `1'234'567`, `12万`.

A text is read with points or with commas, whichever the policy, the golds of its data set, or its own language and
numbers say. What may mean two numbers is read both ways by whoever compares, and never called wrong for it. Pure, and
linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Literal, NamedTuple

from potstill.recipe import Policy
from potstill.verify.foreign import writes_commas
from potstill.verify.judged import Judged, unknown

Told = Literal["auto", "point", "comma"]
LONGEST = 60
"""Characters of digits and marks that are one number; longer ones are left as they are."""
TAIL = 20_000
"""Characters of a response, from its end, that say how it writes its decimals."""

_NUMBER = re.compile(
    r"(?<![\w.,'’^_/])(?<!\d[ \u00a0\u202f\u2009])"
    r"\d{1,20}(?:(?:[.,'’]|\{,\}|[\u00a0\u202f\u2009](?=\d{3}(?!\d))| (?=\d{3}(?!\d)))\d{1,20}){1,12}(?![\d']|[.,]\d)"
)
"""`6.252,50`, `1'234'567`, `25{,}2`, `1 234,5`; not the parts of `x_1,2` or `1/2,5`."""
_MARK = re.compile(r"[.,'’ \u00a0\u202f\u2009]|\{,\}")
_BRACKETED = (("(", ")"), ("[", "]"), ("{", "}"))
_EAST = re.compile(
    r"(?<![\w.,])(?:\d[\d,]{0,15}(?:\.\d{1,9})?\s?[百千천백]?[万萬만亿億억兆조]\s?){1,4}(?:\d{1,4}\s?[千천]\s?)?(?:\d{1,3}\s?[百백]\s?)?"
    r"(?:\d{1,8}(?![\d.,万萬만亿億억兆조]))?"
)
"""`12万`, `3.5億`, `1亿2000万`, `7千万`, `1万2千`."""
_EAST_PART = re.compile(r"(\d[\d,]*(?:\.\d+)?)\s?(?:([百千천백]?)([万萬만亿億억兆조])|([百千천백]))\s?|(\d{1,8})\Z")
_HAN = re.compile(
    r"(?:(?<![一-鿿\d])(?<!\d )|(?<=[是为為]))"
    r"[零〇一二两兩三四五六七八九十][零〇一二两兩三四五六七八九十百千万萬亿億]{0,19}(?![一-鿿])"
)
"""`二十五`, `三万二千`; not a word such as `一般`."""
_HAN_DIGITS = {
    sign: value
    for value, signs in enumerate(("零〇", "一", "二两兩", "三", "四", "五", "六", "七", "八", "九"))
    for sign in signs
}
_HAN_SIZES = {"十": 10, "百": 100, "千": 1000, **dict.fromkeys("万萬", 10**4), **dict.fromkeys("亿億", 10**8)}
_WIDE = str.maketrans("０１２３４５６７８９，．", "0123456789,.")
_WORDS = (
    (r"(?<=\d)\s?(?:Mio\b\.?|Millionen|millones|millón|milion[ei]|milhões|milhão|miljoen(?:en)?|miljoner|milion(?:y|ów)"
     r"|millions|миллион(?:ов|а)?|млн\b\.?)", " million"),
    (r"(?<=\d)\s?(?:Mrd\b\.?|Milliarden?|milliards?|miliard[oi]|miljard(?:er)?|miliard(?:y|ów)|bilhões|mil millones"
     r"|миллиард(?:ов|а)?|млрд\b\.?)", " billion"),
    (r"(?<=\d)\s?(?:Tsd\b\.?|Tausend|тысяч[аи]?|тыс\b\.?|tys\b\.?)", " thousand"),
    (r"(?<=[\d%€$])\s(?:(?:und|et|och|og|и)\s(?=[-+−]?\d)|y\s(?=\d))", " and "),
    (r"(?<=[\d%€$])\s(?:oder|ou|eller|или)\s(?=[-+−]?\d)", " or "),
    (r"(?<![A-Za-z])(?:R|A|C|HK|NZ|NT|S)\$(?=\s?\d)", "$"),
)  # fmt: skip
"""Words that belong to a number, in several languages, and what they are in English: `1,5 Millionen`, `2,5 und 3,5`."""
_ENGLISH = tuple((re.compile(rf"{pattern}(?![a-z])" if word.endswith("n") else pattern, re.IGNORECASE), word)
                 for pattern, word in _WORDS)  # fmt: skip
_LATER = re.compile(r"[\d%€$]\s?[^\W\d_]|[A-Z]\$")
"""Where one of `_WORDS` may stand."""
_SIZES = {
    **dict.fromkeys("万萬만", 10**4), **dict.fromkeys("亿億억", 10**8), **dict.fromkeys("兆조", 10**12), "": 1,
    **dict.fromkeys("百백", 100), **dict.fromkeys("千천", 1000),
}  # fmt: skip


class _Written(NamedTuple):
    """One number with marks in it: how it is written with a decimal point, if points or if commas are decimal.

    `says` is the mark that it shows to be decimal; empty where its marks may group (`grouped`) or do nothing else.
    """

    point: str
    comma: str
    says: str = ""
    grouped: bool = False


def pointed(text: str, *, comma: bool) -> str:
    """Return the text with its numbers in the notation of decimal points, read with decimal commas or points."""
    return readings(text)[comma]


def readings(text: str) -> tuple[str, str]:
    """Return the text with its numbers in the notation of decimal points, read with points and read with commas."""
    if len(text) > READ:
        before = text[:-READ]
        return tuple(before + tail for tail in readings(text[-READ:]))  # type: ignore[return-value]  # a pair again
    if not text.isascii():
        text = _HAN.sub(_of_han, text.translate(_WIDE))
        text = _EAST.sub(_western, text)
    if _LATER.search(text):
        for pattern, word in _ENGLISH:
            text = pattern.sub(word, text)
    points: list[str] = []
    commas: list[str] = []
    at = 0
    for found in _numbers(text):
        if _enclosed(text, found):
            continue
        written = _read(found.group())
        points += [text[at : found.start()], written.point]
        commas += [text[at : found.start()], written.comma]
        at = found.end()
    if not at:
        return text, text
    return "".join((*points, text[at:])), "".join((*commas, text[at:]))


def _numbers(text: str) -> Iterator[re.Match[str]]:
    """Yield the numbers that have marks in them; most digits of a text have none, and are passed over quickly."""
    at = 0
    while (pair := _PAIR.search(text, at)) is not None:
        start = pair.start()
        while start > at and text[start - 1].isdecimal():
            start -= 1
        found = _NUMBER.match(text, start)
        if found is not None:
            yield found
        at = pair.end() if found is None else found.end()


_PAIR = re.compile(r"\d(?:[.,'’\u00a0\u202f\u2009]|\{,\}| \d{3})\d?")
READ = 60_000
"""Characters from the end of a response that are read; what stands before them is left as it is."""


def _enclosed(text: str, found: re.Match[str]) -> bool:
    """Whether brackets hold the number alone, as in the pair `(3,4)`; LaTeX's arguments are no brackets."""
    before, after = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 2].lstrip("\\")[:1]
    if (before, after) not in _BRACKETED:
        return False
    return before != "{" or text[found.start() - 2 : found.start() - 1] in ("\\", " ", "")


@lru_cache(maxsize=4_096)
def _read(written: str) -> _Written:
    marks, groups = _MARK.findall(written), _MARK.split(written)
    last, grouped = marks[-1], _groups(groups)
    if len(written) > LONGEST:
        return _Written(written, written)
    if len(marks) == 1 and last in (",", ".", "{,}"):
        apart, joined = ".".join(groups), "".join(groups)
        if last == ".":
            return _Written(written, joined if grouped else written, "" if grouped else ".", grouped)
        return _Written(written if grouped or last == "," else apart, apart, "" if grouped else ",", grouped)
    if (
        last in (",", ".")
        and len(set(marks)) == 2
        and marks.count(last) == 1
        and (_groups(groups[:-1]) or _lakhs(groups[:-1]))
    ):
        value = f"{''.join(groups[:-1])}.{groups[-1]}"  # 6.252,50 and 1,234.5 can mean one thing alone
        return _Written(written if marks[0] + last == ",." else value, value, last)
    if set(marks) == {","} and _lakhs(groups):  # 12,34,567, or three numbers
        return _Written(written, "".join(groups), "", grouped=True)
    if len(set(marks)) == 1 and grouped and (last != " " or len(marks) > 1):
        joined, says = "".join(groups), {",": ".", ".": ","}.get(last, "")
        return _Written(written if last == "," else joined, joined, says)
    return _Written(written, written)


def _groups(groups: list[str]) -> bool:
    """Whether digits are grouped in threes; nothing groups behind a zero: `0,375`."""
    return 0 < len(groups[0]) <= 3 and groups[0][0] != "0" and all(len(group) == 3 for group in groups[1:])


def _lakhs(groups: list[str]) -> bool:
    """Whether digits are grouped as in India: three at the end, two before: `12,34,567`."""
    *pairs, last = groups[1:] or [""]
    return len(last) == 3 and bool(pairs) and len(groups[0]) <= 2 and groups[0][0] != "0" and {*map(len, pairs)} == {2}


def _western(found: re.Match[str]) -> str:
    total, low = Fraction(0), None
    for part in _EAST_PART.finditer(found.group()):
        if part[5]:
            total += int(part[5])
            continue
        size = _SIZES[part[4]] if part[4] else _SIZES[part[2]] * _SIZES[part[3]]
        if low is not None and size >= low:
            return found.group()
        total, low = total + Fraction(part[1].replace(",", "")) * size, size
    return str(total.numerator) if total.denominator == 1 else str(float(total))


def _of_han(found: re.Match[str]) -> str:
    """Return a number in Chinese numerals in digits: 二十五 is 25; a row of digits without sizes is read as such."""
    written = found.group()
    if all(sign in _HAN_DIGITS for sign in written):
        return "".join(str(_HAN_DIGITS[sign]) for sign in written)
    total = part = digit = 0
    for sign in written:
        size = _HAN_SIZES.get(sign)
        if size is None:
            digit = _HAN_DIGITS[sign]
        elif size < 10**4:
            part, digit = part + (digit or 1) * size, 0
        else:
            total, part, digit = (total + part + digit) * size if total < size else total + (part + digit) * size, 0, 0
    return str(total + part + digit)


def evidence(text: str) -> tuple[bool, bool]:
    """Return whether a text has numbers that are written with a decimal comma for sure, and with a decimal point."""
    text = text[-TAIL:]
    said = {_read(found.group()).says for found in _numbers(text) if not _enclosed(text, found)}
    return "," in said, "." in said


_GOLD = re.compile(r"[-+−~≈$€£¥\s]{0,6}[\d.,'’ \u00a0\u202f{}]{1,60}\s?[^\d.,;:()\[\]=<>+*/^\\]{0,40}")


def told_by(golds: Iterable[str]) -> Told:
    """Return how the golds of a data set write decimals: `auto` where they do not say, or say both."""
    comma = point = 0
    for gold in golds:
        if len(gold) <= LONGEST and _GOLD.fullmatch(gold):
            one, other = evidence(gold)
            comma, point = comma + one, point + other
    return "comma" if comma and not point else "point" if point and not comma else "auto"


def reads_commas(text: str, told: Told) -> bool:
    """Whether a text is read with decimal commas: it is told so, or its language says so and no number of it denies."""
    comma, point = evidence(text)
    if point:
        return comma and told == "comma"
    return told == "comma" or (comma and told == "auto" and writes_commas(text))


_readings_of_gold = lru_cache(maxsize=4_096)(readings)


def in_notation(said: str, gold: str, policy: Policy, judge: Callable[[str, str], Judged]) -> Judged:
    """Judge an answer in its own notation against a gold in its own; unknown where the other notation makes it right.

    `judge(said, gold)` is asked again only about digits that may mean something else. A gold such as `25,2` that
    nothing can group is a decimal for an answer that is one for sure, and a list for one that is a list for sure.
    """
    spellings, golds = readings(said), _readings_of_gold(gold)
    its = golds[0] != golds[1] and policy.numbers.decimal == "comma"
    own = spellings[0] != spellings[1] and reads_commas(said, policy.numbers.decimal)
    spoken, wanted = spellings[own], golds[its]
    first = judge(spoken, wanted)
    if first.outcome == "right":
        return first
    spoken_otherwise, wanted_otherwise = spellings[not own], golds[not its]
    if wanted_otherwise != wanted:
        again = judge(spoken, wanted_otherwise)
        if again.outcome == "right":
            return again if not _groupable(gold) and spoken == spoken_otherwise else _doubt(first)
    if spoken_otherwise != spoken:
        for other in dict.fromkeys((wanted, wanted_otherwise)):
            if judge(spoken_otherwise, other).outcome == "right":
                return _doubt(first)
    return first


def _groupable(text: str) -> bool:
    return any(_read(found.group()).grouped for found in _numbers(text))


def _doubt(first: Judged) -> Judged:
    return unknown(
        "ambiguous", "the gold, if its digits are written the other way (policy numbers.decimal says which)",
        first.method, first.extracted,
    )  # fmt: skip
