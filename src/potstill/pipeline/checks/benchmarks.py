"""Benchmarks: their files, whether these are the published ones, and room for responses; helpers of other measures."""

from __future__ import annotations

from potstill.errors import RecipeError
from potstill.evaluate.faithfulness.paraphrase import SECTION
from potstill.models.sampling import wire_sampling
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


def helper(arm: Arm, where: str, scene: Scene) -> None:
    """Refuse a helper of paraphrases that could not be asked: no address, no key, settings that do not fit."""
    del where, scene
    asked = arm.evaluate.faithfulness
    if asked is None or asked.paraphrase is None:
        return
    from potstill.models.budget import Cap
    from potstill.models.served.client import ServedModel
    from potstill.pipeline.checks.extras import need

    need(SECTION, "served", "aiohttp")
    wire_sampling(asked.paraphrase.sampling, 0, f"{SECTION}.sampling")
    ServedModel(asked.paraphrase, section=SECTION, cap=Cap(asked.paraphrase.spend_at_most))
