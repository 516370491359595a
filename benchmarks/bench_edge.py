"""The quickstart's student on a small machine: GGUF files in llama.cpp beside transformers in bf16, on 1 and 2 threads.

    potstill quickstart --set 'export.gguf=[q8_0, q4_k_m]'
    python benchmarks/bench_edge.py runs/quickstart

The files' figures are those that the run measured; transformers is measured here, a process for each number of threads:
seconds to load, peak memory, tokens a second written one after the other after a question of the run. Accuracies are on
the run's held-out problems. Prints a Markdown table and writes benchmarks/results/edge.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from potstill.evaluate.metrics import compare, summarise
from potstill.graph import graph_of
from potstill.pipeline import naming
from potstill.pipeline.naming import MODEL
from potstill.pipeline.stages.export import GGUF
from potstill.recipe_file import load
from potstill.records import Measure, Problem
from potstill.store import Run
from potstill.train.render import ask, prompt_text

RESULT = Path(__file__).parent / "results" / "edge.json"
WRITTEN = 48
"""Tokens written for a speed, as in the stage `measure`."""
THREADS = (1, 2)


def transformers_speed(folder: Path, text: str) -> dict[str, float]:
    """Load a checkpoint in bf16 and write `WRITTEN` tokens after a text; in this process, which does nothing else."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    began = time.perf_counter()
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, local_files_only=True).eval()
    loaded = time.perf_counter() - began
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        options = {"attention_mask": torch.ones_like(ids), "do_sample": False, "pad_token_id": tokenizer.pad_token_id}
        model.generate(ids, max_new_tokens=2, min_new_tokens=2, **options)  # what is made once
        seconds = []
        for count in (1, WRITTEN + 1):
            began = time.perf_counter()
            model.generate(ids, max_new_tokens=count, min_new_tokens=count, **options)
            seconds.append(time.perf_counter() - began)
    return {
        "load_seconds": loaded, "written": WRITTEN / (seconds[1] - seconds[0]), "first_token": seconds[0],
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }  # fmt: skip


def apart(folder: Path, text: str, threads: int) -> dict[str, float]:
    """Measure transformers in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--one", str(folder), text], check=True, capture_output=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
    )  # fmt: skip
    return dict(json.loads(done.stdout.splitlines()[-1]))


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Return a row for transformers and one for each file of a finished run."""
    from potstill.train.students import load_tokenizer

    run, recipe = Run(path), load(str(path / "recipe.yaml"))
    graph = graph_of(recipe)
    arm = graph.arms[str(graph.deliver)]
    folder = run.committed(naming.export("safetensors")).folder(MODEL)
    problem = next(run.committed(naming.PROBLEMS).rows("evaluation", Problem))
    text = prompt_text(load_tokenizer(folder), ask(arm.recipe.student, problem.statement))
    trained = list(run.committed(naming.measures(arm)).rows("zero_shot", Measure))
    speeds = {threads: apart(folder, text, threads) for threads in THREADS}
    own = summarise(trained).accuracy
    weights = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    rows = [{
        "file": "transformers, bf16", "MB": weights / 2**20 / 2, "accuracy": [own.value, own.low, own.high],
        "difference": None, "same": None, "load seconds": speeds[1]["load_seconds"],
        "memory MB": max(one["memory"] for one in speeds.values()) / 2**20,
        "tokens/s": {threads: one["written"] for threads, one in speeds.items()},
    }]  # fmt: skip
    for kind in recipe.export.gguf:
        stage = run.committed(naming.delivered(GGUF, kind))
        measures, clock = list(stage.rows("zero_shot", Measure)), stage.clock
        accuracy, test = summarise(measures).accuracy, compare(measures, trained)
        by = {(one.problem_key, one.sample): (one.reasoning, one.answer) for one in trained}
        same = sum(by[one.problem_key, one.sample] == (one.reasoning, one.answer) for one in measures) / len(measures)
        rows.append({
            "file": kind, "MB": stage.counts["bytes"] / 2**20,
            "accuracy": [accuracy.value, accuracy.low, accuracy.high],
            "difference": [test.difference, test.low, test.high], "same": same, "load seconds": clock["load_seconds"],
            "memory MB": clock["memory"] / 2**20,
            "tokens/s": {threads: clock[f"written_{threads}"] for threads in THREADS},
        })  # fmt: skip
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows as Markdown."""
    lines = [
        "| runtime | MB | accuracy | difference, points | same answers | load | memory MB | tokens/s, 1 thread | 2 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        accuracy = "{:.1f}% ({:.1f} to {:.1f})".format(*(100 * each for each in row["accuracy"]))
        points = "-" if row["difference"] is None else "{:+.1f} ({:+.1f} to {:+.1f})".format(
            *(100 * each for each in row["difference"])
        )  # fmt: skip
        same = "-" if row["same"] is None else f"{100 * row['same']:.1f}%"
        speed = " | ".join(f"{row['tokens/s'][threads]:.1f}" for threads in THREADS)
        lines.append(
            f"| {row['file']} | {row['MB']:,.0f} | {accuracy} | {points} | {same} | {row['load seconds']:.1f} s "
            f"| {row['memory MB']:,.0f} | {speed} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path, nargs="?")
    parser.add_argument("--one", nargs=2, metavar=("FOLDER", "TEXT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(transformers_speed(Path(options.one[0]), options.one[1])))
        return
    if options.run is None:
        parser.error("name a finished run")
    rows = rows_of(options.run)
    print(table(rows))
    machine = {"cpus": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    RESULT.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
