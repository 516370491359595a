"""How every checkpoint is loaded, whoever needs it: its weights whole or not at all, and none of its own code run."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from potstill.errors import CheckpointError, MissingExtraError
from potstill.models.local import weights

Kind = Literal["causal", "sequence", "token"]
"""A language model, or a classifier of whole texts or of their tokens."""
_AUTO = {
    "causal": "AutoModelForCausalLM",
    "sequence": "AutoModelForSequenceClassification",
    "token": "AutoModelForTokenClassification",
}
_CALLED = {"causal": "causal language model", "sequence": "sequence classifier", "token": "token classifier"}
_OTHER = re.compile(r"Classification|QuestionAnswering|MultipleChoice|RewardModel|Regression")
"""`LlamaForSequenceClassification`, `BertForQuestionAnswering`: architectures that are no language models."""
_HEAD = re.compile(r"(?:^|\.)lm_head\.")
"""`lm_head.weight`, `model.lm_head.bias`; not `xlm_head.weight`."""
LOGGER = "transformers"
_CONTEXT = ("max_position_embeddings", "max_seq_len")  # the second is MPT's
UNBOUNDED = 1 << 30
"""The context of a model that has no positions, such as one of state spaces."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint by its folder or hub name; `shown` begins every message about it, `local` keeps off the network."""

    name: str
    shown: str
    local: bool = True

    def fault(self, what: str) -> CheckpointError:
        """Return the error that says what is wrong with it, in one line."""
        return CheckpointError(f"{self.shown}: {what}")

    def note(self, what: str) -> None:
        """Say something that was done about it."""
        print(f"note: {self.shown}: {what}", file=sys.stderr)


def load_model(checkpoint: Checkpoint, kind: Kind, dtype: Any) -> Any:  # noqa: ANN401 - types of torch, and its models
    """Return the model of a checkpoint on the CPU, in evaluation mode.

    Every weight comes from the files, and every tensor of the files has its place; parts that a language model does
    without (for images, say) are left out and named. A beginning that all names share is taken off, said aloud.

    Raises:
        CheckpointError: names the tensors that are missing, too many, of another shape, stored twice or quantised.
        MissingExtraError: torch or transformers is absent.
    """
    libraries().logging.set_verbosity_error()  # what is missing for speed, on every later step
    config = _config(checkpoint, kind)
    if checkpoint.local and (both := weights.rivals(Path(checkpoint.name))):
        raise checkpoint.fault(f"its weights stand in {both}, and may be two models: remove one of them")
    model, told = _loaded(checkpoint, kind, config, dtype)
    files = weights.files_of(checkpoint.name)
    tensors, twice = weights.stored(files)
    prefix = str(model.base_model_prefix)
    if confused := weights.ambiguous(tensors, twice, prefix):
        raise checkpoint.fault(f"its files do not say which tensor goes where: {confused}")
    if told["missing_keys"] and told["unexpected_keys"]:
        model, told = _renamed(checkpoint, model, told, config, dtype, tensors, files)
    _check_whole(checkpoint, kind, model, told)
    if small := weights.coded(tensors, {name for name, _ in model.named_parameters()}, prefix):
        raise checkpoint.fault(f"its weights are quantised ({weights.listed(small)}); take the model it was made from")
    _check_values(checkpoint, model)
    if kind == "causal":
        _check_tying(checkpoint, model)
    return model.eval()


