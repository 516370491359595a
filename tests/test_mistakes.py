"""What careless users do: each mistake ends with one line that names the place and the remedy, and loses nothing."""

import gzip
import io
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import stub_server
from commands import TINY, call, done, ended, start

SCRATCH = TINY.split("student:\n")[1].split("train:")[0]
CHECK, RUN = ("check", "r.yaml"), ("run", "r.yaml", "--out", "run")
PROBLEMS = (*RUN, "--stage", "problems")


def edited(old, new, text=TINY):
    assert old in text, old
    return text.replace(old, new, 1)


FILE = edited("kind: worked", "kind: solutions", edited("family: chain, count: 24", "file: p.jsonl"))
CSV = edited("p.jsonl", "p.csv", FILE)
DATASET = edited("kind: solutions", "kind: dataset, file: t.jsonl", FILE)
SERVED = edited("kind: worked", "kind: served, base_url: 'http://127.0.0.1:9/v1', model: m")
LOADER = edited("file: p.jsonl", "loader: 'mine:read'", FILE)
LOCAL = edited(SCRATCH, "  model: ./m\n")


def jsonl(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def sums(count, **changes):
    rows = [{"id": f"q{n}", "question": f"What is {n} plus 3?", "answer": str(n + 3)} for n in range(count)]
    return [row | {"solution": f"{n} + 3 = {n + 3}"} | changes for n, row in enumerate(rows)]


def with_line(number, line, count=1500):
    lines = jsonl(*sums(count)).splitlines(keepends=True)
    lines[number - 1] = line
    return "".join(lines)


def parquet(**columns):
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


GOOD = jsonl(*sums(24))
RIGHT = "<think>\nbecause\n</think>\n\nThe answer is"

RECIPES = {
    "an unknown key": (edited("seed:", "sead:"), "r.yaml:2: sead: unknown key, did you mean 'seed'?"),
    "a misspelt family": (
        edited("chain", "chian"), "r.yaml:6: problems.sources.0.family: unknown family 'chian', did you mean"),
    "a misspelt setting of a family": (
        edited("24}", "24, settings: {max_step: 3}}"), "unknown setting 'max_step', did you mean 'max_steps'?"),
    "a misspelt teacher": (edited("worked", "wroked"), "r.yaml:7: teacher.kind: unknown teacher 'wroked', did you"),
    "a misspelt task": (
        edited("family: chain", "reasoning_gym: leg_countng"), "r.yaml:6: problems.sources.0.reasoning_gym: no task"),
    "no file of problems": (FILE, "r.yaml:6: problems.sources.0.file: no file"),
    "a file of an unknown format": (
        edited("p.jsonl", "r.yaml", FILE), "r.yaml:6: problems.sources.0.file: r.yaml is of no known format"),
    "a pattern of no file": (edited("p.jsonl", "z*.jsonl", FILE), "there is no such file of a known format"),
    "no evaluation split": (edited("24}", "24, use: train}"), "r.yaml:5: problems.sources: no evaluation split"),
    "nothing to train on": (edited("24}", "24, use: evaluate}"), "nothing to train on"),
    "no count": (edited(", count: 24", ""), "say how many with `count`"),
    "not a number": (edited("1.0e-3", ".nan"), "r.yaml:10: train.learning_rate: nan is not a finite number"),
    "infinity": (edited("1.0e-3", ".inf"), "r.yaml:10: train.learning_rate: inf is not a finite number"),
    "infinity by exponent": (edited("1.0e-3", "1.0e999"), "train.learning_rate: inf is not a finite number"),
    "infinity deep inside": (edited("24}", "24, settings: {a: [.inf]}}"), "r.yaml:6: problems.sources.0.settings.a.0"),
    "a negative number": (edited("steps: 3", "steps: -3"), "train.steps: input should be greater than 0, not -3"),
    "a huge number": (edited("steps: 3", f"steps: {'9' * 30}"), "train.steps: input should be less than or equal to"),
    "a number beyond reading": (edited("steps: 3", f"steps: {'9' * 9999}"), "r.yaml:10: train.steps"),
    "a huge seed": (edited("seed: 3", f"seed: {2**32}"), "r.yaml:2: seed: input should be less than 4294967296"),
    "an octal number": (edited("steps: 3", "steps: 010"), 'train.steps: input should be a valid integer, not "010"'),
    "a time of day": (edited("steps: 3", "steps: 1:30"), 'train.steps: input should be a valid integer, not "1:30"'),
    "yes for a number": (edited("steps: 3", "steps: yes"), 'train.steps: input should be a valid integer, not "yes"'),
    "tabs": (edited("  evaluate: 4", "\tevaluate: 4"), "r.yaml:4: not YAML"),
    "a key twice": (edited("seed: 3", "seed: 3\nseed: 4"), "r.yaml:3: seed stands twice (first in line 2)"),
    "an empty recipe": ("", "r.yaml: a recipe is a mapping of keys; this is empty"),
    "Latin-1": (edited("tiny", "caf\xe9").encode("latin-1"), "r.yaml is not UTF-8 text"),
    "UTF-16": (TINY.encode("utf-16"), "r.yaml is not UTF-8 text"),
    "NUL bytes": (edited("tiny", "ti\0ny"), "r.yaml: not YAML"),
    "an escaped NUL": (edited("tiny", '"ti\\0ny"'), "r.yaml:1: name: the text holds a NUL character"),
    "a name with a slash": (edited("tiny", "a/b"), "r.yaml:1: name: 'a/b' cannot name a folder"),
    "a name of two lines": (edited("tiny", '"a\\nb"'), "r.yaml:1: name: 'a\\nb' cannot name a folder"),
    "no data folder": (edited("seed: 3", "data: ../nowhere"), "r.yaml:2: data: there is no folder"),
    "heads that do not divide": (edited("heads: 2", "heads: 3"), "r.yaml:9: student.scratch.hidden: hidden (16) must"),
    "a small vocabulary": (edited("vocabulary: 300", "vocabulary: 99"), "student.scratch.vocabulary: input should be"),
    "answers longer than the context": (
        edited("max_tokens: 8", "max_tokens: 800"), "r.yaml:11: evaluate.max_tokens: max_tokens (800) is more than"),
    "the same mark twice": (
        edited("student:", "student:\n  reasoning_open: '--'\n  reasoning_close: '--'"), "marks before and after"),
    "no weight on answers": (edited("steps: 3", "steps: 3, loss: {beta: 0}"), "train.loss.beta: beta is 0"),
    "two budgets": (edited("steps: 3", "steps: 3, epochs: 1"), "exactly one budget of epochs, steps, tokens"),
    "a prompt without the question": (edited("student:", "student:\n  prompt: hello"), "never mentions {question}"),
    "the worked teacher for foreign problems": (
        edited("kind: solutions", "kind: worked", FILE), "only solves potstill's own families; use teacher.kind"),
    "solutions of a family": (edited("kind: worked", "kind: solutions"), "families come without human solutions"),
    "no address": (edited("http://127.0.0.1:9/v1", "127.0.0.1:9/v1", SERVED), "it starts with http:// or https://"),
    "half an address": (edited("127.0.0.1:9/v1", "", SERVED), "teacher.base_url is no address: write one such as"),
    "an impossible port": (edited(":9/", ":99999/", SERVED), "teacher.base_url is no address: write one such as"),
    "a key in the address": (edited("127.0.0.1", "me:sk-1@127.0.0.1", SERVED), "a key goes into the variable of"),
    "samples through the back door": (
        edited("model: m", "model: m, sampling: {extra: {n: 4}}", SERVED), "ask for several traces with strategy"),
    "several greedy samples": (
        edited("model: m}", "model: m, sampling: {temperature: 0}}\nstrategy: {samples: 2}", SERVED), "all the same"),
    "no file of traces": (DATASET, "r.yaml:7: teacher.file: there is no file"),
    "a student that is nowhere": (LOCAL, "r.yaml:9: student.model: there is no folder"),
    "a misspelt packaged student": (
        edited("./m", "smollm2-135m-instrct", LOCAL), "is no hub name, did you mean 'smollm2-135m-instruct'?"),
    "a file for a student": (edited("./m", "r.yaml", LOCAL), "r.yaml is a file: name the folder of a Hugging Face"),
    "a loader that is nowhere": (LOADER, "r.yaml:6: problems.sources.0.loader: no module 'mine' and no file"),
    "a loader without function": (edited("mine:read", "mine", LOADER), "is not of the form module:function"),
}  # fmt: skip


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(files):
    for name, content in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_that_cannot_run_is_refused_by_check_and_by_run(here, recipe):
    text, told = RECIPES[recipe]
    put({"r.yaml": text, "beside.jsonl": GOOD if recipe != "no file of problems" else ""})
    if text is DATASET or "kind: worked" in str(text):
        put({"p.jsonl": GOOD})

    line = call(*CHECK).mistake()

    assert told in line
    assert call(*RUN).mistake() == line
    assert not Path("run").exists(), "nothing is begun"


@pytest.mark.parametrize(
    ("item", "told"),
    [
        ("train.lerning_rate=3", "--set train.lerning_rate=3: train.lerning_rate: unknown key, did you mean"),
        ("train.steps", "--set train.steps: write it as key.path=value"),
        ("=3", "--set =3: write it as key.path=value"),
        ("train..steps=3", "--set train..steps=3: write it as key.path=value"),
        ("train.steps=", "found none"),
        ("train=", "--set train=: train: needs keys of its own, not null"),
        ("train.steps=many", '--set train.steps=many: train.steps: input should be a valid integer, not "many"'),
        ("train.learning_rate=-1", "--set train.learning_rate=-1: train.learning_rate: input should be greater than 0"),
        ("train.learning_rate=.inf", "--set train.learning_rate=.inf: train.learning_rate: inf is not a finite number"),
        ("train.steps=2026-13-41", "--set train.steps=2026-13-41: train.steps: input should be a valid integer"),
        ("train.steps=[", "--set train.steps=[: the value is not YAML"),
        ("seed.x=3", "--set seed.x=3: seed has no keys below it"),
        ("problems.sources.9.count=3", "problems.sources has entries 0 to 0, not '9'"),
        ("problems.sources.²=3", "problems.sources has entries 0 to 0, not '²'"),
        ("problems.sources=chain", "--set problems.sources=chain: problems.sources: input should be a valid array"),
        ("data=/nowhere/at/all", "--set data=/nowhere/at/all: data: there is no folder /nowhere/at/all"),
    ],
)
def test_a_typo_in_a_setting_is_told_with_the_setting(here, item, told):
    put({"r.yaml": TINY})
    assert told in call(*CHECK, "--set", item).mistake()


def test_what_is_only_unusual_is_no_mistake(here):
    put({"bom.yaml": b"\xef\xbb\xbf" + TINY.encode(), "crlf.yaml": TINY.replace("\n", "\r\n"), "p.jsonl": GOOD})
    put({"date.yaml": edited("tiny", "2026-11-21"), "no.yaml": edited("tiny", "no")})
    for name in ("bom", "crlf", "date", "no"):
        done("check", f"{name}.yaml")
    for name, content in {"bom": b"\xef\xbb\xbf" + GOOD.encode(), "crlf": GOOD.replace("\n", "\r\n")}.items():
        put({"r.yaml": FILE, "p.jsonl": content})
        done("run", "r.yaml", "--out", name, "--stage", "problems")


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("check", "."), ". is a folder, not a recipe file"),
        (("check", "r.yml"), "no recipe 'r.yml': neither a file nor a shipped recipe, did you mean 'r.yaml'?"),
        (("check", "quikstart"), "did you mean 'quickstart'?"),
        (("run", "r.yaml", "--out", "r.yaml"), "--out r.yaml: r.yaml is a file, not a folder: name another"),
        (("run", "r.yaml", "--out", "r.yaml/x"), "--out r.yaml/x: r.yaml is a file, not a folder: name another"),
        (("run", "r.yaml", "--out", "x" * 300), "File name too long"),
        ((*RUN, "--stage", "trian"), "no stage 'trian' in this recipe, did you mean 'train-"),
        ((*RUN, "--stage", "export"), "stage export needs problems, train-traces, evaluate-traces first"),
        (("status", "nowhere"), "nowhere is no run folder: it has no recipe.yaml"),
        (("status", "."), ". is no run folder: it has no recipe.yaml"),
        (("status", "r.yaml"), "r.yaml is no run folder: it has no recipe.yaml"),
        (("ask", "nowhere", "2 + 3?"), "nowhere is no run folder: it has no recipe.yaml"),
        (("ask", ".", "  "), "the question is empty"),
        (("evaluate", "m", "--problems", "nowhere.jsonl"), "--problems: there is no file nowhere.jsonl"),
        (
            ("evaluate", "nomodel", "--problems", "p.jsonl"),
            "MODEL: there is no folder nomodel, and 'nomodel' is no hub",
        ),
        (
            ("evaluate", ".", "--problems", "p.jsonl"),
            "MODEL: . has no config.json, so it is no Hugging Face checkpoint",
        ),
        (("evaluate", "m", "--problems", "."), ". is no run folder with problems: name a file of problems, or a run"),
        (("evaluate", "m", "--problems", "p.jsonl", "--column", "gold"), "--column gold: write it as FIELD=COLUMN"),
        (("evaluate", "m", "--problems", "p.jsonl", "--column", "gold=x"), "p.jsonl has no column 'x'"),
        (("evaluate", "m", "--problems", "bare.jsonl"), "bare.jsonl: no problem has an answer to judge by"),
        (("evaluate", "m", "--problems", "p.jsonl", "--prompt", "hello"), "--prompt never mentions {question}"),
        (("evaluate", "m", "--problems", "p.jsonl", "--samples", "3"), "several samples at temperature 0"),
        (
            ("evaluate", "m", "--problems", "p.jsonl", "--out", "no/x.jsonl"),
            "--out no/x.jsonl: name a file in a folder",
        ),
        (("evaluate", "m", "--problems", "p.jsonl", "--out", "."), "--out .: name a file in a folder that is there"),
    ],
)
def test_a_wrong_name_on_the_command_line(here, argv, told):
    put({"r.yaml": TINY, "p.jsonl": GOOD, "bare.jsonl": jsonl({"question": "Why?"})})
    assert told in call(*argv).mistake()


