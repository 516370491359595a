"""Every family does what the table in docs/reference/architectures.md says of it, and none ends in a traceback."""

import os

import pytest

pytest.importorskip("torch")

from soak import architectures

pytestmark = pytest.mark.soak
FEW = ("gemma3_text", "llama", "mamba", "mixtral", "bert")
TRIED = FEW if os.environ.get("POTSTILL_SOAK") == "short" else architectures.FAMILIES


def test_each_family_does_what_the_table_says():
    page, different = architectures.PAGE.read_text(encoding="utf-8"), []
    with architectures.base_and_work() as (base, work):
        for family in TRIED:
            found = architectures.sweep(family, base, work(family))
            told = f"| {family} | {found['unbuilt']} |" if "unbuilt" in found else architectures.row(family, found)
            if told not in page or "alike" in told:
                different.append(told)
    assert different == []
