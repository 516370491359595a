"""What `potstill plan --probe` says of a run beside what the run takes: seconds and memory of training, its tokens.

A recipe and its variants are each planned with a probe, run as far as their rows and planned again. Then each training
runs in a process that made the data before, as `potstill run` does with the first one. (A second training in the same
process finds the heap that the first one left, and may take a third more.) Measure on an idle machine. Writes
benchmarks/results/plan.json, where variants that are not asked for stay.

    make bench-plan
    python benchmarks/bench_plan.py --recipe pocket --set train.tokens=200000
    python benchmarks/bench_plan.py --recipe gsm8k-r1 --set data=../shared/data

By default pocket, each variant with a tenth of its tokens and 60 held-out problems; `--whole` leaves the recipe be.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from potstill.cli import ALLOCATOR
from potstill.durable import to_json
from potstill.pipeline.planned import read_plan
from potstill.pipeline.stages import stages_of
from potstill.recipe_file import load
from potstill.store import Run

RESULTS = Path(__file__).parent / "results" / "plan.json"
REDUCED = {
    "pocket": ["train.tokens=480000", "problems.sources.0.count=4000", "problems.evaluate=60"],
    "quickstart": [*(f"problems.sources.{source}.count=60" for source in range(3)), "problems.evaluate=40"],
    "gsm8k-r1": ["train.steps=4"],
}
VARIANTS = {
    "as it is": [],
    "micro-batch": ["train.micro_batch=2"],
    "smaller steps": ["train.batch=4", "train.micro_batch=4"],
    "adapters": ["student.lora.rank=8"],
}
OTHERWISE = {("gsm8k-r1", "micro-batch"): ["train.micro_batch=1"]}
"""Where a recipe has a variant's setting as it is."""
DATA = ("problems", "traces", "verdicts", "examples", "student", "rows")
BOUNDS = {"seconds": 0.25, "peak": 0.15, "tokens": 0.0}


def potstill(*commands: list[str]) -> None:
    """Run commands one after the other in one process."""
    code = f"from potstill.cli import main\nfor argv in {list(commands)!r}:\n    assert main(argv) == 0, argv"
    ended = subprocess.run(
        [sys.executable, "-c", code], check=False, text=True, capture_output=True, env=ALLOCATOR | dict(os.environ)
    )
    if ended.returncode:
        sys.exit(f"{commands}: {ended.stderr[-2000:]}")


def compared(recipe: str, sets: list[str], out: Path) -> list[dict]:
    """Plan, run and compare one variant: a row for each training."""
    given = [part for each in sets for part in ("--set", each)]
    first, second = out / "planned", out / "run"
    stages = stages_of(load(recipe, sets))
    data = [stage for stage in stages if stage.kind in DATA]
    trainings = [stage for stage in stages if stage.kind == "train"]
    potstill(["plan", recipe, *given, "--out", str(first), "--probe"])
    potstill(*(["run", recipe, *given, "--out", str(first), "--stage", stage.name] for stage in data))
    potstill(["plan", recipe, *given, "--out", str(first)])
    planned = read_plan(first)["stages"]
    for number, training in enumerate(trainings):
        place = out / f"data-{number}" if number else second
        made = (["run", recipe, *given, "--out", str(place), "--stage", stage.name] for stage in data)
        potstill(*made, ["run", recipe, *given, "--out", str(second), "--stage", training.name])
    rows = []
    for stage in trainings:
        done = Run(second).committed(stage.name)
        took = {"seconds": done.clock["seconds"], "peak": done.clock.get("peak_bytes"), "tokens": done.counts["tokens"]}
        row = {"stage": stage.name}
        for what, actual in took.items():
            value, low, high, basis = planned[stage.name][what]
            off = None if actual is None else value / actual - 1
            within = off is not None and abs(off) <= BOUNDS[what]
            row[what] = {
                "planned": value,
                "low": low,
                "high": high,
                "basis": basis,
                "took": actual,
                "off": off,
                "within": within,
            }
        rows.append(row)
        print(stage.name, {what: row[what]["off"] and f"{row[what]['off']:+.1%}" for what in took}, flush=True)
    return rows


def main() -> None:
    """Compare, print and write the figures."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--recipe", default="pocket")
    asked.add_argument("--set", action="append", default=[], dest="sets")
    asked.add_argument("--whole", action="store_true", help="the recipe with all of its data")
    asked.add_argument("--variants", nargs="*", default=list(VARIANTS), choices=list(VARIANTS))
    options = asked.parse_args()
    found = {}
    machine = f"{platform.machine()}, {os.cpu_count()} cores, OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', '')}"
    for name in options.variants:
        print(f"--- {options.recipe}, {name}", flush=True)
        reduced = [] if options.whole else REDUCED.get(options.recipe, [])
        with tempfile.TemporaryDirectory() as folder:
            found[name] = compared(
                options.recipe,
                [*reduced, *options.sets, *OTHERWISE.get((options.recipe, name), VARIANTS[name])],
                Path(folder),
            )
        before = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
        key = f"{options.recipe}{' whole' if options.whole else ''}"
        kept = before.get(key, {}).get("variants", {})
        RESULTS.write_bytes(to_json({**before, key: {"machine": machine, "variants": {**kept, **found}}}))


if __name__ == "__main__":
    main()
