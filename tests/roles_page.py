"""The tables of docs/roles.md, made from the catalogue of a migrated database.

``python -m tests.roles_page`` writes them; it needs the test stack.
"""

from collections.abc import Iterable, Sequence

import psycopg

from below_the_line.resources import ROOT
from tests.database_pages import DatabasePage

ROLES = (
    *("btl_ingest", "btl_redrive", "btl_erase", "btl_scheduler", "btl_retention"),
    *("btl_moderator", "btl_reader"),
)
_VERBS = {"select": "read", "insert": "add", "update": "change", "delete": "delete"}

_RIGHTS = """
select
    format('%%I.%%I', relation.relnamespace::regnamespace, relation.relname),
    role.name,
    array(
        select verb
        from unnest(array['select', 'insert', 'update', 'delete']) as verb
        where has_table_privilege(role.name, relation.oid, verb)
    ),
    array(
        select attribute.attname::text
        from pg_attribute as attribute
        where attribute.attrelid = relation.oid and attribute.attnum > 0
            and not attribute.attisdropped
            and not has_column_privilege(role.name, relation.oid, attribute.attnum, 'select')
        order by attribute.attname
    ),
    array(
        select verb
        from unnest(array['select', 'update']) as verb
        where not has_table_privilege(role.name, relation.oid, verb)
            and has_any_column_privilege(role.name, relation.oid, verb)
    )
from pg_class as relation
cross join unnest(%s::text[]) with ordinality as role (name, place)
where relation.relkind in ('r', 'v')
    and relation.relnamespace::regnamespace::text in
        ('below_the_line', 'discussion', 'ingest', 'metrics')
order by 1, role.place
"""
_FUNCTIONS = """
select
    format('%%I.%%I', routine.pronamespace::regnamespace, routine.proname),
    array(
        select role.name
        from unnest(%s::text[]) with ordinality as role (name, place)
        where has_function_privilege(role.name, routine.oid, 'execute')
        order by role.place
    )
from pg_proc as routine
where routine.pronamespace::regnamespace::text in ('discussion', 'ingest', 'metrics')
order by 1
"""
_HELD_UP = {
    "migrations": None,
    "metrics": ("ingest.metrics_lock", "metrics.article_engagement"),
    "closing and publishing": ("ingest.locks", "discussion.windows", "ingest.outbox"),
    "consumers": ("ingest.partition_offsets", "discussion.comments", "ingest.batches"),
}
"""What can be held up, and by the right to change which tables; None: by reading anything."""


def tables(connection: psycopg.Connection) -> str:
    """Return the tables as Markdown."""
    rights: dict[str, dict[str, str]] = {}
    hidden: list[tuple[str, str, str]] = []
    changing: dict[str, set[str]] = {role: set() for role in ROLES}
    for relation, role, whole, unread, partly in connection.execute(_RIGHTS, [list(ROLES)]):
        cell = [_VERBS[verb] for verb in whole] + [f"{_VERBS[verb]} in part" for verb in partly]
        rights.setdefault(relation, {})[role] = ", ".join(cell)
        if {"insert", "update", "delete"} & {*whole, *partly}:
            changing[role].add(relation)
        if "select" in partly:
            hidden.append((relation, role, ", ".join(f"`{column}`" for column in unread)))
    functions = connection.execute(_FUNCTIONS, [list(ROLES)]).fetchall()
    parts = [
        _table(
            ("", *(f"`{role}`" for role in ROLES)),
            (
                (
                    what,
                    *(
                        "can" if names is None or changing[role] & set(names) else "cannot"
                        for role in ROLES
                    ),
                )
                for what, names in _HELD_UP.items()
            ),
        ),
        "## Tables and views\n",
        _table(
            ("", *(f"`{role}`" for role in ROLES)),
            (
                (f"`{name}`", *(of_roles[role] for role in ROLES))
                for name, of_roles in rights.items()
            ),
        ),
        "Columns that a role that reads in part cannot read:\n",
        _table(("table", "role", "columns"), ((f"`{a}`", f"`{b}`", c) for a, b, c in hidden)),
        "## Functions\n",
        _table(
            ("function", "run by"),
            (
                (f"`{name}`", ", ".join(f"`{role}`" for role in roles) or "the owner")
                for name, roles in functions
            ),
        ),
    ]
    return "\n".join(parts)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


PAGE = DatabasePage(ROOT / "docs" / "roles.md", "python -m tests.roles_page", tables)

if __name__ == "__main__":
    PAGE.write()
