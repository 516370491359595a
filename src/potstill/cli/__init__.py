"""argv -> exit code. A command is a file of this folder and its place in `COMMANDS`.

Its `NAME` and `HELP` are what `--help` shows, `options` adds its arguments, `work` returns the exit code. What it
needs is imported inside `work`, so that `--help` stays instant.
"""

from __future__ import annotations

import argparse
import atexit
import io
import locale
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from potstill import __version__
from potstill.cli import (
    ask,
    benchmarks,
    chat,
    check,
    clean,
    compare,
    completion,
    diff,
    distill,
    evaluate,
    export,
    export_task,
    init,
    ledger,
    lm_eval,
    memory,
    plan,
    publish,
    quickstart,
    reverify,
    run,
    sandbox,
    schema,
    serve,
    show_rows,
    status,
    steps,
    study,
    verify,
    view,
    work,
)  # fmt: skip
from potstill.errors import PotstillError
from potstill.interrupt import INTERRUPTED, TOLD, start_over, started
from potstill.printed import cleaning

COMMANDS = (
    quickstart, distill, init, schema, check, plan, run, work, study, status, clean, show_rows, ledger, verify,
    reverify, steps, sandbox, evaluate, benchmarks, export_task, lm_eval, compare, diff, export, publish, ask, serve,
    chat, view, completion,
)  # fmt: skip
"""In the order in which `--help` shows them."""
# Freed blocks of tens of MB otherwise go back to the kernel at every training step: 38% of the time was page faults.
ALLOCATOR = {
    "THP_MEM_ALLOC_ENABLE": "1",
    "MALLOC_TRIM_THRESHOLD_": "17179869184",
    "MALLOC_MMAP_THRESHOLD_": "17179869184",
    "MALLOC_TOP_PAD_": "268435456",
}


def entry() -> None:
    """Run the command line of this process; never returns."""
    argv = sys.argv[1:]
    named = argv[0] if argv else ""
    if named in {command.NAME for command in COMMANDS} and (told := memory.too_little(named)):
        print(f"potstill: {told}", file=sys.stderr)
        sys.exit(2)
    # glibc reads its settings when a process starts, so the commands that train start over with them once, the same way
    # as they were started: `-m potstill` would put the current folder on Python's path, where modules may hide others.
    wanted: dict[str, str] = {}
    heavy = named in memory.HEAVY or (named == plan.NAME and plan.PROBE in argv)
    if heavy and sys.platform == "linux" and not any(name in os.environ for name in ALLOCATOR):
        wanted |= ALLOCATOR
    # Under a locale such as C or Latin-1 file names, files of libraries and what is printed would be other bytes.
    narrow = not sys.flags.utf8_mode and locale.getencoding().lower() not in ("utf-8", "utf8")
    if narrow and os.environ.get("PYTHONUTF8") != "1":
        wanted["PYTHONUTF8"] = "1"
    if wanted:
        start_over(sys.orig_argv[1:], {**os.environ, **wanted})
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a model may answer with what this terminal cannot show
    started()
    code = main(argv)
    if code in (INTERRUPTED, 2):
        # A second Ctrl-C would end the tidying up with a traceback; and Python itself would end with the signal instead
        # of the code where a library was interrupted while it was imported, or had no memory left.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        atexit._run_exitfuncs()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def main(argv: Sequence[str]) -> int:
    """Return the exit code: 0 done, 2 a mistake with one line on standard error, 130 interrupted."""
    with cleaning():
        return _main(argv)


def _main(argv: Sequence[str]) -> int:
    options = parser().parse_args(argv)
    try:
        code = int(options.work(options))
        _flush()
        return code
    except PotstillError as error:
        print(f"potstill: {memory.USED_UP if memory.is_used_up(error) else error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as error:
        # Kept until the process ends: what was interrupted while it was made complains when it is taken apart.
        sys.last_value = error
        start = "\n" if sys.stderr.isatty() else ""  # the terminal shows ^C on the line of the progress
        print(f"{start}{TOLD}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has left; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    except OSError as error:
        from potstill.durable import refusal

        print(f"potstill: {refusal(error, 'what was printed')}", file=sys.stderr)
        return 2
    except Exception as error:
        if not memory.is_used_up(error):
            raise
        print(f"potstill: {memory.USED_UP}", file=sys.stderr)
        return 2


def _flush() -> None:
    """Write out what was printed, while a refusal can still be told in one line."""
    try:
        sys.stdout.flush()
    except OSError:
        # Python would try, and complain, once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


class _OneLineParser(argparse.ArgumentParser):
    """Says what is wrong in one line, without a screen of usage before it; takes no shortened options."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - argparse's own
        super().__init__(**settings, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"potstill: {message}; `{self.prog} --help` shows what there is\n")


def parser() -> argparse.ArgumentParser:
    """Return the parser of every command."""
    whole = _OneLineParser(prog="potstill", description="Reasoning distillation, from problems to a measured student.")
    whole.add_argument("--version", action="version", version=f"potstill {__version__}")
    commands = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        added = commands.add_parser(command.NAME, help=command.HELP)
        command.options(added)
        added.set_defaults(work=command.work, parser=whole)
    return whole
