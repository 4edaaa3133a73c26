"""Migrations: each table once, each routine whenever it changed, however often and by however many
at once, and never backwards.
"""

import shutil
import threading
import uuid
from pathlib import Path
from queue import Queue
from types import SimpleNamespace

import psycopg
import pytest
from psycopg import sql

from below_the_line.database import migrations, schema_files
from below_the_line.database.migrations import migrate, pending, require_current
from below_the_line.database.schema_files import Schema, SchemaFile, read
from below_the_line.errors import BelowTheLineError
from below_the_line.resources import SQL

pytestmark = pytest.mark.stack

ALL = [*read().files]
COUNT = len(list(SQL.glob("migrations/*.sql")))


def migration(number: int, what: str) -> str:
    """The name of a migration after those that there are."""
    return f"migrations/{COUNT + number:04}_{what}.sql"


class Folder:
    """A copy of sql/ to change, and the database that its files are applied to."""

    def __init__(self, path: Path, url: str) -> None:
        self._path = path
        self._url = url

    def write(self, name: str, text: str) -> str:
        path = self._path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return name

    def remove(self, name: str) -> None:
        (self._path / name).unlink()

    def append(self, name: str, text: str) -> str:
        return self.write(name, (self._path / name).read_text() + text)

    def migrate(self, announcements: "Queue[str] | None" = None) -> list[str]:
        announce = None if announcements is None else announcements.put
        return migrate(self._url, read(self._path), announce)

    def require_current(self) -> None:
        require_current(self._url, read(self._path))


@pytest.fixture
def folder(tmp_path: Path, database_url: str) -> Folder:
    for part in ("tables", "migrations", "routines"):
        shutil.copytree(SQL / part, tmp_path / part)
    for path in SQL.glob("metrics/*/definitions.yaml"):
        (tmp_path / path.relative_to(SQL)).parent.mkdir(parents=True)
        shutil.copy(path, tmp_path / path.relative_to(SQL))
    return Folder(tmp_path, database_url)


def test_two_at_once_apply_each_file_once(empty_database: str) -> None:
    applied: list[list[str]] = []
    both = [
        threading.Thread(target=lambda: applied.append(migrate(empty_database))) for _ in range(2)
    ]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert sorted(applied, key=len) == [[], ALL]
    require_current(empty_database)


def test_migrating_twice_applies_nothing_the_second_time(database_url: str) -> None:
    assert migrate(database_url) == []
    require_current(database_url)


def test_a_role_that_is_no_superuser_can_migrate_a_server_without_our_roles(
    empty_database: str,
) -> None:
    prefix = f"t{uuid.uuid4().hex[:12]}_"
    with psycopg.connect(empty_database) as connection, connection.transaction(force_rollback=True):
        names = {
            "deployer": sql.Identifier(f"{prefix}deployer"),
            "database": sql.Identifier(connection.info.dbname),
        }
        for statement in (
            "create role {deployer} createrole",
            "grant {deployer} to current_user",
            "grant create on database {database} to {deployer}",
            "set local role {deployer}",
        ):
            connection.execute(sql.SQL(statement).format(**names))
        first, *others = read().once
        connection.execute(first.content.replace(b"btl_", prefix.encode()))
        for file in others:
            if file.as_migrating_role:
                connection.execute(sql.SQL("set local role {deployer}").format(**names))
            connection.execute(file.content.replace(b"btl_", prefix.encode()))
        assert connection.execute(
            "select current_user = %(owner)s, pg_has_role(%(deployer)s, %(owner)s, 'usage')",
            {"owner": f"{prefix}owner", "deployer": f"{prefix}deployer"},
        ).fetchone() == (True, True)


def test_an_old_database_is_named_with_its_hint(empty_database: str) -> None:
    with pytest.raises(BelowTheLineError, match=r"01_roles_and_schemas.* missing.*`btl migrate`"):
        require_current(empty_database)


