"""The shipped recipes of agents and of programs, run whole: what students learn that no answer alone could teach."""

import json
import os

import pytest
from commands import done

pytest.importorskip("torch")
pytestmark = pytest.mark.soak
SHORT = os.environ.get("POTSTILL_SOAK") == "short"


def measured(folder, recipe, *changes):
    sets = [item for change in changes for item in ("--set", change)]
    done("run", recipe, "--out", folder / recipe, *sets)
    return {one["student"]: one for one in json.loads((folder / recipe / "report.json").read_text())["measures"]}


@pytest.mark.skipif(SHORT, reason="ten minutes of one core")
def test_tables_in_files_are_answered_with_the_tool_and_not_without(tmp_path):
    found = measured(tmp_path, "table-agent")
    assert found["traces"]["low"] > 0.5
    assert found["blind"]["accuracy"] <= 0.05
    assert found["answers"]["accuracy"] <= 0.05


def test_functions_that_pass_their_hidden_tests_are_learnt(tmp_path):
    changes = ("train.tokens=120000", "problems.sources.0.count=900", "problems.evaluate=60") if SHORT else ()
    found = measured(tmp_path, "code-generation", *changes)
    assert found["base"]["accuracy"] == 0.0
    assert found["traces"]["low"] > (0.1 if SHORT else 0.7)
