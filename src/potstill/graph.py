"""The graph of a recipe: its sets, arms and scorers, each as a recipe of its own with what it overrides put in place.

    problems -> set (teacher -> traces -> verdicts -> examples) -> arm (base -> phase -> phase) -> measures -> report

A node is a whole `Recipe` whose sections are those of the node, so that whoever works on a node reads
`recipe.teacher` or `recipe.train` and knows nothing of graphs.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from potstill.errors import nearest
from potstill.judged_ways import check_judging, judging_arms
from potstill.nodes import (
    ARM_KEYS,
    EITHER,
    MOST_ROUNDS,
    NODE_NAME,
    SET_KEYS,
    GraphError,
    Location,
    located,
    node_recipe,
)
from potstill.recipe import ArmTeacher, Match, Recipe, Reward, Student, own_answers
from potstill.recipe.students import OWN_ANSWERS
from potstill.scorer_nodes import ScorerNode, rewarded_by, scorer_nodes

DEFAULT_SETS: Mapping[str, Mapping[str, Any]] = {"traces": {}}
DEFAULT_ARMS: Mapping[str, Mapping[str, Any]] = {
    "base": {},
    "answers": {"train": {"supervision": "answers", "match": {"examples": "traces"}}},
    "traces": {"train": {}},
}
MAIN = "traces"
"""The set or arm that is meant where several are there and none is named."""


@dataclass(frozen=True, kw_only=True)
class SetNode:
    """Traces of one teacher, their verdicts, and the examples chosen from them.

    `traces_of` names the set that the traces are taken from, itself where it asks a teacher. Where an arm of this
    recipe teaches, `taught_by` names it; where an untouched student does, `taught_by_student` is as `ArmNode.student`.
    """

    name: str
    recipe: Recipe
    traces_of: str
    taught_by: str | None = None
    taught_by_student: str | None = None


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One training of an arm: `recipe.train` says how, `on` names its set, `number` counts from 1 of `of`."""

    arm: str
    number: int
    of: int
    on: str
    recipe: Recipe
    rewarded_by: Mapping[str, Reward] = field(default_factory=dict)
    """The scorers that its answers are rewarded by, and how each reads an answer."""

    @property
    def name(self) -> str:
        """The arm's name for its last phase, `ARM.phase1` for one before."""
        return self.arm if self.number == self.of else f"{self.arm}.phase{self.number}"

    @property
    def learnt_from(self) -> str | None:
        """The arm whose distribution is learnt, where one is."""
        kl = self.recipe.train.loss.kl
        return None if kl is None else kl.arm

    @property
    def match(self) -> tuple[Literal["examples", "tokens", "flops"], str] | None:
        """What is matched, and with which arm."""
        match = self.recipe.train.match
        return None if match is None else matched(match)


@dataclass(frozen=True, kw_only=True)
class ArmNode:
    """One line of the table: a base student, or the student of the arm `start`, and the phases that train it.

    `student` names whose base student it is: an arm with a `student.model` or `student.scratch` of its own, or "" for
    that of the recipe.
    """

    name: str
    recipe: Recipe
    start: str | None
    student: str
    phases: tuple[Phase, ...]

    @property
    def trained(self) -> bool:
        """Whether any phase or the arm that it starts from trains it."""
        return bool(self.phases) or self.start is not None


