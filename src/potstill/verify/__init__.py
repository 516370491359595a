"""Verdicts on traces: right, wrong or unknown, and unknown is never wrong."""

from __future__ import annotations

from potstill.verify.answers import Judged
from potstill.verify.verdicts import Verdicts, judge, settled, verdict_of

__all__ = ["Judged", "Verdicts", "judge", "settled", "verdict_of"]
