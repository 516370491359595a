"""A teacher that is asked, served or local: what the ledger lacks, more about the hard problems, made into traces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from potstill import recipe
from potstill.models.inspect import seal
from potstill.models.ledger import Ledger
from potstill.models.seam import Sampler
from potstill.progress import Progress
from potstill.records import Problem, Trace
from potstill.teach.prompts import Asking
from potstill.teach.samples import Asker, Judge, trace_of
from potstill.teach.waves import Waves


def served_traces(
    problems: Callable[[], Iterable[Problem]],
    teacher: recipe.AskedTeacher,
    model: Sampler,
    strategy: recipe.Strategy,
    asking: Asking,
    *,
    seed: int,
    ledger: Path,
    progress: Progress,
    judge: Judge,
) -> Iterator[Trace]:
    """Ask what the ledger lacks, then yield one trace a sample in the order of the problems.

    The order and the bytes of the traces do not depend on the order of completion, nor on how often the run was
    stopped. A truncated completion is asked once more with a larger budget; what is truncated then too is a trace with
    finish `length`. With `stop_at_right` further samples depend on the verdicts of the earlier ones, by `judge`.
    A request that failed is asked once more after all others; what fails then too is a trace with finish `failed`, and
    a later run asks again. `progress` starts with the first wave as its total and grows with what is asked beyond.

    Raises:
        TeacherError, StoreError: see `ServedModel.sample` and `InProcess.collect`.
        RecipeError: the sampling settings contradict each other.
    """
    asker = Asker(teacher, strategy, asking, seed, judge)
    with Ledger(ledger) as completions:
        waves = Waves(asker, progress, asked_before=lambda _: False)
        tally = model.collect(waves.first(problems()), completions, progress, follow=waves.follow)
        if tally.finishes["failed"] or waves.under_way:
            for rest in _second_chances(problems, asker, completions):
                again = Waves(asker, progress, asked_before=lambda key: completions.get(key) is not None)
                model.collect(again.first(rest), completions, progress, follow=again.follow)
        undecided = 0
        for problem in problems():
            samples = list(asker.samples(problem, completions.get))
            undecided += len(samples) < strategy.samples and any(sample.fate is None for sample in samples)
            for sample in samples:
                if sample.completion is not None:
                    yield trace_of(problem, sample.request, sample.completion, strategy)
        seal(completions)
    if undecided:
        print(f"teacher: {undecided} problems wait for verdicts that an outage left open", file=progress.stream)


def _second_chances(
    problems: Callable[[], Iterable[Problem]], asker: Asker, completions: Ledger
) -> Iterator[list[Problem]]:
    """Yield the problems with unanswered requests, again as long as some of these have not had their second chance."""
    had: set[str] = set()
    while True:
        found = ((problem, asker.unanswered(problem, completions.get)) for problem in problems())
        rest = [(problem, keys) for problem, keys in found if keys - had]
        if not rest:
            return
        had.update(*(keys for _, keys in rest))
        yield [problem for problem, _ in rest]
