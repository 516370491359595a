"""DPO: value and gradient are those of the formula and of numbers by hand, and a kill changes no byte."""

import json
import math
import random

import pytest
from train import tiny

from potstill import recipe_file
from potstill.errors import RecipeError
from potstill.recipe import Dpo, Problems, Recipe, Source, Train, WorkedTeacher

torch = pytest.importorskip("torch")


from potstill.train.head import PLAIN  # noqa: E402
from potstill.train.loss import collate  # noqa: E402
from potstill.train.methods import Pairs, learns_from  # noqa: E402
from potstill.train.methods.dpo import dpo  # noqa: E402
from potstill.train.preferences import Preferences, plan_of_pairs, sigmoid, softplus  # noqa: E402
from potstill.train.reading import read_rows  # noqa: E402
from potstill.train.render import Segment  # noqa: E402
from potstill.train.rows import Rows, RowWriter  # noqa: E402
from potstill.train.segments import TokenRow, trained  # noqa: E402
from potstill.train.student_loss import StudentLoss  # noqa: E402


def whole(**train):
    settings = {
        "method": "dpo", "steps": 6, "batch": 8, "micro_batch": 3, "learning_rate": 3e-3, "precision": "fp32",
        "checkpoint_every": 2, "dpo": Dpo(beta=0.2), **train,
    }  # fmt: skip
    return Recipe(
        name="t", problems=Problems(sources=(Source(family="chain", count=9),)), teacher=WorkedTeacher(kind="worked"),
        student=tiny.STUDENT, train=Train(**settings),
    )  # fmt: skip


@pytest.fixture(scope="module")
def paired(folder, loaded, tmp_path_factory):
    """Twelve pairs of rows: a worked sum over the same sum with a wrong end."""
    shards = tmp_path_factory.mktemp("pairs") / "rows"
    model, tokenizer = loaded
    writer = RowWriter(shards)
    good = tiny.examples(12)
    bad = [type(e)(**{f: getattr(e, f) for f in e.__slots__} | {"answer": "The answer is 1."}) for e in good]
    for number, rows in enumerate(
        zip(*(tiny.rows_of(each, tokenizer, model).rows for each in (good, bad)), strict=True)
    ):
        for row in rows:
            writer.add(TokenRow(row.ids, row.segments, number), str(number), last=row is rows[1])
    writer.close(12)
    writer.shards.move(shards)
    rows = Rows(shards)
    readings = list(read_rows(StudentLoss(model, PLAIN), rows, 0, "cpu"))
    return Pairs(rows=rows, reference=readings, digest="d")


