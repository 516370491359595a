"""A raw response cut into reasoning and answer, and how much of a text repeats itself.

Model text is hostile: everything here takes time linear in the text.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

_HARMONY_OPEN = "<|channel|>analysis<|message|>"
_HARMONY_CLOSE = "<|end|><|start|>assistant<|channel|>final<|message|>"
MARKS: dict[str, tuple[str, str]] = {
    "think": ("<think>", "</think>"),
    "thinking": ("<thinking>", "</thinking>"),
    "thought": ("<thought>", "</thought>"),
    "thoughts": ("<thoughts>", "</thoughts>"),
    "reason": ("<reason>", "</reason>"),
    "reasoning": ("<reasoning>", "</reasoning>"),
    "seed": ("<seed:think>", "</seed:think>"),
    "begin_of_thought": ("<|begin_of_thought|>", "<|end_of_thought|>"),
    "start_thinking": ("<|START_THINKING|>", "<|END_THINKING|>"),
    "bracket": ("[THINK]", "[/THINK]"),
    "triangle": ("◁think▷", "◁/think▷"),
    "channel": (_HARMONY_OPEN, _HARMONY_CLOSE),
}
"""Name -> opening and closing mark of thinking, as the model families write them; matched without regard to case."""

_OPENERS = {opening.lower(): name for name, (opening, _) in MARKS.items()}
_CLOSERS = {closing.lower(): name for name, (_, closing) in MARKS.items()}
_TAG = re.compile("|".join(re.escape(mark) for pair in MARKS.values() for mark in pair), re.IGNORECASE)
_LEADING_WORD = re.compile(r"\s{0,8}(?:<\|im_start\|>)?think(?:ing)?[ \t]{0,8}\r?\n")
_ANSWER_WORD = re.compile(r"\n(?:<\|im_start\|>)?answer[ \t]{0,8}\r?(?=\n|\Z)")
_WRITTEN = re.compile(r"\S")
_Tag = tuple[str, bool, int, int]
"""Name, whether it opens, start, end."""
_SOLUTION = ("<|begin_of_solution|>", "<|end_of_solution|>")


@dataclass(frozen=True, slots=True)
class Split:
    """A response in two: `marks` is the name of the marks that divided it.

    `none` (plain text: all of it is the answer), `words` (a line `think`, later a line `answer`), or a name of `MARKS`;
    with ` closing only` where the opening mark was missing (the chat template had written it), and ` never closed`
    where thinking had no end: then the answer is empty, whatever the thinking says.
    """

    reasoning: str
    answer: str
    marks: str


def split_response(text: str) -> Split:
    """Split what a model wrote into reasoning and answer, both without surrounding white space.

    Inside marks is reasoning, outside is the answer; several blocks are joined by blank lines. Text before a closing
    mark that nothing opened is reasoning. An opening mark inside running text that is never closed is just text.
    """
    leading = _LEADING_WORD.match(text)
    if leading is not None:
        return _split_words(text, leading.end())
    # Plain tuples: a million match objects would keep the garbage collector busy for longer than the split takes.
    tags: list[_Tag] = [(*_mark(tag), *tag.span()) for tag in _TAG.finditer(text)]
    last_close = {name: start for name, opens, start, _ in tags if not opens}
    begin = len(text) - len(text.lstrip())
    for name, opens, start, _ in tags:
        if not opens or start == begin or last_close.get(name, -1) > start:
            return _split_tags(text, name, [tag for tag in tags if tag[0] == name])
    return Split("", text.strip(), "none")


def join(split: Split) -> str:
    """Write a split response with its marks; splitting the result gives the same split again."""
    if split.marks == "none":
        return split.answer
    if split.marks.startswith("words"):
        ending = "" if split.marks.endswith("never closed") else f"\nanswer\n{split.answer}"
        return f"think\n{split.reasoning}{ending}"
    opening, closing = MARKS[split.marks.split(" ", 1)[0]]
    if split.marks.endswith("never closed"):
        return f"{opening}\n{split.reasoning}"
    start = "" if split.marks.endswith("closing only") else f"{opening}\n"
    return f"{start}{split.reasoning}\n{closing}\n\n{split.answer}"


def _mark(tag: re.Match[str]) -> tuple[str, bool]:
    written = tag.group().lower()
    return (_OPENERS[written], True) if written in _OPENERS else (_CLOSERS[written], False)


def _split_tags(text: str, name: str, tags: list[_Tag]) -> Split:
    """Walk the marks of one family; `outside` holds visible text, `inside` thinking.

    Skipped as mere text are an opening mark inside thinking, and one after running text that is never closed.
    """
    last_close = max((end for _, opens, _, end in tags if not opens), default=-1)
    inside: list[str] = []
    outside: list[str] = []
    thinking, opened = False, False
    at, written = 0, _next_written(text, 0)
    end_of_text = len(text.rstrip())
    for _, opens, start, end in tags:
        if opens and (thinking or (end > last_close and written < start)):
            continue
        belongs = inside if thinking or (not opens and end < end_of_text) else outside
        belongs.append(text[at:start])
        thinking = opens
        opened = opened or opens
        at, written = end, _next_written(text, end)
    (inside if thinking else outside).append(text[at:])
    answer = _blocks(outside).removeprefix(_SOLUTION[0]).removesuffix(_SOLUTION[1]).strip()
    how = " never closed" if thinking else "" if opened else " closing only"
    return Split(_blocks(inside), "" if thinking else answer, name + how)


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
        return Split(text[start:].strip(), "", "words never closed")
    return Split(text[start : max(cut.start(), start)].strip(), text[cut.end() :].strip(), "words")


def _blocks(pieces: list[str]) -> str:
    return "\n\n".join(stripped for piece in pieces if (stripped := piece.strip()))


_TOKEN = re.compile(r"[A-Za-z]{1,16}|[0-9]{1,4}|\S")
GRAM = 12
"""Tokens of a phrase that counts as repeated."""
OFTEN = 3
"""Occurrences from which a phrase counts as repeated."""
TAIL_CHARACTERS = 12_000
_ENDING = 40
"""Characters that a loop of at least 120 characters in 3 repeats must hold twice: a quick test before the slow one."""
_LOOP_REPEATS = ((4, 120), (3, 400))


def repeated_share(text: str) -> float:
    """Return the share (0..1) of the text's tokens that repeat: in a phrase of 12 tokens that occurs 3 times or more.

    The first occurrence of a phrase does not count, so that a text of n equal paragraphs has a share of (n - 1) / n.
    """
    return _share(_TOKEN.findall(text))


def _share(tokens: list[str]) -> float:
    count = len(tokens) - GRAM + 1
    if count < OFTEN:
        return 0.0
    numbers: dict[str, int] = {}
    ids = [numbers.setdefault(token, len(numbers)) for token in tokens]
    grams = list(zip(*(ids[offset:] for offset in range(GRAM)), strict=False))
    often = Counter(grams)
    seen: set[tuple[int, ...]] = set()
    covered, end = 0, 0
    for at, gram in enumerate(grams):
        if often[gram] < OFTEN:
            continue
        if gram in seen:
            covered += at + GRAM - max(at, end)
            end = at + GRAM
        else:
            seen.add(gram)
    return covered / len(tokens)


def is_looping(text: str) -> bool:
    """Return whether the text ends in a loop: a unit repeated to the very end, whole or cut off in the middle.

    Looks at the last 12,000 characters: 4 repeats that fill 120 characters or 3 that fill 400, found by the prefix
    function (Knuth, Morris, Pratt) of the reversed text; or an end that consists of repeated phrases alone.
    """
    tail = text.rstrip()[-TAIL_CHARACTERS:]
    ending = tail[-_ENDING:]
    if tail.find(ending) < len(tail) - len(ending) and _ends_in_repeats(tail[::-1]):
        return True
    tokens = _TOKEN.findall(tail[-4_000:])
    return len(tokens) >= 300 and _share(tokens) >= 0.8


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
