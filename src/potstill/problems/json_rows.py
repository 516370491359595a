"""Rows in JSON: one object a line, or a list of objects over any number of lines."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path

from potstill.errors import DataError
from potstill.problems.cells import DECODER, Row, check_containers, parse_json
from potstill.problems.lines import ByteBudget, bytes_of, lines, size_of

_BLANK = re.compile(r"[ \t\r\n]*")
"""What may stand between two objects: spaces, tabs, ends of lines."""


def read_jsonl(path: Path, most: int) -> Iterator[tuple[str, Row]]:
    """Yield (`line 7`, row) for each line that is not blank; at most `most` bytes a row."""
    budget = ByteBudget(path, most)
    for number, text in lines(path, budget):
        if not text.strip():
            continue
        try:
            row = parse_json(text)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}: line {number} is not JSON: {_fault(error)}{_hint(number, text)}") from error
        if not isinstance(row, dict):
            raise DataError(
                f"{path}: line {number} is not a JSON object but {_kind(row)}{_hint(number, text)}"
            )  # fmt: skip
        budget.row()
        yield f"line {number}", row


def _hint(number: int, text: str) -> str:
    listed = number == 1 and text.lstrip().startswith("[")
    return "; a list of objects belongs into a file whose name ends in .json" if listed else ""


def read_json(path: Path, most: int) -> Iterator[tuple[str, Row]]:
    """Yield (`row 7`, row) for each object of a list, or of several objects one after the other."""
    text = _Text(path, most)
    listed = text.skip() == "["
    if listed:
        text.at += 1
    number = 0
    while True:
        char = text.skip()
        if listed and char == "]":
            text.at += 1
            if text.skip():
                raise DataError(f"{path}: something follows the list, after row {number}")
            return
        if not char:
            if listed:
                raise DataError(f"{path} ends within its list, after row {number}")
            return
        if listed and number:
            if char != ",":
                raise DataError(f"{path} is not JSON: a comma is missing after row {number}")
            text.at += 1
        number += 1
        row = text.value(number)
        if not isinstance(row, dict):
            raise DataError(f"{path}: row {number} is not a JSON object but {_kind(row)}")
        yield f"row {number}", row


class _Text:
    """The text of a file from some place on, of which as much is held as the next value needs."""

    def __init__(self, path: Path, most: int) -> None:
        self.path, self.most = path, most
        self.at = 0
        self._held, self._grown = "", False
        self._chunks = bytes_of(path)
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def skip(self) -> str:
        """Go past blanks and return the character that stands there, empty at the end of the file."""
        blanks = 0
        while True:
            found = _BLANK.match(self._held, self.at)
            end = self.at if found is None else found.end()
            blanks += end - self.at
            self.at = end
            if self.at < len(self._held):
                return self._held[self.at]
            if blanks > self.most:
                raise DataError(f"{self.path}: more than {size_of(self.most)} of blanks")
            if not self._more():
                return ""

    def value(self, number: int) -> object:
        """Read the value that stands here; raises DataError naming the row."""
        self.skip()
        while True:
            try:
                if self._grown:
                    check_containers(self._held)
                value, self.at = DECODER.raw_decode(self._held, self.at)
            except json.JSONDecodeError as error:  # perhaps because its end has not been read yet
                if len(self._held) - self.at > self.most:
                    told = f"is larger than {size_of(self.most)} (a larger max_characters allows more), or no JSON"
                    raise DataError(f"{self.path}: row {number} {told}") from error
                self._grown = self._more()
                if not self._grown:
                    raise DataError(f"{self.path}: row {number} is not JSON: {error.msg}") from error
            except (ValueError, RecursionError) as error:
                raise DataError(f"{self.path}: row {number} is not JSON: {_fault(error)}") from error
            else:
                self._grown = False
                return value

    def _more(self) -> bool:
        """Read on, at least as much as is held, so that a long value is not parsed too often."""
        kept = self._held[self.at :]
        pieces, size = [kept], 0
        try:
            for chunk in self._chunks:
                pieces.append(self._decoder.decode(chunk))
                size += len(chunk)
                if size >= max(len(kept), 1):
                    break
            else:
                pieces.append(self._decoder.decode(b"", final=True))
        except UnicodeDecodeError as error:
            raise DataError(f"{self.path} is not UTF-8: {error.reason}") from error
        self._held, self.at = "".join(pieces), 0
        if "\0" in self._held:
            raise DataError(f"{self.path} holds NUL bytes; is this a text file, in UTF-8?")
        return size > 0


def _fault(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos + 1}"
    return " ".join(str(error).split())[:200] or type(error).__name__


def _kind(value: object) -> str:
    if isinstance(value, list):
        return "a list"
    return "text" if isinstance(value, str) else repr(value)[:60]
