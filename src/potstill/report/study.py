"""What came out of a study: one line an arm of a variant over all seeds, paired differences, and what they conclude."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from potstill.evaluate.statistics import Conclusion, PairedSeeds, Shares, conclude, over_seeds, paired_over_seeds
from potstill.intervals import Interval
from potstill.report.choices import choice_tables
from potstill.report.crossing import Curve, crossing_table
from potstill.report.display import count, percent, points, visible
from potstill.report.faith_by_seed import BY_SEED, faith_tables
from potstill.report.html import page
from potstill.report.nodes import Bar, Bars, Cell, Code, Column, Node, Point, Points, Section, TableNode, Text, plain
from potstill.report.step_facts import step_table
from potstill.report.study_facts import LineFacts, RunFacts, StudyFacts
from potstill.report.terminal import table_text
from potstill.report.transfer import transfer_map, transfer_table

SCHEMA = 1
SENTENCES = 12
"""Comparisons that are told in sentences too; the table has all."""
ONLY_IN_STUDY_PAGE = frozenset({"unscored", "training", "a better", "b better"})
"""Columns that a terminal has no room for."""


UNITS = (("TFLOP", 1e12), ("GFLOP", 1e9), ("MFLOP", 1e6))


@dataclass(frozen=True)
class LineResult:
    """A line with its figures, under the prompt that did best over all seeds; `others` has the other prompts' means."""

    facts: LineFacts
    prompt: str
    others: Mapping[str, float]

    @property
    def name(self) -> str:
        """The line's name."""
        return self.facts.name

    @cached_property
    def before(self) -> tuple[LineResult, ...]:
        """The arm after each of its phases but the last, asked by the same prompt."""
        return tuple(LineResult(facts, self.prompt, {}) for facts in self.facts.before)

    @property
    def shares(self) -> list[Shares]:
        """Each seed's share solved, problem by problem."""
        return [seed.shares.get(self.prompt, {}) for seed in self.facts.seeds]

    @property
    def by_seed(self) -> list[float]:
        """Each seed's accuracy; NaN where nothing was scored."""
        return [_share(shares) for shares in self.shares]

    @cached_property
    def accuracy(self) -> Interval:
        """Mean over seeds with its interval."""
        return over_seeds(self.shares)

    @property
    def unscored(self) -> int:
        """Responses of all seeds that could not be judged for a reason outside the student."""
        return sum(seed.unscored.get(self.prompt, 0) for seed in self.facts.seeds)

    @property
    def problems(self) -> int:
        """Scored problems of all seeds."""
        return sum(map(len, self.shares))

    @property
    def tokens_trained(self) -> float:
        """Mean over seeds."""
        return _mean([seed.tokens_trained for seed in self.facts.seeds])

    @property
    def flops(self) -> float:
        """Mean over seeds."""
        return _mean([seed.flops for seed in self.facts.seeds])

    @property
    def training_seconds(self) -> float:
        """Mean over seeds."""
        return _mean([seed.training_seconds for seed in self.facts.seeds])


@dataclass(frozen=True)
class Difference:
    """Line `one` against line `other`: one minus other, over seeds, then problems."""

    one: str
    other: str
    test: PairedSeeds
    margin: float

    @property
    def conclusion(self) -> Conclusion:
        """What the difference and its interval say."""
        return conclude(self.test.interval, self.margin)

    @property
    def sentence(self) -> str:
        """The conclusion in words, with figures."""
        test, margin = self.test, f"{100 * self.margin:g} points"
        if not test.problems:
            return f"'{self.one}' and '{self.other}' share no scored problem."
        low, high = points(test.interval.low), points(test.interval.high)
        figures = f"95% interval of the difference {low} to {high} points"
        if self.conclusion == "different":
            size, more = abs(test.interval.value), "more" if test.interval.value > 0 else "less"
            agree = sum((value > 0) == (test.interval.value > 0) and value != 0 for value in test.by_seed)
            seeds = f"; {agree} of {len(test.by_seed)} seeds in this direction" if len(test.by_seed) > 1 else ""
            said = f"'{self.one}' solves {100 * size:.1f} points {more} than '{self.other}' ({figures}{seeds})."
            inside = -self.margin < test.interval.low and test.interval.high < self.margin
            return said + (f" The difference is smaller than the margin of {margin}." if inside else "")
        if self.conclusion == "equivalent":
            return (
                f"'{self.one}' and '{self.other}' are equivalent within {margin}: no difference was found ({figures})."
            )
        said = f"Between '{self.one}' and '{self.other}' nothing was shown, neither a difference nor equivalence"
        return f"{said} within {margin} ({figures})."


