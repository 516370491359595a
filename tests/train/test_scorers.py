"""Training from labels: the plain formula of the soft cross-entropy, its mean over a step, and what is refused."""

import pytest

torch = pytest.importorskip("torch")

from potstill.errors import AuditError  # noqa: E402
from potstill.recipe import Labels, Scorer  # noqa: E402
from potstill.records import Label  # noqa: E402
from potstill.train import packing, scorers, students  # noqa: E402
from potstill.train.fitness import head_of  # noqa: E402
from potstill.train.head import PLAIN  # noqa: E402
from potstill.train.loss import coefficients  # noqa: E402
from potstill.train.student_loss import StudentLoss  # noqa: E402

SCORER = Scorer(kind="process", labels=Labels(by="facts"))
SHARES = [[1.0, None, 0.25], [0.0, None], [0.6, 0.5, 1.0, 0.0]]


def labels(shares=None, source="rollouts"):
    return [
        Label(problem_key=str(n), question=f"What is {n} plus 4?", solution=str(n), step=step,
              text=f"Step {step} of {n}. ", share=share, source=source)
        for n, row in enumerate(SHARES if shares is None else shares) for step, share in enumerate(row)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def model(folder):
    made, tokenizer = scorers.load(folder, "process")
    with torch.no_grad():  # a head that says something
        generator = torch.Generator().manual_seed(1)
        head_of(made).weight.copy_(torch.randn(head_of(made).weight.shape, generator=generator))
    return made.double(), tokenizer


def batches(found, size, settings, packed):
    from potstill.train import loss

    learning = found.learning(None)
    scale = coefficients(found.rows, settings).scale
    make = getattr(loss, "by_segment", None)
    for start in range(0, len(found.rows), size):
        part = list(range(start, min(start + size, len(found.rows))))
        rows = [found.rows[i] for i in part]
        weights = scale if make is None else make(rows, scale)
        yield loss.collate(rows, weights, 0, "cpu", learning.of(part), packed=packed), learning


@pytest.mark.parametrize(("size", "packed"), [(1, False), (2, False), (3, False), (2, True), (3, True)])
def test_loss_and_gradient_are_those_of_the_plain_formula_however_the_step_is_cut(model, size, packed):
    made, tokenizer = model
    assert packing.refusal(made, "sdpa") == ""
    found = scorers.rows_of(labels(), SCORER, tokenizer, 256)
    settings = scorers.settings_of(__import__("potstill.recipe", fromlist=["Train"]).Train(steps=1)).loss
    made.zero_grad()
    total = 0.0
    for batch, learning in batches(found, size, settings, packed):
        student = StudentLoss(made, PLAIN)
        student.learning = learning
        value, _ = student(batch)
        value.backward()
        total += float(value.detach())
    ours = {name: weight.grad.clone() for name, weight in made.named_parameters() if weight.grad is not None}
    made.zero_grad()
    terms, entropies = [], 0.0
    for row, shares in zip(found.rows, found.shares, strict=True):
        ends = [place - 1 for place, code in enumerate(row.segments) if code]
        logs = made(input_ids=torch.tensor([row.ids[:-1]])).logits[0].log_softmax(-1)
        for end, share in zip(ends, shares, strict=True):
            terms.append(-(share * logs[end, 1] + (1 - share) * logs[end, 0]))
            target = torch.tensor([share, 1 - share], dtype=torch.float64)
            entropies -= float(torch.special.xlogy(target, target).sum())
    assert len(terms) == sum(share is not None for row in SHARES for share in row)
    mean = torch.stack(terms).mean()
    mean.backward()
    assert total == pytest.approx(float(mean.detach()) - entropies / len(terms), abs=1e-10)
    for name, weight in made.named_parameters():
        if weight.grad is not None:
            assert torch.allclose(ours[name], weight.grad, atol=1e-10, rtol=0), name


def test_the_head_begins_at_zero_and_the_body_is_the_students(folder):
    student, _ = students.load(folder)
    for kind in ("process", "outcome"):
        made, tokenizer = scorers.load(folder, kind)
        assert not any(bool(weight.any()) for weight in head_of(made).parameters())
        own = student.base_model.state_dict()
        assert all(torch.equal(tensor, own[name]) for name, tensor in made.base_model.state_dict().items())
        assert made.config.num_labels == 2
        assert made.config.pad_token_id == tokenizer.pad_token_id


def test_a_step_without_a_label_carries_no_loss_and_a_solution_without_any_no_row(model):
    found = scorers.rows_of(labels([[None, None], [1.0, None, 0.0]]), SCORER, model[1], 256)
    assert dict(found.dropped) == {"no step has a label": 1}
    assert found.shares == ((1.0, 0.0),)
    assert found.rows[0].example == 1
    assert found.steps == 3
    over = scorers.rows_of(labels(), SCORER, model[1], 20)
    assert sum(over.dropped.values()) == len(SHARES) - len(over.rows) > 0


def test_the_label_of_an_outcome_stands_where_the_classifier_reads(folder):
    made, tokenizer = scorers.load(folder, "outcome")
    scorer = Scorer(kind="outcome", labels=Labels(by="verdicts"))
    found = scorers.rows_of(labels([[1.0], [0.0]]), scorer, tokenizer, 256)
    for row in found.rows:
        (end,) = [place - 1 for place, code in enumerate(row.segments) if code]
        ids = row.ids[:-1]
        assert end == max(place for place, token in enumerate(ids) if token != made.config.pad_token_id)


@pytest.mark.parametrize(("shares", "told"), [
    ([[1.0, 1.0], [1.0]], "every label says right"),
    ([[0.0], [0.0, None]], "every label says wrong"),
    ([[0.5, 0.5]], "every label says right with a share of 0.5"),
    ([[None]], "no labelled solution is left to train on: 1 no step has a label"),
])  # fmt: skip
def test_labels_that_teach_nothing_are_refused_in_one_line(model, shares, told):
    found = scorers.rows_of(labels(shares), SCORER, model[1], 256)
    with pytest.raises(AuditError, match=told):
        scorers.audit(found, SCORER, model[1], "scorers.prm.labels")


def test_the_audit_shows_what_stands_before_each_separator(model):
    found = scorers.rows_of(labels(), SCORER, model[1], 256)
    shown = scorers.audit(found, SCORER, model[1], "scorers.prm.labels").splitlines()
    assert shown[0].startswith("3 solutions, 7 of 9 steps labelled (77.8%), 3.4 right and 3.6 wrong")
    assert "0.25 at '\\n\\n' behind" in shown[2]
    assert "Step 2 of 0." in shown[2]
