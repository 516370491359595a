"""Judged traces -> examples and drops, in a few passes over the same stream and with little held in memory."""

from __future__ import annotations

import hashlib
import unicodedata
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field

from potstill import curate
from potstill.curate.diversity import most_diverse, sketch
from potstill.curate.filters import Candidate, characters, unknown, wrong
from potstill.recipe import Curate
from potstill.records import Drop, Example, GoldFinding, Group, Problem, Reason, Trace, Verdict, content_key

Judged = tuple[Trace, Verdict | None]
HELD_CHARACTERS = 200_000_000
"""Text held at once while examples are put in order; each further portion costs one more pass over the stream."""
BY_VERDICT = (wrong, unknown)
"""Filters whose reason the verdict explains."""
TIERS = {"right": 0, "unknown": 1, "wrong": 2}


@dataclass(kw_only=True, slots=True)
class Passed:
    """A trace that passed every filter: its place in the stream and what ordering needs, without its text."""

    ordinal: int
    problem_key: str
    order: str
    characters: int
    rank: float = 0.0


@dataclass(kw_only=True)
class Selection:
    """The state of one curation; `run` yields its drops and then its examples."""

    traces: Callable[[], Iterable[Judged]]
    training: Mapping[str, Problem]
    held_out: Set[str]
    settings: Curate
    groups: Mapping[str, Group]
    seed: int
    allow_summaries: bool
    drop_suspect: bool
    scores: Mapping[str, float | None]
    wrong_steps: Set[str] = frozenset()
    passed: dict[int, Passed] = field(default_factory=dict)
    held_characters: int = HELD_CHARACTERS

    def run(self) -> Iterator[Example | Drop]:
        """Yield every drop, then every example in training order; each trace of the stream appears exactly once."""
        yield from self.filtered()
        yield from self._choose()
        yield from self._emit()

    def filtered(self) -> Iterator[Drop]:
        """Yield the drops of the filters, and of exact duplicates; what passed is in `passed` from then on."""
        seen: set[bytes] = set()
        for ordinal, (trace, verdict) in enumerate(self.traces()):
            case = self._case(trace, verdict)
            reason, by_verdict = None, False
            for check in curate.FILTERS:
                if reason := check(case):
                    by_verdict = check in BY_VERDICT
                    break
            else:
                content = _content(trace)
                reason = Reason.SAME if content in seen else None
                seen.add(content)
            if reason is not None:
                detail = verdict.reason if verdict is not None and by_verdict else ""
                yield Drop("trace", trace.key, reason, detail or trace.failure)
                continue
            order = content_key(self.seed, trace.key)
            self.passed[ordinal] = Passed(
                ordinal=ordinal, problem_key=trace.problem_key, order=order, characters=characters(trace)
            )

    def _case(self, trace: Trace, verdict: Verdict | None) -> Candidate:
        problem, group = self.training.get(trace.problem_key), self.groups.get(trace.problem_key)
        meets = trace.problem_key in self.held_out or (problem is not None and problem.overlap_key in self.held_out)
        difficulty = None if problem is None else self._difficulty(trace.problem_key)
        suspect = self.drop_suspect and group is not None and group.finding == GoldFinding.SUSPECT
        return Candidate(
            trace=trace,
            verdict=verdict,
            problem=problem,
            held_out=meets,
            settings=self.settings,
            allow_summaries=self.allow_summaries,
            difficulty=difficulty,
            suspect=suspect,
            score=self.scores.get(trace.key),
            wrong_step=trace.key in self.wrong_steps,
        )

    def _choose(self) -> Iterator[Drop]:
        """Drop the traces beyond `per_problem`; a problem's sketches are held only until its last trace came by."""
        limit = self.settings.per_problem
        counts: dict[str, int] = {}
        for item in self.passed.values():
            counts[item.problem_key] = counts.get(item.problem_key, 0) + 1
        crowded = {key: count for key, count in counts.items() if count > limit}
        if not crowded:
            return
        waiting: dict[str, list[tuple[int, tuple[int, str, array[int]]]]] = {}
        for ordinal, (trace, verdict) in enumerate(self.traces()):
            if trace.problem_key not in crowded or ordinal not in self.passed:
                continue
            tier = TIERS[verdict.outcome if verdict is not None else "unknown"]
            group = waiting.setdefault(trace.problem_key, [])
            group.append((ordinal, (tier, trace.key, sketch(f"{trace.reasoning}\n{trace.answer}"))))
            if len(group) == crowded[trace.problem_key]:
                kept = set(most_diverse([candidate for _, candidate in group], limit))
                for index, (place, candidate) in enumerate(group):
                    if index not in kept:
                        del self.passed[place]
                        yield Drop("trace", candidate[1], f"beyond {limit} per problem")
                del waiting[trace.problem_key]

    def _emit(self) -> Iterator[Example]:
        for portion in self._portions():
            held: dict[int, Example] = {}
            for ordinal, (trace, _) in enumerate(self.traces()):
                if ordinal in portion:
                    held[ordinal] = self._example(trace)
            for ordinal in portion:
                yield held.pop(ordinal)

    def _portions(self) -> Iterator[dict[int, None]]:
        """Cut the ordered ordinals into portions whose text fits in memory."""
        if self.settings.order == "easy_to_hard":
            for item in self.passed.values():
                difficulty = self._difficulty(item.problem_key)
                item.rank = float("inf") if difficulty is None else difficulty
        portion: dict[int, None] = {}
        held = 0
        for item in sorted(self.passed.values(), key=lambda item: (item.rank, item.order, item.ordinal)):
            if portion and held + item.characters > self.held_characters:
                yield portion
                portion, held = {}, 0
            portion[item.ordinal] = None
            held += item.characters
        if portion:
            yield portion

    def _difficulty(self, problem_key: str) -> float | None:
        group = self.groups.get(problem_key)
        known = [self.training[problem_key].difficulty, None if group is None else group.difficulty]
        if self.settings.difficulty == "measured":
            known.reverse()
        return next((difficulty for difficulty in known if difficulty is not None), None)

    def _example(self, trace: Trace) -> Example:
        problem, group = self.training[trace.problem_key], self.groups.get(trace.problem_key)
        return Example(
            problem_key=trace.problem_key,
            trace_key=trace.key,
            question=problem.statement,
            reasoning=trace.reasoning,
            answer=trace.answer,
            difficulty=self._difficulty(trace.problem_key),
            domain=problem.domain,
            gold_source="none" if group is None else group.gold_source,
        )


