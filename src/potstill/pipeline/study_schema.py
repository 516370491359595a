"""The JSON Schema of a study file, for editors: made from its keys, and from those of a recipe for what they change.

A key with dots, such as `train.loss.alpha`, is looked up below its sections; of one below `sets`, `arms` and `scorers`
only the first word is. What a study means as a whole, only `potstill study FILE --check` knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import TypeAdapter

from potstill.nodes import NODES
from potstill.pipeline.study_file import FOLDER, MOST_VARIANTS, StudyKeys
from potstill.recipe_schema import DIALECT, Generator, Schema, explained, overlay, printed

DOT = r"\."
"""Between the words of a key, in patterns."""
_NAMED: Schema = {"type": "string", "pattern": f"^{FOLDER.pattern}$"}
_CHANGES: Schema = {"$ref": "#/$defs/Changes"}


def text() -> str:
    """Return the schema as it is shipped and printed."""
    return printed(schema())


def schema() -> Schema:
    """Return the schema of a study file."""
    whole: Schema = TypeAdapter(StudyKeys).json_schema(schema_generator=Generator)
    explained(whole, StudyKeys)
    keys = whole["properties"]
    recipe, parts = overlay()
    changes = recipe | _with_dots(recipe, parts)
    values = {"type": "array", "minItems": 1, "maxItems": MOST_VARIANTS}
    patterns = [{"pattern": pattern} for pattern in changes["patternProperties"]]
    grid = {
        "type": "object", "additionalProperties": values, "minProperties": 1,
        "propertyNames": {"anyOf": [{"enum": list(changes["properties"])}, *patterns]},
    }  # fmt: skip
    keys["recipe"] |= {"anyOf": [{"type": "string", "minLength": 1}, {"$ref": "#/$defs/RecipeOverride"}]}
    keys["name"]["anyOf"] = [_NAMED, {"type": "null"}]
    keys["set"] = {name: value for name, value in keys["set"].items() if name != "additionalProperties"} | _CHANGES
    keys["vary"] |= {
        "properties": {"grid": grid},
        "propertyNames": _NAMED,
        "additionalProperties": {"anyOf": [_CHANGES, {"type": "null"}]},
        "if": {"required": ["grid"]},
        "then": {"maxProperties": 1},
    }
    for choice in keys["seeds"]["anyOf"]:
        if choice["type"] == "array":
            choice["uniqueItems"] = True
    both = {"compare": {"minItems": 1}, "baseline": {"type": "string"}}
    whole["not"] = {"required": ["compare", "baseline"], "properties": both}
    return {"$schema": DIALECT} | whole | {"$defs": {"Changes": changes, "RecipeOverride": recipe} | parts}


def _with_dots(recipe: Schema, parts: Mapping[str, Schema]) -> Schema:
    """Return the keys of a recipe as they may be written alone, each with its sections before it."""
    found: dict[str, list[Schema]] = {}
    for name, key in recipe["properties"].items():
        if name not in NODES:
            for path, schema in _below(key, parts, name):
                found.setdefault(path, []).append(schema)
    dotted = {path: given[0] if len(given) == 1 else {"anyOf": given} for path, given in found.items()}
    patterns = {f"^{path}$": dotted.pop(path) for path in [*dotted] if "[" in path}
    named = {path.replace(DOT, "."): schema for path, schema in dotted.items()}
    nodes: Schema = {rf"^({'|'.join(NODES)})(\.[^.]+)+$": {}}
    return {"properties": recipe["properties"] | named, "patternProperties": patterns | nodes}


def _below(key: Schema, parts: Mapping[str, Schema], path: str) -> Iterator[tuple[str, Schema]]:
    """Yield (pattern, schema) for all below a key; a list's entry has a number, as in `problems.sources.0.file`."""
    for choice in (key, *key.get("anyOf", ()), *key.get("oneOf", ())):
        if "items" in choice:
            yield f"{path}{DOT}[0-9]+", choice["items"]
            yield from _below(choice["items"], parts, f"{path}{DOT}[0-9]+")
        if "additionalProperties" in choice:
            yield f"{path}{DOT}[^.]+", {}
        if "$ref" in choice:
            for name, inner in parts[choice["$ref"].rpartition("/")[2]]["properties"].items():
                yield f"{path}{DOT}{name}", {"$ref": f"{choice['$ref']}/properties/{name}"}
                yield from _below(inner, parts, f"{path}{DOT}{name}")