def _config(checkpoint: Checkpoint, kind: Kind) -> Any:  # noqa: ANN401 - a config of transformers
    """Return the config of a checkpoint that can be of this kind, without running any code of its own."""
    transformers = libraries()
    name, local = checkpoint.name, checkpoint.local
    if local and not (Path(name) / "config.json").is_file():
        raise checkpoint.fault("no config.json; give a Hugging Face checkpoint folder")
    found: dict[str, Any] = {}
    try:
        with quiet():
            adapter = transformers.utils.find_adapter_config_file(name, local_files_only=local)
            found, _ = transformers.PretrainedConfig.get_config_dict(name, local_files_only=local)
            known = found.get("model_type") in transformers.CONFIG_MAPPING
            config = transformers.AutoConfig.from_pretrained(name, local_files_only=local, trust_remote_code=False)
    except Exception as error:  # a damaged config: OSError, ValueError, KeyError, TypeError and those of validators
        if "trust_remote_code" in str(error):
            raise checkpoint.fault(
                f"model_type {found.get('model_type')!r} needs code of its own, which potstill never runs "
                "(trust_remote_code is off); take a model that transformers knows"
            ) from None
        raise checkpoint.fault(f"cannot be loaded: its config.json says {first_line(error)}") from error
    if adapter is not None:
        raise checkpoint.fault("a LoRA adapter (adapter_config.json); merge it into its base and give that folder")
    if "auto_map" in found and known:
        checkpoint.note("the code beside its weights is never run; transformers' own is used")
    if method := _quantised(found):
        raise checkpoint.fault(
            f"quantised ({method}), and its weights cannot be read exactly here; take the model it was made from, or "
            "let a server or vLLM run it"
        )
    named = [str(one) for one in found.get("architectures") or ()]
    if kind == "causal" and named and all(_OTHER.search(one) for one in named):
        raise checkpoint.fault(f"{named[0]} in config.json is no causal language model")
    return config


def _quantised(settings: Mapping[str, Any]) -> str:
    """Return how weights are quantised according to a config.json, in whichever part of it, or an empty text."""
    for key, value in settings.items():
        if key in ("quantization_config", "compression_config") and value:
            method = value.get("quant_method") if isinstance(value, dict) else value
            return str(method or "in a way it does not name")
        if isinstance(value, dict) and (method := _quantised(value)):
            return method
    return ""


def _loaded(checkpoint: Checkpoint, kind: Kind, config: Any, dtype: Any) -> tuple[Any, dict[str, Any]]:  # noqa: ANN401
    """Return the model and what transformers says about its tensors."""
    loader = getattr(libraries(), _AUTO[kind])
    log = io.StringIO()
    try:
        with quiet(), _logged(log):
            model, told = loader.from_pretrained(
                checkpoint.name, config=config, dtype=dtype, local_files_only=checkpoint.local,
                trust_remote_code=False, ignore_mismatched_sizes=True, output_loading_info=True,
            )  # fmt: skip
    except Exception as error:  # a damaged checkpoint: RuntimeError, SafetensorError, TypeError and others
        raise checkpoint.fault(f"cannot be loaded as a {_CALLED[kind]} ({_cause(checkpoint, error, log)})") from error
    return model, dict(told)


def _cause(checkpoint: Checkpoint, error: Exception, log: io.StringIO) -> str:
    """Return why loading failed; where tensors could not be joined, which are missing."""
    if "conversion" not in str(error):
        return first_line(error)
    tensors, twice = weights.stored(weights.files_of(checkpoint.name))
    # A line of the report of transformers: `model.layers.0.mlp.experts | CONVERSION |`.
    named = re.findall(r"^\s*(\S+\.\S+)\s*\|\s*CONVERSION", log.getvalue(), re.MULTILINE)
    return weights.ambiguous(tensors, twice, "") or f"tensors that do not fit each other: {weights.listed(named)}"


def _renamed(
    checkpoint: Checkpoint, model: Any, told: dict[str, Any], config: Any, dtype: Any,  # noqa: ANN401
    tensors: dict[str, weights.Stored], files: list[Path],
) -> tuple[Any, dict[str, Any]]:  # fmt: skip
    """Return the model loaded by names without what programs put around them, where less is missing then."""
    best: tuple[Any, dict[str, Any], list[str]] = model, told, []
    ways = weights.without_wrappers(list(tensors), set(model.state_dict()), str(model.base_model_prefix))
    for renamed, gone in ways:
        if len(set(renamed.values())) < len(renamed):
            continue
        try:
            with quiet():
                found, then = type(model).from_pretrained(
                    None, config=config, state_dict=weights.read(files, renamed), dtype=dtype,
                    ignore_mismatched_sizes=True, output_loading_info=True,
                )  # fmt: skip
        except RuntimeError:  # tensors that do not fit each other: what was wrong before is the better message
            continue
        if len(then["missing_keys"]) < len(best[1]["missing_keys"]):
            best = found, dict(then), gone
    if best[0] is not model:
        checkpoint.note(f"{' and '.join(repr(one) for one in best[2])} taken off the names of its tensors")
        best[0].config.name_or_path = model.config.name_or_path
        if model.can_generate():
            best[0].generation_config = model.generation_config
    return best[:2]


