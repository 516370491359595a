"""What the report says, read from the committed stages of a run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from potstill.evaluate.faithfulness import Probed
from potstill.graph import ArmNode, Graph, SetNode
from potstill.pipeline import naming
from potstill.pipeline.behaving import behaved_in, listened_to
from potstill.pipeline.chosen_ways import choice_facts
from potstill.pipeline.funnels import funnel_of
from potstill.pipeline.left_out import left_out
from potstill.pipeline.places import places_of
from potstill.pipeline.provenance import teacher_name
from potstill.pipeline.settings import teacher_seed
from potstill.pipeline.stage_facts import Named, plans_of_run, seconds_of, stages_of_run
from potstill.pipeline.stages.also import TABLE
from potstill.pipeline.usage import usage_of_run
from potstill.recipe import Recipe, SolutionsTeacher, WorkedTeacher
from potstill.recipe_file import dump
from potstill.records import Example, Group, Measure, Problem, Score, Trace, Verdict
from potstill.report import (
    AlsoFacts,
    BenchmarkFacts,
    CheckedAnswers,
    FaithFacts,
    FileFacts,
    Funnel,
    LookFacts,
    ReportFacts,
    ScorerFacts,
    SetFacts,
    StudentFacts,
    WayFacts,
    shown_problems,
)
from potstill.scorer_nodes import ScorerNode
from potstill.store import Committed

SEVERAL = ("explain", "strategies", "rationalise")
"""Strategies whose traces say in which of several ways they were asked."""


def facts_of(
    recipe: Recipe, graph: Graph, stages: Named, plan: Mapping[str, Any] = MappingProxyType({}),
    ledger: Path | None = None,
) -> ReportFacts:  # fmt: skip
    """Gather everything a report needs; streams the traces and holds only counts and the shown ones.

    `plan` is the record of what was planned, see `planned`; `ledger` the folder of the run's ledgers. Without it the
    report is for strangers, to whom the run's folder is not at hand.
    """
    domains: dict[str, str] = {}
    sets = [_set(node, graph, stages) for node in graph.sets.values()]
    students = [_student(arm, graph, stages, sets) for arm in graph.arms.values()]
    shown = shown_problems(students, graph.deliver)
    problems: dict[str, Problem] = {}
    for problem in stages[naming.PROBLEMS].rows("evaluation", Problem):
        domains[problem.key] = problem.domain
        if problem.key in shown:
            problems[problem.key] = problem
    files = _files(recipe, stages)
    counts = stages[naming.PROBLEMS].counts
    kept_problems = counts["train"] + counts["evaluate"]
    main = graph.sets[graph.main]
    return ReportFacts(
        name=recipe.name,
        recipe_yaml=dump(recipe),
        versions=stages[naming.examples(main, graph)].clock.get("versions", {}),
        students=students,
        usage=usage_of_run(recipe, graph, stages, sets, students, files, ledger),
        domains=domains,
        places=[] if ledger is None else places_of(recipe, graph, stages),
        benchmarks=_benchmarks(graph, stages),
        also=_also(graph, stages),
        faithful=_faithful(graph, stages),
        behaved=behaved_in(graph, stages, {one.name: one.measures for one in students}),
        checked=_checked(graph, stages),
        files=files,
        main=graph.deliver,
        graph=graph.text(),
        sets=sets,
        stages=stages_of_run(graph, stages),
        planned=plans_of_run(stages, plan),
        scorers=[_scorer(node, stages) for node in graph.scorers.values()],
        problem_funnel=Funnel(
            read=kept_problems + sum(counts["dropped"].values()), kept=kept_problems, dropped=counts["dropped"]
        ),
        written=counts.get("written", {}),
        template_overlap=_templates(stages[naming.PROBLEMS]),
        problems=problems,
        teacher=_teacher(main, problems, stages[naming.traces(main, graph)]),
        teacher_name=teacher_name(main.recipe),
    )


def _benchmarks(graph: Graph, stages: Named) -> list[BenchmarkFacts]:
    """Return every arm's figures by published protocols, benchmark by benchmark."""
    found = []
    for arm in graph.arms.values():
        for asked in arm.recipe.evaluate.benchmarks:
            committed = stages[naming.benchmark(arm, asked)]
            found.append(
                BenchmarkFacts(
                    name=committed.counts["benchmark"], title=committed.counts["title"], told=committed.counts["told"],
                    student=arm.name, figures=committed.counts["figures"], changed=committed.counts["changed"],
                    measures=list(committed.rows("measures", Measure)),
                )
            )  # fmt: skip
    order = list(dict.fromkeys(one.name for one in found))
    return sorted(found, key=lambda one: order.index(one.name))


