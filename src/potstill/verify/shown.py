"""What the last line of a response shows unannounced: bold print, `So it is 5`, a block of code. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from potstill.verify.closing import conclusion
from potstill.verify.foreign import is_answer_title
from potstill.verify.formulas import ITEM, split_sentences
from potstill.verify.markup import Line, read_lines
from potstill.verify.stated import SENTENCE_END

LINE_CHARACTERS = 2_000
MAX_LAST = 400
"""Characters of a last line that is read as a conclusion; a longer one is an account."""
FENCE = re.compile(r"```[a-z]{0,12}\n(.*?)\n?```", re.DOTALL)
_ANSWER_TITLE = re.compile(
    r"(?:\W{0,4}\d{1,2}[.)]\s)?(?:the |my |your |our )?(?:final |correct )?answer(?: .{0,20})?\W{0,3}", re.IGNORECASE
)
"""`Final Answer`, `4. The answer`."""
_STEP = re.compile(r"\W{0,4}(?:step|part|case|section|method|approach|given|problem|question)\b", re.IGNORECASE)
"""`Step 2` in bold print is a heading."""
_LEAD = re.compile(
    r"\W{0,4}(?:(?:so|yeah|yep|okay|well|alright|anyway|thus|hence|therefore|then|finally|overall|altogether"
    r"|in (?:conclusion|short|summary|total|the end)|to sum up|and so|i(?:['’]d| would)? (?:say|get|got|think|believe)"
    r"|we (?:get|have|find|obtain|arrive at|end up with|conclude)(?: that)?|this (?:gives|is|yields|leaves)"
    r"|that (?:gives|is|leaves)|(?:it|that|this|which)(?:['’]s| is| must be| equals)"
    r"|(?:[a-z]+ )?(?:result|solution|conclusion|total|outcome|output|value|tl;?dr|summary)\s?"
    r"(?:[:=→]| is\b| equals\b))[\s,:]{1,3}){1,4}",
    re.IGNORECASE,
)
"""What leads to a conclusion: `So it's`, `Result:`, `TL;DR:`, `Hence,`."""
_ENDS_IN_PAIR = re.compile(r"\s(?P<pair>[(\[][^()\[\]]{1,60},[^()\[\]]{1,60}[)\]])\W{0,3}\Z")
"""`The lines intersect at the point (2, 3).`"""
_IS_ANSWER = re.compile(
    r"(?P<said>.{1,300}?)\s(?:is|would be|must be)\s"
    r"(?:(?:what (?:is|was|remains|we|you|he|she|they|it)|how (?:many|much))\b.{1,120}|(?:the|my|our)\s"
    r"(?:final |correct |right )?"
    r"(?:answer|result|solution)(?:\s(?:of|to|for)\s.{1,120})?)\W{0,3}\Z"
)
"""`(2, 3) is the answer.`, `x = 7 is the solution of the equation 2x + 6 = 20.`"""
_COMES_TO = re.compile(
    r"[^=]{1,200}?\b(?:simplif(?:y|ies)|evaluates?|reduces?|comes?(?: out)?|works? out|amounts?|adds? up|is equal) to\s"
    r"(?P<said>\S.{0,200})\Z",
    re.IGNORECASE,
)
"""`sqrt(72) simplifies to 6*sqrt(2)`"""
_TURNS = re.compile(r".{1,300}?,?\s(?:but|yet)\s(?=(?:it|that|this|the|actually|in fact|really)\b)")
"""`Most people guess A, but it's C.`"""
_NAMED = re.compile(
    r".{1,400}(?:\b(?:is|are|was|were|be|called|named|known as|by|becomes?|at|through)|\b(?:it|that)['’]s)\s"
    r"(?:an? |the )?"
    r"(?P<end>[^.,;:()]{1,80}?)(?:\s(?:in \d{4}|who\s.{1,60})|,\s(?:who|which|where)\s.{1,120})?\W{0,3}\Z"
)
"""`Plants do this by a process called photosynthesis`"""
_SUBJECT = re.compile(
    r"(?P<start>[A-Z][\w'’-]{0,30}(?:\s[A-Z][\w'’-]{0,30}){0,4})"
    r"(?=,|\s(?:from|who|which|has|had|is|was|gets?|got|won|wins|wrote|made|gave|found|built|[a-z]{2,15}(?:ed|s))\s)"
)
"""`Ilse from Bremen collected the most stamps`"""
_OPEN = re.compile(
    r"\b(?:or|either|unlike|if|whether|maybe|perhaps|might|could|not|never|no|neither|nor|wrong|incorrect|false|except"
    r"|but|instead)\b|n['’]t\b",
    re.IGNORECASE,
)
"""A sentence with one of these may name what it does not say."""
_SHOWN = re.compile(
    r"\b(?:is|are|was|be|becomes?|returns?|gives?|prints?|outputs?|yields?|equals?)\b:?\s{1,3}"
    r"(?:(?P<mark>`{1,3}|\*\*|[\"'])(?P<marked>[^\n]{1,400})(?P=mark)|(?P<word>[^\s`*\"']{1,200}?))[.!]?\s{0,3}\Z"
)
"""What the end of a sentence shows: ``the output is `ab` ``, `it prints True`."""


def titled(line: Line) -> str:
    """Return a line as it is read; a title that announces an answer gets its colon: `### Final Answer`."""
    if line.role != "title" or line.text.rstrip().endswith((":", "：")):
        return line.text
    return f"{line.text}:" if _ANSWER_TITLE.fullmatch(line.text) or is_answer_title(line.text) else line.text


def last_line(lines: list[Line]) -> Line | None:
    """Return the last line that says anything."""
    return next((line for line in reversed(lines) if line.text.strip()), None)


_ABOUT = re.compile(r"(?:\bor|i\.e\.,?|that is,?|[≈(])\s?(?:about|roughly|approximately|around)?\s?\Z")
"""`1/6, or about 16.7%`: the same once more."""


def bold_in(lines: list[Line]) -> Iterator[str]:
    """Yield what the last line shows in bold print, the last first, without labels: `That leaves **12** eggs.`"""
    last = last_line(lines)
    if last is None or last.role == "code":
        return
    spans = [
        span for at, span in enumerate(last.bold) if not at or not _ABOUT.search(last.text[: last.text.rfind(span)])
    ]
    for span in reversed(spans):
        at = last.text.rfind(span)
        label = span.endswith((":", "：")) or (not at and last.text[len(span) :].lstrip()[:1] in (":", "："))
        whole = span.strip(" .!") == last.text.strip(" .!") and len(span.split()) > 4
        if not (label or whole or _STEP.match(span)):
            yield span


_OPTION = re.compile(r"\W{0,4}(?:option |choice )?\(?[A-J]\b[).:]?", re.IGNORECASE)


def takes_one(lines: list[Line]) -> bool:
    """Whether the last line has one option in bold print, and does not go through them one by one."""
    last = last_line(lines)
    if last is None:
        return False
    options = [span for span in last.bold if _OPTION.match(span)]
    return len(options) < 2 and not (last.role == "item" and options)


def concludes(line: Line) -> bool:
    """Whether a line is led to as a conclusion, or speaks of an answer: `So she pays $5.`"""
    return _LEAD.match(line.text) is not None or _CONCLUDING.search(line.text) is not None


_REMARK = re.compile(
    r"\W{0,4}(?:(?:if|had|were|suppose)\b(?!.*(?:=|\b(?:so|thus|hence|therefore|then|total|left)\b))|(?:for|as|in|by|with|without|at|like|unlike|compared|historically)\b"
    r"(?! (?:total|all|result|a result|conclusion|short|sum|summary|fact|the|his|her|its|their|this|that|each|every|\d)"
    r"\b)(?!.*(?:=|\b(?:so|thus|hence|therefore|total|left)\b))[^.,:]{0,60}[,:])\s"
    r"|(?=.*(?:\bif\b|\bwith))(?=.*(?:\b(?:would|could|might)\b|['’]d\s))"
    r"|[^.]{0,80}\bwould (?:give|be|have|mean|lead)\b",
    re.IGNORECASE,
)
"""What begins with a circumstance or tells of what is not: `For comparison, ...`, `With a break you'd need an hour`."""


def is_remark(sentence: str) -> bool:
    """Whether a sentence sets something beside what was said: a comparison, another case, what would be otherwise."""
    return _REMARK.match(sentence) is not None


_BECAUSE = re.compile(r"\b(?:as|since|because)\b.*")


def is_beside(sentence: str) -> bool:
    """Whether a sentence gives no value of its own: a remark, or one whose numbers are reasons only."""
    return is_remark(sentence) or not any(map(str.isdigit, _BECAUSE.sub("", sentence)))


def computes_in(part: Line) -> bool:
    """Whether a sentence computes something that is not only a reason: `Both fit, as 3² = 9`."""
    return (part.role == "code" and not _ALONE.fullmatch(part.text) and not part.text.strip().startswith("```")) or (
        "=" in _BECAUSE.sub("", part.text) and not is_remark(part.text)
    )


def sentences_of(line: Line) -> list[Line]:
    """Return the sentences of a line of prose, each with its bold print; other lines as they are."""
    if line.role != "text" or line.text.lstrip().startswith(("\\[", "$$")):
        return [line]
    return [
        replace(line, text=part.strip(), bold=tuple(span for span in line.bold if span in part))
        for part in split_sentences(ITEM.sub("", line.text, count=1))
        if part.strip()
    ]


def standing(part: Line, kind: str, *, alone: bool) -> Iterator[str]:
    """Yield what stands out in a sentence: its bold print, what it leads to, all of it where it is one value.

    What is only led to counts where only remarks follow (`alone`), and so does a formula of any kind on its own line.
    """
    yield from bold_in([part])
    lead = _LEAD.match(part.text)
    if lead is not None and part.role in ("text", "item") and alone:
        yield part.text[lead.end() :]
    elif part.role in ("text", "code") and (
        _ALONE.fullmatch(part.text)
        or ((alone or kind not in ("number", "quantity", "date")) and _FORMULA.fullmatch(part.text))
    ):
        yield _LABEL.sub("", part.text, count=1)


_LABEL = re.compile(r"[A-Z][\w ;]{0,24}:\s")
_ALONE = re.compile(rf"(?:{_LABEL.pattern})?[^A-Za-z=\s]{{0,24}}\d[^A-Za-z=\s]{{0,24}}")
"""`1990-10-03`, `TL;DR: 8.`"""
_FORMULA = re.compile(
    _LABEL.pattern.join(("(?:", ")?"))
    + r"(?:\${1,2}[^$]{1,300}\${1,2}|(?![^\n]*[A-Za-z]{3})[^\n]{0,100}[=≤≥<>∈][^\n]{1,100})[.,]?"
)
"""`Glucose: $C_6H_{{12}}O_6$`, `∫x² dx = x³/2 + C`"""


def turns(line: Line, above: Line | None) -> bool:
    """Whether a sentence may take back what stands above it; not one that speaks of another value: `1 is wrong.`

    Nor one with a label of its own: `**Common mistake:** ...`.
    """
    labelled = bool(line.bold) and line.text.startswith(line.bold[0]) and line.bold[0].endswith(":")
    if labelled:
        return False
    if _RETRACTING.search(line.text):
        return True
    denied = _TURNING.search(line.text)
    if denied is None:
        return False
    if any(map(str.isdigit, line.text[: denied.start()])) or (above is not None and is_remark(above.text)):
        return False
    return _OF_ANSWER.search(line.text) is not None


_OF_ANSWER = re.compile(r"\d|\b(?:it|this|that|answer|result|value|solution|above)\b", re.IGNORECASE)
_RETRACTING = re.compile(
    r"\b(?:wait|oops|sorry|apolog\w+|actually|hmm|hold on|disregard|my mistake|correction|revis\w*|recheck\w*"
    r"|let me|i (?:made|mis\w+|forgot))\b",
    re.IGNORECASE,
)
_TURNING = re.compile(
    r"\b(?:but|however|instead|mistake\w*|wrong|incorrect|not|no|never|correct\w*|rather|better|unless)\b|n['’]t\b",
    re.IGNORECASE,
)


_CONCLUDING = re.compile(
    r"\b(?:so|thus|hence|therefore|answer|total|result|final\w*|left|remain\w*|altogether|in all)\b.*\d", re.IGNORECASE
)


def said_last(lines: list[Line]) -> str:
    """Return what the last line comes to, without what leads to it; empty where nothing does: `So it's (2, 3)!`"""
    last = last_line(lines)
    if last is None or last.role == "code" or len(last.text) > MAX_LAST:
        return ""
    line = ITEM.sub("", last.text.strip().rstrip("!"), count=1)
    apart = [part for part in SENTENCE_END.split(line) if part.strip()]
    sentence = apart[-1].strip() if len(apart) > 1 and _LEAD.match(apart[-1].strip()) else line
    turned = _TURNS.match(sentence)
    if turned is not None and _LEAD.match(sentence[turned.end() :]):
        sentence = sentence[turned.end() :]
    named = _IS_ANSWER.match(sentence) or _COMES_TO.fullmatch(sentence.rstrip(" ."))
    said = sentence if named is None else named["said"]
    lead = _LEAD.match(said)
    if named is None and lead is None:
        ends = _ENDS_IN_PAIR.search(sentence)
        return ends["pair"] if ends is not None and not any(map(str.isdigit, sentence[: ends.start("pair")])) else ""
    said = (said if lead is None else said[lead.end() :]).rstrip(". ")
    return "" if SENTENCE_END.search(said) else said


_BRACKETS = re.compile(r"(?P<said>\S.{0,300}?)\s\([^()\d]{2,160}\)[\s.*]{0,4}")


_APPOSITION = re.compile(
    r"(?P<said>[^,;:.()]{2,60}?)(?:\s\([^()]{2,80}\))?,\s(?:an?|the|about|who|which|whose|where)\s(?!.*\b(?:and|or|not|but)\b).*",
    re.DOTALL,
)
"""`the Nile (an-Nil), about 6,650 km long`"""
_CODE = re.compile(r"`([^`\n]{1,80})`")


def without_brackets(said: str) -> list[str]:
    """Return an answer in words without what tells of it: `Paris (not Lyon, as many think)`, `Paris, the capital`."""
    found = _BRACKETS.fullmatch(said) or _APPOSITION.fullmatch(said)
    return [] if found is None else [found["said"]]


def said_in_bold(text: str) -> str:
    """Return the one thing that the sentences of a text say in bold print; empty where it is none or several."""
    said = {
        span.strip(" .,;:!\"'")
        for line in conclusion(read_lines(text))
        if line.role == "text"
        for part in sentences_of(line)
        if not _OPEN.search(part.text)
        for span in part.bold
        if not (line.text.startswith(span) and (span.endswith(":") or line.text[len(span) :].lstrip()[:1] == ":"))
    }
    return said.pop() if len(said) == 1 else ""


def words_shown(text: str) -> Iterator[str]:
    """Yield what the end of a response may state in words: its last line, what that shows, or a last block of code."""
    raw = [line.strip() for line in text.split("\n") if line.strip()]
    if len(raw) > 1:
        yield raw[-1]
    lines = conclusion(read_lines(text))
    last = last_line(lines)
    if last is None:
        return
    if last.role == "code":
        yield from FENCE.findall(text)[-1:]
        return
    if _OPEN.search(last.text):
        return
    shown = _SHOWN.search(raw[-1][-LINE_CHARACTERS:]) or _SHOWN.search(last.text[-LINE_CHARACTERS:])
    if shown is not None:
        yield shown["marked"] or shown["word"]
    yield from (span for span in last.bold[-1:] if not span.endswith(":"))
    sentence = SENTENCE_END.split(last.text.strip().rstrip(".!"))[-1].strip()
    lead, named = _LEAD.match(sentence), _IS_ANSWER.match(sentence)
    marked = _CODE.findall(SENTENCE_END.split(raw[-1].rstrip(" .!"))[-1])
    yield from marked if len(marked) == 1 and _LEAD.match(last.text) else ()
    yield from without_brackets(last.text)
    yield from (last.text, sentence, *([sentence[lead.end() :]] if lead is not None else []))
    if named is not None:
        led = _LEAD.match(named["said"])
        yield named["said"] if led is None else named["said"][led.end() :]
    yield from subject_of(sentence)


def subject_of(sentence: str) -> Iterator[str]:
    """Yield what a sentence names at its end, and its subject."""
    if _OPEN.search(sentence):
        return
    for found, group in ((_NAMED.fullmatch(sentence), "end"), (_SUBJECT.match(sentence), "start")):
        if found is not None:
            yield found[group]
