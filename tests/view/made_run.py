"""A run folder with as many traces as wanted, written as potstill writes them, without asking or training anything."""

import random

from potstill.intervals import wilson
from potstill.records import Drop, Example, Group, Measure, Problem, Score, Trace, Verdict
from potstill.store import Run

RECIPE = """\
name: made
problems: {sources: [{family: chain, count: 8}]}
teacher: {kind: worked}
student: {scratch: {hidden: 16, layers: 1, heads: 2, intermediate: 32, vocabulary: 300, context: 256}}
train: {steps: 3}
evaluate: {max_tokens: 8, batch: 2, shots: 1}
"""
REASONS = ("wrong", "too easy", "repetition", "over the wished number")


def make_run(path, problems=6, samples=4, *, characters=400, seed=1, hostile=None, scores=True, resolved=None):
    """Write the run; `hostile` is a function of (number, sample) -> (reasoning, answer) or None. Returns the traces."""
    from potstill.recipe_file import dump, load

    path.mkdir(parents=True)
    given = path / "given.yaml"
    given.write_text(resolved or RECIPE)
    (path / "recipe.yaml").write_text(dump(load(str(given))))
    given.unlink()
    run = Run(path)
    run.lock()
    draw = random.Random(seed)
    asked = [problem_of(number) for number in range(problems)]
    stage = run.begin("problems", "a" * 64, {})
    train, held = stage.table("train", Problem), stage.table("evaluation", Problem)
    for number, problem in enumerate(asked):
        (held if number % 5 == 4 else train).append(problem)
    stage.table("dropped", Drop)
    run.point("problems", stage.commit({}, {}))
    traces, verdicts, judged = [], [], {}
    table = run.begin("traces", "b" * 64, {})
    out = table.table("traces", Trace)
    for number, problem in enumerate(asked):
        if number % 5 == 4:
            continue
        for sample in range(samples):
            trace = trace_of(problem, number, sample, draw, characters, hostile)
            right = draw.random() < 0.6
            outcome = ("right" if right else "wrong") if trace.finish == "stop" else "unknown"
            verdicts.append(verdict_of(trace, problem, number, outcome, draw))
            judged.setdefault(problem.key, []).append(outcome)
            out.append(trace)
            traces.append(trace)
    run.point("traces", table.commit({}, {}))
    stage = run.begin("verdicts", "c" * 64, {})
    rows, groups = stage.table("verdicts", Verdict), stage.table("groups", Group)
    for verdict in verdicts:
        rows.append(verdict)
    for key, outcomes in judged.items():
        groups.append(group_of(key, outcomes))
    if scores:
        scored = stage.table("scores", Score)
        for trace in traces:
            scored.append(score_of(trace, draw))
    run.point("verdicts", stage.commit({}, {}))
    stage = run.begin("examples", "d" * 64, {})
    kept, dropped = stage.table("examples", Example), stage.table("dropped", Drop)
    by_key = {problem.key: problem for problem in asked}
    for trace, verdict in zip(traces, verdicts, strict=True):
        if verdict.outcome == "right":
            problem = by_key[trace.problem_key]
            kept.append(Example(problem_key=problem.key, trace_key=trace.key, question=problem.question,
                                reasoning=trace.reasoning, answer=trace.answer))  # fmt: skip
        else:
            reason = "truncated" if trace.finish == "length" else draw.choice(REASONS)
            dropped.append(Drop("trace", trace.key, reason, "a detail"))
    run.point("examples", stage.commit({}, {}))
    for arm, chance in (("base", 0.1), ("answers", 0.3), ("traces", 0.7)):
        write_answers(run, arm, [p for n, p in enumerate(asked) if n % 5 == 4], draw, chance)
    run.unlock()
    return traces


def write_answers(run, arm, problems, draw, chance):
    stage = run.begin("evaluate", arm[0] * 64, {})
    table = stage.table("zero_shot", Measure)
    for problem in problems:
        right = draw.random() < chance
        table.append(Measure(
            student=arm, prompt="zero-shot", problem_key=problem.key, sample=0, finish="stop", prompt_tokens=30,
            reasoning=f"First 6 * 7 = 42. Then the {arm} student goes on.\n\nSo 42 + 1 = 43.", completion_tokens=25,
            answer=f"The answer is {problem.gold if right else 7}.", looped=False,
            outcome="right" if right else "wrong", cause="", extracted=problem.gold if right else "7",
        ))  # fmt: skip
    run.point(f"evaluate-{arm}", stage.commit({}, {}))


def problem_of(number):
    return Problem(
        id=f"p{number}", question=f"A train has {number + 3} wagons of {number % 9 + 2} seats; how many seats are "
        f"there, and what is $\\frac{{{number + 1}}}{{2}}$ of it?", gold=str((number + 3) * (number % 9 + 2)),
        domain=("mathematics", "logic", "science")[number % 3], difficulty=(number % 10) / 10, source="made",
    )  # fmt: skip


def trace_of(problem, number, sample, draw, characters, hostile):
    own = hostile(number, sample) if hostile else None
    cut = own is None and draw.random() < 0.05
    if own is not None:
        reasoning, answer = own
    else:
        a, b = number + 3, number % 9 + 2
        steps = [f"There are {a} wagons with {b} seats each, so {a} * {b} = {a * b}."]
        while sum(map(len, steps)) < characters:
            c, d = draw.randrange(2, 90), draw.randrange(2, 90)
            slip = 1 if draw.random() < 0.08 else 0
            steps.append(f"Then {c} + {d} = {c + d + slip}, and by $x^{{2}} = {c}$ we check step {len(steps)}.")
        reasoning, answer = "\n\n".join(steps), "" if cut else f"The answer is \\boxed{{{a * b}}}."
    return Trace(
        problem_key=problem.key, teacher=("r1", "qwq", "worked")[number % 3], strategy="zero_shot", prompt_key="p",
        sample=sample, attempt=0, sampling="{}", reasoning=reasoning, answer=answer, finish="length" if cut else "stop",
        completion_tokens=characters // 4, source="made",
    )  # fmt: skip


def verdict_of(trace, problem, number, outcome, draw):
    doubt = outcome != "unknown" and draw.random() < 0.1
    return Verdict(
        trace_key=trace.key, check="answer", policy="p", version=1, outcome=outcome,
        cause="unparsable prediction" if outcome == "unknown" else "", method="boxed", score=None,
        extracted=problem.gold if trace.answer else None, reason="made", answer_form=problem.gold,
        gold_form=problem.gold, rules="wrong" if doubt else "", judge="right" if doubt else "",
    )  # fmt: skip


def group_of(key, outcomes):
    right, wrong = outcomes.count("right"), outcomes.count("wrong")
    rate = right / (right + wrong) if right + wrong else None
    low, high = (0.0, 1.0) if rate is None else (lambda i: (i.low, i.high))(wilson(rate, right + wrong))
    return Group(
        problem_key=key, samples=len(outcomes), right=right, wrong=wrong, unknown=len(outcomes) - right - wrong,
        pass_rate=rate, low=low, high=high, gold="1", gold_source="given", majority="12", votes=2, voters=3,
        agreement=0.7, tied=False, finding="agrees" if right else "disagrees",
    )  # fmt: skip


def score_of(trace, draw):
    from potstill.verify.steps.segment import segment

    steps = tuple(round(draw.random(), 3) for _ in segment(trace.reasoning)[:2000])
    return Score(trace_key=trace.key, model="prm", kind="process", value=min(steps, default=None), steps=steps)
