"""YAML -> frozen `Recipe`: everything a run is told, checked without torch or network."""

from __future__ import annotations

import dataclasses
import json
import re
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from annotated_types import Ge, Gt, Le, Len
from pydantic import Discriminator, TypeAdapter, ValidationError

from potstill.errors import RecipeError, nearest

Share = Annotated[float, Ge(0), Le(1)]
Positive = Annotated[int, Gt(0)]
Natural = Annotated[int, Ge(0)]
Name = Annotated[str, Len(1, 80)]
PROBLEM_COLUMNS = ("id", "question", "gold", "choices", "solution", "difficulty", "domain")


@dataclass(frozen=True)
class Source:
    """Where problems come from: exactly one of `family`, `reasoning_gym`, `file`, `dataset`, `loader`."""

    family: str | None = None
    """A procedural family of potstill's own, by name."""
    reasoning_gym: str | None = None
    """A task of the reasoning-gym package, by name; judged by its own scorer, right only at full score."""
    file: str | None = None
    """A JSONL, Parquet or CSV file (`.gz` allowed), relative to `data`."""
    dataset: str | None = None
    """A Hugging Face dataset by hub name or local path."""
    loader: str | None = None
    """`module:function` of yours that returns an iterable of dicts with the problem fields."""
    count: Positive | None = None
    """How many problems to generate, or at most to read; generators need it."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Settings of the family, task or loader."""
    columns: dict[str, str] = field(default_factory=dict)
    """Problem field -> column (fields: id, question, gold, choices, solution, difficulty, domain)."""
    split: str | None = None
    """Split of a Hugging Face dataset."""
    use: Literal["both", "train", "evaluate"] = "both"
    """`both`: divided by content into training and evaluation; otherwise all of it for one side."""
    answer_kind: Literal["number", "choice", "text"] | None = None
    """How answers compare; families and tasks know their own."""
    checker: str | None = None
    """`module:function` of yours: (problem, answer) -> True, False or None for unknown."""
    domain: str | None = None


@dataclass(frozen=True)
class Problems:
    """What is asked, and what is held out."""

    sources: Annotated[tuple[Source, ...], Len(1)]
    evaluate: Positive = 200
    """Held-out problems taken from the sources with `use: both` (sources with `use: evaluate` are held out whole)."""
    train: Positive | None = None
    """At most this many training problems."""
    seed: Natural | None = None
    """Seed of generation and split; `null` takes the recipe's."""


@dataclass(frozen=True)
class WorkedTeacher:
    """The packaged teacher: procedural worked solutions of our own families, a stand-in for a language model."""

    kind: Literal["worked"]
    seed: Natural | None = None
    """`null` takes the recipe's."""
    slip_rate: Share = 0.1
    """Share of traces with a seeded mistake, so that checking matters."""
    style: Literal["plain", "varied"] = "varied"
    """`varied`: several strategies, restatements, checks, abandoned attempts; `plain`: the shortest strategy alone."""


@dataclass(frozen=True)
class Sampling:
    """How a model is sampled; `None` leaves the choice to the server."""

    temperature: Annotated[float, Ge(0)] | None = None
    top_p: Annotated[float, Gt(0), Le(1)] | None = None
    max_tokens: Positive = 4096
    extra: dict[str, Any] = field(default_factory=dict)
    """Further fields of the request body, passed as they are."""


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens."""

    prompt: Annotated[float, Ge(0)] = 0.0
    completion: Annotated[float, Ge(0)] = 0.0


@dataclass(frozen=True)
class ServedTeacher:
    """Any OpenAI-compatible server."""

    kind: Literal["served"]
    base_url: str
    """Up to and including the version, such as `http://localhost:8000/v1`."""
    model: Name
    api_key_env: str | None = None
    """Name of the environment variable that holds the key; the key itself is never written anywhere."""
    sampling: Sampling = Sampling()
    concurrency: Positive = 32
    timeout: Annotated[float, Gt(0)] = 3600.0
    """Seconds for one request."""
    price: Price = Price()
    spend_at_most: Annotated[float, Gt(0)] | None = None
    """US dollars; the run stops cleanly at this sum and can be resumed."""
    allow_summaries: bool = False
    """Train on summarised reasoning; otherwise only raw reasoning is a target."""


@dataclass(frozen=True)
class DatasetTeacher:
    """Existing traces in a file."""

    kind: Literal["dataset"]
    file: str
    """JSONL or Parquet (`.gz` allowed), relative to `data`."""
    columns: dict[str, str] = field(default_factory=dict)
    """Trace field -> column (fields: question, response, reasoning, answer, model, finish, id)."""
    models: tuple[str, ...] = ()
    """Keep only these models' traces; empty keeps all."""


