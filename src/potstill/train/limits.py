"""Numbers that decide how much memory a training takes, apart from torch: a plan is made without it."""

from __future__ import annotations

LOGITS_AT_ONCE = 1 << 25
"""Largest number of logits held at a time (32 Mi: 128 MiB in fp32)."""
WEIGHTS_AT_ONCE = 1 << 26
"""Most entries of the head's gradient that a chunk of tokens adds at a time: their product stands beside it."""
EAGER_TOKENS = 256
"""Tokens of the longest row up to which plain matrix products are the faster attention on a CPU."""
MOMENTS = 2
"""Numbers that AdamW keeps beside each trained weight."""
