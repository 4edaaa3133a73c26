"""The settings that all processes must agree on. The database keeps them, not each environment.

Days that are cut by two time zones, or a closing run that waits for another consumer group, are
wrong without an error. So the first `btl migrate` (or `btl up`) writes these settings into the
database, every process reads them there, and one whose environment says something else is rejected.
A database that has no such settings yet takes those of the process.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row
from pydantic import ValidationError

from below_the_line.database.channels import MARKED_ARTICLES_CHANNEL
from below_the_line.errors import BelowTheLineError
from below_the_line.metrics.units import METRICS_LOCK
from below_the_line.resources import sql
from below_the_line.settings import SITE_SETTINGS, Settings, variable

_LOCK = "lock table below_the_line.settings in share row exclusive mode"


@dataclass(frozen=True, slots=True)
class SiteSetting:
    """One setting: a row of ``below_the_line.settings``."""

    name: str
    value: str
    set_at: datetime
    set_by: str
    note: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a change of a setting does."""

    name: str
    before: str
    after: str
    articles: int = 0
    """Articles marked: their days are cut by another time zone."""
    days: int = 0
    """Days of sections and sites marked for the same reason."""
    windows: int = 0
    """Closed discussions marked: the next closing run looks when their figures become final."""
    positions: int | None = None
    """Partitions that the new consumer group has a position in; None: another setting."""

    @property
    def effects(self) -> list[str]:
        """Return in sentences what follows from it."""
        match self.name:
            case "site_timezone":
                return [
                    f"{self.articles:,} articles and {self.days:,} days of sections and sites are"
                    " cut by another time zone. They are marked: the next runs of article_metrics"
                    " compute them, in the new one.",
                ]
            case "grace":
                return [
                    f"{self.windows:,} closed discussions have figures that are not final yet. The"
                    " next closing run looks again when they become final.",
                ]
            case "close_delay":
                return ["It counts from the next closing run on. Nothing is computed again."]
            case name if name.startswith("retention_"):
                return [
                    "It counts from the next run of the DAG retention or `btl retention apply` on."
                    " `btl retention show` says what goes then."
                ]
            case _:
                reads = (
                    f"It has positions in {self.positions} partitions: consumers go on there."
                    if self.positions
                    else "It has no positions: consumers read all topics from their start. Nothing"
                    " is counted twice by that."
                )
                return [reads, "Restart the consumers. Closing waits until they have caught up."]


def current(connection: psycopg.Connection) -> dict[str, SiteSetting]:
    """Return the settings of the database by name. Those that were never set are not in it."""
    # Its own transaction, or a part of the open one: an idle connection stays idle.
    with connection.transaction(), connection.cursor(row_factory=class_row(SiteSetting)) as cursor:
        return {each.name: each for each in cursor.execute(sql("settings/current.sql")).fetchall()}


def history(connection: psycopg.Connection) -> list[SiteSetting]:
    """Return all settings that ever held, the last one last."""
    with connection.transaction(), connection.cursor(row_factory=class_row(SiteSetting)) as cursor:
        return cursor.execute(sql("settings/history.sql")).fetchall()


def agreed(settings: Settings, connection: psycopg.Connection) -> Settings:
    """Return these settings with those of the database.

    Raises BelowTheLineError if the environment says something else than the database.
    """
    stored = current(connection)
    _require_agreement(given_by(settings), stored)
    return settings.model_copy(
        update={SITE_SETTINGS[name]: _parsed(name, each.value) for name, each in stored.items()}
    )


def given_by(settings: Settings) -> dict[str, str]:
    """Return the site settings that are given in these settings. Defaults do not count."""
    return {
        name: str(getattr(settings, field))
        for name, field in SITE_SETTINGS.items()
        if field in settings.model_fields_set
    }


