"""Rates of verdicts, side by side: potstill and math-verify 0.9.0 on the same rows, alternated in one run.

Numbers and expressions, each as bare answers and at the end of whole 4 kB responses; traces of 1 MB; and, where the
folder `shared` stands beside the checkout, labelled real cases. The made rows come from a seed and know their label.
Each repetition is a process of its own on one core, which judges one row after the other: what it starts runs on that
core too, so a rate is a rate per core. Starting and first calls are not counted. Prints medians, ratios and agreement
with the labels (an unknown agrees with none), and writes benchmarks/results/bench_verify.json; a losing row stays.

math-verify gets bare answers between dollar signs, as it asks for, and runs in the main thread, where its own time
limits work.

    make bench-verify                               or a part of it:
    python benchmarks/bench_verify.py --rows numbers --repeats 3
"""

from __future__ import annotations

import argparse
import importlib.metadata
import itertools
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "bench_verify.json"
CASES = Path(__file__).parents[2] / "shared" / "data" / "verifier_cases_dev.jsonl"
RESPONSE, TRACE = 4_000, 1_000_000
SEED = 20261121
NAMES = {"right": True, "wrong": False, "unknown": None}


@dataclass(frozen=True)
class Asked:
    """What is asked of potstill: rows a second, times the rate of math-verify, or milliseconds a row at most."""

    rate: float | None = None
    times: float | None = None
    most_ms: float | None = None

    def __str__(self) -> str:
        if self.rate is not None:
            return f">= {self.rate:,.0f} a second"
        return f"<= {self.most_ms:g} ms each" if self.most_ms is not None else f">= {self.times:g} x math-verify"

    def met(self, rate: float, ratio: float) -> bool:
        """Return whether a rate, and its ratio to math-verify's, are what is asked."""
        if self.rate is not None:
            return rate >= self.rate
        return 1000 / rate <= self.most_ms if self.most_ms is not None else ratio >= (self.times or 0)


@dataclass(frozen=True)
class Row:
    """A gold answer, what is judged against it, and whether it is right; `whole` marks a response to extract from."""

    gold: str
    said: str
    right: bool
    whole: bool


def number(dice: random.Random) -> tuple[str, str, str]:
    """Return a gold number, another way to write it, and another number."""
    n, d = dice.randint(2, 9_999), dice.choice((2, 4, 5, 8, 20, 25))
    k = dice.choice([k for k in range(1, 200) if k % d])
    decimal = f"{k / d:.10f}".rstrip("0")
    forms = (
        (f"{n}", f"{n}", f"{n + 1}"),
        (f"-{n}", f"-{n}.0", f"{n}"),
        (f"{n * 1_000}", f"{n:,},000", f"{n:,},001"),
        (rf"\frac{{{k}}}{{{d}}}", decimal, f"{(k + 1) / d:.10f}".rstrip("0").rstrip(".")),
        (decimal, f"{k}/{d}", f"{k}/{d + 1}"),
        (f"{n / 100:.2f}", rf"\${n / 100:.2f}", rf"\${n / 100 + 1:.2f}"),
    )
    return dice.choice(forms)


def expression(dice: random.Random) -> tuple[str, str, str]:
    """Return a gold expression, an equal one that is written otherwise, and an unequal one."""
    a, b, c = dice.sample(range(2, 20), 3)
    forms = (
        (f"(x+{a})(x-{b})", f"x^2+{a - b}x-{a * b}".replace("+-", "-"), f"x^2+{a - b}x+{a * b}".replace("+-", "-")),
        (f"{a}x^2+{b}xy+{c}y^2", f"{c}y^2+{a}x^2+{b}yx", f"{c}y^2+{a}x^2-{b}xy"),
        (rf"{a}\sqrt{{{b}}}", rf"\sqrt{{{a * a * b}}}", rf"\sqrt{{{a * a * b + 1}}}"),
        (rf"\frac{{{a}}}{{\sqrt{{{b}}}}}", rf"\frac{{{a}\sqrt{{{b}}}}}{{{b}}}",
        rf"\frac{{{a}\sqrt{{{b}}}}}{{{b + 1}}}"),
        (rf"\frac{{1}}{{x+{a}}}+\frac{{1}}{{x+{b}}}", rf"\frac{{2x+{a + b}}}{{(x+{a})(x+{b})}}",
        rf"\frac{{2x+{a + b + 1}}}{{(x+{a})(x+{b})}}"),
        (rf"\frac{{\pi}}{{{a}}}+\frac{{\pi}}{{{b}}}", rf"\frac{{{a + b}\pi}}{{{a * b}}}",
        rf"\frac{{{a + b + 1}\pi}}{{{a * b}}}"),
        (rf"\ln({a * b})", rf"\ln({a})+\ln({b})", rf"\ln({a})+\ln({b + 1})"),
        (rf"{a}\sin^2(x)+{a}\cos^2(x)+{b}", f"{a + b}", f"{a + b + 1}"),
        (rf"\sin(2x)+{a}", rf"2\sin(x)\cos(x)+{a}", rf"\sin(x)\cos(x)+{a}"),
        (rf"e^{{x+\ln({a})}}", f"{a}e^{{x}}", f"{a + 1}e^{{x}}"),
        (rf"{a}+{b}i", rf"{b}i+{a}", rf"{a}-{b}i"),
        (rf"\frac{{1}}{{1+\frac{{1}}{{x+{a}}}}}", rf"\frac{{x+{a}}}{{x+{a + 1}}}", rf"\frac{{x+{a}}}{{x+{a + 2}}}"),
        (rf"\left(\frac{{1}}{{{a}}}, {b}\right]", rf"(\frac{{{c}}}{{{a * c}}}, {b}]", rf"(\frac{{1}}{{{a}}}, {b})"),
        (rf"y = {a}x + {b}", rf"{a}x - y + {b} = 0", rf"{a}x + y + {b} = 0"),
    )  # fmt: skip
    return dice.choice(forms)


