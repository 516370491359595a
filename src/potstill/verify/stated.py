"""Where a response states its answer: boxes, tags, sentences. Pure, linear in the text."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

from potstill.verify.foreign import foreign_statements
from potstill.verify.statement import FoundIn, Stated

STATEMENT_CHARACTERS = 600
BOX_CHARACTERS = 10_000
TRIES = 400
"""Occurrences of the word `answer` that are looked at, from the last one: a loop keeps talking of its answer."""
KEPT = 24
"""Statements that are kept, from the last one."""
_SPACE = re.compile(r"\s")


_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_PLACEHOLDER = re.compile(
    r"[\s$\[({<*_\\]{0,6}(?:text\{)?(?:(?:your|the|final|insert|correct)[\s_]?){0,3}(?:answer|result|number|value|letter"
    r"|\.{2,3}|…|_{2,9})(?:\s?here)?[\s.\])}>*_\\]{0,8}",
    re.IGNORECASE,
)
_QUOTING = re.compile(
    r"\s{0,4}(?:>|(?:\*\*)?(?:the\s)?(?:original\s)?(?:question|problem|prompt|task|instruction)s?"
    r"(?:\s(?:says|asks|states|reads|was|is))?\s?(?:\*\*)?:)",
    re.IGNORECASE,
)


_BRACKETS = re.compile(r"[\s<>()\[\]{}]{1,200}")
_MORE_BRACKETS = re.compile(r"[ <>()\[\]]{0,200}\}")
"""What follows a box of brackets alone that closed too early: `\\boxed{> } >}`."""


def last_boxes(text: str) -> list[Stated]:
    """Return the last balanced boxes, at most two, in order of the text.

    Left out are empty boxes, placeholders (`\\boxed{answer}`), and those on a line that quotes the question.
    """
    found: list[Stated] = []
    end = len(text)
    for _ in range(12):
        at = text.rfind("boxed", 0, end)
        if at < 0 or len(found) == 2:
            break
        end = at
        box = _box_at(text, at)
        if box is not None and not _PLACEHOLDER.fullmatch(box.text[:80]) and not _is_quoted(text, at):
            found.insert(0, box)
    return found


def _is_quoted(text: str, at: int) -> bool:
    line = text.rfind("\n", max(0, at - 2_000), at) + 1
    return _QUOTING.match(text, line) is not None


def _box_at(text: str, at: int) -> Stated | None:
    opening = at + len("boxed")
    while text[opening : opening + 1] == " ":
        opening += 1
    if text[opening : opening + 1] != "{":
        bare = re.compile(r"-?\d[\d.,]*|[A-Z]\b").match(text, opening)
        return Stated(at, bare.end(), bare.group().rstrip(".,"), FoundIn.BOX) if bare else None
    depth = 0
    for brace in _BRACE.finditer(text, opening, opening + BOX_CHARACTERS):
        depth += {"{": 1, "}": -1}.get(brace.group(), 0)
        if depth == 0 and brace.group() == "}":
            inner, end = text[opening + 1 : brace.start()], brace.end()
            more = _MORE_BRACKETS.match(text, end) if _BRACKETS.fullmatch(inner) else None
            if more is not None:
                inner, end = text[opening + 1 : more.end() - 1], more.end()
            return Stated(at, end, inner, FoundIn.BOX) if inner.strip() else None
    return None


_TAGS = ("answer", "final_answer", "final answer", "ans", "solution")


_TAG_ENDS = ("nswer>", "NSWER>", "nswer]", "NSWER]", "ans>", "ANS>", "olution>", "OLUTION>")


def last_tag(text: str) -> Stated | None:
    """Return what stands in the last answer tag (`<answer>` or `[ANSWER]`), closed or not."""
    if not any(mark in text for mark in _TAG_ENDS):
        return None
    lower = text.lower()
    if len(lower) != len(text):
        return None
    for name in _TAGS:
        for left, right in ("<>", "[]"):
            start = lower.rfind(f"{left}{name}{right}")
            begin = start + len(name) + 2
            end = lower.find(f"{left}/{name}{right}", begin) if start >= 0 else -1
            if start < 0 or (end < 0 and left == "["):
                continue
            inner = text[begin : end if end >= 0 else len(text)]
            if inner.strip():
                return Stated(start, end if end >= 0 else len(text), inner, FoundIn.TAG)
    return None


_AFTER_ANSWER = re.compile(
    r"answers?\b['\"]?(?:\*\*|__|\s){0,3}(?:\([^()\n]{0,30}\)\s?)?"
    r"(?:(?:to|for|of|in|from)\b[^.:\n]{1,80}?)?(?:(?:choice|option|letter|number)\s)?"
    r"(?:\s{0,3}(?<![A-Za-z])(?:is|are|was|(?P<weak>(?:should|must|will|would|could|might|may) be)|equals|becomes"
    r"|comes out to(?: be)?)\b\s{0,3}"
    r"(?:therefore|thus|then|simply|indeed|also|just|option|choice|equal to|given by)?\s{0,2}:?|\s{0,3}[:=→])"
    r"(?:\*\*|__|\s){0,6}",
    re.IGNORECASE,
)
_HEADING = re.compile(r"answer(?:\*\*|__|\s?#|[ \t:]){0,4}\n\s{0,8}", re.IGNORECASE)
_HEADING_LINE = re.compile(
    r"\s{0,3}(?:#{1,6}\s?|\*\*|__)?\s?(?:the\s|my\s|\d{1,2}[.)]\s)?(?:final\s|correct\s)?", re.IGNORECASE
)
_HASHES = re.compile(r"####\s{0,5}")
_LINE_MARK = re.compile(r"(?:\*\*)?A(?:ns)?[:.](?:\*\*)?\s{0,5}")
_NO_ANSWER = re.compile(
    r"[\s*_\"'(]{0,4}(?:(?:in)?correct|wrong|right|true that|clear|clearly|obvious|unique|as follows|below|above|shown"
    r"|supposed|expected|required|found|obtained|given|based|not\b|because|since|that\b|to be\b"
    r"|in the form|the same\b|like\b|forbidden|allowed|worth)(?![a-z])",
    re.IGNORECASE,
)
"""What a sentence about an answer goes on with that does not give it: `The answer is correct.`"""


def statements_of(text: str, kind: str) -> list[Stated]:
    """Return the last explicit statements of an answer, in order of the text."""
    found: list[Stated] = []
    lower = text.lower()
    if len(lower) != len(text):
        lower = text
    end = len(text)
    for _ in range(TRIES):
        at = lower.rfind("answer", 0, end)
        if at < 0 or len(found) >= KEPT:
            break
        end = at
        mark = _AFTER_ANSWER.match(text, at)
        if mark is None:
            mark = _heading_at(text, at)
        if mark is not None and not _NO_ANSWER.match(text, mark.end()) and not _negated(text, at):
            weak = "weak" in mark.re.groupindex and mark.group("weak") is not None
            _keep(found, Stated(at, mark.end(), text, FoundIn.STATED, not weak), kind)
    at = text.rfind("####")
    if at >= 0 and text[at - 1 : at] != "#" and (mark := _HASHES.match(text, at)):
        _keep(found, Stated(at, mark.end(), text, "hashes"), kind)
    at = text.rfind("\nA", 0)
    if kind != "choice" and at >= 0 and (mark := _LINE_MARK.match(text, at + 1)):
        _keep(found, Stated(at, mark.end(), text, "answer line"), kind)
    elif kind != "choice" and (mark := _LINE_MARK.match(text)):
        _keep(found, Stated(0, mark.end(), text, "answer line"), kind)
    found += foreign_statements(text) if not text.isascii() or not found else []
    found.sort(key=lambda stated: stated.start)
    kept = [_up_to(one, other.start) for one, other in pairwise(found)] + found[-1:]
    return [stated for stated in kept if not _LEADS_ON.fullmatch(stated.text)]


_LEADS_ON = re.compile(r"\W{0,6}(?:(?:so|thus|the|my|our|final|correct|right)\W{0,3}){1,4}", re.IGNORECASE)
"""What is left of `Final Answer: The final answer is 5` once the second statement has its own."""


def _up_to(stated: Stated, end: int) -> Stated:
    """Return the statement cut where the next one begins: `the answer is 10 - 6 = 4 birds. The answer is 4`."""
    return stated if stated.end <= end else replace(stated, end=end, text=stated.text[: end - stated.end])


def _heading_at(text: str, at: int) -> re.Match[str] | None:
    """Return the end of a heading `## Final Answer` whose answer stands on the lines below it."""
    line = text.rfind("\n", max(0, at - 40), at) + 1
    before = _HEADING_LINE.match(text, line)
    if before is None or before.end() != at or not text[line:at].strip():
        return None
    return _HEADING.match(text, at)


_MARKUP = re.compile(r"\s?<[/|A-Za-z][^<>\n]{0,24}>[\s.]{0,4}\Z")
"""A special token of the model's own after its answer: `</s>`, `<PRM ->`."""


