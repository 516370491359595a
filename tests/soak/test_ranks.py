"""SIGKILL at random steps, on one process and on two: what comes out equals an undisturbed run bit for bit."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SHORT = os.environ.get("POTSTILL_SOAK") == "short"
KILLS = 2 if SHORT else 10


def main(base, out):
    """Train a story of `on_ranks`, undisturbed and killed again and again; write the logs of both."""
    import json

    from train import on_ranks

    from potstill.train.job import Stop
    from potstill.train.trainer import follow

    def train(ranks, job, victim, at):
        if victim is not None:
            sys.stderr = open(os.devnull, "w")  # noqa: SIM115
        logs = follow(job, ranks, on_ranks.Dying(at if ranks.number == victim else 0), Stop())
        if ranks.number == 0:
            job.out.parent.joinpath("logs.json").write_text(json.dumps(logs, sort_keys=True))

    dice = random.Random(9)
    for count in (1, 2):
        for name in on_ranks.STORIES:
            for kind, kills in (("undisturbed", 0), ("killed", KILLS)):
                given = {"steps": 4 * KILLS + 1, "checkpoint_every": 3, "processes": count}
                job = on_ranks.story(base, out / f"{name}-{count}-{kind}", name, **given)
                for kill in range(kills):
                    at = 4 * kill + dice.randint(1, 4)
                    assert -signal.SIGKILL in on_ranks.together(count, train, job, dice.randrange(count), at)
                assert on_ranks.together(count, train, job, None, 0) == [0] * count


@pytest.mark.soak
def test_kills_at_random_steps_change_no_bit(tmp_path):
    from train import on_ranks, tiny

    from potstill.train import students

    base = tmp_path / "base"
    students.prepare(tiny.STUDENT, tiny.texts(tiny.examples(60)), seed=3, out=base)
    path = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    asked = [sys.executable, "-m", "soak.test_ranks", base, tmp_path]
    ended = subprocess.run(asked, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    for count in (1, 2):
        for name in on_ranks.STORIES:
            for file in ("logs.json", "model/model.safetensors"):
                found = [
                    (tmp_path / f"{name}-{count}-{kind}" / file).read_bytes() for kind in ("undisturbed", "killed")
                ]
                assert found[0] == found[1], (name, count, file)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
