"""Run potstill and SIGKILL the process when it has passed a named point of sampling N times: `python chaos_client.py
POINT N ARGS...`. A POINT of `-` kills never."""

import os
import random
import signal
import sys
import threading
import time

import pyarrow.parquet as pq

from potstill.cli import main
from potstill.models.ledger import Ledger
from potstill.models.served.wire import Wire

POINTS = ("reply", "put", "written", "committing", "committed", "lookup")
"""Of teaching: a reply is in, it is about to be written, it is written and not committed, in the middle of the commit,
it is committed, the next are looked up. After it come `rows` (of the ledger or the traces), `sync`, `rename`."""
point, left = "-", 0


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def passed(name):
    global left
    if name == point:
        left -= 1
        if left == 0:
            kill()


def around(owner, name, before=None, after=None):
    real = getattr(owner, name)

    def call(*args, **kwargs):
        passed(before)
        value = real(*args, **kwargs)
        passed(after)
        return value

    setattr(owner, name, call)


def killed_within(real):
    """Kill while the commit waits for the disk, which takes it some milliseconds."""

    def commit(self):
        global left
        left -= point == "committing"
        if point == "committing" and left == 0:
            threading.Thread(target=lambda: (time.sleep(random.uniform(0.0, 0.006)), kill())).start()
        real(self)

    return commit


real_post = Wire.post


async def post(self, *given):
    reply = await real_post(self, *given)
    passed("reply")
    return reply


if __name__ == "__main__":
    point, left = sys.argv[1], int(sys.argv[2])
    Wire.post = post
    Ledger.commit = killed_within(Ledger.commit)
    around(Ledger, "put", before="put", after="written")
    around(Ledger, "commit", after="committed")
    around(Ledger, "missing", after="lookup")
    around(pq.ParquetWriter, "write_table", after="rows")
    around(os, "fsync", before="sync")
    for name in ("rename", "replace"):
        around(os, name, before="rename")
    sys.exit(main(sys.argv[3:]))