@dataclass(frozen=True, kw_only=True)
class Graph:
    """The nodes by name, in the recipe's order; rounds are written out as nodes of their own."""

    sets: Mapping[str, SetNode]
    arms: Mapping[str, ArmNode]
    main: str
    """The set that worked examples for the untouched student, and a new tokenizer, are drawn from."""
    deliver: str | None
    scorers: Mapping[str, ScorerNode] = field(default_factory=dict)
    edges: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """`set NAME`, `arm NAME` or `scorer NAME` -> the nodes that it is made from."""

    def text(self) -> str:
        """Return the graph in lines: what each node is made from."""
        lines = []
        for name in self.sets:
            made = ", ".join(self.edges[f"set {name}"]) or f"teacher {self.sets[name].recipe.teacher.kind}"
            lines.append(f"set {name} <- {made}")
        for name, arm in self.arms.items():
            how = "untouched" if not arm.phases else " then ".join(_phase_text(phase) for phase in arm.phases)
            made = ", ".join(self.edges[f"arm {name}"]) or f"student {arm.student or 'of the recipe'}"
            its = arm.recipe.evaluate
            chosen = f", best of {its.best_of} by {its.by}" if its.by is not None else ""
            lines.append(f"arm {name} <- {made} ({how}{chosen})")
        for name, node in self.scorers.items():
            lines.append(f"scorer {name} <- {', '.join(self.edges[f'scorer {name}']) or 'a file'} ({node.text})")
        if self.deliver is not None:
            lines.append(f"deliver <- arm {self.deliver}")
        return "\n".join(lines)


def matched(match: Match) -> tuple[Literal["examples", "tokens", "flops"], str]:
    """Return the one quantity that is matched, and the arm."""
    for quantity in ("examples", "tokens", "flops"):
        if (arm := getattr(match, quantity)) is not None:
            return quantity, arm
    raise ValueError("nothing is matched")


def graph_of(recipe: Recipe) -> Graph:
    """Return the graph of a recipe.

    Raises:
        GraphError: a name that does not exist or is used by nothing, a cycle, a combination that makes no sense.
        pydantic.ValidationError: a value of a node, with a location that begins with its section (see `node_recipe`).
    """
    return _Builder(recipe).build()


def _phase_text(phase: Phase) -> str:
    train = phase.recipe.train
    given = ((getattr(train, key), key) for key in EITHER[1][:3])
    budget = next((f"{value if value == 'auto' else f'{value:,g}'} {key}" for value, key in given if value), "")
    if phase.match is not None:
        budget = f"as many {phase.match[0]} as {phase.match[1]}"
    kl = train.loss.kl
    learnt = "" if kl is None else f", distribution of {kl.arm or kl.model}"
    if train.method in OWN_ANSWERS:
        each = own_answers(train).rollouts
        terms = train.grpo.rewards if train.method == "grpo" else ()
        rewards = ", ".join(term.label.replace("_", " ") for term in terms)
        rewarded = f", rewarded by {rewards}" if rewards not in ("", "verdict") else ""
        return f"{train.method} on the problems of {phase.on}, {each} answers each{learnt}{rewarded}, {budget}"
    if train.method == "dpo":
        return f"dpo on pairs of {phase.on}, {', '.join(train.dpo.prefer)}, {budget}"
    return f"{train.method} on {phase.on}, {train.supervision}{learnt}, {budget}"


