r"""A second grid of responses in the styles of current models, written before the code that it measures was looked at.

33 kinds of answers x 71 closings x the right and a wrong answer, and 20 ways to name the right answer without asserting
it, behind leads of several kinds. On first sight 95.8% were as wanted, with 42 false accepts. In the texts `{p}` is the
answer, `{l}` its LaTeX, `{j}` its JSON, `{o}` and `{k}` another answer; `@@` begins a response without a lead.
"""

import random

from verify.grid import Case, Item, same, tex


def items(dice):
    n = dice.randint
    out = []

    def add(name, q, gold, right, wrong, choices=(), kind="auto"):
        out.append(Item(name, q, gold, right, wrong, tuple(choices), kind))

    a = n(21, 98)
    add("integer", "How many tiles are needed?", str(a), same(str(a)), same(str(a + n(1, 9))))
    a = n(3, 40)
    add("negative", "Find the smaller root.", str(-a), same(f"-{a}"), same(str(a)))
    a = n(1100, 9800)
    add(
        "thousands",
        "What is the total population of the towns?",
        str(a),
        (f"{a:,}", f"{a:,}".replace(",", "{,}")),
        (f"{a + 100:,}", f"{a + 100:,}".replace(",", "{,}")),
    )
    a = n(101, 989)
    a += a % 10 == 0
    d = f"{a // 100}.{a % 100:02d}".rstrip("0")
    w = f"{a // 100 + 1}.{a % 100:02d}".rstrip("0")
    add("decimal", "Compute the mean of the readings.", d, same(d), same(w))
    q = dice.choice([5, 7, 11, 13])
    p = n(1, q - 1)
    w = p % (q - 1) + 1
    w = w if w != p else p + q
    add(
        "fraction",
        "What is the probability, as a common fraction?",
        f"\\frac{{{p}}}{{{q}}}",
        (f"{p}/{q}", f"\\frac{{{p}}}{{{q}}}"),
        (f"{w}/{q}", f"\\frac{{{w}}}{{{q}}}"),
    )
    b = n(2, 8)
    add(
        "mixed",
        "How many cups of flour are left? Give a mixed number.",
        f"{b}\\frac{{3}}{{4}}",
        (f"{b} 3/4", f"{b}\\frac{{3}}{{4}}"),
        (f"{b} 1/4", f"{b}\\frac{{1}}{{4}}"),
    )
    a = n(12, 88)
    add("percent", "By what percent did the price rise?", f"{a}%", (f"{a}%", f"{a}\\%"), (f"{a + 5}%", f"{a + 5}\\%"))
    a = n(12, 88)
    c = dice.choice(["50", "25", "75"])
    add(
        "money",
        "How much does Dana pay in total, in dollars?",
        f"{a}.{c}",
        (f"${a}.{c}", f"\\${a}.{c}"),
        (f"${a + 3}.{c}", f"\\${a + 3}.{c}"),
    )
    a = n(12, 88)
    add(
        "speed",
        "What is the average speed of the car in km/h?",
        f"{a} km/h",
        (f"{a} km/h", f"{a}\\ \\text{{km/h}}"),
        (f"{a + 4} km/h", f"{a + 4}\\ \\text{{km/h}}"),
    )
    a = n(12, 88)
    add(
        "objects",
        "How many oranges does Ravi have now?",
        str(a),
        (f"{a} oranges", f"{a}\\text{{ oranges}}"),
        (f"{a + 2} oranges", f"{a + 2}\\text{{ oranges}}"),
    )
    a = n(12, 88)
    add(
        "area",
        "Find the area of the garden.",
        f"{a}\\text{{ m}}^2",
        (f"{a} m²", f"{a}\\text{{ m}}^2"),
        (f"{a + 6} m²", f"{a + 6}\\text{{ m}}^2"),
    )
    h, m = (n(1, 11), dice.choice([15, 20, 35, 45]))
    add(
        "clock",
        "At what time does the film end?",
        f"{h}:{m} PM",
        (f"{h}:{m} p.m.", f"{h}:{m}\\text{{ PM}}"),
        (f"{h % 12 + 1}:{m} p.m.", f"{h % 12 + 1}:{m}\\text{{ PM}}"),
    )
    mo = dice.choice(["May", "June", "October"])
    dd = n(3, 26)
    add(
        "date",
        "On which date does the loan end?",
        f"{mo} {dd}, 2024",
        same(f"{mo} {dd}, 2024"),
        same(f"{mo} {dd + 2}, 2024"),
    )
    a, b = dice.choice([(3, 5), (2, 7), (5, 9), (7, 4)])
    add("ratio", "What is the ratio of cats to dogs?", f"{a}:{b}", (f"{a}:{b}", f"{a}:{b}"), (f"{b}:{a}", f"{b}:{a}"))
    a, b = (n(2, 9), n(-9, -2))
    add(
        "point",
        "Where do the lines meet?",
        f"({a}, {b})",
        (f"({a}, {b})", f"\\left({a}, {b}\\right)"),
        (f"({b}, {a})", f"\\left({b}, {a}\\right)"),
    )
    a, b = (n(-9, -1), n(1, 9))
    add(
        "interval",
        "For which x is the inequality true? Answer in interval notation.",
        f"[{a}, {b})",
        (f"[{a}, {b})", f"\\left[{a}, {b}\\right)"),
        (f"({a}, {b}]", f"\\left({a}, {b}\\right]"),
    )
    a, b = (n(1, 5), n(6, 9))
    add(
        "roots",
        "Solve the equation for x.",
        f"{a}, {b}",
        (f"x = {a} or x = {b}", f"x = {a} \\text{{ or }} x = {b}"),
        (f"x = {a} or x = {b + 1}", f"x = {a} \\text{{ or }} x = {b + 1}"),
    )
    a, b, c = (n(1, 3), n(4, 6), n(7, 9))
    add(
        "set",
        "List the elements of the set A ∩ B.",
        f"\\{{{a}, {b}, {c}\\}}",
        (f"{{{a}, {b}, {c}}}", f"\\{{{a}, {b}, {c}\\}}"),
        (f"{{{a}, {b}, {c + 1}}}", f"\\{{{a}, {b}, {c + 1}\\}}"),
    )
    a, b = (n(2, 6), n(2, 9))
    add(
        "polynomial",
        "Expand and simplify.",
        f"x^2+{a}x-{b}",
        (f"x² + {a}x − {b}", f"x^2 + {a}x - {b}"),
        (f"x² − {a}x − {b}", f"x^2 - {a}x - {b}"),
    )
    a, b = dice.choice([(2, 3), (3, 5), (5, 2), (4, 7)])
    add(
        "surd",
        "Find the exact length of the diagonal.",
        f"{a}\\sqrt{{{b}}}",
        (f"{a}√{b}", f"{a}\\sqrt{{{b}}}"),
        (f"{b}√{a}", f"{b}\\sqrt{{{a}}}") if a != 4 else ("4√5", "4\\sqrt{5}"),
    )
    a = n(3, 30)
    add(
        "pi",
        "What is the circumference, in terms of π?",
        f"{a}\\pi",
        (f"{a}π", f"{a}\\pi"),
        (f"{a + 2}π", f"{a + 2}\\pi"),
    )
    a, e = (n(2, 9), n(4, 12))
    add(
        "scientific",
        "Write the distance in metres in scientific notation.",
        f"{a} \\times 10^{{{e}}}",
        (f"{a} × 10^{e}", f"{a} \\times 10^{{{e}}}"),
        (f"{a} × 10^{e + 1}", f"{a} \\times 10^{{{e + 1}}}"),
    )
    a = n(2, 6)
    b = n(1, 9)
    add(
        "line",
        "Give the equation of the line.",
        f"y = {a}x + {b}",
        (f"y = {a}x + {b}", f"y = {a}x + {b}"),
        (f"y = {a}x − {b}", f"y = {a}x - {b}"),
    )
    a = n(2, 20)
    add(
        "inequality",
        "Solve the inequality.",
        f"x \\geq {a}",
        (f"x ≥ {a}", f"x \\geq {a}"),
        (f"x ≤ {a}", f"x \\leq {a}"),
    )
    a = n(15, 170)
    add("degrees", "Find angle ABC.", f"{a}^\\circ", (f"{a}°", f"{a}^\\circ"), (f"{a + 7}°", f"{a + 7}^\\circ"))
    a, b = (n(1, 9), n(2, 9))
    add(
        "complex",
        "Simplify the quotient of complex numbers.",
        f"{a}+{b}i",
        (f"{a} + {b}i", f"{a} + {b}i"),
        (f"{a} − {b}i", f"{a} - {b}i"),
    )
    x, y = dice.sample(["Priya", "Omar", "Lucía", "Chen"], 2)
    add("name", "Who finished the race first?", x, tex(x), tex(y))
    x, y = dice.sample(["Tuesday", "Friday", "Sunday"], 2)
    add("weekday", "On which day of the week will it fall?", x, tex(x), tex(y))
    x, y = dice.choice([("Yes", "No"), ("No", "Yes")])
    add("yes-no", "Is the triangle right-angled?", x, tex(x), tex(y))
    x, y = dice.sample("ABCD", 2)
    ch = ["Lima", "Quito", "Bogotá", "La Paz"]
    add(
        "letter", "Which city is the seat of government?", x, (x, f"\\text{{{x}}}"), (y, f"\\text{{{y}}}"), ch, "choice"
    )
    x, y = dice.sample("ABCD", 2)
    add(
        "letter-bracket",
        "Which city is the seat of government?",
        x,
        (f"({x})", f"\\text{{({x})}}"),
        (f"({y})", f"\\text{{({y})}}"),
        ch,
        "choice",
    )
    x, y = dice.sample("ABCD", 2)
    t = dict(zip("ABCD", ch, strict=False))
    add(
        "letter-text",
        "Which city is the seat of government?",
        x,
        (f"{x}) {t[x]}", f"\\text{{{x}) {t[x]}}}"),
        (f"{y}) {t[y]}", f"\\text{{{y}) {t[y]}}}"),
        ch,
        "choice",
    )
    x = [n(1, 9) for _ in range(4)]
    add(
        "python-list",
        "What does the program print?",
        str(x),
        same(str(x)),
        same(str(x[::-1] if x != x[::-1] else [*x, 1])),
        (),
        "text",
    )
    return out


