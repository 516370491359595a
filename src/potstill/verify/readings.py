"""What was found in a response, and a stated answer read as a choice or as yes and no. Pure, linear in the text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from potstill.verify.normalise import plain_math, plain_words, spelling
from potstill.verify.numbers import MAX_CHARACTERS, Number, TooLargeError, numbers_in, parse_plain


@dataclass(frozen=True, slots=True)
class Extraction:
    """A final answer: None if there is none, `ambiguous` if two that differ are stated.

    `others` are further readings of the same words: enough to doubt that `value` is wrong, never to call it right. Of
    an ambiguous answer they are the other candidates: where none of all is the gold, it is wrong whatever it means.
    `unfinished` is a guess from a text that breaks off or gives up.
    """

    value: str | None
    method: str = ""
    ambiguous: bool = False
    others: tuple[str, ...] = ()
    unfinished: bool = False


NOTHING = Extraction(None, "nothing found")


_LETTER = re.compile(r"\(?\[?\b([A-Z])\b[\])]?(?=[\s,:;)\]*$}]|\.(?!\w)|\Z)")
_SINGLE_LETTER = re.compile(r"[\s($\[*{\"'`]{0,6}([A-Za-z])[\s)$\]*.}\"'`]{0,6}")
_LEADING_LETTER = re.compile(r"[\s($\[*{\"'`]{0,6}([A-Z])(?:[)\]:.}]|\*\*|\s[-–—:=(]|\s{1,3}(?=\\|\$)|\Z)")
_AFTER_MARK = re.compile(r"^[\s)\]*.:–—-]{1,8}")
_LETTERS_ALONE = re.compile(r"[\s(\[]{0,3}[A-Z][)\]]{0,2}(?:[\s,;/&]{1,3}[(\[]{0,2}[A-Z][)\]]{0,2}){1,25}[\s.]{0,3}")
_LED_LETTER = re.compile(
    r"[\s($\[*]{0,4}([A-Z])[)\]*]{0,2},\s(?:it|this|that|which|because|since|as|so|not|and not|but|while)\b"
)
"""`D, it can't be A or B`"""
_NOT_LETTER = re.compile(r"\b(?i:not|isn't|neither|nor|except|rule out|eliminate)\s(?:option\s|choice\s)?\(?([A-Z])\b")
_LOWER = re.compile(r"(?<![A-Za-z\d])\(([a-j])\)")
_ALSO = re.compile(
    r"(?:\b(?:or|and|nor)\s{1,2}|[,/&]\s{0,2}(?:and\s|or\s)?)(?:also\s)?(?:option\s|choice\s)?"
    r"(?:\(([A-Z])\)|([A-Z])(?=[\s.,;:)\]*]{0,3}\Z|[),]))(?!\s(?:is|was|are|would|can|cannot|could|does|has|because)\b)"
)


def read_choice(text: str, method: str, choices: tuple[str, ...]) -> Extraction:
    """Return the letter that a statement names, by letter or by the option's own words.

    Of a statement that lists several (`(A) and (C)`, `B or C`) the value is all of them; one that only mentions several
    is ambiguous. Two options with the same words are one: the first of them.
    """
    plain = _LOWER.sub(lambda found: f"({found.group(1).upper()})", plain_math(text[:2_000]))
    letters, listed = _letters(plain, choices)
    letters = list(dict.fromkeys(_first_alike(letter, choices) for letter in letters))
    if len(letters) < 2 or listed:
        return Extraction(", ".join(letters), method) if letters else NOTHING
    return Extraction(letters[-1], method, ambiguous=True, others=tuple(letters[:-1][-8:]))


def _letters(plain: str, choices: tuple[str, ...]) -> tuple[list[str], bool]:
    """Return the letters of a statement, and whether it lists them as its answer or only mentions them."""
    single = _SINGLE_LETTER.fullmatch(plain)
    if single is not None and offered(single.group(1).upper(), choices):
        return [single.group(1).upper()], True
    named = option_letter(plain, choices)
    if named is not None:
        return [named], True
    if _LETTERS_ALONE.fullmatch(plain):
        return [letter for letter in re.findall("[A-Z]", plain) if offered(letter, choices)], True
    led = _LED_LETTER.match(plain)
    if led is not None and offered(led.group(1), choices):
        return [led.group(1)], True
    denied = set(_NOT_LETTER.findall(plain))
    also = [a or b for a, b in _ALSO.findall(plain) if offered(a or b, choices) and (a or b) not in denied]
    leading = _LEADING_LETTER.match(plain)
    if leading is not None and offered(leading.group(1), choices):
        written = option_letter(_AFTER_MARK.sub("", plain[leading.end() :], count=1), choices)
        return [leading.group(1), *also, *([written] if written else [])], True
    letters = [
        found.group(1)
        for found in _LETTER.finditer(plain)
        if found.group(1) not in denied and offered(found.group(1), choices) and not _is_word(plain, found)
    ]
    return letters, set(letters[1:]) <= set(also)


def _first_alike(letter: str, choices: tuple[str, ...]) -> str:
    """Return the letter of the first option with the same words."""
    at = ord(letter) - 65
    return letter if at >= len(choices) else chr(65 + choices.index(choices[at]))


def option_letter(text: str, choices: tuple[str, ...]) -> str | None:
    """Return the letter of the one choice that the text writes out: same words, same spelling, or same number."""
    for key in (plain_words, spelling, _number_key, _unjoined):
        wanted = key(text)
        named = [at for at, choice in enumerate(choices) if wanted and key(choice) == wanted]
        if named and len({choices[at] for at in named}) == 1:
            return chr(65 + named[0])
    return None


_JOINING = re.compile(r"[\s,;]+(?:and\b[\s,;]*)?")


def _unjoined(text: str) -> str:
    """Return the words of an option without what joins its parts: `(A) 4 m and (B) 3 m` is `(A) 4 m (B) 3 m`."""
    words = plain_math(text).casefold()
    return _JOINING.sub(" ", words).strip(" .") if len(words) < MAX_JOINED else ""


MAX_JOINED = 400


def _number_key(text: str) -> tuple[object, ...] | None:
    try:
        number = parse_plain(plain_math(text[:400]))
    except TooLargeError:
        return None
    return None if number is None else (number.value, number.percent, number.unit)


def offered(letter: str, choices: tuple[str, ...]) -> bool:
    """Whether a letter stands for one of the choices; any letter does where they are not known."""
    return ord(letter) - 65 < (len(choices) or 26)


_CUE = re.compile(r"\b(?:option|choice|answer|letter)\s\Z", re.IGNORECASE)
_WORD_AFTER = re.compile(r"\s(?!(?:and|or)\s\(?[A-Z]\b)[a-z]")


def _is_word(plain: str, found: re.Match[str]) -> bool:
    """Whether this capital is an article or a pronoun: `A triangle`, `I think`."""
    if found.group()[0] in "([" or _CUE.search(plain, 0, found.start()):
        return False
    return found.group(1) in "AI" and _WORD_AFTER.match(plain, found.end()) is not None


_YES_NO = re.compile(
    r"(?<![A-Za-z_^])(yes|no|true|false|nope|yep)(?![A-Za-z]|\s(?:one|longer|more|matter|other|way|single|real)\b"
    r"|\s{0,3}[_\d{<=|^+/&~@#%])",
    re.IGNORECASE,
)
_FIRST_WORD = re.compile(
    r"[\s($\[*{\"'`\\]{0,6}(?:text\{)?(?:(?:so|therefore|thus|hence),?\s)?(yes|no|true|false|nope|yep|yeah)"
    r"(?![A-Za-z]|\s(?:one|longer|more|matter|other|way|single|real)\b|\s{0,3}[_\d{<=|^+/&~@#%])",
    re.IGNORECASE,
)
_NOT_SO = re.compile(
    r"(?:not|n't|neither|nor|whether|either)\s(?:\w{1,12}\s){0,2}(?:yes|no|true|false)\b", re.IGNORECASE
)
_COMPUTED = re.compile(r"(?<![A-Za-z])(?:yes|no|true|false)\s{0,3}[\^_|+~@#]", re.IGNORECASE)
"""A word that is computed with is none: `yes^yes`."""
_DETERMINER = re.compile(
    r"\bno (?!because|since|as\b|it\b|he\b|she\b|they\b|we\b|i\b|this\b|that\b|the\b|there\b|and\b|but\b|so\b"
    r"|matter)[a-z]{3,}",
    re.IGNORECASE,
)
_CONDITIONAL = re.compile(
    r"\b(?:would|could|might)(?: only)?(?: still)? be (?:true|false|yes|no)\b|\btrue that\b", re.IGNORECASE
)


def without_determiners(text: str) -> str:
    """Return the text without the `no` of `no need` and the `true` of `it would be true`, which answer nothing."""
    return _CONDITIONAL.sub(" ", _DETERMINER.sub(" ", text))


_POSITIVE = frozenset(("yes", "true", "yep", "yeah"))


def read_yes_no(text: str, method: str) -> Extraction:
    """Return the word yes, no, true or false that a statement begins with, or the only one that it holds."""
    if "__" in text.replace("__yes__", "").replace("__no__", ""):
        return Extraction(None, method)  # names of a program, not words
    plain = plain_math(text[:MAX_CHARACTERS])
    if _COMPUTED.search(plain):
        return Extraction(None, method)
    first = _FIRST_WORD.match(plain)
    if first is not None and not _DETERMINER.match(plain, first.start(1)):
        return Extraction(first.group(1), method)
    words = _YES_NO.findall(without_determiners(plain))
    if not words or _NOT_SO.search(plain):
        return Extraction(None, method)
    sides = {word.lower() in _POSITIVE for word in words}
    return Extraction(words[-1], method, len(sides) > 1, tuple(words[:-1][-4:]))


_PLAIN = re.compile(r"[\w\s.,;:()\[\]{}$]*")


def differ(one: str, other: str) -> bool:
    """Whether two answers surely differ: two numbers, two lists or texts; of formulas only a comparison can tell."""
    if plain_words(one) == plain_words(other):
        return False
    left, right = _number(one), _number(other)
    if left is not None and right is not None:
        return left.value != right.value
    if (left is None) != (right is None):
        return not any(c.isdigit() or c in "\\=" for c in (other if right is None else one))
    return _PLAIN.fullmatch(one) is not None and _PLAIN.fullmatch(other) is not None


def _number(text: str) -> Number | None:
    try:
        return parse_plain(plain_math(text[:400]))
    except TooLargeError:
        return None


def numbers_of(text: str) -> tuple[str, ...]:
    """Return the last numbers of a text, at most 16, in its order."""
    return tuple(number for number, _, _ in numbers_in(plain_math(text))[-16:])
