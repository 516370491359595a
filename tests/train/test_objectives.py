"""Estimators of a divergence against exact expectations on a vocabulary of nine: which of them may be descended."""

import pytest

torch = pytest.importorskip("torch")

from potstill.train.head import Head, descend  # noqa: E402
from potstill.train.objectives import cross_entropy, full, top_k  # noqa: E402

V, HIDDEN, K = 9, 4, 3
ONE = torch.ones(1, dtype=torch.float64)


@pytest.fixture
def scene():
    """(hidden (1, H), the student's weight with gradient, log q, the teacher's hidden states and head, its log p)."""
    torch.manual_seed(4)
    hidden = torch.randn(1, HIDDEN, dtype=torch.float64)
    weight = torch.randn(V, HIDDEN, dtype=torch.float64, requires_grad=True)
    teacher = torch.randn(V, HIDDEN, dtype=torch.float64)
    log_q, log_p = ((hidden @ w.T).log_softmax(1)[0] for w in (weight.detach(), teacher))
    return hidden, weight, log_q, Head(weight=teacher), log_p


def pull(hidden, weight, objective, scale=ONE):
    total, _ = descend(hidden, Head(weight=weight), objective, scale, torch.float64)
    return torch.autograd.grad(total, [weight])[0]


def expected(hidden, weight, log_q, coefficient):
    """The exact expectation over tokens y sampled by the student of coefficient(y) * grad(-log q(y)).

    It is what the training does for a sampled token, `cross_entropy` with a signed weight, summed over all of them.
    """
    everything = torch.arange(V)
    total, _ = descend(
        hidden.expand(V, HIDDEN).clone(), Head(weight=weight), cross_entropy(everything),
        log_q.exp() * coefficient, torch.float64,
    )  # fmt: skip
    return torch.autograd.grad(total, [weight])[0]


def test_sampled_tokens_with_the_log_ratio_as_their_weight_are_the_reverse_kl(scene):
    hidden, weight, log_q, head, log_p = scene
    exact = pull(hidden, weight, full(hidden, head, torch.float64, 1.0))
    assert exact.abs().max() > 0.1
    assert torch.allclose(expected(hidden, weight, log_q, log_p - log_q), exact, atol=1e-14)
    shifted = expected(hidden, weight, log_q, log_p - log_q + 7.0)  # any baseline leaves it as it is
    assert torch.allclose(shifted, exact, atol=1e-13)


def test_k1_as_a_loss_teaches_nothing_and_k3_as_a_loss_is_the_forward_kl(scene):
    hidden, weight, log_q, head, log_p = scene
    # k1 = log q - log p: its gradient at a sampled token is grad log q
    assert expected(hidden, weight, log_q, -torch.ones(V, dtype=torch.float64)).abs().max() < 1e-14
    # k3 = r - 1 - log r with r = p / q: its gradient is (1 - r) grad log q
    r = (log_p - log_q).exp()
    forward = pull(hidden, weight, full(hidden, head, torch.float64, 0.0))
    assert torch.allclose(expected(hidden, weight, log_q, r - 1), forward, atol=1e-14)


def kept(log_p):
    logs, ids = log_p.topk(K)
    return ids[None], logs[None], log_p.scatter(0, ids, -torch.inf).logsumexp(0)[None]


@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_a_tail_makes_the_top_tokens_proper(scene, direction):
    """No pull at the teacher itself, never below nothing, and never more than over the whole distribution."""
    hidden, weight, _, head, log_p = scene
    ids, logs, tail = kept(log_p)
    at_teacher = head.weight.clone().requires_grad_()
    assert pull(hidden, at_teacher, top_k(ids, logs, tail, direction)).abs().max() < 1e-14
    whole = full(hidden, head, torch.float64, 0.0 if direction == "forward" else 1.0)
    values = [
        float(descend(hidden, Head(weight=weight), one, ONE, torch.float64)[1])
        for one in (top_k(ids, logs, tail, direction), whole)
    ]
    assert 0 < values[0] < values[1]


def test_without_a_tail_top_tokens_are_wrong_and_refused(scene):
    """The truncated reverse KL pulls away from the teacher itself; stored like that it is no objective but an error."""
    hidden, _, _, head, log_p = scene
    ids, logs, tail = kept(log_p)
    weight = head.weight.clone().requires_grad_()
    log_q = (hidden @ weight.T).log_softmax(1)
    chosen = log_q.gather(1, ids)
    (truncated,) = torch.autograd.grad((chosen.exp() * (chosen - logs)).sum(), [weight])
    assert truncated.abs().max() > 0.05
    with pytest.raises(ValueError, match="do not sum to 1"):
        top_k(ids, logs, torch.full_like(tail, -torch.inf), "reverse")
    with pytest.raises(ValueError, match="do not sum to 1"):
        top_k(ids, logs - tail.exp(), tail + 1, "forward")
    top_k(torch.arange(V)[None], log_p[None], torch.full_like(tail, -torch.inf), "forward")  # all tokens: no tail
