"""Study files: a recipe, what is varied, and seeds; every mistake ends in one line with file, line and key."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Gt, Le, Len
from pydantic import TypeAdapter, ValidationError

from potstill.errors import RecipeError, guess, nearest
from potstill.recipe import Export, Recipe
from potstill.recipe.bounds import Name, Positive, Seed
from potstill.recipe_file import Inline, Location, Overlay, YamlText, dotted, load, located, shipped, text_of

MOST_SEEDS, MOST_VARIANTS = 100, 100
MARGIN = 3.0
FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.,=+-]{0,59}")
"""Such as `alpha=0.5`: what a study or a variant may be called, for it names a folder."""
_SEEDS_VARY = ("training", "all")


@dataclass(frozen=True, kw_only=True)
class StudyKeys:
    """The keys of a study file, as they are written."""

    recipe: str | dict[str, Any]
    """The name of a shipped recipe, a path beside the study file, or the keys of a recipe."""
    name: Name | None = None
    """Names the folder; `null` takes the name of the file."""
    question: str = ""
    """What the study asks; it stands beside the result."""
    predicted: str = ""
    """What you expect; it stands beside the result, so write it before the first run."""
    set: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Keys of the recipe that are changed in every run."""
    vary: dict[str, dict[str, Any] | None] = dataclasses.field(default_factory=dict)
    """Variants by name with the keys that each changes, or `grid: {KEY: [VALUE, ...]}` for all combinations."""
    seeds: Annotated[int, Gt(0), Le(MOST_SEEDS)] | Annotated[tuple[Seed, ...], Len(1, MOST_SEEDS)] = 3
    """A list, or a number N for 1 to N; 3 without it."""
    seeds_vary: Literal["training", "all"] = "training"
    """`training`, so that a seed decides the training alone, or `all`: problems, teacher and choice of examples too."""
    held_out: Positive | None = None
    """Held-out problems a run; the same as `problems.evaluate`."""
    margin: Annotated[float, Gt(0), Le(100)] = MARGIN
    """Percentage points that do not matter, so that a smaller difference may be called none; 3 without it."""
    baseline: str | None = None
    """The line that each other is compared with, in place of `compare`; `null` takes the first."""
    compare: tuple[tuple[str, str], ...] = ()
    """Pairs of lines; the second is subtracted from the first."""


