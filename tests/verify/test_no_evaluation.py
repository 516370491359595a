"""No text is ever evaluated: nothing in the source could do it but what is listed here, and nothing does."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from verify import hostile

PACKAGE = Path(__file__).parents[2] / "src" / "potstill"
EVALUATORS = frozenset(
    "eval exec compile __import__ import_module exec_module run_path run_module getoutput popen Popen execv execve "  # noqa: SIM905
    "posix_spawn sympify parse_expr eval_expr parse_latex parse_mathematica lambdify".split()
)
"""Names of functions, whoever owns them, that make code or objects of text, or run a command."""
OWNED = {
    "load": ("pickle", "marshal", "dill", "cloudpickle", "joblib", "shelve", "yaml", "torch"),
    "loads": ("pickle", "marshal", "dill", "cloudpickle"),
    "system": ("os",),
    "run": ("subprocess",),
    "check_output": ("subprocess",),
}
"""The same of these owners alone."""
HARMLESS = {"compile": ("re", "torch")}
ALLOWED = {
    ("interrupt.py", "start_over", "execve"): "starts this command line over",
    ("interrupt.py", "find_spec", "exec_module"): "a guard around the loading of a package",
    ("interrupt.py", "guarded", "exec_module"): "the same",
    ("models/local/weights.py", "_listed", "load"): "a checkpoint's tensors only, without their bytes",
    ("models/local/weights.py", "read", "load"): "a checkpoint's tensors only",
    ("problems/__init__.py", "<module>", "import_module"): "see the next two",
    ("problems/__init__.py", "read", "import_module"): "a kind of source, by its name in a table",
    ("problems/__init__.py", "check_source", "import_module"): "the same",
    ("problems/functions.py", "_module", "import_module"): "a module that the recipe names",
    ("problems/functions.py", "_module", "exec_module"): "a file that the recipe names",
    ("__init__.py", "__getattr__", "import_module"): "a module of ours, by its name in a table",
    ("api/running.py", "_start", "Popen"): "this command line in a process of its own",
    ("verify/__init__.py", "__getattr__", "import_module"): "the same",
    ("tables.py", "<module>", "import_module"): "see the next three",
    ("tables.py", "__getitem__", "import_module"): "what a table of ours says, by a name that it has",
    ("tables.py", "code", "import_module"): "an entry point of an installed package",
    ("tables.py", "table", "import_module"): "a table, by the place that a field of the recipe names",
    ("yaml_text.py", "read_yaml", "load"): "a recipe or a study, by a safe loader",
    ("train/checkpoint.py", "opened", "load"): "a checkpoint of ours, tensors only",
    ("export/folders.py", "convert", "run"): "our own interpreter and a library's converter, with paths of ours",
    ("export/folders.py", "speeds", "run"): "our own interpreter with a fixed line; the prompt goes by the pipe",
    ("pipeline/lm_eval.py", "evaluated", "Popen"): "the Python that the user named, with a script of ours",
    ("executor/cluster.py", "run", "Popen"): "our own interpreter with a line of ours, on another machine",
    ("executor/crew.py", "_keeper", "Popen"): "our own interpreter with a fixed line",
    ("pipeline/parts.py", "_started", "Popen"): "our own interpreter with a fixed line",
    ("models/llama_server.py", "__enter__", "Popen"): "our own interpreter with a fixed line",
    ("train/launch.py", "_started", "Popen"): "our own interpreter with a fixed line",
    ("train/rank.py", "main", "load"): "a training, written by the process that started this one",
    ("verify/pool.py", "_import_symbolic", "parse_expr"): "takes it away",
    ("verify/nursery.py", "__init__", "Popen"): "our own interpreter with a fixed line",
    ("verify/serving.py", "main", "loads"): "the pool's set-up, written by the process that started this one",
    ("verify/serving.py", "_serve", "loads"): "a call, written by the process that started this one",
    ("verify/code/drivers.py", "driver", "compile"): "our own drivers, for the sandbox",
    ("verify/sandbox/running.py", "_first_code", "compile"): "our own first code, for the sandbox",
    ("verify/sandbox/folders.py", "temporary", "Popen"): "a fixed line that removes a folder of ours",
    ("verify/sandbox/running.py", "_start", "Popen"): "the sandbox itself",
}
"""(file, function, what is used) -> why no model text reaches it."""
INSIDE = (
    "verify/code/checker.py",
    "verify/code/peer.py",
    "verify/code/wire.py",
    "verify/sandbox/inside.py",
)
"""Run in the sandbox and nowhere else: what it executes there are programs and their tests."""


class Calls(ast.NodeVisitor):
    """Every use of an evaluator's name, with the innermost function around it."""

    def __init__(self):
        self.functions = ["<module>"]
        self.found = []

    def visit_FunctionDef(self, node):
        defaults = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
        for part in (*node.decorator_list, *defaults):
            self.visit(part)
        self.functions.append(node.name)
        for part in node.body:
            self.visit(part)
        self.functions.pop()

    def visit_AnnAssign(self, node):
        if node.value is not None:
            self.visit(node.value)

    def visit_AsyncFunctionDef(self, node):
        self.visit_FunctionDef(node)

    def visit_Attribute(self, node):
        self._note(node.attr, node.value.id if isinstance(node.value, ast.Name) else "", node)
        self.generic_visit(node)

    def visit_Name(self, node):
        self._note(node.id, "", node)

    def visit_ImportFrom(self, node):
        for alias in node.names:
            self._note(alias.name, node.module or "", node)

    def visit_Call(self, node):
        called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if called == "S":
            self.found.append((self.functions[-1], "S", node.lineno))
        if called == "eval" and isinstance(node.func, ast.Attribute) and not node.args:
            self.visit(node.func.value)  # `model.eval()` switches dropout off
        else:
            self.generic_visit(node)

    def _note(self, name, owner, node):
        if (name in EVALUATORS and owner not in HARMLESS.get(name, ())) or owner in OWNED.get(name, ()):
            self.found.append((self.functions[-1], name, node.lineno))


