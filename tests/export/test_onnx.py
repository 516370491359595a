"""A folder of ONNX is the student as onnxruntime-genai runs it, or it does not appear."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from commands import TINY, call
from export.test_gguf import SAID
from export.test_safetensors import CARD, CONDITIONS, PROMPTS
from train import tiny

pytest.importorskip("torch")
pytest.importorskip("onnxruntime_genai", reason="the wheel onnxruntime-genai is not installed: make install")

from models import families, tiny_families

from potstill.errors import CheckpointError, RecipeError
from potstill.export import Delivery
from potstill.export import onnx as exporting
from potstill.export.likeness import ConversionError
from potstill.export.onnx import onnx
from potstill.export.onnx.running import ONNXRUNTIME
from potstill.models.local.model import LocalModel, Prompt
from potstill.models.local.onnx import CONFIG, OnnxModel, OnnxRuntime
from potstill.train import students

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "onnx.md"


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


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    """Asked for by paths below the current folder, as a run of `--out run` has them."""
    folder = tmp_path_factory.mktemp("export")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "trained").symlink_to(trained)
        return onnx(delivery(Path("trained"), Path("model"), "int4", "fp32")), folder / "model"


def test_the_folders_are_the_student_in_its_runtime(exported):
    found, out = exported
    assert {path.name for path in out.iterdir()} == {"tiny-onnx-fp32", "tiny-onnx-int4", "README.md", "potstill.json"}
    assert (found["texts"], found["prompts"], found["same_tokens"]) == (2 * len(SAID), 3, 3)
    bits = {told["type"]: told["bits_per_weight"] for told in found["files"].values()}
    assert 4 < bits["int4"] < 24, "its embedding stays as it is"
    assert bits["fp32"] > 31
    assert "onnxruntime_genai.Model('tiny-onnx-int4')" in (out / "README.md").read_text()
    search = json.loads((out / "tiny-onnx-int4" / CONFIG).read_text())["search"]
    assert (search["do_sample"], search["top_p"]) == (False, 1.0)


def test_it_answers_as_the_trained_student_does(exported, trained):
    """Greedy answers are the same; draws are those of the same seed, one by one and whatever stands beside them."""
    folder = exported[1] / "tiny-onnx-fp32"
    own, model = LocalModel(trained, "fp32"), OnnxModel(folder)
    texts = [model.render([{"role": "user", "content": prompt}]) for prompt in PROMPTS]
    assert texts == [own.render([{"role": "user", "content": prompt}]) for prompt in PROMPTS]
    for settings in ({"max_tokens": 24, "temperature": 0.0}, {"max_tokens": 24, "temperature": 1.5, "top_p": 0.9}):
        prompts = [Prompt(text, seed) for seed, text in enumerate(texts)]
        assert model.answer(prompts, settings) == own.answer(prompts, settings) == model.answer(prompts, settings)
    full = "add 1 and 2 . " * 400
    assert model.answer([Prompt(full)], {"max_tokens": 8, "temperature": 0.0})[0].finish == "length"


def test_its_speed_is_that_of_the_runtime_alone(exported):
    found = ONNXRUNTIME.speeds(
        exported[1] / "tiny-onnx-int4", context=100, messages=[{"role": "user", "content": "é 1"}], threads=1
    )
    assert found.keys() == {"load_seconds", "first", "read", "written", "memory"}
    assert min(found.values()) > 0


def test_a_folder_that_is_not_the_student_does_not_appear(trained, tmp_path, monkeypatch):
    other = tmp_path / "other"
    students.prepare(tiny.STUDENT, tiny.texts(tiny.examples(60)), seed=4, out=other)
    build = exporting._build

    def wrong(asked, *rest):
        build(delivery(other, asked.out), *rest)

    monkeypatch.setattr(exporting, "_build", wrong)
    with pytest.raises(ConversionError, match=r"onnxruntime-genai answers .* token \d+ less likely by"):
        onnx(delivery(trained, tmp_path / "model", "int8"))
    assert not (tmp_path / "model").exists()


def test_what_cannot_be_made_or_loaded_is_told_in_one_line(trained, tmp_path, exported):
    for types, told in ((["int3"], "no type 'int3', did you mean 'int8'"), ([], "name at least one type")):
        with pytest.raises(RecipeError, match=told):
            onnx(delivery(trained, tmp_path / "model", *types))
    (tmp_path / "r.yaml").write_text(TINY + "export: {onnx: [int8]}\n")
    assert "multiple of 16 numbers, and the student's have 8: change" in call("check", tmp_path / "r.yaml").mistake()
    _, tokenizer = students.load(trained)
    model = tiny_families.random_model(families.tiny("mamba2"), 0)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    students.write(model, tokenizer, tmp_path / "mamba")
    with pytest.raises(ConversionError, match="no builder for the architecture 'mamba2'"):
        onnx(delivery(tmp_path / "mamba", tmp_path / "model", "fp32"))
    broken = tmp_path / "broken"
    shutil.copytree(exported[1] / "tiny-onnx-int4", broken)
    (broken / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(CheckpointError, match=r"broken: onnxruntime-genai cannot load it \("):
        OnnxRuntime(broken)


def test_the_guide_s_program_runs_as_it_stands(exported, tmp_path):
    (program,) = re.findall(r"(?ms)^```python\n(.*?)^```", GUIDE.read_text("utf-8"))
    written = program.replace("runs/my-run/export-onnx/model/my-run-onnx-int8", str(exported[1] / "tiny-onnx-fp32"))
    assert written != program
    done = subprocess.run([sys.executable, "-c", written], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "3 plus 4" in done.stdout
