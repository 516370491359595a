"""Problems and verifiers handed over to trainers of others: a trainer is a file of this folder and its line here.

Each writes a folder: prompts in the trainer's own layout, divided as the run divides them, `potstill.json` with how
answers are read and judged, and a module of a few lines that the trainer loads, which asks `Judging` there. So a large
student that is trained elsewhere is rewarded by the same verdicts as here.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from potstill.durable import write_durably
from potstill.evaluate.conditions import FILE, Conditions, read_conditions, written
from potstill.records import Problem, Trace
from potstill.tables import Table
from potstill.train.render import ask, split
from potstill.train.rewards.verdict import reward_of
from potstill.verify import Verdicts, settled

Part = Literal["train", "test"]
HEAD = '"""Rewards by the verifiers of potstill {version}, for {trainer}. Written by `potstill export --prompts`."""\n'
"""How a written module begins."""


@dataclass(frozen=True, kw_only=True)
class HandedOver:
    """What is handed over: the problems of each side in order, how a student is asked and judged, for which version."""

    problems: Mapping[Part, Sequence[Problem]]
    conditions: Conditions
    version: str

    def messages(self, problem: Problem) -> list[dict[str, str]]:
        """Return a problem as it is asked."""
        return [{"role": "user", "content": ask(self.conditions.student, problem.statement)}]

    def head(self, trainer: str) -> str:
        """Return the first line of a module for a trainer."""
        return HEAD.format(version=self.version, trainer=trainer)


HandOver = Callable[[HandedOver, Path], str]
"""Writes the files of a trainer into a folder that is there, and returns how it is told of them, in one line."""
HANDOVERS: Table[HandOver] = Table(
    "trainer",
    "potstill.handovers",
    {
        "trl": "potstill.export.handover.trl:trl",
        "verl": "potstill.export.handover.verl:verl",
        "prime-rl": "potstill.export.handover.prime_rl:prime_rl",
    },
)


def hand_over(trainer: str, handed: HandedOver, out: Path) -> str:
    """Write a folder for a trainer, and return how the trainer is told of it.

    Raises:
        RecipeError: there is no such trainer.
    """
    write = HANDOVERS[trainer]
    problems = [problem for side in handed.problems.values() for problem in side]
    checks = settled(handed.conditions.checks, problems)
    out.mkdir(parents=True, exist_ok=True)
    write_durably(out / FILE, written(dataclasses.replace(handed.conditions, checks=checks)))
    return write(handed, out)


def to_text(problem: Problem) -> str:
    """Return a problem as one text, as a column of a data set holds it."""
    return json.dumps(dataclasses.asdict(problem), ensure_ascii=False, sort_keys=True)


def problem_of(text: str) -> Problem:
    """Return a problem that `to_text` wrote."""
    fields = json.loads(text)
    return Problem(**{**fields, "choices": tuple(fields["choices"])})


class Judging:
    """What a written module asks: the verdicts on responses, as rewards. `folder` is that of the hand-over.

    Raises:
        DataError: `folder` lacks `potstill.json`, or it is of another version.
    """

    def __init__(self, folder: Path) -> None:
        found = read_conditions(folder)
        if found is None:
            raise FileNotFoundError(f"{folder} has no {FILE}: write it with potstill export --prompts")
        self.student, self.verdicts = found.student, Verdicts(found.checks, data=folder)

    def rewards(self, problems: Iterable[str], responses: Iterable[str]) -> list[float | None]:
        """Return 1 for each right response, 0 for any other, None where nobody can know for a reason outside it.

        `problems` are texts of `to_text`, one a response. A response that has no answer, such as one that is cut off,
        is not right.
        """
        asked = []
        for number, (text, response) in enumerate(zip(problems, responses, strict=True)):
            problem = problem_of(text)
            reasoning, answer = split(self.student, response)
            trace = Trace(
                problem_key=problem.key, teacher="handed over", strategy="", prompt_key="", sample=number, attempt=0,
                sampling="{}", reasoning=reasoning, answer=answer, finish="stop",
            )  # fmt: skip
            asked.append((problem, trace))
        return [reward_of(verdict) for verdict in self.verdicts.many(asked)]
