"""The recipe of the guide to agents, run whole: what is trained, measured with and without the tool, and told."""

import json
import re
from pathlib import Path

import pytest
import yaml
from commands import call, done

from potstill.records import Example, Measure
from potstill.store import Run
from potstill.tool_marks import use_of

pytest.importorskip("torch")

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "agents.md"
RECIPE = re.search(r"^```yaml\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)[1]


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("agents")
    (folder / "r.yaml").write_text(RECIPE)
    done("run", folder / "r.yaml", "--out", folder / "run")
    return folder / "run"


def rows(out, stage, table, kind):
    return list(Run(out).committed(stage).rows(table, kind))


def counts(out, stage):
    return json.loads((out / stage / "manifest.json").read_bytes())["counts"]


def test_the_traces_call_the_tool_and_what_they_did_is_counted(out):
    examples = rows(out, "examples", "examples", Example)
    calls = sum(use_of(example.reasoning).calls for example in examples)
    told = counts(out, "traces")["strategy"]
    assert 0 < calls <= told["calls"]
    assert told.get("failed calls", 0) == 0


def test_students_are_measured_with_the_tool_and_without(out):
    with_tool, blind = (rows(out, f"evaluate-{arm}", "zero_shot", Measure) for arm in ("traces", "blind"))
    assert len(with_tool) == len(blind) == 20
    # without its tool nothing is stopped, so a result can only be one that the student invents
    assert all(use_of(one.reasoning).calls == 0 or "<result>" in one.reasoning for one in blind)
    (section,) = (s for s in json.loads((out / "report.json").read_text())["sections"] if s["title"] == "Tools")
    assert "Calls of tools in the traces of 'traces'" in [node["title"] for node in section["children"]]


def test_a_second_run_does_nothing(out):
    assert "evaluate" not in re.findall(
        r"^(\w+) traces:", done("run", out.parent / "r.yaml", "--out", out).err, re.MULTILINE
    )


NATIVE = {"kind": "react", "tools": [{"kind": "calculator"}], "calls": "native"}
SERVED = {"kind": "served", "base_url": "http://127.0.0.1:9/v1", "model": "m"}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"strategy": {"kind": "react"}}, "strategy.tools: react offers none"),
        ({"strategy": {"kind": "zero_shot", "tools": [{"kind": "calculator"}]}}, "they belong to the kind react"),
        ({"strategy": {"kind": "react", "tools": [{"kind": "calculater"}]}}, "calculator"),
        ({"strategy": {"kind": "react", "tools": [{"kind": "calculator", "file": "x.csv"}]}}, "belongs to a lookup"),
        ({"evaluate": {"tools": [{"kind": "lookup"}]}}, "exactly one of file and function"),
        ({"evaluate": {"tools": [{"kind": "lookup", "file": "no.csv"}]}}, "evaluate.tools.0: "),
        ({"evaluate": {"tools": [{"kind": "calculator"}, {"kind": "calculator"}]}}, "two are of the kind calculator"),
        ({"evaluate": {"tools": [{"kind": "calculator"}]}, "export": {"gguf": ["q8_0"]}}, "cannot be measured with"),
        ({"strategy": {"kind": "react", "tools": [{"kind": "lookup", "file": "t.csv"}]}}, "the worked teacher calls"),
        ({"teacher": {"kind": "solutions"}}, "calls no tools"),
        ({"strategy": {"kind": "zero_shot", "calls": "native"}}, "strategy.calls: tools are called in react"),
        ({"strategy": NATIVE}, "a teacher of kind worked has no fields for calls"),
        ({"strategy": NATIVE, "teacher": SERVED | {"executor": "batch"}}, "a batch offers no tools"),
        (
            {
                "strategy": NATIVE,
                "teacher": SERVED | {"wire": "anthropic", "sampling": {"extra": {"thinking": {"a": 1}}}},
            },
            "wants its signed thinking back",
        ),
        ({"strategy": NATIVE, "teacher": SERVED | {"sampling": {"extra": {"tools": []}}}}, "leave these out"),
    ],
)
def test_what_cannot_work_is_refused_in_one_line(tmp_path, changes, says):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(yaml.safe_load(RECIPE) | changes))
    assert says in call("check", tmp_path / "r.yaml").mistake()
