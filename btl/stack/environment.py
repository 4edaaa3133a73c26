"""The settings by which other programs reach a stack."""

import shlex
from collections.abc import Mapping

from btl.stack import airflow, erasure, postgres
from btl.stack.layout import Layout
from btl.stack.ports import HOST
from btl.stack.secrets import secret
from btl.stack.state import Choice, External, load


def connections(layout: Layout, choice: Choice) -> dict[str, str]:
    """Return the settings of a stack as environment variables.

    The database URL is the owner's, which is meant for people and tests.
    """
    found = {"BTL_HOME": str(layout.home), "BTL_ENV_HOME": str(layout.home)}
    if choice.external.database_url is not None:
        found["BTL_DATABASE_URL"] = choice.external.database_url
    elif choice.has_database:
        port = choice.ports["postgres"]
        found["BTL_DATABASE_URL"] = postgres.url(layout, port, "btl_owner")
        found["BTL_READER_DATABASE_URL"] = postgres.url(layout, port, "btl_reader")
        found["BTL_MODERATOR_DATABASE_URL"] = postgres.url(layout, port, "btl_moderator")
        # With the database: what is erased there is erased with this key.
        found["BTL_ERASURE_KEY"] = secret(layout.secrets, erasure.ERASURE_SECRET)
    if choice.external.kafka_bootstrap is not None:
        found["BTL_KAFKA_BOOTSTRAP"] = choice.external.kafka_bootstrap
    elif choice.runs_kafka:
        found["BTL_KAFKA_BOOTSTRAP"] = f"{HOST}:{choice.ports['kafka']}"
    if choice.external.airflow_url is not None:
        found["BTL_AIRFLOW_URL"] = choice.external.airflow_url
    elif choice.runs_airflow:
        found["BTL_AIRFLOW_URL"] = airflow.url(choice.ports["airflow"])
        found["BTL_AIRFLOW_USER"] = airflow.USER
        found["BTL_AIRFLOW_PASSWORD"] = airflow.password(layout)
    return found


def required_secrets(choice: Choice) -> list[str]:
    """Return the names of the secrets in `connections` that only ``btl up`` can put into force."""
    if not choice.has_database:
        return []
    return [f"database_{role}" for role in ("btl_owner", "btl_reader", "btl_moderator")]


def exports(variables: Mapping[str, str]) -> str:
    """Return the variables as lines for ``eval`` in a POSIX shell, with any characters quoted."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())


def elsewhere(surroundings: Mapping[str, str]) -> External:
    """Return the services that the user set to be used instead of the stack's own.

    Addresses that `btl env` exported into a shell do not count: they are those of a stack, which
    ``BTL_ENV_HOME`` names.
    """
    ours: dict[str, str] = {}
    home = surroundings.get("BTL_ENV_HOME")
    if home:
        layout = Layout.of(home)
        choice = load(layout.state)
        ours = {} if choice is None or not layout.secrets.is_dir() else connections(layout, choice)
        if choice is not None:
            # Addresses from elsewhere, with which that stack was started, still count.
            ours = {
                name: value
                for name, value in ours.items()
                if value not in vars(choice.external).values()
            }

    def given(name: str) -> str | None:
        value = surroundings.get(name) or None
        return None if value == ours.get(name) else value

    return External(
        database_url=given("BTL_DATABASE_URL"),
        kafka_bootstrap=given("BTL_KAFKA_BOOTSTRAP"),
        airflow_url=given("BTL_AIRFLOW_URL"),
    )
