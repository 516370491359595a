"""What each set of traces will be: its problems, traces and examples, what is asked and written, how long texts are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from potstill.graph import Graph, SetNode
from potstill.pipeline import naming
from potstill.pipeline.checks.scene import ROWS, Scene
from potstill.pipeline.settings import teacher_seed
from potstill.planning.figures import Figure, assumed, known, product
from potstill.planning.texts import MOST_TEXTS, Lengths, counted, tokens_of
from potstill.recipe import ArmTeacher, DatasetTeacher, LocalTeacher, Recipe, ServedTeacher, WorkedTeacher
from potstill.records import Example, Problem
from potstill.teach.strategies import STRATEGIES

if TYPE_CHECKING:
    from potstill.store import Committed

SHOWN = 200
"""Problems whose worked solutions are looked at."""
KEPT = assumed(0.3, 0.65, 0.95, "a teacher is right and its trace kept in 30 to 95% of cases")
WRITTEN = (400.0, 1800.0, 8000.0)
"""Tokens of a response of a reasoning teacher on school and contest mathematics: between GSM8K's R1 traces (mean 800 in
traces_gsm8k_longcot_r1_qwq_s1) and AIME's, which are cut at 8,000 and more."""
SHORTEST_WRITTEN = 0.05
"""Of `max_tokens`: no assumption of less where that is small."""
SHOT_TOKENS = assumed(120, 250, 900, "a worked example in the prompt")


@dataclass(frozen=True, kw_only=True, slots=True)
class Requests:
    """What asking a teacher comes to: requests, tokens read and written, seconds where a pilot measured them."""

    requests: Figure | None
    read: Figure | None
    written: Figure | None
    seconds: Figure | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SetFigures:
    """The numbers of a set; None where nothing tells. `asked` is of a set that asks a model."""

    traces: Figure | None
    examples: Figure | None
    lengths: Lengths | None
    asked: Requests | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PilotFound:
    """What a pilot says of a set: all that will be asked, the share of traces that is kept, how long the kept are."""

    asked: Requests
    kept: Figure
    lengths: Lengths | None


