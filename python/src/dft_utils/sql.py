"""Tables in DuckDB, with conditions of a statement passed to the index.

DuckDB passes the columns and the conditions that it wants to an Arrow dataset, so a table is given to it as one. The
conditions that the index can serve narrow the view. All conditions are then applied to what is read, as a dataset must.
"""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    import duckdb

    from .table import Table

#: The tables whose rows are calls, which a query of the index filters.
CALLS = ("events", "profiles", "preaggregated_system", "aggregation")
#: Their columns that the query language has, too.
TEXTS = ("family", "cat", "func_name", "file_hash", "host_hash", "file_name", "host_name", "proc_name")
NUMBERS = ("pid", "tid", "io_cat")

# The text of a condition of Arrow, with texts that need no escape.
_TEXT, _NUMBER = r'"[ !#-\[\]-~]*"', r"-?\d{1,18}"
_COMPARISON = re.compile(rf"\((\w+) (==|!=|<=|<|>=|>) ({_TEXT}|{_NUMBER})\)")
_MEMBERS = re.compile(r"is_in\((\w+), \{value_set=\w+:\[([^\]]*)\], null_matching_behavior=MATCH\}\)")
_OF_VALID = re.compile(r"if_else\(is_valid\((\w+)\), (.*), null\[bool\]\)", re.DOTALL)


def run(tables: "Mapping[str, Table]", statement: str, params: Any) -> "duckdb.DuckDBPyRelation":
    """Run a statement over tables by their names."""
    try:
        import duckdb
    except ImportError as error:
        raise ImportError(f"{error}. SQL needs DuckDB: pip install 'dft-utils[sql]'") from error
    connection = duckdb.connect()
    # Registering a table reads its schema, so register only what the statement may name.
    words = set(re.findall(r"\w+", statement.lower()))
    for name, table in tables.items():
        if name in words:
            connection.register(name, dataset(table) or table)
    return connection.sql(statement, params=params)


def dataset(table: "Table") -> Any:
    """Return a table as a dataset of Arrow; ``None`` without pyarrow."""
    try:
        import pyarrow
        import pyarrow.dataset
    except ImportError:
        return None

    class TableDataset(pyarrow.dataset.Dataset):  # type: ignore[misc]
        """A table that is read when it is scanned."""

        def __init__(self) -> None:
            self._schema = table.schema

        @property
        def schema(self) -> Any:
            return self._schema

        def scanner(self, columns: Any = None, filter: Any = None, **_options: Any) -> Any:
            shown = table if filter is None else narrowed(table, str(filter))
            reader = pyarrow.RecordBatchReader.from_stream(shown)
            return pyarrow.dataset.Scanner.from_batches(reader, columns=columns, filter=filter)

    return TableDataset()


def narrowed(table: "Table", condition: str) -> "Table":
    """Return a table without rows that do not meet a condition, as far as the index can leave them out."""
    if table.name not in CALLS:
        return table
    queries: list[str] = []
    least, most = 0, MOST
    for part in conjuncts(condition):
        compared = _COMPARISON.fullmatch(part)
        if compared and compared[1] == "time_range" and not compared[3].startswith('"'):
            value = int(compared[3])
            least = max(least, {"==": value, ">=": value, ">": value + 1}.get(compared[2], least))
            most = min(most, {"==": value, "<=": value, "<": value - 1}.get(compared[2], most))
        elif compared and _has(compared[1], compared[3]) and (compared[2] == "==" or compared[1] in NUMBERS):
            queries.append(f"{compared[1]} {compared[2]} {compared[3]}")
        else:
            queries += members(part)
    unit = table.range_unit_us
    time = None if (least, most) == (0, MOST) else (least * unit, max((most + 1) * unit, 0))
    return table.narrowed(query=" and ".join(queries), time_us=time)


#: The highest value of ``time_range`` for which the index is asked; no trace is longer.
MOST = (1 << 62) // 3_600_000_000


def members(part: str) -> Iterator[str]:
    """Return the query of a condition that a column is one of some values; nothing for others."""
    valid = _OF_VALID.fullmatch(part)
    found = _MEMBERS.fullmatch(valid[2] if valid else part)
    if found is None:
        return
    values = [value.strip() for value in found[2].split(",")]
    # Arrow leaves out the middle of a long list, and a text may have a comma: those are no values.
    if all(re.fullmatch(f"{_TEXT}|{_NUMBER}", value) and _has(found[1], value) for value in values):
        yield f"{found[1]} in [{', '.join(values)}]"


def _has(column: str, value: str) -> bool:
    """Return whether the query language compares a column with values like this one."""
    return column in (TEXTS if value.startswith('"') else NUMBERS)


def conjuncts(condition: str) -> list[str]:
    """Return the parts of the text of a condition that must all hold."""
    if condition.startswith("(") and condition.endswith(")"):
        at = _top_level_and(condition[1:-1])
        if at is not None:
            inner = condition[1:-1]
            return conjuncts(inner[:at]) + conjuncts(inner[at + len(" and ") :])
    return [condition]


def _top_level_and(text: str) -> Optional[int]:
    """Return the place of the one `` and `` that is in no parentheses and no text."""
    depth, quoted, at = 0, False, 0
    while at < len(text):
        letter = text[at]
        if quoted:
            at += letter == "\\"
            quoted = letter != '"'
        elif letter == '"':
            quoted = True
        elif letter in "()":
            depth += 1 if letter == "(" else -1
        elif depth == 0 and text.startswith(" and ", at):
            return at
        at += 1
    return None
