"""The viewer as a process of its own, asked over plain HTTP with whatever headers a test wants."""

import http.client
import json
import os
import re
import signal
from contextlib import contextmanager

from commands import start

LINK = re.compile(r"http://127\.0\.0\.1:(\d+)/#token=([\w-]+)")


class Served:
    def __init__(self, process, port, token):
        self.process, self.port, self.token = process, int(port), token
        self.link = f"http://127.0.0.1:{port}/#token={token}"

    @property
    def own(self):
        """The headers of the page itself."""
        return {
            "Host": f"127.0.0.1:{self.port}", "Cookie": f"potstill-{self.port}={self.token}", "X-Potstill": "1",
            "Origin": f"http://127.0.0.1:{self.port}", "Content-Type": "application/json",
        }  # fmt: skip

    def ask(self, path, body=None, method=None, **headers):
        """Return (status, headers, bytes); a header that is None is left out."""
        sent = {name: value for name, value in (self.own | headers).items() if value is not None}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.putrequest(method or ("GET" if body is None else "POST"), path, skip_host=True)
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        for name, value in sent.items():
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(data)))
        connection.endheaders(data)
        reply = connection.getresponse()
        found = reply.status, dict(reply.getheaders()), reply.read()
        connection.close()
        return found

    def json(self, path, body=None):
        status, _, data = self.ask(path, body)
        assert status == 200, (path, status, data[:400])
        return json.loads(data)

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def serving(*what, cache):
    process = start("view", *what, XDG_CACHE_HOME=str(cache))
    try:
        found = None
        while found is None:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            found = LINK.search(line)
        yield Served(process, *found.groups())
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(timeout=20)
        process.stdout.close()
        process.stderr.close()
