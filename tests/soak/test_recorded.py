"""What shipped recipes gave before a recipe was a graph, they give today: examples to the byte, losses and measures.

The figures were recorded at commit d0bdbdd in fp32, with fewer tokens, steps and problems than the recipes have. Two
processors may differ in the last bits of a product, so losses are compared to a thousandth; on one processor they are
equal to the bit, which docs/log.md has for all four recipes.
"""

import hashlib
import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

from commands import done

from potstill.records import Drop, Example, Measure
from potstill.store import Run

pytestmark = pytest.mark.soak
DATA = Path(__file__).parents[3] / "shared" / "data"
SETS = {
    "pocket": ("train.tokens=40000", "problems.evaluate=40", "train.checkpoint_every=1000"),
    "gsm8k-r1": (
        f"data={DATA}", "train.precision=fp32", "train.steps=2", "train.batch=2", "train.micro_batch=1",
        "train.max_length=400", "problems.sources.1.count=6", "evaluate.max_tokens=32", "evaluate.batch=6",
    ),
}  # fmt: skip
RECORDED = {
    "pocket": {
        "examples": [16217, "ca95105cbcfa66ee"],
        "dropped": "1a3c32b625442c19",
        "losses answers": [6.42889, 5.526677, 4.373861, 3.649455, 3.021309, 2.424969, 1.949017, 1.567733],
        "losses traces": [6.311238, 5.47208, 4.74274, 4.219281, 3.86301, 3.449191, 3.160137, 2.842702],
        "measures base zero_shot": [0, 40, 6400],
        "measures base few_shot": [0, 40, 5842],
        "measures answers zero_shot": [0, 0, 288],
        "measures traces zero_shot": [2, 0, 2485],
    },
    "gsm8k-r1": {
        "examples": [376, "ac10a9d1420afbfa"],
        "dropped": "5b0feee51283e05d",
        "losses answers": [1.005965, 1.487220],
        "losses traces": [1.089434, 1.349085],
        "measures base zero_shot": [0, 6, 192],
        "measures base few_shot": [0, 6, 192],
        "measures answers zero_shot": [0, 6, 192],
        "measures traces zero_shot": [0, 6, 192],
    },
}


def digest(rows):
    text = json.dumps(rows, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def found_in(path):
    """Examples as (number, digest), reasons of drops, losses a step, and (right, unknown, tokens) of each table."""
    run = Run(path)
    examples, found = run.committed("examples"), {}
    rows = [[e.question, e.reasoning, e.answer, e.weight, e.difficulty] for e in examples.rows("examples", Example)]
    found["examples"] = [len(rows), digest(rows)]
    found["dropped"] = digest(sorted(drop.reason for drop in examples.rows("dropped", Drop)))
    for arm in ("answers", "traces"):
        logs = json.loads(run.committed(f"train-{arm}").read("losses.json"))
        found[f"losses {arm}"] = [log["loss"] for log in logs]
    for arm in ("base", "answers", "traces"):
        measured = run.committed(f"evaluate-{arm}")
        for table in measured.counts["tables"]:
            measures = list(measured.rows(table, Measure))
            outcomes = [measure.outcome for measure in measures]
            tokens = sum(measure.completion_tokens for measure in measures)
            found[f"measures {arm} {table}"] = [outcomes.count("right"), outcomes.count("unknown"), tokens]
    return found


@pytest.mark.parametrize("name", RECORDED)
def test_a_shipped_recipe_gives_what_it_gave(name, tmp_path):
    if name == "gsm8k-r1" and not DATA.is_dir():
        pytest.skip("the shared data are not here")
    done("run", name, "--out", tmp_path / "run", *(part for item in SETS[name] for part in ("--set", item)))
    found, wanted = found_in(tmp_path / "run"), RECORDED[name]
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        if key.startswith("losses"):
            assert found[key][: len(value)] == pytest.approx(value, rel=1e-3), key
        elif key.startswith("measures"):
            assert found[key] == pytest.approx(value, rel=0.02, abs=1), key
        else:
            assert found[key] == value, key
