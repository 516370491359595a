"""Files that appear whole or not at all: a checkpoint to resume from, and the folder of a finished model.

A checkpoint is a folder, in which every process that has a share of the state wrote a file of its own; a record beside
them names their digests. The folder is renamed when all of it is on the disk.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from potstill.damage import digest_of_file
from potstill.durable import read_record, refusal, sync, to_record, write_durably
from potstill.errors import DamageError, StoreError
from potstill.train.ranks import Ranks

if TYPE_CHECKING:
    import torch

_NAME = re.compile(r"checkpoint-([0-9]{8})")  # checkpoint-00000050
_RECORD = "checkpoint.json"
_ALONE = Ranks()


@dataclass(frozen=True, kw_only=True, slots=True)
class Saved:
    """A whole checkpoint of `processes`: their files in the order of their shares, and the logs of its steps."""

    files: tuple[Path, ...]
    processes: int
    logs: list[dict[str, Any]]


def save(
    folder: Path, fingerprint: str, logs: Sequence[Mapping[str, Any]], state: Mapping[str, Any] | None,
    ranks: Ranks = _ALONE,
) -> None:  # fmt: skip
    """Replace the folder's checkpoints by that after the steps of `logs`; all processes call it.

    `state` is the share of this process, None where another one has it too. Raises StoreError on every process where
    one of them could not write; the checkpoint before is untouched then.
    """
    part = folder / "checkpoint.part"
    told = ""
    if ranks.number == 0:
        told = _tried(lambda: _emptied(part), part)
    if not (told := ranks.same(told)):
        digest = ""
        if state is not None:
            path = part / f"{ranks.number}.pt"
            told = _tried(lambda: _written(path, state), path)
            digest = "" if told else digest_of_file(path)
        found = ranks.gathered((told, digest))
        told = next((text for text, _ in found if text), "")
        digests = [digest for _, digest in found if digest]
        if ranks.number == 0 and not told:
            record = {"fingerprint": fingerprint, "processes": ranks.count, "digests": digests, "logs": list(logs)}
            told = _tried(lambda: _committed(part, folder / f"checkpoint-{len(logs):08d}", record), part)
        told = ranks.same(told)
    if told:
        if ranks.number == 0:
            shutil.rmtree(part, ignore_errors=True)
        raise StoreError(f"{told} (the checkpoint before this one is untouched)")


def _tried(act: Callable[[], None], path: Path) -> str:
    """Return why an act of writing failed, in one line, or an empty text."""
    try:
        act()
    except (OSError, RuntimeError, StoreError) as cause:  # torch names a full disk RuntimeError
        if isinstance(cause, StoreError):
            return str(cause)
        first = cause if isinstance(cause, OSError) else cause.__context__
        return refusal(first, path) if isinstance(first, OSError) else f"{path}: {str(cause).splitlines()[0]}"
    return ""


def _emptied(part: Path) -> None:
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)


def _written(path: Path, state: Mapping[str, Any]) -> None:
    import torch

    with path.open("wb") as file:
        torch.save(dict(state), file)
        file.flush()
        os.fsync(file.fileno())


def _committed(part: Path, folder: Path, record: Mapping[str, Any]) -> None:
    write_durably(part / _RECORD, to_record(record))
    sync(part)
    shutil.rmtree(folder, ignore_errors=True)  # of the same step, of another training
    part.rename(folder)
    sync(folder.parent)
    for older in _saved(folder.parent):
        if older != folder:
            shutil.rmtree(older)


def latest(folder: Path, fingerprint: str) -> Saved | None:
    """Return the folder's last checkpoint of the same training, or None; a damaged one is set aside and told."""
    for path in _saved(folder):
        try:
            record = read_record(path / _RECORD)
            files = tuple(path / f"{number}.pt" for number in range(len(record["digests"])))
            if [digest_of_file(file) for file in files] != record["digests"]:
                raise DamageError(str(path))
        except (DamageError, KeyError, FileNotFoundError):
            aside = path.with_name(f"{path.name}.damaged")
            shutil.rmtree(aside, ignore_errors=True)
            path.replace(aside)
            print(f"{path} is damaged: set aside, and trained again from the one before it", file=sys.stderr)
            continue
        if record["fingerprint"] == fingerprint:
            return Saved(files=files, processes=int(record["processes"]), logs=list(record["logs"]))
    return None


def _saved(folder: Path) -> list[Path]:
    """Return the checkpoints in a folder, that of the last step first."""
    return sorted((path for path in folder.glob("checkpoint-*") if _NAME.fullmatch(path.name)), reverse=True)


def opened(saved: Saved) -> list[dict[str, Any]]:
    """Return the shares of a checkpoint; their tensors stay in the files until they are read."""
    import torch

    return [torch.load(file, map_location="cpu", mmap=True, weights_only=True) for file in saved.files]


def pieced(shares: Sequence[torch.Tensor], start: int, stop: int) -> torch.Tensor:
    """Return [start, stop) along the first dimension of a tensor that lies in shares, one after the other."""
    import torch

    found: list[torch.Tensor] = []
    begin = 0
    for share in shares:
        low, high = max(start, begin), min(stop, begin + len(share))
        if low < high or (not found and share is shares[-1]):
            found.append(share[max(0, low - begin) : max(0, high - begin)])
        begin += len(share)
    return found[0] if len(found) == 1 else torch.cat(found)


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
