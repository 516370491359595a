"""Filter by what an answer declines: a student that is trained on refusals learns to refuse. Pure."""

from __future__ import annotations

import re

from potstill.curate.filters import Candidate
from potstill.records import Reason

HEAD = 400
"""Characters at the beginning of an answer in which it says that it will not answer."""
_DECLINES = re.compile(
    r"(?i)\b(?:i|we)(?:['’]m| am|['’]re| are)? "
    r"(?:can(?:not|['’]t| not)|could(?: not|n['’]t)|won['’]t|will not|unable to|"
    r"not able to|not allowed to|not permitted to|must decline to|have to decline to|decline to)"
    r"(?: \w+){0,2} (?:help(?! but)|assist|comply|"
    r"provide (?:an? |the |any )?(?:(?P<answer>answer|solution|response)|assistance|help)|"
    r"fulfil\w*|engage with (?:this|that|your)|answer (?:this|that|your) request|"
    r"continue with (?:this|that|your)|respond to (?:this|that|your) request)\b|"
    r"\bas an? (?:ai|artificial intelligence|(?:large )?language model)\b[^.\n]{0,60}\b(?:can(?:not|['’]t)|unable|"
    r"not able)\b|"
    r"\b(?:against|violates?) (?:my|our|openai['’]s|anthropic['’]s|the)(?: \w+){0,2} (?:guidelines|policy|policies)\b|"
    r"\bich kann (?:dir|ihnen|ihr) (?:dabei|damit|hierbei) (?:leider )?nicht helfen\b|"
    r"\bje ne peux pas (?:vous |t['’])aider\b|\bno puedo (?:ayudar|asistir)(?:te|le|lo)?\b|"
    r"(?:我|对不起|抱歉)[^。\n]{0,6}(?:无法|不能)(?:提供|回答|协助|帮助)"
)
"""`I'm sorry, but I can't help with that`, `As an AI language model, I cannot ...`, `Ich kann dir dabei nicht helfen`.

That something cannot be determined, or that a question cannot be answered for want of a number, is an answer.
"""
_WANTING = re.compile(
    r"(?i)\bwithout (?:\w+ ){0,2}(?:information|knowing|data|details|values?|numbers?|context|figures?)\b|"
    r"\b(?:no|enough|sufficient|insufficient|missing|lacks?|lacking|more|further|additional|necessary) "
    r"(?:\w+ )?(?:information|data|details|context)\b|"
    r"(?:\bnot|n['’]t) (?:\w+ )?(?:given|specify|specified|state|stated|mention|mentioned|provided|say)\b"
)
"""What a question wants: `without information on the price`, `there is not enough data`, `it is not stated`."""


def declines(answer: str) -> bool:
    """Whether an answer begins by declining the question. Linear in what is looked at.

    Where no answer can be given and it says there what the question wants for one, nothing is declined.
    """
    head = answer.strip()[:HEAD]
    return any(found["answer"] is None or not _WANTING.search(head) for found in _DECLINES.finditer(head))


def refuses(case: Candidate) -> str | None:
    """Drop traces that decline to answer; `refused` are those that a provider stopped."""
    return Reason.DECLINES if case.settings.drop_refusals and declines(case.trace.answer) else None
