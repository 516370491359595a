"""Benchmarks: their files, whether these are the published ones, and whether a student has room for their responses."""

from __future__ import annotations

from potstill.errors import RecipeError
from potstill.pipeline.benchmarking import check_context, prepared
from potstill.pipeline.checks.scene import Arm, Scene


def files(arm: Arm, where: str, scene: Scene) -> None:
    """Refuse a benchmark whose file is absent, another one or not readable, or that the student has no context for."""
    del where
    for number, asked in enumerate(arm.evaluate.benchmarks):
        key = f"evaluate.benchmarks.{number}"
        protocol = prepared(asked, scene.data, key, f"{key}.file").protocol
        scratch = arm.student.scratch
        if scratch is not None and scratch.context < protocol.max_tokens:
            raise RecipeError(
                f"{key}: {protocol.name} wants {protocol.max_tokens:,} tokens a response and student.scratch has a "
                f"context of {scratch.context:,}: with fewer max_tokens the result is called {protocol.benchmark}*"
            )
        if arm.student.model is not None:
            check_context(protocol, scene.data / arm.student.model, key)
