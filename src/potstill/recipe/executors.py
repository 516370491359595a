"""Where parts of verdicts and curation are made beside the run's own process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le

from potstill.recipe.scopes import Beside


@dataclass(frozen=True, kw_only=True)
class Executor:
    """Who helps with what has many parts; `executor: ray` stands for `{kind: ray}`."""

    kind: Beside[Literal["here", "ray"]] = "here"
    """`here`: processes of this machine. `ray`: workers on a Ray cluster, to which this machine has to belong; its
    nodes see the run folder."""
    address: Beside[str | None] = None
    """The cluster's head, as `host:port`. `null` takes `RAY_ADDRESS`, else the cluster that this machine belongs to."""
    cpus: Beside[Annotated[int, Ge(1), Le(1024)]] = 1
    """Processors of a node that a worker on a cluster is counted as."""
