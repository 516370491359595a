"""The forward passes of a batch: prompts read without padding, then one token of every row a step."""

from __future__ import annotations

import copy
import inspect
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from potstill.models.local.loading import UNBOUNDED

if TYPE_CHECKING:
    import torch

    from potstill.models.local.prefixes import Prefixes

COMPACT_SHARE = 0.2
"""Finished rows leave the batch once they are this share of it: one looping row must not hold up the rest."""
SHARED_AT_LEAST = 8
"""Tokens of a common prefix that are worth a forward pass of their own."""
PADS_AT_MOST = 16
"""Tokens by which a prompt may be shorter than the longest that it is read with; a pass of its own takes as long."""
PROBE = [0, 1, 2, 3]
"""Tokens with which a model is tried when it is loaded."""
UNLIKE = 0.5
"""Difference of logits, as a share of how far they spread, that no rounding explains."""
ROUNDED = 0.05
"""The same for products in another order, bf16 included."""
_CACHES = ("past_key_values", "cache", "cache_params")
"""Names under which models take and return what they remember of the tokens before; `cache` since transformers 5.24."""


@dataclass(kw_only=True)
class RowGroup:
    """Rows that are written together, and what the model remembers of them.

    `ids` are all tokens so far where the model remembers nothing, else None; `lengths` the tokens of each row;
    `logits`: (rows, vocabulary) of the token that comes next; `mask`: (rows, columns), 0 before a row's first token.
    Where `of` says which prompt each row follows, `cache` and `mask` are those of the prompts, and once rows are
    written they are in `prefixes`.
    """

    rows: list[int]
    lengths: torch.Tensor
    mask: torch.Tensor
    logits: torch.Tensor
    cache: Any
    ids: torch.Tensor | None
    of: torch.Tensor | None = None
    prefixes: Prefixes | None = None

    def follow(self, of: torch.Tensor) -> None:
        """Let rows be those that follow the prompts `of`, each of which is remembered once."""
        self.of, self.lengths, self.logits = of, self.lengths[of], self.logits[of]

    def keep(self, chosen: torch.Tensor) -> None:
        """Drop all rows but these."""
        self.rows = [self.rows[index] for index in chosen.tolist()]
        self.lengths, self.logits = self.lengths[chosen], self.logits[chosen]
        if self.prefixes is not None:
            self.prefixes.keep(chosen)
            return
        self.mask = self.mask[chosen]
        if self.cache is not None:
            self.cache.reorder_cache(chosen)
        if self.ids is not None:
            self.ids = self.ids[chosen]


