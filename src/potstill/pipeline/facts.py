"""What the report says, read from the sealed stages of a run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping

from potstill.pipeline.settings import teacher_seed
from potstill.pipeline.stages import teacher_name
from potstill.recipe import Recipe, SolutionsTeacher, WorkedTeacher
from potstill.recipe_file import dump
from potstill.records import Example, Group, Measure, Problem, Trace, Verdict
from potstill.report import Funnel, ReportFacts, StageFacts, StudentFacts, shown_problems
from potstill.store import Sealed

ROWS_OF = {"problems": "train", "traces": "traces", "verdicts": "verdicts", "examples": "examples"}


def facts_of(recipe: Recipe, stages: Mapping[str, Sealed]) -> ReportFacts:
    """Gather everything a report needs; streams the traces and holds only counts and the shown ones."""
    students = [_student(name, stages) for name in ("base", "answers", "traces") if f"evaluate-{name}" in stages]
    shown = shown_problems(students)
    problems = {p.key: p for p in stages["problems"].rows("evaluation", Problem) if p.key in shown}
    kept = Counter[int]()
    difficulties = Counter[float]()
    for example in stages["examples"].rows("examples", Example):
        kept[len(example.reasoning) + len(example.answer)] += 1
        if example.difficulty is not None:
            difficulties[example.difficulty] += 1
    verdicts, outages, opinions = _verdicts(stages)
    counts = stages["problems"].counts
    kept_problems = counts["train"] + counts["evaluate"]
    return ReportFacts(
        name=recipe.name,
        recipe_yaml=dump(recipe),
        versions=stages["examples"].clock.get("versions", {}),
        students=students,
        stages=[_stage(name, sealed) for name, sealed in stages.items()],
        problem_funnel=Funnel(kept_problems + sum(counts["dropped"].values()), kept_problems, counts["dropped"]),
        trace_funnel=_funnel(stages),
        verdicts=verdicts,
        opinions=opinions,
        outages=outages,
        groups=list(stages["verdicts"].rows("groups", Group)),
        doubted_gold=recipe.checks.doubted_gold,
        lengths=kept,
        difficulties=difficulties,
        template_overlap=_templates(stages["problems"]),
        problems=problems,
        teacher=_teacher(recipe, problems, stages),
        teacher_name=teacher_name(recipe),
    )


def _templates(problems: Sealed) -> tuple[int, int] | None:
    """Return (held-out problems whose template occurs in training, held-out problems that have one)."""
    share = problems.counts["template_share"]
    asked = sum(1 for problem in problems.rows("evaluation", Problem) if problem.template)
    return None if share is None else (round(share * asked), asked)


def _student(name: str, stages: Mapping[str, Sealed]) -> StudentFacts:
    measured = stages[f"evaluate-{name}"]
    measures = [m for table in measured.counts["tables"] for m in measured.rows(table, Measure)]
    trained = stages.get(f"train-{name}")
    if trained is None:
        return StudentFacts(name, measures, evaluation_seconds=_seconds(measured))
    counts = trained.counts
    losses = json.loads(trained.read("losses.json"))
    return StudentFacts(
        name, measures,
        losses=[(int(step["step"]), int(step["tokens"]), float(step["loss"])) for step in losses],
        examples=counts["examples"], tokens_trained=counts["tokens"], training_seconds=_seconds(trained),
        evaluation_seconds=_seconds(measured), dropped=counts["dropped"],
    )  # fmt: skip


def _seconds(sealed: Sealed) -> float:
    return float(sealed.clock.get("seconds", 0.0))


def _stage(name: str, sealed: Sealed) -> StageFacts:
    rows = sealed.total(ROWS_OF[name]) if name in ROWS_OF else 0
    tokens = sealed.counts.get("tokens")
    if name.startswith("evaluate-"):
        measures = [m for table in sealed.counts["tables"] for m in sealed.rows(table, Measure)]
        rows, tokens = len(measures), sum(m.completion_tokens for m in measures)
    return StageFacts(name, rows, _seconds(sealed), tokens)


def _funnel(stages: Mapping[str, Sealed]) -> Funnel:
    counts = stages["examples"].counts
    return Funnel(stages["traces"].total("traces"), counts["kept"], counts["dropped"], counts["by_majority"])


def _verdicts(
    stages: Mapping[str, Sealed],
) -> tuple[dict[str, int], dict[str, int], dict[tuple[str, str], int]]:
    """Return how many verdicts came out how, why the machinery left some open, and what rules and judge said."""
    found, outages, opinions = Counter[str](), Counter[str](), Counter[tuple[str, str]]()
    for verdict in stages["verdicts"].rows("verdicts", Verdict):
        found[f"unknown: {verdict.cause}" if verdict.outcome == "unknown" else verdict.outcome] += 1
        if verdict.cause == "infrastructure":
            outages[verdict.reason] += 1
        if verdict.rules:
            opinions[verdict.rules, verdict.judge] += 1
    return dict(found.most_common()), dict(outages), dict(opinions)


def _teacher(recipe: Recipe, problems: Mapping[str, Problem], stages: Mapping[str, Sealed]) -> dict[str, Trace]:
    """The teacher's answers to the shown held-out problems: its own traces of them, or the worked teacher's."""
    found: dict[str, Trace] = {}
    for trace in stages["traces"].rows("traces", Trace):
        if trace.problem_key in problems:
            found.setdefault(trace.problem_key, trace)
    for key, problem in problems.items():
        if key not in found and (shown := _demonstration(recipe, problem)) is not None:
            found[key] = shown
    return found


def _demonstration(recipe: Recipe, problem: Problem) -> Trace | None:
    """Return what a teacher that costs nothing says of a held-out problem."""
    from potstill.teach import worked_traces
    from potstill.teach.solutions import solution_trace

    if isinstance(recipe.teacher, SolutionsTeacher):
        return solution_trace(problem)
    if isinstance(recipe.teacher, WorkedTeacher) and problem.source.startswith("family:"):
        return next(worked_traces(problem, recipe.teacher, samples=1, seed=teacher_seed(recipe)))
    return None