KEYS = tuple(field.name for field in dataclasses.fields(StudyKeys))
setattr(StudyKeys, "__pydantic_config__", {"extra": "forbid", "strict": True})  # noqa: B010 - as for the recipe


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One variant: its name (empty where nothing is varied), its recipe, and what was laid over what."""

    name: str
    recipe: Recipe
    base: str | Inline
    overlays: tuple[Overlay, ...]

    def located(self) -> AbstractContextManager[None]:
        """Put file, line and key of the study before an error that begins with a key of the recipe."""
        return located(self.base, overlays=self.overlays)

    def with_seed(self, seed: int, keys: StudyKeys) -> Recipe:
        """Return the recipe of one run. Nothing is exported: each trained student is in its stage."""
        name = "-".join(part for part in (str(keys.name), self.name, f"seed{seed}") if part)
        seeded = replace(self.recipe, name=name[-80:], export=Export(safetensors=False))
        if keys.seeds_vary == "all":
            return replace(seeded, seed=seed)
        return replace(seeded, train=replace(seeded.train, seed=seed))


@dataclass(frozen=True, kw_only=True)
class StudyFile:
    """A study as it was read: its keys, its variants by name, its seeds, and its text as written."""

    keys: StudyKeys
    variants: tuple[Variant, ...]
    seeds: tuple[int, ...]
    source: YamlText
    text: str

    @property
    def name(self) -> str:
        """What the study is called."""
        return str(self.keys.name)

    def refused(self, where: Location, what: str) -> RecipeError:
        """Return the error for a key of the study file."""
        return RecipeError(self.source.at(where, what))


def shipped_studies() -> dict[str, str]:
    """Return the studies inside the package: name -> its question."""
    return {name: read_study(name).keys.question for name in shipped("study")}


def is_study(name: str) -> bool:
    """Whether a file that is meant to be a recipe is a study: it names a recipe instead of problems."""
    try:
        data = YamlText(name, Path(name).read_text(encoding="utf-8")).data
    except (OSError, UnicodeDecodeError, RecipeError):
        return False
    return "recipe" in data and "problems" not in data


def read_study(name: str, seeds: int | None = None) -> StudyFile:
    """Read a study file, or a shipped study by name; `seeds` takes only the first so many of its seeds.

    Raises:
        RecipeError: with file, line and key; the first thing wrong.
    """
    text, called, folder = text_of(name, "study")
    source = YamlText(called, text, "study")
    keys = _keys(source, Path(name).stem)
    variants = tuple(_variants(keys, source, called, folder))
    listed = tuple(range(1, keys.seeds + 1)) if isinstance(keys.seeds, int) else keys.seeds
    if twice := next((seed for seed in listed if listed.count(seed) > 1), None):
        raise RecipeError(source.at(("seeds",), f"{twice} stands there twice: a seed that is repeated adds nothing"))
    return StudyFile(keys=keys, variants=variants, seeds=listed[:seeds], source=source, text=text)


def _keys(source: YamlText, stem: str) -> StudyKeys:
    for key in source.data:
        if key not in KEYS:
            raise RecipeError(source.at((key,), f"unknown key of a study{nearest(str(key), KEYS)}"))
    try:
        keys = TypeAdapter(StudyKeys).validate_json(json.dumps(source.data, default=str))
    except ValidationError as error:
        raise RecipeError(_told(source, error)) from None
    name = keys.name or stem
    if not FOLDER.fullmatch(name):
        raise RecipeError(source.at(("name",), f"{name!r} cannot name a folder: take letters, digits, - and _"))
    return replace(keys, name=name)


_WANTED = {
    "recipe": "the name or path of a recipe, or a recipe's keys",
    "vary": "variants by name, each with the keys that it changes, or `grid: {KEY: [VALUE, ...]}`",
    "seeds": f"how many, or a list of them, at most {MOST_SEEDS}",
    "seeds_vary": "training or all",
    "compare": "pairs of lines, such as [[traces, answers]]",
    "set": "keys of the recipe with their values",
    "margin": "percentage points, above 0 and at most 100",
    "held_out": "a number of problems above 0",
}
"""What a key takes, where text does not do."""


def _told(source: YamlText, error: ValidationError) -> str:
    """Reword the first validation error."""
    first = error.errors(include_url=False)[0]
    key = str(first["loc"][0]) if first["loc"] else "recipe"
    if key not in source.data:
        return source.at((key,), f"this key is missing: {_WANTED[key]}")
    where = tuple(first["loc"][: 2 if key in ("vary", "compare") else 1])
    given = source.data[key]
    hint = guess(given, _SEEDS_VARY) if key == "seeds_vary" and isinstance(given, str) else ""
    shown = json.dumps(first["input"], default=str)[:60]
    return source.at(where, f"takes {_WANTED.get(key, 'text')}, not {shown}{hint}")


def _variants(keys: StudyKeys, source: YamlText, called: str, folder: Path) -> Iterator[Variant]:
    """Yield the variants with their recipes, each checked as a recipe is."""
    if isinstance(keys.recipe, str):
        beside = folder / keys.recipe
        base: str | Inline = str(beside) if beside.is_file() else keys.recipe
        try:
            text_of(base)
        except RecipeError as error:
            raise RecipeError(source.at(("recipe",), str(error))) from None
        first = []
    else:
        base = Inline(called, folder)
        first = [_overlay(source, ("recipe",), {"name": keys.name, **keys.recipe}, unfold=False)]
    first.append(_overlay(source, ("set",), keys.set))
    if keys.held_out is not None:
        held_out = {"problems": {"evaluate": keys.held_out}}
        first.append(Overlay(held_out, lambda _: source.at(("held_out",), "held_out")))
    for name, own in _named(keys, source):
        overlays = (*first, *own)
        recipe = load(base, overlays=overlays)
        if keys.held_out is not None and not any(s.use == "both" for s in recipe.problems.sources):
            what = "no source of problems has `use: both`, so none are held out by number: leave this key out"
            raise RecipeError(source.at(("held_out",), what))
        yield Variant(name=name, recipe=recipe, base=base, overlays=overlays)


def _named(keys: StudyKeys, source: YamlText) -> Iterator[tuple[str, tuple[Overlay, ...]]]:
    """Yield each variant's name and what it lays over the recipe."""
    if not keys.vary:
        yield "", ()
        return
    if "grid" in keys.vary:
        yield from _grid(keys, source)
        return
    for name, over in keys.vary.items():
        if not FOLDER.fullmatch(name):
            what = "a variant's name has letters, digits and any of _ . , = + -, 60 at most"
            raise RecipeError(source.at(("vary", name), what))
        yield name, (_overlay(source, ("vary", name), over or {}),)


