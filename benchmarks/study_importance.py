"""What an importance matrix is worth: SmolLM2-135M in GGUF's types, with it and without, against the model in fp32.

Each tensor is quantised and turned back into numbers in the model itself; the figures are the mean divergence from fp32
and the share of equal first choices, on GSM8K rows that the matrix was not made of. One thread, some five minutes.

    python benchmarks/study_importance.py
"""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path

import gguf
import torch

from potstill import recipe
from potstill.export import Said
from potstill.export.gguf.architectures import architecture_of
from potstill.export.gguf.importance import importance_of
from potstill.export.gguf.mixes import MIXES, types_of
from potstill.export.gguf.quantising import quantised
from potstill.train import students
from potstill.train.render import render, stop_texts

DATA = Path(__file__).parents[2] / "shared" / "data" / "gsm8k_train_1k.jsonl.gz"
READ, HELD_OUT, TYPES = 64, 24, ("q4_k_m", "q4_0", "q5_0")
STUDENT = recipe.Student(model="smollm2-135m-instruct")


def main() -> None:
    """Print a line for each type with and without the matrix."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        students.prepare(STUDENT, lambda: iter(()), 0, Path(folder) / "student")
        model, tokenizer = students.load(Path(folder) / "student")
    rows = [json.loads(line) for line in gzip.decompress(DATA.read_bytes()).decode().splitlines()[:160]]
    said = [Said(row["problem"], row["solution"], row["gold"]) for row in rows]
    stops, architecture = students.stop_ids(model), architecture_of(model.config)
    found = importance_of(model, tokenizer, architecture, STUDENT, stops, said[:READ])
    print(f"{found.rows} rows, {found.tokens:,} tokens, {len(found.columns)} matrices")
    texts = stop_texts(tokenizer, stops)
    shown = [render(tokenizer, STUDENT, one.prompt, one.reasoning, one.answer, texts).text for one in said[-HELD_OUT:]]
    ids = [torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]]) for text in shown]
    with torch.inference_mode():
        wanted = [model(input_ids=one).logits[0].log_softmax(-1) for one in ids]
    known = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, model.config.num_hidden_layers)
    weights = {name: tensor.detach().clone() for name, tensor in model.named_parameters()}
    names = {name: known.get_name(name, try_suffixes=(".weight", ".bias")) for name in weights}
    for mix in TYPES:
        types = types_of(MIXES[mix], [(names[name], tuple(tensor.shape)) for name, tensor in weights.items()])
        for use in (False, True):
            with torch.no_grad():
                for name, tensor in model.named_parameters():
                    kind, values = types[names[name]], weights[name].float().numpy()
                    columns = found.columns.get(names[name]) if use else None
                    made = quantised(values, kind, columns)
                    back = gguf.quants.dequantize(made, gguf.GGMLQuantizationType[kind])
                    tensor.copy_(torch.from_numpy(back.reshape(values.shape)))
            apart, same, tokens = 0.0, 0, 0
            with torch.inference_mode():
                for one, own in zip(ids, wanted, strict=True):
                    got = model(input_ids=one).logits[0].log_softmax(-1)
                    apart += float((own.exp() * (own - got)).sum())
                    same += int((own.argmax(-1) == got.argmax(-1)).sum())
                    tokens += len(own)
            how = "importance" if use else "plain"
            print(f"{mix} {how}: divergence {apart / tokens:.4f}, same first choice {100 * same / tokens:.2f}%")


if __name__ == "__main__":
    main()
