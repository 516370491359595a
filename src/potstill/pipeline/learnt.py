"""Whose distributions a phase learns: as an input of its stages, as a setting, and as training gets it."""

from __future__ import annotations

from pathlib import Path

from potstill.durable import digest_of
from potstill.graph import Graph, Phase
from potstill.pipeline import naming, settings
from potstill.pipeline.checkpoints import located
from potstill.pipeline.naming import LOGITS, MODEL
from potstill.pipeline.stage import Context
from potstill.recipe import Kl
from potstill.train.methods import Taught

TEACHER = "teacher"
"""Role of the stage that has the teacher's checkpoint."""


def stored(phase: Phase) -> bool:
    """Whether distributions are captured before the training."""
    kl = phase.recipe.train.loss.kl
    return kl is not None and kl.top_k is not None


def inputs(phase: Phase, graph: Graph) -> dict[str, str]:
    """Return the stage of the teacher's checkpoint, where it is an arm."""
    return {} if phase.learnt_from is None else {TEACHER: naming.model(graph.arms[phase.learnt_from], graph)}


def contents(phase: Phase) -> settings.Settings:
    """Return the digest of a teacher that is a folder."""
    kl = phase.recipe.train.loss.kl
    return {} if kl is None or kl.model is None else settings.contents(TEACHER, Path(phase.recipe.data) / kl.model)


def taught(kl: Kl, context: Context) -> Taught:
    """Return the teacher as training gets it: with stored distributions where there are some."""
    if LOGITS in context.inputs:
        committed = context.inputs[LOGITS]
        return Taught(name="", digest=committed.digest, logits=committed.folder(LOGITS))
    if TEACHER in context.inputs:
        arm = context.inputs[TEACHER]
        return Taught(name=str(arm.folder(MODEL)), digest=arm.digest)
    name = located(str(kl.model), Path(context.recipe.data))
    return Taught(name=name, digest=digest_of(Path(name)) if Path(name).is_dir() else name)
