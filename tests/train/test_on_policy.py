"""On-policy distillation: the gradient is the formula's, a kill changes no byte, and what cannot work is refused."""

import json

import pytest
from train import tiny
from train.test_grpo import PROBLEMS, Parity

from potstill import recipe_file
from potstill.errors import RecipeError, StudentError
from potstill.recipe import Kl, Loss, OnPolicy, Problems, Recipe, Source, Train, WorkedTeacher

torch = pytest.importorskip("torch")

from potstill.models.flops import shape_of_model  # noqa: E402
from potstill.train import students  # noqa: E402
from potstill.train.divergence import Learning, LiveTeacher  # noqa: E402
from potstill.train.head import PLAIN  # noqa: E402
from potstill.train.loss import collate  # noqa: E402
from potstill.train.methods import Taught, learns_from_problems  # noqa: E402
from potstill.train.methods import on_policy as method  # noqa: E402
from potstill.train.methods.on_policy import coefficients  # noqa: E402
from potstill.train.rollouts import JudgedRollout, Prompted, RolloutGroup  # noqa: E402
from potstill.train.student_loss import StudentLoss  # noqa: E402

REVERSE = Kl(arm="teacher", direction="reverse", top_k=None, precision="fp32")


def whole(kl=REVERSE, **train):
    settings = {
        "method": "on_policy", "steps": 4, "batch": 8, "micro_batch": 3, "learning_rate": 1e-3, "precision": "fp32",
        "checkpoint_every": 2, "loss": Loss(kl=kl), "on_policy": OnPolicy(rollouts=2, max_tokens=24, ended=0.0),
        **train,
    }  # fmt: skip
    return Recipe(
        name="t", problems=Problems(sources=(Source(family="chain", count=9),)), teacher=WorkedTeacher(kind="worked"),
        student=tiny.STUDENT, train=Train(**settings),
    )  # fmt: skip


def altered(folder, out, change):
    """Write a checkpoint like another, with its weights, or its tokenizer, changed."""
    model, tokenizer = students.load(folder)
    change(model, tokenizer)
    students.write(model, tokenizer, out)
    return out


@pytest.fixture(scope="module")
def ending(folder, tmp_path_factory):
    """A student that writes EOS now and then, so that most of its answers end."""

    def change(model, tokenizer):
        ids = tokenizer("What is 5 plus 3?", return_tensors="pt")["input_ids"]
        with torch.no_grad():
            hidden = model.base_model(input_ids=ids).last_hidden_state[0].mean(0)
            model.get_output_embeddings().weight[tokenizer.eos_token_id] = 9.0 * hidden / hidden.square().sum()

    return altered(folder, tmp_path_factory.mktemp("ending") / "model", change)


@pytest.fixture(scope="module")
def teacher(ending, tmp_path_factory):
    """Another student like it, of other weights."""

    def noise(model, tokenizer):
        del tokenizer
        torch.manual_seed(1)
        with torch.no_grad():
            for weight in model.parameters():
                weight += 0.02 * torch.randn_like(weight)

    return altered(ending, tmp_path_factory.mktemp("teacher") / "model", noise)


