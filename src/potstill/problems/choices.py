"""Multiple choice as data sets publish it: options in several shapes, and golds that name one in several ways.

Options are a list of texts, a list of objects with `text` and `label`, an object of two such lists, or an object from
label to text. A gold names its option by label, by text, by an index from 0 or by one from 1. Within a problem options
are an ordered list and the gold is a letter, so that no later reader has to tell `2`, the option, from `2`, the index.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from potstill.errors import DataError
from potstill.problems.cells import Literal as Number
from potstill.problems.cells import parse_json
from potstill.records import LETTERS, too_many

GoldNames = Literal["label", "text", "index_from_0", "index_from_1"]
_TEXTS = ("text", "texts", "content", "value", "option", "choice", "answer")
_LABELS = ("label", "labels", "letter", "key", "id")
_MARKED = re.compile(r"\s{0,3}[(\[]?([A-Za-z]|\d{1,2})[)\].:]?\s{0,3}")
"""A label as golds write it: `B`, `(B)`, `b.`, `[3]`."""
_LEADING = re.compile(r"\s{0,3}[(\[]?(?:([A-Za-z])[)\].:]{1,2}|(\d{1,2})(?:[)\]][.:]?|\.(?!\d)))\s{0,5}(?=\S)")
"""A label that stands before its option's text: `B) 21`, `(b) red`, `2. blue`; not the `1:` of a ratio `1: 2`."""
_COUNT = re.compile(r"[-+]?\d{1,6}(?:\.0{1,6})?")
"""A number that may be the place of a choice: `2`, `2.0`; not `2.5`."""
_AMOUNT = re.compile(r"([-+]?)\s?([$€£]?)\s?([-+]?)(\d[\d,]{0,40}(?:\.\d{1,40})?|\.\d{1,40})\s?(%?)")
"""An amount as an option writes it: `$ -1,200.50`, `35 %`."""
_NOTHING_FITS = frozenset[tuple[GoldNames, int]]()
_WORDS: dict[GoldNames, str] = {
    "label": "label", "text": "text", "index_from_0": "index from 0", "index_from_1": "index from 1",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a problem in order, and the labels that its file gives them, `A` to `Z` where it gives none."""

    texts: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    labelled: bool = False


def read_options(value: object, at: str, text_of: Callable[[object, str, str], str | None]) -> Options:
    """Return the options that a cell holds in any of the published shapes; none for an empty cell.

    `text_of` (value, field, place) reads one option as text. Raises DataError naming the place for any other shape, for
    an empty option, for labels that are not in one known order, and for more options than there are letters.
    """
    if isinstance(value, str) and value.strip()[:1] in ("[", "{"):  # a CSV has no lists: JSON in a field
        try:
            value = parse_json(value)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{at}: the choices are not a list in JSON: {error}") from error
    if value is None or value == "":
        return Options()
    pairs = _pairs(value, at)
    texts = []
    for number, (_, item) in enumerate(pairs, 1):
        text = text_of(item, "choice", at)
        if text is None or not text.strip():
            raise DataError(f"{at}: choice {number} is empty")
        texts.append(text)
    if told := too_many(texts):
        raise DataError(f"{at}: {told} that name them")
    labels = [text_of(label, "label of a choice", at) for label, _ in pairs]
    if all(label is None for label in labels):
        return _unmarked(texts)
    return _ordered(texts, labels, at)


def _pairs(value: object, at: str) -> list[tuple[object, object]]:
    """Return (label or None, text) of each option, whatever the shape."""
    if isinstance(value, dict):
        lists = {name.casefold(): item for name, item in value.items() if isinstance(item, list)}
        texts, labels = (_first(lists, names) for names in (_TEXTS, _LABELS))
        if texts is not None and len(lists) == len(value):
            marks = labels if isinstance(labels, list) else [None] * len(texts)
            if len(marks) != len(texts) or len(lists) > 2 - (labels is None):
                raise DataError(f"{at}: the choices hold {len(texts)} texts and {len(marks)} labels")
            return list(zip(marks, texts, strict=True))
        items = list(value.items())
        while items and items[-1][1] in (None, ""):  # Parquet gives every row the options of the longest
            items.pop()
        known = {name.casefold() for name in value} <= {*_TEXTS, *_LABELS}
        if items and not known and not any(isinstance(text, dict | list) for _, text in items):
            return [(label, text) for label, text in items]
    elif isinstance(value, list):
        if not any(isinstance(item, dict | list) for item in value):
            return [(None, item) for item in value]
        if all(isinstance(item, dict) for item in value):
            return [_named(item, number, at) for number, item in enumerate(value, 1)]
    raise DataError(
        f"{at}: the choices are not a list but {_shown(value)}; a list of texts, of objects with `text` and "
        "`label`, or an object from label to text is read"
    )


def _first(named: Mapping[str, list[object]], names: Iterable[str]) -> list[object] | None:
    return next((named[name] for name in names if name in named), None)


def _named(item: dict[str, object], number: int, at: str) -> tuple[object, object]:
    known = {name.casefold(): value for name, value in item.items()}
    texts = [name for name in _TEXTS if name in known]
    labels = [name for name in _LABELS if name in known]
    if len(texts) == 1 and len(labels) < 2:
        return (known[labels[0]] if labels else None), known[texts[0]]
    if len(known) == 1:
        return next(iter(known.items()))
    raise DataError(f"{at}: choice {number} is an object without one `text` (and perhaps a `label`): {_shown(item)}")


def _unmarked(texts: list[str]) -> Options:
    """Return options without the labels that they begin with, where all do, in order: `A) 21`, `B) 22`."""
    letters = tuple(LETTERS[: len(texts)])
    found = [_LEADING.match(text) for text in texts]
    marks = tuple(_mark(match) for match in found if match is not None)
    numbers = tuple(str(number) for number in range(1, len(texts) + 1))
    if len(texts) < 2 or marks not in (letters, numbers):
        return Options(tuple(texts), letters)
    bare = tuple(text[match.end() :] for text, match in zip(texts, found, strict=True) if match is not None)
    return Options(bare, marks, labelled=True)


def _mark(leading: re.Match[str]) -> str:
    return (leading.group(1) or leading.group(2)).upper()


def _ordered(texts: list[str], labels: list[str | None], at: str) -> Options:
    """Return the options in the order of their labels: letters from A and numbers from 0 or 1; others as they stand."""
    shown = ", ".join(str(label)[:20] for label in labels[:8])
    marks = [_bare_label(label) for label in labels if label is not None]
    if len(marks) != len(texts) or len(set(marks)) != len(marks):
        raise DataError(f"{at}: the labels of the choices are not each another one: {shown}")
    letters = list(LETTERS[: len(texts)])
    if sorted(marks) == letters:
        order = sorted(range(len(marks)), key=marks.__getitem__)
    elif all(mark.isdecimal() and mark.isascii() for mark in marks):
        order = sorted(range(len(marks)), key=lambda at: int(marks[at]))
        if [int(marks[n]) for n in order] not in (list(range(len(marks))), list(range(1, len(marks) + 1))):
            raise DataError(f"{at}: the labels of the choices leave out a number: {shown}")
    elif any(len(mark) == 1 for mark in marks):
        raise DataError(f"{at}: the labels of the choices are not A, B, C ...: {shown}")
    else:
        order = list(range(len(marks)))
    return Options(tuple(texts[n] for n in order), tuple(marks[n] for n in order), labelled=True)


def _bare_label(label: str) -> str:
    found = _MARKED.fullmatch(label)
    return (found.group(1) if found else label.strip()).upper()


@dataclass
class Golds:
    """What golds name, decided for each row; where a row leaves it open, by what fits all rows of the source.

    `declared` is the recipe's word. `everything` gives options, gold and answer kind of every row, and is asked at most
    once; `remedy` says what to do about what is still open.
    """

    declared: GoldNames | None
    everything: Callable[[], Iterable[tuple[Options, str | None, str]]]
    remedy: str
    _viable: frozenset[GoldNames] | None = field(default=None, init=False)

    def letter(self, options: Options, gold: str | None, kind: str, at: str) -> str | None:
        """Return the letter of the option that a gold names; the gold itself where it names none that is known.

        Raises DataError for a label or number that may name two options, or none.
        """
        if gold is None or not _names_an_option(options, kind):
            return gold
        fits = readings(options, gold)
        if self.declared is not None:
            fits = frozenset(fit for fit in fits if fit[0] == self.declared)
            if not fits:
                raise DataError(f"{at}: the gold {gold[:60]!r} is no {_WORDS[self.declared]} of its {_many(options)}")
        if len({option for _, option in fits}) > 1:
            fits = self._decided(options, fits)
        if len({option for _, option in fits}) == 1:
            return LETTERS[next(option for _, option in fits)]
        if fits:
            told = " or ".join(f"the {_WORDS[name]} of {options.texts[option][:40]!r}" for name, option in sorted(fits))
            raise DataError(f"{at}: the gold {gold[:60]!r} may be {told}: {self.remedy}")
        if _COUNT.fullmatch(gold.strip()) or _MARKED.fullmatch(gold):
            raise DataError(f"{at}: the gold {gold[:60]!r} is no label, text or index of its {_many(options)}")
        return gold

    def _decided(self, options: Options, fits: frozenset[tuple[GoldNames, int]]) -> frozenset[tuple[GoldNames, int]]:
        if self._viable is None:
            self._viable = frozenset(_WORDS)
            for others, gold, kind in self.everything():
                names = frozenset(name for name, _ in readings(others, gold or ""))
                if names and _names_an_option(others, kind):
                    self._viable &= names
        left = frozenset(fit for fit in fits if fit[0] in self._viable)
        if options.labelled and any(name == "label" for name, _ in left):  # a number that is a label is no index
            left = frozenset(fit for fit in left if fit[0] in ("label", "text"))
        return left or fits


def _names_an_option(options: Options, kind: str) -> bool:
    return bool(options.texts) and kind in ("choice", "auto")


def readings(options: Options, gold: str) -> frozenset[tuple[GoldNames, int]]:
    """Return each way in which a gold names an option, with the option's number from 0."""
    if not options.texts:
        return _NOTHING_FITS
    found: set[tuple[GoldNames, int]] = set()
    marked = _MARKED.fullmatch(gold)
    label = marked.group(1).upper() if marked else gold.strip().upper()
    if label in options.labels:
        found.add(("label", options.labels.index(label)))
    leading = _LEADING.match(gold)
    if leading is not None and _mark(leading) in options.labels:  # `B) 21`, with the very text of B
        option = options.labels.index(_mark(leading))
        if _same(gold[leading.end() :], options.texts[option]):
            found.add(("label", option))
    named = [n for n, text in enumerate(options.texts) if text == gold]
    named = named or [n for n, text in enumerate(options.texts) if _same(text, gold)]
    if named and len({options.texts[n] for n in named}) == 1:
        found.add(("text", named[0]))
    if _COUNT.fullmatch(gold.strip()):
        index = int(Decimal(gold.strip()))
        if 0 <= index < len(options.texts):
            found.add(("index_from_0", index))
        if 1 <= index <= len(options.texts):
            found.add(("index_from_1", index - 1))
    return frozenset(found)


def _same(one: str, other: str) -> bool:
    """Whether two texts are the same words up to case and spacing, or the same amount."""
    words = [" ".join(text.split()).casefold().rstrip(".") for text in (one, other)]
    return words[0] == words[1] or (_amount(one) is not None and _amount(one) == _amount(other))


def _amount(text: str) -> tuple[Decimal, str] | None:
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        return None
    sign = -1 if "-" in found.group(1) + found.group(3) else 1
    return sign * Decimal(found.group(4).replace(",", "")), found.group(5)


def _many(options: Options) -> str:
    return f"{len(options.texts)} choices"


def _shown(value: object) -> str:
    text = str(value) if isinstance(value, Number) else reprlib.repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
