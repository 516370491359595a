"""potstill view: read the traces of runs and files in a browser, and label them."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

from potstill.cli.options import positive

NAME, HELP = "view", "read traces in a browser, with verdicts, drops and steps; label them"
BUNDLED = 2_000


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.add_argument("what", nargs="+", metavar="RUN|FILE", help="run folders, or files of traces")
    command.add_argument("--port", type=int, default=0, metavar="N", help="of 127.0.0.1 (default: a free one)")
    command.add_argument("--bundle", metavar="DIR", help="write a folder to send instead, which is only for reading")
    command.add_argument(
        "--rows", type=positive, default=BUNDLED, metavar="N", help=f"responses in a bundle (default: {BUNDLED:,})"
    )
    command.add_argument("--browser", action="store_true", help="open the link in the browser of this machine")


def work(asked: argparse.Namespace) -> int:
    """Serve until Ctrl-C, or write a bundle."""
    from potstill.errors import MissingExtraError, PotstillError
    from potstill.view.room import Viewer

    if not 0 <= asked.port < 65_536:
        raise PotstillError(f"--port {asked.port} is no port: 1 to 65535, or none")
    if asked.bundle is not None:
        from potstill.view.bundle import write_bundle

        print(write_bundle(Viewer.open(asked.what), Path(asked.bundle), asked.rows))
        return 0
    if importlib.util.find_spec("aiohttp") is None:
        raise MissingExtraError("the viewer", "aiohttp", "view")
    from potstill.view.files import temml_folder
    from potstill.view.serving import serve

    room = Viewer.open(asked.what)
    for line in room.index.meta["notes"]:
        print(line)
    if temml_folder() is None:
        print("Temml is not installed: mathematics is shown as its source")

    def tell(link: str) -> None:
        print(f"{len(room.index):,} responses; stop with Ctrl-C\n{link}", flush=True)
        if asked.browser:
            import webbrowser

            webbrowser.open(link)

    serve(room, asked.port, tell)
    return 0
