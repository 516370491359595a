"""Traces that are nearly the same text: found by bands of hashes, decided by the exact Jaccard index. Pure.

A text is its set of runs of `RUN` words, numbers among them, so that one with other numbers is another text. Its
signature has the smallest hash of each of `BINS` ranges (one permutation hashing, Li et al. 2012; empty ranges take
that of the next, Shrivastava and Li 2014), and texts that share one of `BANDS` bands of it are compared. Of two texts
with an index of 0.8 the chance to share a band is 99.7%, of 0.7 92%.
"""

from __future__ import annotations

import hashlib
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from potstill.problems.near import words_of

RUN = 5
BANDS, ROWS = 20, 6
BINS = BANDS * ROWS
_FACTORS = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1)
FEWEST = 50
"""Runs of a text below which it is no copy of anything: `The answer is (I).` answers many questions."""
MOST = 64
"""Texts that one is compared with, at most: those of a form that fills a band."""
K = TypeVar("K", bound=int)
Shingles = Callable[[Sequence[int]], Mapping[int, frozenset[int]]]
"""The runs of some texts, by their numbers."""


def shingles(text: str) -> frozenset[int]:
    """Return the 32-bit hashes of a text's runs; a shorter text is one run."""
    words = words_of(text)
    numbers = {word: zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in set(words)}
    row = [numbers[word] for word in words]
    row += [0] * (RUN - len(row)) if row else []
    a, b, c, d, e = _FACTORS
    mixed = {
        v * a + w * b + x * c + y * d + z * e
        for v, w, x, y, z in zip(row, row[1:], row[2:], row[3:], row[4:], strict=False)
    }
    return frozenset([(h ^ h >> 15) * 0x2C1B3C6D & 0xFFFFFFFF for h in mixed])


def bands(text: str) -> array[int]:
    """Return the `BANDS` 64-bit hashes of a text, of which near texts share one; none where it is short."""
    ordered = sorted(shingles(text))
    if len(ordered) < FEWEST:
        return array("Q")
    signature: list[int] = []
    for number in range(BINS):
        low, high = (number << 32) // BINS, ((number + 1) << 32) // BINS
        at = bisect_left(ordered, low)
        signature.append(ordered[at] - low if at < len(ordered) and ordered[at] < high else -1)
    filled, last = list(signature), -1
    for step in range(2 * BINS):  # backwards, round and round: an empty range takes that of the next filled one
        number = BINS - 1 - step % BINS
        last = signature[number] if signature[number] >= 0 else last
        filled[number] = last
    found = array("Q")
    for band in range(BANDS):
        rows = array("Q", [*filled[band * ROWS : (band + 1) * ROWS], band])
        found.append(int.from_bytes(hashlib.blake2b(rows.tobytes(), digest_size=8).digest(), "big"))
    return found


def near_copies(
    ordered: Iterable[tuple[int, array[int]]], least: float, runs_of: Shingles
) -> dict[int, tuple[int, float]]:  # fmt: skip
    """Return copy -> (the text that stays, the Jaccard index of both), of texts (number, bands) in order of precedence.

    A text is a copy where an earlier one that stays has an index of at least `least` with it.
    """
    items = list(ordered)
    members: dict[int, list[int]] = {}
    for number, found in items:
        for band in found:
            members.setdefault(band, []).append(number)
    shared = {band for band, numbers in members.items() if len(numbers) > 1}
    wanted = sorted({number for band in shared for number in members[band]})
    if not wanted:
        return {}
    runs, stays, copies = runs_of(wanted), dict[int, list[int]](), dict[int, tuple[int, float]]()
    for number, found in items:
        bands_here = [band for band in found if band in shared]
        others = list(dict.fromkeys(other for band in bands_here for other in stays.get(band, ())))[:MOST]
        best = max(((jaccard(runs[number], runs[other]), -at, other) for at, other in enumerate(others)), default=None)
        if best is not None and best[0] >= least:
            copies[number] = (best[2], best[0])
            continue
        for band in bands_here:
            stays.setdefault(band, []).append(number)
    return copies


def jaccard(one: frozenset[int], other: frozenset[int]) -> float:
    """Return the share of all runs of two texts that both have."""
    both = len(one & other)
    return both / (len(one) + len(other) - both) if one or other else 1.0
