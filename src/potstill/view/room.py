"""Everything that one viewer has open: sources, index, texts and labels; the server and the bundle read it here."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from potstill import __version__
from potstill.errors import DataError
from potstill.report.display import label
from potstill.verify.steps.people import Saying, latest
from potstill.view.building import index_of
from potstill.view.details import STEPS, Details, capped
from potstill.view.files import temml_folder
from potstill.view.index import Query
from potstill.view.labels import SHAPES, LabelFiles
from potstill.view.of_files import FileSource
from potstill.view.of_runs import run_source
from potstill.view.queue import ORDERS
from potstill.view.sources import Opened
from potstill.view.texts import Hit, ResponseTexts


def opened(names: Sequence[str]) -> list[Opened]:
    """Return the sources that paths mean.

    Raises:
        PotstillError: one of them is neither a run folder nor a file of traces.
    """
    paths = [Path(name) for name in names]
    return [FileSource(path) if path.is_file() else run_source(path) for path in paths]


class Viewer:
    """What is open. Two sources of one name are told apart by a number."""

    def __init__(self, sources: Sequence[Opened], cache: Path | None = None) -> None:
        self.sources = list(sources)
        taken: dict[str, int] = {}
        for source in self.sources:
            taken[source.name] = taken.get(source.name, 0) + 1
            if taken[source.name] > 1:
                source.name = f"{source.name} {taken[source.name]}"
        self.index = index_of(self.sources, cache)
        self.texts = ResponseTexts(self.index)
        self.details = Details(self.index, self.texts, self.sources)
        self._labels = {source.name: LabelFiles(source.labels) for source in self.sources}

    @classmethod
    def open(cls, names: Sequence[str], cache: Path | None = None) -> Viewer:
        """Open run folders and files of traces by their paths; raises as `opened` and `index_of`."""
        return cls(opened(names), cache)

    def about(self) -> dict[str, Any]:
        """Return what the page has to know before anything else."""
        return {
            "name": ", ".join(source.name for source in self.sources), "version": __version__,
            "runs": [{"name": s.name, "report": (s.path / "report.html").is_file()} for s in self.sources],
            "notes": self.index.meta["notes"], "total": len(self.index), "ends": self.index.ends(),
            "mathematics": temml_folder() is not None, "shapes": SHAPES, "orders": ORDERS, "labels": True,
        }  # fmt: skip

    def sayings(self) -> list[Saying]:
        """Return everything that people said, of all sources."""
        return [saying for labels in self._labels.values() for saying in labels.all()]

    def counting(self) -> list[Saying]:
        """Return the last sayings of each person about each thing."""
        return [saying for by in latest(self.sayings()).values() for saying in by.values()]

    def labels(self, run: str) -> LabelFiles:
        """Return the labels of a source."""
        return self._labels[run]

    def _note_labels(self) -> None:
        self.index.note_labelled(key for labels in self._labels.values() for key in labels.labelled())

    def page(self, query: Query) -> dict[str, Any]:
        """Return a page of the list."""
        self._note_labels()
        return self.index.page(query)

    def hits(self, found: Sequence[Hit | int]) -> list[dict[str, Any]]:
        """Return hits with their rows of the list; numbers among them are passed over."""
        hits = [one for one in found if isinstance(one, Hit)]
        rows = self.index.shown([hit.row for hit in hits])
        return [
            {**row, "field": hit.field, "before": hit.before, "found": hit.found, "after": hit.after}
            for row, hit in zip(rows, hits, strict=True)
        ]

    def report(self, run: str) -> bytes:
        """Return the report of a run with links into the viewer before its first line.

        Raises:
            KeyError: there is no such run, or it has no report.
        """
        source = next((source for source in self.sources if source.name == run), None)
        if source is None or not (source.path / "report.html").is_file():
            raise KeyError(run)
        page = (source.path / "report.html").read_text(encoding="utf-8")
        return page.replace("<main>", f"<main>{self._links(run)}", 1).encode("utf-8", "replace")

    def _links(self, run: str) -> str:
        """Return the links: all traces, and those of each verdict, reason of drop and set or arm of the run."""
        facets = self.index.facets(Query(values={"run": [run]}))
        links = [_link("all traces", {"run": run})]
        for name in ("of", "outcome", "drop"):
            links += [
                _link(f"{value} ({number:,})", {"run": run, name: value}) for value, number in facets[name] if value
            ]
        return f"<p>Read the traces: {', '.join(links)}</p>"

    def response(self, key: str, begin: int = 0, count: int = STEPS) -> dict[str, Any]:
        """Return a response with its problem and what people said of it."""
        number = self.index.find(key)
        its = self.details.response(number, begin, count)
        if begin == 0:
            asked = self.index.problem(its["problem"])
            its["asked"] = {**asked, "question": capped(asked["question"])}
            its["people"] = self.labels_of(key)
        return its

    def problem(self, number: int) -> dict[str, Any]:
        """Return a problem with its responses, and corrections of its gold."""
        self._note_labels()
        its = self.details.problem(number)
        its["golds"] = [_told(one) for one in self.counting() if one.kind == "gold" and one.problem_key == its["key"]]
        return its

    def labels_of(self, key: str) -> list[dict[str, Any]]:
        """Return what counts of what people said of a response and its problem."""
        about = self.about_response(key)
        return [_told(saying) for saying in self.labels(about["run"]).of(key, about["problem_key"])]

    def about_response(self, key: object) -> dict[str, Any]:
        """Return run, problem_key, question and gold of a response.

        Raises:
            DataError: there is none of this key.
        """
        if not isinstance(key, str):
            raise DataError("a label needs the key of its solution")
        row = self.index.row(self.index.find(key))
        asked = self.index.problem(row["problem"])
        return {"run": row["run"], "problem_key": asked["key"], "question": asked["question"], "gold": asked["gold"]}

    def labelled_steps(self, kind: object, key: object, ratings: object) -> list[str]:
        """Return the steps that a label of this kind is about.

        Raises:
            DataError: the ratings are not one for each step.
        """
        if kind != "steps" or not isinstance(key, str):
            return []
        steps = self.details.steps_of(self.index.find(key))
        if not isinstance(ratings, list) or len(ratings) != len(steps):
            raise DataError(f"this response has {len(steps)} steps, and a label needs a rating or null for each")
        return list(steps)

    def people(self) -> dict[str, Any]:
        """Return who labelled what in each source."""
        return {name: labels.summary() for name, labels in self._labels.items()}


def _link(text: str, query: dict[str, str]) -> str:
    return f'<a href="/#/list?{html.escape(urlencode(query))}">{html.escape(label(text))}</a>'


def _told(saying: Saying) -> dict[str, Any]:
    return {
        "kind": saying.kind, "labeller": saying.labeller, "at": saying.at, "seconds": saying.seconds,
        "ratings": list(saying.ratings), "outcome": saying.outcome, "gold": saying.gold, "comment": saying.comment,
        "adjudicated": saying.adjudicated, "flagged": saying.flagged, "first_wrong": saying.first_wrong_step,
    }  # fmt: skip
