"""Looking on: `status --watch`, `run --events`, and completion of the command line in a real shell."""

import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time

import pytest
from commands import TINY, call, done, ended, start

from potstill import events
from potstill.interrupt import INTERRUPTED, TOLD
from potstill.progress import Event, Progress, begin_stage, end_stage, listening
from potstill.store import Run


def test_status_watches_a_run_until_it_ends(tmp_path):
    """On a pipe each stage has a line for each of its states, and nothing steers a terminal."""
    (tmp_path / "r.yaml").write_text(TINY)
    run = start("run", tmp_path / "r.yaml", "--out", tmp_path / "run", "--events", tmp_path / "events.jsonl")
    while not (tmp_path / "run/recipe.yaml").exists():
        assert run.poll() is None, ended(run)
        time.sleep(0.05)
    watched = ended(start("status", tmp_path / "run", "--watch"))
    assert ended(run).code == 0
    assert watched.code == 0, watched
    lines = [line.split()[:2] for line in watched.out.splitlines() if not line.startswith("[")]
    assert ["report", "done"] in lines
    assert len({tuple(line) for line in lines}) == len(lines), "a line is printed when it changes"
    assert "\x1b" not in watched.out
    told = [events.read(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [event.state for event in told if event.stage == "traces"][0 :: len(told)] == ["begun"]
    assert told[-1] == Event(state="done", stage="report", number=told[-1].of, of=told[-1].of)
    assert [e.figures["step"] for e in told if e.stage == "train-traces" and e.figures] == [1, 2, 3]
    assert not (tmp_path / "run" / events.NOTE).exists()
    assert done("status", tmp_path / "run", "--watch").out == done("status", tmp_path / "run").out, "it ends at once"


def test_on_a_terminal_the_lines_are_drawn_anew_and_ctrl_c_ends_it(finished_run):
    """Somebody holds the folder, and a stage comes and goes."""
    main, side = pty.openpty()
    held = os.open(finished_run / ".lock", os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX)
    process = subprocess.Popen([sys.executable, "-m", "potstill", "status", "run", "--watch"], stdout=side, stderr=side)
    os.close(side)
    shown = b""

    def read(until):
        nonlocal shown
        while until not in shown:
            assert select.select([main], [], [], 60)[0], shown
            shown += os.read(main, 10_000)

    read(b"report")
    (finished_run / events.NOTE).write_text(events.written(Event(stage="report", what="pages", count=3, unit="pages")))
    read(b"pages: 3 pages")
    assert re.search(rb"\x1b\[14F\x1b\[J", shown)
    process.send_signal(signal.SIGINT)
    with pytest.raises(OSError, match="Input/output error"):
        read(b"never")
    assert process.wait(30) == INTERRUPTED
    assert TOLD.encode() not in shown, "nothing was interrupted but the looking"
    os.close(held)
    os.close(main)


def test_a_run_that_is_looked_at_can_begin(tmp_path):
    run = Run(tmp_path / "run")
    assert not run.is_busy()
    run.lock()
    looking = Run(tmp_path / "run")
    assert looking.is_busy()
    run.unlock()
    over = threading.Event()
    looker = threading.Thread(target=lambda: [looking.is_busy() for _ in iter(over.is_set, True)])
    looker.start()
    for _ in range(50):
        run.lock()
        run.unlock()
    over.set()
    looker.join()


def test_progress_tells_its_stage_and_is_cheap_to_hear(capsys):
    heard = []
    with listening(heard.append):
        begin_stage("traces", 2, 5)
        progress = Progress("traces", 4, "traces")
        for _ in progress.track(range(4)):
            pass
        progress.figures({"step": 1, "loss": 2.5})
        progress.close()
        end_stage(kept=False)
    progress.advance()
    assert [(event.state, event.stage, event.count) for event in heard] == [
        ("begun", "traces", 0), ("working", "traces", 1), ("working", "traces", 4), ("working", "traces", 4),
        ("done", "traces", 0),
    ]  # fmt: skip
    assert heard[2].figures == {"step": 1, "loss": 2.5}
    assert str(heard[0]) == "[2/5] traces: begun"
    assert str(heard[3]).startswith("[2/5] traces: 4/4 traces, ")
    assert all(events.read(events.written(event)) == event for event in heard)
    assert events.read('{"state": "work') is events.read('{"colour": 1}') is None


def test_a_reader_that_does_not_read_holds_up_nothing_and_one_that_leaves_ends_it(tmp_path):
    reading, writing = os.pipe()
    began = time.monotonic()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a shell starts its background like this
    with events.told_to(str(writing)):
        begin_stage("x", 1, 1)
        for _ in range(5000):
            Progress("much", 1, "x" * 100).figures({"step": 1})
        assert time.monotonic() - began < 10
        threading.Timer(0.2, os.close, [reading]).start()
        with pytest.raises(KeyboardInterrupt):
            time.sleep(10)
        end_stage(kept=False)
    os.close(writing)
    assert (
        "--events 999: no descriptor of that number is open"
        in call("run", "pocket", "--out", tmp_path / "run", "--events", "999").mistake()
    )


WORDS = {
    "potstill sta": "status",
    "potstill run --e": "--events",
    "potstill status run --w": "--watch",
    "potstill run quick": "quickstart quickstart-rl",
    "potstill check mine": "mine.yaml",
    "potstill evaluate m --precision b": "bf16",
    "potstill status my": "my-runs",
}
COMPLETE = """
COMP_WORDS=({words}); COMP_CWORD={at}; COMP_LINE='{words}'; COMP_POINT=${{#COMP_LINE}}; COMPREPLY=()
_shtab_potstill
echo "{words}: ${{COMPREPLY[*]}}"
"""


def test_bash_completes_commands_options_recipes_and_folders(tmp_path):
    (tmp_path / "mine.yaml").write_text("")
    (tmp_path / "my-runs").mkdir()
    (tmp_path / "script").write_text(done("completion", "bash").out)
    script = "source ./script" + "".join(COMPLETE.format(words=words, at=words.count(" ")) for words in WORDS)
    found = subprocess.run(["bash", "--norc", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == [f"{words}: {wanted}" for words, wanted in WORDS.items()]


def test_every_shell_has_a_script_and_others_are_refused(monkeypatch):
    for shell in ("zsh", "fish"):
        assert "quickstart" in done("completion", shell).out
    assert "invalid choice: 'csh'" in call("completion", "csh").mistake()
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert "potstill completion needs shtab: pip install 'potstill[completion]'" in call("completion", "bash").mistake()
