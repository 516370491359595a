"""Workers and trainings on a real Ray cluster of three nodes: whatever is killed, one process's bytes come out."""

import contextlib
import json
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from commands import TINY, ended
from pipeline.parts_run import RECIPE, RUN, SLOW, SMALL
from soak import runs

from potstill.executor import crew
from potstill.recipe import Executor

pytest.importorskip("ray", reason="Ray is not installed: pip install 'potstill[ray]'")
pytestmark = pytest.mark.soak
SHORT = os.environ.get("POTSTILL_SOAK") == "short"
HERE = Path(__file__).parent
POINTS = 7
"""Calls by which a worker claims and commits a part: link, unlink; fsync, link, unlink, unlink, fsync."""
TICKET = """\
import os, signal, time
AT = 0
for number in range(1, POINTS + 1):
    try:
        os.close(os.open(f"{FOLDER}/ticket-{number}", os.O_CREAT | os.O_EXCL))
        AT = number
        break
    except FileExistsError:
        pass
while not AT and sum(name.startswith("there-") for name in os.listdir(FOLDER)) < POINTS:
    time.sleep(0.05)
count = 0
def counted(real):
    def call(*args, **kwargs):
        global count
        count += 1
        if count == AT:
            there = os.open(f"{FOLDER}/there-{AT}", os.O_CREAT | os.O_WRONLY)
            os.write(there, f"{os.getpid()} {os.environ['POTSTILL_TEST_NODE']}".encode())
            os.close(there)
            do()
        return real(*args, **kwargs)
    return call
for name in ("fsync", "link", "replace", "unlink"):
    setattr(os, name, counted(getattr(os, name)))
"""
WAITING = """\
import os, time
from potstill.claims import SharedParts
made = SharedParts.commit
def slowly(self, number, data):
    until = time.monotonic() + 400
    while not os.path.exists(f"{FOLDER}/go-on") and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(PAUSE)
    made(self, number, data)
SharedParts.commit = slowly
"""


def driver(folder, pause=0.15):
    """Code of a run that makes no part until the file `go-on` is in a folder."""
    return f"FOLDER, PAUSE = {str(folder)!r}, {pause}\n{SMALL.replace('10**9', '1')}{WAITING}"


def tickets(folder, do, points=POINTS):
    """Code of workers: the first does something at its first call of the file system, the second at its second."""
    return f"FOLDER, POINTS = {str(folder)!r}, {points}\ndef do():\n    {do}\n{SMALL}{TICKET}"


