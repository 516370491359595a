"""Which way of solving suits each kind of problem: every way is tried on a few problems of each, and judged.

The ways that are right most often are chosen; where the intervals of the two best overlap, both are kept, and each
sample draws one of them. Of equally good ones that with fewer tokens comes first. Which problems are tried hangs on
their content alone, and what is asked for the pilot is not asked again: it is the first sample of these problems.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from potstill.damage import signed, unsigned
from potstill.durable import write_durably
from potstill.errors import DamageError, StoreError
from potstill.intervals import wilson
from potstill.recipe import Ways
from potstill.records import Problem, Trace, Verdict, content_key
from potstill.teach.samples import Judge
from potstill.teach.strategies.strategies import kind_of

Ask = Callable[[str, Sequence[Problem]], Iterable[Trace]]
"""The traces of problems that are asked under a way."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """What a way did on the problems of a kind; `tokens` are those of all its responses, words where nobody counts."""

    kind: str
    way: str
    right: int
    wrong: int
    unknown: int
    tokens: int

    @property
    def share(self) -> float:
        """Right ones among right and wrong; 0 where there are neither."""
        return self.right / max(1, self.right + self.wrong)

    @property
    def bounds(self) -> tuple[float, float]:
        """Wilson's 95% interval of `share`."""
        if not self.right + self.wrong:
            return 0.0, 1.0
        found = wilson(self.share, self.right + self.wrong)
        return found.low, found.high


def piloted(problems: Iterable[Problem], ways: Ways, names: Sequence[str], ask: Ask, judge: Judge) -> list[Tried]:
    """Try every way of `names` on `ways.pilot` problems of each kind."""
    chosen = few(problems, ways, ways.pilot or 0)
    asked = [problem for kind in sorted(chosen) for problem in chosen[kind]]
    by_key = {problem.key: problem for problem in asked}
    found = []
    for name in names:
        traces = list(ask(name, asked))
        verdicts = list(judge([(by_key[trace.problem_key], trace) for trace in traces]))
        for kind in sorted(chosen):
            keys = {problem.key for problem in chosen[kind]}
            own = [pair for pair in zip(traces, verdicts, strict=True) if pair[0].problem_key in keys]
            found.append(_tried(kind, name, own))
    return found


def chosen_ways(tried: Iterable[Tried]) -> dict[str, tuple[str, ...]]:
    """Return the best way of each kind, or the two best where it is open which is better; none where all fail."""
    kinds: dict[str, list[Tried]] = {}
    for one in tried:
        kinds.setdefault(one.kind, []).append(one)
    found = {}
    for kind, ways in kinds.items():
        best, *others = sorted(ways, key=lambda one: (-one.share, one.tokens, one.way))
        if best.right:
            second = [one.way for one in others[:1] if one.right and one.bounds[1] >= best.bounds[0]]
            found[kind] = (best.way, *second)
    return found


def note(path: Path, tried: Sequence[Tried]) -> None:
    """Write down what a pilot found, for who looks at the run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    held = signed({"tried": [asdict(one) for one in tried]})
    write_durably(path, json.dumps(held, ensure_ascii=True, indent=1).encode())


def noted(path: Path) -> dict[str, tuple[str, ...]]:
    """Return the ways that a pilot found, none where there was no pilot.

    Raises:
        StoreError: the file is damaged.
    """
    if not path.exists():
        return {}
    try:
        return chosen_ways(Tried(**one) for one in unsigned(json.loads(path.read_bytes()), path)["tried"])
    except (OSError, ValueError, TypeError, KeyError, DamageError) as error:
        raise StoreError(f"{path} is damaged ({error}): remove it, the pilot is made again from the ledger") from None


def spared(problems: Iterable[Problem], ways: Ways) -> frozenset[str]:
    """Return the keys of the problems that are not asked, which are the first that a pilot would take."""
    if not ways.spared:
        return frozenset()
    return frozenset(problem.key for of_kind in few(problems, ways, ways.spared).values() for problem in of_kind)


def few(problems: Iterable[Problem], ways: Ways, number: int) -> Mapping[str, list[Problem]]:
    """Return the first `number` problems of each kind, in an order that hangs on their content alone."""
    kinds: dict[str, list[tuple[str, Problem]]] = {}
    for problem in problems:
        kept = kinds.setdefault(kind_of(problem, ways), [])
        kept.append((content_key("pilot", problem.key), problem))
        if len(kept) > 4 * max(1, number):
            kept[:] = sorted(kept, key=lambda item: item[0])[:number]
    return {
        kind: [problem for _, problem in sorted(kept, key=lambda item: item[0])[:number]]
        for kind, kept in kinds.items()
    }


def _tried(kind: str, name: str, own: Sequence[tuple[Trace, Verdict]]) -> Tried:
    outcomes = [verdict.outcome if trace.finish == "stop" else "wrong" for trace, verdict in own]
    failed = sum(trace.finish == "failed" for trace, _ in own)
    return Tried(
        kind=kind, way=name, right=outcomes.count("right"), wrong=outcomes.count("wrong") - failed,
        unknown=outcomes.count("unknown") + failed, tokens=sum(map(_length, (trace for trace, _ in own))),
    )  # fmt: skip


def _length(trace: Trace) -> int:
    """Return the tokens of a response, its words where its teacher counts none."""
    if trace.completion_tokens is not None:
        return trace.completion_tokens
    return 0 if trace.finish == "failed" else len(f"{trace.reasoning} {trace.answer}".split())
