"""Facts -> the tree of nodes that both outputs are made from."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from potstill.report import students
from potstill.report.agents import tool_calls
from potstill.report.benchmarks import benchmarks
from potstill.report.choices import ChoiceFacts, choice_tables
from potstill.report.costs import costs
from potstill.report.delivered import delivered_table
from potstill.report.display import percent, visible
from potstill.report.domains import domains
from potstill.report.facts import ReportFacts, StudentFacts
from potstill.report.faithful import faithful
from potstill.report.html import page
from potstill.report.kept import kept
from potstill.report.lost import lost
from potstill.report.nodes import Node, Section, TableNode, Text, plain
from potstill.report.repeating import repeating
from potstill.report.scorers import scorers
from potstill.report.several import several_samples
from potstill.report.side_by_side import side_by_side
from potstill.report.students import ArmResult
from potstill.report.terminal import table_text
from potstill.report.time_and_tokens import time_and_tokens
from potstill.report.training import training
from potstill.report.verified import verified_table
from potstill.report.whereabouts import whereabouts

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
        "rests on",
        "kind",
        "tokens read",
        "price",
        "of",
        "won",
        "lost",
    }
)
"""Columns that a terminal has no room for."""


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
    sections = [Section("Result", tuple(result))]
    sections += [Section(title, nodes_of(facts, arm_results)) for title, nodes_of in SECTIONS]
    told = [node for section in sections if section.title in IN_TERMINAL for node in section.children]
    shown = tuple(section for section in sections if section.children)
    return Report(
        name=facts.name,
        headline=said,
        measures=tuple(students.measures(arm_results)),
        tables=(*tables, *(node for node in told if isinstance(node, TableNode))),
        sections=shown,
    )


def _templates(met: int, problems: int) -> Text:
    share = percent(met / problems if problems else math.nan)
    return Text(
        f"{share} of the held-out problems ({met:,} of {problems:,}) have a number-free template that also occurs in "
        "training: there the student meets new numbers in a known wording, elsewhere a new wording."
    )


def _untouched(student: StudentFacts) -> bool:
    return not student.tokens_trained


def _chosen(students: Sequence[StudentFacts]) -> dict[str, list[ChoiceFacts]]:
    return {one.name: [one.choices] for one in students if one.choices is not None}


Nodes = Callable[[ReportFacts, Sequence[ArmResult]], tuple[Node, ...]]
SECTIONS: tuple[tuple[str, Nodes], ...] = (
    ("The model", lambda facts, _: whereabouts(facts.places, facts.main)),
    ("Domains", domains),
    ("Benchmarks", lambda facts, _: benchmarks(facts.benchmarks)),
    ("What was lost", lambda facts, _: lost(facts.also, not all(map(_untouched, facts.students)))),
    ("Faithfulness", lambda facts, _: faithful(facts.faithful, facts.behaved, [one.name for one in facts.students])),
    ("Ways of solving", lambda facts, _: choice_tables(_chosen(facts.students))),
    ("Answers checked", lambda facts, _: verified_table(facts.checked)),
    ("Tools", lambda facts, rows: tool_calls(rows, {each.name: each.called for each in facts.sets if each.called})),
    ("Reward models", scorers),
    ("Cost and latency", lambda facts, _: costs(facts)),
    ("Side by side", side_by_side),
    ("What was kept", lambda facts, _: kept(facts)),
    ("Training", lambda facts, _: training(facts)),
    ("Time and tokens", lambda facts, _: time_and_tokens(facts)),
    ("How to repeat it", lambda facts, _: repeating(facts)),
)
"""The sections after the result: what each is called and what it is made by. One without nodes is left out."""
IN_TERMINAL = ("Domains", "What was lost", "Tools", "Reward models", "Cost and latency")
"""Sections whose tables the terminal has too."""
