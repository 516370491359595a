"""Where the attacks are run: a listener, a file and a secret that they aim at, and what became of each."""

import contextlib
import json
import os
import secrets
import socket
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from verify.sandbox import attacks

from potstill.verify.sandbox import Limits, Sandbox
from potstill.verify.sandbox.backends import BACKENDS

SECRET_NAME = "POTSTILL_TEST_SECRET"


@dataclass(frozen=True)
class Outcome:
    """What became of one attack; `wall` includes the start, `left` are processes of its own that still run."""

    ended: str
    code: int | None
    stdout: str
    stderr: str
    seconds: float
    wall: float
    left: list


@contextlib.contextmanager
def targets(namespaces):
    """What the programs are told about the outside."""
    secret = os.environ.setdefault(SECRET_NAME, secrets.token_hex(20))
    prefix = Path(sys.base_prefix).resolve()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        canary = Path(folder, "canary")
        canary.write_bytes(b"a file of the host")
        canary.chmod(0o644)
        Path(folder).chmod(0o755)
        home = Path(os.environ.get("HOME", Path(folder, "home")))
        if not home.is_dir():
            home.mkdir()
            (home / ".netrc").write_text("machine nowhere password nothing")
        entries = [path for path in home.iterdir() if not prefix.is_relative_to(path)]
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        unix = stack.enter_context(socket.socket(socket.AF_UNIX))
        unix.bind(f"{folder}/socket")
        unix.listen()
        Path(folder, "socket").chmod(0o777)
        abstract = stack.enter_context(socket.socket(socket.AF_UNIX))
        abstract.bind(f"\0potstill-{os.getpid()}-{namespaces}")
        abstract.listen()
        cut = Path(folder, "cut")
        cut.write_bytes(b"a file that everybody may write")
        cut.chmod(0o666)
        datagrams = [stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) for _ in range(2)]
        datagrams[0].bind(f"{folder}/datagram")
        datagrams[1].bind(f"\0potstill-datagram-{os.getpid()}-{secrets.token_hex(4)}")
        Path(folder, "datagram").chmod(0o666)
        yield {
            "canary": str(canary), "home": str(home), "home_entries": [path.name for path in entries][:50],
            "repository": str(attacks.REPOSITORY), "venv": sys.prefix, "parent": os.getpid(), "secret": secret,
            "port": listener.getsockname()[1], "unix": f"{folder}/socket", "abstract": abstract.getsockname().decode(),
            "cut": str(cut), "datagram": f"{folder}/datagram",
            "abstract_datagram": datagrams[1].getsockname().decode(), "numbers": attacks.NUMBERS,
            "namespaces": namespaces,
        }  # fmt: skip
        assert canary.read_bytes() == b"a file of the host"
        assert cut.read_bytes() == b"a file that everybody may write"
        for datagram in datagrams:
            datagram.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                raise AssertionError(f"something sent {datagram.recv(9)}")
        for name, listening in (("TCP", listener), ("Unix", unix), ("abstract", abstract)):
            listening.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                listening.accept()[0].close()
                raise AssertionError(f"something connected by {name}")


def run(sandbox, facts, program, **limits):
    """Run one attack and look for what it left."""
    marker = f"pt{secrets.token_hex(5)}"
    source = (attacks.PRELUDE + "\n" + program + "\n").encode("utf-8", "surrogateescape")
    began = time.monotonic()
    ran = sandbox.run(source, stdin=json.dumps({**facts, "marker": marker}).encode(), limits=Limits(**limits))
    wall = time.monotonic() - began
    return Outcome(
        ran.ended, ran.code, ran.stdout.decode("latin-1"), ran.stderr.decode("latin-1")[-600:], ran.seconds, wall,
        named(marker),
    )  # fmt: skip


def named(marker):
    """The processes that call themselves so and have not ended."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdecimal() and (entry / "comm").read_text() == f"{marker}\n" and not ended(entry):
                found.append(int(entry.name))
    return found


def ended(entry):
    """Whether the process of this folder of /proc has ended, and only waits to be collected."""
    try:
        return (entry / "stat").read_text().rpartition(") ")[2].startswith("Z")
    except OSError:
        return True


def limits_of(name):
    """The limits of one attack."""
    return attacks.ENDED[name].limits if name in attacks.ENDED else {}


def sandbox_of(backend):
    """The sandbox of a backend: its name, or "Landlock 3" for one of an older kernel."""
    name, _, version = backend.partition(" ")
    return Sandbox(BACKENDS[name](int(version)) if version else BACKENDS[name]())


def all_outcomes(backend, names=()):
    """Run every attack, or those of these names; for the child that is another user."""
    sandbox = sandbox_of(backend)
    outcomes = {}
    with targets(backend == "bubblewrap") as facts:
        for name, program in {**attacks.HELD, **{name: each.program for name, each in attacks.ENDED.items()}}.items():
            if not names or name in names:
                outcomes[name] = asdict(run(sandbox, facts, program, **limits_of(name)))
    return {"isolation": sandbox.isolation, "user": os.getuid(), "outcomes": outcomes}


if __name__ == "__main__":
    print(json.dumps(all_outcomes(sys.argv[1], sys.argv[2:])))
