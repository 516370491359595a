"""A recipe written from few words: every choice stands in it with its reason, so that nothing is settled elsewhere."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from potstill.errors import DataError, RecipeError
from potstill.pipeline.checks.files import config_of, context_in
from potstill.problems import read
from potstill.problems.rows import stem
from potstill.recipe import Source
from potstill.train.students import PACKAGED

HELD_OUT, MOST_HELD_OUT = 5, 200
"""One in so many problems is held out, up to so many: of 200 an interval is 14 points wide at most."""
SCRATCH = "scratch"
"""A student from nothing."""
CONTEXTS = {PACKAGED: 8192, SCRATCH: 1024}
FEW, SOME = 2_000, 20_000
"""Problems below which each is asked up to four times, and up to twice."""
PER_PROBLEM = 2
ASKING_ROOM = 512
"""Tokens of a row that are left for the question."""
SIZE_OF_THOUGHT = 4096
"""Tokens of a teacher's response where nobody says."""
_WORDS = frozenset(("true", "false", "yes", "no", "on", "off", "null", "y", "n"))
"""What YAML does not take for text."""


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What somebody wants distilled: `problems` is a file, `teacher` an address, `student` as in a recipe.

    `max_tokens` None is `SIZE_OF_THOUGHT`. `folder` is where the recipe will stand; a file is named relative to it.
    """

    problems: Path
    teacher: str
    model: str
    student: str
    folder: Path
    name: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    kind: str | None = None
    key_env: str | None = None
    max_tokens: int | None = None
    spend_at_most: float | None = None
    gguf: tuple[str, ...] = ("q8_0",)
    seed: int = 0


@dataclass(frozen=True)
class Known:
    """What the file of problems holds: how many, how many have a gold, and how their answers compare."""

    problems: int
    golds: int
    kinds: tuple[str, ...]


def name_of(wishes: Wishes) -> str:
    """Return the name of the run: the one that was given, else that of the file."""
    # `my problems.csv.gz` becomes `my-problems`.
    return wishes.name or re.sub(r"[^A-Za-z0-9_-]+", "-", stem(wishes.problems.name)).strip("-") or "distilled"


def recipe_text(wishes: Wishes) -> str:
    """Return the recipe: equal wishes and equal problems give equal bytes.

    Raises:
        PotstillError: the problems cannot be read, are too few, or have no answers to judge by.
    """
    known = _looked_at(wishes)
    return "\n".join(_lines(wishes, known)) + "\n"


def _looked_at(wishes: Wishes) -> Known:
    source = Source(file=str(wishes.problems.resolve()), columns=dict(wishes.columns), answer_kind=wishes.kind)
    kinds: Counter[str] = Counter()
    golds = 0
    for problem in read(source, seed=0, data=Path(), where="PROBLEMS"):
        kinds[problem.answer_kind] += 1
        golds += problem.has_check
    if (count := kinds.total()) < 2 * HELD_OUT:
        raise DataError(f"{wishes.problems}: {count} problems are too few to train on some and measure on others")
    if not golds:
        raise DataError(
            f"{wishes.problems}: no problem has an answer to judge by: name its column with --column gold=COLUMN, or "
            "write a recipe whose checks need none (docs/guide/recipes.md)"
        )
    return Known(count, golds, tuple(kinds))


def _lines(wishes: Wishes, known: Known) -> Iterator[str]:
    yield from (
        "# Written by `potstill distill`: every choice with its reason. Change what you like; from here on",
        "# `potstill run` with this file does the same, and `potstill plan` says what it will take.",
        f"name: {_yaml(name_of(wishes))}",
        f"seed: {wishes.seed:<26}# everything random follows from it",
        "problems:",
        *_problems(wishes, known),
        "teacher:",
        *_teacher(wishes),
        "strategy:",
        *_strategy(known),
        "curate:",
        f"  per_problem: {PER_PROBLEM}              # two different solutions of a problem teach more than one",
        "student:",
        *_student(wishes),
        *_training(wishes),
        "# base, answers and traces: the student untouched, trained on bare answers, and on whole traces. Without the",
        "# first two nobody could say what the traces were worth; `arms: {traces: {train: {}}}` saves their time.",
        "arms:",
        "  base: {}",
        "  answers: {train: {supervision: answers, match: {examples: traces}}}",
        "  traces: {train: {}}",
        "export:",
        f"  gguf: {_yaml(list(wishes.gguf))}            # q8_0: half of bf16's bytes, and seldom another answer; "
        "measured in llama.cpp",
    )


def _problems(wishes: Wishes, known: Known) -> Iterator[str]:
    held = min(MOST_HELD_OUT, known.problems // HELD_OUT)
    yield (
        f"  evaluate: {held:<18}# one in {HELD_OUT} of {known.problems:,}, at most {MOST_HELD_OUT}: held out by "
        "content and never trained on"
    )
    yield "  sources:"
    yield f"    - file: {_yaml(os.path.relpath(wishes.problems, wishes.folder))}"
    if wishes.columns:
        yield f"      columns: {_yaml(dict(wishes.columns))}   # as told"
    if wishes.kind is not None:
        yield f"      answer_kind: {wishes.kind}   # as told"
    elif len(known.kinds) == 1:
        yield f"      answer_kind: {known.kinds[0]}   # as all {known.golds:,} answers look"
    else:
        yield f"      answer_kind: null   # each row's own, for they differ: {', '.join(sorted(known.kinds))}"


def _teacher(wishes: Wishes) -> Iterator[str]:
    yield "  kind: served              # a server as OpenAI's clients ask it"
    yield f"  base_url: {_yaml(wishes.teacher)}"
    yield f"  model: {_yaml(wishes.model)}"
    if wishes.key_env is not None:
        yield f"  api_key_env: {_yaml(wishes.key_env)}   # the variable that holds the key; the key is written nowhere"
    if wishes.spend_at_most is not None:
        yield f"  spend_at_most: {wishes.spend_at_most:g}   # US dollars, as told"
    most, why = (
        (wishes.max_tokens, "as told")
        if wishes.max_tokens
        else (SIZE_OF_THOUGHT, "room for most; one that is cut off is asked once more with twice as many")
    )
    yield "  # 0.6 and 0.95 are what reasoning models are sampled with by their makers (DeepSeek-R1, QwQ-32B)."
    yield f"  sampling: {{temperature: 0.6, top_p: 0.95, max_tokens: {most}}}   # tokens: {why}"


def _strategy(known: Known) -> Iterator[str]:
    if known.problems >= SOME:
        yield f"  samples: 1                # {known.problems:,} problems are plenty with one trace each"
        return
    samples = 4 if known.problems < FEW else 2
    yield f"  samples: {samples}                # at most; {known.problems:,} problems are few, and some traces wrong"
    yield f"  stop_at_right: {PER_PROBLEM}          # no more are asked for, and paid, once so many are right"


def _student(wishes: Wishes) -> Iterator[str]:
    if wishes.student == SCRATCH:
        yield f"  scratch: {{context: {CONTEXTS[SCRATCH]}}}   # a small Llama from nothing, with a tokenizer of its own"
        return
    path = Path(wishes.student).expanduser()
    named = os.path.relpath(path, wishes.folder) if path.is_dir() and not path.is_absolute() else wishes.student
    yield f"  model: {_yaml(named)}"
    yield "  # lora: {rank: 16}        # every weight is trained; with adapters a student takes a quarter of the memory"


def _training(wishes: Wishes) -> Iterator[str]:
    most = wishes.max_tokens or SIZE_OF_THOUGHT
    context = _context(wishes)
    length = min(context or most + ASKING_ROOM, most + ASKING_ROOM)
    whose = "the student takes no more" if length == context else "a response of the teacher and its question"
    answer = min(most, max(1, length - min(ASKING_ROOM, length // 2)))
    yield "train:"
    yield "  epochs: auto              # by the number of rows, see `potstill check`"
    yield "  learning_rate: auto       # by the student's size"
    yield "  batch: 16"
    yield "  micro_batch: 2            # memory before speed: raise it where `potstill plan` says that more fit"
    yield f"  max_length: {length:<16}# {whose}; longer rows are dropped and counted"
    yield "evaluate:"
    yield f"  max_tokens: {answer:<16}# as long as the teacher's, so that thinking is not cut off"
    yield "  temperature: 0            # the same answer each time"


def _context(wishes: Wishes) -> int | None:
    """Return the context of the student, None where only a hub knows it."""
    if wishes.student in CONTEXTS:
        return CONTEXTS[wishes.student]
    folder = Path(wishes.student).expanduser()
    if wishes.student.startswith((".", "/", "~")) and not folder.is_dir():
        raise RecipeError(f"--student {wishes.student}: there is no such folder")
    return context_in(config_of(folder, "--student")) if folder.is_dir() else None


def _yaml(value: Any) -> str:  # noqa: ANN401 - text, numbers, lists and mappings of them
    """Return a value as YAML in one line; plain words stay plain."""
    if isinstance(value, str):
        # `smollm2-135m-instruct`, `http://localhost:8000/v1`
        plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_./-]*(?:://[A-Za-z0-9_.:/-]+)?", value)
        return value if plain and value.lower() not in _WORDS else json.dumps(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_yaml(key)}: {_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    return json.dumps(value)
