"""Checkpoints load whole or not at all: 200 seeded ways in which names and shards go wrong, and others by hand."""

import json
import random
import shutil

import pytest

torch = pytest.importorskip("torch")

from models.families import tiny  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification  # noqa: E402

from potstill.errors import CheckpointError  # noqa: E402
from potstill.models.local.loading import Checkpoint, load_model, quiet  # noqa: E402

FAMILIES = (
    "llama",
    "qwen2",
    "gpt2",
    "mixtral",
    "gemma3_text",
    "phi3",
    "gpt_neox",
    "mamba",
    "deepseek_v3",
    "qwen3_next",
)
PREFIXES = (
    "", "", "module.", "_orig_mod.", "module._orig_mod.", "base_model.model.", "language_model.", "student.net.",
    "pretrained_model.", "inside",
)  # fmt: skip
LACKING = (*["nothing"] * 7, "head", "embedding", "norm", "tensor", "layer", "expert", "misnamed")
SHARDS = ("one", "two", "two", "not in the index", "index only", "pickled")


def saved(family, tied, out, kind=AutoModelForCausalLM):
    """A checkpoint with random weights; its tensors as saved and as the model has them."""
    config = tiny(family)
    config.get_text_config().tie_word_embeddings = tied
    torch.manual_seed(0)
    with quiet():
        model = kind.from_config(config, dtype=torch.float32)
        model.save_pretrained(out)
    return load_file(out / "model.safetensors"), {name: t.clone() for name, t in model.state_dict().items()}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    made = {}

    def checkpoint(family, tied):
        if (family, tied) not in made:
            folder = tmp_path_factory.mktemp("whole") / "model"
            made[family, tied] = (folder, *saved(family, tied, folder))
        return made[family, tied]

    return checkpoint


def write(folder, whole, tensors, shards):
    """Write tensors as the files of a copy of `whole`."""
    shutil.copytree(whole, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    if shards == "pickled":
        torch.save(tensors, folder / "pytorch_model.bin")
        return
    if shards == "one":
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return
    names = sorted(tensors)
    parts = {"model-1.safetensors": names[::2], "model-2.safetensors": names[1::2]}
    index = {name: part for part, own in parts.items() for name in own}
    for part, own in parts.items():
        if shards == "index only" and part == "model-2.safetensors":
            continue
        save_file({name: tensors[name] for name in own}, folder / part, metadata={"format": "pt"})
    if shards == "not in the index":
        index = {name: part for name, part in index.items() if part == "model-1.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))


def without(tensors, lacking, rng):
    """Return the tensors without some of them, and the names of these."""
    names = sorted(tensors)
    layers = [name for name in names if ".1." in name]
    chosen = {
        "nothing": [], "head": [n for n in names if n.startswith(("lm_head", "embed_out"))],
        "embedding": [n for n in names if ("embed" in n and "embed_out" not in n) or ".wte" in n],
        "norm": [n for n in names if "norm" in n or "ln_f" in n][:1], "tensor": rng.sample(names, 1), "layer": layers,
        "expert": [n for n in names if ".experts.2." in n], "misnamed": rng.sample(names, 1),
    }[lacking]  # fmt: skip
    kept = {name: tensor for name, tensor in tensors.items() if name not in chosen}
    if lacking == "misnamed":
        kept[chosen[0].replace("weight", "wieght") + "_"] = tensors[chosen[0]]
    return kept, chosen


@pytest.mark.parametrize("part", range(4))
def test_nothing_is_silently_random_in_200_variations(checkpoints, tmp_path, capsys, part):
    loaded = refused = 0
    for number in range(50 * part, 50 * part + 50):
        rng = random.Random(number)
        family, tied = rng.choice(FAMILIES), rng.random() < 0.5
        prefix, lacking, shards = rng.choice(PREFIXES), rng.choice(LACKING), rng.choice(SHARDS)
        what = f"{number}: {family} tied={tied} {prefix} {lacking} {shards}"
        whole, tensors, right = checkpoints(family, tied)
        kept, gone = without(tensors, lacking, rng)
        kept = {name.replace("layers.", "layers._orig_mod.", 1) if prefix == "inside" else prefix + name: tensor
                for name, tensor in kept.items()}  # fmt: skip
        folder = tmp_path / str(number)
        write(folder, whole, kept, shards)
        capsys.readouterr()
        sound = not gone and shards in ("one", "two", "pickled")
        try:
            model = load_model(Checkpoint(str(folder), "it"), "causal", torch.float32)
        except CheckpointError as error:
            refused += 1
            assert not sound, (what, str(error))
            assert "\n" not in str(error), what
            named = gone if shards in ("one", "two", "pickled") else tensors
            stems = {part for name in named for part in name.split(".") if not part.isdigit()}
            assert any(stem in str(error) for stem in {*stems, "model-2.safetensors"}), (what, error)
        else:
            loaded += 1
            assert sound, what
            found = model.state_dict()
            assert found.keys() == right.keys(), what
            assert all(torch.equal(found[name], right[name]) for name in right), what
            bare = prefix == "" or (prefix == "inside" and not any("_orig_mod" in name for name in kept))
            assert bare or "taken off the names" in capsys.readouterr().err, what
        shutil.rmtree(folder)
    assert min(loaded, refused) >= 10


def edited(folder, **settings):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))


