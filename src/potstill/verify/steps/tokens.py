"""The words, numbers and signs of a step, read once from left to right.

Nothing is computed here but the value of each written number, whose digits are bounded. Linear time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from potstill.verify.normalise import plain_unicode
from potstill.verify.steps.units import UNITS
from potstill.verify.steps.words import FUNCTIONS

MAX_DIGITS = 60


@dataclass(frozen=True, slots=True)
class Token:
    """One sign of a step, at `start` to `end` of its plain text.

    `kind` is `number`, `word`, `variable`, an operator (`+ - * / ^ ! %`), `x` (a sign of multiplication or a letter),
    `of`, `(`, `)`, `=`, `~` (approximately), `is`, `fraction`, `root`, `comma` or `stop` (ends any expression).
    `spaced` and `glued` tell whether white space stands before it and whether none stands after; `money` whether a
    currency sign stands before, `opens` whether it is the first of its line.
    """

    kind: str
    text: str
    start: int
    end: int
    spaced: bool
    glued: bool
    money: bool
    opens: bool
    value: Fraction = Fraction(0)
    decimals: int = 0


_SUBSCRIPT = re.compile("[₀-₉]")
_SPELLED = (
    ("\\$", "$"), ("\\%", "%"), ("{,}", ","), ("\\!", ""), ("\\\\", "\n"), ("&", " "), ("\\#", "#"), ("\\cent", "¢"),
    ("^{\\circ}", "°"), ("^\\circ", "°"), ("\\sqrt[", "\\root["),
)  # fmt: skip
_ESCAPED_LINE = re.compile(r"\\n(?![a-z])")
_FACTORIAL = re.compile(r"(?<=\d)!=(?=\s?\d)")
"""`5!=120`, a factorial and its value: that two written numbers differ, nobody has to say."""
_THIN = re.compile(r"(?<=\d)(?:,\\[,;: ]\s?|\\[,;: ])(?=\d{3}(?!\d))")
_WRAPPED = re.compile(
    r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathit|mbox|boxed|fbox|operatorname|underline|bold)\s?\{([^{}]{0,200})\}"
)
_DIGIT_FRACTION = re.compile(r"\\[dtc]?frac\s?(\d)\s?(\d)(?!\d)")
_DRESS = re.compile(
    r"\\(?:left|right|displaystyle|textstyle|limits|[bB]igg?[lr]?|quad|qquad)(?![A-Za-z])|\\[()\[\],;: ]"
    r"|\\(?:begin|end)\{[a-z]{1,12}\*?\}"
)
_PHRASES = (
    (re.compile(r"(?<!not )\b(?:(?:is|are) equal to|equals|equal to)\b"), " = "),
    (re.compile(r"\bmultiplied by\b"), " * "),
    (re.compile(r"\bdivided by\b"), " / "),
    (re.compile(r"\bplus\b"), " + "),
    (re.compile(r"\bminus\b"), " - "),
    (re.compile(r"(?<=\d) squared\b"), "^2"),
    (re.compile(r"(?<=\d) cubed\b"), "^3"),
    (re.compile(r"\b(?:one[- ])?half of (?=\$?\d)"), "1/2 of "),
    (re.compile(r"\b(?:a|one)[- ]third of (?=\$?\d)"), "1/3 of "),
    (re.compile(r"\b(?:a|one)[- ](?:quarter|fourth) of (?=\$?\d)"), "1/4 of "),
    (re.compile(r"\b(?:a|one)[- ]fifth of (?=\$?\d)"), "1/5 of "),
    (re.compile(r"\btwice (?=\$?\d)"), "2 * "),
)
_TOKEN = re.compile(
    r"(?P<space>[ \t]+)"
    r"|(?P<line>\s+)"
    r"|(?P<ordinal>\d{1,9}(?:st|nd|rd|th)(?!\w))"
    r"|(?P<clock>\d{1,9}:\d+(?::\d+)*)"
    r"|(?P<odd>(?!(?:\d{1,3}(?:,\d{3}){1,16}|\d+)(?:\.\d+)?(?![.,]?\d))\d+(?:[.,]\d+)+)"
    r"|(?P<number>(?:(?:\d{1,3}(?:,\d{3}){1,16}(?!\d|,\d)|\d+)(?:\.\d+)?|(?<![\d.])\.\d+)(?:[eE][+-]?\d{1,3}(?![\w.]))?)"
    r"|(?P<command>\\[A-Za-z]+)"
    r"|(?P<word>[^\W\d_]+(?:['’-][^\W\d_]+)*|°[CF]?|¢)"
    r"|(?P<relation>[<>!:]=+|=+[<>]|=+|[-~]+>|<-+)"
    r"|(?P<power>(?<=[\d)])\*\*(?=[-(\d])|(?<=[\d)] )\*\*(?= [-(\d])|\^)"
    r"|(?P<currency>[$€£¥₹])"
    r"|(?P<other>.)",
    re.DOTALL,
)
_SIGNS = {
    "+": "+", "-": "-", "*": "*", "/": "/", "!": "!", "%": "%", "(": "(", ")": ")", "[": "(", "]": ")", "{": "(",
    "}": ")", "≈": "~", "≃": "~", "≅": "~", "∼": "~", "~": "~", ",": "comma", "√": "root",
    **dict.fromkeys("_|\\'@&⌊⌋⌈⌉∑∏∫", "variable"),
}  # fmt: skip
_COMMANDS = {
    "\\times": "*", "\\cdot": "*", "\\ast": "*", "\\div": "/", "\\frac": "fraction", "\\dfrac": "fraction",
    "\\tfrac": "fraction", "\\cfrac": "fraction", "\\sqrt": "root", "\\approx": "~", "\\simeq": "~", "\\sim": "~",
    **dict.fromkeys(
        ("\\implies", "\\Rightarrow", "\\rightarrow", "\\to", "\\Longrightarrow", "\\item", "\\therefore", "\\because",
         "\\newline", "\\leq", "\\geq", "\\le", "\\ge", "\\lt", "\\gt", "\\neq", "\\ne", "\\equiv"),
        "stop",
    ),
}  # fmt: skip
_WORDS = {
    "x": "x", "X": "x", "times": "x", "of": "of", "is": "is", "percent": "%", "pct": "%", "a": "word", "I": "word",
}  # fmt: skip


def plain(step: str) -> str:
    """Return a step in plain signs: NFKC, ASCII digits and operators, LaTeX without layout, operators as signs."""
    text = plain_unicode(_SUBSCRIPT.sub("_", step))
    text = _FACTORIAL.sub("! = ", _ESCAPED_LINE.sub("\n", text))
    if "\\" in text or "&" in text or "{," in text or "°" in text:
        for written, sign in _SPELLED:
            text = text.replace(written, sign)
        text = _THIN.sub(",", text)
        text = _DIGIT_FRACTION.sub(r"\\frac{\1}{\2}", _WRAPPED.sub(r" \1 ", text))
        text = _DRESS.sub(" ", text)
    for phrase, sign in _PHRASES:
        text = phrase.sub(sign, text)
    return text


def tokens_of(text: str) -> list[Token]:
    """Return the tokens of a text that went through `plain`; white space is left out, a new line is a `stop`."""
    tokens: list[Token] = []
    spaced, money, opens = True, False, True
    for found in _TOKEN.finditer(text):
        group, written, (start, end) = found.lastgroup or "other", found.group(), found.span()
        if group == "space":
            spaced = True
        elif group == "line":
            tokens.append(Token("stop", "\n", start, end, True, False, False, False))
            spaced, opens = True, True
        elif group == "currency":
            money = True
        elif not (written == "*" and _is_dress(text, start, opens)):
            glued = end < len(text) and not text[end].isspace()
            value, decimals = number_value(written) if group == "number" else (None, 0)
            kind = (
                _kind(group, written, tokens, spaced) if group != "number" else "variable" if value is None else group
            )
            tokens.append(Token(kind, written, start, end, spaced, glued, money, opens, value or Fraction(0), decimals))
            spaced, money, opens = False, False, False
    return tokens


def number_value(written: str) -> tuple[Fraction | None, int]:
    """Return the exact value of a written number and how many decimals it has; None for one of too many digits."""
    mantissa, _, exponent = written.replace(",", "").lower().partition("e")
    whole, _, part = mantissa.partition(".")
    if len(mantissa) > MAX_DIGITS or (exponent and abs(int(exponent)) > MAX_DIGITS):
        return None, 0
    value = Fraction(int(whole + part), 10 ** len(part))
    return (value * Fraction(10) ** int(exponent) if exponent else value), 0 if exponent else len(part)


def _is_dress(text: str, start: int, opens: bool) -> bool:
    """Tell a bullet or a Markdown mark from a sign of multiplication."""
    return opens or text[start + 1 : start + 2] == "*" or (start > 0 and text[start - 1] == "*")


def _kind(group: str, written: str, before: list[Token], spaced: bool) -> str:
    if group == "word":
        return _word(written, before, spaced)
    if group == "relation":
        return "=" if written in ("=", "==") else "stop"
    if group == "power":
        return "^"
    if group == "command":
        return _COMMANDS.get(written, "variable")
    if group in ("clock", "odd"):  # 3:45; 1.000.000, 3,5 and 1.2.3, which one may read in more than one way
        return "variable"
    return "word" if group == "ordinal" else _SIGNS.get(written, "stop")


def _scales(before: list[Token], spaced: bool) -> bool:
    """Return whether a letter after what is written is an unknown, as in `(2/3)L` and `10^3 s`, and no unit."""
    return (before[-1].kind == ")" and not spaced) or (len(before) > 1 and before[-2].kind == "^")


def _word(written: str, before: list[Token], spaced: bool) -> str:
    """Tell a word from a variable: lone letters and letters written to a number stand for something unknown."""
    counts = bool(before) and before[-1].kind in ("number", "%", "fraction", ")")
    if written in _WORDS and (spaced or written != "a"):
        return _WORDS[written]
    if written.lower() in FUNCTIONS:
        return "variable"
    if written in UNITS and counts and not (len(written) == 1 and _scales(before, spaced)):
        return "word"
    if len(written) == 1 and written.isascii():
        return "variable"
    if len(written) == 1 and not spaced and not counts:
        return "variable"
    return "variable" if counts and not spaced and len(written) <= 3 else "word"
