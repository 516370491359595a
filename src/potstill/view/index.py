"""The index of what is read: a column for each thing that people filter and sort by, mapped from a file.

Columns of Arrow, not SQLite: the counts beside every filter are some ten passes over all rows for each page, which take
milliseconds on columns (`docs/decisions/0036-viewer.md` has the figures). ResponseTexts stay in the Parquet parts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from potstill.errors import DataError, nearest
from potstill.records import Group, Problem
from potstill.view.sources import TextPart

if TYPE_CHECKING:
    import pyarrow as pa

ROWS, PROBLEMS, GROUPS, META = "rows.arrow", "problems.arrow", "groups.arrow", "index.json"
FACETS = (
    "run", "of", "outcome", "cause", "drop", "finding", "domain", "model", "strategy", "finish", "part_of", "doubt",
    "human",
)  # fmt: skip
"""Columns of few values, each a filter with counts; `human` is made from the labels as they are now."""
RANGES = ("difficulty", "characters", "tokens", "score")
SORTS = ("characters", "tokens", "difficulty", "score", "outcome", "model", "drop", "finish", "sample")
PAGE = 100
MOST_ROWS = 1000
VALUES = 60
"""Values of one filter that are listed, the most frequent ones."""
QUESTION = 140
"""Characters of a question that the list shows."""
LABELLED, UNLABELLED = "labelled", "not labelled"
_SHOWN = (
    "key", "run", "of", "problem", "outcome", "cause", "drop", "drop_detail", "model", "strategy", "finish", "domain",
    "difficulty", "characters", "tokens", "score", "sample", "extracted", "looped", "doubt", "finding",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Query:
    """What a list shows. `values` are those chosen of each facet, `low` and `high` the ends of each range."""

    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    low: Mapping[str, float] = field(default_factory=dict)
    high: Mapping[str, float] = field(default_factory=dict)
    problem: int | None = None
    sort: str = ""
    descending: bool = False
    offset: int = 0
    limit: int = PAGE


def query_of(asked: Mapping[str, Sequence[str]]) -> Query:
    """Return the query that the parameters of a link say.

    Raises:
        DataError: a name that is no filter, or a value that is no number.
    """
    values: dict[str, Sequence[str]] = {}
    ends: dict[str, dict[str, float]] = {"min": {}, "max": {}}
    plain = {"sort": "", "desc": "", "offset": "0", "limit": str(PAGE), "problem": ""}
    for name, given in asked.items():
        end, _, column = name.partition("_")
        if name in FACETS:
            values[name] = list(given)
        elif end in ends and column in RANGES:
            ends[end][column] = _number(name, given[-1])
        elif name in plain:
            plain[name] = given[-1]
        else:
            raise DataError(f"there is no filter {name!r}{nearest(name, [*FACETS, *plain])}")
    if plain["sort"] and plain["sort"] not in SORTS:
        raise DataError(f"sort: there is no order {plain['sort']!r}{nearest(plain['sort'], SORTS)}")
    return Query(
        values=values, low=ends["min"], high=ends["max"],
        problem=int(_number("problem", plain["problem"])) if plain["problem"] else None, sort=plain["sort"],
        descending=plain["desc"] == "1", offset=max(0, int(_number("offset", plain["offset"]))),
        limit=min(MOST_ROWS, max(0, int(_number("limit", plain["limit"])))),
    )  # fmt: skip


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not -1e15 < number < 1e15:
        raise DataError(f"{name} is {text[:40]!r}, which is no number")
    return number


class Index:
    """An index in its folder, opened for reading."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.meta: dict[str, Any] = json.loads((folder / META).read_bytes())
        self.parts = [TextPart(**part) for part in self.meta["parts"]]
        self.rows, self.problems, self.groups = (_mapped(folder / name) for name in (ROWS, PROBLEMS, GROUPS))
        self._labelled: frozenset[str] = frozenset()
        self._human: Any = None

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    def note_labelled(self, keys: Iterable[str]) -> None:
        """Say which responses people have labelled, for the filter `human`."""
        found = frozenset(keys)
        if found != self._labelled:
            self._labelled, self._human = found, None

    def find(self, key: str) -> int:
        """Return the row of a response.

        Raises:
            DataError: there is none of this key.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        row = pc.index(self.rows["key"], pa.scalar(key, pa.string())).as_py()
        if row < 0:
            raise DataError(f"there is no response {key[:40]!r} here")
        return int(row)

    def row(self, number: int) -> dict[str, Any]:
        """Return everything that the index holds of a response."""
        return dict(self.rows.slice(number, 1).to_pylist()[0])

    def marks(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        """Return what checks say of these rows: outcome, cause, doubt, finding and score."""
        import pyarrow as pa

        columns = ["outcome", "cause", "doubt", "finding", "score"]
        return list(self.rows.select(columns).take(pa.array(numbers, pa.int64())).to_pylist())

    def problem(self, number: int) -> dict[str, Any]:
        """Return the fields of a problem, and `part_of`, `run` and `key`.

        Raises:
            DataError: there is none of this number.
        """
        if not 0 <= number < self.problems.num_rows:
            raise DataError(f"there is no problem {number} here")
        return dict(self.problems.slice(number, 1).to_pylist()[0])

    def groups_of(self, key: str) -> list[dict[str, Any]]:
        """Return what the samples of a problem say together, one entry for each set."""
        import pyarrow.compute as pc

        return list(self.groups.filter(pc.equal(self.groups["problem_key"], key)).to_pylist())

    def chosen(self, query: Query) -> Any:  # noqa: ANN401 - an Arrow array of row numbers
        """Return the numbers of the rows of a query, in its order."""
        import pyarrow.compute as pc

        return self._ordered(pc.indices_nonzero(self._mask(query)), query)

    def page(self, query: Query) -> dict[str, Any]:
        """Return `total`, the `rows` of one page, and for each facet its values with counts under the other filters."""
        numbers = self.chosen(query)
        shown = numbers.slice(query.offset, query.limit)
        return {"total": len(numbers), "offset": query.offset, "rows": self.shown(shown), "facets": self.facets(query)}

    def shown(self, numbers: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - as above, or a list
        """Return the rows of these numbers as the list shows them."""
        import pyarrow as pa

        table = self.rows.select(list(_SHOWN)).take(pa.array(numbers, pa.int64()))
        rows = table.to_pylist()
        asked = self.problems.select(["question"]).take(pa.array([row["problem"] for row in rows], pa.int64()))
        for row, question in zip(rows, asked["question"].to_pylist(), strict=True):
            line = " ".join(question[: 4 * QUESTION].split())
            row["question"] = line if len(line) <= QUESTION else line[: QUESTION - 1] + "…"
            row["human"] = LABELLED if row["key"] in self._labelled else UNLABELLED
        return list(rows)

    def facets(self, query: Query) -> dict[str, list[list[Any]]]:
        """Return for each facet [value, count], the most frequent first, under all filters but its own."""
        import pyarrow.compute as pc

        masks = {name: self._one(name, values) for name, values in query.values.items() if values}
        rest = self._rest(query)
        found = {}
        for name in FACETS:
            mask = rest
            for other, its in masks.items():
                if other != name:
                    mask = its if mask is None else pc.and_(mask, its)
            column = self._column(name)
            counts = pc.value_counts(column if mask is None else column.filter(mask))
            pairs = [[pair["values"], pair["counts"]] for pair in counts.to_pylist()]
            chosen = {value for value in query.values.get(name, ()) if value not in {pair[0] for pair in pairs}}
            pairs += [[value, 0] for value in sorted(chosen)]
            pairs.sort(key=lambda pair: (-pair[1], pair[0]))
            found[name] = pairs[:VALUES]
        return found

    def ends(self) -> dict[str, list[float]]:
        """Return the least and the greatest value of each range that has any."""
        import pyarrow.compute as pc

        found = {}
        for name in RANGES:
            least = pc.min_max(self.rows[name]).as_py()
            if least["min"] is not None:
                found[name] = [least["min"], least["max"]]
        return found

    def _column(self, name: str) -> Any:  # noqa: ANN401 - an Arrow column
        import pyarrow as pa
        import pyarrow.compute as pc

        if name != "human":
            return self.rows[name]
        if self._human is None:
            # Arrow looks a value up in all of the set, so it is the few labelled keys that are looked for.
            mask = pc.is_in(self.rows["key"], value_set=pa.array(sorted(self._labelled), pa.string()))
            self._human = pc.if_else(mask, LABELLED, UNLABELLED)
        return self._human

    def _one(self, name: str, values: Sequence[str]) -> Any:  # noqa: ANN401 - a mask
        import pyarrow as pa
        import pyarrow.compute as pc

        return pc.is_in(self._column(name), value_set=pa.array(list(values), pa.string()))

    def _rest(self, query: Query) -> Any:  # noqa: ANN401 - a mask, or None for all rows
        """Return the mask of the filters that are no facets."""
        import pyarrow.compute as pc

        masks = [pc.greater_equal(self.rows[name], end) for name, end in query.low.items()]
        masks += [pc.less_equal(self.rows[name], end) for name, end in query.high.items()]
        if query.problem is not None:
            masks.append(pc.equal(self.rows["problem"], query.problem))
        mask = None
        for one in masks:
            filled = pc.fill_null(one, False)
            mask = filled if mask is None else pc.and_(mask, filled)
        return mask

    def _mask(self, query: Query) -> Any:  # noqa: ANN401 - a mask
        import pyarrow as pa
        import pyarrow.compute as pc

        mask = self._rest(query)
        for name, values in query.values.items():
            if values:
                its = self._one(name, values)
                mask = its if mask is None else pc.and_(mask, its)
        return pa.repeat(True, len(self)) if mask is None else mask

    def _ordered(self, numbers: Any, query: Query) -> Any:  # noqa: ANN401 - an Arrow array
        import pyarrow as pa
        import pyarrow.compute as pc

        if not query.sort:
            return numbers
        column = self.rows[query.sort].take(numbers)
        if pa.types.is_dictionary(column.type):
            column = column.cast(pa.string())
        order = "descending" if query.descending else "ascending"
        keys = pa.table({"by": column, "number": numbers})
        return numbers.take(pc.sort_indices(keys, sort_keys=[("by", order), ("number", "ascending")]))


def _mapped(path: Path) -> pa.Table:
    import pyarrow as pa

    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def problem_rows(problems: Iterator[tuple[str, str, Problem]]) -> pa.Table:
    """Return the table of problems from (run, part, problem); a problem of several runs is there once."""
    import pyarrow as pa

    rows = [
        {
            "key": problem.key, "run": run, "part_of": part, "id": problem.id, "question": problem.statement,
            "gold": problem.gold, "answer_kind": problem.answer_kind, "domain": problem.domain,
            "difficulty": problem.difficulty, "source": problem.source, "checker": problem.checker,
            "solution": problem.solution,
        }
        for run, part, problem in problems
    ]  # fmt: skip
    text, number = pa.string(), pa.float64()
    names = ("key", "run", "part_of", "id", "question", "gold", "answer_kind", "domain", "difficulty", "source",
             "checker", "solution")  # fmt: skip
    return pa.Table.from_pylist(
        rows, schema=pa.schema([(name, number if name == "difficulty" else text) for name in names])
    )


def group_rows(groups: Iterator[tuple[str, str, Group]]) -> pa.Table:
    """Return the table of groups from (run, set, group), without the keys of those that agree."""
    import dataclasses

    import pyarrow as pa

    from potstill.parquet import schema_of

    rows = [
        {"run": run, "of": of, **{key: value for key, value in dataclasses.asdict(group).items() if key != "agreeing"}}
        for run, of, group in groups
    ]
    fields = [item for item in schema_of(Group)[0] if item.name != "agreeing"]
    return pa.Table.from_pylist(rows, schema=pa.schema([("run", pa.string()), ("of", pa.string()), *fields]))
