"""A model in this process behind the sampler: batches, the ledger, memory, what follows, and the real thing once."""

import io
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potstill import recipe
from potstill.errors import PotstillError
from potstill.models.ledger import Ledger
from potstill.models.local.inprocess import WINDOW, InProcess, identity
from potstill.models.local.model import Generated, LocalModel, Prompt
from potstill.models.requests import Message, Request
from potstill.progress import Progress
from potstill.train import students

GREEDY = {"temperature": 0.0, "top_p": 1.0, "max_tokens": 12}


class Scripted:
    """An engine of words: answers with its prompt's number of words, remembers its batches, and has little memory."""

    most = 8

    def __init__(self, bears=10**9, opening=""):
        self.bears, self.opening = bears, opening
        self.batches = []
        self.settings = []

    def render(self, messages):
        return "\n".join(f"{turn['role']}: {turn['content']}" for turn in messages) + f"\nassistant:{self.opening}"

    def lengths(self, texts):
        return [len(text.split()) for text in texts]

    def rows(self, tokens):
        return max(1, 4000 // tokens)

    def answer(self, prompts, settings):
        if len(prompts) > self.bears:
            raise MemoryError
        self.batches.append([prompt.text for prompt in prompts])
        self.settings.append(dict(settings))
        return [self.said(prompt) for prompt in prompts]

    def said(self, prompt):
        words = len(prompt.text.split())
        if "silence" in prompt.text:
            return Generated("", "stop", words, 1)
        if "endless" in prompt.text:
            return Generated("on and on", "length", words, 12)
        if "broken" in prompt.text:
            return Generated("", "failed", words, 0)
        return Generated(f"{words} words, seed {prompt.seed}", "stop", words, 5)


def request(text, sample=0, **settings):
    return Request(
        messages=(Message("user", text),), model="m", sampling={**GREEDY, "seed": sample, **settings}, sample=sample
    )


def questions(count):
    return [request("word " * (1 + number % 7) + str(number)) for number in range(count)]


def collect(folder, engine, requests, follow=None, **settings):
    progress = Progress("t", None, stream=io.StringIO())
    with Ledger(folder / "l.sqlite") as ledger:
        request_counts = InProcess("m", lambda: engine, **settings).collect(requests, ledger, progress, follow)
        return request_counts, {completion.key: completion for completion in ledger}


def test_what_the_ledger_has_is_not_sampled_and_not_even_loaded(tmp_path):
    engine = Scripted()
    request_counts, found = collect(tmp_path, engine, questions(20))
    assert (request_counts.sent, request_counts.kept, request_counts.finishes["stop"]) == (20, 0, 20)
    for asked in questions(20):
        text = engine.render([{"role": "user", "content": asked.messages[0].content}])
        assert found[asked.key].content == f"{len(text.split())} words, seed 0"

    def never():
        raise AssertionError("the model was loaded for nothing")

    with Ledger(tmp_path / "l.sqlite") as ledger:
        again = InProcess("m", never).collect(
            reversed(questions(20)), ledger, Progress("t", None, stream=io.StringIO())
        )
    assert (again.sent, again.kept) == (0, 20)
    more = Scripted()
    request_counts, _ = collect(tmp_path, more, questions(23))
    assert (request_counts.sent, sum(map(len, more.batches))) == (3, 3)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(1, 900), st.sampled_from([12, 12, 40])), min_size=1, max_size=60), st.integers(1, 9)
)
def test_every_request_is_in_one_batch_of_like_lengths_and_equal_settings(tmp_path_factory, asked, batch):
    engine = Scripted()
    requests = [request("w " * words + f"n{n}", max_tokens=most) for n, (words, most) in enumerate(asked)]
    _, found = collect(tmp_path_factory.mktemp("l"), engine, requests, batch=batch)
    assert set(found) == {r.key for r in requests}
    texts = [text for rows in engine.batches for text in rows]
    assert len(texts) == len(set(texts)) == len(requests)
    for rows, own in zip(engine.batches, engine.settings, strict=True):
        lengths = engine.lengths(rows)
        assert lengths == sorted(lengths)
        assert len(rows) <= batch
        assert len(rows) <= engine.rows(lengths[-1] + own["max_tokens"])
        assert "seed" not in own
    for most in {most for _, most in asked}:
        of_one = [rows for rows, own in zip(engine.batches, engine.settings, strict=True) if own["max_tokens"] == most]
        in_order = [length for rows in of_one for length in engine.lengths(rows)]
        assert in_order == sorted(in_order), "the shortest batch first"


def test_a_batch_that_does_not_fit_is_halved_and_so_are_those_after_it(tmp_path):
    engine = Scripted(bears=3)
    request_counts, found = collect(tmp_path, engine, questions(40))
    assert (len(found), request_counts.sent) == (40, 40)
    assert max(map(len, engine.batches)) <= 3
    assert len(engine.batches) <= 40 / 2 + 4, "what did not fit once is not tried with every batch"
    with pytest.raises(PotstillError, match="m: the memory does not hold one response of 12 tokens: lower max_tokens"):
        collect(tmp_path, Scripted(bears=0), [request("another")])


def test_an_interrupted_call_keeps_its_batches_and_goes_on_with_the_same_ones(tmp_path):
    whole = Scripted()
    _, undisturbed = collect(tmp_path / "a", whole, questions(50))
    stopped = Scripted()
    real = stopped.answer

    def answer(prompts, settings):
        if len(stopped.batches) == 3:
            raise KeyboardInterrupt
        return real(prompts, settings)

    stopped.answer = answer
    with pytest.raises(KeyboardInterrupt):
        collect(tmp_path / "b", stopped, questions(50))
    rest = Scripted()
    _, found = collect(tmp_path / "b", rest, questions(50))
    assert stopped.batches + rest.batches == whole.batches
    assert found == undisturbed