@dataclass(frozen=True)
class SolutionsTeacher:
    """Human worked solutions that came with the problems (`solution`)."""

    kind: Literal["solutions"]


Teacher = Annotated[WorkedTeacher | ServedTeacher | DatasetTeacher | SolutionsTeacher, Discriminator("kind")]


@dataclass(frozen=True)
class Strategy:
    """How the teacher is asked; `{question}` is filled in, with its choices."""

    kind: Literal["zero_shot"] = "zero_shot"
    samples: Positive = 1
    """Traces per problem."""
    system: str = ""
    prompt: str = "{question}"


@dataclass(frozen=True)
class Checks:
    """How answers are judged."""

    tolerance: Annotated[float, Ge(0)] = 0.0
    """Relative tolerance for decimal answers; 0 compares exactly."""
    percent: Literal["strict", "ignore"] = "ignore"
    """`strict`: 10% is not 10; `ignore`: the sign is dropped on both sides."""


@dataclass(frozen=True)
class Curate:
    """Which traces become examples."""

    drop_wrong: bool = True
    drop_unknown: bool = True
    drop_repetition: Share | None = 0.5
    """Drop traces in which more than this share of the text repeats itself; `null` keeps them."""
    max_characters: Positive | None = None
    """Drop traces longer than this (reasoning and answer together)."""
    per_problem: Positive = 4
    """At most this many traces a problem, the most diverse first."""
    order: Literal["shuffled", "easy_to_hard"] = "shuffled"


@dataclass(frozen=True)
class Scratch:
    """A Llama built from nothing, with a tokenizer trained on the examples."""

    hidden: Positive = 128
    layers: Positive = 4
    heads: Positive = 4
    intermediate: Positive = 352
    vocabulary: Annotated[int, Ge(280)] = 512
    context: Positive = 512


@dataclass(frozen=True)
class Lora:
    """Low-rank adapters on all linear layers, merged at export."""

    rank: Positive = 16
    alpha: Positive = 32
    dropout: Share = 0.0


@dataclass(frozen=True)
class Student:
    """The small model: `model` names it, or `scratch` describes it."""

    model: str | None = None
    """`smollm2-135m-instruct` (packaged wheel, else the hub), a local folder, or a hub name."""
    scratch: Scratch | None = None
    lora: Lora | None = None
    prompt: str = "{question}"
    """What the student is asked; `{question}` is filled in, with its choices. The same for every row of the table."""
    reasoning_open: str = "<think>\n"
    reasoning_close: str = "\n</think>\n"


@dataclass(frozen=True)
class Loss:
    """L of the optimiser step; see docs/guide for the two normalisations."""

    kind: Literal["tokens", "segments"] = "tokens"
    alpha: Annotated[float, Ge(0)] = 1.0
    """Weight of reasoning tokens (`tokens`) or of their mean (`segments`)."""
    beta: Annotated[float, Ge(0)] = 1.0
    """Weight of answer and format tokens (`tokens`) or of their means (`segments`)."""
    ratio_cap: Annotated[float, Gt(0)] = 10.0
    """Under `segments`: an answer token weighs at most this many reasoning tokens."""


@dataclass(frozen=True)
class Train:
    """How the student is trained; exactly one of `epochs`, `steps`, `tokens` is the budget."""

    epochs: Annotated[float, Gt(0)] | None = None
    steps: Positive | None = None
    tokens: Positive | None = None
    """Tokens of training rows, prompts included."""
    batch: Positive = 16
    """Rows an optimiser step."""
    micro_batch: Positive = 8
    """Rows a forward pass; changes memory and speed, never the result."""
    learning_rate: Annotated[float, Gt(0)] = 1e-5
    warmup: Share = 0.03
    """Share of the steps."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    final: Share = 0.1
    """Learning rate at the end, as a share of its peak."""
    weight_decay: Annotated[float, Ge(0)] = 0.0
    clip: Annotated[float, Gt(0)] = 1.0
    """Largest norm of the gradient."""
    max_length: Positive = 2048
    """Tokens of a row; longer rows are dropped and counted, never cut."""
    precision: Literal["bf16", "fp32"] = "bf16"
    loss: Loss = Loss()
    seed: Natural | None = None
    """Seed of the order, of new weights and of dropout; `null` takes the recipe's."""
    checkpoint_every: Positive = 50
    """Optimiser steps between checkpoints to resume from."""


