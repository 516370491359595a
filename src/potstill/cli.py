"""argv -> exit code: one function a command, imports inside it so that `--help` stays instant."""

from __future__ import annotations

import argparse
import atexit
import io
import locale
import os
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from potstill import __version__
from potstill.errors import PotstillError
from potstill.interrupt import INTERRUPTED, TOLD, start_over, started
from potstill.printed import cleaning
from potstill.records import KINDS

# Freed blocks of tens of MB otherwise go back to the kernel at every training step: 38% of the time was page faults.
ALLOCATOR = {
    "THP_MEM_ALLOC_ENABLE": "1",
    "MALLOC_TRIM_THRESHOLD_": "17179869184",
    "MALLOC_MMAP_THRESHOLD_": "17179869184",
    "MALLOC_TOP_PAD_": "268435456",
}
OUT_OF_MEMORY = re.compile(
    r"(?i)out of memory|can(no|')t allocate|not enough memory|failed to map segment|can't start new thread|bad_alloc"
)  # DefaultCPUAllocator: can't allocate memory: you tried to allocate 4194304 bytes
NO_MEMORY = (
    "the memory is used up; nothing sealed is lost. Lower train.micro_batch and evaluate.batch, take a smaller model, "
    "or raise the limit (ulimit -v), and run again"
)
HEAVY = ("run", "quickstart", "evaluate", "ask")


