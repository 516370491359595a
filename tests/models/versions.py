"""What checkpoints answer in a process of its own: under the installed transformers, and under 4.57 beside it.

`answers` loads each folder and asks it one question, greedily. What a version cannot load is told, not raised.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

FOUR = ("transformers==4.57.6", "tokenizers==0.22.2", "huggingface_hub==0.36.0")
LARGEST_DIFFERENCE = 0.02
"""Of the last logits under the two versions, which compute in another order."""
ANSWER = """
import json, pathlib, sys, torch, transformers
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as KNOWN
transformers.logging.set_verbosity_error()

def answer(folder):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    turns = [{"role": "user", "content": "What is 12 plus 30? " * 6}]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    ids = torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]])
    with torch.inference_mode():
        whole = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False)
        last = model(input_ids=whole).logits[0, -1].float()
    return {
        "ids": whole[0].tolist(), "text": tokenizer.decode(whole[0], skip_special_tokens=True),
        "eos": tokenizer.eos_token_id, "dtype": str(model.dtype), "logits": last.tolist(),
    }

said = {}
for folder in json.load(sys.stdin):
    kind = json.loads((pathlib.Path(folder) / "config.json").read_text())["model_type"]
    try:
        said[folder] = answer(folder) if kind in KNOWN else {"unknown": kind}
    except Exception as error:
        said[folder] = {"error": " ".join(f"{type(error).__name__}: {error}".split())[:160]}
print(json.dumps([transformers.__version__, said]))
"""


def install(folder: Path) -> str:
    """Put transformers 4.57 and what it wants into a folder, once; return why that cannot be done, or nothing."""
    if not (folder / "done").exists():
        asked = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", folder, *FOUR]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            return done.stderr.strip()[-200:]
        (folder / "done").touch()
    return ""


def answers(folders, first=None):
    """Return (version, folder -> what its model says); the packages in the folder `first` stand before all others."""
    environment = {**os.environ, "PYTHONPATH": str(first or "")}
    asked = [sys.executable, "-W", "ignore", "-c", ANSWER]
    done = subprocess.run(
        asked, input=json.dumps([*map(str, folders)]), capture_output=True, text=True, env=environment, check=False,
        timeout=3600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def compared(folders, four):
    """Return folder -> `yes` where 4.57 says the same, `unknown` where it has no such family, else what differs."""
    (old, before), (new, after) = answers(folders, four), answers(folders)
    assert (old[:5], new[:2]) == ("4.57.", "5.")
    return {folder: _compared(before[str(folder)], after[str(folder)]) for folder in folders}


def _compared(one, other):
    if "unknown" in one:
        return "unknown"
    if told := [f"{version}: {said['error']}" for version, said in (("4.57", one), ("5", other)) if "error" in said]:
        return "; ".join(told)
    differs = [name for name in one if name != "logits" and one[name] != other[name]]
    gap = max((abs(a - b) for a, b in zip(one["logits"], other["logits"], strict=True)), default=0.0)
    if "ids" not in differs and not gap < LARGEST_DIFFERENCE:
        differs.append(f"logits by {gap:.2g}")
    return f"other {', '.join(differs)}" if differs else "yes"


def main(folders):
    """Compare checkpoint folders that are named on the command line."""
    with tempfile.TemporaryDirectory() as four:
        assert not install(Path(four))
        for folder, said in compared([Path(folder) for folder in folders], four).items():
            print(folder, said)


if __name__ == "__main__":
    main(sys.argv[1:])