def _also(graph: Graph, stages: Named) -> list[AlsoFacts]:
    """Return what each arm answered to other problems than those that are taught."""
    return [
        AlsoFacts(
            problems=also.name, student=arm.name, base=base_of_arm(arm, graph),
            measures=list(stages[naming.also(arm, also)].rows(TABLE, Measure)),
        )
        for arm in graph.arms.values() for also in arm.recipe.evaluate.also
    ]  # fmt: skip


def _faithful(graph: Graph, stages: Named) -> list[FaithFacts]:
    """Return what was asked of each arm about its own responses."""
    arms = [arm for arm in graph.arms.values() if arm.recipe.evaluate.faithfulness is not None]
    return [
        FaithFacts(
            student=arm.name, rows=list(found.rows("probes", Probed)), responses=found.counts["responses"],
            probed=found.counts["probed"],
        )
        for arm in arms for found in [stages[naming.faithful(arm)]]
    ]  # fmt: skip


def _checked(graph: Graph, stages: Named) -> list[CheckedAnswers]:
    """Return the answers of each arm before and after its own checks."""
    arms = [arm for arm in graph.arms.values() if arm.recipe.evaluate.verify_chain is not None]
    return [
        CheckedAnswers(
            student=arm.name, before=list(stages[naming.measures(arm)].rows("zero_shot", Measure)),
            after=list(found.rows("revised", Measure)), calls=found.counts["calls"],
            questions=found.counts["questions"], unquestioned=found.counts["without questions"],
        )
        for arm in arms for found in [stages[naming.verified(arm)]]
    ]  # fmt: skip


def _files(recipe: Recipe, stages: Named) -> list[FileFacts]:
    found = []
    for exporter, kind in ((exporter, kind) for exporter, kinds in recipe.export.typed.items() for kind in kinds):
        measured = stages.get(naming.delivered(exporter, kind))
        if measured is None:
            continue
        told = {
            name: file for name, file in stages[naming.export(exporter)].counts["files"].items() if file["type"] == kind
        }
        ((name, file),) = told.items()
        clock = {key: value for key, value in measured.clock.items() if isinstance(value, int | float)}
        rows = list(measured.rows("zero_shot", Measure))
        found.append(
            FileFacts(name=name, bytes=file["bytes"], bits=file["bits_per_weight"], measures=rows, clock=clock)
        )
    return found


def _set(node: SetNode, graph: Graph, stages: Named) -> SetFacts:
    traces, judged, chosen = (stages[name(node, graph)] for name in (naming.traces, naming.verdicts, naming.examples))
    kept = Counter[int]()
    difficulties = Counter[float]()
    domains: set[str] = set()
    for example in chosen.rows("examples", Example):
        kept[len(example.reasoning) + len(example.answer)] += 1
        domains |= {example.domain} if example.domain else set()
        if example.difficulty is not None:
            difficulties[example.difficulty] += 1
    verdicts, outages, opinions = _verdicts(traces, judged)
    return SetFacts(
        name=node.name,
        teacher_name=teacher_name(node.recipe),
        trace_funnel=funnel_of(node, traces, chosen),
        pruning=chosen.counts.get("pruning", {}),
        verdicts=verdicts,
        opinions=opinions,
        outages=outages,
        groups=list(judged.rows("groups", Group)),
        suspect_label=node.recipe.checks.suspect_label,
        lengths=kept,
        difficulties=difficulties,
        example_domains=sorted(domains),
        left_out=left_out(traces, chosen, stages[naming.PROBLEMS]),
        ways=_ways(traces, judged, chosen) if node.recipe.strategy.kind in SEVERAL else (),
        called=traces.counts.get("strategy", {}) if node.recipe.strategy.kind == "react" else {},
        calls=traces.counts.get("calls", {}),
        counted=traces.counts.get("strategy", {}) if node.recipe.strategy.kind != "react" else {},
        tried=traces.counts.get("pilot", {}).get("tried", ()),
        listened=listened_to(node, graph, stages),
    )


