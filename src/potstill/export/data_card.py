"""The card of a data set of traces: who wrote them, under which terms, how they were judged, and what was left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from potstill.export.card import plain

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
"""Rows below which the Hub calls a data set so large."""


@dataclass(frozen=True, kw_only=True)
class DataCard:
    """What the card says. `terms` is (what the teacher's terms say of training, where that stands), if that is known.

    `problems` and `traces` are funnels: how many were read, how many are kept, why the others were left out.
    `overlap` is (held-out problems whose template occurs in training, held-out problems that have one).
    """

    name: str
    teacher: str
    terms: tuple[str, str] | None
    sources: str
    languages: Sequence[str]
    rows: int
    problems: tuple[int, int, Mapping[str, int]]
    traces: tuple[int, int, Mapping[str, int]]
    overlap: tuple[int, int] | None
    seed: int
    potstill: str


def data_card(card: DataCard) -> str:
    """Return README.md in the Hub's form: a YAML head, then provenance and funnels as tables."""
    import yaml

    head: dict[str, Any] = {"license": "other", "license_name": "as-the-teachers-terms-say", "pretty_name": card.name}
    if card.languages:
        head["language"] = list(card.languages)
    size = next((name for most, name in SIZES if card.rows < most), "n>1M")
    head |= {
        "task_categories": ["text-generation"], "size_categories": [size],
        "tags": ["potstill", "reasoning", "synthetic"],
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": "data/train.jsonl"}]}],
    }  # fmt: skip
    terms = "not known" if card.terms is None else f"{card.terms[0]} ({card.terms[1]})"
    overlap = (
        "not known" if card.overlap is None
        else f"{card.overlap[0]:,} of {card.overlap[1]:,} held-out problems share a template with training"
    )  # fmt: skip
    rows = {
        "Teacher": card.teacher, "What its terms say of training on its output": terms, "Problems": card.sources,
        "Held-out problems": "none of them is in it; identical questions were dropped from training",
        "Templates that both sides share": overlap, "Recipe": card.name, "Seed": f"{card.seed}",
        "Made with potstill": card.potstill,
    }  # fmt: skip
    table = "\n".join(f"| {title} | {plain(value)} |" for title, value in rows.items())
    return (
        f"---\n{yaml.safe_dump(head, sort_keys=False)}---\n\n# {plain(card.name)}: traces\n\n"
        f"{card.rows:,} lines of problems with reasoning and answer, those that became training examples. Answers were "
        "compared with gold answers; right ones alone are kept unless the table below says otherwise.\n\n"
        f"| provenance | |\n|---|---|\n{table}\n\n"
        f"## What was kept\n\n{_funnel('problems', card.problems)}\n{_funnel('traces', card.traces)}"
    )


def _funnel(what: str, funnel: tuple[int, int, Mapping[str, int]]) -> str:
    read, kept, dropped = funnel
    lines = [f"| {what} | |", "|---|---|", f"| read | {read:,} |"]
    lines += [f"| left out: {plain(reason)} | {number:,} |" for reason, number in sorted(dropped.items())]
    return "\n".join([*lines, f"| kept | {kept:,} |"]) + "\n"
