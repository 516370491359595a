"""One of each is added from outside: by a package of somebody else through its entry points, a stage by its line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from potstill.errors import RecipeError
from potstill.tables import Table
from tests.commands import TINY, call

PACKAGE = '''
"""A kind of answer, a loss, a strategy of one call and a method of somebody else, each as one of ours is written."""
import dataclasses
import sqlite3

from potstill.teach.prompts import Asking
from potstill.train.losses import weighed
from potstill.train.methods.sft import sft
from potstill.verify.answer_kinds import AnswerKind
from potstill.verify.judged import Judged, unknown


def _rows(query):
    with sqlite3.connect(":memory:") as base:
        base.executescript("create table t (n int); insert into t values (1), (2), (3)")
        return sorted(base.execute(query).fetchall())


def _same_rows(problem, answer, setting):
    query = answer.strip().rstrip(";")
    try:
        right = _rows(query) == _rows(problem.gold)
    except sqlite3.Error as error:
        return unknown("unparsable prediction", str(error))
    return Judged("right" if right else "wrong", "", "sql", 1.0 if right else 0.0, query, "", "", "")


SQL = AnswerKind(form="End with one SQL query.", judge=_same_rows)


def only_answers(sums, loss):
    return weighed({s: loss.options["weight"] * (s.name != "REASONING") for s in sums}, sums)


PROMPT = "Briefly: {question}"
SLOTS = ("question",)


def asking(prompt, strategy, material):
    return Asking(strategy.system, prompt)


def halved(whole, name, rows, **how):
    less = dataclasses.replace(whole.train, batch=whole.train.batch // 2)
    return sft(dataclasses.replace(whole, train=less), name, rows, **how) | {"halved": True}
'''
POINTS = """
[potstill.answer_kinds]
sql = theirs:SQL
[potstill.losses]
only_answers = theirs:only_answers
[potstill.strategies]
terse = theirs
[potstill.methods]
halved = theirs:halved
[potstill.exporters]
sizes = theirs_export:sizes
"""
EXPORT = """
import json


def sizes(delivery):
    delivery.out.mkdir()
    found = {p.name: p.stat().st_size for p in sorted(delivery.trained.iterdir())}
    (delivery.out / "sizes.json").write_text(json.dumps(found))
    return {"files": len(found), "unit": delivery.options["unit"]}
"""
USE = """
import json, sys
from pathlib import Path
from potstill.recipe import Checks, Loss, Strategy
from potstill.records import Problem
from potstill.teach.prompt_files import prompt_of
from potstill.teach.strategies import STRATEGIES, Material
from potstill.train.losses import LOSSES
from potstill.train.render import Segment
from potstill.verify import judge

numbers = Problem(id="p", question="List the numbers above one.", gold="select n from t where n > 1", answer_kind="sql")
said = ["select n from t where n >= 2 order by n desc;", "select n from t", "selekt"]
sums = {Segment.REASONING: 30.0, Segment.ANSWER: 4.0, Segment.FORMAT: 1.0}
loss = LOSSES["only_answers"](sums, Loss(kind="only_answers", options={"weight": 0.5}))
strategy = Strategy(kind="terse")
asked = STRATEGIES["terse"].asking(
    prompt_of(strategy, Path()), strategy, Material(training=list, held_out=list, data=Path(), seed=0, kept=Path())
)
print(json.dumps({
    "verdicts": [judge(numbers, answer, Checks()).outcome for answer in said],
    "scale": {segment.name: value for segment, value in loss.scale.items()},
    "asked": asked.messages(numbers)[0].content,
}))
"""


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    (folder / "theirs.py").write_text(PACKAGE)
    (folder / "theirs_export.py").write_text(EXPORT)
    info = folder / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    return folder


def python(theirs, *argv, cwd=None):
    src = Path(__file__).parents[1] / "src"
    code = f"import sys; sys.path[:0] = [{str(theirs)!r}, {str(src)!r}]; "
    return subprocess.run(
        [sys.executable, "-c", code + argv[0], *argv[1:]], capture_output=True, text=True, cwd=cwd, check=False
    )


def test_what_another_package_adds_is_used_like_our_own(theirs):
    done = python(theirs, USE)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["verdicts"] == ["right", "wrong", "unknown"]
    assert found["scale"] == {"REASONING": 0.0, "ANSWER": 0.5, "FORMAT": 0.5}
    assert found["asked"] == "Briefly: List the numbers above one."


def test_a_recipe_names_what_another_package_adds_and_an_edit_of_it_is_a_changed_setting(theirs, tmp_path):
    recipe = TINY.replace("train: {", "train: {method: halved, loss: {kind: only_answers, options: {weight: 1.0}}, ")
    (tmp_path / "r.yaml").write_text(recipe + "export: {formats: {sizes: {unit: bytes}}}\n")
    main = "from potstill.cli import main; sys.exit(main(sys.argv[1:]))"

    def run(*argv):
        return python(theirs, main, *argv, cwd=tmp_path)

    done = run("run", "r.yaml", "--out", "run")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "run/train-traces/manifest.json").read_text())["counts"]["halved"] is True
    sizes = tmp_path / "run/export-sizes"
    assert "config.json" in json.loads((sizes / "model/sizes.json").read_text())
    assert json.loads((sizes / "manifest.json").read_text())["counts"]["unit"] == "bytes"
    before = (theirs / "theirs.py").read_text()
    try:
        (theirs / "theirs.py").write_text(before + "\n# edited\n")
        states = dict(line.split()[:2] for line in run("status", "run").stdout.partition("\n\n")[0].splitlines())
    finally:
        (theirs / "theirs.py").write_text(before)
    assert states["train-traces"] == "stale"
    assert states["traces"] == "done"
    told = call("check", tmp_path / "r.yaml").mistake()  # here, where the package is not
    assert "train.method" in told
    assert "'halved' is not one of sft" in told


def test_a_stage_is_one_line_of_the_table(monkeypatch, tmp_path):
    from potstill.pipeline.stage import Stage
    from potstill.pipeline.stages import STAGES
    from potstill.records import Problem

    def count(context):
        return {"questions": sum(1 for _ in context.inputs["problems"].rows("train", Problem))}

    def stages(recipe, graph):
        del graph
        yield Stage(
            kind="count",
            name="count",
            version=1,
            recipe=recipe,
            settings={},
            work=count,
            inputs={"problems": "problems"},
        )

    monkeypatch.setitem(STAGES, "count", stages)
    (tmp_path / "r.yaml").write_text(TINY)
    for stage in ("problems", "count"):
        assert call("run", tmp_path / "r.yaml", "--out", tmp_path / "run", "--stage", stage).code == 0
    assert json.loads((tmp_path / "run/count/manifest.json").read_text())["counts"] == {"questions": 20}
    told = call("check", tmp_path / "r.yaml").out.splitlines()[0]
    assert "count" in told.partition(": ")[2].split(" > ")


def test_a_name_that_is_nowhere_is_told_with_the_nearest():
    table = Table("loss", "potstill.nothing", {"tokens": "json:loads"})
    assert table["tokens"] is json.loads
    assert list(table) == ["tokens"]
    with pytest.raises(RecipeError, match=r"no loss 'token', did you mean 'tokens'\? \(known: tokens\)"):
        table["token"]
