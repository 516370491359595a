"""The labels of people, kept: a file for each, a line for each saying, on the disk before the page says saved."""

from __future__ import annotations

import fcntl
import json
import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

from potstill.durable import sync, writing
from potstill.errors import DataError
from potstill.evaluate.agreement import cohen
from potstill.records import content_key
from potstill.verify.steps.labels import StepLabels, step_labels
from potstill.verify.steps.people import Saying, differing, latest, read_sayings, settled

LONGEST_NAME = 60
LONGEST_COMMENT = 4_000
SHAPES = ("prm800k", "processbench", "potstill")
_PLAIN = re.compile(r"[^a-z0-9]+")
"""`Ada L.` gives `ada-l-`."""


def file_of(folder: Path, labeller: str) -> Path:
    """Return the file of a labeller; names that differ have different files.

    Raises:
        DataError: the name is empty, too long, or holds what no name has.
    """
    if not labeller.strip() or len(labeller) > LONGEST_NAME or not labeller.isprintable():
        raise DataError(f"a labeller's name has 1 to {LONGEST_NAME} printable characters")
    slug = _PLAIN.sub("-", labeller.casefold()).strip("-")[:24]
    return folder / f"{slug or 'labeller'}-{content_key('labeller', labeller)[:8]}.jsonl"


