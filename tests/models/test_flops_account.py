"""The account of a stage: tokens and FLOPs of what was sampled and scored, unknown where the shape is."""

from potstill.models.flops import Account, ModelShape, read_flops, sampled_flops

SHAPE = ModelShape(body=1000, layers=2, attention=8, vocabulary=50, hidden=8)


def test_what_is_sampled_is_a_prompt_read_and_tokens_written_one_by_one():
    account = Account(SHAPE)
    account.sampled(3, 2)
    # f(c) = 2 N + 4 L d c, the head at the last token of the prompt and at each written one, contexts 1 to 5
    assert account.counts()["flops"] == 5 * 2000 + 4 * 2 * 8 * (1 + 2 + 3 + 4 + 5) + 3 * 2 * 50 * 8
    account.scored(4)
    assert account.counts() == {
        "prompt_tokens": 7, "completion_tokens": 2, "flops": sampled_flops(SHAPE, 3, 2) + read_flops(SHAPE, 4, 0)
    }  # fmt: skip


def test_a_model_that_is_not_here_has_tokens_and_no_flops():
    account = Account(None)
    account.sampled(10, 20)
    assert account.counts() == {"prompt_tokens": 10, "completion_tokens": 20, "flops": None}
