"""Published protocols as data: NAME.yaml of this folder says how a benchmark is asked, sampled and scored, by form.

The problems themselves are never here: the user names a file of them. A new benchmark is one YAML file of this folder.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import Any

from potstill.errors import RecipeError, nearest
from potstill.records import content_key
from potstill.tables import Table
from potstill.yaml_text import read_yaml

DECIDING = (
    "system", "prompt", "prompt_with_code", "opening", "option", "permute", "samples", "temperature", "top_p",
    "max_tokens", "window",
)  # fmt: skip
"""Fields that decide a figure: another value of one of them is another protocol."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """One form of one benchmark.

    `prompt` has the slots {question}, {stripped} (the question without white space around), {choices}, {letters},
    {tests} and {code}; `prompt_with_code` is asked where a
    problem comes with code to begin with. `opening` begins every response. `option` is how a line of {choices} is
    written. `kind` is how answers compare (None: as the file says). `problems` is how many there are (None: differs).
    `rename` says which column of the published file stands for which of ours, `choices_from` which columns are the
    options, the right one first; `date` is the column that `window`, the first and last day, is about. `sha256` is that
    of the published file, empty where nobody of us knows it. `changed` names what differs from the published form.
    """

    benchmark: str
    form: str
    title: str
    source: str
    licence: str
    citation: str
    taken_from: str
    extraction: str
    prompt: str
    samples: int
    temperature: float
    top_p: float
    max_tokens: int
    metrics: tuple[str, ...]
    problems: int | None = None
    kind: str | None = None
    sha256: str = ""
    system: str = ""
    prompt_with_code: str = ""
    opening: str = ""
    option: str = "({letter}) {choice}"
    permute: bool = False
    rename: Mapping[str, str] = field(default_factory=dict)
    choices_from: tuple[str, ...] = ()
    date: str = ""
    window: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its name, with the form where that is not R1's, and a star where anything differs from what was published."""
        form = "" if self.form == "r1" else f"/{self.form}"
        return f"{self.benchmark}{form}{'*' if self.changed else ''}"

    @property
    def key(self) -> str:
        """Content key of everything that decides a figure."""
        return content_key("protocol", self.benchmark, [getattr(self, name) for name in DECIDING], self.kind)

    @property
    def settings(self) -> str:
        """How it is sampled, in words."""
        drawn = "greedy" if self.temperature == 0 else f"T {self.temperature:g}, top-p {self.top_p:g}"
        several = f"{self.samples} samples" if self.samples > 1 else "one sample"
        return f"{drawn}, {self.max_tokens:,} tokens, {several} a problem"

    def with_changes(self, changes: Mapping[str, Any]) -> Protocol:
        """Return the protocol with other values; what differs from the published one is named in `changed`.

        Metrics that more samples would take than there are give way to pass@1.
        """
        known = {name: value for name, value in changes.items() if value is not None and value != getattr(self, name)}
        if not known:
            return self
        found = dataclasses.replace(self, **known, changed=(*self.changed, *sorted(known)))
        enough = tuple(name for name in found.metrics if samples_of(name) <= found.samples)
        return dataclasses.replace(found, metrics=enough or ("pass@1",))

    def marked(self, why: str) -> Protocol:
        """Return the protocol with something about its problems that differs from the published set."""
        return dataclasses.replace(self, changed=(*self.changed, why))


def samples_of(metric: str) -> int:
    """Return how many samples a metric takes: 64 of `majority@64`, 16 of `g-pass@16 0.5`."""
    return int(metric.replace("^", "@").partition("@")[2].split()[0])


class Benchmarks(Table[Mapping[str, Protocol]]):
    """Name -> its forms by name, R1's first, read from its file of this folder when it is used."""

    def __getitem__(self, name: str) -> Mapping[str, Protocol]:
        """Return the forms of a benchmark; raises RecipeError where there is no such name."""
        if name not in self.entries:
            raise RecipeError(self.unknown(name))
        return _read(name)

    def form(self, name: str, form: str) -> Protocol:
        """Return one form of a benchmark; raises RecipeError where there is no such name or form."""
        forms = self[name]
        if form not in forms:
            raise RecipeError(f"{name} has no form {form!r}{nearest(form, list(forms))} (known: {', '.join(forms)})")
        return forms[form]


@lru_cache(maxsize=64)
def _read(name: str) -> Mapping[str, Protocol]:
    told = read_yaml((resources.files(__name__) / f"{name}.yaml").read_text(encoding="utf-8"))
    forms, known = told.pop("forms"), {"unknown": ""}
    told["sha256"] = known.get(told["sha256"], told["sha256"])
    return {
        form: Protocol(benchmark=name, form=form, **{key: _frozen(value) for key, value in (told | own).items()})
        for form, own in forms.items()
    }


def _frozen(value: Any) -> Any:  # noqa: ANN401 - a value of YAML
    return tuple(value) if isinstance(value, list) else value


BENCHMARKS = Benchmarks(
    "benchmark",
    "potstill.benchmarks",
    {
        entry.name.removesuffix(".yaml"): entry.name
        for entry in sorted(resources.files(__name__).iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".yaml")
    },
)
