"""Students of several runs, or files of measures, brought together to be compared: `potstill compare`."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from potstill.durable import write_durably
from potstill.errors import DataError, PotstillError, nearest
from potstill.graph import graph_of
from potstill.pipeline import naming
from potstill.problems.rows import FileRows
from potstill.recipe_file import load
from potstill.records import Measure
from potstill.report.comparison import StudentComparison, StudentToCompare
from potstill.store import Committed, Run

KINDS = ("evaluate", "measure", "best")
"""Stages whose output is measures."""
TABLE = "zero_shot"
FIELDS = {item.name: item for item in dataclasses.fields(Measure)}


def comparison(names: Sequence[str], arm: str | None = None) -> StudentComparison:
    """Return the comparison of what `names` stand for, each against the first.

    A name is that of a run (its arm `arm`, or the one that it delivers), of a stage of a run with measures
    (`runs/a/evaluate-traces`), or of a file that `potstill evaluate --out` wrote.

    Raises:
        PotstillError: fewer than two, one that is none of these, an arm that was not measured yet, the same one twice.
    """
    if len(names) < 2:
        raise PotstillError("name two or more: runs, stages with measures (RUN/evaluate-ARM), or files of measures")
    found = [_facts(name, arm) for name in names]
    known = Counter(one.name for one in found)
    facts = [
        dataclasses.replace(one, name=given) if known[one.name] > 1 else one
        for given, one in zip(names, found, strict=True)
    ]
    if twice := next((name for name, times in Counter(one.name for one in facts).items() if times > 1), None):
        raise PotstillError(f"{twice} is named twice: name others, or its stages (RUN/evaluate-ARM)")
    return StudentComparison(tuple(facts))


def written(found: StudentComparison, out: str) -> None:
    """Write a comparison as the name of the file says: .html, .json, or text."""
    path = Path(out)
    if path.is_dir() or not path.parent.is_dir():
        raise PotstillError(f"--out {out}: name a file in a folder that is there")
    ways = {".html": found.html, ".json": found.json}
    write_durably(path, ways.get(path.suffix.lower(), lambda: found.text() + "\n")().encode("utf-8", "replace"))


def _facts(name: str, arm: str | None) -> StudentToCompare:
    path = Path(name).expanduser()
    if (path / "recipe.yaml").is_file():
        return _of_run(path, arm)
    if (path.parent / "recipe.yaml").is_file() and (committed := Run(path.parent).committed(path.name)) is not None:
        return StudentToCompare(name=f"{path.parent.name}/{path.name}", measures=_measures(committed, name))
    if path.is_file():
        return StudentToCompare(
            name=path.stem, measures=[_measure(row, f"{name}: {place}") for place, row in _rows(path)]
        )
    raise PotstillError(f"{name}: there is no run, no stage and no file of measures of this name")


def _of_run(path: Path, arm: str | None) -> StudentToCompare:
    graph = graph_of(load(str(path / "recipe.yaml")))
    chosen = arm or graph.deliver or next(iter(graph.arms))
    if chosen not in graph.arms:
        raise PotstillError(f"{path} has no arm {chosen!r}{nearest(chosen, list(graph.arms))}")
    stage = naming.measures(graph.arms[chosen])
    committed = Run(path).committed(stage)
    if committed is None:
        raise PotstillError(f"{path}: {stage} is not done yet: potstill run {path / 'recipe.yaml'} --out {path}")
    return StudentToCompare(name=f"{path.name}/{chosen}", measures=_measures(committed, str(path / stage)))


def _measures(committed: Committed, name: str) -> list[Measure]:
    if committed.manifest["kind"] not in KINDS:
        raise PotstillError(f"{name} has no measures: name a stage such as evaluate-traces")
    tables = committed.tables
    return list(committed.rows(TABLE if TABLE in tables else next(iter(tables)), Measure))


def _rows(path: Path) -> FileRows:
    return FileRows(name=path.name, data=path.parent, where="measures")


def _measure(row: dict[str, Any], at: str) -> Measure:
    missing = [name for name in FIELDS if name not in row]
    if missing:
        raise DataError(
            f"{at} is no measure: it lacks {missing[0]} (potstill evaluate MODEL --out FILE.jsonl writes them)"
        )
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(Measure).validate_json(json.dumps({name: row[name] for name in FIELDS}))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise DataError(f"{at} is no measure: {'.'.join(map(str, first['loc']))}: {first['msg'].lower()}") from None
