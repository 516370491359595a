"""Files that appear whole or not at all: a checkpoint to resume from, and the folder of a finished model."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from potstill.damage import digest_of_file
from potstill.durable import refusal, sync
from potstill.errors import StoreError

_NAME = re.compile(r"checkpoint-([0-9]{8})-([0-9a-f]{64})\.pt")  # checkpoint-00000050-9f86d081884c7d65(...).pt


def save(folder: Path, step: int, state: dict[str, Any]) -> None:
    """Replace the folder's checkpoints by that after optimiser step `step`; its name says the digest of its bytes.

    Written under another name, synced, then renamed; those before it go last.
    """
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    part = folder / "checkpoint.part"
    try:
        with part.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        saved = part.replace(folder / f"checkpoint-{step:08d}-{digest_of_file(part)}.pt")
        sync(folder)
        for _, older in _saved(folder):
            if older != saved:
                older.unlink()
    except (OSError, RuntimeError) as cause:  # torch names a full disk RuntimeError
        part.unlink(missing_ok=True)
        first = cause if isinstance(cause, OSError) else cause.__context__
        told = refusal(first, part) if isinstance(first, OSError) else f"{part}: {str(cause).splitlines()[0]}"
        raise StoreError(f"{told} (the checkpoint before this one is untouched)") from cause


def latest(folder: Path, fingerprint: str) -> dict[str, Any] | None:
    """Return the folder's last checkpoint of the same training, or None; a damaged one is set aside and told."""
    import torch

    for digest, path in _saved(folder):
        if digest_of_file(path) != digest:
            path.replace(path.with_suffix(".damaged"))
            print(f"{path} is damaged: set aside, and trained again from the one before it", file=sys.stderr)
            continue
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        if state["fingerprint"] == fingerprint:
            return state
    return None


def _saved(folder: Path) -> list[tuple[str, Path]]:
    """Return (digest, path) of each checkpoint in the folder, that of the last step first."""
    found = [(named, path) for path in folder.glob("*.pt") if (named := _NAME.fullmatch(path.name))]
    return [(named[2], path) for named, path in sorted(found, key=lambda pair: -int(pair[0][1]))]


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
