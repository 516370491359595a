"""Every family does what the table in docs/reference/architectures.md says of it, and none ends in a traceback."""

import os
from pathlib import Path

import pytest

pytest.importorskip("torch")

from models import versions
from soak import architectures

pytestmark = pytest.mark.soak
FEW = ("gemma3_text", "llama", "mamba", "mixtral", "bert")
TRIED = FEW if os.environ.get("POTSTILL_SOAK") == "short" else architectures.FAMILIES


def test_each_family_does_what_the_table_says(request):
    page, different, found = architectures.PAGE.read_text(encoding="utf-8"), [], {}
    four = Path(request.config.cache.mkdir("transformers-4.57"))
    without = versions.install(four)
    with architectures.base_and_work() as (base, work, kept):
        for family in TRIED:
            found[family] = architectures.sweep(family, base, work(family), kept)
        if not without:
            architectures.in_both(found, kept, four)
    for family, one in found.items():
        told = f"| {family} | {one['unbuilt']} |" if "unbuilt" in one else architectures.row(family, one)
        if without and one.get("exports") == "yes":  # the last column is left open
            told = told.removesuffix("- |")
        if told not in page or "alike" in told:
            different.append(told)
    assert different == []
    if without:
        pytest.skip(f"transformers 4.57 cannot be installed: {without}")