@dataclass(frozen=True)
class StudyReport:
    """A study's result: one tree, three renderings."""

    facts: StudyFacts
    lines: tuple[LineResult, ...]
    comparisons: tuple[Difference, ...]

    @property
    def headline(self) -> str:
        """What was asked of how many, and the first comparison."""
        seeds = len(self.facts.lines[0].seeds) if self.facts.lines else 0
        said = f"{count(len(self.lines))} {'line' if len(self.lines) == 1 else 'lines'}, "
        said += f"{count(seeds)} {'seed' if seeds == 1 else 'seeds'}, {self._problems()} held-out problems a seed."
        return f"{said} {self.comparisons[0].sentence}" if self.comparisons else said

    def _problems(self) -> str:
        sizes = {len(shares) for line in self.lines for shares in line.shares}
        return count(min(sizes, default=0)) if len(sizes) < 2 else f"{count(min(sizes))} to {count(max(sizes))}"

    @property
    def tables(self) -> tuple[TableNode, ...]:
        """The table of lines and that of differences."""
        found: tuple[TableNode, ...] = (line_table(self.lines, self.facts.seeds_vary),)
        seeds = [seed.seed for seed in self.facts.lines[0].seeds]
        if self.comparisons:
            found = (*found, difference_table(self.comparisons, seeds))
        crossed = crossing_table(curves_of(self.lines), self.facts.pairs, _unit(self.lines))
        found = (*found, crossed) if crossed.rows else found
        steps = {
            line.name: [its[line.prompt] for seed in line.facts.seeds if line.prompt in (its := seed.steps or {})]
            for line in self.lines
        }
        found = (*found, step_table(steps)) if any(steps.values()) else found
        probed = {line.name: [(seed.seed, seed.probes) for seed in line.facts.seeds] for line in self.lines}
        found = (*found, *faith_tables(probed, self.facts.pairs))
        moved = transfer_table(self._by_name, self.facts.domains, self.facts.base)
        found = found if moved is None else (*found, moved)
        chose = {
            line.name: [own[line.prompt] for seed in line.facts.seeds if line.prompt in (own := seed.choices or {})]
            for line in self.lines
        }
        return (*found, *choice_tables(chose))

    @property
    def _by_name(self) -> dict[str, list[Shares]]:
        return {line.name: line.shares for line in self.lines}

    @property
    def sections(self) -> tuple[Section, ...]:
        """The page's sections."""
        asked = [Text(f"Question: {visible(self.facts.question)}")] if self.facts.question else []
        asked += [Text(f"Predicted: {visible(self.facts.predicted)}")] if self.facts.predicted else []
        said = [Text(each.sentence) for each in self.comparisons[1:SENTENCES]]
        versions = ((visible(name, 80), visible(version, 200)) for name, version in self.facts.versions.items())
        result: list[Node] = [*asked, *said, accuracy_bars(self.lines), *compute_points(self.lines)]
        moved = transfer_map(self._by_name, self.facts.domains, self.facts.base)
        result += [*([] if moved is None else [moved]), *self.tables]
        return (
            Section("Result", tuple(result)),
            Section("How to repeat it", (
                Code("The study file", visible(self.facts.study_yaml, 200_000)),
                run_table(self.facts.runs),
                TableNode("Versions", (Column("what"), Column("version")), tuple(versions)),
            )),
        )  # fmt: skip

    def html(self) -> str:
        """Return one self-contained page without scripts."""
        return page(self.facts.name, self.headline, self.sections, "study")

    def json(self) -> str:
        """Return the same nodes as JSON text, with one object a line under `lines` and a pair under `differences`."""
        whole = {
            "schema": SCHEMA,
            "name": visible(self.facts.name),
            "question": visible(self.facts.question),
            "predicted": visible(self.facts.predicted),
            "headline": self.headline,
            "lines": [_line_object(line) for line in self.lines],
            "differences": [_difference_object(each) for each in self.comparisons],
            "sections": plain(self.sections),
        }
        return json.dumps(whole, ensure_ascii=True, allow_nan=False, indent=1)

    def text(self) -> str:
        """Return tables and sentences for a terminal."""
        said = [each.sentence for each in self.comparisons[:SENTENCES]]
        tables = [table_text(table, ONLY_IN_STUDY_PAGE) for table in self.tables if table.title != BY_SEED]
        return "\n\n".join([*tables, "\n".join(said) or self.headline])


