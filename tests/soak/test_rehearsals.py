"""Every R1 recipe and Orca's explanations run whole at a thousandth of their rows: graph, filters, mix and protocols.

Each on a tiny student of its architecture, from a scripted teacher and judge. The recipes of a campaign are run one
after the other in one folder, so that what they have in common is made once and the teacher asked nothing twice.
"""

import json
import os
from collections import Counter
from dataclasses import dataclass

import pytest

pytest.importorskip("torch")

from commands import done
from soak import scripted_teacher
from train import tiny

from potstill.recipe_file import load
from potstill.records import Example, Measure, Problem, Trace
from potstill.store import Run
from potstill.train import students

pytestmark = pytest.mark.soak
LLAMA3 = {"rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 256}  # fmt: skip
QWEN = {"rope_type": "default", "rope_theta": 1e6}
SHAPES = {
    "Qwen/Qwen2.5-1.5B": ("Qwen2", 6, 2, True, QWEN),
    "open-r1/Qwen2.5-Math-7B-RoPE-300k": ("Qwen2", 7, 2, False, QWEN | {"rope_theta": 3e5}),
    "Qwen/Qwen2.5-14B": ("Qwen2", 5, 3, False, QWEN),
    "Qwen/Qwen2.5-32B": ("Qwen2", 5, 4, False, QWEN),
    "meta-llama/Llama-3.1-8B": ("Llama", 4, 2, False, LLAMA3),
    "meta-llama/Llama-3.3-70B-Instruct": ("Llama", 8, 5, False, LLAMA3),
}
"""Student -> architecture, heads of queries for one of keys, a sixteenth of its layers, bound head, positions."""
R1 = ("qwen-1.5b", "qwen-7b", "qwen-14b", "qwen-32b", "llama-8b", "llama-70b")
SHORT = os.environ.get("POTSTILL_SOAK") == "short"
TINY = {
    "problems.evaluate": 12, "train.processes": 1, "train.sharding": "none", "train.precision": "fp32",
    "train.max_length": 400, "train.learning_rate": 1e-3, "train.micro_batch": 16, "evaluate.max_tokens": 16,
    "evaluate.temperature": 0.0,
}  # fmt: skip
"""What of a recipe is for accelerators, or takes long."""


@dataclass(frozen=True)
class Rehearsed:
    """A recipe that was run twice: its run, how often each request was made by then, and its report."""

    run: Run
    asked: Counter
    report: str

    @property
    def dropped(self):
        """Reason -> traces that were not kept."""
        return self.run.committed("examples").counts["dropped"]

    def all_accounted_for(self, samples):
        """Fail unless all that was to be asked was, once, and every trace is kept or dropped."""
        traces, examples = self.run.committed("traces"), self.run.committed("examples")
        assert traces.total("traces") == samples * self.run.committed("problems").counts["train"]
        assert max(self.asked.values()) == 1, "nothing is asked twice, by a second run or another recipe neither"
        assert examples.counts["kept"] + sum(self.dropped.values()) == traces.total("traces")


def student(model, folder):
    """Write a tiny random model of the architecture of a recipe's student; return its folder."""
    import torch
    import transformers

    family, heads, layers, bound, positions = SHAPES[model]
    out = folder / model.rpartition("/")[2]
    if not (folder / "base").exists():
        files = ("mathematics", "code", "science", "general")
        rows = [json.loads(line) for file in files for line in (folder / f"{file}.jsonl").read_text().splitlines()]
        shown = [" ".join((row["question"], *scripted_teacher.answered(row["question"], 1)[:2])) for row in rows]
        students.prepare(tiny.STUDENT, lambda: iter(shown), seed=3, out=folder / "base")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder / "base")
    config = getattr(transformers, f"{family}Config")(
        vocab_size=len(tokenizer) + 8, hidden_size=8 * heads, intermediate_size=24 * heads, num_hidden_layers=layers,
        num_attention_heads=heads, num_key_value_heads=1, max_position_embeddings=512, tie_word_embeddings=bound,
        rope_parameters=positions,
    )  # fmt: skip
    torch.manual_seed(0)
    written = getattr(transformers, f"{family}ForCausalLM")(config)
    written.generation_config = transformers.GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    written.save_pretrained(out)
    tokenizer.save_pretrained(out)
    return out