def trained(folder, teacher, work, kl=REVERSE, **train):
    work.mkdir(exist_ok=True)
    taught = {} if kl is None else {"taught": Taught(name=str(teacher), digest="t")}
    counts = method.on_policy(
        whole(kl, **train), "opd", PROBLEMS, base=folder, work=work, seed=5, verdicts=Parity, **taught
    )  # fmt: skip
    return counts, json.loads((work / "losses.json").read_bytes()), (work / "model" / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def undisturbed(ending, teacher, tmp_path_factory):
    return trained(ending, teacher, tmp_path_factory.mktemp("opd") / "work")


def test_the_log_tells_what_there_is_to_know(undisturbed):
    counts, logs, _ = undisturbed
    assert set(logs[0]) == {
        "step", "tokens", "learning_rate", "loss", "gradient_norm", "pass_at_1", "pass_at_2", "entropy", "surprisal",
        "length", "truncated", "unknown", "looping", "learnt_tokens", "rows", "flops",
    }  # fmt: skip
    assert all(log["loss"] > 0 for log in logs), "a divergence"
    assert all(log["rows"] == round(8 * (1 - log["truncated"])) for log in logs), "what is cut off is not learnt from"
    assert sum(log["truncated"] for log in logs) > 0
    assert counts["flops"] == logs[-1]["flops"] > 0


@pytest.mark.parametrize("direction", ["reverse", "jsd"])
def test_gradient_is_that_of_the_plain_divergence_over_the_horizon(loaded, teacher, direction):
    """In float64, the whole vocabulary at each drawn token of the first two of an answer, by autograd."""
    model, master = loaded[0].double(), students.load(teacher)[0].double()
    kl = Kl(arm="t", direction=direction, top_k=None, precision="fp32")
    answers = [((5, 6, 9), (7, 8)), ((4, 1), (3, 4, 5)), ((3,), (9,))]
    groups = [
        RolloutGroup(
            asked=Prompted(problem=PROBLEMS[0], ids=asked),
            rollouts=(JudgedRollout(ids=ids, logs=(-1.0,) * len(ids), entropy=0.0, truncated=False, reward=None),),
        ) for ids, asked in answers
    ]  # fmt: skip
    rollouts = [group.rollouts[0] for group in groups]
    k = coefficients(rollouts, OnPolicy(horizon=2))
    assert k == [[0.2, 0.2, 0.0], [0.2, 0.2], [0.2]]
    student = StudentLoss(model, PLAIN)
    student.learning = Learning(kl=kl, digest="", shape=shape_of_model(master), live=LiveTeacher(master, PLAIN))
    model.zero_grad()
    for n, (group, each) in enumerate(zip(groups, k, strict=True)):
        row = group.row(group.rollouts[0], n)
        student(collate([row], [[0.0] * len(group.asked.ids) + each], pad=0))[0].backward()
    ours = [p.grad.clone() for p in model.parameters()]

    model.zero_grad()
    total = torch.zeros((), dtype=torch.float64)
    for ids, asked in answers:
        both = torch.tensor([[*asked, *ids]])
        with torch.no_grad():
            log_p = master(input_ids=both).logits[0].log_softmax(-1)
        log_q = model(input_ids=both).logits[0].log_softmax(-1)
        for place in range(len(asked) - 1, len(asked) - 1 + min(2, len(ids))):
            p, q = log_p[place], log_q[place]
            if direction == "reverse":
                total = total + (q.exp() * (q - p)).sum() / 5
            else:
                m = ((p.exp() + q.exp()) / 2).log()
                total = total + ((p.exp() * (p - m)).sum() + (q.exp() * (q - m)).sum()) / 2 / 5
    total.backward()
    plain = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    loaded[0].float()
    assert all(torch.allclose(a, b, rtol=1e-8, atol=1e-11) for a, b in zip(ours, plain, strict=True))


def test_without_a_teacher_unlikely_tokens_become_less_likely(ending, tmp_path):
    rollouts = [JudgedRollout(ids=(5, 6, 1), logs=(-3.0, -0.1, -2.0), entropy=0.0, truncated=False, reward=None)]
    assert coefficients(rollouts, OnPolicy(control=0.1)) == [[-1 / 3, 0.0, 0.0]]
    own = OnPolicy(rollouts=2, max_tokens=24, ended=0.0, control=0.5)
    _, logs, weights = trained(ending, None, tmp_path / "work", kl=None, on_policy=own)
    assert weights != (ending / "model.safetensors").read_bytes()
    assert logs[0]["learnt_tokens"] > 0


@pytest.mark.parametrize("count", [1, 3])
def test_a_training_that_is_killed_goes_on_and_ends_with_the_same_bytes(ending, teacher, undisturbed, tmp_path, count):
    tiny.die_in_update(lambda: trained(ending, teacher, tmp_path / "work"), count)
    assert trained(ending, teacher, tmp_path / "work") == undisturbed


def test_a_student_whose_answers_do_not_end_is_refused(folder, teacher, tmp_path):
    with pytest.raises(
        StudentError, match=r"\d% of the student's answers end within 2 tokens.*train it on traces first"
    ):
        trained(folder, teacher, tmp_path / "work", on_policy=OnPolicy(rollouts=2, max_tokens=2, ended=0.5))
    assert not (tmp_path / "work" / "model").exists()


def test_a_teacher_of_another_tokenizer_is_refused(folder, tmp_path):
    other = tmp_path / "other"
    students.prepare(tiny.STUDENT, lambda: ["quite other words than those, quartz and zebra"] * 9, seed=3, out=other)
    with pytest.raises(StudentError, match=r"teacher teacher: its tokenizer is not the student's"):
        trained(folder, other, tmp_path / "work")


GIVEN = """
name: x
problems: {sources: [{family: chain, count: 9}]}
teacher: {kind: worked}
student: {scratch: {}}
train: {method: on_policy, batch: 16, steps: 3, %s}
"""


@pytest.mark.parametrize(
    ("train", "line"),
    [
        ("weight_decay: 0.0", "train.on_policy: name a teacher in loss.kl, or set on_policy.control"),
        ("on_policy: {control: 0.1}, loss: {kl: {arm: base}}", "for a training without one; found both"),
        ("loss: {kl: {arm: base}}", "train.loss.kl.top_k: what the student will write is not known before"),
        ("loss: {kl: {arm: base, top_k: null, answer: 0.5}}", "train.loss.kl: a share below 1"),
        ("loss: {beta: 2.0, kl: {arm: base, top_k: null}}", "train.loss: on_policy counts every token"),
        ("on_policy: {rollouts: 5, control: 0.1}", "batch counts answers, 5 a problem, and 16 is no multiple of that"),
        ("on_policy: {top_p: 0.9, control: 0.1}", "train.on_policy.top_p: answers are drawn from the whole"),
        ("processes: 2, on_policy: {control: 0.1}", "train.processes: on_policy trains in one process"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(train, line):
    with pytest.raises(RecipeError) as told:
        recipe_file.parse(GIVEN % train, "r.yaml")
    assert line in str(told.value)


def test_it_learns_from_problems():
    assert learns_from_problems("on_policy")
