"""Verdicts of a planted corpus: traces a second with one process and with two, and the memory of all of them together.

N traces of about 8 kB, four a problem, in the manner of R1: an answer of some 700 characters with formulas and a box.
Golds are whole numbers, fractions, quantities, polynomials, options and words; of the answers one in eight is wrong, a
third of the others writes the gold in another form. The stage `verdicts` is run as any run does it, anew each
time. Writes benchmarks/results/bench_verdicts.json.

    make bench-verdicts
    python benchmarks/bench_verdicts.py --rows 4000
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench_curate import WORDS, Planted, machine, watched

from potstill.records import Problem, Trace, Verdict
from potstill.store import Run

RESULTS = Path(__file__).parent / "results" / "bench_verdicts.json"
CITIES = ("Graz", "Porto", "Lund", "Ghent")


def asked(number: int) -> tuple[Problem, str, str]:
    """Return a problem, its gold in another form, and a wrong answer."""
    own = random.Random(number)
    a, b, kind = own.randint(2, 60), own.randint(61, 99), number % 6
    options: tuple[str, ...] = ()
    if kind == 0:
        gold, other, wrong, answer_kind = str(1000 * a + b), f"{1000 * a + b:,}.0", str(1000 * a), "number"
    elif kind == 1:
        gold, other, wrong = rf"\frac{{{a}}}{{{b}}}", rf"\dfrac{{{3 * a}}}{{{3 * b}}}", rf"\frac{{{a}}}{{{b + 1}}}"
        answer_kind = "expression"
    elif kind == 2:
        gold, other, wrong, answer_kind = f"{a} km", f"{1000 * a} m", f"{a} m", "quantity"
    elif kind == 3:
        gold, other, wrong = f"x^2 + {a + b}x + {a * b}", f"(x+{a})(x+{b})", f"x^2 + {a + b}x + {a * b + 1}"
        answer_kind = "expression"
    elif kind == 4:
        options, right = CITIES, number // 6 % 4
        gold, other, wrong, answer_kind = "ABCD"[right], CITIES[right], "ABCD"[(right + 1) % 4], "choice"
    else:
        gold, other, wrong, answer_kind = CITIES[number // 6 % 4], f"{CITIES[number // 6 % 4]}.", "Rome", "text"
    question = f"In case {number}, with {a} and {b}: what comes out?"
    return Problem(id=str(number), question=question, gold=gold, answer_kind=answer_kind, choices=options), other, wrong


def answer(number: int, said: str) -> str:
    """Return an answer as R1 writes them: some steps with formulas, and the box."""
    own = random.Random(f"answer {number}")
    steps = "\n\n".join(
        f"{step}. **{' '.join(own.choices(WORDS, k=3)).capitalize()}:** {' '.join(own.choices(WORDS, k=12))}\n"
        rf"   \[ {own.randint(1, 99)} \times {own.randint(1, 99)} + \frac{{{own.randint(1, 9)}}}{{2}} = "
        rf"{own.randint(1, 9999)} \]"
        for step in range(1, 6)
    )
    return f"To solve this, we go through it step by step.\n\n{steps}\n\n**Final answer:** \\(\\boxed{{{said}}}\\)"


def traces(rows: int) -> Iterator[Trace]:
    """Yield the traces of as many problems as it takes, four of each."""
    for number in range(rows):
        problem, other, wrong = asked(number // 4)
        said = wrong if number % 8 == 3 else other if number % 3 == 0 else str(problem.gold)
        own = random.Random(f"reasoning {number}")
        lines = [
            f"{' '.join(own.choices(WORDS, k=18))} {own.randint(1, 9999)} + {own.randint(1, 9999)} = {line}."
            for line in range(65)
        ]
        yield Trace(
            problem_key=problem.key, teacher="t", strategy="zero_shot", prompt_key="q", sample=number % 4, attempt=0,
            sampling="{}", reasoning="\n".join(lines), answer=answer(number, said), finish="stop",
            completion_tokens=2_400,
        )  # fmt: skip


def planted(folder: Path, rows: int) -> None:
    """Commit a corpus as the stages before verdicts."""
    corpus = Planted(folder)
    held_out = (asked(10**9 + number)[0] for number in range(20))
    corpus.problems((asked(number)[0] for number in range(-(-rows // 4))), held_out)
    corpus.traces(traces(rows), rows)
    corpus.run.unlock()


def measured(folder: Path, workers: int) -> dict[str, object]:
    """Judge everything anew, and see that each verdict is the one that was planted."""
    shutil.rmtree(folder / "ledger", ignore_errors=True)
    found = watched(folder, "verdicts", [], workers)
    rows = Run(folder).committed("verdicts").rows("verdicts", Verdict)
    amiss = sum(one.outcome != ("wrong" if number % 8 == 3 else "right") for number, one in enumerate(rows))
    if amiss:
        raise SystemExit(f"{amiss} of {found['rows']} verdicts are not as they were planted")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--folder", help="where the corpus goes (default: a temporary folder); 4 kB a row")
    options = parser.parse_args()
    found = []
    for rows in options.rows:
        with tempfile.TemporaryDirectory(dir=options.folder) as name:
            planted(Path(name), rows)
            for workers in options.workers:
                found.append(measured(Path(name), workers))
                print(json.dumps(found[-1]), flush=True)
    RESULTS.write_text(json.dumps({"machine": machine(), "verdicts": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
