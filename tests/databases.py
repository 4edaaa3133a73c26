"""Databases for tests: migrated, empty, and used again after each test.

To copy a database from a template takes a quarter of a second, to empty one a tenth of that. A test
may do anything to its database: where it changed more than rows, the database is thrown away.
"""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

# Catalogues whose rows change with every definition. pg_class has columns that change with the
# rows of a table, so its definitions are compared by value.
_CATALOGUES = (
    *("pg_attribute", "pg_attrdef", "pg_constraint", "pg_description", "pg_event_trigger"),
    *("pg_extension", "pg_index", "pg_policy", "pg_proc", "pg_rewrite", "pg_trigger", "pg_type"),
    *("pg_default_acl", "pg_publication", "pg_statistic_ext"),
)
_DEFINITIONS = " union all ".join(
    [
        *(
            f"select '{name}', count(*), coalesce(sum(xmin::text::bigint), 0)::text from {name}"
            for name in _CATALOGUES
        ),
        "select 'pg_class', count(*), md5(string_agg(concat_ws(' ', oid, relname, relnamespace,"
        " relkind, relowner, relacl, reloptions, relrowsecurity), ',' order by oid)) from pg_class",
        "select 'pg_namespace', count(*), md5(string_agg(concat_ws(' ', nspname, nspowner, nspacl),"
        " ',' order by oid)) from pg_namespace where nspname !~ '^pg_(toast_)?temp_'",
        "select 'pg_statistic', count(*), coalesce(sum(xmin::text::bigint), 0)::text"
        " from pg_statistic where starelid >= 16384",
        "select 'pg_database', count(*), md5(string_agg(concat_ws(' ', datconnlimit,"
        " dattablespace, setting.setconfig), ',')) from pg_database left join pg_db_role_setting"
        " as setting on setting.setdatabase = pg_database.oid where datname = current_database()",
        "select 'datacl', count(*), md5(string_agg(granted::text, ',' order by granted::text))"
        " from pg_database cross join aclexplode(datacl) as granted"
        " where datname = current_database()",
    ]
)
_TABLES_WITH_PAGES = """
select format('%I.%I', relnamespace::regnamespace, relname)
from pg_class
where
    relkind = 'r'
    and relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
    and pg_relation_size(oid) > 0
"""
_SEQUENCES = """
select format('%I.%I', schemaname, sequencename), last_value from pg_sequences
where last_value is not null order by 1
"""
_RIGHTS = """
select
    granted.privilege_type,
    case granted.grantee when 0 then 'public' else granted.grantee::regrole::text end
from pg_database
cross join aclexplode(datacl) as granted
where datname = %s
"""
_OTHERS = """
select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid()
    and backend_type = 'client backend'
"""


def with_database(url: str, database: str) -> str:
    """Return the URL of another database on the same server, for the same user."""
    parts = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    parts["dbname"] = database
    return make_conninfo(**parts)


def on_server(server_url: str, statement: str, *names: str) -> None:
    """Run one statement with these identifiers, outside a transaction."""
    # A connection for each statement: tests of failure stop the server in between.
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


class Databases:
    """Lends databases that are equal to a template.

    Not safe for two threads; each process of pytest-xdist has its own.
    """

    def __init__(self, server_url: str, template: str) -> None:
        self._server_url = server_url
        self._template = template
        self._free: list[str] = []
        with psycopg.connect(with_database(server_url, template), autocommit=True) as connection:
            seeded = _tables_with_pages(connection)
            for table in seeded:
                # Otherwise the server does it within a minute: then no database that comes from
                # the template equals what is noted here, and each is used once.
                connection.execute(sql.SQL("analyze {}").format(sql.SQL(table)))
            self._definitions = _definitions(connection)
            self._seeds = _seeds(connection, seeded)
            self._seeded = self._seeds.keys() - {_SEQUENCES}

    @contextmanager
    def lent(self) -> Iterator[str]:
        """The URL of an empty, migrated database, for as long as the context lasts."""
        name = self._free.pop() if self._free else self._new()
        url = with_database(self._server_url, name)
        try:
            yield url
        finally:
            if self._emptied(url):
                self._free.append(name)
            else:
                self._drop(name)

    def close(self) -> None:
        """Drop all databases."""
        while self._free:
            self._drop(self._free.pop())

    def _new(self) -> str:
        name = f"btl_test_{uuid.uuid4().hex[:12]}"
        on_server(self._server_url, "create database {} template {}", name, self._template)
        self._grant(name)
        return name

    def _grant(self, name: str) -> None:
        """Give the rights on the template to the same roles here: Postgres does not copy them."""
        with psycopg.connect(self._server_url, autocommit=True) as server:
            database = sql.Identifier(name)
            server.execute(sql.SQL("revoke all on database {} from public").format(database))
            for right, role in server.execute(_RIGHTS, [self._template]).fetchall():
                grant = sql.SQL("grant {} on database {} to {}")
                server.execute(grant.format(sql.SQL(right), database, sql.SQL(role)))

    def _drop(self, name: str) -> None:
        on_server(self._server_url, "drop database {} with (force)", name)

    def _emptied(self, url: str) -> bool:
        """Empty a database; returns whether it is then equal to the template."""
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(_OTHERS)
                if _definitions(connection) != self._definitions:
                    return False
                filled = _tables_with_pages(connection) - self._seeded
                if filled:
                    names = sql.SQL(", ").join(map(sql.SQL, sorted(filled)))
                    connection.execute(sql.SQL("truncate {} restart identity").format(names))
                return _seeds(connection, self._seeded) == self._seeds
        # Also: the test stopped the server, or dropped the database.
        except psycopg.Error:
            return False


def _definitions(connection: psycopg.Connection) -> list[tuple[object, ...]]:
    """What tells two databases with different tables, functions or privileges apart."""
    return connection.execute(_DEFINITIONS.encode()).fetchall()


def _tables_with_pages(connection: psycopg.Connection) -> set[str]:
    return {name for (name,) in connection.execute(_TABLES_WITH_PAGES)}


def _seeds(connection: psycopg.Connection, tables: Iterable[str]) -> dict[str, Any]:
    """The rows of these tables, if there are any, and where all sequences stand."""
    rows = {
        table: connection.execute(
            sql.SQL("select line::text from {} as line order by 1").format(sql.SQL(table))
        ).fetchall()
        for table in tables
    }
    return {table: lines for table, lines in rows.items() if lines} | {
        _SEQUENCES: connection.execute(_SEQUENCES).fetchall()
    }
