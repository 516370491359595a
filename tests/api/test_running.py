"""A run from Python: a process of its own, its events, how it ends and what is said of that."""

import os
import signal
from pathlib import Path

import pytest
import yaml
from commands import TINY

import potstill
from potstill.api import RunError, RunInterruptedError
from potstill.api.display import _Bar, _share, display_of
from potstill.progress import Event
from potstill.store import Run

RECIPE = yaml.safe_load(TINY)


def test_a_run_is_waited_for_and_its_events_are_handed_on(finished_run, capfd):
    told = []
    run = potstill.run("r.yaml", "run", progress=told.append)
    assert run.path == Path("run")
    assert [(event.stage, event.state) for event in told if event.state != "begun"] == [
        (status.stage.name, "kept") for status in run.stages
    ]
    assert [event.number for event in told if event.state == "kept"] == list(range(1, told[-1].of + 1))
    assert capfd.readouterr() == ("", ""), "whoever takes the events shows them"


def test_a_run_beside_us_is_stopped_when_we_say_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    running = potstill.run(RECIPE, wait=False, overrides={"train.steps": 100_000})
    assert running.folder.as_posix() == "runs/tiny"
    seen = []
    for event in running:
        seen.append(event)
        if (event.stage, event.state) == ("student", "begun"):
            break
    assert "[5/14] student: begun" in repr(running)
    running.stop()
    with pytest.raises(RunInterruptedError, match="the run was stopped; run it again"):
        running.wait()
    states = [(event.stage, event.state) for event in seen if event.state != "working"]
    assert states[:4] == [("problems", "begun"), ("problems", "done"), ("traces", "begun"), ("traces", "done")]
    assert not Run(Path("runs/tiny")).is_busy()
    assert len(potstill.open("runs/tiny").table("traces")) == 20
    assert not running._recipe.parent.exists(), "what it was given is taken away"
    assert [event.stage for event in running][: len(seen)] == [event.stage for event in seen], "told from the start"


def test_a_run_that_fails_says_what_it_said(tmp_path, capfd):
    with pytest.raises(RunError, match=r"^no stage 'trane' in this recipe, did you mean 'traces'\?$"):
        potstill.run(RECIPE, tmp_path / "run", stage="trane")
    assert "no stage 'trane'" in capfd.readouterr().err
    with potstill.run(RECIPE, tmp_path / "run", wait=False) as running:
        os.kill(running.pid, signal.SIGKILL)
        with pytest.raises(RunError, match="ended by SIGKILL, perhaps for want of memory; what is done is kept"):
            running.wait()


def test_a_callback_that_fails_leaves_no_run_behind(finished_run):
    def fail(event):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        potstill.run("r.yaml", "run", progress=fail)
    assert not Run(finished_run).is_busy()


def test_progress_is_lines_where_there_is_no_terminal(capsys):
    display = display_of(True)
    display.tell(Event(state="done", stage="traces", number=2, of=4))
    display.tell(Event(stage="train", number=3, of=4, what="train x", count=1, total=2, unit="rows"))
    display.end("done: runs/x \x1b[2J")
    assert capsys.readouterr().err == "[2/4] traces: done\ndone: runs/x \\x1b[2J\n"
    display_of(False).tell(Event())
    assert capsys.readouterr().err == ""


def test_the_bar_of_a_notebook_is_escaped_and_counts_stages():
    bar = _Bar("<script>\u202e", 0.25)
    assert '<progress max="1" value="0.2500"></progress> <code>&lt;script&gt;\\u202e</code>' in bar._repr_html_()
    at = [Event(state=state, stage="x", number=2, of=4, count=1, total=2) for state in ("begun", "working", "done")]
    assert list(map(_share, at)) == [0.25, 0.375, 0.5]
