"""What holds for any answer: equal to itself in every notation, symmetric, and changed by any further term."""

from __future__ import annotations

import random

from hypothesis import assume, given
from hypothesis import strategies as st

from potstill.verify.symbolic import Node, compare, parse
from potstill.verify.symbolic.tree import Constant, Number, Op, Symbol

LEAVES: st.SearchStrategy[Node] = (
    st.integers(0, 30).map(lambda n: Number(n, str(n)))
    | st.sampled_from([Symbol("x"), Symbol("y"), Symbol("n"), Constant("pi"), Constant("e")])
)  # fmt: skip
FUNCTIONS = ("sin", "cos", "ln")


def _grow(below: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    pair = st.tuples(below, below)
    return (
        pair.map(lambda parts: Op("add", parts))
        | pair.map(lambda parts: Op("mul", parts))
        | pair.map(lambda parts: Op("div", parts))
        | below.map(lambda part: Op("neg", (part,)))
        | st.tuples(below, st.integers(1, 4)).map(lambda t: Op("pow", (t[0], Number(t[1], str(t[1])))))
        | below.map(lambda part: Op("call", (part, Number(2, "2")), "root"))
        | st.tuples(below, st.sampled_from(FUNCTIONS)).map(lambda t: Op("call", (t[0],), t[1]))
    )


VALUES: st.SearchStrategy[Node] = st.recursive(LEAVES, _grow, max_leaves=7)
RATIONAL: st.SearchStrategy[Node] = st.recursive(
    st.integers(0, 30).map(lambda n: Number(n, str(n))) | st.sampled_from([Symbol("x"), Symbol("y")]),
    lambda below: (
        st.tuples(below, below).map(lambda parts: Op("add", parts))
        | st.tuples(below, below).map(lambda parts: Op("mul", parts))
        | below.map(lambda part: Op("neg", (part,)))
        | st.tuples(below, st.integers(1, 3)).map(lambda t: Op("pow", (t[0], Number(t[1], str(t[1])))))
    ),
    max_leaves=7,
)


def latex(node: Node) -> str:
    if not isinstance(node, Op):
        return node.written if isinstance(node, Number) else {"pi": r"\pi "}.get(node.name, node.name)  # type: ignore[union-attr]
    parts = [latex(part) for part in node.parts]
    if node.head == "add":
        return r"\left(" + "+".join(parts) + r"\right)"
    if node.head == "mul":
        return r"\left(" + r" \cdot ".join(parts) + r"\right)"
    if node.head == "div":
        return rf"\frac{{{parts[0]}}}{{{parts[1]}}}"
    if node.head == "neg":
        return rf"\left(-{parts[0]}\right)"
    if node.head == "pow":
        return rf"\left({parts[0]}\right)^{{{parts[1]}}}"
    return rf"\sqrt{{{parts[0]}}}" if node.name == "root" else rf"\{node.name}\left({parts[0]}\right)"


def plain(node: Node) -> str:
    if not isinstance(node, Op):
        return node.written if isinstance(node, Number) else node.name  # type: ignore[union-attr]
    parts = [plain(part) for part in node.parts]
    if node.head in ("add", "mul", "div"):
        return "(" + {"add": " + ", "mul": "*", "div": "/"}[node.head].join(parts) + ")"
    if node.head == "neg":
        return f"(-{parts[0]})"
    if node.head == "pow":
        return f"({parts[0]})**{parts[1]}"
    return f"sqrt({parts[0]})" if node.name == "root" else f"{node.name}({parts[0]})"


def _open(*_arguments: object) -> object:
    return "undecided"


@given(VALUES)
def test_an_answer_is_itself_in_latex_and_in_plain_notation(node: Node) -> None:
    found = compare(latex(node), plain(node), call=_open)
    assert found.outcome == "right" or (found.outcome == "unknown" and found.reason)


@given(RATIONAL)
def test_a_polynomial_is_itself_and_no_other(node: Node) -> None:
    assert compare(latex(node), plain(node)).outcome == "right"
    assert compare(latex(node), f"{plain(node)} + 1/7").outcome == "wrong"
    assert compare(latex(node), f"{plain(node)} + x^9").outcome == "wrong"


@given(VALUES)
def test_a_further_term_is_never_right(node: Node) -> None:
    for more in ("1", "x", "0.001", r"\sqrt{7}"):
        assert compare(latex(node), f"{latex(node)} + {more}", call=_open).outcome != "right"


@given(VALUES, VALUES)
def test_the_order_of_the_two_does_not_matter(one: Node, two: Node) -> None:
    there, back = compare(latex(one), plain(two), call=_open), compare(plain(two), latex(one), call=_open)
    assert {there.outcome, back.outcome} != {"right", "wrong"}


@given(RATIONAL, st.integers(0, 10_000))
def test_terms_and_factors_may_stand_in_any_order(node: Node, seed: int) -> None:
    assert compare(latex(node), latex(_shuffled(node, random.Random(seed)))).outcome == "right"


def _shuffled(node: Node, chance: random.Random) -> Node:
    if not isinstance(node, Op):
        return node
    parts = [_shuffled(part, chance) for part in node.parts]
    if node.head in ("add", "mul"):
        chance.shuffle(parts)
    return Op(node.head, tuple(parts), node.name)


@given(st.lists(RATIONAL, min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_sets_are_unordered_and_tuples_are_not(items: list[Node], chance: random.Random) -> None:
    texts = [plain(item) for item in items]
    assume(len({parse(text) for text in texts}) == len(texts))
    mixed = list(texts)
    chance.shuffle(mixed)
    assert compare(r"\{" + ", ".join(texts) + r"\}", r"\{" + ", ".join(mixed) + r"\}").outcome == "right"
    same = all(compare(a, b).outcome == "right" for a, b in zip(texts, mixed, strict=True))
    outcome = compare(f"({', '.join(texts)})", f"({', '.join(mixed)})").outcome
    assert outcome == ("right" if same else "wrong")


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6), st.integers(2, 60))
def test_a_fraction_is_itself_in_any_terms(above: int, below: int, factor: int) -> None:
    assert compare(rf"\frac{{{above}}}{{{below}}}", f"{above * factor}/{below * factor}").outcome == "right"
    assert compare(rf"\frac{{{above}}}{{{below}}}", f"{above * factor + 1}/{below * factor}").outcome == "wrong"


@given(st.integers(0, 10**15))
def test_digits_may_be_grouped(number: int) -> None:
    for text in (f"{number:,}", f"{number:,}".replace(",", "{,}"), f"{number:,}".replace(",", r"\,")):
        assert compare(str(number), text).outcome == "right"
        assert compare(str(number + 1), text).outcome == "wrong"


@given(st.integers(2, 400), st.integers(2, 400), st.integers(-50, 50), st.integers(1, 50))
def test_surds_are_decided_exactly(one: int, two: int, shift: int, below: int) -> None:
    gold = rf"\frac{{\sqrt{{{one}}} + {shift}\sqrt{{{two}}}}}{{{below}}}"
    assert compare(gold, f"sqrt({one})/{below} + ({shift})*sqrt({two})/{below}").method == "exact"
    assert compare(rf"\sqrt{{{one * two}}}", f"sqrt({one})*sqrt({two})").outcome == "right"
    assert compare(rf"\sqrt{{{one}}}+\sqrt{{{two}}}", f"sqrt({one + two})").outcome == "wrong"
