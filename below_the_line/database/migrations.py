"""Bring a database to the schema that the files below sql/ describe.

Why not a library: see docs/adr/0002-migrations.md.
"""

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import takewhile

import psycopg

from below_the_line.database.connections import connect, describe
from below_the_line.database.schema_files import Repeatable, Schema, SchemaFile, object_of, read
from below_the_line.errors import BelowTheLineError

_CREATION_LOCK = 0x62746C6D
"""Key of the advisory lock while there is no table to lock: "btlm"."""
_LOCK = """
select from below_the_line.files where name = 'tables/01_roles_and_schemas.sql' for update nowait
"""
"""One runner at a time changes a database. Each mode of a table's lock that only one session can
have is in the way of autovacuum, or is autovacuum's own; a row's is not. The row never changes.
"""
_LOCK_POLL_SECONDS = 0.2
_LOCK_TIMEOUT = "3s"
"""How long a run waits for a table. Others wait behind it, and for what it has changed already."""
_RETRY_SECONDS = 5.0
"""How long others have their turn after a run that gave way to a session it waited for."""
_WATCH_SECONDS = 1.0
"""How long a run may wait for others before it reports whom it waits for, and between reports."""
_IN_THE_WAY = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)
"""Another session has what a run needs, and may need what the run has."""
_AS_OWNER = "set local role btl_owner"
_AS_MIGRATING_ROLE = "set local role none"

_HISTORY_EXISTS = "select to_regclass('below_the_line.files') is not null"
_MADE_BEFORE_RELEASES = "select to_regclass('below_the_line.migrations') is not null"
_APPLIED = "select name, sha256 from below_the_line.files"
_RECORD = """
insert into below_the_line.files (name, sha256)
select * from unnest(%s::text[], %s::text[])
on conflict (name) do update set sha256 = excluded.sha256, applied_at = clock_timestamp()
"""
_FORGET = "delete from below_the_line.files where name = any(%s)"

_SESSIONS = """
select activity.pid, activity.usename, activity.application_name, activity.xact_start
from pg_stat_activity as activity
where activity.pid = any(%s)
order by activity.pid
"""
_WAITS = """
select held.relation::regclass::text, pg_blocking_pids(held.pid)
from pg_locks as held
where held.pid = %(pid)s and not held.granted
"""
_HOLDERS = """
select held.pid
from pg_locks as held
where held.granted
    and held.database = (select oid from pg_database where datname = current_database())
    and (
        (
            held.locktype = 'advisory'
            and (held.classid, held.objid, held.objsubid) = (0, %s, 1)
        )
        or (
            held.relation = to_regclass('below_the_line.files')
            and held.mode = 'RowShareLock'
        )
    )
"""

# The functions, views and tables of our schemas, each with the statements that drop it: none for
# a table; for a function those for its triggers first, because its file makes them.
_OBJECTS = """
select
    format('%s.%s', namespace.nspname, routine.proname),
    array(
        select format('drop trigger %I on %s', trigger.tgname, trigger.tgrelid::regclass)
        from pg_trigger as trigger
        where trigger.tgfoid = routine.oid
    ) || format('drop routine %s', routine.oid::regprocedure)
from pg_proc as routine
inner join pg_namespace as namespace on namespace.oid = routine.pronamespace
where namespace.nspname in ('discussion', 'ingest', 'metrics')
union all
select
    format('%s.%s', namespace.nspname, relation.relname),
    case
        when relation.relkind = 'v' then array[format('drop view %s', relation.oid::regclass)]
        else '{}'
    end
from pg_class as relation
inner join pg_namespace as namespace on namespace.oid = relation.relnamespace
where namespace.nspname in ('discussion', 'ingest', 'metrics')
    and relation.relkind in ('r', 'p', 'v', 'm')
"""

_INVALID_INDEXES = """
select relation.relname, index.indexrelid::regclass::text
from pg_index as index
inner join pg_class as relation on relation.oid = index.indexrelid
inner join pg_namespace as namespace on namespace.oid = relation.relnamespace
where not index.indisvalid and namespace.nspname in ('discussion', 'ingest', 'metrics')
"""


