"""A protocol as a task of lm-eval: its words and settings as a task file, its problems as rows, its verdicts as ours.

`keep` and `process_results` are called by lm-eval in its own process: they need potstill without torch.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from potstill.evaluate.benchmarks import Protocol
from potstill.evaluate.benchmarks.asking import asked_of, permuted
from potstill.evaluate.benchmarks.figures import figure
from potstill.recipe import Checks
from potstill.records import Measure, Problem
from potstill.text import is_looping, split_response

UTILS = '''"""What lm-eval calls of this task: potstill's own verdicts (pip install 'potstill[verify]' beside it)."""

from potstill.evaluate.lm_eval_task import keep, process_results  # noqa: F401
'''
_NOT_A_NAME = re.compile(r"[^A-Za-z0-9.]+")
"""`pass@1` becomes `pass_1`, `g-pass@16 0.5` becomes `g_pass_16_0.5`."""


def metric_name(metric: str) -> str:
    """Return what a metric is called among lm-eval's."""
    return _NOT_A_NAME.sub("_", metric.replace("@", "_at_").replace("^", "_all_of_"))


def rows_of(protocol: Protocol, problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """Return a row a problem, or a row a sample where the options are permuted: lm-eval repeats equal prompts alone."""
    samples = range(protocol.samples if protocol.permute else 1)
    posed = [permuted(problem, sample) if protocol.permute else problem for problem in problems for sample in samples]
    metrics = ["pass@1"] if protocol.permute else list(protocol.metrics)
    return [
        {
            "prompt": asked_of(protocol, problem), "gold": problem.gold or "", "metrics": json.dumps(metrics),
            "problem": json.dumps(dataclasses.asdict(problem)),
        }
        for problem in posed
    ]  # fmt: skip


def task_yaml(protocol: Protocol, name: str, data: str) -> str:
    """Return the task file; `data` is where the rows are."""
    import yaml

    metrics = ["pass@1"] if protocol.permute else list(protocol.metrics)
    told: dict[str, Any] = {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": data}},
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": "{{prompt}}",
        "doc_to_target": "{{gold}}",
        "num_fewshot": 0,
        "repeats": 1 if protocol.permute else protocol.samples,
        "generation_kwargs": {
            "until": [],
            "do_sample": protocol.temperature > 0,
            "temperature": protocol.temperature,
            "top_p": protocol.top_p,
            "max_gen_toks": protocol.max_tokens,
        },
        "metric_list": [
            {"metric": metric_name(metric), "aggregation": "mean", "higher_is_better": True} for metric in metrics
        ],
        "metadata": {"version": 1, "protocol": protocol.name, "key": protocol.key, "taken_from": protocol.taken_from},
    }
    text = yaml.safe_dump(told, sort_keys=False, allow_unicode=True, width=1000)
    # The default filter keeps the first of the repeats alone.
    return text + (
        "filter_list:\n- name: all\n  filter:\n  - function: custom\n    filter_fn: !function utils.keep\n"
        "process_results: !function utils.process_results\n"
    )


def keep(resps: Sequence[Sequence[str]], docs: Sequence[Any]) -> list[list[str]]:
    """Return all responses of every row; lm-eval calls it as a filter."""
    del docs
    return [list(one) for one in resps]


def process_results(doc: Mapping[str, Any], results: Sequence[Any]) -> dict[str, float]:
    """Return the figures of one row's responses, judged as potstill judges them.

    lm-eval does not say how a response ended: one whose thinking never closes has no answer, and is not solved.
    """
    from potstill.verify.verdicts import judge

    told = json.loads(doc["problem"])
    problem = Problem(**{**told, "choices": tuple(told["choices"])})
    responses = results[0] if results and isinstance(results[0], (list, tuple)) else results
    measures = []
    for sample, response in enumerate(responses):
        found = split_response(response)
        judged = judge(problem, found.answer, Checks())
        measures.append(Measure(
            student="", prompt="lm-eval", problem_key=problem.key, sample=sample, reasoning=found.reasoning,
            answer=found.answer, finish="stop", prompt_tokens=0, completion_tokens=0, looped=is_looping(response),
            outcome=judged.outcome, cause=judged.cause, extracted=judged.extracted,
        ))  # fmt: skip
    return {metric_name(metric): figure(metric, measures).value for metric in json.loads(doc["metrics"])}