def entry() -> None:
    """Run the command line of this process; never returns."""
    argv = sys.argv[1:]
    # glibc reads its settings when a process starts, so the commands that train start over with them once, the same way
    # as they were started: `-m potstill` would put the current folder on Python's path, where modules may hide others.
    wanted: dict[str, str] = {}
    if argv and argv[0] in HEAVY and sys.platform == "linux" and not any(name in os.environ for name in ALLOCATOR):
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
    options = _parser().parse_args(argv)
    try:
        code = int(options.command(options))
        _flush()
        return code
    except PotstillError as error:
        print(f"potstill: {NO_MEMORY if _is_of_memory(error) else error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
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
    except (MemoryError, RuntimeError, ImportError) as error:
        if not _is_of_memory(error):
            raise
        print(f"potstill: {NO_MEMORY}", file=sys.stderr)
        return 2


def _is_of_memory(error: BaseException | None) -> bool:
    """Whether memory that ran out is behind an error: libraries that cannot be loaded then look as if not installed."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        error = error.__cause__ or error.__context__
    return any(isinstance(one, MemoryError) or OUT_OF_MEMORY.search(str(one)) for one in seen)


def _flush() -> None:
    """Write out what was printed, while a refusal can still be told in one line."""
    try:
        sys.stdout.flush()
    except OSError:
        # Python would try, and complain, once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without a screen of usage before it; takes no shortened options."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - argparse's own
        super().__init__(**settings, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"potstill: {message}; `{self.prog} --help` shows what there is\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="potstill", description="Reasoning distillation, from problems to a measured student.")
    parser.add_argument("--version", action="version", version=f"potstill {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    command = commands.add_parser("quickstart", help="the whole loop with no key, no GPU and no model hub")
    _run_options(command)
    command.set_defaults(command=run, recipe="quickstart")

    command = commands.add_parser("init", help="write a commented recipe to start from")
    command.add_argument("file", nargs="?", default="recipe.yaml", metavar="FILE")
    command.set_defaults(command=init)

    command = commands.add_parser("check", help="check a recipe and what it names, before anything is spent")
    _recipe_options(command)
    _unsafe_option(command)
    command.set_defaults(command=check)

    command = commands.add_parser("run", help="run a recipe; goes on where an earlier run stopped")
    _recipe_options(command)
    _run_options(command, sets=False)
    command.set_defaults(command=run)

    command = commands.add_parser("status", help="what is done in a run folder, what is stale and why")
    command.add_argument("run", metavar="RUN")
    command.set_defaults(command=status)

    command = commands.add_parser("clean", help="show the outputs of a run that its recipe no longer means")
    command.add_argument("run", metavar="RUN")
    command.add_argument("--remove", action="store_true", help="remove them")
    command.set_defaults(command=clean)

    command = commands.add_parser("ledger", help="what a run's teacher answered and cost, while it runs and after")
    command.add_argument("run", metavar="RUN")
    command.add_argument("--show", metavar="KEY", help="print one completion; the start of its key is enough")
    command.set_defaults(command=ledger)

    command = commands.add_parser("verify", help="judge a file of answers or responses against their golds")
    command.add_argument("file", metavar="FILE", help="rows with id, gold and prediction or response")
    command.add_argument("--out", required=True, metavar="OUT.jsonl", help="one verdict a row, in the same order")
    _unsafe_option(command)
    command.set_defaults(command=verify)

    command = commands.add_parser("steps", help="recompute the arithmetic of a file of worked solutions")
    command.add_argument("file", metavar="FILE", help="rows with id and steps or response")
    command.add_argument("--out", required=True, metavar="OUT.jsonl", help="the first wrong step of each row")
    command.set_defaults(command=steps)

    command = commands.add_parser("sandbox", help="what isolates programs here; `sandbox run FILE.py` runs one in it")
    command.set_defaults(command=sandbox, file=None)
    action = command.add_subparsers(metavar="run").add_parser("run", help="run a program in the sandbox")
    action.add_argument("file", metavar="FILE.py")
    action.add_argument("--seconds", type=_seconds, default=10.0, metavar="S", help="for the program (default: 10)")
    action.add_argument("--memory-mb", type=_positive, default=512, metavar="N")
    _unsafe_option(action)

    command = commands.add_parser("evaluate", help="measure any checkpoint or served model on problems")
    command.add_argument("model", metavar="MODEL", help="a local checkpoint, a hub name, or the address of a server")
    command.add_argument("--model", dest="name", metavar="NAME", help="what a server calls the model")
    command.add_argument("--api-key-env", metavar="NAME", help="the environment variable that holds a server's key")
    command.add_argument(
        "--problems",
        required=True,
        metavar="FILE|RUN",
        help="problems as JSONL, Parquet or CSV, or a run's held-out ones",
    )
    command.add_argument(
        "--column", action="append", default=[], metavar="FIELD=COLUMN", help="where a problem field stands"
    )
    command.add_argument("--kind", choices=KINDS, help="how answers compare")
    command.add_argument("--count", type=_positive, metavar="N", help="at most this many problems")
    command.add_argument("--samples", type=_positive, default=1, metavar="N")
    command.add_argument("--temperature", type=_temperature, default=0.0, metavar="T")
    command.add_argument("--max-tokens", type=_positive, metavar="N")
    command.add_argument(
        "--batch", type=_positive, metavar="N", help="responses side by side (default: as many as pay)"
    )
    command.add_argument(
        "--prompt", default="{question}", metavar="TEXT", help="what is asked; {question} is filled in"
    )
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--precision", choices=("bf16", "fp32"), default="bf16")
    command.add_argument("--out", metavar="FILE.jsonl", help="write every response and verdict")
    command.add_argument("--keep", metavar="DIR", help="where responses are kept (default: runs/evaluate-MODEL)")
    _unsafe_option(command)
    command.set_defaults(command=evaluate)

    command = commands.add_parser("export", help="write a run's traces as a data set in a published shape")
    command.add_argument("run", metavar="RUN")
    command.add_argument("--traces", required=True, metavar="SHAPE", help="openthoughts, openr1, sharegpt or messages")
    command.add_argument("--out", required=True, metavar="OUT.jsonl")
    command.add_argument("--kept", action="store_true", help="only the traces that became examples")
    command.set_defaults(command=export)

    command = commands.add_parser("ask", help="put a question to a run's student")
    command.add_argument("run", metavar="RUN")
    command.add_argument("question", metavar="QUESTION")
    command.add_argument("--student", default="traces", help="which row of the table answers (default: traces)")
    command.add_argument("--max-tokens", type=_positive, default=None, metavar="N")
    command.set_defaults(command=ask)
    return parser


def _recipe_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("recipe", metavar="RECIPE", help="a recipe file, or the name of a shipped recipe")
    command.add_argument(
        "--set", action="append", default=[], dest="sets", metavar="KEY=VALUE", help="such as student.lora.rank=8"
    )


def _run_options(command: argparse.ArgumentParser, *, sets: bool = True) -> None:
    if sets:
        command.add_argument(
            "--set", action="append", default=[], dest="sets", metavar="KEY=VALUE", help="such as seed=3"
        )
    command.add_argument("--out", metavar="DIR", help="the run folder (default: runs/NAME)")
    command.add_argument("--stage", metavar="NAME", help="run this stage alone")
    command.add_argument("--redo", action="store_true", help="redo sealed stages whose settings changed")
    command.add_argument(
        "--go-on", action="store_true", help="where spend_at_most is spent, go on with what was answered"
    )
    _unsafe_option(command)


def _unsafe_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--run-untrusted-code-without-a-sandbox",
        action="store_true",
        dest="without_sandbox",
        help="let programs that a model wrote run as you, where nothing isolates them",
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or len(text) > 12 or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text[:20]} is not a positive whole number")
    return int(text)


def _temperature(text: str) -> float:
    from potstill.recipe.bounds import LEAST_TEMPERATURE

    value = _between(text, 0, 100, "temperature")
    if 0 < value < LEAST_TEMPERATURE:
        raise argparse.ArgumentTypeError(f"{text} is too small for a temperature: 0 is greedy")
    return value


def _seconds(text: str) -> float:
    return _between(text, 0.1, 3600, "number of seconds")


def _between(text: str, least: float, most: float, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not least <= value < most:
        raise argparse.ArgumentTypeError(f"{text} is no {what}")
    return value


def init(options: argparse.Namespace) -> int:
    """Write the commented template; never over an existing file."""
    from importlib import resources

    from potstill.durable import writing

    path = Path(options.file)
    text = (resources.files("potstill") / "recipes" / "template.txt").read_text(encoding="utf-8")
    if path.exists():
        raise PotstillError(f"{path} exists: name another file")
    if not path.parent.is_dir():
        raise PotstillError(f"{path}: there is no folder {path.parent}: make it first")
    with writing(path), path.open("x", encoding="utf-8") as file:
        file.write(text)
    print(f"wrote {path}; next: potstill check {path}")
    return 0


def check(options: argparse.Namespace) -> int:
    """Check a recipe and what it names: no network, torch only where a student or a local teacher is looked at."""
    from potstill.graph import graph_of
    from potstill.pipeline.checks import check_recipe
    from potstill.pipeline.stages import stages_of
    from potstill.recipe_file import load, located

    recipe = load(options.recipe, options.sets)
    with located(options.recipe, options.sets):
        unknown = check_recipe(recipe, without_sandbox=options.without_sandbox)
        print(f"{options.recipe} is sound: {' > '.join(stage.name for stage in stages_of(recipe))}")
    print(graph_of(recipe).text())
    for what in unknown:
        print(f"not looked at: {what}")
    return 0


def run(options: argparse.Namespace) -> int:
    """Run a recipe and print the table."""
    from potstill import pipeline
    from potstill.recipe_file import load, located
    from potstill.store import Run

    recipe = load(options.recipe, options.sets)
    folder = Run(Path(options.out) if options.out else Path("runs") / recipe.name)
    for place in (folder.path, *folder.path.parents):
        if place.exists() and not place.is_dir():
            raise PotstillError(f"--out {folder.path}: {place} is a file, not a folder: name another")
    with located(options.recipe, options.sets):
        pipeline.run(
            recipe, folder, only=options.stage, redo=options.redo, without_sandbox=options.without_sandbox,
            go_on=options.go_on,
        )  # fmt: skip
    if options.stage in (None, "report"):
        print((folder.path / "table.txt").read_text(encoding="utf-8"))
        print(f"report: {folder.path / 'report.html'}")
    return 0


def status(options: argparse.Namespace) -> int:
    """Say what is done in a run folder, what is stale and why."""
    from potstill import pipeline
    from potstill.pipeline.stages import stages_of
    from potstill.progress import clock
    from potstill.recipe_file import load
    from potstill.store import Run

    path = Path(options.run)
    if not (path / "recipe.yaml").is_file():
        raise PotstillError(f"{path} is no run folder: it has no recipe.yaml")
    for standing in pipeline.standings(Run(path), stages_of(load(str(path / "recipe.yaml")))):
        spent = clock(standing.seconds) if standing.seconds else ""
        print(f"{standing.stage.name:<18} {standing.state:<10} {spent:>7}  {standing.why}".rstrip())
    return 0


def clean(options: argparse.Namespace) -> int:
    """Show the outputs that no name of a run points to, and remove them where that is asked for."""
    import shutil

    from potstill import pipeline
    from potstill.durable import files_of, writing
    from potstill.pipeline.stages import stages_of
    from potstill.recipe_file import load
    from potstill.store import Run, output_name

    run = Run(Path(options.run))
    if not run.stages.is_dir() or not (run.path / "recipe.yaml").is_file():
        raise PotstillError(f"{run.path} is no run folder: it has no recipe.yaml and no folder stages")
    standings = pipeline.standings(run, stages_of(load(str(run.path / "recipe.yaml"))))
    # What a killed run goes on with has no name yet, and is meant all the same.
    meant = {f"{output_name(s.stage.kind, s.fingerprint)}.partial" for s in standings if s.fingerprint is not None}
    total = 0
    try:
        run.lock()
        for path in (path for path in run.unused() if path.name not in meant):
            size = sum(file.stat().st_size for file in files_of(path))
            total += size
            print(f"{size / 1e6:>10,.1f} MB  {path.name}")
            if options.remove:
                with writing(path):
                    shutil.rmtree(path)
    finally:
        run.unlock()
    done = "removed" if options.remove else "to be had with --remove"
    print(f"{total / 1e6:>10,.1f} MB  {done}" if total else "every output is in use")
    return 0


def ledger(options: argparse.Namespace) -> int:
    """Print the sums of a run's ledger, or one completion."""
    from potstill.models.inspect import describe, show

    run = Path(options.run)
    print(describe(run) if options.show is None else show(run, options.show))
    return 0


def verify(options: argparse.Namespace) -> int:
    """Judge a file of rows."""
    from potstill.pipeline.files import verify_file

    print(verify_file(options.file, options.out, without_sandbox=options.without_sandbox))
    return 0


def steps(options: argparse.Namespace) -> int:
    """Recompute the arithmetic of a file of worked solutions."""
    from potstill.pipeline.files import steps_file

    print(steps_file(options.file, options.out))
    return 0


def sandbox(options: argparse.Namespace) -> int:
    """Print what is isolated and what is not, or run one program and return its exit code."""
    from potstill.verify.sandbox import describe, run_file

    if options.file is None:
        print(describe())
        return 0
    return run_file(
        Path(options.file), seconds=options.seconds, memory_mb=options.memory_mb, without=options.without_sandbox
    )


def evaluate(options: argparse.Namespace) -> int:
    """Measure a checkpoint or a served model on problems and print one line."""
    from potstill.pipeline import single

    print(single.evaluate(options))
    return 0


def export(options: argparse.Namespace) -> int:
    """Write a run's traces in a published shape."""
    from potstill.pipeline.published import export_traces

    print(export_traces(Path(options.run), options.traces, Path(options.out), kept=options.kept))
    return 0


def ask(options: argparse.Namespace) -> int:
    """Print a student's reasoning and answer."""
    from potstill.pipeline.single import ask_student

    print(ask_student(Path(options.run), options.student, options.question, options.max_tokens))
    return 0
