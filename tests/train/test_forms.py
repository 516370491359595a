"""What is written loads in transformers 4.57 and 5 and says the same: both major versions answer the same question."""

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

from models import families, tiny_families, versions

from potstill.recipe import Student
from potstill.train import students
from potstill.train.forms import otherwise_in_version_4, write_both_forms

SHAPES = {
    "llama": {"rope_parameters": {"rope_type": "default", "rope_theta": 1e5}},
    "qwen2": {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e6, "factor": 4.0}},
    "llama scaled": {
        "rope_parameters": {
            "rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 32,
        }
    },
    "gpt_neox": {"rope_parameters": {"rope_type": "default", "rope_theta": 5e3, "partial_rotary_factor": 0.5}},
    "gemma3_text": {},
    "gpt_oss": {"rope_parameters": {"rope_type": "default", "rope_theta": 1e5}},
    "qwen3_moe": {},
    "phi": {},
    "glm4": {},
}  # fmt: skip

OTHERWISE = {
    "mamba2": {"n_groups": 1},
    "recurrent_gemma": {"attention_window_size": 1024},
    "xlstm": {"chunk_size": 1024},
}
"""Families that version 4 computes otherwise, and the settings with which it does not."""


@pytest.fixture(scope="module")
def four(request):
    """A folder with transformers 4.57 and what it wants, before everything that is installed here."""
    folder = Path(request.config.cache.mkdir("transformers-4.57"))
    if why := versions.install(folder):
        pytest.skip(f"transformers 4.57 cannot be installed: {why}")
    return folder


def compare(folders, four):
    assert set(versions.compared(folders, four).values()) == {"yes"}


def written(folder, tmp_path, shapes):
    """Random models of several families as checkpoints, with the tokenizer of the tiny student."""
    _, tokenizer = students.load(folder)
    for name, more in shapes.items():
        model = tiny_families.random_model(families.tiny(name.split()[0], **more), 0)
        model.generation_config.eos_token_id = tokenizer.eos_token_id
        students.write(model, tokenizer, tmp_path / name)
    return [tmp_path / name for name in shapes]


@pytest.mark.soak
def test_both_versions_say_the_same(folder, four, tmp_path):
    compare([folder, *written(folder, tmp_path, SHAPES)], four)


@pytest.mark.soak
def test_what_version_4_does_otherwise_is_told_and_is_the_only_difference(folder, four, tmp_path):
    """Where the config avoids it, both versions say the same."""
    told = written(folder, tmp_path, {family: {} for family in OTHERWISE})
    avoided = written(folder, tmp_path / "avoided", OTHERWISE)
    compare(avoided, four)
    assert "yes" not in set(versions.compared(told, four).values())
    assert all(otherwise_in_version_4(made) for made in told)


@pytest.mark.soak
def test_both_versions_say_the_same_with_the_packaged_student(four, tmp_path):
    pytest.importorskip("gguf")
    students.prepare(Student(model=students.PACKAGED), list, 0, tmp_path / "packaged")
    compare([tmp_path / "packaged"], four)


def config_of(folder, rope, **more):
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", "rope_parameters": rope, **more}))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "TokenizersBackend", "extra_special_tokens": ["<|user|>"]})
    )
    write_both_forms(folder)
    return json.loads((folder / "config.json").read_text())


def test_what_version_4_reads_is_written_beside(tmp_path):
    plain = config_of(tmp_path / "a", {"rope_type": "default", "rope_theta": 1e5}, dtype="float32")
    assert (plain["rope_theta"], plain["torch_dtype"]) == (1e5, "float32")
    assert "rope_scaling" not in plain
    scaled = config_of(tmp_path / "b", {"rope_type": "yarn", "rope_theta": 1e6, "factor": 4.0})
    assert (scaled["rope_theta"], scaled["rope_scaling"]) == (1e6, {"rope_type": "yarn", "factor": 4.0})
    layers = {
        "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
        "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
    }
    local = config_of(tmp_path / "c", layers)
    assert (local["rope_theta"], local["rope_local_base_freq"]) == (1e6, 1e4)
    tokenizer = json.loads((tmp_path / "a" / "tokenizer_config.json").read_text())
    assert tokenizer == {"tokenizer_class": "PreTrainedTokenizerFast", "additional_special_tokens": ["<|user|>"]}


def test_the_scratch_student_is_read_back_as_it_was(folder):
    model, tokenizer = students.load(folder)
    assert model.config.rope_parameters == {"rope_type": "default", "rope_theta": 10_000.0}
    assert {"<|user|>", "<|assistant|>", "<|end|>", "<|pad|>"} == set(tokenizer.all_special_tokens)


@pytest.mark.parametrize(
    ("kind", "written", "read"),
    [
        ("mamba2", {"limit": [0.0, {"__float__": "Infinity"}]}, {"limit": [0.0, 3.4028234663852886e38]}),
        ("zamba", {"layers_block_type": ["linear_attention", "hybrid"]}, {"layers_block_type": ["mamba", "hybrid"]}),
        ("qwen3_next", {"layer_types": ["linear_attention"]}, {"layer_types": ["linear_attention"]}),
        ("jamba", {"use_mamba_kernels": True}, {"use_mamba_kernels": False}),
        ("doge", {}, {"_attn_implementation": "eager"}),
        ("fuyu", {"text_config": {"hidden_size": 32}}, {"hidden_size": 32}),
        ("dbrx", {"attn_config": {"clip_qkv": 8, "id2label": {}}}, {"attn_config": {"clip_qkv": 8}}),
    ],
)  # fmt: skip
def test_what_version_4_calls_otherwise_is_written_so(tmp_path, kind, written, read):
    config = config_of(tmp_path / "a", None, model_type=kind, **written)
    assert {name: config[name] for name in read} == read
