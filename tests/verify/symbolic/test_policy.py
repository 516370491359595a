"""The declared conventions: percent, tolerance, significant figures, order, units, simplification."""

from __future__ import annotations

import pytest

from potstill.recipe import Policy
from potstill.verify.symbolic import compare


@pytest.mark.parametrize(
    ("policy", "gold", "answer", "outcome"),
    [
        (Policy(), "10", r"10\%", "right"),
        (Policy(percent="strict"), "10", r"10\%", "wrong"),
        (Policy(percent="strict"), "0.1", r"10\%", "right"),
        (Policy(percent="strict"), "0.335", "33.5 percent", "right"),
        (Policy(), "1/3", "0.333", "wrong"),
        (Policy(tolerance=0.01), "1/3", "0.333", "right"),
        (Policy(tolerance=0.01), "1/3", "0.34", "wrong"),
        (Policy(tolerance=0.01), r"\pi", "3.14", "right"),
        (Policy(tolerance=0.01), "1/3", "333/1000", "wrong"),
        (Policy(tolerance=0.02), r"\begin{pmatrix}\frac13\\\frac15\end{pmatrix}", "[0.33, 0.2]", "right"),
        (Policy(tolerance=0.01), "3.14x", r"\pi x", "wrong"),
        (Policy(significant_figures=3), r"\pi", "3.14", "right"),
        (Policy(significant_figures=3), r"\pi", "3.15", "wrong"),
        (Policy(significant_figures=3), "2/3", "0.667", "right"),
        (Policy(significant_figures=3), "2/3", "0.67", "wrong"),
        (Policy(significant_figures="gold"), "0.67", "2/3", "right"),
        (Policy(significant_figures="gold"), "0.67", "0.6667", "right"),
        (Policy(significant_figures="gold"), "0.667", "0.67", "wrong"),
        (Policy(significant_figures="gold"), "2/3", "0.67", "wrong"),
        (Policy(), "1,2", "2,1", "right"),
        (Policy(order="strict"), "1,2", "2,1", "wrong"),
        (Policy(order="strict"), r"\{1,2\}", r"\{2,1\}", "right"),
        (Policy(), r"5\text{ cm}", "5", "right"),
        (Policy(units="required"), r"5\text{ cm}", "5", "wrong"),
        (Policy(units="required"), r"5\text{ cm}", r"5\text{ cm}", "right"),
        (Policy(), "3/4", "6/8", "right"),
        (Policy(simplified=True), "3/4", "6/8", "wrong"),
        (Policy(simplified=True), "3/4", "0.75", "right"),
        (Policy(simplified=True), r"2\sqrt2", r"\sqrt8", "wrong"),
        (Policy(simplified=True), r"2\sqrt2", r"2\cdot\sqrt{2}", "right"),
        (Policy(simplified=True), r"\sqrt[3]{2}", r"\sqrt[3]{2}", "right"),
        (Policy(simplified=True), r"2\sqrt[3]{2}", r"\sqrt[3]{16}", "wrong"),
        (Policy(simplified=True), "117649", "7^6", "wrong"),
        (Policy(simplified=True), "2^{98}", "2^{98}", "right"),
        (Policy(simplified=True), "20", "11+9", "wrong"),
        (Policy(simplified=True), r"\frac{11}{4}", r"2\frac34", "right"),
        (Policy(simplified=True), r"\frac{x}{2}", r"\frac{2x}{4}", "wrong"),
        (Policy(simplified=True), r"\frac{1+\sqrt5}{2}", r"\frac{2+2\sqrt5}{4}", "wrong"),
        (Policy(simplified=True), "120", "5!", "wrong"),
    ],
)
def test_a_policy_decides_what_counts(policy: Policy, gold: str, answer: str, outcome: str) -> None:
    assert compare(gold, answer, policy).outcome == outcome


@pytest.mark.parametrize(
    ("gold", "answer", "outcome"),
    [
        (r"\sqrt2", "1.41421356237", "right"), (r"\sqrt2", "1.41421356236", "wrong"),
        (r"\sqrt2", "1.4142135624", "wrong"),
        ("1/12", "0.0833333333333333", "right"), ("1/12", "0.0833333333333313", "wrong"),
        ("0.3", "0.30000000000000004", "right"), ("0.3", "0.3000000000001", "wrong"),
        ("1000000000001", "1000000000001.3", "wrong"),
    ],
)  # fmt: skip
def test_without_tolerance_only_a_decimal_of_full_precision_stands_for_an_exact_value(
    gold: str, answer: str, outcome: str
) -> None:
    assert compare(gold, answer).outcome == outcome
