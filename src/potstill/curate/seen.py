"""The first map of curation: each judged trace becomes a short row that says all that the choice needs. Pure."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Container, Mapping, Set
from dataclasses import dataclass, field

from potstill import curate
from potstill.curate.diversity import sketch, sketch_of_values
from potstill.curate.filters import (
    PLAIN,
    AskedWay,
    Candidate,
    OwnFilter,
    characters,
    known_for,
    quoted,
    quotes,
    unknown,
    wrong,
)
from potstill.curate.known import test_of, tokens_of
from potstill.curate.listened import Listened, preference
from potstill.curate.nearness import bands
from potstill.curate.pruning import PrunedReasoning, prune, pruned_trace
from potstill.curate.quoting import QuoteIndex
from potstill.recipe import Curate
from potstill.records import Drop, GoldFinding, Group, Problem, Trace, Verdict, content_key
from potstill.verify.faithful.values import told_of

BY_VERDICT = (wrong, unknown)
"""Filters whose reason the verdict explains."""
NO_PORTION = -1
TIERS = {"right": 0, "unknown": 1, "wrong": 2}


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """What is known of a trace once it was looked at, without its text: some 200 bytes, and 512 with a sketch.

    `reason` is empty where it passed every filter; only then are the fields below `detail`
    filled, but for `tokens`. `order` is its place
    among equals, which the seed decides, `content` a digest of its text. `sketch` holds 32-bit hashes, and is empty
    where no choice can be needed; `bands` holds 64-bit hashes where near copies are looked for. `tokens` are those of
    the text, and `portion` is the number of its part of the mix, -1 where it belongs to none. `kind` is what the
    chosen traces of a problem are to differ in first. Of traces that cannot all stay those of the lowest
    `preference` do; it is the same for all where none is preferred. `weight` is what each token of the example counts.
    """

    key: str
    problem_key: str
    reason: str
    detail: str
    order: str = ""
    content: str = ""
    characters: int = 0
    tier: int = 0
    sample: int = 0
    attempt: int = 0
    sketch: bytes = b""
    bands: bytes = b""
    tokens: int = 0
    portion: int = 0
    hinted: bool = False
    kind: str = ""
    preference: float = 0.0
    weight: float = 1.0
    pruning: tuple[int, ...] = ()
    """Of a trace that passed and was looked at for steps to prune: steps, steps kept, tokens of the whole, whether it
    was left whole, and the steps that went by kind, in the order of `curate.prune`."""

    @property
    def drop(self) -> Drop:
        """The drop of a trace that did not pass."""
        return Drop("trace", self.key, self.reason, self.detail)


@dataclass(frozen=True, kw_only=True)
class Looker:
    """What a trace is looked at with. `crowded` are the problems with more traces than may stay.

    `training` maps `Problem.key` to the problem. `held_out` holds `key` and `overlap_key` of every evaluation
    problem, and the `key` of every training problem that was dropped for meeting one. `groups` says what all samples
    of a problem say together, kept or not: its measured difficulty, whether its gold is suspect (`drop_suspect` drops
    it then). Stated and measured difficulties are compared as they are, so sources should state theirs between 0 and 1.
    `scores` are those of a reward model, by trace, and `wrong_steps` the traces in which people call a step wrong.
    `listened` is what a student said of traces before it was trained. `ways` are those that traces name as their
    strategy, and `hinted_at_most` the share of examples that may have been told their answer. `own` asks
    the user's function.
    """

    training: Mapping[str, Problem]
    held_out: Set[str]
    settings: Curate
    groups: Mapping[str, Group]
    seed: int
    allow_summaries: bool = False
    drop_suspect: bool = False
    scores: Mapping[str, float | None] = field(default_factory=dict)
    wrong_steps: Container[str] = frozenset()
    ways: Mapping[str, AskedWay] = field(default_factory=dict)
    hinted_at_most: float = 1.0
    crowded: Container[str] = frozenset()
    quotes: QuoteIndex | None = None
    own: OwnFilter | None = None
    listened: Mapping[str, Listened] = field(default_factory=dict)

    def look(self, trace: Trace, verdict: Verdict | None) -> Looked:
        """Ask every filter about a trace, in their order, until one drops it."""
        whole = tokens_of(trace)
        trace, pruned = self.pruned(trace)
        case = self._case(trace, verdict)
        key = trace.key
        for check in curate.FILTERS:
            if reason := check(case):
                detail = verdict.reason if verdict is not None and check in BY_VERDICT else ""
                detail = quoted(case) if check is quotes else detail
                return Looked(
                    key=key, problem_key=trace.problem_key, reason=reason, detail=detail or trace.failure,
                    tokens=tokens_of(trace),
                )  # fmt: skip
        choice, text = trace.problem_key in self.crowded, f"{trace.reasoning}\n{trace.answer}"
        near = self.settings.near
        return Looked(
            key=key, problem_key=trace.problem_key, reason="", detail=trace.failure,
            order=content_key(self.seed, key), content=_content(trace), characters=characters(trace),
            tier=TIERS[verdict.outcome if verdict is not None else "unknown"], sample=trace.sample,
            attempt=trace.attempt, hinted=case.way.hinted, sketch=self._sketch(case, text) if choice else b"",
            kind=trace.strategy if choice and self.settings.diverse == "strategy" else "",
            bands=bands(text, near).tobytes() if near is not None else b"", tokens=tokens_of(trace),
            portion=self._portion(case), preference=self._preference(case), weight=self._weight(case),
            pruning=_pruning(pruned, whole),
        )  # fmt: skip

    def pruned(self, trace: Trace) -> tuple[Trace, PrunedReasoning | None]:
        """Return a trace as it is looked at and kept: without what `curate.prune` takes out of its reasoning."""
        return pruned_trace(self.training.get(trace.problem_key), trace, self.settings.prune)

    def reasoning(self, problem_key: str, reasoning: str, answer: str) -> str:
        """Return the reasoning of a trace of a training problem as it is kept."""
        if not self.settings.prune or not reasoning.strip():
            return reasoning
        return prune(self.training[problem_key], reasoning, answer, self.settings.prune).text

    def _case(self, trace: Trace, verdict: Verdict | None) -> Candidate:
        problem, group = self.training.get(trace.problem_key), self.groups.get(trace.problem_key)
        meets = trace.problem_key in self.held_out or (problem is not None and problem.overlap_key in self.held_out)
        suspect = self.drop_suspect and group is not None and group.finding == GoldFinding.SUSPECT
        return Candidate(
            trace=trace, verdict=verdict, problem=problem, held_out=meets, settings=self.settings,
            allow_summaries=self.allow_summaries,
            difficulty=None if problem is None else self.difficulty(trace.problem_key), suspect=suspect,
            score=self.scores.get(trace.key) if self.scores else None, wrong_step=trace.key in self.wrong_steps,
            group=group, quotes=self.quotes, way=self.ways.get(trace.strategy, PLAIN),
            own=self.own, listened=self.listened.get(trace.key),
        )  # fmt: skip

    def _sketch(self, case: Candidate, text: str) -> bytes:
        """Return what the traces of a problem are compared by: their words, or the values that they compute."""
        if self.settings.diverse == "steps" and case.problem is not None:
            told = told_of(case.problem, case.trace.reasoning, case.trace.answer)
            return sketch_of_values(value for step in told.forward for value in step.results).tobytes()
        return sketch(text).tobytes()

    def _preference(self, case: Candidate) -> float:
        by = self.settings.prefer
        return 0.0 if by is None else preference(case.listened, by)

    def _portion(self, case: Candidate) -> int:
        """Return the number of the first part of the mix that a trace fits; what is not known fits none."""
        if not self.settings.mix:
            return 0
        fitting = (
            number for number, portion in enumerate(self.settings.mix)
            if test_of(portion.where)(known_for(case, portion.where))
        )  # fmt: skip
        return next(fitting, NO_PORTION)

    def _weight(self, case: Candidate) -> float:
        """Return the weight of the first of `curate.weights` that a trace fits; what is not known fits none."""
        fitting = (
            weighed.weight for weighed in self.settings.weights
            if test_of(weighed.where)(known_for(case, weighed.where))
        )  # fmt: skip
        return next(fitting, 1.0)

    def question(self, problem: Problem, strategy: str) -> str:
        """Return what a student is asked of a problem whose trace names its `strategy`."""
        return self.ways.get(strategy, PLAIN).question(problem.statement)

    def difficulty(self, problem_key: str) -> float | None:
        """Return the difficulty of a training problem that counts, None where nothing is known of it."""
        group = self.groups.get(problem_key)
        known = [self.training[problem_key].difficulty, None if group is None else group.difficulty]
        if self.settings.difficulty == "measured":
            known.reverse()
        return next((difficulty for difficulty in known if difficulty is not None), None)

    def gold_source(self, problem_key: str) -> str:
        """Return what the answers of a problem were judged by."""
        group = self.groups.get(problem_key)
        return "none" if group is None else group.gold_source


def _pruning(found: PrunedReasoning | None, tokens: int) -> tuple[int, ...]:
    return () if found is None else (found.steps, len(found.kept), tokens, int(found.left_whole), *found.gone)


def _content(trace: Trace) -> str:
    """Digest of problem, reasoning and answer, blind to spacing and to composed or decomposed Unicode."""
    parts = (trace.problem_key, trace.reasoning, trace.answer)
    text = "\x00".join(" ".join(unicodedata.normalize("NFC", part).split()) for part in parts)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
