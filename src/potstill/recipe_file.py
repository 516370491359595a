"""YAML -> `Recipe` and back: every mistake in a recipe ends in one line with file, line and key."""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import ValidationError

from potstill.contradictions import Found, contradictions
from potstill.damage import digest
from potstill.errors import CheckpointError, DataError, RecipeError, StudentError, TeacherError, guess, nearest
from potstill.graph import graph_of
from potstill.nodes import NODES, GraphError, NodeValueError, adapter, merged
from potstill.recipe import Grpo, OnPolicy, Recipe, Scorer
from potstill.recipe.meanings import brief, meanings
from potstill.recipe.shorthand import written_out
from potstill.recipe.teachers import TEACHERS
from potstill.yaml_text import Dumper, Loader, read_yaml

FOLDERS = {"recipe": "recipes", "study": "studies"}
"""Where those are that come with the package."""
FROM, MOST_BELOW = "from", 8
"""The key of a recipe that names the one it is laid over, and how many may lie below another."""
_WRITTEN = "# written by a run of potstill; SHA-256 of the lines below: "
Location = tuple[str | int, ...]


@dataclass(frozen=True)
class Overlay:
    """Keys that take the place of a recipe's own, level by level, as those of a node do.

    `told` says where a key of the recipe was written, for errors: `study.yaml:9: vary.low`.
    """

    keys: Mapping[str, Any]
    told: Callable[[Location], str]


@dataclass(frozen=True)
class Inline:
    """A recipe that stands in a file of another kind and is all laid over: what errors call it, and its folder."""

    file: str
    folder: Path


def shipped(kind: Literal["recipe", "study"] = "recipe") -> list[str]:
    """Names of the recipes, or of the studies, inside the package."""
    folder = resources.files("potstill") / FOLDERS[kind]
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load(name: str | Inline, sets: Iterable[str] = (), overlays: Iterable[Overlay] = ()) -> Recipe:
    """Read a recipe file, or a shipped recipe by name, apply `key.path=value` settings and overlays, and check it.

    Raises:
        RecipeError: with file, line and key; the first thing wrong. Also where the recipe is one that a run wrote, with
            its digest, and is not as it was written.
    """
    text, called, folder = text_of(name)
    if text.startswith(_WRITTEN) and text != _signed(text.partition("\n")[2]):
        raise RecipeError(f"{called} is not as a run wrote it: if you changed it yourself, remove its first line")
    return parse(text, called, sets, base=folder, overlays=overlays)


@contextmanager
def located(name: str | Inline, sets: Iterable[str] = (), overlays: Iterable[Overlay] = ()) -> Iterator[None]:
    """Put the recipe's file and line before an error that begins with one of its keys, whoever looked the key up."""
    try:
        yield
    except (RecipeError, DataError, TeacherError, StudentError, CheckpointError) as error:
        key, colon, what = str(error).partition(": ")
        where = tuple(int(part) if part.isdecimal() else part for part in key.split("."))
        if not colon or where[0] not in {item.name for item in dataclasses.fields(Recipe)}:
            raise
        text, called, _ = text_of(name)
        raise type(error)(_overlaid(text, called, sets, overlays).at(where, what)) from error


