"""GRPO: the gradient is that of the formula, killed trainings end with the same bytes, and each oddity has its line."""

import dataclasses
import json
import os
import random
import signal
import warnings

import pytest
from train import tiny

from potstill import recipe_file
from potstill.errors import RecipeError, StudentError
from potstill.recipe import Grpo, Problems, Recipe, Source, Train, WorkedTeacher
from potstill.records import Problem, Verdict

torch = pytest.importorskip("torch")

from potstill.models.flops import shape_of  # noqa: E402
from potstill.train import packing, students  # noqa: E402
from potstill.train.head import PLAIN  # noqa: E402
from potstill.train.loss import collate  # noqa: E402
from potstill.train.methods import grpo as method  # noqa: E402
from potstill.train.methods import learns_from_problems  # noqa: E402
from potstill.train.methods.grpo import figures_of, start_advice  # noqa: E402
from potstill.train.practice import TrainingBudget  # noqa: E402
from potstill.train.rollouts import Drawing, JudgedRollout, Prompted, RolloutGroup, reward_of  # noqa: E402
from potstill.train.student_loss import StudentLoss  # noqa: E402

PROBLEMS = [Problem(id=str(n), question=f"What is {n} plus 3?", gold=str(n + 3)) for n in range(12)]


def whole(**train):
    settings = {
        "method": "grpo", "steps": 5, "batch": 12, "micro_batch": 8, "learning_rate": 3e-3, "precision": "fp32",
        "checkpoint_every": 2, "grpo": Grpo(rollouts=4, max_tokens=8, together=8), **train,
    }  # fmt: skip
    return Recipe(
        name="t", problems=Problems(sources=(Source(family="chain", count=9),)), teacher=WorkedTeacher(kind="worked"),
        student=tiny.STUDENT, train=Train(**settings),
    )  # fmt: skip


class Parity:
    """In place of a judge: right where the text has an even length; of three right ones in a row one is unknown."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def many(self, traces):
        for number, (_, trace) in enumerate(traces):
            outcome = "right" if len(trace.reasoning + trace.answer) % 2 == 0 else "wrong"
            cause = "timeout" if number % 11 == 3 else ""
            yield Verdict(
                trace_key="", check="answer", policy="", version=1, outcome="unknown" if cause else outcome,
                cause=cause, method="", score=None, extracted=None,
            )  # fmt: skip


def trained(folder, work, verdicts=Parity, **train):
    work.mkdir(exist_ok=True)
    counts = method.grpo(whole(**train), "rl", PROBLEMS, base=folder, work=work, seed=5, verdicts=verdicts)
    return counts, json.loads((work / "losses.json").read_bytes()), (work / "model" / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def undisturbed(folder, tmp_path_factory):
    return trained(folder, tmp_path_factory.mktemp("grpo") / "work")


def test_the_log_tells_what_there_is_to_know(folder, undisturbed):
    counts, logs, weights = undisturbed
    assert weights != (folder / "model.safetensors").read_bytes()
    assert [log["step"] for log in logs] == [1, 2, 3, 4, 5]
    assert set(logs[0]) == {
        "step", "tokens", "learning_rate", "loss", "gradient_norm", "pass_at_1", "pass_at_4", "entropy", "surprisal",
        "length", "truncated", "dead", "unknown", "mismatch", "rows", "flops",
    }  # fmt: skip
    assert all(log["mismatch"] < 1e-4 for log in logs), "what is trained are the tokens that were drawn, as drawn"
    assert all(0 < log["unknown"] < 0.3 for log in logs)
    assert counts["steps"] == 5
    assert counts["flops"] == logs[-1]["flops"] > 0
    assert counts["rows"] == sum(log["rows"] for log in logs)


def test_packed_answers_are_learnt_from_as_padded_ones(folder, undisturbed, tmp_path):
    _, logs, _ = trained(folder, tmp_path / "work", packing="never", steps=1)
    assert logs[0] == pytest.approx(
        {**undisturbed[1][0], "learning_rate": logs[0]["learning_rate"]}, rel=1e-4, abs=1e-6
    )


class Spelling(Parity):
    """An answer is right that has an e."""

    def many(self, traces):
        traces = list(traces)
        for verdict, (_, trace) in zip(super().many(traces), traces, strict=True):
            outcome = "right" if "e" in trace.reasoning + trace.answer else "wrong"
            yield dataclasses.replace(verdict, outcome=outcome, cause="")


def test_it_learns_what_is_rewarded(folder, tmp_path):
    """Of an untrained student's eight tokens hardly any is an e; after 13 updates most answers have one."""
    _, logs, _ = trained(
        folder, tmp_path / "work", Spelling, steps=14, batch=24, learning_rate=1e-2, schedule="constant",
        grpo=Grpo(rollouts=8, max_tokens=8, together=64),
    )  # fmt: skip
    assert logs[0]["pass_at_1"] < 0.25
    assert logs[-1]["pass_at_1"] > 0.7


