"""Too little memory, at the start or on the way, ends in one line: in child processes, under limits of the kernel."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from commands import Ended, call

from potstill.cli import memory, status

ROWS = '{"id": 1, "gold": "x^2 + 1", "prediction": "1 + x^2"}\n'
COMMANDS = {
    "check": ["check", "r.yaml"], "status": ["status", "run"], "clean": ["clean", "run"], "ledger": ["ledger", "run"],
    "verify": ["verify", "v.jsonl", "--out", "o.jsonl"], "steps": ["steps", "s.jsonl", "--out", "o.jsonl"],
    "export": ["export", "run", "--traces", "messages", "--out", "e.jsonl"], "init": ["init", "x.yaml"],
    "ask": ["ask", "run", "What is 2 plus 2?"], "evaluate": ["evaluate", "run", "--problems", "run"],
    "run": ["run", "r.yaml", "--out", "new"],
}  # fmt: skip
SHORT = os.environ.get("POTSTILL_SOAK") == "short"


def under(megabytes, command, kind=resource.RLIMIT_AS):
    """Run a command under a limit; fail unless it ends well or in one line."""
    for made in ("x.yaml", "o.jsonl", "e.jsonl"):
        Path(made).unlink(missing_ok=True)
    Path("v.jsonl").write_text(ROWS * 20)
    Path("s.jsonl").write_text('{"id": 1, "response": "2 + 2 = 4.\\n\\nThe answer is 4."}\n')

    def limited():
        resource.setrlimit(kind, (megabytes << 20, megabytes << 20))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    process = subprocess.run(
        [sys.executable, "-m", "potstill", *COMMANDS[command]], preexec_fn=limited, capture_output=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=300, errors="replace",
    )  # fmt: skip
    ended = Ended(process.returncode, process.stdout, process.stderr)
    return "" if ended.code == 0 else ended.mistake()


@pytest.mark.parametrize("kind", [resource.RLIMIT_AS, resource.RLIMIT_DATA])
@pytest.mark.parametrize("command", ["verify", "run"])
def test_a_limit_below_what_a_command_begins_with_is_told(finished_run, command, kind):
    told = under(40, command, kind)
    assert "the memory limit of 40 MB (ulimit -" in told
    assert f"is too little for `potstill {command}`" in told


def test_memory_that_runs_out_is_one_line_whatever_noticed_it(finished_run, monkeypatch):
    """A library's own error, its cause, or that a thread cannot be had."""
    for error in (
        MemoryError(),
        RuntimeError("can't start new thread"),
        RuntimeError("std::bad_alloc"),
        OSError(12, "Cannot allocate memory"),
        ImportError("libx.so: failed to map segment from shared object"),
        type("ArrowException", (Exception,), {})("Unknown error: Failed to launch worker thread"),
    ):

        def work(*_, error=error):
            try:
                raise error
            except type(error) as cause:
                raise ValueError("what a library made of it") from cause

        monkeypatch.setattr(status, "work", work)
        assert "the memory is used up; nothing committed is lost" in call("status", "run").mistake()
    monkeypatch.setattr(status, "work", lambda *_: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        call("status", "run")


@pytest.mark.soak
@pytest.mark.parametrize("command", COMMANDS)
def test_every_limit_ends_well_or_in_one_line(finished_run, command):
    least = memory.LEAST_MB_OF.get(command, memory.LEAST_MB)
    sizes = (14, 20, least // 2, *range(least, 3 * least, least if SHORT else least // 5), 3 * least)
    ends = {megabytes: under(megabytes, command) for megabytes in sizes}
    assert ends[sizes[-1]] == "", "enough"
    assert "ulimit" in ends[sizes[0]]
