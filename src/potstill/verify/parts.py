"""Answers of several values, each by its name: `count: 3; total: 12.50`, one a line, or a JSON object. Pure.

A gold names the parts that are asked for; an answer is searched for these names, and each value that it states is
compared by itself. Linear in the text, of which the end is read: the values are the last thing that a response says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import zip_longest
from typing import Any

from potstill.verify.judged import SHOWN, Judged, decided, unknown
from potstill.verify.lists import PART_MARKS, numbered_parts

PARTS = "parts"
"""The kind of an answer of several values, each by its name."""
MAX_READ = 20_000
"""Characters at the end of a response that are searched for values."""
MAX_PARTS = 50
MAX_STATED = 8
"""Times that one part may be stated; earlier statements are passed over."""
MAX_OBJECTS = 40
"""Braces, from the end, at which a JSON object is looked for."""
_PART = re.compile(r"\s*[\"'*`]{0,3}([^\s:=\"'*`][^:=\n;]{0,59}?)[\"'*`]{0,3}\s*[:=]\s*([^\n;]*)")
"""`count: 3`, `"total" = 12`."""
_SPLIT = re.compile(r"[;\n]|,(?=\s?[A-Za-z]\w{0,12}\s?=)")
_GAP = re.compile(r"[\s_-]+")
"""What stands between the words of a name: `mean_price`, `mean price`."""
_BEHIND = r"[\s\"'*`_})\]]{0,6}(?:[:=]\s*|\[)"
"""What joins a name to its value: `: `, `** = `, `": `, and the `[` of `@count[3]`."""
_ENDS = re.compile(r"[;\n]")
_DRESS = " \t,;*`\"'"
"""Signs that may be left around a value: `"3",`."""

Compare = Callable[[str, str, float], Judged]
"""The verdict on one value and its gold, reached in a share of the time that there is for all."""


def read_parts(text: str) -> dict[str, str] | None:
    """Return the parts of a gold by name, in its order; None where it does not read as such.

    Takes a JSON object of plain values, or `name: value` pairs between semicolons or line ends.
    """
    if text.lstrip().startswith("{"):
        found = _object(text.strip(), 0)
        return found if found and len(found) <= MAX_PARTS else None
    parts: dict[str, str] = {}
    for piece in _SPLIT.split(text[:MAX_READ]):
        if not piece.strip():
            continue
        pair = _PART.fullmatch(piece.rstrip(" .*`"))
        if pair is None or not pair[2].strip() or pair[1].strip() in parts:
            return None
        parts[pair[1].strip()] = pair[2].strip(_DRESS)
    return parts if 0 < len(parts) <= MAX_PARTS else None


def find_parts(text: str, names: Mapping[str, str] | list[str]) -> dict[str, list[str]]:
    """Return the values that a text states of each name, in order; a name without any is absent.

    JSON objects that hold one of the names come before `name: value`.
    """
    text = text[-MAX_READ:]
    keys = {_key(name): name for name in names}
    found: dict[str, list[str]] = {}
    for values in _objects(text, keys):
        for key, value in values.items():
            if (name := keys.get(_key(key))) is not None and value.strip():
                found.setdefault(name, []).append(value.strip())
    if not found:
        found = _stated(text, keys)
    return {name: list(dict.fromkeys(values))[-MAX_STATED:] for name, values in found.items()}


def begin_of_parts(lines: list[str], looked_at: int) -> int | None:
    """Return the line at which the statement of values begins that ends a text, None where none does.

    It is the last run of lines `name: value`, or the last JSON object, at most `looked_at` other lines before the end.
    """
    last = next((n for n in range(len(lines) - 1, -1, -1) if _PART.fullmatch(lines[n].rstrip(" .*`,"))), None)
    if last is None or sum(bool(line.strip()) for line in lines[last + 1 :]) > looked_at:
        return None
    first = last
    while first and last - first < MAX_PARTS and _PART.fullmatch(lines[first - 1].rstrip(" .*`,")):
        first -= 1
    if first and lines[first - 1].strip().endswith(("{", "{,")):
        first -= 1 + (first > 1 and lines[first - 2].strip().startswith("```"))
    return first


def judge_lettered(answer: str, gold: str, read: Compare) -> Judged | None:
    """Judge an answer by the parts of a gold `(a) 5; (b) 7`, each read as a response of its own; None without such.

    A part is what follows its mark, up to the next one or an empty line; of several runs of marks the last counts.
    """
    golds = numbered_parts(gold)
    first = _MARK.search(gold) if golds else None
    if first is None:
        return None
    order = next(order for order in PART_MARKS if first[1] in order)
    wanted = dict(zip(order, golds, strict=False))
    answer = answer[-MAX_READ:]
    stated = {name: values[-1] for name, values in find_parts(answer, wanted).items()} if "{" in answer else {}
    if stated.keys() != wanted.keys():
        stated, end = {}, len(answer)
        for found in reversed(list(_MARK.finditer(answer))):
            if found[1] in wanted and found[1] not in stated:
                said = answer[found.end() : end].lstrip("*: ").split("\n\n")[0].strip()
                stated[found[1]] = _JOINS.sub("", said)
                end = found.start()
    if stated.keys() != wanted.keys():
        return unknown("unparsable prediction", "not every part is stated", PARTS)
    verdicts = [read(stated[name], wanted[name], 1 / len(wanted)) for name in wanted]
    outcomes = [verdict.outcome for verdict in verdicts]
    shown = "; ".join(f"({name}) {stated[name]}" for name in wanted)[:SHOWN]
    if "wrong" not in outcomes and "unknown" in outcomes:
        return unknown("unparsable prediction", "a part cannot be decided", PARTS, shown)
    forms = ["; ".join(getattr(one, side) for one in verdicts)[:SHOWN] for side in ("gold_form", "answer_form")]
    judged = decided("wrong" not in outcomes, PARTS, *forms)
    return replace(judged, score=outcomes.count("right") / len(outcomes), extracted=shown)


_MARK = re.compile(r"(?:(?<![\w(])\(|^[\s*#-]{0,6}|(?<=[;,]\s))([a-e1-5]|i{1,3}|iv|v)\)(?=[\s:*])", re.MULTILINE)


def judge_parts(answer: str, gold: str, compare: Compare) -> Judged:
    """Compare the parts of an answer with those of the gold: right where all are, wrong where one is.

    A part that is stated twice is right where both values are, wrong where both are, and else ambiguous. A part that is
    not stated leaves open what is not wrong anyway. The score of a decided answer is the share of parts that are right.
    """
    wanted = read_parts(gold)
    if wanted is None:
        return unknown("unparsable gold", "the gold has no parts of the form `name: value`")
    stated = find_parts(answer, wanted)
    shown = "; ".join(f"{name}: {values[-1]}" for name, values in stated.items())[:SHOWN]
    if not stated:
        return unknown("unparsable prediction", f"no part is stated: {', '.join(wanted)}"[:SHOWN], "parts")
    share = 1 / sum(map(len, stated.values()))
    verdicts = {name: _of_part([compare(value, wanted[name], share) for value in stated[name]]) for name in stated}
    right = sum(verdict.outcome == "right" for verdict in verdicts.values())
    score = right / len(wanted)
    forms = "; ".join(f"{name}: {verdicts[name].answer_form}" for name in verdicts)[:SHOWN]
    golds = "; ".join(f"{name}: {verdicts[name].gold_form}" for name in verdicts)[:SHOWN]
    wrong = [name for name, verdict in verdicts.items() if verdict.outcome == "wrong"]
    if wrong or right == len(wanted):
        judged = decided(not wrong, "parts", golds, forms, f"wrong: {', '.join(wrong)}"[:SHOWN] if wrong else "")
        return replace(judged, score=score, extracted=shown)
    missing = [name for name in wanted if name not in stated]
    if missing:
        return unknown("unparsable prediction", f"not stated: {', '.join(missing)}"[:SHOWN], "parts", shown)
    name, open_ = next((name, verdict) for name, verdict in verdicts.items() if verdict.outcome == "unknown")
    return unknown(open_.cause, f"{name}: {open_.reason}"[:SHOWN], "parts", shown)


def _of_part(judged: list[Judged]) -> Judged:
    """Return what several statements of one part come to."""
    outcomes = {one.outcome for one in judged}
    if len(outcomes) == 1:
        return judged[-1]
    if "unknown" in outcomes:
        return next(one for one in judged if one.outcome == "unknown")
    return unknown("ambiguous", "two different values")


def _key(name: str) -> str:
    return _GAP.sub(" ", name.strip()).casefold()


def _stated(text: str, keys: Mapping[str, str]) -> dict[str, list[str]]:
    """Return what `name: value` says of each name; a value ends at a semicolon, a line's end or the next name."""
    longest_first = sorted(keys, key=len, reverse=True)
    named = "|".join(r"[\s_-]+".join(map(re.escape, key.split())) for key in longest_first)
    marks = list(re.finditer(rf"(?<!\w)({named}){_BEHIND}", text, re.IGNORECASE))
    found: dict[str, list[str]] = {}
    for mark, after in zip_longest(marks, marks[1:]):
        stop = len(text) if after is None else after.start()
        end = _ENDS.search(text, mark.end(), stop)
        value = _plain(text[mark.end() : end.start() if end else stop], bracket=mark[0].endswith("["))
        if value:
            found.setdefault(keys[_key(mark[1])], []).append(value)
    return found


