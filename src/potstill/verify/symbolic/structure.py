"""Comparison of whole answers: containers by their items, relations by what they say, values by what they are worth."""

from __future__ import annotations

from potstill.verify.symbolic.exact import replaced
from potstill.verify.symbolic.products import scaled
from potstill.verify.symbolic.regions import pieces_of, same_pieces
from potstill.verify.symbolic.relations import is_relation
from potstill.verify.symbolic.statements import Statements
from potstill.verify.symbolic.tree import (
    CONTAINERS,
    Constant,
    Node,
    Op,
    Symbol,
    Words,
    head_of,
    is_op,
    parts_of,
    symbols_of,
    walk,
)  # fmt: skip

_CONSTANTS = (Symbol("C"), Symbol("c"), Symbol("K"), Symbol("k"))
_SETS = frozenset(["empty", "undefined", "R", "Z", "N", "Q", "C", "R+", "R-", "Z+", "N*", "R*", "Z*", "Q+"])


class Comparison(Statements):
    """One comparison of two answers under a policy; see `Values` for what it remembers."""

    def same(self, gold: Node, answer: Node) -> bool | None:
        """Whether two answers are the same mathematical object; None where that is undecided (`reason` says why)."""
        if gold == answer:
            return True
        gold, answer = scaled(gold), scaled(answer)
        gold, answer = _named_apart(gold), _named_apart(_without_exclusion(_one_constant(gold, answer), gold))
        if _condition_of(gold) or _condition_of(answer):
            return self.same(*_unconditional(gold, answer))
        if is_op(gold, "labelled") or is_op(answer, "labelled"):
            return self.same_labelled(gold, answer)
        if isinstance(gold, Words) or isinstance(answer, Words):
            return self.same_words(gold, answer)
        if is_relation(gold) or is_relation(answer):
            return self.same_relation(gold, answer)
        if isinstance(gold, Constant) or isinstance(answer, Constant):
            special = _same_special(gold, answer)
            if special is not None:
                return special
        if head_of(gold) in CONTAINERS or head_of(answer) in CONTAINERS:
            return self.same_container(gold, answer)
        if is_op(gold, "ratio") and is_op(answer, "ratio"):
            return self.same_ratio(gold, answer)
        if _is_residue(gold) and _is_residue(answer):
            return self.same_residue(gold, answer)
        if _is_malformed(gold) != _is_malformed(answer):
            return False
        return self.same_value(gold, answer)

    def same_labelled(self, gold: Node, answer: Node) -> bool | None:
        """Compare values with words after them; a word on one side only is dropped unless the policy requires units."""
        (value, *words), (stated, *others) = (_split_label(node) for node in (gold, answer))
        if words and others and words != others:
            self.undecided("different units")
            return None if self.same(value, stated) is not False else False
        if words != others and self.policy.units == "required":
            return False
        return self.same(value, stated)

    def same_words(self, gold: Node, answer: Node) -> bool | None:
        """Compare words with words; whether words state a formula is not decided here."""
        one, two = _plain(gold), _plain(answer)
        if one is not None and one == two:
            return True
        if (isinstance(gold, Words) and isinstance(answer, Words)) or (one and two and len(one) == len(two) == 1):
            return False
        self.cause = "unparsable gold" if isinstance(gold, Words) else "unparsable prediction"
        self.undecided("words")
        return None


def _is_malformed(node: Node) -> bool:
    """Whether a formula computes with a container, as in `-[0, 1)`."""
    return isinstance(node, Op) and any(
        isinstance(part, Op) and part.head in CONTAINERS and (part.head != "tuple" or len(part.parts) > 1)
        for part in walk(node)
    )


def _is_residue(node: Node) -> bool:
    return isinstance(node, Op) and node.head == "call" and node.name == "residue"


