"""A raw response cut into reasoning and answer, and how much of a text repeats itself.

Model text is hostile: everything here takes time linear in the text.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from potstill.marks import MARKS, channels, starts_with_mark, tags, trim

_LEADING_WORD = re.compile(r"\s{0,8}(?:<\|im_start\|>)?think(?:ing)?[ \t]{0,8}\r?\n")
"""The line `think` that begins a response."""
_ANSWER_WORD = re.compile(r"\n(?:<\|im_start\|>)?answer[ \t]{0,8}\r?(?=\n|\Z)")
"""A line `answer` of its own."""
_WRITTEN = re.compile(r"\S")
"""The `4` of ` \n4`."""
_Tag = tuple[str, bool, int, int]
"""Family, whether it opens, start, end."""
_MOST_MARKS = 4
"""Families of marks that divide one text, at most."""
_SOLUTION = ("<|begin_of_solution|>", "<|end_of_solution|>")
_TOKEN = re.compile(r"[A-Za-z]{1,16}|[0-9]{1,4}|\S")
"""`x1 = 200` is `x`, `1`, `=`, `200`."""
_SCRIPTS = (
    (0x0400, 0x0530, "cyrillic"), (0x0530, 0x0590, "armenian"), (0x0590, 0x0600, "hebrew"), (0x0600, 0x0780, "arabic"),
    (0x0900, 0x0E00, "indic"), (0x0E00, 0x0EC0, "thai"), (0x10A0, 0x1100, "georgian"), (0x1100, 0x1200, "korean"),
    (0x3040, 0xA000, "chinese"), (0xAC00, 0xD7B0, "korean"), (0xF900, 0xFB00, "chinese"),
)  # fmt: skip
"""(first code point, end, name) of scripts that are no mathematics; Chinese and Japanese share their characters."""
_UNUSUAL = re.compile(r"[\u0400-\ud7af\uf900-\ufaff]")
"""`д`, `中`; not `é`, `α`."""
_ASKED_ANEW = re.compile(
    r"(?:\n\s{0,4}(?:#{1,4}\s{0,2}|\*{0,2})"
    r"(?:(?:next |another |new )?(?:question|problem|exercise)(?:\s?\d{1,3})?|q\d{0,3}|user|human|instruction|input)"
    r"|(?<=[.)!\]}$])[ \t]{1,4}(?-i:Q)\d{0,3})"
    r"\s?\*{0,2}\s?[:：]\s?\*{0,2}\s{0,3}(?P<asked>\S[^\n]{0,80})",
    re.IGNORECASE,
)
"""`Q: What is the capital of France?`, `## Question 2: ...` at the beginning of a line; `Q:` behind a sentence too."""
_CONCLUDED = re.compile(r"boxed\b|####|\banswer\b", re.IGNORECASE)
"""What has been said where an answer was given."""
OWN = 30
"""Letters and digits by which a question is known again."""
CONCLUSION = 400
"""Characters before another question in which an answer is looked for."""
GRAM = 12
"""Tokens of a phrase that counts as repeated."""
OFTEN = 3
"""Occurrences from which a phrase counts as repeated."""
STRETCH = 24
"""Tokens of repeated phrases in a row, of which a loop consists; a state that is written out comes sooner."""
TAIL_CHARACTERS = 12_000
_ENDING = 40
"""Characters that a loop of at least 120 characters in 3 repeats must hold twice: a quick test before the slow one."""
_LOOP_REPEATS = ((4, 120), (3, 400))


class Closing(Enum):
    """Which marks of thinking a response has."""

    BOTH = auto()
    ONLY = auto()
    """The opening mark is missing, since the chat template had written it."""
    NEVER = auto()
    """Thinking has no end, so the answer is empty, whatever the thinking says."""


@dataclass(frozen=True, slots=True)
class Split:
    """A response in two: `marks` is the name of the marks that divided it, and `closing` how they stood.

    `marks` is `none` (plain text: all of it is the answer), `words` (a line `think`, later a line `answer`), or a name
    of `MARKS`.
    """

    reasoning: str
    answer: str
    marks: str
    closing: Closing = Closing.BOTH


def split_response(text: str) -> Split:
    """Split what a model wrote into reasoning and answer, both without surrounding white space.

    Inside marks is reasoning, outside is the answer; several blocks are joined by blank lines. Text before a closing
    mark that nothing opened is reasoning. An opening mark inside running text that is never closed is just text.
    """
    leading = _LEADING_WORD.match(text)
    if leading is not None:
        return _split_words(text, leading.end())
    found = tags(text)
    headers = channels(text)
    if headers and (not found or headers[0][1] < found[0][2]):
        divided = _split_channels(text, headers)
        if divided is not None:
            return divided
    last_close = {name: start for name, opens, start, _ in found if not opens}
    begin = len(text) - len(text.lstrip())
    for name, opens, start, _ in found:
        if not opens or start == begin or last_close.get(name, -1) > start:
            return _split_tags(text, name, [tag for tag in found if tag[0] == name])
    return Split("", text.strip(), "none")


def divide_fields(reasoning: str, content: str) -> tuple[str, str]:
    """Return reasoning and answer of a response that came in two fields, or all of it in `content`.

    Marks that a server's parser left in either field divide it, and those at an end are taken away: doubled, of another
    family, in any spelling. A mark in the middle of a text that divides nothing stays.
    """
    thought = [reasoning] if reasoning else []
    for turn in range(_MOST_MARKS):
        split = split_response(content)
        if split.marks == "none" or ((thought or turn) and not _divides(content)):
            break
        content = split.answer
        if split.reasoning and split.reasoning not in thought:
            thought.append(split.reasoning)
    thought = [part for text in thought for part in _unmarked(text)]
    if not content and reasoning:  # a parser that missed the end of the thinking
        split = split_response(reasoning)
        if split.reasoning and split.answer:
            return trim(split.reasoning), trim(split.answer)
    return _blocks([trim(part) for part in thought]), trim(content)


def _unmarked(reasoning: str) -> list[str]:
    """Return the parts into which marks of thinking cut a text that is thinking throughout."""
    split = split_response(trim(reasoning))
    return [reasoning] if split.marks == "none" or not _divides(reasoning) else [split.reasoning, split.answer]


def _divides(text: str) -> bool:
    """Return whether some mark of a text is no part of a sentence: it begins or ends a line, or the text."""
    if starts_with_mark(text) or channels(text):
        return True
    return any(
        not text[:start].rpartition("\n")[2].strip() or not text[end:].partition("\n")[0].strip()
        for _, _, start, end in tags(text)[:_MOST_MARKS]
    )


def join(split: Split) -> str:
    """Write a split response with its marks; splitting the result gives the same split again."""
    if split.marks == "none":
        return split.answer
    if split.marks == "words":
        ending = "" if split.closing is Closing.NEVER else f"\nanswer\n{split.answer}"
        return f"think\n{split.reasoning}{ending}"
    opening, closing = MARKS[split.marks]
    if split.closing is Closing.NEVER:
        return f"{opening}\n{split.reasoning}"
    start = "" if split.closing is Closing.ONLY else f"{opening}\n"
    return f"{start}{split.reasoning}\n{closing}\n\n{split.answer}"


def _split_channels(text: str, headers: list[tuple[str, int, int]]) -> Split | None:
    """Divide harmony's messages; None where the headers are mere text: nothing is final, and other text comes first."""
    before = trim(text[: headers[0][1]])
    if before and not any(channel == "final" for channel, _, _ in headers):
        return None
    parts: dict[str, list[str]] = {"analysis": [], "final": []}
    parts["analysis" if headers[0][0] == "final" else "final"].append(before)
    ends = [start for _, start, _ in headers[1:]] + [len(text)]
    for (channel, _, end), until in zip(headers, ends, strict=True):
        parts[channel].append(trim(text[end:until]))
    if headers[-1][0] != "final":
        return Split(_blocks(parts["analysis"]), "", "channel", Closing.NEVER)
    opened = any(channel != "final" for channel, _, _ in headers)
    closing = Closing.BOTH if opened else Closing.ONLY
    return Split(_blocks(parts["analysis"]), _blocks(parts["final"]), "channel", closing)


