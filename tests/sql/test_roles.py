"""What holds for every role, function and database, whatever is added later."""

import psycopg
import pytest

from btl.stack.postgres import ROLES, STAGING_ROLES

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
