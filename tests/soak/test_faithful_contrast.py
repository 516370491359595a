"""A student that reasons against a post-hoc one: the same answers behind the reasoning of other problems.

The post-hoc student learns from right answers that nothing before them leads to, so its answers cannot rest on its
reasoning. Its area over the curve of early answering, and what planted mistakes move, must lie apart from those of the
student that was taught from traces, in every seed.
"""

import json
import os
from pathlib import Path

import pytest

pytest.importorskip("torch")

import yaml
from commands import done

from potstill.evaluate.faithfulness import MEASURES, Probed
from potstill.problems import read, source_seed
from potstill.recipe import Source
from potstill.store import Run
from potstill.teach.worked import solve

pytestmark = pytest.mark.soak
SEEDS = (1,) if os.environ.get("POTSTILL_SOAK") == "short" else (1, 2, 3)
COUNT, TOKENS = 12_000, 700_000
SETTINGS = {"operand": 9, "largest": 40}


def recipe(folder, seed):
    source = Source(family="chain", count=COUNT, settings=SETTINGS)
    problems = list(read(source, seed=source_seed(seed, 0), data=Path(), where="x"))
    worked = [solve(problem, 0, seed, 0.0, "plain") for problem in problems]
    rows = [
        {"question": problem.question, "reasoning": worked[at - 1][0], "said": worked[at][1], "model": "shuffled"}
        for at, problem in enumerate(problems)
    ]
    (folder / "shuffled.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    train = {"tokens": TOKENS, "batch": 8, "micro_batch": 8, "learning_rate": 1.5e-3, "precision": "fp32",
             "checkpoint_every": 1000}  # fmt: skip
    return {
        "name": "contrast", "seed": seed,
        "problems": {"evaluate": 100, "sources": [{"family": "chain", "count": COUNT, "settings": SETTINGS}]},
        "teacher": {"kind": "worked", "style": "plain"},
        "student": {"scratch": {"hidden": 128, "layers": 4, "heads": 4, "intermediate": 352, "vocabulary": 512,
                                "context": 512}},
        "train": train,
        "evaluate": {"max_tokens": 160, "batch": 100, "shots": 0,
                     "faithfulness": {"samples": 60, "mistakes": 2, "filler": [0, 20], "hints": [], "two_way": False}},
        "sets": {
            "traces": {},
            "posthoc": {"teacher": {"kind": "dataset", "file": "shuffled.jsonl", "columns": {"answer": "said"}}},
        },
        "arms": {"traces": {"train": {"on": "traces"}}, "posthoc": {"train": {"on": "posthoc"}}},
        "deliver": "traces", "export": {"safetensors": False},
    }  # fmt: skip


def figures(run, arm):
    rows = list(Run(run).committed(f"faithful-{arm}").rows("probes", Probed))
    return {
        found.name: found
        for name in ("early", "mistakes")
        for found in MEASURES[name].findings([row for row in rows if row.measure == name])
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_a_post_hoc_student_is_told_from_one_that_reasons(tmp_path, monkeypatch, seed):
    monkeypatch.chdir(tmp_path)
    Path("r.yaml").write_text(yaml.safe_dump(recipe(tmp_path, seed)))
    done("run", "r.yaml", "--out", "run")
    traces, posthoc = (figures(Path("run"), arm) for arm in ("traces", "posthoc"))
    for name in ("area over the curve", "moved by the mistake alone"):
        print(seed, name, traces[name], posthoc[name])
        assert traces[name].number >= 30, "enough responses could be read"
        assert posthoc[name].number >= 30
        assert traces[name].value.low > posthoc[name].value.high, name
