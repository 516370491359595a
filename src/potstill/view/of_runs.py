"""The responses of a run folder: the traces of its sets with verdicts and drops, and the answers of its arms."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from potstill.errors import PotstillError, StoreError
from potstill.graph import Graph, SetNode, graph_of
from potstill.pipeline import naming
from potstill.recipe import Recipe
from potstill.recipe_file import load
from potstill.records import Drop, Group, Measure, Problem, Score, Trace, Verdict, content_key
from potstill.store import STUDY, Committed, Run
from potstill.view.sources import STUDENT, TEACHER, AskedProblem, IndexRow, Notes, Responses, TextPart

if TYPE_CHECKING:
    import pyarrow as pa

KEPT = "kept"
EXTRACTED = 60
"""Characters of a final answer that the list shows."""
PROMPTS = {"zero_shot": "zero-shot", "few_shot": "few-shot"}
_OF_TRACE = (
    "problem_key", "teacher", "strategy", "prompt_key", "sample", "attempt", "sampling", "finish", "reasoning_kind",
    "completion_tokens", "parent", "failure", "source",
)  # fmt: skip


def run_source(path: Path) -> RunSource:
    """Return the source of a run folder.

    Raises:
        PotstillError: it is none.
    """
    if (path / STUDY).is_file():
        raise PotstillError(f"{path} is the folder of a study: name one or more of its runs, in {path / 'runs'}")
    if not (path / "recipe.yaml").is_file():
        what = "has no recipe.yaml" if path.is_dir() else "is not there"
        raise PotstillError(f"{path} is no run folder and no file of traces: it {what}")
    return RunSource(path)


class RunSource:
    """A run folder; nothing in it is changed but its folder of labels."""

    def __init__(self, path: Path) -> None:
        self.path, self.name, self.labels = path, path.resolve().name, path / "labels"
        self.run = Run(path)

    @property
    def recipe(self) -> Recipe:
        """The resolved recipe of the newest run in the folder."""
        return load(str(self.path / "recipe.yaml"))

    @functools.cached_property
    def graph(self) -> Graph:
        """The graph of the recipe, as it was when it was first looked at."""
        return graph_of(self.recipe)

    def state(self) -> Any:  # noqa: ANN401 - any JSON value
        """Return where every name of the run points to."""
        return ["run", str(self.path.resolve()), self.run.names()]

    def total(self) -> int | None:
        """Count traces and answers, as far as they are there."""
        graph = self.graph
        names = [naming.traces(node, graph) for node in graph.sets.values()]
        found = [there.total("traces") for name in names if (there := self._quietly(name)) is not None]
        for name in self.run.names():
            there = self._quietly(name)
            if there is not None and there.manifest["kind"] == "evaluate":
                found.extend(there.total(table) for table in there.tables)
        return sum(found)

    def _quietly(self, name: str) -> Committed | None:
        try:
            return self.run.committed(name)
        except StoreError:
            return None

    def read(self, scratch: Path, notes: Notes) -> Responses:
        """Begin to read; no file is made."""
        del scratch
        reader = _RunReader(self, self.graph, notes)
        return Responses(
            entries=reader.entries(), problems=reader.problems, groups=reader.groups, parts=reader.parts
        )  # fmt: skip


@dataclass
class _Fates:
    """What became of the traces of a set."""

    kept: set[str]
    dropped: dict[str, tuple[str, str]]
    known: bool

    def of(self, key: str) -> tuple[str, str]:
        """Return reason and detail; `kept` for an example."""
        if key in self.kept:
            return KEPT, ""
        return self.dropped.get(key, ("", ""))


class _RunReader:
    def __init__(self, source: RunSource, graph: Graph, notes: Notes) -> None:
        self.source, self.graph, self.notes = source, graph, notes
        self.parts: list[TextPart] = []

    def _committed(self, name: str, what: str) -> Committed | None:
        try:
            found = self.source.run.committed(name)
        except StoreError as error:
            self.notes.tell(str(error))
            return None
        if found is None:
            self.notes.tell(f"{self.source.name}: {what} ({name}) are not there yet: the run has not come so far")
        return found

    def problems(self) -> Iterator[AskedProblem]:
        """Yield the problems of the run."""
        stage = self._committed(naming.PROBLEMS, "the problems")
        for table in () if stage is None else ("train", "evaluation"):
            try:
                for problem in stage.rows(table, Problem):  # type: ignore[union-attr]
                    yield AskedProblem(problem=problem, part="training" if table == "train" else "held out")
            except StoreError as error:
                self.notes.tell(str(error))

    def groups(self) -> Iterator[tuple[str, Group]]:
        """Yield what the samples of each problem say together, with the set that they are of."""
        for node in self.graph.sets.values():
            stage = self.source._quietly(naming.verdicts(node, self.graph))
            if stage is None or "groups" not in stage.tables:
                continue
            try:
                for group in stage.rows("groups", Group):
                    yield f"set {node.name}", group
            except StoreError as error:
                self.notes.tell(str(error))

    def entries(self) -> Iterator[IndexRow]:
        """Yield traces set by set, then answers arm by arm; what is broken is left out and told."""
        for node in self.graph.sets.values():
            try:
                yield from self._set(node)
            except StoreError as error:
                self.notes.tell(str(error))
        for arm in self.graph.arms.values():
            for name in dict.fromkeys([*(naming.measures_of_phase(p) for p in arm.phases[:-1]), naming.measures(arm)]):
                if name != naming.measures(arm) and name not in self.source.run.names():
                    continue
                stage = self._committed(name, f"the answers of the arm {arm.name}")
                try:
                    yield from () if stage is None else self._answers(name.removeprefix("evaluate-"), stage)
                except StoreError as error:
                    self.notes.tell(str(error))

    def _set(self, node: SetNode) -> Iterator[IndexRow]:
        graph = self.graph
        traces = self._committed(naming.traces(node, graph), f"the traces of the set {node.name}")
        if traces is None:
            return
        judged = self._committed(naming.verdicts(node, graph), f"the verdicts of the set {node.name}")
        chosen = self._chosen(node)
        findings = {} if judged is None else {g.problem_key: str(g.finding) for g in judged.rows("groups", Group)}
        verdicts = iter(()) if judged is None else judged.rows("verdicts", Verdict)
        scored = judged is not None and "scores" in judged.tables
        scores: Iterator[Score] = judged.rows("scores", Score) if judged is not None and scored else iter(())
        for part, row, trace, characters in self._traces(traces):
            verdict, score = next(verdicts, None), next(scores, None)
            key = trace.key
            drop, detail = chosen.of(key)
            yield IndexRow(
                part=part, row=row, key=key, problem_key=trace.problem_key, of=f"set {node.name}", who=TEACHER,
                model=trace.teacher, strategy=trace.strategy, finish=trace.finish,
                outcome="not judged" if verdict is None else verdict.outcome,
                cause="" if verdict is None else verdict.cause, doubt="" if verdict is None else doubt_of(verdict),
                drop=drop, drop_detail=detail, finding=findings.get(trace.problem_key, ""),
                extracted=shortened("" if verdict is None else verdict.extracted), sample=trace.sample,
                characters=characters, tokens=trace.completion_tokens, score=None if score is None else score.value,
                parent=trace.parent or "",
            )  # fmt: skip

    def _traces(self, stage: Committed) -> Iterator[tuple[int, int, Trace, int]]:
        """Yield (part, row, trace without its texts, characters of its texts)."""
        import pyarrow.compute as pc

        for name, table in _tables(stage, "traces", [*_OF_TRACE, "reasoning", "answer"]):
            number = self._part(stage, name, "Trace")
            lengths = pc.add(pc.utf8_length(table["reasoning"]), pc.utf8_length(table["answer"])).to_pylist()
            light = table.drop_columns(["reasoning", "answer"]).to_pylist()
            for row, (fields, length) in enumerate(zip(light, lengths, strict=True)):
                yield number, row, Trace(**fields, reasoning="", answer=""), length

    def _part(self, stage: Committed, name: str, record: str) -> int:
        self.parts.append(TextPart(path=str((stage.path / name).resolve()), record=record))
        return len(self.parts) - 1

    def _chosen(self, node: SetNode) -> _Fates:
        stage = self._committed(naming.examples(node, self.graph), f"the examples of the set {node.name}")
        if stage is None:
            return _Fates(set(), {}, known=False)
        kept = {key for _, table in _tables(stage, "examples", ["trace_key"]) for key in table["trace_key"].to_pylist()}
        dropped = {drop.key: (drop.reason, drop.detail) for drop in stage.rows("dropped", Drop)}
        return _Fates(kept, dropped, known=True)

    def _answers(self, name: str, stage: Committed) -> Iterator[IndexRow]:
        import pyarrow.compute as pc

        for table in stage.tables:
            of = f"arm {name}" + (f" ({PROMPTS[table]})" if table in PROMPTS and len(stage.tables) > 1 else "")
            for file, found in _tables(stage, table, None):
                number = self._part(stage, file, "Measure")
                lengths = pc.add(pc.utf8_length(found["reasoning"]), pc.utf8_length(found["answer"])).to_pylist()
                for row, (fields, length) in enumerate(zip(found.to_pylist(), lengths, strict=True)):
                    measure = Measure(**fields)
                    yield IndexRow(
                        part=number, row=row, key=answer_key(measure), problem_key=measure.problem_key, of=of,
                        who=STUDENT, model=measure.student, strategy=measure.prompt, finish=measure.finish,
                        outcome=measure.outcome, cause=measure.cause, extracted=shortened(measure.extracted),
                        sample=measure.sample, characters=length, tokens=measure.completion_tokens,
                        looped=measure.looped,
                    )  # fmt: skip


def _tables(stage: Committed, table: str, columns: list[str] | None) -> Iterator[tuple[str, pa.Table]]:
    """Yield each part of a table, its bytes compared with the digest in the manifest."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for name in stage.parts(table):
        yield name, pq.read_table(pa.BufferReader(stage.read(name)), columns=columns)


def answer_key(measure: Measure) -> str:
    """Return the content key of a student's answer: another text is another answer."""
    return content_key(
        "answer", measure.student, measure.prompt, measure.problem_key, measure.sample, measure.reasoning,
        measure.answer,
    )  # fmt: skip


def doubt_of(verdict: Verdict) -> str:
    """Return where checks of one answer disagree: what the rules said against the judge."""
    if verdict.rules and verdict.judge and verdict.rules != verdict.judge:
        return "judge against rules"
    return ""


def shortened(text: str | None) -> str:
    """Return a final answer as the list shows it."""
    line = " ".join((text or "")[: 4 * EXTRACTED].split())
    return line if len(line) <= EXTRACTED else line[: EXTRACTED - 1] + "…"