def run(folder, paired, work, **train):
    work.mkdir(exist_ok=True)
    counts = dpo(whole(**train), "dpo", paired, base=folder, work=work, seed=5)
    return counts, json.loads((work / "losses.json").read_bytes()), (work / "model" / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def undisturbed(folder, paired, tmp_path_factory):
    return run(folder, paired, tmp_path_factory.mktemp("dpo") / "work")


def test_the_log_tells_what_there_is_to_know(undisturbed, paired):
    counts, logs, _ = undisturbed
    assert set(logs[0]) == {
        "step", "tokens", "learning_rate", "gradient_norm", "loss", "preference_loss", "ce_chosen", "accuracy",
        "margin", "chosen_log_p", "rejected_log_p", "chosen_reward", "rejected_reward", "chosen_length",
        "rejected_length",
    }  # fmt: skip
    assert logs[0]["preference_loss"] == pytest.approx(math.log(2), abs=1e-6), "nothing is preferred before a step"
    assert abs(logs[0]["margin"]) < 1e-5
    assert logs[-1]["margin"] > 0.05
    assert logs[-1]["accuracy"] == 1.0
    assert logs[-1]["ce_chosen"] < logs[0]["ce_chosen"]
    assert counts["examples"] == 12
    assert counts["rows"] == 6 * 8
    assert counts["flops"] > counts["captured_flops"] > 0


def test_value_and_coefficients_by_hand():
    """Two pairs; beta 0.5, nll 2: D = 1 and -1, winners of 2 and 3 tokens."""
    rows = [TokenRow((0,) * (n + 1), bytes([Segment.PROMPT] + [Segment.ANSWER] * n), 0) for n in (2, 1, 3, 4)]
    known = Preferences(dpo=Dpo(beta=0.5, nll=2.0), reference=[-4.0, -3.0, -6.0, -9.0], digest="")
    order = [3, 2, 0, 1]
    logs = {0: -3.0, 1: -3.0, 2: -7.0, 3: -9.0}
    weights, told = known.weigh(order, [rows[n] for n in order], [logs[n] for n in order])
    s = 1 / (1 + math.exp(0.5))  # sigmoid(-0.5)
    k = dict(zip(order, weights, strict=True))
    assert k[0] == pytest.approx([0, *[0.5 * s / 2 + 2 / 5] * 2], rel=1e-12)
    assert k[1] == pytest.approx([0, -0.5 * s / 2], rel=1e-12)
    assert k[2] == pytest.approx([0, *[0.5 * (1 - s) / 2 + 2 / 5] * 3], rel=1e-12)
    assert k[3] == pytest.approx([0, *[-0.5 * (1 - s) / 2] * 4], rel=1e-12)
    assert told["loss"] == pytest.approx((-math.log(1 - s) - math.log(s)) / 2 + 2 * 10 / 5, rel=1e-12)
    assert (told["accuracy"], told["margin"]) == (0.5, 0.0)
    assert (told["chosen_length"], told["rejected_length"]) == (2.5, 2.5)
    assert (told["chosen_reward"], told["rejected_reward"]) == (0.0, 0.0)
    assert (told["chosen_log_p"], told["rejected_log_p"]) == (-5.0, -6.0)
    assert sigmoid(-800) == softplus(-800) == 0.0
    assert (sigmoid(800), softplus(800)) == (1.0, 800.0)


def test_gradient_is_that_of_the_plain_formula_however_pairs_are_cut(loaded, paired):
    """In float64: our two passes with constant coefficients against autograd through -log sigmoid(beta D)."""
    model = loaded[0].double()
    student, rows = StudentLoss(model, PLAIN), [paired.rows[n] for n in range(6)]
    reference = [value + n for n, value in enumerate(read_rows(student, rows, 0, "cpu"))]
    known = Preferences(dpo=Dpo(beta=0.3, nll=0.7), reference=reference, digest="")
    order = sorted(range(6), key=lambda n: -len(rows[n]))
    logs = list(read_rows(student, [rows[n] for n in order], 0, "cpu"))
    weights, told = known.weigh(order, [rows[n] for n in order], logs)
    model.zero_grad()
    for cut in (slice(0, 1), slice(1, 4), slice(4, 6)):
        student(collate([rows[n] for n in order[cut]], weights[cut], pad=0))[0].backward()
    ours = [p.grad.clone() for p in model.parameters()]

    model.zero_grad()
    log_p, lengths = [], []
    for row in rows:
        places = torch.tensor(trained(row))
        all_of_them = model(input_ids=torch.tensor([row.ids])).logits[0].log_softmax(-1)
        log_p.append(all_of_them[places - 1].gather(1, torch.tensor(row.ids)[places][:, None]).sum())
        lengths.append(len(places))
    moved = [now - before for now, before in zip(log_p, reference, strict=True)]
    margins = torch.stack([0.3 * (moved[n] - moved[n + 1]) for n in (0, 2, 4)])
    value = -torch.nn.functional.logsigmoid(margins).mean() - 0.7 * sum(log_p[::2]) / sum(lengths[::2])
    value.backward()
    plain = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    loaded[0].float()
    assert told["loss"] == pytest.approx(float(value.detach()), rel=1e-10)
    assert all(torch.allclose(a, b, rtol=1e-10, atol=1e-12) for a, b in zip(ours, plain, strict=True))


def test_a_plan_keeps_pairs_together():
    lengths = [5, 9, 7, 2, 4, 4, 8, 8, 3, 6]
    plan = plan_of_pairs(lengths, Train(epochs=2.0, batch=4), seed=1)
    assert plan.rows == 20
    for step, tokens in zip(plan.steps, plan.tokens, strict=True):
        assert {row ^ 1 for row in step} == set(step), "both rows of each pair"
        assert sum(lengths[row] for row in step) == tokens
        assert [lengths[row] for row in step] == sorted((lengths[row] for row in step), reverse=True)
    assert sorted(plan.order) == sorted([*range(10)] * 2)
    assert plan.longest == 9


@pytest.mark.parametrize("count", [1, 4])
def test_a_training_that_is_killed_goes_on_and_ends_with_the_same_bytes(folder, paired, undisturbed, tmp_path, count):
    tiny.die_in_update(lambda: run(folder, paired, tmp_path / "work"), count)
    assert run(folder, paired, tmp_path / "work") == undisturbed


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(20))
def test_it_survives_kills_at_random_points_one_after_the_other(folder, paired, undisturbed, tmp_path, seed):
    dice = random.Random(seed)
    for _ in range(2):
        tiny.die_in_update(lambda: run(folder, paired, tmp_path / "work"), dice.randint(1, 3))
    assert run(folder, paired, tmp_path / "work") == undisturbed


@pytest.mark.parametrize(
    "how", [pytest.param({"processes": 2}, marks=pytest.mark.soak, id="two processes"), {"packing": "always"}]
)
def test_however_rows_are_dealt_and_laid_out_the_same_is_learnt(folder, paired, undisturbed, tmp_path, how):
    counts, logs, _ = run(folder, paired, tmp_path / "work", **how)
    assert counts == undisturbed[0]
    for log, alone in zip(logs, undisturbed[1], strict=True):
        # before the first step every margin is 0 but for rounding, and the accuracy anything
        assert log | {"accuracy": 1.0} == pytest.approx(alone | {"accuracy": 1.0}, rel=1e-3, abs=1e-4)


GIVEN = """
name: x
problems: {sources: [{family: chain, count: 9}]}
teacher: {kind: worked}
student: {scratch: {}}
train: {method: dpo, steps: 3, %s}
"""


@pytest.mark.parametrize(
    ("train", "line"),
    [
        ("batch: 5", "train.batch: batch counts rows, two a pair, and 5 is odd: take 6"),
        ("learning_rate: auto", "train.learning_rate: there is no rule for dpo"),
        ("loss: {beta: 2.0}", "train.loss: dpo counts every token of an answer alike"),
        ("loss: {kl: {arm: base}}", "train.loss: dpo counts every token of an answer alike"),
        ("supervision: answers", "train.supervision: dpo prefers whole answers"),
        ("dpo: {prefer: []}", "train.dpo.prefer: "),
        ("dpo: {prefer: [longer]}", "train.dpo.prefer.0: 'longer' is not one of right_over_wrong"),
        ("dpo: {beta: 0}", "train.dpo.beta: input should be greater than 0"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(train, line):
    with pytest.raises(RecipeError) as told:
        recipe_file.parse(GIVEN % train, "r.yaml")
    assert line in str(told.value)


def test_what_methods_learn_from():
    assert [learns_from(name) for name in ("sft", "grpo", "dpo")] == ["rows", "problems", "pairs"]
