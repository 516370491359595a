"""TensorBoard: one file of events an arm in `RUN/tensorboard/ARM`, for `tensorboard --logdir RUN/tensorboard`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from potstill.durable import refusal
from potstill.trackers.tracker import About, Tracker, TrackerError

FLUSH_SECONDS = 5.0


class TensorBoard(Tracker):
    """The writer below tensorboardX's `SummaryWriter`: that one starts a thread and a queue between processes."""

    PACKAGE = "tensorboardX"

    def __init__(self, about: About) -> None:
        from tensorboardX.event_file_writer import EventsWriter

        self.folder, self.step, self.flushed = about.folder / "tensorboard" / about.arm, 0, time.monotonic()
        with self._refused():
            self.folder.mkdir(parents=True, exist_ok=True)
            for old in self.folder.glob("events.out.tfevents.*"):
                old.unlink()
            self.writer: Any = EventsWriter(str(self.folder / "events"))

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Write each figure as a scalar."""
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.proto.summary_pb2 import Summary

        self.step = step
        scalars = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        with self._refused():
            self.writer.write_event(Event(wall_time=time.time(), step=step, summary=Summary(value=scalars)))
            if time.monotonic() - self.flushed >= FLUSH_SECONDS:
                self.flushed = time.monotonic()
                self.writer.flush()

    def finish(self, final: Mapping[str, float]) -> None:
        """Write what came out as of the last step."""
        self.log(self.step, {f"final/{name}": value for name, value in final.items()})

    def close(self) -> None:
        """Flush and close the file."""
        with self._refused():
            self.writer.close()

    @contextmanager
    def _refused(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise TrackerError(f"report_to tensorboard: {refusal(error, self.folder)}") from error
