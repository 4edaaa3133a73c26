"""The tables of docs/personal-data.md, made from sql/personal-data.yaml and from the rights in a
migrated database.

``python -m tests.personal_data_page`` writes them; it needs the test stack.
"""

from collections.abc import Iterable, Sequence

import psycopg

from below_the_line.catalogue import topics
from below_the_line.personal_data import NOBODY, classes, columns, members
from below_the_line.resources import ROOT
from below_the_line.retention.rules import RULES
from below_the_line.settings import NEVER
from tests.database_pages import DatabasePage
from tests.roles_page import ROLES

_READERS = """
select role.name
from unnest(%s::text[]) with ordinality as role (name, place)
where has_schema_privilege(role.name, split_part(%s, '.', 1), 'usage')
    and has_column_privilege(role.name, %s, %s, 'select')
order by role.place
"""


def tables(connection: psycopg.Connection) -> str:
    """Return classes, columns and members as Markdown."""
    return "\n".join(
        [
            "## The classes\n",
            _table(
                ("class", "holds", "an erasure"),
                ((f"`{each.name}`", each.holds, each.erasure) for each in classes().values()),
            ),
            "## The columns\n",
            "All others hold nobody. The owner reads everything. Rows without days stay until they"
            " are\nerased; the days are defaults ([retention](retention.md)).\n",
            _table(("table", "columns", "class", "read by", "kept"), _columns(connection)),
            "## The members of events\n",
            "In the topics, until their retention ends.\n",
            _table(("event", "members of `data`", "class"), _members()),
        ]
    )


def _columns(connection: psycopg.Connection) -> Iterable[Sequence[str]]:
    for table, of_table in columns().items():
        groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for column, of_class in of_table.items():
            if of_class.name == NOBODY:
                continue
            found = connection.execute(_READERS, [list(ROLES), table, table, column]).fetchall()
            readers = tuple(role for (role,) in found)
            groups.setdefault((of_class.name, readers), []).append(column)
        for (name, readers), named in groups.items():
            yield (
                f"`{table}`",
                ", ".join(f"`{column}`" for column in named),
                f"`{name}`",
                ", ".join(f"`{role}`" for role in readers) or "the owner",
                _kept(table),
            )


def _kept(table: str) -> str:
    return "; ".join(
        f"{rule.what}: {rule.default} days" if rule.default != NEVER else f"{rule.what}: for ever"
        for rule in RULES
        if rule.table == table
    )


def _members() -> Iterable[Sequence[str]]:
    for topic in topics():
        for event_type in topic.event_types:
            groups: dict[str, list[str]] = {}
            for path, of_class in members(event_type).items():
                if of_class.name != NOBODY:
                    groups.setdefault(of_class.name, []).append(path.removeprefix("data."))
            for name, paths in groups.items():
                yield (
                    f"`{event_type}`",
                    ", ".join(f"`{path}`" for path in paths),
                    f"`{name}`",
                )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


PAGE = DatabasePage(
    ROOT / "docs" / "personal-data.md", "python -m tests.personal_data_page", tables
)

if __name__ == "__main__":
    PAGE.write()
