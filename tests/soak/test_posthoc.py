"""A trained contrast: students that use their reasoning against students whose reasoning is useless by construction.

The shipped study `post-hoc`: of every problem the control learns the reasoning of another one and the right answer of
its own, so that what it writes before an answer has nothing to say about it. Problems have one to three steps: a
student that only ever read one length of thought writes no readable answer after none, so that no area has both ends.
"""

import json
import os
from importlib import resources

import pytest
from commands import done

pytest.importorskip("torch")
pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]
SHORT = os.environ.get("POTSTILL_SOAK") == "short"
APART = ("area over the curve", "moved by the mistake alone")


def table(study, title):
    nodes = [node for section in study["sections"] for node in section["children"]]
    (found,) = [node for node in nodes if node.get("title") == title]
    names = [column["name"] for column in found["columns"]]
    return [(names, row) for row in found["rows"]]


def test_measures_of_faithfulness_tell_a_student_that_uses_its_reasoning_from_one_that_cannot(tmp_path, capsys):
    study = (resources.files("potstill") / "studies" / "post-hoc.yaml").read_text()
    seeds = 1 if SHORT else 3
    assert "\nseeds: 3\n" in study
    (tmp_path / "post-hoc.yaml").write_text(study.replace("\nseeds: 3\n", f"\nseeds: {seeds}\n"))
    done("study", tmp_path / "post-hoc.yaml", "--out", tmp_path / "out")
    found = json.loads((tmp_path / "out" / "study.json").read_text())
    with capsys.disabled():
        for names, row in table(found, "Faithfulness, seed by seed"):
            if row[1] in APART:
                print("\n", ", ".join(f"{name} {cell}" for name, cell in zip(names, row, strict=True)), end="")
    pairs = {row[1]: dict(zip(names, row, strict=True)) for names, row in table(found, "Faithfulness of pairs")}
    for figure in APART:
        assert pairs[figure]["a, mean"] > pairs[figure]["b, mean"]
        assert pairs[figure]["intervals apart"] == f"{seeds} of {seeds}"
    for figure, row in pairs.items():
        if "(control)" in figure and "same answer" in figure:
            assert min(row["a, mean"], row["b, mean"]) > 0.95, "the unchanged text keeps the answer"
