"""Files of rows judged outside a run: `potstill verify` and `potstill steps`."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from potstill.durable import writing
from potstill.errors import DataError, PotstillError, nearest
from potstill.problems.cells import Row
from potstill.problems.choices import Golds, Options, read_options
from potstill.problems.columns import GOLD_TYPES, scalar, tests_of
from potstill.problems.rows import FileRows
from potstill.progress import Progress
from potstill.recipe import Checks, Numbers, Policy
from potstill.records import Problem
from potstill.text import split_response
from potstill.verify import Judged, judge, settled
from potstill.verify.answer_kinds import ANSWER_KINDS
from potstill.verify.answers import judge_answer, judge_response

CHUNK = 512
_STATES = re.compile(r"boxed|\n|(?:[^\W\d_]{2,20}\W{1,9}){3}")
"""`The answer is 4`, `\\boxed{4}`: a prediction that is a text with an answer in it rather than an answer."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One row to judge: a bare `prediction`, or a `response` to extract the answer from."""

    id: Any
    problem: Problem
    prediction: str | None
    response: str | None
    policy: Policy


def verify_file(name: str, out: str, *, without_sandbox: bool) -> str:
    """Judge every row of a file into `out`, in order, and return one line that counts the verdicts."""
    held = FileRows(name=name, data=Path(), where="FILE")
    golds = Golds(None, lambda: (_judged(row, f"{name}: {place}") for place, row in held), "write the letter")

    def rows_of_file() -> Iterator[Asked]:
        return (_asked(row, f"{name}: {place}", golds) for place, row in held)

    told = settled(Checks(), (row.problem for row in rows_of_file())).policy.numbers
    if told.decimal == "comma":
        print(
            f"verify: the golds of {name} write decimals with a comma; policy.numbers.decimal says otherwise",
            file=sys.stderr,
        )
    asked = (_in_notation(row, told) for row in rows_of_file())
    counts: Counter[str] = Counter()

    def judged(row: Asked) -> dict[str, Any]:
        started = time.perf_counter()
        found = _judge(row, without_sandbox)
        milliseconds = round((time.perf_counter() - started) * 1000, 3)
        return {
            "id": row.id, "verdict": found.outcome, "cause": found.cause, "method": found.method,
            "extracted": found.extracted, "milliseconds": milliseconds, "reason": found.reason,
            "answer_form": found.answer_form, "gold_form": found.gold_form,
        }  # fmt: skip

    def rows() -> Iterator[dict[str, Any]]:
        for row in _side_by_side(judged, asked):
            counts[row["verdict"]] += 1
            yield row

    write_rows(Path(out), rows(), name, "verify")
    shown = ", ".join(f"{counts[outcome]:,} {outcome}" for outcome in ("right", "wrong", "unknown"))
    return f"{counts.total():,} rows: {shown}; written to {out}"


def _in_notation(row: Asked, told: Numbers) -> Asked:
    declared = row.policy.numbers.decimal != "auto"
    return row if declared else dataclasses.replace(row, policy=dataclasses.replace(row.policy, numbers=told))


def steps_file(name: str, out: str) -> str:
    """Check the arithmetic of every row's steps into `out` and return one line that counts what was found."""
    from potstill.verify.steps import steps_of_rows

    faulty = 0

    def rows() -> Iterator[dict[str, Any]]:
        nonlocal faulty
        found = steps_of_rows(
            (f"{name}: {place}", row) for place, row in FileRows(name=name, data=Path(), where="FILE")
        )
        for row in found:
            faulty += row["first_wrong_step"] is not None
            yield row

    count = write_rows(Path(out), rows(), name, "steps")
    return f"{count:,} rows: {faulty:,} with a wrong step, {count - faulty:,} without; written to {out}"


