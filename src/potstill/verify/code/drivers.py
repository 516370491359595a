"""The programs that the two sandboxes run, put together from files of this folder."""

from __future__ import annotations

import marshal
import re
from functools import cache
from pathlib import Path
from typing import Literal

_NOT_INSIDE = re.compile(r"^from (?:__future__|typing|types|collections\.abc|potstill\S*) import .*\n", re.MULTILINE)
"""Imports for readers and type checkers; inside, the files are one and annotations are never evaluated."""
_START = {
    "candidate": "del NONCE\nserve(globals().pop('CHANNEL'))",
    "checker": "check(CHANNEL, NONCE)",
}


@cache
def driver(end: Literal["candidate", "checker"]) -> bytes:
    """Return the program of one end of the conversation; the sandbox gives it `CHANNEL`, a socket, and `NONCE`.

    It is compiled here, once, for the interpreter inside is this one and compiling took a third of its start.
    """
    folder = Path(__file__).parent
    parts = [folder.joinpath(f"{name}.py").read_text(encoding="utf-8") for name in ("wire", "peer", end)]
    text = "\n".join(_NOT_INSIDE.sub("", part) for part in parts)
    text = f"from __future__ import annotations\n{text}\n{_START[end]}\n"
    code = compile(text, "driver.py", "exec", dont_inherit=True)
    return b"import marshal; exec(marshal.loads(%r))\n" % marshal.dumps(code)
