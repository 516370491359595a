"""Looks at rows set apart change nothing of a training, are the same however it is killed, and decide its end."""

import dataclasses
import io
import json
import multiprocessing
import signal
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from train import tiny

from potstill.errors import StudentError
from potstill.recipe import Checks, Kl, Looks, Lora, Loss, Train
from potstill.records import Problem

np = pytest.importorskip("numpy")
torch = pytest.importorskip("torch")

from train import on_ranks  # noqa: E402

from potstill.models.flops import shape_of  # noqa: E402
from potstill.progress import Progress  # noqa: E402
from potstill.train import looks, stepper, students, trainer  # noqa: E402
from potstill.train.answers import ACCURACY, Answers, ProblemsApart  # noqa: E402
from potstill.train.divergence import Learning, LiveTeacher  # noqa: E402
from potstill.train.fitness import check_student  # noqa: E402
from potstill.train.loss import coefficients  # noqa: E402
from potstill.train.order import plan  # noqa: E402
from potstill.train.rows import place_of  # noqa: E402
from potstill.verify import Verdicts  # noqa: E402

LOOK = Looks(every=2, share=0.25)
SETTINGS = Train(
    steps=7, batch=5, micro_batch=2, learning_rate=3e-3, checkpoint_every=3, precision="fp32", loss=Loss(alpha=0.5),
    look=LOOK,
)  # fmt: skip


def prepared(loaded, settings=SETTINGS):
    """(rows, plan, rows set apart) of 30 examples of as many problems."""
    rows = tiny.rows_of(tiny.examples(30), loaded[1], loaded[0]).rows
    places = np.array([place_of(str(row.example)) for row in rows], dtype=np.uint64)
    among, apart = looks.set_apart(places, np.array([len(row) for row in rows]), LOOK.share)
    return rows, plan([len(row) for row in rows], settings, 11, among=among), apart.tolist()


def trained(folder, loaded, place, settings=SETTINGS, lora=None, learning=None, watcher=None):
    rows, steps, apart = prepared(loaded, settings)
    progress = watcher or Progress("train", steps.total_tokens, "tokens", io.StringIO())
    return trainer.train(
        folder, rows, steps, settings, lora, 11, place / "work", place / "out", progress, learning, apart
    )


def weights(place):
    return (place / "out" / "model.safetensors").read_bytes()


PROBLEMS = st.lists(st.integers(0, 200), min_size=2, max_size=60)


@given(problems=PROBLEMS, share=st.floats(0.01, 0.9), more=st.integers(201, 300))
def test_problems_are_set_apart_whole_and_one_more_moves_no_other(problems, share, more):
    def choose(keys):
        places = np.array([place_of(str(key)) for key in keys], dtype=np.uint64)
        return looks.set_apart(places, np.arange(len(keys)) % 7, share)

    try:
        kept, apart = choose(problems)
    except StudentError as error:
        assert str(error).startswith("train.look: no row is left to train on")
        return
    assert sorted([*kept, *apart]) == list(range(len(problems)))
    assert [row % 7 for row in apart] == sorted((row % 7 for row in apart), reverse=True)
    inside = {problems[row] for row in apart}
    assert inside.isdisjoint(problems[row] for row in kept)
    assert inside, "at least one problem"
    fair = {key for key in problems if place_of(str(key)) < share * 2**64}
    assert inside == fair or (not fair and len(inside) == 1)
    if fair:
        after = choose([*problems, more])[1]
        assert {row for row in after if row < len(problems)} == set(apart)


def test_the_share_of_problems_is_the_one_asked_for():
    places = np.array([place_of(str(number)) for number in range(20_000)], dtype=np.uint64)
    _, apart = looks.set_apart(places, np.ones(20_000, dtype=np.int64), 0.05)
    assert abs(len(apart) - 1000) < 4 * (20_000 * 0.05 * 0.95) ** 0.5


@pytest.mark.parametrize("lora", [None, Lora(rank=4, alpha=8, dropout=0.2)])
def test_a_look_changes_no_bit_of_the_training(folder, loaded, tmp_path, lora):
    looked = trained(folder, loaded, tmp_path / "with", lora=lora)
    without = trained(folder, loaded, tmp_path / "without", dataclasses.replace(SETTINGS, look=None), lora=lora)
    assert weights(tmp_path / "with") == weights(tmp_path / "without")
    assert [log["step"] for log in looks.looks_of(looked)] == [2, 4, 6, 7]
    assert [{key: log[key] for key in log if not key.startswith("look_")} for log in looked] == without
    assert set(looked[1]) - set(without[1]) == {
        "look_loss", "look_ce_reasoning", "look_ce_answer", "look_ce_format",
    }  # fmt: skip


