"""potstill chat: talk to a student in the terminal, its thinking shown apart."""

from __future__ import annotations

import argparse
import sys

from potstill.cli.options import positive, temperature
from potstill.cli.serve import student_options

NAME, HELP = "chat", "talk to a student in the terminal"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    student_options(command)
    command.add_argument("--temperature", type=temperature, metavar="T", help="default: the run's")
    command.add_argument(
        "--max-tokens", type=positive, metavar="N", help="of a reply (default: the rest of the context)"
    )


def work(asked: argparse.Namespace) -> int:
    """Ask and answer until the input ends."""
    from potstill.pipeline.serving import offer_of
    from potstill.serve import needed

    needed("potstill chat")
    offer = offer_of(asked.run, arm=asked.arm, kind=asked.format, weights=asked.type, context=asked.context)
    from potstill.serve.terminal import Conversation, talk

    print(f"loading {offer.path}", file=sys.stderr)
    conversation = Conversation(
        backend=offer.open(), conditions=offer.conditions, max_tokens=asked.max_tokens, temperature=asked.temperature
    )
    talk(conversation, offer.name)
    return 0
