"""A folder of another program is the student as that program runs it, or it does not appear."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from commands import TINY, call
from export.test_gguf import SAID
from export.test_safetensors import CARD, CONDITIONS, PROMPTS
from train import tiny

pytest.importorskip("torch")

from models import families, tiny_families

from potstill.errors import CheckpointError, RecipeError
from potstill.export import EXPORTERS, RUNTIMES, Delivery
from potstill.export.folders import FolderForm, deliver
from potstill.export.likeness import ConversionError
from potstill.models.local.folders import PROGRAMS, FolderModel
from potstill.models.local.model import LocalModel, Prompt
from potstill.recipe.students import TYPED
from potstill.train import students

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "folders.md"
EXACT = {"onnx": "fp32", "mlx": "fp32", "openvino": "fp32"}
SMALL = {"onnx": "int4", "mlx": "4bit", "openvino": "int4"}
WEIGHTS = {"onnx": "model.onnx", "mlx": "model.safetensors", "openvino": "openvino_model.xml"}
OWN_DRAWS = ("openvino",)
"""Programs that draw by themselves, by our seed."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("student") / "trained"
    students.prepare(tiny.STUDENT, tiny.texts(tiny.examples(60)), seed=3, out=out)
    return out


def delivery(trained, out, *types):
    return Delivery(
        trained=trained, out=out, prompts=PROMPTS[:3], card=CARD, conditions=CONDITIONS, conversations=SAID,
        longest=200, options={"types": list(types)},
    )  # fmt: skip


@pytest.fixture(scope="module", params=EXACT)
def form(request) -> FolderForm:
    found = RUNTIMES[request.param].form
    for module in found.packages:
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed: pip install 'potstill[{found.name}]'")
    return found


@pytest.fixture(scope="module")
def exported(form, trained, tmp_path_factory):
    """Asked for by paths below the current folder, as a run of `--out run` has them."""
    folder = tmp_path_factory.mktemp("export")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "trained").symlink_to(trained)
        types = (SMALL[form.name], EXACT[form.name])
        return EXPORTERS[form.name](delivery(Path("trained"), Path("model"), *types)), folder / "model"


@pytest.fixture
def exact(exported, form):
    return exported[1] / f"tiny-{form.name}-{EXACT[form.name]}"


@pytest.fixture
def small(exported, form):
    return exported[1] / f"tiny-{form.name}-{SMALL[form.name]}"


def test_the_folders_are_the_student_in_its_program(exported, form, exact, small, trained):
    found, out = exported
    assert {path.name for path in out.iterdir()} == {exact.name, small.name, "README.md", "potstill.json"}
    assert (found["texts"], found["prompts"], found["same_tokens"]) == (2 * len(SAID), 3, 3)
    bits = {told["type"]: told["bits_per_weight"] for told in found["files"].values()}
    assert 4 < bits[SMALL[form.name]] < 24 < bits[EXACT[form.name]], "an embedding may stay as it is"
    assert small.name in (out / "README.md").read_text()
    assert not [file for file in out.rglob("*.json") if str(trained) in file.read_text()], "no folder of ours is told"
    assert not list(small.glob("*.md"))


def test_it_answers_as_the_trained_student_does(exact, form, trained):
    """Greedy answers are the same; draws are those of the same seed, one by one and whatever stands beside them."""
    own, model = LocalModel(trained, "fp32"), FolderModel(form.name, exact)
    texts = [model.render([{"role": "user", "content": prompt}]) for prompt in PROMPTS]
    assert texts == [own.render([{"role": "user", "content": prompt}]) for prompt in PROMPTS]
    assert model.lengths(texts) == own.lengths(texts)
    for settings in ({"max_tokens": 24, "temperature": 0.0}, {"max_tokens": 24, "temperature": 1.5, "top_p": 0.9}):
        prompts = [Prompt(text, seed) for seed, text in enumerate(texts)]
        answers = model.answer(prompts, settings)
        assert answers == model.answer(prompts, settings)
        assert answers == own.answer(prompts, settings) or (settings["temperature"] and form.name in OWN_DRAWS)
        assert len({one.text for one in answers}) > 1
    full = "add 1 and 2 . " * 400
    assert model.answer([Prompt(full)], {"max_tokens": 8, "temperature": 0.0})[0].finish == "length"


def test_its_speed_is_that_of_the_program_alone(form, small):
    messages = [{"role": "user", "content": "é 1"}]
    found = RUNTIMES[form.name].speeds(small, context=100, messages=messages, threads=1)
    assert found.keys() == {"load_seconds", "first", "read", "written", "memory"}
    assert min(found.values()) > 0


def test_a_folder_that_is_not_the_student_does_not_appear(form, trained, tmp_path):
    other = tmp_path / "other"
    students.prepare(tiny.STUDENT, tiny.texts(tiny.examples(60)), seed=4, out=other)
    wrong = replace(form, build=lambda asked, *rest: form.build(delivery(other, asked.out), *rest))
    near = list(form.margins)[-1]
    with pytest.raises(ConversionError, match=rf"{form.program} answers .* token \d+ less likely by"):
        deliver(wrong, delivery(trained, tmp_path / "model", near))
    assert not (tmp_path / "model").exists()


