"""Numbers written out in English words: `forty-two`, `three hundred and four`, `two and a half`, `three quarters`."""

from __future__ import annotations

from fractions import Fraction

_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SMALL = {word: value for value, word in enumerate(_ONES)} | {word: 10 * at for at, word in enumerate(_TENS, 2)}
_DOZEN = 12
_LARGE = {"thousand": 10**3, "million": 10**6, "billion": 10**9}
_SHARES = {
    "half": 2, "halves": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8,
    "ninth": 9, "tenth": 10, "hundredth": 100, "thousandth": 1000,
}  # fmt: skip
_ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fifth": 5, "eighth": 8, "ninth": 9, "twelfth": 12,
    **{word + "th": value for word, value in _SMALL.items() if value and word not in ("one", "two", "three")},
    **{f"{word[:-1]}ieth": value for word, value in _SMALL.items() if word in _TENS},
    "hundredth": 100, "thousandth": 1000,
}  # fmt: skip
NUMERALS = frozenset(_SMALL) - {"zero", "one"}
"""Words that name a number in running text; `one` may be a pronoun."""
COUNTING = NUMERALS | {"half", "third", "quarter", "couple", "twice", "double", "hundred", "thousand"}
"""Words that say how many, besides numerals."""
MAX_WORDS = 12
MAX_DIGITS = 15


def number_in_words(text: str) -> Fraction | None:
    """Return the number that the whole text writes in words, or None; `text` is lower case."""
    words = text.replace("-", " ").split()
    if not 1 <= len(words) <= MAX_WORDS or not text.isascii() or not any(map(str.isalpha, text)):
        return None
    if words[0] in ("minus", "negative") and len(words) > 1:
        value = _value(words[1:])
        return None if value is None else -value
    return _value(words)


def ordinal_in_words(text: str) -> int | None:
    """Return the place that the whole text writes in words (`the third`, `twenty-first`), or None."""
    words = text.replace("-", " ").split()
    if words[:1] == ["the"]:
        words = words[1:]
    if not 1 <= len(words) <= MAX_WORDS or words[-1] not in _ORDINALS:
        return None
    last = _ORDINALS[words[-1]]
    if len(words) == 1:
        return last
    before = _integer(words[:-1])
    if before is None:
        return None
    if last >= 100:
        return before * last
    return before + last if before % (10 if last < 10 else 100) == 0 else None


def counted_in_words(text: str) -> tuple[Fraction, str] | None:
    """Return the number in words that a text begins with, and the one to three words after it: `four`, `apples`."""
    words = text.split()
    if not 2 <= len(words) <= MAX_WORDS:
        return None
    for rest in range(1, min(4, len(words))):
        value = number_in_words(" ".join(words[:-rest]))
        if value is not None:
            return value, " ".join(word for word in words[-rest:] if word not in ("of", "a", "an"))
    return None


_BEFORE = frozenset(
    ("is", "are", "was", "were", "equals", "has", "have", "had", "leaves", "makes", "gets", "got", "total")
)
_NAMES_A_NUMBER = NUMERALS | {"hundred", *_LARGE}
_NOT_AFTER = COUNTING | {
    "times",
    "in",
    "out",
    "point",
    "percent",
    "or",
    "to",
    "more",
    "less",
    "fewer",
    "of",
    "and",
    "the",
    "as",
}


def numeral_in(sentence: str) -> str | None:
    """Return the one number in words that a sentence says something is or has: `there are seventeen marbles`."""
    words = [word.strip(".,;:!?()*\"'") for word in sentence.lower().replace("-", " ").split()]
    if "not" in words:
        return None
    found = []
    for at, word in enumerate(words[:-1]):
        if word not in _BEFORE:
            continue
        runs = range(min(len(words), at + 1 + MAX_WORDS), at + 1, -1)
        end = next((end for end in runs if number_in_words(" ".join(words[at + 1 : end])) is not None), 0)
        if end and not _NAMES_A_NUMBER.isdisjoint(words[at + 1 : end]):
            found.append((at + 1, end))
    if len(found) != 1:
        return None
    start, end = found[0]
    elsewhere = not NUMERALS.isdisjoint((*words[:start], *words[end:]))
    end, bare = _with_unit(words, end), end
    if elsewhere or (end == bare < len(words) and words[end] in _NOT_AFTER):
        return None
    return " ".join(words[start:end])


def _with_unit(words: list[str], end: int) -> int:
    """Return where a share of a unit ends that begins before `end`: `three quarters` `of an hour`."""
    at = end + (words[end : end + 1] == ["of"])
    return at + 2 if words[at : at + 1] in (["a"], ["an"]) and words[at + 1 : at + 2] else end


_COMPARING = frozenset(("not", "or", "than", "no", "less", "more", "some", "few", "several", "many", "as", "about"))
_LEADING = frozenset((
    "is", "are", "was", "were", "has", "have", "had", "exactly", "now", "only", "just", "equals", "makes", "gets",
    "leaves", "left", "keeps", "spends", "costs", "needs", "takes", "pays", "earns", "total", "after", "within",
))  # fmt: skip
_CONNECTING = frozenset(("and", "a", "an", "of", "the"))


def sole_numeral(sentence: str) -> str | None:
    """Return the only number in words of a sentence that says how many it is: `exactly forty-two such numbers`."""
    words = [word.strip(".,;:!?()*\"'") for word in sentence.lower().replace("-", " ").split()]
    if _COMPARING & set(words):
        return None
    found, at = [], 0
    while at < len(words):
        ends = range(min(len(words), at + MAX_WORDS), at, -1)
        fits = (end for end in ends if words[at] not in _CONNECTING and words[end - 1] not in _CONNECTING)
        end = next((end for end in fits if number_in_words(" ".join(words[at:end])) is not None), 0)
        first = at - (words[at - 1 : at] in (["a"], ["an"]))
        if end and (first <= 0 or words[first - 1] not in _LEADING):
            return None
        if end and (
            words[end : end + 1] in (["the"], ["as"]) or words[end : end + 2] == ["of", "the"]
        ):  # half the product of base and height
            return None
        if end:
            end = _with_unit(words, end)
            found.append(" ".join(words[first:end]))
        at = end or at + 1
    return found[0] if len(found) == 1 and found[0] != "one" else None


def _value(words: list[str]) -> Fraction | None:
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
    if words[-1] == "dozen":
        count = 1 if words[:-1] in (["a"], ["one"], []) else _integer(words[:-1])
        return None if count is None else count * _DOZEN
    total = part = 0
    before = "and"
    if len(words) > 1 and words[0] in ("a", "one") and words[1] in ("hundred", *_LARGE):
        words = ["one", *words[1:]]
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
