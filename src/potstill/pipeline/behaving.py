"""What of a run's reasonings goes to its report: behaviours of teachers and students, and what a listener said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from potstill.evaluate.behaviours import BehaviourCounts, behaviours_of
from potstill.graph import Graph, SetNode
from potstill.pipeline import naming
from potstill.records import Example, Measure, Problem, Trace
from potstill.report import ListenedFacts
from potstill.store import Committed

R = TypeVar("R")
REASONINGS = 300
"""Of each teacher, set and student, at most, whose behaviours are counted."""
STRETCH = 10
"""Rows that are read one behind the other: traces stand in the order of their sources, examples in that of training."""


def behaved_in(
    graph: Graph, stages: Mapping[str, Committed], answered: Mapping[str, Sequence[Measure]]
) -> list[BehaviourCounts]:  # fmt: skip
    """Return what reasonings of teachers, examples and students do, where faithfulness is asked for.

    They are taken from all over a table, so that each source has its share of them.
    """
    asked = {arm.name for arm in graph.arms.values() if arm.recipe.evaluate.faithfulness is not None}
    if not asked:
        return []
    problems, found = stages[naming.PROBLEMS], []
    for node in graph.sets.values():
        if node.traces_of == node.name:
            traces = spread(stages[naming.traces(node, graph)], "traces", Trace)
            keys = {trace.problem_key for trace in traces}
            train = problems.rows("train", Problem)
            questions = {problem.key: problem.statement for problem in train if problem.key in keys}
            texts = [(questions.get(one.problem_key, ""), one.reasoning, one.answer) for one in traces]
            found.append(behaviours_of(f"traces of {node.name}", texts))
        examples = spread(stages[naming.examples(node, graph)], "examples", Example)
        shown = ((one.question, one.reasoning, one.answer) for one in examples)
        found.append(behaviours_of(f"examples of {node.name}", shown))
    held_out = {problem.key: problem.statement for problem in problems.rows("evaluation", Problem)}
    for name in sorted(asked & answered.keys(), key=list(answered).index):
        given = answered[name]
        own = [given[at] for at in range(0, len(given), max(1, -(-len(given) // REASONINGS)))]
        said = [(held_out.get(one.problem_key, ""), one.reasoning, one.answer) for one in own]
        found.append(behaviours_of(name, said))
    return found


def spread(stage: Committed, table: str, record: type[R]) -> list[R]:
    """Return at most `REASONINGS` rows of a table: stretches of it at equal distances."""
    total = stage.total(table)
    if total <= REASONINGS:
        return list(stage.rows(table, record))
    stretches = REASONINGS // STRETCH
    starts = [number * total // stretches for number in range(stretches)]
    return [row for start in starts for row in stage.between(table, record, start, start + STRETCH)]


def listened_to(node: SetNode, graph: Graph, stages: Mapping[str, Committed]) -> list[ListenedFacts]:
    """Return what a student said of the traces of a set, nothing where none reads them."""
    listener = node.recipe.checks.listener
    if listener is None:
        return []
    counts = stages[naming.listened(node, graph)].counts
    return [ListenedFacts(listener=listener, traces=counts["listened"], unread=counts["unread"], **counts["means"])]
