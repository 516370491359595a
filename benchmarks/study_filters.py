"""Is a filter of curation right where it flags a real trace? Draws what each one flags, for a reader to judge.

    python benchmarks/study_filters.py repetition run_on      what they flag, drawn by a hash of the row's name
    python benchmarks/study_filters.py --draw 50 --keep       the same of all, and note rows, flags and draws
    python benchmarks/study_filters.py --table                the table of docs/reference/filters.md

Rows are those of a folder of files as `../shared/data` has them (`--data`); nothing of their text is kept, only their
names, in benchmarks/results/study_filters.json, where the reader's judgements stand too: `wrong` has the rows that
should have stayed, with the kind of fault; all others of `read` were flagged rightly.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import re
import sys
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from potstill.curate import filters, refusing
from potstill.curate.concluding import no_conclusion
from potstill.curate.filters import AskedWay, Candidate
from potstill.curate.nearness import bands, near_copies, shingles
from potstill.curate.pruning import PRUNINGS, prune
from potstill.curate.quoting import QuoteIndex
from potstill.curate.seen import _content
from potstill.intervals import wilson
from potstill.problems.columns import GOLD_TYPES
from potstill.problems.near import NearIndex
from potstill.recipe import Curate, Problems, Ways
from potstill.records import Problem, Trace
from potstill.teach.strategies.strategies import instructions
from potstill.text import is_looping, split_response
from potstill.verify.faithful import faith_of
from potstill.verify.faithful.values import told_of
from potstill.verify.steps import check_steps, segment

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "study_filters.json"
DATA = HERE.parents[1] / "shared" / "data"
TESTS = (
    "gsm8k_test_300.jsonl", "math500.jsonl", "aime24.jsonl", "amc23.jsonl", "aqua_mcq.jsonl", "svamp.jsonl",
    "strategyqa.jsonl", "bbh_27x20.jsonl", "mmlu_mcq.jsonl", "humaneval.jsonl", "mbpp_200.jsonl",
)  # fmt: skip
SOURCES = ("gsm8k_train_1k.jsonl.gz", "math_train_1k.jsonl", "aime_1983_2023_sample.jsonl", *TESTS)
SETTINGS = Curate(drop_no_conclusion=True, drop_unknown=False)
DEAD, NOWHERE = 0.5, 0
"""Above which a trace counts as one of steps that lead nowhere, or of numbers from nowhere."""
FIELDS = re.compile(r"\{\s*\"reasoning\"\s*:\s*\"?(.*)", re.DOTALL)
"""JSON with a reasoning, also within a block of code."""
LONE = re.compile(r"(?<!\\)\\(?![\\\"/nu])|(?<!\\)\\(?=n(?:eq|ot|mid|abla)\b)")
"""`\\(` and `\\times`, which JSON wants doubled."""
AROUND = 220
"""Characters shown on either side of what was flagged."""


@dataclass(frozen=True)
class Row:
    """A real row: its problem, and its trace as a teacher's reply is cut in two."""

    name: str
    row: dict
    problem: Problem

    @cached_property
    def trace(self) -> Trace:
        """Reasoning between marks, or of a field of its own; without any all of it is the answer."""
        split = split_response(self.row["response"] or "")
        return self._trace(self.row.get("reasoning") or split.reasoning, split.answer)

    @cached_property
    def parted(self) -> Trace:
        """The same, but what has no reasoning of its own is cut before its last line, or by its JSON fields.

        Of JSON that cannot be read nothing is the answer: its last line is a bracket.
        """
        if self.trace.reasoning:
            return self.trace
        fields = FIELDS.search(self.trace.answer)
        if fields is None:
            *before, last = self.trace.answer.strip().splitlines() or [""]
            return self._trace("\n".join(before), last)
        written = LONE.sub(r"\\\\", fields[0])
        try:
            found, _ = json.JSONDecoder(strict=False).raw_decode(written)
            return self._trace(str(found["reasoning"]), str(found["answer"]))
        except (ValueError, KeyError, TypeError):
            return self._trace(fields[1].replace("\\n", "\n"), "")

    def _trace(self, reasoning: str, answer: str) -> Trace:
        return Trace(
            problem_key=self.problem.key, teacher=self.row["model"], strategy="study", prompt_key=self.name, sample=0,
            attempt=0, sampling="{}", reasoning=reasoning, answer=answer, finish="stop",
        )  # fmt: skip

    @property
    def text(self) -> str:
        """All that was written."""
        return f"{self.trace.reasoning}\n{self.trace.answer}"

    def case(self, **more: object) -> Candidate:
        """What a filter is asked about."""
        return Candidate(
            trace=self.trace, verdict=None, problem=self.problem, held_out=False, settings=SETTINGS,
            allow_summaries=False, **more,
        )  # fmt: skip


