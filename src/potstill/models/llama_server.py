"""A GGUF file in llama.cpp's own server, in a process of its own on the loopback: started, asked, and ended with ours.

`python -m potstill.models.llama_server SETTINGS` is the child. It listens until its standard input ends, which the
kernel sees to however the process that started it ends. A file that llama.cpp cannot load ends the child, with an
assertion of its own as like as not, and never us.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from potstill import hardware
from potstill.errors import MissingExtraError, PotstillError
from potstill.models.local.memory import peak_memory
from potstill.temporary import temporary_folder

EXTRA = "gguf"
DRAWN_FROM = {"top_k": 0, "min_p": 0.0, "repeat_penalty": 1.0}
"""As a checkpoint is sampled in this process, in the place of llama.cpp's own cuts."""
_LAST = 400
"""Characters of the child's log that an error shows."""


class LlamaError(PotstillError):
    """llama.cpp cannot load a file, or its server has ended."""


class LlamaServer:
    """The server of one file; enter it to start it. `load_seconds` is what llama.cpp needed for the file.

    `context` is in tokens, prompt and completion together, of each of `parallel` requests at a time. One request at a
    time and nothing kept of those before it (`parallel=1`) gives the same tokens for the same request, always: what is
    computed beside it changes the last bits of a product. `key` is wanted of every request, where there is one.

    Raises:
        MissingExtraError: xllamacpp is absent.
        LlamaError: llama.cpp cannot load the file.
    """

    def __init__(
        self, file: Path, *, context: int, parallel: int = 1, threads: int | None = None, alias: str = "", key: str = ""
    ) -> None:
        self.file, self.address, self.load_seconds = file, "", 0.0
        self._settings = {
            "file": str(file.resolve()), "context": context, "parallel": parallel,
            "threads": threads or hardware.threads(), "alias": alias, "key": key,
        }  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = temporary_folder("llama")

    def __enter__(self) -> LlamaServer:
        """Start the child and wait until the file is loaded."""
        need_llama("a GGUF file")
        log = self._folder.__enter__() / "log"
        reading, writing = os.pipe()
        try:
            with log.open("wb") as noise:
                self._process = subprocess.Popen(  # noqa: S603 - ourselves
                    [sys.executable, "-m", "potstill.models.llama_server", str(writing)],
                    stdin=subprocess.PIPE, stdout=noise, stderr=noise, pass_fds=(writing,),
                    start_new_session=True,  # Ctrl-C in a terminal is for us, who end the child
                )  # fmt: skip
            os.close(writing)
            writing = -1
            assert self._process.stdin is not None  # noqa: S101 - it is a pipe
            # By the pipe, since arguments are shown to everybody on the machine, and a key may be among them.
            self._process.stdin.write(json.dumps(self._settings).encode() + b"\n")
            self._process.stdin.flush()
            with os.fdopen(reading, "rb") as said:
                told = said.readline()
        except BaseException:
            self.close()
            raise
        finally:
            if writing >= 0:
                os.close(writing)
        if not told:
            lines = log.read_text("utf-8", "replace").split("\n")
            last = next((line.strip() for line in reversed(lines) if line.strip()), "")[:_LAST]
            self.close()
            raise LlamaError(f"{self.file}: llama.cpp cannot load it ({last or 'it says nothing'})")
        ready = json.loads(told)
        self.address, self.load_seconds = ready["address"], ready["seconds"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the child."""
        self.close()

    def close(self) -> None:
        """End the child; nothing happens where it has ended."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        self._folder.__exit__(None, None, None)

    def post(self, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the reply to one request; without a body it is a GET.

        Raises:
            LlamaError: the server refuses it, or has ended.
        """
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._settings['key']}"}
        sent = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(self.address + path, sent, headers)  # noqa: S310 - http
        try:
            # Past every proxy: it is on this machine.
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked) as reply:
                return dict(json.load(reply))
        except urllib.error.HTTPError as error:
            said = error.read(_LAST).decode("utf-8", "replace")
            raise LlamaError(
                f"{self.file}: llama.cpp refuses {path} ({error.code}: {' '.join(said.split())})"
            ) from None
        except OSError as error:
            raise LlamaError(f"{self.file}: llama.cpp's server has ended ({error})") from error

    def context(self) -> int:
        """Return how many tokens a conversation may have: what was asked for, or all that the model takes."""
        return int(self.post("/props", None)["default_generation_settings"]["n_ctx"])

    def ids(self, text: str) -> list[int]:
        """Return the token ids of a text, its special tokens read as such and none added."""
        body = {"content": text, "add_special": False, "parse_special": True}
        return [int(token) for token in self.post("/tokenize", body)["tokens"]]

    def rendered(self, messages: list[dict[str, str]], *, ask: bool) -> str:
        """Return a conversation as llama.cpp renders it with the file's template."""
        body = {"messages": messages, "add_generation_prompt": ask}
        return str(self.post("/apply-template", body)["prompt"])

    def peak_memory(self) -> int:
        """Return the most bytes that the child has held so far; 0 where the system does not say."""
        return (peak_memory(self._process.pid) or 0) if self._process is not None else 0


def need_llama(needed_for: str) -> None:
    """Raise MissingExtraError where xllamacpp is not installed."""
    from importlib.util import find_spec

    if find_spec("xllamacpp") is None:
        raise MissingExtraError(needed_for, "xllamacpp", EXTRA)


def serve(settings: Mapping[str, Any]) -> tuple[Any, float]:
    """Return a running server of xllamacpp in this process, and the seconds until it was there."""
    import xllamacpp

    wanted = xllamacpp.CommonParams()
    wanted.model.path = settings["file"]
    if settings["alias"]:
        wanted.model_alias = {settings["alias"]}
    wanted.n_parallel, wanted.n_ctx = settings["parallel"], settings["parallel"] * settings["context"]
    wanted.cpuparams.n_threads = wanted.cpuparams_batch.n_threads = settings["threads"]
    wanted.warmup, wanted.fit_params, wanted.cache_ram_mib, wanted.cache_prompt = False, False, 0, False
    # A conversation that ends with an answer is rendered whole, not gone on with.
    wanted.prefill_assistant = False
    if settings["key"]:
        wanted.api_keys = [settings["key"]]
    begun = time.monotonic()
    server = xllamacpp.Server(wanted)
    return server, time.monotonic() - begun


def _child(ready: int) -> None:
    settings = json.loads(sys.stdin.buffer.readline())
    server, seconds = serve(settings)
    with os.fdopen(ready, "w") as pipe:
        pipe.write(json.dumps({"address": server.listening_address, "seconds": seconds}) + "\n")
    sys.stdin.buffer.read()
    os._exit(0)  # threads of the server may wait for a request that never ends


if __name__ == "__main__":
    _child(int(sys.argv[1]))
