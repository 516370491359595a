"""Stage `reference`: what a student gives the rows of a phase before it is trained on pairs of them, read once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from potstill.graph import Graph
from potstill.models.flops import Account, shape_of
from potstill.pipeline import naming
from potstill.pipeline.naming import MODEL, ROWS
from potstill.pipeline.stage import Context, Stage
from potstill.progress import Progress
from potstill.recipe import Recipe
from potstill.records import RowReading
from potstill.train.methods import learns_from

KIND, VERSION = "reference", 1


def stages(recipe: Recipe, graph: Graph) -> Iterator[Stage]:
    """Yield a stage for each phase that learns from pairs; those with the same rows and student share one output."""
    del recipe
    for arm in graph.arms.values():
        before = naming.before(arm, graph)
        for phase in arm.phases:
            if learns_from(phase.recipe.train.method) == "pairs":
                yield Stage(
                    kind=KIND, name=naming.reference(phase), version=VERSION, recipe=phase.recipe,
                    inputs={ROWS: naming.rows(phase), "student": before},
                    settings={"precision": phase.recipe.train.precision}, work=work,
                )  # fmt: skip
            before = naming.training(phase)


def work(context: Context) -> dict[str, Any]:
    """Write one reading a row; an attempt that was killed goes on behind its last whole window."""
    import torch

    from potstill.train import students
    from potstill.train.course import attention
    from potstill.train.fitness import check_student
    from potstill.train.ranks import company
    from potstill.train.reading import WINDOW, read_rows
    from potstill.train.rows import Rows
    from potstill.train.student_loss import StudentLoss

    rows, folder = Rows(context.inputs[ROWS].path / ROWS), context.inputs["student"].folder(MODEL)
    settings, device = context.recipe.train, company().device
    model, tokenizer = students.load(folder)
    form = check_student(f"student {folder}", model)
    model.set_attn_implementation(attention(model, settings, int(rows.lengths.max())))
    student = StudentLoss(model.to(device).eval(), form, torch.bfloat16 if settings.precision == "bf16" else None)
    table = context.work.table("readings", RowReading, WINDOW)
    progress = Progress("reference", len(rows), "rows")
    progress.resume_at(table.rows_done)
    start, account = table.rows_done, Account(shape_of(folder))
    for number, value in enumerate(read_rows(student, rows, int(tokenizer.pad_token_id), device, start), start):
        table.append(RowReading(tokens=int(rows.trained[number]), log_p=value))
        progress.advance()
    progress.close()
    for length, trained in zip(rows.lengths, rows.trained, strict=True):
        account.scored(int(length), int(trained))
    return {"rows": len(rows), "scoring": account.counts()}
