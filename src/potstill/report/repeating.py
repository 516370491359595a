"""What one needs to repeat a run: its graph, its resolved recipe and the versions it was made with."""

from __future__ import annotations

from potstill.report import nodes
from potstill.report.display import visible
from potstill.report.facts import ReportFacts
from potstill.report.nodes import Column, Node, TableNode


def repeating(facts: ReportFacts) -> tuple[Node, ...]:
    """Return the graph, the resolved recipe and the versions."""
    rows = tuple((visible(name, 80), visible(version, 200)) for name, version in facts.versions.items())
    graph = (nodes.Code("The graph", visible(facts.graph, 20_000)),) if facts.graph else ()
    return (
        *graph,
        nodes.Code("The resolved recipe", visible(facts.recipe_yaml, 200_000)),
        TableNode("Versions", (Column("what"), Column("version")), rows),
    )
