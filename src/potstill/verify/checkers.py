"""Problems that bring their own checker: a reasoning-gym task's scorer, or a function of the user's.

Some reasoning-gym scorers evaluate the answer's text as Python (0.1.25: four by `eval`, five by sympy's `parse_expr`).
No model text reaches either as it is. Where `eval` could only ever give partial credit, which is wrong here, it is
replaced by `ast.literal_eval`; a scorer that parses formulas is only handed text made of numbers, operators and known
names, and other text is unknown. All of them run in worker processes that are killed when they take too long.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

from potstill.errors import MissingExtraError, RecipeError, nearest
from potstill.hardware import processors
from potstill.problems.functions import check_function, find_function, folder_of
from potstill.records import Cause, Problem
from potstill.verify.extract import extract
from potstill.verify.judged import Judged, unknown
from potstill.verify.pool import (
    CallFailedError,
    Pool,
    QueueFullError,
    WorkerDiedError,
    WorkerTimeoutError,
)

MAX_ANSWER = 10_000
"""Characters of an answer that a checker is asked about."""
SECONDS = 10.0
"""For one call of a scorer or checker, imports not counted."""
MEMORY_BYTES = 2 * 2**30
WAITING = 16_384
SHOWN = 40
"""Characters of an answer that a reason shows."""
GYM = "reasoning_gym:"

_EVALUATED = ("string_insertion", "spiral_matrix", "binary_matrix", "n_queens")
_FORMULAS = {
    "countdown": "", "puzzle24": "", "polynomial_multiplication": "variables",
    "simple_integration": "variables functions", "intermediate_integration": "variables functions",
}  # fmt: skip
_FUNCTIONS = frozenset(("sin", "cos", "tan", "exp", "log", "ln", "sqrt", "sinh", "cosh", "tanh", "Abs", "pi", "E"))
_FORMULA = re.compile(r"[0-9A-Za-z+\-*/^(). \t]{1,300}")
_NAME = re.compile(r"[A-Za-z][0-9A-Za-z]*")
_POWER = r"(?:\*\*|\^)\s*[-+]?\s*"
_REFUSED = re.compile(
    rf"\d{{9}}|{_POWER}(?:\d{{3}}|\w+\s*(?:\*\*|\^)|\((?!\s*-?\d{{1,3}}\s*(?:/\s*\d{{1,3}}\s*)?\)))"
    r"|[A-Za-z)]\s*\.|\.\s*[A-Za-z]"
)
"""Large numbers, large or nested exponents, attributes."""


Checker = Callable[[Problem, str], bool | None]


def load_checker(name: str, data: Path) -> Checker | None:
    """Find a checker by name and return the user's function, or None for a reasoning-gym task.

    `module:function` is looked for as a source's loader is: where Python finds it, else in the folder `data`, where
    `file.py:function` is too. Raises `RecipeError` for a name that leads nowhere and `MissingExtraError` without
    the package.
    """
    if name.startswith(GYM):
        _check_task(name, f"checker {name!r}")
        return None
    return _user_function(name, data)


def check_checker(name: str, data: Path, where: str) -> None:
    """Raise RecipeError unless a checker is there and takes a problem and an answer; runs none of its code.

    `where` is the recipe's key. Raises `MissingExtraError` for a reasoning-gym task without the package.
    """
    if name.startswith(GYM):
        _check_task(name, where)
    elif ":" not in name:
        raise RecipeError(f"{where}: {name!r} is no checker: write it as 'module:function' or '{GYM}TASK'")
    elif refusal := check_function(name, data, where, positional=2):
        raise RecipeError(f"{where}: {name} is called with a problem and an answer: {refusal}")


def _check_task(name: str, where: str) -> None:
    task, known = name.removeprefix(GYM), _gym_tasks()
    if task not in known:
        raise RecipeError(f"{where}: no such reasoning-gym task{nearest(task, known)}")


@lru_cache(maxsize=64)
def _user_function(name: str, data: Path) -> Checker:
    module, _, function = name.rpartition(":")
    if not module or not function:
        raise RecipeError(f"checker {name!r}: write it as 'module:function' or '{GYM}TASK'")
    return find_function(name, data, f"checker {name!r}")


@lru_cache(maxsize=1)
def _gym_tasks() -> tuple[str, ...]:
    try:
        from reasoning_gym.factory import DATASETS
    except ImportError as error:
        raise MissingExtraError("a reasoning-gym checker", "reasoning-gym", "gym") from error
    return tuple(DATASETS)


def judge_by_checker(problem: Problem, response: str, data: Path = Path()) -> Judged:
    """Judge the answer part of a response by the problem's own checker, right only at full score.

    `data` is the folder that a checker's module is looked for in, see `load_checker`.
    """
    found = extract(response, problem.answer_kind, problem.choices)
    if found.ambiguous:
        return unknown("ambiguous", "two different final answers", found.method, found.value)
    if found.value is None:
        return unknown("unparsable prediction", "no final answer found", found.method)
    return judge_bare(problem, found.value, data, found.method)


def judge_bare(problem: Problem, answer: str, data: Path = Path(), method: str = "bare") -> Judged:
    """Judge a bare answer by the problem's own checker; nothing is looked for in it. `method` says how it was found."""
    if len(answer) > MAX_ANSWER:
        return unknown("unsupported", f"answer longer than {MAX_ANSWER:,} characters", method)
    if load_checker(problem.checker, data) is None:
        return _by_gym(problem, answer, method)
    return _by_user(problem, data.resolve(), answer, method)


