"""How much shorter `curate.prune` makes reasoning, whether what is left still comes to the answer, and what went.

Two kinds of traces: those that `worked` writes in the style `varied`, of every family; and real long ones of the shared
data, drawn by a hash of their id. A reasoning is judged alone, as if it were the response, before and after: against
the gold, and where the data has none that can be compared, against the answer that the trace itself gives.

    python benchmarks/study_pruning.py                                # both; the real ones are left out where absent
    python benchmarks/study_pruning.py --read 25 --seed 2 > read.txt  # what went of 25 of either kind, in its place
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from potstill import recipe
from potstill.curate.pruning import PRUNINGS, PrunedReasoning, prune
from potstill.problems import read
from potstill.problems.columns import GOLD_TYPES
from potstill.recipe import Checks
from potstill.records import Outcome, Problem
from potstill.teach.worked import TEMPLATES, solve
from potstill.text import divide_fields
from potstill.verify.extract import extract
from potstill.verify.steps.segment import segment
from potstill.verify.verdicts import judge

DATA = Path(__file__).parents[2] / "shared" / "data"
LONG = {
    "traces_gsm8k_longcot_r1_qwq_s1.jsonl.gz": "gold",
    "traces_math500_mixed_15models.jsonl.gz": "gold",
    "traces_missing_premise.jsonl.gz": "own answer",
    "traces_misguided_attention_reasoning.jsonl.gz": "own answer",
}
"""File -> what its reasoning is judged against."""
LEAST = 600
"""Characters from which a reasoning is a long one."""
WHOLE_STORIES = TEMPLATES.keys() - {"table", "function"}
"""The families whose reasoning ends in one answer."""


@dataclass(frozen=True)
class Case:
    """A trace, its reasoning pruned, and the verdicts on the reasoning alone before and after."""

    name: str
    problem: Problem
    reasoning: str
    answer: str
    found: PrunedReasoning
    before: Outcome
    after: Outcome


def drawn(names: Iterable[str], seed: int, count: int) -> list[str]:
    """Return `count` of some names, by a hash: with more of them the same ones stay."""
    return sorted(names, key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest())[:count]


def case_of(name: str, problem: Problem, reasoning: str, answer: str, kinds: Sequence[str]) -> Case:
    """Prune a trace and judge its reasoning alone."""
    found = prune(problem, reasoning, answer, kinds)
    before, after = (judge(problem, text, Checks()).outcome for text in (reasoning, found.text))
    return Case(name, problem, reasoning, answer, found, before, after)


def worked(family: str, seed: int, count: int, kinds: Sequence[str]) -> Iterator[Case]:
    """Yield varied traces of a family, four of each problem."""
    for problem in read(recipe.Source(family=family, count=count), seed=seed, data=Path(), where="study"):
        for sample in range(4):
            reasoning, answer, _ = solve(problem, sample, 1, 0.0, "varied")
            yield case_of(f"{family} {problem.id} {sample}", problem, reasoning, answer, kinds)


def real(path: Path, against: str, seed: int, count: int, kinds: Sequence[str]) -> Iterator[Case]:
    """Yield long traces of a file of the shared data."""
    rows = {}
    for line in gzip.decompress(path.read_bytes()).decode().splitlines():
        row = json.loads(line)
        reasoning, answer = divide_fields(row.get("reasoning") or "", row["response"] or "")
        if len(reasoning) >= LEAST and answer.strip():
            rows[row["id"]] = row, reasoning, answer
    for name in drawn(rows, seed, count):
        row, reasoning, answer = rows[name]
        kind = GOLD_TYPES.get(row["gold_type"], "auto")
        gold = row["gold"] if against == "gold" else extract(answer, kind).value
        yield case_of(
            name, Problem(id="", question=row["problem"], gold=gold, answer_kind=kind), reasoning, answer, kinds
        )


def line_of(title: str, cases: Sequence[Case], kinds: Sequence[str]) -> str:
    """Return the sums of some cases."""
    both = [c.reasoning for c in cases], [c.found.text for c in cases]
    characters = [sum(map(len, texts)) for texts in both]
    words = [sum(len(text.split()) for text in texts) for texts in both]
    as_before = sum(case.after == case.before for case in cases)
    held = sum(case.after == case.before or case.after == "right" for case in cases)
    right = sum(case.before == "right" for case in cases)
    lost = sum(case.before == "right" != case.after for case in cases)
    gone = ", ".join(f"{kind} {sum(case.found.gone[at] for case in cases)}" for at, kind in enumerate(kinds))
    return (
        f"{title}: {len(cases)} traces, characters {characters[0]:,} -> {characters[1]:,} "
        f"({1 - characters[1] / characters[0]:.1%} shorter), words {words[0]:,} -> {words[1]:,} "
        f"({1 - words[1] / words[0]:.1%}), mean of the traces {shorter(cases):.1%}; verdict as before {as_before}, "
        f"as before or right {held} ({held / len(cases):.1%}), right before {right}, of these lost {lost}; "
        f"left whole {sum(case.found.left_whole for case in cases)}, untouched "
        f"{sum(case.found.text == case.reasoning and not case.found.left_whole for case in cases)}; steps: {gone}"
    )


def shorter(cases: Sequence[Case]) -> float:
    """Return the mean share of its characters that a trace loses."""
    return sum(1 - len(case.found.text) / len(case.reasoning) for case in cases) / len(cases)


def told(case: Case) -> str:
    """Return a trace to be read: every step with a bar before those that went."""
    kept = set(case.found.kept)
    lines = [f"=== {case.name} [{case.before} -> {case.after}]", f"Q: {case.problem.question}"]
    lines.append(f"A: {case.answer.strip()[-200:]!r}; gold {case.problem.gold}")
    for number, span in enumerate(segment(case.reasoning, "sentences")):
        mark = "      " if number in kept else " ---| "
        lines.append(mark + " / ".join(case.reasoning[span.start : span.end].strip().splitlines()))
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print the sums of every family and file, or the cases to be read."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="the folder with the real traces")
    parser.add_argument("--seed", type=int, default=1, help="which problems and which traces are drawn")
    parser.add_argument("--worked", type=int, default=20, help="problems of each family, four traces of each")
    parser.add_argument("--count", type=int, default=110, help="traces of each file")
    parser.add_argument("--read", type=int, default=0, help="print so many pruned traces of either kind too")
    parser.add_argument("--kinds", nargs="+", choices=sorted(PRUNINGS), default=list(PRUNINGS))
    options = parser.parse_args()
    groups: dict[str, dict[str, list[Case]]] = {"worked": {}, "long": {}}
    for family in sorted(WHOLE_STORIES) if options.worked else []:
        groups["worked"][family] = list(worked(family, options.seed, options.worked, options.kinds))
    for name, against in LONG.items() if options.count else ():
        if (options.data / name).exists():
            cases = real(options.data / name, against, options.seed, options.count, options.kinds)
            groups["long"][f"{name} against {against}"] = list(cases)
        else:
            print(f"{name}: not in {options.data}, left out")
    for title, of_title in groups.items():
        cases = {case.name: case for group in of_title.values() for case in group}
        for name, group in of_title.items():
            print(line_of(name, group, options.kinds), flush=True)
        if cases:
            print(line_of(f"{title} together", list(cases.values()), options.kinds), flush=True)
    for of_title in groups.values():
        changed = {c.name: c for group in of_title.values() for c in group if c.found.text != c.reasoning}
        print(*(told(changed[name]) for name in drawn(changed, options.seed, options.read)), sep="\n")


if __name__ == "__main__":
    main()
