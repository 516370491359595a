"""YAML as people mean it: what recipes and studies are written in."""

from __future__ import annotations

import re
from typing import Any

import yaml


class Loader(yaml.SafeLoader):
    """YAML as people mean it: no dates, no octal 010, no 1:30 in base 60, no `no` for false, and 1e-4 is a number."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - the class's own, filled below


class Dumper(yaml.SafeDumper):
    """Quotes every text that `Loader` would not read as text."""


_FLOAT = r"^[-+]?(\d[\d_]*\.[\d_]*|\.\d[\d_]*|\d+(?=[eE]))([eE][-+]?\d+)?$|^[-+]?\.(inf|Inf|INF)$|^\.(nan|NaN|NAN)$"
"""`1.5`, `.5`, `1e-4`, `-.inf`."""
_RESOLVERS = {
    "null": (r"^(~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    "bool": (r"^(true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    "int": (r"^[-+]?(0|[1-9][0-9_]{0,99})$", list("-+0123456789")),
    "float": (_FLOAT, list("-+.0123456789")),
    "merge": (r"^<<$", ["<"]),
}
for _tag, (_pattern, _starts) in _RESOLVERS.items():
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _starts)
    Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _starts)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    """Quote line separators that YAML would fold into a space."""
    folded = any(character in text for character in "\x85\u2028\u2029\ufeff")
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if folded else None)


Dumper.add_representer(str, _text)


def read_yaml(text: str) -> Any:  # noqa: ANN401 - YAML
    """Return the values of a YAML text."""
    return yaml.load(text, Loader=Loader)  # noqa: S506 - a safe loader
