"""For verl: two Parquet files as its data reader takes them, and a custom reward function (as of verl 0.9)."""

from __future__ import annotations

import io
from pathlib import Path

from potstill.durable import write_durably
from potstill.export.handover import HandedOver, to_text

MODULE = '''
from pathlib import Path

from potstill.export.handover import Judging

JUDGING = Judging(Path(__file__).parent)


def compute_score(data_source, solution_str, ground_truth, extra_info=None, **_):
    """Return the score of a response; where nobody can know it is 0, and `known` says so."""
    (reward,) = JUDGING.rewards([extra_info["problem"]], [solution_str])
    return {"score": reward or 0.0, "known": float(reward is not None)}
'''


def verl(handed: HandedOver, out: Path) -> str:
    """Write `train.parquet`, `test.parquet` and `reward.py`, and return how verl is told."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for part, problems in handed.problems.items():
        rows = [
            {
                "data_source": problem.source or "potstill",
                "prompt": handed.messages(problem),
                "ability": problem.domain,
                "reward_model": {"style": "rule", "ground_truth": problem.gold or ""},
                "extra_info": {"index": number, "split": part, "problem": to_text(problem)},
            }
            for number, problem in enumerate(problems)
        ]
        sink = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows), sink)
        write_durably(out / f"{part}.parquet", sink.getvalue())
    write_durably(out / "reward.py", (handed.head("verl") + MODULE).encode())
    return (
        "data.train_files=train.parquet data.val_files=test.parquet reward.custom_reward_function.path=reward.py "
        "reward.custom_reward_function.name=compute_score"
    )
