"""What sources, teachers and base students are called wherever people read of a run."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from potstill.export.card import Base
from potstill.recipe import ArmTeacher, AskedTeacher, DatasetTeacher, Recipe, Source

PACKAGED = Base(
    name="SmolLM2-135M-Instruct", hub="HuggingFaceTB/SmolLM2-135M-Instruct", licence={"license": "apache-2.0"},
    languages=("en",),
)  # fmt: skip
LICENCE_KEYS = ("license", "license_name", "license_link")
LONGEST = 65_536
"""Bytes of a model card that are looked at: its head is at its beginning."""
_HEAD = re.compile(r"\ufeff?---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
"""`---`, keys, `---`."""
_CACHED = re.compile(r"models--([^/]+)--([^/]+)/snapshots/[^/]+/?")
"""A model in the Hub's cache: `models--org--name/snapshots/0a1b`."""


def source_name(source: Source) -> str:
    """Return what a source of problems is called."""
    return next(
        str(name) for name in (source.family, source.reasoning_gym, source.file, source.dataset, source.loader) if name
    )


def teacher_name(recipe: Recipe) -> str:
    """Return what a teacher is called."""
    teacher = recipe.teacher
    if isinstance(teacher, AskedTeacher):
        return teacher.model
    if isinstance(teacher, ArmTeacher):
        return f"the arm {teacher.arm}" + (f" of {teacher.run}" if teacher.run else "")
    return teacher.file if isinstance(teacher, DatasetTeacher) else teacher.kind


def for_strangers(name: str, data: str) -> str:
    """Return a name without the folders of this machine: of a path the last part, any other name as it is."""
    path = os.path.expanduser(name)
    local = os.path.isabs(path) or name.startswith((".", "~")) or os.path.exists(os.path.join(data, path))
    return Path(path).name if local else name


def public_teacher(recipe: Recipe) -> str:
    """Return what a teacher is called among strangers."""
    teacher = recipe.teacher
    if isinstance(teacher, ArmTeacher) and teacher.run:
        return f"the arm {teacher.arm} of {for_strangers(teacher.run, recipe.data)}"
    return for_strangers(teacher_name(recipe), recipe.data)


def base_of(recipe: Recipe) -> Base:
    """Return what the base student is called, its licence and its languages, as far as a card at hand says them.

    The recipe's `export.licence` stands before what the card says. Nothing is fetched.
    """
    from potstill.train.students import PACKAGED as PACKAGED_NAME

    name, licence = recipe.student.model, recipe.export.licence
    if name is None:
        base = Base(name="a Llama from nothing")
    elif name == PACKAGED_NAME:
        base = PACKAGED
    else:
        base = _of_card(name, Path(recipe.data))
    own = {"license": licence} if licence else base.licence
    return Base(name=base.name, hub=base.hub, licence=own, languages=base.languages)


def _of_card(name: str, data: Path) -> Base:
    folder = data / os.path.expanduser(name)
    if not os.path.isdir(folder):
        return _read(_cached_card(name), name, name)
    cached = _CACHED.search(f"{folder.resolve()}/")
    if cached is not None:
        hub = "/".join(cached.groups())
        return _read(folder / "README.md", hub, hub)
    return _read(folder / "README.md", folder.name, "")


def _cached_card(name: str) -> Path | None:
    """Return the card of a model of the Hub, where the cache has it: loading a model does not fetch it."""
    try:
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError
    except ImportError:
        return None
    try:
        found = try_to_load_from_cache(name, "README.md")
    except HFValidationError:
        return None
    return Path(found) if isinstance(found, str) else None


def _read(card: Path | None, name: str, hub: str) -> Base:
    """Return what the head of a card says; one of a folder names the model on the Hub that it was made from."""
    head = _head_of(card) if card is not None else {}
    licence = {key: head[key] for key in LICENCE_KEYS if isinstance(head.get(key), str) and head[key].strip()}
    spoken = head.get("language")
    languages = [spoken] if isinstance(spoken, str) else spoken if isinstance(spoken, list) else []
    made_from = head.get("base_model")
    if not hub and isinstance(made_from, str) and made_from.count("/") == 1 and not made_from.startswith((".", "/")):
        hub = made_from
    known = tuple(code for code in languages if isinstance(code, str))
    return Base(name=name, hub=hub, licence=licence if "license" in licence else {}, languages=known)


def _head_of(card: Path) -> Mapping[str, Any]:
    """Return the YAML head of a model card; nothing where it has none that can be read."""
    import yaml

    try:
        with card.open("rb") as file:
            text = file.read(LONGEST).decode("utf-8", "replace")
        found = _HEAD.match(text)
        value = yaml.safe_load(found[1]) if found else None
    except (OSError, yaml.YAMLError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