def test_a_run_that_fails_leaves_nothing(folder: Folder, connection: psycopg.Connection) -> None:
    folder.append("routines/discussion/severity.sql", "comment on function metrics.none is '';")
    good = folder.write(migration(1, "good"), "create table metrics.good ();")
    bad = folder.write(migration(2, "bad"), "select 1 / 0;")
    with pytest.raises(BelowTheLineError, match=r"_bad\.sql failed .* division by zero"):
        folder.migrate()
    folder.write(bad, "create table metrics.fixed ();")
    with pytest.raises(BelowTheLineError, match=r"severity\.sql failed .*could not find"):
        folder.migrate()
    exist = "select to_regclass('metrics.good'), to_regclass('metrics.fixed')"
    assert connection.execute(exist).fetchone() == (None, None)
    routine = folder.write(
        "routines/discussion/severity.sql", (SQL / "routines/discussion/severity.sql").read_text()
    )
    assert folder.migrate() == [good, bad]
    assert connection.execute(exist).fetchone() == ("metrics.good", "metrics.fixed")
    assert folder.append(routine, "-- changed\n") == folder.migrate()[0]


def test_a_database_made_before_releases_is_refused(empty_database: str) -> None:
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute(
            "create schema below_the_line; create table below_the_line.migrations (number integer)"
        )
        for use in (migrate, require_current):
            with pytest.raises(BelowTheLineError, match=r"before release 0\.1\.0.*`btl reset`"):
                use(empty_database)
        assert connection.execute("select to_regnamespace('discussion')").fetchone() == (None,)


@pytest.mark.parametrize(
    "name", [migration(1, "table"), "routines/metrics/newest.sql", "tables/99_more.sql"]
)
def test_a_database_that_is_newer_than_the_software_is_refused(folder: Folder, name: str) -> None:
    folder.write(name, "create or replace view metrics.newest as select 1 as one;")
    folder.migrate()
    folder.remove(name)
    for use in (folder.migrate, folder.require_current):
        with pytest.raises(BelowTheLineError, match=rf"newer than this software: sql/{name}"):
            use()


@pytest.mark.parametrize("name", ["tables/02_articles.sql", "migrations/0001_a.sql"])
def test_an_applied_file_that_was_edited_is_refused(name: str) -> None:
    with pytest.raises(BelowTheLineError, match=rf"sql/{name} .*another text.*new migration"):
        pending(
            Schema((SchemaFile(name, b"select 2"),), ()),
            {name: SchemaFile(name, b"select 1").sha256},
            "db",
        )


def test_a_changed_routine_is_applied_again_and_no_other(
    folder: Folder, connection: psycopg.Connection
) -> None:
    changed = folder.append(
        "routines/discussion/severity.sql", "comment on function discussion.severity is 'new';"
    )
    with pytest.raises(BelowTheLineError, match=r"severity\.sql has changed.*`btl migrate`"):
        folder.require_current()
    assert folder.migrate() == [changed]
    assert folder.migrate() == []
    folder.require_current()
    assert connection.execute(
        "select obj_description('discussion.severity'::regproc)"
    ).fetchone() == ("new",)


def test_a_changed_definition_becomes_the_comment(
    folder: Folder, connection: psycopg.Connection
) -> None:
    name = folder.write(
        "metrics/articles/definitions.yaml",
        "view: articles\nschema: metrics\nsummary: It's new\n"
        "columns:\n  url: {definition: Where\\, now}\n".replace("\\,", " 100 % of it is"),
    )
    assert folder.migrate() == [name]
    assert connection.execute(
        "select obj_description('metrics.articles'::regclass), col_description(attrelid, attnum)"
        " from pg_attribute where attrelid = 'metrics.articles'::regclass and attname = 'url'"
    ).fetchone() == ("It's new", "Where 100 % of it is now")


USERS = {
    "metrics/a_user": "create or replace view metrics.a_user as select * from metrics.the_source();"
    " comment on view metrics.a_user is 'kept'; grant select on metrics.a_user to btl_reader;",
    "metrics/the_source": "create or replace function metrics.the_source() returns table (a int)"
    " language sql as $$ select 1 -- see metrics.a_user \n$$;",
}


@pytest.fixture
def with_users(folder: Folder) -> Folder:
    for name, text in USERS.items():
        folder.write(f"routines/{name}.sql", text)
    assert folder.migrate() == [
        "routines/metrics/the_source.sql",
        "routines/metrics/a_user.sql",
    ]
    return folder


