"""A run's student, asked one question at a time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from potstill.errors import PotstillError, StudentError, nearest
from potstill.graph import graph_of
from potstill.models.local.model import LocalModel, Prompt
from potstill.pipeline import naming
from potstill.pipeline.naming import MODEL
from potstill.recipe import Recipe
from potstill.recipe_file import load
from potstill.store import Run
from potstill.train.render import ask, split


@dataclass(frozen=True)
class StudentAnswer:
    """What a student wrote to a question; `stopped` is the limit of tokens that cut it off, None where it ended."""

    reasoning: str
    answer: str
    stopped: int | None = None

    def __str__(self) -> str:
        """Return the reasoning, a rule, the answer."""
        answer = self.answer
        if self.stopped is not None:
            answer = f"{answer}\n(stopped after {self.stopped} tokens: no answer)".strip()
        return f"{self.reasoning}\n---\n{answer}" if self.reasoning else answer


@dataclass(frozen=True)
class LoadedArm:
    """An arm of a run with its model in memory."""

    name: str
    recipe: Recipe
    model: LocalModel

    def answer(self, question: str, max_tokens: int | None = None) -> StudentAnswer:
        """Put a question to it as the run does; at most `max_tokens` of answer (None: what `evaluate` lets it have)."""
        settings, limit = self.recipe.evaluate, max_tokens or self.recipe.evaluate.max_tokens
        rendered = self.model.render([{"role": "user", "content": ask(self.recipe.student, question)}])
        prompt = Prompt(rendered, self.recipe.seed)
        (generated,) = self.model.sample([prompt], limit, settings.temperature, settings.top_p)
        if generated.prompt_tokens >= self.model.context:
            raise StudentError(
                f"the question takes {generated.prompt_tokens} tokens of a context of {self.model.context}: ask a "
                "shorter one"
            )
        reasoning, answer = split(self.recipe.student, generated.text)
        return StudentAnswer(reasoning, answer, limit if generated.finish == "length" else None)


def refuse_empty(question: str) -> None:
    """Raise PotstillError where nothing is asked, before a model is loaded for it."""
    if not question.strip():
        raise PotstillError("the question is empty")


def load_arm(run: Path, name: str) -> LoadedArm:
    """Load the student of an arm.

    Raises:
        PotstillError: this is no run, it has no such arm, or the arm is not trained yet.
    """
    if not (run / "recipe.yaml").is_file():
        raise PotstillError(f"{run} is no run folder: it has no recipe.yaml")
    graph = graph_of(load(str(run / "recipe.yaml")))
    if name not in graph.arms:
        raise PotstillError(f"no student {name!r}{nearest(name, list(graph.arms))}")
    arm = graph.arms[name]
    committed = Run(run).committed(naming.model(arm, graph))
    if committed is None:
        raise PotstillError(f"the student {name!r} is not trained yet: potstill run {run / 'recipe.yaml'} --out {run}")
    return LoadedArm(name, arm.recipe, LocalModel(committed.folder(MODEL), arm.recipe.train.precision))