def test_the_rows_set_apart_are_not_trained_on_and_the_others_come_as_if_they_were_alone(loaded):
    rows, steps, apart = prepared(loaded)
    others = [number for number in range(len(rows)) if number not in apart]
    alone = plan([len(rows[number]) for number in others], SETTINGS, 11)
    assert [others[row] for row in alone.order] == list(steps.order)
    assert 0 < len(apart) < len(rows)


def test_the_loss_of_a_look_is_that_of_a_step_on_all_of_its_rows(folder, loaded, tmp_path):
    """Against a plain pass over one row after the other, of the weights that the last look saw."""
    logs = trained(folder, loaded, tmp_path)
    model, _ = students.load(tmp_path / "out")
    rows, _, apart = prepared(loaded)
    scale = coefficients([rows[number] for number in apart], SETTINGS.loss).scale
    total, sums = 0.0, {}
    for number in apart:
        row = rows[number]
        with torch.no_grad():
            found = model(torch.tensor([row.ids])).logits[0].double().log_softmax(-1)
        for place in range(1, len(row.ids)):
            if (code := row.segments[place]) in scale:
                value = -float(found[place - 1, row.ids[place]])
                total += scale[code] * value
                sums.setdefault(code, []).append(value)
    assert logs[-1]["look_loss"] == pytest.approx(total, rel=1e-5)
    for code, values in sums.items():
        name = next(segment for segment in scale if segment == code).name.lower()
        assert logs[-1][f"look_ce_{name}"] == pytest.approx(sum(values) / len(values), rel=1e-5)


@pytest.fixture
def worse(monkeypatch):
    """Losses of looks get worse after step 4, whatever the student says."""
    number, step, looked = [], stepper.Stepper.step, looks.looked

    def noted(self, at, *given):
        number[:] = [at + 1]
        return step(self, at, *given)

    monkeypatch.setattr(stepper.Stepper, "step", noted)
    monkeypatch.setattr(looks, "looked", lambda *given: {**looked(*given), "look_loss": 1.0 + abs(number[0] - 4)})


def keeping(**given):
    return dataclasses.replace(SETTINGS, steps=10, look=dataclasses.replace(LOOK, keep="best", **given))


def test_best_keeps_the_weights_of_the_lowest_look(folder, loaded, tmp_path, worse):
    logs = trained(folder, loaded, tmp_path / "best", keeping())
    assert [log["look_loss"] for log in looks.looks_of(logs)] == [3, 1, 3, 5, 7]
    last = dataclasses.replace(keeping(), look=LOOK)
    assert trained(folder, loaded, tmp_path / "last", last) == logs
    short = prepared(loaded, last)[1].first(4)
    rate = trainer.learning_rate
    with pytest.MonkeyPatch.context() as patch:  # four steps of the rates of ten
        patch.setattr(trainer, "learning_rate", lambda step, _, given: rate(step, 10, given))
        rows, _, apart = prepared(loaded, last)
        progress = Progress("train", None, "tokens", io.StringIO())
        seen = trainer.train(
            folder, rows, short, last, None, 11, tmp_path / "w", tmp_path / "short" / "out", progress, None, apart
        )
    assert seen == logs[:4]
    assert weights(tmp_path / "best") == weights(tmp_path / "short") != weights(tmp_path / "last")


def test_patience_ends_a_training_and_what_was_killed_ends_there_too(folder, loaded, tmp_path, worse):
    """A real SIGKILL, at counted steps: before the first checkpoint, behind one, and right after the last look."""
    settings = keeping(patience=2)
    whole = trained(folder, loaded, tmp_path / "whole", settings)
    assert len(whole) == 8
    assert looks.ended(whole, settings.look)
    assert not looks.ended(whole[:-1], settings.look)
    fork = multiprocessing.get_context("fork")
    for at in (2, 5, 8):
        process = fork.Process(
            target=trained, args=(folder, loaded, tmp_path / "killed", settings), kwargs={"watcher": on_ranks.Dying(at)}
        )
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    assert [path.name for path in (tmp_path / "killed" / "work").iterdir()] == ["checkpoint-00000006"]
    assert trained(folder, loaded, tmp_path / "killed", settings) == whole
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")


