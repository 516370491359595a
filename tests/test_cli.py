"""The commands as a user types them: what they print, how they end, and what they leave."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from commands import TINY, Ended, call, done, ended, start

from potstill import __version__
from potstill.cli import ALLOCATOR

COMMANDS = [
    "quickstart", "init", "schema", "check", "run", "status", "ledger", "verify", "steps", "sandbox", "evaluate",
    "export", "ask", "show-rows",
]  # fmt: skip
ENTRY = "import sys; from potstill.cli import entry; sys.argv[0] = 'potstill'; entry()"
SPY = (
    """\
import json, os, sys

NAMES = """
    + repr(list(ALLOCATOR))
    + """

def read(note=""):
    found = {"argv": sys.argv[1:], "note": note, "allocator": {k: os.environ.get(k) for k in NAMES}, "pid": os.getpid()}
    with open("spied.jsonl", "a") as file:
        file.write(json.dumps(found) + "\\n")
    sys.stdout.flush()
    return []
"""
)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def entry(*argv, **environment):
    """Run the console script's function in a process of its own."""
    clean = {name: value for name, value in os.environ.items() if name not in ALLOCATOR}
    return subprocess.run(
        [sys.executable, "-c", ENTRY, *argv], capture_output=True, text=True, env={**clean, **environment}, timeout=60
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command):
    assert f"potstill {command}" in done(command, "--help").out


def test_version():
    assert done("--version").out.strip() == f"potstill {__version__}"


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        ([], "COMMAND"),
        (["rnu"], "invalid choice: 'rnu'"),
        (["run"], "RECIPE"),
        (["run", "pocket", "--stages", "x"], "unrecognized arguments: --stages x"),
        (["run", "pocket", "--re"], "unrecognized arguments: --re"),
        (["run", "pocket", "--out"], "--out: expected one argument"),
        (["run", "pocket", "stray"], "unrecognized arguments: stray"),
        (["evaluate", "m", "--problems", "p", "--samples", "0"], "0 is not a positive whole number"),
        (["evaluate", "m", "--problems", "p", "--samples", "many"], "many is not a positive whole number"),
        (["evaluate", "m", "--problems", "p", "--samples", "9" * 5000], "is not a positive whole number"),
        (["evaluate", "m", "--problems", "p", "--temperature", "nan"], "nan is no temperature"),
        (["evaluate", "m", "--problems", "p", "--temperature", "hot"], "hot is no temperature"),
        (["evaluate", "m"], "--problems"),
        (["ask", "runs/x"], "QUESTION"),
    ],
)
def test_a_wrong_command_line_is_told_in_one_line_that_says_where_to_look(argv, told):
    line = call(*argv).mistake()
    assert told in line
    assert "--help` shows" in line


def test_init_writes_a_sound_recipe_and_never_over_another_file(here):
    assert "next: potstill check recipe.yaml" in done("init").out
    assert "recipe.yaml is sound: problems > traces" in done("check", "recipe.yaml").out
    (here / "recipe.yaml").write_text("mine")
    assert "recipe.yaml exists: name another file" in call("init").mistake()
    assert (here / "recipe.yaml").read_text() == "mine"
    assert "there is no folder deep: make it first" in call("init", "deep/recipe.yaml").mistake()


def test_run_prints_the_table_and_the_report_and_plain_progress(finished_run):
    process = ended(start("run", "r.yaml", "--out", "again", OMP_NUM_THREADS="1"))

    assert process.code == 0, process
    assert "report: again/report.html" in process.out
    assert (Path("again") / "table.txt").read_text().strip() in process.out
    assert "\r" not in process.err
    assert "\x1b" not in process.err
    for stage in ("problems", "traces", "verdicts", "examples", "train traces", "evaluate base (zero-shot)"):
        last = next(line for line in process.err.splitlines() if line.startswith(f"{stage}:") and "in all" in line)
        assert "/s" in last, "every stage tells its rate"
    for stage in ("problems", "traces", "verdicts", "examples", "train-traces", "evaluate-traces"):
        one, two = (Path(run) / stage / "manifest.json" for run in ("again", "run"))
        assert one.read_bytes() == two.read_bytes(), "a process of its own and this one write the same bytes"


