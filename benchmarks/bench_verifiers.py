"""Verdicts side by side: ours and those of published graders on the same labelled responses.

The rows are the labelled responses of the folder `shared` beside the checkout, where it stands, and the grid of kinds
of answers and closings that the tests have. Every grader is asked about the rows that it is made for, in a process of
its own, in turns of `TURN` rows; a row that takes longer than `SECONDS` is ended and counted. Nothing is timed, so it
may run beside other work. Peers are unpacked below `.venv/peers`. Writes benchmarks/results/verifiers.json and prints
the tables, which go into docs/reference/verifiers.md too; a losing row stays.

    make bench-verifiers                            or a part of it:
    python benchmarks/bench_verifiers.py --only potstill --only 'math-verify 0.9.0' --rows 500
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import selectors
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from verifiers.graders import GRADERS, Grader
from verifiers.rows import GROUPS, SHARED, Row, drawn, grid, shared

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "verifiers.json"
PAGE = HERE.parent / "docs" / "reference" / "verifiers.md"
BEGIN, END = "<!-- {} -->", "<!-- end of {} -->"
"""Around the tables of the page, which are written from the results."""
PEERS = Path(sys.prefix) / "peers"
SECONDS, STARTING = 10.0, 600.0
"""What one row may take, and what a grader may take to be imported."""
TURN = 2_000
"""Rows that a grader is asked about before the next one has its turn."""
BESIDE = ("potstill", "lm-eval gsm8k strict", "lm-eval gsm8k flexible", "simple-evals")
"""Those whose verdicts on `DRAWN` responses to GSM8K are compared one by one."""
DRAWN = 300
SAID = {True: "right", False: "wrong", None: "unknown", "error": "error", "timeout": "timeout"}


def environment(grader: Grader) -> tuple[str, dict[str, str]]:
    """Return the Python of a grader and its environment; its folder is filled at the first call."""
    shown = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path[1:]), "PYTHONDONTWRITEBYTECODE": "1"}
    if not grader.pip:
        return sys.executable, shown
    folder = PEERS / grader.folder
    python = folder / "bin" / "python"
    if not folder.exists() and grader.venv:
        raise SystemExit(f"{folder} is not there: make peers-{grader.folder}")
    if not folder.exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder)]
        subprocess.run([*pip, *grader.pip], check=True)
    if grader.venv:
        return str(python), {**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    folders = [str(folder), *(str(PEERS / name) for name in grader.beside)]
    return sys.executable, {**shown, "PYTHONPATH": os.pathsep.join([*folders, *sys.path[1:]])}


class Grading:
    """A grader at work on a file of rows: started when it is asked, and again behind a row that never ended."""

    def __init__(self, command: Sequence[str], surroundings: Mapping[str, str], seconds: float = SECONDS) -> None:
        """Take the command to which the number of the first row is added."""
        self.command, self.surroundings, self.seconds = command, surroundings, seconds
        self.process: subprocess.Popen[bytes] | None = None
        self.said: list[str] = []
        self._rest = b""

    def go_on(self, count: int) -> None:
        """Grade so many further rows."""
        for _ in range(count):
            line = self._line()
            self.said.append("timeout" if line is None else SAID[json.loads(line)])

    def _line(self) -> bytes | None:
        if self.process is None:
            self.process = subprocess.Popen(
                [*self.command, str(len(self.said))], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                env=dict(self.surroundings),
            )  # fmt: skip
            if self._read(STARTING) is None:
                raise SystemExit(f"{' '.join(self.command[:3])} does not start")
        line = self._read(self.seconds)
        if line is None:
            self.close()
        return line

    def _read(self, seconds: float) -> bytes | None:
        """Return the next line, None where none comes in time or the process is gone."""
        process = self.process
        assert process is not None
        assert process.stdout is not None
        with selectors.DefaultSelector() as ready:
            ready.register(process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._rest:
                if not ready.select(seconds):
                    return None
                more = os.read(process.stdout.fileno(), 65_536)
                if not more:
                    return None
                self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def close(self) -> None:
        """End the process, as it has written all or never will."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
        self.process, self._rest = None, b""


def graded(rows: Sequence[Row], names: Sequence[str], work: Path) -> dict[str, dict[str, str]]:
    """Return grader -> row id -> what it said, of the rows that it takes; the graders take turns."""
    running: dict[str, tuple[Grading, list[Row]]] = {}
    for number, name in enumerate(names):
        grader = GRADERS[name]
        own = [row for row in rows if grader.takes(row.group, row.source, row.gold)]
        path = work / f"rows-{number}.jsonl"
        path.write_text("".join(json.dumps(asdict(row)) + "\n" for row in own), encoding="utf-8")
        python, surroundings = environment(grader)
        command = [python, str(HERE / "verifiers" / "grade.py"), name, str(path)]
        running[name] = Grading(command, surroundings), own
    while left := [name for name, (grading, own) in running.items() if len(grading.said) < len(own)]:
        for name in left:
            grading, own = running[name]
            grading.go_on(min(TURN, len(own) - len(grading.said)))
            grading.close()
    return {
        name: dict(zip((row.id for row in own), grading.said, strict=True)) for name, (grading, own) in running.items()
    }


