"""A student of 30,000 parameters and examples for it."""

import os
import random
import signal
import warnings

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


def die_in_update(act, count):
    """Run something in a process of its own, which ends itself by SIGKILL in the middle of its n-th update."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        child = os.fork()
    if child == 0:
        left, step = [count], torch.optim.AdamW.step
        try:

            def stepped(self, *given):
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return step(self, *given)

            torch.optim.AdamW.step = stepped
            act()
        finally:
            os._exit(3)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL


def exact(model):
    """Return a Llama in float64 whose norms are too: transformers takes them, and their gradients, in float32."""
    import torch
    from transformers.models.llama.modeling_llama import LlamaRMSNorm

    def normed(norm, states):
        return norm.weight * states * torch.rsqrt(states.pow(2).mean(-1, keepdim=True) + norm.variance_epsilon)

    for module in model.double().modules():
        if isinstance(module, LlamaRMSNorm):
            module.forward = normed.__get__(module)
    return model
