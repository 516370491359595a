"""`potstill distill`: from a CSV and a teacher's address to a measured GGUF, by a recipe that says everything."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from commands import call, done, ended, start
from stub_server import running

from potstill.recipe_file import load
from potstill.store import Run

pytest.importorskip("torch")
pytest.importorskip("xllamacpp", reason="the wheel xllamacpp is not installed: make install")

from train import tiny

from potstill.train import students

KILLED = Path(__file__).parent / "soak" / "killed.py"
SHORT = os.environ.get("POTSTILL_SOAK") == "short"
WORDS = [
    (f"Ann has {n} pears and buys {bags} bags of {n % 5 + 3}. How many pears has she?", n + bags * (n % 5 + 3))
    for n in range(3, 63)
    for bags in [n % 7 + 2]
]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(WORDS[:25])
    return tmp_path


def write(rows):
    with Path("word problems.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("task", "result"), *rows])


@pytest.fixture(scope="session")
def student(tmp_path_factory):
    out = tmp_path_factory.mktemp("student") / "tiny"
    students.prepare(tiny.STUDENT, tiny.texts(tiny.examples(60)), seed=3, out=out)
    return out


@pytest.fixture
def teacher():
    with running(script={"answers": {question: str(gold) for question, gold in WORDS}}) as stub:
        yield stub


def argv(stub, student, *more):
    return (
        "distill", "word problems.csv", "--teacher", stub.url, "--model", "stub", "--student", student,
        "--column", "question=task", "--column", "gold=result", "--max-tokens", 40, *more,
    )  # fmt: skip


def delivered(folder):
    """The names of the stages of a finished run with their content, addresses apart."""
    return {name: Run(folder).committed(name).manifest["files"] for name in ("traces", "train-traces", "export-gguf",
            "measure-gguf-q8_0")}  # fmt: skip


def test_one_command_from_a_csv_to_a_measured_gguf_killed_on_the_way(here, teacher, student):
    command = [sys.executable, str(KILLED), "60", "count", *map(str, argv(teacher, student, "--yes"))]
    killed = subprocess.run(command, capture_output=True, text=True)
    assert killed.returncode == -9, killed.stderr
    assert "plan of word-problems" in killed.stdout

    ends = done(*argv(teacher, student))

    assert "going on with runs/word-problems" in ends.err, "and nobody is asked again"
    assert "report: runs/word-problems/report.html" in ends.out
    assert "serve it: potstill serve runs/word-problems" in ends.out
    assert (here / "runs/word-problems/export-gguf/model/word-problems-q8_0.gguf").is_file()
    assert '"Delivered files"' in (here / "runs/word-problems/report.json").read_text()
    assert teacher.stats()["requests"] <= 20 * 2 + 20, "what was paid for is not asked again"
    before = delivered(here / "runs/word-problems")
    done("run", "word-problems.yaml")
    assert delivered(here / "runs/word-problems") == before, "the recipe alone says all of it"


def test_the_recipe_has_every_choice_with_its_reason(here, teacher):
    (here / "recipes").mkdir()
    more = ("--recipe", "recipes/mine.yaml", "--spend-at-most", 2.5, "--gguf", "q8_0,q4_k_m")
    told = ended(start(*argv(teacher, "scratch", *more)))
    assert "nobody is there to be asked: look at the plan and give --yes" in told.mistake()
    assert "plan of word-problems" in told.out
    assert not (here / "runs/word-problems/recipe.yaml").exists()
    text = Path("recipes/mine.yaml").read_text()
    recipe = load("recipes/mine.yaml")
    assert (recipe.problems.evaluate, recipe.problems.sources[0].file) == (5, "../word problems.csv")
    assert (recipe.strategy.samples, recipe.strategy.stop_at_right, recipe.teacher.spend_at_most) == (4, 2, 2.5)
    assert (recipe.train.max_length, recipe.evaluate.max_tokens) == (552, 40)
    assert recipe.export.gguf == ("q8_0", "q4_k_m")
    assert "answer_kind: number   # as all 25 answers look" in text
    for line in text.splitlines():
        key, _, value = line.strip().partition(": ")
        if value.split() and key in ("evaluate", "samples", "max_tokens", "max_length", "epochs", "per_problem"):
            assert "# " in value, line
    assert (
        "mine.yaml is there and says otherwise"
        in call(*argv(teacher, "scratch", "--recipe", "recipes/mine.yaml")).mistake()
    )


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"--student": "./nowhere"}, "--student ./nowhere: there is no such folder"),
        ({"--column": "gold=sum"}, "no column 'sum'"),
        ({"--column": "golden=result"}, "--column golden=result: write it as FIELD=COLUMN, did you mean 'gold'?"),
        ({"FILE": "words.csv"}, "there is no file words.csv"),
        ({"FILE": "few.csv"}, "3 problems are too few"),
        ({"FILE": "no.csv"}, "no problem has an answer to judge by"),
        ({"--gguf": "q9"}, "'q9' is not one of"),
    ],
)
def test_what_cannot_be_distilled_is_one_line(here, teacher, changed, told):
    Path("few.csv").write_text("question,gold\n" + "".join(f"{n} + 1?,{n + 1}\n" for n in range(3)))
    Path("no.csv").write_text("question\n" + "".join(f"{n} + 1?\n" for n in range(30)))
    given = [*map(str, argv(teacher, "scratch", "--yes"))]
    for name, value in changed.items():
        if name == "FILE":
            given = [word for word in given if word not in ("--column", "question=task", "gold=result")]
            given[1] = value
        else:
            given += [name, value]
    assert told in call(*given).mistake()
    assert not Path("runs").exists()


def test_odd_names_are_written_as_text(here, teacher):
    hostile = 'x: "y"\n#z'
    with Path("odd.csv").open("w", newline="") as file:
        csv.writer(file).writerows([(hostile, "no"), *((f"{n}?", n) for n in range(20))])
    given = (
        "distill", "odd.csv", "--teacher", teacher.url, "--model", 'a": {b', "--student", "scratch", "--name", "yes",
        "--column", f"question={hostile}", "--column", "gold=no",
    )  # fmt: skip
    assert "give --yes" in ended(start(*given)).mistake()
    recipe = load("yes.yaml")
    assert (recipe.name, recipe.teacher.model) == ("yes", 'a": {b')
    assert recipe.problems.sources[0].columns == {"question": hostile, "gold": "no"}
    assert yaml.safe_load(Path("yes.yaml").read_text())["teacher"]["base_url"] == teacher.url


@pytest.mark.soak
@pytest.mark.parametrize("part", range(1 if SHORT else 16))
def test_killed_at_every_stage_it_ends_the_same(tmp_path, monkeypatch, teacher, student, part):
    def fresh(name):
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.chdir(folder)
        write(WORDS)
        return folder

    def counted(at):
        command = [sys.executable, str(KILLED), str(at), "count", *map(str, argv(teacher, student, "--yes"))]
        return subprocess.run(command, capture_output=True, text=True).returncode

    calm = fresh("calm")
    assert counted(0) == 0
    total = int(Path("count").read_text())
    hurt = fresh("hurt")
    assert counted(total * (part + 1) // ((1 if SHORT else 16) + 1)) == -9
    assert counted(0) == 0
    found = {name: json.dumps(files, sort_keys=True) for name, files in delivered(hurt / "runs/word-problems").items()}
    assert found == {n: json.dumps(f, sort_keys=True) for n, f in delivered(calm / "runs/word-problems").items()}