def text_of(name: str | Inline, kind: Literal["recipe", "study"] = "recipe") -> tuple[str, str, Path]:
    """Return the text of a recipe or study, what errors call it, and the folder that its files are relative to."""
    if isinstance(name, Inline):
        return "{}", name.file, name.folder
    path, known = Path(name), shipped(kind)
    if path.is_file():
        try:
            return path.read_text(encoding="utf-8"), name, path.parent
        except UnicodeDecodeError:
            raise RecipeError(f"{name} is not UTF-8 text: save it as UTF-8") from None
        except OSError as error:
            raise RecipeError(f"{name} cannot be read: {error.strerror}") from None
    if path.is_dir():
        raise RecipeError(f"{name} is a folder, not a {kind} file")
    if name not in known:
        here = [str(p) for p in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
        raise RecipeError(f"no {kind} {name!r}: neither a file nor a shipped {kind}{nearest(name, known + here)}")
    text = (resources.files("potstill") / FOLDERS[kind] / f"{name}.yaml").read_text(encoding="utf-8")
    return text, f"{name} (shipped)", Path()


def _overlaid(text: str, file: str, sets: Iterable[str], overlays: Iterable[Overlay]) -> YamlText:
    source = _built_on(YamlText(file, text), (file,))
    for overlay in overlays:
        source.lay(overlay)
    for item in sets:
        source.set(item)
    return source


def _built_on(source: YamlText, above: tuple[str, ...]) -> YamlText:
    """Return a recipe laid over the one that its key `from` names: the file of a path beside it, or a shipped one.

    `above` are the recipes that led here, by what errors call them.
    """
    if FROM not in source.data:
        return source
    name, where = source.data[FROM], source.at((FROM,), "").removesuffix(" ")
    if not isinstance(name, str):
        raise RecipeError(f"{where} takes the name of a shipped recipe or a file, not {json.dumps(name, default=str)}")
    beside = Path(source.file).parent / name
    try:
        text, called, _ = text_of(str(beside) if beside.is_file() else name)
    except RecipeError as error:
        raise RecipeError(f"{where} {error}") from None
    if called in above or len(above) > MOST_BELOW:
        raise RecipeError(f"{where} recipes are built on one another in a circle: {' on '.join((*above, called))}")
    base = _built_on(YamlText(called, text), (*above, called))
    own = {key: value for key, value in source.data.items() if key != FROM}
    base.lay(Overlay(own, source.line))
    return base


def parse(
    text: str, file: str, sets: Iterable[str] = (), base: Path | None = None, overlays: Iterable[Overlay] = ()
) -> Recipe:
    """Check recipe text; `file` is what errors call it, `base` the folder that `data` is relative to."""
    source = _overlaid(text, file, sets, overlays)
    source.data = written_out(source.data)
    for where, problem in _unfit(source.data, ()):
        raise RecipeError(source.at(where, problem))
    try:
        recipe = adapter().validate_json(json.dumps(source.data, default=str))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise RecipeError(source.explain(first["loc"], first)) from None
    for key, problem in contradictions(recipe):
        raise RecipeError(source.at(key, problem))
    for key, problem in _of_graph(recipe, source):
        raise RecipeError(source.at(key, problem))
    folder = ((base or Path()) / Path(recipe.data).expanduser()).resolve()
    return dataclasses.replace(recipe, data=str(folder))


def _of_graph(recipe: Recipe, source: YamlText) -> Found:
    """Yield what is wrong with the graph, and with the combined values of each of its nodes."""
    try:
        graph = graph_of(recipe)
    except NodeValueError as error:
        raise RecipeError(source.explain(error.where, error.error)) from None
    except GraphError as error:
        yield error.where, error.what
        return
    nodes: list[tuple[Location, Recipe]] = [(("sets", name), node.recipe) for name, node in graph.sets.items()]
    for name, arm in graph.arms.items():
        nodes += [(("arms", name), view) for view in (arm.recipe, *(phase.recipe for phase in arm.phases))]
    nodes += [(("scorers", name), scorer.recipe) for name, scorer in graph.scorers.items()]
    for where, node in nodes:
        for key, problem in contradictions(node):
            yield (*where, *key), problem


def dump(recipe: Recipe) -> str:
    """Return the resolved recipe as YAML that `parse` reads back to an equal recipe."""
    plain = json.loads(json.dumps(dataclasses.asdict(recipe)))
    plain["teacher"] = {"kind": recipe.teacher.kind} | plain["teacher"]  # first, as people write it
    return str(yaml.dump(plain, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110))


def written(recipe: Recipe) -> str:
    """Return what a run keeps of its recipe: as `dump`, with a digest in the first line, which `load` checks."""
    return _signed(dump(recipe))


def _signed(text: str) -> str:
    return f"{_WRITTEN}{digest(text.encode())}\n{text}"


def _unfit(value: Any, where: Location) -> Found:  # noqa: ANN401 - YAML
    """Yield what no setting can hold, however deep: infinities and NUL characters."""
    if isinstance(value, float) and not math.isfinite(value):
        yield where, f"{value} is not a finite number"
    elif isinstance(value, str) and "\0" in value:
        yield where, "the text holds a NUL character"
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _unfit(item, (*where, str(key)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unfit(item, (*where, index))


class YamlText:
    """The text of a recipe or a study with the line of every key, and the settings laid over it."""

    def __init__(self, file: str, text: str, kind: Literal["recipe", "study"] = "recipe") -> None:
        self.file = file
        self.overlaid: dict[Location, str] = {}
        self.lines: dict[Location, int] = {(): 1}
        try:
            node = yaml.compose(text, Loader=Loader)
            if not isinstance(node, yaml.MappingNode):
                raise RecipeError(
                    f"{file}: a {kind} is a mapping of keys; this is {'empty' if node is None else 'not'}"
                )
            self._index(node, ())
            self.data: dict[str, Any] = read_yaml(text)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f":{mark.line + 1}" if mark else ""
            what = getattr(error, "problem", None) or str(error).splitlines()[0]
            raise RecipeError(f"{file}{line}: not YAML: {what}") from None
        except RecursionError:
            raise RecipeError(f"{file}: nested too deeply for a {kind}") from None

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
        keys = path.strip().split(".")
        if not equals or not all(keys):
            raise RecipeError(f"--set {item}: write it as key.path=value")
        try:
            value = read_yaml(text) if text.strip() else None
        except (yaml.YAMLError, ValueError, RecursionError):
            raise RecipeError(f"--set {item}: the value is not YAML") from None
        place: list[str | int] = []
        target: Any = self.data
        for depth, key in enumerate(keys):
            last = depth == len(keys) - 1
            if isinstance(target, list):
                if not key.isdecimal() or int(key[:9]) >= len(target):
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
        self.overlaid[tuple(place)] = f"--set {item}"

    def lay(self, overlay: Overlay) -> None:
        """Lay keys over the data."""
        self.data = merged(written_out(self.data), written_out(overlay.keys))
        for place in _places(overlay.keys, ()):
            numbered = tuple(int(part) if isinstance(part, str) and part.isdecimal() else part for part in place)
            for key in (place, numbered):  # "0" is an entry of a list, or the name of a node
                self.overlaid[key] = overlay.told(place)

    def at(self, where: Location, what: str) -> str:
        """Return `file:line: key: what`, or the --set or the overlay that put the key there."""
        for length in range(len(where), 0, -1):
            if where[:length] in self.overlaid:
                return f"{self.overlaid[where[:length]]}: {dotted(where)}: {what}"
        key = f"{dotted(where)}: " if where else ""
        return f"{self.line(where)}: {key}{what}"

    def line(self, where: Location) -> str:
        """Return `file:line` of a key, or of what it would stand in."""
        while where not in self.lines:
            where = where[:-1]
        return f"{self.file}:{self.lines[where]}"

    def explain(self, location: Location, error: Mapping[str, Any]) -> str:
        """Reword one validation error."""
        where = _without_tags(location)
        kind = error["type"]
        if kind in ("extra_forbidden", "unexpected_keyword_argument"):
            section = _section_at(where[:-1], self.data)
            if section in (Grpo, OnPolicy) and where[-1] in ("temperature", "top_p", "top_k", "min_p"):
                return self.at(where, "answers are drawn from the whole distribution at temperature 1: leave it out")
            known = sorted(f.name for f in dataclasses.fields(section))
            return self.at(where, f"unknown key{nearest(str(where[-1]), known)}")
        if kind in ("missing", "missing_argument"):
            section, name = _section_at(where[:-1], self.data), str(where[-1])
            meaning = brief(meanings(section).get(name, ""))
            return self.at(where, f"this key is missing: {meaning[:1].lower()}{meaning[1:]}")
        if kind == "union_tag_not_found":
            return self.at((*where, "kind"), f"say which kind of teacher: {', '.join(TEACHERS[:-1])} or {TEACHERS[-1]}")
        if kind == "union_tag_invalid":
            found = str(error["ctx"]["tag"])
            return self.at((*where, "kind"), f"unknown teacher {found!r}{nearest(found, TEACHERS)}")
        if kind == "literal_error":
            allowed = error["ctx"]["expected"].replace(" or ", ", ").replace("'", "").split(", ")
            found = str(error["input"])
            return self.at(where, f"{found!r} is not one of {', '.join(allowed)}{guess(found, allowed)}")
        if kind in ("dataclass_type", "model_type", "dict_type", "dataclass_exact_type"):
            return self.at(where, f"needs keys of its own, not {json.dumps(error['input'], default=str)}")
        message = str(error["msg"])
        message = message[:1].lower() + message[1:]
        return self.at(where, f"{message}, not {json.dumps(error['input'], default=str)[:60]}")


def _places(value: Any, where: Location) -> Iterator[Location]:  # noqa: ANN401 - YAML
    """Yield the place of everything below a value, level by level."""
    entries = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, item in entries:
        yield (*where, key)
        yield from _places(item, (*where, key))


def dotted(where: Iterable[str | int]) -> str:
    """Return a key's path as users write it: `problems.sources.0.family`."""
    return ".".join(str(part) for part in where)


def _without_tags(location: Location) -> Location:
    """Drop what validation adds to a path (a union's tag), keeping the keys that a user wrote or forgot."""
    kept: list[str | int] = []
    for depth, part in enumerate(location):
        if kept[-1:] == ["teacher"] and depth in (1, 3) and part in TEACHERS:
            continue
        if part == "[key]":  # of a mapping, after the key itself
            continue
        kept.append(part)
    return tuple(kept)


def _section_at(where: Location, data: Mapping[str, Any]) -> type:
    """Return the dataclass that a path of keys leads to; a node's sections are those of the recipe."""
    if where[:1] and where[0] in NODES:
        data = typing.cast("Mapping[str, Any]", data[where[0]][where[1]])
        section: Any = Scorer if where[0] == "scorers" and where[2:3] != ("train",) else Recipe
        where = tuple(where[2:])
    else:
        section = Recipe
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
