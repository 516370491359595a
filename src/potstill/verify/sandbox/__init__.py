"""Running untrusted Python programs: bubblewrap where it works, Landlock where it does not, and nothing otherwise."""

from __future__ import annotations

from potstill.verify.sandbox.command import run_file
from potstill.verify.sandbox.limits import Limits, Ran, SandboxError
from potstill.verify.sandbox.probe import Finding, describe, open_sandbox, probe
from potstill.verify.sandbox.run import Sandbox, Session

__all__ = [
    "Finding",
    "Limits",
    "Ran",
    "Sandbox",
    "SandboxError",
    "Session",
    "describe",
    "open_sandbox",
    "probe",
    "run_file",
]
