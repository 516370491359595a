"""Traces that try to run, to load, to hide and to choke whoever reads them."""

SCRIPTS = (
    "<script>document.title='PWNED'</script><img src=x onerror=\"document.title='PWNED'\"><svg onload=\"document.title='PWNED'\">"
    "<iframe src=\"javascript:document.title='PWNED'\"></iframe><a href=\"javascript:document.title='PWNED'\">click</a>"
    "<link rel=stylesheet href=http://127.0.0.1:9/x.css><style>body{display:none}</style><base href=http://127.0.0.1:9/>"
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1:9/'><form action=http://127.0.0.1:9/><input autofocus>"
)
FORMULAS = (
    r"$\href{javascript:document.title='PWNED'}{x}$ $\text{<script>document.title='PWNED'</script>}$ "
    r"$\url{javascript:document.title='PWNED'}$ $\includegraphics{http://127.0.0.1:9/x.png}$ "
    r"$\htmlData{x=y}{z}$ $\class{x}{y}$ $\style{background:url(http://127.0.0.1:9/)}{x}$ "
    r"$\def\a{\a\a}\a$ $\rule{9999em}{9999em}$ $\frac{1}{" + "{" * 400 + "}" * 400 + r"}$ $\\unclosed{$ $\text{a$b}$"
)
BIDI = (
    "right \u202eleft\u202c \u2066isolated\u2069 zero\u200bwidth NUL \x00 bell \x07 escape \x1b[31m \ufeff a"
    + "\u0301" * 200
)
SUM = "$" + "+".join(["x"] * 50_000) + "$ and $" + "+".join(["y"] * 1_400) + "$"


def hostile(number, sample):
    """Return (reasoning, answer) of a trace."""
    return [
        (f"{SCRIPTS}\n\n{FORMULAS}\n\n{BIDI}", f"{SCRIPTS} The answer is 6."),
        (SUM, "The answer is 6."),
        ("\n\n".join(f"Step {n}: {n} + 1 = {n + 1}." for n in range(5_000)), "The answer is 6."),
        ("think " * 200_000 + "\n\n" + "$$" * 20_000 + "`" * 9_999 + "```" * 3_001, "The answer is 6."),
        ("Wait, let me check that once more.\n\n" * 200, "```python\nprint('<b>')  # a comment\n```\nThe answer is 6."),
    ][(number + sample) % 5]
