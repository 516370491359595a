"""What differs between the curated sets of two runs, trace by trace, and why: `potstill diff`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from potstill.errors import PotstillError
from potstill.pipeline.differences import differences
from potstill.records import Drop, Example
from potstill.store import Committed, Run

EXAMPLES = "examples"
ABSENT = "no such trace"
"""Of a run that neither kept nor dropped a trace: its teacher, strategy or problems are others."""


@dataclass(frozen=True, kw_only=True)
class SetChange:
    """A trace that only one of two sets has, or that both have with another text; `reason` is why the other has not."""

    trace_key: str
    problem_key: str
    side: str
    """`first`, `second`, or `both` where the text differs."""
    reason: str
    detail: str
    question: str

    def row(self) -> dict[str, Any]:
        """Return the change as a row of a file."""
        return {
            "trace": self.trace_key, "problem": self.problem_key, "in": self.side, "reason": self.reason,
            "detail": self.detail, "question": self.question,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class SetDifference:
    """How many traces each of two sets has, how many both have, what differs, and which settings are others."""

    first: int
    second: int
    both: int
    moved: bool
    """Whether what both have stands in another order."""
    settings: list[str]
    changes: list[SetChange]

    def lines(self, names: tuple[str, str]) -> Iterator[str]:
        """Yield what is printed."""
        yield f"{names[0]}: {self.first:,} examples; {names[1]}: {self.second:,}; in both: {self.both:,}" + (
            ", in another order" if self.moved else ""
        )
        yield f"settings: {'; '.join(self.settings) or 'the same'}"
        titles = {"first": f"only {names[0]}", "second": f"only {names[1]}", "both": "both, with another text"}
        for side, title in titles.items():
            counts = Counter(change.reason for change in self.changes if change.side == side)
            other = names[1] if side == "first" else names[0]
            for reason, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
                yield f"  {title}: {count:,}" + (f" ({other}: {reason})" if reason else "")


def difference(one: Path, other: Path, name: str = EXAMPLES) -> SetDifference:
    """Compare the committed sets of two runs; `name` is what the set's examples are called in both.

    Texts are compared, and held only as keys.

    Raises:
        PotstillError: a run has no such set.
    """
    sets = [_committed(path, name) for path in (one, other)]
    kept = [_kept(committed) for committed in sets]
    dropped = [{drop.key: drop for drop in committed.rows("dropped", Drop)} for committed in sets]
    changes: list[SetChange] = []
    for side, mine, theirs, drops in (
        ("first", kept[0], kept[1], dropped[1]),
        ("second", kept[1], kept[0], dropped[0]),
    ):
        for key, (_, problem_key, question) in mine.items():
            if key not in theirs:
                drop = drops.get(key)
                changes.append(
                    SetChange(
                        trace_key=key, problem_key=problem_key, side=side, question=question,
                        reason=drop.reason if drop else ABSENT, detail=drop.detail if drop else "",
                    )
                )  # fmt: skip
    both = [key for key in kept[0] if key in kept[1]]
    changes += [
        SetChange(
            trace_key=key, problem_key=kept[0][key][1], side="both", reason="", detail="", question=kept[0][key][2]
        )
        for key in both if kept[0][key][0] != kept[1][key][0]
    ]  # fmt: skip
    in_other = [key for key in kept[1] if key in kept[0]]
    return SetDifference(
        first=len(kept[0]), second=len(kept[1]), both=len(both), moved=both != in_other,
        settings=differences(sets[0].manifest["settings"], dict(sets[1].manifest["settings"])), changes=changes,
    )  # fmt: skip


def _committed(path: Path, name: str) -> Committed:
    found = Run(path).committed(name)
    if found is None or EXAMPLES not in found.tables:
        raise PotstillError(f"{path} has no curated set {name!r}: run it until there, or name another with --set")
    return found


def _kept(committed: Committed) -> dict[str, tuple[int, str, str]]:
    """Return trace -> (a hash of its text, its problem, the question), in the order of training."""
    return {
        row.trace_key: (hash((row.question, row.reasoning, row.answer)), row.problem_key, row.question)
        for row in committed.rows(EXAMPLES, Example)
    }
