"""The packaged teacher `worked`: natural-language worked solutions of potstill's own problem families.

It is a stand-in for a language model, so that the quickstart needs no key, no server and no large model: it reads a
problem's `facts`, not its words, and writes the solution from wordings and strategies that people wrote. It can teach
nothing but these families. What it imitates of a language model on purpose: several strategies per family,
restatements, checks of the result, abandoned attempts, and mistakes at a set rate, so that checking answers matters.
"""

from __future__ import annotations

import json
import random
from typing import Any, Literal

from potstill.errors import TeacherError
from potstill.records import Problem
from potstill.teach.worked import chain, clock, compare, function, row, shop, store, table, weekday
from potstill.teach.worked.solver import ErrorKind, Facts, Solver, Strategy, Template, Worked

TEMPLATES: dict[str, Template] = {
    "chain": chain.TEMPLATE,
    "shop": shop.TEMPLATE,
    "compare": compare.TEMPLATE,
    "clock": clock.TEMPLATE,
    "row": row.TEMPLATE,
    "weekday": weekday.TEMPLATE,
    "table": table.TEMPLATE,
    "function": function.TEMPLATE,
    "store": store.TEMPLATE,
}

_OPENINGS = ("", "Let us go step by step.", "{goal}", "One thing at a time.", "First things first. {goal}")
_CLOSINGS = ("", "So we have it.", "That is all.", "Done.")
_CHECKS = 0.25
"""Share of varied traces without an injected error that check their result."""
_FALSE_STARTS = 0.15
"""Share of varied traces without an injected error that abandon an attempt, where the solution has room for one."""
_OMISSIONS = 0.25
"""Share of injected errors that leave out a step instead of getting a result wrong."""
_ERROR_TRIES = 12


def solve(
    problem: Problem, sample: int, seed: int, error_rate: float, style: Literal["plain", "checked", "varied"]
) -> tuple[str, str, dict[str, Any]]:
    """Return (reasoning, answer, info) for one sample; the same arguments give the same trace.

    `plain` takes the family's shortest strategy, `checked` adds a check behind its result; `varied` walks through all
    of them, with restatements, checks and abandoned attempts. The answer is stated like `The answer is 42.`, a program
    in a fenced block. `info` has `strategy`, `injected_error` (`""`, `result` or `omission`), `checked` and
    `abandoned`; it is for tests and statistics and never enters a verdict. Raises TeacherError for a problem that is
    not of potstill's own families.
    """
    template, facts = _read(problem)
    rng = random.Random(f"potstill worked {seed} {problem.key} {sample}")
    names = list(template.strategies)
    first = random.Random(f"potstill worked {seed} {problem.key}").randrange(len(names))
    name = names[(first + sample) % len(names)] if style == "varied" else names[0]
    strategy = template.strategies[name]
    injected: ErrorKind = ""
    checked = abandoned = False
    try:
        if rng.random() < error_rate:
            injected, work = _with_error(strategy, facts, rng, problem.gold)
        else:
            work, abandoned = _sound(strategy, facts, rng, varied=style == "varied")
            checked = style == "checked" or (style == "varied" and rng.random() < _CHECKS)
        goal = template.goal(facts)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise TeacherError(
            f"problem {problem.id!r}: its facts are not those of {problem.source!r} ({type(error).__name__}: {error})"
        ) from error
    # Samples that share a strategy differ in the opening, and beyond that in the closing.
    turn = sample // len(names) if style == "varied" else sample
    shift = first + sample % len(names) if style == "varied" else 0
    opening = _OPENINGS[(turn + shift) % len(_OPENINGS)].format(goal=goal)
    closing = _CLOSINGS[(turn // len(_OPENINGS)) % len(_CLOSINGS)]
    sentences = [opening, *work.lines, work.check if checked else "", closing]
    info = {"strategy": name, "injected_error": injected, "checked": checked, "abandoned": abandoned}
    return " ".join(sentence for sentence in sentences if sentence), template.answer.replace("{}", work.answer), info


def solve_by(problem: Problem, sample: int, seed: int, error_rate: float, way: str) -> tuple[str, str]:
    """Return (reasoning, answer) of one sample that goes by a way of `strategies`, whether it suits or not.

    An error at the set rate is one wrong result. Raises TeacherError for a problem that is not of potstill's own
    families, or of one that cannot be solved by this way.
    """
    template, facts = _read(problem)
    if way not in template.ways:
        able = ", ".join(name for name, other in TEMPLATES.items() if way in other.ways) or "none"
        raise TeacherError(
            f"the worked teacher solves no problem of {problem.source!r} by the way {way!r} (families with it: {able}; "
            f"ways of this one: {', '.join(template.ways) or 'none'}): name another in strategy.ways"
        )
    rng = random.Random(f"potstill worked {seed} {problem.key} {sample} {way}")
    erring = rng.random() < error_rate
    try:
        work = template.ways[way](facts, Solver(rng, error="result" if erring else "", error_at=0))
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise TeacherError(
            f"problem {problem.id!r}: its facts are not those of {problem.source!r} ({type(error).__name__}: {error})"
        ) from error
    return " ".join(work.lines), template.answer.replace("{}", work.answer)


def _read(problem: Problem) -> tuple[Template, Facts]:
    """Return the template and the facts of a problem of ours."""
    kind, _, family = problem.source.partition(":")
    if kind != "family" or family not in TEMPLATES:
        raise TeacherError(
            f"the worked teacher only solves potstill's own families ({', '.join(TEMPLATES)}); "
            f"problem {problem.id!r} comes from {problem.source or 'an unnamed source'!r}"
        )
    try:
        facts = json.loads(problem.facts)
    except ValueError:
        facts = None
    if not isinstance(facts, dict) or not facts:
        raise TeacherError(
            f"problem {problem.id!r} says it is of family {family!r} but carries no facts for the worked teacher"
        )
    return TEMPLATES[family], facts


def _sound(strategy: Strategy, facts: Facts, rng: random.Random, *, varied: bool) -> tuple[Worked, bool]:
    """Return a right solution, and whether it has a false start."""
    dry = Solver(random.Random(0))
    work = strategy(facts, dry)
    if not (varied and dry.doubts and rng.random() < _FALSE_STARTS):
        return work, False
    return strategy(facts, Solver(rng, doubt_at=rng.randrange(dry.doubts))), True


def _with_error(strategy: Strategy, facts: Facts, rng: random.Random, gold: str | None) -> tuple[ErrorKind, Worked]:
    """Return a solution with one mistake, tried until the mistake reaches the answer (or tries run out)."""
    dry = Solver(random.Random(0))
    strategy(facts, dry)
    for _ in range(_ERROR_TRIES):
        kind: ErrorKind = "omission" if dry.steps > 1 and rng.random() < _OMISSIONS else "result"
        chances = dry.steps if kind == "omission" else dry.results
        work = strategy(facts, Solver(rng, error=kind, error_at=rng.randrange(chances)))
        if work.answer != gold:
            break
    return kind, work