@dataclass(frozen=True)
class Baselines:
    """The rows beside `traces` in the table."""

    base: bool = True
    """The untouched student: the better of zero-shot and `evaluate.shots` worked examples."""
    answers: Literal["equal_examples", "equal_tokens"] | None = "equal_examples"
    """Trained on answers alone, with as many examples or as many tokens as `traces`."""


@dataclass(frozen=True)
class Evaluate:
    """How every row of the table is sampled."""

    samples: Positive = 1
    temperature: Annotated[float, Ge(0)] = 0.0
    top_p: Annotated[float, Gt(0), Le(1)] = 1.0
    max_tokens: Positive = 512
    batch: Positive = 64
    shots: Natural = 3


@dataclass(frozen=True)
class Export:
    """What is delivered."""

    safetensors: bool = True


@dataclass(frozen=True)
class Recipe:
    """One run, whole."""

    name: Name
    problems: Problems
    teacher: Teacher
    student: Student
    seed: Natural = 0
    data: str = "."
    """Folder that relative files are looked up in; `.` is the folder of the recipe (of the shell for shipped ones)."""
    strategy: Strategy = Strategy()
    checks: Checks = Checks()
    curate: Curate = Curate()
    train: Train = Train(epochs=1.0)
    baselines: Baselines = Baselines()
    evaluate: Evaluate = Evaluate()
    export: Export = Export()


SECTIONS = (
    Source, Problems, WorkedTeacher, ServedTeacher, DatasetTeacher, SolutionsTeacher, Sampling, Price, Strategy, Checks,
    Curate, Scratch, Lora, Student, Loss, Train, Baselines, Evaluate, Export, Recipe,
)  # fmt: skip
for _section in SECTIONS:
    setattr(_section, "__pydantic_config__", {"extra": "forbid", "strict": True})  # noqa: B010 - for every section


def shipped() -> list[str]:
    """Names of the recipes inside the package."""
    folder = resources.files("potstill") / "recipes"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load(name: str, sets: Iterable[str] = ()) -> Recipe:
    """Read a recipe file, or a shipped recipe by name, apply `key.path=value` settings, and check it.

    Raises:
        RecipeError: with file, line and key; the first thing wrong.
    """
    path = Path(name)
    if path.is_file():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise RecipeError(f"{name} is not UTF-8 text") from None
        except OSError as error:
            raise RecipeError(f"{name} cannot be read: {error.strerror}") from None
        return parse(text, name, sets, base=path.parent)
    if path.is_dir():
        raise RecipeError(f"{name} is a folder, not a recipe file")
    if name not in shipped():
        here = [str(p) for p in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
        raise RecipeError(f"no recipe {name!r}: neither a file nor a shipped recipe{nearest(name, shipped() + here)}")
    text = (resources.files("potstill") / "recipes" / f"{name}.yaml").read_text(encoding="utf-8")
    return parse(text, f"{name} (shipped)", sets, base=Path())


def parse(text: str, file: str, sets: Iterable[str] = (), base: Path | None = None) -> Recipe:
    """Check recipe text; `file` is what errors call it, `base` the folder that `data` is relative to."""
    source = _Source(file, text)
    for item in sets:
        source.set(item)
    try:
        recipe = TypeAdapter(Recipe).validate_json(json.dumps(source.data, default=str))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise RecipeError(source.explain(first["loc"], first)) from None
    for key, problem in contradictions(recipe):
        raise RecipeError(source.at(key, problem))
    folder = ((base or Path()) / recipe.data).expanduser().resolve()
    if not folder.is_dir():
        raise RecipeError(source.at(("data",), f"there is no folder {recipe.data}"))
    return dataclasses.replace(recipe, data=str(folder))


def dump(recipe: Recipe) -> str:
    """Return the resolved recipe as YAML that `parse` reads back to an equal recipe."""
    plain = json.loads(json.dumps(dataclasses.asdict(recipe)))
    return str(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=110))


