"""What each token of an answer counts: rewards told by themselves and added up, and old answers weighed and clipped."""

import math

import pytest

from potstill.recipe import Grpo, RewardTerm
from potstill.train.advantages import advantages, coefficients
from potstill.train.worth import StepWorth, figures, off_policy, token_advantages, token_coefficients

VERDICTS = [[1.0, 0.0, 0.0, 1.0], [1.0, 1.0, 1.0, 1.0], [0.0, 1.0, None, 0.0]]
LENGTHS = [[3, 5, 4, 2], [9, 9, 9, 9], [6, 1, 7, 2]]


@pytest.mark.parametrize("denominator", ["tokens", "constant", "prompts"])
@pytest.mark.parametrize("kind", ["mean", "std", "leave_one_out", "maxrl"])
def test_the_verdict_alone_is_what_it_was(denominator, kind):
    settings = Grpo(advantage=kind, denominator=denominator, max_tokens=10)
    found = token_coefficients([[(r,) for r in group] for group in VERDICTS], LENGTHS, settings)
    plain = coefficients([advantages(group, kind) for group in VERDICTS], LENGTHS, denominator, 10)
    for tokens, k, lengths in zip(found, plain, LENGTHS, strict=True):
        for its, value, length in zip(tokens, k, lengths, strict=True):
            assert its == (None if value is None else [value] * length)


BOTH = Grpo(rewards=(RewardTerm(), RewardTerm(by="steps", check="facts", weight=0.5)))


def test_rewards_of_steps_stand_on_the_tokens_of_their_steps():
    """The second answer of two is wrong in its second step: from there back its steps have -1/2, times the weight."""
    worths = [(1.0, StepWorth((2, 4), (1.0, 1.0))), (0.0, StepWorth((3, 4, 5), (1.0, 0.0, None)))]
    right, wrong = token_advantages(worths, [5, 7], BOTH)
    assert right == pytest.approx([0.75, 0.75, 0.75, 0.75, 0.5]), "the answer behind the steps has the verdict alone"
    assert wrong == pytest.approx([-0.75, -0.75, -0.75, -0.75, -0.5, -0.5, -0.5])
    k = token_coefficients([worths], [[5, 7]], BOTH)[0]
    assert k[0] == pytest.approx([value / 12 for value in right])


def test_a_problem_counts_where_any_reward_tells_its_answers_apart():
    steps = StepWorth((2,), (1.0,)), StepWorth((2,), (0.0,))
    alike = [(1.0, steps[0]), (1.0, steps[1])]
    assert token_advantages(alike, [3, 3], BOTH) == [[0.25, 0.25, 0.0], [-0.25, -0.25, 0.0]]
    assert token_advantages([(1.0, steps[0]), (1.0, steps[0])], [3, 3], BOTH) == [None, None]


def test_what_is_unknown_leaves_the_answer_out_and_moves_no_other():
    steps = StepWorth((2,), (1.0,))
    worths = [(1.0, steps), (0.0, None), (None, steps), (0.0, steps)]
    found = token_advantages(worths, [2, 2, 2, 2], BOTH)
    assert [one is None for one in found] == [False, True, True, False]
    assert found[0] == token_advantages([worths[0], worths[3]], [2, 2], BOTH)[0]


def test_figures_are_means_of_what_is_known():
    terms = (RewardTerm(by="steps", check="facts"), RewardTerm(by="scorer", scorer="prm"), RewardTerm(by="format"))
    worths = [
        (StepWorth((1, 2), (1.0, 0.0)), StepWorth((1, 2), (0.2, 0.8)), 1.0),
        (StepWorth((1,), (None,)), None, 0.0),
    ]
    assert figures(worths, terms) == {"reward_steps_facts": 0.0, "reward_scorer_prm": 0.8, "reward_format": 0.5}


def test_old_answers_are_weighed_and_clipped_by_hand():
    drawn, settings = [math.log(0.5)] * 6, Grpo(updates=2)
    now = [math.log(p) for p in (0.55, 0.65, 0.35, 0.55, 0.35, 0.99)]
    k, clipped = off_policy([1.0, 1.0, 1.0, -1.0, -1.0, -1.0], now, drawn, settings)
    assert k == pytest.approx([1.1, 0.0, 0.7, -1.1, 0.0, -1.98])
    assert clipped == 2
    capped, _ = off_policy([-1.0], [math.log(0.9)], [math.log(0.1)], settings)
    assert capped == [-2.0]
    assert off_policy([-1.0], [0.0], [-10_000.0], settings)[0] == [-2.0], "no ratio overflows"
    assert off_policy([0.3, -0.2], drawn[:2], drawn[:2], settings) == ([0.3, -0.2], 0), (
        "one that is new counts as it is"
    )


def test_its_gradient_is_that_of_the_clipped_objective():
    """min(r A, clip(r) A) in float64 by autograd, where the cap does not hold; and with the ratio cut at the cap."""
    torch = pytest.importorskip("torch")
    generator = torch.Generator().manual_seed(3)
    drawn = -3 * torch.rand(200, generator=generator, dtype=torch.float64)
    now = (drawn + 0.5 * torch.randn(200, generator=generator, dtype=torch.float64)).requires_grad_()
    worth = torch.randn(200, generator=generator, dtype=torch.float64) / 200
    ratio = (now - drawn).exp()
    (-torch.minimum(ratio * worth, ratio.clamp(0.8, 1.28) * worth).sum()).backward()
    for cap in (1000.0, 1.5):
        k, clipped = off_policy(
            worth.tolist(), now.tolist(), drawn.tolist(), Grpo(updates=3, importance_cap=cap)
        )  # fmt: skip
        wanted = -now.grad * (torch.minimum(ratio, torch.tensor(cap)) / ratio).detach()
        assert k == pytest.approx(wanted.tolist(), rel=1e-10)
        assert clipped == int((now.grad == 0).sum()) > 20
