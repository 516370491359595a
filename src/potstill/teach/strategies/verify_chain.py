"""Chain of verification (Dhuliawala et al. 2023, arXiv 2309.11495): a draft, questions that check it, a revision.

The questions are open and are answered without the draft (`factored`, `two_step`), so that its mistakes are not
repeated. Where no question can be read from the plan, the draft is the trace.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

from potstill.models.requests import Completion
from potstill.recipe import Strategy, VerifyChain
from potstill.records import Problem
from potstill.teach.calls import Call, Finished, Talk, finished_by
from potstill.teach.prompts import Asking
from potstill.teach.roles import filled, packaged, texts_of, turns
from potstill.teach.strategies import Material
from potstill.verify.answer_kinds import ANSWER_KINDS

PROMPT = packaged("zero_shot")
"""That of the draft."""
SLOTS = ("question", "answer_form")
ROLES = {
    "plan": ("question", "draft"), "check": ("check",), "checks": ("checks",), "joint": ("question", "draft"),
    "revise": ("question", "draft", "checks"),
}  # fmt: skip
_ITEM = re.compile(r"\s{0,8}(\d{1,3})[.):]\s{1,8}(\S.{0,2000})")
"""`1. What is 17 x 23?`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifying(Asking):
    """How every sample of a problem is asked: drafted, checked and written anew."""

    texts: dict[str, str]
    chain: VerifyChain

    read: Callable[[Problem, Completion], Finished] = finished_by
    """How a revision is read."""

    def talk(self, problem: Problem, sample: int) -> Talk:
        """Draft, check, revise: 3 + n calls for n questions when factored, 4 or 3 otherwise, 2 without questions."""
        (said,) = yield [Call(role="draft", messages=self.messages(problem, sample))]
        draft = finished_by(problem, said)
        if draft.finish != "stop":
            return draft
        return (yield from self.after(problem, draft))

    def after(self, problem: Problem, draft: Finished) -> Talk:
        """Check and revise a draft that is there; without questions it stays as it is."""
        written = "\n".join(part for part in (draft.reasoning, draft.answer) if part)
        checks = yield from self._checks(problem, written)
        counts = {"questions": len(checks), "without questions": int(not checks)}
        if not checks:
            return _with(draft, draft.reasoning, counts)
        listed = "\n".join(f"{number}. {check}" for number, check in enumerate(checks, 1))
        (said,) = yield [self._call("revise", problem, draft=written, checks=listed)]
        last = self.read(problem, said)
        if last.finish == "stop" and self.chain.keep == "with_checks":
            lines = [f"Check: {check}" for check in checks]
            return _with(last, "\n".join([written, *lines, last.reasoning]).strip(), counts)
        return _with(last, last.reasoning, counts)

    def _checks(self, problem: Problem, draft: str) -> Generator[Sequence[Call], Sequence[Completion], list[str]]:
        """Return the check questions with their answers; those without an answer are left out."""
        role = "joint" if self.chain.how == "joint" else "plan"
        (said,) = yield [self._call(role, problem, draft=draft, most=str(self.chain.most_questions))]
        asked = list(dict.fromkeys(_items(said).values()))[: self.chain.most_questions]
        if self.chain.how == "joint" or not asked:
            return asked
        if self.chain.how == "two_step":
            listed = "\n".join(f"{number}. {check}" for number, check in enumerate(asked, 1))
            (said,) = yield [self._call("checks", problem, checks=listed)]
            answers = _items(said)
            return [f"{check} {answers[at]}" for at, check in enumerate(asked, 1) if at in answers]
        told = yield [self._call("check", problem, check=check) for check in asked]
        pairs = zip(asked, told, strict=True)
        return [f"{check} {_line(one.content)}" for check, one in pairs if one.finish == "stop" and one.content.strip()]

    def _call(self, role: str, problem: Problem, **fills: str) -> Call:
        form = ANSWER_KINDS[problem.answer_kind].form
        text = filled(self.texts[role], question=problem.statement, answer_form=form, **fills)
        return Call(role=role, messages=turns(self.system, text))


def _items(said: Completion) -> dict[int, str]:
    """Return the numbered lines of a completion by their numbers; the first of a number counts."""
    found: dict[int, str] = {}
    for line in said.content.split("\n") if said.finish == "stop" else ():
        if (item := _ITEM.fullmatch(line)) is not None:
            found.setdefault(int(item[1]), item[2].strip())
    return found


def _line(text: str) -> str:
    return " ".join(text.split())


def _with(done: Finished, reasoning: str, counts: dict[str, int]) -> Finished:
    return Finished(
        reasoning=reasoning, answer=done.answer, finish=done.finish, reasoning_kind=done.reasoning_kind,
        failure=done.failure, counts=counts,
    )  # fmt: skip


def calls(strategy: Strategy) -> tuple[float, float, float]:
    """Return how many calls a sample takes: at least, usually, at most."""
    chain = strategy.verify_chain or VerifyChain()
    if chain.how == "joint":
        return 2.0, 3.0, 3.0
    return 2.0, 4.0 if chain.how == "two_step" else 3 + 0.7 * chain.most_questions, 3.0 + chain.most_questions


def checking(chain: VerifyChain, read: Callable[[Problem, Completion], Finished]) -> Verifying:
    """Return how a student checks its own drafts, by the packaged prompts; `read` divides what it writes."""
    texts = {role: packaged(f"verify_chain_{role}") for role in ROLES}
    return Verifying("", PROMPT, texts=texts, chain=chain, read=read)


def asking(prompt: str, strategy: Strategy, material: Material) -> Asking:
    """Return how every problem is asked."""
    texts = texts_of(ROLES, strategy, material.data)
    return Verifying(strategy.system, prompt, texts=texts, chain=strategy.verify_chain or VerifyChain())
