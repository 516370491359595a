"""`python -m potstill.executor.keeping`: keeps workers of a run alive on a Ray cluster until its input ends.

A process of its own: a cluster that dies takes its client with it, and a run is to go on. What it has to say goes up
its output as lines of JSON: `ready` once, `said` for a line to be shown, `refused` for the last one, `absent`
where no cluster answered.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from typing import IO, Any

from potstill.errors import PotstillError
from potstill.executor.cluster import REFUSED, Ended, connect, ended, process

LOOK_SECONDS = 0.5
AGAIN_SECONDS = 5.0
"""Before a worker is sent for again that refused to work, in the place of one that may be on another node."""
SOON_SECONDS = 0.5
"""The same of one that was lost."""


class Keeper:
    """The workers of one run: `count` tasks, each a `potstill work`; one that ends is started again."""

    def __init__(self, ray: Any, asked: argparse.Namespace, output: IO[str]) -> None:  # noqa: ANN401
        self.ray, self.asked, self.output = ray, asked, output
        self.task = process(ray).options(num_cpus=asked.cpus, scheduling_strategy="SPREAD", max_retries=0)
        self.running: list[Any] = []
        self.due = [0.0] * asked.count
        """When the workers that do not run are to be started, in monotonic seconds."""
        self.shown: set[str] = set()
        self.refusals_only = True

    def keep(self, over: threading.Event) -> str | None:
        """Keep them until it is over; return why all refused, if they did."""
        while not over.is_set():
            now = time.monotonic()
            for due in [due for due in self.due if due <= now]:
                self.due.remove(due)
                self.running.append(self._started())
            if not self.running:
                time.sleep(LOOK_SECONDS)
                continue
            done, self.running = self.ray.wait(self.running, timeout=LOOK_SECONDS)
            for reference in done:
                if (why := self._ended(ended(self.ray, reference))) and self.refusals_only and not self.running:
                    return why
        return None

    def end(self) -> None:
        """End them, also those that wait for a place."""
        for reference in self.running:
            self.ray.cancel(reference, force=True)

    def say(self, **told: Any) -> None:  # noqa: ANN401 - any JSON value
        """Send one line."""
        self.output.write(json.dumps(told) + "\n")
        self.output.flush()

    def _started(self) -> Any:  # noqa: ANN401
        argv = ["potstill", "work", self.asked.run]
        folder = None if "://" in self.asked.run else self.asked.run  # an object store has none
        argv += ["--run-untrusted-code-without-a-sandbox"] if self.asked.without_sandbox else []
        return self.task.remote(argv, {}, json.loads(self.asked.versions), folder)

    def _ended(self, how: Ended) -> str:
        """Let a worker be started again; return why it refused, if it did."""
        refused = how.code == REFUSED
        self.refusals_only &= refused
        self.due.append(time.monotonic() + (SOON_SECONDS if how.lost else AGAIN_SECONDS))
        if how.code != 0 and str(how) not in self.shown:
            self.shown.add(str(how))
            self.say(said=f"a worker on the cluster {'refused' if refused else 'is lost'}, {how}")
        return str(how) if refused else ""


def main(argv: list[str]) -> int:
    """Keep workers until the input ends."""
    asked = _asked(argv)
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    silent = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # Ray's own words would land among the lines, and on the terminal
        os.dup2(silent, stream)
    over = threading.Event()
    threading.Thread(target=_obey, args=(over,), daemon=True).start()
    try:
        keeper = Keeper(connect(asked.address), asked, output)
    except PotstillError as error:
        output.write(json.dumps({"absent": str(error)}) + "\n")
        output.flush()
        return REFUSED
    keeper.say(ready=True)
    if why := keeper.keep(over):
        keeper.say(refused=why)
    keeper.end()
    keeper.ray.shutdown()
    return 0


def _asked(argv: list[str]) -> argparse.Namespace:
    options = argparse.ArgumentParser()
    options.add_argument("run")
    options.add_argument("--address")
    options.add_argument("--count", type=int, required=True)
    options.add_argument("--cpus", type=int, required=True)
    options.add_argument("--versions", required=True)
    options.add_argument("--without-sandbox", action="store_true")
    return options.parse_args(argv)


def _obey(over: threading.Event) -> None:
    """Say when it is over: the other end of the input is closed."""
    while sys.stdin.buffer.read(1):
        pass
    over.set()


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # threads of Ray may wait for a cluster that is gone
