"""potstill serve: a student over HTTP as OpenAI's clients ask it, on this machine alone."""

from __future__ import annotations

import argparse
import sys

from potstill.cli.options import positive

NAME, HELP = "serve", "serve a student as OpenAI's clients ask it, on this machine alone"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    student_options(command)
    command.add_argument("--port", type=_port, default=8080, help="default: 8080; 0 takes any that is free")
    command.add_argument("--key-env", metavar="NAME", help="the environment variable that holds the key to ask for")


def student_options(command: argparse.ArgumentParser) -> None:
    """Add which student, in which form."""
    command.add_argument("run", metavar="RUN", help="a run, a stage of it, an exported folder, a .gguf or a checkpoint")
    command.add_argument("--arm", metavar="NAME", help="which student of the run (default: the one it delivers)")
    command.add_argument(
        "--format", choices=("gguf", "transformers"), help="default: gguf where the run has it, else transformers"
    )
    command.add_argument("--type", metavar="TYPE", help="which GGUF file, such as q8_0 (default: the recipe's first)")
    command.add_argument(
        "--context", type=positive, metavar="N", help="tokens of a conversation (default: as in training)"
    )


def work(asked: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    import asyncio

    from potstill.models.served.secrets import Secret
    from potstill.pipeline.serving import offer_of
    from potstill.serve import needed

    needed("potstill serve")
    key = Secret.from_environment(asked.key_env, "--key-env").key
    offer = offer_of(asked.run, arm=asked.arm, kind=asked.format, weights=asked.type, context=asked.context)
    from potstill.serve.app import Serving, run
    from potstill.serve.wanted import Defaults

    print(f"loading {offer.path}", file=sys.stderr)
    conditions = offer.conditions
    serving = Serving(
        backend=offer.open(), student=conditions.student, key=key, seed=conditions.seed,
        defaults=Defaults(
            name=offer.name, temperature=conditions.evaluate.temperature, top_p=conditions.evaluate.top_p
        ),
    )  # fmt: skip
    if conditions.student.prompt.strip() != "{question}":
        print(f"note: its run asked {conditions.student.prompt!r}; messages are passed on as they are", file=sys.stderr)

    def ready(address: str) -> None:
        asking = f", with the key in {asked.key_env}" if key else ""
        print(f"{offer.name} ({offer.kind}, context {serving.backend.context:,}) at {address}/v1{asking}")
        print(f"to try it in a browser: {address}/; Ctrl-C ends it", flush=True)

    asyncio.run(run(serving, asked.port, ready))
    print("potstill: stopped", file=sys.stderr)
    return 0


def _port(text: str) -> int:
    if not text.isdecimal() or len(text) > 5 or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text[:20]} is no port")
    return int(text)
