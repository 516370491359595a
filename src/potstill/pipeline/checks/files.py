"""Files that a recipe names, and checkpoints as far as their files tell: no torch, no tensor is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from potstill.errors import RecipeError, nearest
from potstill.train.students import PACKAGED

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model")
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
POINTER = b"version https://git-lfs"
LARGEST_HEADER = 100 * 2**20
"""Bytes, as the safetensors library has it."""
CONTEXTS = ("max_position_embeddings", "n_positions")
"""What configs call the most tokens of a row."""


def check_file(path: Path, where: str) -> None:
    """Refuse a file that is not there, naming the nearest one beside it."""
    if path.is_file():
        return
    beside = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
    hint = nearest(path.name, beside) if beside else ""
    raise RecipeError(f"{where}: there is no file {path}{hint}")


def check_checkpoint(model: str, data: Path, where: str, max_tokens: int, *, weights: bool = True) -> Path | None:
    """Return the folder of a local checkpoint; None for a hub name, of which nothing is known until it is asked for.

    `where` names the setting in messages, `max_tokens` is how long an answer the model must have room for. Without
    `weights` they may have any form, as an engine of its own reads it.

    Raises:
        RecipeError: the folder lacks a file or holds a damaged one, or the context is too short.
    """
    folder = data / Path(model).expanduser()
    if folder.is_dir():
        context = context_in(config_of(folder, where))
        if not any((folder / name).is_file() for name in TOKENIZER_FILES):
            raise RecipeError(f"{where}: {folder} has no tokenizer (tokenizer.json): copy the student's own into it")
        if context is not None and max_tokens > context:
            raise RecipeError(f"{where}: {folder} has a context of {context} tokens, less than max_tokens {max_tokens}")
        for name in TOKENIZER_FILES:
            if (folder / name).is_file():
                _refuse_pointer(folder / name, where)
        if weights:
            _check_weights(folder, where)
        return folder
    if folder.exists():
        raise RecipeError(f"{where}: {folder} is a file: name the folder of a Hugging Face checkpoint")
    if model.startswith((".", "/", "~")) or model.count("/") > 1 or (model != PACKAGED and "/" not in model):
        raise RecipeError(
            f"{where}: there is no folder {folder}, and {model!r} is no hub name{nearest(model, [PACKAGED])}"
        )
    return None


def config_of(folder: Path, where: str) -> dict[str, Any]:
    """Return the config of a checkpoint folder; RecipeError where it has none."""
    path = folder / "config.json"
    if not path.is_file():
        advice = (
            "holds an adapter alone: merge it into its base model and name that folder"
            if (folder / "adapter_config.json").is_file()
            else "has no config.json, so it is no Hugging Face checkpoint"
        )
        raise RecipeError(f"{where}: {folder} {advice}")
    return _json(path, where)


def _json(path: Path, where: str) -> dict[str, Any]:
    _refuse_pointer(path, where)
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise RecipeError(f"{where}: {path} is not JSON: copy the checkpoint again")
    return found


def context_in(config: dict[str, Any]) -> int | None:
    """Return the most tokens that a checkpoint's config allows, where it says so."""
    inner = config.get("text_config")
    parts = (config, inner if isinstance(inner, dict) else {})
    found = (part.get(name) for part in parts for name in CONTEXTS)
    return next((value for value in found if isinstance(value, int)), None)


def _check_weights(folder: Path, where: str) -> None:
    """Refuse weights that are absent, cut off, or fewer files than their index names."""
    for name in WEIGHTS:
        index = folder / f"{name}.index.json"
        if (folder / name).is_file():
            return _check_whole(folder / name, where)
        if index.is_file():
            shards = _json(index, where).get("weight_map")
            if not isinstance(shards, dict) or not shards:
                raise RecipeError(f"{where}: {index} names no weights: copy the checkpoint again")
            for shard in sorted({str(value) for value in shards.values()}):
                if not (folder / shard).is_file():
                    raise RecipeError(f"{where}: {folder} lacks {shard}, which {index.name} names: copy it too")
                _check_whole(folder / shard, where)
            return None
    raise RecipeError(f"{where}: {folder} has no weights ({WEIGHTS[0]}): copy the checkpoint whole")


def _check_whole(path: Path, where: str) -> None:
    """Refuse a safetensors file that is shorter or longer than its header says, and any that is no such file."""
    _refuse_pointer(path, where)
    if path.suffix != ".safetensors":
        return
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = file.read(length) if length <= min(size, LARGEST_HEADER) else b""
    try:
        tensors = {name: value for name, value in json.loads(header).items() if name != "__metadata__"}
        whole = 8 + length + max((int(value["data_offsets"][1]) for value in tensors.values()), default=0)
    except (ValueError, AttributeError, KeyError, IndexError, TypeError, RecursionError):
        raise RecipeError(f"{where}: {path} is no safetensors file: copy the checkpoint again") from None
    if whole != size:
        raise RecipeError(f"{where}: {path} has {size:,} bytes, its header says {whole:,}: copy the checkpoint again")


def _refuse_pointer(path: Path, where: str) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(len(POINTER))
    except OSError as error:
        raise RecipeError(f"{where}: {path} cannot be read: {error.strerror}") from None
    if start == POINTER:
        raise RecipeError(f"{where}: {path} is a Git LFS pointer and not the file itself: `git lfs pull` fetches it")
