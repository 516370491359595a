"""Which parts of the declared checks one judging read: its verdict holds under all checks that agree on those.

Nobody declares what a kind of answer depends on. Judging is handed checks that note what is read of them, and it comes
out the same wherever what it read is the same (Mokhov, Mitchell and Peyton Jones, "Build systems a la carte", ICFP
2018: a constructive trace). What cannot be watched reads everything.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from potstill.recipe import Checks, Policy
from potstill.records import content_key

JUDGE = "judge"
POLICY = tuple(f"policy.{field.name}" for field in dataclasses.fields(Policy))
PARTS = (*POLICY, "seconds", "code", JUDGE)
"""The parts of checks on which one answer's verdict may depend, by their keys in a recipe."""


def values_of(checks: Checks, prompt: str) -> dict[str, Any]:
    """Return the value of each part as JSON holds it; `prompt` is the judge's."""
    policy = {f"policy.{name}": value for name, value in dataclasses.asdict(checks.policy).items()}
    asked = checks.judge and content_key("judge", checks.judge.model, dataclasses.asdict(checks.judge.sampling), prompt)
    return policy | {"seconds": checks.seconds, "code": dataclasses.asdict(checks.code), JUDGE: asked}


def written(values: Mapping[str, Any], parts: Iterable[str]) -> str:
    """Return the values of some parts as text that is the same for the same ones."""
    return json.dumps({part: values[part] for part in parts}, sort_keys=True, separators=(",", ":"))


def watched(checks: Checks, read: set[str]) -> Checks:
    """Return checks equal to these that add to `read` each part that is read of them."""
    return _Checks(checks, read)


class _Watched:
    """Whatever is watched stays in this process: a copy elsewhere would be read unseen."""

    def __reduce_ex__(self, _: object) -> NoReturn:
        raise TypeError("watched checks are not handed to another process: hand on the values that it needs")


class _Policy(_Watched, Policy):
    def __init__(self, policy: Policy, read: set[str]) -> None:
        self.__dict__.update(vars(policy), _read=read)

    def __getattribute__(self, name: str) -> Any:  # noqa: ANN401 - of any field
        if (part := f"policy.{name}") in POLICY:
            object.__getattribute__(self, "_read").add(part)
        return object.__getattribute__(self, name)


class _Checks(_Watched, Checks):
    def __init__(self, checks: Checks, read: set[str]) -> None:
        self.__dict__.update(vars(checks), _read=read, policy=_Policy(checks.policy, read))

    def __getattribute__(self, name: str) -> Any:  # noqa: ANN401 - of any field
        if name in PARTS:
            object.__getattribute__(self, "_read").add(name)
        return object.__getattribute__(self, name)
