"""Facts -> the tree of nodes that both outputs are made from."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from potstill.records import Measure, Problem
from potstill.report import nodes, students
from potstill.report.agents import tool_calls
from potstill.report.asked import calls_table, tried_table, ways_table
from potstill.report.benchmarks import benchmarks
from potstill.report.delivered import delivered_table
from potstill.report.display import label, percent, visible
from potstill.report.facts import Funnel, ReportFacts, SetFacts
from potstill.report.faithful import faithful
from potstill.report.html import page
from potstill.report.nodes import Cell, Column, Node, Section, TableNode, Text, plain
from potstill.report.samples import opinions, outages, samples
from potstill.report.scorers import scorers
from potstill.report.several import several_samples
from potstill.report.students import ArmResult
from potstill.report.terminal import table_text

SCHEMA = 1
ONLY_IN_PAGE = frozenset(
    {
        "unanswered",
        "tokens a response",
        "examples",
        "training TFLOP",
        "solved better",
        "solved worse",
        "bits a weight",
        "accuracy low",
        "accuracy high",
        "load",
        "memory MB",
        "tokens/s, 2 threads",
    }
)
"""Columns that a terminal has no room for."""
BINS = 20
POINTS = 150
"""Points drawn of a loss curve; longer ones are averaged over equal stretches."""


Counts = Mapping[int, int] | Mapping[float, int]


@dataclass(frozen=True, kw_only=True)
class Report:
    """A run's report: one tree, three renderings."""

    name: str
    headline: str
    measures: tuple[Mapping[str, str | int | float | None], ...]
    tables: tuple[TableNode, ...]
    sections: tuple[Section, ...]

    def html(self) -> str:
        """Return one self-contained page without scripts."""
        return page(self.name, self.headline, self.sections)

    def json(self) -> str:
        """Return the same nodes as JSON text, with one object per student under `measures`."""
        whole = {
            "schema": SCHEMA,
            "name": visible(self.name),
            "headline": self.headline,
            "measures": list(self.measures),
            "sections": plain(self.sections),
        }
        return json.dumps(whole, ensure_ascii=True, allow_nan=False, indent=1)

    def text_table(self) -> str:
        """Return headline and tables for a terminal."""
        return "\n\n".join([*(table_text(table, ONLY_IN_PAGE) for table in self.tables), self.headline])


def build(facts: ReportFacts) -> Report:
    """Return the report of a run's facts."""
    arm_results = [students.arm_result(student) for student in facts.students]
    said = students.headline(arm_results, facts.main)
    tables = [students.student_table(arm_results)]
    if (tests := students.paired_table(arm_results, facts.main)) is not None:
        tables.append(tests)
    if (several := several_samples(arm_results)) is not None:
        tables.append(several)
    result: list[Node] = [students.accuracy_bars(arm_results), *tables]
    trained = next((row.measures for row in arm_results if row.name == facts.main), ())
    if (delivered := delivered_table(facts.files, trained)) is not None:
        tables.append(delivered)
        result.append(delivered)
    if facts.template_overlap is not None:
        result.append(_templates(*facts.template_overlap))
    scored = scorers(facts, arm_results)
    called = tool_calls(arm_results, {each.name: each.called for each in facts.sets if each.called})
    sections = [
        Section("Result", tuple(result)),
        Section("Benchmarks", benchmarks(facts.benchmarks)),
        Section("Faithfulness", faithful(facts.faithful, [student.name for student in facts.students])),
        Section("Tools", called),
        Section("Reward models", scored),
        Section("Side by side", _side_by_side(facts, arm_results)),
        Section("What was kept", _kept(facts)),
        Section("Training", _training(facts)),
        Section("Time and tokens", _stages(facts)),
        Section("How to repeat it", _recipe(facts)),
    ]
    shown = tuple(section for section in sections if section.children)
    return Report(
        name=facts.name,
        headline=said,
        measures=tuple(students.measures(arm_results)),
        tables=(*tables, *(node for node in (*called, *scored) if isinstance(node, TableNode))),
        sections=shown,
    )


