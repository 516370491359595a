"""Tree of thoughts (Yao et al. 2023, arXiv 2305.10601): steps are proposed, judged and gone on from, then flattened.

A state is the steps so far. One call proposes the next steps of a state; states are judged by themselves (`value`) or
beside each other (`vote`). A judgement that cannot be read is unknown: it is asked for once more, and a state without
any counts as the mean of those beside it. The order in which a vote shows states is another in each call, by hash.
What the search does depends on the completions alone, never on the gold.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from potstill.models.requests import Completion, Message
from potstill.recipe import Strategy, Tree
from potstill.records import Problem, content_key
from potstill.teach.calls import Call, Finished, Talk, finished_by
from potstill.teach.prompts import Asking
from potstill.teach.roles import filled, texts_of, turns
from potstill.teach.strategies import Material
from potstill.verify.answer_kinds import ANSWER_KINDS

PROMPT = ""
SLOTS = ()
ROLES = {
    "propose": ("question", "steps"), "value": ("question", "steps"), "vote": ("question", "candidates"),
    "finish": ("question", "steps"),
}  # fmt: skip
VALUES = {"sure": 1.0, "likely": 0.5, "impossible": 0.0}
"""What the words of a judgement are worth."""
_ITEM = re.compile(r"\s{0,8}(\d{1,3})[.):]\s{1,8}(\S.{0,2000})")
"""`1. 4 + 6 = 10`, `2) ...`."""
_ENDS = re.compile(r"(?i)answer\s?:\s{0,8}(?=\S)")
"""`Answer: 24`, as a step that ends a path begins."""
_WORD = re.compile(r"[a-z']+")
"""The words of `it isn't likely`."""
_BEST = re.compile(r"(?i)\bbest\b[^0-9]{0,20}([0-9]{1,4})(?![0-9])")
"""`Best: 12`; the number is read whole."""
_NOTHING = "(none yet)"


@dataclass(slots=True, eq=False)
class State:
    """A step with those before it. `value` is None as long as no judgement of it could be read."""

    step: str
    parent: State | None = None
    value: float | None = None
    depth: int = 0

    @property
    def ends(self) -> bool:
        """Whether its step states an answer."""
        return _ENDS.match(self.step) is not None

    @property
    def steps(self) -> list[str]:
        """The steps of its path, its own at the end; the root has none."""
        found, state = [], self
        while state.parent is not None:
            found.append(state.step)
            state = state.parent
        return found[::-1]


@dataclass(kw_only=True, slots=True)
class Walk:
    """What one search has done so far; `furthest` is where it is finished from if no state states an answer."""

    furthest: State
    ended: list[State] = field(default_factory=list)
    calls: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)
    """The search as text, line by line."""


Part = Generator[Sequence[Call], Sequence[Completion], list[State]]


class CappedError(Exception):
    """The search may make no more calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Searching(Asking):
    """How every sample of a problem is asked: by a search of its own."""

    texts: dict[str, str]
    tree: Tree

    def talk(self, problem: Problem, sample: int) -> Talk:
        """Search, then write down what was found."""
        walk = Walk(furthest=State(""))
        try:
            yield from (self._breadth if self.tree.search == "bfs" else self._depth)(problem, sample, walk)
        except CappedError:
            walk.counts["capped"] += 1
        if walk.ended:
            ended = max(walk.ended, key=lambda state: state.value or 0.0)
            answer = ended.step[_end(ended.step) :]
            return Finished(reasoning=self._flat(ended.steps[:-1], walk), answer=answer, counts=walk.counts)
        walk.counts["finished by a call"] += 1
        (completion,) = yield [Call(role="finish", messages=self._shown("finish", problem, walk.furthest))]
        done = finished_by(problem, completion)
        parts = (self._flat(walk.furthest.steps, walk), done.reasoning)
        return Finished(
            reasoning="\n".join(part for part in parts if part), answer=done.answer, finish=done.finish,
            failure=done.failure, counts=walk.counts,
        )  # fmt: skip

    def _breadth(self, problem: Problem, sample: int, walk: Walk) -> Part:
        """Go on from the best of a level until the best one states an answer."""
        frontier = [walk.furthest]
        while frontier and frontier[0].depth < self.tree.depth:
            made = yield from self._children(problem, walk, frontier)
            yield from self._judge(problem, sample, walk, made)
            kept = self._kept(made, walk)[: self.tree.width]
            walk.told += [f"Keep: {state.step}" for state in kept]
            walk.ended += [state for state in kept if state.ends]
            frontier = [state for state in kept if not state.ends]
            walk.furthest = frontier[0] if frontier else walk.furthest
            if kept and kept[0].ends:
                break
        return walk.ended

    def _depth(self, problem: Problem, sample: int, walk: Walk) -> Part:
        """Go on from the best child, and back where none is left, until a state states an answer."""
        waiting, before = [walk.furthest], walk.furthest
        while waiting and not walk.ended:
            state = waiting.pop()
            if state.ends:
                walk.ended.append(state)
            elif state.depth < self.tree.depth:
                if state.parent is not None and state.parent is not before:
                    walk.counts["back"] += 1
                    walk.told.append(f"Back to: {state.parent.step or 'the beginning'}")
                walk.furthest = max(walk.furthest, state, key=lambda one: one.depth)
                made = yield from self._children(problem, walk, [state])
                yield from self._judge(problem, sample, walk, made)
                waiting += self._kept(made, walk)[::-1]
                before = state
        return walk.ended

    def _children(self, problem: Problem, walk: Walk, states: Sequence[State]) -> Part:
        """Propose steps after each of the states: new ones, each once, at most `branching` of a state."""
        calls = [Call(role="propose", messages=self._shown("propose", problem, state)) for state in states]
        self._pay(walk, len(calls))
        made: list[State] = []
        for state, said in zip(states, (yield calls), strict=True):
            walk.counts["expanded"] += 1
            found = _proposed(said.content) if said.finish == "stop" else []
            if not found:
                walk.counts["no proposal"] += 1
            new = list(dict.fromkeys(found))
            walk.counts["same again"] += len(found) - len(new)
            for step in new[: self.tree.branching]:
                walk.counts["states"] += 1
                made.append(State(step, state, depth=state.depth + 1))
        return made

    def _judge(self, problem: Problem, sample: int, walk: Walk, states: list[State]) -> Part:
        """Give each state its value; what cannot be read is asked for once more."""
        if not states:
            return states
        judge = self._value_calls if self.tree.evaluate == "value" else self._vote_calls
        read: list[list[float]] = [[] for _ in states]
        numbers = range(self.tree.votes)
        again: list[tuple[int, Sequence[int], Call]] = judge(problem, sample, states, numbers)
        for attempt in (0, 1):
            if not again:
                break
            self._pay(walk, len(again))
            missed = []
            for (number, order, call), said in zip(again, (yield [call for _, _, call in again]), strict=True):
                given = _read(said, order, self.tree.evaluate)
                if given is None:
                    walk.counts["unreadable"] += 1
                    missed.append((number, order, _once_more(call, self.tree.votes)))
                for place, value in (given or {}).items():
                    read[place].append(value)
            again = missed if attempt == 0 else []
        for state, values in zip(states, read, strict=True):
            state.value = sum(values) / len(values) if values else None
            walk.counts["unknown"] += not values
            walk.told.append(f"Try: {state.step} ({_worth(state.value)})")
        return states

    def _value_calls(
        self, problem: Problem, sample: int, states: Sequence[State], numbers: Sequence[int]
    ) -> list[tuple[int, Sequence[int], Call]]:
        del sample
        return [
            (number, (place,), Call(role="value", messages=self._shown("value", problem, state), number=number))
            for place, state in enumerate(states)
            for number in numbers
        ]

    def _vote_calls(
        self, problem: Problem, sample: int, states: Sequence[State], numbers: Sequence[int]
    ) -> list[tuple[int, Sequence[int], Call]]:
        found: list[tuple[int, Sequence[int], Call]] = []
        whole = [state.steps for state in states]
        for number in numbers:
            order = sorted(
                range(len(states)), key=lambda place: content_key("vote", problem.key, sample, number, whole[place])
            )
            shown = "\n\n".join(f"{at}. {_listed(whole[place])}" for at, place in enumerate(order, 1))
            text = filled(self.texts["vote"], question=problem.statement, candidates=shown)
            found.append((number, order, Call(role="vote", messages=turns(self.system, text), number=number)))
        return found

    def _kept(self, states: list[State], walk: Walk) -> list[State]:
        """Return the states to go on from, the best first; equal ones stay in the order they were proposed."""
        known = [state.value for state in states if state.value is not None]
        mean = sum(known) / len(known) if known else self.tree.prune_below
        worth = {id(state): mean if state.value is None else state.value for state in states}
        kept = [state for state in states if state.value is None or state.value >= self.tree.prune_below]
        walk.counts["pruned"] += len(states) - len(kept)
        return sorted(kept, key=lambda state: -worth[id(state)])

    def _pay(self, walk: Walk, calls: int) -> None:
        """Count calls before they are made; one is always left to finish with."""
        if walk.calls + calls + 1 > self.tree.most_calls:
            raise CappedError
        walk.calls += calls

    def _shown(self, role: str, problem: Problem, state: State) -> tuple[Message, ...]:
        text = filled(
            self.texts[role], question=problem.statement, steps="\n".join(state.steps) or _NOTHING,
            branching=str(self.tree.branching), answer_form=ANSWER_KINDS[problem.answer_kind].form,
        )  # fmt: skip
        return turns(self.system, text)

    def _flat(self, steps: Sequence[str], walk: Walk) -> str:
        if self.tree.flatten == "path":
            return "\n".join(steps)
        return "\n".join([*walk.told, "So the way is:", *steps])