@dataclass(kw_only=True)
class Gathered:
    """What is known of a recipe's data without asking anybody: committed outputs, files, families, its own numbers.

    `pilots` are what a pilot found of sets, by the name of their traces.
    """

    recipe: Recipe
    graph: Graph
    done: Mapping[str, Committed] = field(default_factory=dict)
    pilots: Mapping[str, PilotFound] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    _found: dict[str, SetFigures] = field(default_factory=dict)
    _files: dict[str, tuple[Lengths, bool, int]] = field(default_factory=dict)

    @cached_property
    def scene(self) -> Scene:
        """The problems as `potstill check` reads them."""
        return Scene(recipe=self.recipe, by_counts=True)

    @property
    def _problems(self) -> Committed | None:
        return self.done.get(naming.PROBLEMS)

    @cached_property
    def training(self) -> Figure | None:
        """How many problems are asked, those among them that the teacher wrote."""
        written, read = self.recipe.problems.written, self.training_read
        if written is None or read is None or self._problems is not None:
            return read
        seeds = read if written.seeds is None else read.at_most(written.seeds)
        more = seeds.times(written.each)
        return Figure(
            value=read.value + 0.5 * more.value, low=read.low, high=read.high + more.high, basis="assumed",
            how="the problems, and of those written from them none to all",
        )  # fmt: skip

    @cached_property
    def training_read(self) -> Figure | None:
        """How many problems are read for training."""
        if self._problems is not None:
            return known(self._problems.counts["train"], "the committed problems")
        if self.scene.sample.whole:
            return known(len(self.scene.sample.training), "the problems, read and divided")
        sizes = [source.count for source in self.recipe.problems.sources if source.use != "evaluate"]
        most = self.recipe.problems.train
        if any(size is None for size in sizes):
            if most is None:
                self.unknown.append("problems: how many there are; count of each source, or problems.train, says it")
                return None
            return assumed(most / 2, most, most, "problems.train, which is the most of them")
        held = self.recipe.problems.evaluate if any(s.use == "both" for s in self.recipe.problems.sources) else 0
        count = max(1, sum(size or 0 for size in sizes) - held)
        count = count if most is None else min(count, most)
        return Figure(
            value=count, low=0.9 * count, high=count, basis="formula",
            how="count of the sources less those held out; copies drop out",
        )  # fmt: skip

    @cached_property
    def held_out(self) -> Figure:
        """How many problems students are measured on."""
        if self._problems is not None:
            return known(self._problems.counts["evaluate"], "the committed problems")
        if self.scene.sample.whole:
            return known(len(self.scene.sample.held_out), "the problems, read and divided")
        whole = [source.count for source in self.recipe.problems.sources if source.use == "evaluate"]
        count = self.recipe.problems.evaluate if len(whole) < len(self.recipe.problems.sources) else 0
        there = sum(size or 0 for size in whole)
        return known(count + there, "problems.evaluate") if all(whole) else assumed(
            max(1, count), max(1, count + 200), count + 5000, "held-out sources of unknown size"
        )  # fmt: skip

    def problems(self) -> Iterator[Problem]:
        """Yield some training problems."""
        if self._problems is not None:
            return islice(self._problems.rows("train", Problem), MOST_TEXTS)
        return iter(self.scene.sample.training)

    @cached_property
    def question(self) -> Figure:
        """Tokens of a question."""
        sizes = [tokens_of(problem.statement) for problem in islice(self.problems(), MOST_TEXTS)]
        if not sizes:
            return assumed(25, 80, 400, "a question, of which none could be read")
        return Lengths(texts=(), basis="measured", of=f"{len(sizes):,} problems").mean(sizes, 0.08, "the questions")

    def of(self, node: SetNode) -> SetFigures:
        """Return the figures of a set."""
        if node.name not in self._found:
            self._found[node.name] = self._figures(node)
        return self._found[node.name]

    def _figures(self, node: SetNode) -> SetFigures:
        asked = self._asked(node)
        traces = self._traces(node, asked)
        lengths = self._lengths(node)
        return SetFigures(traces=traces, examples=self._examples(node, traces), lengths=lengths, asked=asked)

    def _samples(self, recipe: Recipe) -> Figure:
        strategy = recipe.strategy
        if strategy.stop_at_right is None or not isinstance(recipe.teacher, ServedTeacher | LocalTeacher | ArmTeacher):
            return known(strategy.samples, "strategy.samples")
        least = min(strategy.stop_at_right, strategy.samples)
        usual = least + 0.4 * (strategy.samples - least)
        return assumed(least, usual, strategy.samples, "between strategy.stop_at_right and samples; --pilot measures")

    def _traces(self, node: SetNode, asked: Requests | None) -> Figure | None:
        name, teacher = naming.traces(node, self.graph), node.recipe.teacher
        if name in self.done:
            return known(self.done[name].total("traces"), f"the committed {name}")
        if isinstance(teacher, DatasetTeacher):
            read = self._of_file(node)
            if read is None or read[1]:
                self.unknown.append(f"{name}: how many traces the file has; only the first {ROWS:,} were read")
                return None
            return known(read[2], "the traces of the file, read")
        if asked is not None and name in self.pilots:
            return asked.requests
        return product("problems x samples", self.training, self._samples(node.recipe))

    def _examples(self, node: SetNode, traces: Figure | None) -> Figure | None:
        name = naming.examples(node, self.graph)
        if name in self.done:
            return known(self.done[name].total("examples"), f"the committed {name}")
        teacher, most = node.recipe.teacher, node.recipe.curate.per_problem
        share = KEPT
        if isinstance(teacher, WorkedTeacher):
            right = 1 - (teacher.error_rate if node.recipe.curate.drop_wrong else 0)
            share = assumed(0.9 * right, right, min(1.0, 1.02 * right), "all but the injected errors, less copies")
        elif (pilot := self.pilots.get(naming.traces(node, self.graph))) is not None:
            share = pilot.kept
        found = product("traces that are kept", traces, share)
        if found is None or self.training is None:
            return found
        limit = most * self.training.high
        return found if found.high <= limit else found.at_most(limit).told("curate.per_problem of each problem at most")

    def _asked(self, node: SetNode) -> Requests | None:
        recipe, name = node.recipe, naming.traces(node, self.graph)
        teacher = recipe.teacher
        if not isinstance(teacher, ServedTeacher | LocalTeacher | ArmTeacher):
            return None
        if name in self.done:
            sampled = self.done[name].counts["sampling"]
            read, written = (
                known(sampled[key], f"the committed {name}") for key in ("prompt_tokens", "completion_tokens")
            )
            return Requests(
                requests=known(self.done[name].total("traces"), f"the committed {name}"), read=read, written=written
            )
        if name in self.pilots:
            return self.pilots[name].asked
        requests = product("problems x samples", self.training, self._samples(recipe))
        if (calls := getattr(STRATEGIES[recipe.strategy.kind], "calls", None)) is not None:
            least, usual, most = calls(recipe.strategy)
            each = assumed(least, usual, most, f"calls of a sample of {recipe.strategy.kind}; --pilot measures")
            requests = product("problems x samples x calls of a sample", requests, each)
        prompt = _sum(self.question, self._prompt(recipe))
        return Requests(
            requests=requests, read=product("requests x tokens of a prompt", requests, prompt),
            written=product("requests x tokens of a response", requests, response(teacher.sampling.max_tokens)),
        )  # fmt: skip

    def _prompt(self, recipe: Recipe) -> Figure:
        """Return the tokens around a question."""
        from potstill.teach.prompt_files import prompt_of, role_prompts

        strategy, data = recipe.strategy, Path(recipe.data)
        texts = [text for text in (prompt_of(strategy, data), *role_prompts(strategy, data).values()) if text]
        size = sum(tokens_of(f"{strategy.system} {text}") for text in texts) / len(texts)
        own = assumed(0.8 * size + 4, size + 12, 1.2 * size + 40, "the prompt")
        return own if strategy.kind != "few_shot" else _sum(own, SHOT_TOKENS.times(strategy.shots))

    def _lengths(self, node: SetNode) -> Lengths | None:
        name = naming.examples(node, self.graph)
        if name in self.done:
            rows = islice(self.done[name].rows("examples", Example), MOST_TEXTS)
            whole = self.done[name].total("examples") <= MOST_TEXTS
            return counted(
                ((e.question, e.reasoning, e.answer) for e in rows), "known" if whole else "measured",
                f"the committed {name}",
            )  # fmt: skip
        teacher = node.recipe.teacher
        if isinstance(teacher, WorkedTeacher):
            from potstill.teach import worked_traces

            seed = teacher_seed(node.recipe)
            solved = [
                (problem.statement, trace.reasoning, trace.answer)
                for problem in islice(self.problems(), SHOWN) if problem.source.startswith("family:")
                for trace in worked_traces(problem, teacher, samples=1, seed=seed)
            ]  # fmt: skip
            return counted(solved, "measured", f"{len(solved)} worked solutions") if solved else None
        if isinstance(teacher, DatasetTeacher):
            read = self._of_file(node)
            return None if read is None else _within(read[0], node.recipe)
        if (pilot := self.pilots.get(naming.traces(node, self.graph))) is not None:
            return pilot.lengths
        if isinstance(teacher, ServedTeacher | LocalTeacher | ArmTeacher):
            return None
        told = [(p.statement, p.solution or "", p.gold or "") for p in self.problems() if p.solution]
        return counted(told, "measured", f"{len(told):,} solutions") if told else None

    def _of_file(self, node: SetNode) -> tuple[Lengths, bool, int] | None:
        """Return the lengths of the first traces of a teacher's file, whether there are more, and how many are read."""
        teacher = node.recipe.teacher
        if not isinstance(teacher, DatasetTeacher):
            return None
        if node.traces_of not in self._files:
            self._files[node.traces_of] = self._read(teacher, node)
        return self._files[node.traces_of]

    def _read(self, teacher: DatasetTeacher, node: SetNode) -> tuple[Lengths, bool, int]:
        from potstill.teach.dataset import ProblemIndex, read_traces

        asked = {problem.key: problem.statement for problem in self.scene.sample.training}
        index = ProblemIndex(self.scene.sample.all)
        traces = list(islice(read_traces(teacher, Path(node.recipe.data), index), ROWS + 1))
        shown = traces[:ROWS]
        texts = [(asked.get(trace.problem_key, ""), trace.reasoning, trace.answer) for trace in shown]
        found = counted(texts, "measured", f"{len(shown):,} traces of {teacher.file}")
        return found, len(traces) > ROWS, len(shown)


def _within(lengths: Lengths, recipe: Recipe) -> Lengths:
    """Leave out texts that curation will: those of more characters than it keeps, about."""
    most = recipe.curate.max_characters
    if most is None:
        return lengths
    kept = [text for text in lengths.texts if 3 * (text.reasoning + text.answer) <= most]
    return Lengths(texts=kept or lengths.texts, basis=lengths.basis, of=lengths.of)


def response(most: int) -> Figure:
    """Return the tokens of a response of a teacher that nobody has asked yet."""
    low, usual, high = (min(max(each, SHORTEST_WRITTEN * most), most) for each in WRITTEN)
    return assumed(low, usual, high, f"a response of {low:,.0f} to {high:,.0f} tokens; --pilot measures")


def _sum(one: Figure, other: Figure) -> Figure:
    from potstill.planning.figures import total

    found = total(f"{one.how} and {other.how}", [one, other])
    assert found is not None and math.isfinite(found.value)  # noqa: S101, PT018 - both are there
    return found
