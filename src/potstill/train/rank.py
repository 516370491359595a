"""One process of a training that `launch` started: `python -m potstill.train.rank NUMBER COUNT FILE`.

Its job comes down its input, and what it has to say goes up its output as lines of JSON. Where the input ends, the
process that started it is gone, and it ends too.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import sys
import threading
import traceback
from typing import IO, Any, NoReturn

from potstill.durable import refusal
from potstill.errors import PotstillError
from potstill.train.job import Job, Log, Stop, stopped_by_sigterm


class Teller:
    """Sends what is said of a training to the process that shows it; all but process 0 keep silent."""

    def __init__(self, number: int, output: IO[str]) -> None:
        self.number, self.output = number, output

    def say(self, **told: Any) -> None:  # noqa: ANN401 - any JSON value
        """Send one line."""
        self.output.write(json.dumps(told) + "\n")
        self.output.flush()

    def resume_at(self, count: int) -> None:
        """See `Watcher`."""
        if self.number == 0:
            self.say(resume_at=count)

    def figures(self, values: Log) -> None:
        """See `Watcher`."""
        if self.number == 0:
            self.say(figures=values)

    def advance(self, n: int = 1, note: str = "") -> None:
        """See `Watcher`."""
        if self.number == 0:
            self.say(advance=[n, note])


def main(number: int, count: int, store: str) -> NoReturn:
    """Train as process `number` of `count`, and end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started this one has it too, and ends it
    teller = Teller(number, os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)  # what libraries print must not land among the lines
    job: Job = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started us
    code = 2
    with stopped_by_sigterm() as stop:
        threading.Thread(target=_obey, args=(stop,), daemon=True).start()
        try:
            logs = _trained(job, number, count, store, teller, stop)
            teller.say(done=logs if number == 0 else [])
            code = 0
        except PotstillError as error:
            teller.say(failed=str(error), kind="told", **{"class": type(error).__name__})
        except OSError as error:
            teller.say(failed=refusal(error), kind="told", **{"class": "StoreError"})
        except Exception as error:  # noqa: BLE001 - whatever it was is told, and to whom else
            teller.say(failed=str(error), kind="bug", trace=traceback.format_exc())
    sys.stderr.flush()
    os._exit(code)  # threads of libraries may wait for processes that are gone


def _trained(job: Job, number: int, count: int, store: str, teller: Teller, stop: Stop) -> list[Log]:
    from potstill.train import ranks
    from potstill.train.trainer import follow

    return follow(job, ranks.join(number, count, number, store), teller, stop)


def _obey(stop: Stop) -> None:
    """Ask to stop when told so; end when the other end is closed."""
    while sys.stdin.buffer.readline():
        stop.ask()
    os._exit(2)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
