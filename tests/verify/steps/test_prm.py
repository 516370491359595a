"""The process reward model against a plain forward pass over a layout written out by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from verify import tiny_classifiers  # noqa: E402

from potstill.errors import CheckpointError, RecipeError  # noqa: E402
from potstill.verify.steps.prm import ProcessModel, aggregate, first_below  # noqa: E402

SOLUTIONS = [
    ("What is 2 + 2 + 3?", ["First 2 + 2 = 4.", "Then 4 + 3 = 7.", "The answer is 7."]),
    ("Why?", ["Because."]),
    ("A sum", ["one step with\n\na blank line", "", "  and spaces  \n\n"]),
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    out = tmp_path_factory.mktemp("process")
    return {
        "two": tiny_classifiers.llama(out / "two", "token", 2, chat=False, first="<|first|>"),
        "one": tiny_classifiers.llama(out / "one", "token", 1, chat=False),
        "chat": tiny_classifiers.llama(out / "chat", "token", 2),
        "bert": tiny_classifiers.bert(out / "bert", "token", 2),
        "sequence": tiny_classifiers.llama(out / "sequence", "sequence", 2),
    }


def by_hand(folder, question, steps, separator):
    """The right label's probability at the last token of each separator: every byte of these tokenizers is a token."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForTokenClassification.from_pretrained(folder, dtype=torch.float32).eval()
    text, ends = question, []
    for step in steps:
        text += step.strip() + separator
        ends.append(len(text.encode()) - 1)
    first = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    ids = first + tokenizer(text, add_special_tokens=False)["input_ids"]
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([ids])).logits[0][[end + len(first) for end in ends]]
    return (logits.sigmoid()[:, 0] if logits.shape[-1] == 1 else logits.softmax(-1)[:, 1]).tolist()


@pytest.mark.parametrize("name", ["two", "one", "chat"])
@pytest.mark.parametrize("separator", ["\n", "\n\n", " ки\n"])
def test_scores_stand_on_the_last_token_of_each_separator(folders, name, separator):
    found = list(ProcessModel(folders[name], separator).score(SOLUTIONS))
    for (question, steps), scored in zip(SOLUTIONS, found, strict=True):
        assert len(scored.scores) == len(steps)
        assert list(scored.scores) == pytest.approx(by_hand(folders[name], question, steps, separator), abs=1e-5)
    assert all(0 <= score <= 1 for scored in found for score in scored.scores)


def test_a_bidirectional_model_reads_no_padding(folders):
    model = ProcessModel(folders["bert"], "so")
    solutions = [("what is two", ["two and two"] * count) for count in (1, 5, 2, 7)]
    alone = [next(model.score([solution])).scores for solution in solutions]
    for whole, single in zip(model.score(solutions), alone, strict=True):
        assert whole.scores == pytest.approx(single, abs=1e-5)


def test_what_cannot_be_scored_is_said_and_counted(folders):
    model = ProcessModel(folders["two"], "\n\n")
    cases = [("q", []), ("q", ["long " * 100]), ("q", ["a", "b<|end|>"]), ("q", ["a", "b"])]
    found = list(model.score(cases))
    assert [scored.scores is None for scored in found] == [True, True, True, False]
    assert found[0].reason == "no steps"
    assert "the reward model reads 160" in found[1].reason
    assert "special token <|end|>" in found[2].reason
    assert model.unscored == 3


def test_models_and_separators_that_cannot_be_used(folders):
    with pytest.raises(RecipeError, match=r"checks\.reward\.separator ''"):
        ProcessModel(folders["two"], "")
    with pytest.raises(CheckpointError, match="no whole token classifier"):
        ProcessModel(folders["sequence"], "\n")


shares = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@given(shares)
def test_aggregates_follow_their_definitions(scores):
    assert aggregate(scores, "min") == min(scores)
    assert aggregate(scores, "last") == scores[-1]
    assert aggregate(scores, "mean") == pytest.approx(sum(scores) / len(scores))
    assert aggregate(scores, "product") == pytest.approx(
        math.exp(sum(math.log(s) for s in scores)) if all(scores) else 0
    )
    assert aggregate(scores, "product") <= aggregate(scores, "min") <= aggregate(scores, "mean") + 1e-12


@given(shares, st.floats(0, 1))
def test_the_first_wrong_step_is_the_first_below_the_threshold(scores, threshold):
    found = first_below(scores, threshold)
    if found is None:
        assert min(scores) >= threshold
    else:
        assert scores[found] < threshold
        assert all(score >= threshold for score in scores[:found])
