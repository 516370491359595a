"""Loops planted behind sound reasoning are found, whatever their shape; reasoning that carries a state is none."""

import gzip
import itertools
import json
import random
from collections import Counter
from pathlib import Path

import pytest

from potstill.text import is_looping

DATA = Path(__file__).parents[2] / "shared" / "data"
NAMES = (
    "Ada", "Bo", "Cem", "Dana", "Emil", "Fay", "Gus", "Hana", "Ivo", "Jun", "Kim", "Lea",
)  # fmt: skip
THINGS = (
    "apples", "boxes", "coins", "doors", "eggs", "forks", "grapes", "hats", "inks", "jars", "keys", "lamps",
)  # fmt: skip
WORDS = (
    "so", "we", "now", "take", "the", "other", "side", "of", "it", "and", "find", "that", "this", "gives",
    "one", "more", "case", "which", "has", "to", "be", "looked", "at", "again", "since", "nothing", "in", "the",
    "text", "says", "how", "many", "there", "were", "before", "they", "came", "back", "to", "where", "it",
    "began", "with", "half", "as", "much",
)  # fmt: skip
CHINESE = "我们再检查一遍这个结果是否正确因为题目没有说明数量所以还要看另一种情况"


def sentence(dice, least=5, most=18):
    return " ".join(dice.choices(WORDS, k=dice.randint(least, most))).capitalize() + ". "


def worked(dice, count):
    """Sound steps: no two are alike."""
    steps = []
    for _ in range(count):
        a, b, name, thing = dice.randint(2, 99), dice.randint(2, 99), dice.choice(NAMES), dice.choice(THINGS)
        steps.append(f"{name} has {a} {thing} and gets {b} more, so {a} + {b} = {a + b}. {sentence(dice)}")
    return "".join(steps)


def equation(dice):
    a, b = dice.randint(2, 99), dice.randint(2, 99)
    return rf"\frac{{{a}}}{{{b}}} \times {b} = {a}" + "\n"


UNITS = {
    "a sign": lambda dice: dice.choice("0!.-#="),
    "a word": lambda dice: dice.choice(WORDS) + dice.choice((" ", ", ", "\n")),
    "a bracket or two": lambda dice: dice.choice(("( ", "] ) ", "{}\n", "</think>")),
    "a sentence": sentence,
    "a paragraph": lambda dice: "".join(sentence(dice) for _ in range(dice.randint(3, 9))) + "\n\n",
    "an equation": equation,
    "lines of code": lambda dice: f"    if x[{dice.randint(0, 9)}] > y:\n        y = x[{dice.randint(0, 9)}]\n",
    "an item of a list": lambda dice: f"- {sentence(dice)}\n",
    "Chinese": lambda dice: "".join(dice.choices(CHINESE, k=dice.randint(4, 40))) + "。",
    "steps": lambda dice: worked(dice, dice.randint(1, 6)) + "\n\nThe answer is 7.\n\n",
    "two of a kind": lambda dice: f"Wait. {sentence(dice)}But {sentence(dice)}\n",
}
"""What is repeated letter by letter, wherever it is cut."""


def repeated(kind):
    def loop(dice):
        unit = UNITS[kind](dice)
        times = max(4, dice.randint(120, 6_000) // len(unit)) + 1
        looped = unit * times
        return looped[: len(looped) - dice.randrange(len(unit))]

    return loop


def in_any_order(dice):
    said = [sentence(dice, 12, 18) for _ in range(dice.randint(2, 4))]
    return "".join(dice.choice(said) for _ in range(dice.randint(60, 120)))


def spaced_anew(dice):
    words = sentence(dice, 14, 24).split()
    return "".join(word + dice.choice((" ", "\n", "  ")) for word in words * dice.randint(40, 60))


def counted(dice):
    said = "".join(sentence(dice, 16, 18) for _ in range(3))
    return "".join(f"Attempt {n}: {said}\n" for n in range(1, dice.randint(20, 40)))


LOOPS = {
    **{kind: repeated(kind) for kind in UNITS}, "some sentences in any order": in_any_order,
    "other spaces each time": spaced_anew, "a counter before the same words": counted,
}  # fmt: skip


def table(dice):
    columns = dice.randint(2, 5)
    rows = [[n, *(n * dice.randint(2, 30) for _ in range(columns))] for n in range(dice.randint(10, 60))]
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows)


def times_table(dice):
    factor = dice.randint(3, 19)
    return "\n".join(f"{n} \\times {factor} = {n * factor}" for n in range(1, dice.randint(20, 90)))


def iteration(dice):
    x, a, b = dice.randint(1, 9), dice.randint(2, 5), dice.randint(1, 9)
    said = []
    for n in range(dice.randint(10, 40)):
        said.append(f"Step {n + 1}: x_{{{n + 1}}} = {a} * {x} + {b} = {(a * x + b) % 997}, so we go on with it.")
        x = (a * x + b) % 997
    return dice.choice(("\n", " ")).join(said)