def _keep(found: list[Stated], mark: Stated, kind: str) -> None:
    """Add the statement that follows `mark`, whose text is still the whole response."""
    text, begin = mark.text, mark.end
    block = kind == "text" and "\n" in text[mark.start : begin]
    statement = _block_at(text, begin) if block else _statement_at(text, begin)
    statement = _MARKUP.sub("", statement)
    said = any(c.isalnum() or c in "<>[](){}∅∞" for c in statement)
    if said and not _is_heading(text, begin, statement):
        found.append(Stated(mark.start, begin + len(statement), statement, mark.method, mark.firm))


def _negated(text: str, at: int) -> bool:
    before = text[max(0, at - 24) : at].lower()
    return before.rstrip(" *\"'").endswith(("not the", "not an", "wrong", "incorrect", "no", "your", "without an"))


def _block_at(text: str, begin: int) -> str:
    """Return the lines that follow `answer:`, up to an empty line or the end of the fence."""
    window = text[begin : begin + BOX_CHARACTERS]
    if window.startswith("```"):
        end = window.find("```", 3)
        return window[: end + 3] if end > 0 else window
    return window.split("\n\n", 1)[0]


def _is_heading(text: str, begin: int, statement: str) -> bool:
    """Whether `Answer:` opens a worked solution: a sentence follows it, and more calculation follows that."""
    if len(_WORD.findall(statement[:200])) < SENTENCE or ":" not in text[begin - 8 : begin]:
        return False
    rest = text[begin + len(statement) : begin + len(statement) + 4_000]
    return len(rest.strip()) > 60 and any(c.isdigit() for c in rest)


