"""How an answer is asked for and judged: a kind of answer is an entry of a file of this folder and its line here.

`auto` reads the kind from the gold; `expression` takes any mathematical object.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from potstill.recipe import Checks
from potstill.records import Problem
from potstill.tables import Table
from potstill.verify.judged import Judged


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a kind may judge by: the recipe's checks, the folder of its data, and whether a sandbox may be missing."""

    checks: Checks
    data: Path = Path()
    without_sandbox: bool = False


@dataclass(frozen=True, kw_only=True)
class AnswerKind:
    """One kind of answer.

    `form` is what a prompt's `{answer_form}` says, so that the final answer can be found in the response; `judge` gets
    the problem and the answer part of a response, and returns right, wrong or unknown with its cause. Model text is
    hostile: `judge` bounds what it reads, and runs none of it.
    """

    form: str
    judge: Callable[[Problem, str, Setting], Judged]


_COMPARED = "potstill.verify.answer_kinds.compared"
ANSWER_KINDS: Table[AnswerKind] = Table(
    "answer kind",
    "potstill.answer_kinds",
    {
        "auto": f"{_COMPARED}:MATHEMATICAL",
        "number": f"{_COMPARED}:MATHEMATICAL",
        "expression": f"{_COMPARED}:MATHEMATICAL",
        "equation": f"{_COMPARED}:MATHEMATICAL",
        "interval": f"{_COMPARED}:MATHEMATICAL",
        "set": f"{_COMPARED}:MATHEMATICAL",
        "tuple": f"{_COMPARED}:MATHEMATICAL",
        "list": f"{_COMPARED}:MATHEMATICAL",
        "matrix": f"{_COMPARED}:MATHEMATICAL",
        "quantity": f"{_COMPARED}:MATHEMATICAL",
        "date": f"{_COMPARED}:MATHEMATICAL",
        "choice": f"{_COMPARED}:CHOICE",
        "yes_no": f"{_COMPARED}:YES_NO",
        "text": f"{_COMPARED}:TEXT",
        "parts": f"{_COMPARED}:PARTS",
        "code": "potstill.verify.answer_kinds.programs:PROGRAM",
    },
)
