"""Packed rows do not see each other, give the loss and gradient of padded ones, and what cannot do it is refused."""

import dataclasses
import math
import multiprocessing
import signal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from models.families import tiny  # noqa: E402
from train import on_ranks  # noqa: E402
from train import tiny as tiny_student  # noqa: E402
from train.test_loss import LOSSES, VOCABULARY, plain, rows  # noqa: E402
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM  # noqa: E402

from potstill.errors import StudentError  # noqa: E402
from potstill.models.flops import shape_of  # noqa: E402
from potstill.models.local.live import LiveSampler  # noqa: E402
from potstill.recipe import Kl, Lora, Train  # noqa: E402
from potstill.train import packing, students, trainer  # noqa: E402
from potstill.train.capture import captured  # noqa: E402
from potstill.train.divergence import Learning, LiveTeacher  # noqa: E402
from potstill.train.fitness import body_of, check_student  # noqa: E402
from potstill.train.head import PLAIN  # noqa: E402
from potstill.train.loss import by_segment, coefficients, collate  # noqa: E402
from potstill.train.order import packs  # noqa: E402
from potstill.train.ranks import Ranks  # noqa: E402
from potstill.train.segments import TokenRow  # noqa: E402
from potstill.train.student_loss import StudentLoss  # noqa: E402

LENGTHS = (40, 23, 2, 31)
"""Longer than the window of 16 and the chunk of 16 of the tiny families."""
KEPT_APART = ["llama", "qwen2", "qwen3", "gemma3_text", "gemma2", "llama4_text", "gpt2", "phi3", "olmo2", "gpt_oss"]
SEEN = ["mamba", "lfm2_moe", "jamba", "qwen3_5_text", "bamba", "recurrent_gemma", "rwkv", "bloom", "mpt"]


def model_of(family):
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(tiny(family), dtype=torch.float32).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(4 if weight.ndim > 1 else 1)
    return model


def attention_of(model):
    return "sdpa" if model._supports_sdpa else "eager"


def made_rows(size, seed=1, lengths=LENGTHS):
    draw = torch.Generator().manual_seed(seed)
    ids = [tuple(torch.randint(size, (n,), generator=draw).tolist()) for n in lengths]
    return [TokenRow(row, bytes([0, *[1] * (len(row) - 1)]), number) for number, row in enumerate(ids)]


def losses(model, given_rows, packed=True):
    """The cross-entropy of each token, a tensor a row."""
    weights = [[0.0, *[1.0] * (len(row) - 1)] for row in given_rows]
    with torch.no_grad():
        _, values = StudentLoss(model, PLAIN)(collate(given_rows, weights, 0, packed=packed))
    return values["ce"].split([len(row) - 1 for row in given_rows])


@pytest.mark.parametrize("family", KEPT_APART)
def test_changing_a_neighbour_changes_no_other_loss_and_a_pack_says_what_each_row_alone_does(family):
    model = model_of(family)
    given_rows = made_rows(300)
    alone = [losses(model, [row], packed=False)[0] for row in given_rows]
    dense = attention_of(model)
    model.set_attn_implementation(dense)
    with torch.no_grad():  # the reference: one dense mask in blocks
        ids = torch.tensor([[i for row in given_rows for i in row.ids]])
        pack = packing.Pack.of(LENGTHS, [0] * len(LENGTHS))
        told = body_of(model)(input_ids=ids, position_ids=pack.positions, use_cache=False)
    assert packing.refusal(model, dense) == ""
    together = losses(model, given_rows)
    for one, other in zip(alone, together, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-4)
    with torch.no_grad(), packing.packed(pack):
        ours = body_of(model)(input_ids=ids, position_ids=pack.positions, use_cache=False)
    if family != "gpt_oss":  # transformers 5.23 makes its masks without positions, and lets the rows of a pack meet
        torch.testing.assert_close(ours.last_hidden_state, told.last_hidden_state, rtol=1e-4, atol=1e-4)
    for number in range(len(given_rows)):
        changed = [*given_rows]
        changed[number] = made_rows(300, seed=2)[number]
        moved = [(a - b).abs().max() for a, b in zip(together, losses(model, changed), strict=True)]
        assert moved[number] > 1e-3
        assert max(moved[:number] + moved[number + 1 :]) <= 1e-6


@pytest.mark.parametrize("family", SEEN)
def test_models_whose_rows_see_each_other_are_refused_in_one_line(family, capsys, monkeypatch):
    model = model_of(family)
    usual, name = attention_of(model), type(model).__name__
    with pytest.raises(StudentError, match=rf"^train.packing: {name} .*: set auto or never$") as told:
        packing.settle(model, Train(steps=1, packing="always"), usual)
    assert "\n" not in str(told.value)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert not packing.settle(model, Train(steps=1), usual)
    assert capsys.readouterr().err.startswith(f"note: rows are padded, not packed: {name} ")
    assert model.config._attn_implementation in {usual, None}


def test_answers_that_share_prompts_are_packed_on_a_processor_too():
    assert packing.settle(model_of("llama"), Train(method="grpo", steps=1), "sdpa")
    assert not packing.settle(model_of("llama"), Train(steps=1), "sdpa")


def test_a_pack_whose_positions_go_on_is_seen():
    model = model_of("gpt2")
    forward = model.transformer.forward
    model.transformer.forward = lambda position_ids=None, **given: forward(**given)  # as if it counted by itself
    assert "reads a packed row otherwise than alone" in packing.refusal(model, "sdpa")


