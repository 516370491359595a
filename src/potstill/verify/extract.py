"""The final answer found in the text that follows the thinking. Pure, linear in the text.

Looked for, in this order: an answer field of JSON, an answer tag, the last balanced box, a stated answer ("the answer
is", "Final answer:", "####", "A:"), the text as a whole where it is short, the last number, letter, formula, date, or
yes or no of the last lines. Of a statement that cannot be read as `kind` the one before it is tried.
"""

from __future__ import annotations

import re
from dataclasses import replace

from potstill.verify.amounts import EXPLICIT, last_number, read_number, read_quantity, whole_number
from potstill.verify.closing import conclusion
from potstill.verify.endings import gives_up, leaves_empty, without_coda
from potstill.verify.fields import json_answers, mended
from potstill.verify.foreign import yes_no_in
from potstill.verify.formulas import closed, date_in, formulas_in, is_object, is_prose, last_object, object_in, trimmed
from potstill.verify.markup import Line, read_lines, without_signs
from potstill.verify.normalise import plain_math, plain_words
from potstill.verify.numbers import MAX_CHARACTERS, Number, TooLargeError, numbers_in, parse_plain
from potstill.verify.numerals import number_in_words, numeral_in, sole_numeral
from potstill.verify.readings import NOTHING, Extraction, read_choice, read_yes_no
from potstill.verify.runs_on import runs_on_at
from potstill.verify.shown import FENCE, LINE_CHARACTERS, bold_in, said_last, subject_of, titled, words_shown
from potstill.verify.stated import SENTENCE_END, last_boxes, last_tag, statements_of
from potstill.verify.statement import Stated
from potstill.verify.unstated import endorsed_in, unstated_choice, unstated_yes_no
from potstill.verify.words import meaning_of

TAIL_CHARACTERS = 60_000
AMOUNTS = ("number", "quantity")
EMPTY = "empty answer"
"""The method of an answer whose place is there with nothing in it."""
MAX_WHOLE = 40
"""Characters of a response that is nothing but its answer."""
MAX_BETWEEN = 120
"""Characters from one conclusion to the next."""


def extract(text: str, kind: str, choices: tuple[str, ...] = ()) -> Extraction:
    """Return the final answer of a response whose thinking was taken off; `kind` is one of `answer_kinds`.

    Text that runs on into a new question ("\\nQ:", "Your turn:") counts only up to there. For the kinds of mathematical
    objects the value is the whole object as it was written, without the dollar signs around it.
    """
    text = text.strip()
    if not text:
        return NOTHING
    if len(text) <= 24 and kind == "number" and text.isascii() and text.replace(".", "", 1).lstrip("-").isdigit():
        return Extraction(text, "whole")
    cut = runs_on_at(text)
    if cut:
        found = _extract(text[:cut].rstrip(), kind, choices)
        if found.value is not None:
            return found
    return _extract(text, kind, choices)