def test_what_follows_is_asked_ahead_of_what_is_new_and_found_by_a_rerun(tmp_path):
    count = WINDOW + 40

    async def twice(request, completion):
        assert completion.finish == "stop"
        return () if request.sample else (replace(request, sample=1, sampling={**request.sampling, "seed": 1}),)

    one, again = Scripted(), Scripted()
    one.most = 256
    first, found = collect(tmp_path, one, questions(count), twice)
    assert (first.sent, len(found)) == (2 * count, 2 * count)
    second, _ = collect(tmp_path, again, questions(count), twice)
    assert (second.sent, second.kept, again.batches) == (0, 2 * count, [])


def test_what_a_completion_is_can_be_read_from_the_ledger(tmp_path):
    asked = [request(text) for text in ("silence", "endless", "broken", "plain")]
    request_counts, found = collect(tmp_path, Scripted(opening=" <think>\n"), asked)
    silent, endless, broken, plain = (found[r.key] for r in asked)
    assert (silent.finish, silent.content, silent.reasoning, silent.completion_tokens) == ("stop", "", "", 1)
    assert (endless.finish, endless.reasoning, endless.content) == ("length", "on and on", ""), "thinking is no answer"
    assert (broken.finish, broken.failure) == ("failed", "broken off by the engine")
    assert (plain.prompt_tokens, plain.completion_tokens) == (4, 5)
    assert request_counts.finishes == {"stop": 2, "length": 1, "refused": 0, "failed": 1}
    again, _ = collect(tmp_path, Scripted(), asked)
    assert (again.sent, again.kept) == (1, 3), "only what failed is asked again"


def test_other_weights_are_another_model(tmp_path):
    for name, text in (("a", "1"), ("b", "2"), ("c", "1")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_text(text)
    a, b, c = (identity(tmp_path / name, "bf16") for name in "abc")
    assert a == c != b
    assert identity(tmp_path / "a", "fp32") != a
    assert identity("org/name", "bf16") == {"local": {"engine": "transformers", "precision": "bf16"}}
    fast, cut = {"tensor_parallel_size": 4}, {"quantization": "fp8"}
    assert identity("org/name", "bf16", "vllm", fast) == identity("org/name", "bf16", "vllm")
    assert identity("org/name", "bf16", "vllm", cut) != identity("org/name", "bf16", "vllm")
    engine = Scripted()
    collect(tmp_path, engine, [request("q", **a)])
    collect(tmp_path, engine, [request("q", **b)])
    collect(tmp_path, engine, [request("q", **c)])
    assert len(engine.batches) == 2
    assert "local" not in engine.settings[0], "what a request says of its weights is no sampling setting"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("model") / "m"
    scratch = recipe.Scratch(hidden=32, layers=2, heads=2, intermediate=64, vocabulary=300, context=128)
    texts = [f"What is {n} plus {n + 1}? The answer is {2 * n + 1}." for n in range(60)]
    students.prepare(recipe.Student(scratch=scratch), lambda: iter(texts), 3, out)
    return out


@pytest.mark.parametrize("changed", [{}, {"temperature": 1.0, "top_p": 0.9}, {"temperature": None, "top_p": None}])
def test_a_real_model_says_behind_the_seam_what_it_says_row_by_row(tmp_path, folder, changed):
    model = LocalModel(folder, "fp32")
    sampling = {name: value for name, value in {**GREEDY, **changed}.items() if value is not None}
    asked = [
        Request(
            messages=(Message("user", f"What is {n} plus {n * n}?"),),
            model="m",
            sampling={**sampling, "seed": n},
            sample=0,
        )
        for n in range(11)
    ]
    _, found = collect(tmp_path, model, asked, batch=4)
    for number, one in enumerate(asked):
        text = model.render([{"role": "user", "content": one.messages[0].content}])
        (alone,) = model.sample(
            [Prompt(text, number)], 12, sampling.get("temperature", 1.0), sampling.get("top_p", 1.0)
        )  # what is left open is 1, as the model's generation config has none
        done = found[one.key]
        # Marks of a turn that a model writes at the beginning are no part of what it says.
        said = re.sub(r"^(?:<\|assistant\|>\s*)+", "", alone.text.strip())
        assert (done.content, done.finish) == (said, alone.finish)
        assert (done.prompt_tokens, done.completion_tokens) == (alone.prompt_tokens, alone.completion_tokens)


def test_memory_bounds_the_rows_of_a_real_model(folder, monkeypatch):
    from potstill.models.local import model as local

    monkeypatch.setattr(local, "available_memory", lambda: 40 * 2**20)
    small = LocalModel(folder, "fp32")
    monkeypatch.setattr(local, "available_memory", lambda: None)
    unknown = LocalModel(folder, "fp32")
    assert 1 <= small.rows(128) < small.rows(16)
    assert small.rows(10**9) == small.rows(128), "no row is longer than the context"
    assert unknown.rows(128) == unknown.most

    def full(*_args, **_kwargs):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(unknown.model, "forward", full)
    with pytest.raises(MemoryError, match="can't allocate"):
        unknown.sample([Prompt("what is 1 plus 2", 0)], 4)
