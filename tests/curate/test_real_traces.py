"""Real traces of DeepSeek-R1, QwQ and s1.1 on GSM8K, judged by the file's own labels."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from potstill.curate.seen import Looker
from potstill.curate.select import select
from potstill.recipe import Curate
from potstill.records import Drop, Example, Problem, Trace, Verdict
from potstill.text import split_response

DATA = Path(__file__).parents[3] / "shared" / "data"
TRACES = DATA / "traces_gsm8k_longcot_r1_qwq_s1.jsonl.gz"


@pytest.mark.skipif(not TRACES.exists(), reason="shared data is not beside the checkout")
def test_every_real_row_is_kept_or_dropped_for_a_reason():
    rows = [json.loads(line) for line in gzip.decompress(TRACES.read_bytes()).decode().splitlines()]
    test = [json.loads(line) for line in (DATA / "gsm8k_test_300.jsonl").read_text(encoding="utf-8").splitlines()]
    held_out = {Problem(id="", question=row["problem"], gold=row["gold"]).overlap_key for row in test}
    training, pairs = {}, []
    for row in rows:
        problem = Problem(id="", question=row["problem"], gold=row["gold"])
        training[problem.key] = problem
        split = split_response(row["response"])
        trace = Trace(
            problem_key=problem.key,
            teacher=row["model"],
            strategy="zero_shot",
            prompt_key="q",
            sample=0,
            attempt=0,
            sampling="{}",
            reasoning=split.reasoning,
            answer=split.answer,
            finish="stop",
        )
        outcome = {True: "right", False: "wrong", None: "unknown"}[row["correct"]]
        cause = "unparsable prediction" if outcome == "unknown" else ""
        pairs.append(
            (
                trace,
                Verdict(
                    trace_key=trace.key,
                    check="label",
                    policy="",
                    version=1,
                    outcome=outcome,
                    cause=cause,
                    method="label",
                    score=None,
                    extracted=row["pred"],
                ),
            )
        )

    looker = Looker(training=training, held_out=held_out, settings=Curate(per_problem=2), groups={}, seed=0)
    found = list(select(lambda: iter(pairs), looker))
    kept = [one for one in found if isinstance(one, Example)]
    dropped = Counter(one.reason for one in found if isinstance(one, Drop))
    assert len(kept) + dropped.total() == len(rows) == 1144
    assert dropped["overlap with evaluation"] == 520
    assert dropped["beyond 2 per problem"] > 200
    assert dropped["repetition"] <= 6
    assert max(Counter(one.problem_key for one in kept).values()) == 2
    solvable = {
        t.problem_key for t, v in pairs if v.outcome == "right" and training[t.problem_key].overlap_key not in held_out
    }
    assert {one.problem_key for one in kept} == solvable