LEADS = [
    "Let me work through this carefully.",
    "Okay, let's break this problem down step by step.\n\n1. **Understand the problem.** We are given 3 facts.\n2. **Set up.** From the second fact we get an equation in one unknown.\n3. **Solve.** Rearranging gives the result below.",
    "## Approach\n\nWe first simplify, then substitute.\n\n## Solution\n\nStart from the given data and combine like terms (there are 13 of them).",
    "Great question! 🎉 Here's how to think about it:\n\n- First, note what is given.\n- Next, use the 14 steps of the rule.\n- Finally, combine.",
    "$$E = mc^2$$ is not needed here; a simple argument does it. Using equation (1) and Figure 2,",
    "<think>\nHmm, let me think. Maybe 1000? No, that cannot be. Try again with 17.\n</think>\n\nHere is the derivation in brief.",
    "**Step 1:** Read off the data.\n\n**Step 2:** Apply the theorem (twice).\n\n**Step 3:** Simplify.",
]  # fmt: skip
CLOSINGS = {
 "boxed": r"The final answer is $\boxed{{{l}}}$.",
 "boxed-display": "Therefore:\n\n$$\n\\boxed{{{l}}}\n$$",
 "boxed-brackets": "Thus, we conclude\n\\[\n\\boxed{{{l}}}\n\\]",
 "fbox-bold": "**Final answer:** $\\boxed{{{l}}}$",
 "bold-answer": "**Answer: {p}**",
 "bold-answer-2": "**Answer:** {p}",
 "bold-final": "**Final Answer:** **{p}**",
 "heading-final": "### Final Answer\n\n{p}",
 "heading-final-bold": "## ✅ Final Answer\n\n**{p}**",
 "heading-inline": "### Answer: {p}",
 "heading-box": "### Final Answer\n\n$$\\boxed{{{l}}}$$",
 "hash4": "#### {p}",
 "tag": "<answer>{p}</answer>",
 "tag-multi": "<answer>\n{p}\n</answer>",
 "the-answer-is": "So the answer is {p}.",
 "the-final-answer-is": "The final answer is: {p}",
 "therefore-bold": "Therefore, the answer is **{p}**.",
 "hence-math": "Hence the answer is ${l}$.",
 "paren-math": r"So the answer is \({l}\).",
 "correct-answer": "Thus the correct answer is {p}.",
 "json": '```json\n{{"answer": "{j}"}}\n```',
 "json-reason": '{{"reasoning": "Combining the 3 facts gives the result.", "answer": "{j}"}}',
 "yaml": "answer: {p}",
 "table-answer": "| Quantity | Value |\n|---|---|\n| Steps | 3 |\n| **Final answer** | **{p}** |",
 "list-answer": "- Method: substitution\n- Answer: {p}",
 "emoji-check": "✅ **Answer:** {p}",
 "emoji-target": "🎯 **Final answer: {p}**",
 "emoji-point": "👉 **{p}**",
 "arrow": "⇒ {p}",
 "quote": "> **{p}**",
 "rule": "---\n\n**{p}**",
 "bold-alone": "**{p}**",
 "code-span": "Answer: `{p}`",
 "underline": "__Answer__: {p}",
 "tldr": "**TL;DR:** {p}",
 "summary-short": "In short: **{p}**",
 "result-colon": "**Result:** {p}",
 "conclusion-head": "## Conclusion\n\nThe answer is **{p}**.",
 "follow-up": "**Answer: {p}**\n\nWould you like me to show another way to solve it?",
 "follow-up-2": "So the answer is **{p}**. Let me know if you'd like a more detailed explanation of any of the 3 steps!",
 "hope": "The answer is {p}. I hope this helps! 😊",
 "verify-after": "**Answer: {p}**\n\n**Verification:** Substituting back into the original statement, both sides agree (6 = 6). ✓",
 "verify-after-2": "The answer is {p}.\n\nLet's double-check: 2 + 2 = 4 and 4 × 5 = 20, which is consistent.",
 "check-head": "### Answer\n**{p}**\n\n### Check\nPlugging back in: 12 − 5 = 7 ✔",
 "note-after": "**Answer:** {p}\n\n*Note: this assumes that all 4 conditions hold.*",
 "confidence": "Answer: {p}\nConfidence: 95%",
 "answer-first": "@@**{p}**\n\nHere's why: the data combine to give this value after 2 simplifications.",
 "answer-first-2": "@@The answer is {p}.\n\nExplanation: apply the rule 3 times and simplify.",
 "short-answer-first": "@@**Short answer:** {p}\n\n**Long answer:** there are 2 facts to combine, and combining them gives the above.",
 "final-is": "FINAL ANSWER: {p}",
 "ans": "Ans. {p}",
 "we-conclude": "We conclude that the answer must be {p}.",
 "my-answer": "My final answer is {p}.",
 "thats-it": "That's it, the answer is {p}!",
 "is-the-answer": "**{p}** is the answer.",
 "is-our-answer": "So {p} is our final answer.",
 "self-correct": "The answer is {o}. Wait, that is not right, I misread the second fact. The correct answer is {p}.",
 "double-dollar": "**Final Answer**\n\n$${l}$$",
 "math-bold": "$$\\boldsymbol{{{l}}}$$\n\nThat is the required answer.",
 "color": "So the answer is $\\color{{blue}}{{{l}}}$.",
 "r1": "**Final Answer**\n\\boxed{{{l}}}",
 "gemini": "The final answer is $\\boldsymbol{{{l}}}$.",
 "harmony": "The computation is short.\n\nFinal: **{p}**",
 "please": "Please find the answer below:\n\n{p}",
 "answer-colon-newline": "Answer:\n{p}",
 "html": "<b>Answer:</b> {p}",
 "html-br": "Answer: {p}<br><br>",
 "star-final": "*Final answer:* {p} ⭐",
 "cot-end": "Putting it all together, we find the answer: {p}",
 "gpt5": "Answer: {p} (after simplifying).",
 "llama": "The final answer is: $\\boxed{{{l}}}$",
 "yo": "so yeah it's {p}",
 "would-be": "The answer would be {p}.",
 "i-get": "I get {p}.",
}  # fmt: skip
DENIALS = {
 "not": "The answer is not {p}.",
 "isnt": "So the answer isn't **{p}**.",
 "cannot": "The answer cannot be {p}.",
 "tempting": "It is tempting to answer {p}, but that would be a mistake.",
 "many": "Many students answer {p}, which is wrong.",
 "incorrect": "**{p}** is incorrect.",
 "unsure": "Maybe it is {p}, but I honestly don't know.",
 "either": "The answer is either {p} or {o}.",
 "retract": "The answer is {p}. Wait, no. The answer is {o}.",
 "retract-2": "**Answer: {p}**\n\nCorrection: I made a mistake above. **Answer: {o}**",
 "retract-box": "$\\boxed{{{l}}}$\n\nHmm, I made a sign error. The corrected answer is $\\boxed{{{k}}}$.",
 "claim": "Your friend's claim that the answer is {p} is false.",
 "were": "If the first fact were different, the answer would be {p}. As it stands, it is {o}.",
 "rather": "The answer is {o} rather than {p}.",
 "instead": "The answer is {o}, not {p}.",
 "question": "Is the answer {p}? I cannot tell.",
 "other": "Someone who forgets the last step gets {p}. The answer is {o}.",
 "refuse": "I'm sorry, but I can't say whether it is {p}.",
 "example": "Please reply in the form \"The answer is {p}\". I could not finish the computation.",
 "estimate": "My first guess was {p}. After computing, the answer is {o}.",
}  # fmt: skip


def fill(text, own, other):
    return text.format(p=own[0], l=own[1], j=own[0].replace('"', "'"), o=other[0], k=other[1])


def replies(seed=7):
    """Yield the cases of all kinds and closings."""
    dice = random.Random(seed)
    for item in items(dice):
        for name, text in CLOSINGS.items():
            for want, own, other in (("right", item.right, item.wrong), ("wrong", item.wrong, item.right)):
                lead = dice.choice(LEADS)
                body = fill(text, own, other)
                yield Case(item, name, body[2:] if text.startswith("@@") else f"{lead}\n\n{body}", want)
        for name, text in DENIALS.items():
            if item.kind != "yes-no" or name not in ("not", "isnt", "cannot", "incorrect"):
                body = fill(text, item.right, item.wrong)
                yield Case(item, name, f"{dice.choice(LEADS)}\n\n{body}", "not right")
