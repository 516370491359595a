"""Unicode and LaTeX dress taken off a short answer, so that equal values have equal spelling. Linear time."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_INVISIBLE = dict.fromkeys(
    [*range(0x09), *range(0x0E, 0x20), 0x7F, 0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F),
     *range(0x2060, 0x2070), *range(0xFE00, 0xFE10), 0xFEFF, *range(0xD800, 0xE000)]
)  # fmt: skip
_SIGNS = {
    **dict.fromkeys(map(ord, "−–—‐‑‒﹣－"), "-"), ord("⁄"): "/", ord("∕"): "/", ord("÷"): "/",
    ord("×"): "*", ord("·"): "*", ord("⋅"): "*", ord("∗"): "*", ord("٫"): ".", ord("٬"): ",",
    ord("，"): ",", ord("。"): ". ",
    ord("’"): "'", ord("‘"): "'", ord("“"): '"', ord("”"): '"', ord("º"): "°",
}  # fmt: skip
_SUPERSCRIPTS = re.compile("[⁰¹²³⁴-⁹⁺⁻]+")
_VULGAR = re.compile("[¼-¾⅐-⅞↉]")
_NARROW = re.compile("(?<=\\d)[\u00a0\u2009\u202f](?=\\d{3}(?!\\d))")
_DIGIT = re.compile(r"[^\W_0-9A-Za-z]")


def visible(text: str) -> str:
    """Return the text without invisible, bidirectional and control characters and lone surrogates."""
    return text if text.isascii() and text.isprintable() else text.translate(_INVISIBLE)


def plain_unicode(text: str) -> str:
    """Return the text in NFKC with ASCII digits and signs, without invisible or bidirectional characters.

    Kept apart where NFKC alone would change a value: `2½` becomes `2 1/2` and `5²` becomes `5^2`.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _VULGAR.sub(lambda found: f" {unicodedata.normalize('NFKC', found.group())} ", text)
    text = _SUPERSCRIPTS.sub(lambda found: f"^{unicodedata.normalize('NFKC', found.group())}", text)
    text = _NARROW.sub(",", text)
    text = unicodedata.normalize("NFKC", text.translate(_INVISIBLE)).translate(_SIGNS)
    return text if text.isascii() else _DIGIT.sub(_ascii_digit, text)


def _ascii_digit(found: re.Match[str]) -> str:
    value = unicodedata.decimal(found.group(), None)
    return found.group() if value is None else str(value)


_WRAPPER = re.compile(
    r"\\(?:text|textbf|textit|textrm|texttt|mathrm|mathbf|mathit|mathsf|mathtt|mbox|hbox|operatorname|bold|boldsymbol|bm"
    r"|emph|underline|boxed|fbox|displaystyle|textstyle|scriptstyle|rm|bf|it|math)(?![A-Za-z])"
)
_SPACE = re.compile(r"\\(?:[,;: ]|quad|qquad|enspace|thinspace|medspace|hspace\{[^{}]*\})(?![A-Za-z])|\\ |~|\s+")
_THIN = re.compile(r"(?<=\d)(?:\\,|\\ |\\;|\\:|~)(?=\d{3}(?!\d))")
_DROPPED = re.compile(
    r"\\!|\\left(?![a-z])\.?|\\right(?![a-z])\.?|\\[bB]igg?[lr]?(?![a-z])|\\[()\[\]]|\\limits|\\displaystyle"
)
_FRACTION = re.compile(r"\\[dtc]?frac\s*(?:\{([^{}]*)\}|(\d))\s*(?:\{([^{}]*)\}|(\d))")
_UNIT_FRACTION = re.compile(
    r"\\[dt]?frac\s?" + r"\s?".join([r"\{\s?\\(?:text|mathrm)\s?\{\s?([A-Za-z]{1,4})\s?\}\s?\}"] * 2)
)
_BOLD = re.compile(r"(?<![\w)\]}])\*\*(?=\S)([^*\n]+)(?<=\S)\*\*(?![\d(])")
_STARS = re.compile(r"(?<=[\w)\]}])(\*\*| \*\* )(?=[\w({\\+-])|\*\*")
_OVER = re.compile(r"\{([^{}\\]{1,200})\\over(?![A-Za-z])([^{}\\]{1,200})\}")
_OHM = re.compile(r"(?<=\d)(?:\s|\\[,; ]|~){0,3}([kM]?)\\Omega(?![A-Za-z])")
_MICRO = re.compile(r"\\mu\s?\\(?:text|mathrm)\s?\{\s?([A-Za-z]{1,3})\s?\}|(?<=\d)\s?\\mu\s?([FHCm])(?=[\s.$]{0,3}\Z)")
_DEGREES = re.compile(r"\^\s*\{?\s*\\circ\s*\}?|\\degree(?![a-z])|°")
_TIMES = re.compile(r"\\(?:times|cdot)(?![A-Za-z])")
_BASE_SIGNS = (("\\$", "$"), ("\\%", "%"), ("{,}", ","), ("\\&", "&"), ("\\#", "#"), ("\\pounds", "£"), ("\\euro", "€"))