@dataclass(frozen=True)
class Flag:
    """A flagged row, and what to show of it."""

    name: str
    shown: str


def lines(path: Path) -> Iterator[dict]:
    """The rows of one file."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as opened:
        yield from map(json.loads, opened)


def problem_of(row: dict) -> Problem:
    """A row's problem."""
    gold, kind = row["gold"], row["gold_type"]
    return Problem(
        id=row["id"], question=row["problem"], gold=None if gold is None else str(gold),
        answer_kind={"number_or_code": "number"}.get(kind, GOLD_TYPES.get(kind, "text")),
        choices=tuple(map(str, row.get("choices") or ())),
    )  # fmt: skip


def traces(data: Path) -> list[Row]:
    """All traces of the folder; rows without a response are left out."""
    return [
        Row(f"{path.name.partition('.')[0]}:{row['id']}", row, problem_of(row))
        for path in sorted(data.glob("traces_*.jsonl*")) + sorted(data.glob("steps_*.jsonl*"))
        for row in lines(path) if row["response"]
    ]  # fmt: skip


def around(text: str, start: int, end: int, width: int = AROUND) -> str:
    """A stretch of a text with what is round it."""
    said = f"{text[max(0, start - width) : start]}«{text[start : min(end, start + 400)]}»{text[end : end + width]}"
    return said.replace("\n", "\\n")


def first(pattern: re.Pattern[str], text: str) -> str:
    """What a pattern finds first."""
    found = pattern.search(text)
    return around(text, *found.span()) if found else ""


Found = Iterable[Flag]


def declines(rows: list[Row]) -> Found:
    """`curate.drop_refusals`."""
    for row in rows:
        if refusing.refuses(row.case()):
            yield Flag(row.name, first(refusing._DECLINES, row.trace.answer.strip()))


def concludes(rows: list[Row]) -> Found:
    """`curate.drop_no_conclusion`, of problems that have an answer."""
    for row in rows:
        if row.row["gold_type"] not in ("unanswerable", "rubric", "code") and no_conclusion(row.case()):
            yield Flag(row.name, f"[{row.problem.answer_kind} {row.problem.gold}] …{row.trace.answer[-500:]!r}")


def unanswered(rows: list[Row]) -> Found:
    """No answer behind the thinking."""
    for row in rows:
        if filters.no_answer(row.case()):
            yield Flag(row.name, f"{row.row['response'][:100]!r} … {row.row['response'][-300:]!r}")


def repetitive(rows: list[Row]) -> Found:
    """`curate.drop_repetition`."""
    for row in rows:
        if filters.repetitive(row.case()):
            yield Flag(row.name, f"{len(row.text)} {row.text[:150]!r} … {row.text[-550:]!r}")


def looping(rows: list[Row]) -> Found:
    """Loops as reports count them."""
    for row in rows:
        if is_looping(row.text):
            yield Flag(row.name, f"{len(row.text)} … {row.text[-450:]!r}")


