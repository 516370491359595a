"""The marks by which model families tell thinking from answers, in every spelling in which servers let them through.

Pure, and linear in the text.
"""

from __future__ import annotations

import re

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
"""Name -> opening and closing mark of thinking, as the model families write them."""

_BAR = r"[|｜]"
# Each pattern begins with a set of characters, which is what makes looking for it fast. Brackets are read as they are,
# as other characters for them, and as HTML, JSON and addresses escape them.
_LEFT = r"[<＜&\\%](?:(?<=[<＜])|(?<=&)(?:amp;)?lt;|(?<=\\)(?:u003c|x3c)|(?<=%)3c)"
_RIGHT = r"(?:[>＞]|&(?:amp;)?gt;|\\u003e|\\x3e|%3e)"
_NAMES = (
    r"think(?:ing)?(?:_\w{1,60})?|thoughts?(?:_process)?|reason(?:ing)?(?:_\w{1,20})?|chain_of_thoughts?|scratch_?pad"
    r"|(?:inner|internal)_(?:thoughts?|monologue|reasoning)|monologue|reflection|rationale|deliberation"
)
"""What is between the brackets: `think`, `think_never_used_51bce0`, `reasoning_process`, `inner_monologue`."""
_TOLD_BY = ("think", "thought", "reason", "scratch", "monologue", "reflection", "rationale", "deliberation")
"""One of these is in every text with such a mark."""
_TAG = re.compile(
    r"(?=[<＜&\\%\[◁◀])(?:"
    # < think >  </Thinking>  <|/think|>  &lt;reasoning&gt;  <seed:think>  <thought time="3">  <think/>
    rf"{_LEFT}\s{{0,4}}{_BAR}?\s{{0,4}}(?P<slash>\\?/)?\s{{0,4}}(?P<prefix>[a-z]{{1,12}}:)?"
    rf"(?P<name>{_NAMES})"
    r"(?:\s[^<>\n=]{1,40}=[^<>\n]{0,60})?\s{0,4}(?P<empty>/)?"
    rf"{_BAR}?\s{{0,4}}{_RIGHT}"
    # <|begin_of_thought|>  <|END_THINKING|>  <end_of_thought>  <|start_of_think|>
    rf"|<{_BAR}?\s?(?P<edge>begin|start|end)(?:[_ ▁]of)?[_ ▁](?P<what>thought|think(?:ing)?|reasoning)\s?{_BAR}?>"
    # <|think_start|>  <|thinking_end|>
    rf"|<{_BAR}\s?(?P<which>thought|think(?:ing)?|reasoning)[_ ▁](?P<at>begin|start|end)\s?{_BAR}>"
    # [THINK]  [/think]
    r"|\[\s?(?P<cut>/)?\s?think\s?\]"
    # ◁think▷  ◁/think▷
    r"|[◁◀]\s?(?P<turned>/)?\s?think\s?[▷▶])",
    re.IGNORECASE,
)
_CHANNELS = "analysis|commentary|final|thought"
_HEADER = re.compile(
    # <|end|><|start|>assistant<|channel|>final<|message|>  <|channel|>analysis  |channel|final|message|  <channel>final
    rf"[<|｜](?:(?<=<){_BAR})?(?:(?:end{_BAR}?>?\s{{0,4}}<?{_BAR}?)?(?:start{_BAR}?>?\s{{0,4}})?(?:assistant\s{{0,4}})?"
    rf"<?{_BAR}?)?channel(?:{_BAR}?>|{_BAR})?\s{{0,4}}(?P<named>{_CHANNELS})(?![a-z])"
    rf"(?:[^<|｜\n]{{0,60}}(?:<{_BAR}constrain{_BAR}>[^<|｜\n]{{0,20}})?(?:<{_BAR}?|{_BAR})message(?:{_BAR}?>|{_BAR}))?"
    # <channel|>, which ends Gemma's thinking
    rf"|<channel{_BAR}>",
    re.IGNORECASE,
)
_BARE_HEADER = re.compile(
    # assistantfinal, startassistantchannelfinalmessage: what is left where special tokens are dropped or lose brackets
    r"(?:(?:end)?start)?assistant(?:channel)?(?P<named>analysis|commentary|final)(?:message)?"
    # analysisWe need, channelanalysismessageWe need, finalThe answer: the same at the very start
    r"|\A\s{0,4}(?:channel)?(?P<first>analysis|commentary|final)(?:message)?(?=[A-Z0-9$*\\\"'])"
)
_TOKENS = (
    "channel|message|start|end|return|call|constrain|im_start|im_end|endoftext|eot_id|eom_id|begin_of_text|end_of_text|"
    "start_header_id|end_header_id|start_of_turn|end_of_turn|start_of_role|end_of_role|begin_of_solution|"
    "end_of_solution|assistant|user|system|observation"
)
_SPECIAL = re.compile(
    r"[<\[](?:"
    # <|im_start|>assistant  <start_of_turn>model
    rf"(?<=<)(?:{_BAR}(?:im_start|start){_BAR}>|start_of_turn>)\s{{0,2}}(?:assistant|model)\b|"
    # <|im_end|>  <｜end▁of▁sentence｜>  <|return|>  <|end>  <channel|>  <|message
    rf"(?<=<)(?:{_BAR}\s?/?[a-z▁_][\w▁/:.-]{{1,40}}\s?{_BAR}>|{_BAR}(?:{_TOKENS})(?:>|(?![\w▁]))|(?:{_TOKENS}){_BAR}>"
    # <end_of_turn>  <<SYS>>  </s>  <eos>  <pad>
    r"|(?:start|end)_of_(?:turn|utterance)>|</?SYS>>|/?s>|(?:eos|bos|pad|unk|eod|eot|sop|eop)>)"
    # [INST]  [PAD]  [gMASK]
    r"|(?<=\[)(?:/?INST|(?-i:PAD|CLS|SEP|UNK|BOS|EOS|gMASK|sMASK))\])",
    re.IGNORECASE,
)
_HALF = re.compile(rf"(?<![\w▁<|｜])(?:{_TOKENS}){_BAR}>", re.IGNORECASE)
"""`im_end|>`, a special token that has lost its beginning."""
_WRITTEN = re.compile(r"\S")
"""The `4` of ` \n4`: where text begins."""
_BESIDE = re.compile(
    r"```\s?(?:think(?:ing)?|thoughts?|reasoning)\b|^\s{0,4}/(?:no_)?think(?:ing)?[ \t]{0,4}$",
    re.IGNORECASE | re.MULTILINE,
)
"""A block of code of that kind, and a mark without brackets on a line of its own: neither divides a text."""
_UNSEEN = str.maketrans(dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad"))
"""Characters without width, that may hide a mark: `<th\u200bink>`."""
_WRAPPING = re.compile(r"</?(?:(?:final_)?answer|solution|response|output|final)>|<(?:end|return|call)>", re.IGNORECASE)
"""`<answer>`, `</solution>`: around a whole answer they divide; within one they may be the form that was asked for."""
_ANY = (_TAG, _HEADER, _SPECIAL, _BARE_HEADER, _HALF)
_LONGEST = 240
"""Characters of a mark, with all that may belong to it."""
_DOUBLED = 64
"""Marks taken away at one end of a text; one that has more is no text to be saved."""


def tags(text: str) -> list[tuple[str, bool, int, int]]:
    """Return the marks of thinking in a text, harmony's apart: family, whether it opens, start, end."""
    # Plain tuples: a million match objects would keep the garbage collector busy for longer than the split takes.
    return [(*_meaning(found), *found.span()) for found in _TAG.finditer(text) if found["empty"] is None]


def channels(text: str) -> list[tuple[str, int, int]]:
    """Return the headers of harmony's messages, however damaged: `final` or `analysis`, start, end."""
    found = [at for pattern in _possible(text, (_HEADER, _BARE_HEADER)) for at in pattern.finditer(text)]
    return sorted(((_channel(at), *at.span()) for at in found), key=lambda header: header[1])


def trim(text: str) -> str:
    """Return a text without the marks at either end, of any family, doubled ones too."""
    start, end = 0, len(text)
    for _ in range(_DOUBLED):
        before = start, end
        start = _written(text, start, end)
        end = start + len(text[start:end].rstrip()) if end == len(text) or text[end - 1].isspace() else end
        start = max((found.end() for at in (*_ANY, _WRAPPING) if (found := at.match(text, start, end))), default=start)
        end = _without_last(text, start, end)
        if (start, end) == before:
            break
    return text[start:end].strip()


def holds_mark(text: str) -> bool:
    """Return whether any mark of any family is left in a text, in any spelling, or hidden in it."""
    seen = text if text.isascii() else text.translate(_UNSEEN)
    return any(pattern.search(seen) for pattern in _possible(seen, (*_ANY, _BESIDE)))


def starts_with_mark(text: str) -> bool:
    """Return whether the first thing written in a text is a mark."""
    start = len(text) - len(text.lstrip())
    return any(pattern.match(text, start) for pattern in _ANY)


def _possible(text: str, patterns: tuple[re.Pattern[str], ...]) -> list[re.Pattern[str]]:
    """Return the patterns that a text may match; the others would only take their time."""
    lowered = text.lower()
    there_are_words = any(word in lowered for word in _TOLD_BY)
    there = {
        _HEADER: "channel" in lowered,
        _BARE_HEADER: "assistant" in text or _BARE_HEADER.match(text) is not None,
        _HALF: "|>" in text or "｜>" in text,
        _TAG: there_are_words,
        _BESIDE: "/think" in lowered or "/no_think" in lowered or ("```" in text and there_are_words),
    }
    return [pattern for pattern in patterns if there.get(pattern, True)]


def _written(text: str, start: int, end: int) -> int:
    found = _WRITTEN.search(text, start, end)
    return end if found is None else found.start()


def _without_last(text: str, start: int, end: int) -> int:
    """Return where a text ends without the mark that ends at `end`."""
    begin = max(start, end - _LONGEST)
    tail = text[begin:end]
    ends = (found.start() for at in (*_ANY, _WRAPPING) for found in at.finditer(tail) if found.end() == len(tail))
    return begin + min(ends, default=len(tail))


def _meaning(found: re.Match[str]) -> tuple[str, bool]:
    if found["name"] is not None:
        name = "seed" if (found["prefix"] or "").lower() == "seed:" else found["name"].lower()
        return name if name in MARKS else "reasoning", found["slash"] is None
    if found["edge"] is not None:
        name = "start_thinking" if found["what"].lower() == "thinking" else "begin_of_thought"
        return name, found["edge"].lower() != "end"
    if found["which"] is not None:
        return "begin_of_thought", found["at"].lower() != "end"
    if found.group().startswith("["):
        return "bracket", found["cut"] is None
    return "triangle", found["turned"] is None


def _channel(found: re.Match[str]) -> str:
    said = (found["named"] or found.groupdict().get("first") or "final").lower()
    return "final" if said == "final" else "analysis"
