"""Which models can be trained: those that predict each token from what came before, through one linear head."""

import pytest

torch = pytest.importorskip("torch")

from models.families import tiny  # noqa: E402
from transformers import AutoModelForCausalLM  # noqa: E402

from potstill.errors import StudentError  # noqa: E402
from potstill.train.fitness import check_student  # noqa: E402


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
        ("gemma2", {"final_logit_softcapping": 30.0}, "it: Gemma2ForCausalLM scales or caps its logits"),
        ("cohere", {"logit_scale": 0.25}, "it: CohereForCausalLM scales or caps its logits"),
        ("granite", {"logits_scaling": 8.0}, "it: GraniteForCausalLM scales or caps its logits"),
    ],
)
def test_models_that_cannot_are_one_line(family, settings, said):
    with pytest.raises(StudentError, match=said) as caught:
        check_student("it", model_of(family, **settings))
    assert "\n" not in str(caught.value)


def test_a_model_that_needs_more_than_tokens_is_one_line():
    model = model_of("llama")
    model.forward = lambda **_: (_ for _ in ()).throw(KeyError("pixel_values"))
    with pytest.raises(StudentError, match="does not take plain rows of tokens"):
        check_student("it", model)
