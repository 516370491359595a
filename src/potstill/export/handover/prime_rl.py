"""For prime-rl: a taskset of its library `verifiers` (as of 0.4), a package that is installed beside the trainer."""

from __future__ import annotations

import json
from pathlib import Path

from potstill.durable import write_durably
from potstill.export.handover import HandedOver, to_text

NAME = "potstill_problems"
MODULE = '''
import json
from pathlib import Path

import verifiers.v1 as vf

from potstill.export.handover import Judging

HERE = Path(__file__).parent
JUDGING = Judging(HERE)


class PotstillConfig(vf.TasksetConfig):
    part: str = "train"
    """`train` or `test`."""


class PotstillData(vf.TaskData):
    problem: str
    """The problem with what it is judged by, as potstill wrote it."""


class PotstillTask(vf.Task[PotstillData, vf.State, vf.TaskConfig]):
    @vf.reward
    async def right(self, trace) -> float:
        """1 for a right answer, else 0, also where nobody can know."""
        return JUDGING.rewards([self.data.problem], [trace.last_reply])[0] or 0.0


class PotstillTaskset(vf.Taskset[PotstillTask, PotstillConfig]):
    def load(self):
        for line in (HERE / f"{self.config.part}.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            yield PotstillTask(PotstillData(**row), self.config.task)


__all__ = ["PotstillTaskset"]
'''
PROJECT = f'''\
[project]
name = "{NAME.replace("_", "-")}"
version = "0"
dependencies = ["potstill", "verifiers>=0.4,<0.5"]

[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[tool.setuptools]
packages = ["{NAME}"]

[tool.setuptools.package-data]
{NAME} = ["*.json", "*.jsonl"]
'''


def prime_rl(handed: HandedOver, out: Path) -> str:
    """Write a package with a taskset, and return how prime-rl is told."""
    package = out / NAME
    package.mkdir(exist_ok=True)
    for part, problems in handed.problems.items():
        rows = (
            {"id": problem.key, "prompt": handed.messages(problem)[0]["content"], "problem": to_text(problem)}
            for problem in problems
        )
        write_durably(package / f"{part}.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    (out / "potstill.json").replace(package / "potstill.json")
    write_durably(package / "__init__.py", (handed.head("prime-rl") + MODULE).encode())
    write_durably(out / "pyproject.toml", PROJECT.encode())
    return f"install the folder beside the trainer (pip install .), and name the taskset: taskset.id = {NAME!r}"
