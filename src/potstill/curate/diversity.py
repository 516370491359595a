"""Which k of a problem's traces differ most: shingle sketches and greedy max-min choice. Pure and deterministic."""

from __future__ import annotations

import re
import unicodedata
import zlib
from array import array
from collections.abc import Iterable, Sequence

SHINGLE = 3
"""Tokens in a shingle."""
SKETCH = 128
"""Smallest shingle hashes kept of a text; the distance is exact up to this many distinct shingles together."""

# Scripts written without spaces give one token a character, everything else one a word, number or sign.
_TOKEN = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\d+|[^\W\d]+|[^\w\s]")
"""`Tom has 3 cats.` is `Tom`, `has`, `3`, `cats`, `.`; `猫が` is two tokens."""


def sketch(text: str) -> array[int]:
    """Return the `SKETCH` smallest 32-bit hashes of the text's shingles, ascending (bottom-k sketch, Broder 1997)."""
    tokens = _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())
    numbers = {token: zlib.crc32(token.encode("utf-8", "surrogatepass")) for token in set(tokens)}
    row = [numbers[token] for token in tokens]
    if len(row) < SHINGLE:
        row += [0] * (SHINGLE - len(row)) if row else []
    # Sums of odd multiples, then one more multiplication: the order of tokens counts, and the smallest are a random
    # sample of all shingles, which those of a plain (linear) checksum would not be.
    mixed = {a * 0x9E3779B1 + b * 0x85EBCA77 + c * 0xC2B2AE3D for a, b, c in zip(row, row[1:], row[2:], strict=False)}
    return array("I", sorted({(h ^ h >> 15) * 0x27D4EB2F & 0xFFFFFFFF for h in mixed})[:SKETCH])


def sketch_of_values(values: Iterable[object]) -> array[int]:
    """Return the `SKETCH` smallest 32-bit hashes of the values that a solution computes, each counted once."""
    hashes = {zlib.crc32(str(value).encode()) for value in values}
    return array("I", sorted({(h ^ h >> 15) * 0x27D4EB2F & 0xFFFFFFFF for h in hashes})[:SKETCH])


def distance(a: array[int], b: array[int]) -> float:
    """Return the Jaccard distance, 0 (same shingles) to 1 (none shared), estimated from two sketches."""
    left, right = set(a), set(b)
    union = sorted(left | right)[:SKETCH]
    if not union:
        return 0.0
    return 1.0 - sum(h <= union[-1] for h in left & right) / len(union)


def most_diverse(candidates: Sequence[tuple[int, str, array[int]]], k: int) -> list[int]:
    """Return the indices of at most `k` candidates (tier, key, sketch), in the order chosen.

    Lower tiers go first whatever their distance. Within a tier each next choice is the one farthest from its nearest
    chosen neighbour (greedy max-min, Gonzalez 1985); the first choice and all ties go to the smallest key.
    """
    left = sorted(range(len(candidates)), key=lambda i: (candidates[i][:2], i))
    nearest = dict.fromkeys(left, float("inf"))
    chosen: list[int] = []
    while left and len(chosen) < k:
        tier = candidates[left[0]][0]
        best = max((i for i in left if candidates[i][0] == tier), key=lambda i: nearest[i])
        chosen.append(best)
        left.remove(best)
        for i in left:
            nearest[i] = min(nearest[i], distance(candidates[i][2], candidates[best][2]))
    return chosen


def in_turns(candidates: Sequence[tuple[int, str, array[int]]], kinds: Sequence[str], k: int) -> list[int]:
    """Return the indices of at most `k` candidates as `most_diverse` does, of as many different `kinds` as can be.

    Within a tier the first choice of each kind goes before the second of any.
    """
    turns: dict[int, int] = {}
    for kind in sorted(set(kinds)):
        own = [i for i, each in enumerate(kinds) if each == kind]
        for turn, place in enumerate(most_diverse([candidates[i] for i in own], len(own))):
            turns[own[place]] = turn
    most = len(candidates)
    return most_diverse(
        [(tier * most + turns[i], key, sketched) for i, (tier, key, sketched) in enumerate(candidates)], k
    )
