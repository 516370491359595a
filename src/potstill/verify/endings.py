"""How a response ends: what it adds after its conclusion, an answer that is left empty, and giving up. Linear time."""

from __future__ import annotations

import re
from collections.abc import Iterable

from potstill.verify.foreign import gives_up_abroad
from potstill.verify.formulas import closed

TAIL = 6_000
"""Characters from the end in which a coda is looked for."""

MAX_CHECK = 800
"""Characters of a note or a check that ends a response; a longer one is part of the work."""
_CODA = re.compile(
    r"(?:\n[\s>*_#(-]{0,6}|(?<=[.!?*)])\s{1,3}[*_(]{0,3})(?:let me know|feel free"
    r"|(?:please )?(?:do )?(?:not hesitate|ask)\b|if you (?:have|want"
    r"|would|need|like)\b"
    r"|i hope\b|hope (?:this|that)\b|would you like\b|do you (?:want|have|need)\b"
    r"|(?P<check>note\b(?!book|d)|(?:explanation|breakdown|justification|details)[\s*_]{0,3}:|here(?:'"
    r"|’)?s (?:why|how)\b|check(?:ing)?\b(?=[^\n]{0,20}:)|proof:|verif\w+[\s*_]{0,3}:|to (?:verify|check)\b"
    r"|we can (?:check|verify)\b|let(?:'|’)?s (?:check|verify|plug|substitute)\b"
    r"|(?:\w+ )?(?:key points|summary|recap|takeaways)[\s*_]{0,3}:?[\s*_]{0,3}(?=\n\s{0,6}(?:[-*•]|\d{1,2}[.)])\s)))",
    re.IGNORECASE,
)
_CONCLUDES = re.compile(
    r"\n[\s>*_#-]{0,6}(?:so|thus|therefore|hence|(?:in )?conclusion|finally|the answer|correct)\b", re.IGNORECASE
)
_ASIDE = re.compile(r"(?<=\S)\s{1,3}\((?P<inside>[^()\n]{6,300})\)[\s.*_]{0,4}\Z")
_TWO_WORDS = re.compile(r"[A-Za-z]{2,}\W{1,3}(?:\d\S{0,8}\W{1,3})?[A-Za-z]{2,}")
_BREAKDOWN = re.compile(
    r"(?::\s|,? of (?:which|whom)\b|,? (?:consisting|made up) of\b|,? (?:whereas|compared (?:to|with)"
    r"|as opposed to|having)\b)"
    r"(?P<parts>(?:[^\n.]|\.(?!\s)){2,400})\Z"
)
_TWO_COUNTS = re.compile(r"\d[\d.,]{0,12}\s[A-Za-z]{2,}[^\n]{0,60}?(?:,|\band\b)\s{0,2}\d[\d.,]{0,12}\s[A-Za-z]{2,}")
_CONTRASTS = re.compile(r",? (?:whereas|compared|as opposed|having)")


def without_coda(text: str) -> tuple[str, str]:
    """Return a response that states no answer in so many words without what follows its conclusion, and that.

    Left out are offers of help, notes, checks of the result, lists of key points, the brackets that end the last line
    and the parts of a total; where the rest has no number, nothing is.
    """
    begin = max(0, len(text) - TAIL)
    kept = text
    for found in _CODA.finditer(text, begin):
        rest = text[found.start() :]
        goes_on = found["check"] is not None and (len(rest) > MAX_CHECK or _CONCLUDES.search(rest, 1) is not None)
        if any(map(str.isdigit, text[begin : found.start()])) and not goes_on:
            kept = text[: found.start()].rstrip()
            break
    kept = _without_what_if(kept)
    line = kept.rfind("\n") + 1
    for shape in (_ASIDE, _BREAKDOWN):
        last = shape.search(kept, max(line, len(kept) - 1_000))
        if last is None or not any(map(str.isdigit, kept[line : last.start()])):
            continue
        beside = last["inside"] if shape is _ASIDE else last["parts"]
        apart = (
            _TWO_WORDS.search(beside)
            if shape is _ASIDE
            else _TWO_COUNTS.search(beside) or _CONTRASTS.match(last.group())
        )
        if apart and any(map(str.isdigit, beside)):
            kept = kept[: last.start()].rstrip()
    return kept, text[len(kept) :]


_WHAT_IF = re.compile(
    r"(?<=[.!?*)])[\s*_]{1,6}\(?(?=[A-Z])[^.!?\n]{0,200}?\b(?:(?:if|had|were)\b[^.!?\n]{0,200}?\b(?:would"
    r"|['’]d) (?:have|be|get|need|take)"
    r"|(?:would|['’]d) (?:have|be|need|take)[^.!?\n]{0,200}?\b(?:if|had)\b)[^!?\n]{0,200}\Z",
    re.IGNORECASE,
)


