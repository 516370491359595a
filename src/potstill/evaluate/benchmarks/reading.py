"""The user's file of a benchmark's problems: whether it is the published one, and its rows as problems."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from potstill.durable import digest_of
from potstill.errors import DataError
from potstill.evaluate.benchmarks import Protocol
from potstill.problems import columns
from potstill.problems.rows import FileRows, find, stem
from potstill.recipe import Source
from potstill.records import Problem

_ABSENT = re.compile(r"^[ \t]*(?:import|from)[ \t]+(numpy)\b", re.MULTILINE)
"""`import numpy as np`: what programs have not here."""

_CHECK = re.compile(r"\bdef check\(")
"""`def check(candidate):`, as HumanEval's tests have it; other tests are run as they stand."""


@dataclass(frozen=True)
class _PublishedRows:
    """The rows of a published file with our columns beside its own; can be iterated again and again."""

    rows: FileRows
    protocol: Protocol

    def __iter__(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for place, row in self.rows:
            if self._within(row, place):
                yield place, self._shaped(dict(row), place)

    def _within(self, row: dict[str, Any], place: str) -> bool:
        if not self.protocol.window:
            return True
        day = str(row.get(self.protocol.date) or "")[:10]
        if not day:
            raise DataError(f"{self.rows.name}: {place} has no {self.protocol.date}, by which its window is chosen")
        first, last = self.protocol.window
        return first <= day <= last

    def _shaped(self, row: dict[str, Any], place: str) -> dict[str, Any]:
        for ours, theirs in self.protocol.rename.items():
            if row.get(ours) in (None, "") and row.get(theirs) not in (None, ""):
                row[ours] = row[theirs]
        options = [row[name] for name in self.protocol.choices_from if row.get(name) not in (None, "")]
        if options and len(options) == len(self.protocol.choices_from):
            row |= {"choices": [str(option).strip() for option in options], "gold": "A"}
        tests = row.get("tests")
        if isinstance(tests, str) and self.protocol.kind == "code":
            if found := _ABSENT.search(tests):
                raise DataError(
                    f"{self.rows.name}: {place}: its tests import {found.group(1)}, which programs here do not have: "
                    'write them as {"calls": [...]} or as a list of asserts'
                )
            row["tests"] = tests if _CHECK.search(tests) else [tests]
        return row


def problems_of(
    protocol: Protocol, file: str, *, data: Path, where: str, sha256: str | None = None, count: int | None = None
) -> tuple[Protocol, list[Problem]]:
    """Return the protocol, marked where these are not its published problems, and the problems of the user's file.

    `sha256` is the digest that the file must have, in place of the protocol's own; `count` takes so many of the first.

    Raises:
        DataError: the file is absent, has another digest, or cannot be read as the benchmark is published.
    """
    path = find(file, data, where)[0]
    wanted = (sha256 or protocol.sha256).lower()
    if wanted and digest_of(path) != wanted:
        raise DataError(
            f"{where}: {path} is not the file of {protocol.benchmark}: its SHA-256 is {digest_of(path)[:12]}..., not "
            f"{wanted[:12]}...; it is of {protocol.source}"
        )
    source = Source(file=file, answer_kind=protocol.kind, use="evaluate")
    rows = _PublishedRows(FileRows(name=file, data=data, where=where), protocol)
    found = list(columns.problems(rows, source, file=file, prefix=stem(file), label=f"file:{file}", where=where))
    if not found:
        raise DataError(f"{where}: no row of {path} is in the window {' to '.join(protocol.window)}")
    if not any(problem.has_check for problem in found):
        raise DataError(f"{where}: no problem of {path} has an answer to judge by: it is of {protocol.source}")
    if count is not None and count < len(found):
        return protocol.marked("problems"), found[:count]
    if protocol.problems is not None and len(found) != protocol.problems:
        return protocol.marked("problems"), found
    return protocol, found