def thought(dice: random.Random, characters: int) -> str:
    """Return reasoning of about so many characters, full of numbers and formulas that are not the answer."""
    lines, length = [], 0
    while length < characters:
        a, b = dice.randint(2, 99), dice.randint(2, 99)
        line = dice.choice(
            (
                f"Let me first write down what is known: there are {a} of one kind and {b} of the other.",
                f"So ${a} \\times {b} = {a * b}$, and adding ${b}$ gives ${a * b + b}$.",
                f"Wait, that does not look right. We should check whether $\\frac{{{a}}}{{{b}}}$ can be simplified.",
                f"\\[ x^2 - {a + b}x + {a * b} = (x - {a})(x - {b}) \\]",
                f"Hence, the total comes to {a + b:,} units, which is {a}% of what we had before.",
                "Alternatively, one may think of it geometrically: both triangles share a side, so they are similar.",
                f"{dice.randint(1, 9)}. Substitute $y = {a}$ into the second equation (see above) and solve for $z$.",
            )
        )
        lines.append(line)
        length += len(line) + 2
    return "\n\n".join(lines)


def made(make: Callable[[random.Random], tuple[str, str, str]], count: int, *, whole: bool) -> list[Row]:
    """Return labelled rows, half of them right; a whole response ends with its answer in a box or in a sentence."""
    dice = random.Random(SEED)
    rows = []
    for index in range(count):
        gold, same, other = make(dice)
        said = (same, other)[index % 2]
        if whole:
            ending = rf"\boxed{{{said}}}" if dice.random() < 0.7 else f"The final answer is ${said}$."
            said = f"{thought(dice, RESPONSE - len(ending) - 2)}\n\n{ending}"
        rows.append(Row(gold, said, index % 2 == 0, whole))
    return rows


def traces(count: int) -> list[Row]:
    """Return traces of a megabyte, with their thinking."""
    dice, rows = random.Random(SEED), []
    for index in range(count):
        gold, same, other = number(dice)
        ending = rf"</think>So it is \boxed{{{(same, other)[index % 2]}}}."
        rows.append(Row(gold, f"<think>{thought(dice, TRACE)}{ending}", index % 2 == 0, whole=True))
    return rows


def cases() -> list[Row]:
    """Return the labelled real cases that depend on no convention, without those that attack."""
    found = map(json.loads, CASES.read_text(encoding="utf-8").splitlines())
    plain = (
        row for row in found if row["policy"] is None and row["math_verify_0_9_0"] and row["kind"] != "mcq_response"
    )
    return [Row(row["gold"], row["prediction"], row["expected"], row["kind"] == "text") for row in plain]


ROWS: dict[str, tuple[Callable[[], list[Row]], Asked | None]] = {
    "numbers, bare": (lambda: made(number, 4_000, whole=False), Asked(rate=25_000)),
    "numbers, in 4 kB": (lambda: made(number, 1_000, whole=True), Asked(rate=6_000)),
    "expressions, bare": (lambda: made(expression, 400, whole=False), Asked(times=20)),
    "expressions, in 4 kB": (lambda: made(expression, 400, whole=True), Asked(times=20)),
    "traces of 1 MB": (lambda: traces(20), Asked(most_ms=20)),
    "real cases": (cases, None),
}
"""Name -> (the rows, what is asked of potstill)."""