def _extract(text: str, kind: str, choices: tuple[str, ...]) -> Extraction:
    text = mended(text[-TAIL_CHARACTERS:])
    raw = kind in ("text", "code") or bool(json_answers(text))
    lines = [] if raw else read_lines(text, ticks=kind == "choice")
    text = text if raw else "\n".join(map(titled, lines))
    stated, ambiguous = _stated_answers(text, kind, choices)
    for number, answer in enumerate(reversed(stated)):
        found = _read(answer, kind, choices, text[max(0, answer.start - 1_000) : answer.start])
        if found.value is not None:
            doubted = number == 0 and (ambiguous or gives_up(text, answer.end))
            if kind == "choice" and number == 0 and (later := endorsed_in(text[answer.end :][-LINE_CHARACTERS:])):
                doubted = doubted or later[-1] != found.value
            others = found.others
            if ambiguous and doubted and len(stated) > 1:
                others = (*others, *filter(None, (_read(stated[-2], kind, choices).value,)))
            return Extraction(found.value, found.method, doubted or found.ambiguous, others)
        if answer.method in EXPLICIT and kind not in ("choice", "yes_no"):
            return Extraction(None, answer.method, ambiguous, tuple(filter(None, (answer.text.strip()[:200],))))
    if kind not in ("text", "code") and leaves_empty(text):
        return Extraction(None, EMPTY)
    if kind not in _WORDED and (said := _without_value(text)):
        return Extraction(said, "last clause", others=_numbers_of(text[-LINE_CHARACTERS:]))
    body, coda = text, ""
    if not raw:
        ended = conclusion(lines)
        body = "\n".join(line.text for line in ended)
        coda = "\n".join(line.text for line in lines[len(ended) :]) if ended == lines[: len(ended)] else ""
        shown = _shown(ended, kind, choices)
        if shown is not None:
            beside = _numbers_of(body.rpartition("\n")[2] + coda[:LINE_CHARACTERS]) if kind in AMOUNTS else ()
            return replace(shown, others=(*shown.others, *beside))
    if kind in AMOUNTS:
        body, aside = without_coda(body)
        coda = aside + coda
    found = _unstated(body, kind, choices)
    if coda and found.value is not None:
        found = replace(found, others=(*found.others, *_numbers_of(coda[:LINE_CHARACTERS])))
    if kind == "number" and (opening := _other_opening(text, found)):
        return Extraction(found.value, "two statements", True, (found.value or "", *found.others, opening))
    doubt = "breaks off" if breaks_off(text) else "gives up" if gives_up(text) else ""
    if found.value is None or (found.method == "whole" and len(text) <= MAX_WHOLE) or not doubt:
        return found
    # A guess from such a text: never right, and wrong only if no reading of it is the gold answer.
    return Extraction(found.value, f"{found.method} of a text that {doubt}", True, (found.value, *found.others))


def _counts(value: str) -> bool:
    return any(map(str.isdigit, value)) or number_in_words(value.casefold()) is not None


def _shown(lines: list[Line], kind: str, choices: tuple[str, ...]) -> Extraction | None:
    """Return what the last line shows in bold print, or comes to."""
    for span in bold_in(lines):
        found = _read(Stated(0, 0, span, "bold"), kind, choices)
        if found.value is not None and (kind not in AMOUNTS or _counts(found.value)):
            return found
    said = said_last(lines)
    if not said or (kind in AMOUNTS and whole_number(plain_math(said), "last line") is None):
        return None
    if kind not in _WORDED and is_prose(said, formulas_in(said)):
        return None
    found = _read(Stated(0, 0, said, "last line"), kind, choices)
    return found if found.value is not None else None


_OPENING = re.compile(r"(?P<said>[^\n?=:]{3,120}?)[.!*]{0,3}\s{0,3}\n")
_CUE = re.compile(
    r"\b(?:so|thus|hence|therefore|then|total|altogether|in all|left|remain\w*|now|answer|result|final\w*"
    r"|needs?|gets?|gives?|makes?"
    r"|each|per|must|will|can|is|are)\b|[=≈]",
    re.IGNORECASE,
)


def _other_opening(text: str, found: Extraction) -> str:
    """Return the number that a short text opens with as its answer, where its last sentence only tells a story.

    `Mark has 9 marbles now.` and, below it, `He had 5 and won 4.`
    """
    told = len(text) <= MAX_TOLD and not any(sign in text for sign in "=×*+/≈")
    opening = _OPENING.match(text) if told and found.method.startswith("last") else None
    if opening is None or found.value is None or _CUE.search(SENTENCE_END.split(text.rstrip(" \n.!*"))[-1]):
        return ""
    numbers = numbers_in(plain_math(opening["said"]))
    return numbers[0][0] if len(numbers) == 1 and _differ(numbers[0][0], found.value) else ""


MAX_TOLD = 400
_LAST_SENTENCE = re.compile(r"[.!?:]\s|\n")


def _numbers_of(text: str) -> tuple[str, ...]:
    return tuple(number for number, _, _ in numbers_in(plain_math(text))[-16:])


