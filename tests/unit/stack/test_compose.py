"""docker-compose.yml, Dockerfile and deploy/ against the Compose specification and against the
code.
"""

import importlib.util
import json
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema_rs
import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema  # type: ignore[import-untyped]
from typer import Context
from typer.main import get_command

from below_the_line.database.roles import CONNECTION_LIMIT, LIMITS, READING_ROLES, STAGING_ROLES
from below_the_line.settings import SITE_SETTINGS, Settings
from below_the_line.settings import variable as variable_of
from btl.cli.main import app
from btl.stack import airflow, kafka, postgres

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "docker-compose.yml").read_text()
ONE_SHOT = {"migrate", "topics", "airflow-init"}
# `${NAME}`, `${NAME:-default}`, `${NAME:?message}`
REFERENCE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


@cache
def _compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(TEXT)
    return document


def _services() -> dict[str, dict[str, Any]]:
    services: dict[str, dict[str, Any]] = _compose()["services"]
    return services


def _environments() -> Iterator[tuple[str, str, str]]:
    for name, service in _services().items():
        for variable, value in service.get("environment", {}).items():
            yield name, variable, str(value)


def test_the_file_is_valid_by_the_compose_specification() -> None:
    schema = get_builtin_schema("vendor.compose-spec")
    validator = jsonschema_rs.Draft202012Validator(schema)

    assert [error.message for error in validator.iter_errors(_compose())] == []
    assert list(validator.iter_errors(_compose() | {"services": {"x": {"imagee": "y"}}})), (
        "the schema does refuse"
    )


def test_every_setting_is_one_of_the_code() -> None:
    known = {field.alias or f"BTL_{name.upper()}" for name, field in Settings.model_fields.items()}

    used = {variable for _, variable, _ in _environments() if variable.startswith("BTL_")}

    assert used <= known
    assert {"BTL_DATABASE_URL", "BTL_KAFKA_BOOTSTRAP", "BTL_CLOSE_DELAY", "BTL_GRACE"} <= used


def test_defaults_of_settings_are_those_of_the_code() -> None:
    defaults = {
        # An empty variable counts as not set.
        field.alias or f"BTL_{name.upper()}": "" if field.default is None else str(field.default)
        for name, field in Settings.model_fields.items()
    }
    # The database keeps these: a default here would speak against it.
    defaults |= dict.fromkeys(map(variable_of, SITE_SETTINGS), "")
    written = {
        variable: match[3]
        for _, variable, value in _environments()
        if (match := REFERENCE.fullmatch(value)) and match[2] == "-" and variable.startswith("BTL_")
    }

    assert written
    assert written == {variable: defaults[variable] for variable in written}


def test_airflow_is_set_up_as_in_the_local_stack() -> None:
    expected = {f"AIRFLOW__{name}": value for name, value in airflow._SETTINGS.items()}

    for name in airflow.NAMES:
        found = _services()[name]["environment"]
        assert {variable: found.get(variable) for variable in expected} == expected
        assert tuple(_services()[name]["command"]) == airflow._COMPONENTS[name][0]


def test_kafka_is_set_up_as_in_the_local_stack() -> None:
    local = dict(line.split("=", 1) for line in kafka.configuration(9092, 9093).splitlines())
    ours = {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in local.items()}
    found = _services()["kafka"]["environment"]
    shared = {
        name
        for name in ours
        if name.endswith(("_FACTOR", "_ISR", "_ENABLE", "_DELAY_MS"))
        and name != "KAFKA_DELETE_TOPIC_ENABLE"
    }

    assert {name: found.get(name) for name in shared} == {name: ours[name] for name in shared}
    assert _services()["kafka"]["image"] == f"apache/kafka:{kafka.VERSION}"


def test_each_service_has_the_role_that_it_needs_and_no_other() -> None:
    roles = {
        name: match[1]
        for name, variable, value in _environments()
        if variable == "BTL_DATABASE_URL" and (match := re.match(r"postgresql://(\w+):", value))
    }

    assert roles == {
        "migrate": "btl_owner",
        "consumer": "btl_ingest",
        **dict.fromkeys([*airflow.NAMES, "airflow-init"], "btl_scheduler"),
    }
    connections = {
        variable: json.loads(REFERENCE.sub("secret", value))
        for _, variable, value in _environments()
        if variable.startswith("AIRFLOW_CONN_")
    }
    own = connections.pop("AIRFLOW_CONN_BTL_AIRFLOW")
    assert own["password"] == "postgresql+psycopg://airflow:secret@postgres:5432/airflow"
    assert {name: connection["login"] for name, connection in connections.items()} == {
        "AIRFLOW_CONN_BTL": "btl_scheduler",
        "AIRFLOW_CONN_BTL_REDRIVE": "btl_redrive",
        "AIRFLOW_CONN_BTL_ERASE": "btl_erase",
    }


def test_the_log_of_postgres_is_as_private_as_in_the_local_stack() -> None:
    options = _services()["postgres"]["command"]

    assert {f"{name}={value}" for name, value in postgres.PRIVATE_LOG.items()} <= {*options}


