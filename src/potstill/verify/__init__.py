"""Verdicts on traces: right, wrong or unknown, and unknown is never wrong."""

from __future__ import annotations

from potstill.verify.answers import Judged
from potstill.verify.verdicts import judge, verdict_of

CHECKS = {"answer": verdict_of}
"""Name of a check -> (problem, trace, settings) -> verdict."""

__all__ = ["CHECKS", "Judged", "judge", "verdict_of"]
