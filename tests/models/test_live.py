"""A model in training is sampled as it is now: ids and log-probabilities as drawn, and the model as it was after."""

import pytest
from train import tiny

torch = pytest.importorskip("torch")

from potstill.models.local import live  # noqa: E402
from potstill.models.local.live import LiveSampler  # noqa: E402
from potstill.train import students  # noqa: E402


@pytest.fixture(scope="module")
def student(tmp_path_factory):
    """(model in training, tokenizer)."""
    out = tmp_path_factory.mktemp("student") / "base"
    students.prepare(tiny.STUDENT, tiny.texts(tiny.examples(60)), seed=3, out=out)
    model, tokenizer = students.load(out)
    return model.train(), tokenizer


@pytest.fixture(scope="module")
def prompts(student):
    texts = ("What is 4 plus 3?", "What is 55 plus 3?", "Hm")
    return [tuple(student[1](text, add_special_tokens=False)["input_ids"]) for text in texts]


def test_what_is_drawn_has_the_probabilities_of_one_whole_pass_and_the_model_stays_as_it_was(student, prompts):
    model, tokenizer = student
    stop = tokenizer(" ", add_special_tokens=False)["input_ids"][0]
    with torch.no_grad():  # so that some end
        model.model.embed_tokens.weight[stop] *= 3
    model.model.layers[1].eval()  # a part that somebody put to rest stays so
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    asked = [prompt for prompt in prompts for _ in range(3)]
    found = LiveSampler(model, [stop]).draw(asked, range(9), 24)
    assert [module.training for module in (model, model.model.layers[0], model.model.layers[1])] == [True, True, False]
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert not any(parameter.grad is not None for parameter in model.parameters())
    assert {drawn.finish for drawn in found} == {"stop", "length"}
    model.eval()
    for prompt, drawn in zip(asked, found, strict=True):
        assert (drawn.finish == "stop") == (drawn.ids[-1] == stop) or len(drawn.ids) == 24
        assert stop not in drawn.ids[:-1], "what ends a completion is its last token, and is among them"
        with torch.no_grad():
            log_p = model(input_ids=torch.tensor([[*prompt, *drawn.ids]])).logits[0].double().log_softmax(-1)
        there = log_p[len(prompt) - 1 : -1]
        logs = there.gather(1, torch.tensor(drawn.ids)[:, None])[:, 0]
        assert torch.allclose(logs, torch.tensor(drawn.logs, dtype=torch.float64), atol=1e-5)
        assert drawn.entropy == pytest.approx(float(torch.special.entr(there.exp()).sum()), rel=1e-5)
    model.train()


def test_a_completion_depends_on_its_seed_and_not_on_its_neighbours(student, prompts):
    sampler = LiveSampler(student[0], [1])
    together = sampler.draw([prompts[0], prompts[1], prompts[1], prompts[2]], [5, 6, 7, 8], 20)
    assert together[1].ids != together[2].ids
    assert sampler.draw([prompts[1]], [7], 20)[0].ids == together[2].ids
    assert sampler.draw([prompts[1], prompts[2]], [6, 8], 20) == sampler.draw([prompts[1], prompts[2]], [6, 8], 20)
    assert sampler.draw([prompts[1]], [7], 6)[0].ids == together[2].ids[:6], "the limit changes no token before it"


def test_prompts_of_a_group_are_read_once(student, prompts, monkeypatch):
    read = []
    sampler = LiveSampler(student[0], [1])
    whole = sampler.decoder._read
    monkeypatch.setattr(sampler.decoder, "_read", lambda texts, *rest: read.append(len(texts)) or whole(texts, *rest))
    sampler.draw([prompts[0]] * 8 + [prompts[1]] * 8, range(16), 3)
    assert sum(read) <= 3, "two prompts, and what begins both"


def test_draws_have_the_shares_of_their_distribution_and_no_token_without_mass_is_drawn():
    shares = torch.tensor([0.5, 0.0, 0.2, 0.3, 0.0])
    numbers = (torch.arange(10_000, dtype=torch.float64) + 0.5) / 10_000
    tokens, logs, entropy = live._chosen(shares.log().expand(10_000, 5), numbers)
    counts = torch.bincount(torch.tensor(tokens), minlength=5)
    assert counts.tolist() == [5000, 0, 2000, 3000, 0]
    assert logs[0] == pytest.approx(-0.6931, abs=1e-4)
    assert entropy[0] == pytest.approx(-(0.5 * -0.6931 + 0.2 * -1.6094 + 0.3 * -1.2040), abs=1e-3)
    ends = torch.tensor([0.0, 1 - 2**-53], dtype=torch.float64)
    assert live._chosen(shares.log().expand(2, 5), ends)[0] == [0, 3]


def test_a_prompt_without_room_is_a_bug(student):
    with pytest.raises(ValueError, match="no room"):
        LiveSampler(student[0], [1]).draw([(5,) * 512], [1], 4)
