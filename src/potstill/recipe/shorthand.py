"""What a recipe may say shorter: `train: auto`, `executor: ray`, written out before any key is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

AUTO = {"epochs": "auto", "learning_rate": "auto"}
"""What `train: auto` stands for."""


def written_out(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data with the keys that are meant: of `train: auto`, in arms too, and of `executor: KIND`."""

    def whole(train: Any) -> Any:  # noqa: ANN401 - YAML
        if isinstance(train, list):
            return [whole(phase) for phase in train]
        return dict(AUTO) if train == "auto" else train

    found = dict(data)
    if "train" in found:
        found["train"] = whole(found["train"])
    if isinstance(kind := found.get("executor"), str):
        found["executor"] = {"kind": kind}
    if isinstance(arms := found.get("arms"), Mapping):
        found["arms"] = {
            name: {**arm, "train": whole(arm["train"])} if isinstance(arm, Mapping) and "train" in arm else arm
            for name, arm in arms.items()
        }
    return found
