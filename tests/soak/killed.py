"""Run potstill and SIGKILL the process at its n-th durable operation: `python killed.py N COUNT_FILE ARGS...`.

Counted are fsync, rename and replace, the operations between which a crash could lose something; N of 0 kills never,
and at a negative N the operation fails as on a full disk instead. The count of an undisturbed run is written to
COUNT_FILE.
"""

import errno
import os
import signal
import sys

from potstill.cli import main

kill_at, count_file, argv = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
count = 0


def counted(real):
    def call(*args, **kwargs):
        global count
        count += 1
        if count == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if count == -kill_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*args, **kwargs)

    return call


for name in ("fsync", "rename", "replace"):
    setattr(os, name, counted(getattr(os, name)))
code = main(argv)
with open(count_file, "w") as file:
    file.write(str(count))
sys.exit(code)
