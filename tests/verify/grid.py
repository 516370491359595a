r"""A seeded grid of responses: kinds of answers x ways to close a response x the right and a wrong answer.

Written before the code that it measures was looked at. Each kind draws a question, its gold, and the right and a wrong
answer, in plain text and in LaTeX; each closing puts one answer into a response. `denials` hold the right answer without
asserting it, so that no verdict but right will do.
"""

import json
import random
from dataclasses import dataclass
from fractions import Fraction

SEED = 20261129


@dataclass(frozen=True)
class Item:
    """A drawn question: `right` and `wrong` are (plain, LaTeX) spellings."""

    kind: str
    question: str
    gold: str
    right: tuple[str, str]
    wrong: tuple[str, str]
    choices: tuple[str, ...] = ()
    answer_kind: str = "auto"


@dataclass(frozen=True)
class Case:
    item: Item
    closing: str
    response: str
    want: str
    """`right`, `wrong`, or `not right` for responses that do not assert the right answer."""


def same(text):
    return (text, text)


def tex(text):
    return (text, rf"\text{{{text}}}")


def pair(dice, low=2, high=99):
    return tuple(dice.sample(range(low, high), 2))


def integer(dice):
    a, b = pair(dice)
    return Item("integer", f"What is {a} + {b}?", str(a + b), same(str(a + b)), same(str(a + b + 1)))


def negative(dice):
    a, b = sorted(pair(dice))
    return Item("negative", f"What is {a} - {b}?", str(a - b), same(str(a - b)), same(str(b - a)))


def grouped(dice):
    n = dice.randint(1_000, 999_999)
    plain = (f"{n:,}", f"{n:,}".replace(",", "{,}"))
    other = (f"{n + 10:,}", f"{n + 10:,}".replace(",", "{,}"))
    return Item("grouped", "How many people live there?", str(n), plain, other)


def decimal(dice):
    n = dice.randint(101, 9_999)
    n += n % 10 == 0
    return Item(
        "decimal",
        "What is the length in metres?",
        f"{n / 100:.2f}",
        same(f"{n / 100:.2f}"),
        same(f"{n / 100 + 0.1:.2f}"),
    )


def fraction(dice):
    d = dice.choice((3, 7, 9, 11, 13))
    n = dice.choice([k for k in range(1, 30) if k % d])
    right, wrong = Fraction(n, d), Fraction(n, d) + Fraction(1, d)
    gold = rf"\frac{{{right.numerator}}}{{{right.denominator}}}"
    made = wrong.numerator, wrong.denominator
    return Item(
        "fraction",
        "What is the probability ratio?",
        gold,
        (str(right), gold),
        (f"{made[0]}/{made[1]}", rf"\frac{{{made[0]}}}{{{made[1]}}}"),
    )


def mixed(dice):
    w, d = dice.randint(1, 9), dice.choice((3, 5, 7))
    n = dice.randint(1, d - 1)
    gold = rf"{w}\frac{{{n}}}{{{d}}}"
    return Item(
        "mixed",
        "Write the sum as a mixed number.",
        gold,
        (f"{w} {n}/{d}", gold),
        (f"{w + 1} {n}/{d}", rf"{w + 1}\frac{{{n}}}{{{d}}}"),
    )


def percent(dice):
    n = dice.randint(2, 98)
    return Item(
        "percent", "What percentage of the class passed?", f"{n}%", (f"{n}%", rf"{n}\%"), (f"{n + 1}%", rf"{n + 1}\%")
    )


def money(dice):
    n = dice.randint(101, 9_999)
    return Item(
        "money",
        "How much does she pay in dollars?",
        f"{n / 100:.2f}",
        (f"${n / 100:.2f}", rf"\${n / 100:.2f}"),
        (f"${n / 100 + 1:.2f}", rf"\${n / 100 + 1:.2f}"),
    )


def speed(dice):
    n = dice.randint(20, 140)
    return Item(
        "speed",
        "What is the average speed?",
        f"{n} km/h",
        (f"{n} km/h", rf"{n}\text{{ km/h}}"),
        (f"{n + 3} km/h", rf"{n + 3}\text{{ km/h}}"),
    )


def length(dice):
    n = dice.randint(2, 90)
    return Item(
        "length",
        "How long is the rope?",
        f"{n} cm",
        (f"{n * 10} mm", rf"{n * 10}\text{{ mm}}"),
        (f"{n + 1} cm", rf"{n + 1}\text{{ cm}}"),
    )


