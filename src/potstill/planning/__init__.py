"""What a run will take, before it is begun: tokens, dollars, time, memory and disk of every stage, with their basis."""

from __future__ import annotations

from potstill.planning.figures import Basis, Figure
from potstill.planning.making import RunPlan, plan_of
from potstill.planning.memory import Memory
from potstill.planning.stage_plan import StagePlan

__all__ = ["Basis", "Figure", "Memory", "RunPlan", "StagePlan", "plan_of"]
