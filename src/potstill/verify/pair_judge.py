"""A language model asked which of two right answers is the better one, each pair in both orders.

Models prefer what stands first, or last (Zheng et al. 2023, arXiv 2306.05685, section 3.3), so a preference counts only
where both orders agree on it; anything else is a tie. A reply that has no verdict in its form is a tie too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Literal

from potstill import recipe
from potstill.errors import TeacherError
from potstill.models.budget import Cap
from potstill.models.ledger import Ledger
from potstill.models.requests import Completion, Message, Request
from potstill.models.sampling import wire_sampling
from potstill.models.served.client import ServedModel
from potstill.progress import Progress
from potstill.records import content_key
from potstill.verify.guards import harmless
from potstill.verify.llm_judge import SEED

Preferred = Literal["first", "second", "tie"]
_SLOT = re.compile(r"{(question|first|second|nonce)}")  # such as {question}
_ORDERS: dict[tuple[str, str], Preferred] = {("FIRST", "SECOND"): "first", ("SECOND", "FIRST"): "second"}
"""What is said in the one order and in the other -> which is preferred; all else is a tie."""


@dataclass(frozen=True, slots=True)
class ComparedPair:
    """Two answers to one question, each with its reasoning."""

    question: str
    first: str
    second: str


def pair_prompt() -> str:
    """Return the prompt."""
    return files("potstill.verify").joinpath("pair_prompt.txt").read_text(encoding="utf-8")


def preferred(
    cases: Sequence[ComparedPair], judge: recipe.Judge, ledger: Path, progress: Progress, cap: Cap
) -> Iterator[Preferred]:
    """Yield which answer of each case is preferred; a reply that the ledger has is not asked for again.

    Raises:
        TeacherError: the judge cannot be reached, or the money is spent; what it said is in the ledger.
    """
    prompt, sampling = pair_prompt(), wire_sampling(judge.sampling, SEED, "checks.judge.sampling")
    asked = [
        (_nonce(prompt, case), _request(prompt, case, judge.model, sampling))
        for each in cases
        for case in (each, ComparedPair(each.question, each.second, each.first))
    ]
    if not asked:
        return
    model = ServedModel(replace(judge, spend_at_most=cap.most), section="checks.judge", cap=cap)
    with Ledger(ledger) as completions:
        model.collect((request for _, request in asked), completions, progress)
        said = [read_preference(_reply(completions.get(request.key)), nonce) for nonce, request in asked]
    for one, other in zip(said[::2], said[1::2], strict=True):
        yield _ORDERS.get((one, other), "tie")


def _nonce(prompt: str, case: ComparedPair) -> str:
    # a hash over the answers themselves: none can contain its own, and a rerun asks the same
    return content_key("pair nonce", prompt, case.question, case.first, case.second)[:12]


def _request(prompt: str, case: ComparedPair, model: str, sampling: dict[str, object]) -> Request:
    filled = {
        "question": harmless(case.question), "first": harmless(case.first), "second": harmless(case.second),
        "nonce": _nonce(prompt, case),
    }  # fmt: skip
    text = _SLOT.sub(lambda slot: filled[slot[1]], prompt)  # one pass: an answer may itself contain {nonce}
    return Request(messages=(Message("user", text),), model=model, sampling=sampling, sample=0)


def _reply(completion: Completion | None) -> str:
    """Return what the judge said; nothing where it refused or was cut off.

    Raises:
        TeacherError: there is no reply.
    """
    if completion is None or completion.finish == "failed":
        why = completion.failure if completion is not None else "no reply"
        raise TeacherError(f"checks.judge: a pair could not be judged ({why}); the same command asks what is missing")
    return completion.content if completion.finish == "stop" else ""


def read_preference(text: str, nonce: str) -> str:
    """Return FIRST, SECOND or TIE of a judge's reply; an empty text unless it ends in exactly the line asked for."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if not lines or sum(line.lstrip("*`> ").startswith(f"BETTER-{nonce}") for line in lines) != 1:
        return ""
    found = re.fullmatch(rf"BETTER-{nonce}:\s{{0,9}}(FIRST|SECOND|TIE)\.?", re.sub("[*`]", "", lines[-1]).strip())
    return found[1] if found is not None else ""
