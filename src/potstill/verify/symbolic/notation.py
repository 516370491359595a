"""The vocabulary of answers: function names, commands and Unicode signs, and what each of them stands for."""

from __future__ import annotations

FUNCTIONS = frozenset([
    "Im", "Re", "abs", "arccos", "arccosh", "arccot", "arccsc", "arcsec", "arcsin", "arcsinh", "arctan", "arctanh",
    "arg", "binom", "cbrt", "ceil", "cos", "cosh", "cot", "coth", "csc", "csch", "det", "exp", "factorial", "floor",
    "gcd", "lcm", "lg", "ln", "log", "max", "min", "mod", "sec", "sech", "sgn", "sign", "sin", "sinh", "sqrt", "tan",
    "tanh",
])  # fmt: skip
RENAMED = {
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "ceiling": "ceil", "asinh": "arcsinh", "acosh": "arccosh",
    "atanh": "arctanh", "arsinh": "arcsinh", "arcosh": "arccosh", "artanh": "arctanh", "tg": "tan", "ctg": "cot",
    "arctg": "arctan", "cosec": "csc", "comb": "binom", "binomial": "binom", "root": "sqrt", "Abs": "abs",
    "Max": "max", "Min": "min", "cotan": "cot", "lcm": "lcm", "nCr": "binom", "sqr": "sqrt",
}  # fmt: skip
GREEK = frozenset([
    "Delta", "Gamma", "Lambda", "Omega", "Phi", "Psi", "Sigma", "Theta", "Upsilon", "Xi", "alpha", "beta", "chi",
    "delta", "ell", "epsilon", "eta", "gamma", "hbar", "iota", "kappa", "lambda", "mu", "nu", "omega", "omicron",
    "phi", "psi", "rho", "sigma", "tau", "theta", "upsilon", "varepsilon", "varphi", "varrho", "vartheta", "xi",
    "zeta",
])  # fmt: skip
WORD_CONSTANTS = {
    "pi": "pi", "Pi": "pi", "PI": "pi", "infinity": "oo", "inf": "oo", "infty": "oo", "oo": "oo", "Infinity": "oo",
    "INF": "oo",
}  # fmt: skip
SEPARATORS = {
    "and": "and", "or": "or", "And": "and", "Or": "or", "AND": "and", "OR": "or",
}  # fmt: skip
SMALL_WORDS = frozenset([
    "all", "ant", "any", "are", "but", "day", "for", "has", "its", "not", "odd", "one", "red", "set", "six", "ten",
    "the", "two", "was", "yes",
])  # fmt: skip
SKIPPED = frozenset([
    "Big", "Bigg", "Bigl", "Bigr", "Large", "allowbreak", "angle", "bar", "beginboxed", "bf", "big", "bigg", "biggl",
    "biggr", "bigl", "bigr", "bm", "boldsymbol", "boxed", "cancel", "centering", "displaystyle", "emph", "ensuremath",
    "fbox", "hat", "hfill", "it", "large", "left", "limits", "mathcal", "mathfrak", "mathit", "mathord", "mathscr",
    "mathsf", "mathstrut", "middle", "nobreak", "noindent", "nolimits", "normalsize", "overrightarrow", "par",
    "qquad", "quad", "right", "rm", "scriptstyle", "smallskip", "strut", "textstyle", "tilde", "triangle",
    "underline", "vec",
])  # fmt: skip
TEXTUAL = frozenset([
    "hbox", "mathbf", "mathrm", "mbox", "operatorname", "text", "textbf", "textit", "textnormal", "textrm", "textsf",
    "texttt",
])  # fmt: skip
MARKS = {
    "cdot": "*", "times": "*", "ast": "*", "div": "/", "le": "<=", "leq": "<=", "leqslant": "<=", "ge": ">=",
    "geq": ">=", "geqslant": ">=", "lt": "<", "gt": ">", "ne": "!=", "neq": "!=", "approx": "~", "simeq": "~",
    "sim": "~", "thickapprox": "~", "doteq": "~", "equiv": "equiv", "in": "in", "cup": "cup", "cap": "cap",
    "setminus": "setminus", "backslash": "setminus", "pm": "pm", "mp": "mp", "colon": ":", "mid": "mid", "vert": "|",
    "lvert": "lvert", "rvert": "rvert", "lfloor": "lfloor", "rfloor": "rfloor", "lceil": "lceil", "rceil": "rceil",
    "langle": "langle", "rangle": "rangle", "lbrace": "\\{", "rbrace": "\\}", "lbrack": "[", "rbrack": "]",
    "lparen": "(", "rparen": ")", "to": "to", "rightarrow": "to", "longrightarrow": "to", "circ": "circ",
    "degree": "degree", "prime": "'", "land": "and", "lor": "or", "wedge": "and", "vee": "or", "bmod": "mod",
    "pmod": "pmod", "neg": "neg", "lVert": "lvert", "rVert": "rvert", "dots": "dots", "ldots": "dots",
    "cdots": "dots", "implies": "to", "Rightarrow": "to", "iff": "iff", "Leftrightarrow": "iff", "bigcup": "cup",
    "bigcap": "cap", "coloneqq": "=", "propto": "propto", "perp": "perp", "parallel": "parallel",
}  # fmt: skip
UNICODE = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "﹣": "-", "×": "\\times ", "·": "\\cdot ", "⋅": "\\cdot ",
    "∙": "\\cdot ", "•": "\\cdot ", "∗": "*", "÷": "/", "∕": "/", "⁄": "/", "≤": "\\le ", "≥": "\\ge ", "⩽": "\\le ",
    "⩾": "\\ge ", "≦": "\\le ", "≧": "\\ge ", "≠": "\\ne ", "≈": "\\approx ", "≡": "\\equiv ", "∈": "\\in ",
    "∪": "\\cup ", "∩": "\\cap ", "∖": "\\setminus ", "±": "\\pm ", "∓": "\\mp ", "∞": "\\infty ", "∅": "\\emptyset ",
    "⌀": "\\emptyset ", "Ø": "\\emptyset ", "√": "\\sqrt ", "∛": "\\cbrt ", "π": "\\pi ", "Π": "\\pi ",
    "°": "^\\circ ", "º": "^\\circ ", "ℝ": "\\mathbb{R}", "ℤ": "\\mathbb{Z}", "ℕ": "\\mathbb{N}", "ℚ": "\\mathbb{Q}",
    "ℂ": "\\mathbb{C}", "′": "'", "’": "'", "‘": "'", "″": "''", "⟨": "\\langle ", "⟩": "\\rangle ", "⌊": "\\lfloor ",
    "⌋": "\\rfloor ", "⌈": "\\lceil ", "⌉": "\\rceil ", "∑": "\\sum ", "∏": "\\prod ", "∫": "\\int ", "→": "\\to ",
    "ℓ": "\\ell ", "ϕ": "\\phi ", "ϵ": "\\epsilon ", "ϑ": "\\theta ", "µ": "\\mu ", "∨": "\\lor ", "∧": "\\land ",
    "…": "\\dots ", "⋯": "\\dots ", "，": ", ", "；": "; ", "、": ", ", "。": ".", "∶": ":", "∣": "|", "∼": "\\approx ",
    "≅": "\\approx ", "⇒": "\\to ", "𝑖": "i", "𝑒": "e",
}  # fmt: skip