def _by_user(problem: Problem, data: Path, answer: str, method: str) -> Judged:
    called = _call(_user_pool(problem.checker, data), _call_user, (data, problem), answer, problem.gold or "0", method)
    if isinstance(called, Judged):
        return called
    if called[0] is None:
        return unknown("unsupported", "the checker abstained", method, answer)
    right = called[0] is True
    return Judged("right" if right else "wrong", method=f"checker, {method}", score=float(right), extracted=answer)


def _by_gym(problem: Problem, answer: str, method: str) -> Judged:
    task = problem.checker.removeprefix(GYM)
    if task in _FORMULAS and not is_safe_formula(answer, _FORMULAS[task]):
        return unknown("unsupported", "not a formula that may be handed to this scorer", method, answer)
    usual = problem.gold or "0"
    if task in _FORMULAS and not is_safe_formula(usual, _FORMULAS[task]):
        usual = "0"
    called = _call(_gym_pool(), _call_gym, (task, problem.facts), answer, usual, method)
    if isinstance(called, Judged):
        return called
    score = called[0]
    if not isinstance(score, int | float):
        return unknown("infrastructure", f"the scorer returned {type(score).__name__}", method, answer)
    outcome = "right" if score >= 1.0 else "wrong"
    return Judged(outcome, method=f"scorer, {method}", score=float(score), extracted=answer)  # type: ignore[arg-type]


def is_safe_formula(text: str, allowed: str) -> bool:
    """Whether a text holds nothing but a small formula: numbers, operators, single letters, functions by name."""
    if not _FORMULA.fullmatch(text) or _REFUSED.search(text):
        return False
    for name in _NAME.findall(text):
        variable = "variables" in allowed and len(name) == 1 and (name.islower() or name == "C")
        if not variable and not ("functions" in allowed and name in _FUNCTIONS):
            return False
    return True


def _call(
    pool: Pool, function: Callable[..., object], told: tuple[object, ...], answer: str, usual: str, method: str
) -> Judged | list[object]:
    """Ask about an answer in a worker; a failure becomes an unknown verdict, a result comes back in a list of one.

    A checker that fails on this answer and not on a `usual` one is not to blame: else an answer could take itself out
    of every rate.
    """
    try:
        return [pool.call(function, *told, answer, seconds=SECONDS)]
    except QueueFullError as error:
        return unknown("infrastructure", f"the checker gave no answer: {error}", method, answer)
    except (WorkerTimeoutError, WorkerDiedError, CallFailedError) as error:
        cause: Cause = "timeout" if isinstance(error, WorkerTimeoutError) else "infrastructure"
        said = f"took longer than {SECONDS:g} s" if cause == "timeout" else f"failed: {error}"
    try:
        pool.call(function, *told, usual, seconds=SECONDS)
    except (QueueFullError, WorkerTimeoutError, WorkerDiedError, CallFailedError):
        return unknown(cause, f"the checker {said}", method, answer)
    return unknown("unsupported", f"on this answer, and not on {usual[:SHOWN]!r}, the checker {said}", method, answer)


@lru_cache(maxsize=1)
def _gym_pool() -> Pool:
    return _pool(_prepare_gym)


@lru_cache(maxsize=64)
def _user_pool(name: str, data: Path) -> Pool:
    return _pool(partial(_prepare_user, name, data))


def _pool(prepare: Callable[[], None]) -> Pool:
    """Return a pool for code that the user named: it has the user's environment, as it would have anywhere else."""
    workers = min(2, processors())
    return Pool(prepare, workers=workers, memory_bytes=MEMORY_BYTES, waiting=WAITING, environment=os.environ)


def _prepare_gym() -> None:
    """Import the scorers, and take `eval` away from those that call it on answers. Runs before the workers."""
    import reasoning_gym

    for task in _EVALUATED:
        scorer = reasoning_gym.get_score_answer_fn(task)
        scorer.__func__.__globals__["eval"] = ast.literal_eval


def _prepare_user(name: str, data: Path) -> None:
    """Import the user's checker, and let it import what stands beside it. Runs before the workers."""
    sys.path.append(str(folder_of(name, data)))
    _user_function(name, data)


def _call_gym(task: str, facts: str, answer: str) -> float:
    """Score an answer. Runs in a worker."""
    from potstill.problems.gym import entry_of, scorer_of

    return float(scorer_of(task, facts).score_answer(answer, entry_of(facts)))


def _call_user(data: Path, problem: Problem, answer: str) -> bool | None:
    """Ask the user's checker; anything but True, False or None is its failure. Runs in a worker."""
    result: object = _user_function(problem.checker, data)(problem, answer)
    if result is None or isinstance(result, bool):
        return result
    raise TypeError(f"it returned {type(result).__name__}, not True, False or None")
