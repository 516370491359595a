"""A checker, a policy or a judge tried on answers that are wrong by construction: `potstill verify FILE --stress`."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from potstill.errors import DataError
from potstill.pipeline.single import problems_of
from potstill.progress import Progress
from potstill.recipe import Checks
from potstill.recipe_file import load
from potstill.records import Outcome, Problem, Trace
from potstill.verify import Verdicts, settled
from potstill.verify.checkers import check_checker, judge_bare
from potstill.verify.stress import Attempt, attempts

PLAIN = "pocket"
"""The recipe whose checks are tried where none is named: it declares nothing of its own."""
LONGEST = 60
"""Characters of an answer that are shown."""


@dataclass(kw_only=True)
class Tally:
    """What became of one kind of answer; `fooled` is the first that was accepted, with its problem."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    fooled: tuple[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Stress:
    """What a checker made of the answers, by how they were made."""

    problems: int
    tallies: dict[Attempt, Tally]

    @property
    def accepted(self) -> int:
        """How many wrong answers it took for right."""
        return sum(tally.outcomes["right"] for kind, tally in self.tallies.items() if kind is not Attempt.GOLD)

    @property
    def refused(self) -> int:
        """How many golds it did not take for right."""
        tally = self.tallies.get(Attempt.GOLD, Tally())
        return tally.outcomes.total() - tally.outcomes["right"]

    def __str__(self) -> str:
        lines = [f"{'answer':<38}{'asked':>8}{'right':>8}{'wrong':>8}{'unknown':>9}"]
        for kind, tally in self.tallies.items():
            counts = [tally.outcomes[outcome] for outcome in ("right", "wrong", "unknown")]
            lines.append(f"{kind:<38}{sum(counts):>8,}{counts[0]:>8,}{counts[1]:>8,}{counts[2]:>9,}")
            if tally.fooled is not None and kind is not Attempt.GOLD:
                name, said = tally.fooled
                lines.append(f"  accepted for {name}: {said[:LONGEST]!r}")
        if self.accepted:
            lines.append(f"{self.accepted:,} wrong answers were taken for right: whoever learns from this can cheat it")
        else:
            lines.append("no wrong answer was taken for right")
        if self.refused:
            lines.append(f"{self.refused:,} golds were not taken for right")
        return "\n".join(lines)


def stress(options: argparse.Namespace) -> Stress:
    """Try what `options` name (`recipe` and `sets` for checks, `checker`) on the problems of a file or a run.

    Raises:
        PotstillError: no problems, none with anything to be judged by, or a checker that is none.
    """
    checks = load(options.recipe or PLAIN, options.sets).checks
    problems = list(problems_of(options))
    if options.checker is not None:
        check_checker(options.checker, Path(), "--checker")
        problems = [replace(problem, checker=options.checker) for problem in problems]
    tried = [problem for problem in problems if problem.has_check and problem.answer_kind != "code"]
    if not tried:
        raise DataError(f"{options.problems}: no problem has a gold or a checker to be tried")
    checks = settled(checks, tried)
    tallies: dict[Attempt, Tally] = {}
    asked = list(_asked(tried, checks))
    progress = Progress("stress", len(asked), "answers")
    for (problem, kind, said), outcome in zip(asked, _outcomes(asked, checks, options), strict=True):
        tally = tallies.setdefault(kind, Tally())
        tally.outcomes[outcome] += 1
        if outcome == "right" and tally.fooled is None:
            tally.fooled = (problem.id, said)
        progress.advance()
    progress.close()
    return Stress(problems=len(tried), tallies={kind: tallies[kind] for kind in Attempt if kind in tallies})


def _asked(problems: Sequence[Problem], checks: Checks) -> Iterator[tuple[Problem, Attempt, str]]:
    for problem in problems:
        for kind, said in attempts(problem, checks.policy):
            yield problem, kind, said


def _outcomes(
    asked: Sequence[tuple[Problem, Attempt, str]], checks: Checks, options: argparse.Namespace
) -> Iterator[Outcome]:
    """Yield what is made of each answer; a checker is asked about the bare answer, whatever a run would find in it."""
    if options.checker is not None:
        yield from (judge_bare(problem, said).outcome for problem, _, said in asked)
        return
    rows = ((problem, _trace(problem, number, said)) for number, (problem, _, said) in enumerate(asked))
    with Verdicts(checks, data=Path(), without_sandbox=options.without_sandbox) as verdicts:
        yield from (verdict.outcome for verdict in verdicts.many(rows))


def _trace(problem: Problem, number: int, said: str) -> Trace:
    return Trace(
        problem_key=problem.key, teacher="stress", strategy="stress", prompt_key="", sample=number, attempt=0,
        sampling="{}", reasoning="", answer=said, finish="stop",
    )  # fmt: skip
