"""Formulas in LaTeX -> MathML, which browsers draw by themselves: no script, no font, no network.

A small language on purpose: fractions, roots, powers, indices, brackets, common signs and words. A formula with
anything else stays as it was written. Model text is hostile, so the input is bounded in length and depth, and every
piece of text is escaped by `Markup.format`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from markupsafe import Markup

LONGEST = 2_000
"""Characters of a formula that is drawn."""
WHOLE = 20_000
"""Characters of a text in which formulas are looked for; what is longer is shown as written."""
DEEPEST = 24
"""Groups within groups."""
MOST = 200
"""Formulas of one text that are drawn; further ones stay as they are written."""
_FORMULA = re.compile(
    r"\$\$(?P<a>[^$]{1,2000})\$\$|\\\[(?P<b>(?:(?!\\\]).){1,2000})\\\]|\\\((?P<c>(?:(?!\\\)).){1,2000})\\\)"
    r"|(?<![\\$\w])\$(?P<d>[^\s$](?:[^$\n]{0,500}[^\s$\\])?)\$(?![\w$])",
    re.DOTALL,
)
r"""`$x^2$`, `$$\frac12$$`, `\(a+b\)`, `\[a=b\]`; not the prices in `$5 and $6`."""
_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\d+(?:[.,]\d+)*|\s+|.", re.DOTALL)
r"""`\frac`, `\{`, `12.5`, `x`."""
_GREEK = ("alpha", "beta", "gamma", "delta", "epsilon", "theta", "lambda", "mu", "pi", "sigma", "phi", "omega")
_LETTERS = dict(zip(_GREEK, "αβγδεθλμπσφω", strict=True)) | {
    "infty": "∞", "Delta": "Δ", "Sigma": "Σ", "Omega": "Ω", "ell": "ℓ", "emptyset": "∅", "varnothing": "∅",
}  # fmt: skip
_SIGNS = {
    "times": "×", "cdot": "·", "div": "÷", "pm": "±", "mp": "∓", "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥",
    "ne": "≠", "neq": "≠", "approx": "≈", "equiv": "≡", "sim": "∼", "to": "→", "rightarrow": "→", "Rightarrow": "⇒",
    "implies": "⟹", "iff": "⟺", "in": "∈", "notin": "∉", "cup": "∪", "cap": "∩", "subset": "⊂", "subseteq": "⊆",
    "ldots": "…", "cdots": "⋯", "dots": "…", "circ": "∘", "angle": "∠", "sum": "∑", "prod": "∏", "int": "∫",
    "mid": "∣", "therefore": "∴", "because": "∵", "perp": "⊥", "parallel": "∥", "{": "{", "}": "}", "%": "%",
    "$": "$", "&": "&", "#": "#", "_": "_", "|": "‖", "langle": "⟨", "rangle": "⟩", "lfloor": "⌊", "rfloor": "⌋",
    "lceil": "⌈", "rceil": "⌉",
}  # fmt: skip
_SPACES = {",": "0.17em", ";": "0.28em", ":": "0.22em", "!": "0em", " ": "0.25em", "quad": "1em", "qquad": "2em"}
_NAMES = ("sin", "cos", "tan", "log", "ln", "exp", "min", "max", "gcd", "lcm", "lim", "deg", "det", "mod", "bmod")
_WORDS = ("text", "mathrm", "textbf", "mathbf", "operatorname", "mbox", "mathit", "textit")
_BARE = ("left", "right", "big", "Big", "bigg", "Bigg", "displaystyle", "limits", "bigl", "bigr")
"""Commands that change how something looks and not what it is; a `.` behind left and right is no sign."""


class _NoFormulaError(ValueError):
    """Something outside the language."""


def with_formulas(text: str) -> Markup:
    """Return a text as HTML with its formulas drawn; what is no formula, or none that is known here, is as written."""
    parts: list[Markup] = []
    end = drawn = 0
    if len(text) > WHOLE:
        return Markup.escape(text)
    for found in _FORMULA.finditer(text):
        if drawn == MOST:
            break
        inner = found["a"] or found["b"] or found["c"] or found["d"] or ""
        maths = formula(inner, block=found["a"] is not None or found["b"] is not None)
        if maths is not None:
            drawn += 1
            parts += [Markup.escape(text[end : found.start()]), maths]
            end = found.end()
    return Markup("").join([*parts, Markup.escape(text[end:])])


def formula(source: str, *, block: bool = False) -> Markup | None:
    """Return a formula as MathML with its source as annotation; None where it is outside the language."""
    if len(source) > LONGEST:
        return None
    reader = _FormulaReader(source)
    try:
        row = reader.row(0)
        reader.at_end()
    except _NoFormulaError:
        return None
    kind = Markup(' display="block"') if block else Markup("")
    return Markup('<math{} title="{}"><mrow>{}</mrow></math>').format(kind, " ".join(source.split()), row)


class _FormulaReader:
    """Reads a formula from left to right, one sign at a time."""

    def __init__(self, source: str) -> None:
        self.tokens = _TOKEN.findall(source)
        self.at = 0

    def at_end(self) -> None:
        if self.at < len(self.tokens):
            raise _NoFormulaError

    def row(self, depth: int) -> Markup:
        """Read up to a closing brace or the end."""
        return Markup("").join(self._parts(depth))

    def _parts(self, depth: int) -> Iterator[Markup]:
        if depth > DEEPEST:
            raise _NoFormulaError
        while (sign := self._peek()) is not None and sign != "}":
            if sign.isspace():
                self.at += 1
            else:
                yield self._scripted(depth)

    def _peek(self) -> str | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def _next(self) -> str:
        while (sign := self._peek()) is not None and sign.isspace():
            self.at += 1
        if sign is None:
            raise _NoFormulaError
        self.at += 1
        return sign

    def _scripted(self, depth: int) -> Markup:
        base = Markup("<mrow></mrow>") if self._peek() in ("^", "_") else self._one(depth)
        low = high = None
        while self._peek() in ("^", "_", "'"):
            place = self._next()
            inner = Markup("<mo>′</mo>") if place == "'" else self._argument(depth)
            if place == "_":
                if low is not None:
                    raise _NoFormulaError
                low = inner
            elif high is not None:
                raise _NoFormulaError
            else:
                high = inner
        if low is not None and high is not None:
            return Markup("<msubsup>{}{}{}</msubsup>").format(base, low, high)
        if low is not None:
            return Markup("<msub>{}{}</msub>").format(base, low)
        return base if high is None else Markup("<msup>{}{}</msup>").format(base, high)

    def _one(self, depth: int) -> Markup:
        if depth > DEEPEST:
            raise _NoFormulaError
        sign = self._next()
        if sign == "{":
            inner = self.row(depth + 1)
            self._close()
            return Markup("<mrow>{}</mrow>").format(inner)
        if sign.startswith("\\"):
            return self._command(sign[1:], depth)
        if sign[0].isdigit():
            return Markup("<mn>{}</mn>").format(sign)
        if sign in ("^", "_", "'", "}", "&", "#", "~"):
            raise _NoFormulaError
        if sign.isalpha():
            return Markup("<mi>{}</mi>").format(sign)
        return Markup("<mo>{}</mo>").format("−" if sign == "-" else sign)

    def _close(self) -> None:
        if self._next() != "}":
            raise _NoFormulaError

    def _command(self, name: str, depth: int) -> Markup:
        if name in _LETTERS:
            return Markup("<mi>{}</mi>").format(_LETTERS[name])
        if name in _SIGNS:
            return Markup("<mo>{}</mo>").format(_SIGNS[name])
        if name in _SPACES:
            return Markup('<mspace width="{}"></mspace>').format(_SPACES[name])
        if name in _NAMES:
            return Markup("<mi>{}</mi>").format(name.removeprefix("b"))
        if name in _BARE:
            if name in ("left", "right") and self._peek() == ".":
                self.at += 1
            return Markup("")
        if name in ("frac", "dfrac", "tfrac"):
            return Markup("<mfrac>{}{}</mfrac>").format(self._argument(depth), self._argument(depth))
        if name == "sqrt":
            return self._root(depth)
        if name in ("boxed", "fbox"):
            return Markup('<mrow class="boxed">{}</mrow>').format(self._one(depth + 1))
        if name in ("overline", "bar"):
            return Markup("<mover>{}<mo>¯</mo></mover>").format(self._one(depth + 1))
        if name in _WORDS:
            return Markup("<mtext>{}</mtext>").format(self._words())
        raise _NoFormulaError

    def _argument(self, depth: int) -> Markup:
        """Read what a command takes: a group, or one digit or sign of what follows."""
        sign = self._next()
        if sign[0].isdigit() and len(sign) > 1:
            self.at -= 1
            self.tokens[self.at] = sign[1:]
            return Markup("<mn>{}</mn>").format(sign[0])
        self.at -= 1
        return self._one(depth + 1)

    def _root(self, depth: int) -> Markup:
        if self._peek() != "[":
            return Markup("<msqrt>{}</msqrt>").format(self._one(depth + 1))
        self.at += 1
        index = self._next()
        if not index.isalnum() or self._next() != "]":
            raise _NoFormulaError
        return Markup("<mroot>{}<mn>{}</mn></mroot>").format(self._one(depth + 1), index)

    def _words(self) -> str:
        """Read the plain text of a group."""
        if self._next() != "{":
            raise _NoFormulaError
        found = []
        while (sign := self._peek()) != "}":
            if sign is None or sign in ("{", "$") or sign.startswith("\\"):
                raise _NoFormulaError
            found.append(sign)
            self.at += 1
        self.at += 1
        return "".join(found)