def _split_tags(text: str, name: str, tags: list[_Tag]) -> Split:
    """Walk the marks of one family; `outside` holds visible text, `inside` thinking.

    Skipped as mere text are an opening mark inside thinking, and one after running text that is never closed.
    """
    last_close = max((end for _, opens, _, end in tags if not opens), default=-1)
    inside: list[str] = []
    outside: list[str] = []
    thinking, opened = False, False
    at, written = 0, _next_written(text, 0)
    end_of_text = _without_closing(text, tags)
    for _, opens, start, end in tags:
        if opens and (thinking or (end > last_close and written < start)):
            continue
        belongs = inside if thinking or (not opens and start < end_of_text) else outside
        belongs.append(text[at:start])
        thinking = opens
        opened = opened or opens
        at, written = end, _next_written(text, end)
    (inside if thinking else outside).append(text[at:])
    answer = _blocks(outside).removeprefix(_SOLUTION[0]).removesuffix(_SOLUTION[1]).strip()
    closing = Closing.NEVER if thinking else Closing.BOTH if opened else Closing.ONLY
    return Split(_blocks(inside), "" if thinking else answer, name, closing)


def _without_closing(text: str, tags: list[_Tag]) -> int:
    """Return where the text ends without the closing marks at its end."""
    end = len(text.rstrip())
    for _, opens, start, stop in reversed(tags):
        if opens or text[stop:end].strip():
            break
        end = start
    return end


def _next_written(text: str, start: int) -> int:
    found = _WRITTEN.search(text, start)
    return len(text) if found is None else found.start()


