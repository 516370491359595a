"""Run potstill and SIGKILL the process when it has passed a named point of sampling N times: `python chaos_client.py
POINT N ARGS...`. A POINT of `-` kills never."""

import os
import signal
import sys

from potstill.cli import main
from potstill.models.ledger import Ledger
from potstill.models.wire import Wire

POINTS = ("reply", "put", "commit", "committed", "lookup")
point, left = "-", 0


def passed(name):
    global left
    if name == point:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def around(owner, name, before=None, after=None):
    real = getattr(owner, name)

    def call(*args, **kwargs):
        passed(before)
        value = real(*args, **kwargs)
        passed(after)
        return value

    setattr(owner, name, call)


real_post = Wire.post


async def post(self, payload):
    reply = await real_post(self, payload)
    passed("reply")
    return reply


if __name__ == "__main__":
    point, left = sys.argv[1], int(sys.argv[2])
    Wire.post = post
    around(Ledger, "put", before="put")
    around(Ledger, "commit", before="commit", after="committed")
    around(Ledger, "missing", after="lookup")
    sys.exit(main(sys.argv[3:]))
