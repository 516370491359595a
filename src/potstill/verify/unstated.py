"""An answer that a response does not state in so many words. Pure, linear in the text."""

from __future__ import annotations

import re
from dataclasses import replace

from potstill.records import LETTERS
from potstill.verify.amounts import last_number, read_quantity, whole_number, without_restating
from potstill.verify.dates import Date, parse_date
from potstill.verify.foreign import yes_no_in
from potstill.verify.formulas import (
    closed,
    date_in,
    formulas_in,
    is_prose,
    last_object,
    object_in,
    split_sentences,
    trimmed,
)
from potstill.verify.normalise import plain_math, plain_unicode, plain_words
from potstill.verify.numbers import MAX_CHARACTERS, numbers_in
from potstill.verify.numerals import counted_in_words, number_in_words, numeral_in, sole_numeral
from potstill.verify.readings import NOTHING, Extraction, differ, numbers_of, offered, read_choice, read_yes_no
from potstill.verify.shown import (
    LINE_CHARACTERS,
    is_remark,
    said_in_bold,
    words_shown,
)
from potstill.verify.stated import SENTENCE_END

AMOUNTS = ("number", "quantity")
WORDED = ("text", "code", "choice", "yes_no", "date")
_ENDORSED = re.compile(
    r"(?:choose|choosing|pick|select|go with) (?:option|choice|answer) [(\[*]{0,2}([A-Z])[)\]*]{0,2}(?![A-Za-z'])"
    r"|(?:(?:correct|right|best|final) (?:choice|option)|choose|choosing|pick|select|go with|think it's|think it is"
    r"|must be|it's|so it is|option|choice)\s{0,2}(?:is|are|:|would be)?\s{0,3}[(\[*$]{0,3}([A-Z])\b(?![a-z' ]?[a-z])"
    r"|\b[(\[*]{0,2}([A-Z])[)\]*]{0,2} (?:is|must be|seems|appears|looks|would be) (?:the )?"
    r"(?:most \w+|correct|right|valid|true|best)\b(?! only)"
)


_BOLD_OPTION = re.compile(r"(?:\A|\n)\s{0,4}\*\*\(?([A-J])[).:]\s?[^*\n]{0,200}\*\*")
_WALK = re.compile(r"(?:\A|\n)[\s*_-]{0,6}\(?([A-J])[).:]\**\s([^\n]{0,400})")
_TICKED = re.compile(r"(?:\A|\n)[\s*_-]{0,6}\(?([A-J])\b[^\n]{0,200}[✅✔✓☑]\ufe0f?[\s*]{0,3}(?=\n|\Z)")
"""`C) Canberra ✅`"""
_ONLY = re.compile(
    r"\bonly (?:option |choice )?[(*]{0,3}([A-J])[)*]{0,3} (?:remains|is left|fits|works"
    r"|is (?:correct|possible))"
)
"""`Eliminating A, B and D, only C remains.`"""
_TAKEN = re.compile(r"[\s*_(\[]{0,4}(?:correct|right|true|yes|✅|✓|✔|☑)(?![a-z])", re.IGNORECASE)
"""What marks the option that is taken, where each is gone through in turn."""


def endorsed_in(text: str) -> list[str]:
    """Return the letters that a text says it takes, in its order."""
    return [found[found.lastindex or 0] for found in _ENDORSED.finditer(plain_unicode(text))]


def unstated_choice(text: str, choices: tuple[str, ...]) -> Extraction:
    """Read the option in bold print, the one that is marked or taken, or the last letter of the last line."""
    tail = text[-2_000:]
    bold = set(_BOLD_OPTION.findall(tail))
    if len(bold) == 1:
        return Extraction(bold.pop(), "bold option")
    ticked = [letter for letter in _TICKED.findall(tail) if offered(letter, choices)]
    if len(ticked) == 1:
        return Extraction(ticked[0], "marked option")
    only = _ONLY.findall(tail.rstrip().rpartition("\n")[2])
    if only and offered(only[-1], choices):
        return Extraction(only[-1], "option that is left")
    walked = _WALK.findall(tail)
    if len({letter for letter, _ in walked if offered(letter, choices)}) > 1:
        taken = list(dict.fromkeys(letter for letter, said in walked if _TAKEN.match(said)))
        if len(taken) == 1:
            return Extraction(taken[0], "marked option")
        if _WALK.match(f"\n{tail.rstrip().rpartition(chr(10))[2]}") and not endorsed_in(tail):
            return Extraction(None, "options without a choice")
    if len(text) <= 300:
        whole = read_choice(text, "whole", choices)
        if whole.value is not None and (len(text) <= 40 or not (whole.ambiguous or "," in whole.value)):
            return whole
    endorsed = [letter for letter in endorsed_in(tail) if offered(letter, choices)]
    if endorsed:
        last = endorsed_in(tail.rstrip().rpartition("\n")[2])
        several = tuple(dict.fromkeys(letter for letter in last if letter != endorsed[-1]))
        return Extraction(endorsed[-1], "endorsed letter", bool(several), several)
    for line in reversed(tail.split("\n")):
        if line.strip():
            placed = _PLACED.search(SENTENCE_END.split(line.rstrip(" .!*"))[-1])
            if placed is not None and choices:
                at = -1 if placed[1] == "last" else _PLACES.index(placed[1])
                if at < len(choices):
                    return Extraction(LETTERS[at % len(choices)], "place of an option")
            found = read_choice(line, "last letter", choices)
            if not found.value:
                return option_in_words(line, choices)
            return Extraction(found.value.rpartition(" ")[2], found.method)
    return NOTHING


