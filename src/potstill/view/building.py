"""Building the index of what is opened: once for each state of it, in a folder of the cache, never in the run."""

from __future__ import annotations

import json
import os
import shutil
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from potstill.durable import write_durably, writing
from potstill.progress import Progress
from potstill.records import Group, Problem, content_key
from potstill.view.index import GROUPS, META, PROBLEMS, ROWS, Index, group_rows, problem_rows
from potstill.view.sources import IndexRow, Notes, Opened, TextPart

if TYPE_CHECKING:
    import pyarrow as pa

VERSION = 1
"""Raised by hand when the columns of the index change."""
KEPT_INDEXES = 12
"""Indexes that stay in the cache, the newest."""
_WORDS = (
    "run", "of", "who", "model", "strategy", "finish", "outcome", "cause", "doubt", "drop", "finding", "domain",
    "part_of",
)  # fmt: skip
_TEXTS = ("key", "extracted", "drop_detail", "parent")
_NUMBERS = {"part": "i", "row": "i", "problem": "i", "sample": "i", "characters": "q"}
_PERHAPS = ("tokens", "score", "difficulty")


def cache_folder() -> Path:
    """Return where indexes are kept: `$XDG_CACHE_HOME/potstill/view`, in the home folder where that is not set."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "potstill" / "view"


def index_of(sources: Sequence[Opened], cache: Path | None = None) -> Index:
    """Return the index of what is opened, built where it is not in the cache; shows its progress.

    Raises:
        DataError: a file of traces has a row of no shape.
        StoreError: the cache cannot be written.
    """
    cache = cache or cache_folder()
    folder = cache / content_key("view", VERSION, [source.state() for source in sources])
    if not (folder / META).is_file():
        _build(sources, folder)
        _forget(cache, folder)
    os.utime(folder)
    return Index(folder)


def _forget(cache: Path, but: Path) -> None:
    """Remove the oldest indexes; who has one open keeps what is mapped."""
    others = sorted(
        (one for one in cache.iterdir() if one.is_dir() and one != but), key=lambda one: one.stat().st_mtime
    )
    for old in others[: max(0, len(others) - KEPT_INDEXES + 1)]:
        shutil.rmtree(old, ignore_errors=True)


def _build(sources: Sequence[Opened], folder: Path) -> None:
    with writing(folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    notes, columns, parts = Notes(), _Columns(), list[TextPart]()
    totals = [source.total() for source in sources]
    total = None if None in totals else sum(one for one in totals if one is not None)
    progress = Progress("index", total, "responses")
    problems: list[tuple[str, str, Problem]] = []
    groups: list[tuple[str, str, Group]] = []
    for number, source in enumerate(sources):
        scratch = folder / f"texts-{number}"
        with writing(scratch):
            scratch.mkdir()
        reading = source.read(scratch, notes)
        for entry in progress.track(reading.entries):
            columns.add(source.name, entry, len(parts))
        parts.extend(reading.parts)
        problems.extend((source.name, asked.part, asked.problem) for asked in reading.problems())
        groups.extend((source.name, of, group) for of, group in reading.groups())
    progress.close()
    once = columns.meet_problems(problems)
    _write(folder / PROBLEMS, problem_rows(iter(once)))
    _write(folder / GROUPS, group_rows(iter(groups)))
    _write(folder / ROWS, columns.table())
    about = {
        "version": VERSION, "sources": [source.name for source in sources], "notes": notes.lines,
        "parts": [{"path": part.path, "record": part.record} for part in parts],
    }  # fmt: skip
    write_durably(folder / META, json.dumps(about, ensure_ascii=False).encode())


def _write(path: Path, table: pa.Table) -> None:
    import pyarrow as pa

    with writing(path), pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table.combine_chunks())


class _Columns:
    """The columns as they grow: words as numbers, so that a row takes about a hundred bytes."""

    def __init__(self) -> None:
        self.words: dict[str, dict[str, int]] = {name: {} for name in _WORDS}
        self.codes = {name: array("i") for name in _WORDS}
        self.texts: dict[str, list[str]] = {name: [] for name in _TEXTS}
        self.numbers = {name: array(kind) for name, kind in _NUMBERS.items()}
        self.perhaps: dict[str, list[float | None]] = {name: [] for name in _PERHAPS}
        self.looped = bytearray()
        self.problem_numbers: dict[str, int] = {}

    def add(self, run: str, entry: IndexRow, parts_before: int) -> None:
        """Add a response."""
        for name in _WORDS[:-2]:
            self._word(name, run if name == "run" else getattr(entry, name))
        for name, texts in self.texts.items():
            texts.append(getattr(entry, name))
        number = self.problem_numbers.setdefault(entry.problem_key, len(self.problem_numbers))
        its = {"part": parts_before + entry.part, "row": entry.row, "problem": number, "sample": entry.sample,
               "characters": entry.characters}  # fmt: skip
        for name, value in its.items():
            self.numbers[name].append(value)
        self.perhaps["tokens"].append(entry.tokens)
        self.perhaps["score"].append(entry.score)
        self.looped.append(entry.looped)

    def _word(self, name: str, word: str) -> None:
        self.codes[name].append(self.words[name].setdefault(word, len(self.words[name])))

    def meet_problems(self, problems: list[tuple[str, str, Problem]]) -> list[tuple[str, str, Problem]]:
        """Give each response the domain and the difficulty of its problem, and return the problems in their order.

        A response whose question is in no source has an unnamed problem.
        """
        known: dict[str, tuple[str, str, Problem]] = {}
        for one in problems:
            known.setdefault(one[2].key, one)
        nothing = Problem(id="", question="(its question is in none of the problems of this run)", gold=None)
        for key in known:
            self.problem_numbers.setdefault(key, len(self.problem_numbers))
        ordered = [known.get(key, ("", "", nothing)) for key in self.problem_numbers]
        for number in self.numbers["problem"]:
            _, part, problem = ordered[number]
            self._word("domain", problem.domain)
            self._word("part_of", part)
            self.perhaps["difficulty"].append(problem.difficulty)
        return ordered

    def table(self) -> pa.Table:
        """Return the whole table."""
        import pyarrow as pa

        columns: dict[str, Any] = {}
        for name in _WORDS:
            words = pa.array(list(self.words[name]), pa.string())
            columns[name] = pa.DictionaryArray.from_arrays(_ints(self.codes[name]), words)
        columns |= {name: pa.array(texts, pa.string()) for name, texts in self.texts.items()}
        columns |= {name: _ints(numbers) for name, numbers in self.numbers.items()}
        columns |= {
            name: pa.array(values, pa.int64() if name == "tokens" else pa.float64())
            for name, values in self.perhaps.items()
        }
        columns["looped"] = pa.array([bool(one) for one in self.looped], pa.bool_())
        return pa.table(columns)


def _ints(numbers: array[int]) -> pa.Array:
    import pyarrow as pa

    kind = pa.int32() if numbers.typecode == "i" else pa.int64()
    return pa.Array.from_buffers(kind, len(numbers), [None, pa.py_buffer(numbers.tobytes())])
