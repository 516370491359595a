"""Recipes that are laid over another: what is taken, whose line an error names, and circles."""

import pytest

from potstill.errors import RecipeError
from potstill.recipe_file import load, parse

BASE = """name: below
problems:
  sources:
    - {family: chain, count: 100}
teacher: {kind: worked}
student: {scratch: {}}
train:
  epochs: 2
  batch: 4
  micro_batch: 4
"""


@pytest.fixture
def written(tmp_path):
    def write(name, text):
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    write("below.yaml", BASE)
    return write


def test_keys_that_are_given_take_the_place_of_those_below(written):
    found = load(written("above.yaml", "from: below.yaml\nname: above\ntrain: {steps: 7}\nseed: 3\n"))
    assert (found.name, found.seed, found.train.batch) == ("above", 3, 4)
    assert (found.train.steps, found.train.epochs) == (7, None), "one budget takes the place of the other"
    top = load(written("top.yaml", "from: above.yaml\ntrain: {batch: 8}\n"), ["seed=5"])
    assert (top.name, top.seed, top.train.steps, top.train.batch) == ("above", 5, 7, 8)
    assert parse("from: pocket\nseed: 11\n", "text").problems == load("pocket").problems


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("from: below.yaml\nname: a\ntrain:\n  batch: none\n", r"above\.yaml:4: train\.batch: "),
        ("from: below.yaml\nname: a\ntrain:\n  batsch: 3\n", r"above\.yaml:4: train\.batsch: unknown key"),
        ("from: below.yaml\nname: a\nproblems: {sources: {'0': {count: -1}}}\n",
         r"above\.yaml:3: problems\.sources\.0\.count: "),
        ("name: a\nfrom: above.yaml\n", r"above\.yaml:2: from: recipes are built on one another in a circle"),
        ("from: nowhere\nname: a\n", r"above\.yaml:1: from: no recipe 'nowhere'"),
        ("from: [below.yaml]\n", r"above\.yaml:1: from: takes the name of a shipped recipe or a file, not "),
    ],
)  # fmt: skip
def test_a_mistake_names_the_line_where_it_stands(written, text, told):
    with pytest.raises(RecipeError, match=told):
        load(written("above.yaml", text))


def test_a_mistake_below_names_the_file_below(written):
    written("below.yaml", BASE.replace("batch: 4", "batch: -4"))
    with pytest.raises(RecipeError, match=r"below\.yaml:9: train\.batch: "):
        load(written("above.yaml", "from: below.yaml\nname: above\n"))
