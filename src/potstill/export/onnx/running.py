"""An ONNX folder in onnxruntime-genai, as one who answers, and how fast it is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from potstill.evaluate.protocol import ModelUnderTest
from potstill.export import TIMED, TOGETHER, InRuntime
from potstill.export.likeness import ConversionError
from potstill.models.local import chat
from potstill.models.local.inprocess import InProcess
from potstill.models.local.loading import Checkpoint
from potstill.models.local.onnx import OnnxModel


class OnnxRuntimeGenai:
    """onnxruntime-genai, on the CPU."""

    @contextmanager
    def running(self, path: Path, *, name: str, context: int, about: Mapping[str, Any]) -> Iterator[InRuntime]:
        """Load a folder and let it answer; see `export.Runtime`. Its memory is that of `speeds`: here is more."""
        del context  # the folder says it
        model = InProcess(name, lambda: OnnxModel(path))
        yield InRuntime(ModelUnderTest(model, name, about, TOGETHER), lambda: None)

    def speeds(self, path: Path, *, context: int, messages: Sequence[dict[str, str]], threads: int) -> dict[str, float]:
        """Time a folder in a process of its own, whose memory is nothing but the runtime's.

        Raises:
            ConversionError: the process ends with an error.
        """
        del context
        tokenizer = chat.load_tokenizer(Checkpoint(str(path), str(path)))
        command = [sys.executable, "-m", "potstill.models.local.onnx", str(path), str(threads), str(TIMED)]
        done = subprocess.run(  # noqa: S603 - ourselves
            command, input=chat.asked(tokenizer, messages), capture_output=True, text=True, check=False
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
            raise ConversionError(f"export.onnx: {path.name} cannot be timed ({last[:200]})")
        found = json.loads(done.stdout)
        return {key: float(value) for key, value in found.items() if value is not None}


ONNXRUNTIME = OnnxRuntimeGenai()
