"""Problems and verifiers for other trainers: what is written is read back, and rewards as the run itself judges."""

import importlib.util
import json
import subprocess
import sys

import pytest
from commands import TINY, call, done

from potstill.export.handover import HANDOVERS, Judging, problem_of, to_text
from potstill.pipeline.handing_over import with_checkers
from potstill.records import Problem
from potstill.store import Run

RECIPE = TINY.replace("scratch:", 'prompt: "Solve: {question}"\n  scratch:')
CHECKER = "def judge(problem, answer):\n    return answer.strip() == 'blue'\n"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("handover")
    (folder / "r.yaml").write_text(RECIPE)
    done("run", folder / "r.yaml", "--out", folder / "run")
    return folder / "run"


def module_at(path):
    spec = importlib.util.spec_from_file_location(path.stem + path.parent.name, path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def sides(run):
    committed = Run(run).committed("problems")
    return list(committed.rows("train", Problem)), list(committed.rows("evaluation", Problem))


def test_trl_gets_rows_and_a_reward_function(run, tmp_path):
    told = done("export", run, "--prompts", "trl", "--out", tmp_path / "out").out
    train, test = sides(run)
    assert f"{len(train)} problems to train on and 4 held out" in told
    rows = [json.loads(line) for line in (tmp_path / "out" / "train.jsonl").read_text().splitlines()]
    assert [problem_of(row["problem"]) for row in rows] == train
    assert rows[0]["prompt"] == [{"role": "user", "content": f"Solve: {train[0].statement}"}]
    assert len((tmp_path / "out" / "test.jsonl").read_text().splitlines()) == len(test)
    right = module_at(tmp_path / "out" / "reward.py").right
    chain = train[:3]
    texts = [f"<think>\nSo.\n</think>\nThe answer is {chain[0].gold}.", "<think>\nand on and on", "no number at all"]
    turns = [[{"role": "assistant", "content": text}] for text in texts]
    columns = [to_text(one) for one in (chain[0], *chain[1:])]
    assert right(completions=turns, problem=columns, completion_ids=None, trainer_state=None) == [1.0, 0.0, 0.0]
    assert right(completions=texts, problem=columns) == [1.0, 0.0, 0.0]


def test_a_users_own_checker_goes_along_and_a_problem_without_a_gold_is_not_known(run, tmp_path):
    done("export", run, "--prompts", "trl", "--out", tmp_path / "out")
    (tmp_path / "mine.py").write_text(CHECKER)
    own = Problem(id="1", question="?", gold="blue", answer_kind="text", checker="mine:judge")
    with_checkers([own], tmp_path, tmp_path / "out")
    judging = Judging(tmp_path / "out")
    nobody = Problem(id="2", question="?", gold=None)
    assert judging.rewards([to_text(own), to_text(own), to_text(nobody)], ["blue", "red", "blue"]) == [1.0, 0.0, None]


def test_verl_gets_parquet_and_a_score(run, tmp_path):
    import pyarrow.parquet as pq

    done("export", run, "--prompts", "verl", "--out", tmp_path / "out")
    train, test = sides(run)
    rows = pq.read_table(tmp_path / "out" / "train.parquet").to_pylist()
    assert [row["reward_model"]["ground_truth"] for row in rows] == [one.gold for one in train]
    assert all(row["prompt"][0]["role"] == "user" for row in rows)
    assert pq.read_table(tmp_path / "out" / "test.parquet").num_rows == len(test)
    score = module_at(tmp_path / "out" / "reward.py").compute_score
    problem, row = train[0], rows[0]
    for text, wanted in ((f"</think>{problem.gold}", 1.0), ("</think>I do not know", 0.0)):
        found = score(row["data_source"], text, row["reward_model"]["ground_truth"], extra_info=row["extra_info"])
        assert found == {"score": wanted, "known": 1.0}


def test_prime_rl_gets_a_package_that_compiles(run, tmp_path):
    """What its library makes of it is tried where that is installed, in tests/soak/test_handover.py."""
    done("export", run, "--prompts", "prime-rl", "--out", tmp_path / "out")
    package = tmp_path / "out" / "potstill_problems"
    subprocess.run([sys.executable, "-m", "py_compile", package / "__init__.py"], check=True)
    rows = [json.loads(line) for line in (package / "train.jsonl").read_text().splitlines()]
    train, _ = sides(run)
    assert [row["id"] for row in rows] == [one.key for one in train]
    assert (package / "potstill.json").is_file()
    assert (tmp_path / "out" / "pyproject.toml").is_file()


def test_equal_runs_give_equal_folders(run, tmp_path):
    for trainer in HANDOVERS:
        for name in ("a", "b"):
            done("export", run, "--prompts", trainer, "--out", tmp_path / trainer / name)
        a, b = (
            {p.relative_to(f).as_posix(): p.read_bytes() for p in f.rglob("*") if p.is_file()}
            for f in (tmp_path / trainer / "a", tmp_path / trainer / "b")
        )
        assert a == b


def test_refused_in_one_line(run, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    assert "new or empty" in call("export", run, "--prompts", "trl", "--out", tmp_path / "full").mistake()
    assert "no trainer 'tlr'" in call("export", run, "--prompts", "tlr", "--out", tmp_path / "a").mistake()
    assert "no recipe.yaml" in call("export", tmp_path, "--prompts", "trl", "--out", tmp_path / "a").mistake()
    assert "--kept is of traces" in call("export", run, "--prompts", "trl", "--kept", "--out", tmp_path / "b").mistake()