_PARTS = {"half": 2, "third": 3, "quarter": 4}
_AND_A_HALF = re.compile(r"(?<![\d.])(\d{1,9}) and a (half|third|quarter)\b")


@lru_cache(maxsize=64)
def plain_math(text: str) -> str:
    """Return a short answer without Markdown and LaTeX dress; fractions of two plain parts become `a/b`.

    Commands that carry meaning and are not known here keep their backslash, so that nothing passes for a number
    by losing a part.
    """
    text = plain_unicode(text)
    if text.isalnum():
        return text
    if " and a " in text:
        text = _AND_A_HALF.sub(lambda found: f"{found[1]} 1/{_PARTS[found[2]]}", text)
    if "\\" in text or "{" in text or "^" in text or "~" in text or "°" in text:
        for written, sign in _BASE_SIGNS:
            text = text.replace(written, sign)
        text = _THIN.sub(",", text)
        text = _OHM.sub(r" \1Ω", text)
        text = _MICRO.sub(lambda found: f" µ{found.group(1) or found.group(2)}", text)
        text = _OVER.sub(r"\\frac{\1}{\2}", text)
        text = _UNIT_FRACTION.sub(r" \1/\2", text) if "frac" in text else text
        text = _DROPPED.sub("", text)
        text = _FRACTION.sub(_plain_fraction, text)
        text = _DEGREES.sub(" degrees ", text)
        text = _TIMES.sub("*", text)
        text = _SPACE.sub(" ", text)
        text = _unwrap(text)
    else:
        text = _SPACE.sub(" ", text)
    if "-(" in text or "- (" in text:
        text = _NEGATIVE.sub(r"-\1", text)
    return without_emphasis(text).replace("`", "").strip()


_NEGATIVE = re.compile(
    r"(?<![\w)\]}])(?<![\d)\]}]\s)(?<!\b[A-Za-z]\s)-\s?\((\d+(?:\.\d+)?(?:\s?/\s?\d+)?)\)(?!\s?[\w^(/*!])"
)
"""`-(3/2)`; not the difference `5 - (3/2)`, nor `-(3/2)x`."""


def without_emphasis(text: str) -> str:
    """Return the text without the marks of bold print; two stars between operands are a power and stay."""
    if "**" in text:
        text = _STARS.sub(r"\1", _BOLD.sub(r"\1", text))
    return text.replace("__", "")


def _plain_fraction(found: re.Match[str]) -> str:
    above = found.group(1) if found.group(1) is not None else found.group(2)
    below = found.group(3) if found.group(3) is not None else found.group(4)
    if not _simple(above) or not _simple(below):
        return f" \\frac({above})({below}) "
    return f" {above.strip()}/{below.strip()} "


def _simple(part: str) -> bool:
    return part.strip().replace(".", "", 1).replace(",", "").removeprefix("-").isdigit()


def _unwrap(text: str) -> str:
    """Take `\\text` and its like away, then the braces that no command or power owns."""
    text = _WRAPPER.sub(" ", text)
    if "{" not in text:
        return text
    return re.sub(r"(?<![\\^_A-Za-z}])\s*\{([^{}]*)\}", r" \1 ", text).strip()


_EDGE = " \t\n\r.,;:!?\"'`*_$()[]{}"


def plain_words(text: str) -> str:
    """Return the text for exact comparison of words: NFKC, casefolded, single spaces, trimmed of punctuation."""
    text = plain_math(text) if "\\" in text else without_emphasis(plain_unicode(text))
    return " ".join(text.casefold().split()).strip(_EDGE)


def spelling(text: str) -> str:
    """Return a key of an expression's spelling: its dress, its spaces and its outer dollar signs taken away."""
    return "".join(plain_math(text).replace("$", "").split()).rstrip(".")