def counted(rows: Sequence[Row], said: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Return corpus -> group -> grader -> counts: rows, right ones, false accepts, false rejects, not said."""
    found: dict[str, Any] = {}
    for corpus in ("shared", "grid"):
        its = [row for row in rows if (row.source == "grid") == (corpus == "grid")]
        for group in GROUPS:
            for name, verdicts in said.items():
                own = [row for row in its if row.group == group and row.id in verdicts]
                if not own:
                    continue
                outcomes = Counter((row.right, verdicts[row.id]) for row in own)
                found.setdefault(corpus, {}).setdefault(group, {})[name] = {
                    "rows": len(own), "right": sum(row.right for row in own),
                    "false_accepts": outcomes[False, "right"], "false_rejects": outcomes[True, "wrong"],
                    "not_said": sum(n for (_, what), n in outcomes.items() if what not in ("right", "wrong")),
                    "agree": outcomes[True, "right"] + outcomes[False, "wrong"],
                    "ended": outcomes[True, "timeout"] + outcomes[False, "timeout"],
                }  # fmt: skip
    return found


def disagreements(rows: Sequence[Row], said: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    """Return the drawn responses to GSM8K on which those of `BESIDE` and the label are not of one mind."""
    found = []
    for row in drawn([row for row in rows if row.source.startswith("gsm8k")], DRAWN):
        verdicts = {name: said[name][row.id] for name in BESIDE}
        label = "right" if row.right else "wrong"
        if set(verdicts.values()) != {label}:
            found.append({"id": row.id, "source": row.source, "label": label, **verdicts})
    return found


def tables(report: Mapping[str, Any]) -> str:
    """Return the tables of the page, a losing row as every other."""
    parts = []
    titles = {"shared": "Labelled responses of real models", "grid": "The grid of kinds and closings"}
    for corpus, groups in report["counts"].items():
        parts.append(f"### {titles[corpus]}\n")
        parts.append("| kind | grader | rows | false accepts | false rejects | no verdict | agreement |")
        parts.append("|---|---|---|---|---|---|---|")
        for group, graders in groups.items():
            for name, its in graders.items():
                wrong = its["rows"] - its["right"]
                accepts, rejects = (
                    f"{n:,} of {of:,}" if of else "-"
                    for n, of in ((its["false_accepts"], wrong), (its["false_rejects"], its["right"]))
                )
                parts.append(
                    f"| {group} | {name} | {its['rows']:,} | {accepts} | {rejects} | {its['not_said']:,} | "
                    f"{its['agree'] / its['rows']:.2%} |"
                )
        parts.append("")
    return "\n".join(parts)


def compared(report: Mapping[str, Any]) -> str:
    """Return the table of how the verdicts on the drawn responses differ, the commonest first."""
    rows = report["disagreements"]
    patterns = Counter((row["label"], *(row[name] for name in BESIDE)) for row in rows)
    sources: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for row in rows:
        sources[row["label"], *(row[name] for name in BESIDE)].add(row["source"].removeprefix("gsm8k_"))
    lines = [f"| responses | label | {' | '.join(BESIDE)} | in |", "|---" * (len(BESIDE) + 3) + "|"]
    lines += [
        f"| {count} | {' | '.join(pattern)} | {', '.join(sorted(sources[pattern]))} |"
        for pattern, count in sorted(patterns.items(), key=lambda item: (-item[1], item[0]))
    ]
    return "\n".join(lines)


def on_page(report: Mapping[str, Any], page: str) -> str:
    """Return the page with the tables of the report in their places."""
    for name, text in (("counts", tables(report)), ("disagreements", compared(report))):
        begin, end = BEGIN.format(name), END.format(name)
        before, rest = page.split(begin)
        page = f"{before}{begin}\n{text.strip()}\n{end}{rest.split(end)[1]}"
    return page


def main() -> None:
    """Grade, count, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", metavar="GRADER", help=f"one of: {', '.join(GRADERS)}")
    parser.add_argument("--rows", type=int, help="at most this many of the shared rows, drawn by hash")
    parser.add_argument("--grid", type=int, help="at most this many rows of the grid, drawn by hash")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    names = options.only or list(GRADERS)
    real = list(shared()) if SHARED.is_dir() else []
    if options.rows is not None:
        real = drawn(real, options.rows)
    made = list(grid())
    rows = [*real, *(made if options.grid is None else drawn(made, options.grid))]
    with tempfile.TemporaryDirectory() as work:
        said = graded(rows, names, Path(work))
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    report: dict[str, Any] = {
        "rows": {"shared": len(real), "grid": len(rows) - len(real)}, "seconds_a_row": SECONDS,
        "processor_minutes": round((spent.ru_utime + spent.ru_stime) / 60, 1), "counts": counted(rows, said),
    }  # fmt: skip
    if real and set(BESIDE) <= set(names):
        report["disagreements"] = disagreements(real, said)
    print(tables(report))
    if "disagreements" in report:
        print(compared(report))
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    if options.out == RESULTS and "disagreements" in report:
        PAGE.write_text(on_page(report, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
