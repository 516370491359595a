"""Guards around a judge: what it is not asked about, and which of its words are not believed. Pure, linear in the text.

They rest on what a text is, not on what it means, so they can be evaded; `docs/reference/judges.md` says what holds
against any text and what does not.
"""

from __future__ import annotations

import re
import unicodedata

LARGEST_ANSWER = 20_000
"""Characters. A longer text is not cut but not shown: the end may lack the answer, and the beginning as well."""
LONGEST_QUOTE = (60, 4)
"""Characters, and characters for each of the gold answer: what is longer is an explanation and no final answer."""

_WORD = re.compile(r"[^\W\d_]+|\d+")
_LETTER = re.compile(r"\b[A-Z]\b(?!['’]|\s+[a-z])")
"""A capital letter by itself, as choices are named; not one that begins a sentence."""
_ANNOUNCING = frozenset(
    _WORD.findall(
        """
    a again all an and analysis answer answers antwort as at be because been begin below boxed by can check checked
    clearly completely conclusion correct correctly definitely derived done explain explanation final finally first
    follow following follows for found from given hence here i in indeed is it its jawaban let lets lösung mathrm my
    now obviously of ok okay our pass perfect perfectly problem process question reason reasoning response respuesta
    resposta result right risposta réponse s see shown so solution solución solucion soluzione solução solve solved
    step steps sure text textbf the then therefore think thinking this thought thoughts thus to true us valid verified
    we well which will work yes your решение ответ
        """
    )
)
"""Words that announce, praise or introduce an answer and are none; unless the gold answer has them."""
_ANNOUNCING_PHRASES = re.compile(
    "かいせつ|かいとう|こたえ|解説|解答|解释|解析|答案|答え|答|解|正解|正确|思考过程|思考|推理|让我们|讓我們|一步一步|逐步|这个|問題|问题"
    "|해설|풀이|정답|답|שאלה|תשובה|الحل|الجواب|الإجابة|उत्तर|हल"
)

_PRAISE = r"(?:correct|right|true|valid|accept(?:ed|able)|pass(?:ed)?|full (?:marks|credit|score|points))\b"
_SHAPES = r"(?![\s-]+(?:triang|angle|isosc|side|hand|circ|prism|cone|pyram|cylind|most|now|half|end|limit|inverse))"
_JUDGES = r"(?:judge|grader|evaluator|examiner|verifier|reviewer)"
_TO_THE_JUDGE = tuple(
    re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    for pattern in (
        r"\b(?:ignor|disregard|forget|overrid|bypass)\w{0,4}\b[^.]{0,40}?\b(?:instruction|prompt|rules\b|guideline"
        r"|criteria|everything (?:above|before)|(?:above|previous|prior|earlier) (?:text|message))",
        r"\b(?:say|output|reply|respond|answer|return|print|write|type)\b[^\n]{0,25}?\b(?-i:CORRECT|RIGHT)\b",
        r"\b(?:say|output|reply|respond|return|print|write)\b[^\n]{0,20}?[\"'`“‘*]\s{0,3}" + _PRAISE,
        r"\b(?:mark|grade|rate|score|label|judge|count|accept|treat|deem|regard|evaluate|consider)(?:ed)?\s{1,3}"
        r"(?:this|it|me|(?:my|the|this|that)\s{1,3}(?:answer|response|solution|submission|result))\b[^.\n]{0,30}?\b"
        + _PRAISE
        + _SHAPES,
        r"\b(?:verdict|grade|judge?ment|evaluation|assessment|rating|score)\b[^\n]{0,16}?[:=]\W{0,4}"
        r"(?:right|correct|true|pass|yes|accept|full|10\s?/\s?10)",
        r"\b(?:reference|gold|golden|ground[\s-]truth|expected|model|official) answers?\b|\banswer key\b"
        r"|\bground truth\b|\bgrading (?:instruction|criteri|system|script)|\brubric\b",
        r"\b(?:dear|hey|hello|hi|attention|note to)\b[^\n]{0,12}?\b" + _JUDGES,
        r"\b(?:you are|act as|pretend)\b[^.\n]{0,30}?\b(?:assistant|language model|ai\b|" + _JUDGES + ")",
        r"^\W{0,6}(?:(?:system|developer) (?:prompt|message|note|override|instruction|update)"
        r"|(?:assistant|" + _JUDGES + r")\s{0,3}[:>])",
        r"(?:忽略|无视|無視|忘记)[^。\n]{0,12}?(?:指令|指示|说明|提示|规则)"
        r"|ignor(?:a|ez|e|iere)\b[^.\n]{0,20}?(?:instru[ck]|anweis)",
    )
)
"""Commands to a judge, talk of what only a judge has, verdicts and turns that an answer has no business to write."""
_TURNS = re.compile(
    r"<[|｜]\s{0,3}(?:im_start|start_header_id|start|system|user|assistant)|\[/?INST\]|<</?SYS>>|<start_of_turn>"
    r"|</?(?:answer|question|reference)-|(?:QUOTE|VERDICT)-[0-9a-f]",
    re.IGNORECASE,
)
"""Marks that open a turn of a conversation, and imitations of our own marks."""
_MARK = re.compile(
    r"<(?=[|｜]|/?s>|/?think>|/?(?:start|end)_of_turn>|[be]os>|</?SYS)|[|｜](?=>)|\[(?=/?(?:INST|SYSTEM|TOOL))",
    re.IGNORECASE,
)

