"""Numbers into the types of GGUF, by llama.cpp's own code where that is proved here, else by the package `gguf`.

The shared library in the wheel `xllamacpp` exports `ggml_quantize_chunk`, which nobody has promised: so it is compared
with the package, and with the numbers that went in, before anything is written with it.
"""

from __future__ import annotations

import ctypes
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from potstill.errors import StudentError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

LARGEST_ERROR = 0.09
"""Root mean square of what Q4_K makes of normal numbers, relative to theirs: 0.071 as it should be."""


class Library:
    """`ggml_quantize_chunk` of a shared library."""

    def __init__(self, path: Path) -> None:
        self._call = ctypes.CDLL(str(path)).ggml_quantize_chunk
        self._call.restype = ctypes.c_size_t
        pointer, count = ctypes.c_void_p, ctypes.c_int64
        self._call.argtypes = [ctypes.c_int, pointer, pointer, count, count, count, pointer]

    def quantised(self, values: Array, kind: str, importance: Array | None = None) -> Array:
        """Return the bytes of `values` (rows, columns) as (rows, bytes of a row); `importance`: (columns,)."""
        import gguf
        import numpy as np

        number = gguf.GGMLQuantizationType[kind]
        block, size = gguf.GGML_QUANT_SIZES[number]
        rows, columns = values.shape
        given = np.ascontiguousarray(values, dtype=np.float32)
        made = np.zeros((rows, columns // block * size), dtype=np.uint8)
        weights = None if importance is None else np.ascontiguousarray(importance, dtype=np.float32)
        counted = None if weights is None else weights.ctypes.data
        wrote = self._call(int(number), given.ctypes.data, made.ctypes.data, 0, rows, columns, counted)
        if wrote != made.nbytes:
            raise StudentError(f"export gguf: llama.cpp wrote {wrote} bytes as {kind} in the place of {made.nbytes}")
        return made


@cache
def library() -> tuple[Library | None, str]:
    """Return llama.cpp's quantiser where it does what it should, else None and why."""
    import gguf
    import numpy as np

    spec = find_spec("xllamacpp")
    found = sorted(Path(spec.origin).parent.glob("xllamacpp*.so")) if spec and spec.origin else []
    if not found:
        return None, "the wheel xllamacpp is not here"
    try:
        own = Library(found[0])
    except (OSError, AttributeError) as error:
        return None, f"the library of xllamacpp cannot be used ({error})"
    values = np.random.default_rng(0).standard_normal((8, 512)).astype(np.float32)
    known = gguf.quants.quantize(values, gguf.GGMLQuantizationType.Q8_0)
    if not np.array_equal(own.quantised(values, "Q8_0"), known):
        return None, "the library of xllamacpp writes other Q8_0 than the package gguf"
    back = gguf.quants.dequantize(own.quantised(values, "Q4_K"), gguf.GGMLQuantizationType.Q4_K)
    off = float(np.sqrt(((back - values) ** 2).mean() / (values**2).mean()))
    if not off < LARGEST_ERROR:
        return None, f"Q4_K of the library of xllamacpp is off by {off:.2g}"
    return own, ""


def possible(kind: str) -> str:
    """Return why numbers cannot be written as a type here, or an empty text."""
    import gguf
    import numpy as np

    own, why = library()
    if own is not None:
        return ""
    try:
        gguf.quants.quantize(np.zeros((1, 256), dtype=np.float32), gguf.GGMLQuantizationType[kind])
    except NotImplementedError:
        return why
    return ""


def quantised(values: Array, kind: str, importance: Array | None = None) -> Array:
    """Return a tensor of fp32 in a type; where that has blocks, as bytes with the bytes of a row last.

    `importance`: (columns,) says how much each column counts, where anybody has measured it.
    """
    import gguf
    import numpy as np

    own, _ = library()
    if own is None or kind in ("F32", "F16", "BF16"):
        made: Array = gguf.quants.quantize(values, gguf.GGMLQuantizationType[kind])
        return made
    if importance is None or not np.all(np.isfinite(importance)) or not np.any(importance > 0):
        return own.quantised(values, kind)  # a matrix that nothing went through has no columns that count
    return own.quantised(values, kind, importance)