def counted(dice):
    n, noun = dice.randint(3, 90), dice.choice(("marbles", "tickets", "students", "boxes"))
    return Item(
        "counted",
        f"How many {noun} are there?",
        str(n),
        (f"{n} {noun}", rf"{n}\text{{ {noun}}}"),
        (f"{n - 1} {noun}", rf"{n - 1}\text{{ {noun}}}"),
    )


def date(dice):
    month, day, year = dice.choice(("March", "July", "October")), dice.randint(1, 27), dice.randint(1950, 2030)
    return Item(
        "date",
        "On what date does it end?",
        f"{month} {day}, {year}",
        tex(f"{month} {day}, {year}"),
        tex(f"{month} {day + 1}, {year}"),
    )


def clock(dice):
    h, m = dice.randint(1, 11), dice.choice((5, 10, 25, 35, 50))
    return Item(
        "clock",
        "At what time does the train arrive?",
        f"{h}:{m:02d} PM",
        (f"{h}:{m:02d} PM", rf"{h}:{m:02d}\text{{ PM}}"),
        (f"{h + 1}:{m:02d} PM", rf"{h + 1}:{m:02d}\text{{ PM}}"),
    )


def radical(dice):
    a, b = dice.randint(2, 9), dice.choice((2, 3, 5, 6, 7))
    return Item(
        "radical",
        "How long is the diagonal?",
        rf"{a}\sqrt{{{b}}}",
        (f"{a}√{b}", rf"{a}\sqrt{{{b}}}"),
        (f"{a + 1}√{b}", rf"{a + 1}\sqrt{{{b}}}"),
    )


def polynomial(dice):
    a, b = dice.randint(2, 9), dice.randint(1, 9)
    return Item(
        "polynomial",
        f"Expand (x + {b})({a}x - 1).",
        f"{a}x^2 + {a * b - 1}x - {b}",
        same(f"{a}x^2 + {a * b - 1}x - {b}"),
        same(f"{a}x^2 + {a * b + 1}x - {b}"),
    )


def factored(dice):
    a, b = dice.sample(range(1, 9), 2)
    return Item(
        "factored",
        "Factor the polynomial.",
        f"(x-{a})(x+{b})",
        same(f"(x + {b})(x - {a})"),
        same(f"(x + {a})(x - {b})"),
    )


def circle(dice):
    n = dice.randint(2, 60)
    return Item(
        "circle", "What is the area of the circle?", rf"{n}\pi", (f"{n}π", rf"{n}\pi"), (f"{n + 1}π", rf"{n + 1}\pi")
    )


def point(dice):
    a, b = dice.sample(range(-9, 10), 2)
    return Item("point", "Where do the lines meet?", f"({a}, {b})", same(f"({a}, {b})"), same(f"({b}, {a})"))


def matrix(dice):
    a, b, c, d = dice.sample(range(-9, 10), 4)
    both = [rf"\begin{{pmatrix}} {a} & {b} \\ {c} & {last} \end{{pmatrix}}" for last in (d, d + 1)]
    return Item("matrix", "What is the product?", both[0], same(f"${both[0]}$"), same(f"${both[1]}$"))


def members(dice):
    a, b, c = sorted(dice.sample(range(1, 40), 3))
    return Item(
        "set",
        "Which numbers are in the set?",
        rf"\{{{a}, {b}, {c}\}}",
        (f"{{{c}, {b}, {a}}}", rf"\{{{c}, {b}, {a}\}}"),
        (f"{{{a}, {b}, {c + 1}}}", rf"\{{{a}, {b}, {c + 1}\}}"),
    )


def interval(dice):
    a, b = sorted(dice.sample(range(-20, 20), 2))
    return Item("interval", "What is the domain?", f"[{a}, {b})", same(f"[{a}, {b})"), same(f"({a}, {b}]"))


def line(dice):
    a, b = dice.randint(2, 9), dice.randint(1, 9)
    return Item(
        "line", "What is the equation of the line?", f"y = {a}x + {b}", same(f"y = {a}x + {b}"), same(f"y = {a}x - {b}")
    )


def inequality(dice):
    a = dice.randint(2, 30)
    return Item("inequality", "For which x does it hold?", f"x > {a}", same(f"x > {a}"), same(f"x < {a}"))


def roots(dice):
    a, b = sorted(dice.sample(range(-9, 10), 2))
    return Item(
        "roots",
        "Solve for x.",
        f"{a}, {b}",
        (f"x = {b} or x = {a}", rf"x = {b} \text{{ or }} x = {a}"),
        (f"x = {b} or x = {a + 20}", rf"x = {b} \text{{ or }} x = {a + 20}"),
    )