def _without_value(text: str) -> str:
    """Return the last sentence or clause of a text where it says that there is no value: `the limit does not exist`."""
    sentence = _LAST_SENTENCE.split(text.rstrip(" \n.*!$")[-400:])[-1].strip()
    if " " not in sentence or sentence == text.strip(" \n.*!$") or _BESIDES.search(sentence):
        return ""
    for said in (sentence, sentence.rpartition(",")[2].strip(), _CONNECTED.sub("", sentence, count=1)):
        if meaning_of(said):
            return said
    return ""


_BESIDES = re.compile(
    r"\b(?:other|another|further|more|extraneous|additional|better|else|second|remaining)\b", re.IGNORECASE
)
"""What denies only that there is anything besides: `There are no other solutions.`"""
_WORDED = ("text", "code", "choice", "yes_no", "date")
_CONNECTED = re.compile(r"\A(?:so|hence|thus|therefore|as [^,]{1,80}),?\s", re.IGNORECASE)


def _stated_answers(text: str, kind: str, choices: tuple[str, ...]) -> tuple[list[Stated], bool]:
    """Return the explicit answers of the most explicit sort, and whether the last two contradict each other."""
    fields = json_answers(text)
    if fields:
        return fields, _contradicted(text, fields, kind, choices)
    tag = last_tag(text)
    boxes = last_boxes(text)
    if tag is not None and (not boxes or boxes[-1].start < tag.end):
        return [tag], False
    statements = statements_of(text, kind)
    if not boxes:
        return _last_of(text, statements, kind, choices)
    if _restated(text, boxes, kind):
        return [boxes[-2], replace(boxes[-1], method="second box")], True
    ambiguous = _joined(text, boxes, kind)
    later = [s for s in statements if s.start > boxes[-1].end]
    if later and not ambiguous and _contradicted(text, [boxes[-1], later[-1]], kind, choices):
        return [later[-1], boxes[-1]], True
    return boxes, ambiguous


def _last_of(text: str, statements: list[Stated], kind: str, choices: tuple[str, ...]) -> tuple[list[Stated], bool]:
    """Return the statements, up to the first of three and more in a row: a model that echoes its examples' endings."""
    if not statements:
        return [], False
    first = len(statements) - 1
    while first and _echoes(text[statements[first - 1].end : statements[first].start]):
        first -= 1
    if len(statements) - first >= 3:
        return statements[: first + 1], False
    return statements, _contradicted(text, statements, kind, choices)


def _echoes(between: str) -> bool:
    return "\n" in between and not any(c.isalnum() for c in between.lower().replace("the", ""))


_JOINS = re.compile(r"[^.;!?\n]{0,40}?\b(?:and|or)\b[^.;!?\n]{0,10}|[\s$\\()]{0,6},[\s$\\()]{0,6}", re.IGNORECASE)
_TURNS = re.compile(
    r"\b(?:then|but|no|wait|instead|actually|correct(?:ed|ion|ly)?|however|rather|mistake|sorry|oops|revis\w*"
    r"|recheck\w*"
    r"|let me|double.check\w*|re-?examin\w*)\b",
    re.IGNORECASE,
)


def _joined(text: str, boxes: list[Stated], kind: str) -> bool:
    """Whether the last two boxes share a breath, as in `\\boxed{86} glasses and \\boxed{42} plates`."""
    if len(boxes) < 2 or kind == "text":
        return False
    first, last = boxes[-2:]
    between = text[first.end : last.start]
    if len(between) > 80 or not _JOINS.fullmatch(between) or _TURNS.search(between):
        return False
    return _differ(first.text, last.text)


_CONCLUDES = re.compile(
    r"(?:.*[.;!?\n]|)[\s$\\()\[\]*_#.,:-]*"
    r"(?:(?:and|or|so|thus|hence|therefore|finally|also|consequently|it is|it's|that is|this is|we get|we have"
    r"|we obtain|this gives|i get|(?:the |my |our )?(?:final |correct )?(?:answer|result|solution)(?: is| =|:)?)"
    r"[\s,:]{1,3}){1,5}"
    r"[\s$\\()\[\]*_,:-]*",
    re.IGNORECASE | re.DOTALL,
)


