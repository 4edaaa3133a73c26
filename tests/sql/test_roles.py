"""What holds for every role, function and database, whatever is added later."""

import uuid

import psycopg
import pytest
from psycopg import sql

from below_the_line.closing.windows import apply_windows
from below_the_line.database.locks import CLOSING_LOCK, OUTBOX_LOCK, lock
from below_the_line.database.roles import READING_ROLES, STAGING_ROLES, logins, temporary_statements
from below_the_line.metrics.dirty_run import recompute_dirty
from below_the_line.metrics.rebuild import rebuild_all
from below_the_line.metrics.units import SHARDS, shard_lock
from btl.stack.postgres import ROLES
from tests import roles_page
from tests.sql.newsroom import Newsroom, t

pytestmark = pytest.mark.stack

_FUNCTIONS = """
select
    routine.oid::regprocedure::text,
    routine.prosecdef,
    coalesce(routine.proconfig, '{}'),
    array(
        select case granted.grantee when 0 then 'public' else granted.grantee::regrole::text end
        from aclexplode(coalesce(routine.proacl, acldefault('f', routine.proowner))) as granted
    )
from pg_proc as routine
inner join pg_namespace as namespace on namespace.oid = routine.pronamespace
where namespace.nspowner = 'btl_owner'::regrole
"""


def test_a_function_with_its_owners_rights_looks_nowhere_that_its_caller_can_write(
    connection: psycopg.Connection,
) -> None:
    functions = connection.execute(_FUNCTIONS).fetchall()
    definers = {name: settings for name, is_definer, settings, _ in functions if is_definer}
    assert definers
    assert {
        name: settings
        for name, settings in definers.items()
        # Without pg_temp at its end, a search path has it at its beginning.
        if "search_path=pg_catalog, pg_temp" not in settings
    } == {}


def test_every_function_names_the_roles_that_may_run_it(connection: psycopg.Connection) -> None:
    connection.execute("set role btl_owner")
    connection.execute("create function metrics.of_tomorrow() returns integer return 1")
    connection.execute("reset role")
    functions = connection.execute(_FUNCTIONS).fetchall()
    assert "metrics.of_tomorrow()" in {name for name, *_ in functions}
    assert [name for name, *_, roles in functions if "public" in roles] == []


@pytest.mark.parametrize("role", ROLES)
def test_only_roles_that_stage_rows_make_temporary_tables(
    connection: psycopg.Connection, role: str
) -> None:
    (may,) = connection.execute(
        "select has_database_privilege(%s, current_database(), 'temporary')", [role]
    ).fetchone() or (None,)
    assert may is (role in STAGING_ROLES)


_LOCKABLE = """
select format('%I.%I', relnamespace::regnamespace, relname)
from pg_class
where relkind in ('r', 'v') and relnamespace::regnamespace::text in
    ('below_the_line', 'discussion', 'ingest', 'metrics')
order by 1
"""
_MODES = (
    *("access share", "row share", "row exclusive", "share update exclusive", "share"),
    *("share row exclusive", "exclusive", "access exclusive"),
)


@pytest.mark.parametrize("role", ["btl_reader", "btl_moderator"])
def test_who_only_reads_holds_up_no_run(newsroom: Newsroom, database_url: str, role: str) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.comment("c1", "05-02 12:00")
    for marks in ("dirty_windows", "dirty_articles"):
        newsroom.connection.execute(f"insert into ingest.{marks} (article_id) values ('a')")
    with psycopg.connect(database_url) as reader:
        reader.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
        taken = set()
        for (relation,) in reader.execute(_LOCKABLE).fetchall():
            for mode in _MODES:
                try:
                    with reader.transaction():
                        reader.execute(f"lock table {relation} in {mode} mode nowait".encode())
                except psycopg.errors.InsufficientPrivilege:
                    continue
                taken.add(mode)
        for names in (CLOSING_LOCK, OUTBOX_LOCK):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), reader.transaction():
                lock(reader, names)
        assert taken == {"access share"}
        newsroom.connection.execute("set lock_timeout = '5s'")
        assert apply_windows(newsroom.connection, t("06-01 00:00")).changed == 1
        assert recompute_dirty(newsroom.connection).articles == 1
        assert rebuild_all(newsroom.connection).articles == 1


def test_every_lock_of_the_code_exists(connection: psycopg.Connection) -> None:
    shards = [shard_lock(kind, n) for kind in ("articles", "days") for n in range(SHARDS)]
    with connection.transaction():
        lock(connection, CLOSING_LOCK, OUTBOX_LOCK, *shards)


def test_the_page_of_the_roles_is_what_the_catalogue_says(connection: psycopg.Connection) -> None:
    assert roles_page.PAGE.path.read_text() == roles_page.PAGE.text(connection), (
        "docs/roles.md differs: `python -m tests.roles_page` writes it"
    )


def test_logins_that_read_without_limits_are_named_with_the_statements(
    connection: psycopg.Connection,
) -> None:
    name = f"analyst {uuid.uuid4().hex[:8]}"
    role = sql.Identifier(name)
    connection.execute(sql.SQL("create role {} login in role btl_reader").format(role))
    try:
        (found,) = [login for login in logins(connection) if login.name == name]
        assert found.reads_as == ("btl_reader",)
        assert not found.is_limited
        for statement in found.statements():
            connection.execute(statement.encode())
        (found,) = [login for login in logins(connection) if login.name == name]
        assert found.is_limited
        connection.execute(sql.SQL("grant btl_scheduler to {}").format(role))
        assert name not in {login.name for login in logins(connection)}
    finally:
        connection.execute(sql.SQL("drop role {}").format(role))


def test_logins_of_the_stack_that_read_are_limited(connection: psycopg.Connection) -> None:
    assert {
        login.name: login.is_limited for login in logins(connection) if login.name in READING_ROLES
    } == dict.fromkeys(READING_ROLES, True)


def test_rights_that_a_dump_does_not_carry_are_given_by_the_statements(
    connection: psycopg.Connection,
) -> None:
    assert temporary_statements(connection) == []
    name = sql.Identifier(connection.info.dbname)
    # As in a database that was made by hand.
    for statement in (
        "revoke all on database {} from btl_owner, btl_ingest, btl_redrive, btl_scheduler",
        "grant temporary on database {} to public",
    ):
        connection.execute(sql.SQL(statement).format(name))
    for statement in temporary_statements(connection):
        connection.execute(statement.encode())
    assert connection.execute(
        "select role, has_database_privilege(role, current_database(), 'temporary')"
        " from unnest(%s::text[]) as role",
        [[*STAGING_ROLES, *READING_ROLES]],
    ).fetchall() == [(role, True) for role in STAGING_ROLES] + [
        (role, False) for role in READING_ROLES
    ]
    assert temporary_statements(connection) == []
