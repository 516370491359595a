"""Files that appear whole or not at all: a checkpoint to resume from, and the folder of a finished model."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from potstill.errors import StoreError
from potstill.store import refusal, sync

NAME = "checkpoint.pt"


def save(folder: Path, state: dict[str, Any]) -> None:
    """Replace the folder's checkpoint: written under another name, synced, then renamed."""
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{NAME}.part"
    try:
        with part.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        part.rename(folder / NAME)
        sync(folder)
    except (OSError, RuntimeError) as cause:  # torch names a full disk RuntimeError
        part.unlink(missing_ok=True)
        first = cause if isinstance(cause, OSError) else cause.__context__
        told = refusal(first, part) if isinstance(first, OSError) else f"{part}: {str(cause).splitlines()[0]}"
        raise StoreError(f"{told} (the checkpoint before this one is untouched)") from cause


def latest(folder: Path, fingerprint: str) -> dict[str, Any] | None:
    """Return the folder's checkpoint if it belongs to the same training, else None."""
    import torch

    path = folder / NAME
    if not path.is_file():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state if state["fingerprint"] == fingerprint else None


def publish(out: Path, fill: Callable[[Path], None]) -> None:
    """Make folder `out` from what `fill` writes: built beside it, synced, renamed; an older `out` is replaced."""
    part = out.with_name(f"{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    fill(part)
    for path in sorted(part.rglob("*")):
        if path.is_file():
            sync(path)
    sync(part)
    shutil.rmtree(out, ignore_errors=True)
    part.rename(out)
    sync(out.parent)
