"""lm-eval both ways: our model under its tasks, and our protocols as its tasks. It has an environment of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import IO, Any

from potstill.durable import write_durably
from potstill.errors import PotstillError
from potstill.evaluate.lm_eval_task import UTILS, rows_of, task_yaml
from potstill.evaluate.protocol import ModelUnderTest
from potstill.hardware import number_format
from potstill.models.ledger import Ledger
from potstill.models.local.model import row_seed
from potstill.models.replies.local_wire import gone_on
from potstill.models.requests import Message, Request
from potstill.pipeline.benchmarking import prepared
from potstill.pipeline.checks.files import check_checkpoint
from potstill.pipeline.stage import STUDENTS
from potstill.pipeline.subject import subject_of
from potstill.progress import Progress
from potstill.recipe import Benchmark
from potstill.store import Run

UNTOLD = ("sample_len", "sample_count")
"""What lm-eval puts among its figures that is none."""
NEEDED = "make one with `python -m venv lm-eval && lm-eval/bin/pip install lm-eval` and name it with --python"


def exported(asked: Benchmark, out: Path) -> str:
    """Write a benchmark as a folder with a task of lm-eval, and return one line.

    Raises:
        PotstillError: the folder cannot be written, or what `prepared` raises.
    """
    ready = prepared(asked, Path(), "export-task", "--problems")
    if ready.protocol.opening or ready.protocol.system:
        raise PotstillError(
            f"{ready.protocol.name} begins the response or has a system message, and a task of lm-eval here has "
            "neither: take another --form"
        )
    name = f"potstill_{ready.protocol.benchmark.replace('-', '_')}_{ready.protocol.form.replace('-', '_')}"
    if out.exists() and not out.is_dir():
        raise PotstillError(f"--out {out}: name a folder")
    out.mkdir(parents=True, exist_ok=True)
    rows = "".join(json.dumps(row) + "\n" for row in rows_of(ready.protocol, ready.problems))
    write_durably(out / "data.jsonl", rows.encode())
    write_durably(out / "utils.py", UTILS.encode())
    data = str((out / "data.jsonl").resolve())
    write_durably(out / f"{name}.yaml", task_yaml(ready.protocol, name, data).encode())
    return f"{out}: the task {name} ({ready.protocol.name}), {len(ready.problems)} problems"


def evaluated(
    model: str,
    tasks: Sequence[str],
    *,
    python: str,
    include: str | None,
    limit: int | None,
    keep: str | None,
    seed: int,
) -> Mapping[str, Mapping[str, Any]]:  # fmt: skip
    """Return what lm-eval says of a run's student or a checkpoint: task -> metric -> figure.

    `python` is that of lm-eval's environment, `include` a folder of further tasks. Every response is kept in the ledger
    of the folder `keep`, and only what it lacks is asked.

    Raises:
        PotstillError: lm-eval is not there, knows no such task, or fails: its own words in one line.
    """
    from potstill.pipeline.checkpoints import local_student, located

    subject = subject_of(model)
    check_checkpoint(subject.checkpoint, Path(), "MODEL", 1)
    shown = Path(model).name or model
    run = Run(Path(keep or Path("runs") / f"lm-eval-{shown}"))
    precision = number_format(subject.conditions.precision if subject.conditions else "auto")
    student = local_student(located(subject.checkpoint, Path()), shown, precision, None, run.ledger)
    told = json.dumps({"tasks": list(tasks), "include": include, "limit": limit})
    # As text, for a script's own folder would come before the modules that it means.
    bridge = (resources.files("potstill.evaluate") / "lm_eval_bridge.py").read_text(encoding="utf-8")
    try:
        process = subprocess.Popen(  # noqa: S603 - the Python that the user named, and our own script
            [python, "-c", bridge, told], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    except OSError as error:
        raise PotstillError(f"--python {python}: {error.strerror}; {NEEDED}") from None
    with process, Ledger(run.ledger / STUDENTS) as ledger:
        assert process.stdin is not None  # noqa: S101 - asked for above
        for said in _lines(process):
            if "ask" in said:
                texts = _answered(said["ask"], student, ledger, seed)
                process.stdin.write(json.dumps({"texts": texts}) + "\n")
                process.stdin.flush()
            elif "results" in said:
                found: Mapping[str, Mapping[str, Any]] = said["results"]
                return found
            else:
                raise PotstillError(f"lm-eval: {said.get('error', 'it said nothing that is known')}; {NEEDED}")
    raise PotstillError(f"--python {python}: lm-eval ended without a result; {NEEDED}")


def _lines(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    out: IO[str] | None = process.stdout
    for line in out or ():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value


def _answered(asked: Sequence[Mapping[str, Any]], student: ModelUnderTest, ledger: Ledger, seed: int) -> list[str]:
    requests = []
    for row in asked:
        messages = tuple(Message(turn["role"], str(turn["content"])) for turn in row["messages"])
        sampling = {
            "temperature": row["temperature"], "top_p": row["top_p"], "max_tokens": row["max_tokens"], **student.about
        }  # fmt: skip
        if row["temperature"] > 0:
            drawn = row_seed(seed, "lm-eval", [[turn.role, turn.content] for turn in messages], row["turn"])
            sampling["seed"] = drawn & 0x7FFFFFFF
        requests.append(Request(messages=messages, model=student.name, sampling=sampling, sample=row["turn"]))
    progress = Progress("lm-eval", len(requests), "responses")
    student.model.collect(iter(requests), ledger, progress)
    progress.close()
    found = ledger.get_many(list({request.key: None for request in requests}))
    return [gone_on("", found[request.key].raw) or "" for request in requests]


def table_of(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the figures as lines of text."""
    lines = []
    for task, metrics in results.items():
        for metric, value in metrics.items():
            shown = isinstance(value, int | float) and not isinstance(value, bool) and "stderr" not in metric
            if shown and metric not in UNTOLD:
                lines.append(f"{task:32} {metric:32} {value:.4f}")
    return "\n".join(lines)


def default_python() -> str:
    """Return this Python, where lm-eval may be installed too."""
    return sys.executable