class _Builder:
    """Builds a graph, name by name; `where` of every error is the key as the user wrote it."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.sets = {name: dict(over or {}) for name, over in (recipe.sets or DEFAULT_SETS).items()}
        self.arms = {name: dict(over or {}) for name, over in (recipe.arms or DEFAULT_ARMS).items()}
        self.set_recipes: dict[str, Recipe] = {}
        self.arm_recipes: dict[str, Recipe] = {}

    def build(self) -> Graph:
        for section, nodes, keys in (("sets", self.sets, SET_KEYS), ("arms", self.arms, ARM_KEYS)):
            self._check_keys(section, nodes, keys)
        sets = {name: self._set(name) for name in self.sets}
        arms: dict[str, ArmNode] = {}
        for name in self.arms:
            for node in self._arm(name, sets):
                arms[node.name] = node
        scorers = {one.name: one for one in scorer_nodes(self.recipe, list(self.sets), list(self.arms), self.main)}
        sets = {name: _scored(node, scorers) for name, node in sets.items()}
        self._check_scorers_of_arms(arms, scorers)
        arms = {name: _rewarded(arm, scorers) for name, arm in arms.items()}
        taught_on = {name: _taught_on(arm, arms, sets) for name, arm in arms.items()}
        for name, taught in sets.items():
            check_judging(name, taught.recipe, taught_on)
        self._check_listeners(sets, arms)
        edges = _edges(sets, arms, scorers)
        _refuse_cycles(edges, {"set": set(self.sets), "arm": set(self.arms), "scorer": set(scorers)})
        self._refuse_unused(edges, sets)
        return Graph(
            sets=sets, arms=arms, main=self.main, deliver=self._deliver(arms), scorers=scorers, edges=edges
        )  # fmt: skip

    def _check_keys(self, section: str, nodes: Mapping[str, Mapping[str, Any]], keys: Sequence[str]) -> None:
        for name, over in nodes.items():
            if not re.fullmatch(NODE_NAME, name):
                raise GraphError((section, name), "a name has letters, digits, - and _, 40 at most, and no dot")
            for key, value in over.items():
                if key not in keys:
                    raise GraphError((section, name, key), f"unknown key{nearest(key, list(keys))}")
                if key not in ("from", "rounds", "train") and not isinstance(value, Mapping):
                    raise GraphError((section, name, key), f"needs keys of its own, not {json.dumps(value)}")
            self._check_reference(section, nodes, name, over)

    def _check_reference(self, section: str, nodes: Mapping[str, Any], name: str, over: Mapping[str, Any]) -> None:
        if "from" not in over:
            return
        other = over["from"]
        if other not in nodes:
            raise GraphError(
                (section, name, "from"), f"there is no {section[:-1]} {other!r}{nearest(str(other), list(nodes))}"
            )
        seen = [name]
        while other is not None:
            if other in seen:
                raise GraphError((section, name, "from"), f"a circle: {' <- '.join([*seen, other])}")
            seen.append(other)
            other = nodes[other].get("from")
        if section == "sets" and (own := next((key for key in ("teacher", "strategy") if key in over), None)):
            raise GraphError((section, name, own), f"its traces come from {over['from']!r}: leave {own} or `from` out")

    @property
    def main(self) -> str:
        """The set that is meant where none is named."""
        named = self.recipe.train.on
        return named if named in self.sets else MAIN if MAIN in self.sets else next(iter(self.sets))

    def _recipe_of_set(self, name: str) -> Recipe:
        if name not in self.set_recipes:
            over = {key: value for key, value in self.sets[name].items() if key != "from"}
            parent = self.sets[name].get("from")
            base = self.recipe if parent is None else self._recipe_of_set(parent)
            self.set_recipes[name] = located(("sets", name), lambda: node_recipe(base, over))
        return self.set_recipes[name]

    def _recipe_of_arm(self, name: str) -> Recipe:
        """The arm's student and evaluation; its training is in its phases."""
        if name not in self.arm_recipes:
            over = {key: value for key, value in self.arms[name].items() if key in ("student", "evaluate")}
            parent = self.arms[name].get("from")
            if parent is not None and any(key in over.get("student", ()) for key in ("model", "scratch")):
                raise GraphError(
                    ("arms", name, "student"), f"its student comes from {parent!r}: leave model and scratch out"
                )
            base = self.recipe if parent is None else self._recipe_of_arm(parent)
            self.arm_recipes[name] = located(("arms", name), lambda: node_recipe(base, over))
        return self.arm_recipes[name]

    def _set(self, name: str) -> SetNode:
        recipe, source = self._recipe_of_set(name), name
        while (parent := self.sets[source].get("from")) is not None:
            source = parent
        teacher, where = recipe.teacher, ("sets", name, "teacher", "arm")
        if not isinstance(teacher, ArmTeacher) or teacher.run is not None:
            return SetNode(name=name, recipe=recipe, traces_of=source)
        for key, arm in (("arm", teacher.arm), ("first", teacher.first)):
            if arm is not None and arm not in self.arms:
                raise GraphError((*where[:3], key), f"there is no arm {arm!r}{nearest(arm, list(self.arms))}")
        if not recipe.strategy.prompt and recipe.strategy.prompt_file is None and recipe.strategy.kind == "zero_shot":
            asked = self._recipe_of_arm(teacher.arm).student.prompt
            recipe = replace(recipe, strategy=replace(recipe.strategy, prompt=asked))
        return SetNode(name=name, recipe=recipe, traces_of=source, taught_by=teacher.arm)

    def _arm(self, name: str, sets: dict[str, SetNode]) -> Iterator[ArmNode]:
        """Yield the arm, its rounds before it; the sets of its rounds are added to `sets`."""
        over, recipe = self.arms[name], self._recipe_of_arm(name)
        rounds = over.get("rounds")
        phases = tuple(self._phases(name, recipe))
        start = over.get("from")
        node = ArmNode(name=name, recipe=recipe, start=start, student=self._student_of(name), phases=phases)
        taught = [phase.on for phase in phases if sets[sets[phase.on].traces_of].taught_by == name]
        own = list(dict.fromkeys(each for on in taught for each in (sets[on].traces_of, on)))
        if rounds is None:
            yield node
            return
        if not isinstance(rounds, int) or isinstance(rounds, bool) or not 1 <= rounds <= MOST_ROUNDS:
            raise GraphError(
                ("arms", name, "rounds"), f"a whole number from 1 to {MOST_ROUNDS}, not {json.dumps(rounds)}"
            )
        if not own:
            raise GraphError(
                ("arms", name, "rounds"),
                f"rounds need a set that this arm teaches: train on one with `teacher: {{kind: arm, arm: {name}}}`",
            )
        yield from _rounds(node, rounds, own, sets)

    def _student_of(self, name: str) -> str:
        """Return the arm that names the base student, "" for the recipe's own."""
        while (parent := self.arms[name].get("from")) is not None:
            name = parent
        own = self._recipe_of_arm(name).student
        return name if _base(own) != _base(self.recipe.student) else ""

    def _phases(self, name: str, recipe: Recipe) -> Iterator[Phase]:
        if "train" not in self.arms[name]:
            return
        given = self.arms[name]["train"]
        listed = isinstance(given, list)
        entries: list[Any] = given if listed else [given]
        if not entries:
            raise GraphError(
                ("arms", name, "train"), "an empty list trains nothing: leave `train` out, or give a phase"
            )
        for number, over in enumerate(entries, 1):
            where: Location = ("arms", name, "train", number - 1) if listed else ("arms", name, "train")
            if not isinstance(over, Mapping):
                raise GraphError(where, f"a phase has keys, such as {{on: SET}}; this is {json.dumps(over)}")
            whole = located(where, functools.partial(node_recipe, recipe, {"train": over}), cut=1)
            on = whole.train.on or self.main
            if on not in self.sets:
                raise GraphError((*where, "on"), f"there is no set {on!r}{nearest(on, list(self.sets))}")
            if whole.train.on is None and len(self.sets) > 1 and MAIN not in self.sets:
                raise GraphError((*where, "on"), f"say which set to train on: {', '.join(self.sets)}")
            self._check_match(whole.train.match, name, (*where, "match"))
            learnt = whole.train.loss.kl.arm if whole.train.loss.kl is not None else None
            if learnt is not None and learnt not in self.arms:
                key = (*where, "loss", "kl", "arm")
                raise GraphError(key, f"there is no arm {learnt!r}{nearest(learnt, list(self.arms))}")
            yield Phase(arm=name, number=number, of=len(entries), on=on, recipe=whole)

    def _check_match(self, match: Match | None, arm: str, where: Location) -> None:
        if match is None:
            return
        named = [key for key in Match.alternatives if getattr(match, key) is not None]
        if len(named) != 1:
            raise GraphError(
                where, f"give exactly one of {', '.join(Match.alternatives)}; found {' and '.join(named) or 'none'}"
            )
        _, other = matched(match)
        if other not in self.arms:
            raise GraphError((*where, named[0]), f"there is no arm {other!r}{nearest(other, list(self.arms))}")
        if other == arm or "train" not in self.arms[other]:
            why = "itself" if other == arm else "which is not trained"
            raise GraphError((*where, named[0]), f"an arm cannot match {other!r}, {why}")

    def _check_scorers_of_arms(self, arms: Mapping[str, ArmNode], scorers: Mapping[str, ScorerNode]) -> None:
        for name, arm in arms.items():
            by = arm.recipe.evaluate.by
            if by is not None and by not in scorers:
                own = "by" in self.arms.get(name, {}).get("evaluate", {})
                where: Location = ("arms", name, "evaluate", "by") if own else ("evaluate", "by")
                raise GraphError(where, f"there is no scorer {by!r}{nearest(by, list(scorers))}")

    def _check_listeners(self, sets: Mapping[str, SetNode], arms: Mapping[str, ArmNode]) -> None:
        for name, node in sets.items():
            listener = node.recipe.checks.listener
            if listener is None:
                continue
            own = "listener" in self.sets.get(name, {}).get("checks", {})
            where: Location = ("sets", name, "checks", "listener") if own else ("checks", "listener")
            if listener not in arms:
                raise GraphError(where, f"there is no arm {listener!r}{nearest(listener, list(arms))}")
            if name == self.main and arms[listener].recipe.student.scratch is not None:
                what = "a student from nothing gets its tokens from the examples of this set, and cannot read it before"
                raise GraphError(where, f"{what}: let it listen to another set, with `from: {name}`")

    def _refuse_unused(self, edges: Mapping[str, tuple[str, ...]], sets: Mapping[str, SetNode]) -> None:
        used = {needed for node in edges.values() for needed in node} | {f"set {self.main}"}
        for name in sets:
            if f"set {name}" not in used:
                raise GraphError(("sets", name), "nothing uses this set: name it in `train: {on: ...}`, or take it out")

    def _deliver(self, arms: Mapping[str, ArmNode]) -> str | None:
        named = self.recipe.deliver
        trained = [name for name, arm in arms.items() if arm.trained]
        if named is None:
            return MAIN if MAIN in trained else trained[-1] if trained else None
        if named not in arms:
            raise GraphError(("deliver",), f"there is no arm {named!r}{nearest(named, list(arms))}")
        if named not in trained:
            raise GraphError(("deliver",), f"{named!r} is not trained: name one of {', '.join(trained) or '(none is)'}")
        return named


