"""What is known of a cluster before there is one: the key, its extra, addresses at which nothing answers."""

import sys
import time

import pytest
from commands import TINY, call

from potstill.errors import RecipeError
from potstill.executor.cluster import ClusterError
from potstill.executor.crew import on_cluster, reach
from potstill.pipeline.stages import stages_of
from potstill.recipe import Executor
from potstill.recipe_file import parse


def test_where_parts_are_made_decides_no_output():
    here, there = (parse(TINY + more, "r") for more in ("", "executor: ray\n"))
    assert there.executor == Executor(kind="ray")
    assert [stage.settings for stage in stages_of(here)] == [stage.settings for stage in stages_of(there)]
    with pytest.raises(RecipeError, match=r"executor\.kind"):
        parse(TINY + "executor: slurm\n", "r")


def test_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    (tmp_path / "r.yaml").write_text(TINY + "executor: ray\n")
    for argv in (("check", tmp_path / "r.yaml"), ("run", tmp_path / "r.yaml", "--out", tmp_path / "run")):
        assert "executor.kind ray needs ray: pip install 'potstill[ray]'" in call(*argv).mistake()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:1", "no Ray cluster answers at 127.0.0.1:1 (Connection refused): is it up, and does this machine"),
        ("ray://127.0.0.1:1", "an address is host:port of its head, not of a client's server"),
        ("head.of.nowhere", "the Ray cluster head.of.nowhere: an address is host:port"),
    ],
)
def test_an_address_at_which_nothing_answers_is_named_at_once(address, said):
    began = time.monotonic()
    executor = Executor(kind="ray", address=address)
    with pytest.raises(ClusterError) as told:
        reach(executor)
    assert said in str(told.value)
    assert time.monotonic() - began < 20


def test_a_cluster_that_is_gone_since_the_run_began_is_told_and_stops_nothing(tmp_path, capsys):
    executor = Executor(kind="ray", address="127.0.0.1:1")
    with on_cluster(executor, str(tmp_path), 2, {}, without_sandbox=False) as watch:
        told, until = "", time.monotonic() + 20
        while "goes on without it" not in told and time.monotonic() < until:
            watch()
            told += capsys.readouterr().err
            time.sleep(0.05)
    first, *_, last = told.splitlines()
    assert first.startswith("no Ray cluster answers at 127.0.0.1:1")
    assert last == "the Ray cluster 127.0.0.1:1 is lost: this process goes on without it"
