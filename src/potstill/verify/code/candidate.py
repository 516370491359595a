"""The program's end: loads it and answers calls. Runs inside a sandbox only, behind `wire.py` and `peer.py`.

Nothing here is trusted once the program runs: it may replace all of it, and can then say no more than it could by
returning values. What a test expects is never sent here.
"""

from __future__ import annotations

import sys
from typing import Any

from potstill.verify.code.peer import Peer, begin, channel, described, execute

NAME = "program"
"""`__name__` of the program: not `__main__`, so that what it does as a script stays undone."""
LONG_NAME, MANY_NAMES = 100, 1000


def serve(descriptor: int) -> None:
    """Load the program that comes first over the channel, then answer what the tests ask of it."""
    send, receive = channel(descriptor)
    module = type(sys)(NAME)
    sys.modules[NAME] = module
    peer = Peer(send, receive, module.__dict__, guarded=False)
    send("=" + peer.write("ready"))
    preamble, program = peer.read(receive())
    send(_load(peer, preamble, program, module.__dict__))
    peer.serve()


def _load(peer: Peer, preamble: str, program: str, namespace: dict[str, Any]) -> str:
    begin(preamble, "preamble.py", namespace)
    try:
        execute(program, "program.py", namespace)
    except BaseException as error:  # noqa: BLE001 - also a program that leaves by sys.exit
        return "!" + peer.write(described(error))
    names = [name for name in list(namespace) if type(name) is str and len(name) <= LONG_NAME]
    return "=" + peer.write(names[:MANY_NAMES])