def _named_apart(node: Node) -> Node:
    """Return `(a, b) = (2, 5)` as the list of its equations; other trees as they are."""
    if not isinstance(node, Op) or node.head != "relation" or node.name != "=" or len(node.parts) != 2:
        return node
    names, values = node.parts
    if head_of(names) != "tuple" or head_of(values) != "tuple" or len(parts_of(names)) != len(parts_of(values)):
        return node
    if len(parts_of(names)) < 2 or not all(isinstance(name, Symbol) for name in parts_of(names)):
        return node
    pairs = zip(parts_of(names), parts_of(values), strict=True)
    return Op("list", tuple(Op("relation", pair, "=") for pair in pairs))


def _one_constant(gold: Node, answer: Node) -> Node:
    """Return the answer with the gold's name for the constant of integration: `x^2 + c` for `x^2 + C`."""
    if not is_op(gold, "add") or not is_op(answer, "add"):
        return answer
    names = [[part.name for part in parts_of(node) if part in _CONSTANTS] for node in (gold, answer)]
    if [len(found) for found in names] != [1, 1] or names[0] == names[1] or names[1][0] in symbols_of(gold):
        return answer
    return replaced(answer, names[1][0], Symbol(names[0][0]))


def _without_exclusion(answer: Node, gold: Node) -> Node:
    """Return `x + 1` of an answer `x + 1, x != 1`, where the gold is a formula alone."""
    if head_of(answer) != "list" or head_of(gold) == "list" or is_relation(gold) or len(parts_of(answer)) != 2:
        return answer
    value, excluded = parts_of(answer)
    if not isinstance(excluded, Op) or excluded.head != "relation" or excluded.name != "!=" or is_relation(value):
        return answer
    name = excluded.parts[0]
    return value if isinstance(name, Symbol) and name.name in symbols_of(value) & symbols_of(gold) else answer


def _condition_of(node: Node) -> tuple[str, str] | None:
    """Return `k` and `Z` where a list ends in `k \\in \\mathbb{Z}` for a variable of the items before it."""
    if not isinstance(node, Op) or node.head != "list" or len(node.parts) < 2:
        return None
    *items, last = node.parts
    if not isinstance(last, Op) or last.head != "relation" or last.name != "in":
        return None
    variable, whole = last.parts
    if not isinstance(variable, Symbol) or not isinstance(whole, Constant):
        return None
    return (variable.name, whole.name) if any(variable.name in symbols_of(item) for item in items) else None


def _unconditional(gold: Node, answer: Node) -> list[Node]:
    """Return both answers without such conditions; where both have one, their variables get the same name."""
    conditions = _condition_of(gold), _condition_of(answer)
    found: list[Node] = []
    for node, condition in zip((gold, answer), conditions, strict=True):
        if condition is None:
            found.append(node)
            continue
        items = parts_of(node)[:-1]
        if None not in conditions:
            items = tuple(replaced(item, condition[0], Symbol(f"any {condition[1]}")) for item in items)
        found.append(items[0] if len(items) == 1 else Op("list", items))
    return found


def _split_label(node: Node) -> list[Node]:
    if not isinstance(node, Op) or node.head != "labelled":
        return [node]
    value, words = node.parts
    text = words.text if isinstance(words, Words) else ""
    return [value, Words("".join(text.lower().split()).strip(".").removesuffix("s"))]


def _plain(node: Node) -> str | None:
    """Return words, or letters that may spell one, in lower case."""
    if isinstance(node, Words):
        return " ".join(node.text.lower().split()).strip(" .()")
    if isinstance(node, Symbol):
        return node.name.lower()
    if isinstance(node, Op) and node.head == "mul" and all(isinstance(part, Symbol) for part in node.parts):
        return "".join(part.name for part in node.parts if isinstance(part, Symbol)).lower()
    return None


def _same_special(gold: Node, answer: Node) -> bool | None:
    """Compare answers one of which is a named set or nothing; None where neither is."""
    names = [node.name if isinstance(node, Constant) and node.name in _SETS else "" for node in (gold, answer)]
    if not any(names):
        return None
    if names[0] and names[1]:
        return names[0] == names[1]
    left, right = pieces_of(gold), pieces_of(answer)
    return left is not None and right is not None and same_pieces(left, right)
