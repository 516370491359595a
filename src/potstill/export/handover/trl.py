"""For TRL's GRPOTrainer: two JSONL files of conversational prompts, and a reward function (as of TRL 1.16)."""

from __future__ import annotations

import json
from pathlib import Path

from potstill.durable import write_durably
from potstill.export.handover import HandedOver, to_text

MODULE = '''
from pathlib import Path

from potstill.export.handover import Judging

JUDGING = Judging(Path(__file__).parent)


def right(completions, problem, **_):
    """Return a reward a completion: 1 right, 0 not right, None where nobody can know, which TRL leaves out."""
    texts = [one if isinstance(one, str) else "".join(turn["content"] or "" for turn in one) for one in completions]
    return JUDGING.rewards(problem, texts)
'''


def trl(handed: HandedOver, out: Path) -> str:
    """Write `train.jsonl`, `test.jsonl` and `reward.py`, and return how TRL is told."""
    for part, problems in handed.problems.items():
        rows = ({"prompt": handed.messages(problem), "problem": to_text(problem)} for problem in problems)
        write_durably(out / f"{part}.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    write_durably(out / "reward.py", (handed.head("TRL") + MODULE).encode())
    return (
        "GRPOTrainer(reward_funcs=right, train_dataset=load_dataset('json', data_files='train.jsonl', split='train')), "
        "with `right` of reward.py"
    )
