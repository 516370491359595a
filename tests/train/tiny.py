"""A student of 30,000 parameters and examples for it."""

import random

from potstill import recipe
from potstill.records import Example

STUDENT = recipe.Student(scratch=recipe.Scratch(hidden=32, layers=2, heads=2, intermediate=64, vocabulary=300))


def examples(count, reasoning=True):
    """Sums in words, the same ones each time."""
    rng = random.Random(5)
    made = []
    for number in range(count):
        a, b = rng.randint(2, 90), rng.randint(2, 90)
        worked = f"We add {a} and {b}: {a} + {b} = {a + b}." if reasoning else ""
        made.append(
            Example(
                problem_key=str(number),
                trace_key=str(number),
                question=f"What is {a} plus {b}?",
                reasoning=worked,
                answer=f"The answer is {a + b}.",
            )
        )
    return made


def texts(given):
    return lambda: (f"{e.question} {e.reasoning} {e.answer}" for e in given)


def rows_of(given, tokenizer, model, student=STUDENT, max_length=512):
    from potstill.train.render import stop_texts
    from potstill.train.segments import make_rows
    from potstill.train.students import stop_ids

    stops = stop_texts(tokenizer, stop_ids(model))
    return make_rows(given, [e.question for e in given], tokenizer, student, max_length, stops)
