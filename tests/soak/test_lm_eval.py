"""lm-eval itself on a trained student, both ways: its figures and ours are one number under greedy sampling.

lm-eval is no dependency. It is in an environment of its own, `make peers-lm-eval`, or in that whose Python the
variable `POTSTILL_LM_EVAL` names; nothing is fetched from a network.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from commands import TINY, done

PYTHON = Path(os.environ.get("POTSTILL_LM_EVAL", Path(sys.prefix) / "peers" / "lm-eval" / "bin" / "python"))
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
ITS_OWN = """
import json, sys
from lm_eval import simple_evaluate
from lm_eval.tasks import TaskManager

found = simple_evaluate(
    model="hf", model_args=f"pretrained={sys.argv[1]},dtype=float32", device="cpu", tasks=[sys.argv[2]],
    task_manager=TaskManager(include_path=sys.argv[3], include_defaults=False), apply_chat_template=True,
    bootstrap_iters=0, log_samples=False,
)
print(json.dumps(found["results"]))
"""

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(not PYTHON.exists(), reason="no environment of lm-eval: make peers-lm-eval"),
]
TASK = "potstill_gsm8k_own"


def test_three_figures_are_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, value in OFFLINE.items():
        monkeypatch.setenv(name, value)
    source = str(Path(__file__).parents[2] / "src")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([source, *sys.path[1:]]))
    Path("r.yaml").write_text(TINY)
    done("run", "r.yaml", "--out", "run", "--set", "train.steps=120", "--set", "train.supervision=answers")
    problems = [{"question": f"What is {n} and {n + 1} together?", "answer": "1"} for n in range(20)]
    write(problems)
    asked = ("--form", "own", "--problems", "q.jsonl", "--max-tokens", 16)
    evaluate = ("evaluate", "run", "--benchmark", "gsm8k", *asked, "--out", "said.jsonl")
    done(*evaluate)
    # A share that is neither 0 nor 1: seven golds are what the student itself says.
    said = [json.loads(line)["extracted"] for line in Path("said.jsonl").read_text().splitlines()]
    for problem, extracted in zip(problems[:7], said, strict=False):
        problem["answer"] = extracted or "1"
    for problem in problems[7:]:
        problem["answer"] = "123456789"
    write(problems)
    ours = done(*evaluate).out
    right = [json.loads(line)["outcome"] for line in Path("said.jsonl").read_text().splitlines()].count("right")
    assert 0 < right < 20, said

    done("export-task", "gsm8k", *asked, "--out", "task")
    told = done("lm-eval", "run", "--tasks", TASK, "--include", "task", "--python", PYTHON).out
    assert f"{right / 20:.4f}" in told
    assert f"{right / 20:.1%}" in ours or f"{right / 20:.3f}" in ours, ours

    itself = subprocess.run(
        [str(PYTHON), "-c", ITS_OWN, "run/export/model", TASK, "task"],
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert itself.returncode == 0, itself.stderr[-2000:]
    results = json.loads(itself.stdout.splitlines()[-1])
    figures = [value for key, value in results[TASK].items() if key.startswith("pass_at_1,")]
    assert figures == [right / 20]


def write(problems):
    Path("q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in problems))
