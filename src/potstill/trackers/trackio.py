"""Trackio: one run an arm, in the folder where `trackio show` looks (`TRACKIO_DIR`), under the recipe's name."""

from __future__ import annotations

import contextlib
import contextvars
import io
from collections.abc import Mapping
from typing import Any

from potstill.trackers.tracker import About, Tracker, TrackerError

NAMED_BY = 6
"""Characters of an arm's key in its name, so that two run folders with one recipe are two runs."""


class Trackio(Tracker):
    """A run of trackio, which tells its own failures as warnings and raises none; what else it prints is left out."""

    PACKAGE = "trackio"

    def __init__(self, about: About) -> None:
        import sqlite3

        import trackio
        from trackio.sqlite_storage import SQLiteStorage

        self.step = 0
        name = f"{about.arm}-{about.key[:NAMED_BY]}"
        # trackio ends the current run of a context before it opens another there, and arms take turns.
        own = contextvars.Context()
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                SQLiteStorage.delete_run(about.run, name)
                self.run: Any = own.run(
                    trackio.init, project=about.run, name=name, group=about.run, config=dict(about.settings),
                    embed=False, auto_log_gpu=False, auto_log_cpu=False,
                )  # fmt: skip
            except (OSError, ValueError, RuntimeError, sqlite3.Error) as error:
                raise TrackerError(f"report_to trackio: {str(error).strip().splitlines()[0]}") from error

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Log the figures of a step."""
        self.step = step
        self.run.log(dict(values), step=step)

    def finish(self, final: Mapping[str, float]) -> None:
        """Log what came out as of the last step."""
        self.log(self.step, {f"final/{name}": value for name, value in final.items()})

    def close(self) -> None:
        """Wait until everything is written."""
        with contextlib.redirect_stdout(io.StringIO()):
            self.run.finish()