def potstill() -> Callable[[Row], bool | None]:
    """Return potstill's verdict on a row."""
    from potstill.recipe import Policy
    from potstill.verify.answers import judge_answer, judge_response

    policy = Policy()

    def judge(row: Row) -> bool | None:
        judged = (judge_response if row.whole else judge_answer)(row.said, row.gold, "auto", (), policy, seconds=5.0)
        return NAMES[judged.outcome]

    return judge


def math_verify() -> Callable[[Row], bool | None]:
    """Return math-verify's verdict on a row; what it cannot read it calls wrong."""
    import logging

    from math_verify import parse, verify

    logging.disable(logging.CRITICAL)

    def judge(row: Row) -> bool | None:
        said = parse(row.said if row.whole else f"${row.said}$")
        return bool(verify(parse(row.gold if "$" in row.gold else f"${row.gold}$"), said))

    return judge


CONTESTANTS = {"potstill": potstill, "math-verify": math_verify}


def one(which: str, name: str) -> None:
    """One repetition in this process, on one core; prints its figures as JSON."""
    if sys.platform == "linux":
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    rows = ROWS[name][0]()
    judge = CONTESTANTS[which]()
    for row in (*made(number, 4, whole=False), *made(expression, 28, whole=False), *made(expression, 4, whole=True)):
        judge(row)
    started = time.perf_counter()
    verdicts = [judge(row) for row in rows]
    seconds = time.perf_counter() - started
    unlike = [index for index, (row, said) in enumerate(zip(rows, verdicts, strict=True)) if said is not row.right]
    figures = {
        "rows": len(rows),
        "per_second": len(rows) / seconds,
        "agree": 1 - len(unlike) / len(rows),
        "false_accepts": sum(verdicts[index] is True for index in unlike),
        "false_rejects": sum(verdicts[index] is False for index in unlike),
        "unknown": sum(verdicts[index] is None for index in unlike),
        "unlike": [[rows[index].gold[:80], rows[index].said[-80:], rows[index].right] for index in unlike[:10]],
    }
    print(json.dumps(figures))


def machine() -> dict[str, object]:
    """Describe the machine and what is compared."""
    cpu = Path("/proc/cpuinfo")
    models = (
        [line.partition(":")[2].strip() for line in cpu.read_text().splitlines() if line.startswith("model name")]
        if cpu.exists()
        else []
    )
    versions = {
        name: importlib.metadata.version(name) for name in ("potstill", "math-verify", "latex2sympy2_extended", "sympy")
    }
    load = [round(value, 2) for value in os.getloadavg()]
    return {
        "cpu": models[0] if models else platform.processor(), "cpus": os.cpu_count(), "machine": platform.machine(),
        "python": platform.python_version(), "load_before": load, "versions": versions,
    }  # fmt: skip


def measured(name: str, repeats: int) -> dict[str, list[dict[str, float]]]:
    """Alternate the contestants on one kind of rows."""
    found: dict[str, list[dict[str, float]]] = {which: [] for which in CONTESTANTS}
    for repeat, which in itertools.product(range(repeats), found):
        shown = which if repeat % 2 == 0 else next(other for other in found if other != which)
        command = [sys.executable, __file__, "--one", shown, name]
        said = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
        found[shown].append(json.loads(said.splitlines()[-1]))
    return found


def main() -> None:
    """Alternate the two and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", action="append", help="only kinds of rows whose name begins so")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--one", nargs=2, metavar=("WHICH", "ROWS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(*options.one)
        return
    report: dict[str, object] = {"machine": machine()}
    print(json.dumps(report["machine"]))
    for name, (_, asked) in ROWS.items():
        if (options.rows and not name.startswith(tuple(options.rows))) or (name == "real cases" and not CASES.exists()):
            continue
        found = measured(name, options.repeats)
        rates = {which: statistics.median(run["per_second"] for run in runs) for which, runs in found.items()}
        ratio = rates["potstill"] / rates["math-verify"]
        met = None if asked is None else asked.met(rates["potstill"], ratio)
        report[name] = {
            "asked": str(asked or ""), "met": met, "ratio": ratio, "median_per_second": rates, "runs": found,
        }  # fmt: skip
        for which, runs in found.items():
            each = ", ".join(f"{run['per_second']:,.0f}" for run in runs)
            first = runs[0]
            agree = f"{first['agree']:.1%} agree, {first['false_accepts']} false accepts, {first['unknown']} unknown"
            rate = f"{rates[which]:>9,.1f} a second, {1000 / rates[which]:>8.2f} ms each ({each})"
            print(f"{name:<21} {which:<12} {rate}; {agree}")
        told = f", asked {asked}: {'met' if met else 'missed'}" if asked else ""
        print(f"{name:<21} ratio {ratio:.1f}{told}", flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