def test_the_console_script_starts_over_once_with_its_allocator_and_keeps_every_argument(here):
    (here / "spy.py").write_text(SPY)
    recipe = TINY.replace("family: chain, count: 24", "loader: 'spy:read'").replace("kind: worked", "kind: solutions")
    (here / "r.yaml").write_text(recipe)
    note = "two words, {braces} 'quotes' ünïcode"
    argv = ["run", "r.yaml", "--set", f'problems.sources.0.settings={{"note": "{note}"}}', "--out", "o o"]

    found = entry(*argv)

    assert found.returncode == 2, "the exit code comes through"
    assert "spy:read yielded no problems" in found.stderr
    spied = [json.loads(line) for line in (here / "spied.jsonl").read_text().splitlines()]
    assert spied[0]["argv"] == argv
    assert spied[0]["note"] == note
    assert spied[0]["allocator"] == (ALLOCATOR if sys.platform == "linux" else dict.fromkeys(ALLOCATOR))


def test_the_console_script_leaves_a_users_own_allocator_settings_alone(here):
    (here / "spy.py").write_text(SPY)
    (here / "r.yaml").write_text(
        TINY.replace("family: chain, count: 24", "loader: 'spy:read'").replace("worked", "solutions")
    )

    entry("run", "r.yaml", MALLOC_TOP_PAD_="7")

    spied = json.loads((here / "spied.jsonl").read_text().splitlines()[0])
    assert spied["allocator"] == {**dict.fromkeys(ALLOCATOR), "MALLOC_TOP_PAD_": "7"}


def test_light_commands_do_not_start_over():
    assert entry("check", "pocket").stdout.startswith("pocket is sound")
    assert entry("check", "poket").returncode == 2


def test_output_into_a_closed_pipe_is_no_traceback():
    process = subprocess.run(f"{sys.executable} -m potstill --help | true", shell=True, capture_output=True, text=True)
    assert "Traceback" not in process.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_output_onto_a_full_disk_is_one_line():
    process = subprocess.run(
        f"{sys.executable} -m potstill check pocket > /dev/full", shell=True, capture_output=True, text=True
    )
    told = Ended(process.returncode, process.stdout, process.stderr).mistake()
    assert "the disk is full, writing what was printed" in told


def test_a_terminal_that_cannot_show_a_character_gets_another(here):
    (here / "größe.yaml").write_text(TINY)
    found = entry("check", "größe.yaml", PYTHONIOENCODING="ascii")
    assert found.returncode == 0, found
    assert found.stdout.startswith("gr??e.yaml is sound")


def test_evaluate_measures_an_export_on_a_runs_problems_and_on_a_file(finished_run):
    by_run = done("evaluate", "run", "--problems", "run", "--precision", "fp32", "--max-tokens", "8").out
    by_stage = done("evaluate", "run/train-traces", "--problems", "run", "--precision", "fp32", "--max-tokens", "8").out
    assert by_run.startswith("accuracy ")
    assert "on 4 problems, 4 responses" in by_run
    assert by_stage == by_run, "the export answers as the trained student"

    rows = [{"q": f"What is {n} plus 3?", "a": str(n + 3)} for n in range(5)]
    Path("mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = done(
        "evaluate", "run/export/model", "--problems", "mine.jsonl", "--column", "question=q", "--column", "gold=a",
        "--count", 3, "--samples", 2, "--temperature", 1, "--max-tokens", 5, "--out", "told.jsonl",
    )  # fmt: skip
    assert "on 3 problems, 6 responses" in found.out
    told = [json.loads(line) for line in Path("told.jsonl").read_text().splitlines()]
    assert len(told) == 6
    assert {row["outcome"] for row in told} <= {"right", "wrong", "unknown"}
    assert all(row["completion_tokens"] <= 5 for row in told)


def test_ask_prints_an_answer_of_each_student(finished_run):
    for student in ("traces", "answers", "base"):
        assert done("ask", "run", "What is 2 plus 3?", "--student", student).out.strip()


def test_two_processes_on_one_run_folder_the_second_is_refused(finished_run):
    from potstill.store import Run

    first = Run(finished_run)
    first.lock()
    try:
        told = ended(start("run", "r.yaml", "--out", finished_run)).mistake()
    finally:
        first.unlock()
    assert f"run is in use by process {os.getpid()}: wait for it or name another --out" in told
    done("run", "r.yaml", "--out", finished_run)
