"""Cross-entropy and divergence at the same token: their sum by segment, exact however the step is cut up."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from train.test_head import FORMS, NAMES, TOKENS, drawn, objectives
from train.test_loss import BODY, LOSSES, VOCABULARY, close, model, rows

from potstill.models.flops import ModelShape
from potstill.recipe import Kl
from potstill.train.order import micro_batches
from potstill.train.render import Segment
from potstill.train.segments import trained

torch = pytest.importorskip("torch")

from potstill.train import head as heads  # noqa: E402
from potstill.train.divergence import Learning, LiveTeacher, TopK  # noqa: E402
from potstill.train.head import PLAIN, Head, descend  # noqa: E402
from potstill.train.loss import by_segment, coefficients, collate  # noqa: E402
from potstill.train.objectives import Mixture  # noqa: E402
from potstill.train.student_loss import StudentLoss  # noqa: E402

__all__ = ["model"]
K = 3
SHAPE = ModelShape(body=1, layers=1, attention=1, vocabulary=1, hidden=1)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6), form=FORMS, bias=st.booleans(), chunk=st.sampled_from([1, 30, 10**4]),
    names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True), data=st.data(),
)  # fmt: skip
def test_a_mixture_is_the_sum_of_its_parts_in_value_and_gradient(seed, form, bias, chunk, names, data):
    weights = st.sampled_from([0.0, 0.0, 1.0, 0.3, -2.0])
    each_token = st.lists(weights, min_size=TOKENS, max_size=TOKENS)
    drawn_shares = {name: data.draw(st.sampled_from([[0.0] * TOKENS, [1.0] * TOKENS]) | each_token) for name in names}
    for dtype, near in ((torch.float64, 1e-10), (torch.float32, 1e-5)):
        (hidden, weight, shift), scale, teacher = drawn(seed, dtype)
        shift = shift if bias else None
        leaves = [x for x in (hidden, weight, shift) if x is not None]
        known = {name: (ours, plain) for name, ours, plain in objectives(teacher, dtype)}
        shares = {name: torch.tensor(each, dtype=torch.float64) for name, each in drawn_shares.items()}
        mixed = Mixture({name: (known[name][0], shares[name]) for name in names})
        before, heads.LOGITS_AT_ONCE = heads.LOGITS_AT_ONCE, chunk
        try:
            total, values = descend(hidden, Head(weight=weight, bias=shift, form=form), mixed, scale, dtype)
            found = torch.autograd.grad(3 * total, leaves)
        finally:
            heads.LOGITS_AT_ONCE = before
        raw = torch.nn.functional.linear(hidden, weight, shift) * form.scale
        log_q = (raw if form.cap is None else form.cap * torch.tanh(raw / form.cap)).log_softmax(1)
        each = {name: known[name][1](log_q) for name in names}
        expected = sum(shares[name] * each[name] for name in names)
        wanted = torch.autograd.grad(3 * (expected * scale).sum(), leaves)
        assert torch.allclose(values.double(), expected.double(), rtol=near, atol=near * 4)
        for one, other in zip(found, wanted, strict=True):
            size = max(1.0, float(other.abs().max()))
            assert (one - other).abs().max() <= near * 10 * size
        for name in names:
            there = shares[name] != 0
            assert torch.allclose(
                mixed.values[name][there], each[name].detach().double()[there], rtol=near, atol=near * 4
            )
            assert mixed.values[name][~there].isnan().all()


@pytest.fixture(scope="module")
def teacher():
    """Another model, wider, its vocabulary padded by two more tokens."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=VOCABULARY + 2, hidden_size=12, intermediate_size=12, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, tie_word_embeddings=False, pad_token_id=2, eos_token_id=2, bos_token_id=None,
        initializer_range=0.8,
    )  # fmt: skip
    return LlamaForCausalLM(config).double()


def log_p_of(teacher, row):
    with torch.no_grad():
        return teacher(input_ids=torch.tensor([row.ids])).logits[0, :, :VOCABULARY].log_softmax(1)


