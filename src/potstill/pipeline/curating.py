"""Curation of any number of traces: a map that looks at each, one reduce, and a map that puts the kept ones in order.

    look        part of 1,000 rows -> a short row a trace (`curate.seen`), without its text
    reduce      all short rows -> the place of each trace in training order (`curate.deciding`), on one machine
    scatter     parts of the traces -> what is kept of them, cut by the range of its places into buckets
    gather      each bucket, some 200 MB of text -> parts of examples

So every text is read twice and written twice, whatever their number. The maps are shared as `pipeline.parts` says.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from potstill import parquet
from potstill.claims import SharedParts
from potstill.conditions import LISTENED, VOTE, names_in
from potstill.curate.deciding import Decision
from potstill.curate.listened import Listened
from potstill.curate.nearness import shingles
from potstill.curate.others import others
from potstill.curate.quoting import QuoteIndex
from potstill.curate.seen import Looked, Looker
from potstill.durable import read_record, to_record, write_durably
from potstill.pipeline.asked_ways import asked_ways, hinted_share
from potstill.pipeline.own_filter import own_filter
from potstill.pipeline.parts import MAPS, parts_in
from potstill.pipeline.people import Heard
from potstill.pipeline.stage import Given, Map
from potstill.recipe import Curate, ServedTeacher
from potstill.records import Drop, Example, Group, Problem, Reason, Score, Trace, Verdict
from potstill.table_parts import PART_ROWS, TableWriter

if TYPE_CHECKING:
    import pyarrow as pa

LOOK, SCATTER = "look", "scatter"
"""The maps."""
TOGETHER = 4
"""Parts of rows that one part of the scatter takes."""
HELD_CHARACTERS = 200_000_000
"""Text of one bucket, which is held at once as it is put in order."""
PLAN, PLACES, CROWDED = "plan.json", "places.bin", "crowded.json"
"""In the scratch folder, what the maps must know: the buckets, the place of each trace, problems with many traces."""
_TEXTS = ("reasoning", "answer")


def looker_of(given: Given, heard: Heard) -> Looker:
    """Return what the traces of a set are looked at with; `crowded` is for the caller to say."""
    recipe, inputs = given.recipe, given.inputs
    held_out = {key for p in inputs["problems"].rows("evaluation", Problem) for key in (p.key, p.overlap_key)}
    held_out |= {d.key for d in inputs["problems"].rows("dropped", Drop) if d.reason == Reason.OVERLAP}
    scores = {}
    if asks_scores(recipe.curate):
        scores = {score.trace_key: score.value for score in inputs["verdicts"].rows("scores", Score)}
    return Looker(
        training={p.key: p for p in inputs["problems"].rows("train", Problem)}, held_out=held_out,
        settings=recipe.curate, seed=recipe.seed,
        groups={one.problem_key: one for one in _groups(given)},
        allow_summaries=isinstance(recipe.teacher, ServedTeacher) and recipe.teacher.allow_summaries,
        drop_suspect=recipe.checks.suspect_label == "drop", scores=scores, wrong_steps=heard.wrong_steps,
        quotes=_quotes_of(given), own=own_filter(recipe), listened=_listened(given),
        ways=asked_ways(recipe), hinted_at_most=hinted_share(recipe.strategy),
    )  # fmt: skip


def asks_scores(curate: Curate) -> bool:
    """Whether the scores of a reward model say what is kept."""
    return curate.min_score is not None or any("score" in names_in(text) for _, text in curate.conditions)


def _groups(given: Given) -> Iterator[Group]:
    """Yield what the samples of each problem say; who agrees, 32 characters a trace, only where a condition asks."""
    voted = any(VOTE in names_in(text) for _, text in given.recipe.curate.conditions)
    for one in given.inputs["verdicts"].rows("groups", Group):
        yield one if voted else replace(one, agreeing=())


def _listened(given: Given) -> dict[str, Listened]:
    """Return what a student said of each trace, where one listens and curation asks for it."""
    curate, committed = given.recipe.curate, given.inputs.get("listened")
    asked = any(not LISTENED.isdisjoint(names_in(text)) for _, text in curate.conditions)
    if committed is None or (curate.prefer is None and not asked):
        return {}
    return {row.trace_key: row for row in committed.rows("listened", Listened)}


def _quotes_of(given: Given) -> QuoteIndex | None:
    """Return the test questions of a recipe: those held out, of the files of `problems.against`, and of benchmarks."""
    from potstill.pipeline.held_apart import questions_of_tests

    least, recipe = given.recipe.curate.quotes, given.recipe
    if least is None:
        return None
    tests = [
        (f"held-out {p.id} of {p.source}", p.statement) for p in given.inputs["problems"].rows("evaluation", Problem)
    ]
    return QuoteIndex(least, [*tests, *questions_of_tests(recipe)])


class Curation:
    """The two maps of one set; `heard` is what people said, which the stage's own process alone knows."""

    def __init__(self, given: Given, scratch: Path, heard: Heard | None = None) -> None:
        self.given, self.scratch, self.heard = given, scratch, heard or Heard()
        self.rows = given.inputs["traces"].total("traces")
        self.looks = -(-self.rows // PART_ROWS)

    @property
    def maps(self) -> Mapping[str, Map]:
        """What is done part by part."""
        return {LOOK: self.look, SCATTER: self.scatter}

    @cache  # noqa: B019 - one lives as long as its process is at the stage
    def looker(self) -> Looker:
        """Return what traces are looked at with, read once."""
        crowded = read_record(self.scratch / CROWDED).get("problems", [])
        return replace(looker_of(self.given, self.heard), crowded=frozenset(crowded))

    def note_crowded(self) -> None:
        """Find the problems with more traces than may stay of each; traces of others need no sketch."""
        counts: dict[str, int] = {}
        for start in range(0, self.rows, PART_ROWS):
            stop = min(self.rows, start + PART_ROWS)
            keys = self.given.inputs["traces"].columns("traces", ["problem_key"], start, stop)
            for key in keys.column(0).to_pylist():
                counts[key] = counts.get(key, 0) + 1
        limit = self.given.recipe.curate.per_problem
        write_durably(
            self.scratch / CROWDED, to_record({"problems": sorted(k for k, count in counts.items() if count > limit)})
        )

    def look(self, number: int) -> bytes:
        """Look at the traces of a part."""
        start, stop = self._range(number)
        traces = self.given.inputs["traces"].between("traces", Trace, start, stop)
        verdicts = self.given.inputs["verdicts"].between("verdicts", Verdict, start, stop)
        judged = self.heard.heard(zip(traces, verdicts, strict=True))
        looker = self.looker()
        return parquet.encode([looker.look(trace, verdict) for trace, verdict in judged], Looked)

    def seen(self, parts: SharedParts, data: Iterable[bytes] | None = None) -> Iterator[Looked]:
        """Yield the short rows of all traces; `data` are those of the parts, where they are at hand."""
        for number, found in enumerate(parts.all() if data is None else data):
            yield from parquet.decode(found, parts.folder / str(number), Looked)

    def runs_of(self, wanted: Sequence[int]) -> Mapping[int, frozenset[int]]:
        """Return the runs of words of some traces, by their numbers; some 50 kB each of a long one."""
        found: dict[int, frozenset[int]] = {}
        for start, numbers in groupby(wanted, key=lambda number: number - number % PART_ROWS):
            stop = min(self.rows, start + PART_ROWS)
            traces = list(self.given.inputs["traces"].between("traces", Trace, start, stop))
            for number in numbers:
                trace, _ = self.looker().pruned(traces[number - start])
                found[number] = shingles(f"{trace.reasoning}\n{trace.answer}")
        return found

    def plan(self, decision: Decision) -> list[int]:
        """Write down where each trace goes; return the places at which buckets begin, and the one behind the last."""
        bounds, held = [0], 0
        for place, size in enumerate(decision.sizes):
            if place % PART_ROWS == 0 and held > HELD_CHARACTERS:
                bounds.append(place)
                held = 0
            held += size
        bounds.append(len(decision.kept))
        write_durably(self.scratch / PLACES, decision.places.tobytes())
        write_durably(self.scratch / PLAN, to_record({"bounds": bounds}))
        return bounds

    def scatter(self, number: int) -> bytes:
        """Return what is kept of some parts, bucket by bucket: a line that says where each stands, then its rows."""
        first = number * TOGETHER
        start, stop = self._range(first)[0], self._range(min(first + TOGETHER, self.looks) - 1)[1]
        places, bounds = self._places(), self._bounds()
        kept = sorted((places[at], at - start) for at in range(start, stop) if places[at] >= 0)
        columns = (*_TEXTS, "strategy")
        texts = self.given.inputs["traces"].columns("traces", columns, start, stop).combine_chunks()
        parts, looker = parts_in(self.given.bucket, self.scratch / MAPS / LOOK, self.looks), self.looker()
        rows = [row for part in range(first, min(first + TOGETHER, self.looks)) for row in self._looked(parts, part)]
        found: list[dict[str, Any]] = []
        pieces: list[bytes] = []
        at = 0
        for bucket in range(len(bounds) - 1):
            wanted = [entry for entry in kept if bounds[bucket] <= entry[0] < bounds[bucket + 1]]
            data = self._piece(wanted, rows, texts, looker) if wanted else b""
            found.append({"at": at, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()})
            pieces.append(data)
            at += len(data)
        head = json.dumps(found).encode()
        return len(head).to_bytes(8, "big") + head + b"".join(pieces)

    def _looked(self, parts: SharedParts, number: int) -> Iterator[Looked]:
        data = parts.read(number)
        if data is None:
            raise FileNotFoundError(f"part {number} of {LOOK}")
        return parquet.decode(data, parts.folder / str(number), Looked)

    def _piece(self, wanted: list[tuple[int, int]], rows: list[Looked], texts: pa.Table, looker: Looker) -> bytes:
        import pyarrow as pa
        import pyarrow.parquet as pq

        seen = [rows[at] for _, at in wanted]
        problems = [looker.training[row.problem_key] for row in seen]
        picked = texts.take(pa.array([at for _, at in wanted]))
        schema = parquet.schema_of(Example)[0]
        values: dict[str, Any] = {
            "problem_key": [row.problem_key for row in seen],
            "trace_key": [row.key for row in seen],
            "question": [
                parquet.clean(looker.question(problem, strategy))
                for problem, strategy in zip(problems, picked.column("strategy").to_pylist(), strict=True)
            ],
            "reasoning": self._reasonings(seen, picked, looker),
            "answer": picked.column("answer"),
            "weight": [row.weight for row in seen],
            "difficulty": [looker.difficulty(row.problem_key) for row in seen],
            "domain": [problem.domain for problem in problems],
            "gold_source": [looker.gold_source(row.problem_key) for row in seen],
        }
        columns = {name: parquet.array_of(values[name], schema.field(name).type) for name in schema.names}
        columns[PLACES] = pa.array([place for place, _ in wanted], pa.int64())
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table(columns), sink, compression="zstd", use_dictionary=["question", "problem_key"])
        return bytes(sink.getvalue())

    def _reasonings(self, seen: list[Looked], picked: pa.Table, looker: Looker) -> Any:  # noqa: ANN401 - as `parquet.array_of` takes it
        """Return the reasoning of kept traces, as it is where nothing is pruned."""
        if not looker.settings.prune:
            return picked.column("reasoning")
        texts = zip(seen, picked.column("reasoning").to_pylist(), picked.column("answer").to_pylist(), strict=True)
        return [looker.reasoning(row.problem_key, reasoning, answer) for row, reasoning, answer in texts]

    def gather(self, parts: SharedParts, bucket: int, table: TableWriter[Example]) -> None:
        """Write the examples of a bucket, those aside that were committed before a kill."""
        import pyarrow as pa
        import pyarrow.compute as pc

        start, stop = self._bounds()[bucket : bucket + 2]
        if table.parts * PART_ROWS >= stop:
            return
        found = [self._of_bucket(parts, number, bucket) for number in range(parts.count)]
        whole = pa.concat_tables([one for one in found if one is not None])
        whole = whole.take(pc.sort_indices(whole.column(PLACES)))
        if self.given.recipe.curate.reasoning == "another":
            whole = _with_others_reasoning(whole)
        for first in range(max(start, table.parts * PART_ROWS), stop, PART_ROWS):
            table.put(parquet.encode_table(whole.slice(first - start, min(PART_ROWS, stop - first)), Example))

    def _of_bucket(self, parts: SharedParts, number: int, bucket: int) -> pa.Table | None:
        """Return what one part of the scatter has of a bucket."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        size = int.from_bytes(parts.piece(number, 0, 8), "big")
        entry = json.loads(parts.piece(number, 8, size))[bucket]
        data = parts.piece(number, 8 + size + entry["at"], entry["bytes"])
        parts.check(number, data, entry["sha256"])
        return pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False) if data else None

    def _range(self, number: int) -> tuple[int, int]:
        return number * PART_ROWS, min(self.rows, (number + 1) * PART_ROWS)

    @cache  # noqa: B019
    def _places(self) -> array[int]:
        places = array("q")
        places.frombytes((self.scratch / PLACES).read_bytes())
        return places

    @cache  # noqa: B019
    def _bounds(self) -> list[int]:
        return list(read_record(self.scratch / PLAN)["bounds"])


def maps(given: Given, scratch: Path) -> Mapping[str, Map]:
    """Return the maps of the stage for a process that helps with it."""
    return Curation(given, scratch).maps


def _with_others_reasoning(rows: pa.Table) -> pa.Table:
    """Return examples with the reasoning of another problem each, in training order, which is one of hashes."""
    import pyarrow as pa

    places = pa.array(others(rows.column("problem_key").to_pylist()))
    at = rows.schema.get_field_index("reasoning")
    return rows.set_column(at, "reasoning", rows.column("reasoning").take(places))