_NUMBER_WORD = re.compile(
    r"\b(?:(?:zero|nil|none|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven"
    r"|eigh|nine)teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|half|third|fif|quarter|hundred|thousand|million"
    r"|billion|dozen|single|double|triple)(?:s|ths?)?|halves|once|twice|(?-i:[IVXLCDM]{2,}|[VX]))\b",
    re.IGNORECASE,
)
_PART_BEFORE = re.compile(r"[\w.,/^\\–-]\Z")
_PART_AFTER = re.compile(r"[\w{^%!°]|[.,/]\d|\\%")
_JOINED = r"[)\]$}]{0,3}\s{0,3}(?:[,;/|&]|\bor\b|\band\b)\s{0,3}[(\[${]{0,3}"
_LISTED_BEFORE = re.compile(rf"(?:\d|\b[A-H]){_JOINED}\Z")
_LISTED_AFTER = re.compile(rf"{_JOINED}(?:\d|[A-H]\b)")
_SAME_SIGN = str.maketrans("−’‘“”", "-''\"\"")


def refused(answer: str, gold: str) -> str:
    """Return why a judge is not asked about an answer, or an empty text."""
    if len(answer) > LARGEST_ANSWER:
        return f"longer than {LARGEST_ANSWER:,} characters"
    plain = _plain(answer)
    if not any(_says(character) for character in plain):
        return "no letter, digit or mathematical sign"
    if _weight(plain) < min(2, _weight(_plain(gold))):
        return "fewer than two letters or digits"
    if not _content(plain, _plain(gold)):
        return "only words that announce an answer"
    if _TURNS.search(plain) or _TURNS.search(answer):
        return "marks of a conversation"
    for pattern in _TO_THE_JUDGE:
        if found := pattern.search(plain):
            return f"speaks to the judge: {' '.join(found[0].split())[:80]!r}"
    return ""


def harmless(text: str) -> str:
    """Return a text in which no mark of a chat template is left: a space goes after the first sign of each."""
    return _MARK.sub(r"\g<0> ", text)


def unbelievable(quote: str, answer: str, gold: str, *, right: bool) -> str:
    """Return why a verdict on `quote`, said to be the final answer of `answer`, does not count, or an empty text.

    `right` is whether the verdict is that it is right.
    """
    least, each = LONGEST_QUOTE
    if len(quote) > least + each * len(gold):
        return f"its quote is too long for a final answer ({len(quote):,} characters)"
    if why := refused(quote, gold):
        return f"its quote is no answer ({why})"
    if not any(_occurs(_evened(quote), _evened(text)) for text in (answer, harmless(answer))):
        return "its quote is not in the answer, or a part of something larger there"
    if right and _has_number(gold) and not (_has_number(quote) or _NUMBER_WORD.search(quote)):
        return "its quote has no number, the gold answer has one"
    return ""


def _plain(text: str) -> str:
    """Return compatible characters without invisible ones."""
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")


def _says(character: str) -> bool:
    return character.isalnum() or (character > "\x7f" and unicodedata.category(character) == "Sm")


def _weight(text: str) -> int:
    return sum(character.isalnum() for character in text)


def _content(answer: str, gold: str) -> bool:
    """Whether an answer has a word, number, sign or choice beyond what announces one."""
    if _LETTER.search(answer):
        return True
    answer, gold = answer.casefold(), gold.casefold()
    rest = answer if _ANNOUNCING_PHRASES.search(gold) else _ANNOUNCING_PHRASES.sub(" ", answer)
    # A gold answer made of such words ("true", "solution") is the only one that may be answered with them.
    named = set(_WORD.findall(gold))
    ignored = _ANNOUNCING - named if named <= _ANNOUNCING else _ANNOUNCING
    if any(word not in ignored for word in _WORD.findall(rest)):
        return True
    return any(_says(character) and not character.isalnum() for character in rest)


def _has_number(text: str) -> bool:
    return any(character.isnumeric() for character in text)


def _evened(text: str) -> str:
    return " ".join(_plain(text).translate(_SAME_SIGN).split())


def _occurs(quote: str, answer: str) -> bool:
    """Whether a quote stands in an answer as a whole: not a part of a number or word, and not one of a list."""
    starts, ends = quote[0].isalnum() or quote[0] in "\\+-", quote[-1].isalnum() or quote[-1] in ")]}"
    at = answer.find(quote)
    while at >= 0:
        before, after = answer[max(0, at - 20) : at], answer[at + len(quote) : at + len(quote) + 20]
        part = (starts and _PART_BEFORE.search(before)) or (ends and _PART_AFTER.match(after))
        if not part and not _LISTED_BEFORE.search(before) and not _LISTED_AFTER.match(after):
            return True
        at = answer.find(quote, at + 1)
    return False