def migrate(
    url: str,
    schema: Schema | None = None,
    announce: Callable[[str], None] | None = None,
) -> list[str]:
    """Bring the database up to date and return the names of the files applied, in order.

    All of a run is one transaction, except migrations that cannot run in one: each of these is
    recorded after it succeeded, and an interrupted run resumes there. Safe to run twice and by two
    at once: the second waits for the first. ``announce`` gets a sentence about each session that a
    run waits for, and each warning of Postgres or of a migration. A run that waits for longer than
    some seconds is rolled back and tried again, however often that takes, so that consumers do not
    stand still behind it. Raises BelowTheLineError.
    """
    schema = schema or read()
    applied: list[str] = []
    waits = _Waits(url, announce)
    try:
        with connect(url, application_name="btl migrate", autocommit=True) as connection:
            # Behind a pooler, another session would have to know a prepared statement.
            connection.prepare_threshold = None
            if announce is not None:
                connection.add_notice_handler(_warnings_to(announce))
            database = describe(url)
            while True:
                try:
                    with _exclusive(connection, announce), waits.announced(connection):
                        connection.execute(f"set local lock_timeout = '{_LOCK_TIMEOUT}'".encode())
                        files, outside = _in_transaction(connection, schema, database)
                except _IN_THE_WAY:
                    waits.give_way()
                    continue
                applied += files
                if outside is None:
                    return applied
                # A lock needs a transaction, this statement must not run in one: two connections.
                with (
                    connect(url, application_name="btl migrate", autocommit=True) as guard,
                    _exclusive(guard, announce),
                    waits.announced(connection),
                ):
                    guard.execute("set local idle_in_transaction_session_timeout = 0")
                    if outside.name not in _history(connection, database):
                        _outside_transaction(connection, outside, database)
                        applied.append(outside.name)
    except psycopg.errors.InsufficientPrivilege as error:
        raise BelowTheLineError(
            f"No permission to migrate {describe(url)}: {error.diag.message_primary}.",
            "Migrate as the database's owner, with the right to create roles; services run as"
            " btl_ingest and so on.",
        ) from None


class OlderDatabaseError(BelowTheLineError):
    """The database lacks files of this software, or has them as they were before."""


def require_current(url: str, schema: Schema | None = None) -> None:
    """Return if the database has the schema of this software. Raises OlderDatabaseError if it is
    older, another BelowTheLineError if it is newer.
    """
    schema = schema or read()
    with connect(url, application_name="btl", autocommit=True) as connection:
        database = describe(url)
        history = _history(connection, database)
    missing = pending(schema, history, database)
    if not missing:
        _reject_unknown(schema, filter(_is_routine, history), database)
    for file in (*missing, *schema.repeatables):
        if history.get(file.name) != file.sha256:
            raise OlderDatabaseError(
                f"The database {database} is not up to date: sql/{file.name}"
                f" {'has changed' if file.name in history else 'is missing'}.",
                "Run `btl migrate`.",
            )


def pending(schema: Schema, history: Mapping[str, str], database: str) -> list[SchemaFile]:
    """Return the tables and migrations still to apply, given the digests of the files applied.

    Raises BelowTheLineError when one was applied that this software does not know, or when an
    applied one was edited.
    """
    _reject_unknown(
        schema, [name for name in history if name.startswith(("tables/", "migrations/"))], database
    )
    for file in schema.once:
        if history.get(file.name, file.sha256) != file.sha256:
            raise BelowTheLineError(
                f"sql/{file.name} was applied to {database} with another text than the one here.",
                "Restore the file and write the change as a new migration, or make the database"
                " again (locally: `btl reset`, then `btl up`).",
            )
    return [file for file in schema.once if file.name not in history]


def _reject_unknown(schema: Schema, names: Iterable[str], database: str) -> None:
    for name in sorted(set(names) - set(schema.files)):
        raise BelowTheLineError(
            f"The database {database} is newer than this software: sql/{name} was applied to it and"
            " is not known here.",
            "Run the version that applied it, or a later one.",
        )


def _is_routine(name: str) -> bool:
    return name.startswith("routines/")


@contextmanager
def _exclusive(
    connection: psycopg.Connection, announce: Callable[[str], None] | None
) -> Iterator[None]:
    """Open a transaction that no other runner's transaction runs beside."""
    while True:
        try:
            with connection.transaction():
                # Waiting inside the lock function would keep a snapshot, and `create index
                # concurrently` of the runner that holds the lock would wait for that snapshot.
                if _lock(connection):
                    yield
                    return
        except _LockedError:
            pass
        if announce is not None:
            announce(_holder(connection))
            announce = None
        time.sleep(_LOCK_POLL_SECONDS)


class _LockedError(Exception):
    """Another runner holds the lock."""


