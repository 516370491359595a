"""Steps of a solution: cut into spans, their arithmetic recomputed, their labels read, scored or sampled."""

from __future__ import annotations

from potstill.verify.steps.arithmetic import StepsChecked, check_steps
from potstill.verify.steps.comparison import StepChecked
from potstill.verify.steps.labels import StepLabels, read_step_labels
from potstill.verify.steps.rows import steps_of_rows
from potstill.verify.steps.segment import Span, segment

__all__ = [
    "Span", "StepChecked", "StepLabels", "StepsChecked", "check_steps", "read_step_labels", "segment", "steps_of_rows",
]  # fmt: skip
