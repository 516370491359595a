"""The JSON Schema of a recipe, asked by a stock validator: it takes what `check` takes, and refuses single mistakes."""

import dataclasses
import re
import typing
from pathlib import Path

import jsonschema
import pytest
import test_graph
import test_mistakes
import test_recipe_file
import yaml
from commands import done

from potstill import recipe_file, recipe_schema
from potstill.errors import RecipeError
from potstill.recipe import SECTIONS, Endpoint, Judge, ServedTeacher
from potstill.recipe.meanings import brief, meanings

ROOT = Path(__file__).parents[1]
RECIPES = ROOT / "src" / "potstill" / "recipes"
FILES = sorted([*RECIPES.glob("*.yaml"), RECIPES / "template.txt", *(ROOT / "tests" / "recipes").glob("*.yaml")])
FILES += sorted((ROOT / "examples").rglob("*.yaml"))
SINGLE = re.compile(
    r"unknown key|input should be|is not one of|this key is missing|needs keys of its own|say which kind|"
    r"unknown teacher|name exactly one of|give exactly one|with exactly one of|a name has letters|"
    r"an empty list trains nothing|a phase has keys|from 1 to 20|is no problem field"
)
"""What the message of a mistake says that stands at one key or in one mapping."""
NODE_WHOLE = re.compile(r": (?:sets|arms)\S* this key is missing|\.match: give exactly one")
"""Where it depends on what a node inherits."""


@pytest.fixture(scope="module")
def validator():
    schema = recipe_schema.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_recipe_of_the_project_is_valid(validator, file):
    validator.validate(yaml.load(file.read_text(encoding="utf-8"), Loader=recipe_file.Loader))


def mistakes():
    sound = test_recipe_file.SOUND
    for old, new, sets, _ in test_recipe_file.MISTAKES:
        if not sets:
            yield sound.replace(old, new, 1)
    yield from (f"{test_graph.BASE}{text}\n" for text in test_graph.MISTAKES)
    yield from (text for text, _ in test_mistakes.RECIPES.values() if isinstance(text, str))


def test_what_is_wrong_with_one_key_is_refused(validator):
    refused = 0
    for text in mistakes():
        try:
            recipe_file.parse(text, "r.yaml")
        except RecipeError as error:
            told = str(error)
            if SINGLE.search(told) and not NODE_WHOLE.search(told):
                assert not validator.is_valid(yaml.load(text, Loader=recipe_file.Loader)), told
                refused += 1
    assert refused >= 30


def test_a_resolved_recipe_is_valid(validator):
    for name in recipe_file.shipped():
        validator.validate(yaml.load(recipe_file.dump(recipe_file.load(name)), Loader=recipe_file.Loader))


def test_every_field_says_what_it_means_and_each_message_and_schema_says_just_that():
    schema = recipe_schema.schema()
    for section in SECTIONS:
        said = meanings(section)
        part = schema if section.__name__ == "Recipe" else schema["$defs"][section.__name__]
        assert set(said) == {field.name for field in dataclasses.fields(section)}, section
        for name, meaning in said.items():
            assert meaning.endswith("."), (section, name)
            assert brief(meaning), (section, name)
            assert part["properties"][name]["description"] == meaning
            assert "x-decides" in part["properties"][name] or section.__name__ == "Recipe"
    with pytest.raises(RecipeError, match=r"student: this key is missing: who is trained$"):
        recipe_file.parse(test_recipe_file.SOUND.replace("student: {scratch: {}}\n", ""), "r.yaml")


def test_teacher_and_judge_share_the_keys_of_an_endpoint():
    shared = {field.name for field in dataclasses.fields(Endpoint)}
    for section in (ServedTeacher, Judge):
        assert shared < {field.name for field in dataclasses.fields(section)}
        assert not shared & set(typing.get_type_hints(section)) - set(typing.get_type_hints(Endpoint))


def test_the_command_prints_it_and_init_names_the_shipped_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert done("schema").out == (RECIPES / "recipe.schema.json").read_text(encoding="utf-8")
    done("init")
    first, rest = Path("recipe.yaml").read_text(encoding="utf-8").split("\n", 1)
    named = first.removeprefix("# yaml-language-server: $schema=")
    assert named == (RECIPES / "recipe.schema.json").as_uri()
    assert rest == (RECIPES / "template.txt").read_text(encoding="utf-8").split("\n", 1)[1]