def _without_what_if(text: str) -> str:
    """Return the text without a last sentence on what would be otherwise, where a number stands before it."""
    found = _WHAT_IF.search(text, max(0, len(text) - 600))
    if found is None or not any(map(str.isdigit, text[max(0, found.start() - 300) : found.start()])):
        return text
    return text[: found.start()].rstrip()


_EMPTY_SLOT = re.compile(
    r"(?:[\"']answer[\"']\s{0,3}:\s{0,3}(?:null|None|\"\s{0,3}\"|''|\[\s?\])[\s,}`]{0,9}"
    r"|boxed\s?\{\s{0,4}\}[\s.$\\)\]]{0,6}|####\s{0,4}(?:n/?a|none|null|unknown|\?)?[\s.*]{0,4}"
    r"|(?:\A|\n)[\s>*_#]{0,6}(?:the )?(?:final )?answer\s{0,2}(?:is\s?)?:?[\s*_:$]{0,6}"
    r"|answer is (?:unknown|not known|unclear|undetermined|\$?x\$?|\?|n/?a)[\s.!*]{0,4})\Z",
    re.IGNORECASE,
)


def leaves_empty(text: str) -> bool:
    """Whether a response ends on a place for its answer with nothing in it: `\\boxed{}`, `"answer": null`."""
    return _EMPTY_SLOT.search(text, max(0, len(text) - 80)) is not None


_GIVES_UP = re.compile(
    r"\b(?:i|we) (?:do not|don['’]t|can['’]t|cannot|can not|could not|couldn['’]t|am not able to|['’]m not able to)"
    r" (?:\w{3,}ly )?(?:know|say|tell|solve|answer|determine|decide|choose"
    r"|finish|figure (?:it|this|that) out)\b|\bi(?: am|['’]m) not (?:really "
    r"|quite )?sure\b"
    r"|\bnot enough (?:information|data)\b|\binsufficient (?:information|data)\b|\bjust as well be\b"
    r"|\b(?:it|this|that|the (?:answer|result)) depends on (?:how|which|whether|what)\b"
    r"|\b(?:methods|results|answers|values|ways) (?:disagree|differ|conflict|contradict|do not (?:agree|match)"
    r"|don['’]t (?:agree|match))\b"
    r"|\bwithout (?:further|more|additional) (?:clarification|information|context|details?)\b"
    r"|\bnone (?:of (?:them|these|the \w+) )?(?:fits?|works?|match\w*|applies|is (?:correct|right))\b"
    r"|\bmore information (?:is|would be) (?:needed|required)\b"
    r"|\b(?:can['’]t|cannot|can not|could not) be (?:solved|answered|determined|decided)\b",
    re.IGNORECASE,
)


_SPEAKS_OF_ITSELF = re.compile(
    r"(?:(?:\A|(?<=[.!?\n]))(?:[^\d.!?\n]{0,120}\b(?:so|and|but)\b)?|\b(?:so|and|but|sorry),)"
    r"\s{0,3}(?:sorry, )?i(?:['’](?:m|d|ll|ve))? (?:[a-z'’]+ ){0,3}?"
    r"(?:not|unable|cannot|(?:ca|do|would|could|wo|have)n['’]t)\b(?! (?:only|just))[^.!?\n]{0,160}[.!?]",
    re.IGNORECASE,
)
"""`I'm not able to determine the number.`, `I'd rather not commit to a value here.`: what the writer does not do."""


def refuses(text: str) -> bool:
    """Whether the last words of a text are of what their writer cannot or will not do, with no value behind them."""
    found = [said.end() for said in _SPEAKS_OF_ITSELF.finditer(text, max(0, len(text) - MAX_CUT))]
    return bool(found) and not any(map(str.isdigit, text[found[-1] :])) and "=" not in text[found[-1] :]


_ASKS_BACK = re.compile(
    r"\bcould you (?:please )?(?:share|provide|give|tell|clarify|upload|send)\b"
    r"|\bplease (?:share|provide|clarify|specify|upload|(?:re-?)?send)\b|\brather not (?:guess|say|answer)\b"
    r"|\b(?:can['’]t|cannot|can not|unable to) (?:(?:see|view|open|access) (?:the|your|any)|help|assist|comply)\b",
    re.IGNORECASE,
)
"""`Could you upload the diagram again?`"""


def asks_back(text: str) -> bool:
    """Whether the end of a text asks for something before it answers, where others say that there is no answer."""
    return _ASKS_BACK.search(text, max(0, len(text) - 400)) is not None


_CONCLUDED = re.compile(r"\b(?:so|thus|therefore|hence)\b[^\n]{0,200}\d", re.IGNORECASE)


def gives_up(text: str, begin: int = 0) -> bool:
    """Whether the end of a text, from `begin` on, says that the question cannot be decided."""
    if not begin and (gives_up_abroad(text) or asks_back(text) or refuses(text)):
        return True
    found = [said.end() for said in _GIVES_UP.finditer(text, max(begin, len(text) - 400))]
    return bool(found) and _CONCLUDED.search(text, found[-1]) is None