def contradictions(recipe: Recipe) -> Iterable[tuple[tuple[str | int, ...], str]]:
    """Yield (key, what is wrong) where single values are fine and their combination is not."""
    kinds = ("family", "reasoning_gym", "file", "dataset", "loader")
    for index, source in enumerate(recipe.problems.sources):
        where = ("problems", "sources", index)
        named = [kind for kind in kinds if getattr(source, kind) is not None]
        if len(named) != 1:
            yield where, f"name exactly one of {', '.join(kinds)}; found {' and '.join(named) or 'none'}"
        elif named[0] in ("family", "reasoning_gym") and source.count is None:
            yield where, f"a {named[0]} generates without end: say how many with `count`"
        if source.columns and named and named[0] not in ("file", "dataset"):
            yield (*where, "columns"), f"`columns` is for files and datasets, not for a {named[0]}"
        for column in sorted(set(source.columns) - set(PROBLEM_COLUMNS)):
            yield (*where, "columns", column), f"{column!r} is no problem field{nearest(column, PROBLEM_COLUMNS)}"
    if all(source.use == "train" for source in recipe.problems.sources):
        yield ("problems", "sources"), "no evaluation split: every source has `use: train`; hold problems out of one"
    if all(source.use == "evaluate" for source in recipe.problems.sources):
        yield ("problems", "sources"), "nothing to train on: every source has `use: evaluate`"
    if (recipe.student.model is None) == (recipe.student.scratch is None):
        yield ("student",), "name a student with exactly one of `model` and `scratch`"
    budgets = [name for name in ("epochs", "steps", "tokens") if getattr(recipe.train, name) is not None]
    if len(budgets) != 1:
        yield ("train",), f"give exactly one budget of epochs, steps, tokens; found {' and '.join(budgets) or 'none'}"
    if recipe.train.micro_batch > recipe.train.batch:
        yield (
            ("train", "micro_batch"),
            f"micro_batch ({recipe.train.micro_batch}) is more than batch ({recipe.train.batch})",
        )
    if recipe.train.loss.alpha == 0 and recipe.train.loss.beta == 0:
        yield ("train", "loss"), "alpha and beta are both 0: nothing would be trained"
    if "{question}" not in recipe.strategy.prompt:
        yield ("strategy", "prompt"), "the prompt never mentions {question}"
    if "{question}" not in recipe.student.prompt:
        yield ("student", "prompt"), "the prompt never mentions {question}"
    if not recipe.student.reasoning_close.strip():
        yield ("student", "reasoning_close"), "the end of reasoning needs a mark, or answers cannot be told from it"
    if recipe.teacher.kind == "served" and not recipe.teacher.base_url.startswith(("http://", "https://")):
        yield ("teacher", "base_url"), f"{recipe.teacher.base_url!r} is no address: it starts with http:// or https://"
    if recipe.evaluate.samples > 1 and recipe.evaluate.temperature == 0:
        yield ("evaluate", "samples"), "several samples at temperature 0 are all the same: raise the temperature"
    if Path(recipe.name).name != recipe.name or recipe.name in (".", ".."):
        yield ("name",), f"{recipe.name!r} cannot name a folder"


Location = tuple[str | int, ...]


