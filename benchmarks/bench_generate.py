"""What asking a teacher costs: potstill and four other tools against one stub server, alternated in one run.

Measured are requests a second and processor time a request at no delay and 256 in flight, memory at 10,000 and 100,000
rows, requests wasted by a SIGKILL halfway, requests sent for one added row, and those sent for ten truncated answers.
Every tool writes what it gets to disk in its own durable way and is asked to go on by the same command. potstill takes
part twice: as it is, finding by itself how much the server bears, and with as many in flight at most as the peers.

The stub is one node process (`generate/stub.mjs`); what it bears without any of them is measured first. The peers get
environments of their own, below the one that this runs in, when they lack one.

    make bench-generate            about 40 minutes on two cores; writes benchmarks/results/generate.json and
                                   docs/reference/generation.md, a losing row too
    python benchmarks/bench_generate.py --short             about 10 minutes, printed only
    python benchmarks/bench_generate.py --short --only potstill
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from generate.contestants import PEERS, Job, Peer, Potstill
from generate.page import page, table, target_table
from generate.server import Counts, Server
from generate.watched import Usage, Watched

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "generate.json"
PAGE = HERE.parent / "docs" / "reference" / "generation.md"
CONTESTANTS: tuple[Potstill | Peer, ...] = (
    Potstill("potstill", capped=False),
    Potstill("potstill, capped", capped=True),
    *PEERS,
)
IN_FLIGHT = 256
FEW_IN_FLIGHT, DELAY = 50, 0.2
WASTE_ROWS = 600
HUNDRED, CUT = 100, tuple(range(5, 100, 10))


@dataclass(frozen=True)
class Plan:
    """How much is measured. `small` and `large` are rows of the runs whose difference gives the cost of a request."""

    small: int
    large: int
    most: int
    rounds: int
    minutes: float
    """After so many minutes a single command is stopped."""


FULL = Plan(small=500, large=10_000, most=100_000, rounds=3, minutes=8.0)
SHORT = Plan(small=300, large=3_000, most=15_000, rounds=1, minutes=3.0)


@dataclass(frozen=True)
class Run:
    """One command to its end: what it used and what the stub was asked by it."""

    usage: Usage
    counts: Counts
    prepared: Usage | None = None


class Bench:
    """Runs commands of contestants against the stub, each job in a new folder."""

    def __init__(self, server: Server, scratch: Path, plan: Plan) -> None:
        self.server, self.scratch, self.plan = server, scratch, plan
        self.jobs = 0

    def job(self, rows: int, in_flight: int) -> Job:
        """Return a new job with so many rows."""
        self.jobs += 1
        job = Job(self.server.url, self.scratch / f"job-{self.jobs}", in_flight)
        job.write_rows(rows)
        return job

    def start(self, who: Potstill | Peer, job: Job, command: Sequence[str]) -> Watched:
        """Start a command of a contestant."""
        return Watched(
            list(command), job.folder / "usage.json", limit=60 * self.plan.minutes,
            environment=who.environment(job), log=job.folder / "log.txt",
        )  # fmt: skip

    def prepare(self, who: Potstill | Peer, job: Job) -> Usage | None:
        """Run what comes before asking, if there is such a thing."""
        command = who.prepare(job)
        if not command:
            return None
        usage = self.end(self.start(who, job, command), job)
        if usage.code != 0:
            raise SystemExit(f"{who.name} could not be prepared")
        return usage

    def end(self, started: Watched, job: Job) -> Usage:
        """Wait for the end of a command; show what it said last if that was no good end."""
        usage = started.ended()
        if usage.code != 0:
            print("".join((job.folder / "log.txt").read_text(errors="replace")[-2000:]), file=sys.stderr)
        return usage

    def run(self, who: Potstill | Peer, job: Job, *, delay: float = 0.0, cut: tuple[int, ...] = ()) -> Run:
        """Run a job to its end."""
        prepared = self.prepare(who, job)
        self.server.begin(delay=delay, cut=cut)
        usage = self.end(self.start(who, job, who.command(job)), job)
        return Run(usage, self.server.counts(), prepared)

    def rate(self, who: Potstill | Peer) -> dict[str, object]:
        """Measure speed and processor time by a small and a large run."""
        runs = []
        for rows in (self.plan.small, self.plan.large):
            job = self.job(rows, IN_FLIGHT)
            runs.append(self.run(who, job))
            shutil.rmtree(job.folder)
        small, large = runs
        before = large.prepared or Usage(0, 0.0, 0.0, 0, 0)
        asked = large.counts.requests - small.counts.requests
        return {
            "per_second": large.counts.rate,
            "rows_per_second_in_all": self.plan.large / (large.usage.seconds + before.seconds)
            if large.usage.code == 0
            else None,
            "cpu_ms": 1e3 * (large.usage.cpu - small.usage.cpu) / asked if asked > 0 else None,
            "cpu_ms_in_all": 1e3 * (large.usage.cpu + before.cpu) / max(1, large.counts.requests),
            **_seen(large, self.plan.large),
            "small": _seen(small, self.plan.small) | {"cpu": small.usage.cpu, "seconds": small.usage.seconds},
        }

    def memory(self, who: Potstill | Peer) -> dict[str, object]:
        """Measure the peak with the most rows."""
        job = self.job(self.plan.most, IN_FLIGHT)
        run = self.run(who, job)
        shutil.rmtree(job.folder)
        return {"per_second": run.counts.rate, **_seen(run, self.plan.most)}

    def waste(self, who: Potstill | Peer) -> dict[str, object]:
        """Kill a run halfway and run it again to its end."""
        job = self.job(WASTE_ROWS, FEW_IN_FLIGHT)
        self.prepare(who, job)
        self.server.begin(delay=DELAY)
        first = self.start(who, job, who.command(job))
        while first.running() and self.server.counts().answered < WASTE_ROWS / 2:
            time.sleep(0.01)
        first.kill()
        at_kill = self.server.counts()  # after it, since a client sends on until it is dead
        time.sleep(2 * DELAY)  # the stub finishes what nobody waits for
        usage = self.end(self.start(who, job, who.command(job)), job)
        counts = self.server.counts()
        shutil.rmtree(job.folder)
        return {
            "wasted": counts.requests - WASTE_ROWS,
            "answered_at_kill": at_kill.answered,
            "in_flight": at_kill.most,
            **_seen(Run(usage, counts), WASTE_ROWS),
        }

    def added(self, who: Potstill | Peer) -> dict[str, object]:
        """Add one row to a finished job and run it again."""
        job = self.job(HUNDRED, FEW_IN_FLIGHT)
        before = self.run(who, job)
        job.write_rows(HUNDRED + 1)
        again = self.run(who, job)
        shutil.rmtree(job.folder)
        return {"sent": again.counts.requests, "before": before.counts.requests, **_seen(again, 1)}

    def truncated(self, who: Potstill | Peer) -> dict[str, object]:
        """Ask a hundred rows of which ten are always truncated."""
        job = self.job(HUNDRED, FEW_IN_FLIGHT)
        run = self.run(who, job, cut=CUT)
        shutil.rmtree(job.folder)
        return {"beyond": run.counts.requests - (HUNDRED - len(CUT)), **_seen(run, HUNDRED)}


def _seen(run: Run, rows: int) -> dict[str, object]:
    """Return what every measure keeps of a run."""
    return {
        "rows": rows,
        "peak": max(run.usage.peak, run.prepared.peak if run.prepared else 0),
        "code": run.usage.code,
        "seconds": run.usage.seconds,
        "cpu": run.usage.cpu,
        "processes": run.usage.processes,
        "prepared": run.prepared and dataclasses.asdict(run.prepared),
        **{
            name: getattr(run.counts, name)
            for name in ("requests", "answered", "others", "distinct", "open", "most", "connections")
        },
    }


MEASURES = ("rate", "waste", "added", "truncated", "memory")
"""Methods of `Bench`, in order; the last one takes longest and is done once."""


def machine(node: str) -> dict[str, object]:
    """Describe the machine."""
    cpu = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = next(int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal:"))
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M"),
        "cpu": cpu[0] if cpu else platform.machine(), "cpus": os.cpu_count(), "memory_gb": memory / 1e6,
        "kernel": platform.release(), "python": platform.python_version(),
        "node": subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip(),
        "load_before": [round(value, 2) for value in os.getloadavg()],
    }  # fmt: skip


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def measure(bench: Bench, who: Sequence[Potstill | Peer]) -> dict[str, dict[str, list[dict[str, object]]]]:
    """Alternate the contestants, each round beginning with another one; return contestant -> measure -> runs."""
    found: dict[str, dict[str, list[dict[str, object]]]] = {each.name: {} for each in who}
    for name in MEASURES:
        for turn in range(1 if name == "memory" else bench.plan.rounds):
            for each in (*who[turn % len(who) :], *who[: turn % len(who)]):
                began = time.monotonic()
                run = getattr(bench, name)(each)
                found[each.name].setdefault(name, []).append(run)
                figures = {key: round(value, 2) if isinstance(value, float) else value for key, value in run.items()}
                del figures["prepared"]
                print(f"{name} {turn + 1} {each.name} ({time.monotonic() - began:.0f} s): {figures}", file=sys.stderr)
    return found


def main() -> None:
    """Install, measure, report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="fewer rows, one round, printed only")
    parser.add_argument("--only", action="append", metavar="NAME", help="this contestant only; printed only")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--rows", type=int, help="the most rows, for memory")
    options = parser.parse_args()
    chosen = {"rounds": options.rounds, "most": options.rows}
    plan = dataclasses.replace(SHORT if options.short else FULL, **{k: v for k, v in chosen.items() if v})
    who = [each for each in CONTESTANTS if not options.only or each.name in options.only]
    if not who:
        parser.error(f"--only takes one of {', '.join(each.name for each in CONTESTANTS)}")
    for peer in PEERS if any(isinstance(each, Peer) for each in who) else ():
        peer.install()
    with Server() as server, tempfile.TemporaryDirectory(prefix="bench-generate-") as scratch:
        report = {
            "machine": machine(server.node), "plan": dataclasses.asdict(plan), "in_flight": IN_FLIGHT,
            "stub_per_second": server.bears(IN_FLIGHT),
        }  # fmt: skip
        print(json.dumps(report), file=sys.stderr)
        found = measure(Bench(server, Path(scratch), plan), who)
    report["contestants"] = {each.name: {"versions": each.versions(), **found[each.name]} for each in who}
    print(table(report))
    if not options.only:
        print(target_table(report))
    if not (options.only or options.short):
        RESULTS.write_text(json.dumps(report, indent=1) + "\n")
        PAGE.write_text(page(report))


if __name__ == "__main__":
    main()
