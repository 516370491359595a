"""A gold answer read once: what kind of answer it is, and its value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from potstill.verify.asides import without_marks
from potstill.verify.choices import gold_letter, letters_of, looks_like_choice
from potstill.verify.dates import Date, Time, parse_date, parse_time
from potstill.verify.foreign import said_yes_no
from potstill.verify.lists import boxed_parts
from potstill.verify.markup import raised
from potstill.verify.normalise import plain_math, plain_words, visible
from potstill.verify.numbers import Number, TooLargeError, parse_based
from potstill.verify.numerals import counted_in_words, number_in_words, ordinal_in_words
from potstill.verify.quantities import Compound, parse_quantity
from potstill.verify.units import unit_of
from potstill.verify.words import Meaning, meaning_of, yes_or_no

MATHEMATICAL = frozenset(("expression", "equation", "interval", "set", "tuple", "list", "matrix"))


@dataclass(frozen=True, slots=True)
class Gold:
    """A gold answer: its text without dress, its kind (never `auto`) and what was read from it.

    `letters` are a choice's, `options` its choices; `based` is value and base of a number with its base written;
    `label` the variable of `x = 5`; `question` what was asked, where it is known. All values are
    None where the gold is something else.
    """

    text: str
    kind: str
    value: Number | Compound | None = None
    based: tuple[int, int] | None = None
    moment: Date | Time | None = None
    meaning: Meaning = ""
    letters: str | None = None
    options: tuple[str, ...] = ()
    yes: bool | None = None
    label: str = ""
    question: str = ""


@lru_cache(maxsize=65_536)
def read_gold(gold: str, kind: str, choices: tuple[str, ...] = ()) -> Gold:
    """Read a gold answer under its declared kind; `auto` decides by choices, then by how the gold reads."""
    text = undressed(_of_solution(gold))
    if kind in ("choice", "auto") and (kind == "choice" or looks_like_choice(text, choices)):
        letters = letters_of(text, choices) or gold_letter(gold, choices)
        if letters or kind == "choice":
            return Gold(text, "choice", letters=letters or None, options=choices)
    if kind == "text" or (kind == "auto" and _is_literal(text)):
        return Gold(text, "text", moment=moment_of(text))
    if kind in ("yes_no", "auto"):
        said = yes_or_no(text) if kind == "yes_no" or plain_words(text) in ("yes", "no", "true", "false") else None
        said = said_yes_no(text) if said is None else said
        if said is not None or kind == "yes_no":
            return Gold(text, "yes_no", yes=said)
    if kind in MATHEMATICAL:
        return Gold(text, kind, meaning=meaning_of(text))
    moment = moment_of(text) if kind in ("date", "auto") else None
    if moment is not None or kind == "date":
        return Gold(text, "date", moment=moment)
    return _number(text, kind)


_SOLVED = re.compile(
    r"(?:.*\s)?#### ?(\S[^\n#]{0,200})\s*|(?:the )?(?:final )?answer ?: ?(\S[^\n]{0,200})", re.DOTALL | re.IGNORECASE
)


def _of_solution(gold: str) -> str:
    """Return the answer of a gold that is a whole solution in GSM8K's shape (`... #### 72`) or names its answer."""
    found = _SOLVED.fullmatch(gold) if "#### " in gold or "nswer" in gold[:24] else None
    return gold if found is None else (found[1] or found[2]).strip()


def _is_literal(text: str) -> bool:
    """Whether a gold is signs alone (`] } >`) or a Python value with strings in it (`['a', 'b']`)."""
    if not any(c.isalnum() or c in "\\∞∅ℝ" for c in text):
        return meaning_of(text) == ""
    quoted = text[0] in "'\"" and text[-1] == text[0] and len(text) > 1
    return quoted or (text[0] in "[({" and text[-1] in "])}" and ("'" in text or '"' in text) and "\\" not in text)


def _number(text: str, kind: str) -> Gold:
    numeric = kind in ("number", "quantity")
    try:
        value = parse_quantity(text)
    except TooLargeError:
        return Gold(text, "number")
    if value is not None:
        unit = isinstance(value, Compound) or bool(value.symbol)
        return Gold(text, kind if numeric else "quantity" if unit else "number", value, label=label_of(text))
    based = parse_based(text)
    if based is not None:
        return Gold(text, "number", based=based)
    meaning = meaning_of(text)
    if not meaning:
        plain = plain_words(text[:200])
        words = number_in_words(plain)
        if ordinal_in_words(plain) is not None:
            return Gold(text, "text")
        if words is not None:
            return Gold(text, "number", Number(words))
        counted = counted_in_words(plain)
        if counted is not None and unit_of(counted[1]) is not None:
            value = parse_quantity(f"{counted[0]} {counted[1]}")
            return Gold(text, kind if numeric else "quantity", value)
    if numeric or meaning or not is_wordy(text):
        return Gold(text, "expression", meaning=meaning)
    return Gold(text, "text")


_LABEL = re.compile(
    r"(?:\s|\\[ ,;:!])*(?:(?P<symbol>\\?[A-Za-z]{1,3}(?:_\{?\w{1,3}\}?|[\d₀-₉]{1,2})?'{0,2}"
    r"|\\(?:var)?[a-z]{1,8}(?:_\{?\w{1,3}\}?)?"
    r"|[A-Z][a-z]{0,3}\s?\([A-Za-z]\w{0,3}\)|\|[A-Za-z]\||\\(?:min|max)\s?[a-z]|log\s?[a-z])"
    r"|(?P<words>(?:\\text\s?\{\s?)?[A-Za-z][A-Za-z' -]{2,40}[\s}]{0,3}))\s*(?:=(?!=)|:(?=\s))"
)


