"""The URL of a database: every parameter is used or rejected by name, and no part of a password is
ever shown.
"""

import json
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict
from pydantic import Field, SecretStr
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from below_the_line import settings
from below_the_line.database.connections import (
    connect,
    defaults,
    describe,
    parameters,
    session_parameters,
)
from below_the_line.errors import BelowTheLineError
from below_the_line.quality.gate import _sqlalchemy_url
from below_the_line.settings import Settings, from_environment
from btl.stack.airflow import connection_json
from btl.stack.postgres import binaries
from btl.stack.psql import environment_of, program_for

SECRET = "s3cr3t"
URL = (
    "postgresql://someone:p%40ss@db.example:6432/news?sslmode=verify-full&sslrootcert=/ca.pem"
    "&options=-c%20work_mem%3D64MB&application_name=desk&target_session_attrs=read-write"
)


@pytest.mark.parametrize(
    "url",
    [
        f"postgres:/{SECRET}",
        f"user:{SECRET}@db.example/news",
        f"postgresql://user:{SECRET}/x@db.example/news",
        f"postgresql://user:12/{SECRET}@db.example/news",
        f"postgresql://user:x@{SECRET}@db.example/news",
        f"postgresql://user:%{SECRET}@db.example/news",
        f"postgresql://user:%zz{SECRET}@db.example/news",
        f"postgresql://user:/x?{SECRET}=1@db.example/news",
        f"postgresql://user:/x?{SECRET}@db.example/news",
        f"host=db.example password='{SECRET}",
    ],
)
def test_no_part_of_a_password_is_shown(url: str) -> None:
    with pytest.raises(BelowTheLineError, match=r"BTL_DATABASE_URL is not a Postgres URL") as told:
        connect(url, application_name="btl")
    assert SECRET not in str(told.value)
    with pytest.raises(BelowTheLineError) as told:
        describe(url)
    assert SECRET not in str(told.value)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("postgresql://u:p@h/d?ssl_mode=require", "ssl_mode"),
        ("postgresql://u:p@h/d?sslmode=require&schema=metrics", "schema"),
        ("host=h pasword=p", "pasword"),
    ],
)
def test_a_parameter_that_libpq_does_not_know_is_refused_by_name(url: str, name: str) -> None:
    with pytest.raises(BelowTheLineError, match=rf"does not know: {name}\."):
        parameters(url)


def test_options_of_the_url_are_kept_beside_our_own() -> None:
    own = session_parameters(URL, {"timezone": "UTC", "jit": "off"}, "btl")
    assert own == {
        "options": "-c work_mem=64MB -c timezone=UTC -c jit=off",
        "application_name": "desk",
    }
    assert defaults(f"{URL}&connect_timeout=30", {"connect_timeout": "10", "keepalives": "1"}) == {
        "keepalives": "1"
    }


@pytest.mark.parametrize(
    "options", ["-c timezone=Europe/Vienna", "-ctimezone=CET", "--timezone=CET"]
)
def test_a_setting_of_our_own_in_the_options_is_refused_by_name(options: str) -> None:
    url = f"host=h options='{options}'"
    with pytest.raises(BelowTheLineError, match=r"set timezone, which btl consume sets itself"):
        session_parameters(url, {"timezone": "UTC"}, "btl consume")


def test_psql_gets_every_parameter_by_its_environment() -> None:
    assert environment_of(URL) == {
        "PGHOST": "db.example",
        "PGPORT": "6432",
        "PGUSER": "someone",
        "PGPASSWORD": "p@ss",
        "PGDATABASE": "news",
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": "/ca.pem",
        "PGOPTIONS": "-c work_mem=64MB",
        "PGAPPNAME": "desk",
        "PGTARGETSESSIONATTRS": "read-write",
    }
    with pytest.raises(BelowTheLineError, match=r"cannot be given keepalives of"):
        environment_of("postgresql://h/d?keepalives=0")


def test_a_psql_that_cannot_encrypt_is_not_used_where_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for wanted in ("sslmode=require", "sslmode=verify-full", "sslrootcert=/ca.pem"):
        with pytest.raises(BelowTheLineError, match=r"cannot encrypt.*PGSSL.*client"):
            program_for(environment_of(f"postgresql://h/d?{wanted}"))
    for wanted in ("sslmode=prefer", "sslmode=disable", "options=-cjit%3Doff"):
        packaged = program_for(environment_of(f"postgresql://h/d?{wanted}"))
        assert packaged == str(binaries() / "psql")
    installed = tmp_path / "psql"
    installed.write_text("")
    installed.chmod(0o755)
    assert program_for(environment_of(URL)) == str(installed)


@pytest.mark.parametrize("name", ["pg_dump", "pg_restore"])
def test_what_refuses_a_newer_server_is_that_of_the_stack_unless_it_must_encrypt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    encrypted = environment_of("postgresql://h/d?sslmode=require")
    with pytest.raises(BelowTheLineError, match=f"The {name} of .* cannot encrypt"):
        program_for(encrypted, name)
    installed = tmp_path / name
    installed.write_text("")
    installed.chmod(0o755)
    packaged = program_for(environment_of("postgresql://h/d"), name)
    assert packaged == str(binaries() / name)
    assert Path(packaged).is_file()
    assert program_for(encrypted, name) == str(installed)


SEVERAL_HOSTS = "postgresql://u:p@one:1,two:2/news?target_session_attrs=read-write"


def test_great_expectations_gets_every_parameter_and_one_host() -> None:
    engine = create_engine(make_url(_sqlalchemy_url(URL)))
    _, given = engine.dialect.create_connect_args(engine.url)
    given["port"] = str(given["port"])
    given.pop("context", None)
    assert given == conninfo_to_dict(URL)
    with pytest.raises(BelowTheLineError, match=r"takes one host"):
        _sqlalchemy_url(SEVERAL_HOSTS)


@pytest.mark.parametrize("url", [URL, SEVERAL_HOSTS])
def test_airflow_gets_every_parameter(url: str) -> None:
    described = json.loads(connection_json(url))
    extra = described.pop("extra")
    fields = {"login": "user", "schema": "dbname"}
    assert extra | {
        fields.get(name, name): str(value)
        for name, value in described.items()
        if name != "conn_type"
    } == conninfo_to_dict(url)


def test_a_wrong_setting_shows_what_it_is_unless_it_is_a_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BTL_HTTP_PORT", "many")
    with pytest.raises(BelowTheLineError, match=r"BTL_HTTP_PORT is not usable: .*\(got 'many'\)"):
        from_environment()
    monkeypatch.delenv("BTL_HTTP_PORT")

    class Stricter(Settings):
        database_url: SecretStr | None = Field(default=None, min_length=100)

    monkeypatch.setattr(settings, "Settings", Stricter)
    monkeypatch.setenv("BTL_DATABASE_URL", SECRET)
    with pytest.raises(BelowTheLineError, match=r"BTL_DATABASE_URL is not usable") as told:
        from_environment()
    assert SECRET not in str(told.value)
