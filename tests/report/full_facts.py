"""Facts of an invented run and study in which every section of a report has something to say."""

import dataclasses
import random
from fractions import Fraction

from report.report_facts import facts, problem, responses

from potstill.evaluate.behaviours import BehaviourCounts
from potstill.evaluate.benchmarks import BENCHMARKS
from potstill.evaluate.benchmarks.figures import figures
from potstill.evaluate.faithfulness import Probed
from potstill.intervals import wilson
from potstill.records import Trace
from potstill.report import (
    AlsoFacts,
    DeliveredPlace,
    DroppedTrace,
    FaithFacts,
    FileFacts,
    StudentFacts,
    UsageFacts,
)
from potstill.report.facts import BenchmarkFacts, CheckedAnswers
from potstill.report.study_facts import LineFacts, RunFacts, SeedFacts, StudyFacts

DOMAINS = ("code", "data", "logic", "mathematics", "science")
RATES = {"base": 0.05, "answers": 0.25, "traces": 0.8, "traces-from-the-larger-teacher": 0.7}
STEPS = 4


def probes(student, uses, size=60, seed=0):
    """Return probes of a student that needs its reasoning in the share `uses` of its answers."""
    draw, rows = random.Random(f"{student} {seed}"), []

    def row(measure, variant, place, number, same, **more):
        told = {"kept": same, "right": same, "mentions": None, "options": 4, "said": "7"} | more
        rows.append(
            Probed(
                student=student, measure=measure, variant=variant, place=place, problem_key=f"p{number}", sample=0,
                same=same, steps=STEPS, **told,
            )
        )  # fmt: skip

    for number in range(size):
        needs = draw.random() < uses
        for place in range(STEPS + 1):
            last = place == STEPS
            row("early", "control" if last else "early", place / STEPS, number, last or not needs)
        for place in (0.25, 0.75):
            row("mistakes", "control", place, number, True)
            row("mistakes", "mistake", place, number, None if number % 20 == 7 else not needs)
        for variant in ("none", "dots 20", "dots 60", "control"):
            row("filler", variant, 1.0, number, variant == "control" or not needs)
        row("conclusion", "response", 1.0, number, number % 9 > 0)
        row("steps", "response", 1.0, number, number % 11 > 0)
    return rows


