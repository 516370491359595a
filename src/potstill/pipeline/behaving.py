"""What of a run's reasonings goes to its report: behaviours of teachers and students, and what a listener said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

from potstill.evaluate.behaviours import BehaviourCounts, behaviours_of
from potstill.graph import Graph, SetNode
from potstill.pipeline import naming
from potstill.records import Example, Measure, Problem, Trace
from potstill.report import ListenedFacts
from potstill.store import Committed

REASONINGS = 300
"""Of each teacher, set and student, at most, whose behaviours are counted."""


def behaved_in(
    graph: Graph, stages: Mapping[str, Committed], answered: Mapping[str, Sequence[Measure]]
) -> list[BehaviourCounts]:  # fmt: skip
    """Return what the first reasonings of teachers, examples and students do, where faithfulness is asked for."""
    asked = {arm.name for arm in graph.arms.values() if arm.recipe.evaluate.faithfulness is not None}
    if not asked:
        return []
    problems, found = stages[naming.PROBLEMS], []
    for node in graph.sets.values():
        if node.traces_of == node.name:
            traces = list(islice(stages[naming.traces(node, graph)].rows("traces", Trace), REASONINGS))
            keys = {trace.problem_key for trace in traces}
            train = problems.rows("train", Problem)
            questions = {problem.key: problem.statement for problem in train if problem.key in keys}
            texts = [(questions.get(one.problem_key, ""), one.reasoning, one.answer) for one in traces]
            found.append(behaviours_of(f"traces of {node.name}", texts))
        examples = islice(stages[naming.examples(node, graph)].rows("examples", Example), REASONINGS)
        shown = ((one.question, one.reasoning, one.answer) for one in examples)
        found.append(behaviours_of(f"examples of {node.name}", shown))
    held_out = {problem.key: problem.statement for problem in problems.rows("evaluation", Problem)}
    for name in sorted(asked & answered.keys(), key=list(answered).index):
        own = answered[name][:REASONINGS]
        said = [(held_out.get(one.problem_key, ""), one.reasoning, one.answer) for one in own]
        found.append(behaviours_of(name, said))
    return found


def listened_to(node: SetNode, graph: Graph, stages: Mapping[str, Committed]) -> list[ListenedFacts]:
    """Return what a student said of the traces of a set, nothing where none reads them."""
    listener = node.recipe.checks.listener
    if listener is None:
        return []
    counts = stages[naming.listened(node, graph)].counts
    return [ListenedFacts(listener=listener, traces=counts["listened"], unread=counts["unread"], **counts["means"])]
