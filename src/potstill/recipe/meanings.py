"""What each field of a recipe means: the text below it in the source, from which pages and messages are made."""

import ast
import functools
import inspect
import itertools
import re
from collections.abc import Mapping

_BRIEF = re.compile(r".+?(?=\.(?:\s|$)|;\s|$)")
"""Such as `Rows a forward pass` of `Rows a forward pass; changes memory and speed, never the result.`"""


@functools.cache
def meanings(section: type) -> Mapping[str, str]:
    """Return the meaning of each field of a section, on one line; a base class speaks where the class does not."""
    found: dict[str, str] = {}
    for part in reversed([part for part in section.__mro__ if part is not object]):
        definition = ast.parse(inspect.getsource(part)).body[0]
        body = definition.body if isinstance(definition, ast.ClassDef) else []
        for above, below in itertools.pairwise(body):
            match above, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[name] = " ".join(text.split())
    return found


def brief(meaning: str) -> str:
    """Return the beginning of a meaning that can stand alone, without its full stop."""
    found = _BRIEF.match(meaning)
    return found[0] if found else ""
