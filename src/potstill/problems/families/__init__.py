"""Potstill's own procedural problem families: short word problems with exact answers, each several dependent steps.

Late binding: a recipe's `family: NAME` is looked up in `FAMILIES`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

from potstill.errors import DataError, RecipeError, nearest
from potstill.problems.families import chain, clock, compare, function, row, shop, store, table, weekday
from potstill.problems.families.family import Family
from potstill.records import Problem, content_key

FAMILIES: dict[str, Family] = {
    module.FAMILY.name: module.FAMILY for module in (chain, shop, compare, clock, row, weekday, table, function, store)
}

_TRIES = 2000
"""Drafts in a row that are all known already before the settings count as exhausted."""
_HARDEST = 10
"""Steps of a problem of difficulty 1."""


def generate(name: str, seed: int, settings: Mapping[str, Any]) -> Iterator[Problem]:
    """Return an endless stream of distinct problems, the same for the same name, seed and settings.

    Raises RecipeError at once for an unknown family or a bad setting, and DataError while iterating when the settings
    allow no further distinct problem.
    """
    if name not in FAMILIES:
        raise RecipeError(f"unknown family {name!r}{nearest(name, list(FAMILIES))}")
    family = FAMILIES[name]
    return _stream(family, seed, family.resolve(settings))


def _stream(family: Family, seed: int, settings: Mapping[str, int]) -> Iterator[Problem]:
    rng = random.Random(f"potstill family {family.name} {seed}")
    seen: set[str] = set()
    repeated = 0
    while repeated < _TRIES:
        problem = _draft(family, rng, settings, len(seen))
        # By the words alone: a question that comes back with its choices in another order is no new problem.
        key = content_key(problem.question)
        if key in seen:
            repeated += 1
            continue
        repeated = 0
        seen.add(key)
        yield problem
    told = ", ".join(f"{key} {value}" for key, value in settings.items())
    raise DataError(
        f"family {family.name}: found only {len(seen)} distinct problems with {told}; "
        "ask for fewer or widen the settings"
    )


def _draft(family: Family, rng: random.Random, settings: Mapping[str, int], index: int) -> Problem:
    draft = family.generate(rng, settings)
    return Problem(
        id=f"{family.name}-{index:06d}",
        question=draft.question,
        gold=draft.gold,
        answer_kind=family.answer_kind,
        choices=draft.choices,
        domain=family.domain,
        difficulty=min(draft.steps / _HARDEST, 1.0),
        source=f"family:{family.name}",
        template=draft.template,
        facts=json.dumps(draft.facts, sort_keys=True),
    )