def _check_whole(checkpoint: Checkpoint, kind: Kind, model: Any, told: dict[str, Any]) -> None:  # noqa: ANN401
    """Raise CheckpointError unless model and files hold the same tensors."""
    if missing := told["missing_keys"]:
        extra = f" and have instead {weights.listed(told['unexpected_keys'])}" if told["unexpected_keys"] else ""
        raise checkpoint.fault(
            f"no whole {_CALLED[kind]}: its files lack {weights.listed(missing)}{extra}; copy the checkpoint again"
        )
    if wrong := told["mismatched_keys"]:
        shapes = [f"{name} is {list(found)} instead of {list(wanted)}" for name, found, wanted in wrong]
        raise checkpoint.fault(f"its files do not fit its config.json: {weights.listed(shapes)}")
    config = model.config.get_text_config()
    layers, further = number(config, "num_hidden_layers"), number(config, "num_nextn_predict_layers")
    extra_names = told["unexpected_keys"]
    left = {name for name in extra_names if weights.unused(name, layers, further)}
    left |= {name for name in extra_names if kind != "causal" and _HEAD.search(name)}
    if strange := set(extra_names) - left:
        raise checkpoint.fault(
            f"its files hold tensors that the model has no place for: {weights.listed(strange)}"
            f"{weights.purpose(sorted(strange))}"
        )
    if left:
        checkpoint.note(f"{len(left):,} tensors of parts that are not needed are left out ({weights.listed(left)})")


def _check_values(checkpoint: Checkpoint, model: Any) -> None:  # noqa: ANN401
    broken = [name for name, tensor in model.named_parameters() if not bool(tensor.isfinite().all())]
    if broken:
        raise checkpoint.fault(f"weights that are no numbers (NaN or infinite): {weights.listed(broken)}")


def _check_tying(checkpoint: Checkpoint, model: Any) -> None:  # noqa: ANN401
    """Where the files hold another output head than the embedding, let the config say so: other programs go by it."""
    head, config = model.get_output_embeddings(), model.config
    texts = (config, config.get_text_config())
    said = any(getattr(one, "tie_word_embeddings", False) for one in texts) and type(model)._tied_weights_keys
    if not said or head is None or head.weight is model.get_input_embeddings().weight:
        return
    for one in texts:
        one.tie_word_embeddings = False
    checkpoint.note("its output head differs from its embedding, so tie_word_embeddings is set to false")


def context_of(config: Any) -> int:  # noqa: ANN401 - a config of transformers
    """Return the most tokens, prompt and completion together, that a model takes, `UNBOUNDED` without a limit."""
    return max(number(config.get_text_config(), name) for name in _CONTEXT) or UNBOUNDED


def number(config: Any, name: str) -> int:  # noqa: ANN401 - a config of transformers
    """Return a number of a config, the largest where each layer has its own; 0 where it has none."""
    found = getattr(config, name, None)
    return max(found, default=0) if isinstance(found, list | tuple) else int(found or 0)


def libraries() -> Any:  # noqa: ANN401 - the module
    """Return transformers; MissingExtraError where it or torch is absent."""
    try:
        import torch  # noqa: F401 - transformers imports without it and fails later
        import transformers
    except ImportError as error:
        raise MissingExtraError("a local model", str(error.name), "train") from None
    return transformers


def first_line(error: BaseException) -> str:
    """Return what an error says, in one line."""
    lines: Sequence[str] = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


@contextlib.contextmanager
def _logged(log: io.StringIO) -> Iterator[None]:
    """Write transformers' report of loading into `log`; its error names no tensor."""
    logger, kept = logging.getLogger(LOGGER), logging.StreamHandler(log)
    level, upwards, others = logger.level, logger.propagate, list(logger.handlers)
    logger.handlers, logger.propagate = [kept], False
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.handlers, logger.propagate = others, upwards
        logger.setLevel(level)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers' bars and notices out of our progress lines."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    shown = libraries().utils.logging
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
