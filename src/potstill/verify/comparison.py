"""One answer compared with one gold answer, by the gold's kind."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from potstill.recipe import Policy
from potstill.verify.alike import (
    FAMILY,
    UPRIGHT,
    angle_in_radians,
    cases_of,
    chain_of,
    components,
    congruence_of,
    equated,
    reaction_of,
    substance_of,
    with_both_signs,
    with_the_golds_period,
)
from potstill.verify.allowance import Allowance
from potstill.verify.amounts import concluded
from potstill.verify.asides import without_quantifier
from potstill.verify.asked import asks_order
from potstill.verify.choices import letters_of
from potstill.verify.foreign import said_yes_no
from potstill.verify.judged import SHOWN, Judged, decided, unknown
from potstill.verify.kinds import MATHEMATICAL, Gold, label_of, read_gold, undressed, words_in
from potstill.verify.lists import matched, numbered_parts, split_answers
from potstill.verify.normalise import plain_math, plain_unicode, plain_words, spelling
from potstill.verify.numbers import Number, TooLargeError, parse_number
from potstill.verify.numerals import COUNTING
from potstill.verify.odd_numbers import as_share, names_alone, odd_number, too_large, with_base
from potstill.verify.python_values import same_python_value
from potstill.verify.quantities import Compound, compare_compound, compare_numbers, parse_quantity
from potstill.verify.sentences import denies
from potstill.verify.texts import as_moment, as_text
from potstill.verify.tolerances import allowed_by, within
from potstill.verify.units import unit_of
from potstill.verify.words import (
    compare_meanings,
    meaning_of,
    states_bound,
    yes_or_no,
)

_APPROXIMATION = re.compile(r".{0,400}(?:≈|\\approx(?![A-Za-z]))\s{0,3}(?P<rounded>[^≈\\]{1,80})", re.DOTALL)


def compare(text: str, wanted: Gold, policy: Policy, allowance: Allowance) -> Judged:
    """Compare one answer, without the words around it, with the gold; nothing takes more than the allowance.

    An answer that gives its value exactly and rounded (`50/3 ≈ 16.67`) is right if either is the gold. Unknown for an
    unparsable prediction where the text is a sentence: what it states was not looked for.
    """
    try:
        judged = _compare(text, wanted, policy, allowance)
        if judged.outcome != "right" and (allowed := allowed_by(wanted.text)) is not None:
            return within(undressed(text), allowed, policy) or judged
    except TooLargeError:
        return too_large(text, wanted)
    if judged.outcome == "wrong" and isinstance(wanted.value, Number) and wanted.value.decimal:
        found = _APPROXIMATION.fullmatch(text) if "≈" in text or "approx" in text else None
        if found is not None:
            rounded = _compare(found["rounded"], wanted, policy, allowance)
            return rounded if rounded.outcome == "right" else judged
    return judged


_LEAD = re.compile(
    r"\A(?:(?:so|thus|hence|therefore|then)\b\s{0,2}(?::|,(?!\d)|(?=[\d$\\]))|(?:ans(?:wer)?|A)\s{0,2}:"
    r"|(?:(?:the )?(?:final )?ans(?:wer)?)\s{1,2}[-–—]\s)\s{0,3}(?=\S)",
    re.IGNORECASE,
)


_TEXT_LEAD = re.compile(r"\A\s{0,4}(?:the )?(?:final )?answer\s?:\s{1,3}(?=\S)", re.IGNORECASE)


def _compare(text: str, wanted: Gold, policy: Policy, allowance: Allowance) -> Judged:
    if wanted.kind == "text":
        text = _TEXT_LEAD.sub("", text, count=1)
    elif wanted.kind != "choice":
        text = _LEAD.sub("", text.lstrip(), count=1)
    if wanted.kind in ("number", "quantity"):
        return _as_number(text, wanted, policy, allowance)
    if wanted.kind == "choice":
        return _as_choice(text, wanted, policy, allowance)
    if wanted.kind == "text":
        return as_text(text, wanted)
    if wanted.kind == "yes_no":
        said = yes_or_no(undressed(text))
        said = said_yes_no(text) if said is None else said
        if wanted.yes is None:
            return unknown("unparsable gold", "neither yes nor no")
        if said is None:
            return unknown("unparsable prediction", "neither yes nor no")
        return decided(said == wanted.yes, "yes or no", str(wanted.yes), str(said))
    if wanted.kind == "date":
        return as_moment(text, wanted)
    return _as_mathematics(text, wanted, policy, allowance)


def _as_choice(text: str, wanted: Gold, policy: Policy, allowance: Allowance) -> Judged:
    if wanted.letters is None:
        return unknown("unparsable gold", "the gold answer names no choice")
    letters = letters_of(undressed(text), wanted.options)
    if letters is not None:
        return decided(letters == wanted.letters, "choice", wanted.letters, letters)
    if len(wanted.letters) == 1 and ord(wanted.letters) - 65 < len(wanted.options) and words_in(text) < 4:
        option = wanted.options[ord(wanted.letters) - 65]
        here = allowance.without_workers()  # the answer should have been a letter
        judged = compare(text, read_gold(option, "auto"), policy, here) if option.strip() else None
        if judged is not None and (judged.outcome == "right" or (judged.outcome == "wrong" and not words_in(text))):
            return judged
    return unknown("unparsable prediction", "names no choice")


def _as_number(text: str, wanted: Gold, policy: Policy, allowance: Allowance) -> Judged:
    stated = parse_quantity(_unquoted(undressed(text)))
    if wanted.based is not None:
        return with_base(text, stated, wanted.based)
    if wanted.value is None:
        same = spelling(text) == spelling(wanted.text)
        return decided(True, "same spelling") if same else unknown("unsupported", "number too large to compare")
    if stated is None:
        return _no_number(text, wanted, wanted.value, policy, allowance)
    if isinstance(stated, Compound) or isinstance(wanted.value, Compound):
        return compare_compound(stated, wanted.value, policy)
    judged = compare_numbers(stated, wanted.value, policy)
    if judged.outcome == "right" and wanted.label and (label := label_of(undressed(text))) and label != wanted.label:
        return unknown("ambiguous", f"the value of {label}, where the gold names {wanted.label}")
    return judged


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 2 and text[0] + text[-1] in ('""', "''", "``", "<>") else text


def _no_number(text: str, wanted: Gold, value: Number | Compound, policy: Policy, allowance: Allowance) -> Judged:
    """Judge an answer that is not one plain number against a gold that is."""
    bare = undressed(text)
    if (judged := odd_number(bare, wanted, value, policy)) is not None:
        return judged
    conclusion = concluded(bare)
    if conclusion is not None and not denies(bare):
        return compare(conclusion, wanted, policy, allowance)
    parts = [] if states_bound(bare) else split_answers(bare)
    if (
        len(parts) > 1
        and words_in(bare) <= len(parts)
        and (all(map(_has_value, parts)) or not any(map(_has_digit, parts)))
    ):
        return _one_of_several(parts, wanted, policy, allowance)
    if words_in(bare) >= 3 or names_alone(bare, value) or "boxed{" in bare:
        return unknown("unparsable prediction", "a sentence, not a value")
    if (judged := as_share(bare, value, policy)) is not None:
        return judged
    if (angle := angle_in_radians(bare, value)) is not None:
        return _symbolic(_RADIANS.sub("", bare), replace(wanted, text=angle), policy, allowance)
    return _symbolic(bare, wanted, policy, allowance)


def _has_digit(text: str) -> bool:
    return any(c.isdigit() for c in text)


def _has_value(text: str) -> bool:
    """Whether a part of several answers may be one: `I think` is none."""
    return _has_digit(text) or "\\" in text or not words_in(text)


_RADIANS = re.compile(r"\s?(?:\\(?:text|mathrm)\s?\{\s?)?\brad(?:ians?)?\b\s?\}?\s?\Z")
_LEADING_WORDS = re.compile(r"\A\W*(?:[A-Za-z]{2,}\W+)+")


def _one_of_several(parts: list[str], wanted: Gold, policy: Policy, allowance: Allowance) -> Judged:
    """Judge several answers against one: right only if all of them are the gold."""
    if len(parts) > 64:
        return decided(False, "several answers", wanted.text[:SHOWN], f"{len(parts)} answers")
    outcomes = []
    named = [_LEADING_WORDS.sub("", part.partition("=")[0]).strip() for part in parts if "=" in part]
    apart = len(set(named)) == len(parts)  # x = 3, y = 4: the gold may be the value of one of them
    for part in parts:
        outcomes.append(compare(part, wanted, policy, allowance).outcome)
        if outcomes[-1] == "wrong" and not apart:
            return decided(False, "several answers", wanted.text[:SHOWN], f"{len(parts)} answers")
    if apart and "right" in outcomes and "wrong" in outcomes:
        return unknown("ambiguous", "the gold is the value of one of several things that are named")
    if "wrong" in outcomes:
        return decided(False, "several answers", wanted.text[:SHOWN], f"{len(parts)} answers")
    if "unknown" in outcomes:
        return _undecided_parts(allowance)
    return decided(True, "several answers, all the same", wanted.text[:SHOWN], parts[0])


def _undecided_parts(allowance: Allowance) -> Judged:
    if allowance.left <= 0:
        return unknown("timeout", "the comparison took too long")
    return unknown("unsupported", "several answers, of which some cannot be compared")


def _as_mathematics(text: str, wanted: Gold, policy: Policy, allowance: Allowance) -> Judged:
    bare = undressed(text)
    if spelling(bare) == spelling(wanted.text):
        return decided(True, "same spelling", wanted.text[:SHOWN], bare[:SHOWN])
    stated, gold = without_quantifier(equated(bare)), without_quantifier(equated(wanted.text))
    if stated != bare and gold != wanted.text:  # a family of values on both sides, whatever its letter
        stated = with_the_golds_period(stated, gold) or stated
    bare, wanted = stated, wanted if gold == wanted.text else replace(wanted, text=gold)
    if (reaction := reaction_of(wanted.text)) and (stated_reaction := reaction_of(bare)):
        return decided(reaction == stated_reaction, "chemical reaction", wanted.text[:SHOWN], bare[:SHOWN])
    if (point := _POINT.fullmatch(bare)) is not None and wanted.text.startswith("("):
        bare = point[1]
    substance, other = substance_of(wanted.text), substance_of(bare)
    charged = substance[-1:] in tuple("+-") and other[-1:] in tuple("+-")
    if substance and other and (substance == other or charged or UPRIGHT.match(bare)):
        return decided(substance == other, "chemical formula", substance, other)
    if not any(c.isalnum() or c in "\\∞∅φπ{}" for c in bare):
        return unknown("unparsable prediction", "no answer in it")
    if "{" in bare or "{" in wanted.text:
        bare, gold = components(bare, wanted.text), components(wanted.text, bare)
        wanted = wanted if gold == wanted.text else replace(wanted, text=gold)
    meaning = meaning_of(bare)
    if meaning and wanted.meaning:
        return compare_meanings(meaning, wanted.meaning)
    if meaning == "all reals":
        return _symbolic("\\mathbb{R}", wanted, policy, allowance)
    if meaning == "undefined" and _INFINITE.fullmatch(spelling(wanted.text)):
        return unknown("ambiguous", "an infinite limit may be said not to exist")
    if meaning:
        return decided(False, "meaning", wanted.text[:SHOWN], meaning)
    if wanted.meaning == "infinitely many" and parse_number(bare) is not None:
        return decided(False, "meaning", wanted.meaning, bare[:SHOWN])
    if wanted.meaning and wanted.meaning not in ("all reals", "infinitely many"):
        if words_in(bare) >= 3:
            return unknown("unparsable prediction", "a sentence, not a value")
        return decided(False, "meaning", wanted.meaning, bare[:SHOWN])
    if (judged := _as_cases(bare, wanted, policy, allowance)) is not None:
        return judged
    congruences = congruence_of(bare), congruence_of(wanted.text)
    if all(congruences) and ("mod" in bare or "mod" in wanted.text):
        return decided(congruences[0] == congruences[1], "congruence", wanted.text[:SHOWN], bare[:SHOWN])
    parts, golds = split_answers(bare), numbered_parts(wanted.text)
    numbered = numbered_parts(bare) or parts
    if golds and len(numbered) == len(golds):
        return _several(numbered, golds, policy, allowance, ordered=True)
    golds = split_answers(wanted.text)
    sides = wanted.text.split()
    if 1 < len(sides) == len(bare.split()) and all(parse_number(side) is not None for side in (*sides, *bare.split())):
        return _several(bare.split(), sides, policy, allowance, ordered=True)  # what a program prints
    if len(golds) > 1 and len(parts) > 1:
        ordered = policy.order == "strict" or asks_order(wanted.question)
        return _several(parts, golds, policy, allowance, ordered=ordered)
    if words_in(bare) >= 3 and words_in(wanted.text) < 3:
        return unknown("unparsable prediction", "a sentence, not a value")
    if (chain := chain_of(wanted.text)) and len(own := chain_of(bare)) > 1:
        same = matched(own, chain, _part_of(policy, allowance), ordered=False)
        return decided(True, "chain of equations") if same else unknown("unsupported", "unlike chains of equations")
    if _OPERATION.match(bare) and bare.count("=") == 1 and "=" not in wanted.text:
        bare = bare.partition("=")[2].strip()
    judged = _symbolic(bare, wanted, policy, allowance)
    if judged.outcome == "wrong" and (converted := _in_golds_unit(bare, wanted.text)) is not None:
        return _symbolic(converted[0], replace(wanted, text=converted[1]), policy, allowance)
    if judged.outcome == "wrong" and (counted := _UNIT_AT_END.fullmatch(bare)):
        named = unit_of(plain_unicode(counted.group(2))) and policy.units == "optional"
        without = _symbolic(counted.group(1), wanted, policy, allowance) if named else judged
        return without if without.outcome == "right" else judged
    if judged.outcome == "unknown" and (same_value := same_python_value(bare, wanted.text)) is not None:
        return decided(same_value, "Python value", wanted.text[:SHOWN], bare[:SHOWN])
    return judged


def _in_golds_unit(text: str, gold: str) -> tuple[str, str] | None:
    """Return both values in the gold's unit where they are formulas in two units of one dimension.

    Of `2500π mm²` and `25π cm²` these are `(2500π)*(1/100)` and `25π`.
    """
    stated, wanted = (_FORMULA_IN.fullmatch(plain_unicode(side)) for side in (text, gold))
    if stated is None or wanted is None:
        return None
    own, other = unit_of(stated[2]), unit_of(wanted[2])
    if own is None or other is None or own == other or own.dimension != other.dimension or own.zero or other.zero:
        return None
    return f"({stated[1].rpartition('=')[2]})*({own.factor / other.factor})", wanted[1]


_FORMULA_IN = re.compile(r"(\S.{0,200}?)\s(?:\\(?:text|mathrm)\{)?([A-Za-z]{1,12}(?:\^?\{?[23]\}?)?)\}?")
"""`25π cm^2`"""
_POINT = re.compile(r"[A-Z]'?\s?=?\s?(\([^()]{1,200},[^()]{1,200}\))")
"""P(2, 3) is where P lies."""
_OPERATION = re.compile(
    r"\s{0,4}(?:\\(?:int|sum|lim|prod)(?![a-z])|\\[dt]?frac\s?\{\s?(?:d|\\partial)(?![a-z])|[∫∑]|d/d[a-z])"
)
"""`\\frac{d}{dx} x^2 = 2x` says what it computes."""
_INFINITE = re.compile(r"[+-]?(?:\\infty|∞)")
_UNIT_AT_END = re.compile(r"(.{1,400}?[\w)}])\s{1,3}([A-Za-z][A-Za-z][A-Za-z0-9^/²³ ]{0,30})")


def _as_cases(text: str, wanted: Gold, policy: Policy, allowance: Allowance) -> Judged | None:
    """Compare a function that is given piece by piece, its pieces in any order; None where neither side is one."""
    stated, golds = cases_of(text), cases_of(wanted.text)
    if not stated and not golds:
        return None
    if not stated or not golds or len(stated) != len(golds):
        return unknown("unsupported", "a function in pieces")
    same, left = _part_of(policy, allowance), list(stated)
    for value, where in golds:
        place = next((place for place in left if spelling(place[1]) == spelling(where) or same(place[1], where)), None)
        if place is None:
            return unknown("unsupported", "pieces that hold elsewhere")
        verdict = same(place[0], value)
        if not verdict:
            return unknown("unsupported", "a piece") if verdict is None else decided(False, "pieces", value, place[0])
        left.remove(place)
    return decided(True, "pieces")


def _several(stated: list[str], golds: list[str], policy: Policy, allowance: Allowance, *, ordered: bool) -> Judged:
    """Compare several answers outside brackets, in any order unless `ordered`, or unlike labels fix it."""
    (stated, own), (golds, wanted) = _labelled(with_both_signs(stated)), _labelled(with_both_signs(golds))
    if not ordered and len(stated) > len(golds):
        once = {(label, spelling(part)): (part, label) for part, label in zip(stated, own, strict=True)}
        stated, own = [part for part, _ in once.values()], [label for _, label in once.values()]
    forms = ("; ".join(golds)[:SHOWN], "; ".join(stated)[:SHOWN])
    told_apart = len(set(wanted)) == len(golds) > 1 and all(wanted)
    if told_apart and sorted(wanted) == sorted(own):
        stated = [stated[own.index(label)] for label in wanted]
        own = []
    ordered = ordered or (told_apart and (not any(own) or len(set(own)) == len(stated)))
    same = matched(stated, golds, _part_of(policy, allowance), ordered=ordered)
    if same is None:
        return _undecided_parts(allowance)
    return decided(same, "several answers", *forms)


def _labelled(parts: list[str]) -> tuple[list[str], list[str]]:
    """Return the values of several answers and what each is called; of `n=2, 3, 4` the name is of all, so of none."""
    labels = [label_of(part, in_words=True) for part in parts]
    values = [_VALUE.sub("", part, count=1) if label else part for part, label in zip(parts, labels, strict=True)]
    return values, labels if any(labels[1:]) else [""] * len(parts)


_VALUE = re.compile(r"\A[^=:]*[=:]\s*")


def _part_of(policy: Policy, allowance: Allowance) -> Callable[[str, str], bool | None]:
    def same(stated: str, wanted: str) -> bool | None:
        if spelling(stated) == spelling(wanted):
            return True
        outcome = compare(stated, read_gold(wanted, "auto"), policy, allowance).outcome
        return None if outcome == "unknown" else outcome == "right"

    return same


def _is_word(text: str) -> bool:
    return plain_math(text).replace(" ", "").isalpha()


def _symbolic(text: str, wanted: Gold, policy: Policy, allowance: Allowance) -> Judged:
    """Hand mathematical structure to the symbolic comparison."""
    from potstill.verify.symbolic import compare as compare_symbolically

    kind = wanted.kind if wanted.kind in MATHEMATICAL else "expression"
    said = compare_symbolically(wanted.text, text, policy, kind, allowance=allowance)
    if said.outcome == "wrong" and (renamed := with_the_golds_period(text, wanted.text)) is not None:
        again = compare_symbolically(wanted.text, renamed, policy, kind, allowance=allowance)
        if again.outcome == "right" and not FAMILY.search(wanted.text):
            return unknown("ambiguous", "the gold, if its letter stands for any integer")
        said = again if again.outcome == "right" else said
    counts = not COUNTING.isdisjoint(plain_words(text[:200]).split())
    if said.cause == "unparsable prediction" and _is_word(text) and not counts and any(map(str.isdigit, wanted.text)):
        return decided(False, "words", wanted.text[:SHOWN], text[:SHOWN], "a word, not a value")
    score = {"right": 1.0, "wrong": 0.0}.get(said.outcome)
    return Judged(said.outcome, said.cause, said.method, score, None, said.reason, said.gold_form, said.answer_form)