SENTENCE = 3
"""Words that make a statement more than a value."""
_WORD = re.compile(r"[A-Za-z]{2,}")
SENTENCE_END = re.compile(r"(?<!\\)(?:[.?]|(?<!\d)!|!(?=\s{0,4}\Z))(?:\*\*|[\"')\]]){0,2}(?=\s|\Z)")
_DISPLAY = (("\\[", "\\]"), ("$$", "$$"), ("\\(", "\\)"))


def _statement_at(text: str, begin: int) -> str:
    """Return the statement that starts here: to the end of the sentence, of the line, or of the displayed formula."""
    space = _SPACE.search(text, begin + STATEMENT_CHARACTERS, begin + BOX_CHARACTERS)
    window = text[begin : space.start() if space else begin + BOX_CHARACTERS]
    if window.startswith("```"):
        return _block_at(text, begin)
    for opening, closing in _DISPLAY:
        if window.startswith(opening):
            end = window.find(closing, 2)
            return window[: end + 2] if end > 0 else window
    line = window.split("\n", 1)[0]
    if line.rstrip().endswith(("\\[", "$$")) or _DISPLAY_NEXT.match(window, len(line)):
        return _with_display(window, len(line))
    end_of_sentence = _sentence_end(line)
    return line[:end_of_sentence] if end_of_sentence else line


_DISPLAY_NEXT = re.compile(r":?\s{0,6}(?:\\\[|\$\$)")


def _with_display(window: str, at: int) -> str:
    """Return the line and the displayed formula that ends it or stands below it."""
    for opening, closing in _DISPLAY[:2]:
        start = window.find(opening, max(0, at - 4))
        end = window.find(closing, start + 2) if start >= 0 else -1
        if end > 0:
            return window[: end + 2]
    return window[:at]


_MONEY = re.compile(r"\$(?=\d[\d,]{0,15}(?:\.\d{1,2})?(?:[.;:!?)](?:\s|\Z)|,?\s[A-Za-z]{2}|\Z))")
"""`$79.50. Wait`: money, and no formula that opens."""


def _sentence_end(line: str) -> int:
    """Return where the first sentence of a line ends, outside `$...$`; 0 where it has no end."""
    formulas = _MONEY.sub(lambda found: " " * len(found.group()), line) if "$" in line else line
    for found in SENTENCE_END.finditer(line):
        if found.start() > 0 and formulas.count("$", 0, found.start()) % 2 == 0:
            return found.start()
        if found.start() > 0 and line[found.end() : found.end() + 1].isspace() and "$" not in line[found.end() :]:
            return found.start()
    return 0
