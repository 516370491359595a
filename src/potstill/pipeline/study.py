"""study(file): a recipe with variants and seeds, run over one store of stages and compared in one table."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

from potstill.errors import StoreError, nearest
from potstill.evaluate.faithfulness import Probed
from potstill.evaluate.metrics import shares, summarise
from potstill.graph import Graph, graph_of
from potstill.pipeline import naming, run, statuses, steps_right, versions
from potstill.pipeline.checks import check_recipe
from potstill.pipeline.chosen_ways import choice_facts
from potstill.pipeline.stage import Stage
from potstill.pipeline.stages import stages_of
from potstill.pipeline.study_file import StudyFile, Variant
from potstill.progress import run_of_study
from potstill.recipe import Recipe
from potstill.recipe_file import Location
from potstill.records import Measure, Problem, content_key
from potstill.report.study import StudyReport, build_study
from potstill.report.study_facts import LineFacts, RunFacts, SeedFacts, StudyFacts
from potstill.store import STUDY, Committed, Run

RESULT_FILES = ("study.html", "study.json", "study.txt")


@dataclass(frozen=True, kw_only=True)
class StudyRun:
    """One variant with one seed: a run of its own, in `runs/NAME` of the study's folder."""

    variant: Variant
    seed: int
    recipe: Recipe

    @property
    def name(self) -> str:
        """The run's folder."""
        return f"{self.variant.name}-seed{self.seed}".lstrip("-")

    @cached_property
    def graph(self) -> Graph:
        """Its sets and arms."""
        return graph_of(self.recipe)

    @cached_property
    def stages(self) -> list[Stage]:
        """Its stages, in order."""
        return stages_of(self.recipe)

    @cached_property
    def keys(self) -> dict[str, str]:
        """Stage -> a key of all that decides its output: known before anything is made, equal where it is shared."""
        found: dict[str, str] = {}
        for stage in self.stages:
            before = {role: found[name] for role, name in (*stage.inputs.items(), *stage.counted.items())}
            found[stage.name] = content_key(stage.kind, stage.version, stage.settings, before)
        return found

    def folder(self, out: Path) -> Run:
        """Return its folder in that of the study, whose stages and ledger it shares."""
        return Run(out / "runs" / self.name, shared=out)


@dataclass(frozen=True, kw_only=True)
class StudyLine:
    """A line of the study's table: an arm of a variant; `shared` where the arm is the same in every variant."""

    name: str
    variant: str
    arm: str
    shared: bool


@dataclass(frozen=True, kw_only=True)
class StudyPlan:
    """Everything that a study would run and compare."""

    file: StudyFile
    runs: tuple[StudyRun, ...]
    lines: tuple[StudyLine, ...]
    pairs: tuple[tuple[str, str], ...]

    def text(self, out: Path | None = None) -> str:
        """Return what would run in lines: runs, lines of the table, pairs, and how many stages are shared."""
        variants, seeds = len(self.file.variants), len(self.file.seeds)
        total, once = Counter[str](), Counter[str]()
        seen: set[str] = set()
        for one in self.runs:
            for stage in one.stages:
                total[stage.kind] += 1
                once[stage.kind] += one.keys[stage.name] not in seen
                seen.add(one.keys[stage.name])
        lines = [
            f"{_many(variants, 'variant')} x {_many(seeds, 'seed')} = {_many(len(self.runs), 'run')}",
            f"lines of the table: {', '.join(line.name for line in self.lines)}",
            f"compared: {', '.join(f'{one} with {other}' for one, other in self.pairs) or 'nothing'}",
            "stages, made once for all runs that share them:",
            *(f"  {kind:<10} {once[kind]:>5}  for {total[kind]} in all runs" for kind in total),
            f"  {'together':<10} {once.total():>5}  for {total.total()}: {total.total() - once.total()} are shared",
        ]
        if out is not None and out.is_dir():
            there = sum(s.state == "done" for one in self.runs for s in statuses(one.folder(out), one.stages))
            lines.append(f"  {'done':<10} {there:>5}  of {total.total()} in {out}")
        return "\n".join(lines)


def plan_study(file: StudyFile) -> StudyPlan:
    """Return the plan of a study.

    Raises:
        RecipeError: `compare` or `baseline` names no line of the table, with file, line and key.
    """
    runs = tuple(
        StudyRun(variant=variant, seed=seed, recipe=variant.with_seed(seed, file.keys))
        for seed in file.seeds
        for variant in file.variants
    )
    lines = _lines(file, runs)
    return StudyPlan(file=file, runs=runs, lines=lines, pairs=_pairs(file, [line.name for line in lines]))


