"""How large the numbers of a recipe may be: more than anybody means, and no more than a run can begin with."""

from typing import Annotated

from annotated_types import Ge, Gt, Le, Len, Lt

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