class RayNodes:
    """The cluster, and what its workers do before they begin."""

    def __init__(self, folder):
        self.first, self.temporary = folder / "first.py", tempfile.TemporaryDirectory(prefix="r", dir="/tmp")
        path = os.pathsep.join([str(HERE / "ray_node"), os.environ.get("PYTHONPATH", "")])
        self.environment = {**runs.ENVIRONMENT, "PYTHONPATH": path, "POTSTILL_TEST_FIRST": str(self.first)}
        with (folder / "cluster.err").open("w") as told:
            self.process = subprocess.Popen(
                [sys.executable, HERE / "ray_cluster.py", self.temporary.name],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=told, text=True, env=self.environment,
            )  # fmt: skip
        self.address = json.loads(self.process.stdout.readline())
        self.nodes = [self.tell("add", {}) for _ in range(3)]

    def tell(self, what, given):
        self.process.stdin.write(json.dumps([what, given]) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self):
        if self.process.poll() is None:
            self.process.communicate(timeout=60)
        self.temporary.cleanup()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    nodes = RayNodes(tmp_path_factory.mktemp("nodes"))
    yield nodes
    nodes.end()


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The files of a run that one process made."""
    folder = tmp_path_factory.mktemp("alone")
    assert ended(started(SMALL, recipe(folder, None), folder / "run", workers=1)).code == 0
    return runs.digest(folder / "run")


def recipe(folder, cluster, text=RECIPE):
    path = folder / "r.yaml"
    path.write_text(
        text.replace("ORDER", "shuffled")
        + (f"executor: {{kind: ray, address: '{cluster.address}'}}\n" if cluster else "")
    )
    return path


def started(code, recipe, out, workers=4, until="examples", **environment):
    argv = ["run", recipe, "--out", out, "--until", until, "--workers", workers]
    return subprocess.Popen(
        [sys.executable, "-c", code + RUN, *map(str, argv)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**runs.ENVIRONMENT, **environment},
    )  # fmt: skip


def workers(run):
    """The processes of nodes that work for a run."""
    found = []
    for process in psutil.process_iter():
        try:
            argv = process.cmdline()
        except psutil.Error:
            continue
        if "work" in argv and str(run) in argv:
            found.append(process)
    return found


def wait_for(found, seconds=200):
    until = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.05)
    return value


def test_a_worker_that_is_killed_at_each_of_its_commit_points_changes_nothing(tmp_path, cluster, alone):
    there = tmp_path / "there"
    there.mkdir()
    cluster.first.write_text(tickets(there, "os.kill(os.getpid(), signal.SIGKILL)"))
    run = started(driver(there), recipe(tmp_path, cluster), tmp_path / "run")
    wait_for(lambda: len(list(there.glob("there-*"))) == POINTS)
    (there / "go-on").touch()
    how = ended(run)
    assert how.code == 0, how.err
    assert "a worker on the cluster is lost" in how.err
    assert "was ended by signal 9" in how.err
    assert runs.digest(tmp_path / "run") == alone


def test_a_node_that_is_lost_at_each_commit_point_of_its_worker_changes_nothing(tmp_path, cluster, alone):
    there = tmp_path / "there"
    there.mkdir()
    cluster.first.write_text(tickets(there, "time.sleep(3600)"))
    run = started(driver(there), recipe(tmp_path, cluster), tmp_path / "run")
    removed = set()
    while len(removed) < POINTS:
        path = wait_for(lambda: next((p for p in there.glob("there-*") if p not in removed and p.read_text()), None))
        removed.add(path)
        cluster.tell("remove", int(path.read_text().split()[1]))
        cluster.tell("add", {})
    (there / "go-on").touch()
    how = ended(run)
    assert how.code == 0, how.err
    assert re.search(r"a worker on the cluster is lost, a node or its process is lost \(\w+\)", how.err)
    assert runs.digest(tmp_path / "run") == alone
    wait_for(lambda: not workers(tmp_path / "run"), 20)


def test_workers_and_their_rays_killed_at_random_change_nothing(tmp_path, cluster, alone):
    dice = random.Random(4)
    many = ("AT_ONCE, curating.HELD_CHARACTERS = 16", "AT_ONCE, curating.HELD_CHARACTERS = 4")
    cluster.first.write_text(SLOW.replace(*many).replace("0.15", "0.5"))
    run = started(driver(tmp_path).replace(*many), recipe(tmp_path, cluster), tmp_path / "run")
    killed = set()
    while len(killed) < (4 if SHORT else 20):
        time.sleep(dice.uniform(0.1, 0.8))
        if found := workers(tmp_path / "run"):
            one = dice.choice(found)
            with contextlib.suppress(psutil.NoSuchProcess):
                victim = one if dice.random() < 0.5 else one.parent()
                if victim is not None and "cluster" not in " ".join(victim.cmdline()) and victim.pid > 1:
                    victim.kill()
                    killed.add(victim.pid)
    (tmp_path / "go-on").touch()
    how = ended(run)
    assert how.code == 0, how.err
    assert runs.digest(tmp_path / "run") == alone


def other_version(folder):
    """A folder that makes potstill 9.9 of this one, for who has it first on its path."""
    about = folder / "other" / "potstill-9.9.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: potstill\nVersion: 9.9\n")
    return str(about.parent)


def test_nodes_of_another_version_refuse_and_name_both(tmp_path, cluster, alone):
    cluster.first.write_text(SLOW)
    path = other_version(tmp_path)
    added = cluster.tell("add", {"PYTHONPATH": path + os.pathsep + cluster.environment["PYTHONPATH"]})
    run = started(driver(tmp_path), recipe(tmp_path, cluster), tmp_path / "one", workers=9)
    wait_for(lambda: len(list((tmp_path / "one").rglob("*.part"))) > 6)
    (tmp_path / "go-on").touch()
    how = ended(run)
    assert how.code == 0, how.err
    refused = [line for line in how.err.splitlines() if line.startswith("a worker on the cluster refused")]
    assert len(set(refused)) == 1, how.err  # once for each stage that has parts
    assert re.search(r"another version: potstill \S+ in the run and 9\.9 there: install the same", refused[0])
    assert runs.digest(tmp_path / "one") == alone
    cluster.tell("remove", added)
    other = path + os.pathsep + os.environ.get("PYTHONPATH", "")
    said = ended(
        started(driver(tmp_path, 3.0), recipe(tmp_path, cluster), tmp_path / "two", PYTHONPATH=other)
    ).mistake()
    assert "no worker on the Ray cluster could begin" in said
    assert re.search(r"potstill 9\.9 in the run and \d\S+ there", said)


def test_a_cluster_that_never_answers_is_named_in_seconds(monkeypatch):
    monkeypatch.setattr(crew, "PATIENCE", 6.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        with pytest.raises(Exception, match=f"no Ray cluster .*{address}"):
            crew.reach(Executor(kind="ray", address=address))
        assert time.monotonic() - began < 15


def on_ray(cluster, written, out, *more):
    argv = [sys.executable, "-m", "potstill.train.on_ray", "2", "--address", cluster.address, *more]
    return subprocess.Popen(
        [*argv, str(written), "--out", str(out)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=runs.ENVIRONMENT,
    )  # fmt: skip


def test_a_training_on_the_cluster_is_that_of_torchrun_bit_for_bit(tmp_path, cluster):
    written = tmp_path / "r.yaml"
    written.write_text(TINY.replace("steps: 3", "steps: 12"))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "potstill.train"]
    subprocess.run([*torchrun, written, "--out", tmp_path / "torchrun"], env=runs.ENVIRONMENT, check=True,
                   capture_output=True, timeout=300)  # fmt: skip
    wanted = runs.digest(tmp_path / "torchrun")
    assert any(name.endswith("losses.json") for name in wanted)
    how = ended(on_ray(cluster, written, tmp_path / "ray"))
    assert how.code == 0, how.err
    assert "traces" in how.out, "the table of process 0"
    assert runs.digest(tmp_path / "ray") == wanted

    process = on_ray(cluster, written, tmp_path / "killed", "--strategy", "SPREAD")
    wait_for(lambda: any((tmp_path / "killed").rglob("checkpoint-*")))
    victims = [p for p in psutil.process_iter(["cmdline"]) if "potstill.train" in (p.info["cmdline"] or [])]
    random.Random(1).choice(victims).kill()
    how = ended(process)
    assert how.code == 0, how.err
    assert "all are started again" in how.err
    assert runs.digest(tmp_path / "killed") == wanted
    mistake = ended(on_ray(cluster, tmp_path / "none.yaml", tmp_path / "none")).mistake()
    assert "none.yaml" in mistake


def test_a_run_goes_on_alone_where_the_cluster_dies(tmp_path, cluster, alone):
    """The last one: nothing is left of the cluster."""
    cluster.first.write_text(SLOW)
    run = started(driver(tmp_path), recipe(tmp_path, cluster), tmp_path / "run")
    wait_for(lambda: workers(tmp_path / "run"))
    cluster.end()
    (tmp_path / "go-on").touch()
    how = ended(run)
    assert how.code == 0, how.err
    assert runs.digest(tmp_path / "run") == alone
    assert (
        f"no Ray cluster answers at {cluster.address}"
        in ended(started(driver(tmp_path), recipe(tmp_path, cluster), tmp_path / "again")).mistake()
    )
