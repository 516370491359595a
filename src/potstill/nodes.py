"""What a node of the graph may say, and how it lies over the recipe: a set, an arm, a scorer."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter

from potstill.recipe import Kl, Match, Recipe, Reward, Scorer, Student, Train

Location = tuple[str | int, ...]
NODES = ("sets", "arms", "scorers")
"""Keys of a recipe whose entries override its sections."""
SET_KEYS = ("from", "teacher", "strategy", "checks", "curate")
ARM_KEYS = ("from", "student", "train", "evaluate", "rounds")
SCORER_KEYS = (*(item.name for item in dataclasses.fields(Scorer)), "from", "train")
NODE_KEYS: Mapping[str, Mapping[str, str]] = {
    "sets": {"from": "The set whose traces it takes, to judge or choose them differently; nothing is asked again."},
    "arms": {
        "from": "The arm whose student it starts from, in place of a base student.",
        "train": "What differs from the recipe's `train`, one phase or a list of them; without it nothing is trained.",
        "rounds": "How often it is asked and trained anew; each round asks the arm of the round before.",
    },
    "scorers": {
        "from": "The arm whose student it begins as, in place of the recipe's base student.",
        "train": "What differs from the recipe's `train`; its rows are the labelled solutions.",
    },
}
"""What the keys mean that only nodes have."""
EITHER = (Student.alternatives, Train.alternatives, Match.alternatives, Kl.alternatives, Reward.alternatives)
"""Keys of which one takes the place of the others, wherever they stand together."""
MOST_ROUNDS = 20
NODE_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}"
"""Such as `traces-rl`; a dot divides a node from its round or phase."""


class GraphError(ValueError):
    """A graph that cannot be run: the key that is wrong, and what to do."""

    def __init__(self, where: Location, what: str) -> None:
        super().__init__(what)
        self.where, self.what = where, what


def node_recipe(recipe: Recipe, overrides: Mapping[str, Any]) -> Recipe:
    """Return the recipe with sections overridden, key by key, and without sets and arms of its own.

    A key of `EITHER` takes the place of the others, and a teacher of another kind that of the whole teacher.
    """
    plain = json.loads(json.dumps(dataclasses.asdict(recipe)))
    for graph_key in (*NODES, "deliver"):
        del plain[graph_key]
    return adapter().validate_json(json.dumps(merged(plain, overrides)))


@functools.cache
def adapter() -> TypeAdapter[Recipe]:
    """Return what reads a recipe; it takes 25 ms to make."""
    return TypeAdapter(Recipe)


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of `base` with those of `over` in their place, level by level; see `node_recipe`.

    An entry of a list is overridden by its number: `{"0": {...}}` changes keys of the first.
    """
    found = dict(base)
    for keys in EITHER:
        if any(over.get(key) is not None for key in keys):
            found |= {key: None for key in keys if key in found and over.get(key) is None}
    for key, value in over.items():
        old = found.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping) and not _other_kind(old, value):
            found[key] = merged(old, value)
        elif isinstance(value, Mapping) and isinstance(old, list) and value and _numbers(value, old):
            entries = merged({str(number): entry for number, entry in enumerate(old)}, value)
            found[key] = list(entries.values())
        else:
            found[key] = value
    return found


def _numbers(keys: Iterable[str], entries: Sequence[Any]) -> bool:
    """Whether all keys are numbers of entries, counted from 0."""
    known = {str(number) for number in range(len(entries))}
    return all(key in known for key in keys)


def _other_kind(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return "kind" in new and "kind" in old and new["kind"] != old["kind"]


def located(where: Location, make: Callable[[], Recipe], cut: int = 0) -> Recipe:
    """Put the node's key before that of a validation error; `cut` parts of the error's own are the node's already."""
    from pydantic import ValidationError

    try:
        return make()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise NodeValueError((*where, *first["loc"][cut:]), first) from None


class NodeValueError(ValueError):
    """A value of a node that its section refuses: the whole key, and pydantic's error."""

    def __init__(self, where: Location, error: Mapping[str, Any]) -> None:
        super().__init__(str(error["msg"]))
        self.where, self.error = where, error
