"""What a stage is, and what it is given: the words that every file of `stages` and everything that runs them share."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from potstill.models.budget import Cap, most_of
from potstill.pipeline import settings
from potstill.recipe import Checks, Recipe
from potstill.records import Problem, content_key
from potstill.store import Committed, Run, Work

if TYPE_CHECKING:
    from potstill.bucket import ObjectStore
    from potstill.pipeline.sharing import Sharing
    from potstill.verify import Verdicts

STUDENTS = "students.sqlite"
"""In the run's ledger, what the students answered."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """What every process has that makes parts of a stage: the recipe of its node, its committed inputs by their role.

    `without_sandbox` lets programs run where nothing isolates them, `go_on` a run go on where the money is spent.
    `bucket` is where parts and claims are, None where all processes see the run folder.
    """

    recipe: Recipe
    run: Run
    inputs: Mapping[str, Committed]
    without_sandbox: bool = False
    go_on: bool = False
    bucket: ObjectStore | None = None

    def checks(self) -> Checks:
        """Return how answers are judged, with the decimal mark that the golds of the data set show."""
        from potstill.verify import settled

        source = self.inputs["problems"]
        problems = itertools.chain(source.rows("train", Problem), source.rows("evaluation", Problem))
        return settled(self.recipe.checks, problems)

    @cached_property
    def cap(self) -> Cap:
        """The money that teacher and judge share."""
        from potstill.pipeline.spending import cap_of

        return cap_of(self.recipe, self.run.ledger)

    def verdicts(self, checks: Checks | None = None, *, only_reads: bool = False) -> Verdicts:
        """Open the run's verdict table; close it after use."""
        from potstill.verify import Verdicts

        return Verdicts(
            checks or self.checks(), folder=self.run.ledger, data=Path(self.recipe.data),
            code=settings.checkers_key(self.recipe), without_sandbox=self.without_sandbox,
            cap=None if only_reads else self.cap, go_on=self.go_on, only_reads=only_reads,
        )  # fmt: skip


Map = Callable[[int], bytes]
"""Makes a part of a stage, by its number."""
Maps = Callable[[Given, Path], Mapping[str, Map]]
"""(what is given, the scratch folder of the stage) -> its maps by name; see `parts`."""


@dataclass(frozen=True, kw_only=True)
class Context(Given):
    """What a stage gets: what is given, and its own work folder.

    `counted` are stages of which only the counts matter, by role; `workers` is how many processes may take part (None:
    as many as there are processors); `sharing` tells those that do not see the run folder.
    """

    work: Work
    counted: Mapping[str, Committed]
    workers: int | None = 1
    sharing: Sharing | None = None

    def not_asked(self, number: int) -> dict[str, Any]:
        """Return the counts of an output that lacks what there was no money for; see `Stage.unasked`."""
        return {"not_asked": number, "spend_at_most": self.cap.most} if number else {}


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One arrow of the graph. `version` is raised by hand when the meaning of its output changes.

    `kind` is the work, the same for every node, `name` what this output is called in the run folder. `inputs` are the
    stages that it reads, `counted` those of which it reads the counts alone, both as role -> name. `without` says for a
    role which files of that input it never reads, such as `*.safetensors`: they are no part of the fingerprint.
    `maps` are the maps of a stage that is done part by part, for other processes than its own.
    """

    kind: str
    name: str
    version: int
    recipe: Recipe
    settings: Mapping[str, Any]
    work: Callable[[Context], dict[str, Any]]
    inputs: Mapping[str, str] = field(default_factory=dict)
    counted: Mapping[str, str] = field(default_factory=dict)
    without: Mapping[str, str] = field(default_factory=dict)
    maps: Maps | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of all stages that come before."""
        return tuple(dict.fromkeys((*self.inputs.values(), *self.counted.values())))

    def about(self, committed: Mapping[str, Committed]) -> dict[str, Any]:
        """Return everything that the output depends on, for its manifest; `committed` has the inputs by stage name."""
        found: dict[str, Any] = {
            "version": self.version,
            "settings": self.settings,
            "inputs": {
                role: committed[name].digest_without(self.without.get(role)) for role, name in self.inputs.items()
            },
        }
        if self.counted:
            found["counted"] = {role: committed[name].counts for role, name in self.counted.items()}
        return found

    def unasked(self, committed: Committed) -> str:
        """Return why an output that was made without the money to ask everything can be whole now, "" elsewhere."""
        before = committed.counts.get("spend_at_most")
        most = most_of(self.recipe.teacher, self.recipe.checks.judge)
        if before is None or (most is not None and most <= before):
            return ""
        raised = "none" if most is None else f"{most:g}"
        return f"spend_at_most ({before:g} -> {raised}), and {committed.counts['not_asked']:,} were not asked"

    def fingerprint(self, committed: Mapping[str, Committed]) -> str:
        """Key of everything the output depends on; the stage's name is no part of it."""
        return content_key("stage", self.kind, self.about(committed))