@pytest.fixture
def llama(checkpoints, tmp_path):
    """A copy of a tiny Llama to spoil, and its tensors."""
    whole, tensors, _ = checkpoints("llama", False)
    shutil.copytree(whole, tmp_path / "llama")
    return tmp_path / "llama", dict(tensors)


def keep(folder, tensors):
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


NAME = "model.layers.1.mlp.up_proj.weight"


def more_layers(folder, tensors):
    edited(folder, num_hidden_layers=5)


def fewer_layers(folder, tensors):
    edited(folder, num_hidden_layers=3)


def biases_without_a_place(folder, tensors):
    keep(folder, tensors | {"model.layers.0.self_attn.q_proj.bias": torch.ones(32)})


def another_shape(folder, tensors):
    keep(folder, tensors | {NAME: torch.ones(3, 3)})


def with_and_without_prefix(folder, tensors):
    keep(folder, tensors | {NAME.removeprefix("model."): torch.ones(48, 32)})


def twice(folder, tensors):
    save_file({NAME: torch.ones(48, 32)}, folder / "a.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").rename(folder / "b.safetensors")
    index = dict.fromkeys(tensors, "b.safetensors") | {NAME: "a.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))


def two_ways(folder, tensors):
    save_file(tensors, folder / "a.safetensors", metadata={"format": "pt"})
    index = {"metadata": {}, "weight_map": dict.fromkeys(tensors, "a.safetensors")}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def eight_bits(folder, tensors):
    keep(folder, tensors | {NAME: tensors[NAME].to(torch.float8_e4m3fn)})


def whole_numbers(folder, tensors):
    keep(folder, tensors | {NAME: torch.ones(48, 32, dtype=torch.int8)})


def scales(folder, tensors):
    scale = {f"{NAME}_scale_inv": torch.ones(1, 1)}
    keep(folder, tensors | {NAME: tensors[NAME].to(torch.float8_e4m3fn)} | scale)


def no_numbers(folder, tensors):
    keep(folder, tensors | {NAME: tensors[NAME] * float("nan")})


def never_merged(folder, tensors):
    base = {NAME.replace(".weight", ".base_layer.weight"): tensors.pop(NAME)}
    keep(folder, tensors | base | {NAME.replace("weight", "lora_A.default.weight"): torch.ones(2, 32)})


def an_adapter(folder, tensors):
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA", "base_model_name_or_path": "x/y"}')


def two_models(folder, tensors):
    critic = {f"critic.{name}": torch.zeros_like(tensor) for name, tensor in tensors.items()}
    keep(folder, {f"actor.{name}": tensor for name, tensor in tensors.items()} | critic)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (more_layers, r"its files lack model\.layers\.4\.\S+, .* and \d+ more"),
        (fewer_layers, r"no place for: model\.layers\.3\.\S+, .* and \d+ more"),
        (biases_without_a_place, r"no place for: model\.layers\.0\.self_attn\.q_proj\.bias"),
        (another_shape, r"model\.layers\.1\.mlp\.up_proj\.weight is \[3, 3\] instead of \[48, 32\]"),
        (with_and_without_prefix, r"hold layers\.1\.mlp\.up_proj\.weight twice"),
        (twice, r"hold model\.layers\.1\.mlp\.up_proj\.weight twice"),
        (two_ways, r"stand in model\.safetensors and the shards of model\.safetensors\.index\.json"),
        (eight_bits, r"quantised \(model\.layers\.1\.mlp\.up_proj\.weight\)"),
        (whole_numbers, r"quantised \(model\.layers\.1\.mlp\.up_proj\.weight\)"),
        (scales, "a quantised model"),
        (no_numbers, r"NaN or infinite\): model\.layers\.1\.mlp\.up_proj\.weight"),
        (never_merged, "lora"),
        (an_adapter, "LoRA adapter .* merge it into its base"),
        (two_models, r"lack .* instead actor\."),
    ],
)
def test_files_that_are_not_the_model(llama, spoil, said):
    folder, tensors = llama
    spoil(folder, tensors)
    with pytest.raises(CheckpointError, match=f"(?i){said}") as caught:
        load_model(Checkpoint(str(folder), "it"), "causal", torch.float32)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("lacking", ["experts.2.w1", "experts.3.w2", "experts.2", "experts.3"])
