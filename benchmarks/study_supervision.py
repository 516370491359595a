"""Does supervising the reasoning pay? Four rows on the same problems, three seeds, on the pocket student and SmolLM2.

    base                untouched
    answers, examples   trained on answers alone, as many examples as `traces`
    answers, tokens     trained on answers alone, as many tokens as `traces`
    traces              trained on reasoning and answer

`make study-supervision` runs it all; `--student pocket --seeds 1` a part. Figures go to benchmarks/results/ as JSON and
to standard output as the table that docs/log.md keeps.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
FAMILIES = {
    "chain": "{operand: 9, largest: 40}",
    "shop": "{price: 5, quantity: 3}",
    "compare": "{operand: 9, largest: 40, shuffle: 0}",
    "clock": "{grain: 15, min_steps: 1, max_steps: 2}",
    "row": "{people: 3, min_moves: 2, max_moves: 2}",
    "weekday": "{days: 6, min_steps: 2, max_steps: 2}",
}
"""All families, each at settings that a model of 0.8M parameters can learn: at their own, 1.5M tokens taught none."""
POCKET_TOKENS = 4_000_000
STUDENTS = ("pocket", "smollm2")
SEEDS = {"pocket": (1, 2, 3), "smollm2": (1,)}
BY_TOKENS = "arms={base: {}, answers: {train: {supervision: answers, match: {tokens: traces}}}, traces: {train: {}}}"


def sources(count: int) -> str:
    """The problems of all families, in equal numbers."""
    rows = [f"{{family: {name}, count: {count}, settings: {settings}}}" for name, settings in FAMILIES.items()]
    return f"problems.sources=[{', '.join(rows)}]"


def run(recipe: str, out: Path, sets: list[str]) -> dict[str, dict]:
    """Run a recipe (or go on with it) and return the rows of its table by student."""
    flags = [part for item in sets for part in ("--set", item)]
    command = [sys.executable, "-m", "potstill", "run", recipe, "--out", str(out), "--redo", *flags]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return {row["student"]: row for row in json.loads((out / "report.json").read_text())["measures"]}


def study(student: str, seed: int, folder: Path, tokens: int) -> dict[str, dict]:
    """Return the four rows of one seed."""
    if student == "pocket":
        sets = [sources(3000), f"train.tokens={tokens}", "evaluate.max_tokens=192", "problems.evaluate=240"]
        recipe = "pocket"
    else:
        sets, recipe = [], "quickstart"
    sets.append(f"seed={seed}")
    out = folder / f"{student}-{seed}"
    first = run(recipe, out, sets)
    second = run(recipe, out, [*sets, BY_TOKENS])
    return {
        "base": first["base"],
        "answers, equal examples": first["answers"],
        "answers, equal tokens": second["answers"],
        "traces": first["traces"],
    }


def table(found: dict[str, dict[str, dict]]) -> str:
    """One line a row: mean accuracy over seeds, the interval of the pooled problems, every seed's figure."""
    lines = ["| student | row | accuracy | 95% interval | by seed | tokens |", "|---|---|---|---|---|---|"]
    for student in STUDENTS:
        seeds = [rows for name, rows in found.items() if name.startswith(f"{student}-")]
        for row in seeds[0] if seeds else ():
            shares = [rows[row]["accuracy"] for rows in seeds]
            low, high = interval([(rows[row]["accuracy"], rows[row]["problems"]) for rows in seeds])
            each = ", ".join(f"{share:.1%}" for share in shares)
            mean = sum(shares) / len(shares)
            tokens = max(rows[row]["tokens_trained"] for rows in seeds)
            lines.append(f"| {student} | {row} | {mean:.1%} | {low:.1%} to {high:.1%} | {each} | {tokens:,} |")
    return "\n".join(lines)


def interval(found: list[tuple[float, int]]) -> tuple[float, float]:
    """Wilson interval over the problems of all seeds together (each seed has problems of its own)."""
    from potstill.intervals import wilson

    right, asked = sum(round(share * count) for share, count in found), sum(count for _, count in found)
    pooled = wilson(right / asked, asked)
    return pooled.low, pooled.high


def main() -> None:
    """Run the study and write its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--student", choices=STUDENTS, action="append")
    parser.add_argument("--seeds", type=int, help="only the first so many seeds")
    parser.add_argument("--tokens", type=int, default=POCKET_TOKENS, help="tokens of the pocket student's training")
    parser.add_argument("--out", type=Path, default=Path("runs") / "study-supervision")
    options = parser.parse_args()
    found = {}
    for student in options.student or STUDENTS:
        for seed in SEEDS[student][: options.seeds]:
            found[f"{student}-{seed}"] = study(student, seed, options.out, options.tokens)
            print(table(found), flush=True)
    machine = {"cpus": os.cpu_count(), "processor": platform.processor() or platform.machine()}
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    text = json.dumps({"machine": machine, "tokens": options.tokens, "rows": found}, indent=1)
    (results / "study_supervision.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
