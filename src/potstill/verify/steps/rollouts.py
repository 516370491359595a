"""Step labels by rollouts: how often a solution is brought to a right end from each of its steps.

After Math-Shepherd (Wang et al. 2023, arXiv 2312.08935): its hard label is any, its soft label the share.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import islice

from potstill import recipe
from potstill.intervals import Interval, wilson
from potstill.models.ledger import Ledger
from potstill.models.local.model import LocalModel, Prompt
from potstill.models.requests import Completion, Message, Request
from potstill.models.sampling import wire_sampling
from potstill.models.served.client import ServedModel
from potstill.progress import Progress
from potstill.records import Cause, Outcome, Problem, content_key
from potstill.verify.answers import Judged, unknown

CHUNK = 1024
"""Rollouts that are sampled together, at least; more where one solution has more."""
LOCAL_BATCH = 32
"""Rollouts in a forward pass of a local model."""


@dataclass(frozen=True, slots=True)
class Solution:
    """A solution cut into steps; their concatenation is its text."""

    problem: Problem
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rollout:
    """One continuation to be sampled after the first steps of a solution.

    Its seed depends on the run's seed, the problem, the steps before it and its number alone.
    """

    problem: Problem
    prefix: str
    number: int
    seed: int


@dataclass(frozen=True, slots=True)
class Continued:
    """What was sampled, or the cause why nothing can be judged."""

    text: str
    cause: Cause = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StepLabel:
    """Verdicts on the rollouts from one step; undecided ones are counted and enter no share.

    `causes` counts the undecided ones by cause. The last step is not `sampled`: nothing is left to continue, so its
    one verdict is that of the solution itself.
    """

    right: int
    wrong: int
    unknown: int
    causes: tuple[tuple[str, int], ...] = ()
    sampled: bool = True

    @property
    def hard(self) -> bool | None:
        """Whether any rollout ended right; None where none was decided."""
        return self.right > 0 if self.right + self.wrong else None

    @property
    def soft(self) -> float | None:
        """Share of the decided rollouts that ended right."""
        decided = self.right + self.wrong
        return self.right / decided if decided else None

    @property
    def interval(self) -> Interval:
        """The soft label with its 95% interval: Wilson's for sampled steps, a point for a decided last step."""
        soft = self.soft
        if soft is not None and not self.sampled:
            return Interval(soft, soft, soft)
        return wilson(soft or 0.0, self.right + self.wrong)


Sampler = Callable[[Sequence[Rollout]], Iterator[Continued]]
"""Samples rollouts and yields one result each, in order."""
Check = Callable[[Problem, str], Judged]
"""The ordinary check of an answer to a problem, such as `verify.judge` with its settings."""


def label_steps(
    solutions: Iterable[Solution], sampler: Sampler, check: Check, *, rollouts: int, seed: int
) -> Iterator[tuple[StepLabel, ...]]:
    """Yield one label a step for each solution, in order.

    From each step but the last `rollouts` continuations are sampled and each is judged by itself. Solutions are read as
    needed; equal solutions, seed and sampler give equal labels, whatever else is labelled beside them.
    """
    source = iter(solutions)
    while chunk := _chunk(source, rollouts):
        asked = [rollout for solution in chunk for rollout in rollouts_of(solution, rollouts, seed)]
        continued = sampler(asked)
        for solution in chunk:
            sampled = [
                _label([_judged(solution.problem, one, check) for one in islice(continued, rollouts)])
                for _ in solution.steps[:-1]
            ]
            whole = [check(solution.problem, "".join(solution.steps))] if solution.steps else []
            yield (*sampled, *(_label([judged], sampled=False) for judged in whole))


def rollouts_of(solution: Solution, rollouts: int, seed: int) -> list[Rollout]:
    """Return the rollouts of a solution: `rollouts` for each step but the last, in the order of the steps."""
    made, prefix = [], ""
    for step in solution.steps[:-1]:
        prefix += step
        for number in range(rollouts):
            key = content_key("rollout", seed, solution.problem.key, prefix, number)
            # 31 bits: some servers read a signed 32-bit integer.
            made.append(Rollout(solution.problem, prefix, number, int(key[:8], 16) & 0x7FFFFFFF))
    return made


