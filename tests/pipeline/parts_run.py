"""A small run whose verdicts and curation have many parts, as processes of their own that the tests start and kill."""

import os
import subprocess
import sys
import time

from soak import runs

KILLS = 5 if os.environ.get("POTSTILL_SOAK") == "short" else 20
RECIPE = """\
name: parts
problems: {evaluate: 5, sources: [{family: chain, count: 60}]}
teacher: {kind: worked}
strategy: {samples: 3}
curate: {per_problem: 2, order: ORDER}
student: {scratch: {hidden: 16, layers: 1, heads: 2, intermediate: 32, vocabulary: 300, context: 256}}
evaluate: {max_tokens: 8}
"""
SMALL = """\
import sys
import potstill.pipeline.stages.examples as examples
from potstill.bucket_parts import BucketParts
from potstill.pipeline import curating, judging, parts
from potstill.pipeline.fetching import BucketPlace
BucketParts.pause = BucketPlace.idle = 0.05
judging.AT_ONCE, curating.HELD_CHARACTERS = 16, 4_000
for module in (curating, examples):
    module.PART_ROWS, module.TOGETHER = 10, 2
parts.FEW = 10**9  # only those that the test starts
"""
SLOW = (
    SMALL
    + """\
import time
from potstill.claims import SharedParts
made = SharedParts.commit
def slowly(self, number, data):
    time.sleep(0.15)
    made(self, number, data)
SharedParts.commit = slowly
"""
)
LASTING = """\
import os, time
judging.AT_ONCE, curating.HELD_CHARACTERS = 4, 1_000
from potstill.claims import SharedParts
made = SharedParts.commit
def slowly(self, number, data):
    until = time.monotonic() + 1.0
    while not os.path.exists(GO_ON) and time.monotonic() < until:
        time.sleep(0.02)
    made(self, number, data)
SharedParts.commit = slowly
"""
RUN = "from potstill.cli import main\nsys.exit(main(sys.argv[1:]))\n"
KILLED = """\
import os, signal
from potstill.bucket import ObjectStore
count = 0
def counted(real):
    def call(*args, **kwargs):
        global count
        count += 1
        if count == AT and not AFTER:
            os.kill(os.getpid(), signal.SIGKILL)
        found = real(*args, **kwargs)
        if count == AT:
            os.kill(os.getpid(), signal.SIGKILL)
        return found
    return call
for name in NAMES:
    setattr(WHOSE, name, counted(getattr(WHOSE, name)))
"""


def written(tmp_path, order="shuffled"):
    path = tmp_path / "r.yaml"
    path.write_text(RECIPE.replace("ORDER", order))
    return path


def killed(at, whose="os", names=("fsync", "link", "replace", "unlink"), after=False):
    """Return code that kills its process at the call number `at` of some functions, before it or `after` it."""
    return f"AT, AFTER, NAMES = {at}, {after}, {names!r}\n" + KILLED.replace("WHOSE", whose)


def lasting(go_on):
    """Return code of who makes many small parts, a second each until the file `go_on` is there."""
    return f"{SMALL}GO_ON = {str(go_on)!r}\n{LASTING}"


def killed_at_random(dice, count, begin, help_it):
    """Kill `count` times one of two workers, and each fifth time the run too; return how the run and the last two end.

    `begin` starts the run, `help_it` a worker.
    """
    driver, pair = begin(), [help_it(), help_it()]
    for number in range(1, count + 1):
        time.sleep(dice.uniform(0.2, 2.0))
        hit = dice.randrange(2)
        for process in (pair[hit], *([driver] if number % 5 == 0 else [])):
            assert process.poll() is None, "the run was done before it was disturbed so often"
            process.kill()
            process.communicate()
        driver = begin() if number % 5 == 0 else driver
        pair[hit] = help_it()
    return driver, pair


def started(code, *argv):
    return subprocess.Popen(
        [sys.executable, "-c", code + RUN, *map(str, argv)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**runs.ENVIRONMENT, **os.environ},
    )  # fmt: skip
