"""Training on rows that are there before it begins: a plan, one optimiser step after another, exactly repeatable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from potstill import recipe
from potstill.recipe.scopes import decisive
from potstill.records import content_key
from potstill.train import looks, ranks
from potstill.train.course import Course
from potstill.train.divergence import Learning
from potstill.train.job import Job, Log, ScorerKind, Stop, Watcher, stopped_by_sigterm
from potstill.train.loss import Weights, by_segment, coefficients
from potstill.train.order import Plan
from potstill.train.preferences import Preferences
from potstill.train.ranks import Ranks
from potstill.train.rates import learning_rate
from potstill.train.reading import log_probabilities
from potstill.train.rows import identity_of
from potstill.train.segments import TokenRow

if TYPE_CHECKING:
    from potstill.train.answers import Answers


def train(
    model_folder: Path,
    rows: Sequence[TokenRow],
    plan: Plan,
    settings: recipe.Train,
    lora: recipe.Lora | None,
    seed: int,
    work: Path,
    out: Path,
    progress: Watcher,
    learning: Learning | None = None,
    apart: Sequence[int] = (),
    scorer: ScorerKind | None = None,
    preferences: Preferences | None = None,
    answers: Answers | None = None,
) -> list[Log]:
    """Train the student of `model_folder` through `plan` and write the result to `out`; return one log a step.

    Checkpoints go to `work`; when one of the same training is there, it is continued and ends with the same bytes as
    an undisturbed run (same machine, same threads and processes). `progress` counts tokens of rows, prompts included.
    Each log holds step, tokens, learning_rate, loss, ce_reasoning, ce_answer, ce_format (means, nats; NaN-free: absent
    segments are left out), gradient_norm, answer_ratio and answer_ratio_used; with `learning`, which has a teacher's
    distributions, kl_reasoning and so on beside the ce of what has a share in it. With `settings.look` the rows `apart`
    are looked at, see `looks`: logs of such steps hold look_loss, look_ce_reasoning and so on, and there may be fewer;
    with `answers` problems are asked too, in one process.
    With `scorer` the student becomes a reward model of that kind, and the distributions are its labels.
    With `preferences` the rows are pairs, and logs hold what `Preferences.weigh` tells.
    Raises StudentError where training cannot go on, and StoppedError once a checkpoint is saved after SIGTERM.
    """
    job = Job(
        model=model_folder, rows=rows, plan=plan, settings=settings, lora=lora, seed=seed, work=work, out=out,
        learning=learning, apart=apart, scorer=scorer, preferences=preferences, answers=answers,
    )  # fmt: skip
    with stopped_by_sigterm() as stop:
        company = ranks.company()
        if company.count > 1:
            return follow(company.same(job), company, progress, stop)
        if settings.processes > 1:
            from potstill.train.launch import launch

            return launch(job, progress, stop)
        return follow(job, company, progress, stop)


def follow(job: Job, us: Ranks, progress: Watcher, stop: Stop) -> list[Log]:
    """Be one process of a training, see `train`; all of them return the logs."""
    plan, settings = job.plan, job.settings
    course = Course(job, _fingerprint(job), us, progress, stop, plan.longest)
    count = len(plan.steps)
    for step in range(len(course.logs), count):
        if looks.ended(course.logs, settings.look):
            break
        index = plan.steps[step]
        rows = [job.rows[number] for number in index]
        weights, told = _weighed(job, course, index, rows)
        course.step(
            rows, weights, learning_rate(step, count, settings), tokens=plan.tokens[step],
            stored=None if job.learning is None else job.learning.of(index), logged=partial(_beside, told),
            note=f"{step + 1}/{count}", last=step + 1 == count,
            look=partial(_looked, course, job, step) if looks.due(step, count, settings.look) else None,
        )  # fmt: skip
    return course.finish()


def _looked(course: Course, job: Job, step: int) -> Log:
    """Return what is seen after step `step`, from 0: the loss of rows set apart, and answers to their problems."""
    seen = looks.looked(course.stepper, job)
    return seen | ({} if job.answers is None else job.answers.looked(course.stepper, course.fingerprint, step + 1))


def _weighed(job: Job, course: Course, index: Sequence[int], rows: Sequence[TokenRow]) -> tuple[list[Weights], Log]:
    """Return (coefficients of each row's tokens, what the log tells of them) of a step on the rows `index`."""
    if job.preferences is not None:
        return job.preferences.weigh(index, rows, log_probabilities(course.stepper, rows))
    found = coefficients(rows, job.settings.loss)
    told = {"answer_ratio": found.answer_ratio, "answer_ratio_used": found.answer_ratio_used}
    return [*by_segment(rows, found.scale)], told


def _beside(told: Mapping[str, float], update: Log) -> Log:
    """Return the log of a step; of pairs the figures by segment say nothing, for what is unlearnt is among them."""
    kept = update if "loss" not in told else {"gradient_norm": update["gradient_norm"]}
    return {**kept, **told}


def _fingerprint(job: Job) -> str:
    """Return a key of everything that decides the steps."""
    learnt = "" if job.learning is None else job.learning.digest
    preferred = () if job.preferences is None else (job.preferences.digest,)
    return content_key(
        identity_of(job.rows), job.plan.key, [int(row) for row in job.apart], decisive(job.settings), repr(job.lora),
        job.seed, learnt, *preferred,
    )  # fmt: skip
