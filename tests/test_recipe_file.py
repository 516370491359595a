import dataclasses
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill import recipe_file
from potstill.errors import RecipeError

SOUND = """\
name: t
problems:
  sources:
    - family: chain
      count: 100
teacher: {kind: worked}
student: {scratch: {}}
train:
  steps: 10
"""


def test_every_shipped_recipe_and_the_template_are_sound():
    assert {"quickstart", "pocket", "gsm8k-human", "gsm8k-r1"} <= set(recipe_file.shipped())
    for name in recipe_file.shipped():
        assert recipe_file.load(name).name == name
    template = (resources.files("potstill") / "recipes" / "template.txt").read_text(encoding="utf-8")
    assert recipe_file.parse(template, "template").problems.sources
    assert len(template.splitlines()) <= 60, "the template is to fit one screen"


def test_a_resolved_recipe_reads_back_equal():
    for name in recipe_file.shipped():
        first = recipe_file.load(name)
        assert recipe_file.parse(recipe_file.dump(first), "resolved") == first


@given(st.integers(0, 10**6), st.floats(1e-7, 1.0), st.integers(1, 64))
def test_set_reaches_any_key_and_survives_a_dump(seed, rate, rank):
    sets = [f"seed={seed}", f"train.learning_rate={rate!r}", f"student.lora.rank={rank}"]
    found = recipe_file.parse(SOUND, "r", sets)
    assert (found.seed, found.train.learning_rate, found.student.lora.rank) == (seed, rate, rank)
    assert recipe_file.parse(recipe_file.dump(found), "r") == found


def test_set_reaches_into_lists():
    assert recipe_file.parse(SOUND, "r", ["problems.sources.0.count=7"]).problems.sources[0].count == 7


def test_sections_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe_file.parse(SOUND, "r").seed = 3


@pytest.mark.parametrize(
    ("old", "new", "sets", "message"),
    [
        ("family", "famly", [], "r.yaml:4: problems.sources.0.famly: unknown key, did you mean 'family'?"),
        ("worked", "wrked", [], "r.yaml:6: teacher.kind: unknown teacher 'wrked', did you mean 'worked'?"),
        ("{kind: worked}", "{kind: worked, slip: 1}", [], "teacher.slip: unknown key, did you mean 'slip_rate'?"),
        ("kind: worked", "name: worked", [], "teacher.kind: say which kind of teacher"),
        ("steps: 10", "steps: ten", [], 'r.yaml:9: train.steps: input should be a valid integer, not "ten"'),
        (
            "steps: 10",
            "steps: 10\n  epochs: 2",
            [],
            "exactly one budget of epochs, steps, tokens; found epochs and steps",
        ),
        ("steps: 10", "batch: 16", [], "exactly one budget of epochs, steps, tokens; found none"),
        ("steps: 10", "steps: 10\n  micro_batch: 99", [], "micro_batch (99) is more than batch (16)"),
        ("count: 100", "count: -1", [], "r.yaml:5: problems.sources.0.count: input should be greater than 0, not -1"),
        ("      count: 100\n", "", [], "problems.sources.0: a family generates without end"),
        ("count: 100", "count: 100\n      file: x.csv", [], "name exactly one of"),
        ("count: 100", "count: 100\n      use: train", [], "no evaluation split"),
        ("count: 100", "count: 100\n      use: evaluate", [], "nothing to train on"),
        ("teacher: {kind: worked}\n", "", [], "r.yaml:1: teacher: this key is missing"),
        ("{scratch: {}}", "{scratch: {}, model: x}", [], "exactly one of `model` and `scratch`"),
        ("{scratch: {}}", "{model: x, lora: {rank: 0}}", [], "r.yaml:7: student.lora.rank"),
        ("{scratch: {}}", "{scratch: {}, prompt: hello}", [], "the prompt never mentions {question}"),
        ("name: t", "name: t\nname: u", [], "r.yaml:2: name stands twice (first in line 1)"),
        ("name: t", "name: ../t", [], "cannot name a folder"),
        ("name: t", "name: t\nchecks: {percent: lax}", [], "'lax' is not one of strict, ignore"),
        ("name: t", "name: t\nevaluate: {samples: 4}", [], "several samples at temperature 0 are all the same"),
        ("name: t", "name: t\nevaluate: 3", [], "evaluate: needs keys of its own, not 3"),
        ("name: t", "name: t\ndata: nowhere", [], "there is no folder nowhere"),
        ("name: t", "name: [", [], "not YAML"),
        ("", "", ["train.stepz=3"], "--set train.stepz=3: train.stepz: unknown key, did you mean 'steps'?"),
        ("", "", ["train.steps"], "write it as key.path=value"),
        ("", "", ["problems.sources.4.count=1"], "has entries 0 to 0, not '4'"),
        ("", "", ["name.x.y=1"], "--set name.x.y=1: name"),
        ("", "", ["seed=["], "the value is not YAML"),
    ],
)
def test_each_mistake_gets_one_line_with_file_line_and_key(old, new, sets, message):
    with pytest.raises(RecipeError) as caught:
        recipe_file.parse(SOUND.replace(old, new, 1) if old else SOUND, "r.yaml", sets)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "- a\n", "3", "a: &x [*x]", "? [1, 2]\n: 3\n", "x: !!python/object:os.system {}\n"]
)
def test_text_that_is_no_recipe_is_refused_without_a_traceback(text):
    with pytest.raises(RecipeError):
        recipe_file.parse(text, "r.yaml")


@given(st.text(max_size=200))
def test_no_text_crashes_the_parser(text):
    try:
        recipe_file.parse(text, "r.yaml")
    except RecipeError as error:
        assert "\n" not in str(error)


def test_names_that_do_not_exist(tmp_path):
    (tmp_path / "mine.yaml").write_text(SOUND)
    with pytest.raises(RecipeError, match=r"did you mean 'quickstart'"):
        recipe_file.load("quikstart")
    with pytest.raises(RecipeError, match=r"did you mean '.*mine\.yaml'"):
        recipe_file.load(str(tmp_path / "mien.yaml"))
    with pytest.raises(RecipeError, match="is a folder"):
        recipe_file.load(str(tmp_path))
    (tmp_path / "latin.yaml").write_bytes(b"name: caf\xe9\n")
    with pytest.raises(RecipeError, match="not UTF-8"):
        recipe_file.load(str(tmp_path / "latin.yaml"))