def given_in(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the site settings that an environment gives.

    Raises BelowTheLineError for a wrong value.
    """
    return {
        name: str(_parsed(name, value))
        for name in SITE_SETTINGS
        if (value := environment.get(variable(name)))
    }


def _require_agreement(given: Mapping[str, str], stored: Mapping[str, SiteSetting]) -> None:
    others = [
        (name, value, stored[name])
        for name, value in given.items()
        if name in stored and stored[name].value != value
    ]
    if not others:
        return
    raise BelowTheLineError(
        " ".join(
            f"{variable(name)} is {value} in the environment, but {each.value} in the database"
            f" (set by {each.set_by}, {each.set_at:%Y-%m-%d %H:%M} UTC)."
            for name, value, each in others
        ),
        f"Unset {' and '.join(variable(name) for name, *_ in others)}: all processes take the"
        " value of the database. To change it for all of them: "
        + ", ".join(f"`btl settings set {name} {value}`" for name, value, _ in others)
        + ".",
    )


def establish(connection: psycopg.Connection, given: Mapping[str, str]) -> list[SiteSetting]:
    """Write the settings that the database does not have yet. Return them.

    Of each: what is ``given``, else what the database was used with before it had settings, else
    the default. Safe to repeat, and by two at once. Needs an idle connection of the owner, or of a
    role that may become the owner. Raises BelowTheLineError if something else is given than the
    database has.
    """
    stored = current(connection)
    _require_agreement(given, stored)
    if stored.keys() >= SITE_SETTINGS.keys():
        return []
    with connection.transaction():
        connection.execute("set local role btl_owner")
        connection.execute(METRICS_LOCK)
        connection.execute(_LOCK)
        stored = current(connection)
        _require_agreement(given, stored)
        missing = [name for name in SITE_SETTINGS if name not in stored]
        if not missing:
            return []
        in_use = _in_use(connection)
        for name in missing:
            default = str(Settings.model_fields[SITE_SETTINGS[name]].default)
            value, note = default, "default"
            if name in given:
                value, note = given[name], f"{variable(name)} in the environment"
            elif in_use.get(name) is not None:
                value, note = str(in_use[name]), "used before the database had settings"
            _write(connection, name, value, "btl migrate", note)
        found = current(connection)
        if "site_timezone" in missing:
            _mark_other_zones(connection, found["site_timezone"].value)
        return [found[name] for name in missing]


def change(
    connection: psycopg.Connection,
    name: str,
    value: str,
    *,
    by: str,
    note: str,
    dry_run: bool = False,
) -> Change:
    """Change a setting, mark what must be computed again, and return what that is.

    Safe beside consumers, closing runs and metrics runs: a metrics run that computes at the same
    time has finished its bucket before, or uses the new time zone. With ``dry_run`` nothing stays.
    Needs an idle connection of the owner, or of a role that may become the owner. Raises
    BelowTheLineError for an unknown name or a wrong value.
    """
    if name not in SITE_SETTINGS:
        raise BelowTheLineError(
            f"There is no setting {name!r} in the database.",
            f"The settings there are {', '.join(SITE_SETTINGS)}.",
        )
    after = str(_parsed(name, value))
    with connection.transaction(force_rollback=dry_run):
        connection.execute("set local role btl_owner")
        if name == "site_timezone":
            connection.execute(METRICS_LOCK)
        connection.execute(_LOCK)
        stored = current(connection).get(name)
        before = (
            str(Settings.model_fields[SITE_SETTINGS[name]].default)
            if stored is None
            else stored.value
        )
        if stored is None or stored.value != after:
            _write(connection, name, after, by, note)
        match name:
            case "site_timezone":
                articles, days = _mark_other_zones(connection, after)
                return Change(name, before, after, articles=articles, days=days)
            case "grace" if before != after:
                marked = connection.execute(sql("settings/mark_unfinished_windows.sql"))
                return Change(name, before, after, windows=marked.rowcount)
            case "consumer_group":
                (positions,) = connection.execute(
                    sql("settings/positions_of_group.sql"), {"consumer_group": after}
                ).fetchone() or (0,)
                return Change(name, before, after, positions=positions)
            case _:
                return Change(name, before, after)


def _write(connection: psycopg.Connection, name: str, value: str, by: str, note: str) -> None:
    connection.execute(
        sql("settings/set.sql"), {"name": name, "value": value, "set_by": by, "note": note}
    )


def _mark_other_zones(connection: psycopg.Connection, time_zone: str) -> tuple[int, int]:
    articles, days = (
        connection.execute(sql(f"settings/{statement}.sql"), {"time_zone": time_zone}).rowcount
        for statement in ("mark_other_time_zones", "mark_other_days")
    )
    if articles:
        connection.execute(f"notify {MARKED_ARTICLES_CHANNEL}".encode())
    return articles, days


def _in_use(connection: psycopg.Connection) -> dict[str, str | None]:
    cursor = connection.execute(sql("settings/in_use.sql"))
    row = cursor.fetchone()
    names = [column.name for column in cursor.description or ()]
    return {} if row is None else dict(zip(names, row, strict=True))


def _parsed(name: str, value: str) -> str | int:
    """Return a value as ``Settings`` has it. Raises BelowTheLineError if it is wrong."""
    field = SITE_SETTINGS[name]
    alias = Settings.model_fields[field].alias or field
    try:
        parsed: str | int = getattr(Settings.model_validate({alias: value}), field)
    except ValidationError as error:
        raise BelowTheLineError(
            f"{variable(name)} can't be {value!r}: {error.errors()[0]['msg']}.", "Correct it."
        ) from None
    return parsed
