"""How many tokens a reply has cost, from what servers report in `usage`, or from its size where they report nothing.

OpenAI counts reasoning among the tokens of the completion, others (Gemini, xAI) beside them, and then only the total
tells. Numbers that cannot be are none: a price cap that believed them would not hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

BYTES_PER_TOKEN = 3
"""For texts without a count: so many bytes are charged as one token, rather too many tokens than too few."""
MOST_BYTES = 48
"""Of text for one token: more than the mean of any vocabulary over a text. A count below that says nothing."""
_LARGEST = 2**31
"""Tokens that one request may have: more than any context holds."""
_DIGITS = 10
_PROMPT = ("prompttokens", "inputtokens", "prompttokencount", "promptevalcount", "numprompttokens", "tokensprompt")
_COMPLETION = (
    "completiontokens", "outputtokens", "candidatestokencount", "generatedtokens", "evalcount", "numcompletiontokens",
    "tokenscompletion", "completiontokencount", "outputtokencount",
)  # fmt: skip
_TOTAL = ("totaltokens", "totaltokencount", "tokenstotal")
"""Names without capitals and underscores: `completion_tokens` and `completionTokens` are one."""
USAGES = ("usage", "usage_metadata", "usageMetadata")
"""Where a body has its usage."""
_REASONING = ("reasoning", "thinking", "thought")


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of a reply: `completion` with all reasoning, `hidden` the reasoning among it; None where nobody says."""

    prompt: int | None
    completion: int | None
    hidden: int


def usage_of(value: Any) -> Usage:  # noqa: ANN401 - any JSON value
    """Read a `usage` object of any provider."""
    usage = {_plain(name): entry for name, entry in value.items()} if isinstance(value, dict) else {}
    prompt, written, total = (_first(usage, names) for names in (_PROMPT, _COMPLETION, _TOTAL))
    cached = [count(usage.get(f"cache{done}inputtokens")) or 0 for done in ("creation", "read")]  # Anthropic's
    prompt = None if prompt is None else prompt + sum(cached)
    reasoning = max(_reasoning(usage), default=0)
    if written is None:
        written = total - prompt if total is not None and prompt is not None and total > prompt else reasoning or None
    elif total is not None and prompt is not None and total > prompt + written:
        reasoning = max(reasoning, total - prompt - written)
        written = total - prompt
    elif reasoning > written:
        written += reasoning
    return Usage(prompt, written, reasoning)


def believable(tokens: int | None, size: int) -> int | None:
    """Return a count of tokens for text of so many bytes, None for one that cannot be."""
    return None if (not tokens and size) or tokens is None or size > MOST_BYTES * (tokens + 8) else tokens


def estimate(size: int) -> int:
    """Return about how many tokens so many bytes are, rather too many."""
    return -(-size // BYTES_PER_TOKEN)


def count(value: Any) -> int | None:  # noqa: ANN401 - any JSON value
    """Return a number of tokens, None for what is none; some gateways write `"880"`."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= _DIGITS:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST else None


def _plain(name: object) -> str:
    return str(name).casefold().replace("_", "")


def usage_in(*places: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON value
    """Return the first usage object that the places of a reply hold: its body, its choice."""
    return next((place[name] for place in places for name in USAGES if place.get(name)), None)


def _first(usage: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    return next((found for name in names if (found := count(usage.get(name))) is not None), None)


def _reasoning(usage: Mapping[str, Any]) -> Iterator[int]:
    """Yield the counts of reasoning, which stand beside the others (SGLang) or in an object of details."""
    for name, entry in usage.items():
        if isinstance(entry, dict) and "prompt" not in name and "input" not in name:
            yield from _reasoning({_plain(key): inner for key, inner in entry.items() if not isinstance(inner, dict)})
        elif any(word in name for word in _REASONING):
            yield count(entry) or 0