def _lock(connection: psycopg.Connection) -> bool:
    """Take the lock until the transaction ends; return whether it was free.

    Raises _LockedError where that is known by an error, after which the transaction must end.
    """
    if connection.execute(_HISTORY_EXISTS).fetchone() == (False,):
        # Nobody has rights here yet. A database that has tables is locked by one of them, because
        # every role may take an advisory lock.
        return connection.execute(
            "select pg_try_advisory_xact_lock(%s)", [_CREATION_LOCK]
        ).fetchone() == (True,)
    try:
        connection.execute(_LOCK)
    except psycopg.errors.LockNotAvailable:
        raise _LockedError from None
    return True


def _holder(connection: psycopg.Connection) -> str:
    pids = [pid for (pid,) in connection.execute(_HOLDERS, [_CREATION_LOCK]).fetchall()]
    for who in _sessions(connection, pids):
        return f"Waiting for another migration: {who}."
    return "Waiting for another migration, which is about to end."


def _sessions(connection: psycopg.Connection, pids: Sequence[int]) -> list[str]:
    return [
        f"Postgres process {pid} of {login or 'nobody'} ({application or 'no name'})"
        + ("" if since is None else f", since {since:%Y-%m-%d %H:%M:%S} UTC")
        for pid, login, application, since in connection.execute(_SESSIONS, [list(pids)])
    ]


def _warnings_to(announce: Callable[[str], None]) -> Callable[[psycopg.errors.Diagnostic], None]:
    said: set[str | None] = set()

    def handle(diagnostic: psycopg.errors.Diagnostic) -> None:
        message = diagnostic.message_primary
        # A run that is tried again warns again.
        if diagnostic.severity_nonlocalized == "WARNING" and message not in said:
            said.add(message)
            announce(f"Warning: {message}.")

    return handle


class _Waits:
    """Reports which sessions a run waits for, each once: a reader of a table keeps it from being
    changed.
    """

    def __init__(self, url: str, announce: Callable[[str], None] | None) -> None:
        self._url = url
        self._announce = announce
        self._said: set[int] = set()
        self._gave_way = False

    def give_way(self) -> None:
        """Let those go on who wait behind the run that was rolled back."""
        if self._announce is not None and not self._gave_way:
            self._announce(
                f"Rolled back, so that consumers do not wait behind it. Trying again every"
                f" {_RETRY_SECONDS:g} s."
            )
        self._gave_way = True
        time.sleep(_RETRY_SECONDS)

    @contextmanager
    def announced(self, connection: psycopg.Connection) -> Iterator[None]:
        """While the block runs, report which sessions this one waits for."""
        row = connection.execute("select pg_backend_pid()").fetchone()
        if self._announce is None or row is None:
            yield
            return
        over = threading.Event()
        watcher = threading.Thread(
            target=self._watch, args=(row[0], self._announce, over), name="migrate-waits"
        )
        watcher.daemon = True
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()

    def _watch(self, pid: int, announce: Callable[[str], None], over: threading.Event) -> None:
        if over.wait(_WATCH_SECONDS):
            return
        # What is wrong with the database, the run itself reports.
        with (
            suppress(BelowTheLineError, psycopg.Error),
            connect(
                self._url, application_name="btl migrate, waits", autocommit=True
            ) as connection,
        ):
            while True:
                for relation, blockers in connection.execute(_WAITS, {"pid": pid}).fetchall():
                    new = sorted(set(blockers) - self._said)
                    for blocker, who in zip(new, _sessions(connection, new), strict=False):
                        announce(
                            f"Waiting for {who}, which uses {relation or 'what is changed'}. It can"
                            f" be ended: select pg_terminate_backend({blocker})."
                        )
                    self._said.update(new)
                if over.wait(_WATCH_SECONDS):
                    return


def _history(connection: psycopg.Connection, database: str) -> dict[str, str]:
    """Return the digests of the files applied, by name. Raises BelowTheLineError for a database
    that was made before release 0.1.0.
    """
    if connection.execute(_MADE_BEFORE_RELEASES).fetchone() == (True,):
        raise BelowTheLineError(
            f"The database {database} was made before release 0.1.0 and cannot be migrated.",
            "Locally: `btl reset`, then `btl up`. Elsewhere: run `btl migrate` on an empty database"
            " and let the consumers read the topics from the beginning.",
        )
    if connection.execute(_HISTORY_EXISTS).fetchone() == (False,):
        return {}
    return dict(connection.execute(_APPLIED).fetchall())


