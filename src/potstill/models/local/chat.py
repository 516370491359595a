"""Tokenizers of checkpoints and their chat templates: loaded, fitted to a model, and rendered."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from potstill.errors import CheckpointError
from potstill.models.local.loading import Checkpoint, first_line, libraries, quiet

FILES = ("tokenizer.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "vocab.json", "vocab.txt")
"""One of them is in the folder of every tokenizer."""


DATE = "chat_template_date"
"""Key of tokenizer_config.json with the day, as `2026-11-29`, that a template which asks for today is told instead."""


DIRECTIVES = "aAwdbBmyYHIpMSfjUWcxXuVGFDT"
"""Letters of `strftime`; those of a time tell midnight."""


def load_tokenizer(checkpoint: Checkpoint, *, template: bool = True) -> Any:  # noqa: ANN401 - a Hugging Face tokenizer
    """Return the tokenizer of a checkpoint, with a chat template where `template`; none of its own code is run.

    Raises:
        CheckpointError: it is absent, cannot be loaded, or has no chat template.
        MissingExtraError: transformers is absent.
    """
    transformers = libraries()
    name, local = checkpoint.name, checkpoint.local
    if local and not any((Path(name) / file).is_file() for file in FILES):
        raise checkpoint.fault("no tokenizer in the folder (tokenizer.json); copy the one of the base model")
    try:
        with quiet():
            found = transformers.AutoTokenizer.from_pretrained(name, local_files_only=local, trust_remote_code=False)
    except Exception as error:  # tokenizers raises a bare Exception for a damaged tokenizer.json
        raise checkpoint.fault(f"its tokenizer cannot be loaded ({_cause(checkpoint, error)})") from error
    if template and not found.chat_template:
        raise checkpoint.fault(
            "no chat template; put a chat_template.jinja beside its tokenizer, or start from an instruction-tuned model"
        )
    return found


def _cause(checkpoint: Checkpoint, error: Exception) -> str:
    if "trust_remote_code" in str(error):
        return "it needs code of its own, which potstill never runs; give the folder a tokenizer.json"
    folder = Path(checkpoint.name)
    pieces = [file for file in FILES if file.endswith(".model") and (folder / file).is_file()]
    if pieces and not (folder / "tokenizer.json").is_file() and importlib.util.find_spec("sentencepiece") is None:
        # transformers then tries to read the file as one of tiktoken's, and says that that is missing
        return f"{pieces[0]} is read by sentencepiece: pip install sentencepiece, or give the folder a tokenizer.json"
    return first_line(error)


def check_fit(checkpoint: Checkpoint, tokenizer: Any, model: Any) -> None:  # noqa: ANN401
    """Raise CheckpointError where the tokenizer has tokens for which the model has no embedding."""
    rows = int(model.get_input_embeddings().num_embeddings)
    token, largest = max(tokenizer.get_vocab().items(), key=lambda item: item[1])
    if largest >= rows:
        raise checkpoint.fault(
            f"its tokenizer has a token {token!r} of id {largest:,} and its embedding {rows:,} rows; take the "
            "tokenizer that belongs to it, or resize the embedding"
        )


def rendered(tokenizer: Any, turns: Sequence[Mapping[str, str]], *, ask: bool) -> str:  # noqa: ANN401
    """Return a conversation as its chat template shows it; with `ask`, up to where the next answer begins.

    The day in it is that of `with_date`, so that a run is rendered alike on each of its days.

    Raises:
        CheckpointError: the template refuses the conversation or is broken.
    """
    day = tokenizer.init_kwargs.get(DATE)
    try:
        template = {"chat_template": told_day(day) + tokenizer.get_chat_template()} if day else {}
        return str(tokenizer.apply_chat_template([*turns], tokenize=False, add_generation_prompt=ask, **template))
    except Exception as error:  # a template is a program and raises what it likes
        raise CheckpointError(
            f"{tokenizer.name_or_path}: its chat template cannot show {' and '.join(turn['role'] for turn in turns)} "
            f"messages ({first_line(error)}); mend chat_template.jinja beside its tokenizer"
        ) from error


def asked(tokenizer: Any, turns: Sequence[Mapping[str, str]]) -> str:  # noqa: ANN401
    """Return a conversation up to where the next answer begins, as `rendered` does.

    Where the last turn is the assistant's, its content is the beginning of that answer, to be gone on from.
    """
    begun = turns[-1]["content"] if turns and turns[-1]["role"] == "assistant" else ""
    return rendered(tokenizer, turns[:-1] if begun else turns, ask=True) + begun


def told_day(day: str) -> str:
    """Return what stands before a template so that its `strftime_now` tells a day: a macro of that name.

    transformers hands no function to a template, so each directive is replaced: `%d %b %Y` by `02 Jan 2026`.
    """
    told = date.fromisoformat(day)
    filters = "".join(f"|replace('%{letter}', '{told.strftime('%' + letter)}')" for letter in DIRECTIVES)
    short = "".join(f"|replace('%-{letter}', '{int(told.strftime('%' + letter))}')" for letter in "dmyHIMSj")
    # The line break after a block is taken off by transformers' settings, and so none of the template's own.
    return f"{{% macro strftime_now(format) %}}{{{{ format{short}{filters}|replace('%%', '%') }}}}{{% endmacro %}}\n"


def today() -> date:
    """Return the day that it is here."""
    return datetime.now().astimezone().date()


def with_date(tokenizer: Any, day: Callable[[], date]) -> None:  # noqa: ANN401
    """Let a template that asks for today's date be told the same one for ever; it is saved with the tokenizer.

    `day` is asked only for a template that wants it and has none yet.
    """
    if "strftime_now" in str(tokenizer.chat_template) and DATE not in tokenizer.init_kwargs:
        tokenizer.init_kwargs[DATE] = day().isoformat()
