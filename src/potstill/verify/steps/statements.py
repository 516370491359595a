"""The equations that a step states: chains `a = b = c` found in prose, each side an expression or unreadable."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from potstill.verify.steps.expressions import Applied, Node, Number, Product, Sum
from potstill.verify.steps.parser import Parsed, Parser
from potstill.verify.steps.tokens import Token, plain, tokens_of
from potstill.verify.steps.units import UNITS
from potstill.verify.steps.words import CHANGING_AFTER, CHANGING_BEFORE, COMPARING, PROPERTIES

WINDOW = 600
"""Tokens of one side that are looked at; a longer side is unreadable."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side of an equation; `nodes` holds its expression, first as it stands, then without an ambiguous bracket.

    No nodes: unreadable. `text` is what is written, `features` what has several readings, `units` the known units that
    are named; `operators` counts operations; `doubtful` means that a mismatch may be the reader's fault, `worded` that
    words stand right before the side, `said` that these are no more than `is`, `compared` that it is so much more or
    less than something; `noun` is the words right after it.
    """

    nodes: tuple[Node, ...]
    text: str
    features: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()
    operators: int = 0
    doubtful: bool = False
    worded: bool = False
    said: bool = False
    compared: bool = False
    noun: str = ""

    @property
    def literal(self) -> Number | None:
        """The number, where the side is one written number."""
        node = self.nodes[0] if self.nodes else None
        while isinstance(node, Applied) and node.sign in ("-", "%"):
            node = node.parts[0]
        return node if isinstance(node, Number) else None

    @property
    def leading(self) -> Node | None:
        """The number that the side begins with, its sign included."""
        node = self.nodes[0] if self.nodes else None
        while isinstance(node, Sum | Product):
            node = node.terms[0][1] if isinstance(node, Sum) else node.factors[0][2]
        return node

    @property
    def last(self) -> Node | None:
        """The last term of a sum."""
        node = self.nodes[0] if self.nodes else None
        return node.terms[-1][1] if isinstance(node, Sum) else None


@dataclass(frozen=True, slots=True)
class Equation:
    """Two sides and the sign between them: `=`, `~` (approximately) or `is`; `joined`: the chain's next link.

    `context` is the line around the sign, at most some 200 characters of it, `sentence` the same without the sentences
    before. `name` is the letter that the left side
    consists of, else empty; `named` tells that the left side is made of letters whose values are known.
    """

    left: Side
    sign: str
    right: Side
    joined: bool
    context: str
    sentence: str
    name: str = ""
    named: bool = False


CONTEXT = 100
NAME = 4
"""Tokens that the name of a quantity may have, as `A` or `f(2)` between two signs."""
BRIDGE = 4
"""Words in a row from which a unit is more likely a piece of a clause."""
UNREADABLE = Side((), "")
_MARKED = re.compile(r"<<([^<>]{1,400})>>")
_SENTENCE = re.compile(r"[.!?]\s")
"""`I made no mistake. 5 * 40 = 200`: what is said of another sentence is not said of this one."""
_OPENING = frozenset(("number", "(", "-", "+", "fraction", "root"))
_OPERATORS = frozenset(("+", "-", "*", "/", "^", "x", "of", "!"))


def equations(step: str, names: Mapping[str, Fraction]) -> Iterator[Equation]:
    """Return the equations of a step in the order of reading, those of its `<<a=b>>` marks first.

    `names` holds the letters whose values are known: only a left side that is made of them reads them.
    """
    marked = _MARKED.findall(step)
    for inside in marked:
        yield from _in_text(plain(inside), names)
    yield from _in_text(plain(_MARKED.sub("", step) if marked else step), names)


def _in_text(text: str, names: Mapping[str, Fraction]) -> Iterator[Equation]:
    tokens = tokens_of(text)
    signs = [at for at, token in enumerate(tokens) if token.kind in ("=", "~", "is")]
    shared: Side | None = None
    for number, at in enumerate(signs):
        following = signs[number + 1] if number + 1 < len(signs) else len(tokens)
        begin = signs[number - 1] + 1 if number else 0
        left = shared if shared is not None else _left(tokens, begin, at, text, {})
        named = shared is None and not left.nodes and bool(names)
        if named:
            left = _left(tokens, begin, at, text, names)
        whole = _whole(tokens, at + 1, following, text) if following < len(tokens) else None
        right = whole if whole is not None else _right(tokens, at + 1, following, text)
        if right.operators and following < len(tokens) and (tokens[at].kind, tokens[following].kind) == ("=", "is"):
            right = replace(right, doubtful=True)  # `1 + 2 + 3 = 1 + 2 is 3, plus 3 is 6`: how it is added begins anew
        if not _is_negated(tokens, at):
            name = "" if shared is not None else _name(tokens, begin, at)
            before, after = _context(text, tokens[at])
            sentence = _SENTENCE.split(before)[-1] + after
            yield Equation(left, tokens[at].kind, right, shared is not None, before + after, sentence, name, named)
        shared = whole if tokens[at].kind != "is" else None


def _context(text: str, sign: Token) -> tuple[str, str]:
    """Return what stands before a sign and from it on, in its line."""
    before = text[max(0, sign.start - CONTEXT) : sign.start].rpartition("\n")[2]
    return before, text[sign.start : sign.end + CONTEXT].partition("\n")[0]


def _name(tokens: Sequence[Token], start: int, end: int) -> str:
    """Return the capital letter that stands alone before a sign."""
    letter = tokens[end - 1] if end > start else None
    if letter is None or letter.kind != "variable" or len(letter.text) != 1 or not letter.text.isupper():
        return ""
    before = tokens[end - 2] if end - 2 >= start else None
    return letter.text if before is None or (before.kind in ("word", "stop", "comma") and letter.spaced) else ""


def _is_negated(tokens: Sequence[Token], at: int) -> bool:
    return at + 1 < len(tokens) and tokens[at].kind == "is" and tokens[at + 1].text == "not"


def _parse(
    tokens: Sequence[Token], start: int, end: int, names: Mapping[str, Fraction]
) -> tuple[Parsed, tuple[Node, ...]] | int:
    """Return the longest expression with its alternatives, or the index of the token that ends every hope."""
    parser = Parser(tokens, end, names=names)
    found = parser.parse(start)
    if found is None:
        return parser.reached
    nodes: tuple[Node, ...] = (found.node,)
    if "beside" in found.features:
        shorter = Parser(tokens, end, gap_product=False, names=names).parse(start)
        if shorter is not None and shorter.end < found.end:
            nodes += (shorter.node,)
    return found, nodes


def _side(tokens: Sequence[Token], start: int, found: Parsed, nodes: tuple[Node, ...], text: str) -> Side:
    written = text[tokens[start].start : tokens[found.end - 1].end]
    shared_out = "of" in found.features and isinstance(found.node, Sum)  # `half of 20 + 4` is 14 or 12
    doubtful = found.doubtful or shared_out or found.bridged > BRIDGE
    return Side(nodes, written, frozenset(found.features), frozenset(found.units), found.operators, doubtful)


def _whole(tokens: Sequence[Token], start: int, end: int, text: str) -> Side | None:
    """Return what stands between two signs as one side, if all of it is one expression or clearly none."""
    if end - start > WINDOW:
        return None
    if any(token.kind in ("stop", "comma") for token in tokens[start:end]):
        return None
    found = _parse(tokens, start, end, {}) if end > start else start
    if not isinstance(found, int) and found[0].end == end:
        return _side(tokens, start, *found, text)
    name = end - start <= NAME and all(token.kind in ("variable", "(", ")", "number") for token in tokens[start:end])
    return UNREADABLE if name else None


def _right(tokens: Sequence[Token], start: int, end: int, text: str) -> Side:
    """Return the longest expression right of a sign, unless what follows makes it part of something unreadable."""
    found = _parse(tokens, start, min(end, start + WINDOW), {})
    if isinstance(found, int):
        return UNREADABLE
    parsed, nodes = found
    after = tokens[parsed.end] if parsed.end < len(tokens) else None
    words = itertools.takewhile(lambda token: token.kind == "word", tokens[parsed.end : parsed.end + BRIDGE])
    side = replace(_side(tokens, start, parsed, nodes, text), noun=" ".join(token.text for token in words))
    if _goes_on(tokens, parsed.end, end) or _is_proportion(tokens, parsed.end):
        return UNREADABLE
    if after is None or after.kind == "stop":
        return UNREADABLE if after is not None and after.text in ("?", ":") and after.glued else side
    following = tokens[parsed.end + 1] if parsed.end + 1 < len(tokens) else None
    if after.kind == "-" and after.spaced and not after.glued and (following is None or following.kind != "variable"):
        return replace(side, doubtful=True)
    if _is_noun(tokens, parsed.end):
        return replace(side, doubtful=following is not None and following.text.lower() in ("as", *COMPARING))
    if after.kind in _OPERATORS and after.kind != "of":
        return UNREADABLE
    if after.kind in ("variable", "fraction", "root") or (
        after.kind == "(" and (not after.spaced or _has_variable(tokens, parsed.end, end))
    ):
        return UNREADABLE
    if _is_compound(tokens, parsed.end):
        return replace(side, doubtful=True)
    if after.kind == "of" and side.literal is not None and side.literal.value > 1 and not parsed.features:
        return side  # `= $55 of her money`, not `= 1/3 of them`
    if after.kind in ("number", "of") or (after.kind == "word" and after.text.lower() in CHANGING_AFTER):
        return replace(side, doubtful=True)
    return replace(side, compared=_compares(tokens, parsed.end))


def _compares(tokens: Sequence[Token], at: int) -> bool:
    """Return whether it is said how much more it is than something: `3 more than`, `20 cents more than`."""
    found = itertools.takewhile(lambda token: token.kind in ("word", "of"), tokens[at : at + 1 + BRIDGE])
    words = [token.text.lower() for token in found]
    return "than" in words and not COMPARING.isdisjoint(words)


def _has_variable(tokens: Sequence[Token], at: int, end: int) -> bool:
    """Return whether a variable stands early in a bracket: `5 (x + 2)`, `3 (mod 7)`."""
    return any(token.kind == "variable" for token in tokens[at + 1 : min(end, at + 6)])


def _is_compound(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a second quantity follows (`1 dollar and 59 cents`), or the rest of this one (`94, 980`)."""
    index = at
    while index < min(len(tokens), at + BRIDGE) and tokens[index].kind == "word":
        index += 1
    grouped = index == at and [token.kind for token in tokens[at : at + 2]] == ["comma", "number"]
    if grouped and len(tokens[at + 1].text) == 3:
        return True
    words = [token.text.lower() for token in tokens[at:index]]
    joined = bool(words) and (words[-1] == "and" or all(word in UNITS for word in words))
    return joined and index < len(tokens) and tokens[index].kind == "number"