DATA = {
    "a CSV without the mapped column": (
        edited("p.csv", "p.csv, columns: {question: text}", CSV), "p.csv", "question,answer\nWhy?,2\n",
        "p.csv has no column 'text' (problems.sources.0.columns.question)"),
    "a CSV without a question": (
        CSV, "p.csv", "text,answer\nWhy?,2\n", "no column for the question: name one in problems.sources.0.columns"),
    "a CSV with bars": (CSV, "p.csv", "question|answer\nWhy?|2\n", "(it has: question|answer)"),
    "a ragged CSV": (CSV, "p.csv", "question,answer\na,1\nb,2,3\n", "line 3 has 3 fields where the header has 2"),
    "a header alone": (CSV, "p.csv", "question,answer\n", "p.csv holds no rows"),
    "line 1,234 not JSON": (FILE, "p.jsonl", with_line(1234, "{not json\n"), "p.jsonl: line 1234 is not JSON"),
    "a problem without question": (
        FILE, "p.jsonl", with_line(701, jsonl({"id": "x", "answer": "2"})), "p.jsonl: line 701 has no question"),
    "duplicate ids": (
        FILE, "p.jsonl", with_line(701, jsonl({"id": "q7", "question": "Why?"})), "line 701 has the id 'q7' of line 8"),
    "a byte that is no UTF-8": (
        FILE, "p.jsonl", GOOD.encode() + b'{"question": "caf\xe9"}\n', "p.jsonl: line 25 is not UTF-8 (byte 0xe9 at"),
    "a NUL byte": (FILE, "p.jsonl", GOOD + '{"question": "a\0"}\n', "p.jsonl: line 25 holds NUL bytes"),
    "an empty file": (FILE, "p.jsonl", "", "p.jsonl holds no rows"),
    "a list instead of lines": (FILE, "p.jsonl", json.dumps(sums(24)), "p.jsonl: line 1 is not"),
    "gzip without its name": (FILE, "p.jsonl", gzip.compress(GOOD.encode()), "give it a name that ends in .gz"),
    "a name without gzip": (edited(".jsonl", ".jsonl.gz", FILE), "p.jsonl.gz", GOOD, "p.jsonl.gz is not a whole gzip"),
    "half a gzip file": (
        edited(".jsonl", ".jsonl.gz", FILE), "p.jsonl.gz", gzip.compress(GOOD.encode())[:-40], "not a whole gzip file"),
    "Parquet named .jsonl": (FILE, "p.jsonl", parquet(question=["a"], answer=["1"]), "p.jsonl: line 1 "),
    "JSONL named .parquet": (edited(".jsonl", ".parquet", FILE), "p.parquet", GOOD, "not a whole Parquet file"),
    "fewer problems than are held out": (
        FILE, "p.jsonl", jsonl(*sums(3)), "problems.evaluate asks for 4 held-out problems, but"),
    "as many problems as are held out": (FILE, "p.jsonl", jsonl(*sums(4)), "no problems are left to train on"),
    "no reference answers": (
        FILE, "p.jsonl", jsonl(*sums(24, answer=None)), "no held-out problem has an answer to judge by"),
    "a loader that fails": (
        LOADER, "mine.py", "def read():\n    raise KeyError('x')\n", "mine:read failed before its first item"),
    "a loader with errors of its own": (
        LOADER, "mine.py", "import csv\ndef read():\n    yield {'question': '1?'}\n    raise csv.Error('x')\n",
        "mine:read failed after item 1: Error: x"),
    "a loader that ends the process": (
        LOADER, "mine.py", "def read():\n    raise SystemExit(3)\n", "failed before its first item: SystemExit"),
    "a loader that is no Python": (LOADER, "mine.py", "def read(:\n", "mine.py cannot be imported: invalid syntax"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", DATA)
def test_problems_that_cannot_be_read_name_the_file_and_the_line(here, mistake):
    recipe, name, content, told = DATA[mistake]
    put({"r.yaml": recipe, name: content})
    line = call(*PROBLEMS).mistake()
    assert told in line
    assert not Path("run/problems").exists()
    if recipe is not LOADER or "no Python" in mistake:
        assert call(*CHECK).mistake() == line, "`check` reads files too, and runs no code"


TRACES = {
    "all traces wrong": (
        DATASET, GOOD, jsonl(*({"question": row["question"], "response": f"{RIGHT} 999"} for row in sums(24))),
        "no trace is left to train on: 20 wrong, 4 overlap with evaluation; loosen `curate`"),
    "a server that is down": (SERVED, "", "", "start the server or correct teacher.base_url, then run again"),
    "rows that are all too long": (
        edited("steps: 3", "steps: 3, max_length: 20"), "", "", " over max_length tokens; raise train.max_length"),
    "a learning rate that explodes": (
        edited("1.0e-3", "1.0e+6, clip: 1.0e+6, schedule: constant, warmup: 0.0"), "", "", "training diverged at"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", TRACES)
def test_a_run_that_cannot_go_on_says_why_and_keeps_what_it_has(here, mistake):
    recipe, problems, traces, told = TRACES[mistake]
    put({"r.yaml": recipe, "p.jsonl": problems or GOOD, "t.jsonl": traces})

    assert told in call(*RUN).mistake()

    assert done("status", "run").out.startswith("problems           done")


def test_a_key_written_for_its_variable_is_not_repeated(here):
    put({"r.yaml": edited("model: m", "model: m, api_key_env: sk-very-secret", SERVED)})
    line = call(*CHECK).mistake()
    assert "r.yaml:7: teacher.api_key_env: this is no name of an environment variable" in line
    assert "secret" not in line


def test_students_that_lack_something(finished_run):
    model = finished_run / "student" / "model"
    put({"r.yaml": edited(SCRATCH, "  model: ./m\n")})

    def told(change, *argv):
        shutil.rmtree("m", ignore_errors=True)
        shutil.copytree(model, "m")
        change(Path("m"))
        return call(*argv).mistake()

    def hide_reasoning(folder):
        template = (
            "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'].split('</think>')[-1] }}"
            "{% if m['role'] == 'assistant' %}{{ '<|end|>' }}{% endif %}{% endfor %}"
            "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
        )
        (folder / "chat_template.jinja").write_text(template)

    assert "no chat template" in told(lambda m: (m / "chat_template.jinja").unlink(), *RUN)
    hidden = told(hide_reasoning, *RUN)
    assert "student.model: the chat template strips or changes the reasoning of a response" in hidden


def tree(folder):
    """Return every file of a folder with its bytes, but for the lock."""
    return {p.relative_to(folder): p.read_bytes() for p in Path(folder).rglob("*") if p.is_file() and p.name != ".lock"}


def test_mistakes_on_a_finished_run_change_nothing(finished_run):
    before = tree(finished_run)
    other = edited("name: tiny\nseed: 3", "name: other\nseed: 4")
    put({"other.yaml": other, "long.txt": "word " * 3000})

    redo = call("run", "other.yaml", "--out", "run").mistake()
    assert "seed (3 -> 4)" in redo
    assert "continue with --redo, or keep both with another --out" in redo
    assert "no student 'trace', did you mean 'traces'?" in call("ask", "run", "2 + 3?", "--student", "trace").mistake()
    assert "tokens of a context of 256: ask a shorter one" in call("ask", "run", Path("long.txt").read_text()).mistake()
    wide = ("evaluate", "run/export", "--problems", "run", "--max-tokens", "999")
    assert "has a context of 256 tokens, less than max_tokens 999" in call(*wide).mistake()
    assert "r.yaml is of no known format" in call("evaluate", "run/export", "--problems", "r.yaml").mistake()

    assert tree(finished_run) == before


def test_asking_before_training(here, finished):
    put({"r.yaml": TINY})
    done(*PROBLEMS)
    told = call("ask", "run", "2 + 3?").mistake()
    assert "the student 'traces' is not trained yet: potstill run run/recipe.yaml --out run" in told


def test_a_student_that_the_recipe_never_trains(finished_run):
    recipe = finished_run / "recipe.yaml"
    signed, _, text = recipe.read_text().partition("\n")
    assert signed.startswith("#")
    recipe.write_text(text.replace("arms: {}", "arms: {base: {}, traces: {train: {}}}"))
    assert "no student 'answers'" in call("ask", "run", "2 + 3?", "--student", "answers").mistake()


def test_a_committed_part_deleted_or_damaged_is_named_and_mended_by_removing_its_stage(finished_run):
    before = tree(finished_run / "train-traces")
    part = finished_run / "traces" / "traces-00000.parquet"
    part.unlink()
    for argv in (("status", "run"), RUN):
        told = call(*argv).mistake()
        assert re.search(rf"run/stages/traces-\w+/{part.name} was changed or removed after it was committed", told)
        assert re.search(r"remove run/stages/traces-\w+ and run again", told)
    shutil.rmtree((finished_run / "traces").resolve())
    (finished_run / "verdicts" / "manifest.json").write_text("{")
    assert (
        "manifest.json is damaged, or was not written by this version of potstill: remove run/stages/verdicts-"
        in call(*RUN).mistake()
    )
    shutil.rmtree((finished_run / "verdicts").resolve())
    done(*RUN)
    assert tree(finished_run / "train-traces") == before


def test_a_killed_run_gone_on_with_another_recipe_never_mixes_the_two(finished_run):
    before = json.loads((finished_run / "evaluate-traces" / "manifest.json").read_bytes())
    for stage in ("train-traces", "evaluate-traces", "export", "report"):
        shutil.rmtree((finished_run / stage).resolve())
    with full_at(20_000):
        call(*RUN).mistake()
    put({"changed.yaml": edited("1.0e-3", "2.0e-3")})

    told = call("run", "changed.yaml", "--out", "run").mistake()
    assert "train.learning_rate (0.001 -> 0.002): this would redo train-answers" in told
    done("run", "changed.yaml", "--out", "run", "--redo")
    done("run", "r.yaml", "--out", "run", "--redo")
    assert json.loads((finished_run / "evaluate-traces" / "manifest.json").read_bytes()) == before


@contextmanager
def full_at(limit):
    """Let no file of this process grow beyond `limit` bytes, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


STAGES = (
    "problems", "traces", "verdicts", "examples", "student", "evaluate-base", "train-answers", "evaluate-answers",
    "train-traces", "evaluate-traces", "export", "report",
)  # fmt: skip


@pytest.mark.parametrize("stage", STAGES)
def test_a_full_disk_in_any_stage_loses_nothing_and_the_same_command_goes_on(finished_run, stage):
    manifest = (finished_run / stage / "manifest.json").read_bytes()
    shutil.rmtree((finished_run / stage).resolve())
    others = {path: tree(path) for path in (finished_run / "stages").iterdir()}
    stopped = set()
    for limit in (100, 1500, 4200, 9000, 18_000):  # the recipe has some 3,300 bytes, the first tables more than 4,800
        with full_at(limit):
            found = call(*RUN, "--stage", stage)
        if found.code == 0:
            break
        told = found.mistake()
        # SQLite tells of such a limit only that writing failed.
        assert "file too large, writing run" in told or "run/ledger/students.sqlite: disk I/O error, which may" in told
        assert (
            "committed is lost; make room and run again" in told or "committed is lost, make room and run again" in told
        )
        stopped.add(told)
        assert {path: tree(path) for path in others} == others
    assert len(stopped) >= 2, "the recipe's copy and a file of the stage itself"
    begun = re.compile(rf"run/stages/{stage.split('-')[0]}-\w+\.partial|run/ledger/")
    assert any(begun.search(told) for told in stopped)

    done(*RUN)
    if stage != "report":  # which tells how long all took
        assert (finished_run / stage / "manifest.json").read_bytes() == manifest


@contextmanager
def mounted(folder, options):
    """Mount a small tmpfs; skip where this user may not."""
    folder.mkdir(exist_ok=True)
    mount = shutil.which("mount")
    if (
        mount is None
        or subprocess.run([mount, "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True).returncode
    ):
        pytest.skip("mounting a tmpfs needs root on Linux")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.soak
def test_a_small_disk_fills_up_and_after_it_grew_the_same_command_ends_with_the_same_bytes(finished_run):
    finished = {stage: (finished_run / stage / "manifest.json").read_bytes() for stage in STAGES if stage != "report"}
    with mounted(Path("disk"), "size=64k") as disk:
        reached = []
        for size in ("64k", "96k", "128k", "200k", "280k", "360k"):
            subprocess.run(["mount", "-o", f"remount,size={size}", disk], check=True)
            found = call("run", "r.yaml", "--out", disk / "run")
            if found.code == 0:
                break
            told = found.mistake()
            assert "the disk is full, writing disk/run/" in told or ".sqlite: the disk is full; " in told
            assert "make room and run again" in told
            reached.append(len(list((disk / "run").glob("stages/*/manifest.json"))))
        assert reached == sorted(reached), "what was committed stays"
        assert len(set(reached)) > 2
        subprocess.run(["mount", "-o", "remount,size=20m", disk], check=True)
        done("run", "r.yaml", "--out", disk / "run")
        assert {stage: (disk / "run" / stage / "manifest.json").read_bytes() for stage in finished} == finished


def test_a_full_disk_under_the_ledger_keeps_every_answer_that_was_counted(here):
    with stub_server.running() as stub:
        put({"r.yaml": edited("http://127.0.0.1:9/v1", stub.url, SERVED)})
        done(*PROBLEMS)
        with full_at(9000):
            told = call(*RUN, "--stage", "traces").mistake()
        assert "completions.sqlite" in told
        asked = stub.stats()["requests"]
        done(*RUN, "--stage", "traces")
        assert stub.stats()["distinct"] == 20
        assert stub.stats()["requests"] <= asked + 20


def test_a_read_only_folder(finished_run):
    with mounted(Path("disk"), "size=4m") as disk:
        shutil.copytree(finished_run, disk / "run", symlinks=True)
        shutil.rmtree((disk / "run" / "report").resolve())
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        for argv in (("run", "r.yaml", "--out", disk / "run"), ("run", "r.yaml", "--out", disk / "new")):
            told = call(*argv).mistake()
            assert "Read-only file system; make it writable or name another folder" in told
        assert "Read-only file system" in call("init", disk / "r.yaml").mistake()
        out = ("evaluate", "run", "--problems", "run", "--max-tokens", "2", "--out", disk / "x.jsonl")
        assert "Read-only file system" in call(*out).mistake()
        assert "report             missing" in done("status", disk / "run").out
        assert done("ask", disk / "run", "2 + 3?").code == 0


@contextmanager
def somebody_else():
    """Act as a user who owns nothing, where this one is root and permissions do not bind."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_folder_that_may_not_be_written(finished, monkeypatch):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(finished, folder, dirs_exist_ok=True)
        monkeypatch.chdir(folder)
        (folder / "run" / ".lock").unlink()
        for path in (folder, folder / "run"):
            path.chmod(0o555)
        with somebody_else():
            found = [call(*RUN), call("run", "r.yaml", "--out", "new"), call("init", "mine.yaml")]
        folder.chmod(0o755)
        for one in found:
            assert "Permission denied; make it writable or name another folder" in one.mistake()
        (folder / "run").chmod(0o755)
        done(*RUN)
        monkeypatch.undo()


def interrupt(process, ready):
    """Press Ctrl-C, as a terminal sends it to the whole group, once `ready()`; return how the command ended."""
    deadline = time.monotonic() + 60
    while not ready():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "never got there"
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)
    found = ended(process)
    told = [line for line in found.err.splitlines() if line.startswith("potstill:")]
    assert found.code == 130, found
    assert "Traceback" not in found.err, found.err
    assert told == ["potstill: interrupted; what is done is kept, the same command goes on from there"]
    assert found.err.splitlines()[-1] == told[0], found.err
    return found


def test_ctrl_c_while_the_teacher_answers_keeps_the_answers(here):
    with stub_server.running(delay=0.15) as stub:
        put(
            {
                "r.yaml": edited(
                    "model: m", "model: m, concurrency: 2", edited("http://127.0.0.1:9/v1", stub.url, SERVED)
                )
            }
        )
        done(*PROBLEMS)
        interrupt(start(*RUN, "--stage", "traces"), lambda: len(stub.finished) >= 6)
        sent = stub.stats()["requests"]
        assert 6 <= sent < 20
        done(*RUN, "--stage", "traces")

        assert stub.stats()["distinct"] == 20
        assert stub.stats()["requests"] <= 20 + 2, "only what was in flight is asked again"
    assert "traces             done" in done("status", "run").out


def test_ctrl_c_in_evaluation_and_in_training_ends_with_the_bytes_of_an_undisturbed_run(here):
    recipe = edited("evaluate: 4", "evaluate: 30", edited("count: 24", "count: 60"))
    recipe = edited("max_tokens: 8", "max_tokens: 30", edited("steps: 3", "steps: 60", recipe))
    put({"r.yaml": edited("shots: 1}", "shots: 0}\narms: {base: {}, traces: {train: {}}}", recipe)})
    run = Path("run")

    process = start(*RUN, OMP_NUM_THREADS="1")
    interrupt(process, lambda: any(run.glob("stages/evaluate-*.partial/zero_shot-00001.parquet")))
    assert "evaluate-base      under way" in done("status", run).out

    process = start(*RUN, OMP_NUM_THREADS="1")
    interrupt(process, lambda: any(run.glob("stages/train-*.partial/**/checkpoint-????????")))
    assert "train-traces       under way" in done("status", run).out

    done(*RUN)
    assert "report: run/report.html" in done(*RUN).out
    done("run", "r.yaml", "--out", "undisturbed")
    for stage in ("evaluate-base", "train-traces", "evaluate-traces"):
        one, two = (Path(folder) / stage / "manifest.json" for folder in ("run", "undisturbed"))
        assert json.loads(one.read_bytes())["files"] == json.loads(two.read_bytes())["files"]
