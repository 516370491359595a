"""`python -m potstill.train.on_ray N RECIPE --out RUN`: what torchrun starts, as N tasks of a Ray cluster.

A placement group holds all places or none. Each task is `python -m potstill.train RECIPE --out RUN` with torchrun's
variables, so that weights and losses are those of a torchrun of as many processes. Where one is lost with its node, all
are ended and started again, and go on from the last checkpoint.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from potstill.errors import PotstillError, StudentError
from potstill.executor.cluster import REFUSED, ClusterError, Ended, connect, ended, installed, named, process
from potstill.interrupt import INTERRUPTED, TOLD

VERSIONED = ("potstill", "torch", "transformers")
PLACES_SECONDS = 60
"""In which a cluster has to have room for all."""
LOOK_SECONDS = 0.5
GRACE_SECONDS = 10.0
"""After one has ended badly, for the others to say why: those that waited for it fail too, and know less."""


def train(asked: argparse.Namespace) -> Ended:
    """Run the recipe as processes of a cluster; return how process 0 ended, which was well.

    Raises:
        PotstillError: what one of them said; or the cluster has no room, or lost processes too often.
    """
    ray = connect(asked.address)
    try:
        for lives in range(asked.max_restarts, -1, -1):
            how = _together(ray, asked)
            bad = [one for one in how if one.code != 0]
            if not bad:
                return how[0]
            lost = [one for one in bad if one.lost]
            if not lost:
                refused = [one for one in bad if one.code == REFUSED]
                raise StudentError(f"a process of the training ended, {(refused or bad)[0]}")
            if lives:
                print(f"a process of the training is lost, {lost[0]}: all are started again", file=sys.stderr)
        raise StudentError(
            f"processes of the training were lost {asked.max_restarts + 1} times, last {lost[0]}: the last checkpoint "
            "is kept; the same command goes on from there"
        )
    finally:
        ray.shutdown()


def _together(ray: Any, asked: argparse.Namespace) -> list[Ended]:  # noqa: ANN401
    """Start all processes once and wait for them; return how each ended."""
    from ray.util.placement_group import placement_group, remove_placement_group
    from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

    place = {"CPU": asked.cpus} | ({"GPU": asked.gpus} if asked.gpus else {})
    group = placement_group([place] * asked.processes, strategy=asked.strategy)
    try:
        if not group.wait(PLACES_SECONDS):
            told = ", ".join(f"{count} {kind}" for kind, count in place.items())
            raise ClusterError(
                f"the Ray cluster {named(asked.address)} has no room for {asked.processes} processes of {told} each: "
                "ask for fewer, or add nodes"
            )

        def options(number: int) -> dict[str, Any]:
            its = PlacementGroupSchedulingStrategy(placement_group=group, placement_group_bundle_index=number)
            return {"num_cpus": asked.cpus, "num_gpus": asked.gpus, "max_retries": 0, "scheduling_strategy": its}

        try:
            address, port = ray.get(ray.remote(_meeting()).options(**options(0)).remote())
        except ray.exceptions.RayError as error:
            return [Ended(code=None, said=f"a node was lost before it began ({type(error).__name__})")]
        environment = {
            # Ray shows each task its own GPU alone, as number 0; torchrun gives a process one thread.
            "MASTER_ADDR": address, "MASTER_PORT": str(port), "WORLD_SIZE": str(asked.processes), "LOCAL_RANK": "0",
            "OMP_NUM_THREADS": str(asked.cpus),
        }  # fmt: skip
        run, argv = process(ray), ["potstill.train", *asked.given]
        tasks = [
            run.options(**options(rank)).remote(
                argv, environment | {"RANK": str(rank)}, installed(VERSIONED), str(Path.cwd())
            )
            for rank in range(asked.processes)
        ]  # fmt: skip
        return _waited(ray, tasks)
    finally:
        remove_placement_group(group)


def _waited(ray: Any, tasks: list[Any]) -> list[Ended]:  # noqa: ANN401
    """Return how the processes ended; where one ends badly, the others are ended after a while."""
    found: dict[Any, Ended] = {}
    waiting, until = list(tasks), float("inf")
    while waiting and time.monotonic() < until:
        done, waiting = ray.wait(waiting, timeout=LOOK_SECONDS)
        found |= {task: ended(ray, task) for task in done}
        if until == float("inf") and any(how.code != 0 for how in found.values()):
            until = time.monotonic() + GRACE_SECONDS
    for task in waiting:
        ray.cancel(task, force=True)
    if waiting:
        ray.wait(waiting, num_returns=len(waiting), timeout=GRACE_SECONDS)
    return [found.get(task, Ended(code=1, said="it was ended with the others")) for task in tasks]


def _meeting() -> Any:  # noqa: ANN401
    def meeting() -> tuple[str, int]:
        """Return an address of this node that the others reach, and a port that is free there."""
        import socket

        import ray

        host, _, port = ray.get_runtime_context().gcs_address.rpartition(":")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as way, socket.socket(family) as free:
            way.connect((host.strip("[]"), int(port)))  # sends nothing
            free.bind(("", 0))
            return way.getsockname()[0], free.getsockname()[1]

    return meeting


def main(argv: Sequence[str]) -> int:
    """Return the exit code."""
    options = argparse.ArgumentParser(
        prog="python -m potstill.train.on_ray",
        usage="%(prog)s N [--address HOST:PORT] [--cpus C] [--gpus 1] [--strategy S] RECIPE --out RUN",
        description="a run whose trainings are those of N processes on a Ray cluster",
    )
    options.add_argument("processes", metavar="N", type=int)
    options.add_argument("--address", help="host:port of the cluster's head (default: RAY_ADDRESS)")
    options.add_argument("--cpus", type=int, default=1, help="processors, and threads, of each process")
    options.add_argument("--gpus", type=int, default=0, choices=(0, 1), help="1: a GPU for each process")
    options.add_argument("--strategy", default="PACK", choices=("PACK", "SPREAD", "STRICT_PACK", "STRICT_SPREAD"))
    options.add_argument("--max-restarts", type=int, default=3)
    # What is left, RECIPE --out RUN, is for `potstill.train`, in whatever place it stands.
    asked, given = options.parse_known_args(argv)
    asked.given = given
    try:
        print(train(asked).printed, end="")
    except PotstillError as error:
        print(f"potstill: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(TOLD, file=sys.stderr)
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
