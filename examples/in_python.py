"""A run from Python, whole: check a recipe, run it, look at its tables and figures, ask the student.

    python examples/in_python.py --out FOLDER --ask "Tom has 3 coins. Tom buys 4 more. How many coins has Tom?"

It takes seconds, and the student is far too small to learn much.

The run is a process of its own. Stop this program at any moment and start it again: it goes on where it was.
"""

import argparse
from collections import Counter

import potstill

RECIPE = {
    "name": "in-python",
    "seed": 3,
    "problems": {"evaluate": 6, "sources": [{"family": "chain", "count": 60}]},
    "teacher": {"kind": "worked", "error_rate": 0.2},
    "student": {"scratch": {"hidden": 32, "layers": 1, "heads": 2, "intermediate": 64, "vocabulary": 320}},
    "train": {"steps": 12, "batch": 8, "micro_batch": 8, "learning_rate": 3.0e-3, "precision": "fp32"},
    "evaluate": {"max_tokens": 20, "shots": 1},
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--out", default="runs/in-python")
    options.add_argument("--ask", metavar="QUESTION")
    asked = options.parse_args()

    print(potstill.check(RECIPE))
    run = potstill.run(RECIPE, out=asked.out)

    verdicts = Counter(verdict.outcome for verdict in run.table("verdicts"))
    print(f"{len(run.table('traces'))} traces: {dict(verdicts)}")
    lengths = run.table("examples").arrow().column("reasoning")
    print(f"{len(lengths)} examples to train on")
    for arm, found in run.measures.items():
        print(f"{arm}: {found.accuracy.value:.0%} (95% interval {found.accuracy.low:.0%} to {found.accuracy.high:.0%})")
    for arm in run.arms.values():
        if arm.losses:
            print(f"{arm.name}: loss {arm.losses[0]['loss']:.2f} -> {arm.losses[-1]['loss']:.2f}")
    if asked.ask:  # loads the student into this process
        print(run.ask(asked.ask, max_tokens=20))
    print(f"report: {run.report}")


if __name__ == "__main__":
    main()