def _in_transaction(
    connection: psycopg.Connection, schema: Schema, database: str
) -> tuple[list[str], SchemaFile | None]:
    """Apply all that is pending, up to a migration that cannot run in a transaction.

    Returns the names of the files applied, and that migration.
    """
    history = _history(connection, database)
    todo = pending(schema, history, database)
    if history and todo:
        connection.execute(_AS_OWNER)
    done: list[SchemaFile] = []
    for file in takewhile(lambda file: file.in_transaction, todo):
        if file.as_migrating_role:
            connection.execute(_AS_MIGRATING_ROLE)
        with _readable(file, database):
            connection.execute(file.content)
        if file.as_migrating_role:
            connection.execute(_AS_OWNER)
        done.append(file)
    outside = todo[len(done)] if len(done) < len(todo) else None
    if outside is None:
        done += _repeat(connection, schema, history, database)
    _record(connection, done)
    return [file.name for file in done], outside


def _outside_transaction(connection: psycopg.Connection, file: SchemaFile, database: str) -> None:
    """Apply a migration of one statement. A run that was killed may have left an index that is
    not valid: it is dropped first.
    """
    with _readable(file, database):
        for name, qualified in connection.execute(_INVALID_INDEXES).fetchall():
            if re.search(rf"\b{re.escape(name)}\b".encode(), file.content):
                connection.execute(f"drop index concurrently {qualified}".encode())
        connection.execute(file.content)
    with connection.transaction():
        connection.execute(_AS_OWNER)
        _record(connection, [file])


def _repeat(
    connection: psycopg.Connection, schema: Schema, history: Mapping[str, str], database: str
) -> list[Repeatable]:
    """Apply the repeatable files that changed, or whose object is missing. Returns them."""
    objects = _objects(connection)
    unknown = set(history) - set(schema.files)
    _reject_unknown(
        schema,
        [name for name in unknown if _is_routine(name) and object_of(name) in objects],
        database,
    )
    due = {
        file
        for file in schema.repeatables
        if file.object not in objects or history.get(file.name) != file.sha256
    }
    if due or unknown:
        connection.execute(_AS_OWNER)
        connection.execute(_FORGET, [list(unknown)])
    done = []
    for file in schema.repeatables:
        if file in due:
            with _readable(file, database):
                due |= _replace(connection, schema, file, objects)
            done.append(file)
    return done


def _replace(
    connection: psycopg.Connection,
    schema: Schema,
    file: Repeatable,
    objects: dict[str, list[str]],
) -> set[Repeatable]:
    """Apply one file. Where Postgres cannot replace what is there (a view's columns changed, a
    function's parameters), drop it first, together with what depends on it, and return the files
    that make those again.
    """
    if not _is_routine(file.name) or file.object not in objects:
        connection.execute(file.statements)
        return set()
    try:
        with connection.transaction():
            connection.execute(file.statements)
            _require_one(connection, file)
        return set()
    except (psycopg.errors.InvalidTableDefinition, psycopg.errors.InvalidFunctionDefinition):
        dependents = schema.dependents(file)
    for dependent in (*reversed(dependents), file):
        if _is_routine(dependent.name):
            for statement in objects.pop(dependent.object, ()):
                connection.execute(statement.encode())
    connection.execute(file.statements)
    return set(dependents)


def _require_one(connection: psycopg.Connection, file: Repeatable) -> None:
    """Raise InvalidFunctionDefinition if the new text made a second function beside the old one."""
    if len([row for row in connection.execute(_OBJECTS).fetchall() if row[0] == file.object]) > 1:
        raise psycopg.errors.InvalidFunctionDefinition(f"two functions {file.object}")


def _objects(connection: psycopg.Connection) -> dict[str, list[str]]:
    """Return the statements that drop each function, view and table of our schemas, by name."""
    found: dict[str, list[str]] = {}
    for name, drops in connection.execute(_OBJECTS).fetchall():
        found.setdefault(name, []).extend(drops)
    return found


def _record(connection: psycopg.Connection, files: Sequence[SchemaFile]) -> None:
    if files:
        connection.execute(
            _RECORD, [[file.name for file in files], [file.sha256 for file in files]]
        )


@contextmanager
def _readable(file: SchemaFile, database: str) -> Iterator[None]:
    """Turn an error of Postgres into one that names the file, unless the file did not cause it."""
    try:
        yield
    except (psycopg.errors.InsufficientPrivilege, *_IN_THE_WAY):
        raise
    except psycopg.Error as error:
        detail = f" ({error.diag.message_detail})" if error.diag.message_detail else ""
        raise BelowTheLineError(
            f"sql/{file.name} failed on {database}: {error.diag.message_primary or error}{detail}.",
            "Fix the cause and run `btl migrate` again: it resumes where this run stopped.",
        ) from error
