"""A GGUF file is the student as llama.cpp runs it, or it does not appear."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from commands import TINY, call
from export.test_safetensors import CARD, CONDITIONS, PROMPTS
from train import tiny

pytest.importorskip("torch")
pytest.importorskip("gguf")
pytest.importorskip("xllamacpp", reason="the wheel xllamacpp is not installed: make install")

import gguf as gguf_package
from models import families, tiny_families

from potstill.errors import RecipeError
from potstill.export import Delivery, Said, likeness
from potstill.export.gguf import gguf, quantising
from potstill.export.gguf import proof as proving
from potstill.export.gguf.architectures import architecture_of
from potstill.export.gguf.importance import importance_of
from potstill.export.gguf.mixes import MIXES, types_of
from potstill.export.gguf.modelfile import modelfile
from potstill.export.gguf.template import template_of, thinks_in_ollama
from potstill.export.gguf.vocabulary import cutting_of, vocabulary_of
from potstill.export.likeness import ConversionError
from potstill.export.naming import types_in
from potstill.models.llama_server import LlamaError, LlamaServer
from potstill.recipe import Evaluate, Student
from potstill.train import students
from potstill.train.render import render, stop_texts

EXAMPLES = tiny.examples(6)
SAID = [Said(example.question, example.reasoning, example.answer) for example in EXAMPLES]
LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 1e4, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}  # fmt: skip
FAMILIES = {
    "llama3": ("llama", {"rope_parameters": LLAMA3}),
    "mistral": ("mistral", {"sliding_window": None}),
    "qwen2": ("qwen2", {}),
    "qwen3": ("qwen3", {}),
    "phi3": ("phi3", {}),
    "smollm3": ("smollm3", {"no_rope_layers": [1, 1, 1, 0]}),
    "gemma3": (
        "gemma3_text",
        {"num_hidden_layers": 6, "layer_types": ["sliding_attention"] * 5 + ["full_attention"]},
    ),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("student") / "trained"
    students.prepare(tiny.STUDENT, tiny.texts(tiny.examples(60)), seed=3, out=out)
    return out


def delivery(trained, out, *types, prompts=PROMPTS[:2]):
    return Delivery(
        trained=trained, out=out, prompts=prompts, card=CARD, conditions=CONDITIONS, conversations=SAID, longest=200,
        options={"types": list(types)},
    )  # fmt: skip


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    out = tmp_path_factory.mktemp("export") / "model"
    return gguf(delivery(trained, out, "f16", "q4_k_m")), out


def read(file):
    return gguf_package.GGUFReader(file)


def text_of(reader, key):
    return bytes(reader.fields[key].parts[-1]).decode()


def test_the_files_are_the_student_in_llama_cpp(exported):
    found, out = exported
    assert {path.name for path in out.iterdir()} == {
        "tiny-f16.gguf", "tiny-q4_k_m.gguf", "Modelfile-f16", "Modelfile-q4_k_m", "README.md", "potstill.json",
    }  # fmt: skip
    assert (found["pre_tokenizer"], found["conversations"], found["renders"]) == ("smollm", len(SAID), len(SAID))
    small = found["files"]["tiny-q4_k_m.gguf"]
    assert small["tensors"]["token_embd.weight"] == {"type": "Q8_0", "bits_per_weight": 8.5}, "32 columns: no K-quants"
    assert small["tensors"]["blk.0.attn_q.weight"]["type"] == "Q5_0"
    assert small["tensors"]["blk.0.attn_norm.weight"] == {"type": "F32", "bits_per_weight": 32.0}
    assert 5.5 < small["bits_per_weight"] < 9 < found["files"]["tiny-f16.gguf"]["bits_per_weight"] < 17
    types = {tensor.name: tensor.tensor_type.name for tensor in read(out / "tiny-q4_k_m.gguf").tensors}
    assert types == {name: told["type"] for name, told in small["tensors"].items()}


def test_the_file_says_how_it_is_asked(exported, trained):
    reader = read(exported[1] / "tiny-f16.gguf")
    _, tokenizer = students.load(trained)
    number = {key: field.contents() for key, field in reader.fields.items() if not key.startswith("tokenizer.ggml.t")}
    assert number["tokenizer.ggml.eos_token_id"] == tokenizer.eos_token_id
    assert number["tokenizer.ggml.add_bos_token"] is False
    assert number["llama.context_length"] == tiny.STUDENT.scratch.context
    assert (number["general.sampling.temp"], number["general.sampling.top_k"]) == (0.0, 0)
    assert thinks_in_ollama(number["tokenizer.chat_template"])


def test_what_ollama_reads(exported):
    """It takes the template in the file unless there is another, and a file thinks if both marks stand in that."""
    lines = (exported[1] / "Modelfile-q4_k_m").read_text().splitlines()
    assert lines[0] == "FROM ./tiny-q4_k_m.gguf"
    assert not any(line.startswith("TEMPLATE") for line in lines)
    assert {'PARAMETER stop "<|end|>"', "PARAMETER num_ctx 200", "PARAMETER repeat_penalty 1.0"} <= set(lines)
    hostile = modelfile(
        "a.gguf", stops=['x"\nSYSTEM "y', "\x1b[2J", ""], context=9, evaluate=Evaluate(), licence="a\nb"
    )
    assert "stop" not in hostile
    assert "LICENSE" not in hostile
    assert 'LICENSE "apache-2.0"' in modelfile("a", stops=(), context=9, evaluate=Evaluate(), licence="apache-2.0")


def test_the_template_renders_thinking_as_training_does(trained):
    _, tokenizer = students.load(trained)
    stops = stop_texts(tokenizer, [tokenizer.eos_token_id])
    for student in (Student(), Student(reasoning_open='"<a b>"\\n', reasoning_close="</a>é\n")):
        template = template_of(tokenizer, student)
        for said in SAID:
            turns = [
                {"role": "user", "content": said.prompt},
                {"role": "assistant", "reasoning_content": said.reasoning, "content": said.answer},
            ]
            own = tokenizer.apply_chat_template(turns, tokenize=False, chat_template=template)
            assert own == render(tokenizer, student, said.prompt, said.reasoning, said.answer, stops).text
    assert template_of(tokenizer, Student(reasoning_open="")) == tokenizer.chat_template


def test_the_server_keeps_thinking_apart_and_the_key(exported, trained):
    """The student is untrained, so a grammar makes it write its marks."""
    grammar = r'root ::= "<think>\n" [a-z]{4,8} "\n</think>\n" [a-z]{3,5}'
    body = {
        "messages": [{"role": "user", "content": "What?"}],
        "max_tokens": 60,
        "grammar": grammar,
        "temperature": 0.8,
    }
    with LlamaServer(exported[1] / "tiny-f16.gguf", context=200, alias="student", key="k") as server:
        message = server.post("/v1/chat/completions", body)["choices"][0]["message"]
        assert 4 <= len(message["reasoning_content"].strip()) <= 8
        assert 3 <= len(message["content"].strip()) <= 5
        assert server.peak_memory() > 2**20
        server._settings["key"] = "other"
        with pytest.raises(LlamaError, match="401"):
            server.post("/v1/chat/completions", body)


def test_a_server_ends_with_the_process_that_started_it(exported):
    code = (
        "import sys, time; from pathlib import Path; from potstill.models.llama_server import LlamaServer\n"
        f"with LlamaServer(Path({str(exported[1] / 'tiny-f16.gguf')!r}), context=64) as s:\n"
        "    print(s._process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    for _ in range(100):
        try:
            if Path(f"/proc/{child}/stat").read_text().split()[2] == "Z":
                break
            os.kill(child, 0)
        except (ProcessLookupError, FileNotFoundError):
            break
        time.sleep(0.1)
    else:
        pytest.fail("the server lives on")


def test_what_is_no_gguf_is_refused_in_one_line(tmp_path):
    (tmp_path / "bad.gguf").write_bytes(b"GGUF" + bytes(64))
    with pytest.raises(LlamaError, match=r"bad\.gguf: llama\.cpp cannot load it") as raised:
        LlamaServer(tmp_path / "bad.gguf", context=64).__enter__()
    assert "\n" not in str(raised.value)


def test_refusals(trained, tmp_path, monkeypatch):
    with pytest.raises(ConversionError, match=r"no converter for the architecture 'gpt2' .there is one for llama, "):
        architecture_of(families.tiny("gpt2"))
    with pytest.raises(RecipeError, match="no type 'q4_km', did you mean 'q4_k_m'"):
        types_in("gguf", {"types": ["q4_km"]}, MIXES)
    with pytest.raises(RecipeError, match="at least one type"):
        types_in("gguf", {}, MIXES)
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 2**20})())
    with pytest.raises(ConversionError, match=r"the files take 64 MB and .* has 1 MB left"):
        gguf(delivery(trained, tmp_path / "out", "f16"))
    assert not (tmp_path / "out").exists()


def test_a_tokenizer_that_llama_cpp_cuts_otherwise_is_refused(trained, tmp_path, monkeypatch):
    from tokenizers import normalizers

    monkeypatch.setattr("potstill.export.gguf.vocabulary.CUTTINGS", ("qwen2-of-tomorrow", "llama-bpe"))
    _, tokenizer = students.load(trained)
    tokenizer.backend_tokenizer.normalizer = normalizers.Lowercase()
    vocabulary = vocabulary_of(tokenizer, len(tokenizer), [tokenizer.eos_token_id])
    with pytest.raises(
        ConversionError, match=r"nearest, llama-bpe, differs in 'What is .* it has .*W.*, the tokenizer"
    ):
        cutting_of(vocabulary, tokenizer, ["all alike", *PROMPTS[:2]], tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_export_that_answers_otherwise_does_not_appear(trained, tmp_path, monkeypatch):
    from potstill.export.gguf import architectures

    wrong = replace(architectures.ARCHITECTURES["llama"], changed=lambda config, name, tensor: -tensor)
    monkeypatch.setitem(architectures.ARCHITECTURES, "llama", wrong)
    with pytest.raises(ConversionError, match=r"llama\.cpp answers .* less likely by"):
        gguf(delivery(trained, tmp_path / "out", "f16"))
    assert not (tmp_path / "out").exists()


def test_without_the_library_only_what_the_package_writes(monkeypatch):
    monkeypatch.setattr(quantising, "library", lambda: (None, "the wheel xllamacpp is not here"))
    assert quantising.possible("Q8_0") == ""
    assert quantising.possible("Q4_K") == "the wheel xllamacpp is not here"


def test_the_quantiser_is_proved():
    own, why = quantising.library()
    assert (own is not None, why) == (True, "")


def test_the_mix_of_llama_cpp():
    """As its quantiser chose for a model of 16 layers: the first and last eighth and every third between are kept."""
    tensors = [("token_embd.weight", (1000, 512)), ("output_norm.weight", (512,))]
    for layer in range(16):
        tensors += [(f"blk.{layer}.{name}.weight", (512, 512)) for name in ("attn_q", "attn_v", "ffn_down")]
    types = types_of(MIXES["q4_k_m"], tensors)
    kept = [layer for layer in range(16) if types[f"blk.{layer}.attn_v.weight"] == "Q6_K"]
    assert kept == [0, 1, 4, 7, 10, 13, 14, 15]
    assert kept == [layer for layer in range(16) if types[f"blk.{layer}.ffn_down.weight"] == "Q6_K"]
    assert {types[f"blk.{layer}.attn_q.weight"] for layer in range(16)} == {"Q4_K"}
    assert (types["token_embd.weight"], types["output_norm.weight"]) == ("Q6_K", "F32")
    untied = types_of(MIXES["q4_k_m"], [*tensors, ("output.weight", (1000, 512))])
    assert (untied["token_embd.weight"], untied["output.weight"]) == ("Q4_K", "Q6_K")
    narrow = types_of(MIXES["q4_k_m"], [("token_embd.weight", (9, 576)), ("blk.0.attn_q.weight", (9, 576))])
    assert narrow == {"token_embd.weight": "Q8_0", "blk.0.attn_q.weight": "Q5_0"}
    assert types_of(MIXES["q8_0"], [("blk.0.attn_q.weight", (9, 40))]) == {"blk.0.attn_q.weight": "F16"}


def test_a_vocabulary_has_a_token_for_each_row(trained):
    _, tokenizer = students.load(trained)
    found = vocabulary_of(tokenizer, len(tokenizer) + 3, [tokenizer.eos_token_id, 5])
    assert (found.tokens[-1], found.kinds[-1]) == (f"[PAD{len(tokenizer) + 2}]", 5)
    marks = tokenizer.convert_tokens_to_ids(["<think>", "<|end|>"])
    assert [found.kinds[mark] for mark in marks] == [4, 3]
    assert dict(found.special) == {"eos": tokenizer.eos_token_id, "pad": tokenizer.pad_token_id, "eot": 5}


def test_a_recipe_names_types_and_is_refused_where_they_are_unknown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("r.yaml").write_text(TINY + "export: {gguf: [f16, q4]}\n")
    assert "q4" in call("check", "r.yaml").mistake()
    Path("r.yaml").write_text(TINY + "export: {formats: {gguf: {types: [f16]}}}\n")
    assert "write it as export.gguf" in call("check", "r.yaml").mistake()
    Path("r.yaml").write_text(TINY + "export: {importance: 8}\n")
    assert "name their types in export.gguf" in call("check", "r.yaml").mistake()
    Path("r.yaml").write_text(
        TINY + "arms: {a: {train: {}}, b: {from: a}}\ndeliver: b\nexport: {gguf: [q4_0], importance: 8}\n"
    )
    assert "the arm b has no training whose examples" in call("check", "r.yaml").mistake()


def test_an_end_that_only_llama_cpp_knows_is_told_and_another_end_is_refused(trained, monkeypatch):
    """llama.cpp ends at `<|endoftext|>`, whatever the file says; that it ends elsewhere is a fault."""
    model, tokenizer = students.load(trained)
    tokens, logits = likeness.answer(model, tokenizer, PROMPTS[0])
    assert tokenizer.eos_token_id not in tokens, "the answer has to be one that the student does not end"
    held = proving.Proof(tokenizer=tokenizer, student=Student(), template="", stops=[tokenizer.eos_token_id],
                         conversations=(), prompts=PROMPTS[:1])  # fmt: skip
    monkeypatch.setattr(likeness, "answer", lambda *_: (tokens, logits))

    def ended(written, how):
        server = SimpleNamespace(post=lambda *_: {"tokens": written, "stop_type": how})
        return proving._same_answers(held, model, server, 0.1)

    assert ended(tokens, "limit") == (1, [])
    assert ended(tokens[:5], "eos") == (1, [tokenizer.convert_ids_to_tokens(tokens[4])])
    other = (tokens[4] + 1) % 256 + 4
    stopped = [*tokens[:5], tokenizer.eos_token_id]
    for written, how in ((tokens[:5], "limit"), (stopped, "eos"), ([*tokens[:4], other], "eos"), ([], "eos")):
        with pytest.raises(ConversionError, match="less likely"):
            ended(written, how)


def test_columns_that_count_are_written_more_exactly(tmp_path):
    """Against sums over tokens by hand; a file of few bits is then nearer to the student where it matters."""
    import numpy as np
    import torch

    student = replace(
        tiny.STUDENT, scratch=replace(tiny.STUDENT.scratch, hidden=256, heads=4, intermediate=256, layers=1)
    )
    trained = tmp_path / "trained"
    students.prepare(student, tiny.texts(tiny.examples(60)), seed=3, out=trained)
    model, tokenizer = students.load(trained)
    with torch.no_grad():  # columns of one matrix that get a hundred times as much as the others
        model.model.layers[0].post_attention_layernorm.weight[:16] = 100
    students.write(model, tokenizer, trained)
    model, tokenizer = students.load(trained)
    stops = students.stop_ids(model)
    heard = []
    handle = model.model.layers[0].mlp.gate_proj.register_forward_pre_hook(lambda _, inputs: heard.append(inputs[0][0]))
    found = importance_of(model, tokenizer, architecture_of(model.config), CONDITIONS.student, stops, SAID)
    handle.remove()
    wanted = torch.cat(heard).double().square().mean(0).numpy()
    np.testing.assert_allclose(found.columns["blk.0.ffn_gate.weight"], wanted, rtol=1e-5)
    assert (found.rows, found.tokens) == (len(SAID), sum(map(len, heard)))
    assert {"token_embd.weight", "blk.0.attn_q.weight", "blk.0.ffn_down.weight"} <= found.columns.keys()
    files = {}
    for importance in (0, 6):
        asked = delivery(trained, tmp_path / str(importance), "f16", "q4_k_m", prompts=PROMPTS[:1])
        told = gguf(replace(asked, options={**asked.options, "importance": importance}, examples=SAID))
        assert told.get("importance") == ({"rows": 6, "tokens": found.tokens} if importance else None)
        files[importance] = read(tmp_path / str(importance) / "tiny-q4_k_m.gguf")
    assert files[6].fields["quantize.imatrix.chunks_count"].contents() == 6
    own = model.model.layers[0].mlp.gate_proj.weight.detach().numpy()

    def off(reader):
        tensor = next(one for one in reader.tensors if one.name == "blk.0.ffn_gate.weight")
        back = gguf_package.quants.dequantize(tensor.data, tensor.tensor_type)
        return float((((back - own) ** 2) * wanted).sum())

    assert off(files[6]) < 0.9 * off(files[0])


@pytest.mark.soak
@pytest.mark.parametrize("name", FAMILIES)
def test_every_architecture_answers_as_in_transformers(trained, tmp_path, name):
    family, more = FAMILIES[name]
    _, tokenizer = students.load(trained)
    model = tiny_families.random_model(families.tiny(family, **more), 0)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    students.write(model, tokenizer, tmp_path / "model")
    found = gguf(delivery(tmp_path / "model", tmp_path / "out", "f32", "q4_k_m", prompts=PROMPTS))
    assert found["same_tokens"] >= len(PROMPTS) - 1, json.dumps(found)[:300]