class Decoder:
    """How one model reads prompts and goes on from them, the same whatever else is in the batch.

    No token of a row ever meets one that is none, be it by a window, a bias by distance or a recurrent state. Prompts
    of like lengths are read together, with pads behind the shorter ones, where the model remembers each token by
    itself: no token looks ahead, and the pads go to the front of what is remembered and are masked. Elsewhere only
    prompts of one length are read together. Rows of different lengths are then written together where the model takes
    each row's own positions and what it remembers can stand side by side; elsewhere each length has its own batch.
    `context` is the most tokens that the model takes.
    """

    def __init__(self, model: Any, context: int) -> None:  # noqa: ANN401 - a model of transformers
        takes = inspect.signature(model.forward).parameters
        self.model, self.context = model, context
        self._steady = _steady(model.config.get_text_config())
        self._last = {"logits_to_keep": 1} if "logits_to_keep" in takes else {}
        self._forgets = {"use_cache": False} if "use_cache" in takes else {}
        self._remembered = next((name for name in _CACHES if name in takes), None)
        self._placed = "position_ids" in takes
        with _torch().inference_mode():
            cache = self._tried_cache() if self._remembered is not None else None
        if cache is None:
            self._remembered = None
        from potstill.models.local.cache import continues, mergeable, movable, separate

        self._movable, self._continues = movable(cache), continues(cache)
        self._pads = PADS_AT_MOST if separate(cache) and self._placed else 0
        # Where a row's chunks begin is miscounted by transformers 5.23 once columns before them have left the cache.
        chunked = "chunked_attention" in (getattr(model.config.get_text_config(), "layer_types", None) or ())
        self._mergeable = mergeable(cache) and not chunked
        with _torch().inference_mode():
            self._shares = self._pads > 0 and model.device.type == "cpu" and self._tried_prefixes()

    def steps(
        self,
        prompts: Mapping[int, Sequence[int]],
        most: int,
        written: Mapping[int, Sequence[int]],
        ended: Mapping[int, str],
    ) -> Iterator[tuple[list[int], torch.Tensor]]:
        """Yield (rows in the batch, next-token logits: (rows, vocabulary)) until all rows have ended.

        `prompts` are the token ids of each row, at least one; `most` is how many tokens will be written at most. Who
        asks writes a token of each row, or says in `ended` that it has one no more; such rows leave the cache.
        """
        if not prompts:
            return
        steady = max(map(len, prompts.values())) + most <= self._steady
        pads = self._pads if steady else 0
        parts = self._parts(prompts, share=steady and self._placed and self._continues, pads=pads)
        if steady and self._placed and self._mergeable:
            parts = iter([_joined(list(parts))])
        for part in parts:
            yield from self._write(part, written, ended)

    def _parts(self, prompts: Mapping[int, Sequence[int]], *, share: bool, pads: int) -> Iterator[RowGroup]:
        """Read the prompts, the shortest first; what begins all of them, and a prompt that occurs again, only once."""
        shared = _shared(list(prompts.values())) if share else 0
        prefix = self._read([next(iter(prompts.values()))[:shared]], 0, None).cache if shared else None
        ordered = sorted(prompts, key=lambda row: len(prompts[row]))
        for rows in _bands(ordered, [len(prompts[row]) for row in ordered], pads):
            texts = [tuple(prompts[row][shared:]) for row in rows]
            if self._movable:
                once = {text: number for number, text in enumerate(dict.fromkeys(texts))}
                part = self._read(list(once), shared, prefix)
                of = self._tensor([once[text] for text in texts])
                if self._shares:
                    part.follow(of)
                elif len(once) < len(rows):
                    part.keep(of)
            else:
                part = self._read(texts, shared, prefix)
            part.rows = rows
            yield part

    def _read(self, texts: Sequence[Sequence[int]], shared: int, prefix: Any) -> RowGroup:  # noqa: ANN401 - its cache
        """Read texts after a prefix of `shared` tokens, whose cache stays as it is.

        Texts of several lengths are read up to their last tokens, which then follow in a step of their own.
        """
        from potstill.models.local.cache import shifted

        count, longest = len(texts), max(map(len, texts))
        cache = copy.deepcopy(prefix)
        if cache is not None:
            cache.reorder_cache(self._tensor([0] * count))
        lengths = self._tensor([shared + len(text) for text in texts])
        missing = [longest - len(text) for text in texts]
        if any(missing):
            read = [[*text[:-1], *[0] * pads] for text, pads in zip(texts, missing, strict=True)]
            last = [[text[-1]] for text in texts]
            width = shared + longest - 1
            ones = self._tensor([[1] * width] * count)
            _, cache = self._forward(self._tensor(read), ones, self._tensor([[*range(shared, width)]] * count), cache)
            cache = shifted(cache, missing)
            mask = self._tensor([[0] * pads + [1] * (width + 1 - pads) for pads in missing])
            logits, cache = self._forward(self._tensor(last), mask, lengths.unsqueeze(1) - 1, cache)
            ids = None
        else:
            length = shared + longest
            ids, mask = self._tensor([list(text) for text in texts]), self._tensor([[1] * length] * count)
            logits, cache = self._forward(ids, mask, self._tensor([[*range(shared, length)]] * count), cache)
        return RowGroup(
            rows=list(range(count)),
            lengths=lengths,
            mask=mask,
            logits=logits,
            cache=cache,
            ids=ids if cache is None else None,
        )

    def _tried_cache(self) -> Any:  # noqa: ANN401 - a cache of transformers, or None
        """Return a cache with which the model says the same as when it reads all tokens again, None without one."""
        whole = self.model(input_ids=self._tensor([PROBE]), use_cache=False).logits[:, -1].float()
        try:
            part = self._read([PROBE[:-1]], 0, None)
            mask, positions = self._tensor([[1] * len(PROBE)]), self._tensor([[len(PROBE) - 1]])
            logits, cache = self._forward(self._tensor([PROBE[-1:]]), mask, positions, part.cache)
        except (AssertionError, AttributeError, IndexError, RuntimeError, TypeError, ValueError):
            return None  # CPM-Ant and XLM take all tokens each time
        return cache if (logits - whole).norm() <= UNLIKE * (whole - whole.mean()).norm() else None

    def _tried_prefixes(self) -> bool:
        """Return whether rows that follow prompts which are remembered once are given the logits of rows in a cache."""
        of, ids = self._tensor([0, 1, 0]), self._tensor([[3], [2], [0]])
        try:
            part = self._read([PROBE[:-1], PROBE[:-2]], 0, None)
            other = copy.deepcopy(part)
            part.keep(of)
            other.follow(of)
            for one in (part, other):
                self._begin(one)
                self._next(one, ids)
        except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError):
            return False  # an attention of its own
        spread = part.logits - part.logits.mean()
        return bool((part.logits - other.logits).norm() <= ROUNDED * spread.norm())

    def _write(
        self, part: RowGroup, written: Mapping[int, Sequence[int]], ended: Mapping[int, str]
    ) -> Iterator[tuple[list[int], torch.Tensor]]:
        self._begin(part)
        while True:
            yield part.rows, part.logits
            keep = [index for index, row in enumerate(part.rows) if row not in ended]
            if not keep:
                return
            if self._movable and len(part.rows) - len(keep) >= max(1, COMPACT_SHARE * len(part.rows)):
                part.keep(self._tensor(keep))
            # A row that has ended and is still here goes on with any token: nobody reads it.
            ids = self._tensor([[0 if row in ended else written[row][-1]] for row in part.rows])
            self._next(part, ids)

    def _begin(self, part: RowGroup) -> None:
        """Make room for what will be written."""
        from potstill.models.local.cache import with_room

        if part.of is None:
            part.cache = with_room(part.cache)
            return
        from potstill.models.local.prefixes import Prefixes

        part.prefixes = Prefixes(part.cache, part.of, part.mask)

    def _next(self, part: RowGroup, ids: torch.Tensor) -> None:
        """Read one token of each row, (rows, 1), whose logits are those of the next then."""
        torch = _torch()
        positions = part.lengths.clamp(max=self.context - 1).unsqueeze(1)  # of rows that ended at the context's end
        part.lengths = part.lengths + 1
        if part.prefixes is not None:
            from potstill.models.local.prefixes import following

            with following(self.model, part.prefixes):
                part.logits, _ = self._forward(ids, None, positions, part.cache)
            return
        part.mask = torch.cat([part.mask, torch.ones_like(part.mask[:, :1])], dim=1)
        if part.ids is not None:
            part.ids = ids = torch.cat([part.ids, ids], dim=1)
            positions = part.mask.cumsum(1) - 1
        part.logits, part.cache = self._forward(ids, part.mask, positions, part.cache)

    def _forward(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor | None,
        positions: torch.Tensor,
        cache: Any,  # noqa: ANN401
    ) -> tuple[torch.Tensor, Any]:
        """Return (logits of the last token: (rows, vocabulary), the cache with all tokens)."""
        given: dict[str, Any] = {**self._last}
        if self._placed:
            given |= {"attention_mask": mask, "position_ids": positions}
        given |= {self._remembered: cache, "use_cache": True} if self._remembered is not None else self._forgets
        out = self.model(input_ids=ids, **given)
        return out.logits[:, -1].float(), getattr(out, self._remembered or "", None)

    def _tensor(self, values: Any) -> torch.Tensor:  # noqa: ANN401 - numbers or rows of them
        made: torch.Tensor = _torch().tensor(values, device=self.model.device)
        return made