def _restated(text: str, boxes: list[Stated], kind: str) -> bool:
    """Whether the last two boxes are two final answers: each its own conclusion, neither of anything named.

    `So \\boxed{5}. And so \\boxed{6}.` is; `The area is \\boxed{5}, the perimeter is \\boxed{6}.` is not.
    """
    if len(boxes) < 2 or kind == "text":
        return False
    first, last = boxes[-2:]
    between = text[first.end : last.start]
    if len(between) > MAX_BETWEEN or _TURNS.search(between) or not _differ(first.text, last.text):
        return False
    before = text[max(0, first.start - MAX_BETWEEN) : first.start]
    return _CONCLUDES.fullmatch(before) is not None and _CONCLUDES.fullmatch(between) is not None


def _contradicted(text: str, stated: list[Stated], kind: str, choices: tuple[str, ...]) -> bool:
    """Whether the last two statements differ and no turn of speech between them takes the first one back."""
    if len(stated) < 2 or not stated[-2].firm:
        return False
    first, last = stated[-2:]
    if first.method == "stated answer" and _closes(text, last) and not _closes(text[: first.end], first):
        return False
    values = [_read(s, kind, choices).value for s in (first, last)]
    if values[0] is None or values[1] is None or not _differ(values[0], values[1]):
        return False
    between = text[first.end : last.start]
    return len(between) <= 4_000 and _TURNS.search(between) is None


_PLAIN = re.compile(r"[\w\s.,;:()\[\]{}$]*")


def _closes(text: str, stated: Stated) -> bool:
    """Whether a statement is a last line in the form that prompts ask for: `Answer: A`."""
    line = text[text.rfind("\n", 0, stated.start) + 1 : stated.start + len("answer") + 4].strip("*# ").lower()
    return line.startswith(("answer:", "final answer:", "answer**:")) and not text[stated.end :].strip(" \n.*_")


def _differ(one: str, other: str) -> bool:
    """Whether two answers surely differ: two numbers, two lists or texts; of formulas only a comparison can tell."""
    if plain_words(one) == plain_words(other):
        return False
    left, right = _number(one), _number(other)
    if left is not None and right is not None:
        return left.value != right.value
    if (left is None) != (right is None):
        return not any(c.isdigit() or c in "\\=" for c in (other if right is None else one))
    return _PLAIN.fullmatch(one) is not None and _PLAIN.fullmatch(other) is not None


def _number(text: str) -> Number | None:
    try:
        return parse_plain(plain_math(text[:400]))
    except TooLargeError:
        return None


_TRUTH = re.compile(r"[\s*_\"'$]{0,4}(?:true|false|yes|no)[\s*_\"'$.]{0,4}", re.IGNORECASE)
"""An answer that is a firm one, and none of a number or an object: `The answer is True.`"""
_DOLLARS = re.compile(r"\$([^$]{1,2000})\$\.?")


def _read(stated: Stated, kind: str, choices: tuple[str, ...], before: str = "") -> Extraction:
    """Read a stated answer as `kind` wants it; `before` is the text that leads to it."""
    text, method = stated.text, stated.method
    inner = last_boxes(text)
    if inner and method != "box":
        text = inner[-1].text
    elif method in EXPLICIT and len(text) > 60 and kind not in ("text", "code") and _is_response(text):
        found = _in_field(text, kind, choices)
        return Extraction(found.value, f"{method}, {found.method}", found.ambiguous, found.others)
    if kind in ("text", "code"):
        dressed = FENCE.fullmatch(text.strip()) or _DOLLARS.fullmatch(text.strip())
        said = (dressed.group(1) if dressed else text).strip()
        if not said.isascii() and without_signs(said):
            said = without_signs(said)
        others = () if method in EXPLICIT or dressed else tuple(subject_of(said))
        return Extraction(said or None, method, others=others)
    if kind not in ("choice", "yes_no") and _TRUTH.fullmatch(text):
        return Extraction(trimmed(text), method)
    if kind == "number":
        found = read_number(text, method, before)
        return found if found.value is not None else Extraction(_numeral(text), method)
    return READERS.get(kind, _read_object)(text, method, kind, choices)