def learnt(teacher, given_rows, kl):
    """What training gets: the stored distributions, or the teacher itself."""
    if kl.top_k is None:
        return Learning(kl=kl, digest="", shape=SHAPE, live=LiveTeacher(teacher, PLAIN))
    stored = []
    for row in given_rows:
        log_p = log_p_of(teacher, row)[[position - 1 for position in trained(row)]]
        logs, ids = log_p.topk(kl.top_k)
        stored.append(TopK(ids=ids, logs=logs, tail=log_p.scatter(1, ids, -torch.inf).logsumexp(1)))
    return Learning(kl=kl, digest="", shape=SHAPE, stored=stored)


def plain(model, teacher, given_rows, loss, kl):
    """Row by row, with whole logits, each token by itself."""
    model.zero_grad()
    scale, total = coefficients(given_rows, loss).scale, torch.zeros((), dtype=torch.float64)
    for row in given_rows:
        log_q, log_p = model(input_ids=torch.tensor([row.ids])).logits[0].log_softmax(1), log_p_of(teacher, row)
        for place, position in enumerate(trained(row)):
            p, q = log_p[position - 1], log_q[position - 1]
            ce = -q[row.ids[position]]
            if kl.top_k is not None:
                ids = p.topk(kl.top_k).indices
                p, q = (torch.cat([x[ids], x.scatter(0, ids, -torch.inf).logsumexp(0, keepdim=True)]) for x in (p, q))
            m = ((p.exp() + q.exp()) / 2).log()
            apart = {
                "forward": (p.exp() * (p - q)).sum(), "reverse": (q.exp() * (q - p)).sum(),
                "jsd": ((p.exp() * (p - m)).sum() + (q.exp() * (q - m)).sum()) / 2,
            }[kl.direction]  # fmt: skip
            code = Segment(row.segments[position])
            share = kl.reasoning if code is Segment.REASONING else kl.answer
            total = total + row.weight * scale[code] * ((1 - share) * ce + share * apart)
            del place
    if total.requires_grad:
        total.backward()
    return float(total.detach()), [
        p.grad.clone() if p.grad is not None else torch.zeros_like(p) for p in model.parameters()
    ]


SHARES = st.sampled_from([0.0, 0.25, 1.0])
KLS = st.builds(
    Kl,
    arm=st.just("t"),
    reasoning=SHARES,
    answer=SHARES,
    top_k=st.sampled_from([None, K]),
    direction=st.sampled_from(["forward", "reverse"]),
) | st.builds(Kl, arm=st.just("t"), reasoning=SHARES, answer=SHARES, top_k=st.none(), direction=st.just("jsd"))


@settings(max_examples=40, deadline=None)
@given(given_rows=rows(), loss=LOSSES, kl=KLS, size=st.integers(1, 5))
def test_any_mixture_by_segment_is_the_plain_formula_however_it_is_cut(model, teacher, given_rows, loss, kl, size):
    learning = learnt(teacher, given_rows, kl)
    model.zero_grad()
    found, total, told = coefficients(given_rows, loss), 0.0, []
    for index in micro_batches(range(len(given_rows)), size):
        cut = [given_rows[i] for i in index]
        batch = collate(cut, by_segment(cut, found.scale), 2, stored=learning.of(index))
        value, losses = StudentLoss(model, PLAIN, learning=learning)(batch)
        value.backward()
        total += float(value.detach())
        told += [(batch.codes, losses)]
    ours = total, [p.grad.clone() if p.grad is not None else torch.zeros_like(p) for p in model.parameters()]
    assert close(ours, plain(model, teacher, given_rows, loss, kl))
    for codes, losses in told:
        for code in BODY:
            share = kl.reasoning if code is Segment.REASONING else kl.answer
            assert losses["ce"][codes == code].isnan().all() == (share == 1 or not (codes == code).any())
            assert losses["kl"][codes == code].isnan().all() == (share == 0 or not (codes == code).any())
