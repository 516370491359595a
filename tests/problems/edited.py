"""Edited copies of questions, as somebody writes them who copies a test: of many kinds, by the dice of a seed."""

import random
import re

_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_NUMBER = re.compile(r"(?<![\d.,])\d{1,2}(?![\d.,]|st|nd|rd|th)")
_ONES = (
    "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = (
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
)  # fmt: skip
NUMERALS = {*_ONES, *_TENS, "hundred", "thousand", "million"}
OTHER_WORDS = (
    "thing", "person", "really", "some", "now", "then", "today", "old", "green", "small", "every", "whole",
    "lovely", "indeed", "often", "about",
)  # fmt: skip


def words_edited(dice: random.Random, text: str, rate: float, kinds: str = "exchange add omit") -> str:
    """Return a text of which this share of the words without a number was exchanged, given a neighbour, or left out."""
    found = []
    for word in text.split():
        kind = dice.choice(kinds.split()) if not _names_a_number(word) and dice.random() < rate else ""
        found += {"exchange": [dice.choice(OTHER_WORDS)], "add": [word, dice.choice(OTHER_WORDS)], "omit": []}.get(
            kind, [word]
        )
    return " ".join(found)


def one_word_exchanged(dice: random.Random, text: str) -> str:
    """Return a text with another word in one place, where no number stands."""
    words = text.split()
    words[dice.choice([at for at, word in enumerate(words) if not _names_a_number(word)])] = "many"
    return " ".join(words)


def _names_a_number(word: str) -> bool:
    return any(map(str.isdigit, word)) or not NUMERALS.isdisjoint(re.findall("[a-z]+", word.lower()))


def reordered(dice: random.Random, text: str) -> str:
    """Return a text with its sentences in another order, what is asked last; a lone one with its clauses turned."""
    *told, asked = _SENTENCE.split(text.strip())
    if len(told) > 1:
        dice.shuffle(told)
        return " ".join([*told, asked])
    if told:
        return f"{asked} {told[0]}"
    first, comma, rest = asked.rstrip("?. ").partition(", ")
    return f"{rest}, {first}?" if comma else asked


def dressed(dice: random.Random, text: str) -> str:
    """Return a text in other case, in Markdown, LaTeX or HTML, or with other spaces and marks."""

    def numbers(pattern: str) -> str:
        return re.sub(r"(?<![\w.,])\d[\d,.]*\d|(?<![\w.,])\d", lambda number: pattern.format(number[0]), text)

    words = text.split()
    kind = dice.randrange(8)
    if kind == 0:
        return text.upper()
    if kind == 1:
        return "\n".join(f"**{part}**" for part in _SENTENCE.split(text))
    if kind == 2:
        return numbers("${}$").replace("%", r"\%")
    if kind == 3:
        return numbers(r"\textbf{{{}}}").replace(",", "{,}" if re.search(r"\d,\d", text) else ",")
    if kind == 4:
        return "<p>" + " ".join(f"<b>{word}</b>" if dice.random() < 0.2 else word for word in words) + "</p>"
    if kind == 5:
        return "\u00a0".join(words).replace("'", "\u2019").translate({ord(str(d)): 0xFF10 + d for d in range(10)})
    if kind == 6:
        return "# Problem\n\n" + "\n\n".join(f"_{part}_" for part in _SENTENCE.split(text)) + "\n"
    return re.sub(r"[,;:.!?\"]+(?=\s|$)", "", text.title())


def in_words(dice: random.Random, text: str) -> str:
    """Return a text with its small numbers written out; `twenty-five` for 25."""

    def told(number: re.Match[str]) -> str:
        value = int(number[0])
        if value < 20:
            return _ONES[value - 2] if value > 1 else number[0]
        return _TENS[value // 10 - 2] + (f"-{(['one', *_ONES])[value % 10 - 1]}" if value % 10 else "")

    return _NUMBER.sub(told, text)


def one_number_changed(dice: random.Random, text: str) -> str:
    """Return a text with another number in one place; the same text where it has none."""
    places = [match.span() for match in re.finditer(r"\d+", text)]
    if not places:
        return text
    start, end = dice.choice(places)
    return f"{text[:start]}{int(text[start:end]) + dice.randrange(1, 9)}{text[end:]}"


KINDS = {
    "exact": lambda dice, text: text,
    "one word exchanged": one_word_exchanged,
    "each tenth word exchanged": lambda dice, text: words_edited(dice, text, 0.1, "exchange"),
    "each tenth word left out": lambda dice, text: words_edited(dice, text, 0.1, "omit"),
    "each tenth word exchanged, added or left out": lambda dice, text: words_edited(dice, text, 0.1),
    "sentences reordered": reordered,
    "case, markup or LaTeX": dressed,
    "numbers in words": in_words,
    "dressed and reordered, each twentieth word edited": lambda dice, text: dressed(
        dice, reordered(dice, words_edited(dice, text, 0.05))
    ),
}
