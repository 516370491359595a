"""The in-process model against a plain forward pass, token by token."""

import itertools

import pytest

from potstill import recipe
from potstill.errors import CheckpointError
from potstill.models.local.model import LIKELIEST, LocalModel, Prompt, nucleus, row_seed
from potstill.problems import families
from potstill.teach.worked import solve
from potstill.train import students

torch = pytest.importorskip("torch")
SCRATCH = recipe.Scratch(hidden=32, layers=2, heads=2, intermediate=64, vocabulary=320, context=256)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("student") / "model"
    problems = list(itertools.islice(families.generate("chain", 1, {}), 40))
    texts = [text for p in problems for text in (p.question, *solve(p, 0, 1, 0.0, "plain")[:2])]
    students.prepare(recipe.Student(scratch=SCRATCH), lambda: iter(texts), 3, out)
    return out


@pytest.fixture(scope="module")
def model(folder):
    return LocalModel(folder, "fp32")


@pytest.fixture(scope="module")
def prompts(model):
    questions = [p.statement for p in itertools.islice(families.generate("chain", 9, {}), 7)]
    return [Prompt(model.render([{"role": "user", "content": q}]), seed) for seed, q in enumerate(questions)]


def by_hand(model, text, count):
    """Greedy tokens without cache, padding or batch."""
    ids = model.tokenizer(text, add_special_tokens=False)["input_ids"]
    start = len(ids)
    with torch.inference_mode():
        while len(ids) - start < count:
            token = int(model.model(torch.tensor([ids])).logits[0, -1].argmax())
            if token in model.stops:
                return model.tokenizer.decode(ids[start:]), "stop"
            ids.append(token)
    return model.tokenizer.decode(ids[start:]), "length"


def test_a_batch_says_what_each_row_says_alone(model, prompts):
    found = model.sample(prompts, 20)
    assert [(g.text, g.finish) for g in found] == [by_hand(model, p.text, 20) for p in prompts]
    assert [g.prompt_tokens for g in found] == [len(model.tokenizer(p.text)["input_ids"]) for p in prompts]


def test_rows_that_finish_leave_the_batch_and_change_nothing(model, prompts, monkeypatch):
    calm = [by_hand(model, p.text, 24) for p in prompts]
    # Make tokens that really occur end a response, so that rows stop at different times.
    seen = [model.tokenizer(text, add_special_tokens=False)["input_ids"] for text, _ in calm]
    stops = sorted({ids[n] for n, ids in enumerate(seen) if len(ids) > n})[:3]
    monkeypatch.setattr(model, "stops", sorted({*model.stops, *stops}))
    found = model.sample(prompts, 24)
    assert [(g.text, g.finish) for g in found] == [by_hand(model, p.text, 24) for p in prompts]
    assert "stop" in {g.finish for g in found}


def test_a_shared_prefix_is_computed_once_and_changes_nothing(model, prompts):
    shown = [{"role": "user", "content": "What is 3 + 4?"}, {"role": "assistant", "content": "The answer is 7."}]
    longer = [Prompt(model.render([*shown, {"role": "user", "content": f"Question {n}: how many?"}])) for n in range(5)]
    widths = []
    real = model.model.forward

    def forward(*args, **kwargs):
        widths.append(tuple(kwargs["input_ids"].shape))
        return real(*args, **kwargs)

    model.model.forward = forward
    try:
        found = model.sample(longer, 12)
    finally:
        model.model.forward = real
    assert widths[0][0] == 1, "the prefix goes through the model in a batch of one"
    assert [(g.text, g.finish) for g in found] == [by_hand(model, p.text, 12) for p in longer]


def test_sampling_repeats_from_its_seed_whatever_the_batch(model, prompts):
    whole = model.sample(prompts, 12, temperature=1.0, top_p=0.9)
    assert model.sample(prompts, 12, temperature=1.0, top_p=0.9) == whole
    assert model.sample(prompts[3:5], 12, temperature=1.0, top_p=0.9) == whole[3:5]
    other = [Prompt(p.text, p.seed + 100) for p in prompts]
    assert model.sample(other, 12, temperature=1.0, top_p=0.9) != whole


@pytest.mark.parametrize("top_p", [0.3, 0.9, 0.999])
def test_the_likeliest_tokens_are_those_that_sorting_all_would_keep(top_p):
    torch.manual_seed(1)
    sharpness = torch.tensor([0.01, 0.3, 1.0, 3.0, 9.0])  # from almost even, where hundreds hold 30%, to one token
    shares = torch.softmax(torch.randn(5, 2000) * sharpness[:, None], dim=-1)
    found = nucleus(shares, top_p)
    for row, kept in zip(shares.tolist(), found.tolist(), strict=True):
        held, wanted = 0.0, set()
        for token in sorted(range(len(row)), key=row.__getitem__, reverse=True):
            if held >= top_p:
                break
            wanted.add(token)
            held += row[token]
        assert {token for token, share in enumerate(kept) if share} == wanted
        assert all(share in (0.0, row[token]) for token, share in enumerate(kept))
    assert (found != 0).sum(-1).min() < LIKELIEST < (found != 0).sum(-1).max()


def test_a_prompt_beyond_the_context_is_no_answer(model, prompts):
    long = Prompt("word " * 600)
    found = model.sample([prompts[0], long], 8)
    assert (found[1].text, found[1].finish, found[1].completion_tokens) == ("", "length", 0)
    assert found[0] == model.sample([prompts[0]], 8)[0]


def test_folders_that_are_no_models(tmp_path, folder):
    with pytest.raises(CheckpointError, match="no tokenizer"):
        LocalModel(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        if (folder / name).exists():
            (tmp_path / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(CheckpointError, match=r"no config\.json"):
        LocalModel(tmp_path)


def test_seeds_are_a_function_of_what_is_sampled():
    assert row_seed(1, "a") == row_seed(1, "a") != row_seed(1, "b")
    assert 0 <= row_seed(1, "a") < 2**62


def test_a_completion_ends_before_a_stop_text(model, prompts):
    whole = model.sample(prompts, 24)
    text = next(one.text for one in whole if len(one.text) > 6)
    stop = text[3:6]
    stopped = model.sample(prompts, 24, stop=["never written", stop])
    assert stop in text
    for before, after in zip(whole, stopped, strict=True):
        if stop in before.text:
            assert after.text == before.text.partition(stop)[0]
            assert (after.finish, after.completion_tokens <= before.completion_tokens) == ("stop", True)
        else:
            assert after == before
    assert model.answer(prompts, {"max_tokens": 24, "temperature": 0, "stop": [stop]}) == stopped
