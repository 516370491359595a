"""The program in a response: the last fenced block that defines what is asked for with the blocks that it needs, bare
code without the prose around it, or the continuation of the code that the question began. Pure; the text is only read
line by line and never parsed or run here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_TEXT = 1_000_000
"""Characters of a response without its thinking; a longer one has no program."""
MAX_BLOCKS = 200
_PYTHON = frozenset(("", "python", "python3", "py", "py3", "python2", "ipython", "sage", "tool_code", "code"))
_FENCE = re.compile(r"(`{3,}|~{3,})[ \t]{0,8}([\w+#.-]{0,40})[^`\n]{0,80}$")
_TAGS = (
    ("[PYTHON]", "[/PYTHON]"), ("[BEGIN]", "[DONE]"), ("<code>", "</code>"), ("<answer>", "</answer>"),
    ("\\begin{code}", "\\end{code}"),
)  # fmt: skip
_DEFINES = re.compile(
    r"^(?:async[ \t]+)?(?:def|class)[ \t]+([A-Za-z_]\w*)|^([A-Za-z_]\w*)[ \t]*(?::[^=\n]{1,200})?=(?!=)"
    r"|^(?:from[ \t]+[\w.]+[ \t]+)?import[ \t]+([^\n#]{1,500})",
    re.MULTILINE,
)
_TRIPLE = re.compile(r"\"{3}|'{3}")
_WORD = re.compile(r"[A-Za-z_]\w*")
_OPENING = re.compile(
    r"(?:async[ \t]+)?(?:def|class)[ \t]+\w++[ \t]*+[(:\[]|@[A-Za-z_]"
    r"|(?:from[ \t]+[\w.]++[ \t]+)?import[ \t]+[\w.*(]++(?:[ \t]*+[,;#]|[ \t]+as\b|[ \t]*+$|\))"
)
"""Lines that begin a definition or an import."""
_STATEMENT = re.compile(
    r"(?:if|elif|while|for|with|match|case|try|else|except|finally|async)\b[^\n]{0,500}:[ \t]*+(?:#.*)?$"
    r"|(?:if|elif|while|for|with)\b[^\n]{0,500}:[ \t]|(?:pass|break|continue)[ \t]*+(?:#.*)?$"
    r"|(?:return|raise|assert|del|global|nonlocal|yield|await)\b|#|[\])}]|[\"'][\"']{2}"
    r"|[A-Za-z_][\w.]*+(?:\[[^\]\n]*+\])*+(?:[ \t]*+,[ \t]*+[*A-Za-z_][\w.\[\]]*+)*+[ \t]*+(?::[^=\n]{1,200}+)?+"
    r"(?:[-+*/%&|^@]|//|\*\*|>>|<<)?=(?!=)|[A-Za-z_][\w.]*+[(\[]"
)
"""Lines at the left margin that can be Python beside those."""
_HEAD = re.compile(
    r"(?:from[ \t]+[\w.]++[ \t]+)?import[ \t]|@|#|(?:async[ \t]+)?(?:def|class)[ \t]|[A-Za-z_]\w*+[ \t]*+=(?!=)"
)
"""Lines at the left margin that may follow a continued body; anything else there is run-on text."""


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    language: str
    text: str

    @property
    def defined(self) -> frozenset[str]:
        """Names bound at the left margin."""
        found: set[str] = set()
        for function, variable, imported in _DEFINES.findall(self.text):
            found.update((function, variable) if not imported else _imported(imported))
        return frozenset(found - {""})


def _imported(names: str) -> list[str]:
    return [(_WORD.findall(name.partition(" as ")[2] or name) or [""])[0] for name in names.strip(" ()").split(",")]


def program_of(response: str, entry_point: str = "", prompt: str = "") -> str | None:
    """Return the program that a response gives, or None where it gives none.

    `entry_point` is the function asked for, if there is one; `prompt` is code of the question that a response may
    continue: then the program begins with it. A response with nothing in it continues a prompt with nothing.
    """
    text = _after_thinking(response)
    if text is None or len(text) > MAX_TEXT:
        return None
    text = text.replace("\r\n", "\n")
    begun = code_of(prompt, entry_point) if entry_point else ""
    begun = begun if _has(begun, entry_point) else ""
    if not text.strip():
        return begun or None
    blocks = _blocks(text)
    found = (
        _joined(blocks, entry_point) if blocks else _bare(_tagged(text), bool(begun) and not _has(text, entry_point))
    )
    if found is None or not found.strip():
        return None
    if begun and not _has(found, entry_point) and _continues(found):
        return f"{begun.rstrip()}\n{_continuation(found, begun)}\n"
    return found


def code_of(prompt: str, entry_point: str) -> str:
    """Return the code in a question: what is fenced in it, else all of it or what follows its prose."""
    text = prompt.replace("\r\n", "\n")
    blocks = [block.text for block in _blocks(text) if _has(block.text, entry_point)]
    if blocks or not _has(text, entry_point):
        return blocks[-1] if blocks else ""
    lines = text.split("\n")
    first = next((line for line in lines if line.strip()), "")
    if _is_code(first):
        return text
    start = next((number for number, line in enumerate(lines) if _OPENING.match(line)), len(lines))
    code = "\n".join(_until_prose(lines[start:]))
    return code if _has(code, entry_point) else ""


def preamble_of(prompt: str, entry_point: str) -> str:
    """Return what stands before the function asked for in the code of a question: its imports and other functions."""
    code = code_of(prompt, entry_point)
    at = re.search(rf"^(?:@.*\n)*(?:async[ \t]+)?(?:def|class)[ \t]+{re.escape(entry_point)}\b", code, re.MULTILINE)
    return code[: at.start()] if at else ""


def _has(code: str, name: str) -> bool:
    if not name:
        return False
    bound = rf"^(?:(?:async[ \t]+)?(?:def|class)[ \t]+{re.escape(name)}\b|{re.escape(name)}[ \t]*=)"
    return re.search(bound, code, re.MULTILINE) is not None


def _after_thinking(text: str) -> str | None:
    end = text.rfind("</think>")
    if end >= 0:
        return text[end + len("</think>") :]
    return None if text.lstrip().startswith("<think>") else text


def _tagged(text: str) -> str:
    for opening, closing in _TAGS:
        start = text.rfind(opening)
        if start >= 0:
            start += len(opening)
            end = text.find(closing, start)
            return text[start : end if end >= 0 else len(text)].strip("\n")
    for _, closing in _TAGS:
        text = text.partition(closing)[0]
    return text


def _blocks(text: str) -> list[Block]:
    """Return the fenced blocks, a last one also unclosed, without the fence's own indentation."""
    found: list[Block] = []
    lines: list[str] = []
    fence, language, indent = "", "", 0
    for line in text.split("\n"):
        stripped = line.strip()
        if fence:
            if stripped.startswith(fence):
                found.append(Block(language, _dedented(lines, indent)))
                fence = ""
            else:
                lines.append(line)
        elif opened := _FENCE.search(line[-200:]):
            fence, language, lines = opened[1], opened[2].lower(), []
            indent = len(line) - len(line.lstrip()) if stripped.startswith(fence) else 0
        if len(found) > MAX_BLOCKS:
            return found
    if fence and any(line.strip() for line in lines):
        found.append(Block(language, _dedented(lines, indent)))
    return found


