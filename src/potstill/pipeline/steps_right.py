"""Right answers that were come to by a wrong step: what a reward of the answer alone does not see."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from potstill.graph import Graph
from potstill.records import Measure, Problem
from potstill.report.step_facts import StepFacts
from potstill.verify.steps import check_steps, segment
from potstill.verify.steps.facts import exact_labels, knows


def is_asked(graph: Graph) -> bool:
    """Return whether a recipe rewards steps, so that they are worth a table."""
    phases = (phase for arm in graph.arms.values() for phase in arm.phases if phase.recipe.train.method == "grpo")
    return any(term.by in ("steps", "scorer") for phase in phases for term in phase.recipe.train.grpo.rewards)


def step_facts(measures: Iterable[Measure], problems: Mapping[str, Problem]) -> StepFacts:
    """Count right answers, those among them with a wrong step, and their tokens.

    A step is judged by the facts of its problem where its family knows them, else by the calculator.
    """
    right = [measure for measure in measures if measure.outcome == "right" and not measure.truncated]
    wrong = sum(_has_wrong_step(problems[measure.problem_key], measure.reasoning) for measure in right)
    tokens = math.fsum(measure.completion_tokens for measure in right)
    return StepFacts(right=len(right), wrong_steps=wrong, tokens=tokens)


def _has_wrong_step(problem: Problem, reasoning: str) -> bool:
    texts = [reasoning[span.start : span.end] for span in segment(reasoning, "sentences")]
    if knows(problem):
        return False in exact_labels(problem, texts)
    return check_steps(texts).first_wrong_step is not None