def _taught_on(arm: ArmNode, arms: Mapping[str, ArmNode], sets: Mapping[str, SetNode]) -> Recipe | None:
    """Return the recipe of the set that an arm was trained on last, None where it was not."""
    while not arm.phases and arm.start is not None and arm.start in arms:
        arm = arms[arm.start]
    return sets[arm.phases[-1].on].recipe if arm.phases else None


def _base(student: Student) -> tuple[Any, ...]:
    return student.model, student.scratch


def _rounds(arm: ArmNode, rounds: int, own: Sequence[str], sets: dict[str, SetNode]) -> Iterator[ArmNode]:
    """Write rounds out: each asks the arm of the round before, and trains anew from where the arm starts."""
    last = {name: sets[name] for name in own}
    for number in range(1, rounds + 1):
        end = "" if number == rounds else f".round{number}"
        for name, node in last.items():
            teacher = node.recipe.teacher
            first = teacher.first if isinstance(teacher, ArmTeacher) else None
            by = f"{arm.name}.round{number - 1}" if number > 1 else first or arm.start
            sets[f"{name}{end}"] = replace(
                node, name=f"{name}{end}", traces_of=f"{node.traces_of}{end}", taught_by=by,
                taught_by_student=arm.student if by is None else None,
            )  # fmt: skip
        phases = tuple(
            replace(phase, arm=f"{arm.name}{end}", on=f"{phase.on}{end}" if phase.on in own else phase.on)
            for phase in arm.phases
        )
        yield replace(arm, name=f"{arm.name}{end}", phases=phases)


