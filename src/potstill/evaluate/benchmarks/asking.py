"""What a protocol asks of each problem, sample by sample: its words, the order of the options, the seeds. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from potstill.evaluate.benchmarks import Protocol
from potstill.evaluate.protocol import ModelUnderTest
from potstill.models.local.model import row_seed
from potstill.models.requests import Message, Request
from potstill.records import LETTERS, Problem, content_key

_SLOT = re.compile(r"\{(question|stripped|choices|letters|tests|code)\}")
"""`{question}`; other braces of a prompt, such as those of `\\boxed{}`, are its own."""


@dataclass(frozen=True, slots=True)
class Posed:
    """One sample of one problem: the `problem` as its file has it, and as it is `asked`, options permuted."""

    problem: Problem
    asked: Problem
    request: Request


def permuted(problem: Problem, sample: int) -> Problem:
    """Return the problem with its options in an order drawn by hash of (problem, sample), the same for every student.

    The gold goes with its option. A gold that is no letter, or a question that lists its options itself, stays.
    """
    place = LETTERS.find(problem.gold or "?")
    if not 0 <= place < len(problem.choices) or problem.statement == problem.question:
        return problem
    order = sorted(range(len(problem.choices)), key=lambda one: content_key("option", problem.key, sample, one))
    choices = tuple(problem.choices[one] for one in order)
    return replace(problem, choices=choices, gold=LETTERS[order.index(place)])


def asked_of(protocol: Protocol, problem: Problem) -> str:
    """Return what is asked: the protocol's prompt with the problem's texts in its slots.

    One pass, so that braces inside a question (LaTeX) are nobody's slots.
    """
    facts = json.loads(problem.facts) if problem.answer_kind == "code" else {}
    code = str(facts.get("prompt") or "")
    prompt = protocol.prompt_with_code if protocol.prompt_with_code and code else protocol.prompt
    tests = facts.get("tests")
    lettered = tuple(zip(LETTERS, problem.choices, strict=False))
    texts = {
        "question": problem.question if "{choices}" in prompt else problem.statement,
        "stripped": problem.question.strip(),
        "choices": "\n".join(
            protocol.option.replace("{letter}", letter, 1).replace("{choice}", choice, 1) for letter, choice in lettered
        ),
        "letters": "".join(letter for letter, _ in lettered),
        "tests": "\n".join(map(str, tests)) if isinstance(tests, list) else "",
        "code": code,
    }
    return _SLOT.sub(lambda slot: texts[slot.group(1)], prompt)


def messages_of(protocol: Protocol, problem: Problem) -> tuple[Message, ...]:
    """Return the conversation that the response continues; with an opening the last turn is its beginning."""
    system = (Message("system", protocol.system),) if protocol.system else ()
    opening = (Message("assistant", protocol.opening),) if protocol.opening else ()
    return (*system, Message("user", asked_of(protocol, problem)), *opening)


def posed(protocol: Protocol, model_under_test: ModelUnderTest, problems: Sequence[Problem], seed: int) -> list[Posed]:
    """Return every sample of every problem, shortest first; only draws have seeds, of 31 bits."""
    fixed = {"temperature": protocol.temperature, "top_p": protocol.top_p, "max_tokens": protocol.max_tokens}
    found = []
    for problem in problems:
        for sample in range(protocol.samples):
            asked = permuted(problem, sample) if protocol.permute else problem
            drawn = {"seed": row_seed(seed, "evaluate", problem.key, sample) & 0x7FFFFFFF}
            sampling: dict[str, Any] = fixed | (drawn if protocol.temperature > 0 else {})
            request = Request(
                messages=messages_of(protocol, asked), model=model_under_test.name,
                sampling=sampling | dict(model_under_test.about), sample=sample,
            )  # fmt: skip
            found.append(Posed(problem, asked, request))
    found.sort(key=lambda one: (sum(len(turn.content) for turn in one.request.messages), one.problem.key,
                                one.request.sample))  # fmt: skip
    return found
