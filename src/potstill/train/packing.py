"""Rows one behind the other in one forward pass, without padding, none of which sees another.

All of a transformer but its attention works token by token, so that a pack is fed as one row of all its tokens, whose
positions begin again with each row. Attention alone takes the rows apart: it pads them on the right, where causal
attention sees nothing, attends within each, and puts them together again. So rows are as separate as in a batch; masks
are those that the model asks for, of the longest row, which all others begin like. A beginning that rows share, a
prompt and its answers, is the same in each of them, so a pack has it once. What a model does beside attention
(convolutions, states that are carried on, positions of its own counting) is found by trying it, see `leak`.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from potstill import recipe
from potstill.errors import StudentError
from potstill.models.local.loading import first_line
from potstill.train.fitness import body_of

NAMES = {"sdpa": "packed_sdpa", "eager": "packed_eager"}
"""Attention of a model -> the same for packs; of rows in a batch the second does what the first does."""
TRIED = (19, 7, 1, 12)
"""Tokens of the made-up rows that a model is tried on."""
SHARED = 3
"""Tokens that the second of them begins with as the first does."""
SEEN = 1e-6
"""By how much of its largest value a state may move when the row's neighbours change. Nothing moves it but rounding,
where experts get other numbers of tokens."""
OTHERWISE = 1e-4
"""By how much it may differ from that of the row alone: products of other shapes are rounded otherwise."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Pack:
    """Where the tokens of rows are in a pack.

    `index`: (rows, longest), the place of each token of each row, 0 behind its end; `first`: (tokens,), where each
    token of the pack is in that for the first time, counted through; `positions`: (1, tokens), those within the rows;
    `longest`: the place from which on a longest row is in one piece.
    """

    index: torch.Tensor
    first: torch.Tensor
    positions: torch.Tensor
    longest: int

    @classmethod
    def of(cls, lengths: Sequence[int], begins: Sequence[int]) -> Pack:
        """Lay rows of `lengths` tokens one behind the other.

        The first `begins[row]` tokens of a row are those of the last row before it that has 0 there, and is no shorter.
        """
        index = np.zeros((len(lengths), max(lengths)), dtype=np.int64)
        ends, whole = np.cumsum(np.subtract(lengths, begins)), 0
        for row, (length, begin, end) in enumerate(zip(lengths, begins, ends, strict=True)):
            whole = whole if begin else row
            index[row, :begin] = index[whole, :begin]
            index[row, begin:length] = np.arange(end - length + begin, end)
        held = np.flatnonzero(np.arange(index.shape[1]) < np.asarray(lengths)[:, None])
        first = held[np.unique(index.flat[held], return_index=True)[1]]
        return cls(
            index=torch.from_numpy(index), first=torch.from_numpy(first),
            positions=torch.from_numpy(first[None] % index.shape[1]), longest=int(index[np.argmax(lengths), 0]),
        )  # fmt: skip

    def to(self, device: torch.device | str) -> Pack:
        """Return it with its tensors on a device."""
        there = {name: getattr(self, name).to(device) for name in ("index", "first", "positions")}
        return Pack(**there, longest=self.longest)

    def rows(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return (rows, heads, longest, size) of (1, heads, tokens, size), with any token behind the end of a row."""
        _, heads, count, size = tokens.shape
        flat = tokens[0].transpose(0, 1).reshape(count, heads * size).index_select(0, self.index.flatten())
        return flat.view(*self.index.shape, heads, size).transpose(1, 2)

    def tokens(self, rows: torch.Tensor) -> torch.Tensor:
        """Return (1, tokens, heads, size) of (rows, longest, heads, size); what rows share is that of the first."""
        return rows.flatten(0, 1).flatten(1).index_select(0, self.first).view(1, -1, *rows.shape[2:])


_pack: ContextVar[Pack | None] = ContextVar("pack", default=None)


@contextmanager
def packed(pack: Pack | None) -> Iterator[None]:
    """Let a model read its input as the rows of a pack, while the block lasts."""
    token = _pack.set(pack)
    try:
        yield
    finally:
        _pack.reset(token)


def settle(model: Any, settings: recipe.Train, attention: str, *, tell: bool = True) -> bool:  # noqa: ANN401
    """Return whether a model is trained on packs, and give it the attention for what it is trained on.

    A model on the CPU is tried there, whatever it is trained on: how rows are kept apart does not hang on the device.

    Raises:
        StudentError: the recipe says `always`, and rows would see each other.
    """
    # answers to one problem share its prompt; without that little is gained on a processor, where long rows have an
    # attention that packs have not
    pays = torch.cuda.is_available() or (settings.method == "grpo" and attention in NAMES)
    wanted = settings.packing == "always" or (settings.packing == "auto" and pays)
    why = refusal(model, attention) if wanted else ""
    if why and settings.packing == "always":
        raise StudentError(f"train.packing: {why}: set auto or never")
    if why and tell:
        print(f"note: rows are padded, not packed: {why}", file=sys.stderr)
    if not wanted or why:
        model.set_attn_implementation(attention)
    return wanted and not why


def refusal(model: Any, attention: str) -> str:  # noqa: ANN401 - a Hugging Face model
    """Return why a model cannot be trained on packs, or an empty text; it has the attention for packs then."""
    shown = type(model).__name__
    if not model._can_set_attn_implementation():
        return f"{shown} has an attention of its own, which does not keep packed rows apart"
    for inner, name in NAMES.items():
        ALL_ATTENTION_FUNCTIONS.register(name, _attending(inner))
        ALL_MASK_ATTENTION_FUNCTIONS.register(name, _masking(inner))
    model.set_attn_implementation(NAMES["eager" if attention == "eager" else "sdpa"])
    try:
        return f"{shown} {why}" if (why := leak(model)) else ""
    except StudentError as error:
        return f"{shown} {error}"


def leak(model: Any) -> str:  # noqa: ANN401 - a Hugging Face model
    """Return what packed rows of a model do to each other, or an empty text, found by changing all beside each.

    Raises:
        StudentError: it does not take packed rows at all.
    """
    model.eval()
    size = model.get_input_embeddings().num_embeddings
    device = model.get_input_embeddings().weight.device

    def hidden(rows: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        begins = [0, SHARED, *[0] * (len(rows) - 2)]
        pack = Pack.of(list(map(len, rows)), begins).to(device)
        ids = torch.cat([row[begin:] for row, begin in zip(rows, begins, strict=True)])[None]
        with torch.no_grad(), packed(pack):
            found = body_of(model)(input_ids=ids, position_ids=pack.positions, use_cache=False)
        states = found.last_hidden_state[0].float()
        return [states[places[: len(row)]] for row, places in zip(rows, pack.index, strict=True)]

    rows = [(torch.arange(n, device=device) * 7 + 3 * n).remainder(size) for n in TRIED]
    others = [(row * 5 + 11).remainder(size) for row in rows]
    for each in (rows, others):
        each[1][:SHARED] = each[0][:SHARED]
    try:
        together = hidden(rows)
        for number, row in enumerate(rows):
            # two rows begin alike, so that what they share stays as it is beside the one
            changed = [row if place == number else other for place, other in enumerate(others)]
            if number < 2:
                changed[1 - number] = torch.cat([row[:SHARED], others[1 - number][SHARED:]])
            beside = hidden(changed)[number]
            if (moved := _apart(together[number], beside)) > SEEN:
                return f"lets packed rows see each other: a state moves by {moved:.1%} when the rows beside it change"
            with torch.no_grad():
                alone = body_of(model)(input_ids=row[None], use_cache=False).last_hidden_state[0].float()
            if (moved := _apart(alone, together[number])) > OTHERWISE:
                return f"reads a packed row otherwise than alone (positions that go on?): a state moves by {moved:.1%}"
    except Exception as error:  # a model is a program: whatever it raises, it is not packed
        raise StudentError(f"does not take packed rows ({first_line(error)})") from error
    return ""


def _apart(one: torch.Tensor, other: torch.Tensor) -> float:
    """Return how far states differ, as a share of the largest; infinite where they are no numbers."""
    found = float((one - other).abs().max() / one.abs().max())
    return found if found == found else float("inf")


@dataclass(frozen=True, eq=False)
class _Rows:
    """What stands in the place of an attention mask: where the rows are, and the mask of each, None where causal."""

    pack: Pack
    mask: torch.Tensor | None


def _masking(inner: str) -> Callable[..., Any]:
    """Return a function that makes the masks of packs; `inner` is the attention of each row."""

    def mask(**asked: Any) -> Any:  # noqa: ANN401 - what transformers asks for: q_length, mask_function, local_size ...
        make = ALL_MASK_ATTENTION_FUNCTIONS[inner]
        pack = _pack.get()
        if pack is None or asked["q_length"] != len(pack.first):
            return make(**asked)
        longest, start = pack.index.shape[1], pack.longest
        local = asked.get("local_size")
        if inner == "sdpa" and not asked.get("use_vmap") and (local is None or longest <= local):
            return _Rows(pack, None)
        square = {"q_length": longest, "kv_length": longest, "q_offset": start, "kv_offset": start, "batch_size": 1}
        return _Rows(pack, make(**{**asked, **square, "allow_is_causal_skip": False}))

    return mask


def _attending(inner: str) -> Callable[..., Any]:
    """Return a function that attends within each row of a pack, as the attention `inner` does in a batch."""

    def attend(
        module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attention_mask: Any, **given: Any  # noqa: ANN401
    ) -> tuple[torch.Tensor, Any]:  # fmt: skip
        call = ALL_ATTENTION_FUNCTIONS[inner] if inner != "eager" else _eager(module)
        if not isinstance(attention_mask, _Rows):
            found: tuple[torch.Tensor, Any] = call(module, query, key, value, attention_mask, **given)
            return found
        parts = (attention_mask.pack.rows(tensor) for tensor in (query, key, value))
        out, _ = call(module, *parts, attention_mask.mask, **given)
        return attention_mask.pack.tokens(out), None

    return attend


def _eager(module: Any) -> Callable[..., Any]:  # noqa: ANN401 - a layer of attention
    """Return the attention by plain products that a layer's own file brings, which knows its caps and sinks."""
    found: Callable[..., Any] = inspect.unwrap(type(module).forward).__globals__["eager_attention_forward"]
    return found