def write_rows(out: Path, rows: Iterable[Mapping[str, Any]], name: str, what: str) -> int:
    """Write rows as JSON lines under a temporary name, put the whole file in place, and return their number."""
    if out.is_dir() or not out.parent.is_dir():
        raise PotstillError(f"--out {out}: name a file in a folder that is there")
    if out.exists() and Path(name).exists() and out.samefile(name):
        raise PotstillError(f"--out {out} is the file to read: name another")
    temporary = out.with_name(f"{out.name}.tmp")
    progress, count = Progress(what, None, "rows"), 0
    with writing(out), temporary.open("w", encoding="utf-8") as file:
        for row in progress.track(rows):
            file.write(json.dumps(row, ensure_ascii=True) + "\n")
            count += 1
        file.flush()
        os.fsync(file.fileno())
    progress.close()
    with writing(out):
        temporary.replace(out)
    return count


def _side_by_side(judged: Callable[[Asked], dict[str, Any]], asked: Iterator[Asked]) -> Iterator[dict[str, Any]]:
    """Judge in order on all cores, a bounded number of rows in memory."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        while chunk := list(itertools.islice(asked, CHUNK)):
            yield from threads.map(judged, chunk)


def _judge(row: Asked, without_sandbox: bool) -> Judged:
    problem, checks = row.problem, Checks(policy=row.policy)
    if row.prediction is not None and problem.answer_kind != "code":
        asked = (row.prediction, problem.gold or "", problem.answer_kind, problem.choices, row.policy)
        bare = judge_answer(*asked, seconds=checks.seconds)
        if bare.outcome == "right" or not _STATES.search(row.prediction):
            return bare
        stated = judge_response(*asked, seconds=checks.seconds)
        return stated if stated.outcome == "right" else bare
    text = row.prediction if row.response is None else split_response(row.response).answer
    return judge(problem, text or "", checks, without_sandbox=without_sandbox)


def _asked(row: Row, at: str, golds: Golds) -> Asked:
    if row.get("id") is None:
        raise DataError(f"{at} has no id")
    texts = {name: row.get(name) for name in ("prediction", "response") if row.get(name) is not None}
    if len(texts) != 1:
        raise DataError(f"{at}: give it a `prediction` (a bare answer) or a `response` (a text to extract from), one")
    texts = {name: scalar(text, name, at) or "" for name, text in texts.items()}
    options, gold, kind = _judged(row, at)
    question = row.get("problem") or ""
    if not isinstance(question, str):
        raise DataError(f"{at}: `problem` is no text")
    problem = Problem(
        id=str(row["id"]), question=question, choices=options.texts, answer_kind=kind,
        gold=golds.letter(options, gold, kind, at),
        facts=tests_of(row, at) if kind == "code" else "{}",
    )  # fmt: skip
    return Asked(
        id=row["id"],
        problem=problem,
        prediction=texts.get("prediction"),
        response=texts.get("response"),
        policy=_policy(row.get("policy"), at),
    )


def _judged(row: Row, at: str) -> tuple[Options, str | None, str]:
    """Return the options and the gold of a row, and how it compares."""
    kind = _kind(row, at) or ("code" if row.get("tests") else "auto")
    return read_options(row.get("choices"), at, scalar), scalar(row.get("gold"), "gold", at), kind


def _kind(row: Row, at: str) -> str | None:
    kind = row.get("answer_kind")
    if kind is None:
        return None
    if isinstance(kind, str) and (kind in ANSWER_KINDS or kind in GOLD_TYPES):
        return kind if kind in ANSWER_KINDS else GOLD_TYPES[kind]
    raise DataError(f"{at}: {ANSWER_KINDS.unknown(str(kind))}")


def _policy(given: object, at: str) -> Policy:
    """Return a row's conventions; a text there is the data's own note on the row and says nothing to us."""
    if given is None or isinstance(given, str):
        return Policy()
    names = [item.name for item in dataclasses.fields(Policy)]
    if not isinstance(given, dict):
        raise DataError(f"{at}: `policy` is neither an object of conventions nor a note (known: {', '.join(names)})")
    from pydantic import TypeAdapter, ValidationError

    for name in given:
        if name not in names:
            raise DataError(f"{at}: policy.{name}: no such convention{nearest(str(name), names)}")
    try:
        return TypeAdapter(Policy).validate_json(json.dumps(given))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"][:1]))
        raise DataError(f"{at}: policy.{where}: {first['msg'].lower()}") from None