def _split_words(text: str, start: int) -> Split:
    end = len(text.rstrip())
    cut = None
    for mark in _ANSWER_WORD.finditer(text, start - 1):
        if cut is None or mark.end() < end:
            cut = mark
    if cut is None:
        return Split(text[start:].strip(), "", "words", Closing.NEVER)
    return Split(text[start : max(cut.start(), start)].strip(), text[cut.end() :].strip(), "words")


def _blocks(pieces: list[str]) -> str:
    return "\n\n".join(stripped for piece in pieces if (stripped := piece.strip()))


def repeated_share(text: str) -> float:
    """Return the share (0..1) of the text's tokens that repeat: in a phrase of 12 tokens that occurs 3 times or more.

    The first occurrence of a phrase does not count, so that a text of n equal paragraphs has a share of (n - 1) / n.
    """
    return _share(_TOKEN.findall(text))


def _share(tokens: list[str], stretch: int = GRAM) -> float:
    """Return the share of tokens in repeated phrases that follow each other over at least `stretch` tokens."""
    count = len(tokens) - GRAM + 1
    if count < OFTEN:
        return 0.0
    numbers: dict[str, int] = {}
    ids = [numbers.setdefault(token, len(numbers)) for token in tokens]
    grams = _grams(ids, len(numbers))
    often = Counter(grams)
    if max(often.values()) < OFTEN:
        return 0.0
    seen: set[object] = set()
    covered = start = end = 0
    for at, gram in enumerate(grams):
        if often[gram] < OFTEN:
            continue
        if gram not in seen:
            seen.add(gram)
            continue
        if at > end:
            covered += end - start if end - start >= stretch else 0
            start = at
        end = at + GRAM
    covered += end - start if end - start >= stretch else 0
    return covered / len(tokens)


def _grams(ids: list[int], kinds: int) -> Sequence[object]:
    """Return all phrases of `GRAM` tokens; as slices of a text, a character a token, since those keep their hash."""
    if kinds > sys.maxunicode:
        return list(zip(*(ids[offset:] for offset in range(GRAM)), strict=False))
    letters = "".join(map(chr, ids))
    return [letters[at : at + GRAM] for at in range(len(ids) - GRAM + 1)]


def is_looping(text: str) -> bool:
    """Return whether the text ends in a loop: a unit repeated to the very end, whole or cut off in the middle.

    Looks at the last 12,000 characters, blind to spacing: 4 repeats that fill 120 characters or 3 that fill 400, found
    by the prefix function (Knuth, Morris, Pratt) of the reversed text; or an end that consists of repeated phrases
    alone, 24 tokens and more in a row. Steps that carry a state along repeat fewer before it changes.
    """
    tail = " ".join(text.rstrip()[-TAIL_CHARACTERS:].split())
    ending = tail[-_ENDING:]
    if tail.find(ending) < len(tail) - len(ending) and _ends_in_repeats(tail[::-1]):
        return True
    tokens = _TOKEN.findall(tail[-4_000:])
    return len(tokens) >= 300 and _share(tokens, STRETCH) >= 0.8


def _ends_in_repeats(backwards: str) -> bool:
    borders = [0] * len(backwards)
    length = 0
    for at in range(1, len(backwards)):
        while length and backwards[at] != backwards[length]:
            length = borders[length - 1]
        length += backwards[at] == backwards[length]
        borders[at] = length
        filled = at + 1
        for repeats, characters in _LOOP_REPEATS:
            if filled >= characters and filled >= repeats * (filled - length):
                return True
    return False


def parting(one: Sequence[object], other: Sequence[object]) -> int:
    """Return the first place at which two texts or lists differ; where one begins the other, its length."""
    shorter = min(len(one), len(other))
    return next((place for place in range(shorter) if one[place] != other[place]), shorter)


def foreign_share(text: str, beside: str) -> float:
    """Return the share of a text's letters that are of scripts of which `beside` has none; Greek is mathematics.

    Letters outside `_SCRIPTS` count as Latin.
    """
    if text.isascii():
        return 0.0
    known = {_script(letter) for letter in _UNUSUAL.findall(beside)}
    foreign = sum(_script(letter) not in known for letter in _UNUSUAL.findall(text) if letter.isalpha())
    return foreign / max(1, sum(map(str.isalpha, text)))


def _script(letter: str) -> str:
    code = ord(letter)
    return next((name for first, end, name in _SCRIPTS if first <= code < end), "")


def runs_on(answer: str, question: str) -> bool:
    """Return whether an answer goes on, after it was given, with a question that is not its own: `Q: What is ...`."""
    own = _letters(question)
    for found in _ASKED_ANEW.finditer(answer):
        before = answer[max(0, found.start() - CONCLUSION) : found.start()]
        asked = _letters(found["asked"])
        repeated = asked[:OWN] in own or (own != "" and own[:OWN] in asked)
        if _CONCLUDED.search(before) and not repeated:
            return True
    return False


def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())
