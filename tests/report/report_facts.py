"""Facts of an invented run, with whatever text a test wants in them."""

import dataclasses
import random
from collections import Counter
from fractions import Fraction
from functools import cache

from potstill.records import Measure, Problem, Trace
from potstill.report import Compute, Funnel, ReportFacts, SetFacts, StageFacts, StudentFacts
from potstill.report.study_facts import LineFacts, RunFacts, SeedFacts, StudyFacts

HOSTILE = [
    "<script>document.title='PWNED'</script>",
    "</style></head><img src=x onerror=\"document.title='PWNED'\">",
    "<a href=\"javascript:document.title='PWNED'\">click</a>",
    "<svg/onload=document.title='PWNED'>",
    "\u202eesrever\u202c \u2066iso\u2069 \x00 NUL \x1b[31m \ud83d \u2028 \ufeff",
    "{{ 7 * 7 }}{% raw %}{{ ''.__class__ }}",
    "</div></article></details></main><style>body{display:none}</style>",
    "<!-- <plaintext> ]]> &lt;b&gt; <iframe srcdoc='<script>top.document.title=1</script>'>",
    "<meta http-equiv=refresh content='0;url=//example.invalid'><base href=//example.invalid>",
]


LONG = ["A" * 3000 + " z" + "\u0301" * 500, "x" * 1_000_000]


def problem(number, extra=""):
    return Problem(id=f"p{number}", question=f"What is {number} plus {number}?{extra}", gold=str(2 * number))


def responses(student, rate, problems, prompt="zero-shot", extra=lambda number: "", samples=1):
    draw = random.Random(f"{student}{prompt}")
    return [
        Measure(
            student=student,
            prompt=prompt,
            problem_key=one.key,
            sample=sample,
            reasoning="I add them." + extra(number),
            answer=f"It is {2 * number}." + extra(number),
            finish="stop",
            prompt_tokens=20,
            completion_tokens=30,
            looped=False,
            outcome="right" if draw.random() < rate else "wrong",
            cause="",
            extracted=str(2 * number),
        )
        for number, one in enumerate(problems)
        for sample in range(samples)
    ]


def facts(extra=lambda number: "", **changed):
    problems = [problem(number, extra(number)) for number in range(40)]
    students = [
        StudentFacts(
            name="base",
            measures=[
                *responses("base", 0.05, problems, extra=extra),
                *responses("base", 0.2, problems, "3-shot", extra),
            ],
        ),
        StudentFacts(
            name="answers",
            measures=responses("answers", 0.2, problems, extra=extra),
            losses=[(1, 100, 2.0), (2, 200, 1.5)],
            examples=40,
            tokens_trained=200,
            training_seconds=6,
            flops=10**9,
        ),
        StudentFacts(
            name="traces",
            measures=responses("traces", 0.9, problems, extra=extra),
            losses=[(i, 100 * i, 3.0 / i) for i in range(1, 400)],
            examples=40,
            tokens_trained=40_000,
            training_seconds=60.5,
            flops=2 * 10**12,
            evaluation_seconds=3.0,
            dropped={"over max_length": 2},
        ),
    ]
    base = {
        "name": "demo" + extra(0),
        "recipe_yaml": "name: demo\n" + extra(1),
        "versions": {"potstill": "0.1.0", "torch": "2.13.0" + extra(2)},
        "students": students,
        "main": "traces",
        "graph": "set traces <- teacher worked" + extra(5),
        "stages": [
            StageFacts(name="problems", rows=80, seconds=0.4),
            StageFacts(
                name="traces",
                rows=320,
                seconds=12.5,
                tokens=30_000,
                note=extra(3),
                compute=Compute(who="m" + extra(6), teaching=True, read=900, written=29_100),
            ),
            StageFacts(
                name="train-traces",
                rows=0,
                seconds=60.5,
                tokens=40_000,
                compute=Compute(who="traces", teaching=False, trained=40_000, flops=2 * 10**12),
            ),
            StageFacts(
                name="evaluate-traces",
                rows=40,
                seconds=3.0,
                tokens=400,
                compute=Compute(who="traces", teaching=False, read=2_000, written=400, flops=10**12),
            ),
        ],
        "problem_funnel": Funnel(read=100, kept=80, dropped={"exact duplicate": 15, "overlap with evaluation": 5}),
        "template_overlap": (30, 40),
        "problems": {one.key: one for one in problems},
        "teacher": {
            one.key: Trace(
                problem_key=one.key,
                teacher="worked",
                strategy="zero_shot",
                prompt_key="q",
                sample=0,
                attempt=0,
                sampling="{}",
                reasoning="Hm." + extra(i),
                answer="So." + extra(i),
                finish="stop",
            )
            for i, one in enumerate(problems)
        },
    }
    of_set = {
        "trace_funnel": Funnel(read=320, kept=40, dropped={"wrong" + extra(4): 80, "beyond 4 per problem": 200}),
        "verdicts": {"right": 240, "wrong": 79, "unknown: timeout": 1},
        "lengths": Counter(draw % 97 for draw in range(400)),
        "difficulties": {0.0: 5, 0.25: 10, 1.0: 3},
    }
    names = {item.name for item in dataclasses.fields(SetFacts)} - {"name", "teacher_name"}
    of_set |= {key: changed.pop(key) for key in names & changed.keys()}
    return ReportFacts(**{**base, "sets": [SetFacts(name="traces", **of_set)], **changed})


@cache
def hostile_facts():
    return facts(lambda number: "\n".join([*HOSTILE, LONG[number % len(LONG)]]))


def hostile_study():
    """Facts of a study with hostile names and texts; names of arms and variants are short."""
    draw = random.Random(2)
    lines = [
        LineFacts(name=f"{number}{name[:60]}", variant="", arm=name, seeds=[
            SeedFacts(
                seed=seed, shares={"zero-shot": {str(key): Fraction(draw.random() < number / 9) for key in range(20)}},
                unscored={"zero-shot": 0}, tokens_trained=1000 * number, flops=10**9 * number, training_seconds=1.0,
            )
            for seed in (1, 2, 2**32 - 1)
        ])
        for number, name in enumerate(HOSTILE)
    ]  # fmt: skip
    return StudyFacts(
        name="demo" + HOSTILE[0], question=LONG[0] + HOSTILE[4], predicted="\n".join(HOSTILE), lines=lines,
        pairs=[(line.name, lines[0].name) for line in lines[1:]], margin=0.03, seeds_vary="all",
        runs=[RunFacts(name=HOSTILE[1], stages=9, made=4, seconds=1.5)], study_yaml="\n".join([*HOSTILE, *LONG]),
        versions={"torch": HOSTILE[2]},
    )  # fmt: skip
