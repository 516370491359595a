"""Which way of solving a student chose for each held-out problem, beside the one that its set was taught by."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import islice

from potstill.evaluate.word_guess import WordGuess
from potstill.graph import ArmNode, Graph
from potstill.pipeline import naming
from potstill.pipeline.taught_ways import choosing_of, taught_by_ways
from potstill.records import Measure, Problem
from potstill.report.choices import Choice, ChoiceFacts
from potstill.store import Committed
from potstill.teach.strategies.strategies import Choosing, kind_of
from potstill.teach.way_structure import DETECTORS, way_of

WORDS_OF = 4000
"""Training problems whose words a guess goes by."""
KNOWN, NEW = "as in training", "new"
_SENTENCE = re.compile(r"(?<=[.?!])\s+")
"""Between `The {thing} is {n} dollars.` and `How much is due?`."""


def choice_facts(
    arm: ArmNode, graph: Graph, stage: Callable[[str], Committed], measures: Iterable[Measure]
) -> ChoiceFacts | None:
    """Return what an arm chose; None where it was not taught by ways. `stage` returns a committed stage by its name.

    Kinds for whose ways no detector is there are left out, and so are responses that did not end by themselves.
    """
    node = taught_by_ways(arm, graph)
    if node is None:
        return None
    asked, problems = choosing_of(node, stage(naming.traces(node, graph))), stage(naming.PROBLEMS)
    worded = {sentence for problem in problems.rows("train", Problem) for sentence in _sentences(problem)}
    held_out = {problem.key: problem for problem in problems.rows("evaluation", Problem)}
    guess = WordGuess(
        (problem.statement, _taught(problem, asked)[0]) for problem in islice(problems.rows("train", Problem), WORDS_OF)
    )
    counts: Counter[Choice] = Counter()
    guessed: Counter[tuple[str, bool]] = Counter()
    for measure in measures:
        problem = held_out[measure.problem_key]
        assigned = _taught(problem, asked)
        if measure.finish != "stop" or not set(assigned) <= DETECTORS.keys():
            continue
        wording = (KNOWN if worded.issuperset(_sentences(problem)) else NEW) if problem.template else ""
        counts[Choice(
            kind=kind_of(problem, asked.ways), wording=wording, assigned=assigned,
            chosen=way_of(problem.statement, measure.reasoning), outcome=str(measure.outcome),
        )] += 1  # fmt: skip
        guessed[wording, guess.guess(problem.statement) in assigned] += 1
    found = {wording: (guessed[wording, True], guessed[wording, False]) for wording, _ in guessed}
    return ChoiceFacts(counts=counts, guessed=found)


def _sentences(problem: Problem) -> list[str]:
    """Return the wordings of a problem sentence by sentence: in another order or beside others they are no new ones."""
    return _SENTENCE.split(problem.template)


def _taught(problem: Problem, asked: Choosing) -> tuple[str, ...]:
    """Return the ways that a problem's kind is taught by, the one that it is told of where it is told."""
    if not asked.ways.erase:
        return (asked.named(problem, 0),)
    return asked.ways_of(problem)
