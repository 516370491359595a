"""Tokenizers and templates of checkpoints: what is wrong with them is one line, and none of their code is run."""

import builtins
import importlib.util
import json
import shutil

import pytest

torch = pytest.importorskip("torch")

from train import tiny  # noqa: E402

from potstill.errors import CheckpointError  # noqa: E402
from potstill.models.local import chat  # noqa: E402
from potstill.models.local.loading import Checkpoint, load_model  # noqa: E402
from potstill.models.local.model import LocalModel  # noqa: E402
from potstill.recipe import Student  # noqa: E402
from potstill.train import students  # noqa: E402


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("student") / "base"
    students.prepare(tiny.STUDENT, tiny.texts(tiny.examples(60)), seed=3, out=out)
    return out


@pytest.fixture
def folder(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "model")
    return tmp_path / "model"


def edited(path, **settings):
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))


OWN = {"AutoConfig": "own.C", "AutoModelForCausalLM": "own.M", "AutoTokenizer": ["own.T", None]}


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("load", [LocalModel, lambda f: students.prepare(Student(model=str(f)), list, 0, f / "out")])
def test_a_checkpoints_own_code_never_runs_and_nobody_is_asked(folder, known, load, monkeypatch, capsys):
    def asked(*_):
        raise AssertionError("a prompt")

    monkeypatch.setattr(builtins, "input", asked)
    marker = folder / "ran"
    for name in ("own.py", "custom_generate/generate.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(f"open({str(marker)!r}, 'w').write('ran')\nC = M = T = generate = None\n")
    (folder / "custom_generate" / "requirements.txt").write_text("")
    edited(folder / "config.json", auto_map=OWN, **({} if known else {"model_type": "own"}))
    edited(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": ["own.T", None]})
    if known:
        load(folder)
        assert "the code beside its weights is never run" in capsys.readouterr().err
    else:
        with pytest.raises(CheckpointError, match="code of its own, which potstill never runs") as caught:
            load(folder)
        assert "\n" not in str(caught.value)
    assert not marker.exists()


def test_a_tokenizer_that_only_sentencepiece_reads_is_named(folder, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "sentencepiece" else found(name))
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer.model").write_bytes(b"\xff\xff no pieces")
    edited(folder / "tokenizer_config.json", tokenizer_class="LlamaTokenizer")
    with pytest.raises(CheckpointError, match=r"tokenizer\.model is read by sentencepiece: pip install sentencepiece"):
        chat.load_tokenizer(Checkpoint(str(folder), "it"))


def test_a_tokenizer_larger_than_the_embedding_is_one_line(folder):
    tokenizer = chat.load_tokenizer(Checkpoint(str(folder), "it"))
    rows = json.loads((folder / "config.json").read_text())["vocab_size"]
    chat.check_fit(Checkpoint(str(folder), "it"), tokenizer, load_model(Checkpoint(str(folder), "it"), "causal", None))
    tokenizer.add_tokens([f"[{number}]" for number in range(rows + 1 - len(tokenizer))])
    tokenizer.save_pretrained(folder)
    for load in (LocalModel, students.load):
        with pytest.raises(CheckpointError, match=rf"a token '\S+' of id {rows} and its embedding {rows} rows"):
            load(folder)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ raise_exception('no user messages') }}", "no user messages"),
        ("{% if messages %}", "chat template cannot show user messages"),
        ("{{ messages[3].content }}", "chat template cannot show user messages"),
        ("{{ 1 // 0 }}", "division"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
    ],
)
def test_a_template_that_raises_is_one_line_at_the_student_stage(folder, template, said):
    (folder / "chat_template.jinja").write_text(template)
    with pytest.raises(CheckpointError, match=said) as caught:
        students.prepare(Student(model=str(folder)), list, 0, folder / "out")
    assert "\n" not in str(caught.value)
    with pytest.raises(CheckpointError, match=said):
        LocalModel(folder).render([{"role": "user", "content": "a"}])