def _joined(parts: Sequence[RowGroup]) -> RowGroup:
    """Return the rows of all parts, the last of which has the longest."""
    from potstill.models.local.cache import merged

    if len(parts) == 1:
        return parts[0]
    torch = _torch()
    width = parts[-1].mask.shape[1]
    pad = torch.nn.functional.pad
    before = itertools.accumulate((len(part.mask) for part in parts), initial=0)
    of = [part.of + prompts for part, prompts in zip(parts, before, strict=False) if part.of is not None]
    return RowGroup(
        rows=[row for part in parts for row in part.rows],
        lengths=torch.cat([part.lengths for part in parts]),
        mask=torch.cat([pad(part.mask, (width - part.mask.shape[1], 0)) for part in parts]),
        logits=torch.cat([part.logits for part in parts]),
        cache=merged([part.cache for part in parts]),
        ids=None,
        of=torch.cat(of) if of else None,
    )


def _bands(rows: Sequence[int], lengths: Sequence[int], pads: int) -> Iterator[list[int]]:
    """Yield rows, the shortest first, whose lengths are at most `pads` apart."""
    start = 0
    for place, length in enumerate(lengths):
        if length - lengths[start] > pads:
            yield list(rows[start:place])
            start = place
    yield list(rows[start:])


def _shared(encoded: Sequence[Sequence[int]]) -> int:
    """Return how many first tokens all rows share, leaving each at least one; 0 where it would not pay."""
    most = min(map(len, encoded)) - 1
    first = encoded[0]
    same = next((n for n in range(most) if any(row[n] != first[n] for row in encoded)), most)
    return same if same >= SHARED_AT_LEAST and len(encoded) > 1 else 0


def _steady(config: Any) -> int:  # noqa: ANN401 - a config of transformers
    """Return up to how many tokens a row's rotary embedding does not depend on the longest row beside it.

    The kinds `longrope` and `dynamic` change with the largest position of the whole batch.
    """
    rope = getattr(config, "rope_parameters", None) or {}
    kinds = [rope, *(value for value in rope.values() if isinstance(value, dict))]
    bounds = [
        int(kind.get("original_max_position_embeddings") or config.max_position_embeddings)
        for kind in kinds
        if kind.get("rope_type") in ("dynamic", "longrope")
    ]
    return min(bounds, default=UNBOUNDED)


def _torch() -> Any:  # noqa: ANN401 - the module, imported late
    import torch

    return torch