_TAKES_UP = re.compile(
    r"\b(?:wait|hold on|hmm+|on second thought|let me (?:re-?)?(?:check|think|consider|calculate|do|try|read)\w*)\b",
    re.IGNORECASE,
)
_SETTLES = re.compile(
    r"\b(?:yes|correct|right|indeed|confirm\w*|match\w*|holds?|works?|checks? out|so)\b|[✓✔✅☑]", re.IGNORECASE
)


def taken_up(text: str, names: Iterable[str]) -> bool:
    """Whether a text takes its answer up again after its last mention, and ends before it says what comes of that.

    `names` are the ways in which the answer is called: a letter and what its option says. A name within a longer word
    or number (the A of `Apples`, the 5 of 15) is no mention.
    """
    ends = [found.end() for name in names if name for found in re.finditer(_whole(name), text)]
    rest = text[max(ends) :] if ends else ""
    found = _TAKES_UP.search(rest[:MAX_CHECK])
    return found is not None and _SETTLES.search(rest, found.end()) is None


def _whole(name: str) -> str:
    """A pattern of a name that no letter goes on where it begins or ends with one, and no digit where with one."""
    before, after = (
        r"[^\W\d_]" if end.isalpha() else r"\d" if end.isdigit() else r"(?!)" for end in name[:1] + name[-1:]
    )
    return rf"(?<!{before}){re.escape(name)}(?!{after})"


_RETRACTS = re.compile(
    r"\b(?:disregard|ignore|scrap|forget)\b[^.\n]{0,40}\b(?:above|result|number|answer|value|that|this|it)\b"
    r"|\b(?:i (?:think i |must have |may have |probably |seem to have )?(?:made|have made) (?:an? |some )"
    r"(?:\w+ )?(?:error|mistake|slip)|let me (?:start over|redo|recompute|recalculate|try again))\b",
    re.IGNORECASE,
)


def retracted(text: str) -> bool:
    """Whether the end of a text takes back what it said, with no number behind that: `please disregard the number`."""
    found = [said.end() for said in _RETRACTS.finditer(text, max(0, len(text) - MAX_CUT))]
    return bool(found) and not any(map(str.isdigit, text[found[-1] :])) and "boxed" not in text[found[-1] :]


_MID_SENTENCE = re.compile(
    r"(?:[,;(=+/\\{\[&<^]|(?<![*\s.!?)\"'”])\s?[*-]"
    r"|(?<![A-Za-z\\])(?:the|an?|of|is|are|was|were|and|or|that|to|we|so|with|by|in|for|if|this|which|can|also"
    r"|but|be|it|its|then|as|at|on|from|has|have|equals?|when|where|since|because|not|his|her|their|our|these"
    r"|those|there|let|using|answer))\s*\Z"
)
_FAILED = re.compile(r"\n\w{0,30}(?:Error|Exception)\b[^\n]{0,120}\n?(?:```)?\s{0,4}\Z")
"""`NameError: name 'x' is not defined` at the end of what a program printed."""
MAX_CUT = 800
"""Characters of a response that may have been cut short; a longer one that has not named the gold has failed."""
_ENDED = re.compile(r"[.!?؟](?=[\s*)\"'”]|\Z)|[。！？।]")
_LABEL = re.compile(r"(?m)^\s{0,6}(?:\d{1,2}[.)]\s|[#>|*•-].*$)")
"""The number of a list item ends no sentence, and marked lines have no full stop."""
UNENDED = 4
"""Words behind the last number of a sentence that is not at its end."""


def _stops_short(text: str) -> bool:
    """Whether a text of whole sentences ends in one that has no end: words of prose behind its last number."""
    plain = _LABEL.sub("", text)
    ends = [found.end() for found in _ENDED.finditer(plain)]
    rest = _INLINE.sub("0", plain[ends[-1] :]).strip() if ends else ""
    if not rest or "\n" in rest or not rest[-1].isalpha() or rest[-1] not in text.rstrip()[-1:]:
        return False
    behind = re.split(r"\d", rest)[-1]
    return len(behind.split()) >= UNENDED and not any(sign in rest for sign in "=*$\\")


_INLINE = re.compile(r"\$[^$\n]{1,200}\$|\\\([^\n]{1,200}?\\\)")
_LOOP = 60
"""Characters that an unfinished loop repeats."""


def breaks_off(text: str) -> bool:
    """Whether a text ends in mid-sentence, inside a formula or a JSON string, or in a loop."""
    tail = text[-4_000:]
    if _MID_SENTENCE.search(tail, max(0, len(tail) - 20)) is not None or closed(text) != text.rstrip():
        return True
    if _FAILED.search(tail, max(0, len(tail) - 200)) is not None or (len(text) <= MAX_CUT and _stops_short(text)):
        return True
    if text.startswith(("{", "```json")) and not tail.rstrip("`\n ").endswith("}") and '"reasoning"' in text[:200]:
        return True
    ending = tail[-_LOOP:]
    return len(tail) > 10 * _LOOP and tail.count(ending) >= 3