def runs_on(rows: list[Row]) -> Found:
    """`curate.drop_run_on`."""
    from potstill import text as texts

    for row in rows:
        if filters.run_on(row.case()):
            yield Flag(row.name, f"asked {row.problem.question[:90]!r} " + first(texts._ASKED_ANEW, row.trace.answer))


def mixed(rows: list[Row]) -> Found:
    """`curate.drop_mixed_scripts`."""
    from potstill import text as texts

    for row in rows:
        if filters.mixed_scripts(row.case()):
            yield Flag(row.name, first(texts._UNUSUAL, row.text))


def marked(rows: list[Row]) -> Found:
    """Marks of thinking left."""
    from potstill import marks

    for row in rows:
        if filters.marks_left(row.case()):
            place = next(p for p in (*marks._ANY, marks._BESIDE) if p.search(row.text))
            yield Flag(row.name, first(place, row.text))


def quoting(rows: list[Row]) -> Found:
    """`curate.quotes: 0.5`, against all tests of the folder."""
    data = OPTIONS.data
    index = QuoteIndex(0.5, [(row["id"], row["problem"]) for name in TESTS for row in lines(data / name)])
    for row in rows:
        if said := filters.quoted(row.case(quotes=index)):
            yield Flag(row.name, f"asked {row.problem.question[:300]!r} {said}")


def tail(row: Row, count: int = 5) -> str:
    """The last steps of a trace, and its answer."""
    told = told_of(row.problem, row.parted.reasoning, row.parted.answer)
    steps = " ⏎ ".join(step.text.strip().replace("\n", "\\n")[-220:] for step in told.steps[-count:])
    return f"[says {told.said!r}, gold {row.problem.gold!r}, {row.row.get('correct')}] … {steps}"


def ends_elsewhere(rows: list[Row]) -> Found:
    """`curate.faithful.conclusion`."""
    for row in rows:
        if faith_of(row.problem, row.parted).conclusion == "wrong":
            yield Flag(row.name, tail(row))


def wrong_steps(rows: list[Row]) -> Found:
    """`curate.faithful.valid: 1.0`."""
    for row in rows:
        told = told_of(row.problem, row.parted.reasoning, row.parted.answer)
        yield from first_wrong(row, [step.text for step in told.steps])


def bent_steps(rows: list[Row]) -> Found:
    """A wrong step of the reasoning to an answer that was told: nobody told these, so those that are right stand in."""
    for row in right(rows):
        reasoning = row.parted.reasoning
        yield from first_wrong(row, [reasoning[span.start : span.end] for span in segment(reasoning, "sentences")])


def right(rows: list[Row]) -> list[Row]:
    """The traces whose answer is right, as their collection says."""
    return [row for row in rows if row.row.get("correct") is True]


def first_wrong(row: Row, steps: list[str]) -> Found:
    """The first wrong step, with what stands before it."""
    checked = check_steps(steps)
    at = checked.first_wrong_step
    if at is not None:
        before = steps[at - 1][-150:] if at else ""
        yield Flag(row.name, f"[{checked.steps[at]}] {before!r} «{steps[at][:500]!r}»")


def dead_steps(rows: list[Row]) -> Found:
    """`curate.faithful.dead: 0.5`."""
    for row in rows:
        found = faith_of(row.problem, row.parted).dead
        if found is not None and found > DEAD:
            yield Flag(row.name, f"{found:.2f} {tail(row, 8)}")


def from_nowhere(rows: list[Row]) -> Found:
    """`curate.faithful.nowhere: 0`."""
    for row in rows:
        found = faith_of(row.problem, row.parted).nowhere
        if found is not None and found > NOWHERE:
            yield Flag(row.name, f"{found} asked {row.problem.question[-300:]!r} {tail(row, 3)}")


