"""How long one answer takes that is asked alone: until its first token is there, and tokens a second behind it."""

from __future__ import annotations

import time

from potstill.models.local.inprocess import InProcess
from potstill.models.local.model import Prompt
from potstill.models.requests import Request

TOKENS = 33
"""Tokens that are written for the speed, the first of them apart."""


def timed_alone(model: InProcess, request: Request) -> dict[str, float]:
    """Return `first` in seconds and `rate` in tokens a second, so far as they can be told.

    Nothing of a model that nothing was asked of: it would be loaded for this. No `rate` where the answer ends at once.
    """
    if not model.loaded:
        return {}
    turns = [{"role": turn.role, "content": turn.content} for turn in request.messages]
    prompt = Prompt(model.engine.render(turns), 0)
    clock, written = [time.monotonic()], 0
    for tokens in (1, TOKENS):
        (found,) = model.engine.answer([prompt], {"max_tokens": tokens, "temperature": 0.0, "top_p": 1.0})
        written = found.completion_tokens
        clock.append(time.monotonic())
    first, whole = clock[1] - clock[0], clock[2] - clock[1]
    rate = (written - 1) / (whole - first) if written > 1 and whole > first else None
    return {"first": round(first, 4), **({} if rate is None else {"rate": round(rate, 2)})}
