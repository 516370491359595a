"""What `auto` stands for: the first rule that fits, explicit numbers left alone, adapters ten times as fast."""

import json

import pytest
from commands import done

from potstill.errors import RecipeError
from potstill.graph import graph_of
from potstill.recipe import Lora, Train, number
from potstill.recipe_file import dump, parse
from potstill.train.defaults import EPOCHS, LEARNING_RATE, asked, settled

AUTO = Train(epochs="auto", learning_rate="auto")
RECIPE = """\
name: tiny
problems: {evaluate: 4, sources: [{family: chain, count: 24}]}
teacher: {kind: worked}
student: {scratch: {hidden: 16, layers: 1, heads: 2, intermediate: 32, vocabulary: 300, context: 256}}
evaluate: {max_tokens: 64}
"""


@pytest.mark.parametrize(
    ("parameters", "rows", "scratch", "lora", "rate", "epochs"),
    [
        (7e9, 350_000, False, None, 4e-5, 3),
        (7e9, 99_999, False, None, 4e-5, 5),
        (7e9, 9_999, False, None, 1e-5, 10),
        (3.2e10, 350_000, False, None, 1e-5, 3),
        (7e9, 1_000, False, Lora(), 1e-4, 10),
        (1.35e8, 500, False, None, 2e-4, 10),
        (9e5, 18_000, True, None, 1.5e-3, 5),
        (1.2e8, 18_000, True, None, 6e-4, 5),
    ],
)
def test_the_first_rule_that_fits_counts(parameters, rows, scratch, lora, rate, epochs):
    train, chosen = settled(AUTO, lora, parameters=int(parameters), rows=rows, scratch=scratch)
    assert number(train.learning_rate) == pytest.approx(rate)
    assert number(train.epochs) == epochs
    assert [one.key for one in chosen] == ["learning_rate", "epochs"]
    assert all(one.why.endswith(")") for one in chosen), "each with its source"


def test_explicit_numbers_are_left_alone():
    train, chosen = settled(Train(steps=3, learning_rate=3e-3), None, parameters=10, rows=10, scratch=True)
    assert (train.steps, train.learning_rate, chosen) == (3, 3e-3, [])
    with pytest.raises(ValueError, match="auto is no number"):
        number(AUTO.epochs)


def test_check_says_the_rules_before_there_are_rows():
    told = asked(AUTO)
    assert [line.partition(":")[0] for line in told] == ["train.learning_rate", "train.epochs"]
    for line, rules in zip(told, (LEARNING_RATE, EPOCHS), strict=True):
        assert all(str(rule) in line for rule in rules)
    assert "10: otherwise (5 on s1K" in told[1]
    assert asked(Train(steps=1)) == []


def test_a_recipe_says_auto_of_a_training_or_of_a_key_and_an_arm_has_its_own():
    arms = "train: auto\narms: {a: {train: {learning_rate: 0.5}}, b: {train: auto}, c: {train: [{steps: 2}, auto]}}\n"
    recipe = parse(RECIPE + arms, "r.yaml")
    found = {
        phase.name: (phase.recipe.train.epochs, phase.recipe.train.steps, phase.recipe.train.learning_rate)
        for arm in graph_of(recipe).arms.values() for phase in arm.phases
    }  # fmt: skip
    assert found == {
        "a": ("auto", None, 0.5), "b": ("auto", None, "auto"), "c.phase1": (None, 2, "auto"),
        "c": ("auto", None, "auto"),
    }  # fmt: skip
    assert parse(dump(recipe), "again.yaml").train == recipe.train
    assert "auto epochs" in graph_of(recipe).text()


@pytest.mark.parametrize("value", ["automatic", "0", "-1", "null", "[1]"])
def test_another_word_is_refused_with_its_key(value):
    with pytest.raises(RecipeError, match=r"r.yaml:6: train.learning_rate: "):
        parse(f"{RECIPE}train: {{epochs: 1, learning_rate: {value}}}\n", "r.yaml")


def test_a_run_says_what_was_chosen_and_why(finished_run):
    pytest.importorskip("torch")
    rate = ("--set", "train.learning_rate=auto", "--redo")
    assert "not looked at: train.learning_rate: auto is settled when" in done("check", "r.yaml", *rate[:2]).out
    told = done("run", "r.yaml", "--out", finished_run, *rate).err
    why = "0.0015: a student from nothing, at most 0.01B parameters (the pocket recipe, docs/log.md)"
    assert f"train.learning_rate: auto is 0.0015 ({why})" in told
    counts = json.loads((finished_run / "train-traces" / "manifest.json").read_bytes())["counts"]
    assert counts["auto"] == {"learning_rate": {"value": 0.0015, "why": why}}
    assert f"traces: train.learning_rate is 0.0015: {why}" in (finished_run / "report.json").read_text()
    logs = json.loads((finished_run / "train-traces" / "losses.json").read_bytes())
    assert max(log["learning_rate"] for log in logs) == 0.0015
