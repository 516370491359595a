"""Python values as text, read and compared as Python compares them: what a function returned. Pure, linear in the text.

A reader of our own: nothing of the text is evaluated. Numbers, strings, bytes, lists, tuples, sets, dicts, True, False
and None, as deep as 40 brackets.
"""

from __future__ import annotations

import re
from typing import Any

MAX_CHARACTERS = 20_000
MAX_DEPTH = 40
MAX_DIGITS = 400

_TOKEN = re.compile(
    r"\s*(?:(?P<string>[rRbBuU]{0,2}(?:'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"))"
    r"|(?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?)"
    r"|(?P<word>True|False|None|set\(\)|frozenset\(\)|dict\(\)|list\(\)|tuple\(\))(?!\w)|(?P<sign>[\[\](){},:]))"
)
_WORDS: dict[str, Any] = {
    "True": True, "False": False, "None": None, "set()": frozenset(), "frozenset()": frozenset(), "dict()": {},
    "list()": [], "tuple()": (),
}  # fmt: skip
_PAIRS = {"[": "]", "(": ")", "{": "}"}
_STARTS = tuple("[({'\"")
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "a": "\a", "v": "\v", "0": "\0", "\n": ""}


class _NotAValueError(ValueError):
    pass


def same_python_value(stated: str, wanted: str) -> bool | None:
    """Whether two texts are the same Python value; None where `wanted` is none, or `stated` cannot be read as one.

    Only golds in quotes or brackets are taken. For a quoted gold the bare content is the same value.
    """
    if not wanted.lstrip().startswith(_STARTS) or max(len(stated), len(wanted)) > MAX_CHARACTERS:
        return None
    try:
        gold = python_value(wanted)
    except _NotAValueError:
        return None
    try:
        return bool(python_value(stated) == gold)
    except _NotAValueError:
        return True if isinstance(gold, str) and stated.strip() == gold else None


def python_value(text: str) -> Any:  # noqa: ANN401 - any Python value
    """Return the value that a Python literal writes; raises ValueError for anything else."""
    tokens = _tokens(text)
    value, at = _value(tokens, 0, 0)
    if at == len(tokens):
        return value
    items = [value]
    while at < len(tokens) and _sign(tokens, at) == ",":
        if at + 1 == len(tokens):
            return tuple(items)
        value, at = _value(tokens, at + 1, 0)
        items.append(value)
    if at != len(tokens):
        raise _NotAValueError
    return tuple(items)


def _tokens(text: str) -> list[re.Match[str]]:
    tokens: list[re.Match[str]] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at, end)
        if found is None:
            raise _NotAValueError
        tokens.append(found)
        at = found.end()
    return tokens


def _value(tokens: list[re.Match[str]], at: int, depth: int) -> tuple[Any, int]:
    if at >= len(tokens) or depth > MAX_DEPTH:
        raise _NotAValueError
    token = tokens[at]
    if token.group("string"):
        return _string(token.group("string")), at + 1
    if token.group("number"):
        return _number(token.group("number")), at + 1
    if token.group("word"):
        return _WORDS[token.group("word")], at + 1
    if token.group("sign") not in _PAIRS:
        raise _NotAValueError
    return _container(tokens, at, depth)


def _container(tokens: list[re.Match[str]], at: int, depth: int) -> tuple[Any, int]:
    opening = tokens[at].group("sign")
    items: list[Any] = []
    keys: list[Any] = []
    commas, at = 0, at + 1
    while _sign(tokens, at) != _PAIRS[opening]:
        item, at = _value(tokens, at, depth + 1)
        if opening == "{" and _sign(tokens, at) == ":":
            keys.append(item)
            item, at = _value(tokens, at + 1, depth + 1)
        items.append(item)
        if _sign(tokens, at) == ",":
            commas, at = commas + 1, at + 1
        elif _sign(tokens, at) != _PAIRS[opening]:
            raise _NotAValueError
    if opening == "[":
        return items, at + 1
    if opening == "(":
        return (items[0] if len(items) == 1 and not commas else tuple(items)), at + 1
    return _braces(keys, items), at + 1


def _braces(keys: list[Any], items: list[Any]) -> Any:  # noqa: ANN401 - a dict or a set
    if keys and len(keys) != len(items):
        raise _NotAValueError
    try:
        return dict(zip(keys, items, strict=True)) if keys or not items else frozenset(items)
    except TypeError as error:
        raise _NotAValueError from error


def _sign(tokens: list[re.Match[str]], at: int) -> str:
    if at >= len(tokens):
        raise _NotAValueError
    return tokens[at].group("sign") or ""


def _string(written: str) -> str | bytes:
    quote = min(at for at in (written.find("'"), written.find('"')) if at >= 0)
    prefix, inside = written[:quote].lower(), written[quote + 1 : -1]
    text = inside if "r" in prefix else _ESCAPE.sub(_character, inside)
    return text.encode("utf-8", "surrogatepass") if "b" in prefix else text


def _character(found: re.Match[str]) -> str:
    code = found.group(1)
    if len(code) > 1:
        return chr(int(code[1:], 16))
    return _ESCAPED.get(code, code if code in "\\'\"" else f"\\{code}")


def _number(written: str) -> int | float:
    if len(written) > MAX_DIGITS:
        raise _NotAValueError
    return int(written) if written.lstrip("+-").isdigit() else float(written)
