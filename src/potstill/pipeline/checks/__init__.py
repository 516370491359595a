"""What can be known before anything is asked, trained or paid: one table, for `potstill check` and for `run`.

`CHECKS` goes from what costs nothing to what imports torch, and the first refusal ends it. A check looks at one section
of the recipe (a source, a teacher with its strategy, an arm) and at the `Scene` that all share; a new one is a function
`(section, where, scene)` and a line in the table. No check runs a user's code, asks a server or writes anything.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from potstill.pipeline.checks import (
    asked,
    benchmarks,
    exports,
    extras,
    formats,
    judging,
    scorers,
    sources,
    students,
    teachers,
    tools,
    trackers,
    written,
)
from potstill.pipeline.checks.scene import Scene
from potstill.recipe import Recipe


@dataclass(frozen=True)
class Check:
    """One thing to look at: `look(section, where, scene)` for each `(where, section)` of `over(scene)`.

    `stage` is the kind of stage that it spares: once that is committed, nobody looks again.
    """

    stage: str
    over: Callable[[Scene], Iterable[tuple[str, Any]]]
    look: Callable[[Any, str, Scene], None]


CHECKS: dict[str, Check] = {
    "formats of teachers": Check("traces", Scene.teachers, formats.bf16),
    "formats of students": Check("student", Scene.trainings, formats.bf16),
    "formats of labels": Check("labels", Scene.labellings, formats.bf16),
    "source": Check("problems", Scene.sources, sources.source),
    "written problems": Check("problems", Scene.writings, written.writing),
    "packages of sources": Check("problems", Scene.sources, extras.of_source),
    "checker": Check("verdicts", Scene.sources, sources.checker),
    "other problems": Check("also_problems", Scene.other_sources, sources.source),
    "packages of other problems": Check("also_problems", Scene.other_sources, extras.of_source),
    "checkers of other problems": Check("also", Scene.other_sources, sources.checker),
    "teacher and sources": Check("traces", Scene.teachings, teachers.fits_sources),
    "file of traces": Check("traces", Scene.teachings, teachers.file_of_traces),
    "curation": Check("examples", Scene.teachings, teachers.curation),
    "served teacher": Check("traces", Scene.teachings, asked.served),
    "local teacher": Check("traces", Scene.teachings, asked.local),
    "packages of teachers": Check("traces", Scene.teachings, extras.of_teacher),
    "tools of teachers": Check("traces", Scene.teachings, tools.of_teacher),
    "tools of students": Check("evaluate", Scene.arms, tools.of_students),
    "executor of verdicts": Check("verdicts", Scene.executors, extras.of_executor),
    "executor of curation": Check("examples", Scene.executors, extras.of_executor),
    "judge": Check("verdicts", Scene.teachings, judging.judge),
    "reward model": Check("verdicts", Scene.teachings, judging.reward),
    "student": Check("student", Scene.arms, students.files),
    "processes": Check("train", Scene.arms, students.processes),
    "settings by rule": Check("train", Scene.arms, students.auto),
    "pairs": Check("pairs", Scene.pairings, students.pairs),
    "looks": Check("train", Scene.arms, students.looks),
    "distributions": Check("train", Scene.arms, students.distributions),
    "packages of students": Check("student", Scene.arms, extras.of_student),
    "benchmarks": Check("benchmark", Scene.arms, benchmarks.files),
    "helpers of measures": Check("faithful", Scene.arms, benchmarks.helper),
    "exports": Check("export", Scene.exports, exports.convertible),
    "trackers of losses": Check("train", Scene.trackers, trackers.installed),
    "trackers of measures": Check("evaluate", Scene.trackers, trackers.installed),
    "problems": Check("problems", Scene.teachings, sources.problems),
    "rows of traces": Check("traces", Scene.teachings, teachers.rows_of_traces),
    "solutions": Check("traces", Scene.teachings, teachers.solutions),
    "worked examples": Check("traces", Scene.teachings, asked.shots),
    "comparison": Check("verdicts", Scene.teachings, judging.comparison),
    "programs": Check("verdicts", Scene.teachings, judging.programs),
    "labels": Check("labels", Scene.labellings, scorers.labels),
    "rewards": Check("train", Scene.arms, scorers.rewards),
    "student, looked at": Check("student", Scene.arms, students.look),
    "distributions, looked at": Check("train", Scene.arms, students.look_at_teacher),
    "local teacher, looked at": Check("traces", Scene.teachings, asked.look),
}
"""Name -> check, in the order in which they are made; only those that look at a model import torch."""


def check_recipe(
    recipe: Recipe, stages: Collection[str] | None = None, *, online: bool = False, without_sandbox: bool = False
) -> list[str]:
    """Make every check that spares one of `stages` (None: all of them); return what could not be looked at, and why.

    `online` says that models by hub names may be fetched for looking at them; otherwise they are left out and named.

    Raises:
        PotstillError: one line with the key, the file or the row, and what to do.
    """
    scene = Scene(recipe=recipe, online=online, without_sandbox=without_sandbox)
    for check in CHECKS.values():
        if stages is None or check.stage in stages:
            for where, section in check.over(scene):
                check.look(section, where, scene)
    return list(dict.fromkeys(scene.unknown))