_PLACES = ("first", "second", "third", "fourth", "fifth")
_PLACED = re.compile(
    r"\A(?!.*(?:\bnot\b|n['’]t\b)).*\b(?:go with|choose|pick|select) the "
    rf"({'|'.join(_PLACES)}|last) (?:option|choice)\Z"
)
"""`I'd go with the second option`"""
_SET_ASIDE = re.compile(r"\b(?:not|rather than|unlike|instead of|nor|neither|never|than|no)\s(?:the |an? )?\Z")


def option_in_words(line: str, choices: tuple[str, ...]) -> Extraction:
    """Read the one option whose words a sentence says and does not set aside: `It is Canberra, not Sydney.`"""
    said = f" {plain_words(line)} "
    named = []
    for at, choice in enumerate(choices):
        words = plain_words(choice)
        found = re.search(rf"(?<!\w){re.escape(words)}(?!\w)", said) if len(words) > 2 else None
        if found is not None and not _SET_ASIDE.search(said[: found.start()]):
            named.append(chr(65 + at))
    return Extraction(named[0], "option in words") if len(named) == 1 else NOTHING


_FIRST_WORD = re.compile(r"[.,;:!。，、！—–]")
"""What ends the first word of `Ja. Denn 7 · 143 = 1001.`"""
_CONDITION = re.compile(r"\b(?:would|could|might|if|though|although)\b", re.IGNORECASE)


def unstated_yes_no(text: str) -> Extraction:
    """Read the last sentence, else the first word: `No. ...`."""
    first = read_yes_no(text[:40], "first word")
    if first.value is None and (said := yes_no_in(_FIRST_WORD.split(text.lstrip(), maxsplit=1)[0])) is not None:
        return Extraction(said, "first word")
    lines = [line for line in text[-4_000:].split("\n") if line.strip()]
    for sentence in reversed([part for line in lines[-2:] for part in SENTENCE_END.split(line) if part.strip()]):
        last = read_yes_no(sentence, "last sentence")
        if last.value is not None or _CONDITION.search(sentence) is None:
            return last if last.value is not None else first
    return first


def unstated(text: str, kind: str, choices: tuple[str, ...]) -> Extraction:
    """Read a response that states no answer in so many words."""
    if kind in ("text", "code"):
        shown = tuple(dict.fromkeys(words_shown(text)))
        said = said_in_bold(text) if kind == "text" else ""
        return Extraction(said, "bold", others=(text,)) if said else Extraction(text, "whole", others=shown)
    if kind == "choice":
        return unstated_choice(text, choices)
    if kind == "yes_no":
        return unstated_yes_no(text)
    if kind not in ("number", "quantity", "date"):
        text = text.rstrip()
        text = text[: text.rfind("\n") + 1] + without_restating(text[text.rfind("\n") + 1 :])
    if len(text) <= 200 or (len(text) <= MAX_CHARACTERS and len(text.split(None, 1)) == 1):
        whole = whole_number(plain_math(text), "whole") if "\n" not in text else None
        if whole is not None:
            return whole if kind == "number" else Extraction(trimmed(text), "whole")
        if kind not in ("number", "quantity", "date") and not is_prose(text, formulas_in(text)):
            return Extraction(object_in(text, kind), "whole")
    if kind not in ("number", "quantity", "date"):
        line = text.rpartition("\n")[2][-LINE_CHARACTERS:]
        others = tuple(content for _, _, content in formulas_in(line)[-8:])
        return Extraction(last_object(text, kind), "last formula", others=others)
    found = _last_amount(text, kind)
    if found.value is None and kind in AMOUNTS and not any(map(str.isdigit, text)):
        told = [part.strip() for part in SENTENCE_END.split(text.rstrip(" \n.!*")[-LINE_CHARACTERS:])]
        led = [part for part in told if _SO.match(part) and not is_remark(part)]
        sentence = _MEANWHILE.split((led or told)[-1])[0]
        counted: str | None = numeral_in(sentence) or sole_numeral(sentence) or sole_numeral(_SO.split(sentence)[-1])
        if counted is None and counted_in_words(plain_words(sentence)) is not None:
            counted = sentence  # Twelve buns per hour
        return Extraction(counted, "last numeral")
    return found


