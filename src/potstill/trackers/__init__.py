"""Where else a run's figures go, for people who look at many runs in one place: `report_to` in a recipe.

A tracker is a file of this folder and its line in `TRACKERS`.
"""

from __future__ import annotations

from potstill.tables import Table
from potstill.trackers.tracker import Tracker

TRACKERS: Table[type[Tracker]] = Table(
    "tracker",
    "potstill.trackers",
    {
        "tensorboard": "potstill.trackers.tensorboard:TensorBoard",
        "wandb": "potstill.trackers.wandb:WeightsAndBiases",
        "trackio": "potstill.trackers.trackio:Trackio",
    },
)
"""Name in `report_to`, which is that of its extra too -> its class."""