def build_study(facts: StudyFacts) -> StudyReport:
    """Return the report of a study's facts."""
    lines = {line.name: _result(line) for line in facts.lines}
    compared = tuple(
        Difference(one, other, paired_over_seeds(lines[one].shares, lines[other].shares), facts.margin)
        for one, other in facts.pairs
    )
    return StudyReport(facts, tuple(lines.values()), compared)


def _result(facts: LineFacts) -> LineResult:
    """Return a line under its better prompt (the first of equals), chosen on the held-out problems themselves."""
    prompts = dict.fromkeys(prompt for seed in facts.seeds for prompt in seed.shares)
    means = {prompt: _mean([_share(seed.shares.get(prompt, {})) for seed in facts.seeds]) for prompt in prompts}
    best = max(means, key=lambda prompt: -1.0 if math.isnan(means[prompt]) else means[prompt], default="")
    return LineResult(facts, best, {prompt: mean for prompt, mean in means.items() if prompt != best})


def line_table(lines: Sequence[LineResult], seeds_vary: str) -> TableNode:
    """Return the table: each seed's figure, the mean with its interval, and what the training took."""
    seeds = [seed.seed for seed in lines[0].facts.seeds] if lines else []
    columns = (
        Column("line"), Column("accuracy", "percent"), Column("low", "percent"), Column("high", "percent"),
        *(Column(f"seed {seed}", "percent") for seed in seeds), Column("problems", "count"),
        Column("unscored", "count"), Column("tokens trained", "count"), Column("training", "seconds"),
        Column(_unit(lines)[0], "count"),
    )  # fmt: skip
    varied = (
        "A seed decides problems, teacher and training." if seeds_vary == "all"
        else "A seed decides new weights and the order of training alone; problems and traces are the same for all."
    )  # fmt: skip
    note = (
        f"Accuracy is the mean over seeds of pass@1; low and high are its 95% bootstrap interval over seeds, then "
        f"problems. {varied} Problems are those of all seeds. Tokens, time and {_unit(lines)[0]} of training are means "
        "over seeds, of all phases that made the arm, without what its teacher took."
    )
    if len(seeds) == 1:
        note += " With one seed the interval says nothing about another training."
    for line in lines:
        if line.others:
            tried = ", ".join(f"{prompt} {percent(value)}" for prompt, value in line.others.items())
            note += f" '{line.name}' is the better of its prompts ({line.prompt}); also tried: {tried}."
    return TableNode("Accuracy over seeds", columns, tuple(_line_row(line, _unit(lines)[1]) for line in lines), note)


def _unit(lines: Sequence[LineResult]) -> tuple[str, float]:
    """Return the unit of arithmetic in which the largest training has three digits or more, and its size."""
    most = max((line.flops for line in lines), default=0.0)
    return next(((name, size) for name, size in UNITS if most >= 100 * size), UNITS[-1])


def _line_row(line: LineResult, unit: float) -> tuple[Cell, ...]:
    trained: tuple[Cell, ...] = (None, None, None)
    if line.tokens_trained:
        trained = (line.tokens_trained, line.training_seconds, line.flops / unit)
    interval = line.accuracy
    return (
        visible(line.name, 80), interval.value, interval.low, interval.high, *line.by_seed, line.problems,
        line.unscored, *trained,
    )  # fmt: skip


def difference_table(comparisons: Sequence[Difference], seeds: Sequence[int]) -> TableNode:
    """Return the paired differences with their intervals and conclusions."""
    margin = f"{100 * comparisons[0].margin:g}"
    columns = (
        Column("a"), Column("b"), Column("conclusion"), Column("a - b", "points"), Column("low", "points"),
        Column("high", "points"), *(Column(f"seed {seed}", "points") for seed in seeds),
        Column("a better", "count"), Column("b better", "count"),
    )  # fmt: skip
    rows = tuple(
        (
            visible(each.one, 80), visible(each.other, 80), each.conclusion, each.test.interval.value,
            each.test.interval.low, each.test.interval.high, *(each.test.by_seed or [None] * len(seeds)),
            each.test.better, each.test.worse,
        )
        for each in comparisons
    )  # fmt: skip
    note = (
        "Differences of the share solved in percentage points, seed by seed on the problems that both were scored on, "
        "with 95% bootstrap intervals over seeds, then problems; not adjusted for several comparisons. Different: the "
        f"interval leaves 0 out. Equivalent: it holds 0 and lies within {margin} points on both sides (two one-sided "
        "tests at 2.5%). Open: neither was shown. 'a better' and 'b better' count problems of all seeds."
    )
    return TableNode("Differences", columns, rows, note)


