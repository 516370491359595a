"""How large the numbers of a recipe may be: more than anybody means, and no more than a run can begin with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Len, Lt

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema


@dataclass(frozen=True)
class OrAuto:
    """Said at a field: it takes the word `auto` too; `bounded` is the type of its numbers."""

    bounded: Any

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        """Take the word as it is, and refuse others as the bounded type does, under the field's own key."""
        from pydantic_core import core_schema

        def check(value: Any, inner: Any) -> Any:  # noqa: ANN401 - what YAML holds
            return value if value == "auto" else inner(value)

        return core_schema.no_info_wrap_validator_function(check, handler.generate_schema(self.bounded))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Say both."""
        return {"anyOf": [handler(schema), {"const": "auto"}]}


Rate = Annotated[float | Literal["auto"], OrAuto(Annotated[float, Gt(0), Le(10**6)])]
Share = Annotated[float, Ge(0), Le(1)]
Positive = Annotated[int, Gt(0), Le(10**9)]
Samples = Annotated[int, Gt(0), Le(10_000)]
Side = Annotated[int, Gt(0), Le(100_000)]
"""Rows or requests side by side."""
Length = Annotated[int, Gt(0), Le(10**7)]
"""Tokens of one text."""
Tokens = Annotated[int, Gt(0), Le(10**12)]
Seconds = Annotated[float, Ge(0.001), Le(7 * 86_400)]
Temperature = Annotated[float, Ge(0), Le(100)]
LEAST_TEMPERATURE = 0.001
"""Of those above 0: what is divided by less has no place among floating-point numbers."""
TopP = Annotated[float, Ge(0.0001), Le(1)]
Amount = Annotated[float, Ge(0), Le(10**6)]
"""US dollars, or a weight."""
Seed = Annotated[int, Ge(0), Lt(2**32)]
Name = Annotated[str, Len(1, 80)]
ModelName = Annotated[str, Len(1, 500)]
