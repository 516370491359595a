"""Each R1 recipe runs whole at a thousandth of its rows: its graph, filters, mix and protocols, on a tiny student."""

import json
import os
from collections import Counter

import pytest

pytest.importorskip("torch")

from commands import done
from soak import r1_teacher
from train import tiny

from potstill.recipe_file import load, shipped
from potstill.records import Example, Measure
from potstill.store import Run
from potstill.train import students

pytestmark = pytest.mark.soak
RECIPES = tuple(name for name in shipped() if name.startswith("r1-distill-"))
TRIED = ("r1-distill-qwen-1.5b",) if os.environ.get("POTSTILL_SOAK") == "short" else RECIPES
TINY = {"vocab_size": 0, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "max_position_embeddings": 512}  # fmt: skip


def student(name, folder):
    """Write a tiny random model of the architecture that a recipe's student has."""
    import torch
    import transformers

    shown = [f"{row['question']} " + " ".join(map(str, r1_teacher.answered(row["question"], 1)[:2]))
             for file in ("mathematics", "code", "science", "general")
             for row in map(json.loads, (folder / f"{file}.jsonl").read_text().splitlines())]  # fmt: skip
    students.prepare(tiny.STUDENT, lambda: iter(shown), seed=3, out=folder / "base")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder / "base")
    family = "Qwen2" if "qwen" in name else "Llama"
    config = getattr(transformers, f"{family}Config")(**TINY | {"vocab_size": len(tokenizer) + 8})
    torch.manual_seed(0)
    model = getattr(transformers, f"{family}ForCausalLM")(config)
    model.generation_config = transformers.GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    model.save_pretrained(folder / "student")
    tokenizer.save_pretrained(folder / "student")


@pytest.mark.parametrize("name", TRIED)
def test_a_thousandth_of_the_campaign_runs_whole(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    r1_teacher.problems(tmp_path)
    student(name, tmp_path)
    recipe = load(name)
    counts = [source.count // 1000 for source in recipe.problems.sources]
    assert counts == [150, 60, 40, 50]
    small = {"samples": 1, "max_tokens": 16, "count": 2}
    with r1_teacher.serving() as (address, asked):
        sets = [
            f"data={tmp_path}", "student.model=student", f"teacher.base_url={address}",
            f"checks.judge.base_url={address}", "problems.evaluate=12",
            "train.processes=1", "train.sharding=none", "train.precision=fp32", "train.max_length=400",
            "train.epochs=1", "train.learning_rate=1e-3", "train.micro_batch=16", "evaluate.samples=1",
            "evaluate.max_tokens=16", "evaluate.temperature=0.0",
            *(f"problems.sources.{n}.count={count}" for n, count in enumerate(counts)),
            *(f"evaluate.benchmarks.{n}.{key}={value}" for n in range(4) for key, value in small.items()),
        ]  # fmt: skip
        given = [part for one in sets for part in ("--set", one)]
        done("check", name, *given)
        done("run", name, "--out", "run", *given)
        done("run", name, "--out", "run", *given)
    run = Run(tmp_path / "run")
    traces, examples = run.committed("traces"), run.committed("examples")
    assert traces.total("traces") == 4 * run.committed("problems").counts["train"] > 1000
    assert max(asked.values()) == 1, "nothing is asked twice, by the second run neither"

    dropped = examples.counts["dropped"]
    assert examples.counts["kept"] + sum(dropped.values()) == traces.total("traces")
    assert 300 < examples.counts["kept"] < 1000
    assert {"wrong", "truncated", "mixed scripts"} <= set(dropped)
    assert ("over its share of the mix" in dropped) == bool(recipe.curate.mix)
    domains = Counter(one.domain for one in examples.rows("examples", Example))
    assert set(domains) == {"mathematics", "code", "science", "general"}
    assert run.committed("train-traces").counts["rows"] > 100

    for arm in ("base", "traces"):
        for benchmark in ("aime24", "math500", "gpqa-diamond", "livecodebench"):
            measured = run.committed(f"benchmark-{arm}-{benchmark}")
            assert sum(1 for table in measured.counts["tables"] for _ in measured.rows(table, Measure)) == 2
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert "aime24*" in json.dumps(report), "what is not measured as published does not carry its name"
