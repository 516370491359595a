"""What is wrong with a recipe where single values are fine and their combination is not."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Sequence
from pathlib import Path

from potstill.conditions import LISTENED, NUMBERS, WORDS, ConditionError, condition, names_in
from potstill.errors import nearest
from potstill.nodes import Location
from potstill.recipe import (
    PROBLEM_COLUMNS,
    ArmTeacher,
    AskedTeacher,
    Curate,
    Evaluate,
    LocalTeacher,
    Problems,
    Recipe,
    Reward,
    Scratch,
    ServedTeacher,
    Source,
    Strategy,
    Student,
    Teacher,
    Tool,
    Train,
    Tree,
    WorkedTeacher,
)
from potstill.recipe.bounds import LEAST_TEMPERATURE
from potstill.recipe.strategies import OWN
from potstill.recipe.students import TYPED

_NAMING = frozenset(string.ascii_letters + string.digits + "-_")
MOST_PARAMETERS = 2 * 10**9
"""Of a student from nothing: weights, gradient and optimiser of more do not fit one machine."""
NO_SCORES = "there are no scores: name a reward model in checks.reward"
Found = Iterator[tuple[Location, str]]
"""(key, what is wrong with it), in the order in which they are told."""


def contradictions(recipe: Recipe) -> Found:
    """Yield (key, what is wrong) where single values are fine and their combination is not."""
    if Path(recipe.name).name != recipe.name or recipe.name in (".", "..") or not recipe.name.isprintable():
        yield ("name",), f"{recipe.name!r} cannot name a folder"
    yield from _of_problems(recipe.problems)
    yield from _of_teacher(recipe.teacher, recipe.strategy)
    yield from _of_student(recipe.student, recipe.evaluate)
    yield from _of_training(recipe.train)
    for name in sorted({"safetensors", *TYPED} & recipe.export.formats.keys()):
        yield ("export", "formats", name), f"write it as export.{name}"
    if recipe.export.importance and not recipe.export.gguf:
        yield ("export", "importance"), "it is for GGUF files: name their types in export.gguf, or leave it out"
    if recipe.evaluate.samples > 1 and recipe.evaluate.temperature == 0:
        yield ("evaluate", "samples"), "several samples at temperature 0 are all the same: raise the temperature"
    yield from _of_best(recipe.evaluate)
    yield from _of_also(recipe.evaluate)
    yield from _of_benchmarks(recipe.evaluate)
    yield from _of_tools(("strategy", "tools"), recipe.strategy.tools)
    yield from _of_tools(("evaluate", "tools"), recipe.evaluate.tools)
    delivered = next((name for name in TYPED if getattr(recipe.export, name, recipe.export.formats.get(name))), None)
    if recipe.evaluate.tools and delivered is not None:
        what = f"what export.{delivered} delivers cannot be measured with tools: leave one of both out"
        yield ("evaluate", "tools"), what
    if recipe.checks.reward is not None:
        yield from _of_reward(recipe.checks.reward)
    elif recipe.curate.min_score is not None:
        yield ("curate", "min_score"), NO_SCORES
    if recipe.curate.drop_wrong_steps == "human" and recipe.curate.people is None:
        yield ("curate", "drop_wrong_steps"), "nobody says which steps are wrong: name their labels in curate.people"
    yield from _of_conditions(
        recipe.curate, scored=recipe.checks.reward is not None, listens=recipe.checks.listener is not None
    )  # fmt: skip
    judge = recipe.checks.judge.sampling.temperature if recipe.checks.judge is not None else None
    yield from _of_temperature(("evaluate", "temperature"), recipe.evaluate.temperature)
    yield from _of_temperature(("checks", "judge", "sampling", "temperature"), judge)


def _of_conditions(curate: Curate, *, scored: bool, listens: bool) -> Found:
    if curate.prefer is not None and not listens:
        yield ("curate", "prefer"), f"nobody reads the traces for their {curate.prefer}: name an arm in checks.listener"
    for key, text in curate.conditions:
        where: Location = ("curate", *key)
        try:
            condition(text, NUMBERS, WORDS)
            if not listens:
                condition(text, NUMBERS - LISTENED, WORDS)
        except ConditionError as error:
            told = any(name in text for name in LISTENED) and not listens
            hint = "; a student reads the traces for that where checks.listener names an arm" if told else ""
            yield where, f"{text!r} is no condition: {error}{hint}"
        else:
            if not scored and "score" in names_in(text):
                yield where, NO_SCORES


def _of_temperature(where: Location, value: float | None) -> Found:
    if value is not None and 0 < value < LEAST_TEMPERATURE:
        yield where, f"{value:g} is too small for a temperature: write 0, which is greedy, or {LEAST_TEMPERATURE:g}"


def _of_tools(where: Location, tools: Sequence[Tool]) -> Found:
    kinds = [one.kind for one in tools]
    if twice := next((kind for kind in kinds if kinds.count(kind) > 1), None):
        yield where, f"two are of the kind {twice}: a call names a kind, so leave one out"
    for index, one in enumerate(tools):
        for key, what in one.contradictions():
            yield (*where, index, *key), what


def _of_best(evaluate: Evaluate) -> Found:
    if (evaluate.best_of is None) != (evaluate.by is None):
        given, missing = ("best_of", "by") if evaluate.by is None else ("by", "best_of")
        yield ("evaluate", given), f"{given} needs {missing} beside it: so many responses, and the scorer that chooses"
    elif evaluate.best_of is not None and evaluate.samples < evaluate.best_of:
        what = f"the best of {evaluate.best_of} cannot be chosen of {evaluate.samples}: raise evaluate.samples"
        yield ("evaluate", "best_of"), what


def _of_benchmarks(evaluate: Evaluate) -> Found:
    names = [(one.name, one.form) for one in evaluate.benchmarks]
    for number, one in enumerate(evaluate.benchmarks):
        where = ("evaluate", "benchmarks", number)
        if names.index((one.name, one.form)) < number:
            yield where, f"{one.name} in the form {one.form} is there twice: leave one out"
        if one.prompt is not None and "{question}" not in one.prompt:
            yield (*where, "prompt"), "the prompt never mentions {question}"
        yield from _of_temperature((*where, "temperature"), one.temperature)


def _of_also(evaluate: Evaluate) -> Found:
    names = [one.name for one in evaluate.also]
    for number, one in enumerate(evaluate.also):
        where = ("evaluate", "also", number)
        if not set(one.name) <= _NAMING:
            yield (*where, "name"), "a name has letters, digits, - and _, and no dot"
        if names.index(one.name) < number:
            yield (*where, "name"), f"{one.name} is there twice: give each another name"
        for index, source in enumerate(one.sources):
            yield from _of_source((*where, "sources", index), source)
            if source.use != "both":
                yield (*where, "sources", index, "use"), "means nothing here, where all is measured on: leave it out"


def _of_reward(reward: Reward) -> Found:
    where = ("checks", "reward")
    named = [name for name in Reward.alternatives if getattr(reward, name) is not None]
    if len(named) != 1:
        yield (
            where,
            f"name the reward model with exactly one of model and scorer; found {' and '.join(named) or 'none'}",
        )


def _of_problems(problems: Problems) -> Found:
    for index, source in enumerate(problems.sources):
        yield from _of_source(("problems", "sources", index), source)
    if problems.against and problems.near is None:
        yield ("problems", "against"), "nobody looks for copies of them: problems.near is null, set it"
    if all(source.use == "train" for source in problems.sources):
        yield ("problems", "sources"), "no evaluation split: every source has `use: train`; hold problems out of one"
    if all(source.use == "evaluate" for source in problems.sources):
        yield ("problems", "sources"), "nothing to train on: every source has `use: evaluate`"


def _of_source(where: Location, source: Source) -> Found:
    kinds = Source.alternatives
    named = [kind for kind in kinds if getattr(source, kind) is not None]
    if len(named) != 1:
        yield where, f"name exactly one of {', '.join(kinds)}; found {' and '.join(named) or 'none'}"
    elif named[0] in ("family", "reasoning_gym") and source.count is None:
        yield where, f"a {named[0]} generates without end: say how many with `count`"
    if source.columns and named and named[0] not in ("file", "dataset"):
        yield (*where, "columns"), f"`columns` is for files and datasets, not for a {named[0]}"
    for column in sorted(set(source.columns) - set(PROBLEM_COLUMNS)):
        yield (*where, "columns", column), f"{column!r} is no problem field{nearest(column, PROBLEM_COLUMNS)}"


def _of_teacher(teacher: Teacher, strategy: Strategy) -> Found:
    if strategy.prompt and strategy.prompt_file is None and "{question}" not in strategy.prompt:
        yield ("strategy", "prompt"), "the prompt never mentions {question}"
    if strategy.kind == "react" and not strategy.tools:
        yield ("strategy", "tools"), "react offers none: name some, or take another kind"
    if strategy.kind != "react" and strategy.tools:
        yield ("strategy", "tools"), f"they belong to the kind react, and this is {strategy.kind}: leave them out"
    if strategy.calls == "native":
        yield from _of_native_calls(teacher, strategy)
    if not isinstance(teacher, AskedTeacher):
        if strategy.kind == "react" and not isinstance(teacher, WorkedTeacher | ArmTeacher):
            yield ("strategy", "kind"), f"a teacher of kind {teacher.kind} calls no tools: its traces are there already"
        if strategy.stop_at_right is not None:
            what = f"only a served or local teacher can be asked on; this one is {teacher.kind}"
            yield ("strategy", "stop_at_right"), what
        return
    yield from _of_temperature(("teacher", "sampling", "temperature"), teacher.sampling.temperature)
    for name, kind in OWN.items():
        if getattr(strategy, name) and strategy.kind != kind:
            many = ("they belong", "them") if name == "messages" else ("it belongs", "it")
            what = f"{many[0]} to the kind {kind}, and this is {strategy.kind}: leave {many[1]} out"
            yield ("strategy", name), what
    if strategy.system and strategy.kind == "strategies":
        yield ("strategy", "system"), "each way has its own system message: put this one into the file of a way"
    tree = strategy.tree or Tree()
    if strategy.kind == "tree" and teacher.sampling.temperature == 0 and tree.evaluate == "value" and tree.votes > 1:
        what = "several judgements at teacher.sampling.temperature 0 are all the same: raise it, or set this to 1"
        yield ("strategy", "tree", "votes"), what
    names = [one.name for one in strategy.messages]
    if twice := next((name for name in names if names.count(name) > 1), None):
        yield ("strategy", "messages"), f"two are called {twice!r}: give each a name of its own"
    if strategy.messages and all(one.kinds for one in strategy.messages):
        yield ("strategy", "messages"), "every one has kinds: leave them out of one, for the other problems"
    if strategy.system and strategy.kind == "explain":
        yield ("strategy", "system"), "explain draws its system messages: put this one into messages"
    if strategy.samples > 1 and teacher.sampling.temperature == 0:
        yield ("strategy", "samples"), "several samples at teacher.sampling.temperature 0 are all the same: raise it"
    if isinstance(teacher, LocalTeacher):
        yield from _of_local(teacher)
        return
    for address in teacher.addresses:
        if not address.startswith(("http://", "https://")):
            yield ("teacher", "base_url"), f"{address!r} is no address: it starts with http:// or https://"
    if len(teacher.addresses) > 1 and teacher.executor == "batch":
        yield ("teacher", "base_url"), "batches are ordered at one address: name one, or set teacher.executor to live"
    # Such as `OPENAI_API_KEY`.
    if teacher.api_key_env is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", teacher.api_key_env):
        # The value is not repeated: it may well be the key.
        yield ("teacher", "api_key_env"), "this is no name of an environment variable: export the key as one, name that"


def _of_native_calls(teacher: Teacher, strategy: Strategy) -> Found:
    where = ("strategy", "calls")
    if strategy.kind != "react":
        yield where, f"tools are called in react, and this is {strategy.kind}: leave it out"
    elif not isinstance(teacher, ServedTeacher):
        yield where, f"a teacher of kind {teacher.kind} has no fields for calls: take `marked`"
    elif teacher.executor == "batch":
        yield where, "a batch offers no tools: take `marked`, or set teacher.executor to live"
    elif teacher.wire == "anthropic" and teacher.sampling.extra.get("thinking"):
        yield where, "this wire wants its signed thinking back with each result: take `marked`, or leave out thinking"
    elif "tools" in teacher.sampling.extra:
        yield ("teacher", "sampling", "extra", "tools"), "strategy.tools are offered: leave these out"


def _of_local(teacher: LocalTeacher) -> Found:
    if "trust_remote_code" in teacher.engine_options:
        yield ("teacher", "engine_options"), "code from a model's repository is never run: leave trust_remote_code out"
    if teacher.engine == "vllm":
        return
    if teacher.engine_options:
        yield ("teacher", "engine_options"), "these are for engine vllm; transformers has none"
    for name in teacher.sampling.extra:
        what = "transformers samples by temperature and top_p alone; engine vllm takes more"
        yield ("teacher", "sampling", "extra", name), what


def _of_student(student: Student, evaluate: Evaluate) -> Found:
    if (student.model is None) == (student.scratch is None):
        yield ("student",), "name a student with exactly one of `model` and `scratch`"
    if "{question}" not in student.prompt:
        yield ("student", "prompt"), "the prompt never mentions {question}"
    if not student.reasoning_close.strip():
        yield ("student", "reasoning_close"), "the end of reasoning needs a mark, or answers cannot be told from it"
    if student.reasoning_close.strip() == student.reasoning_open.strip():
        yield (
            ("student", "reasoning_close"),
            "the marks before and after reasoning are the same: give it one of its own",
        )
    scratch = student.scratch
    if scratch is None:
        return
    if (size := _parameters(scratch)) > MOST_PARAMETERS:
        what = f"these make {size / 1e9:,.0f} billion parameters, and a student from nothing has at most"
        yield ("student", "scratch"), f"{what} {MOST_PARAMETERS / 1e9:g} billion: lower layers, hidden or vocabulary"
    if scratch.hidden % (2 * scratch.heads):
        yield (
            ("student", "scratch", "hidden"),
            f"hidden ({scratch.hidden}) must be an even multiple of heads ({scratch.heads}), for example "
            f"{2 * scratch.heads * max(1, scratch.hidden // (2 * scratch.heads))}",
        )
    if evaluate.max_tokens > scratch.context:
        yield (
            ("evaluate", "max_tokens"),
            f"max_tokens ({evaluate.max_tokens}) is more than the student's context ({scratch.context}): "
            "lower it, or raise student.scratch.context",
        )


def _parameters(scratch: Scratch) -> int:
    """Return about how many parameters a student from nothing has; its output head is its embedding."""
    layer = 4 * scratch.hidden**2 + 3 * scratch.hidden * scratch.intermediate
    return scratch.vocabulary * scratch.hidden + scratch.layers * layer


def _of_training(train: Train) -> Found:
    budgets = [name for name in Train.alternatives if getattr(train, name) is not None]
    if len(budgets) != 1:
        yield (
            ("train",),
            f"give exactly one budget of {', '.join(train.alternatives)}; found {' and '.join(budgets) or 'none'}",
        )
    for key, problem in train.contradictions():
        yield ("train", *key), problem
    if train.micro_batch > train.batch:
        yield ("train", "micro_batch"), f"micro_batch ({train.micro_batch}) is more than batch ({train.batch})"
    if train.loss.alpha == 0 and train.loss.beta == 0:
        yield ("train", "loss"), "alpha and beta are both 0: nothing would be trained"
    elif train.loss.beta == 0:
        yield ("train", "loss", "beta"), "beta is 0: the student would never learn to answer and stop"
    for key, problem in train.loss.kl.contradictions() if train.loss.kl is not None else ():
        yield ("train", "loss", "kl", *key), problem