def _ways(traces: Committed, judged: Committed, chosen: Committed) -> list[WayFacts]:
    """Return what became of the traces by how they were asked, most first."""
    kept = {example.trace_key for example in chosen.rows("examples", Example)}
    count: dict[str, Counter[str]] = {}
    for trace, verdict in zip(traces.rows("traces", Trace), judged.rows("verdicts", Verdict), strict=True):
        told = count.setdefault(trace.strategy, Counter())
        told.update(("traces", str(verdict.outcome)))
        told["kept"] += trace.key in kept
        told["tokens"] += trace.completion_tokens or 0
    return [
        WayFacts(name=name, traces=told["traces"], right=told["right"], wrong=told["wrong"], kept=told["kept"],
                 tokens=told["tokens"])
        for name, told in sorted(count.items(), key=lambda item: (-item[1]["traces"], item[0]))
    ]  # fmt: skip


def _templates(problems: Committed) -> tuple[int, int] | None:
    """Return (held-out problems whose template occurs in training, held-out problems that have one)."""
    share = problems.counts["template_share"]
    asked = sum(1 for problem in problems.rows("evaluation", Problem) if problem.template)
    return None if share is None else (round(share * asked), asked)


def base_of_arm(arm: ArmNode, graph: Graph) -> str:
    """Return the untouched arm with the same student, "" where none is measured."""
    return next((one.name for one in graph.arms.values() if not one.trained and one.student == arm.student), "")


def _taught(arm: ArmNode, graph: Graph, sets: Sequence[SetFacts]) -> tuple[str, ...]:
    """Return the domains of the examples that an arm was trained on, those of the arms that it starts from too."""
    on = {phase.on for phase in arm.phases}
    found = {domain for facts in sets if facts.name in on for domain in facts.example_domains}
    return tuple(sorted({*found, *(_taught(graph.arms[arm.start], graph, sets) if arm.start is not None else ())}))


def _student(arm: ArmNode, graph: Graph, stages: Named, sets: Sequence[SetFacts]) -> StudentFacts:
    measured = stages[naming.measures(arm)]
    measures = [m for table in measured.counts["tables"] for m in measured.rows(table, Measure)]
    trained = [stages[name] for name in naming.trainings(arm, graph)]
    losses: list[tuple[int, int, float]] = []
    looks: list[LookFacts] = []
    chosen: list[str] = []
    rewards: list[tuple[int, float]] = []
    step = tokens = 0
    for phase in trained:
        logs = json.loads(phase.read("losses.json"))
        chosen += [
            f"train.{key} is {one['value']:g}: {one['why']}" for key, one in phase.counts.get("auto", {}).items()
        ]
        rewards += [(tokens + int(log["tokens"]), float(log["pass_at_1"])) for log in logs if "pass_at_1" in log]
        if not {"pass_at_1", "margin"} & logs[0].keys():  # losses that say nothing beside cross-entropies
            losses += [(step + int(log["step"]), tokens + int(log["tokens"]), float(log["loss"])) for log in logs]
        if (told := phase.counts.get("looks")) is not None:
            seen = {
                key: [
                    (step + int(log["step"]), tokens + int(log["tokens"]), float(log[key]))
                    for log in logs
                    if key in log
                ]
                for key in ("look_loss", "look_accuracy")
            }
            looks.append(LookFacts(
                losses=seen["look_loss"], accuracies=seen["look_accuracy"], rows=told["rows"],
                kept=step + int(told["kept_step"]), steps=losses[-1][0], stopped_early=told["stopped_early"],
            ))  # fmt: skip
        step, tokens = step + int(logs[-1]["step"]), tokens + int(logs[-1]["tokens"])
    dropped = Counter[str]()
    for phase in trained:
        dropped.update(phase.counts["dropped"])
    return StudentFacts(
        name=arm.name, measures=measures, losses=losses, looks=looks, chosen=chosen, rewards=rewards,
        examples=trained[-1].counts["examples"] if trained else 0,
        tokens_trained=sum(phase.counts["tokens"] for phase in trained),
        training_seconds=sum(map(seconds_of, trained)), flops=sum(phase.counts["flops"] for phase in trained),
        evaluation_seconds=seconds_of(measured), dropped=dict(dropped), chosen_by=arm.recipe.evaluate.by or "",
        best_of=arm.recipe.evaluate.best_of or 0, scores=_scores(arm, stages),
        base=base_of_arm(arm, graph), taught=_taught(arm, graph, sets),
        choices=choice_facts(arm, graph, stages.__getitem__, measures),
    )  # fmt: skip