def accuracy_bars(lines: Sequence[LineResult]) -> Bars:
    """Return every line's accuracy with its interval."""
    drawn = [
        Bar(label=line.name, colour=colour, value=line.accuracy.value, low=line.accuracy.low, high=line.accuracy.high)
        for colour, line in enumerate(lines)
        if line.problems
    ]
    return Bars("Accuracy on held-out problems", tuple(drawn), "Mean over seeds with its 95% interval.")


def compute_points(lines: Sequence[LineResult]) -> tuple[Points, ...]:
    """Return accuracy over the arithmetic of training, phase by phase, where points differ in it by a hundredth.

    Arms of equal tokens differ by less: an axis of that little would show a difference that there is none.
    """
    name, unit = _unit(lines)
    drawn = tuple(
        Point(
            name=one.name,
            colour=colour,
            x=one.flops / unit,
            y=one.accuracy.value,
            low=one.accuracy.low,
            high=one.accuracy.high,
        )
        for colour, line in enumerate(lines)
        for one in (*line.before, line)
        if one.problems
    )
    taken = [point.x for point in drawn]
    if not taken or max(taken) <= 1.01 * min(taken):
        return ()
    note = "Accuracy in percent with its 95% interval, over what training the student took; see the guide on compute."
    if any(line.before for line in lines):
        note += " The points of an arm after each of its phases are joined."
    return (Points("Accuracy over compute", f"{name} of training", drawn, note),)


def curves_of(lines: Sequence[LineResult]) -> dict[str, Curve]:
    """Return each line's accuracy over the arithmetic of training, with that of the arms that it goes on from.

    A line has a curve where it, or one of those, was measured after a phase.
    """
    by_arm = {(line.facts.variant, line.facts.arm): line for line in lines}
    found: dict[str, Curve] = {}
    for line in lines:
        way: list[LineResult] = []
        at: LineResult | None = line
        while at is not None:
            way = [*at.before, at, *way]
            start, variant = at.facts.start or "", at.facts.variant
            at = by_arm.get((variant, start)) or by_arm.get(("", start))
        measured = {one.flops: one.accuracy.value for one in way if one.problems}
        if len(measured) > 1 and any(one.before for one in way):
            found[line.name] = sorted(measured.items())
    return found


def run_table(runs: Sequence[RunFacts]) -> TableNode:
    """Return the runs: how many stages each made and shares, and what those it made took."""
    columns = (
        Column("run"), Column("stages", "count"), Column("made", "count"), Column("shared", "count"),
        Column("time", "seconds"),
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = [
        (visible(one.name, 80), one.stages, one.made, one.stages - one.made, one.seconds) for one in runs
    ]
    stages, made = sum(one.stages for one in runs), sum(one.made for one in runs)
    total: tuple[Cell, ...] = ("all", stages, made, stages - made, math.fsum(one.seconds for one in runs))
    return TableNode(
        "Runs", columns, (*rows, total), "A shared stage was made by a run before, and stands at that one."
    )


def _line_object(line: LineResult) -> dict[str, Any]:
    return {
        **({"phases": [_line_object(one) for one in line.before]} if line.before else {}),
        "line": visible(line.name),
        "variant": line.facts.variant,
        "arm": line.facts.arm,
        "prompt": line.prompt,
        "accuracy": _number(line.accuracy.value),
        "low": line.accuracy.low,
        "high": line.accuracy.high,
        "by_seed": {str(seed.seed): _number(value) for seed, value in zip(line.facts.seeds, line.by_seed, strict=True)},
        "problems": line.problems,
        "unscored": line.unscored,
        "tokens_trained": line.tokens_trained,
        "training_seconds": line.training_seconds,
        "flops": line.flops,
    }


def _difference_object(each: Difference) -> dict[str, Any]:
    return {
        "one": visible(each.one),
        "other": visible(each.other),
        "difference": _number(each.test.interval.value),
        "low": each.test.interval.low,
        "high": each.test.interval.high,
        "by_seed": list(each.test.by_seed),
        "problems": each.test.problems,
        "better": each.test.better,
        "worse": each.test.worse,
        "margin": each.margin,
        "conclusion": each.conclusion,
        "sentence": each.sentence,
    }


def _share(shares: Shares) -> float:
    return _mean([float(share) for share in shares.values()])


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