class _Loader(yaml.SafeLoader):
    """YAML 1.1 takes `1e-4` for text; recipes mean a number."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def _read(text: str) -> Any:  # noqa: ANN401 - YAML
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader


class _Source:
    """Recipe text with the line of every key, and the settings laid over it."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.overlaid: dict[Location, str] = {}
        self.lines: dict[Location, int] = {(): 1}
        try:
            node = yaml.compose(text, Loader=_Loader)
            if not isinstance(node, yaml.MappingNode):
                raise RecipeError(
                    f"{file}: a recipe is a mapping of keys; this is {'empty' if node is None else 'not'}"
                )
            self._index(node, ())
            self.data: dict[str, Any] = _read(text)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f":{mark.line + 1}" if mark else ""
            what = getattr(error, "problem", None) or str(error).splitlines()[0]
            raise RecipeError(f"{file}{line}: not YAML: {what}") from None
        except RecursionError:
            raise RecipeError(f"{file}: nested too deeply for a recipe") from None

    def _index(self, node: yaml.Node, where: Location) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    raise RecipeError(f"{self.file}:{key.start_mark.line + 1}: a key is a word, not a list or mapping")
                place = (*where, key.value)
                if place in self.lines:
                    raise RecipeError(
                        f"{self.file}:{key.start_mark.line + 1}: {dotted(place)} stands twice "
                        f"(first in line {self.lines[place]})"
                    )
                self.lines[place] = key.start_mark.line + 1
                self._index(value, place)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self.lines[(*where, index)] = value.start_mark.line + 1
                self._index(value, (*where, index))

    def set(self, item: str) -> None:
        """Lay one `key.path=value` over the data; the value is YAML."""
        path, equals, text = item.partition("=")
        if not equals or not path.strip():
            raise RecipeError(f"--set {item}: write it as key.path=value")
        try:
            value = _read(text) if text.strip() else None
        except yaml.YAMLError:
            raise RecipeError(f"--set {item}: the value is not YAML") from None
        place: list[str | int] = []
        target: Any = self.data
        keys = path.strip().split(".")
        for depth, key in enumerate(keys):
            last = depth == len(keys) - 1
            if isinstance(target, list):
                if not key.isdigit() or int(key) >= len(target):
                    raise RecipeError(f"--set {item}: {dotted(place)} has entries 0 to {len(target) - 1}, not {key!r}")
                index: str | int = int(key)
            elif isinstance(target, dict):
                index = key
                if not last and target.get(key) is None:
                    target[key] = {}
            else:
                raise RecipeError(f"--set {item}: {dotted(place)} has no keys below it")
            place.append(index)
            if last:
                target[index] = value
            else:
                target = target[index]
        self.overlaid[tuple(place)] = item

    def at(self, where: Location, what: str) -> str:
        """Return `file:line: key: what`, or the --set that put the key there."""
        for length in range(len(where), 0, -1):
            if where[:length] in self.overlaid:
                return f"--set {self.overlaid[where[:length]]}: {dotted(where)}: {what}"
        place = where
        while place not in self.lines:
            place = place[:-1]
        key = f"{dotted(where)}: " if where else ""
        return f"{self.file}:{self.lines[place]}: {key}{what}"

    def explain(self, location: Location, error: Mapping[str, Any]) -> str:
        """Reword one validation error."""
        where = _without_tags(location)
        kind = error["type"]
        if kind in ("extra_forbidden", "unexpected_keyword_argument"):
            known = sorted(f.name for f in dataclasses.fields(_section_at(where[:-1], self.data)))
            return self.at(where, f"unknown key{nearest(str(where[-1]), known)}")
        if kind in ("missing", "missing_argument"):
            return self.at(where, "this key is missing")
        if kind == "union_tag_not_found":
            return self.at((*where, "kind"), "say which kind of teacher: worked, served, dataset or solutions")
        if kind == "union_tag_invalid":
            kinds = ("worked", "served", "dataset", "solutions")
            found = str(error["ctx"]["tag"])
            return self.at((*where, "kind"), f"unknown teacher {found!r}{nearest(found, kinds)}")
        if kind == "literal_error":
            allowed = error["ctx"]["expected"].replace(" or ", ", ").replace("'", "").split(", ")
            found = str(error["input"])
            return self.at(where, f"{found!r} is not one of {', '.join(allowed)}{_hint(found, allowed)}")
        if kind in ("dataclass_type", "model_type", "dict_type", "dataclass_exact_type"):
            return self.at(where, f"needs keys of its own, not {json.dumps(error['input'], default=str)}")
        message = str(error["msg"])
        message = message[:1].lower() + message[1:]
        return self.at(where, f"{message}, not {json.dumps(error['input'], default=str)[:60]}")


def _hint(found: str, allowed: list[str]) -> str:
    close = nearest(found, allowed)
    return close if close.startswith(", did") else ""


def dotted(where: Iterable[str | int]) -> str:
    """Return a key's path as users write it: `problems.sources.0.family`."""
    return ".".join(str(part) for part in where)


def _without_tags(location: Location) -> Location:
    """Drop what validation adds to a path (a union's tag), keeping the keys that a user wrote or forgot."""
    kept: list[str | int] = []
    for depth, part in enumerate(location):
        if kept == ["teacher"] and depth == 1 and part in ("worked", "served", "dataset", "solutions"):
            continue
        kept.append(part)
    return tuple(kept)


def _section_at(where: Location, data: Mapping[str, Any]) -> type:
    """Return the dataclass that a path of keys leads to."""
    section: Any = Recipe
    for part in where:
        if isinstance(part, int):
            continue
        hint = typing.get_type_hints(section, include_extras=False)[part]
        options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
        sections = [o for option in options for o in (option, *typing.get_args(option)) if dataclasses.is_dataclass(o)]
        if part == "teacher":
            kind = (data.get("teacher") or {}).get("kind")
            sections = [s for s in sections if typing.get_args(typing.get_type_hints(s)["kind"])[0] == kind]
        section = sections[0]
    return typing.cast("type", section)