def _dedented(lines: list[str], indent: int) -> str:
    return "\n".join(line[indent:] if not line[:indent].strip() else line for line in lines) + "\n"


def _joined(blocks: list[Block], entry_point: str) -> str | None:
    """Return the last block that defines what is asked for, behind the earlier ones that define what it uses."""
    own = [block for block in blocks if block.language in _PYTHON and block.text.strip()]
    labelled = [block for block in own if block.language]
    own = labelled or own
    if not own:
        return None
    defining = [number for number, block in enumerate(own) if entry_point and entry_point in block.defined]
    chosen = defining[-1] if defining else len(own) - 1
    parts, known, used = [own[chosen].text], set(own[chosen].defined), set(_WORD.findall(own[chosen].text))
    for block in reversed(own[:chosen]):
        if (block.defined - known) & used:
            parts.insert(0, block.text)
            known |= block.defined
            used.update(_WORD.findall(block.text))
    return "\n".join(parts)


def _bare(text: str, continues: bool) -> str | None:
    """Return the code of a text without fences: from its first line of code to where prose goes on.

    With `continues` it may begin inside a function, and ends where `_continuation` says.
    """
    lines = text.split("\n")
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    if continues and (lines[first][:1] in " \t" or _is_code(lines[first])):
        return "\n".join(lines[first:])
    start = next((number for number, line in enumerate(lines) if _OPENING.match(line)), None)
    if start is None:
        start = next((number for number, line in enumerate(lines) if _STATEMENT.match(line)), None)
    if start is None:
        return None
    while start > 0 and lines[start - 1].strip() and _STATEMENT.match(lines[start - 1]):
        start -= 1
    return "\n".join(_until_prose(lines[start:]))


def _is_code(line: str) -> bool:
    return bool(_OPENING.match(line) or _STATEMENT.match(line))


def _until_prose(lines: list[str]) -> list[str]:
    """Return the lines up to the first one at the left margin that is no Python; texts over several lines are kept."""
    quote, depth = "", 0
    for number, line in enumerate(lines):
        at_margin = not quote and depth <= 0 and line[:1].strip() != ""
        if at_margin and not _is_code(line) and not (number and lines[number - 1].endswith("\\")):
            return lines[:number]
        quote = _open_quote(line, quote)
        if not quote:
            depth += sum(map(line.count, "([{")) - sum(map(line.count, ")]}"))
            depth = depth if not at_margin or depth > 0 else 0
    return lines


def _open_quote(line: str, quote: str) -> str:
    """Return the triple quote that is open after a line."""
    for mark in _TRIPLE.findall(line):
        if not quote or mark == quote:
            quote = "" if quote else mark
    return quote


def _continues(code: str) -> bool:
    first = next((line for line in code.split("\n") if line.strip()), "")
    return first[:1] in " \t" or _is_code(first)


def _continuation(body: str, begun: str) -> str:
    """Return a body below the header that it continues; its first line, or all of it, may have lost the indentation."""
    last = next((line for line in reversed(begun.split("\n")) if line.strip()), "")
    indent = last[: len(last) - len(last.lstrip())] or "    "
    lines = body.strip("\n").split("\n")
    if lines[0][:1] not in " \t":
        following = next((line for line in lines[1:] if line.strip()), indent)
        opens = lines[0].rstrip().endswith((":", "(", "[", "{", ","))
        depth = len(following) - len(following.lstrip())
        if depth == 0 or (opens and depth <= len(indent)):
            return "\n".join(indent + line if line.strip() else line for line in _until_prose(lines))
        lines[0] = indent + lines[0]
    return "\n".join(_stopped(lines))


def _stopped(lines: list[str]) -> list[str]:
    """Return a continued body without run-on text: up to the first line at the margin that is no definition."""
    quote = ""
    for number, line in enumerate(lines):
        if not quote and line[:1].strip() and not _HEAD.match(line):
            return lines[:number]
        quote = _open_quote(line, quote)
    return lines
