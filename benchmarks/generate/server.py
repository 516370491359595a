"""The stub server as the bench uses it: started once, told what to do before each run, asked what it has counted."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Counts:
    """What the stub was asked since `begin`.

    `distinct` counts prompts about a row, `others` requests about none (probes), `most` the requests open at a time
    and `connections` the connections, the one that asks for the counts among them;
    `first` and `last` are the Unix times of the first request and the last reply.
    """

    requests: int
    answered: int
    others: int
    distinct: int
    open: int
    most: int
    connections: int
    first: float
    last: float

    @property
    def rate(self) -> float:
        """Requests a second between the first request and the last reply."""
        return self.requests / (self.last - self.first) if self.last > self.first else 0.0


class Server:
    """The node process of `stub.mjs`; it ends with this one."""

    def __enter__(self) -> Server:
        node = shutil.which("node")
        if node is None:
            raise SystemExit("the stub server needs node (20 or later) on the PATH")
        self.node = node
        self._process = subprocess.Popen(
            [node, str(HERE / "stub.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}/v1"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def begin(self, *, delay: float = 0.0, cut: tuple[int, ...] = ()) -> None:
        """Forget what was counted; from now on answer after `delay` seconds, the rows of `cut` always truncated."""
        self._ask("POST", "/begin", json.dumps({"delay": 1000 * delay, "cut": cut}))

    def counts(self) -> Counts:
        """Return what was asked since `begin`."""
        return Counts(**json.loads(self._ask("GET", "/counts")))

    def bears(self, sockets: int) -> int:
        """Return the requests a second that the stub answers to bare sockets: more is not to be had from it."""
        self.begin()
        command = [self.node, str(HERE / "load.mjs"), str(self.port), str(sockets)]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    def _ask(self, method: str, path: str, body: str | None = None) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body)
            return connection.getresponse().read()
        finally:
            connection.close()
