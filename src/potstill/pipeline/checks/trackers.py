"""Packages of the trackers that a run tells its figures to."""

from __future__ import annotations

from potstill.pipeline.checks.extras import need
from potstill.pipeline.checks.scene import Scene
from potstill.trackers import TRACKERS


def installed(name: str, where: str, scene: Scene) -> None:
    """Name the extra of a tracker whose package is not installed."""
    del scene
    need(f"{where} {name}", name, TRACKERS[name].PACKAGE)