def _proposed(text: str) -> list[str]:
    """Return the numbered lines of a proposal; anything else in it is talk."""
    return [found[2].strip() for line in text.split("\n") if (found := _ITEM.fullmatch(line)) is not None]


def _read(said: Completion, order: Sequence[int], evaluate: str) -> dict[int, float] | None:
    """Return what a judgement gives each state that it was about, by place; None where it cannot be read."""
    if said.finish != "stop":
        return None
    lines = [line for line in said.content.split("\n") if line.strip()]
    last = lines[-1] if lines else ""
    if evaluate == "value":
        words = _WORD.findall(last.casefold())
        told = {VALUES[word] for word in words if word in VALUES}
        denied = any(word in ("not", "n't", "never", "isn't") for word in words)
        return {order[0]: told.pop()} if len(told) == 1 and not denied else None
    found = _BEST.findall(last)
    if len(found) != 1 or not 1 <= int(found[0]) <= len(order):
        return None
    return {place: float(at == int(found[0])) for at, place in enumerate(order, 1)}


def _once_more(call: Call, votes: int) -> Call:
    return Call(role=call.role, messages=call.messages, number=call.number + votes)


def _worth(value: float | None) -> str:
    return "not judged" if value is None else f"{value:.2f}"


def _listed(steps: Sequence[str]) -> str:
    return "\n   ".join(steps)


def _end(step: str) -> int:
    found = _ENDS.match(step)
    return found.end() if found else 0


def calls(strategy: Strategy) -> tuple[float, float, float]:
    """Return how many calls a sample takes: at least, usually, at most."""
    tree = strategy.tree or Tree()
    judged = tree.votes * (tree.branching if tree.evaluate == "value" else 1)
    level = 1 + judged
    wide = tree.width if tree.search == "bfs" else 1
    usual = level + (tree.depth - 1) * wide * level
    return float(min(level, tree.most_calls)), float(min(usual, tree.most_calls)), float(tree.most_calls)


def asking(prompt: str, strategy: Strategy, material: Material) -> Asking:
    """Return how every problem is asked."""
    texts = texts_of(ROLES, strategy, material.data)
    return Searching(strategy.system, prompt, texts=texts, tree=strategy.tree or Tree())