def _templates(met: int, problems: int) -> Text:
    share = percent(met / problems if problems else math.nan)
    return Text(
        f"{share} of the held-out problems ({met:,} of {problems:,}) have a number-free template that also occurs in "
        "training: there the student meets new numbers in a known wording, elsewhere a new wording."
    )


def _kept(facts: ReportFacts) -> tuple[Node, ...]:
    """Return what was read, dropped and kept, set by set; titles name the set where there are several."""
    found: list[Node] = []
    for each in facts.sets:
        of = f" of '{each.name}'" if len(facts.sets) > 1 else ""
        found += _of_set(each, of)
    if facts.problem_funnel is not None:
        found.append(_funnel("Problems", facts.problem_funnel))
    return tuple(found)


def _of_set(facts: SetFacts, of: str) -> Iterator[Node]:
    if facts.trace_funnel is not None:
        yield _funnel(f"Traces{of}", facts.trace_funnel)
    if facts.verdicts:
        total = sum(facts.verdicts.values())
        rows = tuple((label(outcome, 160), number, number / total) for outcome, number in facts.verdicts.items())
        columns = (Column("verdict"), Column("traces", "count"), Column("share", "percent"))
        yield TableNode(f"Verdicts of all traces{of}", columns, rows)
    if facts.ways:
        yield ways_table(f"Ways in which the teacher was asked{of}", facts.ways)
    if facts.tried:
        yield tried_table(f"Ways that a pilot tried{of}", facts.tried)
    if facts.calls:
        yield calls_table(f"Calls by what they were for{of}", facts)
    yield from opinions(facts)
    yield from outages(facts)
    yield from samples(facts)
    if facts.lengths:
        yield histogram(f"Length of kept traces{of}", facts.length_unit, facts.lengths)
    if facts.difficulties:
        note = "As the source states it, or one minus the share of the problem's samples that are right."
        yield histogram(f"Difficulty of examples{of}", "difficulty", facts.difficulties, note)


def _funnel(title: str, funnel: Funnel) -> TableNode:
    share = funnel.read or math.nan
    dropped = sorted(funnel.dropped.items(), key=lambda item: (-item[1], item[0]))
    rows: list[tuple[nodes.Cell, ...]] = [("read", funnel.read, 1.0 if funnel.read else math.nan)]
    rows += [(label(f"dropped: {reason}", 160), number, number / share) for reason, number in dropped]
    if funnel.unaccounted:
        rows.append(("unaccounted for", funnel.unaccounted, funnel.unaccounted / share))
    rows.append(("kept", funnel.kept, funnel.kept / share))
    if funnel.by_majority:
        rows.append(("of these judged by the majority of samples", funnel.by_majority, funnel.by_majority / share))
    columns = (Column(title.lower()), Column("count", "count"), Column("share", "percent"))
    note = "Each is counted once, under its first reason."
    return TableNode(f"{title}: read, dropped and kept", columns, tuple(rows), note)


def histogram(title: str, unit: str, counts: Counts, note: str = "") -> nodes.Histogram:
    """Return counts by value in at most `BINS` equal bins; whole numbers get bins of whole width."""
    values = sorted(counts.items())
    low, high = values[0][0], values[-1][0]
    if all(float(value).is_integer() for value, _ in values):
        width: float = max(1, math.ceil((high - low + 1) / BINS))
        number = math.ceil((high - low + 1) / width)
    else:
        width = (high - low) / BINS or 1.0
        number = BINS if high > low + width / 2 else 1
    request_counts = [0] * number
    for value, times in values:
        request_counts[min(number - 1, int((value - low) / width))] += times
    edges = [low + i * width for i in range(number)]
    edges.append(max(high, low + number * width))
    bins = tuple(nodes.Bin(edges[i], edges[i + 1], times) for i, times in enumerate(request_counts))
    return nodes.Histogram(title, unit, bins, note)


