"""Problems that a teacher writes from others: what it is asked, and whether what it wrote is a problem at all.

Ways as in Evol-Instruct (Xu et al. 2023, arXiv 2304.12244) and in the augmentation of mathematical problems since; the
words are our own. What is written is no problem yet: whether it is new and can be solved is for `pipeline.writing`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from potstill.errors import RecipeError
from potstill.marks import holds_mark
from potstill.problems.near import words_of
from potstill.recipe import Written
from potstill.records import Problem, content_key
from potstill.teach.calls import Call, Finished, Talk
from potstill.teach.prompts import Asking
from potstill.teach.roles import filled, packaged, read_prompt, turns
from potstill.verify.endings import breaks_off
from potstill.verify.weighing import stated_answers
from potstill.verify.words import declines

WAYS = ("deeper", "broader", "rephrased", "renumbered")
"""Those with a prompt of ours."""
SAME = "rephrased"
"""The way whose answer is that of the problem it is written from."""
OPENS, CLOSES = "<problem>", "</problem>"
LONGEST = 6_000
"""Characters of a problem."""
FEWEST = 4
"""Words of a problem."""
RUN = 8
"""Words in a row of the prompt that a problem repeats by no chance."""
_ASKS = re.compile(
    r"[?？]|(?:^|[.!:;,\n]\s*|\b(?:then|and|please) )(?:find|calculate|compute|determine|evaluate|solve|simplify"
    r"|express|give|state|name|write|list|work out|prove|show|what|how|which|who|when|where)\b",
    re.IGNORECASE,
)
"""`How many are left?`, `Find the sum of`."""


def prompts_of(written: Written, data: Path) -> dict[str, str]:
    """Return the prompt of each way: that of the user's file, else ours.

    Raises:
        RecipeError: a way has neither, or a file cannot be read or never mentions {question}.
    """
    found: dict[str, str] = {}
    for way in written.ways:
        where = f"problems.written.prompts.{way}"
        if way in written.prompts:
            path = data / Path(written.prompts[way]).expanduser()
            found[way] = read_prompt(path, f"{where}: {path}")
            if "{question}" not in found[way]:
                raise RecipeError(f"{where}: {path} never mentions {{question}}: write it where the problem belongs")
        elif way in WAYS:
            found[way] = packaged(f"written_{way}")
        else:
            raise RecipeError(f"problems.written.ways: {way!r} is none of {', '.join(WAYS)}; name its file in {where}")
    for way in sorted(written.prompts.keys() - set(written.ways)):
        raise RecipeError(f"problems.written.prompts.{way}: problems.written.ways does not name it")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class WritingProblems(Asking):
    """How a problem is asked to be written anew: by one of the ways, drawn for each."""

    prompts: Mapping[str, str]
    seed: int

    def named(self, problem: Problem, sample: int) -> str:
        """Return the way of a sample; one way more moves only what it takes."""
        return max(self.prompts, key=lambda way: content_key("way", self.seed, problem.key, sample, way))

    def talk(self, problem: Problem, sample: int) -> Talk:
        """Ask once; what is between the marks is the answer."""
        text = filled(self.prompts[self.named(problem, sample)], question=problem.question)
        (said,) = yield [Call(role="write", messages=turns(self.system, text))]
        return Finished(answer=said.content, finish=said.finish, failure=said.failure, reasoning_kind="none")


def question_in(said: str) -> str:
    """Return what stands between the last marks, "" where they are not both there."""
    end = said.rfind(CLOSES)
    begin = said.rfind(OPENS, 0, end) if end >= 0 else -1
    return said[begin + len(OPENS) : end].strip() if begin >= 0 else ""


def fault_of(question: str, prompt: str) -> str:
    """Return what is wrong with the form of a written problem, "" for nothing. Linear in the text.

    A whole one has both its marks, asks something, does not end in the middle, does not say its own answer, and repeats
    nothing of the prompt.
    """
    words = words_of(question)
    if not question or len(words) < FEWEST:
        return "no problem between its marks"
    if len(question) > LONGEST:
        return f"more than {LONGEST:,} characters"
    if holds_mark(question) or OPENS in question:
        return "marks in it"
    if breaks_off(question):
        return "it breaks off"
    if not _ASKS.search(question):
        return "it asks nothing"
    if declines(question):
        return "it declines"
    if "\\boxed" in question or any(one.method != "whole" for one in stated_answers(question, "auto", ())[0]):
        return "it says its answer"
    if _repeats(words, words_of(prompt.replace("{question}", "\n"))):
        return "it repeats the prompt"
    return ""


def _repeats(said: list[str], told: list[str]) -> bool:
    runs = {tuple(told[at : at + RUN]) for at in range(len(told) - RUN + 1)}
    return any(tuple(said[at : at + RUN]) in runs for at in range(len(said) - RUN + 1))
