"""The settings of a command: from the environment, or else from the local stack that runs."""

from functools import cache

from pydantic import SecretStr

from below_the_line.settings import Settings, from_environment


@cache
def settings() -> Settings:
    """Return the settings of this process, read on first use.

    The environment comes first. If it names no database and no brokers, or those of the local stack
    in BTL_HOME, the other settings are those of that stack, if it runs: commands work after
    ``btl up`` without more. Raises BelowTheLineError with the name of a variable that is wrong.
    """
    found = from_environment()
    if (
        found.database_url is not None and found.kafka_bootstrap is not None
    ) or not found.home.is_dir():
        return found
    try:
        from btl.stack.stack import running_environment
    except ModuleNotFoundError:
        # Installed without the extra [local]: there is no local stack.
        return found
    connections = running_environment(found.home)
    if not connections:
        return found
    given = {"BTL_DATABASE_URL": found.database_url, "BTL_KAFKA_BOOTSTRAP": found.kafka_bootstrap}
    if any(
        value is not None and _place(name, value) != _place(name, connections.get(name))
        for name, value in given.items()
    ):
        # Another system than the stack: do not mix the two.
        return found
    fields = {
        name: connections[variable]
        for name in type(found).model_fields
        if (variable := f"BTL_{name.upper()}") in connections and name not in found.model_fields_set
    }
    return Settings.of_stack(fields)


def _place(variable: str, value: str | SecretStr | None) -> str | None:
    """Return the server and the database of a database's URL; any other address as it is."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if text is None or variable != "BTL_DATABASE_URL":
        return text
    # Not at the top: psycopg is slow to import, and few commands come here.
    from below_the_line.database.connections import describe

    return describe(text)