def instructed(rows: list[Row]) -> Found:
    """An instruction of our own strategies repeated: nobody asked these traces under it."""
    ways = {name: AskedWay(instruction=text) for name, text in instructions(Ways(), Path()).items()}
    for row in rows:
        for name, way in ways.items():
            if filters.repeats_instruction(row.case(way=way)):
                yield Flag(row.name, f"{name}: {row.text[:300]!r}")
                break


def hinted(rows: list[Row]) -> Found:
    """Speech of an answer that was told: nobody told these traces."""
    for row in rows:
        if filters.speaks_of_hint(row.case(way=AskedWay(hinted=True))):
            yield Flag(row.name, first(filters._HINT, row.text))


def near_traces(rows: list[Row]) -> Found:
    """`curate.near: 0.8`, each file for itself, behind exact copies."""
    for file in sorted({row.name.partition(":")[0] for row in rows}):
        here = list({_content(row.trace): row for row in rows if row.name.startswith(f"{file}:")}.values())
        found = near_copies(
            ((at, array("Q", bands(row.text, 0.8))) for at, row in enumerate(here)), 0.8,
            lambda wanted, here=here: {at: shingles(here[at].text) for at in wanted},
        )  # fmt: skip
        for copy, (other, index) in found.items():
            one, two = here[copy], here[other]
            same = "same problem" if one.problem.key == two.problem.key else "OTHER problem"
            yield Flag(one.name, f"{index:.2f} {same} {two.name}\n  {one.text[:700]!r}\n  {two.text[:700]!r}")


def problems(rows: list[Row]) -> Iterator[tuple[str, Problem]]:
    """All different questions, of sources and of traces."""
    data, seen = OPTIONS.data, set[str]()
    named = [
        (f"{name.partition('.')[0]}:{row['id']}", problem_of(row)) for name in SOURCES for row in lines(data / name)
    ]
    for name, problem in (*named, *((row.name, row.problem) for row in rows)):
        if problem.overlap_key not in seen:
            seen.add(problem.overlap_key)
            yield name, problem


def near_tests(rows: list[Row]) -> Found:
    """`problems.near` at its default, of every question against every other set's tests."""
    tests = [
        (f"{name.partition('.')[0]}:{row['id']}", problem_of(row))
        for name in TESTS
        for row in lines(OPTIONS.data / name)
    ]
    keys = {problem.overlap_key for _, problem in tests}
    index = NearIndex(Problems(sources=()).near or 0, [(name, one.statement, one.gold) for name, one in tests])
    told = dict(tests)
    for name, problem in problems(rows):
        if problem.overlap_key in keys:
            continue
        near = index.near(problem.statement, problem.gold)
        if near is not None:
            both = (f"[{each.gold}] {each.question[:600]!r}" for each in (problem, told[near.name]))
            yield Flag(name, "\n  ".join((str(near), *both)))


def pruning(kind: str) -> Callable[[list[Row]], Found]:
    """What one kind of `curate.prune` takes out; one run of steps that goes is shown of each trace."""

    def find(rows: list[Row]) -> Found:
        for row in rows:
            reasoning = row.parted.reasoning
            if row.problem.answer_kind == "code" or not reasoning.strip():
                continue
            found = prune(row.problem, reasoning, row.parted.answer, (kind,))
            if sum(found.gone):
                yield Flag(row.name, _gone(row, reasoning, set(found.kept)))

    find.__doc__ = f"`curate.prune: [{kind}]`."
    return find


def _gone(row: Row, reasoning: str, kept: set[int]) -> str:
    pieces = [reasoning[span.start : span.end].strip().replace("\n", "\\n") for span in segment(reasoning, "sentences")]
    out = [at for at in range(len(pieces)) if at not in kept]
    pick = out[int(hashlib.sha256(row.name.encode()).hexdigest(), 16) % len(out)]
    shown = range(max(0, pick - 5), min(len(pieces), pick + 5))
    said = " ".join(pieces[at][:200] if at in kept else f"«{pieces[at][:200]}»" for at in shown)
    gold = f"[says {row.parted.answer[-80:]!r}, gold {row.problem.gold!r}; {len(out)} of {len(pieces)} go]"
    return f"{gold} asked {row.problem.question[-160:]!r}\n  {said}"


