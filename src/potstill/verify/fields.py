"""The answer field of a response in JSON, also of JSON that no parser takes. Pure, linear in the text.

Models that are asked for JSON write raw newlines and raw LaTeX into their strings (`"\\frac{1}{2}"`, where a parser
reads a form feed), inner quotes, a Python list instead of a string, a second object that corrects the first.
"""

from __future__ import annotations

import re

from potstill.verify.stated import BOX_CHARACTERS
from potstill.verify.statement import FoundIn, Stated

_KEY = re.compile(r"[\"'](?:(?:final|correct)[_ ]?)?answer[\"']\s{0,5}:\s{0,20}", re.IGNORECASE)
_SURE_END = re.compile(
    r"(?<!\\)(?:\\\\){0,20}(?P<quote>\")"
    r"(?:\s{0,20}(?:\}|,\s{0,20}\"[^\"\n]{1,40}\"\s{0,5}:|[`.]|\Z)|[ \t]{0,20}\n)"
)
_LIKELY_END = re.compile(r"(?P<quote>\")\s{0,20}(?:[,\]]|\Z)")
_BARE_END = re.compile(r"[,}\n]|\Z")
_BRACKET = re.compile(r"[\[\](){}]|\"(?:[^\"\\\n]|\\.){0,400}\"|'(?:[^'\\\n]|\\.){0,400}'")
_COMMANDS = (
    "nabla|neq?|not|nu|newline|text|times|theta|tan|tanh|tau|to|tfrac|triangle|tbinom|top|rho|right|rangle|rfloor|rceil"
    "|rightarrow|rm|beta|binom|boxed|bar|begin|bmod|big|Big|bigcup|bigl|bigr|bot|bullet|frac|forall|fbox"
)
_RAW_COMMAND = re.compile(
    rf"(?<!\\)\\(?:[acdeghijklmopqsvwxyzA-Z({{\[\])}},;:!%$&#_|^-]|u(?![0-9a-fA-F]{{4}})|(?:{_COMMANDS})(?![a-z]))"
)
_ESCAPE = re.compile(r"\\(?:([\"\\/])|([ntrbf])|u([0-9a-fA-F]{4}))")
_CONTROL = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


_OTHER_KEY = re.compile(
    r"\"(?:(?:final|correct|selected)[_ ])?(?:choice|option|letter|result)\"\s{0,5}:\s{0,20}", re.IGNORECASE
)
"""What an object names its answer by where it has no field of that name."""


def json_answers(text: str) -> list[Stated]:
    """Return the last two answer fields of a response that is JSON, or was meant to be."""
    key = _KEY
    if 'nswer"' not in text and "nswer'" not in text:
        if not text.lstrip("`json \n").startswith('{"'):
            return []
        key = _OTHER_KEY
    fields = (_field(text, found) for found in list(key.finditer(text))[-2:])
    return [field for field in fields if field.text.strip() not in ("", "null")]


def _field(text: str, key: re.Match[str]) -> Stated:
    begin, limit = key.end(), key.end() + BOX_CHARACTERS
    if text.startswith('"', begin):
        found = _SURE_END.search(text, begin + 1, limit) or _LIKELY_END.search(text, begin + 1, limit)
        inner = text[begin + 1 : found.start("quote") if found else limit]
        return Stated(key.start(), begin + 1 + len(inner), unescaped(inner), FoundIn.FIELD)
    end = _closing(text, begin, limit) if text[begin : begin + 1] in ("[", "{", "(") else -1
    if end < 0:
        bare = _BARE_END.search(text, begin, limit)
        end = bare.start() if bare else limit
    return Stated(key.start(), end, text[begin:end], FoundIn.FIELD)


def _closing(text: str, begin: int, limit: int) -> int:
    depth = 0
    for found in _BRACKET.finditer(text, begin, limit):
        depth += 1 if found.group() in "[({" else -1 if found.group() in "])}" else 0
        if depth == 0:
            return found.end()
    return -1


def unescaped(raw: str) -> str:
    """Return what a JSON string says; one that holds raw LaTeX commands keeps its backslashes."""
    if "\\" not in raw:
        return raw
    if _RAW_COMMAND.search(raw):
        return raw.replace('\\"', '"')
    return _ESCAPE.sub(_character, raw)


def _character(found: re.Match[str]) -> str:
    if found.group(1):
        return found.group(1)
    return _CONTROL[found.group(2)] if found.group(2) else chr(int(found.group(3), 16))


_EATEN = re.compile(
    r"[\x08\x0c](?=[a-z]{2})|\t(?=(?:ext|imes|heta|an|au|frac|riangle|binom)(?![a-z]))"
    r"|\r(?=(?:ight|angle|floor|ceil|ho|m)(?![a-z]))|\n(?=(?:eq|abla)(?![a-z]))"
)
_EATEN_LETTER = {"\x08": "\\b", "\x0c": "\\f", "\t": "\\t", "\r": "\\r", "\n": "\\n"}


def mended(text: str) -> str:
    """Return the text with the LaTeX commands whose backslash a JSON parser took: a form feed before `rac{1}{2}`."""
    if "\x0c" not in text and "\x08" not in text and "\t" not in text and "\r" not in text:
        return text
    return _EATEN.sub(lambda found: _EATEN_LETTER[found.group()], text)