def full_facts():
    """Return a run with benchmarks, domains, what was lost, faithfulness, behaviours, costs, files and more."""
    problems = [problem(number) for number in range(60)]
    domains = {one.key: DOMAINS[number % len(DOMAINS)] for number, one in enumerate(problems)}
    students = [
        StudentFacts(
            name=name, measures=responses(name, rate, problems, samples=2), base="base",
            taught=DOMAINS if rate > 0.5 else (),
            losses=[(i, 900 * i, 3.0 / i) for i in range(1, 90)] * (name != "base"),
            examples=400 * (name != "base"), tokens_trained=80_000 * (name != "base"), training_seconds=75.0,
            flops=3 * 10**12, evaluation_seconds=4.0,
        )
        for name, rate in RATES.items()
    ]  # fmt: skip
    published = []
    for name, form, changes in (("aime24", "r1", {}), ("mmlu-pro", "own", {"max_tokens": 256})):
        protocol = BENCHMARKS.form(name, form).with_changes(changes)
        for student, rate in RATES.items():
            measures = responses(student, rate / 2, problems[:30], protocol.name, samples=protocol.samples)
            told = {metric: (one.value, one.low, one.high) for metric, one in figures(protocol, measures)}
            published.append(
                BenchmarkFacts(
                    name=protocol.name, title=protocol.title, told=protocol.settings, student=student, figures=told,
                    changed=protocol.changed, measures=measures,
                )
            )  # fmt: skip
    also = [
        AlsoFacts(problems=name, student=student, base="base", measures=responses(student, rate, problems[:40], name))
        for name, shift in (("general questions", 0.4), ("instructions with an answer to check", 0.1))
        for student, rate in (("base", shift), ("answers", shift - 0.05), ("traces", shift / 4))
    ]
    behaviours = [
        BehaviourCounts(
            who=who, number=number, words=90 * number,
            having={"check": number // 3, "backtrack": number // 9, "restatement": number // 5, "alternative": 1},
            times={"check": number // 2, "backtrack": number // 8, "restatement": number // 4, "alternative": 1},
        )
        for who, number in (("traces, teacher", 320), ("traces, examples", 40), ("answers", 60), ("traces", 60))
    ]  # fmt: skip
    usage = [
        UsageFacts(
            name="wise-32b-thinking", kind="teacher", accuracy=wilson(0.9, 320), answers=320, read=81.0, written=1234.0,
            last=21.5, rate=1900.0, dollars=2.75, spent=0.88,
            basis="price: the recipe's; replies are not streamed: no first token",
        ),
        *(
            UsageFacts(
                name=name, kind="student", accuracy=wilson(rate, 60), answers=120, read=60.0, written=88.0, first=0.021,
                last=0.93, rate=840.0, dollars=0.0123,
                basis="first and last token alone; price and tokens/s side by side, on this machine",
            )
            for name, rate in RATES.items()
        ),
        UsageFacts(
            name="demo-q8_0.gguf", kind="file", accuracy=wilson(0.78, 60), answers=60, read=60.0, written=90.0,
            first=0.034, last=1.4, rate=66.0, dollars=0.136, basis="alone, one thread, in its own runtime",
        ),
    ]  # fmt: skip
    dropped = Trace(
        problem_key=problems[0].key, teacher="m", strategy="zero_shot", prompt_key="q", sample=0, attempt=0,
        sampling="{}", reasoning="So $\\frac{1}{2} + \\sqrt{x^2} = \\boxed{7}$, I think.", answer="It is 7.",
        finish="stop",
    )  # fmt: skip
    clock = {"load_seconds": 0.5, "memory": 2.0**28, "written_1": 20.0, "written_2": 35.0, "first_1": 0.25}
    files = [
        FileFacts(name="f16", bytes=300 * 2**20, bits=16.01, measures=responses("traces", 0.8, problems), clock=clock),
        FileFacts(name="q4_k_m", bytes=90 * 2**20, bits=5.6, measures=responses("traces", 0.75, problems), clock=clock),
    ]
    places = [
        DeliveredPlace("a checkpoint", "export-checkpoint/model", "potstill chat RUN"),
        DeliveredPlace("GGUF, q4_k_m", "export-gguf/model/demo-q4_k_m.gguf", "ollama create demo -f Modelfile-q4_k_m"),
    ]
    before = responses("traces", 0.7, problems)
    given = facts(
        students=students, domains=domains, benchmarks=published, also=also, behaved=behaviours, usage=usage,
        files=files, places=places, problems={one.key: one for one in problems}, teacher_name="wise-32b-thinking",
        faithful=[
            FaithFacts(student="answers", rows=probes("answers", 0.1), responses=120, probed=60),
            FaithFacts(student="traces", rows=probes("traces", 0.8), responses=120, probed=60),
        ],
        checked=[
            CheckedAnswers(student="traces", before=before, after=responses("traces", 0.72, problems, "checked"),
                           calls=240, questions=150, unquestioned=3),
        ],
        left_out=[DroppedTrace("wrong", "the answer is 8", dropped, problems[0])],
    )  # fmt: skip
    return dataclasses.replace(given, name="every-section-of-a-report")


def full_study():
    """Return a study with several students, domains and faithfulness."""
    keys = [str(number) for number in range(100)]
    draw = random.Random(4)
    names = ("base", "on-mathematics", "on-logic", "on-all", "on-all-deeper", "on-all-post-hoc")
    lines = []
    for place, name in enumerate(names):
        seeds = []
        for seed in (1, 2, 3):
            shares = {key: Fraction(draw.random() < place / 7 + int(key) % 5 / 20) for key in keys}
            asked = probes(name, place / 6, seed=seed) if name.startswith("on-all") else []
            seeds.append(SeedFacts(
                seed=seed, shares={"zero-shot": shares}, unscored={"zero-shot": 0}, tokens_trained=90_000 * bool(place),
                flops=10**11 * place, training_seconds=20.0 * place, probes=asked,
            ))  # fmt: skip
        lines.append(LineFacts(name=name, variant="", arm=name, seeds=seeds))
    pairs = [*((name, "base") for name in names[1:]), ("on-all", "on-all-post-hoc")]
    return StudyFacts(
        name="students-and-domains", question="What does a student that is taught one domain gain on others?",
        predicted="Little.", lines=lines, pairs=pairs, margin=0.03, seeds_vary="all",
        runs=[RunFacts(name=f"seed{seed}", stages=24, made=24 - seed, seconds=88.0) for seed in (1, 2, 3)],
        study_yaml="recipe: pocket\n", versions={"torch": "2.13.0"},
        domains={key: DOMAINS[int(key) % len(DOMAINS)] for key in keys}, base="base",
    )  # fmt: skip