def test_columns_that_change_make_the_routine_and_what_uses_it_again(
    with_users: Folder, connection: psycopg.Connection
) -> None:
    source = with_users.write(
        "routines/metrics/the_source.sql",
        USERS["metrics/the_source"].replace("a int", "b text, c int").replace("1", "'x', 1"),
    )
    assert with_users.migrate() == [source, "routines/metrics/a_user.sql"]
    assert connection.execute("select b, c from metrics.a_user").fetchall() == [("x", 1)]
    assert connection.execute(
        "select obj_description('metrics.a_user'::regclass),"
        " has_table_privilege('btl_reader', 'metrics.a_user', 'select')"
    ).fetchone() == ("kept", True)


def test_parameters_that_change_leave_no_second_function(
    with_users: Folder, connection: psycopg.Connection
) -> None:
    with_users.write(
        "routines/metrics/the_source.sql",
        USERS["metrics/the_source"].replace("the_source()", "the_source(ignored int default 2)"),
    )
    assert len(with_users.migrate()) == 2
    assert connection.execute(
        "select pg_get_function_identity_arguments('metrics.the_source'::regproc)"
    ).fetchone() == ("ignored integer",)


def test_a_trigger_goes_with_its_function(folder: Folder, connection: psycopg.Connection) -> None:
    name = "routines/discussion/mark_articles_of_rule.sql"
    text = (SQL / name).read_text()
    folder.write(name, "select 1 / 0;" + text)
    connection.execute("alter function discussion.mark_articles_of_rule rename to other")
    with pytest.raises(BelowTheLineError, match="division by zero"):
        folder.migrate()
    folder.write(name, text)
    assert folder.migrate() == [name]
    assert connection.execute(
        "select count(*) from pg_trigger where tgname = 'mark_articles_of_rule'"
    ).fetchone() == (1,)


def test_a_view_of_a_sites_own_is_not_dropped(
    with_users: Folder, connection: psycopg.Connection
) -> None:
    connection.execute("create view public.ours as select a from metrics.a_user")
    with_users.write(
        "routines/metrics/the_source.sql",
        USERS["metrics/the_source"].replace("a int", "a bigint"),
    )
    with pytest.raises(BelowTheLineError, match=r"the_source.sql failed .*view ours depends on"):
        with_users.migrate()
    assert connection.execute("select a from public.ours").fetchall() == [(1,)]


def test_what_a_migration_drops_is_made_again(
    with_users: Folder, connection: psycopg.Connection
) -> None:
    with_users.write(
        migration(1, "columns"),
        "drop view if exists discussion.moderation_queue, metrics.a_user;"
        " drop function if exists metrics.the_source;",
    )
    for name in USERS:
        with_users.remove(f"routines/{name}.sql")
    assert with_users.migrate() == [
        migration(1, "columns"),
        "routines/discussion/moderation_queue.sql",
        "metrics/moderation_queue/definitions.yaml",
    ]
    assert with_users.migrate() == []
    assert connection.execute(
        "select obj_description('discussion.moderation_queue'::regclass) is null,"
        " to_regproc('metrics.the_source')"
    ).fetchone() == (False, None)


OUTSIDE = "-- Adds an index.\n-- Transaction: none\n"


def test_an_index_is_made_concurrently_also_after_a_crash(
    folder: Folder, connection: psycopg.Connection
) -> None:
    connection.execute("insert into ingest.dirty_articles (article_id) values ('a'), ('a')")
    before = folder.write(migration(1, "before"), "create table metrics.before ();")
    index = folder.write(
        migration(2, "index"),
        f"{OUTSIDE}create unique index concurrently if not exists dirty_once"
        " on ingest.dirty_articles (article_id);",
    )
    after = folder.write(migration(3, "after"), "create table metrics.after ();")
    with pytest.raises(BelowTheLineError, match=r"_index\.sql failed"):
        folder.migrate()
    state = (
        "select to_regclass('metrics.before'), to_regclass('metrics.after'), indisvalid"
        " from pg_index where indexrelid = 'ingest.dirty_once'::regclass"
    )
    assert connection.execute(state).fetchone() == ("metrics.before", None, False)
    connection.execute("delete from ingest.dirty_articles")
    assert folder.migrate() == [index, after]
    assert connection.execute(state).fetchone() == ("metrics.before", "metrics.after", True)
    connection.execute("delete from below_the_line.files where name = %s", [index])
    assert folder.migrate() == [index]
    assert before not in folder.migrate()


