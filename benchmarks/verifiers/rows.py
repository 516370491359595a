"""What the graders are asked: labelled responses of real models, and the grid of kinds and closings of the tests."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
FILES = (
    "traces_bbh_code_davinci_002.jsonl.gz", "traces_cruxeval_zeroeval_json.jsonl.gz",
    "traces_farel_qwq_o1preview.jsonl.gz", "traces_gsm8k_longcot_r1_qwq_s1.jsonl.gz",
    "traces_gsm8k_openai2021.jsonl.gz", "traces_gsm8k_short_8models.jsonl.gz", "traces_gsm8k_tora_program.jsonl.gz",
    "traces_gsm8k_zeroeval_json.jsonl.gz", "traces_math_best_of_8_qwen_rm.jsonl.gz",
    "traces_math_level5_zeroeval_json.jsonl.gz", "traces_math_nemo_3samples.jsonl", "traces_mmlu_pro_3models.jsonl.gz",
    "traces_palm540b_cqa_svamp_runon.jsonl.gz", "traces_theoremqa_2models.jsonl.gz",
)  # fmt: skip
"""Those whose label rests on no model judge, as in docs/reference/agreement.md."""
NUMBERS, MATHEMATICS, LETTERS, WORDS, DENIED = "numbers", "mathematics", "letters", "words and values", "denied"
GROUPS = (NUMBERS, MATHEMATICS, LETTERS, WORDS, DENIED)
_OF_GOLDS = {
    "number": NUMBERS, "latex": MATHEMATICS, "number_or_bool_or_list": MATHEMATICS, "choice": LETTERS,
    "arithmetic_expression": WORDS,
}  # fmt: skip
_LETTER = re.compile(r"\(?[A-R]\)?")
"""A gold that is an option, as BIG-Bench Hard writes it: `(B)`."""
_OF_KINDS = {
    NUMBERS: "integer negative grouped decimal fraction mixed percent money speed length counted scientific",
    MATHEMATICS: "radical polynomial factored circle point matrix set interval line inequality roots complex ratio",
    LETTERS: "letter option",
    WORDS: "date clock yes_no word python",
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """A response and whether it is right; `source` is its file, or `grid`, and `group` what kind of answer it has."""

    id: str
    source: str
    group: str
    question: str
    gold: str
    answer_kind: str
    choices: tuple[str, ...]
    response: str
    right: bool


def group_of(gold_type: str, gold: str) -> str:
    """Return the group of a labelled row."""
    if gold_type in _OF_GOLDS:
        return _OF_GOLDS[gold_type]
    return LETTERS if _LETTER.fullmatch(gold.strip()) else WORDS


def shared(folder: Path = SHARED) -> Iterator[Row]:
    """Yield the labelled responses, file by file."""
    from potstill.problems.columns import GOLD_TYPES

    for name in FILES:
        opened = gzip.open if name.endswith(".gz") else open
        with opened(folder / name, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                if row["correct"] is not None:
                    yield Row(
                        id=row["id"], source=name.removeprefix("traces_").partition(".")[0],
                        group=group_of(row["gold_type"], row["gold"]), question=row.get("problem") or "",
                        gold=row["gold"], answer_kind=GOLD_TYPES.get(row["gold_type"], "text"),
                        choices=tuple(row.get("choices") or ()), response=row["response"], right=row["correct"],
                    )  # fmt: skip


def grid() -> Iterator[Row]:
    """Yield the grid of `tests/verify/grid.py`; a denial holds the right answer and does not assert it."""
    sys.path.insert(0, str(ROOT / "tests"))
    from verify.grid import grid as cases

    groups = {kind: group for group, kinds in _OF_KINDS.items() for kind in kinds.split()}
    for number, case in enumerate(cases()):
        item = case.item
        yield Row(
            id=f"grid-{number}", source="grid", question=item.question, gold=item.gold, answer_kind=item.answer_kind,
            group=DENIED if case.want == "not right" else groups.get(item.kind, WORDS), choices=item.choices,
            response=case.response, right=case.want == "right",
        )  # fmt: skip


def drawn(rows: list[Row], count: int) -> list[Row]:
    """Return so many rows, drawn by a hash of their ids, in the order in which they were."""
    chosen = set(sorted((row.id for row in rows), key=lambda name: hashlib.sha256(name.encode()).hexdigest())[:count])
    return [row for row in rows if row.id in chosen]
