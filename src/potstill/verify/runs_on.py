"""Where a response runs on into another question after its answer. Pure, linear in the text."""

from __future__ import annotations

import re

_NEW_QUESTION = re.compile(
    r"\n\s{0,4}(?:(?:\*\*|#{1,4} )?(?:Q\s?[:.]|(?:New |Next |Another )?(?:Question|Problem|Exercise)\s?\d{0,4}\s?[:.]"
    r"|(?:Now it's )?[Yy]our turn\b)|### Instruction|#{1,4} Please answer\b|Human:|User:|Input:|\[INST\])"
)
_TURN = re.compile(r"<\|(?:im_start|im_end|endoftext|eot_id|eom_id|start_header_id|user|end)\|>")


def runs_on_at(text: str) -> int:
    """Return where a new question begins after the answer, or 0."""
    starts = (_NEW_QUESTION.search(text), _TURN.search(text) if "<|" in text else None)
    cuts = [found.start() for found in starts if found is not None and found.start()]
    cuts += _after_answer(text)
    inline = text.find(" Q: ")
    for _ in range(100):
        if inline < 0:
            break
        if text[inline - 1] in ".)" or text[inline - 1].isdigit():
            cuts.append(inline)
            break
        inline = text.find(" Q: ", inline + 1)
    return min(cuts, default=0)


_ANOTHER = re.compile(
    r"\n[\s>*_#]{0,6}(?:(?:Exercise|Example|Question|Problem|Task)\s?\d{1,4}\b|Q\s?\d{1,3}\s?[.:)]"
    r"|QUESTION\s?[.:]|Next (?:question|problem)\b"
    r"|(?:Follow-up|Bonus|Extra|Practice)\s(?:question|exercise|problem|task)\b"
    r"|(?:Now )?[Ll]et(?:'|’)?s try (?:a similar|another|a new)\b)"
)
"""A heading of another question, where an answer stands before it."""
_HEADINGS = (
    "Exercise", "Example", "Question", "QUESTION", "Problem", "Task", "Q", "Next ", "Follow-up", "Bonus", "Extra",
    "Practice", "et's try", "et’s try",
)  # fmt: skip
"""One of which such a heading has: looked for first, since most responses have none."""
_ANSWERED = re.compile(
    r"\b[Aa](?:nswer|NSWER)\b(?:\*\*|\s){0,3}(?::|is\b)\s{0,4}[\w$\\(*-]|boxed\s?\{|####\s{0,3}-?[$\d]"
)
_HASHED = re.compile(r"####\s{0,3}-?[$\d][^\n]{0,80}\n")


def _after_answer(text: str) -> list[int]:
    """Return where a new question begins after an answer, at most two places."""
    cuts = []
    answered = _ANSWERED.search(text) if any(word in text for word in _HEADINGS) else None
    heading = _ANOTHER.search(text, answered.end()) if answered is not None else None
    if heading is not None:
        cuts.append(heading.start())
    hashed = _HASHED.search(text) if text.count("####") > 1 else None
    if hashed is not None and "?" in text[hashed.end() : text.find("####", hashed.end())]:
        cuts.append(hashed.end() - 1)
    return cuts
