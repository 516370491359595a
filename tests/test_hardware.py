"""`auto` is settled when a recipe is read, and bf16 is refused where nothing multiplies it."""

import re

import pytest

from potstill import hardware
from potstill.errors import RecipeError
from potstill.pipeline.checks import check_recipe
from potstill.recipe import Train
from potstill.recipe_file import dump, load, parse

# Lines of `/proc/cpuinfo` as processors have them, cut short.
PROCESSORS = {
    "flags\t\t: fpu vme sse4_2 avx2 avx512f avx512_bf16 avx512_vnni\n": True,
    "processor\t: 0\nflags\t\t: fpu amx_bf16 amx_tile amx_int8\nbugs\t\t: spectre_v1\n": True,
    "flags\t\t: fpu vme sse4_2 avx2 fma\n": False,
    "flags\t\t: fpu avx512f avx512_vnni avx512_bf16x\n": False,
    "BogoMIPS\t: 50.00\nFeatures\t: fp asimd evtstrm bf16 i8mm\n": True,
    "BogoMIPS\t: 50.00\nFeatures\t: fp asimd evtstrm\n": False,
    "": False,
}


@pytest.mark.parametrize(("text", "wanted"), PROCESSORS.items())
def test_processors(monkeypatch, text, wanted):
    monkeypatch.setattr(hardware.Path, "glob", lambda self, pattern: iter(()))
    monkeypatch.setattr(hardware.Path, "exists", lambda self: False)
    monkeypatch.setattr(hardware.Path, "read_text", lambda self, **options: text)
    assert hardware.multiplies_bf16.__wrapped__() is wanted


@pytest.mark.parametrize(("able", "settled"), [(True, "bf16"), (False, "fp32")])
def test_auto_is_settled_where_the_recipe_is_read(monkeypatch, able, settled):
    monkeypatch.setattr(hardware, "multiplies_bf16", lambda: able)
    recipe = load("quickstart", ["arms={a: {train: {epochs: 1, loss: {kl: {arm: b}}}}, b: {train: {epochs: 1}}}"])
    assert recipe.train.precision == Train().precision == settled
    text = dump(recipe)
    monkeypatch.setattr(hardware, "multiplies_bf16", lambda: not able)
    assert parse(text, "stored").train.precision == settled  # a run keeps what it began with
    assert load("quickstart", ["train.precision=fp32"]).train.precision == "fp32"


SECTIONS = {
    "train.precision": ["train.precision=bf16"],
    "teacher.precision": [
        "teacher={kind: local, model: nowhere, precision: bf16, terms: {training: allowed, basis: mine}}"
    ],
    "train.loss.kl.precision": [
        "arms={a: {train: {epochs: 1, loss: {kl: {arm: b, precision: bf16}}}}, b: {train: {epochs: 1}}}"
    ],
    "scorers.s.labels.precision": [
        "scorers={s: {kind: process, labels: {by: rollouts, arm: traces, precision: bf16}, train: {epochs: 1}}}"
    ],
    "scorers.s.train.precision": [
        "scorers={s: {kind: process, labels: {by: facts}, train: {epochs: 1, precision: bf16}}}"
    ],
}


@pytest.mark.parametrize("key", SECTIONS)
def test_bf16_without_hardware_is_refused_wherever_it_stands(monkeypatch, key):
    monkeypatch.setattr("potstill.pipeline.checks.formats.multiplies_bf16", lambda: False)
    whole = load("pocket", SECTIONS[key])
    with pytest.raises(RecipeError, match=rf"^{re.escape(key)}: this machine does not multiply bf16.*write auto"):
        check_recipe(whole, {"student", "traces", "labels"})


def test_fp32_is_never_refused(monkeypatch):
    monkeypatch.setattr("potstill.pipeline.checks.formats.multiplies_bf16", lambda: False)
    check_recipe(load("pocket", ["train.precision=fp32"]), {"student"})