KILLS = ("drawn", 1), ("drawn", 15), ("judged", 14), ("update", 1), ("update", 4)
"""Twelve parts are drawn for the first measure, two in each step."""


@pytest.mark.parametrize("kill", KILLS)
def test_a_training_that_is_killed_goes_on_and_ends_with_the_same_bytes(folder, undisturbed, tmp_path, kill):
    """Killed with a real SIGKILL behind the n-th part drawn or judged, or in the middle of the n-th update."""
    _survives([kill], folder, undisturbed, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(20))
def test_it_survives_kills_at_random_points_one_after_the_other(folder, undisturbed, tmp_path, seed):
    dice = random.Random(seed)
    kinds = [dice.choice(["drawn", "judged", "update"]) for _ in range(3)]
    _survives([(kind, dice.randint(1, 2 if kind == "update" else 5)) for kind in kinds], folder, undisturbed, tmp_path)


REUSED = {"grpo": Grpo(rollouts=4, max_tokens=8, together=8, updates=2), "steps": 6, "checkpoint_every": 3}
"""Each batch is used twice, and a checkpoint falls between the two."""


@pytest.fixture(scope="module")
def reused(folder, tmp_path_factory):
    return trained(folder, tmp_path_factory.mktemp("reused") / "work", **REUSED)


def test_a_batch_is_used_again_as_an_old_one(reused):
    """The second update of a batch draws nothing, and weighs each token by how far it has moved."""
    counts, logs, _ = reused
    assert counts["steps"] == 6
    for first, second in zip(logs[::2], logs[1::2], strict=True):
        assert second["pass_at_1"] == first["pass_at_1"]
        assert second["tokens"] == first["tokens"]
        assert second["flops"] > first["flops"]
        assert first["mismatch"] < 1e-4
        assert "mismatch" not in second
        assert 0 <= second["clipped"] < 1
        assert second["loss"] != first["loss"], "the student is no longer the one that answered"
    assert logs[2]["tokens"] > logs[1]["tokens"]


@pytest.mark.parametrize("kill", [("update", 4), ("update", 5), ("drawn", 15)])
def test_a_training_that_is_killed_between_two_updates_of_a_batch_goes_on(folder, reused, tmp_path, kill):
    _survives([kill], folder, reused, tmp_path, **REUSED)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_several_updates_survive_kills_at_random_points(folder, reused, tmp_path, seed):
    dice = random.Random(seed)
    kinds = [dice.choice(["drawn", "judged", "update"]) for _ in range(3)]
    kills = [(kind, dice.randint(1, 2)) for kind in kinds]  # all three have to come before the end
    _survives(kills, folder, reused, tmp_path, **REUSED)


def _survives(kills, folder, undisturbed, tmp_path, **train):
    """Kill a training again and again, each time no token that is on disk is drawn anew; then let it end."""
    keep, drawn, again = Drawing._keep, set(), []

    def kept(self, name, record):
        again.append(f"{name}.json")
        return keep(self, name, record)

    for what, count in kills:
        _die(lambda: trained(folder, tmp_path / "work", **train), what, count)
        drawn = {path.name for path in (tmp_path / "work").rglob("*.drawn.json")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Drawing, "_keep", kept)
        assert trained(folder, tmp_path / "work", **train) == undisturbed
    assert not drawn & set(again), "what was on disk is not drawn again"
    assert not list((tmp_path / "work").rglob("*.drawn.json")), "nothing is left of it at the end"


