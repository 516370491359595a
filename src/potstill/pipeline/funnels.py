"""What became of the traces of a set: rows, tokens and dollars by reason, for the report and `potstill status`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace

from potstill.errors import PotstillError
from potstill.graph import Graph, SetNode
from potstill.models.prices import price_of
from potstill.pipeline import naming
from potstill.recipe import ServedTeacher
from potstill.report.facts import Funnel
from potstill.store import Committed

MOST_REASONS = 4
"""Reasons that a line names."""


def funnel_of(node: SetNode, traces: Committed, chosen: Committed) -> Funnel:
    """Return the funnel of a set. A run of before tokens were counted has none."""
    counts = chosen.counts
    return Funnel(
        read=traces.total("traces"), kept=counts["kept"], dropped=counts["dropped"], by_majority=counts["by_majority"],
        tokens=counts.get("token_counts", {}), dollars=_dollars(node, traces),
    )  # fmt: skip


def _dollars(node: SetNode, traces: Committed) -> float | None:
    """Return what all replies of a set cost at their price; None where nobody was paid by the token."""
    teacher, sampling = node.recipe.teacher, traces.counts.get("sampling")
    if not isinstance(teacher, ServedTeacher) or not sampling:
        return None
    price = None
    with contextlib.suppress(PotstillError):  # nobody knows a price: the tokens are shown all the same
        price = price_of(replace(teacher, spend_at_most=None)).price
    if price is None or not (price.prompt or price.completion):
        return None
    return float(sampling["prompt_tokens"] * price.prompt + sampling["completion_tokens"] * price.completion) / 1e6


def told(graph: Graph, done: Mapping[str, Committed]) -> Iterator[str]:
    """Yield a line for each set whose examples are there: what was kept of how much, and why the rest was not."""
    for node in graph.sets.values():
        names = naming.traces(node, graph), naming.examples(node, graph)
        if any(name not in done for name in names):
            continue
        traces, chosen = (done[name] for name in names)
        funnel = funnel_of(node, traces, chosen)
        yield f"{names[1]}: {_kept(funnel)}; dropped {_dropped(funnel)}"


def _kept(funnel: Funnel) -> str:
    parts = [f"{funnel.kept:,} of {funnel.read:,} traces kept"]
    if funnel.all_tokens:
        parts.append(f"{funnel.tokens.get(Funnel.KEPT, 0):,} of {funnel.all_tokens:,} tokens")
    if funnel.dollars is not None:
        parts.append(f"${funnel.worth(Funnel.KEPT) or 0:,.2f} of ${funnel.dollars:,.2f}")
    return ", ".join(parts)


def _dropped(funnel: Funnel) -> str:
    reasons = sorted(funnel.dropped.items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{number:,} {reason}" for reason, number in reasons[:MOST_REASONS]]
    more = sum(number for _, number in reasons[MOST_REASONS:])
    return ", ".join([*shown, *([f"{more:,} for other reasons"] if more else [])]) or "none"
