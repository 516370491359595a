"""What exports to folders share: each type is written by a library's own converter, and the most exact is proved.

It has to cut the run's own conversations into the student's tokens, and to answer as the trained model does, in the
program that it is for, before any of the folders appears.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from os import environ
from pathlib import Path
from typing import Any

from potstill.errors import MissingExtraError
from potstill.evaluate.conditions import FILE, written
from potstill.evaluate.protocol import ModelUnderTest
from potstill.export import TIMED, TOGETHER, Delivery, InRuntime
from potstill.export.card import model_card
from potstill.export.likeness import ConversionError, OtherProgram, answers_alike, check_same
from potstill.export.naming import slug, types_in, unknown
from potstill.export.safetensors import NEW_TOKENS
from potstill.models.local import chat
from potstill.models.local.folders import FolderModel, FolderProgram
from potstill.models.local.inprocess import InProcess
from potstill.models.local.loading import Checkpoint
from potstill.temporary import temporary_folder
from potstill.train import checkpoint, students
from potstill.train.render import prompt_text

WITHIN = 3600
"""Seconds after which a conversion is given up."""
# `Error: The model is not supported` - the last line of a converter's log that says something
_SAID = re.compile(r"\S.*")


@dataclass(frozen=True)
class Widths:
    """The widths of a student, in numbers: of the model, of an attention head, of the feed-forward part."""

    hidden: int
    head: int
    intermediate: int

    @staticmethod
    def of(config: Mapping[str, Any]) -> Widths | None:
        """Return the widths that the `config.json` of a checkpoint tells; None where it names them otherwise."""
        hidden, heads, within = (config.get(k) for k in ("hidden_size", "num_attention_heads", "intermediate_size"))
        if not (isinstance(hidden, int) and isinstance(heads, int) and isinstance(within, int) and heads > 0):
            return None
        return Widths(hidden, int(config.get("head_dim") or hidden // heads), within)

    def group(self, sizes: Sequence[int]) -> int | None:
        """Return the first of the sizes that divides every row, so that as many numbers may share a scale."""
        return next((size for size in sizes if self.hidden % size == 0 and self.intermediate % size == 0), None)

    def ungrouped(self, kind: str, sizes: Sequence[int]) -> str:
        """Return what is said where none of the sizes divides every row."""
        return (
            f"{kind} wants rows of a multiple of {sizes[-1]} numbers, and the student's have {self.hidden} and "
            f"{self.intermediate}"
        )


@dataclass(frozen=True, kw_only=True)
class FolderForm:
    """A form of folders: `name` is the exporter's and the extra's, `program` what messages call the one that runs it.

    `margins` are the types that are near enough to the model to be compared with it, the most exact first, and by how
    much less likely, in logits, a token may be that one of them writes in the place of the model's first choice. Where
    none of them is asked for, the first is made, proved and taken away again. `load` loads a folder to be proved;
    `unfit` returns what stands against a config in the types named, nothing where it fits; `weights` matches the files
    that hold the weights.
    """

    name: str
    program: str
    packages: tuple[str, ...]
    types: tuple[str, ...]
    margins: Mapping[str, float]
    architectures: Collection[str]
    unfit: Callable[[Mapping[str, Any], Collection[str]], str]
    build: Callable[[Delivery, str, Sequence[int], Path], None]
    load: Callable[[Path], FolderProgram]
    weights: str
    running: str

    def refusal(self, config: Mapping[str, Any], types: Collection[str]) -> str:
        """Return what stands against a student of this config, nothing where nothing does."""
        kind = config.get("model_type")
        return self.unfit(config, types) if kind in self.architectures else unknown(kind, self.architectures)


def deliver(form: FolderForm, delivery: Delivery) -> dict[str, Any]:
    """Write a folder for each of `options["types"]`, with card and conditions, and return what is in them.

    Raises:
        RecipeError: no such type.
        MissingExtraError: the libraries are absent.
        ConversionError: there is no form for the student, or the program does not answer as it does.
    """
    types = types_in(form.name, delivery.options, form.types)
    for module in form.packages:
        if find_spec(module) is None:
            raise MissingExtraError(f"export.{form.name}", module.replace("_", "-"), form.name)
    model, tokenizer = students.load(delivery.trained)
    if told := form.refusal(model.config.to_dict(), types):
        raise ConversionError(f"export.{form.name}: {told}")
    stops = students.stop_ids(model)
    found: dict[str, Any] = {"context": int(model.config.max_position_embeddings), "files": {}}

    def fill(folder: Path) -> None:
        names = {kind: f"{slug(delivery.card.name)}-{form.name}-{kind}" for kind in types}
        for kind, name in names.items():
            print(f"export.{form.name}: {name}", file=sys.stderr)
            form.build(delivery, kind, stops, folder / name)
            size = sum(file.stat().st_size for file in (folder / name).glob(form.weights))
            found["files"][name] = {
                "type": kind, "bytes": size, "bits_per_weight": round(8 * size / model.num_parameters(), 3),
            }  # fmt: skip
        (folder / FILE).write_bytes(written(delivery.conditions))
        card = model_card(delivery.card, model.num_parameters())
        told = form.running.format(name=next(iter(names.values())))
        (folder / "README.md").write_text(f"{card}\n## Running it\n\n- {told}\n", encoding="utf-8")
        exact = next((kind for kind in form.margins if kind in types), None)
        with temporary_folder(form.name) as trial:
            kind = exact or next(iter(form.margins))
            if exact is None:
                form.build(delivery, kind, stops, trial / kind)
            proved = trial / kind if exact is None else folder / names[exact]
            found.update(_prove(form, delivery, model, tokenizer, stops, proved, form.margins[kind]))

    checkpoint.publish(delivery.out, fill)
    return found


def convert(form: str, kind: str, command: Sequence[str], cwd: Path) -> None:
    """Let a library's own converter work in a process of its own, which finds nothing on the network.

    Raises:
        ConversionError: it ends with an error, told by its last line, or takes too long.
    """
    try:
        done = subprocess.run(  # noqa: S603 - ourselves
            [sys.executable, *command], env={**environ, "HF_HUB_OFFLINE": "1"}, capture_output=True, check=False,
            timeout=WITHIN, cwd=cwd,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ConversionError(f"export.{form}: the converter was not done with {kind} after {WITHIN} s") from None
    if done.returncode:
        lines = _SAID.findall(done.stderr.decode("utf-8", "replace"))
        raise ConversionError(f"export.{form}: the converter cannot make {kind} of it ({(lines or ['?'])[-1][:200]})")


def _prove(
    form: FolderForm, delivery: Delivery, model: Any, tokenizer: Any, stops: Sequence[int], folder: Path, margin: float  # noqa: ANN401
) -> dict[str, Any]:  # fmt: skip
    """Return what was compared, all of it alike."""
    program, name = form.load(folder), f"export.{form.name}: {form.program}"
    texts = [text for said in delivery.conversations
             for text in (prompt_text(tokenizer, said.prompt), said.reasoning + said.answer) if text]  # fmt: skip
    for text in texts:
        own = list(tokenizer(text, add_special_tokens=False)["input_ids"])
        check_same(name, program.ids(text), own, "the tokens of a conversation")
    other = OtherProgram(name, margin, lambda ids: program.write(ids, NEW_TOKENS))
    same, _ = answers_alike(other, model, tokenizer, stops, delivery.prompts)
    return {"texts": len(texts), "prompts": len(delivery.prompts), "same_tokens": same}


@dataclass(frozen=True)
class InFolder:
    """The program of a form, on the CPU; see `export.Runtime`."""

    form: FolderForm

    @property
    def packages(self) -> tuple[str, ...]:
        """Modules without which it is not there."""
        return self.form.packages

    def refusal(self, config: Mapping[str, Any], types: Collection[str]) -> str:
        """Return what stands against a student; see `FolderForm.refusal`."""
        return self.form.refusal(config, types)

    @contextmanager
    def running(self, path: Path, *, name: str, context: int, about: Mapping[str, Any]) -> Iterator[InRuntime]:
        """Load a folder and let it answer. Its memory is that of `speeds`: here is more."""
        del context  # the folder says it
        model = InProcess(name, lambda: FolderModel(self.form.name, path))
        yield InRuntime(ModelUnderTest(model, name, about, TOGETHER), lambda: None)

    def speeds(self, path: Path, *, context: int, messages: Sequence[dict[str, str]], threads: int) -> dict[str, float]:
        """Time a folder in a process of its own, whose memory is nothing but the program's.

        Raises:
            ConversionError: the process ends with an error.
        """
        del context
        tokenizer = chat.load_tokenizer(Checkpoint(str(path), str(path)))
        command = [sys.executable, "-m", "potstill.models.local.folders", self.form.name, str(path)]
        limits = {f"{library}_NUM_THREADS": str(threads) for library in ("OMP", "OPENBLAS")}
        done = subprocess.run(  # noqa: S603 - ourselves
            [*command, str(threads), str(TIMED)], input=chat.asked(tokenizer, messages), env={**environ, **limits},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
            raise ConversionError(f"export.{self.form.name}: {path.name} cannot be timed ({last[:200]})")
        found = json.loads(done.stdout.splitlines()[-1])  # a library may have said something before
        return {key: float(value) for key, value in found.items() if value is not None}