_LED_NUMERAL = re.compile(
    r"\W{0,4}((?:[a-z]+[- ]){0,5}?[a-z]+)(?=[,.;]|\s(?:since|because|as|for|so)\b|\W{0,4}\Z)", re.IGNORECASE
)
"""`three, since Petra keeps three of them`, `one`"""


def _numeral(text: str) -> str | None:
    """Return the number in words that a statement is or begins with."""
    found = _LED_NUMERAL.match(text[:80])
    return found[1] if found is not None and number_in_words(found[1].casefold()) is not None else None


def _is_response(text: str) -> bool:
    """Whether an answer field holds a worked solution rather than an answer."""
    return SENTENCE_END.search(text) is not None and is_prose(text[:4_000], formulas_in(text[:4_000]))


def _in_field(text: str, kind: str, choices: tuple[str, ...]) -> Extraction:
    statements, ambiguous = _last_of(text, statements_of(text, kind), kind, choices)
    for statement in reversed(statements):
        found = READERS.get(kind, _read_object)(statement.text, statement.method, kind, choices)
        if found.value is not None:
            return Extraction(found.value, found.method, ambiguous or found.ambiguous, found.others)
    return _unstated(text, kind, choices)


def _read_object(text: str, method: str, kind: str, _: tuple[str, ...]) -> Extraction:
    value = trimmed(text) if method in EXPLICIT else object_in(text, kind)
    if value and (method in EXPLICIT or is_object(value)):
        return Extraction(value, method)
    numbers = read_number(text, method) if value is None else NOTHING
    return Extraction(numbers.value, method, numbers.ambiguous, numbers.others)


def _yes_no(text: str, method: str) -> Extraction:
    said = yes_no_in(text)
    return Extraction(said, method) if said is not None else read_yes_no(text, method)


def _untexted(text: str) -> str:
    return plain_math(text) if "\\text" in text else text


READERS = {
    "number": lambda text, method, kind, choices: read_number(text, method),
    "quantity": lambda text, method, kind, choices: read_quantity(text, method),
    "choice": lambda text, method, kind, choices: read_choice(text, method, choices),
    "yes_no": lambda text, method, kind, choices: _yes_no(text, method),
    "date": lambda text, method, kind, choices: Extraction(date_in(_untexted(text)), method),
}
"""Kind -> how a statement is read; the other kinds are mathematical objects."""


def _unstated(text: str, kind: str, choices: tuple[str, ...]) -> Extraction:
    """Read a response that states no answer in so many words."""
    if kind in ("text", "code"):
        return Extraction(text, "whole", others=tuple(dict.fromkeys(words_shown(text))))
    if kind == "choice":
        return unstated_choice(text, choices)
    if kind == "yes_no":
        return unstated_yes_no(text)
    if len(text) <= 200 or (len(text) <= MAX_CHARACTERS and len(text.split(None, 1)) == 1):
        whole = whole_number(plain_math(text), "whole") if "\n" not in text else None
        if whole is not None:
            return whole if kind == "number" else Extraction(trimmed(text), "whole")
        if kind not in ("number", "quantity", "date") and not is_prose(text, formulas_in(text)):
            return Extraction(object_in(text, kind), "whole")
    if kind not in ("number", "quantity", "date"):
        line = text.rstrip().rpartition("\n")[2][-LINE_CHARACTERS:]
        others = tuple(content for _, _, content in formulas_in(line)[-8:])
        return Extraction(last_object(text, kind), "last formula", others=others)
    found = _last_amount(text, kind)
    if found.value is None and kind == "number" and not any(map(str.isdigit, text)):
        sentence = SENTENCE_END.split(text.rstrip(" \n.!*"))[-1][-LINE_CHARACTERS:]
        said = numeral_in(sentence) or sole_numeral(sentence) or sole_numeral(_SO.split(sentence)[-1])
        return Extraction(said, "last numeral")
    return found


