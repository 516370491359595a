"""The JSON Schema of a recipe, for editors and other programs: made from the fields of `recipe` and the keys of nodes.

Draft 2020-12. It knows what one key or one mapping says by itself. What several say together, and whether names and
files exist, only `potstill check` knows.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from potstill.hardware import unsettled
from potstill.nodes import ARM_KEYS, MOST_ROUNDS, NODE_KEYS, NODE_NAME, NODES, SET_KEYS
from potstill.recipe import PROBLEM_COLUMNS, SECTIONS, Recipe, Scorer
from potstill.recipe.meanings import meanings
from potstill.recipe_file import FROM

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE = re.compile(r"(#/\$defs/)(\w+)")
"""Such as `#/$defs/Train`."""
BELOW = "A shipped recipe, or a file beside this one: all of its keys that are not given here."
_NAME: Schema = {"type": "string", "pattern": f"^{NODE_NAME}$"}


class Generator(GenerateJsonSchema):
    """Leaves out the titles of keys, which only repeat their names, and what depends on the machine."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401 - pydantic's own
        """Never."""
        return False

    def encode_default(self, dft: Any) -> Any:  # noqa: ANN401 - pydantic's own
        """Return a default as every machine has it, whatever this one settled it to."""
        return super().encode_default(unsettled(dft))


def text() -> str:
    """Return the schema as it is shipped and printed."""
    return printed(schema())


def printed(schema: Schema) -> str:
    """Return a schema as the text that is shipped."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def schema() -> Schema:
    """Return the schema of a recipe file: of a whole recipe, or of one that is laid over another."""
    whole, parts = _whole()
    over, _ = overlay()
    over["properties"] = {FROM: {"type": "string", "description": BELOW}} | over["properties"]
    told = {name: {"description": key["description"]} for name, key in whole["properties"].items()}
    either: Schema = {"if": {"required": [FROM]}, "then": over, "else": whole}
    return {"$schema": DIALECT, "type": "object", "properties": told} | either | {"$defs": used(either, parts)}


def overlay() -> tuple[Schema, Schema]:
    """Return the schema of keys that are laid over a recipe, none of them required, and the parts it refers to."""
    whole, parts = _whole()
    keys = whole["properties"]
    own = _override({"properties": {name: key for name, key in keys.items() if name not in NODES}})["properties"]
    over = {"type": "object", "properties": keys | own, "additionalProperties": False}
    return over, used(over, parts)


def _whole() -> tuple[Schema, Schema]:
    """Return the schema of a recipe and all parts: those of a recipe, and those of what overrides them."""
    whole: Schema = TypeAdapter(Recipe).json_schema(schema_generator=Generator)
    parts: Schema = whole.pop("$defs")
    scorer: Schema = TypeAdapter(Scorer).json_schema(schema_generator=Generator)
    parts |= scorer.pop("$defs") | {"Scorer": scorer}
    for section in SECTIONS:
        explained(whole if section is Recipe else parts[section.__name__], section)
    keys = whole["properties"]
    del keys["teacher"]["discriminator"]
    parts["Source"]["properties"]["columns"]["propertyNames"] = {"enum": list(PROBLEM_COLUMNS)}
    overriding = {f"{name}Override": _override(part) for name, part in parts.items()}
    for section in SECTIONS:
        if alternatives := getattr(section, "alternatives", ()):
            parts[section.__name__]["oneOf"] = [_given(name) for name in alternatives]
            pairs = itertools.combinations(alternatives, 2)
            overriding[f"{section.__name__}Override"]["not"] = {"anyOf": [_given(*pair) for pair in pairs]}
    keys["sets"] |= _nodes("sets", SET_KEYS, keys)
    keys["arms"] |= _nodes("arms", ARM_KEYS, keys)
    keys["train"]["anyOf"] = [{"$ref": keys["train"].pop("$ref")}, {"const": "auto"}]
    keys["executor"]["anyOf"] = [{"$ref": keys["executor"].pop("$ref")}, {"enum": ["here", "ray"]}]
    keys["scorers"] |= _scorers(parts["Scorer"])
    return whole, parts | overriding


def explained(part: Schema, section: type) -> None:
    """Put the meaning of each field of a section into its schema."""
    for name, key in part["properties"].items():
        part["properties"][name] = {"description": meanings(section)[name]} | key


def _given(*names: str) -> Schema:
    """Return what holds where all of these keys are given, and not as `null`."""
    return {"required": list(names), "properties": {name: {"not": {"type": "null"}} for name in names}}


def _override(part: Schema) -> Schema:
    """Return what a node may write of a section: any of its keys, and what is left out is inherited."""
    keys = {name: {k: v for k, v in key.items() if k != "default"} for name, key in part["properties"].items()}
    found = {name: value for name, value in part.items() if name != "required"} | {"properties": keys}
    # Without its `kind` a teacher's override may fit several kinds.
    return dict(json.loads(_REFERENCE.sub(r"\1\2Override", json.dumps(found)).replace('"oneOf"', '"anyOf"')))


def _nodes(section: str, names: tuple[str, ...], recipe: Mapping[str, Schema]) -> Schema:
    """Return the schema of `sets` or `arms`: the keys of one node, for any name."""
    special = {"from": _NAME, "rounds": {"type": "integer", "minimum": 1, "maximum": MOST_ROUNDS}}
    keys: Schema = {}
    for name in names:
        key = special[name] if name in special else _override({"properties": {name: recipe[name]}})["properties"][name]
        if (section, name) == ("arms", "train"):
            phase = {"anyOf": [{"$ref": key["$ref"]}, {"const": "auto"}]}
            key = {"anyOf": [*phase["anyOf"], {"type": "array", "items": phase, "minItems": 1}]}
        keys[name] = key | ({"description": said} if (said := NODE_KEYS[section].get(name)) else {})
    node = {"type": "object", "properties": keys, "additionalProperties": False}
    return {"additionalProperties": node, "propertyNames": _NAME}


def _scorers(scorer: Schema) -> Schema:
    """Return the schema of `scorers`, for any name; a scorer gets the keys by which it is a node."""
    said = NODE_KEYS["scorers"]
    own = {"from": _NAME | {"description": said["from"]}, "train": {"$ref": "#/$defs/TrainOverride"}}
    own["train"]["description"] = said["train"]
    scorer["properties"] |= own
    return {"additionalProperties": {"$ref": "#/$defs/Scorer"}, "propertyNames": _NAME}


def used(schema: Schema, parts: Mapping[str, Schema]) -> Schema:
    """Return the parts that a schema refers to, directly or through others, by name."""
    found: Schema = {}
    waiting = [schema]
    while waiting:
        for _, name in _REFERENCE.findall(json.dumps(waiting.pop())):
            if name not in found:
                found[name] = parts[name]
                waiting.append(parts[name])
    return dict(sorted(found.items()))
