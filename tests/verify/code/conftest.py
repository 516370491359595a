"""The sandbox of this machine, opened once."""

from __future__ import annotations

import pytest

from potstill.verify.sandbox import Sandbox, SandboxError, open_sandbox


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    try:
        return open_sandbox()
    except SandboxError as error:
        pytest.skip(str(error))
