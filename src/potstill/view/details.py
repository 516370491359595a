"""One response in full, as its page shows it: steps, what the checks say of each, where its answer was found."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from potstill.errors import StoreError
from potstill.pipeline import naming
from potstill.records import Measure, Score, Trace, Verdict
from potstill.text import is_looping, repeated_share
from potstill.verify.steps.arithmetic import check_steps
from potstill.verify.steps.segment import Span, segment
from potstill.view.index import Index
from potstill.view.of_runs import RunSource
from potstill.view.sources import Opened
from potstill.view.texts import ResponseTexts

STEPS = 60
"""Steps of one answer of the server; a page asks for more as it goes down."""
MOST_STEPS = 500
STRIP = 400
"""Steps whose findings a page shows at a glance: the first letter of each, `r`, `w` or `u`."""
CHECKED_CHARACTERS = 400_000
"""Reasoning that is longer is not recomputed: the page says so."""
SHOWN_STEP = 20_000
"""Characters of one step, and of an answer, that are sent; the rest is said to be there."""
OFTEN = 3
"""So many equal steps are a loop; each but the first is marked."""
_HELD = 64


def capped(text: str, most: int = SHOWN_STEP) -> dict[str, Any]:
    """Return a text as it is sent: `text`, and how many characters were left out."""
    return {"text": text[:most], "left_out": max(0, len(text) - most)}


class Details:
    """Makes the pages of single responses and of problems, from an index and what was opened."""

    def __init__(self, index: Index, texts: ResponseTexts, sources: Sequence[Opened]) -> None:
        self.index, self.texts = index, texts
        self.sources = {source.name: source for source in sources}
        self._cut = lru_cache(_HELD)(self._steps)

    def response(self, number: int, begin: int = 0, count: int = STEPS) -> dict[str, Any]:
        """Return a response with the steps from `begin`; at most `MOST_STEPS` of them.

        Raises:
            DataError: there is no such response.
            StoreError: its text is gone.
        """
        row = self.index.row(number)
        record = self.texts.record(number)
        cut = self._cut(number)
        verdict = self._verdict(row, record)
        found = verdict.get("extracted") if verdict else None
        return {
            **{name: row[name] for name in ("key", "run", "of", "who", "problem", "outcome", "cause", "drop",
               "drop_detail", "finding", "doubt", "domain", "difficulty", "score", "characters", "looped", "parent")},
            "row": number, "meta": _meta(record), "verdict": verdict,
            "answer": {**capped(record.answer), "characters": len(record.answer)},
            "extracted": self._place(found, record),
            "steps": self._shown(record, cut, begin, min(count, MOST_STEPS), self._step_scores(row, record)),
        }  # fmt: skip

    def steps_of(self, number: int) -> tuple[str, ...]:
        """Return the steps of a response whole: those of its reasoning, or of its answer where it has none."""
        record = self.texts.record(number)
        text = _solution(record)
        return tuple(text[span.start : span.end] for span in segment(text))

    def _steps(self, number: int) -> dict[str, Any]:
        text = _solution(self.texts.record(number))
        spans = segment(text)
        steps = [text[span.start : span.end] for span in spans]
        checked = None if len(text) > CHECKED_CHARACTERS else check_steps(steps)
        counts = Counter(step.strip() for step in steps)
        seen: set[str] = set()
        repeats = []
        for step in steps:
            bare = step.strip()
            repeats.append(counts[bare] >= OFTEN and bare in seen)
            seen.add(bare)
        tail = text[-200_000:]
        return {
            "spans": spans, "checked": checked, "repeats": repeats, "share": repeated_share(tail),
            "looping": is_looping(text),
        }  # fmt: skip

    def _shown(
        self, record: Trace | Measure, cut: dict[str, Any], begin: int, count: int, scores: dict[str, Any] | None
    ) -> dict[str, Any]:
        text, spans = _solution(record), cut["spans"]
        each = scores["steps"] if scores and len(scores["steps"]) == len(spans) else ()
        checked = cut["checked"]
        said = Counter(step.outcome for step in checked.steps) if checked else Counter[str]()
        rows = []
        for place in range(begin, min(begin + count, len(spans))):
            span: Span = spans[place]
            row: dict[str, Any] = {"number": place, **capped(text[span.start : span.end])}
            if checked is not None:
                row |= asdict(checked.steps[place])
            if each:
                row["score"] = each[place]
            if cut["repeats"][place]:
                row["repeated"] = True
            rows.append(row)
        return {
            "of": "reasoning" if record.reasoning.strip() else "answer", "total": len(spans), "begin": begin,
            "rows": rows, "checked": checked is not None, "scores": scores,
            "signs": "".join(step.outcome[0] for step in checked.steps[:STRIP]) if checked else "",
            "first_wrong": None if checked is None else checked.first_wrong_step, "counts": dict(said),
            "repeated_share": round(cut["share"], 3), "looping": cut["looping"],
        }  # fmt: skip

    def _place(self, extracted: str | None, record: Trace | Measure) -> dict[str, Any] | None:
        """Return where the extracted answer stands last: in the answer, else in the reasoning."""
        if not extracted:
            return None
        for name in ("answer", "reasoning"):
            text = getattr(record, name)
            at = text.rfind(extracted)
            if at >= 0:
                start, long = _units(text[:at]), _units(extracted)
                return {"text": extracted[:2_000], "in": name, "start": start, "end": start + long}
        return {"text": extracted[:2_000], "in": "", "start": 0, "end": 0}

    def _verdict(self, row: dict[str, Any], record: Trace | Measure) -> dict[str, Any] | None:
        if isinstance(record, Measure):
            return {"check": "answer", "outcome": record.outcome, "cause": record.cause, "extracted": record.extracted}
        found = self._beside(row, "verdicts", Verdict)
        if found is None:
            return None
        its = asdict(found)
        del its["trace_key"]
        return {name: value[:4_000] if isinstance(value, str) else value for name, value in its.items()}

    def _step_scores(self, row: dict[str, Any], record: Trace | Measure) -> dict[str, Any] | None:
        score = None if isinstance(record, Measure) else self._beside(row, "scores", Score)
        if score is None:
            return None
        return {"model": score.model, "kind": score.kind, "value": score.value, "steps": list(score.steps),
                "reason": score.reason}  # fmt: skip

    def _beside(self, row: dict[str, Any], table: str, record: type[Any]) -> Any:  # noqa: ANN401 - a record of `record`
        """Return what a table of the stage `verdicts` says of a trace; its rows are those of the traces, in order."""
        source = self.sources.get(row["run"])
        if not isinstance(source, RunSource):
            return None
        try:
            graph = source.graph
            node = graph.sets[row["of"].removeprefix("set ")]
            stage = source.run.committed(naming.verdicts(node, graph))
            if stage is None or not stage.parts(table):
                return None
            return _row_of(stage.path, tuple(stage.parts(table)), record, row["key"], _ordinal(self.index, row))
        except (StoreError, KeyError):
            return None

    def problem(self, number: int) -> dict[str, Any]:
        """Return a problem with its groups and the rows of all its responses.

        Raises:
            DataError: there is no such problem.
        """
        from potstill.view.index import Query

        its = self.index.problem(number)
        query = Query(problem=number, limit=400)
        rows = self.index.chosen(query).to_pylist()
        return {
            **its, "number": number, "question": capped(its["question"]), "groups": self.index.groups_of(its["key"]),
            "responses": self.index.shown(rows[:400]), "total": len(rows), "form": _form(its),
        }  # fmt: skip

    def sent(self, number: int) -> dict[str, Any]:
        """Return the messages of the request as they were sent, and the body that came back, where a ledger has them.

        What cannot be told has a `note` that says why.
        """
        from potstill.view.sent import sent

        row, record = self.index.row(number), self.texts.record(number)
        source = self.sources.get(row["run"])
        if not isinstance(source, RunSource) or isinstance(record, Measure):
            return {"messages": [], "raw": "", "note": "only a run's teacher has requests that were kept"}
        return sent(source, row["of"].removeprefix("set "), record)

    def trained(self, number: int) -> dict[str, Any]:
        """Return the pieces of a response as a student is trained on them, each with its segment and its weight."""
        from potstill.view.sent import pieces

        row, record = self.index.row(number), self.texts.record(number)
        source = self.sources.get(row["run"])
        if not isinstance(source, RunSource):
            return {"pieces": [], "note": "only a run has a student"}
        return pieces(source, self.index.problem(row["problem"])["question"], record)


def _units(text: str) -> int:
    """Return the length of a text as a browser counts it: in units of UTF-16."""
    return len(text.encode("utf-16-le", "replace")) // 2


def _solution(record: Trace | Measure) -> str:
    return record.reasoning if record.reasoning.strip() else record.answer


def _meta(record: Trace | Measure) -> dict[str, Any]:
    its = {name: value for name, value in asdict(record).items() if name not in ("reasoning", "answer")}
    its["reasoning_characters"] = len(record.reasoning)
    return {name: value[:2_000] if isinstance(value, str) else value for name, value in its.items()}


def _form(problem: dict[str, Any]) -> str:
    """Return how the gold is read: the kind of answer, or the one that the gold itself tells."""
    from potstill.verify.kinds import read_gold

    if problem["gold"] is None or problem["answer_kind"] != "auto":
        return str(problem["answer_kind"])
    return str(read_gold(problem["gold"], "auto", ()).kind)


def _ordinal(index: Index, row: dict[str, Any]) -> int:
    """Return the place of a trace in its table: rows of the parts before it, and its own."""
    path = Path(index.parts[row["part"]].path)
    first = row["part"]
    while first > 0 and Path(index.parts[first - 1].path).parent == path.parent:
        first -= 1
    number = int(path.stem.rpartition("-")[2])
    return sum(_rows_in(index.parts[first + before].path) for before in range(number)) + int(row["row"])


@lru_cache(4096)
def _rows_in(path: str) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows)


@lru_cache(6)
def _part(path: str) -> Any:  # noqa: ANN401 - an Arrow table
    import pyarrow.parquet as pq

    return pq.read_table(path, use_threads=False)


def _row_of(folder: Path, parts: tuple[str, ...], record: type[Any], key: str, ordinal: int) -> Any:  # noqa: ANN401
    """Return the row of a table that is of the trace `key`, looked for where its order says and nowhere else."""
    for name in parts:
        rows = _rows_in(str(folder / name))
        if ordinal < rows:
            found = _part(str(folder / name)).slice(ordinal, 1).to_pylist()[0]
            return record(**found) if found["trace_key"] == key else None
        ordinal -= rows
    return None


def as_json(value: object) -> bytes:
    """Return JSON as the server sends it; half characters become U+FFFD."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")
