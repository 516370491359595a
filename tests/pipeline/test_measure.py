"""What is delivered is measured in its own runtime on the held-out problems, and once only."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from commands import TINY, done

pytest.importorskip("torch")
pytest.importorskip("xllamacpp", reason="the wheel xllamacpp is not installed: make install")

from potstill.records import Measure
from potstill.store import Run

pytestmark = pytest.mark.soak
STAGES = {
    "measure-gguf-q8_0": ("xllamacpp", "tiny-q8_0.gguf"),
    "measure-onnx-int8": ("onnxruntime-genai", "tiny-onnx-int8"),
    "measure-mlx-bf16": ("mlx-lm", "tiny-mlx-bf16"),
    "measure-openvino-int8": ("openvino-genai", "tiny-openvino-int8"),
}
STAGES = {stage: told for stage, told in STAGES.items() if find_spec(told[0].replace("-", "_"))}
FORMS = ", ".join(f"{form}: [{kind}]" for _, form, kind in (stage.split("-") for stage in STAGES))
RECIPE = (
    TINY.replace("heads: 2", "heads: 1")
    + "arms: {traces: {train: {}}}\nexport: {safetensors: false, importance: 4, "
    + FORMS
    + "}\n"
)
KILLED = Path(__file__).parents[1] / "soak" / "killed.py"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("measured")
    (folder / "r.yaml").write_text(RECIPE)
    done("run", folder / "r.yaml", "--out", folder / "run")
    return folder


@pytest.mark.parametrize("stage", STAGES)
def test_it_is_measured_as_its_student_was(run, stage):
    found = Run(run / "run")
    own, trained = (list(found.committed(name).rows("zero_shot", Measure)) for name in (stage, "evaluate-traces"))
    assert [(one.problem_key, one.sample) for one in own] == [(one.problem_key, one.sample) for one in trained]
    assert [one.prompt_tokens for one in own] == [one.prompt_tokens for one in trained]
    clock = found.committed(stage).clock
    assert {
        "load_seconds",
        "first_1",
        "first_2",
        "memory",
        "read_1",
        "read_2",
        "written_1",
        "written_2",
    } <= clock.keys()
    assert found.committed("export-gguf").counts["importance"]["rows"] == 4
    package, name = STAGES[stage]
    assert package in clock["versions"]
    report = json.loads((run / "run" / "report.json").read_text())
    assert '"title": "Delivered files"' in json.dumps(report)
    assert name in (run / "run" / "table.txt").read_text()


@pytest.mark.parametrize("stage", STAGES)
def test_killed_anywhere_it_ends_with_the_same_bytes(run, stage):
    wanted = Run(run / "run").committed(stage).manifest
    count = run / "count"
    command = ["run", str(run / "r.yaml"), "--out", str(run / "run"), "--stage", stage, "--redo"]
    (run / "run" / "ledger" / "students.sqlite").unlink()
    subprocess.run([sys.executable, str(KILLED), "0", str(count), *command], check=True)
    assert Run(run / "run").committed(stage).manifest == wanted
    for part in range(1, 5):
        (run / "run" / "ledger" / "students.sqlite").unlink(missing_ok=True)
        at = str(max(1, int(count.read_text()) * part // 5))
        killed = subprocess.run([sys.executable, str(KILLED), at, str(run / "never"), *command], check=False)
        assert killed.returncode == -9
        done(*command)
        assert Run(run / "run").committed(stage).manifest == wanted
