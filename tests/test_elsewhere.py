"""The guide's pages on using a student elsewhere: each block of Python in them runs as it stands."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("xllamacpp", reason="the wheel xllamacpp is not installed: make install")

from export.test_gguf import delivery

from potstill.export.gguf import gguf

PAGE = Path(__file__).parents[1] / "docs" / "guide" / "elsewhere.md"
BLOCKS = re.findall(r"^```py\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def test_every_block_of_python_runs_as_it_stands(finished_run):
    """Each file is at the address that the page has for it."""
    there = finished_run.parent / "runs" / "quickstart"
    there.parent.mkdir()
    there.symlink_to(finished_run)
    gguf(delivery(finished_run / "train-traces" / "model", there / "export-gguf" / "model", "q8_0"))
    folder = there / "export-gguf" / "model"
    (folder / "tiny-q8_0.gguf").rename(folder / "quickstart-q8_0.gguf")
    assert len(BLOCKS) == 3
    # One process for all of them: loading torch is what takes the time.
    ended = subprocess.run([sys.executable, "-c", "\n".join(BLOCKS)], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert (finished_run.parent / "quickstart-bf16" / "chat_template.jinja").is_file()
