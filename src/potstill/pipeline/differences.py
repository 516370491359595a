"""Where two settings differ, in the recipe's own keys: what `status` names and `run` refuses over."""

from __future__ import annotations

import json
from typing import Any

_ABSENT = object()


def differences(old: Any, new: Any, where: str = "") -> list[str]:  # noqa: ANN401 - JSON values
    """Return each difference of two JSON values as `key.path (old -> new)`; empty where both make the same fingerprint.

    1, 1.0 and true differ, and so do a key that is null and one that is not there: they are other bytes of JSON.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        return [
            found
            for key in sorted({*old, *new})
            for found in differences(old.get(key, _ABSENT), new.get(key, _ABSENT), f"{where}.{key}".lstrip("."))
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [
            found
            for index, (one, other) in enumerate(zip(old, new, strict=True))
            for found in differences(one, other, f"{where}.{index}")
        ]
    before, after = _written(old), _written(new)
    if before == after:
        return []
    if isinstance(old, str) and isinstance(new, str):
        before, after = old, new
    return [f"{where} ({_short(before)} -> {_short(after)})"]


def _written(value: Any) -> str:  # noqa: ANN401 - a JSON value
    return "absent" if value is _ABSENT else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."