_SO = re.compile(r"\b(?:so|thus|hence|therefore)\b", re.IGNORECASE)
_MID_SENTENCE = re.compile(
    r"(?:[,;(=+/\\{\[&<^]|(?<![*\s])\s?[*-]"
    r"|(?<![A-Za-z\\])(?:the|an?|of|is|are|was|were|and|or|that|to|we|so|with|by|in|for|if|this|which|can|also"
    r"|but|be|it|its|then|as|at|on|from|has|have|equals?|when|where|since|because|not|his|her|their|our|these"
    r"|those|there|let|using|answer))\s*\Z"
)
_LOOP = 60
"""Characters that an unfinished loop repeats."""


def breaks_off(text: str) -> bool:
    """Whether a text ends in mid-sentence, inside a formula or a JSON string, or in a loop."""
    tail = text[-4_000:]
    if _MID_SENTENCE.search(tail, max(0, len(tail) - 20)) is not None or closed(text) != text.rstrip():
        return True
    if text.startswith(("{", "```json")) and not tail.rstrip("`\n ").endswith("}") and '"reasoning"' in text[:200]:
        return True
    ending = tail[-_LOOP:]
    return len(tail) > 10 * _LOOP and tail.count(ending) >= 3


_ENVIRONMENT = re.compile(r"\\(?:begin|end)\{[a-z]{1,12}\*?\}|(?<=[^\\])&(?==)")
"""The rows of `align` are lines like others."""
_CONCLUDES_LATER = re.compile(
    r"\b(?:so|thus|hence|therefore|then|total|answer|in all|altogether|left)\b"
    r"|[=×*+/÷\\]",
    re.IGNORECASE,
)
MOST_FIRST = 400


def _first_said(text: str) -> Extraction | None:
    """Return the amount that a short text opens with, where the rest only tells why: `18 books. Each shelf has 6.`"""
    if len(text) > MOST_FIRST or "\n" in text.strip():
        return None
    parts = [part.strip() for part in SENTENCE_END.split(text.strip()) if part.strip()]
    if len(parts) < 2 or _CONCLUDES_LATER.search(" ".join(parts[1:])):
        return None
    first = whole_number(plain_math(parts[0]), "first words")
    if first is None or not parts[0][:1].isdigit() or parts[0].strip() == "1":
        return None
    return replace(first, others=_numbers_of(" ".join(parts[1:])))


def _last_amount(text: str, kind: str) -> Extraction:
    output = _last_output(text)
    if kind == "number" and (first := _first_said(text)) is not None:
        return first
    tail = _ENVIRONMENT.sub("", closed(text)[-8_000:])
    start = len(tail)
    while start > 0:
        end, start = start, tail.rfind("\n", 0, start)
        line = tail[start + 1 : end]
        if len(line) > LINE_CHARACTERS:
            line = line[-LINE_CHARACTERS:].partition(" ")[2]
        if not any(c.isdigit() for c in line) and "\\" not in line:
            if kind == "number" and end == len(tail) and (said := numeral_in(line.rstrip(" .!*")[-LINE_CHARACTERS:])):
                return Extraction(said, "last numeral")
            continue
        if output and any(not _differ(output, number) for number, _, _ in numbers_in(plain_math(line))):
            return Extraction(output, "program output")
        if kind == "number":
            found = last_number(line, tail[max(0, start - 1_000) : max(0, start)])
        else:
            found = Extraction(date_in(line), "last line") if kind == "date" else read_quantity(line, "last line")
        if found.value is not None:
            return found
    return NOTHING


def _last_output(text: str) -> str:
    """Return the last line that the last program of a tool-using response printed, or nothing."""
    start = text.rfind("```output\n", max(0, len(text) - 8_000))
    if start < 0:
        return ""
    printed = text[start + len("```output\n") :].partition("```")[0].strip()
    last = printed.rpartition("\n")[2].strip()
    return last if last.replace(".", "", 1).lstrip("-").isdigit() else ""