def test_what_cannot_be_made_or_loaded_is_told_in_one_line(form, trained, tmp_path, small):
    unknown = SMALL[form.name] + "x"
    for types, told in (([unknown], f"no type '{unknown}', did you mean '{SMALL[form.name]}'"), ([], "at least one")):
        with pytest.raises(RecipeError, match=told):
            deliver(form, delivery(trained, tmp_path / "model", *types))
    _, tokenizer = students.load(trained)
    model = tiny_families.random_model(families.tiny("mamba2"), 0)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    students.write(model, tokenizer, tmp_path / "mamba")
    with pytest.raises(ConversionError, match=f"export.{form.name}: no converter for the architecture 'mamba2'"):
        deliver(form, delivery(tmp_path / "mamba", tmp_path / "model", EXACT[form.name]))
    broken = tmp_path / "broken"
    shutil.copytree(small, broken)
    (broken / WEIGHTS[form.name]).write_bytes(b"no weights")
    with pytest.raises(CheckpointError, match=rf"broken: {form.program} cannot load it \("):
        PROGRAMS[form.name](broken, None)


@pytest.mark.parametrize(
    ("asked", "scratch", "told"),
    [
        ("onnx: [int8]", {}, "export.onnx: onnxruntime's attention wants heads of a multiple of 16 numbers"),
        ("mlx: [bf16, 4bit]", {}, "export.mlx: 4bit wants rows of a multiple of 32 numbers, and .* have 16 and 32:"),
        (
            "openvino: [int8, int4]",
            {},
            "export.openvino: int4 wants rows of a multiple of 32 numbers, and .* 16 and 32:",
        ),
        ("mlx: [bf16], openvino: [int8]", {}, None),
        ("mlx: [8bit]", {"hidden: 16": "hidden: 64"}, None),
    ],
)
def test_shapes_are_told_before_anything_is_trained(tmp_path, monkeypatch, asked, scratch, told):
    monkeypatch.setattr("potstill.pipeline.checks.exports.need", lambda *_: None)
    written = TINY
    for old, new in scratch.items():
        written = written.replace(old, new)
    (tmp_path / "r.yaml").write_text(f"{written}export: {{{asked}}}\n")
    ended = call("check", tmp_path / "r.yaml")
    assert re.search(told, ended.mistake()) if told else ended.code == 0, ended


def test_what_is_not_installed_is_named_with_its_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlx_lm", None)
    (tmp_path / "r.yaml").write_text(TINY + "export: {mlx: [bf16]}\n")
    assert "potstill[mlx]" in call("check", tmp_path / "r.yaml").mistake()


def test_each_key_of_types_has_an_exporter_and_a_runtime():
    assert list(TYPED) == list(RUNTIMES.entries)
    assert set(TYPED) < set(EXPORTERS.entries)


LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 1e4, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}  # fmt: skip
SHORT = os.environ.get("POTSTILL_SOAK") == "short"
OWN = {
    "llama": {"rope_parameters": LLAMA3},
    "mistral": {"sliding_window": None},
    "phi3": {"sliding_window": None},
    "smollm3": {"no_rope_layers": [1, 1, 1, 0]},
    "gemma3_text": {"num_hidden_layers": 6, "layer_types": ["sliding_attention"] * 5 + ["full_attention"]},
    "olmo3": {"layer_types": ["sliding_attention"] * 3 + ["full_attention"]},
    "phi": {"partial_rotary_factor": 0.5},
}


@pytest.mark.soak
def test_each_architecture_is_converted_and_proved(form, trained, tmp_path):
    """A tiny one of each, with drawn weights: the proof is what is tested, and what is refused."""
    _, tokenizer = students.load(trained)
    failed = {}
    some = form.architectures[:2] if form.name == "onnx" and SHORT else form.architectures  # a minute each
    for kind in some:
        # onnxruntime wants heads of a multiple of 16 numbers
        named = getattr(families.tiny(kind), "head_dim", None) is not None
        wide = {} if form.name != "onnx" else {"head_dim": 16} if named else {"hidden_size": 64}
        model = tiny_families.random_model(families.tiny(kind, **OWN.get(kind, {}) | wide), 0)
        model.generation_config.eos_token_id = tokenizer.eos_token_id
        students.write(model, tokenizer, tmp_path / kind)
        try:
            found = deliver(form, delivery(tmp_path / kind, tmp_path / f"{kind}-out", EXACT[form.name]))
            assert found["prompts"] == 3
        except (ConversionError, CheckpointError) as error:
            failed[kind] = str(error)
    assert not failed, "\n".join(f"{kind}: {why}" for kind, why in failed.items())


def test_onnx_draws_as_the_student_was_measured(exported, form, small):
    if form.name != "onnx":
        pytest.skip("mlx-lm and OpenVINO read the generation config")
    search = json.loads((small / "genai_config.json").read_text())["search"]
    assert (search["do_sample"], search["top_p"]) == (False, 1.0)


def test_the_guide_s_programs_run_as_they_stand(exact, form, tmp_path):
    programs = re.findall(r"(?ms)^```python\n(.*?)^```", GUIDE.read_text("utf-8"))
    program = next(program for program in programs if f"export-{form.name}/model" in program)
    written = re.sub(r"runs/my-run/export-\w+/model/[\w-]+", str(exact), program)
    assert written != program
    done = subprocess.run([sys.executable, "-c", written], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "3 plus 4" in done.stdout
