"""What a user does wrong gets one clear line with the cure and a non-zero exit, from every command,
and never a traceback.
"""

import os
import subprocess
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from btl.stack.stack import Stack
from tests.databases import with_database
from tests.pipeline import BTL, Pipeline

pytestmark = pytest.mark.stack

NOWHERE = "127.0.0.1:9"
"""The discard port: nobody listens there."""


def run(folder: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    clean = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "COLUMNS": "400",
        **environment,
    }
    return subprocess.run(
        [*BTL, *arguments],
        env=clean,
        cwd=folder,
        input="",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def assert_one_clear_line(
    done: "subprocess.CompletedProcess[str]", *fragments: str, status: int = 1
) -> None:
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    for fragment in fragments:
        assert fragment in lines[0], lines[0]


@pytest.mark.parametrize(
    ("arguments", "fragments"),
    [
        (("migrate",), ("No database is configured", "btl up")),
        (("consume",), ("No database is configured", "btl up")),
        (("offsets", "show"), ("No database is configured", "btl up")),
        (
            ("offsets", "reset", "articles", "0", "--to", "end"),
            ("No database is configured", "btl up"),
        ),
        (("audit",), ("No database is configured", "btl up")),
        (("breaker", "show"), ("No database is configured", "btl up")),
        (("dead-letters", "list"), ("No database is configured", "btl up")),
        (
            ("dead-letters", "redrive", "--code", "bad_luck"),
            ("'bad_luck' is not a code", "no_value, too_large"),
        ),
        (("produce", "-"), ("No Kafka broker is configured", "btl up")),
        (("simulate", "--events", "100"), ("No Kafka broker is configured", "btl up")),
        (("topics", "create"), ("No Kafka broker is configured", "btl up")),
        (("status",), ("no stack", "btl up")),
        (("env",), ("no stack", "btl up")),
        (("logs",), ("no logs", "btl up")),
        (("psql",), ("no stack", "btl up")),
        (("validate", "missing.jsonl"), ("no file missing.jsonl", "standard input")),
        (("simulate", "--date", "tomorrow"), ("tomorrow", "Write it like")),
        (("demo", "--archive", "nowhere"), ("nowhere/articles.csv", "docs/archives.md")),
    ],
)
def test_what_is_missing_is_named_with_its_cure(
    tmp_path: Path, arguments: tuple[str, ...], fragments: tuple[str, ...]
) -> None:
    assert_one_clear_line(run(tmp_path, *arguments), *fragments)


def test_a_setting_that_is_not_usable_is_named(tmp_path: Path) -> None:
    done = run(tmp_path, "migrate", BTL_SITE_TIMEZONE="Mars/Olympus")
    assert_one_clear_line(done, "BTL_SITE_TIMEZONE", "Mars/Olympus")


@pytest.mark.parametrize("arguments", [("migrate",), ("consume",)])
def test_an_unreachable_database_is_named(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = run(
        tmp_path,
        *arguments,
        BTL_DATABASE_URL=f"postgresql://someone:secret@{NOWHERE}/btl",
        BTL_KAFKA_BOOTSTRAP=NOWHERE,
    )
    assert_one_clear_line(done, f"{NOWHERE}/btl", "btl status")
    assert "secret" not in done.stderr


def test_a_url_that_is_none_is_told(tmp_path: Path) -> None:
    done = run(tmp_path, "migrate", BTL_DATABASE_URL="postgres:/nonsense")
    assert_one_clear_line(done, "BTL_DATABASE_URL", "postgresql://")


def test_a_wrong_password_is_told_without_showing_it(tmp_path: Path, database_url: str) -> None:
    parts = {name: str(value) for name, value in conninfo_to_dict(database_url).items()}
    parts["password"] = "not-the-password"
    done = run(tmp_path, "migrate", BTL_DATABASE_URL=make_conninfo(**parts))
    assert_one_clear_line(done, "password", "BTL_DATABASE_URL")
    assert "not-the-password" not in done.stderr


def test_a_database_that_does_not_exist_is_told(tmp_path: Path, server_url: str) -> None:
    done = run(tmp_path, "migrate", BTL_DATABASE_URL=with_database(server_url, "no_such_database"))
    assert_one_clear_line(done, "no_such_database", "Create the database")


def test_a_role_without_the_right_to_migrate_is_told(
    tmp_path: Path, server_url: str, database_url: str
) -> None:
    parts = {name: str(value) for name, value in conninfo_to_dict(database_url).items()}
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute("drop role if exists btl_nobody")
        server.execute("create role btl_nobody login password 'nobody'")
        server.execute(
            sql.SQL("grant connect on database {} to btl_nobody").format(
                sql.Identifier(parts["dbname"])
            )
        )
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("drop table below_the_line.files")
    parts |= {"user": "btl_nobody", "password": "nobody"}
    try:
        done = run(tmp_path, "migrate", BTL_DATABASE_URL=make_conninfo(**parts))
    finally:
        with psycopg.connect(server_url, autocommit=True) as server:
            server.execute(
                sql.SQL("revoke connect on database {} from btl_nobody").format(
                    sql.Identifier(parts["dbname"])
                )
            )
            server.execute("drop role btl_nobody")
    assert_one_clear_line(done, "No permission to migrate", "owner")


@pytest.mark.parametrize(
    "arguments",
    [
        "audit",
        "breaker accept articles 0",
        "breaker show",
        "consume",
        "dead-letters discard --all",
        "dead-letters list",
        "dead-letters redrive",
        "dead-letters show articles 0 0",
        "explain comment c1 --no-log",
        "export open_reports",
        "metrics drift",
        "metrics rebuild",
        "offsets accept-gap articles 0",
        "offsets reset articles --to start --all-partitions",
        "offsets show",
        "rules set 3d",
    ],
)
def test_a_role_that_may_not_is_told_which_one_may(pipeline: Pipeline, arguments: str) -> None:
    reader = Stack(Path(os.environ["BTL_TEST_HOME"])).database_url("btl_reader")
    database = str(conninfo_to_dict(pipeline.database_url)["dbname"])
    pipeline.environment["BTL_DATABASE_URL"] = with_database(reader, database)
    done = pipeline.btl(*arguments.split())
    told = [line for line in done.stderr.splitlines() if line.startswith("btl:")]
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert len(told) == 1, done.stderr
    assert "permission denied" in told[0] or "in a read-only transaction" in told[0]
    assert "btl_scheduler" in told[0]


def test_an_export_to_a_full_disk_is_told(pipeline: Pipeline) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*BTL, "export", "articles"],
            env=pipeline.environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (
        1,
        (
            "btl: Standard output cannot be written: No space left on device. Make room there, or"
            " choose another place.\n"
        ),
    )


def test_an_unreachable_broker_is_told(tmp_path: Path, database_url: str) -> None:
    done = run(tmp_path, "consume", BTL_DATABASE_URL=database_url, BTL_KAFKA_BOOTSTRAP=NOWHERE)
    assert_one_clear_line(done, NOWHERE, "btl status")


def test_a_topic_that_is_none_is_told(pipeline: Pipeline) -> None:
    assert_one_clear_line(pipeline.btl("consume", "--topic", "gossip"), "gossip", "comment-events")


def test_a_bad_event_is_not_produced(pipeline: Pipeline) -> None:
    done = pipeline.btl("produce", "-", input='{"specversion": "1.0"}\n')
    assert_one_clear_line(done, "Line 1", "--unchecked")


def test_wrong_usage_says_how_and_exits_with_two(tmp_path: Path) -> None:
    done = run(tmp_path, "migrate", "--sideways")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "--sideways" in done.stderr
