"""The words by which a sentence says that it checks, doubts, takes back, begins again, restates or goes another way.

One table for whoever counts behaviours and whoever takes steps out. RISE and Dr. GRPO (arXiv 2503.20783) count such
words; plain ones stand beside theirs. English. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Turn = Literal["check", "doubt", "rejection", "restart", "restatement", "alternative", "summary"]


@dataclass(frozen=True, slots=True)
class TurnWords:
    """Patterns of one turn: those that count where a sentence `begins` alone, and those that count `within` it too."""

    begins: tuple[str, ...] = ()
    within: tuple[str, ...] = ()


_IT = r"(?:that|this|it)"
_AGAIN = (
    r"(?:double[- ]?check|check(?:ing)?\b|verif|confirm|make sure|sanity check"
    r"|re-?(?:add|assess|calculat|check|comput|consider|count|do\b|evaluat|examin|read|think|trace|try|verif|view"
    r"|visit|work))"
)
TURNS: dict[Turn, TurnWords] = {
    "check": TurnWords(
        begins=(
            # `Check:`, `Let me just double-check`, `We verify`, `I should also make sure`
            r"(?:(?:let (?:us|me)|let's|(?:i|we)(?:'ll| should| can| could| want to| will)?) )?"
            rf"(?:just |also |quickly )?{_AGAIN}",
            # `Let me go over it`, `To be thorough`, `Just to be sure`, `Is that right?`, `Does this add up?`
            r"let me (?:just |also |quickly )?(?:double|re\w{2,12}|go (?:through|over|back))",
            r"(?:just )?to (?:be (?:sure|certain|thorough|safe)|make sure|check|verify|confirm|double)",
            rf"is {_IT} (?:right|correct)",
            rf"does {_IT} (?:make|sound|add)",
        ),
        within=(
            r"(?:re-?check|double[- ]check|check(?:ing)? again|verify again|go(?:ing)? over the steps"
            r"|to (?:verify|be sure)|let me (?:check|verify|make sure)|plug(?:ging)? (?:it|this|that|them) back"
            r"|re-?examine|re-?evaluate|reassess)",
        ),
    ),
    "doubt": TurnWords(
        begins=(
            # `But wait`, `No, that`
            r"(?:wait|hold on|oops|on second thought|going back)\b",
            r"no, (?:that|this|it|not|wait|the|i|we)\b",
        ),
    ),
    "rejection": TurnWords(
        within=(
            # `that's not quite right`, `this is wrong`, `it can't be right`, `that does not make sense`
            rf"{_IT}(?:(?:'s| is| was) not|(?:'s| is| was| seems| looks) not| isn't| wasn't| can't be| cannot be)"
            r" (?:quite |really )?(?:right|correct|true|possible|what)\b",
            rf"{_IT}(?:'s| is| was| seems| looks| can't be| cannot be)"
            r" (?:wrong|incorrect|a mistake|an error|the wrong)\b",
            rf"{_IT} (?:doesn't|does not) (?:seem|look|sound|make) (?:quite )?(?:right|correct|sense)\b",
            r"(?:scratch that|never mind)\b",
            # `I made a mistake`, `I think I was wrong`
            r"(?:i|we) (?:made|have made|must have made) an? (?:mistake|error)\b",
            r"i (?:think i )?(?:made a mistake|was wrong|messed up|misread|miscalculated)\b",
        ),
    ),
    "restart": TurnWords(
        within=(r"(?:start over|start again|try again|retry|redo|rethink|reconsider|reanaly[sz]e)\b",),
    ),
    "restatement": TurnWords(
        within=(
            # `We need to find how many`, `The question asks`, `In other words`
            r"(?:we|i) (?:need to|have to|want to|must|are asked to|am asked to|are to)"
            r" (?:find|compute|determine|know)\b",
            r"(?:we look for|the (?:question|problem) (?:asks|says|is asking|wants))\b",
            r"(?:we are|i am|i'm) (?:asked|given|told)\b",
            r"(?:let(?: us| me|'s) restate|in other words|to restate)\b",
        ),
    ),
    "alternative": TurnWords(
        within=(
            # `Alternatively`, `Another way to look at it`, `We could also`
            r"(?:alternatively|an alternative|another (?:way|approach|method|idea)|the other way)\b",
            r"a different (?:way|approach|method)\b",
            r"(?:(?:we|i) could also|instead,? (?:we|i|let))\b",
        ),
    ),
    "summary": TurnWords(begins=(r"(?:recap|in summary|to summarize)\b",)),
}
ANNOUNCING = frozenset({
    "let", "lets", "us", "me", "s", "ll", "we", "i", "you", "need", "want", "have", "can", "could", "should", "will",
    "try", "do", "go", "going", "start", "begin", "take", "get", "see", "look", "think", "solve", "tackle", "work",
    "understand", "figure", "break", "handle", "approach", "read", "first", "firstly", "now", "then", "here", "okay",
    "ok", "alright", "all", "right", "well", "so", "hmm", "hm", "um", "yes", "yeah", "sure", "and", "to", "by", "at",
    "in", "on", "of", "a", "an", "the", "this", "that", "it", "its", "is", "are", "be", "my", "our", "what", "how",
    "with", "about", "through", "out", "down", "into", "one", "thing", "things", "step", "steps", "time",
    "problem", "question", "task", "carefully", "last", "next", "final", "slowly", "clearly", "simply", "just",
    "properly", "systematically", "logically", "together", "piece", "part", "parts", "small", "smaller",
})  # fmt: skip
"""A sentence of nothing but these says that something will be done, and nothing of it: `Let us go step by step.`"""
_LEAD = r"(?:(?:so|but|and|now|then|first|okay|ok|oh|no|yes|yeah|well|hmm+|maybe|perhaps|therefore)\b[,. ]{1,3}){0,2}"
"""`Hmm, but ` stands before anything."""
_START = r"(?:^\W{0,4}|[.!?]\s{1,3})"
"""Where a sentence begins, also behind `choice E. ` or an initial, at which no text is cut."""


def saying(*turns: Turn) -> re.Pattern[str]:
    """Return what finds any of these turns in a sentence, by `search`."""
    begins = "|".join(words for turn in turns for words in TURNS[turn].begins)
    within = "|".join(words for turn in turns for words in TURNS[turn].within)
    ways = [rf"{_START}{_LEAD}(?:{begins})"] if begins else []
    ways += [rf"\b(?:{within})"] if within else []
    return re.compile("|".join(ways), re.IGNORECASE)


def opening(*turns: Turn) -> re.Pattern[str]:
    """Return what finds a sentence that opens with any of these turns, by `match`."""
    words = "|".join(way for turn in turns for way in (*TURNS[turn].begins, *TURNS[turn].within))
    return re.compile(rf"\W{{0,4}}{_LEAD}(?:{words})", re.IGNORECASE)