def _training(facts: ReportFacts) -> tuple[Node, ...]:
    trained = tuple(
        nodes.Series(student.name, colour, _thin([(float(tokens), loss) for _, tokens, loss in student.losses]))
        for colour, student in enumerate(facts.students)
        if student.losses
    )
    if not trained:
        return tuple(_rewards(facts))
    note = f"Mean loss of each optimiser step, averaged where there are more than {POINTS} steps."
    looked = tuple(
        nodes.Series(
            f"{student.name}, rows set apart",
            colour,
            _thin([(float(tokens), loss) for phase in student.looks for _, tokens, loss in phase.losses]),
            dotted=True,
        )
        for colour, student in enumerate(facts.students)
        if student.looks
    )
    lines = nodes.Lines(title="Training loss", x="tokens trained", y="loss", lines=(*trained, *looked), note=note)
    chosen = tuple(Text(f"{student.name}: {one}") for student in facts.students for one in student.chosen)
    return (lines, *_looks(facts), *_answers(facts), *chosen, *_rewards(facts))


def _rewards(facts: ReportFacts) -> Iterator[Node]:
    """Yield how many of its own answers were right as a student learnt from them."""
    lines = tuple(
        nodes.Series(student.name, colour, _thin([(float(tokens), share) for tokens, share in student.rewards]))
        for colour, student in enumerate(facts.students)
        if student.rewards
    )
    note = f"Of the training problems of each step, averaged where there are more than {POINTS} steps."
    if lines:
        title = "Share of its own answers that were right"
        yield nodes.Lines(title=title, x="tokens trained", y="share right", lines=lines, note=note)


def _answers(facts: ReportFacts) -> Iterator[TableNode]:
    """Yield how many answers to problems set apart were right at the looks."""
    rows = tuple(
        (
            student.name, *(f"{share:.1%} at step {step:,}" for step, _, share in (first, best, last)),
            ", ".join(f"{share:.0%}" for _, _, share in phase.accuracies),
        )
        for student in facts.students for phase in student.looks if phase.accuracies
        for seen in [phase.accuracies]
        for first, best, last in [(seen[0], max(seen, key=lambda look: look[2]), seen[-1])]
    )  # fmt: skip
    if rows:
        columns = (Column("student"), Column("first"), Column("best"), Column("last"), Column("at each look"))
        note = "Drawn at temperature 1, judged as held-out answers are; of training problems that are not trained on."
        yield TableNode("Accuracy on problems set apart", columns, rows, note)


def _looks(facts: ReportFacts) -> Iterator[TableNode]:
    """Yield what the looks of each phase of each arm saw."""
    rows: list[tuple[Cell, ...]] = []
    for student in facts.students:
        for phase in student.looks:
            best, last = min(phase.losses, key=lambda look: look[2]), phase.losses[-1]
            rows.append((
                student.name, phase.rows, len(phase.losses), f"{best[2]:.4f} at step {best[0]:,}",
                f"{last[2]:.4f} at step {last[0]:,}", f"{phase.kept:,} of {phase.steps:,}",
                "patience used up" if phase.stopped_early else "",
            ))  # fmt: skip
    if rows:
        columns = (
            Column("student"), Column("rows set apart", "count"), Column("looks", "count"), Column("lowest loss"),
            Column("last loss"), Column("weights kept, by step"), Column("ended"),
        )  # fmt: skip
        note = "Rows of training problems that are looked at and never trained on; held-out problems are others."
        yield TableNode("Loss on rows set apart", columns, tuple(rows), note)


