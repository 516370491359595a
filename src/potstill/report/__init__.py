"""What came out of a run, as a page for people, JSON for programs and a table for the terminal."""

from __future__ import annotations

from potstill.report.assemble import Report, build
from potstill.report.facts import (
    AlsoFacts,
    BenchmarkFacts,
    CheckedAnswers,
    Compute,
    DeliveredPlace,
    DroppedTrace,
    FaithFacts,
    FileFacts,
    Funnel,
    ListenedFacts,
    LookFacts,
    PlannedFacts,
    ReportFacts,
    ScorerFacts,
    SetFacts,
    StageFacts,
    StudentFacts,
    UsageFacts,
    WayFacts,
)
from potstill.report.students import shown_problems

__all__ = [
    "AlsoFacts",
    "BenchmarkFacts",
    "CheckedAnswers",
    "Compute",
    "DeliveredPlace",
    "DroppedTrace",
    "FaithFacts",
    "FileFacts",
    "Funnel",
    "ListenedFacts",
    "LookFacts",
    "PlannedFacts",
    "Report",
    "ReportFacts",
    "ScorerFacts",
    "SetFacts",
    "StageFacts",
    "StudentFacts",
    "UsageFacts",
    "WayFacts",
    "build",
    "shown_problems",
]
