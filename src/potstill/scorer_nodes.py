"""The scorers of a recipe's graph: reward models, each with the labels it is trained and measured on."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from potstill.errors import nearest
from potstill.nodes import NODE_NAME, SCORER_KEYS, GraphError, Location, NodeValueError, located, node_recipe
from potstill.recipe import Labels, Recipe, Reward, Scorer, Train

Part = Literal["train", "test"]
"""What labels are for."""
UNFITTING = ("method", "on", "supervision", "match", "loss", "look")
"""Keys of `train` that say nothing of a scorer, whose rows are its labels."""


@dataclass(frozen=True, kw_only=True)
class ScorerNode:
    """A reward model of this recipe: `scorer` says what it is, `recipe.train` how it is trained.

    It begins as the student of the arm `start`, or as the recipe's base student. `labels` has those that it is trained
    and those that it is measured on, each with the set that is meant where they label one.
    """

    name: str
    recipe: Recipe
    scorer: Scorer
    start: str | None
    labels: Mapping[Part, Labels]

    @property
    def edges(self) -> tuple[str, ...]:
        """What it is made from, as `set NAME` and `arm NAME`."""
        made = [f"arm {self.start}"] if self.start is not None else []
        for labels in self.labels.values():
            made += [f"set {labels.on}"] if labels.on is not None else []
            made += [f"arm {labels.arm}"] if labels.arm is not None else []
        return tuple(dict.fromkeys(made))

    @property
    def text(self) -> str:
        """How it is made, in a few words."""
        labels = self.labels["train"]
        many = f"{labels.rollouts} rollouts of {labels.arm}" if labels.by == "rollouts" else labels.by
        return f"{self.scorer.kind}, from {self.start or 'the base student'}, labels by {many}"

    def read_by(self, reward: Reward) -> Reward:
        """Return how a check reads this model, in the settings of the model itself."""
        its = self.scorer
        return replace(
            reward, kind=its.kind, reads=its.reads, steps=its.steps, separator=its.separator, aggregate=its.aggregate
        )

    @property
    def reward(self) -> Reward:
        """The model as a check."""
        return self.read_by(Reward(scorer=self.name))


def scorer_nodes(recipe: Recipe, sets: Sequence[str], arms: Sequence[str], main: str) -> Iterator[ScorerNode]:
    """Yield the scorers of a recipe whose sets and arms these are; `main` is the set that is meant without a name.

    Raises:
        GraphError, NodeValueError: see `graph.graph_of`.
    """
    for name, given in recipe.scorers.items():
        where: Location = ("scorers", name)
        if not re.fullmatch(NODE_NAME, name):
            raise GraphError(where, "a name has letters, digits, - and _, 40 at most, and no dot")
        for key in given:
            if key not in SCORER_KEYS:
                raise GraphError((*where, key), f"unknown key{nearest(key, list(SCORER_KEYS))}")
        start = given.get("from")
        if start is not None and start not in arms:
            raise GraphError((*where, "from"), f"there is no arm {start!r}{nearest(str(start), list(arms))}")
        over = given.get("train") or {}
        if not isinstance(over, Mapping):
            raise GraphError((*where, "train"), f"needs keys of its own, not {json.dumps(over)}")
        for key in UNFITTING:
            if key in over:
                raise GraphError((*where, "train", key), "a scorer is trained on its labels: leave this out")
        scorer = _scorer({key: value for key, value in given.items() if key not in ("from", "train")}, where)
        base = replace(recipe, train=replace(recipe.train, match=None)) if _budget(over) else recipe
        its = located(where, functools.partial(node_recipe, base, {"train": over} if over else {}))
        if its.train.match is not None:
            raise GraphError((*where, "train"), "say how long it is trained: epochs, steps or tokens")
        parts: dict[Part, Labels] = {"train": scorer.labels, "test": scorer.test or scorer.labels}
        for part, labels in parts.items():
            key = "labels" if part == "train" or scorer.test is None else "test"
            parts[part] = _resolved(labels, scorer.kind, (*where, key), sets, arms, main)
        if scorer.held_out == 0 and (scorer.test is None or scorer.test.by != "file"):
            raise GraphError(
                (*where, "held_out"), "with 0 there is nothing to measure it on: raise it, or give a file as test"
            )
        yield ScorerNode(name=name, recipe=its, scorer=scorer, start=start, labels=parts)


def _budget(over: Mapping[str, Any]) -> bool:
    return any(over.get(key) is not None for key in ("epochs", "steps", "tokens"))


@functools.cache
def _adapter() -> TypeAdapter[Scorer]:
    return TypeAdapter(Scorer)


def _scorer(given: Mapping[str, Any], where: Location) -> Scorer:
    try:
        return _adapter().validate_json(json.dumps(given))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise NodeValueError((*where, *first["loc"]), first) from None


def _resolved(
    labels: Labels, kind: str, where: Location, sets: Sequence[str], arms: Sequence[str], main: str
) -> Labels:
    """Return labels with the set that they mean, after a look at their names."""
    for key, what in labels.contradictions(kind):
        raise GraphError((*where, *key.split(".")), what)
    for key, value, known, called in (("on", labels.on, sets, "set"), ("arm", labels.arm, arms, "arm")):
        if value is not None and value not in known:
            raise GraphError((*where, key), f"there is no {called} {value!r}{nearest(value, list(known))}")
    return labels if labels.by == "file" else replace(labels, on=labels.on or main)


def rewarded_by(train: Train, scorers: Mapping[str, ScorerNode], where: Location) -> dict[str, Reward]:
    """Return how each scorer reads an answer that a phase of training rewards by it; `where` are its rewards.

    Raises:
        GraphError: a scorer that is not there, or one of whole answers that is to score steps.
    """
    found = {}
    for number, term in enumerate(train.grpo.rewards if train.method == "grpo" else ()):
        if term.scorer is None:
            continue
        if term.scorer not in scorers:
            what = f"there is no scorer {term.scorer!r}{nearest(term.scorer, list(scorers))}"
            raise GraphError((*where, number, "scorer"), what)
        if scorers[term.scorer].scorer.kind == "outcome" and term.form not in (None, "whole"):
            what = f"{term.scorer!r} scores the whole answer, which has no form {term.form}"
            raise GraphError((*where, number, "form"), f"{what}: leave form out, or take a scorer of kind process")
        found[term.scorer] = scorers[term.scorer].reward
    return found
