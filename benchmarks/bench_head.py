"""Peak memory of the loss at a long row and a large vocabulary, above hidden states, weights and their gradients.

A process of its own makes hidden states (tokens, width) and an output head (vocabulary, width), notes its resident
memory, takes loss and gradients once, and reads its peak from the kernel. What is above the hidden states, the weight
and the gradients of both is the loss's own. The width is reduced, so that it runs on a small machine; what depends on
the width is on paper in docs/guide/loss.md. Writes benchmarks/results/bench_head.json.

    make bench-head
    python benchmarks/bench_head.py --tokens 2048
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "bench_head.json"
MOST = 1.5e9
"""Bytes that the issue allows."""


def measure(tokens: int, vocabulary: int, width: int, precision: str) -> dict[str, float | str]:
    """Return peak and seconds of one loss with its gradients."""
    import torch

    from potstill.train.head import Head, descend
    from potstill.train.objectives import cross_entropy

    def step(count: int) -> float:
        """One loss of the first `count` tokens; the gradients are let go."""
        work = torch.bfloat16 if precision == "bf16" else torch.float32
        targets = torch.arange(count) % vocabulary
        scale = torch.full((count,), 1 / count, dtype=torch.float64)
        chosen = hidden[:count].detach().requires_grad_()
        total, _ = descend(chosen, Head(weight=weight), cross_entropy(targets), scale, work)
        total.backward()
        weight.grad = None
        return float(total)

    torch.manual_seed(0)
    hidden, weight = torch.randn(tokens, width), torch.nn.Parameter(torch.randn(vocabulary, width) / width**0.5)
    step(8)  # libraries and their buffers are there
    before, began = _resident(), time.monotonic()
    reset = Path("/proc/self/clear_refs")
    reset.write_text("5")  # the peak counts from here
    loss = step(tokens)
    gradients = 4 * width * (tokens + vocabulary)
    peak = _status("VmHWM")
    return {
        "precision": precision, "tokens": tokens, "vocabulary": vocabulary, "width": width, "loss": round(loss, 4),
        "peak MB above": round((peak - before - gradients) / 1e6, 1), "seconds": round(time.monotonic() - began, 1),
        "logits would be MB": round(4e-6 * tokens * vocabulary, 1),
    }  # fmt: skip


def _resident() -> int:
    return _status("VmRSS")


def _status(name: str) -> int:
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tokens", type=int, default=32_768)
    parser.add_argument("--vocabulary", type=int, default=151_936)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--one", choices=["fp32", "bf16"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.tokens, options.vocabulary, options.width, options.one)))
        return
    found = []
    for precision in ("fp32", "bf16"):
        argv = [sys.executable, __file__, *sys.argv[1:], "--one", precision]
        done = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True)
        found.append(json.loads(done.stdout.splitlines()[-1]))
        print(found[-1])
        assert found[-1]["peak MB above"] * 1e6 <= MOST, "more than 1.5 GB"
    machine = f"{platform.system()} {platform.machine()}, {platform.python_version()}"
    RESULTS.write_text(json.dumps({"machine": machine, "measured": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