_MEANWHILE = re.compile(r",\s(?=[a-z]{3,12}ing\b|which\b)")
"""`So it is fifty dollars, leaving a price of one hundred.`"""
_SO = re.compile(r"\b(?:so|thus|hence|therefore)\b", re.IGNORECASE)
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\{[a-z]{1,12}\*?\}|(?<=[^\\])&(?==)")
"""The rows of `align` are lines like others."""
_CONCLUDES_LATER = re.compile(
    r"\b(?:so|thus|hence|therefore|then|total|answer|in all|altogether|left)\b"
    r"|[=×*+/÷\\]",
    re.IGNORECASE,
)
MOST_FIRST = 400


def _first_said(text: str) -> Extraction | None:
    """Return the amount that a short text opens with, where the rest only tells why: `18 books. Each shelf has 6.`"""
    if len(text) > MOST_FIRST or "\n" in text.strip():
        return None
    parts = [part.strip() for part in SENTENCE_END.split(text.strip()) if part.strip()]
    if len(parts) < 2 or _CONCLUDES_LATER.search(" ".join(parts[1:])):
        return None
    said = Extraction(parts[0], "first words") if number_in_words(plain_words(parts[0])) is not None else None
    first = said or whole_number(plain_math(parts[0]), "first words")
    if first is None or not (said or parts[0][:1].isdigit()) or parts[0].strip() == "1":
        return None
    return replace(first, others=numbers_of(" ".join(parts[1:])))


def _last_amount(text: str, kind: str) -> Extraction:
    output = _last_output(text)
    if kind == "date" and (day := _last_day(text)):
        return Extraction(day, "last line")
    if kind == "number" and (first := _first_said(text)) is not None:
        return first
    tail = _ENVIRONMENT.sub("", closed(text)[-8_000:])
    start = len(tail)
    while start > 0:
        end, start = start, tail.rfind("\n", 0, start)
        line = tail[start + 1 : end]
        if len(line) > LINE_CHARACTERS:
            line = line[-LINE_CHARACTERS:].partition(" ")[2]
        if not any(c.isdigit() for c in line) and "\\" not in line:
            if kind == "number" and end == len(tail) and (said := numeral_in(line.rstrip(" .!*")[-LINE_CHARACTERS:])):
                return Extraction(said, "last numeral")
            continue
        ends = _ENDS_IN_NUMERAL.match(line.rpartition(",")[2]) if kind == "number" and end == len(tail) else None
        if ends is not None and number_in_words(ends[1].lower()) is not None:
            return Extraction(ends[1].lower(), "last numeral", others=numbers_of(line))
        if output and any(not differ(output, number) for number, _, _ in numbers_in(plain_math(line))):
            return Extraction(output, "program output")
        if kind == "number":
            found = last_number(line, tail[max(0, start - 1_000) : max(0, start)])
        else:
            found = Extraction(date_in(line), "last line") if kind == "date" else read_quantity(line, "last line")
        if found.value is not None:
            return found
    return NOTHING


_ENDS_IN_NUMERAL = re.compile(
    r"(?!\s(?:which|since|because|as|while|where)\b)\D*\s(?:is|are|equals|gives)\s"
    r"((?:[A-Za-z]+[- ]){0,5}[A-Za-z]+)[.!*\s]{0,4}\Z"
)
"""`the exponent is minus five.`"""


def _last_day(text: str) -> str:
    """Return the last whole date of a text that no remark names, or nothing."""
    for line in reversed(text[-MOST_TAIL:].split("\n")):
        for sentence in reversed(split_sentences(line)):
            said = date_in(sentence) if any(map(str.isdigit, sentence)) and not is_remark(sentence) else None
            if said and isinstance(day := parse_date(said), Date) and day.year is not None:
                return said
    return ""


MOST_TAIL = 8_000


def _last_output(text: str) -> str:
    """Return the last line that the last program of a tool-using response printed, or nothing."""
    start = text.rfind("```output\n", max(0, len(text) - 8_000))
    if start < 0:
        return ""
    printed = text[start + len("```output\n") :].partition("```")[0].strip()
    last = printed.rpartition("\n")[2].strip()
    return last if last.replace(".", "", 1).lstrip("-").isdigit() else ""
