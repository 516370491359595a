"""Padded rows against packed ones: tokens a second of one student's optimiser steps, both ways in turn.

A Llama from nothing, rows of the lengths of real traces (log-normal), the same steps both ways, alternated so that
other work on the machine meets both. Counts tokens of rows, padding left out, in wall-clock and in processor seconds.
Writes benchmarks/results/bench_packing.json.

    make bench-packing
    python benchmarks/bench_packing.py --hidden 576 --layers 30 --vocabulary 49152 --precision bf16
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import statistics
import tempfile
import time
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "bench_packing.json"


def measure(options: argparse.Namespace) -> dict[str, object]:
    """Return tokens a second both ways, and the largest difference of the losses."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from potstill.recipe import Train
    from potstill.train.course import attention
    from potstill.train.head import PLAIN
    from potstill.train.job import Stop, Training
    from potstill.train.loss import by_segment, coefficients
    from potstill.train.packing import settle
    from potstill.train.ranks import company
    from potstill.train.render import Segment
    from potstill.train.segments import TokenRow
    from potstill.train.stepper import Stepper

    draw = random.Random(1)
    lengths = [
        max(16, min(options.longest, round(draw.lognormvariate(0, options.spread) * options.longest / 3)))
        for _ in range(options.steps * options.batch)
    ]
    rows = [
        TokenRow(
            tuple(draw.randrange(options.vocabulary) for _ in range(length)),
            bytes([Segment.PROMPT] * (length // 4) + [Segment.REASONING] * (length - length // 4)), number,
        )
        for number, length in enumerate(lengths)
    ]  # fmt: skip
    steps = [
        sorted(rows[start : start + options.batch], key=len, reverse=True)
        for start in range(0, len(rows), options.batch)
    ]
    heads = max(1, options.hidden // 64)
    steppers = {}
    for packing in ("never", "always"):
        torch.manual_seed(0)
        model = LlamaForCausalLM(LlamaConfig(
            vocab_size=options.vocabulary, hidden_size=options.hidden, intermediate_size=options.hidden * 8 // 3,
            num_hidden_layers=options.layers, num_attention_heads=heads, num_key_value_heads=heads,
            tie_word_embeddings=True,
        ))  # fmt: skip
        train = Train(
            steps=1, batch=options.batch, micro_batch=options.micro_batch, precision=options.precision, packing=packing,
        )  # fmt: skip
        packed = settle(model, train, attention(model, train, options.longest))
        folder = Path(tempfile.gettempdir())
        job = Training(model=folder, settings=train, lora=None, seed=1, work=folder, out=folder)
        most = options.longest * options.micro_batch if packed else 0
        steppers[packing] = Stepper(model, PLAIN, job, 0, company(), most)
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in steppers}
    losses: dict[str, list[float]] = {name: [] for name in steppers}
    for repeat in range(options.repeats + 1):
        for name, stepper in steppers.items():
            wall, own = time.monotonic(), time.process_time()
            for number, step in enumerate(steps):
                weights = by_segment(step, coefficients(step, stepper.settings.loss).scale)
                losses[name].append(stepper.step(number, step, weights, 1e-4, Stop())[0]["loss"])
            if repeat:  # the first is to warm up
                seconds[name].append((time.monotonic() - wall, time.process_time() - own))
    tokens = sum(lengths)
    return {
        **{key: getattr(options, key) for key in ("hidden", "layers", "vocabulary", "longest", "batch", "micro_batch")},
        "precision": options.precision, "threads": torch.get_num_threads(), "tokens": tokens,
        "apart": max(abs(a - b) for a, b in zip(*losses.values(), strict=True)),
        **{
            name: {
                "tokens/s": round(tokens / statistics.median(wall for wall, _ in found)),
                "tokens per processor second": round(tokens / statistics.median(own for _, own in found)),
            }
            for name, found in seconds.items()
        },
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name, value in {
        "hidden": 256, "layers": 6, "vocabulary": 8192, "longest": 512, "batch": 16, "micro_batch": 8, "steps": 4,
        "repeats": 5,
    }.items():  # fmt: skip
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=value)
    parser.add_argument("--spread", type=float, default=0.5, help="standard deviation of the logarithm of lengths")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    found = measure(parser.parse_args())
    print(json.dumps(found, indent=1))
    machine = f"{platform.system()} {platform.machine()}, {platform.python_version()}"
    RESULTS.write_text(json.dumps({"machine": machine, "measured": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
