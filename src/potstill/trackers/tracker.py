"""What every tracker is: how it is told of an arm, and what it may refuse."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from potstill.errors import PotstillError


class TrackerError(PotstillError):
    """A tracker that cannot be told: says which and why; the run goes on without it."""


@dataclass(frozen=True, kw_only=True)
class About:
    """Who is told of: an arm of the run `run` in the folder `folder`, with the settings that made it.

    `key` is another for each folder and arm. `settings` are sections of the recipe as JSON holds them; they name no
    key, address or file of a teacher.
    """

    folder: Path
    run: str
    arm: str
    key: str
    settings: Mapping[str, Any]


class Tracker(ABC):
    """What one arm is told to, from the start: whatever an earlier process said of the arm is said again.

    Every step is told once, in order. `close` comes last, at any time. Each of them may raise TrackerError.
    """

    PACKAGE: ClassVar[str]
    """What it imports."""

    @abstractmethod
    def __init__(self, about: About) -> None:
        """Begin the arm's record anew."""

    @abstractmethod
    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Take figures by name, such as `train/loss`, as of an optimiser step."""

    @abstractmethod
    def finish(self, final: Mapping[str, float]) -> None:
        """Take what came out of the arm."""

    @abstractmethod
    def close(self) -> None:
        """Write what is held back."""
