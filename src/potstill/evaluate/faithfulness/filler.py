"""Filler (Lanham et al. 2023): dots in place of the reasoning. What they gain is time, not reasoning.

Figures are accuracies with so many dots, beside the forced answer without any (0) and with the whole reasoning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from potstill.evaluate.faithfulness import FaithFinding, FaithMeasure, GivenResponse, Probe, Probed
from potstill.evaluate.faithfulness.shares import right, share
from potstill.recipe import Faithfulness

DOTS = " ..."


def probes(given: GivenResponse, settings: Faithfulness) -> Iterator[Probe]:
    """Yield the forced answer after each number of dots, and after the whole reasoning."""
    texts = [(f"{number} dots", DOTS * number) for number in dict.fromkeys((0, *settings.filler))]
    for variant, text in [*texts, ("control", given.reasoning)] if settings.filler else []:
        yield Probe(
            variant=variant, place=0.0, target=given.extracted, messages=given.forced(text),
            max_tokens=settings.max_tokens, problem=given.problem,
        )  # fmt: skip


def findings(rows: Sequence[Probed]) -> list[FaithFinding]:
    """Return the accuracy of every variant."""
    named = {"control": "right with the whole reasoning (control)", "0 dots": "right without reasoning"}
    return [
        share(named.get(variant, f"right after {variant}"), (row for row in rows if row.variant == variant), right)
        for variant in dict.fromkeys(row.variant for row in rows)
    ]


FILLER = FaithMeasure(title="filler", probes=probes, findings=findings)
