"""Stage `scorer`: a reward model, trained from the labels of its steps."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

from potstill.durable import to_json, write_durably
from potstill.graph import Graph
from potstill.models.flops import shape_of, trained_flops
from potstill.pipeline import naming, settings
from potstill.pipeline.naming import MODEL
from potstill.pipeline.stage import Context, Stage
from potstill.progress import Progress
from potstill.recipe import Recipe
from potstill.records import Label
from potstill.scorer_nodes import ScorerNode
from potstill.store import SCRATCH
from potstill.train.methods import SECTIONS

KIND, VERSION = "scorer", 1


def stages(recipe: Recipe, graph: Graph) -> Iterator[Stage]:
    """Yield a stage for each scorer."""
    del recipe
    for node in graph.scorers.values():
        begins = naming.student("") if node.start is None else naming.model(graph.arms[node.start], graph)
        inputs = {"labels": naming.labels(node.name, "train"), "student": begins}
        if node.labels["test"].by == "file":
            inputs["test"] = naming.labels(node.name, "test")
        yield Stage(
            kind=KIND, name=naming.scorer(node.name), version=VERSION, recipe=node.recipe, inputs=inputs,
            settings=_settings(node), work=partial(work, node),
        )  # fmt: skip


def _settings(node: ScorerNode) -> settings.Settings:
    train = settings.chosen(node.recipe.train, "training")
    for key in ("method", "match", "loss", "look", *SECTIONS):
        train.pop(key, None)
    scorer = settings.chosen(node.scorer, "scorers")
    del scorer["aggregate"]  # how its scores are put together is nothing to the model
    return {
        "train": train, "max_length": node.recipe.train.max_length, "seed": settings.train_seed(node.recipe),
        "scorer": scorer,
    }  # fmt: skip


def work(node: ScorerNode, context: Context) -> dict[str, Any]:
    """Train, and write model, losses and audit."""
    from potstill.train import scorers, students
    from potstill.train.defaults import counted, settled
    from potstill.train.order import plan
    from potstill.train.trainer import train

    base, folder = context.inputs["student"].folder(MODEL), context.work.path
    texts, how = students.read_texts(base), scorers.settings_of(node.recipe.train)
    met = set()
    if "test" in context.inputs:
        met = {label.question for label in context.inputs["test"].rows("labels", Label)}
    labels = (one for one in context.inputs["labels"].rows("labels", Label) if one.question not in met)
    found = scorers.rows_of(labels, node.scorer, texts.tokenizer, min(how.max_length, texts.context))
    told = scorers.audit(found, node.scorer, texts.tokenizer, f"scorers.{node.name}.labels")
    write_durably(folder / "audit.txt", (told + "\n").encode())
    print(told, file=sys.stderr)
    whole = shape_of(base)
    shape = dataclasses.replace(whole, vocabulary=len(scorers.LABELS))
    seed = settings.train_seed(node.recipe)
    how, chosen = settled(
        how, None, parameters=whole.parameters, rows=len(found.rows),
        scratch=node.recipe.student.scratch is not None,
    )  # fmt: skip
    for one in chosen:
        print(f"scorer {node.name}: {one}", file=sys.stderr)
    steps = plan([len(row) for row in found.rows], how, seed)
    progress = Progress(f"scorer {node.name}", steps.total_tokens, "tokens")
    logs = train(
        base, found.rows, steps, how, None, seed, folder / SCRATCH / "checkpoints", folder / MODEL, progress,
        found.learning(shape), scorer=node.scorer.kind,
    )  # fmt: skip
    progress.close()
    write_durably(folder / "losses.json", to_json(json.loads(json.dumps(logs))))
    flops = sum(trained_flops(shape, len(found.rows[row]), len(found.shares[row])) for row in steps.order)
    return {
        "examples": len(found.rows), "dropped": dict(sorted(found.dropped.items())), "steps": len(steps.steps),
        "rows": steps.rows, "tokens": steps.total_tokens, "flops": flops, "labelled": found.labelled,
        **counted(chosen),
    }  # fmt: skip
