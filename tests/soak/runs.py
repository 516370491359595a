"""A small recipe over all stages, and what of its run folder must not depend on how often it was killed."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
RECIPE = """\
name: small
seed: 5
problems:
  evaluate: 12
  sources:
    - {family: chain, count: 60}
    - {family: weekday, count: 30}
teacher: {kind: worked}
strategy: {samples: 2}
student:
  scratch: {hidden: 32, layers: 2, heads: 2, intermediate: 64, vocabulary: 320, context: 256}
train: {steps: 9, batch: 4, micro_batch: 4, learning_rate: 1.0e-3, precision: fp32, checkpoint_every: 3}
evaluate: {max_tokens: 12, batch: 8, shots: 1}
"""
SERVED = """\
teacher:
  kind: served
  base_url: URL
  model: stub
  concurrency: 4
  sampling: {max_tokens: 64}
"""
CLOCKED = {"clock.json", "report.json", "report.html", "table.txt", ".lock", "recipe.yaml"}
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}


def recipe(folder: Path, url: str | None = None) -> Path:
    """Write the recipe, with a served teacher at `url` if there is one."""
    path = folder / "small.yaml"
    path.write_text(RECIPE.replace("teacher: {kind: worked}\n", SERVED.replace("URL", url)) if url else RECIPE)
    return path


def start(recipe: Path, out: Path, kill_at: int = 0) -> subprocess.Popen:
    """Start a run that kills itself at the given durable operation; a negative one fails as on a full disk."""
    arguments = [str(kill_at), str(out) + ".count", "run", str(recipe), "--out", str(out)]
    return subprocess.Popen(
        [sys.executable, str(HERE / "killed.py"), *arguments],
        env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def finish(process: subprocess.Popen) -> int:
    """Wait for a run; a failure that is no kill prints what it said."""
    said, _ = process.communicate(timeout=600)
    if process.returncode not in (0, -9):
        raise AssertionError(said)
    return process.returncode


def kill_after(process: subprocess.Popen, seconds: float) -> None:
    """SIGKILL a run after `seconds`, unless it is done by then."""
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def operations(out: Path) -> int:
    """Durable operations of a finished run."""
    return int(Path(str(out) + ".count").read_text())


def digest(out: Path) -> dict[str, str]:
    """SHA-256 of every deterministic file of a run folder; stages under way or left over are there too."""
    found = {}
    for path in sorted(p for p in out.rglob("*") if p.is_file()):
        name = path.relative_to(out).as_posix()
        if path.name in CLOCKED or name.startswith(("ledger/", "stages/report-")):
            continue
        found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found