@pytest.fixture(scope="module")
def rehearse(tmp_path_factory):
    """Run a recipe whole in the folder of its campaign, then once more."""
    folder = tmp_path_factory.mktemp("campaigns")
    scripted_teacher.problems(folder)
    with scripted_teacher.serving() as (address, asked):

        def run(name, campaign, **more):
            recipe, out = load(name), folder / campaign
            if not out.exists():
                asked.clear()  # another campaign has another ledger
            made = TINY | {
                "data": folder, "student.model": student(recipe.student.model, folder),
                "teacher.base_url": address, "checks.judge.base_url": address,
                **{f"problems.sources.{n}.count": one.count // 1000 for n, one in enumerate(recipe.problems.sources)},
                **{key.replace("__", "."): value for key, value in more.items()},
            }  # fmt: skip
            given = [part for key, value in made.items() for part in ("--set", f"{key}={value}")]
            done("check", name, *given)
            done("run", name, "--out", out, "--redo", *given)
            done("run", name, "--out", out, *given)
            return Rehearsed(Run(out), asked, json.dumps(json.loads((out / "report.json").read_text())))

        yield run


@pytest.mark.parametrize("name", R1[:1] if SHORT else R1)
def test_a_thousandth_of_r1s_campaign(name, rehearse):
    few = {f"evaluate__benchmarks__{n}__{key}": value
           for n in range(4) for key, value in {"samples": 1, "max_tokens": 16, "count": 2}.items()}  # fmt: skip
    made = rehearse(f"r1-distill-{name}", "r1", train__epochs=1, evaluate__samples=1, **few)
    made.all_accounted_for(samples=4)
    assert made.run.committed("problems").counts["train"] > 250
    examples = made.run.committed("examples")
    assert 300 < examples.counts["kept"] < 1000
    assert {"wrong", "truncated", "mixed scripts"} <= set(made.dropped)
    assert ("over its share of the mix" in made.dropped) == (name == "qwen-1.5b")
    domains = {one.domain for one in examples.rows("examples", Example)}
    assert domains == {"mathematics", "code", "science", "general"}
    assert made.run.committed("train-traces").counts["rows"] > 100
    for arm in ("base", "traces"):
        for benchmark in ("aime24", "math500", "gpqa-diamond", "livecodebench"):
            measured = made.run.committed(f"benchmark-{arm}-{benchmark}")
            assert sum(1 for table in measured.counts["tables"] for _ in measured.rows(table, Measure)) == 2
    assert "aime24*" in made.report, "what is not measured as published does not carry its name"


def test_a_thousandth_of_orcas_instructions(rehearse):
    made = rehearse("orca-explain", "orca")
    made.all_accounted_for(samples=2)
    traces, examples = made.run.committed("traces"), made.run.committed("examples")
    problems = {one.key: one for one in made.run.committed("problems").rows("train", Problem)}
    asked = Counter((problems[one.problem_key].domain, one.strategy) for one in traces.rows("traces", Trace))
    assert {"truncated", "mixed scripts"} <= set(made.dropped)
    assert "wrong" in made.dropped
    assert len({message for _, message in asked}) == 6, "all messages but that of questions with options"
    told = [text.lower() for text in scripted_teacher.WAYS]
    for one in examples.rows("examples", Example):
        assert one.question == problems[one.problem_key].statement, "the student is not told how to go about it"
        assert not any(text in f"{one.reasoning} {one.answer}".lower() for text in told)
    answers, whole = (made.run.committed(f"train-{arm}").counts["rows"] for arm in ("answers", "traces"))
    assert 0 <= answers - whole < load("orca-explain").train.batch, "as many examples, in whole steps"
    for arm in ("base", "answers", "traces"):
        assert sum(1 for _ in made.run.committed(f"evaluate-{arm}").rows("zero_shot", Measure)) == 12
