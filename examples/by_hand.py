"""The whole job, flat: no pipeline, no run folder, no recipe file.

Problems, a teacher, verdicts, examples, a student from nothing, its training and its measure, top to bottom. What this
file leaves out is what the package is for: sources, resuming, baselines, intervals, the report. A comment in each part
names the module that does the same for real.

    python examples/by_hand.py                            # minutes on two cores
    python examples/by_hand.py --steps 5 --problems 60    # seconds; the student learns nothing yet
"""

import argparse
import itertools
import random
import sys
import tempfile
from pathlib import Path

import torch
from torch.nn import functional

from potstill.evaluate.protocol import split
from potstill.models.local.model import LocalModel, Prompt
from potstill.problems.families import generate
from potstill.recipe import Checks, Scratch, Student
from potstill.records import Example
from potstill.teach.worked import solve
from potstill.train import students
from potstill.train.render import Segment, stop_texts
from potstill.train.segments import make_rows
from potstill.verify import judge

parser = argparse.ArgumentParser(description="Reasoning distillation by hand.")
parser.add_argument("--problems", type=int, default=12_000, help="to generate; the last part is held out")
parser.add_argument("--steps", type=int, default=1_500, help="optimiser steps")
parser.add_argument("--seed", type=int, default=7)
options = parser.parse_args()

ALPHA, BETA = 1.0, 1.0  # weight of a reasoning token; of an answer or format token
BATCH, RATE, MAX_TOKENS = 8, 1.5e-3, 160
student = Student(scratch=Scratch(hidden=128, layers=4, heads=4, intermediate=352, vocabulary=512, context=512))
checks = Checks()

# Problems. For real: potstill.problems reads files, data sets and generators, and potstill.problems.splits divides
# them by content, so that no held-out question is trained on. `generate` yields distinct questions, so a cut will do.
problems = list(itertools.islice(generate("chain", options.seed, {"operand": 9, "largest": 40}), options.problems))
held_out, training = problems[: min(200, len(problems) // 4)], problems[min(200, len(problems) // 4) :]

# Traces, verdicts, examples. For real: potstill.teach asks any teacher, potstill.verify judges, potstill.curate
# chooses and says why each of the others was dropped. This teacher errs in a tenth of its solutions.
examples: list[Example] = []
wrong = 0
for problem in training:
    reasoning, answer, _ = solve(problem, sample=0, seed=options.seed, error_rate=0.1, style="plain")
    if judge(problem, answer, checks).outcome == "right":
        examples.append(
            Example(
                problem_key=problem.key, trace_key="", question=problem.statement, reasoning=reasoning, answer=answer
            )
        )
    else:
        wrong += 1
print(f"{len(training)} traces: {len(examples)} right, {wrong} dropped", file=sys.stderr)

work = tempfile.TemporaryDirectory()
untrained, trained = Path(work.name) / "untrained", Path(work.name) / "trained"

# The student: a Llama of 0.8 million parameters, its tokenizer trained on the examples. For real: potstill.train.
# students also takes the packaged SmolLM2, a folder or a hub name.
students.prepare(
    student, lambda: (f"{e.question}\n{e.reasoning}\n{e.answer}" for e in examples), options.seed, untrained
)
model, tokenizer = students.load(untrained)

# Rows: each example rendered once with the student's chat template; every token knows its segment from character
# offsets. For real: potstill.train.segments (this very function), then potstill.train.audit as the gate.
stops = stop_texts(tokenizer, students.stop_ids(model))
rows = make_rows([*examples], [e.question for e in examples], tokenizer, student, student.scratch.context, stops).rows
weight_of = {Segment.REASONING: ALPHA, Segment.ANSWER: BETA, Segment.FORMAT: BETA}

# The order. For real: potstill.train.order plans all steps before the first, which makes resuming exact.
order = random.Random(options.seed)
steps = [order.choices(range(len(rows)), k=BATCH) for _ in range(options.steps)]

# The loss, L = sum of w_t l_t / sum of w_t over the optimiser step, in the plainest form. For real: potstill.train.loss
# takes both sums over all micro-batches, potstill.train.linear_ce never holds all logits, potstill.train.trainer
# repeats and resumes exactly.
optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.95), weight_decay=0.0)
model.train()
for number, step in enumerate(steps, 1):
    width = max(len(rows[index]) for index in step)
    # Right padding needs no attention mask under causal attention: no trained token looks at what follows it.
    ids = torch.full((len(step), width), tokenizer.pad_token_id)
    weights = torch.zeros(len(step), width)
    for place, row in enumerate(rows[index] for index in step):
        ids[place, : len(row)] = torch.tensor(row.ids)
        weights[place, : len(row)] = torch.tensor([weight_of.get(Segment(code), 0.0) for code in row.segments])
    logits = model(input_ids=ids).logits[:, :-1]
    losses = functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
    target_weights = weights[:, 1:].flatten()
    loss = (target_weights * losses).sum() / target_weights.sum()
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for group in optimiser.param_groups:  # a short warm-up, then straight down to a tenth
        group["lr"] = RATE * min(number / (0.03 * len(steps) + 1), 1.0 - 0.9 * number / len(steps))
    optimiser.step()
    if number % 50 == 0 or number == len(steps):
        print(f"step {number}/{len(steps)}: loss {loss.item():.3f}", file=sys.stderr)
students.write(model.eval(), tokenizer, trained)

# The measure: greedy answers to the held-out problems, judged as the teacher was. For real: potstill.evaluate, with
# samples, intervals, paired tests and the two baselines without which the number says little.
sampler = LocalModel(trained, "fp32")
asked = [Prompt(sampler.render([{"role": "user", "content": p.statement}])) for p in held_out]
solved = truncated = 0
for problem, generated in zip(held_out, sampler.sample(asked, MAX_TOKENS), strict=True):
    _, answer = split(student, generated.text)
    truncated += generated.finish == "length"  # no answer, whatever the text says
    solved += generated.finish == "stop" and judge(problem, answer, checks).outcome == "right"
print(
    f"accuracy {solved / len(held_out):.1%}: {solved} of {len(held_out)} held-out problems, "
    f"{truncated} responses cut off at {MAX_TOKENS} tokens"
)
work.cleanup()
