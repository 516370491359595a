"""What each stage of a run took and was planned to take, read from what is committed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from potstill.graph import Graph
from potstill.pipeline import naming
from potstill.pipeline.planned import planned_of
from potstill.pipeline.provenance import teacher_name
from potstill.records import Measure
from potstill.report import Compute, PlannedFacts, StageFacts
from potstill.store import Committed

ROWS_OF = {
    "problems": "train", "traces": "traces", "verdicts": "verdicts", "examples": "examples", "pairs": "pairs",
    "labels": "labels", "also_problems": "evaluation",
}  # fmt: skip
OF_STUDENTS = ("evaluate", "measure", "benchmark", "also", "faithful", "listen", "verified")
"""Kinds of stages in which students answer or read."""
Named = Mapping[str, Committed]
"""Committed stages by the names of `naming`."""


def seconds_of(committed: Committed) -> float:
    """Return the seconds that a stage took."""
    return float(committed.clock.get("seconds", 0.0))


def stages_of_run(graph: Graph, stages: Named) -> list[StageFacts]:
    """Return the facts of all stages; an output with several names is in the account of compute under the first."""
    found, counted = [], set[Path]()
    for name, committed in stages.items():
        facts = _stage(name, committed, _who(name, graph))
        found.append(replace(facts, compute=None) if committed.path in counted else facts)
        counted.add(committed.path)
    return found


def plans_of_run(stages: Named, plan: Mapping[str, Any]) -> list[PlannedFacts]:
    """Return what was planned of each stage beside what it took."""
    found = []
    for name, committed in stages.items():
        seconds, peak, tokens = (planned_of(plan, name, what) for what in ("seconds", "peak", "tokens"))
        trained = committed.counts.get("tokens") if committed.manifest["kind"] == "train" else None
        if seconds is not None:
            found.append(
                PlannedFacts(
                    name=name, seconds=seconds, took=seconds_of(committed), peak=peak, trained=trained,
                    held=committed.clock.get("peak_bytes"), tokens=None if trained is None else tokens,
                )
            )  # fmt: skip
    return found


def _stage(name: str, committed: Committed, who: str) -> StageFacts:
    kind = str(committed.manifest["kind"])
    rows = committed.total(ROWS_OF[kind]) if kind in ROWS_OF else committed.counts["examples"] if kind == "rows" else 0
    tokens = committed.counts.get("tokens")
    if kind in ("evaluate", "also", "benchmark"):
        measures = [m for table in committed.counts["tables"] for m in committed.rows(table, Measure)]
        rows, tokens = len(measures), sum(m.completion_tokens for m in measures)
    return StageFacts(
        name=name, rows=rows, seconds=seconds_of(committed), tokens=tokens, compute=_compute(committed, who)
    )


def _who(name: str, graph: Graph) -> str:
    """Return the arm, teacher or reward model that computes in a stage; nothing where none does."""
    for arm in graph.arms.values():
        of_phases = {made(phase) for phase in arm.phases for made in (naming.training, naming.measures_of_phase)}
        of_benchmarks = {naming.benchmark(arm, asked) for asked in arm.recipe.evaluate.benchmarks}
        others = {naming.also(arm, also) for also in arm.recipe.evaluate.also}
        own = {naming.measures(arm), naming.faithful(arm), naming.verified(arm)}
        if name in {*own, *of_phases, *of_benchmarks, *others}:
            return arm.name
        if name == naming.best(arm):
            return str(arm.recipe.evaluate.by)
        for phase in arm.phases:
            kl = phase.recipe.train.loss.kl
            if kl is not None and name == naming.logits(phase):
                return kl.arm or str(kl.model)
            if name == naming.reference(phase):
                return arm.name
    for scorer in graph.scorers.values():
        for part, labels in scorer.labels.items():
            if name == naming.labels(scorer.name, part):
                return labels.arm or ""
        if name in (naming.scorer(scorer.name), naming.assessed(scorer.name)):
            return scorer.name
    for node in graph.sets.values():
        if name == naming.traces(node, graph):
            return teacher_name(node.recipe)
        if node.recipe.checks.listener is not None and name == naming.listened(node, graph):
            return node.recipe.checks.listener
        if name == naming.verdicts(node, graph) and node.recipe.checks.reward is not None:
            return str(node.recipe.checks.reward.scorer or node.recipe.checks.reward.model)
    return ""


def _compute(committed: Committed, who: str) -> Compute | None:
    counts, kind = committed.counts, committed.manifest["kind"]
    if kind in ("train", "scorer"):
        own = counts["flops"] - counts.get("captured_flops", 0)  # the stages `logits` and `reference` tell those
        looks = counts.get("looks", {"tokens": 0, "flops": 0})
        return Compute(
            who=who, teaching=kind == "scorer", read=looks["tokens"], trained=counts["tokens"],
            flops=own + looks["flops"],
        )  # fmt: skip
    told = counts.get("sampling") or counts.get("scoring")
    if told is None:
        return None
    return Compute(
        who=who, teaching=kind not in OF_STUDENTS, read=told["prompt_tokens"],
        written=told["completion_tokens"], flops=told["flops"],
    )  # fmt: skip
