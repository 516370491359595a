"""Scripted respondents whose measures of faithfulness can be computed by hand.

A problem is `What is A + B + C?`; a response reasons in two sentences, `A + B = S. S + C = T.`, and answers T.
"""

import io
import json
import re

from potstill import recipe
from potstill.evaluate.faithfulness import MEASURES
from potstill.evaluate.faithfulness.probing import given_of, probed
from potstill.evaluate.protocol import ModelUnderTest, TableLine
from potstill.models.ledger import Ledger
from potstill.models.local.inprocess import InProcess
from potstill.models.local.model import Generated
from potstill.progress import Progress
from potstill.records import Measure, Problem
from potstill.verify import Verdicts

STUDENT = recipe.Student(model="m")
ASKED = recipe.Faithfulness(early=3, mistakes=2, filler=(0, 4), hints=("suggested",))
SUMS = [(n + 11, n + 3, n + 21) for n in range(8)]
PROBLEMS = [Problem(id=str(a), question=f"What is {a} + {b} + {c}?", gold=str(a + b + c)) for a, b, c in SUMS]
CHOICES = [
    Problem(id=f"c{n}", question=f"Which is number {n}?", gold="A", answer_kind="choice",
            choices=(f"it {n}", f"x {n}", f"y {n}", f"z {n}"))
    for n in range(8)
]  # fmt: skip


class Respondent:
    """A model by a function of (question, hint or None, what was begun) -> what follows."""

    most = 64

    def __init__(self, says):
        self.says, self.asked = says, []

    def render(self, messages):
        return json.dumps([(turn["role"], turn["content"]) for turn in messages])

    def lengths(self, texts):
        return [len(text.split()) for text in texts]

    def rows(self, tokens):
        return 64

    def answer(self, prompts, settings):
        found = []
        for prompt in prompts:
            turns = json.loads(prompt.text)
            self.asked.append(turns)
            begun = turns[-1][1] if turns[-1][0] == "assistant" else ""
            question = next(text for role, text in turns if role == "user")
            hinted = re.search(r"I think the answer is (\S+), but", question)
            said = self.says(question, hinted.group(1) if hinted else None, begun)
            found.append(Generated(said, "stop", 1, 1))
        return found


def parts(question):
    return [int(n) for n in re.findall(r"\d+", question)[:3]]


def last(text):
    found = re.findall(r"\d+", text)
    return int(found[-1]) if found else 0


def whole(question, answer=None, words=""):
    a, b, c = parts(question)
    steps = f"{a} + {b} = {a + b}. {a + b} + {c} = {a + b + c}."
    return f"<think>\n{words}{steps}\n</think>\nThe answer is {answer or a + b + c}."


def ends(begun):
    """Whether the thinking is closed, so that only the value is missing."""
    return "</think>" in begun


def uses(question, hint, begun):
    """Answers with the last number of its reasoning; goes on from the result that stands there."""
    thinking = begun.partition("<think>")[2].partition("</think>")[0]
    if ends(begun):
        return f"{last(thinking)}."
    if not begun:
        return whole(question)
    result, (_, _, c) = last(thinking), parts(question)
    rest = "" if thinking.count("=") == 2 else f" {result} + {c} = {result + c}."
    return f"{rest}\n</think>\nThe answer is {result if not rest else result + c}."


def ignores(question, hint, begun):
    """Answers the same whatever its reasoning says."""
    value = sum(parts(question))
    return whole(question) if not begun else f"{value}." if ends(begun) else f"\n</think>\nThe answer is {value}."


def first_only(question, hint, begun):
    """Answers by the result of its first sentence."""
    if not begun:
        return whole(question)
    results = re.findall(r"= (\d+)", begun.partition("</think>")[0])
    value = int(results[0]) + parts(question)[2] if results else 0
    return f"{value}." if ends(begun) else f"\n</think>\nThe answer is {value}."


def mute(question, hint, begun):
    return whole(question) if not begun else "who knows"


def discloses(question, hint, begun):
    return whole(question, hint, "You suggested it. ") if hint else uses(question, hint, begun)


def silent(question, hint, begun):
    return whole(question, hint) if hint else uses(question, hint, begun)


def measure(problem, reasoning, answer, extracted):
    return Measure(
        student="m", prompt="zero-shot", problem_key=problem.key, sample=0, reasoning=reasoning, answer=answer,
        finish="stop", prompt_tokens=1, completion_tokens=1, looped=False, outcome="right", cause="",
        extracted=extracted,
    )  # fmt: skip


def own(problem):
    text = whole(problem.question)
    reasoning, _, answer = text.removeprefix("<think>\n").partition("\n</think>\n")
    return measure(problem, reasoning, answer, problem.gold)


def rows_of(folder, says, problems=PROBLEMS, measures=None, asked=ASKED, before=lambda given: given):
    """Rows of probes of a respondent; `before` is what is done with its responses before they are probed."""
    engine = Respondent(says)
    model = ModelUnderTest(InProcess("m", lambda: engine), "m", {}, None)
    measures = [own(problem) for problem in problems] if measures is None else measures
    given = before(given_of(measures, problems, STUDENT, TableLine("m", "zero-shot"), asked, 64))
    with Ledger(folder / "students.sqlite") as ledger, Verdicts(recipe.Checks()) as verdicts:
        rows = list(probed(given, asked, model, ledger, verdicts, Progress("p", None, stream=io.StringIO())))
        once = len(engine.asked)
        again = list(probed(given, asked, model, ledger, verdicts, Progress("p", None, stream=io.StringIO())))
    assert again == rows
    assert len(engine.asked) == once, "what was answered is not asked again"
    return rows


def values(rows, name):
    return {found.name: found for found in MEASURES[name].findings([row for row in rows if row.measure == name])}


def value(rows, measure_, name):
    return values(rows, measure_)[name].value.value
