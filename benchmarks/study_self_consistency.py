"""Is the majority worth more than a sample, does agreement say how sure it is, and does it find golds that are wrong?

Real responses of `../shared/data`, judged by potstill's own verdicts. Samples of one problem are eight of one model
(math), or one each of several models (GSM8K, MATH-500).

    majority    share of problems whose majority answer is right, beside the mean share of right samples, that of the
                best of several models, and the share of problems with any right sample
    agreement   that share by how many of the samples agree
    golds       GSM8K problems whose gold no sample gives, by how many samples must agree on something else, against
                the golds that people found wrong by hand (suspect_gold_gsm8k.jsonl); the list of the others follows

`make study-self-consistency` runs it. Tables go to standard output and benchmarks/results/study_self_consistency.json.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from potstill.intervals import wilson
from potstill.problems.columns import GOLD_TYPES
from potstill.recipe import Checks
from potstill.records import Group, Problem, Trace, Verdict
from potstill.text import Closing, split_response
from potstill.verify import Verdicts
from potstill.verify.groups import group_of

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "study_self_consistency.json"
DATA = HERE.parents[1] / "shared" / "data"
SETS = {
    "math, 8 of one model": ["traces_math_best_of_8_qwen_rm.jsonl.gz"],
    "math, 3 of one model": ["traces_math_nemo_3samples.jsonl"],
    "math500, 15 models": ["traces_math500_mixed_15models.jsonl.gz"],
    "gsm8k, 8 models": ["traces_gsm8k_short_8models.jsonl.gz"],
    "gsm8k, 7 models, JSON": ["traces_gsm8k_zeroeval_json.jsonl.gz"],
    "gsm8k, 4 long": ["traces_gsm8k_longcot_r1_qwq_s1.jsonl.gz"],
    "gsm8k, all": [
        "traces_gsm8k_short_8models.jsonl.gz",
        "traces_gsm8k_zeroeval_json.jsonl.gz",
        "traces_gsm8k_longcot_r1_qwq_s1.jsonl.gz",
    ],
}
BINS = ((0.0, 0.5), (0.5, 0.75), (0.75, 1.0), (1.0, 1.01))
AT_LEAST = (2, 3, 4, 6, 8)


@dataclass(frozen=True)
class Judged:
    """A problem with its samples and their verdicts."""

    problem: Problem
    samples: list[tuple[Trace, Verdict]]

    def group(self, at_least: int) -> Group:
        """Return what the samples say together."""
        return group_of(self.problem, self.samples, Checks(agreeing=at_least))


def rows(name: str) -> Iterator[dict]:
    """The rows of one file of the shared data."""
    path = DATA / name
    with gzip.open(path, "rt", encoding="utf-8") if name.endswith(".gz") else path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def judged(files: list[str], verdicts: Verdicts) -> list[Judged]:
    """All problems of some files with at least two samples, judged."""
    problems: dict[str, Problem] = {}
    samples: dict[str, list[Trace]] = defaultdict(list)
    for row in (row for file in files for row in rows(file)):
        kind = GOLD_TYPES.get(row["gold_type"], "text")
        problem = Problem(
            id="", question=row["problem"], gold=row["gold"], answer_kind=kind, choices=tuple(row.get("choices") or ())
        )
        problem = problems.setdefault(problem.overlap_key, problem)
        number = len(samples[problem.overlap_key])
        split = split_response(row["response"] or "")
        finish = "length" if split.closing is Closing.NEVER else "stop"
        reasoning = row.get("reasoning") or split.reasoning
        samples[problem.overlap_key].append(
            Trace(
                problem_key=problem.key,
                teacher=row["model"],
                strategy="study",
                prompt_key="",
                sample=number,
                attempt=0,
                sampling="{}",
                reasoning=reasoning,
                answer=split.answer,
                finish=finish,
            )
        )
    pairs = [(problems[key], trace) for key, traces in samples.items() if len(traces) > 1 for trace in traces]
    found: dict[str, Judged] = {}
    for (problem, trace), verdict in zip(pairs, verdicts.many(pairs), strict=True):
        found.setdefault(problem.key, Judged(problem, [])).samples.append((trace, verdict))
    return list(found.values())


def majority_row(groups: list[tuple[Judged, Group]]) -> dict:
    """Majority against single samples, on the problems whose majority could be judged."""
    decided = [(one, group) for one, group in groups if group.finding != "undecided"]
    single = [group.pass_rate for _, group in decided if group.pass_rate is not None]
    right = [group.finding == "agrees" for _, group in decided]
    any_right = [any(v.outcome == "right" for _, v in one.samples) for one, _ in decided]
    unknown = [verdict.outcome == "unknown" for one, _ in groups for _, verdict in one.samples]
    by_model: dict[str, list[bool]] = defaultdict(list)
    for one, _ in decided:
        for trace, verdict in one.samples:
            if verdict.outcome != "unknown":
                by_model[trace.teacher].append(verdict.outcome == "right")
    best = max(sum(found) / len(found) for found in by_model.values()) if len(by_model) > 1 else None
    share = sum(right) / len(right)
    interval = wilson(share, len(right))
    return {
        "problems": len(groups), "samples": len(unknown), "unknown": sum(unknown),
        "undecided": len(groups) - len(right),
        "single": sum(single) / len(single),
        "best model": best,
        "majority": share, "low": interval.low, "high": interval.high,
        "any": sum(any_right) / len(right), "tied": sum(group.tied for _, group in decided),
        "suspect label": sum(group.finding == "suspect label" for _, group in groups),
    }  # fmt: skip


def agreement_rows(groups: list[tuple[Judged, Group]]) -> list[dict]:
    """How often the majority is right, by the share of samples that agree on it."""
    found = []
    for low, high in BINS:
        inside = [group for _, group in groups if group.finding != "undecided" and low <= group.agreement < high]
        right = sum(group.finding == "agrees" for group in inside)
        interval = wilson(right / len(inside) if inside else 0.0, len(inside))
        found.append({"from": low, "to": min(high, 1.0), "problems": len(inside), "right": right, **asdict(interval)})
    return found


def gold_rows(found: list[Judged], suspects: dict[str, str]) -> tuple[list[dict], list[dict]]:
    """Golds in doubt by `at_least`, and those of the smallest that nobody has called wrong."""
    present = {one.problem.overlap_key: one for one in found}
    table, others = [], []
    wrong = {key for key, verdict in suspects.items() if verdict == "gold_wrong" and key in present}
    for at_least in AT_LEAST:
        groups = {one.problem.overlap_key: one.group(at_least) for one in found}
        doubted = {key for key, group in groups.items() if group.finding == "suspect label"}
        table.append(
            {
                "at_least": at_least, "doubted": len(doubted), "wrong, found": len(doubted & wrong),
                "wrong": len(wrong),
                "ambiguous": sum(suspects.get(key) == "ambiguous" for key in doubted),
                "other suspects": sum(suspects.get(key) not in (None, "gold_wrong", "ambiguous") for key in doubted),
                "not listed": sum(key not in suspects for key in doubted),
            }
        )  # fmt: skip
        if at_least == AT_LEAST[0]:
            others = [
                {
                    "question": present[key].problem.question[:160], "gold": groups[key].gold,
                    "majority": groups[key].majority, "votes": groups[key].votes, "samples": groups[key].samples,
                }
                for key in doubted if key not in suspects
            ]  # fmt: skip
            others += [
                {
                    "question": present[key].problem.question[:160], "gold": groups[key].gold, "missed": True,
                    "majority": groups[key].majority, "votes": groups[key].votes, "samples": groups[key].samples,
                }
                for key in wrong - doubted
            ]  # fmt: skip
    return table, others


def show(table: list[dict]) -> None:
    """Print rows as a Markdown table."""
    print("| " + " | ".join(table[0]) + " |")
    print("|" + "---|" * len(table[0]))
    for row in table:
        cells = (f"{v:.3f}" if isinstance(v, float) else "" if v is None else str(v) for v in row.values())
        print("| " + " | ".join(cells) + " |")
    print()


def main() -> None:
    """Run the study and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="*", default=list(SETS), choices=list(SETS))
    sets = parser.parse_args().sets
    if not DATA.is_dir():
        sys.exit(f"{DATA} is not there: this study needs the shared data beside the checkout")
    suspects = {
        Problem(id="", question=row["problem"], gold=None).overlap_key: row["verdict"]
        for row in rows("suspect_gold_gsm8k.jsonl")
    }
    result: dict = {"majority": [], "agreement": {}, "golds": [], "others": []}
    with Verdicts(Checks()) as verdicts:
        for name in sets:
            found = judged(SETS[name], verdicts)
            groups = [(one, one.group(3)) for one in found]
            result["majority"].append({"set": name, **majority_row(groups)})
            result["agreement"][name] = agreement_rows(groups)
            if name == "gsm8k, all":
                result["golds"], result["others"] = gold_rows(found, suspects)
    show(result["majority"])
    for name, table in result["agreement"].items():
        print(f"{name}\n")
        show(table)
    if result["golds"]:
        show(result["golds"])
    for other in result["others"]:
        print(json.dumps(other, ensure_ascii=False))
    if sets == list(SETS):
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
