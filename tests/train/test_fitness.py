"""Which models can be trained: those that predict each token from what came before, through one linear head."""

import pytest

torch = pytest.importorskip("torch")

from models.families import tiny  # noqa: E402
from transformers import AutoModelForCausalLM  # noqa: E402

from potstill.errors import StudentError  # noqa: E402
from potstill.recipe import Loss  # noqa: E402
from potstill.train.fitness import check_student  # noqa: E402
from potstill.train.head import HeadForm  # noqa: E402
from potstill.train.loss import by_segment, coefficients, collate  # noqa: E402
from potstill.train.segments import TokenRow  # noqa: E402
from potstill.train.student_loss import StudentLoss  # noqa: E402


def model_of(family, **settings):
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(tiny(family, **settings), dtype=torch.float32)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(4 if weight.ndim > 1 else 1)
    return model


@pytest.mark.parametrize(
    "family", ["llama", "gpt2", "mamba", "lfm2", "jamba", "qwen3_5_text", "gemma3_text", "llama4_text"]
)
def test_models_that_can_be_trained(family):
    check_student("it", model_of(family))


@pytest.mark.parametrize(
    ("family", "settings", "said"),
    [
        ("bert", {}, "it: BertLMHeadModel reads what comes after a token"),
    ],
)
def test_models_that_cannot_are_one_line(family, settings, said):
    with pytest.raises(StudentError, match=said) as caught:
        check_student("it", model_of(family, **settings))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("family", "settings", "form"),
    [
        ("llama", {}, HeadForm()),
        ("gemma2", {"final_logit_softcapping": 30.0}, HeadForm(cap=30.0)),
        ("cohere", {"logit_scale": 0.25}, HeadForm(scale=0.25)),
        ("granite", {"logits_scaling": 8.0}, HeadForm(scale=0.125)),
    ],
)
def test_what_a_model_does_to_its_logits_is_found_and_trained_exactly(family, settings, form):
    model = model_of(family, **settings)
    assert check_student("it", model) == form
    model = model.double().eval()
    row = TokenRow((5, 9, 2, 11, 3), bytes([0, 1, 1, 2, 3]), 0)
    total, _ = StudentLoss(model, form)(collate([row], by_segment([row], coefficients([row], Loss()).scale), 0))
    names = [name for name, weight in model.named_parameters() if weight.requires_grad]
    ours = torch.autograd.grad(total, list(model.parameters()), allow_unused=True)
    logits = model(input_ids=torch.tensor([row.ids])).logits[0, :-1]
    plain = torch.nn.functional.cross_entropy(logits, torch.tensor(row.ids[1:]))
    theirs = torch.autograd.grad(plain, list(model.parameters()), allow_unused=True)
    assert abs(float(total.detach()) - float(plain.detach())) < 1e-6
    for name, one, other in zip(names, ours, theirs, strict=True):
        assert (one is None) == (other is None), name
        assert one is None or torch.allclose(one, other, rtol=1e-4, atol=1e-6), name


def test_logits_changed_in_another_way_are_one_line():
    model = model_of("llama")
    whole = model.forward

    def forward(**given):
        out = whole(**given)
        out.logits = out.logits.relu()
        return out

    model.forward = forward
    with pytest.raises(StudentError, match="it: LlamaForCausalLM changes its logits after the output head"):
        check_student("it", model)


def test_a_model_that_needs_more_than_tokens_is_one_line():
    model = model_of("llama")
    model.forward = lambda **_: (_ for _ in ()).throw(KeyError("pixel_values"))
    with pytest.raises(StudentError, match="does not take plain rows of tokens"):
        check_student("it", model)