def complex_number(dice):
    a, b = dice.sample(range(1, 10), 2)
    return Item("complex", "Compute the quotient.", f"{a} - {b}i", same(f"{a} - {b}i"), same(f"{a} + {b}i"))


def ratio(dice):
    a, b = dice.choice(((3, 4), (2, 5), (7, 3), (5, 8), (9, 2)))
    return Item("ratio", "What is the ratio of boys to girls?", f"{a}:{b}", same(f"{a}:{b}"), same(f"{b}:{a}"))


OPTIONS = (
    ("Sydney", "Melbourne", "Canberra", "Perth"),
    ("copper", "zinc", "iron", "tin"),
    ("a fern", "a moss", "an alga", "a lichen"),
)


def letter(dice):
    options, k = dice.choice(OPTIONS), dice.randrange(4)
    return Item(
        "letter",
        "Which of these is it?",
        "ABCD"[k],
        tex(f"({'ABCD'[k]})"),
        tex(f"({'ABCD'[(k + 1) % 4]})"),
        options,
        "choice",
    )


def option(dice):
    options, k = dice.choice(OPTIONS), dice.randrange(4)
    named = [f"{'ABCD'[n % 4]}) {options[n % 4]}" for n in (k, k + 1)]
    return Item("option", "Which of these is it?", "ABCD"[k], tex(named[0]), tex(named[1]), options, "choice")


def yes_no(dice):
    yes, no = dice.sample(("Yes", "No"), 2)
    return Item(
        "yes_no", "Is the statement true?", yes.lower(), tex(yes), tex(no), answer_kind=dice.choice(("auto", "yes_no"))
    )


def word(dice):
    right, wrong = dice.sample(
        ("Paris", "Lisbon", "Nairobi", "Oslo", "Marie Curie", "Alan Turing", "photosynthesis", "copper"), 2
    )
    return Item(
        "word", "Which name is meant?", right, tex(right), tex(wrong), answer_kind=dice.choice(("auto", "text"))
    )


def scientific(dice):
    a, k = dice.randint(11, 99), dice.randint(3, 20)
    right, wrong = [(rf"{a / 10} × 10^{n}", rf"{a / 10} \times 10^{{{n}}}") for n in (k, k + 1)]
    return Item("scientific", "How many molecules are there?", right[1], right, wrong)


def python_list(dice):
    values = [dice.randint(0, 9) for _ in range(4)]
    return Item(
        "python",
        "What does the program print?",
        str(values),
        same(str(values)),
        same(str([*values[:-1], values[-1] + 1])),
        answer_kind="text",
    )


KINDS = (
    integer, negative, grouped, decimal, fraction, mixed, percent, money, speed, length, counted, date, clock, radical,
    polynomial, factored, circle, point, matrix, members, interval, line, inequality, roots, complex_number, ratio, letter,
    option, yes_no, word, scientific, python_list,
)  # fmt: skip

