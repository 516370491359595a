"""The loss equals the plain formula and does not depend on how a step is cut up (float64, 1e-9)."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potstill.recipe import Loss
from potstill.train.order import micro_batches
from potstill.train.render import Segment
from potstill.train.segments import TokenRow

torch = pytest.importorskip("torch")

from potstill.train.head import PLAIN  # noqa: E402
from potstill.train.loss import by_segment, coefficients, collate  # noqa: E402
from potstill.train.student_loss import StudentLoss  # noqa: E402

VOCABULARY = 17
BODY = (Segment.REASONING, Segment.ANSWER, Segment.FORMAT)


@pytest.fixture(scope="module")
def model():
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=8, intermediate_size=12, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, tie_word_embeddings=True, pad_token_id=2, eos_token_id=2, bos_token_id=None,
        initializer_range=0.5,
    )  # fmt: skip
    return LlamaForCausalLM(config).double()


@st.composite
def rows(draw):
    """Rows as training makes them: a prompt, trained segments, EOS (id 2, also the pad id), text after it."""
    made = []
    for index in range(draw(st.integers(1, 5))):
        body = draw(st.lists(st.sampled_from(BODY), max_size=8))
        codes = [Segment.PROMPT] * draw(st.integers(1, 3)) + body + [Segment.FORMAT]
        codes += [Segment.AFTER] * draw(st.integers(0, 1))
        ids = draw(st.lists(st.integers(0, VOCABULARY - 1), min_size=len(codes), max_size=len(codes)))
        made.append(TokenRow(tuple(ids), bytes(codes), index, draw(st.sampled_from([1.0, 0.5, 3.0]))))
    return made


LOSSES = st.builds(
    Loss,
    kind=st.sampled_from(["tokens", "segments"]),
    alpha=st.sampled_from([0.0, 0.3, 1.0]),
    beta=st.sampled_from([0.0, 1.0, 2.5]),
    ratio_cap=st.sampled_from([1.5, 10.0]),
)


def ours(model, given_rows, loss, size):
    """(loss, gradients) of one optimiser step cut into micro-batches of `size` rows."""
    model.zero_grad()
    found = coefficients(given_rows, loss)
    total = 0.0
    for index in micro_batches(range(len(given_rows)), size):
        cut = [given_rows[i] for i in index]
        value, _ = StudentLoss(model, PLAIN)(collate(cut, by_segment(cut, found.scale), pad=2))
        value.backward()
        total += float(value.detach())
    return total, [p.grad.clone() if p.grad is not None else torch.zeros_like(p) for p in model.parameters()]


def plain(model, given_rows, loss):
    """The formula as it stands in docs/guide, row by row, with whole logits."""
    model.zero_grad()
    losses = {segment: [] for segment in BODY}
    for row in given_rows:
        logits = model(input_ids=torch.tensor([row.ids])).logits[0]
        each = torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(row.ids[1:]), reduction="none")
        for value, code in zip(each, row.segments[1:], strict=True):
            if code in losses:
                losses[Segment(code)].append((row.weight, value))
    share = {Segment.REASONING: loss.alpha, Segment.ANSWER: loss.beta, Segment.FORMAT: loss.beta}
    summed = {s: sum((w * v for w, v in pairs), torch.zeros((), dtype=torch.float64)) for s, pairs in losses.items()}
    weights = {s: sum(w for w, _ in pairs) for s, pairs in losses.items()}
    if loss.kind == "tokens":
        below = sum(share[s] * weights[s] for s in BODY)
        total = sum(share[s] * summed[s] for s in BODY) / below if below else 0 * sum(summed.values())
    else:
        per = {s: share[s] / weights[s] if weights[s] else 0.0 for s in BODY}
        for s in (Segment.ANSWER, Segment.FORMAT):
            if per[Segment.REASONING]:
                per[s] = min(per[s], loss.ratio_cap * per[Segment.REASONING])
        total = sum(per[s] * summed[s] for s in BODY)
    if total.requires_grad:
        total.backward()
    return float(total.detach()), [
        p.grad.clone() if p.grad is not None else torch.zeros_like(p) for p in model.parameters()
    ]


def close(a, b):
    return math.isclose(a[0], b[0], rel_tol=1e-9, abs_tol=1e-12) and all(
        torch.allclose(x, y, rtol=1e-9, atol=1e-11) for x, y in zip(a[1], b[1], strict=True)
    )


@settings(max_examples=40)
@given(given_rows=rows(), loss=LOSSES, size=st.integers(1, 5))
def test_any_cut_gives_the_plain_formula_and_its_gradient(model, given_rows, loss, size):
    assert close(ours(model, given_rows, loss, size), plain(model, given_rows, loss))


def test_means_of_micro_batches_would_differ(model):
    """The bug this guards against: averaging the means of unequal micro-batches."""
    made = [
        TokenRow((1, 5, 2), bytes([0, 2, 3]), 0),
        TokenRow((1, 3, 4, 5, 6, 7, 8, 9, 2), bytes([0, 1, 1, 1, 1, 1, 1, 2, 3]), 1),
    ]
    whole = ours(model, made, Loss(), 2)[0]
    means = [ours(model, [row], Loss(), 1)[0] for row in made]
    assert math.isclose(whole, (2 * means[0] + 8 * means[1]) / 10, rel_tol=1e-12)
    assert abs(whole - sum(means) / 2) > 1e-3


def test_alpha_and_beta_of_one_is_ordinary_mean_cross_entropy(model):
    row = TokenRow((1, 3, 4, 5, 2), bytes([0, 0, 1, 2, 3]), 0)
    logits = model(input_ids=torch.tensor([row.ids])).logits[0].detach()
    mean = torch.nn.functional.cross_entropy(logits[1:4], torch.tensor(row.ids[2:]))
    assert math.isclose(ours(model, [row], Loss(), 1)[0], float(mean), rel_tol=1e-12)


def test_eos_is_a_target_although_it_is_the_pad_id(model):
    row = TokenRow((1, 3, 5, 2), bytes([0, 1, 2, 3]), 0)
    both = [row, TokenRow((1, 3, 4, 5, 6, 2), bytes([0, 1, 1, 1, 2, 3]), 1)]
    batch = collate(both, by_segment(both, coefficients([row], Loss()).scale), pad=2)
    assert batch.targets.tolist() == [3, 5, 2, 3, 4, 5, 6, 2]
    assert batch.ids.tolist() == [[1, 3, 5, 2, 2], [1, 3, 4, 5, 6]]


def test_the_ratio_of_segments_is_capped_and_reported():
    row = TokenRow((0,) * 42, bytes([0] + [1] * 40 + [2]), 0)
    found = coefficients([row], Loss(kind="segments", ratio_cap=10.0))
    assert found.answer_ratio == pytest.approx(40.0)
    assert found.answer_ratio_used == pytest.approx(10.0)
    assert coefficients([row], Loss(kind="tokens", alpha=0.5)).answer_ratio_used == pytest.approx(2.0)


@settings(max_examples=20)
@given(given_rows=rows(), size=st.integers(1, 5), seed=st.integers(0, 99))
def test_coefficients_of_any_sign_give_the_plain_sum_and_its_gradient(model, given_rows, size, seed):
    """What a method needs that learns from its own samples: each token has a coefficient of its own, also negative."""
    dice = random.Random(seed)
    weights = [[0.0, *(dice.choice([0.0, -0.7, 0.3, 1.5]) for _ in row.ids[1:])] for row in given_rows]
    model.zero_grad()
    total = 0.0
    for index in micro_batches(range(len(given_rows)), size):
        batch = collate([given_rows[i] for i in index], [weights[i] for i in index], pad=2)
        value, _ = StudentLoss(model, PLAIN)(batch)
        value.backward()
        total += float(value.detach())
    found = total, [p.grad.clone() if p.grad is not None else torch.zeros_like(p) for p in model.parameters()]
    model.zero_grad()
    summed = torch.zeros((), dtype=torch.float64)
    for row, each in zip(given_rows, weights, strict=True):
        logits = model(input_ids=torch.tensor([row.ids])).logits[0]
        losses = torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(row.ids[1:]), reduction="none")
        summed = summed + (losses * torch.tensor(each[1:], dtype=torch.float64)).sum()
    summed.backward()
    plainly = float(summed.detach()), [p.grad.clone() for p in model.parameters()]
    assert close(found, plainly)


def test_a_coefficient_before_anything_that_predicts_it_is_a_bug():
    with pytest.raises(ValueError, match="first token"):
        collate([TokenRow((1, 2), bytes([1, 1]), 0)], [[1.0, 1.0]], pad=0)
