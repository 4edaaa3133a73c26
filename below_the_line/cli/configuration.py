"""The settings of a command: what the environment says, or else those of the local stack that runs beside it."""

from functools import cache

from below_the_line.settings import Settings, from_environment


@cache
def settings() -> Settings:
    """The settings of this process, read on first use. Raises BelowTheLineError naming the variable that is wrong.

    What the environment says counts. Where it names neither a database nor brokers, or those of the local stack in BTL_HOME,
    what it leaves out is taken from that stack if it is running, so that commands work beside ``btl up`` without further ado.
    """
    found = from_environment()
    if (found.database_url is not None and found.kafka_bootstrap is not None) or not found.home.is_dir():
        return found
    try:
        from below_the_line.local.stack import running_environment
    except ModuleNotFoundError:
        # Installed without the extra [local]: then there is no local stack to ask.
        return found
    connections = running_environment(found.home)
    database = found.database_url and found.database_url.get_secret_value()
    if any(
        given not in (None, connections.get(variable))
        for given, variable in ((database, "BTL_DATABASE_URL"), (found.kafka_bootstrap, "BTL_KAFKA_BOOTSTRAP"))
    ):
        # Another system than the stack: the two are not mixed.
        return found
    fields = {
        name: connections[variable]
        for name in type(found).model_fields
        if (variable := f"BTL_{name.upper()}") in connections and name not in found.model_fields_set
    }
    return Settings(**fields)  # type: ignore[arg-type]
