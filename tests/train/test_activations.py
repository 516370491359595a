"""What a training keeps in memory is known beforehand; layers computed twice change no bit; too little is one line."""

import pytest

torch = pytest.importorskip("torch")

from train import on_ranks  # noqa: E402
from transformers import LlamaConfig, LlamaForCausalLM  # noqa: E402

from potstill.errors import StudentError  # noqa: E402
from potstill.train import activations, checkpoint, stepper, trainer  # noqa: E402
from potstill.train.head import PLAIN  # noqa: E402
from potstill.train.job import Stop  # noqa: E402
from potstill.train.ranks import Ranks  # noqa: E402
from potstill.train.student_loss import StudentLoss  # noqa: E402


@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("work", [None, torch.bfloat16])
def test_three_short_rows_tell_what_a_long_one_keeps(attention, work, twice):
    config = LlamaConfig(
        vocab_size=300, hidden_size=32, intermediate_size=88, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, pad_token_id=2, bos_token_id=None, eos_token_id=2,
    )  # fmt: skip
    model = LlamaForCausalLM(config).train()
    model.set_attn_implementation(attention)
    if twice:
        activations.compute_twice(model)
    student = StudentLoss(model, PLAIN, work)
    kept = activations.measured(student, 2, Ranks())
    apart = kept.bytes(1, 500) - kept.bytes(1, 200)
    assert apart == activations._saved(student, 500, 2, "cpu") - activations._saved(student, 200, 2, "cpu")
    assert (kept.by_pair > 0) == (attention == "eager" and not twice)
    assert kept.most_rows(500, kept.bytes(7, 500)) == 7


@pytest.mark.parametrize("name", ["none", "lora"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_layers_that_are_computed_twice_change_no_bit_and_a_training_goes_on_with_them(
    folder, tmp_path, name, precision, monkeypatch
):
    def ended(kind, work, **given):
        job = on_ranks.story(folder, tmp_path / work, name, precision=precision, activation_checkpointing=kind, **given)
        logs = trainer.follow(job, Ranks(), on_ranks.Dying(), Stop())
        return logs, (job.out / "model.safetensors").read_bytes()

    plain = ended("never", "plain", steps=5)
    monkeypatch.setattr(activations, "free_memory", lambda _: 1e6)
    assert ended("auto", "twice", steps=5) == plain
    before = checkpoint.save
    monkeypatch.setattr(checkpoint, "save", lambda *given: before(*given) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ended("always", "again", steps=5)
    monkeypatch.setattr(checkpoint, "save", before)
    assert ended("always", "again", steps=5) == plain


def test_too_little_memory_is_told_before_and_after(folder, tmp_path, monkeypatch, capsys):
    job = on_ranks.story(folder, tmp_path, "none", activation_checkpointing="auto", micro_batch=4)

    def full(*_):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(stepper.Stepper, "step", full)
    line = r"the memory is used up in step 1: 4 rows of \d+ tokens take about 0.\d GB .*; set train.micro_batch: 2$"
    with pytest.raises(StudentError, match=line) as told:
        trainer.follow(job, Ranks(), on_ranks.Dying(), Stop())
    assert told.value.__context__ is None
    assert capsys.readouterr().err == ""

    enough = None

    def free(_):
        return enough

    monkeypatch.setattr(activations, "free_memory", free)
    enough = 0.0
    with pytest.raises(StudentError, match=r"lower train.max_length, train with student.lora, or take a smaller"):
        trainer.follow(job, Ranks(), on_ranks.Dying(), Stop())
    said = capsys.readouterr().err
    assert said.startswith("note: layers are computed twice: 4 rows of ")
    assert "note: the memory may run out: 4 rows of " in said
