"""Commands of potstill as tasks of a Ray cluster. Of Ray: `init`, tasks, `wait`, `cancel`, placement groups, no more.

Nothing goes through Ray's object store but how a process ended. A node needs Ray, and potstill of the same version.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from potstill.errors import MissingExtraError, PotstillError

PATIENCE = 20.0
"""Seconds in which a cluster has to answer."""
KNOCK = 5.0
"""Seconds in which its address has to."""
REFUSED = 2
LOST = None
"""What stands for the exit code of a process whose node, or whose process of Ray, is gone."""


class ClusterError(PotstillError):
    """A Ray cluster that cannot be used: names its address, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a process on a node ended: its exit code, what it printed (stdout), and the last line of what it said."""

    code: int | None
    printed: str = ""
    said: str = ""
    node: str = ""

    @property
    def lost(self) -> bool:
        """Whether something else ended it: a signal, or the loss of its node."""
        return self.code is LOST or self.code < 0

    def __str__(self) -> str:
        what = f"was ended by signal {-self.code}" if self.code is not None and self.code < 0 else self.said
        return f"{self.node}: {what}" if self.node else what


def named(address: str | None) -> str:
    """Return the address that is meant where a recipe says `address`."""
    return address or os.environ.get("RAY_ADDRESS") or "auto"


def connect(address: str | None) -> Any:  # noqa: ANN401 - the package has no types
    """Return `ray`, connected to the cluster at an address.

    Raises:
        MissingExtraError: Ray is not installed.
        ClusterError: no cluster answers there, it is of another version, or this machine does not belong to it.
    """
    where = named(address)
    remedy = (
        "start one with `ray start --head`, or name its head as RAY_ADDRESS=host:port"
        if where == "auto"
        else "is it up, and does this machine belong to it (`ray start --address=host:port --num-cpus=0`)?"
    )
    if "://" in where:
        raise ClusterError(f"the Ray cluster {where}: an address is host:port of its head, not of a client's server")
    if where != "auto":
        _knock(where, remedy)
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("executor.kind ray", "ray", "ray") from error
    try:
        ray.init(address=where, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False)
    except Exception as error:  # Ray has a dozen classes for it, and says what it is
        told = " ".join(str(error).split())
        raise ClusterError(
            f"no Ray cluster can be used at {where}: {told[:300] or type(error).__name__}: {remedy}"
        ) from error
    return ray


def _knock(where: str, remedy: str) -> None:
    host, _, port = where.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK).close()
    except ValueError:
        raise ClusterError(f"the Ray cluster {where}: an address is host:port") from None
    except OSError as error:
        why = error.strerror or str(error) or "no answer"
        raise ClusterError(f"no Ray cluster answers at {where} ({why}): {remedy}") from error


def installed(names: Sequence[str]) -> dict[str, str]:
    """Return the versions of packages as far as they are installed."""
    found = {}
    for name in names:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def process(ray: Any) -> Any:  # noqa: ANN401
    """Return the remote function (argv after `python -m`, environment, versions, folder) -> fields of `Ended`."""
    return ray.remote(_run())


def _run() -> Callable[[Sequence[str], Mapping[str, str], Mapping[str, str], str | None], dict[str, Any]]:
    # A function inside another one travels whole, so that a node without potstill can say so.
    def run(
        argv: Sequence[str], environment: Mapping[str, str], wanted: Mapping[str, str], folder: str | None
    ) -> dict[str, Any]:
        import ctypes
        import os
        import socket
        import subprocess
        import sys
        from importlib import metadata

        node, apart = socket.gethostname(), []
        for name, version in wanted.items():
            try:
                here = metadata.version(name)
            except metadata.PackageNotFoundError:
                here = "none"
            if here != version:
                apart.append(f"{name} {version} in the run and {here} there")
        if apart:
            said = f"another version: {', '.join(apart)}: install the same on every node"
            return {"code": 2, "said": said, "node": node}
        if folder and not os.path.isdir(folder):
            said = f"{folder} is not there: every node has to see the folder of the run"
            return {"code": 2, "said": said, "node": node}
        # The process ends with this one, which Ray may end at any moment.
        after_me = ctypes.CDLL(None).prctl if sys.platform == "linux" else (lambda *_: 0)
        child = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-P", "-m", *argv], env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, cwd=folder,
            preexec_fn=lambda: after_me(1, 9),  # noqa: PLW1509 - PR_SET_PDEATHSIG, SIGKILL
        )  # fmt: skip
        try:
            printed, told = child.communicate()
        finally:
            child.kill()
            child.wait()
        lines = told.decode(errors="replace").strip().splitlines() or [f"ended with code {child.returncode}"]
        said = lines[-1][-500:].removeprefix("potstill: ")
        return {
            "code": child.returncode,
            "printed": printed.decode(errors="replace")[-65536:],
            "said": said,
            "node": node,
        }

    return run


def ended(ray: Any, reference: Any) -> Ended:  # noqa: ANN401
    """Return how a task that is over ended."""
    try:
        return Ended(**ray.get(reference))
    except ray.exceptions.RayTaskError as error:
        return Ended(code=1, said=str(error).strip().splitlines()[-1][:300])
    except ray.exceptions.RayError as error:
        return Ended(code=LOST, said=f"a node or its process is lost ({type(error).__name__})")
