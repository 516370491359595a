"""Curation of a planted corpus: traces a second, memory of all its processes together, and whether both are linear.

A corpus of N traces of about 8 kB, four a problem, of which 12% are wrong, 2% cut off, 1% loops and 2% copies, is
committed as the stages before curation; then the stage `examples` is run as any run does it, with a process a core.
Memory is the largest sum of what its processes hold alone (Pss), looked at ten times a second. On 10,000 of them
datatrove has its turn at the parts that it does too, in an environment of its own. Writes
benchmarks/results/bench_curate.json.

    make bench-curate
    python benchmarks/bench_curate.py --rows 10000 --set 'curate.near.traces=0.8'
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from generate.contestants import Peer

from potstill.pipeline.stages import stages_of
from potstill.progress import Progress
from potstill.recipe_file import parse
from potstill.records import Drop, GoldFinding, Group, Problem, Trace, Verdict
from potstill.store import Run, Work

RESULTS = Path(__file__).parent / "results" / "bench_curate.json"
DRIVER = Path(__file__).parent / "curate" / "drive_datatrove.py"
DATATROVE = Peer("datatrove-curate", ("datatrove[io,processing]==0.10.1", "spacy==3.8.18"))
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


class Planted:
    """A run folder into which stages are committed as if they had been run."""

    def __init__(self, folder: Path) -> None:
        self.run = Run(folder)
        self.stages = {stage.name: stage for stage in stages_of(parse(RECIPE, "bench"))}
        self.run.lock()

    def begun(self, name: str) -> Work:
        """Begin a stage."""
        before = {need: self.run.committed(need) for need in self.stages[name].needs}
        stage = self.stages[name]
        return self.run.begin(stage.kind, stage.fingerprint(before), stage.about(before))

    def problems(self, training: Iterable[Problem], held_out: Iterable[Problem]) -> None:
        """Commit problems."""
        work = self.begun("problems")
        tables = {name: work.table(name, Problem) for name in ("train", "evaluation")}
        work.table("dropped", Drop)
        for name, rows in (("train", training), ("evaluation", held_out)):
            for one in rows:
                tables[name].append(one)
        self.run.point("problems", work.commit({"train": tables["train"].rows_done, "evaluate": 20, "dropped": {}}, {}))

    def traces(self, made: Iterable[Trace], count: int) -> None:
        """Commit traces."""
        progress, work = Progress("plant", count, "traces"), self.begun("traces")
        table = work.table("traces", Trace)
        for one in progress.track(made):
            table.append(one)
        self.run.point("traces", work.commit({}, {}))
        progress.close()

    def verdicts(self, said: Iterable[Verdict], groups: Iterable[Group]) -> None:
        """Commit verdicts, and let other processes work on the run."""
        work = self.begun("verdicts")
        table = work.table("verdicts", Verdict)
        for one in said:
            table.append(one)
        table = work.table("groups", Group)
        for one in groups:
            table.append(one)
        self.run.point("verdicts", work.commit({"findings": {}, "by_majority": 0}, {}))


def planted(folder: Path, rows: int) -> None:
    """Commit a corpus as the stages before curation."""
    corpus, verdicts = Planted(folder), []

    def traces() -> Iterator[Trace]:
        for number in range(rows):
            made, outcome = trace(number)
            verdicts.append(verdict(made, outcome))
            yield made

    asked = -(-rows // 4)
    corpus.problems((problem(number) for number in range(asked)), (problem(10**9 + number) for number in range(20)))
    corpus.traces(traces(), rows)
    corpus.verdicts(verdicts, (group(problem(number)) for number in range(asked)))
    corpus.run.unlock()


def held(process: int) -> int:
    """Bytes that a process and all below it hold alone; shared pages count once among those that share them."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    below, total = {process}, 0
    while more := {child for child, parent in parents.items() if parent in below} - below:
        below |= more
    for one in below:
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


def looked_at(argv: list[str], rows: int) -> dict[str, object]:
    """Run a command to its end, and look at it ten times a second."""
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
        raise SystemExit(f"{argv} ended with {code}")
    return {"seconds": round(seconds, 1), "rows a second": round(rows / seconds), "peak MB": round(peak / 1e6)}


def watched(folder: Path, stage: str, sets: list[str], workers: int) -> dict[str, object]:
    """Run a stage in a process of its own."""
    (folder / "bench.yaml").write_text(RECIPE)
    argv = [sys.executable, "-m", "potstill", "run", str(folder / "bench.yaml"), "--out", str(folder)]
    argv += ["--stage", stage, "--redo", "--workers", str(workers)]
    argv += [word for one in sets for word in ("--set", one)]
    rows = Run(folder).committed("traces").total("traces")
    return {"rows": rows, "workers": workers, "sets": sets, **looked_at(argv, rows)}


def measured(folder: Path, rows: int, sets: list[str], workers: int) -> dict[str, object]:
    """Run curation, and see that every trace is accounted for."""
    found = watched(folder, "examples", sets, workers)
    counts = Run(folder).committed("examples").counts
    total = counts["kept"] + sum(counts["dropped"].values())
    if total != rows:
        raise SystemExit(f"{total} of {rows} traces are accounted for")
    return found | counts


def beside(folder: Path, rows: int, workers: int) -> Iterator[dict[str, object]]:
    """Yield what a peer takes for the parts that it does, and what we take for these and all other default steps."""
    DATATROVE.install()
    shown = folder / "rows"
    shown.mkdir()
    files = [(shown / f"{number}.jsonl").open("w") for number in range(workers)]
    for number, one in enumerate(Run(folder).committed("traces").rows("traces", Trace)):
        row = {"id": one.key, "text": f"{one.reasoning}\n{one.answer}"}
        files[number * workers // rows].write(json.dumps(row) + "\n")
    for file in files:
        file.close()
    for part, sets in (("repetition", []), ("near", ["curate.near=0.8"])):
        out = folder / f"datatrove-{part}"
        argv = [str(DATATROVE.home / "bin/python"), str(DRIVER), str(shown), str(out), str(workers), part]
        yield {"part": part, "who": "datatrove", **looked_at(argv, rows)}
        yield {"part": part, "who": "potstill", **measured(folder, rows, sets, workers)}


def machine() -> str:
    """Return what it is measured on."""
    return f"{platform.system()} {platform.machine()}, {platform.python_version()}, {os.cpu_count()} processors"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 100_000, 800_000])
    parser.add_argument("--set", action="append", default=[], dest="sets", metavar="KEY=VALUE")
    parser.add_argument("--peer", type=int, default=10_000, metavar="ROWS", help="rows of datatrove's turn; 0 for none")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--folder", help="where the corpus goes (default: a temporary folder); 4 kB a row twice")
    options = parser.parse_args()
    found = []
    for rows in options.rows:
        with tempfile.TemporaryDirectory(dir=options.folder) as name:
            planted(Path(name), rows)
            found.append(measured(Path(name), rows, options.sets, options.workers))
            print(json.dumps(found[-1]), flush=True)
    peers = []
    if options.peer:
        with tempfile.TemporaryDirectory(dir=options.folder) as name:
            planted(Path(name), options.peer)
            for one in beside(Path(name), options.peer, options.workers):
                peers.append(one)
                print(json.dumps(one), flush=True)
    RESULTS.write_text(json.dumps({"machine": machine(), "curation": found, "peers": peers}, indent=1) + "\n")


if __name__ == "__main__":
    main()