class LabelFiles:
    """The labels of one source. Any number of processes and threads may write; none loses another's line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._seen: tuple[object, list[Saying]] | None = None

    def save(self, saying: Saying) -> None:
        """Write one saying; when this returns it survives a power cut.

        Raises:
            StoreError: it could not be written; nothing of it counts then.
            DataError: the labeller's name is none.
        """
        self.save_all([saying])

    def save_all(self, sayings: Iterable[Saying]) -> int:
        """Write sayings of any labellers, and return how many; as `save`."""
        by: dict[Path, list[bytes]] = {}
        for saying in sayings:
            by.setdefault(file_of(self.folder, saying.labeller), []).append(saying.line())
        with self._lock, writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            for path, lines in by.items():
                self._append(path, b"".join(lines))
        return sum(map(len, by.values()))

    def _append(self, path: Path, data: bytes) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                data = b"\n" + data  # a kill left half a line, which nobody was told was saved
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        sync(path.parent)

    def all(self) -> list[Saying]:
        """Return every saying there is, as the files are now; raises as `read_sayings`."""
        files = sorted(self.folder.glob("*.jsonl")) if self.folder.is_dir() else []
        state = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
        with self._lock:
            if self._seen is None or self._seen[0] != state:
                self._seen = (state, list(read_sayings(self.folder)) if files else [])
            return list(self._seen[1])

    def labelled(self) -> set[str]:
        """Return the keys of responses of which somebody said something."""
        return {key for (kind, key) in latest(self.all()) if kind != "gold"}

    def of(self, solution: str, problem_key: str) -> list[Saying]:
        """Return what counts of one response and its problem, all labellers."""
        found = latest(self.all())
        wanted = (("steps", solution), ("verdict", solution), ("gold", problem_key))
        return [saying for about in wanted for saying in found.get(about, {}).values()]

    def summary(self) -> dict[str, Any]:
        """Return who labelled how much, how far each two agree, and what is still open between them."""
        held = self.all()
        found = latest(held)
        people: dict[str, dict[str, float]] = {}
        for saying in held:
            its = people.setdefault(saying.labeller, {"steps": 0, "verdict": 0, "gold": 0, "skipped": 0, "seconds": 0})
            its["skipped" if saying.skipped else saying.kind] += 1
            its["seconds"] += saying.seconds
        return {
            "people": people, "agreement": [*_agreements(found)],
            "open": [{"kind": kind, "about": about} for kind, about in differing(held)],
            "settled": len(settled(held)),
        }  # fmt: skip


def _agreements(found: Mapping[tuple[str, str], Mapping[str, Saying]]) -> Iterator[dict[str, Any]]:
    """Yield kappa for each two labellers: over the steps that both rated, and over the first wrong steps."""
    both: dict[tuple[str, str], dict[str, list[tuple[Any, Any]]]] = {}
    for (kind, _), by in found.items():
        people = {name: saying for name, saying in by.items() if not saying.adjudicated}
        for one, other in combinations(sorted(people), 2):
            its = both.setdefault((one, other), {"steps": [], "first wrong step": [], "verdicts": []})
            a, b = people[one], people[other]
            if kind == "verdict":
                its["verdicts"].append((a.outcome, b.outcome))
            elif kind == "steps" and a.steps == b.steps:
                its["steps"] += [(x, y) for x, y in zip(a.ratings, b.ratings, strict=True) if None not in (x, y)]
                its["first wrong step"].append((a.first_wrong_step, b.first_wrong_step))
    for (one, other), kinds in both.items():
        for what, pairs in kinds.items():
            if pairs:
                agreed = cohen(pairs)
                yield {"one": one, "other": other, "what": what, "number": agreed.number,
                       "alike": round(agreed.alike, 4),
                       "kappa": None if agreed.kappa is None else round(agreed.kappa, 4)}  # fmt: skip


def exported(sayings: Iterable[Saying], shape: str) -> Iterator[dict[str, Any]]:
    """Yield labelled solutions as rows of PRM800K or ProcessBench, or as they are kept.

    ProcessBench rows carry only the first wrong step; a solution whose labelling stopped before its end and found
    nothing wrong has no such row.

    Raises:
        DataError: there is no such shape.
    """
    if shape not in SHAPES:
        raise DataError(f"there is no shape {shape!r} of labels: {', '.join(SHAPES)}")
    for saying in sayings:
        if shape == "potstill":
            yield json.loads(saying.line())
        elif saying.kind == "steps" and not saying.skipped and any(one is not None for one in saying.ratings):
            if shape == "prm800k":
                yield _prm800k(saying)
            elif saying.first_wrong_step is not None or None not in saying.ratings:
                yield _process_bench(saying)


def _prm800k(saying: Saying) -> dict[str, Any]:
    steps = [
        {
            "completions": [{"text": text, "rating": rating, "flagged": saying.flagged}],
            "human_completion": None,
            "chosen_completion": 0,
        }
        for text, rating in zip(saying.steps, saying.ratings, strict=True)
    ]
    finish = saying.finish or ("solution" if saying.first_wrong_step is None else "found_error")
    return {
        "id": saying.solution, "labeler": saying.labeller, "timestamp": saying.at,
        "question": {"problem": saying.question, "ground_truth_answer": saying.gold, "problem_key": saying.problem_key},
        "label": {"steps": steps, "total_time": round(saying.seconds * 1000), "finish_reason": finish},
        "comment": saying.comment, "adjudicated": saying.adjudicated,
    }  # fmt: skip


def _process_bench(saying: Saying) -> dict[str, Any]:
    first = saying.first_wrong_step
    return {
        "id": saying.solution, "generator": "", "problem": saying.question, "steps": list(saying.steps),
        "label": -1 if first is None else first, "labeler": saying.labeller, "timestamp": saying.at,
        "seconds": saying.seconds, "comment": saying.comment, "adjudicated": saying.adjudicated,
    }  # fmt: skip


def imported(rows: Iterable[tuple[str, Mapping[str, Any]]], labeller: str) -> Iterator[Saying]:
    """Yield the labels of rows in a known shape as sayings of `labeller`, or of whom a row names itself.

    Raises:
        DataError: a row is of no known shape; names its place.
    """
    from potstill.verify.steps.people import saying_of

    for at, row in rows:
        if row.get("schema") == 1 and row.get("kind") in ("steps", "verdict", "gold"):
            yield saying_of(dict(row), at)
            continue
        own = row.get("labeler")
        yield _saying(step_labels(row, at, at), row, own if isinstance(own, str) and own else labeller)


def _saying(found: StepLabels, row: Mapping[str, Any], labeller: str) -> Saying:
    question, label = row.get("question"), row.get("label")
    asked = question if isinstance(question, dict) else {}
    gold, key = asked.get("ground_truth_answer", row.get("gold")), asked.get("problem_key")
    total = label.get("total_time") if isinstance(label, dict) else None
    seconds = total / 1000 if isinstance(total, int | float) else row.get("seconds", 0.0)
    at, comment = row.get("timestamp"), row.get("comment")
    return Saying(
        kind="steps", labeller=labeller, at=at if isinstance(at, str) else "",
        seconds=float(seconds) if isinstance(seconds, int | float) else 0.0, solution=found.id,
        problem_key=key if isinstance(key, str) else "", question=found.problem,
        gold=gold if isinstance(gold, str) else None, steps=found.steps, ratings=found.labels,
        comment=comment if isinstance(comment, str) else "", finish=found.finish,
        adjudicated=row.get("adjudicated") is True,
    )  # fmt: skip
