"""The one way in which any model is asked, served or in this process, teacher or student."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from potstill import recipe
from potstill.models.batch.client import BatchModel
from potstill.models.budget import Cap
from potstill.models.ledger import Ledger
from potstill.models.requests import Request
from potstill.models.served.client import Follow, RequestCounts, ServedModel
from potstill.progress import Progress


class Sampler(Protocol):
    """A model: `ServedModel`, `BatchModel` or `InProcess`."""

    def collect(
        self, requests: Iterable[Request], ledger: Ledger, progress: Progress, follow: Follow | None = None
    ) -> RequestCounts:
        """Ask what the ledger lacks; when this returns, all that came back is in it. See `ServedModel.sample`."""


def served_model(teacher: recipe.ServedTeacher, cap: Cap | None = None) -> Sampler:
    """Return what asks a served teacher, one request at a time or by its provider's batches, under a shared cap."""
    return BatchModel(teacher, cap=cap) if teacher.executor == "batch" else ServedModel(teacher, cap=cap)
