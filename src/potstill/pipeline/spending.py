"""The money of a run: one cap for all who are asked in it, and what their ledgers say they have cost before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from potstill.models.budget import Cap, most_of
from potstill.models.ledger import Ledger
from potstill.models.prices import price_of
from potstill.recipe import Endpoint, Recipe, ServedTeacher
from potstill.verify.judge_prompts import LEDGER as JUDGED

ASKED = "completions.sqlite"


HELPED = "helpers.sqlite"
"""In the run's ledger, what helpers of measures answered."""


def cap_of_helper(section: str, helper: Endpoint, ledgers: Path) -> Cap:
    """Return the cap of a helper of a measure, which is its own, with what it has cost so far.

    Raises:
        TeacherError: there is a cap and the helper has no price.
    """
    cap = Cap(helper.spend_at_most)
    price = None if cap.most is None else price_of(helper, section).price
    if price is not None and (ledgers / HELPED).is_file():
        with Ledger(ledgers / HELPED, write=False) as ledger:
            cap.spent_by[section] = ledger.counts().dollars(price)
    return cap


def cap_of(recipe: Recipe, ledgers: Path) -> Cap:
    """Return the cap of a run with what its teacher and its judge have cost so far; `ledgers` is their folder.

    Raises:
        TeacherError: there is a cap and somebody under it has no price.
    """
    teacher = recipe.teacher if isinstance(recipe.teacher, ServedTeacher) else None
    judge = recipe.checks.judge
    cap = Cap(most_of(recipe.teacher, judge))
    if cap.most is None:
        return cap
    asked: list[tuple[str, str, Endpoint]] = [("teacher", ASKED, teacher)] if teacher else []
    if judge is not None:
        asked.append(("checks.judge", JUDGED, replace(judge, spend_at_most=cap.most)))
    for section, file, settings in asked:
        price = price_of(settings, section).price
        if price is not None and (ledgers / file).is_file():
            with Ledger(ledgers / file, write=False) as ledger:
                cap.spent_by[section] = ledger.counts().dollars(price)
    return cap
