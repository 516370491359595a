"""What is handed over, in the trainers' own code: TRL's rewards, verl's data reader, the loader of prime-rl's library.

None of them is a dependency. Each is unpacked into a folder of its own, `pip install --no-deps --target FOLDER ...`:

    POTSTILL_TRL        trl==1.16.0; without it, where `benchmarks/bench_train.py` unpacks it
    POTSTILL_VERL       verl==0.9.1, ray, omegaconf, tensordict, msgpack, antlr4-python3-runtime==4.9.3
    POTSTILL_VERIFIERS  verifiers==0.4.0 with what it requires
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from commands import TINY, done

from potstill.records import Problem
from potstill.store import Run

PEERS = {
    "trl": ("POTSTILL_TRL", "trl", Path(sys.prefix) / "peers" / "trl"),
    "verl": ("POTSTILL_VERL", "verl", Path(sys.prefix) / "peers" / "verl"),
    "prime-rl": ("POTSTILL_VERIFIERS", "verifiers", Path(sys.prefix) / "peers" / "verifiers"),
}
TRL = """
import json, sys
from types import SimpleNamespace
import torch
from datasets import load_dataset
from trl.trainer.grpo_trainer import GRPOTrainer
import reward

rows = list(load_dataset("json", data_files=sys.argv[1] + "/train.jsonl", split="train"))
texts = ["</think>" + json.loads(row["problem"])["gold"] if number % 2 else "no" for number, row in enumerate(rows)]
trainer = SimpleNamespace(
    accelerator=SimpleNamespace(device=torch.device("cpu"), gather=lambda x: x, num_processes=1, is_main_process=True),
    reward_funcs=[reward.right], reward_processing_classes=[None], reward_func_names=["right"], environments=None,
    state=None, _log_completion_extra=None, _log_metric=None, chat_template_kwargs={},
)
import contextlib
completions = [[{"role": "assistant", "content": text}] for text in texts]
prompts = [row["prompt"] for row in rows]
import trl.trainer.grpo_trainer as module
module.gather = lambda x: x
module.profiling_context = lambda *_: contextlib.nullcontext()
found = GRPOTrainer._calculate_rewards(trainer, rows, prompts, completions, [[1]] * len(rows))
print(json.dumps([row["prompt"][0]["content"] for row in rows]))
print(json.dumps(found[:, 0].tolist()))
"""
VERL = """
import json, sys
from omegaconf import OmegaConf
from verl.utils.dataset.rl_dataset import RLHFDataset
import reward

class Tokenizer:
    def apply_chat_template(self, messages, **_):
        return [1] * len(messages[0]["content"])

config = OmegaConf.create({"max_prompt_length": 4096, "filter_overlong_prompts": False, "return_raw_chat": True})
data = RLHFDataset(data_files=[sys.argv[1] + "/train.parquet"], tokenizer=Tokenizer(), config=config)
rows = [data[number] for number in range(len(data))]
texts = ["</think>" + row["reward_model"]["ground_truth"] if n % 2 else "no" for n, row in enumerate(rows)]
print(json.dumps([row["raw_prompt"][0]["content"] for row in rows]))
print(json.dumps([
    reward.compute_score(row["data_source"], text, row["reward_model"]["ground_truth"], row["extra_info"])["score"]
    for row, text in zip(rows, texts)
]))
"""
PRIME = """
import asyncio, json, sys
from types import SimpleNamespace
from verifiers.v1.utils.loaders import load_taskset
from potstill_problems import PotstillConfig

tasks = list(load_taskset(PotstillConfig(id="potstill_problems")))
texts = ["</think>" + json.loads(task.data.problem)["gold"] if n % 2 else "no" for n, task in enumerate(tasks)]
print(json.dumps([task.data.prompt for task in tasks]))
print(json.dumps([
    asyncio.run(task.right(SimpleNamespace(last_reply=text))) for task, text in zip(tasks, texts)
]))
"""
SCRIPTS = {"trl": TRL, "verl": VERL, "prime-rl": PRIME}

pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("handover")
    (folder / "r.yaml").write_text(TINY)
    done("run", folder / "r.yaml", "--out", folder / "run")
    return folder / "run"


@pytest.mark.parametrize("trainer", SCRIPTS)
def test_the_trainer_reads_every_problem_and_rewards_what_is_right(run, tmp_path, trainer):
    variable, package, usual = PEERS[trainer]
    peer = Path(os.environ.get(variable, usual))
    if not (peer / package).is_dir():
        pytest.skip(f"{package} is not unpacked: see {variable}")
    out = tmp_path / "out"
    done("export", run, "--prompts", trainer, "--out", out)
    paths = [str(peer), str(out), *sys.path[1:]]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    script = [sys.executable, "-c", SCRIPTS[trainer], str(out)]
    ended = subprocess.run(script, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
    prompts, rewards = map(json.loads, ended.stdout.splitlines()[-2:])
    train = list(Run(run).committed("problems").rows("train", Problem))
    assert prompts == [problem.statement for problem in train]
    assert rewards == [float(number % 2) for number in range(len(train))]