def test_a_teacher_beside_the_student_is_looked_at_too(folder, loaded, tmp_path):
    model, _ = students.load(folder)
    teacher = LiveTeacher(model, check_student("teacher", model))
    kl = Kl(model="t", top_k=None, reasoning=0.5, answer=0.0)
    learning = Learning(kl=kl, digest="t", shape=shape_of(folder), live=teacher)
    logs = trained(folder, loaded, tmp_path, learning=learning)
    assert logs[1]["look_kl_reasoning"] > 0
    assert {"look_kl_answer", "look_kl_format"}.isdisjoint(logs[1])
    json.dumps(logs, allow_nan=False)


def asking(folder, place, watcher=None, steps=60):
    """Train on rows of one problem, ask it at looks; return the logs."""
    model, tokenizer = students.load(folder)
    example = tiny.examples(1)[0]
    problem = Problem(id="p", question=example.question, gold=example.answer.split()[-1].rstrip("."))
    rows = tiny.rows_of([example] * 9, tokenizer, model).rows
    look = Looks(every=steps // 3, answers=1, max_tokens=60, by="accuracy", keep="best")
    settings = dataclasses.replace(SETTINGS, steps=steps, batch=4, learning_rate=1e-2, checkpoint_every=7, look=look)
    plain = dataclasses.replace(settings, look=dataclasses.replace(look, answers=0, by="loss", keep="last"))
    asked = ProblemsApart(problems=lambda: [problem], verdicts=lambda: Verdicts(Checks()))
    chosen = asked.among(frozenset([place_of(problem.key)]), 5)
    assert chosen == [problem]
    assert asked.among(frozenset([1]), 5) == []
    with asked.verdicts() as judging:
        answers = Answers(chosen, tiny.STUDENT, look, folder, 3, judging, place / "answers")
        progress = watcher or Progress("train", None, "tokens", io.StringIO())
        steps = plan([len(row) for row in rows], settings, 11, among=range(1, 9))
        run = partial(trainer.train, folder, rows, steps)
        logs = run(settings, None, 11, place / "work", place / "out", progress, None, [0], answers=answers)
        if watcher is None:
            untouched = run(plain, None, 11, place / "w2", place / "plain", progress, None, [0])
            added = logs[-1].keys() - untouched[-1].keys()
            assert added == {ACCURACY, "look_length", "look_truncated", "look_unknown", "look_flops"}
            assert [{key: log[key] for key in log if key not in added} for log in logs] == untouched
    return logs


def test_answers_are_right_once_the_student_has_learnt_and_a_kill_changes_nothing(folder, tmp_path, monkeypatch):
    whole = asking(folder, tmp_path / "whole")
    looked = [log for log in whole if ACCURACY in log]
    assert [log["step"] for log in looked] == [20, 40, 60]
    assert looked[-1][ACCURACY] == 1.0
    assert looked[-1]["look_truncated"] == looked[-1]["look_unknown"] == 0.0
    assert looked[-1]["look_length"] > 10
    assert looked[0]["look_flops"] > 0
    best = looks.best(whole, Looks(answers=1, by="accuracy"))
    assert best["step"] == min(log["step"] for log in looked if log[ACCURACY] == 1.0)
    process = multiprocessing.get_context("fork").Process(
        target=asking, args=(folder, tmp_path / "killed"), kwargs={"watcher": on_ranks.Dying(43)}
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    kept = {path.name for path in (tmp_path / "killed" / "answers").rglob("*.json")}
    assert kept == {f"look-000000{step}-0000.{what}.json" for step in (20, 40) for what in ("drawn", "judged")}
    judged = []
    many = Verdicts.many
    monkeypatch.setattr(Verdicts, "many", lambda self, traces: judged.extend(traces) or many(self, judged[-1:]))
    assert asking(folder, tmp_path / "killed") == whole
    assert len(judged) == 1, "what was judged is not judged again"
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")


def test_nothing_that_can_be_asked_is_one_line(folder, tmp_path):
    with pytest.raises(StudentError, match=r"train.look.answers: none of the problems set apart can be judged"):
        Answers([], tiny.STUDENT, LOOK, folder, 3, None, tmp_path)


def test_a_loss_that_is_none_ends_the_training(folder, loaded, tmp_path, monkeypatch):
    monkeypatch.setattr(
        looks, "coefficients", lambda *given: dataclasses.replace(
            coefficients(*given), scale=dict.fromkeys(coefficients(*given).scale, float("nan"))
        )
    )  # fmt: skip
    with pytest.raises(StudentError, match=r"training diverged \(loss nan on the rows set apart\): lower train.learn"):
        trained(folder, loaded, tmp_path)