def _scores(arm: ArmNode, stages: Named) -> dict[tuple[str, str, int], float | None]:
    """Return what the scorer of an arm gave each of its answers, by (prompt, problem, sample)."""
    if arm.recipe.evaluate.by is None:
        return {}
    measured, scored = stages[naming.measures(arm)], stages[naming.best(arm)]
    return {
        (measure.prompt, measure.problem_key, measure.sample): score.value
        for table in measured.counts["tables"]
        for measure, score in zip(measured.rows(table, Measure), scored.rows(table, Score), strict=True)
    }


def _scorer(node: ScorerNode, stages: Named) -> ScorerFacts:
    labels, trained = stages[naming.labels(node.name, "train")].counts, stages[naming.scorer(node.name)]
    logs = json.loads(trained.read("losses.json"))
    return ScorerFacts(
        name=node.name, kind=node.scorer.kind, by=node.labels["train"].by, tested_by=node.labels["test"].by,
        solutions=trained.counts["examples"], steps=labels["steps"], labelled=labels["labelled"], wrong=labels["wrong"],
        assessment=json.loads(stages[naming.assessed(node.name)].read(naming.ASSESSMENT)),
        losses=[(int(log["step"]), int(log["tokens"]), float(log["loss"])) for log in logs],
    )  # fmt: skip


def _verdicts(
    traces: Committed, judged: Committed
) -> tuple[dict[str, int], dict[str, int], dict[tuple[str, str], int]]:
    """Return how many verdicts came out how, why the infrastructure left some open, and what rules and judge said.

    A truncated trace has no answer that could be judged: it is told as truncated, and not as unknown.
    """
    found, outages, opinions = Counter[str](), Counter[str](), Counter[tuple[str, str]]()
    for trace, verdict in zip(traces.rows("traces", Trace), judged.rows("verdicts", Verdict), strict=True):
        told = "truncated" if trace.finish == "length" else f"unknown: {verdict.cause}"
        found[told if verdict.outcome == "unknown" else verdict.outcome] += 1
        if verdict.cause == "infrastructure":
            outages[verdict.reason] += 1
        if verdict.rules:
            opinions[verdict.rules, verdict.judge] += 1
    return dict(found.most_common()), dict(outages), dict(opinions)


def _teacher(node: SetNode, problems: Mapping[str, Problem], traces: Committed) -> dict[str, Trace]:
    """The teacher's answers to the shown held-out problems: its own traces of them, or the worked teacher's."""
    found: dict[str, Trace] = {}
    for trace in traces.rows("traces", Trace):
        if trace.problem_key in problems:
            found.setdefault(trace.problem_key, trace)
    for key, problem in problems.items():
        if key not in found and (shown := _demonstration(node.recipe, problem)) is not None:
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