def test_another_runner_waits_for_the_concurrent_index_and_says_so(
    folder: Folder, connection: psycopg.Connection
) -> None:
    index = folder.write(
        migration(1, "index"),
        f"{OUTSIDE}create index concurrently if not exists by_time"
        " on ingest.dirty_articles (marked_at);",
    )
    applied: Queue[list[str]] = Queue()
    first = threading.Thread(target=lambda: applied.put(folder.migrate()))
    announcements: Queue[str] = Queue()
    second = threading.Thread(target=lambda: applied.put(folder.migrate(announcements)))
    with connection.transaction():
        connection.execute("insert into ingest.dirty_articles (article_id) values ('a')")
        first.start()
        with psycopg.connect(connection.info.dsn, password=connection.info.password) as other:
            while (
                other.execute(
                    "select from pg_stat_activity where query like %s and wait_event_type = 'Lock'",
                    [OUTSIDE + "%"],
                ).rowcount
                == 0
            ):
                other.rollback()
        second.start()
        said = announcements.get(timeout=60)
    first.join()
    second.join()
    assert "of postgres (btl migrate), since 20" in said
    assert sorted([applied.get(), applied.get()], key=len) == [[], [index]]


def test_waiting_is_announced_once(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    announcements: list[str] = []
    with psycopg.connect(database_url, application_name="the other") as holder:
        holder.execute(migrations._LOCK)
        polls = iter([lambda: None, lambda: None, holder.commit])
        clock = SimpleNamespace(sleep=lambda _seconds: next(polls)())
        monkeypatch.setattr(migrations, "time", clock)
        assert migrate(database_url, announce=announcements.append) == []
        pid = holder.info.backend_pid
    assert len(announcements) == 1
    assert f"Postgres process {pid} of postgres (the other), since 20" in announcements[0]


@pytest.mark.parametrize("url", ["database_url", "empty_database"])
def test_the_lock_is_gone_with_its_transaction(url: str, request: pytest.FixtureRequest) -> None:
    with psycopg.connect(request.getfixturevalue(url), autocommit=True) as connection:
        holders = [migrations._CREATION_LOCK]
        with migrations._exclusive(connection, None):
            assert connection.execute(migrations._HOLDERS, holders).rowcount == 1
        assert connection.execute(migrations._HOLDERS, holders).rowcount == 0


def test_no_role_that_only_reads_can_hold_up_a_migration(database_url: str) -> None:
    with psycopg.connect(database_url) as reader:
        reader.execute("set role btl_reader")
        reader.execute("select pg_advisory_xact_lock(%s)", [migrations._CREATION_LOCK])
        reader.execute("select from below_the_line.files")
        with pytest.raises(psycopg.errors.InsufficientPrivilege), reader.transaction():
            reader.execute(migrations._LOCK)
        assert migrate(database_url, announce=pytest.fail) == []


def test_neither_autovacuum_nor_a_writer_is_taken_for_another_migration(
    database_url: str, connection: psycopg.Connection
) -> None:
    # What autovacuum takes, and what a session takes that adds rows.
    with psycopg.connect(database_url) as other:
        other.execute("lock table below_the_line.files in share update exclusive mode")
        other.execute("lock table below_the_line.files in row exclusive mode")
        assert migrate(database_url, announce=pytest.fail) == []
        assert connection.execute(migrations._HOLDERS, [migrations._CREATION_LOCK]).rowcount == 0


def test_whoever_uses_what_a_migration_changes_is_named(
    folder: Folder, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "_WATCH_SECONDS", 0.05)
    name = folder.write(
        migration(1, "more"), "alter table metrics.article_abuse add column more integer;"
    )
    announcements: Queue[str] = Queue()
    applied: Queue[list[str]] = Queue()
    with psycopg.connect(database_url, application_name="a notebook") as reader:
        reader.execute("select from metrics.article_abuse")
        run = threading.Thread(target=lambda: applied.put(folder.migrate(announcements)))
        run.start()
        said = announcements.get(timeout=60)
        pid = reader.info.backend_pid
    run.join()
    assert f"Postgres process {pid} of postgres (a notebook), since 20" in said
    assert (
        f"uses metrics.article_abuse. It can be ended: select pg_terminate_backend({pid})" in said
    )
    assert announcements.empty()
    assert applied.get() == [name]


def test_consumers_go_on_while_a_migration_waits_for_a_reader(
    folder: Folder, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "_WATCH_SECONDS", 0.05)
    monkeypatch.setattr(migrations, "_LOCK_TIMEOUT", "500ms")
    monkeypatch.setattr(migrations, "_RETRY_SECONDS", 0.2)
    name = folder.write(
        migration(1, "more"),
        "alter table ingest.dirty_articles add column more integer;"
        "alter table metrics.article_abuse add column more integer;",
    )
    announcements: Queue[str] = Queue()
    applied: Queue[list[str]] = Queue()
    run = threading.Thread(target=lambda: applied.put(folder.migrate(announcements)))
    with psycopg.connect(database_url) as reader:
        reader.execute("select from metrics.article_abuse")
        run.start()
        assert "uses metrics.article_abuse" in announcements.get(timeout=60)
        with psycopg.connect(database_url, options="-c lock_timeout=20s") as consumer:
            consumer.execute("insert into ingest.dirty_articles (article_id) values ('a')")
        assert announcements.get(timeout=60).startswith("Rolled back, so that consumers do not")
        assert applied.empty()
        reader.rollback()
        run.join()
    assert applied.get() == [name]
    assert announcements.empty()


def test_warnings_of_migrations_are_announced(folder: Folder) -> None:
    folder.write(
        migration(1, "warns"),
        "do $$ begin raise notice 'a remark'; raise warning 'only the owner may'; end $$;",
    )
    announcements: Queue[str] = Queue()
    folder.migrate(announcements)
    assert announcements.get_nowait() == "Warning: only the owner may."
    assert announcements.empty()


def test_a_run_that_another_session_waits_for_crosswise_is_tried_again(
    folder: Folder, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = folder.write(
        migration(1, "crosswise"),
        "do $$ begin if nextval('public.tries') = 1 then"
        " raise exception using errcode = 'deadlock_detected'; end if; end $$;",
    )
    # Not taken back with the run.
    connection.execute("create sequence public.tries; grant all on public.tries to btl_owner")
    monkeypatch.setattr(migrations, "_RETRY_SECONDS", 0)
    assert folder.migrate() == [name]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"migrations/1_short.sql": ""}, "number_words.sql"),
        ({"migrations/0002_gap.sql": ""}, "without a gap"),
        ({"tables/articles.sql": ""}, "number_words.sql"),
        (
            {"migrations/0001_i.sql": "create index concurrently i on ingest.batches (topic)"},
            "concurrently if not exists",
        ),
        ({"routines/m/a.sql": "m.b", "routines/m/b.sql": "m.a"}, "use each other: m"),
    ],
)
def test_files_that_break_the_rules_of_their_folder_are_refused(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        schema_files.read(tmp_path)


def test_every_routine_makes_what_its_name_says(connection: psycopg.Connection) -> None:
    made = connection.execute("""
        select format('routines/%s/%s.sql', namespace.nspname, routine.proname)
        from pg_proc as routine
        inner join pg_namespace as namespace on namespace.oid = routine.pronamespace
        where namespace.nspname in ('discussion', 'ingest', 'metrics')
        union all
        select format('routines/%s/%s.sql', namespace.nspname, relation.relname)
        from pg_class as relation
        inner join pg_namespace as namespace on namespace.oid = relation.relnamespace
        where namespace.nspname in ('discussion', 'ingest', 'metrics') and relation.relkind = 'v'
        """).fetchall()
    assert sorted(name for (name,) in made) == sorted(
        name for name in ALL if name.startswith("routines/")
    )
