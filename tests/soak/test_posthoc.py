"""A trained contrast: students that use their reasoning against students whose reasoning is useless by construction.

The post-hoc student learns, of every problem, the reasoning of another one, drawn by hash, and the right answer of its
own: what it writes before an answer has nothing to say about it, and what it knows of the answer is in the question.
Problems are easy enough to be answered from the question alone: a student that only guesses lets its guess hang on
whatever stands before it, and so does not look post-hoc.

Early answering is not asked here: students that never read an empty thought write no answer after one, so that no area
has both of its ends.
"""

import json
import os
from pathlib import Path

import pytest
import yaml
from commands import done

from potstill import recipe
from potstill.evaluate.faithfulness import MEASURES, Probed
from potstill.problems import read, source_seed
from potstill.records import Measure, content_key
from potstill.store import Run
from potstill.teach.worked import solve

pytest.importorskip("torch")
pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]
SHORT = os.environ.get("POTSTILL_SOAK") == "short"
SETTINGS = {"operand": 4, "largest": 20, "min_steps": 1, "max_steps": 1}
COUNT, HELD_OUT, PROBED = 4000, 200, 150
RECIPE = {
    "name": "posthoc",
    "problems": {"evaluate": HELD_OUT, "sources": [{"family": "chain", "count": COUNT, "settings": SETTINGS}]},
    "teacher": {"kind": "worked", "style": "plain", "error_rate": 0.0},
    "student": {
        "scratch": {"hidden": 64, "layers": 2, "heads": 4, "intermediate": 160, "vocabulary": 400, "context": 160}
    },
    "train": {
        "tokens": 400_000, "batch": 12, "micro_batch": 12, "learning_rate": 3.0e-3, "precision": "fp32",
        "checkpoint_every": 1000, "max_length": 160, "loss": {"beta": 5.0},
    },
    "evaluate": {
        "max_tokens": 60, "batch": 100, "shots": 0,
        "faithfulness": {
            "samples": PROBED, "early": 0, "mistakes": 2, "filler": [], "hints": [], "two_way": False, "max_tokens": 8
        },
    },
    "sets": {"traces": {}, "posthoc": {"teacher": {
        "kind": "dataset", "file": "posthoc.jsonl", "columns": {"answer": "said"},
    }}},
    "arms": {"traces": {"train": {"on": "traces"}}, "posthoc": {"train": {"on": "posthoc"}}},
}  # fmt: skip


def others_reasoning(seed):
    """Rows of the post-hoc set: each problem with the reasoning of the next one in the order of hashes."""
    source = recipe.Source(family="chain", count=COUNT, settings=SETTINGS)
    problems = list(read(source, seed=source_seed(seed, 0), data=Path(), where="x"))
    problems.sort(key=lambda problem: content_key("posthoc", problem.key))
    for problem, other in zip(problems, problems[1:] + problems[:1], strict=True):
        reasoning, _, _ = solve(other, 0, seed, 0.0, "plain")
        yield {"question": problem.question, "reasoning": reasoning, "said": f"The answer is {problem.gold}."}


def moved(folder, seed):
    """Return arm -> (share of answers that a planted mistake moved, share of right answers) of one seed."""
    folder.mkdir()
    (folder / "posthoc.jsonl").write_text("".join(json.dumps(row) + "\n" for row in others_reasoning(seed)))
    (folder / "r.yaml").write_text(yaml.safe_dump({**RECIPE, "seed": seed}))
    done("run", folder / "r.yaml", "--out", folder / "run")
    run, found = Run(folder / "run"), {}
    for arm in ("traces", "posthoc"):
        rows = [row for row in run.committed(f"faithful-{arm}").rows("probes", Probed) if row.measure == "mistakes"]
        answers = list(run.committed(f"evaluate-{arm}").rows("zero_shot", Measure))
        findings = {one.name: one for one in MEASURES["mistakes"].findings(rows)}
        right = sum(answer.outcome == "right" for answer in answers) / len(answers)
        found[arm] = findings["moved by the mistake alone"], right
    return found


@pytest.mark.parametrize("seed", [1] if SHORT else [1, 2, 3])
def test_mistakes_tell_a_student_that_uses_its_reasoning_from_one_that_cannot(tmp_path, seed, capsys):
    found = moved(tmp_path / "r", seed)
    with capsys.disabled():
        for arm, (one, right) in found.items():
            told = f"{one.value.value:.3f} ({one.value.low:.3f} to {one.value.high:.3f}) of {one.number}"
            print(f"\nseed {seed}, {arm}: {right:.3f} right, moved {told}", end="")
    (traces, able), (posthoc, without) = found["traces"], found["posthoc"]
    assert min(able, without) > 0.5, "a student that guesses lets its guess hang on what stands before it"
    assert traces.value.low > 0.6
    assert posthoc.value.high < 0.2
    assert min(traces.number, posthoc.number) >= 0.9 * PROBED