@pytest.fixture(scope="module")
def double():
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=8, intermediate_size=12, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, tie_word_embeddings=True, pad_token_id=2, eos_token_id=2, bos_token_id=None,
        initializer_range=0.5,
    )  # fmt: skip
    return tiny_student.exact(LlamaForCausalLM(config))


@settings(max_examples=40)
@given(
    given_rows=rows(),
    alike=st.booleans(),
    loss=LOSSES,
    most=st.integers(1, 50),
    inner=st.sampled_from(["sdpa", "eager"]),
)
def test_any_cut_into_packs_gives_the_plain_formula_and_its_gradient(double, given_rows, alike, loss, most, inner):
    """Also where rows share a prompt, or begin with the shorter prompt of another, which is then there once."""
    assert packing.refusal(double, inner) == ""
    double.zero_grad()
    if alike:
        given_rows = [dataclasses.replace(row, ids=(5,) * row.segments.count(0) + row.ids[row.segments.count(0):])
                      for row in given_rows]  # fmt: skip
    found, total = coefficients(given_rows, loss), 0.0
    lengths = [len(row) for row in given_rows]
    for index in packs(sorted(range(len(lengths)), key=lambda row: -lengths[row]), lengths, most):
        cut = [given_rows[i] for i in index]
        value, _ = StudentLoss(double, PLAIN)(collate(cut, by_segment(cut, found.scale), pad=2, packed=True))
        value.backward()
        total += float(value.detach())
    grads = [p.grad.clone() if p.grad is not None else torch.zeros_like(p) for p in double.parameters()]
    double.set_attn_implementation(inner)
    value, gradients = plain(double, given_rows, loss)
    # transformers' eager attention takes its softmax in float32
    relative, absolute = (1e-9, 1e-11) if inner == "sdpa" else (1e-5, 1e-6)
    assert math.isclose(total, value, rel_tol=relative, abs_tol=absolute)
    for ours, theirs in zip(grads, gradients, strict=True):
        assert torch.allclose(ours, theirs, rtol=relative, atol=absolute)


@given(lengths=st.lists(st.integers(1, 99), max_size=20), most=st.integers(1, 300))
def test_packs_have_every_row_once_and_no_more_tokens_than_they_may(lengths, most):
    step = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    found = packs(step, lengths, most)
    assert [row for pack in found for row in pack] == step
    assert all(len(pack) == 1 or len(pack) * lengths[pack[0]] <= most for pack in found)


def trained(folder, place, name="none", watcher=None, learning=None, **given):
    job = on_ranks.story(folder, place, name, steps=6, look=None, precision="fp32", **given)
    job = dataclasses.replace(job, learning=learning, apart=())
    logs = trainer.follow(job, Ranks(), watcher or on_ranks.Dying(), on_ranks.Stop())
    return logs, (job.out / "model.safetensors").read_bytes()


def alike(one, other):
    for a, b in zip(one, other, strict=True):
        assert a == pytest.approx(b, rel=2e-4, abs=1e-6)


@pytest.mark.parametrize("adapted", [False, True])
def test_a_training_on_packs_is_that_on_padded_rows_and_layers_computed_twice_change_no_bit(
    folder, tmp_path, adapted, monkeypatch
):
    if adapted:
        monkeypatch.setitem(on_ranks.STORIES, "none", ("none", Lora(rank=3, alpha=8), "never", None))
    padded, _ = trained(folder, tmp_path / "padded")
    packed = trained(folder, tmp_path / "packed", packing="always")
    alike(padded, packed[0])
    assert trained(folder, tmp_path / "twice", packing="always", activation_checkpointing="always") == packed
    killed = tmp_path / "killed"
    process = multiprocessing.get_context("fork").Process(
        target=trained, args=(folder, killed), kwargs={"watcher": on_ranks.Dying(5), "packing": "always"}
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert list((killed / "work").glob("checkpoint-*"))
    assert trained(folder, killed, packing="always") == packed


@pytest.mark.parametrize("top_k", [None, 4])
def test_a_teachers_distributions_are_learnt_from_packs_as_from_padded_rows(folder, tmp_path, top_k):
    model, _ = students.load(folder)
    with torch.no_grad():
        model.model.embed_tokens.weight.add_(torch.randn(model.model.embed_tokens.weight.shape) / 5)
    teacher = LiveTeacher(model, check_student("teacher", model))
    kl = Kl(model="t", top_k=top_k, reasoning=0.5, answer=1.0)
    given_rows = on_ranks.story(folder, tmp_path, "none").rows
    stored = None if top_k is None else next(captured(teacher, given_rows, len(model.lm_head.weight), top_k, 0))
    live = teacher if top_k is None else None
    learning = Learning(kl=kl, digest="t", shape=shape_of(folder), live=live, stored=stored)
    padded, _ = trained(folder, tmp_path / "padded", learning=learning)
    packed, _ = trained(folder, tmp_path / "packed", learning=learning, packing="always")
    assert padded[0]["kl_answer"] > 0.01
    alike(padded, packed)


def test_a_student_trained_on_packs_is_sampled_as_before(loaded):
    model = students.load(loaded[0].name_or_path)[0]
    prompts, seeds = [[5, 9, 11], [3, 4]], [1, 2]
    plainly = LiveSampler(model, [2]).draw(prompts, seeds, 8)
    assert packing.refusal(model, "sdpa") == ""
    assert LiveSampler(model, [2]).draw(prompts, seeds, 8) == plainly