def served_sampler(teacher: recipe.ServedTeacher, ledger: Ledger, progress: Progress) -> Sampler:
    """Return a sampler that asks a served model for what the ledger lacks.

    It raises TeacherError where the server cannot be reached or refuses everything: what was sampled is kept, and the
    same call goes on from there. A single failed rollout is undecided with cause `infrastructure`.

    Raises:
        TeacherError: the address or the key of the teacher cannot be used.
        RecipeError: its sampling settings hold a field that is not the recipe's to set.
    """
    model = ServedModel(teacher)
    prompt = _prompt()
    wire_sampling(teacher.sampling, 0, "teacher.sampling")

    def request(rollout: Rollout) -> Request:
        sampling = wire_sampling(teacher.sampling, rollout.seed, "teacher.sampling")
        turns = (Message("user", _asked(prompt, rollout)),)
        return Request(messages=turns, model=teacher.model, sampling=sampling, sample=rollout.number)

    def sample(rollouts: Sequence[Rollout]) -> Iterator[Continued]:
        model.collect((request(rollout) for rollout in rollouts), ledger, progress)
        return (_continued(ledger.get(request(rollout).key)) for rollout in rollouts)

    return sample


def local_sampler(model: LocalModel, sampling: recipe.Sampling) -> Sampler:
    """Return a sampler that runs a checkpoint in this process; `temperature` unset is 1."""
    prompt = _prompt()
    temperature = 1.0 if sampling.temperature is None else sampling.temperature
    top_p = 1.0 if sampling.top_p is None else sampling.top_p

    def sample(rollouts: Sequence[Rollout]) -> Iterator[Continued]:
        for at in range(0, len(rollouts), LOCAL_BATCH):
            batch = rollouts[at : at + LOCAL_BATCH]
            turns = [[{"role": "user", "content": _asked(prompt, rollout)}] for rollout in batch]
            prompts = [Prompt(model.render(turn), rollout.seed) for turn, rollout in zip(turns, batch, strict=True)]
            for generated in model.sample(prompts, sampling.max_tokens, temperature, top_p):
                yield Continued(generated.text) if generated.finish == "stop" else _CUT

    return sample


_CUT = Continued("", "unparsable prediction", "truncated")


def _prompt() -> str:
    return files("potstill.verify.steps").joinpath("rollout_prompt.txt").read_text(encoding="utf-8")


def _asked(prompt: str, rollout: Rollout) -> str:
    before, _, after = prompt.partition("{steps}")
    return before.replace("{question}", rollout.problem.statement) + rollout.prefix.rstrip() + after


def _continued(completion: Completion | None) -> Continued:
    if completion is None or completion.finish in ("refused", "failed"):
        return Continued("", "infrastructure", completion.failure if completion else "no reply")
    return _CUT if completion.finish == "length" else Continued(completion.content)


def _chunk(source: Iterator[Solution], rollouts: int) -> list[Solution]:
    """Return the next solutions that have `CHUNK` rollouts between them."""
    chunk: list[Solution] = []
    size = 0
    for solution in source:
        chunk.append(solution)
        size += rollouts * len(solution.steps)
        if size >= CHUNK:
            break
    return chunk


def _judged(problem: Problem, continued: Continued, check: Check) -> Judged:
    return unknown(continued.cause, continued.reason) if continued.cause else check(problem, continued.text)


def _label(judged: Sequence[Judged], *, sampled: bool = True) -> StepLabel:
    counts: Counter[Outcome] = Counter(one.outcome for one in judged)
    causes = Counter(one.cause for one in judged if one.outcome == "unknown")
    return StepLabel(counts["right"], counts["wrong"], counts["unknown"], tuple(sorted(causes.items())), sampled)
