"""Traces that are nearly the same text: found by bands of hashes, decided by the exact Jaccard index. Pure.

A text is its set of runs of `RUN` words, numbers among them, so that one with other numbers is another text. Its
signature has the smallest hash of each of `BINS` ranges (one permutation hashing, Li et al. 2012; empty ranges take
that of the next, Shrivastava and Li 2014), and texts that share a band of it are compared. Bands are the shorter the
lower the index that is looked for, so that of pairs at it nearly all share one.
"""

from __future__ import annotations

import hashlib
import zlib
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from potstill.problems.near import words_of

RUN = 5
BINS = 120
ROWS = ((0.8, 6), (0.7, 5), (0.6, 4), (0.0, 3))
"""(least index, hashes of a band): the chance to share a band is 99.7, 98.8, 98.4 and 99.5% at 0.8, 0.7, 0.6, 0.5."""
_FACTORS = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1)
FEWEST = 50
"""Runs of a text below which it is no copy of anything: `The answer is (I).` answers many questions."""
MOST = 64
"""Texts that one is compared with, at most, those first that share most bands: a form may fill a band."""
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


def bands(text: str, least: float) -> array[int]:
    """Return 64-bit hashes of a text, of which texts with an index of `least` share one; none where it is short."""
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
    found, height = array("Q"), next(height for index, height in ROWS if least >= index)
    for band in range(BINS // height):
        rows = array("Q", [*filled[band * height : (band + 1) * height], band])
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
        others = Counter(other for band in bands_here for other in stays.get(band, ())).most_common(MOST)
        compared = ((jaccard(runs[number], runs[other]), -at, other) for at, (other, _) in enumerate(others))
        best = max(compared, default=None)
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
