"""Text to tokens, in linear time: LaTeX, plain and Python notation, and the Unicode that stands for either."""

from __future__ import annotations

import re
import unicodedata

from potstill.verify.symbolic.notation import (
    FUNCTIONS,
    GREEK,
    MARKS,
    RENAMED,
    SEPARATORS,
    SKIPPED,
    SMALL_WORDS,
    TEXTUAL,
    UNICODE,
    WORD_CONSTANTS,
)  # fmt: skip
from potstill.verify.symbolic.tree import MAX_CHARACTERS, MAX_TOKENS, Token, TooCostlyError, UnparsableError

_NUMBER = (
    r"(?P<repeating>\d*\.\d*\\overline\s{0,3}(?:\{\d+\}|\d))"
    r"|(?P<comma>0,\d{2,}(?![\d,]))"
    r"|(?P<grouped>\d{1,3}(?:(?:\{,\}|,?\\[!,;:]\s?|\\!,|,)\d{3})+(?!\d)(?:\.\d+)?)"
    r"|(?P<based>\d[0-9A-F]*[A-F][0-9A-F]*_(?:\{1[1-6]\}|1[1-6](?!\d)))"
    r"|(?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+(?![\d.]))?)"
)
_TOKEN = re.compile(
    r"(?P<space>(?:\s|\\[,;:!> ]|~|\\\n|\$|\u2061)+)"
    rf"|{_NUMBER}"
    r"|(?P<word>[A-Za-z]+)"
    r"|(?P<environment>\\(?:begin|end)\s{0,3}\{[a-zA-Z]{1,12}\*?\}(?:\s{0,3}\{[lcr|\s]{1,40}\}|\[[tbc]\])?)"
    r"|(?P<command>\\[A-Za-z]+)"
    r"|(?P<newline>\\\\)"
    r"|(?P<escaped>\\[{}%$&#_|()\[\]/'\"])"
    r"|(?P<mark>\*\*|<=|>=|==|!=|<|>|[-+*/^_=!|()\[\]{},;:.'%&])"
)
_DOUBLED = re.compile(r"\\\\(?=[A-Za-z!,;{}%])")
_CONTRACTION = re.compile(
    r"(?<![A-Za-z])(?:it|that|there|he|she|we|you|they|i|here|what)'(?:s|re|ll|ve|d|m)\b", re.IGNORECASE
)
_DERIVATIVE = re.compile(
    r"(?:\\[dt]?frac\s?\{d(?P<above>[xyuv])\}\s?\{d[xyt]\}|(?<![A-Za-z])d(?P<name>[xyuv])/d[xyt])(?=\s{0,3}=)"
)
_MEMBER = re.compile(r"((?<![A-Za-z])[A-Za-z] )in (?=[(\[])")
_WHOLE_OVER = re.compile(r"([^{}=,;<>\\]{1,200})\\over(?![A-Za-z])([^{}=,;<>\\]{1,200})")
_OVER = re.compile(r"\{([^{}]{1,200})\\over(?![A-Za-z])([^{}]{1,200})\}")
_BESIDE_J = re.compile("[ik]")
"""Letters beside which `j` is no imaginary unit."""
_UNITED = re.compile(r"\s{0,3}(?:\\left\s?)?[(\[]")
_COUNTED = re.compile(r"\s{0,3}\d")
_TEXT_BODY = re.compile(r"\s{0,3}\{([^{}]{0,400})\}")
_ARGUMENT = re.compile(r"\s{0,3}(?:\{[^{}]{0,100}\}|[^\\{}])?")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿⁱ⁽⁾ˣ", "0123456789+-ni()x")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉ₙ", "0123456789n")
_RAISED = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿⁱ⁽⁾ˣ]+")
_LOWERED = re.compile(r"[₀₁₂₃₄₅₆₇₈₉ₙ]+")
_DROPPED = frozenset(["Cf", "Cc", "Cs", "Co"])


def ascii_math(text: str) -> str:
    """Return the text with its Unicode mathematics written in LaTeX and invisible characters dropped."""
    text = _RAISED.sub(lambda found: "^{" + found.group().translate(_SUPERSCRIPTS) + "}", text)
    text = _LOWERED.sub(lambda found: "_{" + found.group().translate(_SUBSCRIPTS) + "}", text)
    return "".join(c if c.isascii() else UNICODE.get(c) or _written(c) for c in text)


def _written(character: str) -> str:
    if unicodedata.category(character) in _DROPPED:
        return ""
    if character.isspace():
        return " "
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    name = unicodedata.name(character, "")
    if name.startswith("VULGAR FRACTION") and "⁄" in unicodedata.normalize("NFKC", character):
        above, _, below = unicodedata.normalize("NFKC", character).partition("⁄")
        return rf"\frac{{{above}}}{{{below}}}"
    if name.startswith("GREEK "):
        _, size, _, letter = [*name.split(), "", "", ""][:4]
        letter = letter.lower().replace("lamda", "lambda")
        return f"\\{letter.capitalize() if size == 'CAPITAL' else letter} " if letter else character
    plain = unicodedata.normalize("NFKC", character)
    return plain if plain.isascii() else character


