"""Answers stated in languages other than English: `die Antwort ist 5`, `答案是5`. Pure, linear in the text."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from potstill.verify.languages import LANGUAGES, SPACELESS, UNREAD_DENIALS, Language, alternatives
from potstill.verify.normalise import plain_words
from potstill.verify.statement import FoundIn, Stated

MAX_VALUE = 400
_SENTENCE_END = re.compile(r"[。！？؟।]|(?<!\\)[.!?](?=\s|\Z)(?!\S)|\n")
_SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")), ("ko", re.compile(r"[\uac00-\ud7af]")), ("zh",
    re.compile(r"[\u4e00-\u9fff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")), ("ar", re.compile(r"[\u0600-\u06ff]")), ("ru",
    re.compile(r"[\u0400-\u04ff]")),
)  # fmt: skip
_LATIN = ("de", "fr", "es", "pt", "it", "nl", "pl")
_WORD = re.compile(r"[^\W\d_]+")
_ENGLISH = frozenset((
    "the", "is", "are", "was", "so", "of", "to", "and", "that", "we", "it", "this", "for", "answer",
    "therefore", "has",
    "have", "which", "with", "at", "by", "from", "each", "total", "there", "as", "on", "be", "will", "can",
    "he", "she",
    "they", "my", "i", "thus", "hence", "left", "per", "final", "option", "choice", "final", "not", "in", "or",
    "get", "but", "if", "looks", "right", "wrong", "then", "all", "value", "result",
))  # fmt: skip
_SHARED = frozenset(
    ("solution", "note", "no", "o", "a", "is", "to", "so", "of", "per", "come", "vale", "final", "note", "mai")
)
"""Words of other languages that stand in English sentences, too."""


_ASIDE = re.compile(r"[,;]\s(?=[^\W\d_]{3,})|[，；]")
"""`5, denn 10 / 2 = 5`: a clause behind a value."""


@lru_cache(maxsize=32)
def _common(name: str) -> frozenset[str]:
    table = LANGUAGES[name]
    words = (*table.common, *table.answer, *table.is_, *table.no_value, *table.doubt, *table.of, *table.yes, *table.no)
    return frozenset(part for word in words for part in word.split()) - _SHARED


@cache
def _telling() -> dict[str, tuple[tuple[str, int], ...]]:
    """Return each word that tells a language, with the languages and how much it counts for them."""
    told: dict[str, list[tuple[str, int]]] = {word: [("en", 1)] for word in _ENGLISH}
    for name in _LATIN:
        table = LANGUAGES[name]
        for word in _common(name):
            weight = 1 + 2 * (word in table.answer or word in table.no_value) + (not word.isascii())
            told.setdefault(word, []).append((name, weight))
    return {word: tuple(names) for word, names in told.items()}


@lru_cache(maxsize=512)
def language_of(text: str) -> str:
    """Return the language of a short text: one of the tables, `en`, or an empty text where none has its words.

    Only the last `SHOWN` characters are looked at.
    """
    text = text[-SHOWN:]
    if not text.isascii():
        for name, script in _SCRIPTS:
            if script.search(text):
                return name
    words = _WORD.findall(text)
    if not words:
        return "en"
    met = dict.fromkeys(("en", *_LATIN), 0)
    telling = _telling()
    for word in words:
        for name, weight in telling.get(word.casefold(), ()):
            met[name] += weight
    best = max(met, key=lambda name: (met[name], name != "en" and any(c in LANGUAGES[name].letters for c in text)))
    return best if met[best] else ""


def is_unread(text: str) -> bool:
    """Whether the end of a text is words of a language that no table here has: few of them are known."""
    text = text[-SHOWN:]
    if not text.isascii() and any(script.search(text) for _, script in _SCRIPTS):
        return False
    words = [word.casefold() for word in _WORD.findall(_TEX.sub(" ", text)) if len(word) > 1]
    unknown = sum(word in _telling() for word in words) * KNOWN < len(words)
    return unknown and (len(words) >= LEAST_WORDS or not all(map(str.isascii, words)))


_TEX = re.compile(r"\\[A-Za-z]+(?:\s?\{[^{}]{0,40}\})?")
"""`\\text{km}` is no word."""
KNOWN = 6
"""Of the words of a language that is known here, every sixth at least is in its table."""
LEAST_WORDS = 14
"""Words that tell a language which is written without any sign of its own."""
SHOWN = 400
"""Characters from the end that tell a language."""


def writes_commas(text: str) -> bool:
    """Whether a text is in a listed language that writes decimal commas."""
    name = language_of(text[-SHOWN:])
    return name in LANGUAGES and LANGUAGES[name].comma


@lru_cache(maxsize=32)
def _statement(name: str) -> re.Pattern[str]:
    table = LANGUAGES[name]
    nouns, verbs = alternatives(table.answer), alternatives(table.is_)
    if name in SPACELESS:
        return re.compile(rf"(?:{nouns})\s?(?:(?:{verbs})\s?[:：]?|[:：])\s{{0,4}}")
    of = rf"(?:\s(?:{alternatives(table.of)}))?" if table.of else ""
    verb = rf"(?:{of}\s(?:{verbs}){of}(?!\w)\s?[:：]?|{of}\s?(?:[:：=]|[—–-](?=\s)))"
    bare = "" if table.copula else r"|\s(?=[$(\[{*\d+−√-]|[A-Za-zÀ-ÿ])"
    if said := alternatives((*table.yes, *table.no)) if bare else "":
        bare += rf"|\s(?=(?:{said})(?!\w))"
    turned = rf"|(?<!\w)(?:{verbs})\s(?:\w{{1,12}}\s){{0,3}}(?:{nouns})(?!\w)(?=\s)"  # also lautet die Antwort 5
    return re.compile(rf"(?:(?<!\w)(?:{nouns})(?!\w)(?:{verb}{bare}){turned})\s{{0,4}}", re.IGNORECASE)


@lru_cache(maxsize=32)
def _title(name: str) -> re.Pattern[str]:
    table = LANGUAGES[name]
    of = rf"(?:\s?(?:{alternatives(table.of)}))?" if table.of else ""
    return re.compile(
        rf"\W{{0,4}}(?:[^\s:]{{1,12}}\s?){{0,2}}(?:{alternatives(table.answer)}){of}\W{{0,4}}", re.IGNORECASE
    )


def is_answer_title(text: str) -> bool:
    """Whether a title announces an answer in a language other than English: `Endgültige Antwort`, `最终答案`."""
    name = language_of(text) if len(text) < MAX_TITLE else "en"
    return name in LANGUAGES and _title(name).fullmatch(text) is not None


MAX_TITLE = 60


@lru_cache(maxsize=32)
def _words(name: str, part: str) -> re.Pattern[str] | None:
    words: tuple[str, ...] = getattr(LANGUAGES[name], part)
    if not words:
        return None
    if name in SPACELESS:
        return re.compile(f"(?:{alternatives(words)})")
    told = alternatives(words)
    if part == "lost":  # `je ne peux donc pas`
        told = told.replace("\\s", r"\s(?:\w+\s){0,2}")
    return re.compile(rf"(?<!\w)(?:{told})(?!\w)", re.IGNORECASE)


def gives_up_abroad(text: str) -> bool:
    """Whether the end of a text says in its language that nothing can be told: `无法确定`."""
    name = language_of(text[-SHOWN:])
    lost = _words(name, "lost") if name in LANGUAGES else None
    return lost is not None and lost.search(text, max(0, len(text) - SHOWN)) is not None


@lru_cache(maxsize=32)
def _end(name: str) -> re.Pattern[str]:
    ends = LANGUAGES[name].end
    return re.compile(rf"\s?(?:{alternatives(ends)})?[\s.。!！।]{{0,4}}\Z" if ends else r"[\s.!]{0,4}\Z")


def foreign_statements(text: str) -> list[Stated]:
    """Return the statements of an answer in the language of the text, in its order, without those that deny one."""
    name = language_of(text[-SHOWN:])
    if name in ("en", ""):
        return []
    found = []
    for mark in list(_statement(name).finditer(text))[-24:]:
        end = _SENTENCE_END.search(text, mark.end(), mark.end() + MAX_VALUE)
        limit = end.start() if end else min(len(text), mark.end() + MAX_VALUE)
        value = _end(name).sub("", text[mark.end() : limit], count=1).strip()
        first = _ASIDE.split(value, maxsplit=1)[0]
        value = first if any(map(str.isdigit, first)) else value
        rest = mark.group() if said_yes_no(value) is not None else text[mark.start() : limit]
        titles = "\n" in mark.group() and any(map(str.isdigit, text[limit:]))
        if titles and ("=" in value or (value.isdecimal() and text[limit : limit + 2] == ". ")):
            continue  # the title of a worked solution
        if value and not denies_in(rest, name):
            found.append(Stated(mark.start(), limit, value, FoundIn.STATED))
    return found


def denies_in(sentence: str, name: str) -> bool:
    """Whether a sentence has a word that denies in its language."""
    words = _words(name, "no_value") if name in LANGUAGES else None
    if words is None or words.search(sentence) is None:
        return False
    affirmed = _words(name, "affirm")
    return affirmed is None or words.search(affirmed.sub(" ", sentence)) is not None


@cache
def _yes_no() -> dict[str, bool]:
    """Return what each word for yes or no says; one that is either in two languages is left out."""
    yes = {word for table in LANGUAGES.values() for word in table.yes}
    no = {word for table in LANGUAGES.values() for word in table.no}
    return {word: word in yes for word in yes ^ no}


def said_yes_no(text: str) -> bool | None:
    """Return what a bare answer says in a listed language: `Ja`, `いいえ`; None for anything else."""
    if len(text) > MAX_TITLE or text.isdecimal():
        return None
    return _yes_no().get(plain_words(text).strip(" 。！"))


def yes_no_in(text: str) -> str | None:
    """Return the word for yes or no of a bare foreign answer as English has it, or None."""
    said = said_yes_no(text)
    return None if said is None else ("yes" if said else "no")


@cache
def _cues() -> re.Pattern[str]:
    """Return a pattern for the words that deny or leave open in any language: most sentences have none."""
    tables = [LANGUAGES[name] for name in _LATIN]
    words = (
        *UNREAD_DENIALS,
        *(word for table in tables for word in (*table.no_value, *table.doubt, *table.unsure, *table.or_)),
    )
    return re.compile(rf"(?<!\w)(?:{alternatives(words)})(?!\w)", re.IGNORECASE)


_NOT, _RATHER = ("not", "never"), r"rather\sthan|instead\sof|as\sopposed\sto"
_VALUE = r"(?=[^.,;?\n]{0,40}\d|[^\s.。)*]\S{0,29}[\s.。)*$]*\Z)"
"""What an answer is set apart from: something with a number, or one word."""


@lru_cache(maxsize=32)
def _contrast(name: str) -> re.Pattern[str]:
    """Return how a last line ends that sets its answer apart: `, not x = 5`, ` rather than 5`, `, nicht 5`."""
    words = LANGUAGES[name].no_value if name in LANGUAGES else _NOT
    joined = r"(?:\s?[,;，](?:\s?\w{1,5})?\s?|\s(?:and|but|und|et|y|e|en|i|и)\s|\s?\()"
    return re.compile(
        rf"(?P<kept>[^\n]{{0,400}}?[^\s,;，(])(?:{joined}(?:{alternatives(words)})|(?:[,;]?\s|\s?\()(?:{_RATHER}))"
        rf"\s?{_VALUE}[^.,;?\n]{{1,60}}[\s.。)*$]*",
        re.IGNORECASE,
    )


def without_contrast(text: str) -> str | None:
    """Return a text without what its last line sets the answer apart from; None where it sets it apart from nothing.

    `Die Antwort ist x = 4, nicht x = 5.` says what `Die Antwort ist x = 4` says.
    """
    head, line_end, last = text.rstrip()[-2_000:].rpartition("\n")
    found = _contrast(language_of(text[-SHOWN:])).fullmatch(last[-460:]) if len(last) <= 460 else None
    return None if found is None else f"{head}{line_end}{found['kept']}"


def leaves_open(sentence: str, begin: int, end: int, text: str) -> str:
    """Return why a sentence that is not English does not assert the value between two places; empty where it may.

    `text` is what it stands in, whose language it may have though its own words do not show it. What denies counts in
    the clause of the value and in a later one that turns against it, what is not known in all of the sentence.
    """
    if sentence.isascii() and _cues().search(sentence) is None:
        return ""
    own, around = language_of(sentence), language_of(text[-SHOWN:])
    starts = [found.end() for found in _CLAUSE.finditer(sentence, 0, begin)]
    closing = _CLAUSE.search(sentence, end)
    first, stop = starts[-1] if starts else 0, closing.start() if closing is not None else len(sentence)
    if not own:
        words = {word.casefold() for word in _WORD.findall(sentence[first:stop])}
        if words & set(UNREAD_DENIALS):
            return "denied in a language that is not read"
    for name in {own, around} & set(LANGUAGES):
        if why := _left_open(sentence, first, (end, stop), name):
            return why
    return ""


_CLAUSE = re.compile(r"[,;](?!\d)|[，；、]")


def _left_open(sentence: str, first: int, ends: tuple[int, int], name: str) -> str:
    table: Language = LANGUAGES[name]
    end, stop = ends
    clause, rest = sentence[first:stop], sentence[stop:]
    if denies_in(clause, name):
        return "denied"
    doubt, unsure, but = _words(name, "doubt"), _words(name, "unsure"), _words(name, "but")
    if (doubt is not None and doubt.search(clause)) or (unsure is not None and unsure.search(sentence)):
        return "left open"
    turn = but.search(sentence, stop if name not in SPACELESS else end) if but is not None else None
    if turn is not None and (denies_in(sentence[turn.start() :], name) or (doubt and doubt.search(rest))):
        return "denied"
    joined = alternatives(table.or_)
    other = rf"[^.,;\n]{{0,24}}?(?:{joined})" if name in SPACELESS else rf"[^.,;\n]{{0,24}}?,?\s(?:{joined})\s"
    return "one of two" if re.match(other, sentence[end:], re.IGNORECASE) else ""
