"""The head in chunks against the plain formulas over whole logits: value and gradient, any form, sign and chunk."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from potstill.train import head as heads  # noqa: E402
from potstill.train.head import Head, HeadForm, descend, log_probabilities  # noqa: E402
from potstill.train.objectives import cross_entropy, full, top_k  # noqa: E402

TOKENS, HIDDEN, VOCABULARY, WIDE, K = 6, 5, 11, 13, 4
FORMS = st.builds(HeadForm, scale=st.sampled_from([1.0, 0.25, -2.0]), cap=st.sampled_from([None, 3.0]))


def drawn(seed, dtype):
    """Hidden states, weight and bias with gradients, the coefficients, and a teacher of another width."""
    torch.manual_seed(seed)
    ours = [torch.randn(*size, dtype=torch.float64) for size in ((TOKENS, HIDDEN), (VOCABULARY, HIDDEN), (VOCABULARY,))]
    teacher = [torch.randn(TOKENS, 7, dtype=torch.float64), torch.randn(WIDE, 7, dtype=torch.float64)]
    scale = torch.randn(TOKENS, dtype=torch.float64)
    return [x.to(dtype).requires_grad_() for x in ours], scale, [x.to(dtype) for x in teacher]


def objectives(teacher, dtype):
    """(name, ours, the plain formula (log q) -> values), each as its reference writes it."""
    targets = torch.tensor([0, 3, 3, 10, 5, 1])
    log_p = (teacher[0] @ teacher[1].T)[:, :VOCABULARY].log_softmax(1)
    kept, ids = log_p.topk(K)
    tail = log_p.scatter(1, ids, -torch.inf).logsumexp(1)

    def buckets(logs):
        rest = logs.scatter(1, ids, -torch.inf).logsumexp(1)
        return torch.cat([logs.gather(1, ids), rest[:, None]], 1)

    def kl(one, other):
        return (one.exp() * (one - other)).sum(1)

    def jsd(log_q, beta):
        m = (beta * log_p.exp() + (1 - beta) * log_q.exp()).log()
        return beta * kl(log_p, m) + (1 - beta) * kl(log_q, m)

    live = Head(weight=teacher[1])
    yield "ce", cross_entropy(targets), lambda q: -q.gather(1, targets[:, None])[:, 0]
    yield "top-k forward", top_k(ids, kept, tail, "forward"), lambda q: kl(buckets(log_p), buckets(q))
    yield "top-k reverse", top_k(ids, kept, tail, "reverse"), lambda q: kl(buckets(q), buckets(log_p))
    yield "forward", full(teacher[0], live, dtype, 0.0), lambda q: kl(log_p, q)
    yield "reverse", full(teacher[0], live, dtype, 1.0), lambda q: kl(q, log_p)
    yield "jsd", full(teacher[0], live, dtype, 0.3), lambda q: jsd(q, 0.3)


NAMES = [name for name, *_ in objectives([torch.randn(TOKENS, 7), torch.randn(WIDE, 7)], torch.float32)]


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), form=FORMS, bias=st.booleans(), chunk=st.sampled_from([1, 40, 10**4]))
def test_value_and_gradient_are_those_of_the_plain_formula(name, seed, form, bias, chunk):
    for dtype, near in ((torch.float64, 1e-10), (torch.float32, 2e-5)):
        (hidden, weight, shift), scale, teacher = drawn(seed, dtype)
        shift = shift if bias else None
        leaves = [x for x in (hidden, weight, shift) if x is not None]
        ((_, ours, plain),) = (row for row in objectives(teacher, dtype) if row[0] == name)
        before = heads.LOGITS_AT_ONCE, heads.WEIGHTS_AT_ONCE
        heads.LOGITS_AT_ONCE = heads.WEIGHTS_AT_ONCE = chunk
        try:
            head = Head(weight=weight, bias=shift, form=form)
            total, values = descend(hidden, head, ours, scale, dtype)
            found = torch.autograd.grad(3 * total, leaves)
        finally:
            heads.LOGITS_AT_ONCE, heads.WEIGHTS_AT_ONCE = before
        raw = torch.nn.functional.linear(hidden, weight, shift) * form.scale
        logits = raw if form.cap is None else form.cap * torch.tanh(raw / form.cap)
        expected = plain(logits.log_softmax(1))
        wanted = torch.autograd.grad(3 * (expected.double() * scale).sum(), leaves)
        assert not values.requires_grad
        assert torch.allclose(values, expected, rtol=near, atol=near)
        for one, other in zip(found, wanted, strict=True):
            assert torch.allclose(one, other, rtol=near, atol=near * 10)


def test_no_divergence_is_below_nothing_or_pulls_where_student_and_teacher_agree():
    (hidden, weight, _), scale, _ = drawn(3, torch.float64)
    teacher = [hidden.detach(), weight.detach()]
    log_p = (teacher[0] @ teacher[1].T).log_softmax(1)
    kept, ids = log_p.topk(K)
    tail = log_p.scatter(1, ids, -torch.inf).logsumexp(1)
    live = Head(weight=teacher[1])
    for objective in (
        top_k(ids, kept, tail, "forward"), top_k(ids, kept, tail, "reverse"),
        full(teacher[0], live, torch.float64, 0.0), full(teacher[0], live, torch.float64, 1.0),
        full(teacher[0], live, torch.float64, 0.5),
    ):  # fmt: skip
        total, values = descend(hidden, Head(weight=weight), objective, scale, torch.float64)
        assert values.abs().max() < 1e-12
        assert all(grad.abs().max() < 1e-12 for grad in torch.autograd.grad(total, [hidden, weight]))


def test_the_tail_keeps_the_minimum_where_the_teacher_is():
    """Descending from anywhere, the k tokens and the tail end at the teacher's masses; without a tail they do not."""
    torch.manual_seed(0)
    log_p = torch.randn(1, VOCABULARY, dtype=torch.float64).log_softmax(1)
    kept, ids = log_p.topk(K)
    tail = log_p.scatter(1, ids, -torch.inf).logsumexp(1)
    for direction in ("forward", "reverse"):
        weight = torch.randn(VOCABULARY, 1, dtype=torch.float64, requires_grad=True)
        hidden = torch.ones(1, 1, dtype=torch.float64)
        for _ in range(600):
            total, _ = descend(
                hidden, Head(weight=weight), top_k(ids, kept, tail, direction), torch.ones(1, dtype=torch.float64),
                torch.float64,
            )  # fmt: skip
            (gradient,) = torch.autograd.grad(total, [weight])
            weight.data -= 4 * gradient
        q = weight.T.detach().softmax(1)
        assert torch.allclose(q.gather(1, ids), kept.exp(), atol=1e-6)


def test_log_probabilities_of_given_tokens():
    (hidden, weight, shift), _, _ = drawn(5, torch.float64)
    head = Head(weight=weight, bias=shift, form=HeadForm(scale=0.5, cap=4.0))
    logs = head.logits(hidden, torch.float64).log_softmax(1)
    ids = torch.randint(VOCABULARY, (TOKENS, 3))
    assert torch.allclose(log_probabilities(hidden, head, ids, torch.float64), logs.gather(1, ids), atol=1e-12)
    one = log_probabilities(hidden, head, ids[:, 0], torch.float64)
    assert torch.allclose(one, logs.gather(1, ids[:, :1])[:, 0], atol=1e-12)
    assert not one.requires_grad
