"""The processes of one training: which of them this is, what each is dealt, how they sum, how weights are spread.

Every process knows the whole plan, so the coefficients of a step need no word between them; what is summed is gradients
and the log. DDP keeps all weights everywhere, FSDP2 (`fully_shard`) a share of them: docs/decisions/0021-own-ranks.md.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from potstill.errors import StudentError

if TYPE_CHECKING:
    import torch

    from potstill.train.student_loss import StudentLoss

Sharding = Literal["none", "full"]
DAYS = 30
"""That a process waits for the others before it gives up: a teacher may be asked for days in between."""
_company: list[Ranks] = []
"""The processes that this one was started with, if it was."""


def deal(rows: Sequence[int], count: int) -> list[list[int]]:
    """Deal rows, longest first, to `count` processes there and back: (0 3 4), (1 2 5) of six to two."""
    dealt: list[list[int]] = [[] for _ in range(count)]
    for place, row in enumerate(rows):
        turn, seat = divmod(place, count)
        dealt[seat if turn % 2 == 0 else count - 1 - seat].append(row)
    return dealt


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranks:
    """Process `number` of `count`, and the device that it works on."""

    number: int = 0
    count: int = 1
    device: str = "cpu"

    def gathered(self, value: Any) -> list[Any]:  # noqa: ANN401 - whatever can be pickled
        """Return the value of every process, in their order, on all of them; a small one."""
        if self.count == 1:
            return [value]
        import torch.distributed as dist

        found: list[Any] = [None] * self.count
        dist.all_gather_object(found, value)
        return found

    def sums(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return the exactly rounded sums over all processes, key by key: the same on each of them."""
        found = self.gathered(dict(values))
        return {
            key: math.fsum(one.get(key, 0.0) for one in found) for key in dict.fromkeys(k for one in found for k in one)
        }

    def same(self, value: Any) -> Any:  # noqa: ANN401
        """Return the value that process 0 has."""
        return self.gathered(value if self.number == 0 else None)[0]


def join(number: int, count: int, local: int, store: str | None = None) -> Ranks:
    """Meet the other processes; `local` counts those of this machine, `store` is a file that all of them can see.

    Without a file they meet as torchrun's environment says.
    """
    import datetime

    import torch
    import torch.distributed as dist

    waiting = datetime.timedelta(days=DAYS)
    cuda = torch.cuda.is_available()
    if cuda and local >= torch.cuda.device_count():
        raise StudentError(
            f"train.processes: {count} processes want a GPU each and this machine has {torch.cuda.device_count()}: "
            "lower it"
        )
    device = f"cuda:{local}" if cuda else "cpu"
    if cuda:
        torch.cuda.set_device(local)
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    backend = "cpu:gloo,cuda:nccl" if cuda else "gloo"
    if store is not None:
        met = f"file://{store}"
        dist.init_process_group(backend, init_method=met, rank=number, world_size=count, timeout=waiting)
    else:
        dist.init_process_group(backend, timeout=waiting)
    return Ranks(number=number, count=count, device=device)


def by_torchrun() -> Ranks:
    """Meet the processes that torchrun started; every training of this one is from now on theirs too."""
    number, count, local = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    _company[:] = [join(number, count, local)]
    return _company[0]


def company() -> Ranks:
    """Return the processes that train together: those of torchrun, or this one alone."""
    import torch

    return _company[0] if _company else Ranks(device="cuda" if torch.cuda.is_available() else "cpu")


def leave() -> None:
    """Part from the other processes."""
    import torch.distributed as dist

    dist.destroy_process_group()


def spread(student: StudentLoss, ranks: Ranks, sharding: Sharding, unused: Callable[[], int]) -> Any:  # noqa: ANN401
    """Return what is called in place of the student, whose gradients are summed over the processes, never averaged.

    `unused` runs a row and counts the weights that got no gradient from it. With `full` sharding each process keeps a
    share of every weight, of its gradient and of its moments; the student's parameters are then DTensors, split along
    their first dimension.
    """
    if ranks.count == 1:
        return student
    if sharding == "full":
        wrapped = _sharded(student, ranks)
        if count := unused():  # a process would wait for the gradients that another one does not have
            raise StudentError(
                f"train.sharding: {count} weights of {type(student.model).__name__} are not used by every row, such as "
                "experts, and cannot be shared out: set train.sharding: none"
            )
        return wrapped
    from torch.nn.parallel import DistributedDataParallel

    devices = [ranks.device] if ranks.device != "cpu" else None
    wrapped = DistributedDataParallel(student, device_ids=devices, find_unused_parameters=unused() > 0)
    wrapped.register_comm_hook(None, lambda _, bucket: _summed(bucket))  # it may not have annotations
    return wrapped


def _summed(bucket: Any) -> torch.futures.Future[torch.Tensor]:  # noqa: ANN401 - DDP's bucket of gradients
    """Sum a bucket of gradients over the processes: the coefficients are divided by the whole step already."""
    import torch.distributed as dist

    work = dist.all_reduce(bucket.buffer(), async_op=True)
    summed: torch.futures.Future[torch.Tensor] = work.get_future().then(lambda done: done.value()[0])
    return summed


def _sharded(student: StudentLoss, ranks: Ranks) -> Any:  # noqa: ANN401
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import FSDPModule, fully_shard

    mesh = init_device_mesh(ranks.device.partition(":")[0], (ranks.count,))
    whole = set(getattr(student.model, "_no_split_modules", None) or ())  # the names of a family's layers
    for module in list(student.modules()):
        if type(module).__name__ in whole:
            fully_shard(module, mesh=mesh)
    fully_shard(student, mesh=mesh)
    for module in student.modules():
        if isinstance(module, FSDPModule):
            # a divide factor of 1 alone asks gloo for a reduction that it does not have
            module.set_force_sum_reduction_for_comms(True)
            module.set_gradient_divide_factor(1.0)
    return student


def accumulating(wrapped: Any, *, last: bool) -> AbstractContextManager[None]:  # noqa: ANN401
    """Return the block of one forward and backward pass: DDP sums in the last of a step.

    A sharded student sums in each, for whole gradients are what it has no room for.
    """
    no_sync = getattr(wrapped, "no_sync", None)
    held: AbstractContextManager[None] = no_sync() if no_sync is not None and not last else nullcontext()
    return held


def own(tensor: torch.Tensor) -> torch.Tensor:
    """Return the share of a tensor that this process has: all of it where it is not spread."""
    local = getattr(tensor, "to_local", None)
    return tensor if local is None else local()


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor that is spread over the processes in one piece, on each of them; all of them have to ask."""
    full = getattr(tensor, "full_tensor", None)
    return tensor if full is None else full()


def place(tensor: torch.Tensor, ranks: Ranks) -> tuple[int, int]:
    """Return [start, stop) of this process's share along a tensor's first dimension."""
    if getattr(tensor, "to_local", None) is None:
        return 0, len(tensor)
    each = math.ceil(len(tensor) / ranks.count)  # as torch.chunk cuts
    start = min(len(tensor), each * ranks.number)
    return start, min(len(tensor), start + each)