def select(
    traces: Callable[[], Iterable[Judged]],
    training: Mapping[str, Problem],
    held_out: Set[str],
    settings: Curate,
    *,
    groups: Mapping[str, Group],
    seed: int,
    drop_suspect: bool = False,
    allow_summaries: bool = False,
    scores: Mapping[str, float | None] | None = None,
    wrong_steps: Set[str] = frozenset(),
) -> Iterator[Example | Drop]:
    """Turn judged traces into ordered examples; yield every drop first, then every example: together all traces.

    `traces` starts the same stream afresh at each call: one pass to filter, one more when some problem has more
    than `per_problem` good traces, one for each `HELD_CHARACTERS` of kept text. Between passes only hashes and
    numbers are held (some 500 bytes a trace); sketches only for the problems whose traces are still arriving.

    `training` maps `Problem.key` to the problem. `held_out` holds `key` and `overlap_key` of every evaluation
    problem, and the `key` of every training problem that was dropped for meeting one. `groups` says
    what all samples of a problem say together, kept or not: its measured difficulty, whether its gold is suspect
    (`drop_suspect` drops it then), what its traces were judged by. Stated and measured difficulties are compared as
    they are, so sources should state theirs between 0 and 1. `scores` are those of a reward model, by trace, and
    `wrong_steps` the traces in which people call a step wrong.
    """
    return Selection(
        traces=traces,
        training=training,
        held_out=held_out,
        settings=settings,
        groups=groups,
        seed=seed,
        allow_summaries=allow_summaries,
        drop_suspect=drop_suspect,
        scores=scores or {},
    ).run()


def _content(trace: Trace) -> bytes:
    """Digest of problem, reasoning and answer, blind to spacing and to composed or decomposed Unicode."""
    parts = (trace.problem_key, trace.reasoning, trace.answer)
    text = "\x00".join(" ".join(unicodedata.normalize("NFC", part).split()) for part in parts)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