def label_of(text: str, *, in_words: bool = False) -> str:
    """Return the variable that a value is given to, `x` of `x = 5`, or an empty string.

    `in_words`: also what a value is called, `width` of `Width = 8 m` and of `width: 8 m`.
    """
    found = _LABEL.match(text) if "=" in text or ":" in text else None
    if found is None:
        return ""
    if found["symbol"]:
        return "".join(found["symbol"].split()).removeprefix("\\")
    return plain_words(found["words"]) if in_words else ""


def moment_of(text: str) -> Date | Time | None:
    """Return the date or the time of day that the whole text is."""
    return parse_date(text) or parse_time(text)


_WORD = re.compile(
    r"(?<![\\A-Za-z])(?!(?:sqrt|sin|cos|tan|cot|sec|csc|log|ln|exp|frac|pi|mod|min|max|lim|det|gcd|lcm|infty|infinity"
    r"|and|or|arcsin|arccos|arctan)(?![A-Za-z]))[^\W\d_⁰-₟²³¹]{2,}"
)
_OPERATORS = re.compile(r"[=+*/^<>|\\]|\d")


_ENVIRONMENT = re.compile(r"\\(?:begin|end)\s?\{[A-Za-z]{1,20}\*?\}(?:\s?\{[clr|\s]{1,40}\})?")


def words_in(text: str) -> int:
    """Return how many words of two letters and more a text has, functions and commands of mathematics aside."""
    text = text[:4_000]
    return len(_WORD.findall(_ENVIRONMENT.sub(" ", text) if "\\begin" in text else text))


def is_wordy(text: str) -> bool:
    """Whether a text is words rather than mathematics: `Evelyn`, `odd n`; not `2x`, `AB`, `f(x)`."""
    plain = plain_math(text[:4_000])
    words = words_in(plain)
    if len(plain) == 2 and plain.islower():
        return False  # a product of two variables
    return words > 0 and (_OPERATORS.search(plain) is None or words > 3) and not (plain.isupper() and len(plain) < 4)


_DELIMITED = re.compile(
    r"\s*(?:\$\$(?P<a>.*)\$\$|\$(?P<b>[^$]*)\$|\\\((?P<c>.*)\\\)|\\\[(?P<d>.*)\\\])\s*[.,]?\s*", re.DOTALL
)
_ROUGHLY = re.compile(r"\s*(?:\\approx|≈|\\simeq|\\doteq)\s*")
_ANGLED = re.compile(r"<\s?([^<>=,]{1,80}(?:,[^<>=,]{1,80}){1,9})>")
_UNUSUAL = (("+/-", "\\pm "), ("{:}", ":"))
_CHOSEN = re.compile(
    r"(?<![A-Za-z_\\])C\((\d{1,4}),\s?(\d{1,4})\)|(?:\{\})?[_^]\{?(\d{1,4})\}?\s?\\?[,!]?\s?C_\{?(\d{1,4})\}?"
)
_OPEN_INTERVAL = re.compile(r"\]([^\[\]]{1,200})\[")
_BUILT = re.compile(r"\{\s?([a-z])\s?\|([^{}|]{1,200})\}")
_ANSWER_TAG = re.compile(
    r"<(?P<tag>(?:final[_ ])?answer|ans|result|solution)>\s{0,9}(?P<inner>[^<>].{0,2000}?)\s{0,9}</(?P=tag)>", re.DOTALL
)


def undressed(text: str) -> str:
    """Return a bare answer without the signs around its mathematics, its box, and the decimal after `≈`."""
    text = visible(text).strip()
    if text.isalnum():
        return text
    if text[:2] == "**" == text[-2:] and "**" not in text[2:-2]:
        text = text[2:-2].strip()
    text = without_marks(text)
    for written, usual in _UNUSUAL:
        if written in text:
            text = text.replace(written, usual)
    if "C" in text:
        text = _CHOSEN.sub(lambda found: "\\binom{{{}}}{{{}}}".format(*filter(None, found.groups())), text)
    if text[:1] in "]{" and (shaped := _OPEN_INTERVAL.fullmatch(text) or _BUILT.fullmatch(text)) is not None:
        text = f"({shaped[1]})" if text[0] == "]" else f"\\{{ {shaped[1]} \\mid {shaped[2]} \\}}"
    if text[:1] == "<" and (tagged := _ANSWER_TAG.fullmatch(text)) is not None:
        text = tagged["inner"]
    if "boxed" in text:
        parts = boxed_parts(text)
        if parts:
            distinct = list(dict.fromkeys(parts))
            text = distinct[0] if len(distinct) == 1 else " ; ".join(parts)
    if "<su" in text:
        text = raised(text)
    for _ in range(3):
        found = _DELIMITED.fullmatch(text)
        if found is None:
            break
        text = next(part for part in found.groups() if part is not None).strip()
    if "approx" in text or "≈" in text or "simeq" in text:
        exact, *rest = _ROUGHLY.split(text, maxsplit=1)
        if rest and not re.fullmatch(r"\s*\$?(?:\\?[A-Za-z]{0,12}|.*=\s*)", exact, re.DOTALL):
            text = exact.strip().strip("$").strip()
    if text[:1] == "<" and (angled := _ANGLED.fullmatch(text)) is not None:
        text = f"\\langle {angled[1]} \\rangle"
    return text.rstrip(" ,;") if not text.endswith("\\,") else text