def tokenize(text: str, *, grouped: bool = True) -> list[Token]:
    """Return the tokens of an answer and a final `end`.

    `grouped`: whether `1,234` outside brackets is one number. Inside brackets a bare comma always separates.
    Raises `UnparsableError` for characters that no answer has and `TooCostlyError` beyond the limits.
    """
    if len(text) > MAX_CHARACTERS:
        raise TooCostlyError(f"longer than {MAX_CHARACTERS:,} characters")
    if not text.isascii():
        text = ascii_math(text)
    if "'" in text and _CONTRACTION.search(text):
        raise UnparsableError("a sentence")
    if _DERIVATIVE.search(text):
        text = _DERIVATIVE.sub(lambda found: f"{found['above'] or found['name']}' ", text)
    if " in " in text:
        text = _MEMBER.sub(r"\1\\in ", text)
    if "\\over" in text:
        whole = _WHOLE_OVER.fullmatch(text)
        text = rf"\frac{{{whole[1]}}}{{{whole[2]}}}" if whole else _OVER.sub(r"\\frac{\1}{\2}", text)
    if "\\\\" in text and "\\begin" not in text.replace("\\\\begin", ""):
        text = _DOUBLED.sub(r"\\", text)
    return _Scanner(text, grouped).run()


class _Scanner:
    """Position, bracket depth and the tokens so far."""

    def __init__(self, text: str, grouped: bool) -> None:
        self.text = text.rstrip("\\ \t\r\n.")
        self.grouped = grouped
        self.at = 0
        self.depth = 0
        self.spaced = False
        self.latex = "\\" in text
        self.imaginary_j = not self.latex and _BESIDE_J.search(text) is None
        self.tokens: list[Token] = []

    def run(self) -> list[Token]:
        match, end = _TOKEN.match, len(self.text)
        while self.at < end:
            found = match(self.text, self.at)
            if found is None:
                raise UnparsableError(f"{self.text[self.at]!r} is not part of an answer")
            kind = found.lastgroup or ""
            self.at = found.end()
            if kind == "space":
                self.spaced = True
                continue
            getattr(self, f"_{kind}")(found.group())
            self.spaced = False
            if len(self.tokens) > MAX_TOKENS:
                raise TooCostlyError(f"more than {MAX_TOKENS:,} tokens")
        self.add("end", "")
        return self.tokens

    def add(self, kind: str, text: str) -> None:
        self.tokens.append(Token(kind, text, self.spaced))

    def _number(self, text: str) -> None:
        self.add("number", text)

    _repeating = _based = _number

    def _comma(self, text: str) -> None:
        """Read `0,25` outside brackets as a decimal."""
        if self.depth or not self.grouped:
            self.at -= len(text) - 1
            return self.add("number", "0")
        return self.add("number", text.replace(",", "."))

    def _grouped(self, text: str) -> None:
        bare = re.search(r"\d,\d", text)
        if bare and (self.depth or not self.grouped or text[0] == "0"):
            self.at -= len(text) - text.index(",")
            text = text[: text.index(",")]
            return self.add("number", text)
        return self.add("number", re.sub(r"[^\d.]", "", text))

    def _word(self, text: str) -> None:
        if text in SEPARATORS:
            return self.add("mark", SEPARATORS[text])
        if text == "U" and self._last().text in (")", "]") and _UNITED.match(self.text, self.at):
            return self.add("mark", "cup")
        if text == "to" and self._last().kind == "number" and _COUNTED.match(self.text, self.at):
            return self.add("mark", ":")
        if text in ("st", "nd", "rd", "th") and self.tokens and self.tokens[-1].kind == "number" and not self.spaced:
            return None
        text = RENAMED.get(text, text)
        if text in WORD_CONSTANTS:
            return self.add("constant", WORD_CONSTANTS[text])
        if text in FUNCTIONS:
            return self.add("function", text)
        if text in GREEK:
            return self.add("name", text)
        if len(text) == 1:
            return self._letter(text)
        return self._run(text)

    def _letter(self, text: str) -> None:
        if text == "j" and self.imaginary_j and not self.spaced and self._last().kind == "number":
            text = "i"  # as Python and engineers write it
        digits = re.compile(r"\d+(?![\d.])").match(self.text, self.at) if not self.latex else None
        if digits and text not in "ei":
            self.at = digits.end()
            text = f"{text}_{int(digits.group()[:9])}"
        self.add("constant" if text in ("e", "i") else "name", text)

    def _last(self) -> Token:
        return self.tokens[-1] if self.tokens else Token("start", "", False)

    def _run(self, text: str) -> None:
        """Split letters written together: a leading known name, else single letters, else (from four on) a word."""
        for length in (6, 5, 4, 3, 2):
            head, tail = text[:length], text[length:]
            if not tail or len(tail) > 3:
                continue
            if head in FUNCTIONS or head in RENAMED or head == "pi" or (head in GREEK and len(head) > 2):
                self._word(head)
                self.spaced = False
                return self._word(tail)
        if len(text) > 3 or text in SMALL_WORDS:
            return self.add("word", text)
        for letter in text[:-1]:
            self.add("constant" if letter in "ei" else "name", letter)
            self.spaced = False
        return self._letter(text[-1])

    def _environment(self, text: str) -> None:
        name = text[text.index("{") + 1 : text.index("}")]
        self.add("begin" if text.startswith("\\begin") else "finish", name)

    def _command(self, text: str) -> None:
        name = text[1:]
        if name in SKIPPED:
            if name in ("left", "right") and self.text.startswith(".", self.at):
                self.at += 1
            self.spaced = True
        elif name in TEXTUAL:
            self._text(name)
        elif name == "over":
            raise UnparsableError("a fraction whose numerator has no end")
        elif name in ("phantom", "hphantom", "hspace", "vspace", "label", "tag", "color"):
            self.at = _ARGUMENT.match(self.text, self.at).end()  # type: ignore[union-attr]  # it matches nothing too
        elif name in MARKS:
            mark = MARKS[name]
            self._deepen(mark)
            self.add("mark", mark)
        elif name in ("pi", "infty"):
            self.add("constant", WORD_CONSTANTS[name])
        elif name in ("emptyset", "varnothing"):
            self.add("constant", "empty")
        elif name in GREEK:
            self.add("name", name.removeprefix("var"))
        elif name in ("dfrac", "tfrac", "cfrac", "frac", "sfrac"):
            self.add("command", "frac")
        elif name in ("binom", "dbinom", "tbinom", "choose"):
            self.add("command" if name != "choose" else "mark", "binom" if name != "choose" else "choose")
        elif name in FUNCTIONS or name in RENAMED:
            self.add("function", RENAMED.get(name, name))
        elif name in ("sum", "prod", "int", "lim", "overline", "mathbb", "underbrace", "iint", "oint"):
            self.add("command", name)
        elif name.startswith(("quad", "cdot", "infty")):
            self._glued(name)
        else:
            self.add("name", text[:40])

    def _glued(self, name: str) -> None:
        """Read `\\quadx` as `\\quad x`: a space was lost between a command and a letter."""
        head = next(known for known in ("quad", "cdot", "infty") if name.startswith(known))
        self.at -= len(name) - len(head)
        self._command(f"\\{head}")

    def _text(self, name: str) -> None:
        """Read what a text command holds: a separator, a name, a number, or words."""
        found = _TEXT_BODY.match(self.text, self.at)
        if found is None:
            return
        self.at = found.end()
        body = found.group(1).strip(" \\,;.~")
        if body.lower() in ("and", "or", "and/or"):
            self.add("mark", body.lower()[:3].strip("/"))
        elif body in FUNCTIONS:
            self.add("function", body)
        elif len(body) == 1 and body.isalpha() and (body in "eidxyzn" or not self._is_unit(name)):
            self.add("constant" if body in "ei" else "name", body)
        elif re.fullmatch(r"-?\d+(?:\.\d+)?", body):
            self.add("number", body) if body[0] != "-" else self.tokens.extend(
                [Token("mark", "-", self.spaced), Token("number", body[1:], False)]
            )
        elif body:
            self.add("text", body)

    def _is_unit(self, name: str) -> bool:
        """Whether a single upright letter is a word: in `\\text`, or after a number as in `5\\,\\mathrm{m}`."""
        return name not in ("mathrm", "mathbf", "operatorname") or (
            name == "mathrm" and bool(self.tokens) and self.tokens[-1].kind == "number"
        )

    def _newline(self, text: str) -> None:
        self.add("mark", "newline")

    def _escaped(self, text: str) -> None:
        if text in ("\\(", "\\)", "\\[", "\\]", "\\$", "\\#"):
            self.spaced = True
            return
        mark = {"\\%": "%", "\\|": "|", "\\/": "/", "\\'": "'", "\\&": "and", "\\_": "_"}.get(text, text)
        self._deepen(mark)
        self.add("mark", mark)

    def _mark(self, text: str) -> None:
        if text == "." and self.text[self.at : self.at + 1] in ("", "}", "$", "\\", ")"):
            return
        self._deepen(text)
        self.add("mark", {"**": "^", "==": "="}.get(text, text))

    def _deepen(self, mark: str) -> None:
        if mark in ("(", "[", "\\{", "langle"):
            self.depth += 1
        elif mark in (")", "]", "\\}", "rangle"):
            self.depth = max(0, self.depth - 1)
