"""potstill study: run a recipe with variants and seeds, and compare them in one table."""

from __future__ import annotations

import argparse
from pathlib import Path

from potstill.cli.options import events_option, positive, unsafe_option
from potstill.errors import PotstillError

NAME, HELP = "study", "run a recipe with variants and seeds, and compare them in one table"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.add_argument(
        "file", nargs="?", metavar="FILE", help="a study file, or the name of a shipped study; none lists those"
    )
    command.add_argument("--out", metavar="DIR", help="the study's folder (default: runs/study-NAME)")
    command.add_argument("--check", action="store_true", help="check it, and say what would run and what is shared")
    command.add_argument("--seeds", type=positive, metavar="N", help="only the first N of its seeds")
    command.add_argument("--redo", action="store_true", help="redo committed stages whose settings changed")
    command.add_argument(
        "--go-on", action="store_true", help="where spend_at_most is spent, go on with what was answered"
    )
    events_option(command)
    unsafe_option(command)


def work(asked: argparse.Namespace) -> int:
    """Run a study or go on with it; print its table and where its page is."""
    from potstill.events import told_to
    from potstill.pipeline.study import plan_study, run_study
    from potstill.pipeline.study_file import read_study, shipped_studies

    if asked.file is None:
        for name, question in shipped_studies().items():
            print(f"{name:<14} {question}")
        return 0
    plan = plan_study(read_study(asked.file, asked.seeds))
    out = Path(asked.out) if asked.out else Path("runs") / f"study-{plan.file.name}"
    for place in (out, *out.parents):
        if place.exists() and not place.is_dir():
            raise PotstillError(f"--out {out}: {place} is a file, not a folder: name another")
    if asked.check:
        return checked(asked.file, asked, out)
    with told_to(asked.events):
        report = run_study(plan, out, redo=asked.redo, without_sandbox=asked.without_sandbox, go_on=asked.go_on)
    print(report.text())
    print(f"page: {out / 'study.html'}")
    return 0


def checked(file: str, asked: argparse.Namespace, out: Path | None = None) -> int:
    """Check every variant of a study; print what would run, and what is done where the study has been begun."""
    from potstill.pipeline.study import check_study, plan_study
    from potstill.pipeline.study_file import read_study

    plan = plan_study(read_study(file, getattr(asked, "seeds", None)))
    unknown = check_study(plan, without_sandbox=asked.without_sandbox)
    print(f"{file} is sound: {plan.text(out)}")
    for what in unknown:
        print(f"not looked at: {what}")
    return 0
