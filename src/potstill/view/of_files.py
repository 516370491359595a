"""The responses of a file of traces: JSONL, Parquet or CSV, in the shapes that others publish, see `teach.shapes`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from potstill import parquet
from potstill.durable import write_durably
from potstill.errors import DataError
from potstill.problems.columns import FIELDS, Names, scalar
from potstill.problems.rows import FileRows, find, stem
from potstill.recipe import DatasetTeacher
from potstill.records import Group, Problem, Trace
from potstill.table_parts import PART_ROWS
from potstill.teach.dataset import ProblemIndex, read_traces
from potstill.teach.shapes import unfold
from potstill.view.of_runs import shortened
from potstill.view.sources import TEACHER, AskedProblem, IndexRow, Notes, Responses, TextPart

_SAID = {True: "right", False: "wrong"}
_CORRECT = ("correct", "is_correct")
"""Columns of truth values that say whether an answer is right; potstill's own `correct` among them."""
_DOMAINS = ("domain", "problem_type", "subject", "task")


class FileSource:
    """A file of traces; it is read once, into Parquet parts of the index, and never changed."""

    def __init__(self, path: Path) -> None:
        find(path.name, path.parent, "view")
        self.path, self.name = path, path.name
        self.labels = path.with_name(f"{path.name}.labels")

    def state(self) -> Any:  # noqa: ANN401 - any JSON value
        """Return name, size and time of the file."""
        its = self.path.stat()
        return ["file", str(self.path.resolve()), its.st_size, its.st_mtime_ns]

    def total(self) -> int | None:
        """Nobody has counted the rows."""
        return None

    def read(self, scratch: Path, notes: Notes) -> Responses:
        """Begin to read; the traces are written to parts in `scratch`."""
        reader = _FileReader(self, scratch, notes)
        return Responses(
            entries=reader.entries(), problems=reader.problems, groups=lambda: iter(list[tuple[str, Group]]()),
            parts=reader.parts,
        )  # fmt: skip


class _Questions(ProblemIndex):
    """Takes every question as it comes, as a problem of its own, and remembers it."""

    def __init__(self) -> None:
        super().__init__(())
        self.problems: dict[str, Problem] = {}
        self.last = ""

    def key_of(self, question: str, choices: tuple[str, ...] = ()) -> str | None:
        """Return the key of the problem that is only this question."""
        problem = Problem(id="", question=question, gold=None, choices=choices)
        self.last = problem.key
        self.problems.setdefault(self.last, problem)
        return self.last


class _FileReader:
    def __init__(self, source: FileSource, scratch: Path, notes: Notes) -> None:
        self.source, self.scratch, self.notes = source, scratch, notes
        self.parts: list[TextPart] = []
        self.known: dict[str, AskedProblem] = {}
        self.held: list[Trace] = []

    def problems(self) -> Iterator[AskedProblem]:
        """Yield every question of the file, with its gold where a row says one."""
        yield from self.known.values()

    def entries(self) -> Iterator[IndexRow]:
        """Yield the traces in the order of the file.

        Raises:
            DataError: a row is of no shape; names file and line.
        """
        path, asked = self.source.path, _Questions()
        teacher = DatasetTeacher(kind="dataset", file=path.name)
        rows = unfold(FileRows(name=path.name, data=path.parent, where="view"), {}, path.name)
        names = Names(FIELDS, {}, rows, path.name, "view")
        rows = unfold(FileRows(name=path.name, data=path.parent, where="view"), {}, path.name)
        for (place, row), trace in zip(rows, read_traces(teacher, path.parent, asked), strict=True):
            key = trace.problem_key
            if key not in self.known:
                self.known[key] = self._problem(asked.problems[key], names, row, f"{path.name}: {place}")
            self.held.append(trace)
            yield self._entry(trace, len(self.held) - 1, row)
            if len(self.held) >= PART_ROWS:
                self._write()
        self._write()

    def _problem(self, bare: Problem, names: Names, row: Mapping[str, Any], at: str) -> AskedProblem:
        def text(field: str) -> str | None:
            try:
                return scalar(names.get(dict(row), field), field, at)
            except DataError as error:
                self.notes.tell(str(error))
                return None

        domain = next((str(row[name]) for name in _DOMAINS if isinstance(row.get(name), str) and row[name]), "general")
        problem = Problem(
            id=text("id") or "", question=bare.question, gold=text("gold"), choices=bare.choices, domain=domain,
            source=self.source.name,
        )  # fmt: skip
        return AskedProblem(problem=problem, part="of the file")

    def _entry(self, trace: Trace, row: int, said: Mapping[str, Any]) -> IndexRow:
        correct = next((said[name] for name in _CORRECT if isinstance(said.get(name), bool)), None)
        extracted = next((said[name] for name in ("extracted", "pred") if isinstance(said.get(name), str)), None)
        return IndexRow(
            part=len(self.parts), row=row, key=trace.key, problem_key=trace.problem_key,
            of=f"file {stem(self.source.name)}", who=TEACHER, model=trace.teacher, strategy=trace.strategy,
            finish=trace.finish, outcome="not judged" if correct is None else _SAID[correct],
            extracted=shortened(extracted), sample=trace.sample,
            characters=len(trace.reasoning) + len(trace.answer), tokens=trace.completion_tokens,
        )  # fmt: skip

    def _write(self) -> None:
        if self.held:
            path = self.scratch / f"traces-{len(self.parts):05d}.parquet"
            write_durably(path, parquet.encode(self.held, Trace))
            self.parts.append(TextPart(path=str(path), record="Trace"))
            self.held.clear()