def _thin(points: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    finite = [(x, y) for x, y in points if math.isfinite(y)]
    size = math.ceil(len(finite) / POINTS)
    parts = [finite[i : i + size] for i in range(0, len(finite), size)] if finite else []
    return tuple((part[-1][0], math.fsum(y for _, y in part) / len(part)) for part in parts)


def _side_by_side(facts: ReportFacts, arm_results: Sequence[ArmResult]) -> tuple[Node, ...]:
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
        notes += [measure.cause] if measure.cause else []
        notes += ["truncated"] if measure.truncated else []
        notes += ["looped"] if measure.looped else []
        answers.append(_answer(name, measure.outcome, ", ".join(notes), measure.reasoning, measure.answer))
    gold = "not known" if problem.gold is None else visible(problem.gold, 500)
    question = visible("\n".join([problem.question, *problem.choices]))
    return nodes.SideBySide(sort, question, gold, tuple(answers))


def _answer(who: str, mark: str, note: str, reasoning: str, answer: str) -> nodes.Answer:
    return nodes.Answer(
        who=visible(who, 80), mark=mark, note=note, reasoning=visible(reasoning), answer=visible(answer)
    )


def _stages(facts: ReportFacts) -> tuple[Node, ...]:
    if not facts.stages:
        return ()
    columns = (
        Column("stage"), Column("rows", "count"), Column("tokens", "count"), Column("time", "seconds"), Column("note"),
    )  # fmt: skip
    rows = tuple((s.name, s.rows, s.tokens, s.seconds, visible(s.note, 200)) for s in facts.stages)
    total = math.fsum(stage.seconds for stage in facts.stages)
    stages = TableNode("Stages", columns, (*rows, ("all", None, None, total, "")))
    return (stages, *_compute(facts), *_planned(facts))


def _planned(facts: ReportFacts) -> tuple[Node, ...]:
    """Return what `potstill plan` had said beside what came."""
    if not facts.planned:
        return ()
    columns = (
        Column("stage"), Column("time from", "seconds"), Column("time to", "seconds"), Column("took", "seconds"),
        Column("basis"), Column("MB from", "count"), Column("MB to", "count"), Column("MB held", "count"),
        Column("tokens planned", "count"), Column("tokens trained", "count"),
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = []
    for one in facts.planned:
        held = None if one.held is None else one.held / 1e6
        megabytes = (None, None) if one.peak is None else (one.peak[1] / 1e6, one.peak[2] / 1e6)
        tokens = None if one.tokens is None else one.tokens[0]
        rows.append(
            (one.name, *one.seconds[1:3], one.took, visible(one.seconds[3], 80), *megabytes, held, tokens, one.trained)
        )
    return (TableNode("Planned and taken", columns, tuple(rows), "`potstill plan` said so before the run."),)


def _compute(facts: ReportFacts) -> tuple[Node, ...]:
    """Return the account of compute, the teacher's side and the students' summed apart."""
    asked = [(stage, stage.compute) for stage in facts.stages if stage.compute is not None]
    if not asked:
        return ()
    columns = (
        Column("stage"), Column("who computed"), Column("tokens read", "count"), Column("tokens written", "count"),
        Column("tokens trained", "count"), Column("TFLOP", "count"), Column("time", "seconds"),
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = [
        (stage.name, visible(c.who, 80), c.read, c.written, c.trained, _tera(c.flops), stage.seconds)
        for stage, c in asked
    ]
    for side, teaching in (("teacher and checks", True), ("students", False)):
        part = [(stage, c) for stage, c in asked if c.teaching is teaching]
        if part:
            sums = (sum(getattr(c, key) for _, c in part) for key in ("read", "written", "trained"))
            known = [c.flops for _, c in part if c.flops is not None]
            seconds = math.fsum(stage.seconds for stage, _ in part)
            rows.append((f"all: {side}", "", *sums, _tera(sum(known)) if known else None, seconds))
    note = "By formula: what the methods ask for, not how well this machine did it."
    if any(c.flops is None for _, c in asked):
        note += " A model behind a server tells nothing of its arithmetic: it enters no sum."
    return (TableNode("Compute", columns, tuple(rows), note),)


def _tera(flops: int | None) -> float | None:
    return None if flops is None else flops / 1e12


def _recipe(facts: ReportFacts) -> tuple[Node, ...]:
    rows = tuple((visible(name, 80), visible(version, 200)) for name, version in facts.versions.items())
    graph = (nodes.Code("The graph", visible(facts.graph, 20_000)),) if facts.graph else ()
    return (
        *graph,
        nodes.Code("The resolved recipe", visible(facts.recipe_yaml, 200_000)),
        TableNode("Versions", (Column("what"), Column("version")), rows),
    )
