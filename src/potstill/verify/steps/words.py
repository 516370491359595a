"""Words that steer the reading of arithmetic in prose."""

from __future__ import annotations

ENDING = frozenset(
    (
        "and", "or", "so", "then", "thus", "hence", "therefore", "because", "since", "which", "that", "if", "when",
        "while", "is", "are", "was", "were", "has", "have", "had", "be", "been", "he", "she", "it", "they", "we", "you",
        "i", "there", "gives", "give", "makes", "make", "made", "leaves", "leave", "get", "gets", "got", "do", "does",
        "did", "will", "would", "should", "can", "could", "not", "no", "but", "costs", "cost", "spends", "spent",
        "earns", "earned", "needs", "needed", "sells", "sold", "buys", "bought", "means", "equals", "as", "where",
        "how", "what", "who", "let", "after", "before", "during", "until", "now", "also", "first", "next", "finally",
    )
)  # fmt: skip
"""Words that end the name of a unit: a clause goes on, or a new one begins."""

COUNTING = frozenset(("twice", "thrice", "half", "double", "triple", "less", "fewer", "than"))
"""Words among those of a unit that may change the number; `3 more apples` are 3."""

CHANGING_BEFORE = frozenset(
    (
        "half", "third", "thirds", "fourth", "fourths", "quarter", "quarters", "fifth", "fifths", "sixth", "tenth",
        "twice", "double", "triple", "times", "than", "minus", "plus", "less", "root", "square", "cube", "squared",
        "cubed", "percent", "dozen", "hundred", "thousand", "million", "billion", "negative", "mod", "modulo", "over",
        "divided", "multiplied", "by", "subtract", "two", "three", "four", "five", "six", "seven", "eight", "nine",
        "ten",
    )
)  # fmt: skip
"""Words before an expression that may change its value: `half of 20 + 4`, `3 more than 5 + 2`."""

PROPERTIES = frozenset(
    (
        "digit", "digits", "remainder", "residue", "factor", "factors", "divisor", "divisors", "multiple", "multiples",
        "inverse", "reciprocal", "average", "mean", "median",
    )
)  # fmt: skip
"""What something of an expression may be called that is not its value: `the last digit of 7^2 is 9`."""

CHANGING_AFTER = frozenset(
    (
        "halves", "thirds", "quarters", "fourths", "times", "remainder", "r", "plus", "minus", "mod", "modulo", "or",
    )
)  # fmt: skip
"""Words after a result that may change it: `= 10 halves`, `= 3 remainder 1`."""

COMPARING = frozenset(("more", "less", "fewer", "greater", "larger", "smaller", "higher", "lower"))
"""Words after a result that change it where `than` follows: `= 3 more than`; but `= 8 more` is 8."""

FUNCTIONS = frozenset(
    (
        "sin", "cos", "tan", "cot", "sec", "csc", "log", "ln", "exp", "mod", "gcd", "lcm", "max", "min", "floor",
        "ceil", "ceiling", "abs", "sqrt", "pi", "choose", "det", "lim", "arcsin", "arccos", "arctan", "round", "sum",
        "div", "rem",
    )
)  # fmt: skip
"""Words that stand for a function, not for a thing that is counted."""
