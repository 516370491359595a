"""What runs inside the sandboxes stays inside."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import potstill.verify.code
from potstill.verify.code.drivers import driver
from potstill.verify.code.wire import encode
from potstill.verify.sandbox import Limits, Sandbox

INSIDE = ("peer", "candidate", "checker")
FOLDER = Path(potstill.verify.code.__file__).parent


def test_judging_imports_nothing_that_runs_programs() -> None:
    code = "import sys, potstill.verify.code.judge as judge; judge.driver('checker'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "potstill.verify.code.judge" in loaded
    assert not {f"potstill.verify.code.{name}" for name in INSIDE} & set(loaded)


def test_programs_are_run_in_one_place() -> None:
    run = re.compile(r"\b(?:exec|eval)\(")
    found = {path.name for path in FOLDER.glob("*.py") if run.search(path.read_text(encoding="utf-8"))}
    assert found == {"peer.py", "drivers.py"}


@pytest.mark.parametrize("end", ["candidate", "checker"])
def test_a_driver_says_that_it_is_ready(end: str, sandbox: Sandbox) -> None:
    with sandbox.open(driver(end), limits=Limits()) as session:  # type: ignore[arg-type]
        assert session.receive(20.0) == b"=s5:ready"


def test_the_programs_driver_forgets_what_the_sandbox_gave_it(sandbox: Sandbox) -> None:
    program = (
        "import __main__\nleft = [name for name in ('NONCE', 'CHANNEL') if hasattr(__main__, name)]\n"
        "def f(): return left"
    )
    with sandbox.open(driver("candidate"), limits=Limits()) as session:
        assert session.receive(20.0) is not None
        session.send(encode(("", program)).encode())
        assert b"s4:left" in (session.receive(20.0) or b"")
        session.send(b"?" + encode(("name", "f")).encode())
        assert session.receive(20.0) == b"=(2:h0 function;N"
        session.send(b"?(4:s4:cally0;(0:d0:")
        assert session.receive(20.0) == b"=(2:[0:N"
