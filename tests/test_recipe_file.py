import dataclasses
import typing
from importlib import resources

import annotated_types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill import recipe_file
from potstill.errors import RecipeError
from potstill.recipe import SECTIONS
from potstill.recipe.bounds import OrAuto

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


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30) | st.sampled_from(
    [
        "no",
        "010",
        "1e5",
        "1:30",
        "2026-11-21",
        ".5",
        "1_0",
        "null",
        "~",
        "",
        " x ",
        "<<",
        "=",
        ".inf",
        "0x1f",
        "+1",
        "a: b",
    ]
)


@given(TEXTS)
def test_any_text_survives_a_dump_whatever_else_yaml_might_read_in_it(text):
    made = recipe_file.parse(SOUND, "r")
    made = dataclasses.replace(made, strategy=dataclasses.replace(made.strategy, system=text))
    assert recipe_file.parse(recipe_file.dump(made), "r") == made


@pytest.mark.parametrize(
    ("written", "read"),
    [("1e-4", 1e-4), ("1.5e+3", 1500.0), ("1.e2", 100.0), (".5", 0.5), ("3", 3.0), ("1_000", 1000.0), ("1E2", 100.0)],
)
def test_numbers_are_read_as_people_write_them(written, read):
    assert recipe_file.parse(SOUND, "r", [f"train.learning_rate={written}"]).train.learning_rate == read


@given(st.text("0123456789.eE+-_:x", max_size=12))
def test_no_number_like_text_crashes_the_parser(text):
    try:
        recipe_file.parse(SOUND, "r", [f"train.learning_rate={text}"])
    except RecipeError as error:
        assert "\n" not in str(error)


def test_errors_of_others_that_begin_with_a_key_get_its_file_and_line(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text(SOUND)
    with (
        pytest.raises(RecipeError, match=r"r\.yaml:4: problems\.sources\.0\.family: gone"),
        recipe_file.located(str(path)),
    ):
        raise RecipeError("problems.sources.0.family: gone")
    with pytest.raises(RecipeError, match=r"^--set seed=3: seed: odd"), recipe_file.located(str(path), ["seed=3"]):
        raise RecipeError("seed: odd")
    with pytest.raises(RecipeError, match=r"^no key: here"), recipe_file.located(str(path)):
        raise RecipeError("no key: here")


def test_a_recipe_that_a_run_wrote_is_read_only_as_it_was_written(tmp_path):
    path = tmp_path / "recipe.yaml"
    recipe = recipe_file.parse(SOUND, "r", base=tmp_path)
    path.write_text(recipe_file.written(recipe))
    assert recipe_file.load(str(path)) == recipe
    path.write_text(recipe_file.written(recipe).replace("steps: 10", "steps: 11"))
    with pytest.raises(RecipeError, match=r"is not as a run wrote it: if you changed it yourself, remove its first"):
        recipe_file.load(str(path))
    path.write_text(path.read_text().partition("\n")[2])
    assert recipe_file.load(str(path)).train.steps == 11


def test_set_reaches_into_lists():
    assert recipe_file.parse(SOUND, "r", ["problems.sources.0.count=7"]).problems.sources[0].count == 7


def test_sections_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe_file.parse(SOUND, "r").seed = 3


MISTAKES = [
    ("family", "famly", [], "r.yaml:4: problems.sources.0.famly: unknown key, did you mean 'family'?"),
    ("worked", "wrked", [], "r.yaml:6: teacher.kind: unknown teacher 'wrked', did you mean 'worked'?"),
    ("{kind: worked}", "{kind: worked, error: 1}", [], "teacher.error: unknown key, did you mean 'error_rate'?"),
    ("kind: worked", "name: worked", [], "teacher.kind: say which kind of teacher"),
    ("steps: 10", "steps: ten", [], 'r.yaml:9: train.steps: input should be a valid integer, not "ten"'),
    (
        "steps: 10",
        "steps: 10\n  epochs: 2",
        [],
        "exactly one budget of epochs, steps, tokens, match; found epochs and steps",
    ),
    ("steps: 10", "batch: 16", [], "exactly one budget of epochs, steps, tokens, match; found none"),
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
    ("name: t", "name: t\nchecks: {policy: {percent: lax}}", [], "'lax' is not one of ignore, strict"),
    ("name: t", "name: t\nevaluate: {samples: 4}", [], "several samples at temperature 0 are all the same"),
    ("name: t", "name: t\nevaluate: {temperature: 1e-300}", [], "1e-300 is too small for a temperature: write 0"),
    ("name: t", "name: t\nevaluate: {top_p: 1e-300}", [], "evaluate.top_p: input should be greater than or equal"),
    ("name: t", "name: t\nevaluate: {shots: 1000000000000}", [], "evaluate.shots: input should be less than"),
    ("name: t", "name: t\nstrategy: {samples: 1000000000000}", [], "strategy.samples: input should be less than"),
    (
        "{scratch: {}}",
        "{scratch: {layers: 1000000000000}}",
        [],
        "student.scratch.layers: input should be less than",
    ),
    ("{scratch: {}}", "{scratch: {layers: 1000, hidden: 65536}}", [], "17,249 billion parameters"),
    ("name: t", "name: t\nevaluate: 3", [], "evaluate: needs keys of its own, not 3"),
    ("name: t", "name: [", [], "not YAML"),
    ("", "", ["train.stepz=3"], "--set train.stepz=3: train.stepz: unknown key, did you mean 'steps'?"),
    ("", "", ["train.steps"], "write it as key.path=value"),
    ("", "", ["problems.sources.4.count=1"], "has entries 0 to 0, not '4'"),
    ("", "", ["name.x.y=1"], "--set name.x.y=1: name"),
    ("", "", ["seed=["], "the value is not YAML"),
]


@pytest.mark.parametrize(("old", "new", "sets", "message"), MISTAKES)
def test_each_mistake_gets_one_line_with_file_line_and_key(old, new, sets, message):
    with pytest.raises(RecipeError) as caught:
        recipe_file.parse(SOUND.replace(old, new, 1) if old else SOUND, "r.yaml", sets)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def numbers(hint, bounds=()):
    """Yield the bounds of every whole or floating-point number that a field may hold."""
    if typing.get_origin(hint) is typing.Annotated:
        hint, *more = typing.get_args(hint)
        hint = next((each.bounded for each in more if isinstance(each, OrAuto)), hint)
        yield from numbers(hint, (*bounds, *more))
    elif hint in (int, float):
        yield bounds
    else:
        for inner in typing.get_args(hint):
            yield from numbers(inner, bounds)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_number_has_an_upper_bound(section):
    """A typing error of ten digits too many must not hang a run; a difficulty is whatever its source says."""
    for name, hint in typing.get_type_hints(section, include_extras=True).items():
        for bounds in numbers(hint):
            most = [bound for bound in bounds if isinstance(bound, annotated_types.Le | annotated_types.Lt)]
            assert most or name in ("min_difficulty", "max_difficulty"), f"{section.__name__}.{name}"


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