_JOINS = re.compile(r"(?:[\s,(@]|\band\b|\bthe\b|\\[ ,;!]|\\(?:text|mathrm|textbf)\s?\{)+\Z")
"""What stands between a value and the next name: `3, and the total: 12`, `3,\\ \\text{total}: 12`."""


def _plain(value: str, *, bracket: bool) -> str:
    """Return a value without what is around it."""
    if bracket:
        value = value.partition("]")[0]
    value = _JOINS.sub("", value).strip(_DRESS)
    for opening, closing in ("{}", "()", "[]"):
        if value.endswith((closing, f"{closing}.")) and value.count(opening) < value.count(closing):
            value = value.rstrip(". ").removesuffix(closing)
    return value.strip(_DRESS).removesuffix(".").strip(_DRESS + "$")


def _objects(text: str, keys: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the JSON objects of a text that hold one of the names, in order."""
    found, end = [], len(text)
    for _ in range(MAX_OBJECTS):
        end = text.rfind("{", 0, end)
        if end < 0:
            break
        values = _object(text, end)
        if values and any(_key(name) in keys for name in values):
            found.append(values)
    return found[::-1]


_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
"""Keeps numbers as they are written: 12.50 is not 12.5, and a number of a million digits is never computed."""


def _object(text: str, start: int) -> dict[str, str] | None:
    """Return the object of plain values that begins there; lists of plain values are joined."""
    try:
        value, _ = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    plain = {str(name): _scalar(item) for name, item in value.items()}
    return {name: item for name, item in plain.items() if item is not None}


def _scalar(item: Any) -> str | None:  # noqa: ANN401 - any JSON value
    if isinstance(item, list):
        items = [_scalar(one) for one in item]
        return ", ".join(one for one in items if one is not None) if None not in items and items else None
    if isinstance(item, bool):
        return "yes" if item else "no"
    if item is None:
        return "none"
    return item if isinstance(item, str) else None
