"""A checkpoint at hand, looked at with torch: loaded where it is small, and shown one made-up example."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from potstill.errors import AuditError, CheckpointError, RecipeError, StudentError
from potstill.models.local.loading import UNBOUNDED, context_of
from potstill.models.local.model import LocalModel
from potstill.pipeline.checks.scene import Scene
from potstill.recipe import LocalTeacher, Student, Train
from potstill.records import Example
from potstill.train import students
from potstill.train.audit import audit, check_row
from potstill.train.render import ask, stop_texts
from potstill.train.segments import make_rows

QUESTION, REASONING, ANSWER = "What is 2 + 3?", "2 + 3 = 5.", "The answer is 5."
LARGEST = 2 * 2**30
"""Bytes of weights that are loaded for looking at them alone; of larger ones config and tokenizer are looked at."""


@dataclass(frozen=True)
class Seen:
    """A student as far as tokenizer and configs tell. `stop_ids` end a response, `context` is the longest row."""

    where: str
    tokenizer: Any
    stop_ids: list[int]
    context: int

    def train(self, student: Student, train: Train) -> None:
        """Refuse a student that could not be trained on a made-up example, with its reasoning and on its answer alone.

        Raises:
            RecipeError, StudentError: what `make_rows` and `audit` refuse, under the key that it lies at.
        """
        shown = [
            Example(problem_key="", trace_key="", question=QUESTION, reasoning=reasoning, answer=ANSWER)
            for reasoning in (REASONING, "")
        ]
        asked = [ask(student, QUESTION)] * len(shown)
        stops = stop_texts(self.tokenizer, self.stop_ids)
        try:
            rows = make_rows(shown, asked, self.tokenizer, student, UNBOUNDED, stops)
            if rows.dropped:
                raise RecipeError(f"student.prompt: every example would be dropped ({rows.dropped[0][1]}): change it")
            for row in rows.rows:
                check_row(row, self.tokenizer, self.stop_ids)
            audit(rows.rows, rows.counts, self.tokenizer, train.loss)
        except AuditError as error:
            what = str(error).removeprefix("example 1: ")
            raise AuditError(f"{self.where}: {what} (seen on a made-up example)") from None

    def room(self, key: str, prompts: Sequence[str], limit: int) -> None:
        """Refuse a limit in tokens, set at `key`, that even the shortest of the prompts reaches alone."""
        turns = [[{"role": "user", "content": prompt}] for prompt in prompts]
        texts = [self.tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True) for turn in turns]
        shortest = min(map(len, self.tokenizer(texts, add_special_tokens=False)["input_ids"]), default=0)
        if shortest >= self.context:
            raise RecipeError(
                f"{self.where}: the shortest question takes {shortest} tokens of a context of {self.context}: "
                "take another student"
            )
        if shortest >= limit:
            raise RecipeError(f"{key}: the shortest question takes {shortest} tokens, and {limit} may: raise it")


def see(name: str, where: str, scene: Scene) -> Seen | None:
    """Look at a student's tokenizer, configs and, where they are at hand and not too large, weights.

    None for a model on the hub that nobody is asked for beforehand.
    """
    folder = scene.data / Path(name).expanduser()
    if not folder.is_dir():
        return _from_hub(name, where, scene)
    if _size(folder) <= LARGEST:
        return _seen(str(folder), where)
    scene.unknown.append(f"{where}: weights of more than {LARGEST // 2**30} GB are not loaded beforehand")
    with _told_at(where):
        texts = students.read_texts(folder)
    return Seen(where, texts.tokenizer, texts.stop_ids, texts.context)


def _from_hub(name: str, where: str, scene: Scene) -> Seen | None:
    """Look at a student that is no folder: the packaged one, or where `scene.online` one that is fetched now."""
    if name == students.PACKAGED and (tokenizer := students.packaged_tokenizer()) is not None:
        return Seen(where, tokenizer, [tokenizer.eos_token_id], UNBOUNDED)
    if not scene.online:
        scene.unknown.append(f"{where}: {name} is not fetched beforehand")
        return None
    return _seen(name, where)


def see_packing(name: str, where: str, train: Train, scene: Scene) -> None:
    """Refuse packing for a student at hand whose packed rows see each other; see `packing.settle`."""
    from potstill.train.course import attention
    from potstill.train.packing import settle

    folder = scene.data / Path(name).expanduser()
    if not folder.is_dir() or _size(folder) > LARGEST:
        scene.unknown.append(f"{where}: whether {name} keeps packed rows apart is seen when its training begins")
        return
    with _told_at(where):
        model, _ = students.find(str(folder))
    settle(model, train, attention(model, train, train.max_length))


def see_teacher(teacher: LocalTeacher, where: str, scene: Scene) -> None:
    """Load a local teacher that is at hand and not too large."""
    folder = scene.data / Path(teacher.model).expanduser()
    if not folder.is_dir():
        scene.unknown.append(f"{where}: {teacher.model} is not fetched beforehand")
    elif _size(folder) > LARGEST:
        scene.unknown.append(f"{where}: weights of more than {LARGEST // 2**30} GB are not loaded beforehand")
    else:
        with _told_at(where):
            LocalModel(folder, teacher.precision).render([{"role": "user", "content": QUESTION}])


def _seen(name: str, where: str) -> Seen:
    """Load a student as its stage does, and forget the model."""
    with _told_at(where):
        model, tokenizer = students.find(name)
    return Seen(where, tokenizer, students.stop_ids(model), context_of(model.config))


@contextmanager
def _told_at(where: str) -> Iterator[None]:
    """Put the recipe's key before what is told of a checkpoint."""
    try:
        yield
    except (CheckpointError, StudentError) as error:
        raise type(error)(f"{where}: {str(error).removeprefix('student ')}") from error


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for pattern in ("*.safetensors", "*.bin") for path in folder.glob(pattern))
