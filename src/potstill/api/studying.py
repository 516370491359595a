"""A study's folder opened for reading: its lines, its differences, its runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from potstill.api.results import RunFolder, html_table
from potstill.durable import refusal
from potstill.errors import PotstillError
from potstill.intervals import Interval
from potstill.report.display import percent


@dataclass(frozen=True, kw_only=True)
class StudyFigures:
    """An arm of a variant over all seeds: `accuracy` is the mean over seeds with its interval, `by_seed` each seed's.

    `values` holds all that `study.json` says of it.
    """

    name: str
    accuracy: Interval
    by_seed: Mapping[int, float]
    values: Mapping[str, Any]


class StudyFolder:
    """The folder of a finished study.

    Raises:
        PotstillError: it is none, or not finished.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._found = json.loads((path / "study.json").read_bytes())
        except FileNotFoundError:
            raise PotstillError(f"{path} is no folder of a finished study: it has no study.json") from None
        except OSError as error:
            raise PotstillError(refusal(error, path)) from error
        self.path = path

    @property
    def page(self) -> Path:
        """The page."""
        return self.path / "study.html"

    @property
    def headline(self) -> str:
        """What came out, in a sentence."""
        return str(self._found["headline"])

    @property
    def lines(self) -> dict[str, StudyFigures]:
        """The lines of its table by name, in order."""
        return {row["line"]: _line(row) for row in self._found["lines"]}

    @property
    def differences(self) -> tuple[Mapping[str, Any], ...]:
        """The pairs that are compared, with interval, margin, conclusion and sentence, as `study.json` has them."""
        return tuple(self._found["differences"])

    @property
    def runs(self) -> dict[str, RunFolder]:
        """Its runs by name, one a variant and seed."""
        return {folder.name: RunFolder(folder) for folder in sorted((self.path / "runs").iterdir())}

    def __repr__(self) -> str:
        return f"<study {self.path}: {self.headline}>"

    def _repr_html_(self) -> str:
        head = ("line", "accuracy", "95% interval", "by seed")
        rows = [
            (name, percent(line.accuracy.value), f"{percent(line.accuracy.low)} to {percent(line.accuracy.high)}",
             ", ".join(percent(value) for value in line.by_seed.values()))
            for name, line in self.lines.items()
        ]  # fmt: skip
        return html_table(head, rows, self.headline)


def _line(row: Mapping[str, Any]) -> StudyFigures:
    number = {None: float("nan")}
    return StudyFigures(
        name=row["line"], accuracy=Interval(number.get(row["accuracy"], row["accuracy"]), row["low"], row["high"]),
        by_seed={int(seed): number.get(value, value) for seed, value in row["by_seed"].items()}, values=row,
    )  # fmt: skip