def _scored(node: SetNode, scorers: Mapping[str, ScorerNode]) -> SetNode:
    """Return a set whose check by a scorer of this recipe reads it as it is made."""
    reward = node.recipe.checks.reward
    if reward is None or reward.scorer is None:
        return node
    if reward.scorer not in scorers:
        raise GraphError(
            ("sets", node.name, "checks", "reward", "scorer"),
            f"there is no scorer {reward.scorer!r}{nearest(reward.scorer, list(scorers))}",
        )
    checks = replace(node.recipe.checks, reward=scorers[reward.scorer].read_by(reward))
    return replace(node, recipe=replace(node.recipe, checks=checks))


def _rewarded(arm: ArmNode, scorers: Mapping[str, ScorerNode]) -> ArmNode:
    """Return an arm whose phases know how the scorers read that reward its answers."""
    where: Location = ("arms", arm.name, "train", "grpo", "rewards")
    found = (replace(one, rewarded_by=rewarded_by(one.recipe.train, scorers, where)) for one in arm.phases)
    return replace(arm, phases=tuple(found))


def _edges(
    sets: Mapping[str, SetNode], arms: Mapping[str, ArmNode], scorers: Mapping[str, ScorerNode]
) -> dict[str, tuple[str, ...]]:
    """Return what each node is made from.

    That an arm's answers are chosen by a scorer does not make the arm: a scorer may be made from it.
    """
    found: dict[str, tuple[str, ...]] = {}
    for name, node in sets.items():
        source = (f"set {node.traces_of}",) if node.traces_of != name else ()
        reward = node.recipe.checks.reward
        scored: tuple[str, ...] = (
            (f"scorer {reward.scorer}",) if reward is not None and reward.scorer is not None else ()
        )
        listener = node.recipe.checks.listener
        scored += (f"arm {listener}",) if listener is not None else ()
        judging = tuple(f"arm {arm}" for arm in judging_arms(node.recipe).values()) if not source else ()
        found[f"set {name}"] = (source or ((f"arm {node.taught_by}",) if node.taught_by else ())) + scored + judging
    for name, arm in arms.items():
        needed = [f"arm {arm.start}"] if arm.start else []
        for phase in arm.phases:
            needed.append(f"set {phase.on}")
            if phase.match is not None:
                needed.append(f"arm {phase.match[1]}")
            if phase.learnt_from is not None:
                needed.append(f"arm {phase.learnt_from}")
            needed += [f"scorer {scorer}" for scorer in phase.rewarded_by]
        found[f"arm {name}"] = tuple(dict.fromkeys(needed))
    return found | {f"scorer {name}": node.edges for name, node in scorers.items()}


def _refuse_cycles(edges: Mapping[str, tuple[str, ...]], named: Mapping[str, set[str]]) -> None:
    done: set[str] = set()

    def visit(node: str, path: tuple[str, ...]) -> None:
        if node in path:
            circle = [*path[path.index(node) :], node]
            kind, _, name = node.partition(" ")
            hint = (
                "; an arm that teaches its own set needs `rounds: N`"
                if any(n.startswith("set") for n in circle) and not any(n.startswith("scorer") for n in circle)
                else "; score a set of its own, with `from`"
                if any(n.startswith("scorer") for n in circle)
                else ""
            )
            where = (f"{kind}s", name)
            raise GraphError(where if name in named[kind] else where[:1], f"a circle: {' <- '.join(circle)}{hint}")
        if node not in done:
            for needed in edges.get(node, ()):
                visit(needed, (*path, node))
            done.add(node)

    for node in edges:
        visit(node, ())
