"""The roles of the database: their limits, and what each may do by the catalogue."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg import sql as composed

from below_the_line.resources import sql

READING_ROLES: Final = ("btl_reader", "btl_moderator")
"""Roles for people and their tools."""
STAGING_ROLES: Final = (*("btl_owner", "btl_ingest", "btl_redrive", "btl_erase", "btl_scheduler"),)
"""Roles of the services, which stage rows in temporary tables."""
LIMITS: Final[Mapping[str, str]] = {
    "default_transaction_read_only": "on",
    "statement_timeout": "5min",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "1min",
    "idle_session_timeout": "1h",
}
"""Settings of a login that reads: none may hold up others by an accident."""
CONNECTION_LIMIT: Final = 20
"""Connections of such a login at the same time."""


@dataclass(frozen=True, slots=True)
class Login:
    """A login that reads by a role for people."""

    name: str
    reads_as: tuple[str, ...]
    missing: tuple[str, ...]
    """Settings of ``LIMITS`` that it has not, in their order."""
    has_connection_limit: bool

    @property
    def is_limited(self) -> bool:
        """Whether it has all limits."""
        return self.has_connection_limit and not self.missing

    def statements(self) -> list[str]:
        """Return the statements that give it the limits that are missing."""
        name = composed.Identifier(self.name).as_string()
        found = [f"alter role {name} set {each} = '{LIMITS[each]}';" for each in self.missing]
        if not self.has_connection_limit:
            found.append(f"alter role {name} connection limit {CONNECTION_LIMIT};")
        return found


def logins(connection: psycopg.Connection) -> list[Login]:
    """Return the logins that read, by name. A setting counts whatever its value is: a site decides.

    Any role may ask.
    """
    rows = connection.execute(
        sql("roles/logins.sql"),
        {"reading_roles": list(READING_ROLES), "writing_roles": list(STAGING_ROLES)},
    ).fetchall()
    return [
        Login(
            name,
            tuple(reads_as),
            tuple(each for each in LIMITS if each not in settings),
            connection_limit >= 0,
        )
        for name, reads_as, connection_limit, settings in rows
    ]


def temporary_statements(connection: psycopg.Connection) -> list[str]:
    """Return the statements after which the services' roles may make temporary tables here, and
    nobody else: a dump does not carry these rights. None if nothing is to be done.
    """
    rows = connection.execute(
        sql("roles/temporary.sql"), {"roles": [*READING_ROLES, *STAGING_ROLES]}
    ).fetchall()
    may = [role for (role,) in rows]
    lacking = [role for role in STAGING_ROLES if role not in may]
    too_many = [role for role in may if role not in STAGING_ROLES]
    database = composed.Identifier(connection.info.dbname).as_string(connection)
    found = []
    # First: the services may have had the right as everybody has it.
    if lacking:
        found.append(f"grant temporary on database {database} to {', '.join(lacking)};")
    if too_many:
        found.append(f"revoke temporary on database {database} from {', '.join(too_many)};")
    return found
