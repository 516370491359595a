"""Whether a response asserts the value that was found in it, or denies it, leaves it open, or only mentions it. Pure.

Asked of answers that are right by their value alone: what is not asserted is never right.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from potstill.verify.foreign import leaves_open
from potstill.verify.normalise import plain_math
from potstill.verify.sentences import EXCLUDING

TAIL = 4_000
_START = re.compile(r"(?:[.!?。？！।]\s|[。？！।]|\n)")
_END = re.compile(r"[.!?。？！؟।](?=\s|\Z|\*|\))|[。？！।]|\n|\Z")
_NOT = r"(?:not|never|cannot|neither|nor)"
"""As `_flat` leaves it of `isn't`."""
_BETWEEN = (
    r"(?:\s(?:possibly|exactly|really|simply|actually|necessarily|be|equal|to|the|a|an|option|choice|answer|have been))"
    r"{0,4}"
)
_FALSE = r"(?:wrong|incorrect|false|mistaken|impossible|tempting|a (?:common )?(?:mistake|trap|error|lie))"
_UNSURE = (
    r"(?:(?:not|never) (?:be |too )?(?:sure|certain|confident|clear|convinced)"
    r"|not (?:know|tell|say|recall|remember|decide)"
    r"|unsure|uncertain|(?:i|we) (?:guess|couldn)|could be wrong|double[- ]?check|verify|check (?:it|this)|not quote)"
)
_PEOPLE = r"(?:someone|somebody|people|many|some|others|students?|one|you|friend|rumou?r)"
_SAY = r"(?:claim(?:s|ed)?|say|says|said|believes?|thinks?|thought|guess(?:es|ed)?|answers?|argues?|picks?|chooses?)"


_NAME_OF = r"(?:[A-Za-z]\w{0,9}\s?=\s?)?"
"""`x = ` before a value."""


class Cue(NamedTuple):
    """What takes an assertion back: `before` ends where the value begins, `after` begins where it ends.

    `example` has the value as `@`; a test runs it.
    """

    why: str
    shape: str
    example: str


BEFORE = (
    Cue(
        "set aside", r"\b(?:rul(?:e|es|ed|ing) out|exclud(?:e|es|ed|ing)|reject(?:s|ed|ing)?|eliminat(?:e|es|ed|ing)"
        r"|discard(?:s|ed|ing)?|doubt|hardly|barely|going to say|would have said|replac(?:e|es|ed|ing))\b"
        r"[^.;,]{0,16}\Z", "We ruled out @.",
    ),
    Cue("set aside", r"\bno (?:\w+ ){0,2}(?:exists?|solution|answer)\b[^.;,]{0,30}\Z", "No solution exists for n = @."),
    Cue(
        "excluded", rf"{EXCLUDING}(?: be| equal(?: to)?)?[\s\"'($*]{{1,5}}(?:\\boxed\{{)?\Z",
        "Every value other than @.",
    ),
    Cue("denied", rf"\b{_NOT}(?! only){_BETWEEN}\W{{0,4}}\Z", "The answer cannot possibly be @."),
    Cue(
        "denied", rf"\b(?:{_NOT}\s(?:the case|true|so|get|find|have|follow|mean|imply|give|yield|think|believe"
        r"|accept|agree|buy|say|claim|conclude)"
        r"|(?:refuse|decline|hesitate|unwilling|hard|difficult) to (?:accept|believe|agree|say|conclude))"
        r"(?:\sthat)?(?:\s(?:it|this|that|the answer)(?:['’]s|\s(?:is|was|will be|would be)))?\W{0,4}\Z",
        "It does not follow that @.",
    ),
    Cue(
        "denied", rf"\b(?:trap|naive|tempting|bogus|flawed|{_FALSE})\s(?:final\s)?"
        r"(?:answer|choice|option|result|value|solution|guess)\b[^.;,]{0,20}\Z", "The trap answer is @.",
    ),
    Cue(
        "denied", rf"\b{_FALSE}\s(?:to (?:say|claim|think|write|conclude|assume|answer|give)|that)\b[^.;]{{0,30}}\Z",
        "It is wrong to say that it is @.",
    ),
    Cue(
        "mentioned", r"\b(?:mistake|error|misconception|temptation|fallacy)\s(?:here\s)?"
        r"(?:is|would be|was)\b[^.;,]{0,40}\Z",
        "A common mistake is to answer @.",
    ),
    Cue(
        "mentioned", r"\b(?:i|we)\s(?:first\s)?(?:had\s)?(?:thought|guessed|misread|miscounted|miscalculated)\b"
        r"[^.;,]{0,24}\Z",
        "At first I thought it was @.",
    ),
    Cue(
        "mentioned", rf"\b{_PEOPLE}\s(?:(?!the\s)\w+\s){{0,2}}{_SAY}\b(?! is| was)(?:(?!\bbut\b)[^.;]){{0,40}}\Z",
        "Someone claimed that it is @.",
    ),
    Cue("left open", r"\b(?:might|may|could)(?:\s(?:well|also|still|only|just|very))?\s(?:be|have been|equal)\W{0,4}\Z",
        "It might be @, who knows."),
    Cue(
        "mentioned", r"\b(?:he|she|they)\s(?:says?|said|claims?|claimed|thinks?|believes?)\s(?:that\s)?"
        r"(?:it(?:['’]s| is)\s)?\W{0,4}\Z", "He says @; I disagree.",
    ),
    Cue("left open", r"\b(?:perhaps|maybe|possibly|supposedly|allegedly|presumably|whether|tell if)"
        r"(?:\s(?:it|this|that|the answer)"
        r"(?:['’]s|\s(?:is|was|were|be)))?\W{0,4}" + _NAME_OF + r"(?:[^.;,]{1,40}\sor\s" + _NAME_OF + r")?\W{0,2}\Z"
        r"|\bif it is\W{0,4}\Z", "I cannot tell whether it is x = 3 or x = @."),
    Cue("mentioned", r"\b(?:claim|idea|belief|notion|assertion|suggestion|guess|hunch|intuition)\s"
        r"(?:that|of|is|was|would be)\b[^.;]{0,40}\Z", "Your friend's claim that the answer is @ is false."),
    Cue("denied", r"\b(?:nobody|no[- ]one|none of \w+)\s[^.;,]{0,40}\Z", "Nobody would have @ apples left."),
    Cue(
        "supposed",
        r"\b(?:suppose|supposing|assume|assuming|imagine|let['’]?s say|pretend|what if)\b[^.;]{0,60}\Z",
        "Let's suppose the answer is @. Then we get a contradiction.",
    ),
    Cue(
        "conditional",
        r"\bif\s(?:it|this|that|the \w+)\s(?:were|was)\W{0,4}\Z",
        "If the answer were @, it would be even.",
    ),
    Cue("mentioned", r"\btempt(?:ed|ing)\sto\s\w+\W{0,4}\Z", "You may be tempted to say @."),
    Cue("one of two", r"\b(?:either|between|somewhere between)\W{0,4}\Z|\bbetween\b[^.;,]{1,30}\band\W{1,4}\Z",
        "It lies between 7 and @."),
    Cue(
        "conditional", r"(?:\A|[,;]\s|\bbut\s)\W{0,4}(?:if|had|were|without|supposing|unless)\b[^.;]{0,120}"
        r"\b(?:would|could|might)\b[^.;]{0,60}\Z", "If there were no tax, the answer would be @.",
    ),
    Cue("named", r"\b(?:section|chapter|page|figure|equation|line|exercise|appendix|paragraph|footnote|step|question"
        r"|item|theorem|lemma)\s\W{0,3}\Z",
        "The answer is in section @."),
)  # fmt: skip
AFTER = (
    Cue(
        "mentioned", r"[\s*$)\]}]{0,6}(?:is|was)\s(?:an?\s|the\s)?(?:\w+\s)?(?:guess|decoy|trap|distractor|red herring"
        r"|misconception|(?:common|popular|typical|frequent)\s\w+|answer (?:to|for) (?:an?|another|some)\b)"
        r"|[\s*$)\]}]{0,6}(?:is|was)\swhat\s(?:people|many|most|some|others|students)\b", "@ is a common answer.",
    ),
    Cue("conditional", r"[\s*$)]{0,4}only if\b", "The answer is @ only if the coin is fair."),
    Cue(
        "of a step", r"[^.;\n]{0,6},?\s(?:which|and)\s(?:we|i|then|must|has to)\s(?:then\s|be\s)?"
        r"(?:subtract|add|multipl|divid|plug|substitut)\w*", "It simplifies to @, which we subtract from 20.",
    ),
    Cue(
        "set aside", r"[\s*$)\]}]{0,6}(?:is|was)\s(?:excluded|ruled out|rejected|eliminated|discarded|out\b|too \w+)"
        r"|[\s*$)\]}]{0,6}\s(?:both\s|all\s)?"
        r"(?:fails?|violates?|contradicts?|do(?:es)? not (?:work|fit|satisfy))\b",
        "Unfortunately @ fails the second condition.",
    ),
    Cue(
        "denied", r"[^.;,\n]{0,12},?\s(?:which|but (?:that|this|it))"
        r"(?:\s(?:can ?not be|is not|is wrong|fails)|['’]s not\b)",
        "My calculator shows @, which can't be right.",
    ),
    Cue(
        "denied", r"[\s*$)\]}\"'”]{0,6},?\s?(?:which |that |this |it |given above |above |shown |stated ){0,3}"
        r"(?:is|was|would be|were|seems?)\s(?:definitely |clearly |certainly |also |actually )?"
        rf"(?:not\b(?! only)|{_FALSE})", "The answer @ given above was wrong.",
    ),
    Cue(
        "denied", r"[\s*$)]{0,4}[-–—,.:;(]{0,2}\s?(?:no,? wait|wait,? no|\(?wrong\)?|\(?incorrect\)?)\b",
        "@ - no wait.",
    ),
    Cue("denied", r"[\s*$)]{0,4}\?\s{0,3}(?:no\b|not\b|wrong|never)", "Is it @? No: it is more."),
    Cue(
        "one of two", r"[\s*$)]{0,4}\bor\s(?:maybe |possibly |perhaps |else )?"
        r"(?:\(?[-$\\]{0,3}[\dA-Z(]|anything|something|some other|another|more|less|so on)", "The answer is @ or 7.",
    ),
    Cue("one of two", r"\s[a-z]{2,12}\sor\s(?:maybe |possibly )?\W{0,3}\d", "It takes @ steps or 7 steps."),
    Cue(
        "conditional", r"[\s*$)]{0,4}would (?:only )?be (?:correct|right|true|the (?:case|answer)) (?:if|only|but)\b",
        "@ would be correct if all were equal.",
    ),
    Cue("left open", r"[\s*$)]{0,4}(?:could|might|may)\s(?:well |also |both )?be\b", "@ could be it."),
    Cue(
        "denied",
        r"[^.;\n]{0,40},?\s?\bbut\s(?:i|we)\s(?:get|got|find|found|obtain)\b",
        "The expected answer is @ according to the key, but I get 15.",
    ),
    Cue(
        "left open", rf"[^.;\n]{{0,24}}?\W{{0,3}}\s(?:but|although|though|however)\b[^.\n]{{0,40}}?\b{_UNSURE}",
        "I think it's @, but I'm really not sure.",
    ),
    Cue(
        "denied", rf"[^.;\n]{{0,24}}?\W{{0,3}}\s(?:but|although|though|however|which)\b[^.\n]{{0,24}}?\b{_FALSE}(?!\w)",
        "It looks like @, but that would be a mistake.",
    ),
)  # fmt: skip
_BOUND = re.compile(
    r"\b(?:at least|at most|no (?:more|less|fewer) than|(?:more|less|fewer|greater) than|up to)\s\W{0,3}\Z",
    re.IGNORECASE,
)
"""`At least 12 people came.`"""
_WANTS_BOUND = re.compile(
    r"\b(?:needs?|needed|must|requires?|required|has to|have to|minimum|maximum|smallest|largest)\b", re.IGNORECASE
)
"""`She needs at least 12 boxes.` answers how many she needs."""
_CASE = re.compile(r"\b(?:for|when|if|with)\s\$?[A-Za-z]\s?=\s?\d", re.IGNORECASE)
"""`For n = 3 the answer is 12. For n = 4, as asked, it is 20.`"""
_NAMED = re.compile(
    r"(?<=[A-Za-z])\s(?:\$|\\\(|\\\[|\*\*|`){0,2}\s?"
    r"(?:(?:[A-Za-z](?:_\{?\w{1,8}\}?|\d)?(?:\([A-Za-z]\))?|[\d\s.+\-*/×·^()]{1,60})\s?(?:=|≈|\\in\b|∈)\s?)?"
    r"(?:\\(?:boxed|text|textbf|mathrm|mathbf)\{){0,2}[$*(]{0,2}\Z"
)
"""The name or sum that a value has before it: `not x = 4`, `not $f(x) = 2x$`, `not \\boxed{4}`, `not \\text{(C)}`.
After a comma it is another clause: `If not, x = 4`."""
_DENIES = re.compile(
    r"\W{0,4}(?:it(?:['’]s| is)\s)?(?:not|never|neither|hardly|barely|supposedly|allegedly"
    r"|presumably|maybe|perhaps|possibly|nobody)\b(?! only)"
    r"|.*\b(?:unverified|unsure|not sure|uncertain|guess|wrong|incorrect)\b",
    re.IGNORECASE,
)
_TELLING = re.compile(
    r"\b(?:no|can|ne|trap|naive|tempt|bogus|flaw|wrong|incorr|false|mist|imposs|err|misc|fall|lie|claim|sa[iy]"
    r"|beli|th[io]|guess|answers|argue|m[ai]|could|perhaps|wh|if|tell|either|between|somewhere|had|were|without"
    r"|supp|unless"
    r"|sec|chap|page|fig|eq|line|exer|app|para|foot|step|ques|item|lemma|assum|imag|let|pret|ref|decl|hes|unw|hard|diff|any|every|all|other"
    r"|exc|inst|rath|far|opp|unlike"
    r"|rul|rej|elim|disc|doubt|hardly|barely|going|would|repl|poss|suppos|alleg|presum|pick|choos|idea|notion|sugg|hunch|intu)",
    re.IGNORECASE,
)
"""Beginnings of the words that the cues before a value need: most sentences have none."""
_BEFORE = tuple((cue.why, re.compile(cue.shape, re.IGNORECASE)) for cue in BEFORE)
_AFTER = tuple((cue.why, re.compile(cue.shape, re.IGNORECASE)) for cue in AFTER)


_CONTRACTED = re.compile(r"(?<=ca)n['’]t\b|n['’]t\b", re.IGNORECASE)
_FLAT = re.compile(
    r"(?<![\w'’])(?:(?!(?:only|early|daily|hardly|barely|scarcely"
    r"|supposedly|allegedly|presumably|likely|unlikely|possibly|reply|apply|family|multiply)\b)[a-z]{3,}ly"
    r"|just|still|even|also|quite|very|too)(?![\w'’])\s?",
    re.IGNORECASE,
)
"""Words that change nothing of what a sentence asserts: `I honestly don't know`, `it is simply 12`."""


def _flat(text: str) -> str:
    """Return a part of a sentence with its contractions written out and without adverbs."""
    if "'d " in text or "’d " in text:
        text = text.replace("'d ", " would ").replace("’d ", " would ")
    if "n't" in text or "n’t" in text:
        text = _CONTRACTED.sub(
            lambda found: "n not" if found.start() and text[found.start() - 1] in "aA" else " not", text
        )
    return _FLAT.sub("", text)


_QUOTE_ENDS = re.compile(r"[^\"“”\n]{0,40}[\"”]")
_ABBREVIATED = re.compile(r"\A\.(?=\*{0,2}\s[a-z])")
"""`7:15 p.m. is too late`: a full stop that ends no sentence."""
_QUOTED = re.compile(
    r"(?<![^\s(])[\"“](?=\S)[^\"“”\n]{0,60}\b(?:answer|result|solution|option)\b[^\"“”\n]{0,30}\Z", re.IGNORECASE
)
"""`in the form "The answer is 12"`: words of somebody else; not a field of JSON."""


def doubt_of(text: str, value: str, *, words: bool = False) -> str:
    """Return why the last mention of a value in a text does not assert it, or an empty text.

    `words`: the value is a yes or a no, so that denials beside it are its own.
    """
    tail, at = _mention(text[-TAIL:], value)
    if at < 0:
        return ""
    if _DENIES.match(value):
        return "denied"
    end = at + len(value)
    starts = [found.end() for found in _START.finditer(tail, max(0, at - 400), at)]
    begin = starts[-1] if starts else max(0, at - 400)
    ends = _END.search(tail, end)
    stop = ends.end() if ends is not None else len(tail)
    before, after = tail[begin:at], tail[end:]
    after = _ABBREVIATED.sub("", after, count=1)
    if _QUOTED.search(before) and '": "' not in before and _QUOTE_ENDS.match(after):
        return "quoted"
    before, after = _flat(before), _flat(after[:MAX_AFTER])
    if _TELLING.search(before) is not None:
        unnamed = _NAMED.sub(" ", before)
        for why, pattern in _BEFORE:
            if pattern.search(before) or (why in ("denied", "excluded", "mentioned") and pattern.search(unnamed)):
                return why
    if words:
        return ""
    for why, pattern in _AFTER:
        if pattern.match(after):
            return why
    if _CASE.search(before) and _CASE.search(after):
        return "of another case"
    if _BOUND.search(before) and not _WANTS_BOUND.search(before):
        return "a bound"
    if tail[end:stop].rstrip(" *\"')$").endswith(("?", "？", "؟")):
        return "asked"
    return leaves_open(tail[begin:stop], at - begin, end - begin, tail)


MAX_AFTER = 400
"""Characters behind a value that may take it back."""
STATED = 40
"""Characters from the word `answer` to a value that is stated there, whatever names it again."""


def _mention(tail: str, value: str) -> tuple[str, int]:
    """Return a text with the place where it states a value, or names it last; -1 where it has none."""
    at = _last_of(tail, value) if value else -1
    if at < 0 and value:
        tail = "\n".join(plain_math(line) for line in tail.split("\n")[-20:])  # as the value was read
        at = _last_of(tail, value)
    word = tail.rfind("answer", 0, max(at, 0))
    stated = tail.find(value, word, word + len(value) + STATED) if word >= 0 else -1
    return tail, stated if stated >= 0 else at


def _last_of(text: str, value: str) -> int:
    """Return where a value stands last; a word or a letter as a word of its own, if it does."""
    if value.isalpha() and value.isascii():
        flags = re.IGNORECASE if len(value) > 1 else 0
        at = max(
            (found.start() for found in re.finditer(rf"(?<![A-Za-z]){value}(?![A-Za-z])", text, flags)), default=-1
        )
        if at >= 0:
            return at
    return text.rfind(value)