def approach(dice):
    value, x = dice.randint(2, 90), dice.uniform(1, 9)
    said = []
    for n in range(dice.randint(8, 25)):
        x, before = (x + value / x) / 2 + dice.uniform(0, 0.01), x
        said.append(f"We put x_{n} = {before:.6f} into the formula, which gives x_{n + 1} = {x:.6f}, still not exact.")
    return "\n".join(said)


def stack(dice):
    opened, said = [], []
    for n in range(dice.randint(15, 60)):
        if opened and dice.random() < 0.45:
            opened.pop()
        else:
            opened.append(dice.choice("([{<"))
        said.append(f"{n + 1}. we read the next sign; the stack is now: {' '.join(opened) or 'empty'}")
    return "\n".join(said)


def sorting(dice):
    row, said = dice.sample(range(99), dice.randint(6, 12)), []
    for _, at in itertools.product(range(len(row)), range(len(row) - 1)):
        if row[at] > row[at + 1]:
            row[at], row[at + 1] = row[at + 1], row[at]
            said.append(f"{row[at + 1]} > {row[at]}: we swap them and have {row}")
    return "\n".join(said[:60])


def cases(dice):
    total, wanted = dice.randint(30, 120), dice.randint(2, 9)
    return " ".join(
        f"If x = {x}, then y = {total} - {x} = {total - x}, which is {'' if (total - x) % wanted else 'not '}"
        f"left over by {wanted}."
        for x in range(1, dice.randint(12, total))
    )  # fmt: skip


def balances(dice):
    held, said = {name: dice.randint(20, 60) for name in NAMES}, []
    for _ in range(dice.randint(12, 50)):
        (one, other), count = dice.sample(NAMES, 2), dice.randint(1, 9)
        held[one], held[other] = held[one] - count, held[other] + count
        said.append(f"{one} gives {other} {count} coins, so {one} has {held[one]} and {other} has {held[other]}.")
    return " ".join(said)


def orders(dice):
    letters = "".join(dice.sample("ABCDEFGH", 5))
    return ", ".join("".join(order) for order in itertools.permutations(letters))


def numbers(dice):
    start, step = dice.randint(1, 50), dice.randint(1, 20)
    return ", ".join(str(start + step * n) for n in range(dice.randint(40, 400)))


def records(dice):
    rows = [
        {"id": n, "name": dice.choice(NAMES), "thing": dice.choice(THINGS), "count": dice.randint(1, 99)}
        for n in range(dice.randint(10, 50))
    ]
    return json.dumps(rows, indent=dice.choice((None, 2)))


def program(dice):
    return "\n".join(
        f"def f{n}(x):\n    y = x + {dice.randint(1, 99)}\n    return y * {dice.choice(WORDS)}_{n}\n"
        for n in range(dice.randint(8, 40))
    )


def truths(dice):
    letters = "pqrst"[: dice.randint(3, 5)]
    rows = itertools.product("TF", repeat=len(letters))
    return "\n".join(" | ".join((*row, dice.choice("TF"))) for row in rows)


def matrix(dice):
    size = dice.randint(3, 9)
    rows = [[dice.randint(-9, 9) if dice.random() < 0.6 else 0 for _ in range(size)] for _ in range(size)]
    return r"\begin{pmatrix}" + r" \\ ".join(" & ".join(map(str, row)) for row in rows) + r"\end{pmatrix}"


def checked_twice(dice):
    """The same steps said once more: no loop yet."""
    steps = worked(dice, dice.randint(3, 12))
    return f"{steps}\n\nLet me check this once more. {steps}\n\nThe answer is {dice.randint(1, 99)}."


STATES = (
    table, times_table, iteration, approach, stack, sorting, cases, balances, orders, numbers, records, program, truths,
    matrix, checked_twice,
)  # fmt: skip


def test_planted_loops_are_found_and_what_carries_a_state_is_none():
    dice, missed, false = random.Random(17), Counter(), Counter()
    each = 80
    for (kind, loop), _ in itertools.product(LOOPS.items(), range(each)):
        missed[kind] += not is_looping(worked(dice, dice.randint(0, 30)) + loop(dice))
    for state, _ in itertools.product(STATES, range(2 * each)):
        before = worked(dice, dice.randint(0, 12))
        behind = dice.choice(("", f"\n\nThe answer is {dice.randint(1, 99)}."))
        false[state.__name__] += is_looping(before + state(dice) + behind)
    assert missed.total() <= 0.01 * each * len(LOOPS), missed
    assert false.total() <= 0.001 * 2 * each * len(STATES), false


@pytest.mark.skipif(not DATA.exists(), reason="shared data is not beside the checkout")
def test_loops_planted_in_real_right_traces_are_found_and_those_traces_have_none():
    text = gzip.decompress((DATA / "traces_gsm8k_longcot_r1_qwq_s1.jsonl.gz").read_bytes()).decode()
    right = [row["response"] for row in map(json.loads, text.splitlines()) if row["correct"]]
    dice, kinds = random.Random(3), itertools.cycle(LOOPS.values())
    assert len(right) > 1_000
    assert sum(map(is_looping, right)) <= 0.001 * len(right)
    found = [is_looping(one[: dice.randrange(len(one))] + next(kinds)(dice)) for one in right[:300]]
    assert sum(found) >= 0.99 * len(found)
