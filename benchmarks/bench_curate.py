"""Curation of a planted corpus: traces a second, memory of all its processes together, and whether both are linear.

A corpus of N traces of about 8 kB, four a problem, of which 12% are wrong, 2% cut off, 1% loops and 2% copies, is
committed as the stages before curation; then the stage `examples` is run as any run does it, with a process a core.
Memory is the largest sum of what its processes hold alone (Pss), looked at ten times a second. Writes
benchmarks/results/bench_curate.json.

    make bench-curate
    python benchmarks/bench_curate.py --rows 10000 --set 'curate.near.traces=0.8'
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from potstill.pipeline.stages import stages_of
from potstill.progress import Progress
from potstill.recipe_file import parse
from potstill.records import Drop, GoldFinding, Group, Problem, Trace, Verdict
from potstill.store import Run

RESULTS = Path(__file__).parent / "results" / "bench_curate.json"
RECIPE = """\
name: curate
problems: {evaluate: 20, sources: [{family: chain, count: 100}]}
teacher: {kind: worked}
student: {scratch: {hidden: 16, layers: 1, heads: 2, intermediate: 32, vocabulary: 300, context: 256}}
evaluate: {max_tokens: 8}
"""
WORDS = [
    *("so", "we", "add", "first", "then", "divide", "by", "the", "number", "of", "boxes", "since", "each", "holds"),
    *("wait", "check", "that", "again", "sum", "is", "therefore", "let", "total", "cost", "price", "apples", "half"),
]


def problem(number: int) -> Problem:
    return Problem(id=str(number), question=f"In case {number}, what is {number} plus 3?", gold=str(number + 3))


def trace(number: int) -> tuple[Trace, str]:
    """A trace and what was said of it; the third of every fifty problems has a copy of its first one."""
    kind, asked = number % 100, problem(number // 4)
    copied = number % 200 == 2
    own = random.Random(number - 2) if copied else random.Random(number)
    if kind == 50:
        text = "wait, that is not it, let me see again. " * 200
    else:
        lines = []
        for line in range(70):
            words = " ".join(own.choices(WORDS, k=18))
            lines.append(f"{words} {own.randint(1, 9999)} + {own.randint(1, 9999)} = {line}.")
        text = "\n".join(lines)
    outcome = "wrong" if kind % 8 == 3 else "right"
    return Trace(
        problem_key=asked.key, teacher="t", strategy="zero_shot", prompt_key="q", sample=number % 4, attempt=0,
        sampling="{}", reasoning=text, answer=f"The answer is {number // 4 + 3}.",
        finish="length" if kind in (20, 70) else "stop", completion_tokens=2_400,
    ), outcome  # fmt: skip


def verdict(of: Trace, outcome: str) -> Verdict:
    return Verdict(
        trace_key=of.key, check="answer", policy="", version=5, outcome=outcome, cause="", method="number",
        score=None, extracted=None,
    )  # fmt: skip


def group(of: Problem) -> Group:
    return Group(
        problem_key=of.key, samples=4, right=3, wrong=1, unknown=0, pass_rate=0.75, low=0.3, high=0.95, gold=of.gold,
        gold_source="given", majority=of.gold, votes=3, voters=4, agreement=0.75, tied=False,
        finding=GoldFinding.AGREES,
    )  # fmt: skip


def planted(folder: Path, rows: int) -> None:
    """Commit a corpus as the stages before curation."""
    recipe, run = parse(RECIPE, "bench"), Run(folder)
    stages = {stage.name: stage for stage in stages_of(recipe)}
    run.lock()

    def begun(name):
        before = {need: run.committed(need) for need in stages[name].needs}
        return run.begin(stages[name].kind, stages[name].fingerprint(before), stages[name].about(before))

    work = begun("problems")
    train, held = work.table("train", Problem), work.table("evaluation", Problem)
    work.table("dropped", Drop)
    for number in range(-(-rows // 4)):
        train.append(problem(number))
    for number in range(20):
        held.append(problem(10**9 + number))
    run.point("problems", work.commit({"train": train.rows_done, "evaluate": 20, "dropped": {}}, {}))
    progress = Progress("plant", rows, "traces")
    work = begun("traces")
    table, verdicts = work.table("traces", Trace), []
    for number in progress.track(range(rows)):
        made, outcome = trace(number)
        table.append(made)
        verdicts.append(verdict(made, outcome))
    run.point("traces", work.commit({}, {}))
    work = begun("verdicts")
    table, groups = work.table("verdicts", Verdict), work.table("groups", Group)
    for one in verdicts:
        table.append(one)
    for number in range(-(-rows // 4)):
        groups.append(group(problem(number)))
    run.point("verdicts", work.commit({"findings": {}, "by_majority": 0}, {}))
    run.unlock()
    progress.close()


def held(process: int) -> int:
    """Bytes that a process and its children hold alone; shared pages count once among those that share them."""
    total = 0
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if process in (int(folder.name), parent):
                total += sum(
                    int(line.split()[1]) * 1024
                    for line in (folder / "smaps_rollup").read_text().splitlines() if line.startswith("Pss:")
                )  # fmt: skip
        except (OSError, ValueError, IndexError):
            continue
    return total


def measured(folder: Path, rows: int, sets: list[str], workers: int) -> dict[str, object]:
    """Run curation in a process of its own, and look at it."""
    (folder / "bench.yaml").write_text(RECIPE)
    argv = [sys.executable, "-m", "potstill", "run", str(folder / "bench.yaml"), "--out", str(folder)]
    argv += ["--stage", "examples", "--redo", "--workers", str(workers)]
    argv += [word for one in sets for word in ("--set", one)]
    began, peak, over = time.monotonic(), 0, threading.Event()
    process = subprocess.Popen(argv)

    def look() -> None:
        nonlocal peak
        while not over.wait(0.1):
            peak = max(peak, held(process.pid))

    looking = threading.Thread(target=look)
    looking.start()
    code = process.wait()
    seconds = time.monotonic() - began
    over.set()
    looking.join()
    if code:
        raise SystemExit(f"curation ended with {code}")
    run = Run(folder)
    counts = run.committed("examples").counts
    total = counts["kept"] + sum(counts["dropped"].values())
    if total != rows:
        raise SystemExit(f"{total} of {rows} traces are accounted for")
    return {
        "rows": rows, "workers": workers, "sets": sets, "seconds": round(seconds, 1), "rows a second":
        round(rows / seconds), "peak MB": round(peak / 1e6), **counts,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 100_000, 800_000])
    parser.add_argument("--set", action="append", default=[], dest="sets", metavar="KEY=VALUE")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--folder", help="where the corpus goes (default: a temporary folder); 4 kB a row twice")
    options = parser.parse_args()
    found = []
    for rows in options.rows:
        with tempfile.TemporaryDirectory(dir=options.folder) as name:
            planted(Path(name), rows)
            found.append(measured(Path(name), rows, options.sets, options.workers))
            print(json.dumps(found[-1]))
    machine = f"{platform.system()} {platform.machine()}, {platform.python_version()}, {os.cpu_count()} processors"
    RESULTS.write_text(json.dumps({"machine": machine, "curation": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
