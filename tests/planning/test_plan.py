"""A plan is made in a moment, knows what is committed, and guesses nothing silently."""

import subprocess
import sys

import pytest
from commands import TINY, call

import potstill
from potstill.graph import graph_of
from potstill.pipeline.stages import stages_of
from potstill.planning import plan_of
from potstill.planning.stages import PLANNERS
from potstill.recipe_file import load
from potstill.store import Run

SERVED = TINY.replace(
    "teacher: {kind: worked}",
    "teacher: {kind: served, base_url: 'https://api.deepseek.com/v1', model: deepseek-chat, "
    "price: {prompt: 1, completion: 2}, sampling: {max_tokens: 900}}",
)


@pytest.fixture
def served(tmp_path, monkeypatch):
    (tmp_path / "served.yaml").write_text(SERVED)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "served.yaml"


def test_every_stage_of_every_kind_is_planned(served):
    recipe = load(str(served))
    kinds = {stage.kind for stage in stages_of(recipe)}
    made = plan_of(recipe, Run(served.parent / "run"))

    assert kinds <= set(PLANNERS)
    assert [stage.name for stage in made.stages] == [stage.name for stage in stages_of(recipe)]
    for stage in made.stages:
        for what in stage.needs:
            known = getattr(stage, what) is not None
            assert known or (stage.name, what) == ("traces", "seconds"), (stage.name, what)


def test_money_is_tokens_at_their_price_and_a_cap_holds(served):
    made = plan_of(load(str(served)))
    traces = next(stage for stage in made.stages if stage.kind == "traces")
    asked = 20  # of 24 problems 4 are held out

    assert traces.dollars.basis == "assumed"
    assert asked * 45 * 2e-6 < traces.dollars.low < traces.dollars.value < traces.dollars.high
    assert traces.dollars.high < asked * (900 * 2 + 400) * 1e-6
    capped = plan_of(load(str(served), ["teacher.spend_at_most=0.001"]))
    assert next(stage for stage in capped.stages if stage.kind == "traces").dollars.high == 0.001
    assert made.all("seconds")[1] == ("traces",), "nobody knows how fast a server is before it is asked"


def test_a_model_without_price_or_dimensions_is_unknown_and_named(served):
    sets = ["teacher.price=null", "teacher.model=nobody-knows-it", "student.scratch=null", "student.model=some/model"]
    recipe = load(str(served), sets)
    made = plan_of(recipe)
    text = str(made)

    assert made.all("dollars")[1] == ("traces",)
    assert "nobody-knows-it" not in text.partition("not known")[0]
    assert "teacher: its price" in text
    assert "some/model: its dimensions" in text


def test_what_is_committed_is_known(finished_run):
    recipe = load("r.yaml")
    counts = {arm: Run(finished_run).committed(f"train-{arm}").counts for arm in ("traces", "answers")}
    for name in ("report", "export", "evaluate-answers", "train-answers", "train-traces"):
        (finished_run / name).unlink()
    for path in (finished_run / "stages").glob("train-*"):
        path.rename(path.with_name(f"gone-{path.name}"))
    made = {stage.name: stage for stage in plan_of(recipe, Run(finished_run)).stages}

    assert made["traces"].done
    for arm, its in counts.items():
        train = made[f"train-{arm}"]
        assert not train.done
        assert (train.tokens.value, train.tokens.basis) == (its["tokens"], "known")
        assert train.tokens.exact


def test_a_finished_run_has_nothing_left_to_do(finished_run):
    made = potstill.plan("r.yaml", finished_run)
    assert all(stage.done for stage in made.stages)
    assert made.all("seconds") == (None, ())
    assert potstill.plan("r.yaml", finished_run).name == "tiny", "the name stays a function"


def test_budgets_that_match_another_arm_follow_it(served):
    sets = ["arms={a: {train: {}}, b: {train: {supervision: answers, match: {tokens: a}}}, "
            "c: {train: {supervision: answers, match: {flops: a}}}}"]  # fmt: skip
    recipe = load(str(served), sets)
    made = {stage.name: stage for stage in plan_of(recipe).stages}
    assert graph_of(recipe).arms["b"].phases[0].match == ("tokens", "a")
    assert made["train-b"].tokens.value == pytest.approx(made["train-a"].tokens.value, rel=0.01)
    assert made["train-c"].tokens is not None


def test_six_students_on_an_accelerator_each_with_its_basis(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    names = ["Qwen/Qwen2.5-Math-1.5B", "Qwen/Qwen2.5-Math-7B", "Qwen/Qwen2.5-14B", "Qwen/Qwen2.5-32B",
             "meta-llama/Llama-3.1-8B", "meta-llama/Llama-3.3-70B-Instruct"]  # fmt: skip
    arms = {name.rpartition("/")[2].replace(".", "-"): {"student": {"model": name}, "train": {}} for name in names}
    sources = [{"dataset": "open/problems", "answer_kind": "auto"}]
    recipe = {
        "name": "r1", "data": str(tmp_path), "arms": arms,
        "problems": {"train": 800_000, "evaluate": 500, "sources": sources},
        "teacher": {"kind": "served", "base_url": "https://api.deepseek.com/v1", "model": "deepseek-reasoner",
                    "price": {"prompt": 0.3, "completion": 1.2}, "sampling": {"max_tokens": 32768}},
        "student": {"model": names[0]},
        "train": {"epochs": 2.0, "batch": 64, "micro_batch": 1, "max_length": 16384, "processes": 8, "sharding": "full",
                  "precision": "bf16"},
    }  # fmt: skip
    made = potstill.plan(recipe, tmp_path / "run", gpu="h200")
    trainings = [stage for stage in made.stages if stage.kind == "train"]

    assert len(trainings) == 6
    for stage in trainings:
        assert stage.seconds.how and stage.tokens.how and stage.peak.how  # noqa: PT018
        assert stage.memory.fits is not None
    assert trainings[0].memory.fits > 0
    assert trainings[-1].seconds.value > 10 * trainings[0].seconds.value
    assert "data set is not asked for" in str(made)


def test_a_mistake_is_one_line(served):
    assert "there is no 'H1000'" in call("plan", served, "--gpu", "H1000").mistake()
    served.write_text(SERVED.replace("served, base_url", "served, wrong_url"))
    assert "served.yaml:7" in call("plan", served).mistake()


def test_planning_loads_no_torch_and_no_client(served):
    code = (
        f"import sys\nfrom potstill.cli import main\nassert main(['plan', {str(served)!r}]) == 0\n"
        "heavy = {'torch', 'transformers', 'aiohttp', 'httpx2', 'datasets', 'numpy', 'potstill.verify.answers'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.splitlines()[-1] == "[]"
    assert "left to do" in out.stdout