FILTERS: dict[str, Callable[[list[Row]], Found]] = {
    "refusals": declines, "no_conclusion": concludes, "no_answer": unanswered, "repetition": repetitive,
    "loops": looping, "run_on": runs_on, "mixed_scripts": mixed, "marks_left": marked, "quotes": quoting,
    "near_traces": near_traces, "near_tests": near_tests, "conclusion": ends_elsewhere,
    "valid": wrong_steps, "bent": bent_steps, "dead": dead_steps, "nowhere": from_nowhere,
    "instruction": instructed, "hint": hinted,
    **{f"prune_{kind}": pruning(kind) for kind in PRUNINGS},
}  # fmt: skip
"""Name -> what yields the rows that a filter flags."""
OPTIONS = argparse.Namespace()


def drawn(found: Iterable[Flag], count: int) -> list[Flag]:
    """So many of the flags, by a hash of their names: the same ones whatever the order, and most of them later on."""
    return sorted(found, key=lambda flag: hashlib.sha256(flag.name.encode()).hexdigest())[:count]


def table(kept: dict) -> None:
    """Print the judgements as a Markdown table."""
    print("| filter | rows | flagged | read | right | precision | the wrong ones |\n|---|---|---|---|---|---|---|")
    for name, one in kept.items():
        read, wrong = len(one["read"]), len(one["wrong"])
        share = wilson((read - wrong) / read, read) if read else None
        said = "" if share is None else f"{share.value:.0%} ({share.low:.0%} to {share.high:.0%})"
        faults = "; ".join(f"{count} {why}" for why, count in Counter(one["wrong"].values()).most_common())
        print(f"| `{name}` | {one['rows']:,} | {one['flagged']:,} | {read} | {read - wrong} | {said} | {faults} |")


def main() -> None:
    """Draw, show, note."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("filters", nargs="*", default=[], choices=[[], *FILTERS])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--draw", type=int, default=50, help="rows of each filter")
    parser.add_argument(
        "--every", type=int, default=1, help="take one trace of so many, in the order of the hashes of their names"
    )
    parser.add_argument("--keep", action="store_true", help="note what was drawn")
    parser.add_argument("--table", action="store_true", help="only print the table of judgements")
    vars(OPTIONS).clear()
    parser.parse_args(namespace=OPTIONS)
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    if OPTIONS.table:
        table(kept)
        return
    if not OPTIONS.data.is_dir():
        sys.exit(f"{OPTIONS.data} is not there: this study reads real traces (--data)")
    rows = traces(OPTIONS.data)
    if OPTIONS.every > 1:
        rows = sorted(rows, key=lambda row: hashlib.sha256(row.name.encode()).hexdigest())[:: OPTIONS.every]
    for name in OPTIONS.filters or FILTERS:
        start = time.process_time()
        found = list(FILTERS[name](rows))
        seen = len(list(problems(rows)) if name == "near_tests" else right(rows) if name == "bent" else rows)
        chosen = drawn(found, OPTIONS.draw)
        files = Counter(flag.name.partition(":")[0] for flag in found)
        print(f"\n=== {name}: {len(found)} of {seen}, {time.process_time() - start:.0f} s, {dict(files.most_common())}")
        for number, flag in enumerate(chosen):
            print(f"\n{number}. {flag.name}\n  {flag.shown}")
        if OPTIONS.keep:
            old = kept.get(name, {}).get("wrong", {})
            read = [flag.name for flag in chosen]
            kept[name] = {
                "rows": seen, "flagged": len(found), "read": read,
                "wrong": {row: why for row, why in old.items() if row in read},
            }  # fmt: skip
            RESULTS.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