def _die(act, what, count):
    """Run something in a process of its own, which ends itself by SIGKILL at a counted point."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        child = os.fork()
    if child == 0:
        left = [count]

        def passed():
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            keep, step = Drawing._keep, torch.optim.AdamW.step

            def kept(self, name, record):
                found = keep(self, name, record)
                if name.endswith(what):
                    passed()
                return found

            def stepped(self, *given):
                if what == "update":
                    passed()
                return step(self, *given)

            Drawing._keep, torch.optim.AdamW.step = kept, stepped
            act()
        finally:
            os._exit(3)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL


def group(problem, *answers, ids=(7, 8)):
    """A group of (tokens, reward) pairs."""
    rollouts = tuple(
        JudgedRollout(
            ids=tuple(tokens), logs=(-1.0,) * len(tokens), entropy=1.0, truncated=False, reward=reward, worth=(reward,)
        )
        for tokens, reward in answers
    )
    return RolloutGroup(asked=Prompted(problem=PROBLEMS[problem], ids=ids), rollouts=rollouts)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("denominator", ["tokens", "constant", "prompts"])
def test_loss_and_gradient_are_those_of_the_policy_formula(folder, denominator, packed):
    """-sum of A ratio / Z with the ratio to the stopped policy, in float64, row by row; dead and unknown left out."""
    model = tiny.exact(students.load(folder)[0])
    assert not packed or packing.refusal(model, "sdpa") == ""
    settings = Grpo(rollouts=3, max_tokens=6, denominator=denominator)
    groups = [
        group(0, ([5, 6, 9], 1.0), ([4, 1], 0.0), ([3, 3, 3, 1], 0.0)),
        group(1, ([5, 6], 1.0), ([4, 1], 1.0), ([3, 1], 1.0)),
        group(2, ([3, 4, 5, 6, 1], 1.0), ([8, 1], None), ([9, 1], 0.0), ids=(2, 4, 4)),
    ]
    taken, dead = method.taken_of(groups, settings)
    assert len(taken) == 5
    assert dead == pytest.approx(1 / 3)
    model.zero_grad()
    rows = [one.row(n) for n, one in enumerate(taken)]
    weights = [one.weights for one in taken]
    for cut in (slice(0, 2), slice(2, 5)):  # however it is cut
        batch = collate(rows[cut], weights[cut], pad=0, packed=packed)
        assert not packed or batch.ids.numel() < sum(len(row) - 1 for row in rows[cut]), "a prompt is there once"
        StudentLoss(model, PLAIN)(batch)[0].backward()
    ours = [p.grad.clone() for p in model.parameters()]

    worth = {0: [2 / 3, -1 / 3, -1 / 3], 2: [0.5, None, -0.5]}
    below = {"tokens": [16, 16], "constant": [5 * 6, 5 * 6], "prompts": [9 * 2, 7 * 2]}[denominator]
    model.zero_grad()
    total = torch.zeros((), dtype=torch.float64)
    for place, (number, values) in enumerate(worth.items()):
        for rollout, value in zip(groups[number].rollouts, values, strict=True):
            if value is None:
                continue
            prompt = groups[number].asked.ids
            ids = torch.tensor([[*prompt, *rollout.ids]])
            log_p = model(input_ids=ids).logits[0].log_softmax(-1)[len(prompt) - 1 : -1]
            log_p = log_p.gather(1, torch.tensor(rollout.ids)[:, None])[:, 0]
            total = total - value * (log_p - log_p.detach()).exp().sum() / below[place]
    total.backward()
    plain = [p.grad.clone() for p in model.parameters()]
    assert all(torch.allclose(a, b, rtol=1e-10, atol=1e-12) for a, b in zip(ours, plain, strict=True))
    assert -sum(sum(one.k) for one in taken) == pytest.approx(float(total.detach()), rel=1e-12)


def test_what_answers_are_worth():
    def verdict(outcome, cause=""):
        return Verdict(
            trace_key="", check="answer", policy="", version=1, outcome=outcome, cause=cause, method="", score=None,
            extracted=None,
        )  # fmt: skip

    assert reward_of(verdict("right")) == 1.0
    assert reward_of(verdict("wrong")) == 0.0
    assert reward_of(verdict("unknown", "unparsable prediction")) == 0.0, "cut off or silent is not right"
    for cause in ("timeout", "infrastructure", "unparsable gold", "no gold"):
        assert reward_of(verdict("unknown", cause)) is None


def test_figures_of_a_batch():
    found = figures_of([group(0, ([5, 1], 1.0), ([4, 1], None)), group(1, ([5, 6, 1], 0.0), ([4], 0.0))])
    assert found["pass_at_1"] == pytest.approx(1 / 3)
    assert found["pass_at_2"] == 0.5
    assert found["dead"] == 1.0, "one known answer is no group"
    assert found["unknown"] == 0.25
    assert found["length"] == 2.0


def test_nothing_to_find_and_little_to_gain_are_told():
    nothing = [group(n, *[([5, 1], 0.0)] * 8) for n in range(4)]
    everything = [group(n, *[([5, 1], 1.0)] * 8) for n in range(4)]
    assert "train it on traces first" in start_advice(nothing, "rl")
    assert "harder problems" in start_advice(everything, "rl")
    assert start_advice([*nothing, *everything], "rl") == ""


class Never(Parity):
    """Nothing is ever right."""

    def many(self, traces):
        for verdict in super().many(traces):
            yield dataclasses.replace(verdict, outcome="wrong", cause="")


def test_rewards_that_never_differ_change_nothing_and_are_told(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(method, "SAME_STEPS", 2)
    counts, logs, weights = trained(folder, tmp_path / "work", Never, steps=3)
    assert torch.equal(*(_embedding(data) for data in (weights, (folder / "model.safetensors").read_bytes())))
    assert counts["rows"] == 0
    assert [log["dead"] for log in logs] == [1.0] * 3
    said = capsys.readouterr().err
    assert said.count("in 2 steps no problem had answers of different worth (now 0)") == 1
    assert "finds next to nothing to be rewarded for" in said


def _embedding(data):
    from safetensors.torch import load

    return load(data)["model.embed_tokens.weight"]


def test_budgets(folder, tmp_path):
    shape = shape_of(folder)
    assert shape.layers == 2
    train = whole().train
    assert TrainingBudget.of(train, None, 12) == TrainingBudget(quantity="step", most=5)
    counts = {"rows": 30, "tokens": 999, "flops": 77}
    assert TrainingBudget.of(train, ("examples", counts), 12) == TrainingBudget(quantity="step", most=3)
    assert TrainingBudget.of(train, ("flops", counts), 12) == TrainingBudget(quantity="flops", most=77)
    assert TrainingBudget.of(Train(method="grpo", epochs=2.0, batch=12, grpo=Grpo(rollouts=4)), None, 12).most == 8
    _, logs, _ = trained(folder, tmp_path / "work", steps=None, tokens=900)
    assert logs[-1]["tokens"] >= 900 > logs[-2]["tokens"]
    rates = [log["learning_rate"] for log in logs]
    assert rates[-1] < rates[-2] < 3e-3, "by the share of the budget"


GIVEN = """
name: x
problems: {sources: [{family: chain, count: 9}]}
teacher: {kind: worked}
student: {scratch: {}}
train: {method: grpo, batch: 16, %s}
"""


@pytest.mark.parametrize(
    ("train", "line"),
    [
        ("grpo: {rollouts: 1}", "train.grpo.rollouts: input should be greater than or equal to 2"),
        ("grpo: {top_p: 0.9}", "train.grpo.top_p: answers are drawn from the whole distribution at temperature 1"),
        ("grpo: {min_p: 0.1}", "train.grpo.min_p: answers are drawn from the whole distribution"),
        (
            "grpo: {rollouts: 5}",
            "train.batch: batch counts answers, 5 a problem, and 16 is no multiple of that: take 15",
        ),
        ("learning_rate: auto", "train.learning_rate: there is no rule for grpo"),
        ("processes: 2", "train.processes: grpo trains in one process"),
        ("supervision: answers", "train.supervision: grpo learns from the student's own answers"),
        ("loss: {kl: {arm: base}}", "train.loss.kl: grpo learns from what answers are worth"),
        ("grpo: {rewards: [{by: steps}]}", "train.grpo.rewards.0.check: check is missing: name one"),
        ("grpo: {rewards: [{by: scorer}]}", "train.grpo.rewards.0.scorer: scorer is missing: name one"),
        ("grpo: {rewards: [{scorer: prm}]}", "train.grpo.rewards.0.scorer: scorer belongs to by: scorer"),
        ("grpo: {rewards: [{form: min}]}", "by: verdict is one reward of the whole answer: leave form out"),
        ("grpo: {rewards: [{by: format, cut: sentences}]}", "cut belongs to by: steps"),
        ("grpo: {rewards: [{}, {weight: 2.0}]}", "train.grpo.rewards.1: verdict stands here twice"),
        ("grpo: {rewards: []}", "train.grpo.rewards"),
        ("grpo: {rewards: [{by: lenght}]}", "rewards.0.by: 'lenght' is not one of verdict, steps, scorer, format"),
        ("grpo: {updates: 0}", "train.grpo.updates"),
        ("grpo: {rewards: [{by: scorer, scorer: prm}]}", "there is no scorer 'prm'"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(train, line):
    with pytest.raises(RecipeError) as told:
        recipe_file.parse(GIVEN % f"steps: 3, {train}", "r.yaml")
    assert line in str(told.value)


def test_problems_that_cannot_be_asked_are_counted(folder, tmp_path):
    long = Problem(id="l", question="why " * 600, gold="1")
    found = method.Prompts([*PROBLEMS, long, Problem(id="n", question="?", gold=None)], students.load(folder)[1],
                          tiny.STUDENT, 512, 1)  # fmt: skip
    assert found.dropped == {"no check": 1, "no room for an answer": 1}
    with pytest.raises(StudentError, match="no problem is left to train on: 1 with no room for an answer"):
        method.Prompts([long], students.load(folder)[1], tiny.STUDENT, 512, 1)


def test_which_methods_learn_from_problems():
    assert learns_from_problems("grpo")
    assert not learns_from_problems("sft")
