"""The JSON Schema of a study, asked by a stock validator: it takes what is sound, and refuses single mistakes."""

from pathlib import Path

import jsonschema
import pytest
import yaml
from commands import done
from test_study import MISTAKES, RECIPE, STUDY

from potstill import recipe_file
from potstill.pipeline import study_schema
from potstill.pipeline.study_file import KEYS
from potstill.recipe.meanings import brief

ROOT = Path(__file__).parents[1]
SHIPPED = sorted((ROOT / "src" / "potstill" / "studies").glob("*.yaml"))
TOGETHER = (
    "recipe: od",
    "vary: {a: {problems.sources.2",
    "held_out: 5",
    "set:",
    "compare: [[fast",
    "vary: {a: {train.ep",
)
"""Beginnings of mistakes that lie in several keys, or in what the recipe says."""


@pytest.fixture(scope="module")
def validator():
    schema = study_schema.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def read(text):
    return yaml.load(text, Loader=recipe_file.Loader)


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_every_shipped_study_is_valid(validator, file):
    validator.validate(read(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "more",
    [
        "vary: {grid: {train.steps: [4, 5], problems.sources.0.count: [50], student: [{model: x}]}}",
        "vary: {a: null, b: {arms.traces.train.steps: 3, train: {loss: {alpha: 0}}, teacher.sampling.extra.top_k: 5}}",
        "set: {arms: {traces: {train: {}}}, train.loss.alpha: 0.5, teacher.error_rate: 0.2, teacher.model: m}",
        "baseline: slow\ncompare: []", "seeds: 2", "seeds_vary: all", "held_out: 5", "name: null",
    ],
)  # fmt: skip
def test_what_a_study_may_say_is_valid(validator, more):
    kept = read(STUDY)
    validator.validate(kept | read(more))
    validator.validate(kept | read(more) | {"recipe": read(RECIPE)})


@pytest.mark.parametrize("line", [line for line in MISTAKES if not line.startswith(TOGETHER)])
def test_what_is_wrong_with_one_key_is_refused(validator, line):
    assert not validator.is_valid(read(STUDY) | read(line))


@pytest.mark.parametrize(
    "line",
    ["set: {train.loss.alpha: x}", "set: {problems.sources.0.fil: x}", "set: {trian.steps: 3}", "recipe: {trian: {}}"],
)
def test_keys_that_are_changed_are_those_of_a_recipe(validator, line):
    assert not validator.is_valid(read(STUDY) | read(line))


def test_every_key_says_what_it_means():
    keys = study_schema.schema()["properties"]
    assert set(keys) == set(KEYS)
    assert all(brief(key["description"]) for key in keys.values())


def test_the_command_prints_the_shipped_file():
    assert done("schema", "--study").out == (SHIPPED[0].parent / "study.schema.json").read_text(encoding="utf-8")
