"""The layout of an archive: its tables and their columns, one file for each.

docs/archive-export.md describes it for people; a test compares it with this module.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from below_the_line.event_tables.description import TABLES, Table
from below_the_line.resources import sql

Form = Literal["jsonl", "parquet"]
ENDINGS: Final[Mapping[Form, str]] = MappingProxyType({"jsonl": "jsonl.gz", "parquet": "parquet"})
"""The forms of an archive's files, and how their names end."""

_RULE_COLUMNS = (
    ("rule_id", "bigint"),
    *((name, "text") for name in ("scope", "site", "section")),
    ("window_hours", "integer"),
    ("reactions_window_hours", "integer"),
    ("valid_from", "text"),
    ("created_at", "timestamptz"),
    ("created_by", "text"),
    ("note", "text"),
    ("retroactive", "boolean"),
)


@dataclass(frozen=True)
class ArchivedTable:
    """One table of schema ``discussion``, as an archive has it."""

    name: str
    columns: tuple[tuple[str, str], ...]
    """Names and types, in order. ``valid_from`` of a rule is a text: it may be ``-infinity`` or
    ``infinity``.
    """
    described: Table | None
    """None: the closing rules, which no event fills."""

    @property
    def query(self) -> bytes:
        """The query for its rows as JSON, in key order. Its parameter is ``site``."""
        return sql(
            f"{'archives' if self.described is None else 'generated/archive'}/{self.name}.sql"
        )

    @property
    def key_width(self) -> int:
        """The number of the first columns that are the key."""
        return 1 if self.described is None else len(self.described.key)

    def file_name(self, form: Form) -> str:
        """Return the name of its file, such as ``comments.jsonl.gz``."""
        return f"{self.name}.{ENDINGS[form]}"


RULES: Final = ArchivedTable("closing_rules", _RULE_COLUMNS, None)
ARCHIVED: Final = (
    *(
        ArchivedTable(
            table.name,
            tuple((column.name, column.type.partition(" collate")[0]) for column in table.columns),
            table,
        )
        for table in TABLES
    ),
    RULES,
)
"""The tables of an archive. All else in the database follows from them, or is about runs."""
