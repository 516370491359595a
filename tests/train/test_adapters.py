"""Adapters of every matrix, whatever the family calls it, and merged again without a difference."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from models.families import tiny  # noqa: E402
from transformers import AutoModelForCausalLM  # noqa: E402
from transformers.pytorch_utils import Conv1D  # noqa: E402

from potstill.errors import StudentError  # noqa: E402
from potstill.recipe import Lora  # noqa: E402
from potstill.train import adapters  # noqa: E402

FAMILIES = (
    "llama", "gpt2", "deepseek_v3", "qwen3_next", "jamba", "mixtral", "gpt_oss", "nemotron_h", "lfm2_moe", "bamba",
    "mamba2", "glm4_moe", "dbrx", "zamba", "phimoe",
)  # fmt: skip
PLAIN = ("gate_proj", "up_proj", "q_proj")


def model_of(family):
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(tiny(family), dtype=torch.float32).eval()


@pytest.mark.parametrize("dropout", [0.0, 0.1])
@pytest.mark.parametrize("family", FAMILIES)
def test_each_matrix_is_adapted_or_named(family, dropout, capsys):
    model = model_of(family)
    head = model.get_output_embeddings()
    matrices = {
        f"{name}.{own}"
        for name, module in model.named_modules() if module is not head and not isinstance(module, torch.nn.Embedding)
        for own, weight in module.named_parameters(recurse=False) if weight.ndim > 1 and not own.endswith("bias")
    }  # fmt: skip
    linear = {name for name, m in model.named_modules() if isinstance(m, torch.nn.Linear | Conv1D) and m is not head}
    adapted = adapters.adapt(model, Lora(rank=2, dropout=dropout), 0)
    carrying = {name.split("base_model.model.")[-1].split(".lora_A")[0].replace(".base_layer", "")
                for name, _ in adapted.named_parameters() if ".lora_A." in name}  # fmt: skip
    said = capsys.readouterr().err
    targets = adapters.targets_of(model_of(family), dropout)
    assert {f"{name}.weight" for name in targets.modules} | {*targets.parameters, *targets.left} == matrices
    assert set(targets.modules) <= linear & carrying
    assert all(name in said for name in adapters.told(targets.left))
    assert all(name.rpartition(".")[0] in carrying for name in targets.parameters)
    plain = [name for name in linear if any(part in name for part in PLAIN) and "shared_transf" not in name]
    assert set(plain) <= set(targets.modules)  # shared experts and hybrids among them


@pytest.mark.parametrize("family", ["llama", "mixtral", "gpt_oss", "deepseek_v3", "jamba", "zamba"])
def test_merged_weights_do_what_the_adapters_did(family):
    adapted = adapters.adapt(model_of(family), Lora(rank=2), 0)
    row = torch.arange(3, 15)[None]
    with torch.no_grad():
        untouched = adapted(input_ids=row, use_cache=False).logits
        for name, weight in adapted.named_parameters():
            if ".lora_B." in name:
                weight.normal_(std=0.2)
        beside = adapted(input_ids=row, use_cache=False).logits
        within = adapters.merged(adapted)(input_ids=row, use_cache=False).logits
    assert not torch.allclose(untouched, beside, atol=1e-3)
    assert torch.allclose(within, beside, atol=1e-4)


def test_adapters_that_do_not_merge_are_not_delivered(monkeypatch):
    adapted = adapters.adapt(model_of("llama"), Lora(rank=2), 0)
    with torch.no_grad():
        next(weight for name, weight in adapted.named_parameters() if ".lora_B." in name).normal_()
    monkeypatch.setattr(type(adapted), "merge_and_unload", lambda self: model_of("llama"), raising=False)
    with pytest.raises(StudentError, match="do not do what they did"):
        adapters.merged(adapted)


def test_a_model_without_a_matrix_to_adapt_is_one_line():
    class Nothing(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.head = torch.nn.Embedding(5, 4), torch.nn.Linear(4, 5)

        def get_output_embeddings(self):
            return self.head

    with pytest.raises(StudentError, match=r"^student.lora: Nothing has no matrix to adapt; train it without lora$"):
        adapters.adapt(Nothing(), Lora(), 1)