def _goes_on(tokens: Sequence[Token], at: int, end: int) -> bool:
    """Return whether words and then a sign follow, so that more is added than can be read: `8 boxes / x weeks`."""
    index = at
    while index < min(end, at + BRIDGE) and tokens[index].kind == "word":
        index += 1
    signs = ("+", "*", "/", "^", "x")
    return at < index < end and tokens[index].kind in signs and not _is_noun(tokens, index)


def _is_noun(tokens: Sequence[Token], at: int) -> bool:
    """Return whether `times` is what is counted: `= 8 times a week`, `= 3 more times.`"""
    following = tokens[at + 1] if at + 1 < len(tokens) else None
    return tokens[at].text == "times" and (following is None or following.kind in ("word", "stop"))


def _is_proportion(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a colon with space around it follows, perhaps behind a unit: `4 ml = 300 ml : x ml`."""
    while at < len(tokens) and tokens[at].kind == "word":
        at += 1
    return at < len(tokens) and tokens[at].text == ":" and tokens[at].spaced


def _left(tokens: Sequence[Token], start: int, end: int, text: str, names: Mapping[str, Fraction]) -> Side:
    """Return the longest expression that ends at a sign."""
    start = max(start, end - WINDOW)
    first = _last_boundary(tokens, start, end)
    if first >= 2 and tokens[first - 1].text == tokens[first - 2].text == ".":
        return UNREADABLE  # `1 + 3 + ... + 19 = 100`
    at = first
    while at < end:
        opens = tokens[at].kind in _OPENING or tokens[at].text in names
        if not opens or not _may_start(tokens, at, first):
            at += 1
            continue
        found = _parse(tokens, at, end, names)
        if isinstance(found, int):
            at = max(found, at + 1)
            continue
        parsed, nodes = found
        if parsed.end == end:
            if tokens[at].kind in ("-", "+") and not tokens[at].glued:
                bare = _parse(
                    tokens, at + 1, end, names
                )  # perhaps a dash before an item, or a word: `minus 2 * 30 = 60`
                nodes = (*bare[1], *nodes) if not isinstance(bare, int) else nodes
                if at == first:
                    return _side(tokens, at + 1, parsed, nodes, text)
            return _judge_start(tokens, at, first, _side(tokens, at, parsed, nodes, text))
        at = max(parsed.end, at + 1)
    return UNREADABLE


def _last_boundary(tokens: Sequence[Token], start: int, end: int) -> int:
    """Return the index after the last thing that no expression crosses: a stop, a comma, an unmatched bracket."""
    depth = 0
    for at in range(end - 1, start - 1, -1):
        kind = tokens[at].kind
        if kind in ("stop", "comma"):
            return at + 1
        if kind == ")":
            depth += 1
        elif kind == "(":
            depth -= 1
            if depth < 0:
                return at + 1
    return start


def _may_start(tokens: Sequence[Token], at: int, first: int) -> bool:
    """Return whether an expression may begin here: not in the middle of an unreadable one."""
    if at == first:
        return True
    before = tokens[at - 1]
    if before.kind in _OPERATORS or before.kind in ("variable", "number", ")", "%", "root", "fraction"):
        return before.kind == "of"
    return not (before.kind == "word" and not tokens[at].spaced)


def _judge_start(tokens: Sequence[Token], at: int, first: int, side: Side) -> Side:
    """Doubt a left side by the word before it: `half of 20 + 4`, `3 more than 5 + 2`, `profit - 5 + 3`."""
    if at == first:
        said = at > 0 and tokens[at - 1].kind == "is"
        return replace(side, worded=said, said=said)
    before = tokens[at - 1]
    doubtful = before.kind == "word" and before.text.lower() in CHANGING_BEFORE
    if before.text.lower() in ("of", "and") and at - 2 >= first:
        earlier = tokens[at - 2]
        doubtful = earlier.kind != "word" or earlier.text.lower() in CHANGING_BEFORE | PROPERTIES
    doubtful = doubtful or tokens[at].kind in ("-", "+") or _has_operation(tokens, first, at)
    worded = before.kind in ("word", "of", "x")
    return replace(side, doubtful=side.doubtful or doubtful, worded=worded)


def _has_operation(tokens: Sequence[Token], start: int, end: int) -> bool:
    """Return whether the clause computes something before: `add 2 + 3 to the 4 + 5 already there = 14`.

    A hyphen is no minus: `the 40-ounce bottle holds 40 / 8 = 5 cups`.
    """
    return any(
        tokens[at].kind in ("+", "*")
        or (
            tokens[at].kind == "-"
            and tokens[at - 1].kind == "number"
            and not (tokens[at].glued and tokens[at + 1].kind == "word")
        )
        for at in range(start + 1, end)
    )