def check_study(plan: StudyPlan, *, without_sandbox: bool = False) -> list[str]:
    """Check every variant as `potstill check` does; return what could not be looked at."""
    unknown: list[str] = []
    for variant in plan.file.variants:
        with variant.located():
            unknown += check_recipe(variant.recipe, without_sandbox=without_sandbox)
    return list(dict.fromkeys(unknown))


def run_study(
    plan: StudyPlan, out: Path, *, redo: bool = False, without_sandbox: bool = False, go_on: bool = False
) -> StudyReport:  # fmt: skip
    """Run every variant with every seed, or go on with them, and write the study's page, JSON and text.

    Raises:
        PotstillError: as `pipeline.run`; or `out` is the folder of something else.
    """
    if (out / "recipe.yaml").exists():
        raise StoreError(f"{out} is the folder of a run, not of a study: name another --out")
    folder = Run(out)
    try:
        folder.lock()
        folder.write(STUDY, plan.file.text.encode())
        (out / "runs").mkdir(exist_ok=True)
        for number, one in enumerate(plan.runs, 1):
            print(f"{plan.file.name}: run {number} of {len(plan.runs)}, {one.name}", file=sys.stderr)
            with run_of_study(one.name, number, len(plan.runs)), one.variant.located():
                run(one.recipe, one.folder(out), redo=redo, without_sandbox=without_sandbox, go_on=go_on)
        print(f"{plan.file.name}: comparing", file=sys.stderr)
        report = build_study(study_facts(plan, out))
        for name, text in zip(RESULT_FILES, (report.html(), report.json(), report.text()), strict=True):
            folder.write(name, text.encode("utf-8", "replace"))
    finally:
        folder.unlock()
    return report


def study_facts(plan: StudyPlan, out: Path) -> StudyFacts:
    """Gather what the study's page says, from the committed stages of its runs."""
    runs = {(one.variant.name, one.seed): one for one in plan.runs}
    lines = []
    for line in plan.lines:
        of_seeds = [runs[line.variant, seed] for seed in plan.file.seeds]
        seeds = [_seed_facts(one, line.arm, out) for one in of_seeds]
        whole = LineFacts(
            name=line.name, variant="" if line.shared else line.variant, arm=line.arm, seeds=seeds,
            start=of_seeds[0].graph.arms[line.arm].start,
        )  # fmt: skip
        lines.append(
            replace(whole, before=[replace(whole, name=name, seeds=s) for name, s in _phases(of_seeds, line, out)])
        )
    keys = plan.file.keys
    return StudyFacts(
        name=plan.file.name,
        question=keys.question,
        predicted=keys.predicted,
        lines=lines,
        pairs=plan.pairs,
        margin=keys.margin / 100,
        seeds_vary=keys.seeds_vary,
        runs=_run_facts(plan, out),
        study_yaml=plan.file.text,
        versions=versions(),
        domains=_domains(plan, out),
        base=_base(plan),
    )


def _domains(plan: StudyPlan, out: Path) -> dict[str, str]:
    """Return held-out problem -> domain, of all runs."""
    found: dict[str, str] = {}
    for one in plan.runs:
        problems = _committed(one.folder(out), naming.PROBLEMS)
        found |= {problem.key: problem.domain for problem in problems.rows("evaluation", Problem)}
    return found


def _base(plan: StudyPlan) -> str:
    """Return the untouched line: the baseline where it is untouched, else the first such line; "" where none is."""
    arms = {one.variant.name: one.graph.arms for one in plan.runs}
    untouched = [line.name for line in plan.lines if not arms[line.variant][line.arm].trained]
    baseline = plan.file.keys.baseline
    return baseline if baseline is not None and baseline in untouched else next(iter(untouched), "")


def _phases(runs: Sequence[StudyRun], line: StudyLine, out: Path) -> Iterator[tuple[str, list[SeedFacts]]]:
    """Yield (name, facts of each seed) for the phases of a line's arm before its last, where they were measured."""
    node = runs[0].graph.arms[line.arm]
    for phase in node.phases[:-1] if node.recipe.evaluate.phases else ():
        yield f"{line.name}, phase {phase.number}", [_seed_facts(one, line.arm, out, phase.number) for one in runs]


