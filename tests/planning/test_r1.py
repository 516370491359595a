"""R1 and Orca recipes: planned without any file or network, each figure with its basis; what does not fit says so."""

import pytest

import potstill
from potstill.recipe_file import load, shipped

NAMES = [name for name in shipped() if name.startswith("r1-distill-")]
ORCA = [name for name in shipped() if name.startswith("orca-")]
ON_EIGHT_H100 = {"r1-distill-qwen-32b": 16, "r1-distill-llama-70b": 128}
"""Those that eight H100 do not hold -> how many would."""
RATES = {"qwen-1.5b": 1e-4, "qwen-7b": 8e-5, "qwen-14b": 7e-5, "qwen-32b": 6e-5, "llama-8b": 5e-5, "llama-70b": 2e-5}


@pytest.fixture
def planned(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return lambda name, gpu: potstill.plan(name, tmp_path / "run", gpu=gpu)


def test_six_students_of_one_campaign_differ_where_they_should():
    recipes = {name.removeprefix("r1-distill-"): load(name) for name in NAMES}
    assert {name: one.train.learning_rate for name, one in recipes.items()} == RATES
    first = recipes["qwen-7b"]
    for one in recipes.values():
        assert (one.problems, one.teacher, one.strategy, one.checks) == (
            first.problems, first.teacher, first.strategy, first.checks,
        )  # fmt: skip
        assert (one.train.batch, one.train.epochs, one.train.final) == (64, 2, 0.1)
        assert [each.name for each in one.evaluate.benchmarks] == ["aime24", "math500", "gpqa-diamond", "livecodebench"]
    assert [bool(one.curate.mix) for one in recipes.values()] == [name == "qwen-1.5b" for name in recipes]


@pytest.mark.parametrize("name", NAMES)
def test_each_is_planned_on_eight_accelerators_with_every_basis(name, planned):
    made = planned(name, "h200")
    stages = {stage.name: stage for stage in made.stages}
    train, traces = stages["train-traces"], stages["traces"]
    for figure in (train.tokens, train.seconds, train.peak, train.disk, traces.tokens, traces.dollars):
        assert figure.how
        assert figure.low < figure.value < figure.high
    assert 1e8 < train.tokens.low < train.tokens.value < 1e11
    assert train.memory.fits >= 1, "the layout of the recipe fits"
    assert made.accelerator_hours.value > 8 * train.seconds.value / 3600 * 0.99
    for kind in ("evaluate", "benchmark", "verdicts"):
        for stage in made.stages:
            assert stage.kind != kind or stage.seconds is not None or "livecodebench" in stage.name, stage.name
    text = str(made)
    assert "mathematics.jsonl; planned by its count" in text
    assert "hours of one H200" in text
    assert "to rent: $" in text


@pytest.mark.parametrize("name", NAMES + ORCA)
def test_what_each_costs_on_eight_h100_is_printed(name, planned):
    made = potstill.plan(name, gpu="h100", overrides={"train.processes": 8})
    text, stages = str(made), {stage.name: stage for stage in made.stages}
    train, traces = stages["train-traces"], stages["traces"]
    assert text.splitlines()[0] == f"plan of {name} for 8 H100"
    assert "to rent: $" in text
    spent, missing = made.all("dollars")
    assert not missing
    assert traces.dollars.value < spent.value < 50_000, "the teacher, and the judge beside it"
    hours = made.accelerator_hours
    assert 8 * train.seconds.low / 3600 < hours.low < hours.value < hours.high
    assert train.memory.would == ON_EIGHT_H100.get(name)
    assert (train.memory.fits == 0) == (name in ON_EIGHT_H100)


def test_a_layout_that_has_no_room_says_which_would_have(planned):
    made = planned("r1-distill-llama-70b", "h100")
    held = next(stage for stage in made.stages if stage.kind == "train").memory
    assert held.fits == 0
    assert held.would == 128
    assert f"with sharding: full processes: {held.would} would have room for one row each" in str(made)
    wider = potstill.plan(
        "r1-distill-llama-70b", gpu="h100", overrides={"train.processes": held.would}
    )  # fmt: skip
    assert next(stage for stage in wider.stages if stage.kind == "train").memory.fits >= 1


def test_what_is_not_there_is_named_by_its_key(planned, tmp_path):
    with pytest.raises(potstill.PotstillError, match=r"problems\.sources\.0\.file: no file .*mathematics\.jsonl"):
        potstill.check(NAMES[0], overrides={"train.precision": "fp32"})
