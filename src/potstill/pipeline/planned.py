"""The plan beside a run: written by `potstill plan`, read by the report, a part of no fingerprint."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from potstill.durable import read_record, to_record, write_durably, writing
from potstill.errors import DamageError

NAME = "plan.json"
LAYOUT = 1
Planned = tuple[float, float, float, str]
"""Value, lower and upper bound, basis."""


def read_plan(run: Path) -> dict[str, Any]:
    """Return the record of a run's plan, nothing where there is none; a damaged one is told and passed over."""
    try:
        found = read_record(run / NAME)
    except DamageError as error:
        print(f"note: {error}: it is passed over", file=sys.stderr)
        return {}
    return found if found.get("layout") == LAYOUT else {}


def write_plan(run: Path, record: Mapping[str, Any]) -> Path:
    """Write the record of a run's plan."""
    with writing(run):
        run.mkdir(parents=True, exist_ok=True)
    write_durably(run / NAME, to_record({**record, "layout": LAYOUT}))
    return run / NAME


def planned_of(record: Mapping[str, Any], stage: str, what: str) -> Planned | None:
    """Return what was planned of a stage: `seconds`, `tokens`, `peak` or `dollars`; None where nothing was."""
    found = (record.get("stages") or {}).get(stage, {}).get(what)
    return None if found is None else (float(found[0]), float(found[1]), float(found[2]), str(found[3]))