def _grid(keys: StudyKeys, source: YamlText) -> Iterator[tuple[str, tuple[Overlay, ...]]]:
    """Yield a variant for each combination of the values of a grid, the last key changing first."""
    grid: Mapping[str, Any] = keys.vary["grid"] or {}
    if len(keys.vary) > 1:
        other = next(name for name in keys.vary if name != "grid")
        raise RecipeError(source.at(("vary", other), "a grid stands alone: name variants, or give a grid"))
    for key, values in grid.items():
        if not isinstance(values, list) or not values:
            shown = json.dumps(values, default=str)[:60]
            raise RecipeError(source.at(("vary", "grid", key), f"needs a list of values, not {shown}"))
    combinations = list(itertools.product(*grid.values()))
    if not grid or len(combinations) > MOST_VARIANTS:
        what = f"makes {len(combinations) if grid else 0} variants; 1 to {MOST_VARIANTS} can be run"
        raise RecipeError(source.at(("vary", "grid"), what))
    names = _short(list(grid))
    for number, values in enumerate(combinations, 1):
        parts = [f"{names[key]}={_written(value)}" for key, value in zip(grid, values, strict=True)]
        name = ",".join(parts)
        over = dict(zip(grid, values, strict=True))
        yield name if FOLDER.fullmatch(name) else f"grid{number}", (_overlay(source, ("vary", "grid"), over),)


def _short(keys: Sequence[str]) -> dict[str, str]:
    """Return the last word of each dotted key, or the whole key where two end alike."""
    last = [key.rpartition(".")[2] for key in keys]
    return {key: word if last.count(word) == 1 else key for key, word in zip(keys, last, strict=True)}


def _written(value: Any) -> str:  # noqa: ANN401 - YAML
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _overlay(source: YamlText, section: Location, keys: Mapping[str, Any], *, unfold: bool = True) -> Overlay:
    """Return keys as an overlay; a dotted one, as `train.loss.alpha`, stands for nested ones."""
    nested: dict[str, Any] = {}
    written: dict[Location, Location] = {}
    for key, value in keys.items():
        path = tuple(key.split(".")) if unfold else (key,)
        if not all(path):
            raise RecipeError(source.at((*section, key), "write a key as section.key"))
        place = nested
        for part in path[:-1]:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise RecipeError(source.at((*section, key), f"{part} has a value already, and no keys below it"))
        if path[-1] in place:
            raise RecipeError(source.at((*section, key), f"{dotted(path)} is given twice"))
        place[path[-1]] = value
        written[path] = (*section, key)
    return Overlay(nested, partial(_place, source, section, written))


def _place(source: YamlText, section: Location, written: Mapping[Location, Location], where: Location) -> str:
    """Return file, line and section of a key of the recipe as it was written in the study."""
    for length in range(len(where), 0, -1):
        if where[:length] in written:
            return source.line((*written[where[:length]], *where[length:])) + f": {dotted(section)}"
    return source.line(section) + f": {dotted(section)}"