@pytest.mark.parametrize("instead", ["", "experts.7"])
def test_an_expert_is_not_taken_for_another(checkpoints, tmp_path, lacking, instead):
    whole, tensors, _ = checkpoints("mixtral", False)
    number = lacking.split(".")[1]
    kept = {name: tensor for name, tensor in tensors.items() if f".0.block_sparse_moe.{lacking}." not in name}
    if instead:
        kept |= {
            name.replace(f"experts.{number}", instead): tensor for name, tensor in tensors.items() if name not in kept
        }
    write(tmp_path / "moe", whole, kept, "one")
    with pytest.raises(CheckpointError, match=rf"experts\.{number}\.|experts"):
        load_model(Checkpoint(str(tmp_path / "moe"), "it"), "causal", torch.float32)


@pytest.mark.parametrize("method", ["fp8", "gptq", "awq", "bitsandbytes", "mxfp4", "compressed-tensors", "x"])
@pytest.mark.parametrize("nested", [False, True])
def test_quantised_checkpoints_are_refused(checkpoints, tmp_path, method, nested):
    whole, _, _ = checkpoints("llama", False)
    shutil.copytree(whole, tmp_path / "small")
    settings = {"quant_method": method, "bits": 4, "load_in_4bit": True, "weight_block_size": [128, 128]}
    if nested:
        edited(tmp_path / "small", model_type="gemma3", text_config={"quantization_config": settings})
    else:
        edited(tmp_path / "small", quantization_config=settings)
    with pytest.raises(CheckpointError, match=f"quantised .{method}.|config.json says") as caught:
        load_model(Checkpoint(str(tmp_path / "small"), "it"), "causal", torch.float32)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("tied", [False, True])
def test_a_classifier_is_no_language_model(tmp_path, tied):
    saved("llama", tied, tmp_path / "scorer", AutoModelForSequenceClassification)
    with pytest.raises(CheckpointError, match=r"LlamaForSequenceClassification in config\.json is no causal"):
        load_model(Checkpoint(str(tmp_path / "scorer"), "it"), "causal", torch.float32)
    edited(tmp_path / "scorer", architectures=["LlamaForCausalLM"])
    with pytest.raises(CheckpointError, match=r"score\.weight"):
        load_model(Checkpoint(str(tmp_path / "scorer"), "it"), "causal", torch.float32)


def test_parts_that_a_language_model_does_without_are_left_out_and_named(llama, capsys):
    folder, tensors = llama
    parts = ("vision_tower.a.weight", "mtp.layers.0.b.weight", "model.layers.4.mlp.up_proj.weight", "v_head.c.weight")
    keep(folder, tensors | {name: torch.ones(2) for name in parts})
    edited(folder, num_nextn_predict_layers=1)
    load_model(Checkpoint(str(folder), "it"), "causal", torch.float32)
    assert "note: it: 4 tensors of parts that are not needed are left out (model.layers.4" in capsys.readouterr().err


def test_an_output_head_of_its_own_stays_its_own_in_every_program(checkpoints, tmp_path, capsys):
    whole, tensors, _ = checkpoints("llama", False)
    shutil.copytree(whole, tmp_path / "model")
    edited(tmp_path / "model", tie_word_embeddings=True)
    model = load_model(Checkpoint(str(tmp_path / "model"), "it"), "causal", torch.float32)
    assert "tie_word_embeddings is set to false" in capsys.readouterr().err
    model.save_pretrained(tmp_path / "again")
    assert json.loads((tmp_path / "again" / "config.json").read_text())["tie_word_embeddings"] is False
    assert torch.equal(load_file(tmp_path / "again" / "model.safetensors")["lm_head.weight"], tensors["lm_head.weight"])


def test_a_prefix_is_gone_for_good(checkpoints, tmp_path):
    whole, tensors, _ = checkpoints("mixtral", False)
    write(tmp_path / "wrapped", whole, {f"module.{name}": tensor for name, tensor in tensors.items()}, "two")
    with quiet():
        load_model(Checkpoint(str(tmp_path / "wrapped"), "it"), "causal", torch.float32).save_pretrained(tmp_path / "b")
    assert load_file(tmp_path / "b" / "model.safetensors").keys() == tensors.keys()
