"""An arm that goes on from the steps of a solution: what it is asked, and its continuations as traces.

After Math-Shepherd (Wang et al. 2023, arXiv 2312.08935).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from potstill.models.local.inprocess import InProcess, identity
from potstill.models.local.model import LocalModel
from potstill.models.requests import Completion, Message, Request
from potstill.records import Problem, Trace, content_key
from potstill.train.render import ask, is_opened, prompt_text, split
from potstill.train.students import load_tokenizer

if TYPE_CHECKING:
    from potstill.pipeline.labelling import CutTrace, Labelling

STRATEGY = "continued"
"""What traces say that were begun by another solution."""


def rollouts_of(problem: Problem, steps: Sequence[str], count: int, seed: int) -> Iterator[tuple[int, str, int]]:
    """Yield (number, the steps so far, seed) of `count` rollouts for each step but the last, in the order of the steps.

    A rollout's seed depends on the run's seed, the problem, the steps before it and its number alone.
    """
    prefix = ""
    for step in steps[:-1]:
        prefix += step
        for number in range(count):
            key = content_key("rollout", seed, problem.key, prefix, number)
            # 31 bits: some servers read a signed 32-bit integer.
            yield number, prefix, int(key[:8], 16) & 0x7FFFFFFF


class Continuing:
    """The student of the arm that labels by rollouts; `folder` is its checkpoint.

    It reads its own prompt, its mark of thinking and the steps so far, without the white space behind them, as it would
    have written them itself, and goes on.
    """

    def __init__(self, labelling: Labelling, folder: Path) -> None:
        if labelling.student is None:
            raise ValueError("labels by rollouts need a student that goes on")
        self.student, self.labels, self.seed = labelling.student, labelling.labels, labelling.node.recipe.seed
        self.name = str(self.labels.arm)
        self.own = identity(folder, self.labels.precision)
        self.model = InProcess(self.name, lambda: LocalModel(folder, self.labels.precision), self.labels.batch)
        begun = prompt_text(load_tokenizer(folder), "What is 2 + 2?")
        self.opening = "" if is_opened(self.student, begun) else self.student.reasoning_open

    def requests(self, solution: CutTrace) -> Iterator[tuple[Problem, Request, str]]:
        """Yield (problem, request, steps so far) for each rollout, in the order of the steps; none from the last."""
        sampling, its = self.labels.sampling, solution.problem
        fixed = {
            "temperature": 1.0 if sampling.temperature is None else sampling.temperature,
            "top_p": 1.0 if sampling.top_p is None else sampling.top_p, "max_tokens": sampling.max_tokens,
        }  # fmt: skip
        for number, prefix, seed in rollouts_of(its, solution.steps, self.labels.rollouts, self.seed):
            begun = prefix.rstrip()
            turns = (
                Message("user", ask(self.student, its.statement)), Message("assistant", f"{self.opening}{begun}"),
            )  # fmt: skip
            settings = {**fixed, "seed": seed, **self.own}
            yield its, Request(messages=turns, model=self.name, sampling=settings, sample=number), begun

    def trace(self, problem: Problem, request: Request, begun: str, completion: Completion) -> Trace:
        """Return a continuation with what it went on from, as a trace that can be judged."""
        said = completion.content
        if completion.reasoning:  # the ledger knows the marks that many models use
            said = f"{completion.reasoning}{self.student.reasoning_close}{said}"
        reasoning, answer = split(self.student, f"{self.student.reasoning_open}{begun}{said}")
        return Trace(
            problem_key=problem.key, teacher=self.name, strategy=STRATEGY, prompt_key=request.prompt_key,
            sample=request.sample, attempt=0, sampling=json.dumps(request.sampling, sort_keys=True),
            reasoning=reasoning, answer=answer, finish=completion.finish, failure=completion.failure,
            completion_tokens=completion.completion_tokens,
        )  # fmt: skip
