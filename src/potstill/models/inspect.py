"""What a ledger holds, for people and for other programs; it may be looked at while a run writes to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from potstill.durable import sync, writing
from potstill.errors import DataError, RecipeError, StoreError, TeacherError
from potstill.lock import is_held
from potstill.models.ledger import Ledger
from potstill.models.ledger_sums import Counts
from potstill.models.prices import Priced, price_of
from potstill.models.requests import Completion
from potstill.progress import clock
from potstill.recipe import ServedTeacher
from potstill.recipe_file import load

LEDGERS = {"completions.sqlite": "teacher", "judge.sqlite": "judge", "students.sqlite": "students"}
"""Files of `RUN/ledger` that hold completions, and whose they are."""
LATEST = 5
ROW_GROUP = 1000


def describe(run: Path) -> str:
    """Return what the ledgers of a run folder hold: counts, tokens, price, failures by kind, the latest completions.

    Raises:
        StoreError: there is no ledger, or it cannot be read.
    """
    return "\n\n".join("\n".join(_of_ledger(run, path)) for path in _ledgers(run))


def show(run: Path, key: str) -> str:
    """Return one completion of a run folder by the start of its key: its facts, reasoning and answer.

    Raises:
        DataError: no completion or several have such a key.
        StoreError: there is no ledger, or it cannot be read.
    """
    found: list[Completion] = []
    for path in _ledgers(run):
        with Ledger(path, write=False) as ledger:
            found += ledger.get_many(ledger.find(key)).values()
    if len(found) != 1:
        keys = ", ".join(completion.key for completion in found[:10])
        raise DataError(
            f"{run}: {len(found)} completions have a key that begins with {key!r} ({keys}): give more of it"
            if found
            else f"{run}: no completion has a key that begins with {key!r}: `potstill ledger {run}` lists the latest"
        )
    return "\n".join(_of_completion(found[0]))


def commit(ledger: Ledger) -> Path:
    """Write all completions to a Parquet file beside the ledger, for programs that read no SQLite; return its path.

    One row a completion in the order they were first written: the columns of the ledger with the body as received.
    Nothing is done when the file is up to date. The ledger stays what counts.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = ledger.path.with_suffix(".parquet")
    columns = [
        *((name, pa.string()) for name in ("key", "model", "finish", "failure")),
        *((name, pa.int64()) for name in ("prompt_tokens", "completion_tokens", "tries")),
        *((name, pa.float64()) for name in ("seconds", "at")),
        ("body", pa.binary()),
    ]
    state = ledger.state()
    schema = pa.schema(columns, metadata={"potstill.state": state})
    if path.is_file() and (pq.read_schema(path).metadata or {}).get(b"potstill.state") == state.encode():
        return path
    temporary = path.with_name(path.name + ".tmp")
    with writing(path):
        with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
            for rows in _batches(ledger):
                writer.write_table(pa.Table.from_pylist(rows, schema))
        sync(temporary)
        temporary.replace(path)
        sync(path.parent)
    return path


def _batches(ledger: Ledger) -> Iterator[list[dict[str, object]]]:
    """Yield rows of about `ROW_GROUP` at a time, fewer where they are long."""
    rows: list[dict[str, object]] = []
    size = 0
    for row in ledger.records():
        rows.append(row)
        size += len(row["body"]) if isinstance(row["body"], bytes) else 0
        if len(rows) >= ROW_GROUP or size > 2**25:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


def _ledgers(run: Path) -> list[Path]:
    paths = [run / "ledger" / name for name in LEDGERS]
    found = [path for path in paths if path.is_file()]
    if not found:
        raise StoreError(f"{run} has no ledger: no server has been asked anything there")
    return found


def _of_ledger(run: Path, path: Path) -> Iterator[str]:
    with Ledger(path, write=False) as ledger:
        counts, latest = ledger.counts(), ledger.latest(LATEST)
    again = counts.requests - counts.rows
    yield f"{LEDGERS[path.name]} ({path}{', being written' if is_held(Path(f'{path}.lock')) else ''})"
    yield f"  completions  {counts.rows:,} ({_list(counts.finishes) or 'none yet'})"
    yield f"  requests     {counts.requests:,}, {again:,} of them again after a fault"
    yield f"  tokens       {counts.prompt_tokens:,} of prompts, {counts.completion_tokens:,} of completions" + (
        f"; {counts.unmetered:,} completions came without a count" if counts.unmetered else ""
    )
    yield f"  price        {_price(run, path, counts)}"
    yield f"  time         {clock(counts.seconds)} of asking"
    yield f"  failures     {_list(counts.failures) or 'none'}"
    for completion in latest:
        said = f"{completion.completion_tokens or 0:,} tokens" if not completion.failure else completion.failure
        yield f"  latest       {completion.key}  {completion.finish}, {said}"


def _price(run: Path, path: Path, counts: Counts) -> str:
    priced = _priced(run, path)
    if priced.price is None:
        return f"unknown ({priced.basis})"
    price = priced.price
    rates = f"${price.prompt:g} and ${price.completion:g} a million tokens" + (
        f", ${price.hour:g} an hour" if price.hour else ""
    )
    return f"${counts.dollars(price):.4f} at {rates} ({priced.basis})"


def _priced(run: Path, path: Path) -> Priced:
    try:
        recipe = load(str(run / "recipe.yaml"))
        if LEDGERS[path.name] == "judge" and recipe.checks.judge is not None:
            # Whether it has a price is asked, not whether a cap lacks one.
            return price_of(replace(recipe.checks.judge, spend_at_most=None), "checks.judge")
        if LEDGERS[path.name] != "teacher" or not isinstance(recipe.teacher, ServedTeacher):
            return Priced(None, "it is not served")
        return price_of(recipe.teacher)
    except (RecipeError, TeacherError) as error:
        return Priced(None, str(error))


def _of_completion(completion: Completion) -> Iterator[str]:
    yield f"key         {completion.key}"
    yield f"finish      {completion.finish}{f': {completion.failure}' if completion.failure else ''}"
    yield f"tokens      {completion.prompt_tokens} of the prompt, {completion.completion_tokens} of the completion"
    yield f"body        {len(completion.raw):,} bytes"
    if completion.reasoning:
        yield f"\n--- reasoning ({completion.reasoning_kind})\n{completion.reasoning}"
    if completion.content:
        yield f"\n--- answer\n{completion.content}"
    if completion.finish in ("refused", "failed"):
        yield f"\n--- body\n{completion.raw.decode('utf-8', 'replace')}"


def _list(counts: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in counts.items())
