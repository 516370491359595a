"""A few held-out problems, with what teacher and students wrote to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from potstill.records import Measure, Problem
from potstill.report import nodes, students
from potstill.report.display import visible
from potstill.report.facts import ReportFacts
from potstill.report.nodes import Node
from potstill.report.students import ArmResult


def side_by_side(facts: ReportFacts, arm_results: Sequence[ArmResult]) -> tuple[Node, ...]:
    """Return the shown problems, each with the first response of everyone."""
    by_key: dict[str, dict[str, Measure]] = {}
    for row in arm_results:
        for measure in row.measures:
            first = by_key.setdefault(measure.problem_key, {}).setdefault(row.name, measure)
            if measure.sample < first.sample:
                by_key[measure.problem_key][row.name] = measure
    return tuple(
        _problem(facts, facts.problems[key], sort, by_key[key])
        for key, sort in students.shown_problems(facts.students, facts.main).items()
        if key in facts.problems
    )


def _problem(facts: ReportFacts, problem: Problem, sort: str, answered: Mapping[str, Measure]) -> nodes.SideBySide:
    key = problem.key
    answers: list[nodes.Answer] = []
    if key in facts.teacher:
        trace = facts.teacher[key]
        note = trace.finish if trace.finish != "stop" else ""
        answers.append(_answer(facts.teacher_name, "", note, trace.reasoning, trace.answer))
    elif problem.solution:
        answers.append(_answer("reference solution", "", "", problem.solution, problem.gold or ""))
    for name, measure in answered.items():
        notes = [f"{measure.completion_tokens:,} tokens"]
        notes += [measure.cause] if measure.cause and not measure.truncated else []
        notes += ["looped"] if measure.looped else []
        mark = "truncated" if measure.truncated else str(measure.outcome)
        answers.append(_answer(name, mark, ", ".join(notes), measure.reasoning, measure.answer))
    gold = "not known" if problem.gold is None else visible(problem.gold, 500)
    question = visible("\n".join([problem.question, *problem.choices]))
    return nodes.SideBySide(sort, question, gold, tuple(answers))


def _answer(who: str, mark: str, note: str, reasoning: str, answer: str) -> nodes.Answer:
    return nodes.Answer(
        who=visible(who, 80), mark=mark, note=note, reasoning=visible(reasoning), answer=visible(answer)
    )
