"""Numbers written out in English words: `forty-two`, `three hundred and four`, `two and a half`, `three quarters`."""

from __future__ import annotations

from fractions import Fraction

_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SMALL = {word: value for value, word in enumerate(_ONES)} | {word: 10 * at for at, word in enumerate(_TENS, 2)}
_LARGE = {"thousand": 10**3, "million": 10**6, "billion": 10**9}
_SHARES = {
    "half": 2, "halves": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8,
    "ninth": 9, "tenth": 10, "hundredth": 100, "thousandth": 1000,
}  # fmt: skip
NUMERALS = frozenset(_SMALL) - {"zero", "one"}
"""Words that name a number in running text; `one` may be a pronoun."""
MAX_WORDS = 12
MAX_DIGITS = 15


def number_in_words(text: str) -> Fraction | None:
    """Return the number that the whole text writes in words, or None; `text` is lower case."""
    words = text.replace("-", " ").split()
    if not 1 <= len(words) <= MAX_WORDS or not text.isascii() or not any(map(str.isalpha, text)):
        return None
    if words[0] in ("minus", "negative") and len(words) > 1:
        value = number_in_words(" ".join(words[1:]))
        return None if value is None else -value
    share = _SHARES.get(words[-1]) or _SHARES.get(words[-1].removesuffix("s"))
    if share is None:
        whole = _integer(words)
        return None if whole is None else Fraction(whole)
    before = words[:-1]
    if "and" in before:
        at = len(before) - 1 - before[::-1].index("and")
        whole, before = _integer(before[:at]), before[at + 1 :]
        if whole is None or not before:
            return None
    else:
        whole = 0
    count = 1 if before in ([], ["a"], ["an"]) else _integer(before)
    return None if count is None else whole + Fraction(count, share)


def _integer(words: list[str]) -> int | None:
    if len(words) == 1 and words[0].isdecimal() and words[0].isascii() and len(words[0]) <= MAX_DIGITS:
        return int(words[0])
    total = part = 0
    before = "and"
    for word in words:
        if word in _SMALL:
            ten = before in _TENS and 0 < _SMALL[word] < 10
            if not ten and (before in _SMALL or part % 100):
                return None
            part += _SMALL[word]
        elif word == "hundred" and 0 < part < 10:
            part *= 100
        elif word in _LARGE and 0 < part < 1000 and total % (_LARGE[word] * 1000) == 0:
            total, part = total + part * _LARGE[word], 0
        elif word != "and" or before not in ("hundred", *_LARGE):
            return None
        before = word
    return None if before == "and" else total + part