OPENINGS = (
    "Let's work through it step by step, starting from what is given.",
    "We first collect what is known.\n\n1. Set up the relation.\n2. Solve it.",
    "### Approach\n\nWrite down what is given and simplify.",
    "Okay. I'll take it one piece at a time.",
)
BOX, PLAIN, MATH = "box", "plain", "math"
"""How a closing writes the answer: LaTeX in a box, plain text, LaTeX between dollar signs where the answer has any."""
CLOSINGS = (
    (BOX, "$$\\boxed{@}$$"), (BOX, "\\[\n\\boxed{@}\n\\]"), (BOX, "So the final answer is $\\boxed{@}$."),
    (BOX, "The final answer is \\(\\boxed{@}\\)."), (BOX, "**Final Answer**\n\n$$\n\\boxed{@}\n$$\n\nThis is the value that was asked for."),
    (BOX, "$\\boxed{@}$\n\nLet me know if you want to see another way!"), (MATH, "**Answer:** @"), (MATH, "**Answer: @**"),
    (MATH, "### Final Answer\n\n@"), (MATH, "### Answer\n\n**@**"), (PLAIN, "So the answer is @."), (MATH, "Therefore, the answer is **@**."),
    (PLAIN, "Answer: @"), (PLAIN, "ANSWER: @"), (PLAIN, "#### @"), (PLAIN, "<answer>@</answer>"), (PLAIN, "<answer>\n@\n</answer>"),
    ("json", '{"reasoning": "We simplify.", "answer": @}'), ("json", '```json\n{"steps": ["simplify"], "final_answer": @}\n```'),
    (PLAIN, "Thus, the answer must be @."), (MATH, "Hence the result is @."), (PLAIN, "The answer is: @"), (PLAIN, "Final answer: @"),
    (MATH, "**Final Answer:** @"), ("display", "So we get\n\n@"), (PLAIN, "| Step | Result |\n|---|---|\n| Setting up | done |\n| **Answer** | **@** |"),
    (MATH, "- Simplify both sides\n- **Answer:** @"), (PLAIN, "✅ **Answer: @**"), (PLAIN, "👉 The answer is @"), (PLAIN, "The correct answer is @."),
    (MATH, "@ is the answer."), (PLAIN, "**@** is the final answer."), (PLAIN, "My answer is @."), (PLAIN, "In conclusion, the answer is @."),
    (PLAIN, "The answer is @. Let me know if you have any questions!"),
    (MATH, "The answer is **@**.\n\nWould you like me to explain any of the 3 steps?"),
    (MATH, "**Answer:** @\n\n**Verification:** substituting back gives 7 + 5 = 12 ✓"),
    (MATH, "### Answer\n\n@\n\n### Check\n\n- 3 × 4 = 12 ✓\n- All conditions hold."), (PLAIN, "### Summary\n\n1. Set up.\n2. Solved.\n\n**Result: @**"),
    (MATH, "**Result:** @"), (PLAIN, "∴ the answer is @"), (PLAIN, "Answer → @"), (PLAIN, "The answer to the question is @."), (PLAIN, "So it's @!"),
    (PLAIN, "Result: @"), (MATH, "**Solution:** @"), (PLAIN, "Answer:\n@"), (MATH, "**Answer**\n\n@"),
    (MATH, "Final Answer: The final answer is @. I hope it is correct."), (MATH, "---\n\n**Final answer:** @\n\n---"),
    (PLAIN, "At first I got ~, but that was a slip. The answer is @."), (PLAIN, "Actually, I made an error above: it is not ~ but @.\n\nFinal answer: @"),
    (MATH, "**Conclusion:** @"), (PLAIN, "[ANSWER]@[/ANSWER]"), (PLAIN, "To sum up, the answer is @."), (PLAIN, "The answer is:\n\n```\n@\n```"),
    (PLAIN, "TL;DR: @"), (MATH, "> **Answer:** @"), (PLAIN, "So, after simplifying, we arrive at **@**."), (PLAIN, "Therefore, the answer (in the form asked for) is @."),
)  # fmt: skip
DENIALS = (
    "The answer is not @.", "It cannot be @.", "The answer is either @ or ~.", "If that were so, the answer would be @. It is not.",
    "Someone claimed that the answer is @, which is false.", "Is the answer @?", "I first got @, but that is wrong; the answer is ~.",
    "@? No: the answer is ~.", "**Answer:** @ or ~", "**Answer:** ~ (not @)", "The answer might be @, but I am not sure at all.",
    "I cannot tell whether it is @.", "The answer is ~, although many would say @.", "Without more information it could be @ or anything else.",
    "A common mistake is to answer @.",
)  # fmt: skip


def dressed(how, answer):
    """Return one answer as a closing writes it."""
    plain, latex = answer
    if how == BOX:
        return latex.strip("$") if "\\begin" in latex else latex
    if how == "json":
        return json.dumps(plain.strip("$") if "\\begin" in plain else plain, ensure_ascii=False)
    if how == "display":
        return plain if latex.startswith(r"\text") else f"$${latex.strip('$')}$$"
    if how == MATH and plain != latex and not latex.startswith(r"\text"):
        return f"${latex}$"
    return plain


def closed(dice, item, closing, answer, other):
    how, text = closing
    end = text.replace("@", dressed(how, answer)).replace("~", dressed(how, other))
    return f"{dice.choice(OPENINGS)}\n\n{end}"


def grid(seed=SEED, closings=CLOSINGS, denials=DENIALS):
    """Yield every case: kinds x closings x right and wrong, then the denials."""
    dice = random.Random(seed)
    for kind in KINDS:
        for closing in closings:
            item = kind(dice)
            yield Case(item, closing[1], closed(dice, item, closing, item.right, item.wrong), "right")
            yield Case(item, closing[1], closed(dice, item, closing, item.wrong, item.right), "wrong")
        for denial in denials:
            item = kind(dice)
            if item.kind == "yes_no":
                continue  # "not yes" asserts no
            yield Case(item, denial, closed(dice, item, (PLAIN, denial), item.right, item.wrong), "not right")
