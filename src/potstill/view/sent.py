"""What a teacher was sent and what came back, from the ledger; and how a student is trained on a response."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from potstill.errors import PotstillError
from potstill.models.ledger import Ledger
from potstill.models.requests import Completion, Request
from potstill.pipeline.piloting import WAYS
from potstill.pipeline.settings import teacher_seed
from potstill.pipeline.spending import ASKED
from potstill.recipe import ArmTeacher, AskedTeacher, ServedTeacher
from potstill.records import Measure, Problem, Trace
from potstill.teach.calls import Call, SampleTalk, Talk
from potstill.teach.piloted_ways import noted
from potstill.teach.prompt_files import prompt_of
from potstill.teach.samples import seed_of
from potstill.teach.strategies import STRATEGIES, Material
from potstill.view.of_runs import RunSource

RAW = 200_000
"""Characters of a body that are sent to the page."""
_FREE = "this teacher was not asked: its traces were read or made"


def sent(source: RunSource, of: str, trace: Trace) -> dict[str, Any]:
    """Return `messages`, `raw` and `note` of the request behind a trace, rebuilt from recipe and problems."""
    try:
        return _sent(source, of, trace)
    except (PotstillError, OSError, KeyError, ValueError) as error:
        return {"messages": [], "raw": "", "note": f"{error}"}


def _sent(source: RunSource, of: str, trace: Trace) -> dict[str, Any]:
    graph = source.graph
    recipe = graph.sets[graph.sets[of].traces_of].recipe
    if not isinstance(recipe.teacher, AskedTeacher | ArmTeacher):
        return {"messages": [], "raw": "", "note": _FREE}
    stage = source.run.committed("problems")
    if stage is None:
        return {"messages": [], "raw": "", "note": "the problems of this run are not there"}
    problem = next((one for one in stage.rows("train", Problem) if one.key == trace.problem_key), None)
    if problem is None:
        return {"messages": [], "raw": "", "note": "its problem is in none of the problems of this run"}
    strategy, seed = recipe.strategy, teacher_seed(recipe)
    material = Material(
        training=lambda: stage.rows("train", Problem), held_out=lambda: stage.rows("evaluation", Problem),
        data=Path(recipe.data), seed=seed, kept=source.run.ledger / f"shots-{seed}-{strategy.shots}.json",
        measured=noted(source.run.ledger / WAYS.format(seed)) if strategy.kind == "strategies" else {},
    )  # fmt: skip
    asking = STRATEGIES[strategy.kind].asking(prompt_of(strategy, Path(recipe.data)), strategy, material)
    with Ledger(source.run.ledger / ASKED, write=False) as ledger:
        exchange = _replayed(asking.talk(problem, trace.sample), problem, trace, seed, ledger)
        clocks = [ledger.clock(key) for key in exchange.paid]
    paid = list(exchange.paid.values())
    found: dict[str, Any] = {
        "messages": list(_turns(paid or [(exchange.counted, None)])), "raw": "",
        "note": "" if exchange.counted.prompt_key == trace.prompt_key else "the recipe or its prompt has changed since",
    }  # fmt: skip
    if paid:
        found["raw"] = "\n\n".join(done.raw.decode("utf-8", "replace") for _, done in paid)[:RAW]
        dollars = [_dollars(recipe.teacher, done) for _, done in paid]
        found["clock"] = {
            "prompt": _sum(done.prompt_tokens for _, done in paid),
            "completion": _sum(done.completion_tokens for _, done in paid),
            "seconds": sum(seconds for _, seconds in clocks), "tries": sum(tries for tries, _ in clocks),
            "dollars": None if None in dollars else sum(one or 0.0 for one in dollars),
        }  # fmt: skip
    return found


def _replayed(talk: Talk, problem: Problem, trace: Trace, seed: int, ledger: Ledger) -> SampleTalk:
    """Play a sample with what the ledger has; its requests are made as the trace says that its first one was."""
    told = json.loads(trace.sampling)
    begun: list[Call] = []

    def asked(call: Call) -> Request:
        begun.append(call)
        sampling = {**told}
        if "seed" in told:
            sampling["seed"] = seed_of(seed, problem, trace.sample, call.tag)
        own = told.get("stop", [])[: -len(begun[0].stop)] if begun[0].stop else told.get("stop", [])
        if stops := [*own, *call.stop]:
            sampling["stop"] = stops
        attempt = trace.attempt if call is begun[0] else 0
        return Request(
            messages=call.messages, model=trace.teacher, sampling=sampling, sample=trace.sample, attempt=attempt,
            call=call.tag,
        )  # fmt: skip

    return SampleTalk(problem, trace.sample, talk, asked, lambda _, __: None).replay(ledger.get)


def _turns(paid: list[tuple[Request, Completion]] | list[tuple[Request, None]]) -> Iterator[dict[str, str]]:
    """Yield what was sent, of several calls each one's turns under its name, with what came back to the earlier."""
    for number, (request, done) in enumerate(paid, 1):
        if len(paid) > 1:
            yield {"role": "call", "content": f"{number} of {len(paid)}: {request.call}"}
        yield from ({"role": turn.role, "content": turn.content[:RAW]} for turn in request.messages)
        if done is not None and number < len(paid):
            yield {"role": "assistant", "content": done.content[:RAW]}


def _sum(numbers: Iterable[int | None]) -> int | None:
    found = list(numbers)
    return None if None in found else sum(number or 0 for number in found)


def _dollars(teacher: AskedTeacher | ArmTeacher, completion: Completion) -> float | None:
    """Return the price of a completion by its tokens; None where the recipe names no price."""
    price = teacher.price if isinstance(teacher, ServedTeacher) else None
    if price is None:
        return None
    return (
        (completion.prompt_tokens or 0) * price.prompt + (completion.completion_tokens or 0) * price.completion
    ) / 1e6


def pieces(source: RunSource, question: str, record: Trace | Measure) -> dict[str, Any]:
    """Return the pieces of a row in their order: the segment, its weight in the loss, and the text.

    The marks are the student's; what its chat template writes around them is shown by `potstill show-rows`.
    """
    from potstill.train.render import Segment, ask

    recipe = source.recipe
    loss, student = recipe.train.loss, recipe.student
    answers = recipe.train.supervision == "answers"
    reasoning = "" if answers else record.reasoning.strip()
    rows: list[tuple[Segment, float, str]] = [(Segment.PROMPT, 0.0, ask(student, question))]
    if reasoning:
        rows += [
            (Segment.FORMAT, loss.beta, student.reasoning_open), (Segment.REASONING, loss.alpha, reasoning),
            (Segment.FORMAT, loss.beta, student.reasoning_close),
        ]  # fmt: skip
    rows += [(Segment.ANSWER, loss.beta, record.answer.strip()), (Segment.FORMAT, loss.beta, "⟨end of the turn⟩")]
    note = "trained on answers alone: the reasoning is no part of the row" if answers else ""
    if record.finish != "stop":
        note = "a response that did not end by itself is never trained on; this is how it would be"
    return {
        "note": note,
        "pieces": [
            {"segment": segment.name.lower(), "weight": weight, "text": text[:40_000]}
            for segment, weight, text in rows
            if text
        ],
    }
