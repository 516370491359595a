"""Values as people read them: numbers with units, and text from a model made visible and harmless."""

from __future__ import annotations

import math
import re
import unicodedata

from potstill.progress import clock

SHOWN_CHARACTERS = 6_000
"""Longest text of a trace that a page shows; the whole text stays in the run folder."""
MARKS = 4
"""Combining marks shown on one character; further ones would be drawn over the lines around it."""


def visible(text: str, limit: int = SHOWN_CHARACTERS) -> str:
    """Return `text` cut to `limit` characters, with every invisible or directional character spelt out.

    Control characters, surrogates, bidirectional and zero-width controls and non-characters become `⟨U+202E⟩`: they
    could reorder, hide or overprint what the reader sees. Newlines and tabs stay; `\\r\\n` counts as a newline.
    """
    total = len(text)
    text = text[:limit].replace("\r\n", "\n")
    used = set(text)
    text = text.translate({ord(c): f"⟨U+{ord(c):04X}⟩" for c in used if _hidden(c)})
    marks = "".join(sorted(c for c in used if unicodedata.category(c) in ("Mn", "Me")))
    if marks:
        # A letter under a hundred accents keeps the first few.
        text = re.sub(f"([{marks}]{{{MARKS}}})[{marks}]+", r"\1", text)
    if total > limit:
        text += f"\n[cut for display: the first {limit:,} of {total:,} characters]"
    return text


def _hidden(character: str) -> bool:
    category = unicodedata.category(character)
    return character not in "\n\t" and (category[0] == "C" or category in ("Zl", "Zp"))


def label(text: str, limit: int = 60) -> str:
    """Return one line of at most `limit` visible characters."""
    line = " ".join(visible(text, limit * 4).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def percent(share: float | None) -> str:
    """Return a share as `62.0%`, or `-` where there is none."""
    return "-" if share is None or math.isnan(share) else f"{100 * share:.1f}%"


def points(share: float) -> str:
    """Return a difference of shares in percentage points with its sign, as `+48.0`."""
    return "-" if math.isnan(share) else f"{100 * share:+.1f}"


def count(number: float | None) -> str:
    """Return a count with thousands separators, or `-`."""
    return "-" if number is None or math.isnan(number) else f"{number:,.0f}"


def decimal(number: float | None) -> str:
    """Return a number with two decimals, or `-`."""
    return "-" if number is None or not math.isfinite(number) else f"{number:,.2f}"


def instant(seconds: float | None) -> str:
    """Return a short time with three digits that count, as `0.0123s`, `1.2s`, `75s`."""
    if seconds is None or not math.isfinite(seconds):
        return "-"
    return f"{seconds:.0f}s" if seconds >= 100 else f"{seconds:.3g}s" if seconds >= 1e-3 else f"{seconds:.1g}s"


def dollars(amount: float | None) -> str:
    """Return US dollars: cents from a dollar up, else two digits that count."""
    if amount is None or not math.isfinite(amount):
        return "-"
    return f"{amount:,.2f}" if amount >= 1 or amount == 0 else f"{amount:.2g}" if amount >= 1e-4 else f"{amount:.1e}"


def chance(p: float) -> str:
    """Return a p-value as it is written in a sentence: `p < 0.001` or `p = 0.032`."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def duration(seconds: float | None) -> str:
    """Return seconds as `2m05s`, with a decimal below ten seconds."""
    if seconds is None or math.isnan(seconds):
        return "-"
    return f"{seconds:.1f}s" if seconds < 10 else clock(seconds)
