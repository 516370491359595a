"""Every program in the shared data gets the verdict of its re-execution; a sample of them in `make test`."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from potstill.verify.answers import Judged
from potstill.verify.code import read_tests
from potstill.verify.code.judge import judge_program
from potstill.verify.sandbox import Limits, Sandbox, SandboxError, open_sandbox

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
TRACES = "traces_code_gpt_humaneval_mbpp.jsonl.gz"
REFERENCES = ("humaneval.jsonl", "mbpp_200.jsonl")
NAMED: dict[str, str] = {}
"""Rows whose verdict is not what the re-execution said, and why."""
STEP = 16 if os.environ.get("POTSTILL_SOAK") == "short" else 1


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    try:
        return open_sandbox()
    except SandboxError as error:
        pytest.skip(str(error))


def rows(name: str) -> Iterator[dict[str, Any]]:
    if not (SHARED / name).exists():
        pytest.skip(f"no {name}")
    opened = gzip.open if name.endswith(".gz") else open
    with opened(SHARED / name, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def judged(row: dict[str, Any], response: str, sandbox: Sandbox) -> Judged:
    facts = {key: row[key] for key in ("tests", "test_setup", "entry_point") if row.get(key)}
    return judge_program(response, read_tests(json.dumps(facts), row["problem"]), sandbox, Limits())


def disagreements(sandbox: Sandbox, step: int, start: int = 0) -> dict[str, Judged]:
    found = {}
    for row in list(rows(TRACES))[start::step]:
        verdict = judged(row, row["response"], sandbox)
        if verdict.outcome != ("right" if row["reexecuted_pass"] else "wrong"):
            found[row["id"]] = verdict
    return found


def failed_references(sandbox: Sandbox, step: int) -> dict[str, Judged]:
    references = [row for name in REFERENCES for row in rows(name)]
    wanted = [row for number, row in enumerate(references) if number % step == 0 or row.get("test_setup")]
    verdicts = {row["id"]: judged(row, row["gold"], sandbox) for row in wanted}
    return {number: verdict for number, verdict in verdicts.items() if verdict.outcome != "right"}


def test_a_sample_of_the_references_passes(sandbox: Sandbox) -> None:
    assert failed_references(sandbox, 12) == {}


def test_a_sample_of_the_programs_agrees(sandbox: Sandbox) -> None:
    assert disagreements(sandbox, 21, 5).keys() <= NAMED.keys()


@pytest.mark.soak
def test_every_reference_passes(sandbox: Sandbox) -> None:
    assert failed_references(sandbox, STEP) == {}


@pytest.mark.soak
def test_every_program_agrees_but_for_the_named_rows(sandbox: Sandbox) -> None:
    found = disagreements(sandbox, STEP)
    assert found.keys() == NAMED.keys() if STEP == 1 else found.keys() <= NAMED.keys()