def _seed_facts(one: StudyRun, arm: str, out: Path, number: int | None = None) -> SeedFacts:
    """Return what one run says of an arm, or of it after its phase `number`."""
    folder, node = one.folder(out), one.graph.arms[arm]
    trainings, stage = naming.trainings(node, one.graph), naming.measures(node)
    if number is not None:
        stage = naming.measures_of_phase(node.phases[number - 1])
        trainings = trainings[: number - len(node.phases)]
    measured = _committed(folder, stage)
    asked: dict[str, list[Measure]] = {}
    for measure in (m for table in measured.counts["tables"] for m in measured.rows(table, Measure)):
        asked.setdefault(measure.prompt, []).append(measure)
    trained = [_committed(folder, name) for name in trainings]
    steps = None
    if steps_right.is_asked(one.graph):
        problems = {p.key: p for p in _committed(folder, naming.PROBLEMS).rows("evaluation", Problem)}
        steps = {prompt: steps_right.step_facts(measures, problems) for prompt, measures in asked.items()}
    chosen = {
        prompt: choice_facts(node, one.graph, partial(_committed, folder), measures)
        for prompt, measures in asked.items()
        if number is None
    }
    probes: Sequence[Probed] = ()
    if number is None and node.recipe.evaluate.faithfulness is not None:
        probes = list(_committed(folder, naming.faithful(node)).rows("probes", Probed))
    return SeedFacts(
        seed=one.seed,
        shares={prompt: shares(measures) for prompt, measures in asked.items()},
        unscored={prompt: summarise(measures).unscored for prompt, measures in asked.items()},
        tokens_trained=sum(phase.counts["tokens"] for phase in trained),
        flops=sum(phase.counts["flops"] for phase in trained),
        training_seconds=sum(float(phase.clock.get("seconds", 0.0)) for phase in trained),
        steps=steps,
        probes=probes,
        choices={prompt: facts for prompt, facts in chosen.items() if facts is not None},
    )


def _committed(folder: Run, name: str) -> Committed:
    found = folder.committed(name)
    if found is None:
        raise StoreError(f"{folder.path} has no {name}: run the study again")
    return found


def _run_facts(plan: StudyPlan, out: Path) -> list[RunFacts]:
    """Return one line a run; the seconds of a shared stage stand at the first run that has it."""
    found, seen = [], set[str]()
    for one in plan.runs:
        named = one.folder(out).names()
        own = [one.folder(out).committed(name) for name, target in named.items() if target not in seen]
        seconds = sum(float(committed.clock.get("seconds", 0.0)) for committed in own if committed is not None)
        found.append(RunFacts(name=one.name, stages=len(named), made=len(own), seconds=seconds))
        seen |= set(named.values())
    return found


def _lines(file: StudyFile, runs: Sequence[StudyRun]) -> tuple[StudyLine, ...]:
    """Return the lines of the table: each arm of each variant, once where it is the same in all variants."""
    outputs: dict[tuple[str, str], tuple[str, ...]] = {}
    for one in runs:
        for node in one.graph.arms.values():
            place = one.variant.name, node.name
            outputs[place] = (*outputs.get(place, ()), one.keys[naming.measures(node)])
    variants = [variant.name for variant in file.variants]
    shared = {
        arm for _, arm in outputs if len({outputs.get((variant, arm)) for variant in variants}) == 1 < len(variants)
    }
    own = {arm for _, arm in outputs if arm not in shared}
    found: dict[str, StudyLine] = {}
    for variant, arm in outputs:
        whole = "/".join(part for part in (variant, arm) if part)
        short = arm if arm in shared or len(variants) == 1 else variant if len(own) == 1 else whole
        name = short if short not in found or arm in shared else whole
        found.setdefault(name, StudyLine(name=name, variant=variant, arm=arm, shared=arm in shared))
    return tuple(found.values())


def _pairs(file: StudyFile, lines: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return which lines are compared: those that the file names, else each with the baseline."""
    keys = file.keys
    if keys.compare and keys.baseline is not None:
        raise file.refused(("baseline",), "give compare or baseline, not both")
    named: list[tuple[Location, str]]
    named = [(("compare", row, side), name) for row, pair in enumerate(keys.compare) for side, name in enumerate(pair)]
    if keys.baseline is not None:
        named.append((("baseline",), keys.baseline))
    for where, name in named:
        if name not in lines:
            raise file.refused(where, f"there is no line {name!r}{nearest(name, list(lines))}")
    for row, (one, other) in enumerate(keys.compare):
        if one == other:
            raise file.refused(("compare", row), f"{one!r} is compared with itself")
    baseline = keys.baseline or lines[0]
    return keys.compare or tuple((line, baseline) for line in lines if line != baseline)


def _many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
