"""What isolation costs: a program that does nothing, in the sandbox and without, alternated; and programs a second.

    python benchmarks/bench_sandbox.py [--runs 200]

Writes benchmarks/results/sandbox.json.
"""

import argparse
import datetime
import json
import os
import platform
import resource
import statistics
import subprocess
import time
from pathlib import Path

from potstill.verify.sandbox import Limits, Sandbox
from potstill.verify.sandbox.backends import BACKENDS
from potstill.verify.sandbox.interpreter import interpreter

RESULT = Path(__file__).parent / "results" / "sandbox.json"


def milliseconds(function):
    """How long one call takes."""
    began = time.perf_counter()
    function()
    return (time.perf_counter() - began) * 1e3


def summary(values):
    """Median, 5th and 95th percentile."""
    cuts = statistics.quantiles(values, n=20)
    return {"p5": round(cuts[0], 2), "p50": round(statistics.median(values), 2), "p95": round(cuts[-1], 2)}


def processor_seconds():
    """Of this process and its children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def used_by(function, runs):
    """Seconds of wall clock and of processors for so many calls."""
    before, began = processor_seconds(), time.perf_counter()
    for _ in range(runs):
        function()
    return time.perf_counter() - began, processor_seconds() - before


def measure(sandbox, runs):
    """Alternate the bare interpreter, with its own start only, and the sandbox."""
    executable = str(interpreter().executable)

    def bare():
        subprocess.run([executable, "-I", "-S", "-c", "pass"], env={}, capture_output=True, check=True)

    def isolated():
        assert sandbox.run(b"pass").code == 0

    isolated()
    pairs = [(milliseconds(bare), milliseconds(isolated)) for _ in range(runs)]
    over = [inside - outside for outside, inside in pairs]
    _, bare_used = used_by(bare, runs)
    took, used = used_by(isolated, runs)
    late = [milliseconds(lambda: sandbox.run(b"while True: pass", limits=Limits(seconds=0.3))) - 300 for _ in range(10)]
    return {
        "isolation": sandbox.isolation,
        "bare_ms": summary([outside for outside, _ in pairs]),
        "sandbox_ms": summary([inside for _, inside in pairs]),
        "over_bare_ms": summary(over),
        "processor_ms": {"bare": round(1e3 * bare_used / runs, 2), "sandbox": round(1e3 * used / runs, 2)},
        "one_after_another_per_second": round(runs / took, 1),
        "per_second_of_one_processor": round(runs / used, 1),
        "killed_after_limit_ms": summary(late),
    }


def main():
    """Measure both backends and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=200)
    runs = parser.parse_args().runs
    load = os.getloadavg()
    result = {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M"),
        "machine": f"{os.cpu_count()} processors {platform.machine()}, Linux {platform.release()}",
        "python": platform.python_version(),
        "load_before": [round(value, 2) for value in load],
        "runs": runs,
        "backends": {name: measure(Sandbox(make()), runs) for name, make in BACKENDS.items()},
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