def test_the_roles_script_makes_the_roles_of_the_code() -> None:
    script = (ROOT / "deploy" / "postgres" / "roles.sh").read_text()

    assert set(re.findall(r"create role (\w+) login", script)) == {
        *postgres.ROLES,
        postgres.AIRFLOW_ROLE,
    }
    assert set(re.findall(r"create database (\w+)", script)) == {
        postgres.DATABASE,
        postgres.AIRFLOW_DATABASE,
    }
    for role in READING_ROLES:
        assert f"alter role {role} connection limit {CONNECTION_LIMIT};\n" in script
        assert dict(re.findall(rf"alter role {role} set (\w+) = '(\w+)';", script)) == LIMITS
    assert set(re.findall(r"grant temporary on database \w+ to (.*);", script)) == {
        ", ".join(STAGING_ROLES)
    }
    needed = re.findall(r"^\\getenv \w+ (\w+)$", script, re.MULTILINE)
    assert len(needed) == len(postgres.ROLES) + 1
    assert set(needed) < set(_services()["postgres"]["environment"])
    # Other users of the machine can see the arguments of psql.
    assert "--set=ON_ERROR_STOP=1" in script
    assert not re.search(r"(--set|-v)\b.*PASSWORD", script)


def test_no_secret_is_in_the_file() -> None:
    secret = re.compile(r"PASSWORD|SECRET|FERNET|ERASURE_KEY|SQL_ALCHEMY_CONN|_CONN_|DATABASE_URL")
    for name, variable, value in _environments():
        if not secret.search(variable) or variable.endswith(("_FILE", "_USERS")):
            continue
        bare = REFERENCE.sub(lambda match: "OUTSIDE" if match[2] == "?" else "", value)
        found = re.findall(r"://\w+:([^@]*)@", bare) + re.findall(
            r'"password": "([^":]*)"', bare
        ) or [bare]
        assert found == ["OUTSIDE"], f"{name}: {variable} has to come from outside"


def test_the_example_of_the_environment_names_every_variable() -> None:
    example = (ROOT / "deploy" / "env.example").read_text()
    required = set(re.findall(r"^(\w+)=$", example, re.MULTILINE))
    optional = set(re.findall(r"^#(\w+)=.+$", example, re.MULTILINE))

    used = {match[1]: match[2] for match in REFERENCE.finditer(TEXT)}

    assert required == {name for name, kind in used.items() if kind == "?"}
    assert optional == {name for name, kind in used.items() if kind == "-"}


def test_images_are_pinned() -> None:
    for name, service in _services().items():
        if "build" in service:
            assert service["build"]["target"] in ("btl", "airflow")
        else:
            assert re.search(r":\d+\.\d+(\.\d+)?$", service["image"]), name
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert re.search(r"PYTHON_IMAGE=python:\d+\.\d+\.\d+-", dockerfile)
    assert set(re.findall(r"^FROM .* AS (\w+)$", dockerfile, re.MULTILINE)) >= {"btl", "airflow"}


def test_services_start_in_order_and_are_watched() -> None:
    services = _services()
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            if needed in ONE_SHOT:
                assert how["condition"] == "service_completed_successfully", (
                    f"{name} needs {needed}"
                )
            else:
                assert how["condition"] == "service_healthy", f"{name} needs {needed}"
                assert "healthcheck" in services[needed]
        if name in ONE_SHOT:
            assert str(service["restart"]).startswith("on-failure")
        else:
            assert service["restart"] == "unless-stopped"
            assert "stop_grace_period" in service

    assert {name for name, service in services.items() if "healthcheck" not in service} == set(
        ONE_SHOT
    )
    assert set(services["consumer"]["depends_on"]) == {"migrate", "topics"}


def test_data_outlive_the_containers_and_ports_are_open_to_this_machine_only() -> None:
    named = {
        volume.split(":")[0]
        for service in _services().values()
        for volume in service.get("volumes", [])
        if not volume.startswith(".")
    }

    assert named == set(_compose()["volumes"])
    for service in _services().values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_the_images_commands_exist() -> None:
    for name in ("migrate", "topics", "consumer"):
        found: Any = get_command(app)
        for word in _services()[name]["command"]:
            _, found, _ = found.resolve_command(Context(found), [word])


def test_the_image_is_built_of_everything_that_the_package_holds() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {
        *wheel["packages"],
        *wheel["force-include"],
        "pyproject.toml",
        project["project"]["readme"],
        *project["project"]["license-files"],
    }
    copied = set(re.findall(r"^COPY (.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    copied = {word for words in copied for word in words.split()}
    sent = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }

    assert needed <= copied
    assert {path.split("/")[0] for path in copied} <= sent


@pytest.fixture
def health() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "airflow_health", ROOT / "deploy" / "airflow_health.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_health_check_believes_the_api_server(health: ModuleType) -> None:
    answer = {"metadatabase": {"status": "healthy"}, "scheduler": {"status": "unhealthy"}}

    assert health.well(answer, "api_server")
    assert not health.well(answer, "scheduler")
    assert not health.well(answer, "triggerer")
    assert health.main("scheduler", "http://127.0.0.1:9") == 1
