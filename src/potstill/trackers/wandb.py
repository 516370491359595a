"""Weights & Biases: one run an arm, offline in `RUN/wandb` unless `WANDB_MODE=online` says otherwise."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from potstill.durable import refusal
from potstill.trackers.tracker import About, Tracker, TrackerError

MODE, PROJECT = "WANDB_MODE", "WANDB_PROJECT"
"""Variables of wandb that are read here; it reads its key and all others itself."""
OFFLINE = "offline"


class WeightsAndBiases(Tracker):
    """A run of wandb, written by a process of wandb's own: anew where it is offline, else behind its last step."""

    PACKAGE = "wandb"

    def __init__(self, about: About) -> None:
        import wandb

        mode: Any = os.environ.get(MODE, OFFLINE)
        if mode == OFFLINE:
            for old in (about.folder / "wandb").glob(f"offline-run-*-{about.key}"):
                shutil.rmtree(old, ignore_errors=True)
        with _refused():
            # Nothing of this machine, and nothing of the folder that the shell stands in, is collected.
            quiet = wandb.Settings(
                console="off", silent=True, disable_git=True, save_code=False, x_disable_stats=True,
                x_disable_meta=True, x_disable_machine_info=True,
            )  # fmt: skip
            self.run: Any = wandb.init(
                project=os.environ.get(PROJECT, about.run), group=about.run, name=about.arm, id=about.key,
                config=dict(about.settings), dir=str(about.folder), mode=mode,
                resume=None if mode == OFFLINE else "allow", reinit="create_new", settings=quiet,
            )  # fmt: skip
        self.told: int = self.run.step

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Log the figures of a step that wandb does not have yet."""
        if step >= self.told:
            with _refused():
                self.run.log(dict(values), step=step)

    def finish(self, final: Mapping[str, float]) -> None:
        """Put what came out into the summary."""
        with _refused():
            self.run.summary.update({f"final/{name}": value for name, value in final.items()})

    def close(self) -> None:
        """Wait until everything is written, or sent."""
        with _refused():
            self.run.finish()


@contextmanager
def _refused() -> Iterator[None]:
    import wandb

    try:
        yield
    except OSError as error:
        raise TrackerError(f"report_to wandb: {refusal(error, 'its folder')}") from error
    except (wandb.errors.Error, ValueError) as error:
        raise TrackerError(f"report_to wandb: {str(error).strip().splitlines()[0]}") from error
