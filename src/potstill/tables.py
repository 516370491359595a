"""Late binding: names that a recipe gives, and the code behind them.

A `Table` is in the `__init__` of the folder whose files it names. What is added there is one file and one line; a
package of somebody else adds an entry point of the table's group, and is then named in recipes like our own:

    [project.entry-points."potstill.losses"]
    focal = "their_package:focal"
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from potstill.errors import RecipeError, nearest

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

T = TypeVar("T")


class Table(Generic[T]):
    """Name -> code, imported when it is used: `entries` say where it is, as `module:name` or as a module.

    `what` is how messages call one entry, `group` the group of entry points that others may add to.
    """

    def __init__(self, what: str, group: str, entries: Mapping[str, str]) -> None:
        self.what, self.group, self.entries = what, group, dict(entries)

    @cached_property
    def added(self) -> dict[str, EntryPoint]:
        """The entries of other packages; a name of ours is never taken over."""
        return {point.name: point for point in entry_points(group=self.group) if point.name not in self.entries}

    @property
    def names(self) -> list[str]:
        """Every name, ours first."""
        return [*self.entries, *self.added]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.entries or name in self.added

    def __getitem__(self, name: str) -> T:
        """Return what is behind a name.

        Raises:
            RecipeError: there is no such name, or what another package says is there is not.
        """
        if name in self.entries:
            module, _, attribute = self.entries[name].partition(":")
            found = import_module(module)
            return cast("T", getattr(found, attribute) if attribute else found)
        if name not in self.added:
            raise RecipeError(self.unknown(name))
        point = self.added[name]
        try:
            return cast("T", point.load())
        except Exception as error:  # whatever a package of somebody else does while it is imported
            raise RecipeError(f"{self.what} {name!r} of {point.value} cannot be loaded: {error!r}") from error

    def unknown(self, name: str) -> str:
        """Return what is said of a name that is not here."""
        return f"no {self.what} {name!r}{nearest(name, self.names)} (known: {', '.join(self.names)})"

    def code(self, name: str) -> str | None:
        """Return the digest of the file of another package that defines an entry, so that an edit is another output.

        None for our own, whose stages have versions.
        """
        if name not in self.added:
            return None
        path = inspect.getsourcefile(import_module(self.added[name].module))
        return sha256(Path(path).read_bytes()).hexdigest() if path else self.added[name].value

    def settings(self, key: str, name: str) -> dict[str, str]:
        """Return what a stage that uses an entry adds to its settings: its digest as `key code`, if it has one."""
        code = self.code(name)
        return {} if code is None else {f"{key} code": code}


@dataclass(frozen=True)
class OneOf:
    """Said at a field of the recipe: its value is a name of the table that stands at `where`, as `module:NAME`.

    The recipe is below the tables, so that it names the place and imports nothing before a value is read.
    """

    where: str

    @property
    def table(self) -> Table[Any]:
        """The table."""
        module, _, name = self.where.partition(":")
        return cast("Table[Any]", getattr(import_module(module), name))

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        """Refuse other names in the way in which a `Literal` refuses them."""
        from pydantic_core import PydanticKnownError, core_schema

        def check(name: str) -> str:
            if name not in self.table:
                raise PydanticKnownError("literal_error", {"expected": " or ".join(map(repr, self.table.names))})
            return name

        return core_schema.no_info_after_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Our own names; those of other packages differ from machine to machine, so that any other text is let pass."""
        found = handler(schema)
        return (
            {"anyOf": [{"enum": list(self.table.entries)}, found]}
            if self.table.added
            else found | {"enum": list(self.table.entries)}
        )
