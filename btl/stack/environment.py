"""The settings by which everything else reaches a stack."""

import shlex
from collections.abc import Mapping

from btl.stack import airflow, postgres
from btl.stack.layout import Layout
from btl.stack.ports import HOST
from btl.stack.state import Choice, External, load


def connections(layout: Layout, choice: Choice) -> dict[str, str]:
    """The settings of a stack as environment variables. The database's owner is meant for people
    and tests.
    """
    found = {"BTL_HOME": str(layout.home), "BTL_ENV_HOME": str(layout.home)}
    if choice.external.database_url is not None:
        found["BTL_DATABASE_URL"] = choice.external.database_url
    elif choice.runs_postgres:
        port = choice.ports["postgres"]
        found["BTL_DATABASE_URL"] = postgres.url(layout, port, "btl_owner")
        found["BTL_READER_DATABASE_URL"] = postgres.url(layout, port, "btl_reader")
        found["BTL_MODERATOR_DATABASE_URL"] = postgres.url(layout, port, "btl_moderator")
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


def exports(variables: Mapping[str, str]) -> str:
    """The variables as lines for ``eval`` in a POSIX shell, whatever characters they hold."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())


def elsewhere(surroundings: Mapping[str, str]) -> External:
    """The services that somebody set to be used instead of the stack's own.

    What `btl env` exported into a shell is none of them: it is the address of a stack, and
    ``BTL_ENV_HOME`` says of which.
    """
    ours: dict[str, str] = {}
    home = surroundings.get("BTL_ENV_HOME")
    if home:
        layout = Layout.of(home)
        choice = load(layout.state)
        ours = {} if choice is None or not layout.secrets.is_dir() else connections(layout, choice)
        if choice is not None:
            # What was given from elsewhere when that stack was started, stays given.
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