def uses(source):
    calls = Calls()
    calls.visit(ast.parse(source))
    return calls.found


def all_uses():
    for path in sorted(PACKAGE.rglob("*.py")):
        for function, name, line in uses(path.read_text(encoding="utf-8")):
            yield (path.relative_to(PACKAGE).as_posix(), function, name), line


def test_nothing_in_the_source_evaluates_text_but_what_is_listed():
    unlisted = [
        f"{file}:{line} {function} uses {name}"
        for (file, function, name), line in all_uses()
        if (file, function, name) not in ALLOWED and file not in INSIDE
    ]
    assert unlisted == []


def test_the_list_holds_nothing_that_is_gone():
    found = {key for key, _ in all_uses()}
    assert set(ALLOWED) <= found
    assert set(INSIDE) <= {file for file, _, _ in found}


@pytest.mark.parametrize(
    "source",
    ["eval(x)", "builtins.eval(x)", "def f():\n    exec(x)", "from sympy import sympify as s", "sympy.parse_expr(x)",
     "sympy.S(x)", "run = eval", "map(eval, xs)", "pickle.loads(x)", "from pickle import loads", "f = sympy.lambdify",
     "async def f():\n    os.system(x)", "yaml.load(x)", "subprocess.Popen(x)", "[eval][0](x)"],
)  # fmt: skip
def test_the_check_finds(source):
    assert uses(source)


@pytest.mark.parametrize(
    "source",
    [
        "json.loads(x)",
        "recipe.system",
        "self.model.eval()",
        "def f(x: Popen): pass",
        "re.compile(x)",
        "model.eval()",
        "evaluate(x)",
        "x.evaluated",
        "'eval(x)'",
    ],
)
def test_the_check_lets_pass(source):
    assert not uses(source)


def test_the_command_runs_no_answer_either(tmp_path):
    """All injections through `potstill verify`, as an answer and as a response, for golds of all kinds."""
    canary = tmp_path / "canary"
    rows = [
        {"id": f"{number}-{place}-{field}", "gold": gold, "answer_kind": kind, "choices": list(choices),
        field: text.replace("CANARY", str(canary))}
        for number, text in enumerate(hostile.INJECTIONS)
        for place, (gold, kind, choices) in enumerate(hostile.GOLDS)
        for field in ("prediction", "response")
    ]  # fmt: skip
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = [sys.executable, "-m", "potstill", "verify", "rows.jsonl", "--out", "out.jsonl"]
    environment = {**os.environ, "POTSTILL_CANARY": "the secret of this process"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-500:]
    said = (tmp_path / "out.jsonl").read_text()
    assert len(said.splitlines()) == len(rows)
    assert {json.loads(line)["verdict"] for line in said.splitlines()} <= {"wrong", "unknown"}
    assert "the secret" not in said
    assert not canary.exists()
